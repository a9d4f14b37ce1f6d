package schema

import (
	"maps"
	"slices"
	"strings"
)

// Meta marks a field of an introspection type; the planner evaluates it by name.
type Meta struct{}

func (*Meta) binding() {}

// BooleanType is the Boolean scalar.
func (s *Schema) BooleanType() *Type { return s.scalar("Boolean") }

// StringType is the type of texts.
func (s *Schema) StringType() *Type { return s.scalar("String") }

// MetaSchema is the type of __schema.
func (s *Schema) MetaSchema() *Type { return s.meta("__Schema") }

// MetaType is the type of __type.
func (s *Schema) MetaType() *Type { return s.meta("__Type") }

// metaFields gives each introspection type its fields and their types, written
// as in GraphQL.
func metaFields(name string) [][2]string {
	switch name {
	case "__Schema":
		return [][2]string{
			{"description", "String"},
			{"types", "[__Type!]!"},
			{"queryType", "__Type!"},
			{"mutationType", "__Type"},
			{"subscriptionType", "__Type"},
			{"directives", "[__Directive!]!"},
		}
	case "__Type":
		return [][2]string{
			{"kind", "__TypeKind!"},
			{"name", "String"},
			{"description", "String"},
			{"specifiedByURL", "String"},
			{"specifiedByUrl", "String"},
			{"fields", "[__Field!]"},
			{"interfaces", "[__Type!]"},
			{"possibleTypes", "[__Type!]"},
			{"enumValues", "[__EnumValue!]"},
			{"inputFields", "[__InputValue!]"},
			{"ofType", "__Type"},
			{"isOneOf", "Boolean"},
		}
	case "__Field":
		return [][2]string{
			{"name", "String!"},
			{"description", "String"},
			{"args", "[__InputValue!]!"},
			{"type", "__Type!"},
			{"isDeprecated", "Boolean!"},
			{"deprecationReason", "String"},
		}
	case "__InputValue":
		return [][2]string{
			{"name", "String!"},
			{"description", "String"},
			{"type", "__Type!"},
			{"defaultValue", "String"},
			{"isDeprecated", "Boolean!"},
			{"deprecationReason", "String"},
		}
	case "__EnumValue":
		return [][2]string{
			{"name", "String!"}, {"description", "String"}, {"isDeprecated", "Boolean!"}, {"deprecationReason", "String"},
		}
	case "__Directive":
		return [][2]string{
			{"name", "String!"},
			{"description", "String"},
			{"locations", "[__DirectiveLocation!]!"},
			{"args", "[__InputValue!]!"},
			{"isRepeatable", "Boolean!"},
		}
	}
	return nil
}

func metaEnum(name string) []string {
	switch name {
	case "__TypeKind":
		return []string{"SCALAR", "OBJECT", "INTERFACE", "UNION", "ENUM", "INPUT_OBJECT", "LIST", "NON_NULL"}
	case "__DirectiveLocation":
		return []string{
			"QUERY", "MUTATION", "SUBSCRIPTION", "FIELD", "FRAGMENT_DEFINITION", "FRAGMENT_SPREAD", "INLINE_FRAGMENT",
			"VARIABLE_DEFINITION", "SCHEMA", "SCALAR", "OBJECT", "FIELD_DEFINITION", "ARGUMENT_DEFINITION", "INTERFACE",
			"UNION", "ENUM", "ENUM_VALUE", "INPUT_OBJECT", "INPUT_FIELD_DEFINITION",
		}
	}
	return nil
}

func (s *Schema) meta(name string) *Type {
	if values := metaEnum(name); values != nil {
		return s.enum(name, "", func(t *Type) {
			for _, v := range values {
				t.values = append(t.values, &EnumValue{Name: v})
			}
		})
	}
	fields := metaFields(name)
	if fields == nil {
		return s.scalar(name)
	}
	return s.object(name, "", func(t *Type) {
		for _, f := range fields {
			field := &Field{Name: f[0], Type: s.metaRef(f[1]), Binding: &Meta{}}
			if f[0] == "fields" || f[0] == "enumValues" || f[0] == "inputFields" || f[0] == "args" {
				field.Args = []*Input{{
					Name: "includeDeprecated", Type: Named(s.scalar("Boolean")), Default: "false", Binding: &Argument{},
				}}
			}
			t.fields = append(t.fields, field)
		}
	})
}

func (s *Schema) metaRef(text string) Ref {
	nonNull := text[len(text)-1] == '!'
	if nonNull {
		text = text[:len(text)-1]
	}
	var ref Ref
	if text[0] == '[' {
		ref = List(s.metaRef(text[1 : len(text)-1]))
	} else {
		ref = Named(s.meta(text))
	}
	ref.NonNull = nonNull
	return ref
}

// Directive is a directive that operations may use.
type Directive struct {
	Name, Description string
	Locations         []string
	Args              []*Input
}

// Directives lists the directives that operations may use.
func (s *Schema) Directives() []Directive {
	condition := []*Input{{Name: "if", Type: Required(Named(s.scalar("Boolean")))}}
	places := []string{"FIELD", "FRAGMENT_SPREAD", "INLINE_FRAGMENT"}
	return []Directive{
		{Name: "cached", Description: "whether this query should be cached", Locations: []string{"QUERY"}, Args: []*Input{
			{Name: "refresh", Description: "refresh the cache entry", Type: Required(Named(s.scalar("Boolean"))), Default: "false"},
			{Name: "ttl", Description: "measured in seconds", Type: Required(Named(s.scalar("Int"))), Default: "60"},
		}},
		{Name: "include", Description: "whether this query should be included", Locations: places, Args: condition},
		{Name: "skip", Description: "whether this query should be skipped", Locations: places, Args: condition},
	}
}

// Types lists every type of the schema, sorted by name. It builds all of them.
func (s *Schema) Types() []*Type {
	s.introspection.Do(s.buildAll)
	return s.sorted
}

// TypeByName finds any type of the schema. It builds all types.
func (s *Schema) TypeByName(name string) (*Type, bool) {
	s.introspection.Do(s.buildAll)
	t, ok := s.byName[name]
	return t, ok
}

// largeSchema is the number of types from which on a schema's types are not kept
// for introspection alone; typesPerTable is about what a table makes.
const (
	largeSchema   = 3000
	typesPerTable = 15
)

// Large tells that the schema may have so many types that they, and what
// introspection tells of them, had better not be kept: Transient is for that.
func (s *Schema) Large() bool {
	types := 0
	for _, source := range s.Catalog.Sources {
		types += typesPerTable * len(source.Tables)
	}
	for _, r := range s.Catalog.RemoteSchemas {
		if r.Upstream != nil {
			types += len(r.Upstream.Types)
		}
	}
	return types > largeSchema
}

// Transient makes the schema anew, for one goroutine that looks at all of its
// types one after another and has each forget its members.
func (s *Schema) Transient() *Schema {
	t := &Schema{Role: s.Role, Catalog: s.Catalog, transient: true}
	if s.relay {
		return forRelay(t)
	}
	return forRole(t)
}

func (s *Schema) buildAll() {
	s.byName = map[string]*Type{}
	var found []*Type
	visit := func(t *Type) {
		if _, ok := s.byName[t.Name]; !ok {
			s.byName[t.Name] = t
			found = append(found, t)
		}
	}
	visit(s.Query)
	if s.Mutation != nil {
		visit(s.Mutation)
	}
	if len(s.Subscription.Fields()) > 0 {
		visit(s.Subscription)
	}
	visit(s.scalar("Boolean"))
	visit(s.scalar("String"))
	visit(s.MetaSchema())
	for _, d := range s.Directives() {
		for _, a := range d.Args {
			visit(a.Type.Base())
		}
	}
	for len(found) > 0 {
		t := found[len(found)-1]
		found = found[:len(found)-1]
		for _, f := range t.Fields() {
			visit(f.Type.Base())
			for _, a := range f.Args {
				visit(a.Type.Base())
			}
		}
		for _, in := range t.Inputs() {
			visit(in.Type.Base())
		}
		for _, x := range t.Interfaces() {
			visit(x)
		}
		for _, x := range t.Possible() {
			visit(x)
		}
		t.Forget()
	}
	s.sorted = slices.SortedFunc(maps.Values(s.byName), func(a, b *Type) int { return strings.Compare(a.Name, b.Name) })
}
