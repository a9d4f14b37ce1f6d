package schema

import (
	"strings"
	"unicode"

	"dovetail/metadata/catalog"
)

// names makes the names of a source's types and fields after its customization
// and naming convention.
type names struct {
	custom catalog.Customization
}

func namesOf(s *catalog.Source) names { return names{custom: s.Customization} }

// table is the table's base name in field names.
func (n names) table(t *catalog.Table) string {
	if n.custom.GraphQLDefaultNaming && !t.CustomName {
		return camel(t.GraphQLName)
	}
	return t.GraphQLName
}

// typeName makes a type's name of the table's name and the parts that follow.
func (n names) typeName(t *catalog.Table, parts ...string) string {
	base := t.GraphQLName
	if n.custom.GraphQLDefaultNaming && !t.CustomName {
		base = pascal(base)
	}
	return n.wrapType(n.join(base, parts...))
}

// plainType makes the name of a type that belongs to no table.
func (n names) plainType(base string, parts ...string) string {
	if n.custom.GraphQLDefaultNaming {
		base = pascal(base)
	}
	return n.wrapType(n.join(base, parts...))
}

func (n names) join(base string, parts ...string) string {
	for _, p := range parts {
		if n.custom.GraphQLDefaultNaming {
			base += pascal(p)
		} else {
			base += "_" + p
		}
	}
	return base
}

func (n names) wrapType(name string) string {
	return n.custom.TypePrefix + name + n.custom.TypeSuffix
}

// field joins parts to a field name: author, aggregate → author_aggregate.
func (n names) field(base string, parts ...string) string {
	return n.join(base, parts...)
}

// word spells a fixed name (an argument, an aggregate function) in the naming
// convention.
func (n names) word(w string) string {
	if n.custom.GraphQLDefaultNaming {
		return camel(w)
	}
	return w
}

// enumValue spells an enum value in the naming convention.
func (n names) enumValue(v string) string {
	if n.custom.GraphQLDefaultNaming {
		return strings.ToUpper(v)
	}
	return v
}

// column is the name of a column's field.
func (n names) column(c *catalog.Column) string {
	if n.custom.GraphQLDefaultNaming && !c.CustomName {
		return camel(c.GraphQLName)
	}
	return c.GraphQLName
}

// relationship is the name of a relationship's (or computed field's) field.
func (n names) relationship(name string) string {
	if n.custom.GraphQLDefaultNaming {
		return camel(name)
	}
	return name
}

// root is the name of a root field; a name given by the metadata is used as it
// is, but for the source's prefix and suffix.
func (n names) root(t *catalog.Table, kind catalog.RootFieldKind) string {
	if custom := t.RootFields[kind].Name; custom != "" {
		return n.wrapRoot(custom)
	}
	base := n.table(t)
	var name string
	switch kind {
	case catalog.RootSelect:
		name = base
	case catalog.RootSelectByPK:
		name = n.field(base, "by_pk")
	case catalog.RootSelectAggregate:
		name = n.field(base, "aggregate")
	case catalog.RootSelectStream:
		name = n.field(base, "stream")
	case catalog.RootInsert:
		name = n.verb("insert", base)
	case catalog.RootInsertOne:
		name = n.field(n.verb("insert", base), "one")
	case catalog.RootUpdate:
		name = n.verb("update", base)
	case catalog.RootUpdateByPK:
		name = n.field(n.verb("update", base), "by_pk")
	case catalog.RootUpdateMany:
		name = n.field(n.verb("update", base), "many")
	case catalog.RootDelete:
		name = n.verb("delete", base)
	case catalog.RootDeleteByPK:
		name = n.field(n.verb("delete", base), "by_pk")
	}
	return n.wrapRoot(name)
}

func (n names) verb(verb, base string) string {
	if n.custom.GraphQLDefaultNaming {
		return verb + pascal(base)
	}
	return verb + "_" + base
}

func (n names) wrapRoot(name string) string {
	if n.custom.GraphQLDefaultNaming {
		if n.custom.RootPrefix != "" {
			name = n.custom.RootPrefix + upperFirst(name)
		}
		if n.custom.RootSuffix != "" {
			name += upperFirst(n.custom.RootSuffix)
		}
		return name
	}
	return n.custom.RootPrefix + name + n.custom.RootSuffix
}

// camel turns snake_case into camelCase, keeping leading underscores.
func camel(s string) string {
	trimmed := strings.TrimLeft(s, "_")
	lead := s[:len(s)-len(trimmed)]
	parts := strings.Split(trimmed, "_")
	for i, p := range parts {
		if i == 0 {
			parts[i] = lowerFirst(p)
		} else {
			parts[i] = upperFirst(p)
		}
	}
	return lead + strings.Join(parts, "")
}

func pascal(s string) string {
	c := camel(s)
	trimmed := strings.TrimLeft(c, "_")
	return c[:len(c)-len(trimmed)] + upperFirst(trimmed)
}

func upperFirst(s string) string {
	for i, r := range s {
		return s[:i] + string(unicode.ToUpper(r)) + s[i+len(string(r)):]
	}
	return s
}

func lowerFirst(s string) string {
	for i, r := range s {
		return s[:i] + string(unicode.ToLower(r)) + s[i+len(string(r)):]
	}
	return s
}
