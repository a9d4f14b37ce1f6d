package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/metadata/document"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
)

// lookup resolves the remote_field of one relationship to a remote schema.
type lookup struct {
	left   *leftSide
	remote *RemoteSchema
	// fields are the names that templates may use.
	fields []string
	// found are the fields that templates use, once for each type they fill.
	found []LeftField
	// batch: the lookup asks for many keys, so variables stand for list elements
	// and may name known fields only.
	batch bool
	used  []int
}

func (b *builder) toRemoteSchema(left *leftSide, doc *document.RemoteRelationship) (*ToRemoteSchema, error) {
	definition := doc.ToRemoteSchema
	remote, ok := b.catalog.RemoteSchema(definition.RemoteSchema)
	if !ok {
		return nil, fmt.Errorf("remote schema with name %s not found", definition.RemoteSchema)
	}
	l := &lookup{left: left, remote: remote, fields: definition.Fields}
	for _, name := range definition.Fields {
		if _, _, ok := left.field(name); !ok {
			return nil, fmt.Errorf("field with name %qis not provided by the lhs entity%qfor defining a join condition, the allowed fields are %s",
				name, left.name(), left.allowed())
		}
	}
	r := &ToRemoteSchema{Name: doc.Name, LeftName: left.graphQLName(), Remote: remote}
	var err error
	if r.Steps, err = l.steps(definition.Field); err != nil {
		return nil, err
	}
	switch doc := definition.Batch; {
	case doc == nil:
		r.Batch = l.detectEntities(r.Steps)
	case doc.Kind == document.BatchEntities:
		r.Batch, err = l.entities(doc, r.Steps)
	case doc.Kind == document.BatchList:
		r.Batch, err = l.batchLookup(doc, r.Steps)
	}
	if err != nil {
		return nil, fmt.Errorf("in batch: %w", err)
	}
	r.Left = l.found
	return r, nil
}

// steps follows a remote_field from the query root.
func (l *lookup) steps(f *document.RemoteField) ([]RemoteStep, error) {
	parent := l.remote.Upstream.Query
	var steps []RemoteStep
	for ; f != nil; f = f.Field {
		step, err := l.step(parent, f)
		if err != nil {
			return nil, err
		}
		steps = append(steps, step)
		if f.Field == nil {
			break
		}
		if parent, err = l.below(step); err != nil {
			return nil, err
		}
	}
	return steps, nil
}

func (l *lookup) step(parent *ast.Definition, f *document.RemoteField) (RemoteStep, error) {
	field := parent.Fields.ForName(f.Name)
	if field == nil || strings.HasPrefix(f.Name, "__") {
		return RemoteStep{}, fmt.Errorf("remote field with name %s and type %s not found", f.Name, parent.Name)
	}
	step := RemoteStep{Field: field, Parent: parent}
	for i, name := range f.Arguments.Keys {
		argument := field.Arguments.ForName(name)
		if argument == nil {
			return step, fmt.Errorf("argument with name %s not found in remote schema", name)
		}
		value, err := l.template(argument.Type, f.Arguments.Items[i])
		if err != nil {
			return step, err
		}
		step.Arguments = append(step.Arguments, RemoteTemplate{Name: name, Type: argument.Type, Value: value})
	}
	return step, nil
}

// below is the type that the next level's field belongs to. A user can't give
// the arguments of a level that has another below it.
func (l *lookup) below(step RemoteStep) (*ast.Definition, error) {
	for _, a := range step.Field.Arguments {
		if a.Type.NonNull && a.DefaultValue == nil &&
			!slices.ContainsFunc(step.Arguments, func(t RemoteTemplate) bool { return t.Name == a.Name }) {
			return nil, fmt.Errorf("field %q requires the argument %q, which the relationship does not give", step.Field.Name, a.Name)
		}
	}
	if step.Field.Type.Elem != nil {
		return nil, fmt.Errorf("field %q of type %q is a list, so no single field can be looked up below it", step.Field.Name, step.Field.Type)
	}
	definition := l.remote.Upstream.Types[step.Field.Type.NamedType]
	if definition == nil || definition.Kind == ast.InputObject {
		return nil, fmt.Errorf("type %q only output type is expected", step.Field.Type.NamedType)
	}
	return definition, nil
}

// template reads the value that a definition gives for (a part of) an argument.
func (l *lookup) template(t *ast.Type, j orderedjson.Value) (plan.Value, error) {
	if j.Kind == orderedjson.String {
		if name, ok := strings.CutPrefix(j.Text, "$"); ok {
			return l.variable(t, name)
		}
	}
	if j.IsNull() {
		return nil, errors.New("null is not allowed here")
	}
	if j.Kind == orderedjson.Array {
		return l.listTemplate(t, j)
	}
	for t.Elem != nil { // a single value stands for a list of one
		t = t.Elem
	}
	definition := l.remote.Upstream.Types[t.NamedType]
	if definition == nil {
		return nil, fmt.Errorf("type %q not found in remote schema", t.NamedType)
	}
	if definition.Kind == ast.InputObject {
		return l.objectTemplate(definition, j)
	}
	if j.Kind == orderedjson.Object && definition.Kind == ast.Scalar && !isBuiltinScalar(definition.Name) {
		return l.customTemplate(t, j)
	}
	return literalTemplate(definition, j)
}

// customTemplate reads an object that a custom scalar takes; like everywhere,
// strings that start with $ are variables.
func (l *lookup) customTemplate(t *ast.Type, j orderedjson.Value) (plan.Value, error) {
	object := &plan.ObjectValue{}
	for i, key := range j.Keys {
		if j.Items[i].IsNull() {
			object.Keys, object.Values = append(object.Keys, key), append(object.Values, &plan.Literal{})
			continue
		}
		v, err := l.template(t, j.Items[i])
		if err != nil {
			return nil, err
		}
		object.Keys, object.Values = append(object.Keys, key), append(object.Values, v)
	}
	return object, nil
}

func (l *lookup) listTemplate(t *ast.Type, j orderedjson.Value) (plan.Value, error) {
	if d := l.remote.Upstream.Types[t.Name()]; t.Elem == nil && (d == nil || d.Kind != ast.Scalar || isBuiltinScalar(d.Name)) {
		return nil, fmt.Errorf("expected type %q but got %q", t.Name(), jsonTypeName(j))
	}
	if len(j.Items) > 1 {
		return nil, errors.New("multiple elements in list value is not supported")
	}
	element := t.Elem
	if element == nil {
		element = t // a custom scalar, which may be a list as well
	}
	list := &plan.ListValue{}
	for _, item := range j.Items {
		v, err := l.template(element, item)
		if err != nil {
			return nil, err
		}
		list.Items = append(list.Items, v)
	}
	return list, nil
}

func (l *lookup) objectTemplate(definition *ast.Definition, j orderedjson.Value) (plan.Value, error) {
	if j.Kind != orderedjson.Object {
		return nil, fmt.Errorf("expected type %q but got %q", definition.Name, jsonTypeName(j))
	}
	object := &plan.ObjectValue{}
	for i, key := range j.Keys {
		field := definition.Fields.ForName(key)
		if field == nil {
			return nil, fmt.Errorf("field %q not found in input object %q", key, definition.Name)
		}
		v, err := l.template(field.Type, j.Items[i])
		if err != nil {
			return nil, err
		}
		object.Keys, object.Values = append(object.Keys, key), append(object.Values, v)
	}
	return object, nil
}

// variable reads "$field".
func (l *lookup) variable(t *ast.Type, name string) (plan.Value, error) {
	if !slices.Contains(l.fields, name) {
		return nil, fmt.Errorf("variable %q is not found", name)
	}
	field, leftType, ok := l.left.field(name)
	if !ok {
		return nil, fmt.Errorf("variable %q is not found", name)
	}
	named := t.Name()
	rightType := argumentKey(l.remote.Upstream, named).listOf(t)
	cast, ok := keyCast(leftType, rightType)
	if !ok {
		return nil, errKeyTypes(l.left.describe(name), leftType, fmt.Sprintf("an argument in remote schema %q", l.remote.Name), rightType)
	}
	i := slices.IndexFunc(l.found, func(f LeftField) bool { return f.Name == name && f.Argument.Name() == named })
	switch {
	case l.batch && leftType.lists > 0:
		return nil, fmt.Errorf("variable %q is a list itself, so a list lookup can't take many of it", name)
	case i < 0 && l.batch:
		return nil, fmt.Errorf("variable %q has to fill the same type as in remote_field, not %q", name, named)
	case i < 0:
		field.Argument, field.Cast = t, cast
		l.found = append(l.found, field)
		i = len(l.found) - 1
	}
	if !slices.Contains(l.used, i) {
		l.used = append(l.used, i)
	}
	return &plan.BindingValue{Index: i}, nil
}

// literalTemplate reads a scalar or enum literal.
func literalTemplate(definition *ast.Definition, j orderedjson.Value) (plan.Value, error) {
	got := jsonTypeName(j)
	fits := false
	switch definition.Name {
	case "Int":
		fits = got == "Int"
	case "Float":
		fits = got == "Int" || got == "Float"
	case "String", "Boolean":
		fits = got == definition.Name
	case "ID":
		if got != "Int" && got != "String" {
			return nil, fmt.Errorf("Only ID, Int, uuid or String scalar types can be joined to the ID type, but received %q", got) //nolint:staticcheck // v2's words
		}
		fits = true
	default:
		switch definition.Kind { //nolint:exhaustive // nothing else takes a literal
		case ast.Scalar:
			fits = true
		case ast.Enum:
			if j.Kind == orderedjson.String && definition.EnumValues.ForName(j.Text) != nil {
				return &plan.RemoteEnum{Name: j.Text}, nil
			}
		}
	}
	if !fits {
		return nil, fmt.Errorf("expected type %q but got %q", definition.Name, got)
	}
	return &plan.Literal{JSON: j}, nil
}

// jsonTypeName is the GraphQL type that a JSON literal has of itself.
func jsonTypeName(j orderedjson.Value) string {
	switch j.Kind {
	case orderedjson.Bool:
		return "Boolean"
	case orderedjson.String:
		return "String"
	case orderedjson.Number:
		if strings.ContainsAny(j.Text, ".eE") {
			return "Float"
		}
		return "Int"
	case orderedjson.Array:
		if len(j.Items) > 0 {
			return "[" + jsonTypeName(j.Items[0]) + "]"
		}
		return "[]"
	case orderedjson.Object:
		return "object"
	case orderedjson.Null:
	}
	return "null"
}

// batchLookup resolves the list lookup of a relationship: the same fields, asked
// for by one list argument.
func (l *lookup) batchLookup(doc *document.RemoteBatch, single []RemoteStep) (*RemoteBatch, error) {
	inner := &lookup{left: l.left, remote: l.remote, fields: l.fields, found: l.found, batch: true}
	steps, err := inner.steps(doc.Field)
	if err != nil {
		return nil, err
	}
	if err := checkListArgument(steps); err != nil {
		return nil, err
	}
	last, want := steps[len(steps)-1].Field.Type, single[len(single)-1].Field.Type
	if last.Elem == nil || last.Elem.Elem != nil {
		return nil, fmt.Errorf("field %q of type %q does not answer with a list of objects", steps[len(steps)-1].Field.Name, last)
	}
	if last.Name() != want.Name() {
		return nil, fmt.Errorf("the list lookup answers with type %q, but the single one with %q", last.Name(), want.Name())
	}
	row := l.remote.Upstream.Types[last.Name()]
	out := &RemoteBatch{Steps: steps}
	matched := map[int]bool{}
	for _, p := range doc.Match {
		field := row.Fields.ForName(p.Key)
		if field == nil || field.Type.Elem != nil || len(field.Arguments) > 0 ||
			graphQLKey(l.remote.Upstream, field.Type.NamedType).family == familyNone {
			return nil, fmt.Errorf("field %q of type %q can't be matched with keys: it has to be a scalar without arguments", p.Key, row.Name)
		}
		i := slices.IndexFunc(l.found, func(f LeftField) bool { return f.Name == p.Value })
		if i < 0 {
			return nil, fmt.Errorf("variable %q is not found", p.Value)
		}
		matched[i] = true
		out.Match = append(out.Match, plan.RemoteMatch{Field: p.Key, Binding: i})
	}
	for i, f := range l.found {
		if !matched[i] {
			return nil, fmt.Errorf("match says nothing of the variable %q", f.Name)
		}
		if !slices.Contains(inner.used, i) {
			return nil, fmt.Errorf("the list lookup does not use the variable %q", f.Name)
		}
	}
	return out, nil
}

// checkListArgument demands that the keys go into exactly one list argument.
func checkListArgument(steps []RemoteStep) error {
	lists := 0
	for _, s := range steps {
		for _, a := range s.Arguments {
			if !holdsBinding(a.Value) {
				continue
			}
			if a.Type.Elem == nil {
				return fmt.Errorf("argument %q of type %q is no list, so it can't take many keys", a.Name, a.Type)
			}
			lists++
		}
	}
	if lists != 1 {
		return fmt.Errorf("exactly one list argument has to take the keys, but %d do", lists)
	}
	return nil
}

func holdsBinding(v plan.Value) bool {
	switch v := v.(type) {
	case *plan.BindingValue:
		return true
	case *plan.ListValue:
		return slices.ContainsFunc(v.Items, holdsBinding)
	case *plan.ObjectValue:
		return slices.ContainsFunc(v.Values, holdsBinding)
	case *plan.Literal, *plan.Variable, *plan.SessionVariable, *plan.RemoteEnum, *plan.Token:
	}
	return false
}
