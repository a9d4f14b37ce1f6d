package project

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"

	"dovetail/internal/orderedjson"
)

// Actions stand in two files: actions.graphql says what they and their types
// look like, actions.yaml everything else.
const (
	actionsFile = "actions.yaml"
	typesFile   = "actions.graphql"
)

// definitions is what actions.graphql says.
type definitions struct {
	file    string
	actions []*operation
	types   []*ast.Definition
}

type operation struct {
	kind  string
	field *ast.FieldDefinition
	used  bool
}

// actions puts actions and custom types together.
func (r *reader) actions() (actions, types orderedjson.Value, err error) {
	file := filepath.Join(r.root, actionsFile)
	value, err := r.file(file, "$.actions")
	if errors.Is(err, os.ErrNotExist) {
		value, err = orderedjson.Value{Kind: orderedjson.Object}, nil
		r.positions["$.actions"] = Position{file, 1}
	}
	if err != nil {
		return actions, types, err
	}
	r.moveActionPositions()
	found, err := r.definitions()
	if err != nil {
		return actions, types, err
	}
	written, _ := value.Get("actions")
	if actions, err = r.joinActions(written, found); err != nil {
		return actions, types, err
	}
	written, _ = value.Get("custom_types")
	types, err = r.joinTypes(written, found)
	return actions, types, err
}

// moveActionPositions moves the positions of what stands in actions.yaml to
// where it stands in the metadata.
func (r *reader) moveActionPositions() {
	for _, key := range []string{"actions", "custom_types"} {
		from := "$.actions." + key
		for path, at := range r.positions {
			if path == from || len(path) > len(from) && path[:len(from)] == from && (path[len(from)] == '.' || path[len(from)] == '[') {
				delete(r.positions, path)
				r.positions["$."+key+path[len(from):]] = at
			}
		}
	}
}

// definitions reads actions.graphql.
func (r *reader) definitions() (*definitions, error) {
	out := &definitions{file: filepath.Join(r.root, typesFile)}
	text, err := os.ReadFile(out.file)
	if errors.Is(err, os.ErrNotExist) {
		return out, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the project: %w", err)
	}
	document, err := parser.ParseSchema(&ast.Source{Name: out.file, Input: string(text)})
	if err != nil {
		line := 1
		if fault, ok := errors.AsType[*gqlerror.Error](err); ok && len(fault.Locations) > 0 {
			line, err = fault.Locations[0].Line, errors.New(fault.Message)
		}
		return nil, &Error{At: Position{out.file, line}, Cause: err}
	}
	seen := map[string]bool{}
	for _, d := range append(slices.Clone(document.Definitions), document.Extensions...) {
		kind := map[string]string{"Query": "query", "Mutation": "mutation"}[d.Name]
		if kind == "" || d.Kind != ast.Object {
			if seen[d.Name] {
				return nil, out.fault(d.Position, "the type %q is defined twice", d.Name)
			}
			seen[d.Name] = true
			out.types = append(out.types, d)
			continue
		}
		for _, f := range d.Fields {
			if out.action(f.Name) != nil {
				return nil, out.fault(f.Position, "the action %q is defined twice", f.Name)
			}
			out.actions = append(out.actions, &operation{kind: kind, field: f})
		}
	}
	return out, nil
}

func (d *definitions) fault(at *ast.Position, format string, args ...any) error {
	line := 1
	if at != nil {
		line = at.Line
	}
	return &Error{At: Position{d.file, line}, Cause: fmt.Errorf(format, args...)}
}

func (d *definitions) action(name string) *operation {
	if i := slices.IndexFunc(d.actions, func(o *operation) bool { return o.field.Name == name }); i >= 0 {
		return d.actions[i]
	}
	return nil
}

// joinActions gives the actions of actions.yaml the types of actions.graphql.
func (r *reader) joinActions(list orderedjson.Value, found *definitions) (orderedjson.Value, error) {
	out := orderedjson.Value{Kind: orderedjson.Array}
	for i, action := range list.Items {
		name, _ := action.Get("name")
		definition, _ := action.Get("definition")
		o := found.action(name.Text)
		if o == nil {
			if _, ok := definition.Get("output_type"); !ok {
				return out, &Error{
					At:    r.positions[fmt.Sprintf("$.actions[%d]", i)],
					Cause: fmt.Errorf("%s has no field %q of Query or Mutation that says what the action takes and gives", typesFile, name.Text),
				}
			}
			out.Items = append(out.Items, action)
			continue
		}
		o.used = true
		definition = without(definition, "arguments", "output_type", "type")
		definition = with(definition, "output_type", jsonText(o.field.Type.String()))
		definition = with(definition, "type", jsonText(o.kind))
		if len(o.field.Arguments) > 0 {
			arguments := orderedjson.Value{Kind: orderedjson.Array}
			for _, a := range o.field.Arguments {
				arguments.Items = append(arguments.Items, member(a.Name, a.Type, a.Description))
			}
			definition = with(definition, "arguments", arguments)
		}
		action = with(without(action, "definition"), "definition", definition)
		if _, ok := action.Get("comment"); !ok && o.field.Description != "" {
			action = with(action, "comment", jsonText(o.field.Description))
		}
		out.Items = append(out.Items, action)
	}
	for _, o := range found.actions {
		if !o.used {
			return out, found.fault(o.field.Position, "%s has no action %q", actionsFile, o.field.Name)
		}
	}
	return out, nil
}

// typeKinds are the lists of custom types, and what GraphQL calls their members.
func typeKinds() []struct {
	key  string
	kind ast.DefinitionKind
} {
	return []struct {
		key  string
		kind ast.DefinitionKind
	}{{"input_objects", ast.InputObject}, {"objects", ast.Object}, {"scalars", ast.Scalar}, {"enums", ast.Enum}}
}

// joinTypes gives the types of actions.yaml, in their order, what
// actions.graphql says of them, and adds those that only stand there.
func (r *reader) joinTypes(written orderedjson.Value, found *definitions) (orderedjson.Value, error) {
	out := orderedjson.Value{Kind: orderedjson.Object}
	for _, k := range typeKinds() {
		listed, _ := written.Get(k.key)
		list := orderedjson.Value{Kind: orderedjson.Array}
		done := map[string]bool{}
		for i, t := range listed.Items {
			name, _ := t.Get("name")
			done[name.Text] = true
			at := slices.IndexFunc(found.types, func(d *ast.Definition) bool { return d.Name == name.Text && d.Kind == k.kind })
			switch {
			case at >= 0:
				t = joinType(t, found.types[at])
			case k.kind != ast.Scalar && len(t.Keys) < 2:
				return out, &Error{
					At:    r.positions[fmt.Sprintf("$.custom_types.%s[%d]", k.key, i)],
					Cause: fmt.Errorf("%s does not define the type %q", typesFile, name.Text),
				}
			}
			list.Items = append(list.Items, t)
		}
		for _, d := range found.types {
			if d.Kind == k.kind && !done[d.Name] {
				list.Items = append(list.Items, joinType(orderedjson.Value{Kind: orderedjson.Object}, d))
			}
		}
		if len(list.Items) > 0 {
			out = with(out, k.key, list)
		}
	}
	for _, d := range found.types {
		if d.Kind == ast.Interface || d.Kind == ast.Union {
			return out, found.fault(d.Position, "the type %q can't be one of an action: interfaces and unions are not supported", d.Name)
		}
	}
	return out, nil
}

// joinType is a custom type: what actions.yaml has of it, and its definition.
func joinType(written orderedjson.Value, d *ast.Definition) orderedjson.Value {
	out := with(without(written, "name", "fields", "values", "description"), "name", jsonText(d.Name))
	if d.Description != "" {
		out = with(out, "description", jsonText(d.Description))
	}
	list := orderedjson.Value{Kind: orderedjson.Array}
	switch d.Kind {
	case ast.Object, ast.InputObject:
		for _, f := range d.Fields {
			m := member(f.Name, f.Type, f.Description)
			for _, a := range f.Arguments {
				arguments, _ := m.Get("arguments")
				arguments.Kind, arguments.Items = orderedjson.Array, append(arguments.Items, member(a.Name, a.Type, a.Description))
				m = with(without(m, "arguments"), "arguments", arguments)
			}
			list.Items = append(list.Items, m)
		}
		return with(out, "fields", list)
	case ast.Enum:
		for _, v := range d.EnumValues {
			value := orderedjson.Value{Kind: orderedjson.Object, Keys: []string{"value"}, Items: []orderedjson.Value{jsonText(v.Name)}}
			if v.Description != "" {
				value = with(value, "description", jsonText(v.Description))
			}
			if v.Directives.ForName("deprecated") != nil {
				value = with(value, "is_deprecated", orderedjson.Value{Kind: orderedjson.Bool, Text: "true"})
			}
			list.Items = append(list.Items, value)
		}
		return with(out, "values", list)
	case ast.Scalar, ast.Interface, ast.Union:
	}
	return out
}

// member is an argument or a field.
func member(name string, t *ast.Type, description string) orderedjson.Value {
	out := orderedjson.Value{Kind: orderedjson.Object, Keys: []string{"name", "type"}, Items: []orderedjson.Value{jsonText(name), jsonText(t.String())}}
	if description != "" {
		out = with(out, "description", jsonText(description))
	}
	return out
}

func jsonText(s string) orderedjson.Value {
	return orderedjson.Value{Kind: orderedjson.String, Text: s}
}

// with gives an object with one more field.
func with(o orderedjson.Value, key string, value orderedjson.Value) orderedjson.Value {
	return orderedjson.Value{Kind: orderedjson.Object, Keys: append(slices.Clone(o.Keys), key), Items: append(slices.Clone(o.Items), value)}
}

// without gives an object less some of its fields.
func without(o orderedjson.Value, keys ...string) orderedjson.Value {
	out := orderedjson.Value{Kind: orderedjson.Object}
	for i, key := range o.Keys {
		if !slices.Contains(keys, key) {
			out.Keys, out.Items = append(out.Keys, key), append(out.Items, o.Items[i])
		}
	}
	return out
}
