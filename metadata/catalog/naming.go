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

// TypeName is the name of the table's object type.
func (t *Table) TypeName() string {
	c := &t.Source.Customization
	return c.TypePrefix + t.baseTypeName() + c.TypeSuffix
}

func (t *Table) baseTypeName() string {
	if t.Source.Customization.GraphQLDefaultNaming && !t.CustomName {
		return upperFirst(camelCase(t.GraphQLName))
	}
	return t.GraphQLName
}

// derivedTypeNames are the names of the types that come with the table's own.
func (t *Table) derivedTypeNames() []string {
	c := &t.Source.Customization
	base := t.baseTypeName()
	parts := []string{"bool_exp", "order_by", "select_column", "stream_cursor_input", "stream_cursor_value_input"}
	if t.Source.Capabilities.Aggregates {
		parts = append(parts, "aggregate", "aggregate_fields", "aggregate_order_by", "aggregate_bool_exp")
	}
	if t.IsEnum {
		parts = append(parts, "enum", "enum_comparison_exp")
	}
	out := make([]string, len(parts))
	for i, part := range parts {
		out[i] = c.TypePrefix + c.join(base, part) + c.TypeSuffix
	}
	return out
}

// RootFieldName is the name of one of the table's select root fields, without
// the source's namespace.
func (t *Table) RootFieldName(kind RootFieldKind) string {
	c := &t.Source.Customization
	name := t.RootFields[kind].Name
	if name == "" {
		name = t.GraphQLName
		if !t.CustomName {
			name = c.word(name)
		}
		switch kind { //nolint:exhaustive // writing root fields are not named here
		case RootSelectByPK:
			name = c.join(name, "by_pk")
		case RootSelectAggregate:
			name = c.join(name, "aggregate")
		case RootSelectStream:
			name = c.join(name, "stream")
		}
	}
	return c.wrapRoot(name)
}

// RootFieldNames are the names of a function's root fields, without the
// source's namespace. A function that returns no set has no aggregate.
func (f *Function) RootFieldNames() (rows, aggregate string) {
	c := &f.Source.Customization
	name := c.word(f.GraphQLName)
	if f.Info.ReturnsSet {
		if aggregate = f.AggregateName; aggregate == "" {
			aggregate = c.join(name, "aggregate")
		}
		aggregate = c.wrapRoot(aggregate)
	}
	return c.wrapRoot(name), aggregate
}

func (c *Customization) word(s string) string {
	if c.GraphQLDefaultNaming {
		return camelCase(s)
	}
	return s
}

func (c *Customization) join(base, part string) string {
	if c.GraphQLDefaultNaming {
		return base + upperFirst(camelCase(part))
	}
	return base + "_" + part
}

func (c *Customization) wrapRoot(name string) string {
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
