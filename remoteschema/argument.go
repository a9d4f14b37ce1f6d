package remoteschema

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/sources"
)

// argumentsText prints a field's arguments.
func (c *compiler) argumentsText(f *plan.RemoteField) error {
	separator := "("
	for _, a := range f.Arguments {
		if !isName(a.Name) {
			return invalidName("argument", a.Name)
		}
		if c.skipNulls && isNullLiteral(a.Value) {
			continue
		}
		c.out.write(separator, a.Name, ": ")
		separator = ", "
		if err := c.argumentValue(a); err != nil {
			return err
		}
	}
	if separator != "(" {
		c.out.write(")")
	}
	return nil
}

// representations prints the argument that holds the keys of entities.
func (c *compiler) representations() {
	e := c.query.Batch.Entities
	value := &plan.ObjectValue{
		Keys:   append([]string{"__typename"}, e.Key.Keys...),
		Values: append([]plan.Value{&plan.Literal{JSON: orderedjson.Value{Kind: orderedjson.String, Text: e.Type}}}, e.Key.Values...),
	}
	element := &ast.Type{NamedType: "_Any", NonNull: true}
	list := &ast.Type{Elem: element, NonNull: true}
	d := c.statement.document
	c.out.write("(representations: $", d.sharedName(addSlot(&d.shared, slot{declared: list.String(), typ: element, value: value, perKey: true})), ")")
}

func isNullLiteral(v plan.Value) bool {
	l, ok := v.(*plan.Literal)
	return ok && l.JSON.IsNull()
}

// argumentValue prints a constant as it is, a client's variable under its own
// name, and anything else as a variable of ours.
func (c *compiler) argumentValue(a plan.RemoteArgument) error {
	if v, ok := a.Value.(*plan.Variable); ok && len(v.Path) == 0 {
		if declared, err := c.clientVariable(v.Name, a.Type); declared || err != nil {
			return err
		}
	}
	if text, ok := appendConstant(nil, a.Value); ok {
		c.out.write(string(text))
		return nil
	}
	t, err := parseType(a.Type)
	if err != nil {
		return typeError(err)
	}
	s := slot{declared: t.String(), typ: t, value: a.Value}
	keyed, err := c.checkBindings(a.Value)
	if err != nil {
		return err
	}
	d := c.statement.document
	if _, bare := a.Value.(*plan.BindingValue); bare && c.query.Batch != nil && t.Elem == nil {
		return sources.NotSupported("the argument %q of a list lookup is of type %s, which is no list", a.Name, a.Type)
	}
	if keyed && c.query.Batch == nil {
		at := addSlot(&d.keyed, s)
		c.out.write("$")
		c.out.keyedReference(at)
		return nil
	}
	c.out.write("$", d.sharedName(addSlot(&d.shared, s)))
	return nil
}

// addSlot finds or adds a slot; a binding used twice under one type is sent
// once.
func addSlot(slots *[]slot, s slot) int {
	b, ok := s.value.(*plan.BindingValue)
	for i, old := range *slots {
		if o, is := old.value.(*plan.BindingValue); ok && is && o.Index == b.Index && old.declared == s.declared {
			return i
		}
	}
	*slots = append(*slots, s)
	return len(*slots) - 1
}

// clientVariable declares a variable of the client's operation, if it is one.
func (c *compiler) clientVariable(name, argument string) (bool, error) {
	i := slices.IndexFunc(c.query.Variables, func(v plan.RemoteVariable) bool { return v.Name == name })
	if i < 0 {
		return false, nil
	}
	v := c.query.Variables[i]
	if !isName(name) {
		return true, invalidName("variable", name)
	}
	t, err := parseType(v.Type)
	if err != nil {
		return true, typeError(err)
	}
	if v.Default != nil && !v.Default.IsNull() && !t.NonNull {
		// The default has been filled in already, so that the variable may stand
		// where null may not.
		if at, err := parseType(argument); err == nil && at.NonNull {
			t.NonNull = true
		}
	}
	d := c.statement.document
	c.out.write("$", name)
	for i := range d.client {
		if d.client[i].name == name {
			if t.NonNull {
				d.client[i].declared = t.String()
			}
			return true, nil
		}
	}
	d.client = append(d.client, clientVariable{name: name, declared: t.String()})
	return true, nil
}

// checkBindings tells whether a value depends on the key.
func (c *compiler) checkBindings(v plan.Value) (bool, error) {
	switch v := v.(type) { //nolint:gochecksumtype // the rest is refused below
	case *plan.BindingValue:
		if v.Index < 0 || v.Index >= len(c.fragment.Bindings) {
			return false, sources.NotSupported("an argument names binding %d of %d", v.Index, len(c.fragment.Bindings))
		}
		return true, nil
	case *plan.ListValue:
		return c.anyBinding(v.Items)
	case *plan.ObjectValue:
		if len(v.Keys) != len(v.Values) {
			return false, sources.NotSupported("an argument's object has %d keys and %d values", len(v.Keys), len(v.Values))
		}
		return c.anyBinding(v.Values)
	case *plan.Literal, *plan.Variable, *plan.SessionVariable, *plan.RemoteEnum:
		return false, nil
	}
	return false, sources.NotSupported("a remote schema can't be given a %T", v)
}

func (c *compiler) anyBinding(values []plan.Value) (bool, error) {
	found := false
	for _, v := range values {
		keyed, err := c.checkBindings(v)
		if err != nil {
			return false, err
		}
		found = found || keyed
	}
	return found, nil
}

// appendConstant prints a value as a GraphQL literal, if it is constant. Objects
// whose keys aren't names can't be printed and are sent as variables.
func appendConstant(dst []byte, v plan.Value) ([]byte, bool) {
	switch v := v.(type) { //nolint:gochecksumtype // the rest is no constant
	case *plan.Literal:
		return appendLiteral(dst, v.JSON)
	case *plan.RemoteEnum:
		return append(dst, v.Name...), isName(v.Name)
	case *plan.ListValue:
		dst = append(dst, '[')
		for i, item := range v.Items {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			var ok bool
			if dst, ok = appendConstant(dst, item); !ok {
				return nil, false
			}
		}
		return append(dst, ']'), true
	case *plan.ObjectValue:
		if len(v.Keys) != len(v.Values) {
			return nil, false
		}
		dst = append(dst, '{')
		for i, item := range v.Values {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			if !isName(v.Keys[i]) {
				return nil, false
			}
			dst = append(append(dst, v.Keys[i]...), ": "...)
			var ok bool
			if dst, ok = appendConstant(dst, item); !ok {
				return nil, false
			}
		}
		return append(dst, '}'), true
	case *plan.Variable, *plan.SessionVariable, *plan.BindingValue:
	}
	return nil, false
}

// appendLiteral prints JSON as a GraphQL literal. Strings need no other escapes
// than JSON's.
func appendLiteral(dst []byte, j orderedjson.Value) ([]byte, bool) {
	switch j.Kind {
	case orderedjson.Null, orderedjson.Bool, orderedjson.Number, orderedjson.String:
		return j.Append(dst), true
	case orderedjson.Array:
		dst = append(dst, '[')
		for i, item := range j.Items {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			var ok bool
			if dst, ok = appendLiteral(dst, item); !ok {
				return nil, false
			}
		}
		return append(dst, ']'), true
	case orderedjson.Object:
		dst = append(dst, '{')
		for i, item := range j.Items {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			if !isName(j.Keys[i]) {
				return nil, false
			}
			dst = append(append(dst, j.Keys[i]...), ": "...)
			var ok bool
			if dst, ok = appendLiteral(dst, item); !ok {
				return nil, false
			}
		}
		return append(dst, '}'), true
	}
	return nil, false
}

// inputTypes finds the types of values inside of arguments, as far as the
// upstream schema is known.
type inputTypes struct{ schema *ast.Schema }

// field is the type of a field of an input object, nil when unknown.
func (t *inputTypes) field(of *ast.Type, name string) *ast.Type {
	if t.schema == nil || of == nil {
		return nil
	}
	def := t.schema.Types[of.Name()]
	if def == nil || def.Kind != ast.InputObject {
		return nil
	}
	if f := def.Fields.ForName(name); f != nil {
		return f.Type
	}
	return nil
}

// takes tells whether a text can be a value of a type: enums have their own
// only.
func (t *inputTypes) takes(of *ast.Type, text string) bool {
	if t.schema == nil || of == nil {
		return true
	}
	def := t.schema.Types[of.Name()]
	return def == nil || def.Kind != ast.Enum || def.EnumValues.ForName(text) != nil
}

// element is the type of a list's elements. A value that isn't a list stands
// for a list of one, so that a type that is no list is its own element.
func element(t *ast.Type) *ast.Type {
	if t != nil && t.Elem != nil {
		return t.Elem
	}
	return t
}
