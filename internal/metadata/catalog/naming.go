package catalog

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// String is the name as messages show it: without the default schemas.
func (n TableName) String() string {
	if n.Schema == "" || n.Schema == "public" || n.Schema == "dbo" {
		return n.Name
	}
	return n.Schema + "." + n.Name
}

// defaultGraphQLName is the name of a table or function that has no custom one.
func defaultGraphQLName(n TableName) string {
	return strings.ReplaceAll(n.String(), ".", "_")
}

// TypeName is the name of the table's object type, or with parts that of a type
// that comes with it: bool_exp, order_by ….
func (t *Table) TypeName(parts ...string) string {
	base := t.GraphQLName
	if t.Source.Customization.GraphQLDefaultNaming && !t.CustomName {
		base = upperFirst(camelCase(base))
	}
	return t.Source.Customization.wrapType(t.Source.Customization.Join(base, parts...))
}

// SelectColumnName is the name of the enum of the table's columns.
func (t *Table) SelectColumnName() string {
	if t.LogicalModel {
		c := &t.Source.Customization
		return c.wrapType(t.GraphQLName + "_enum_name") // as v2 calls it
	}
	return t.TypeName("select_column")
}

// FieldName is the table's name as root fields are made of it.
func (t *Table) FieldName() string {
	if t.CustomName {
		return t.GraphQLName
	}
	return t.Source.Customization.Word(t.GraphQLName)
}

// FieldName is the name of the column's field.
func (c *Column) FieldName(in *Customization) string {
	if c.CustomName {
		return c.GraphQLName
	}
	return in.Word(c.GraphQLName)
}

// TypeNames are the names of the types that come with the table.
func (t *Table) TypeNames() []string { return t.typeNames }

// derivedTypeNames are the names of the types that come with the table's own.
func (t *Table) derivedTypeNames() []string {
	if t.LogicalModel {
		return []string{t.TypeName("bool_exp"), t.TypeName("order_by"), t.SelectColumnName()}
	}
	parts := []string{"bool_exp", "order_by", "select_column", "stream_cursor_input", "stream_cursor_value_input"}
	if t.Source.Capabilities.Aggregates {
		parts = append(parts, "aggregate", "aggregate_fields", "aggregate_order_by", "aggregate_bool_exp")
	}
	if t.IsEnum {
		parts = append(parts, "enum", "enum_comparison_exp")
	}
	if t.Source.Capabilities.Mutations {
		parts = append(parts, t.writeTypes()...)
	}
	out := make([]string, len(parts))
	for i, part := range parts {
		out[i] = t.TypeName(part)
		if part == updatesPart {
			out[i] = t.UpdatesType()
		}
	}
	return out
}

// updatesPart makes the name of the input type of several updates.
const updatesPart = "updates"

// UpdatesType names the input type of several updates. author_updates is a likely
// name of a table beside author, which in v2 makes both fail: here the input type
// steps aside.
func (t *Table) UpdatesType() string {
	if t.updatesAside {
		return t.TypeName(updatesPart, "input")
	}
	return t.TypeName(updatesPart)
}

// writeTypes are the types that come with a table that can be written.
func (t *Table) writeTypes() []string {
	var parts []string
	if t.Info.Insertable {
		parts = append(parts, "insert_input", "update_column")
		if t.Source.Capabilities.MatchedInserts {
			parts = append(parts, "if_matched", "insert_match_column")
		} else {
			parts = append(parts, "on_conflict", "constraint")
		}
		parts = append(parts, "obj_rel_insert_input", "arr_rel_insert_input")
	}
	if t.Info.Updatable {
		parts = append(parts, "set_input", "inc_input", "append_input", "prepend_input", "delete_key_input", "delete_elem_input",
			"delete_at_path_input", "pk_columns_input", updatesPart)
	}
	if t.Info.Insertable || t.Info.Updatable || t.Info.Deletable {
		parts = append(parts, "mutation_response")
	}
	return parts
}

// RootFieldName is the name of one of the table's root fields, without the
// source's namespace. A name that the metadata gives is kept, but for the
// source's prefix and suffix.
func (t *Table) RootFieldName(kind RootFieldKind) string {
	c := &t.Source.Customization
	name := t.RootFields[kind].Name
	if name == "" {
		name = c.rootName(t.FieldName(), kind)
	}
	return c.RootName(name)
}

func (c *Customization) rootName(base string, kind RootFieldKind) string {
	verb := func(v string) string { return c.Join(v, base) }
	switch kind {
	case RootSelect:
	case RootSelectByPK:
		return c.Join(base, "by_pk")
	case RootSelectAggregate:
		return c.Join(base, "aggregate")
	case RootSelectStream:
		return c.Join(base, "stream")
	case RootInsert:
		return verb("insert")
	case RootInsertOne:
		return c.Join(verb("insert"), "one")
	case RootUpdate:
		return verb("update")
	case RootUpdateByPK:
		return c.Join(verb("update"), "by_pk")
	case RootUpdateMany:
		return c.Join(verb("update"), "many")
	case RootDelete:
		return verb("delete")
	case RootDeleteByPK:
		return c.Join(verb("delete"), "by_pk")
	}
	return base
}

// RootFieldNames are the names of a function's root fields, without the
// source's namespace. As in v2 a name for the rows leaves the aggregate's alone,
// and names that the metadata gives are not spelled in the naming convention.
func (f *Function) RootFieldNames() (rows, aggregate string) {
	c := &f.Source.Customization
	return c.RootName(f.rowsName()), c.RootName(f.derived(f.AggregateName, "aggregate"))
}

// ConnectionName is the name of the root field of a Relay connection of the
// function's rows.
func (f *Function) ConnectionName() string {
	c := &f.Source.Customization
	return c.RootName(c.Join(f.rowsName(), "connection"))
}

// ArgumentsType names the input type of the function's arguments, which all of
// its root fields share.
func (f *Function) ArgumentsType() string {
	return f.Source.Customization.TypeName(f.GraphQLName, "args")
}

func (f *Function) rowsName() string {
	if f.RowsName == "" && !f.CustomName {
		return f.Source.Customization.Word(f.GraphQLName)
	}
	return firstOf(f.RowsName, f.GraphQLName)
}

// derived is a name that the metadata gives, or else one made of the function's.
func (f *Function) derived(given, suffix string) string {
	c := &f.Source.Customization
	switch {
	case given != "":
		return given
	case f.CustomName:
		return f.GraphQLName + "_" + suffix
	}
	return c.Join(c.Word(f.GraphQLName), suffix)
}

// Word spells a name in the source's naming convention.
func (c *Customization) Word(s string) string {
	if c.GraphQLDefaultNaming {
		return camelCase(s)
	}
	return s
}

// EnumValue spells an enum value in the source's naming convention.
func (c *Customization) EnumValue(s string) string {
	if c.GraphQLDefaultNaming {
		return strings.ToUpper(s)
	}
	return s
}

// Join makes one name of several: author, by_pk → author_by_pk or authorByPk.
func (c *Customization) Join(base string, parts ...string) string {
	for _, part := range parts {
		if c.GraphQLDefaultNaming {
			base += upperFirst(camelCase(part))
		} else {
			base += "_" + part
		}
	}
	return base
}

// TypeName is the name of a type that belongs to no table.
func (c *Customization) TypeName(base string, parts ...string) string {
	if c.GraphQLDefaultNaming {
		base = upperFirst(camelCase(base))
	}
	return c.wrapType(c.Join(base, parts...))
}

// WrapType adds the source's prefix and suffix to a type's name.
func (c *Customization) WrapType(name string) string { return c.wrapType(name) }

func (c *Customization) wrapType(name string) string {
	suffix := c.TypeSuffix
	if c.GraphQLDefaultNaming {
		suffix = upperFirst(suffix)
		if c.TypePrefix != "" {
			name = upperFirst(name)
		}
	}
	return c.TypePrefix + name + suffix
}

// RootName adds the source's prefix and suffix to a root field's name.
func (c *Customization) RootName(name string) string {
	suffix := c.RootSuffix
	if c.GraphQLDefaultNaming {
		suffix = upperFirst(suffix)
		if c.RootPrefix != "" {
			name = upperFirst(name)
		}
	}
	return c.RootPrefix + name + suffix
}

// camelCase turns snake_case into camelCase, keeping leading underscores.
func camelCase(s string) string {
	trimmed := strings.TrimLeft(s, "_")
	parts := strings.Split(trimmed, "_")
	for i, p := range parts {
		if i == 0 {
			parts[i] = changeFirst(p, unicode.ToLower)
		} else {
			parts[i] = upperFirst(p)
		}
	}
	return s[:len(s)-len(trimmed)] + strings.Join(parts, "")
}

func upperFirst(s string) string { return changeFirst(s, unicode.ToUpper) }

func changeFirst(s string, change func(rune) rune) string {
	if s == "" {
		return s
	}
	r, size := utf8.DecodeRuneInString(s)
	return string(change(r)) + s[size:]
}
