package project

import (
	"bytes"
	"fmt"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
	"github.com/vektah/gqlparser/v2/parser"

	"dovetail/internal/orderedjson"
)

// actions writes actions.yaml and actions.graphql.
func (w *writer) actions(metadata orderedjson.Value) error {
	schema := &ast.SchemaDocument{}
	list, _ := metadata.Get("actions")
	actions := orderedjson.Value{Kind: orderedjson.Array}
	for _, action := range list.Items {
		left, d, err := splitAction(action)
		if err != nil {
			return err
		}
		actions.Items = append(actions.Items, left)
		schema.Definitions = append(schema.Definitions, d)
	}
	types, _ := metadata.Get("custom_types")
	custom := orderedjson.Value{Kind: orderedjson.Object}
	for _, k := range typeKinds() {
		members, _ := types.Get(k.key)
		named := orderedjson.Value{Kind: orderedjson.Array}
		for _, t := range members.Items {
			d, err := typeDefinition(t, k.kind)
			if err != nil {
				return err
			}
			schema.Definitions = append(schema.Definitions, d)
			left := without(t, "name", "description", "fields", "values")
			name, _ := t.Get("name")
			named.Items = append(named.Items, orderedjson.Value{
				Kind: orderedjson.Object, Keys: append([]string{"name"}, left.Keys...), Items: append([]orderedjson.Value{name}, left.Items...),
			})
		}
		custom = with(custom, k.key, named)
	}
	var text bytes.Buffer
	formatter.NewFormatter(&text, formatter.WithIndent("  ")).FormatSchemaDocument(schema)
	if _, err := parser.ParseSchema(&ast.Source{Name: typesFile, Input: text.String()}); err != nil {
		return fmt.Errorf("the actions can't be written in GraphQL: %w", err)
	}
	if err := w.text(typesFile, text.Bytes()); err != nil {
		return err
	}
	return w.file(actionsFile, orderedjson.Value{
		Kind: orderedjson.Object, Keys: []string{"actions", "custom_types"}, Items: []orderedjson.Value{actions, custom},
	})
}

// splitAction gives what of an action stands in actions.yaml, and the type that
// holds it in actions.graphql.
func splitAction(action orderedjson.Value) (orderedjson.Value, *ast.Definition, error) {
	name, _ := action.Get("name")
	definition, _ := action.Get("definition")
	output, _ := definition.Get("output_type")
	t, err := parseType(output.Text)
	if err != nil {
		return action, nil, fmt.Errorf("the output type of action %q: %w", name.Text, err)
	}
	field := &ast.FieldDefinition{Name: name.Text, Type: t}
	arguments, _ := definition.Get("arguments")
	for _, a := range arguments.Items {
		argument, err := argumentDefinition(a)
		if err != nil {
			return action, nil, fmt.Errorf("action %q: %w", name.Text, err)
		}
		field.Arguments = append(field.Arguments, argument)
	}
	root := "Mutation"
	if kind, _ := definition.Get("type"); kind.Text == "query" {
		root = "Query"
	}
	left := orderedjson.Value{Kind: orderedjson.Object}
	for i, key := range action.Keys {
		value := action.Items[i]
		if key == "definition" {
			value = without(definition, "arguments", "output_type", "type")
		}
		left = with(left, key, value)
	}
	return left, &ast.Definition{Kind: ast.Object, Name: root, Fields: ast.FieldList{field}}, nil
}

func argumentDefinition(j orderedjson.Value) (*ast.ArgumentDefinition, error) {
	f, err := fieldDefinition(j)
	if err != nil {
		return nil, err
	}
	return &ast.ArgumentDefinition{Name: f.Name, Type: f.Type, Description: f.Description}, nil
}

func fieldDefinition(j orderedjson.Value) (*ast.FieldDefinition, error) {
	name, _ := j.Get("name")
	text, _ := j.Get("type")
	description, _ := j.Get("description")
	t, err := parseType(text.Text)
	if err != nil {
		return nil, fmt.Errorf("the type of %q: %w", name.Text, err)
	}
	out := &ast.FieldDefinition{Name: name.Text, Type: t, Description: description.Text}
	arguments, _ := j.Get("arguments")
	for _, a := range arguments.Items {
		argument, err := argumentDefinition(a)
		if err != nil {
			return nil, err
		}
		out.Arguments = append(out.Arguments, argument)
	}
	return out, nil
}

// parseType reads a type as GraphQL writes it.
func parseType(text string) (*ast.Type, error) {
	document, err := parser.ParseSchema(&ast.Source{Input: "type T { f: " + text + " }"})
	if err != nil || len(document.Definitions) != 1 || len(document.Definitions[0].Fields) != 1 {
		return nil, fmt.Errorf("%q is not a GraphQL type", text)
	}
	return document.Definitions[0].Fields[0].Type, nil
}

func typeDefinition(j orderedjson.Value, kind ast.DefinitionKind) (*ast.Definition, error) {
	name, _ := j.Get("name")
	description, _ := j.Get("description")
	out := &ast.Definition{Kind: kind, Name: name.Text, Description: description.Text}
	fields, _ := j.Get("fields")
	for _, f := range fields.Items {
		field, err := fieldDefinition(f)
		if err != nil {
			return nil, fmt.Errorf("custom type %q: %w", name.Text, err)
		}
		out.Fields = append(out.Fields, field)
	}
	values, _ := j.Get("values")
	for _, v := range values.Items {
		value, _ := v.Get("value")
		description, _ := v.Get("description")
		e := &ast.EnumValueDefinition{Name: value.Text, Description: description.Text}
		if deprecated, _ := v.Get("is_deprecated"); deprecated.Text == "true" {
			e.Directives = ast.DirectiveList{{Name: "deprecated", Location: ast.LocationEnumValue}}
		}
		out.EnumValues = append(out.EnumValues, e)
	}
	return out, nil
}
