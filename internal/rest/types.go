package rest

import (
	"encoding/json"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/orderedjson"
	"dovetail/internal/schema"
)

// scalar is a GraphQL scalar that OpenAPI has a type for.
type scalar struct {
	kind, pattern string
	// inline scalars are described where they are used, others once for all.
	inline bool
}

// known finds the OpenAPI type of a GraphQL scalar.
func known(name string) (scalar, bool) {
	switch strings.ToLower(name) {
	case "int":
		return scalar{kind: "integer", inline: true}, true
	case "float", "double":
		return scalar{kind: "number", inline: true}, true
	case "bool", "boolean":
		return scalar{kind: "boolean", inline: true}, true
	case "string", "id":
		return scalar{kind: "string", inline: true}, true
	case "uuid":
		return scalar{kind: "string", pattern: "[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89aAbB][a-f0-9]{3}-[a-f0-9]{12}"}, true
	}
	return scalar{}, false
}

func (s scalar) schema(name string, nullable bool) *Schema {
	return &Schema{Title: name, Type: s.kind, Pattern: s.pattern, Nullable: &nullable}
}

func list(nullable bool, of *Schema) *Schema {
	return &Schema{Type: "array", Nullable: &nullable, Items: of}
}

const componentPrefix = "#/components/schemas/"

// component describes a type once, under its name, with "!" where it can't be
// null, and refers to it.
func (b *builder) component(ref schema.Ref, fill func(*Schema)) *Schema {
	name := ref.String()
	if _, ok := b.document.Components.Schemas[name]; !ok {
		nullable := !ref.NonNull
		described := &Schema{Title: ref.Named.Name, Description: ref.Named.Description, Nullable: &nullable}
		b.document.Components.Schemas[name] = described // before it is filled: types may hold themselves
		fill(described)
	}
	return &Schema{Reference: componentPrefix + name}
}

// leaf describes a scalar or an enum.
func (b *builder) leaf(ref schema.Ref) *Schema {
	if ref.Named.Kind == schema.Enum {
		return b.component(ref, func(out *Schema) {
			for _, v := range ref.Named.Values() {
				out.Enum = append(out.Enum, v.Name)
			}
		})
	}
	found, ok := known(ref.Named.Name)
	if ok && found.inline {
		return found.schema(ref.Named.Name, !ref.NonNull)
	}
	return b.component(ref, func(out *Schema) { out.Type, out.Pattern = found.kind, found.pattern })
}

// input describes a type of variables.
func (b *builder) input(ref schema.Ref) *Schema {
	switch {
	case ref.List != nil:
		return list(!ref.NonNull, b.input(*ref.List))
	case ref.Named.Kind != schema.InputObject:
		return b.leaf(ref)
	}
	return b.component(ref, func(out *Schema) {
		out.Type, out.Properties = "object", map[string]*Schema{}
		for _, i := range ref.Named.Inputs() {
			out.Properties[i.Name] = b.input(i.Type)
		}
	})
}

// properties describes the fields of an answer.
func (b *builder) properties(fields []*Field) map[string]*Schema {
	out := make(map[string]*Schema, len(fields))
	for _, f := range fields {
		out[f.Key] = b.output(f.Type, f)
	}
	return out
}

func (b *builder) output(ref schema.Ref, f *Field) *Schema {
	switch {
	case ref.List != nil:
		return list(!ref.NonNull, b.output(*ref.List, f))
	case !ref.Named.IsComposite():
		return b.leaf(ref)
	}
	nullable := !ref.NonNull
	return &Schema{
		Title: ref.Named.Name, Description: ref.Named.Description, Type: "object", Nullable: &nullable, Properties: b.properties(f.Fields),
	}
}

// defaultValue is the default of a variable as JSON; nil for none.
func defaultValue(v *ast.VariableDefinition) json.RawMessage {
	if v.DefaultValue == nil {
		return nil
	}
	return literal(v.DefaultValue).Append(nil)
}

func literal(v *ast.Value) orderedjson.Value {
	switch v.Kind {
	case ast.IntValue, ast.FloatValue:
		return orderedjson.Value{Kind: orderedjson.Number, Text: v.Raw}
	case ast.BooleanValue:
		return orderedjson.Value{Kind: orderedjson.Bool, Text: v.Raw}
	case ast.StringValue, ast.BlockValue, ast.EnumValue:
		return orderedjson.Value{Kind: orderedjson.String, Text: v.Raw}
	case ast.ListValue:
		out := orderedjson.Value{Kind: orderedjson.Array}
		for _, c := range v.Children {
			out.Items = append(out.Items, literal(c.Value))
		}
		return out
	case ast.ObjectValue:
		out := orderedjson.Value{Kind: orderedjson.Object}
		for _, c := range v.Children {
			out.Keys, out.Items = append(out.Keys, c.Name), append(out.Items, literal(c.Value))
		}
		return out
	case ast.NullValue, ast.Variable: // a variable can't be a default
	}
	return orderedjson.Value{}
}
