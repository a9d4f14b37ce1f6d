package schema

import (
	"strconv"
	"strings"

	"dovetail/internal/orderedjson"
)

// federationLink makes a document one of Apollo Federation 2.
const federationLink = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.0", import: ["@key", "@shareable"])`

// SDL is the schema as the document that a federation's gateway composes with
// others: entities have their keys, and what is there for the gateway only is
// left out.
func (s *Schema) SDL() string {
	s.document.Do(func() {
		w := &sdlWriter{schema: s, linked: s.Catalog.Settings.ApolloFederationVersion == 2}
		w.schemaDefinition()
		for _, t := range s.Types() {
			w.definition(t)
		}
		s.sdl = w.b.String()
	})
	return s.sdl
}

type sdlWriter struct {
	b      strings.Builder
	schema *Schema
	// linked: the document is one of Federation 2.
	linked bool
}

func (w *sdlWriter) line(parts ...string) {
	for _, p := range parts {
		w.b.WriteString(p)
	}
	w.b.WriteByte('\n')
}

func (w *sdlWriter) schemaDefinition() {
	s := w.schema
	w.line("schema {")
	w.line("  query: ", s.Query.Name)
	if s.Mutation != nil {
		w.line("  mutation: ", s.Mutation.Name)
	}
	if len(s.Subscription.Fields()) > 0 {
		w.line("  subscription: ", s.Subscription.Name)
	}
	w.line("}")
	if w.linked {
		w.line()
		w.line(federationLink)
	}
}

// definition writes a type, unless every document has it or the gateway brings
// it along.
func (w *sdlWriter) definition(t *Type) {
	if strings.HasPrefix(t.Name, "__") || t.Table == nil && t.Remote == nil && isFederationType(t.Name) {
		return
	}
	if t.Kind == Scalar {
		if !isBuiltinScalar(t.Name) && t.Name != "_Any" {
			w.line()
			w.description("", t.Description)
			w.line("scalar ", t.Name)
		}
		return
	}
	w.line()
	w.description("", t.Description)
	switch t.Kind {
	case Object:
		w.block("type "+t.Name+implements(t)+w.directives(t), t.Fields())
	case Interface:
		w.block("interface "+t.Name+implements(t), t.Fields())
	case Union:
		w.line("union ", t.Name, " = ", joinTypes(t.Possible(), " | "))
	case Enum:
		w.line("enum ", t.Name, " {")
		for _, v := range t.Values() {
			w.description("  ", v.Description)
			w.line("  ", v.Name, deprecated(v.Deprecation))
		}
		w.line("}")
	case InputObject:
		w.line("input ", t.Name, " {")
		for _, in := range t.Inputs() {
			w.input("  ", in)
		}
		w.line("}")
	case Scalar:
	}
}

func isFederationType(name string) bool { return name == EntityUnion || name == "_Service" }

func isBuiltinScalar(name string) bool {
	switch name {
	case "Int", "Float", "String", "Boolean", "ID":
		return true
	}
	return false
}

func implements(t *Type) string {
	if len(t.Interfaces()) == 0 {
		return ""
	}
	return " implements " + joinTypes(t.Interfaces(), " & ")
}

func joinTypes(list []*Type, separator string) string {
	names := make([]string, 0, len(list))
	for _, t := range list {
		names = append(names, t.Name)
	}
	return strings.Join(names, separator)
}

// directives are those of an object type: the key of an entity. In Federation 2
// other subgraphs may have the same type only where both say so.
func (w *sdlWriter) directives(t *Type) string {
	if t == w.schema.Query || t == w.schema.Mutation || t == w.schema.Subscription {
		return ""
	}
	if e, ok := w.schema.Entity(t.Name); ok && e.Type == t {
		return " @key(fields: " + strconv.Quote(keyFields(e.Key)) + ")"
	}
	if w.linked {
		return " @shareable"
	}
	return ""
}

func (w *sdlWriter) block(head string, fields []*Field) {
	w.line(head, " {")
	for _, f := range fields {
		switch f.Binding.(type) {
		case *RootService, *RootEntities:
			continue
		}
		w.description("  ", f.Description)
		w.field(f)
	}
	w.line("}")
}

func (w *sdlWriter) field(f *Field) {
	if len(f.Args) == 0 {
		w.line("  ", f.Name, ": ", f.Type.String(), deprecated(f.Deprecation))
		return
	}
	w.line("  ", f.Name, "(")
	for _, a := range f.Args {
		w.input("    ", a)
	}
	w.line("  ): ", f.Type.String(), deprecated(f.Deprecation))
}

func (w *sdlWriter) input(indent string, in *Input) {
	w.description(indent, in.Description)
	value := ""
	if in.Default != "" {
		value = " = " + in.Default
	}
	w.line(indent, in.Name, ": ", in.Type.String(), value)
}

func deprecated(reason *string) string {
	if reason == nil {
		return ""
	}
	return " @deprecated(reason: " + graphQLString(*reason) + ")"
}

// description writes what a definition is for on a line before it.
func (w *sdlWriter) description(indent, text string) {
	if text != "" {
		w.line(indent, graphQLString(text))
	}
}

// graphQLString writes a text as a GraphQL string on one line; JSON's escapes are
// among GraphQL's.
func graphQLString(text string) string { return string(orderedjson.AppendString(nil, text)) }
