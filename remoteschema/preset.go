package remoteschema

import (
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
)

const presetDirective = "preset"

// argumentWord is v2's word for arguments and fields of input objects.
const argumentWord = "Input object argument"

// directives checks those of a type or field: presets can't be there, and others
// must be upstream's, but for those that every schema may have.
func (r *permissionReader) directives(given, upstream ast.DirectiveList) {
	if given.ForName(presetDirective) != nil {
		r.fault("Preset directives can be defined only on INPUT_FIELD_DEFINITION or ARGUMENT_DEFINITION")
	}
	r.knownDirectives(given, upstream)
}

func (r *permissionReader) knownDirectives(given, upstream ast.DirectiveList) {
	for _, d := range given {
		switch d.Name {
		case presetDirective, "deprecated", "specifiedBy":
		default:
			if upstream.ForName(d.Name) == nil {
				r.fault("%q: %q does not exist in the upstream remote schema", "Directive", d.Name)
			}
		}
	}
}

// preset reads the value that the document gives for an argument or input
// field, if it gives one.
func (r *permissionReader) preset(of, name string, t *ast.Type, directives ast.DirectiveList) (plan.Value, bool) {
	r.knownDirectives(directives, nil)
	found := directives.ForNames(presetDirective)
	switch len(found) {
	case 0:
		return nil, false
	case 1:
	default:
		r.fault("found multiple preset directives at %q %q", argumentWord, of)
		return nil, false
	}
	if len(found[0].Arguments) == 0 {
		r.fault("no arguments found in the preset directive")
		return nil, false
	}
	argument := found[0].Arguments.ForName("value")
	if argument == nil {
		r.fault("preset argument \"value\" not found at %q", name)
		return nil, false
	}
	static := false
	if s := found[0].Arguments.ForName("static"); s != nil {
		if s.Value.Kind != ast.BooleanValue {
			r.fault("expected preset static value to be a Boolean value")
			return nil, false
		}
		static = s.Value.Raw == "true"
	}
	return r.presetValue(name, t, argument.Value, static)
}

// presetValue reads a preset for a type.
func (r *permissionReader) presetValue(name string, t *ast.Type, v *ast.Value, static bool) (plan.Value, bool) {
	if v.Kind == ast.Variable {
		r.fault("illegal preset value at %q: it can't be a variable", name)
		return nil, false
	}
	if v.Kind == ast.NullValue {
		return &plan.Literal{}, true
	}
	if t.Elem != nil {
		return r.presetList(name, t, v, static)
	}
	if session, ok := sessionVariable(v, static); ok {
		if d := r.upstream.Types[t.NamedType]; d != nil && d.Kind == ast.InputObject {
			r.unexpected(v, t.NamedType, "an input object value")
			return nil, false
		}
		return session, true
	}
	d := r.upstream.Types[t.NamedType]
	switch {
	case d == nil:
		r.fault("%q: %q does not exist in the upstream remote schema", "Scalar", t.NamedType)
		return nil, false
	case d.Kind == ast.InputObject:
		return r.presetObject(d, v, static)
	case d.Kind == ast.Enum:
		if v.Kind != ast.EnumValue {
			r.unexpected(v, d.Name, "an enum value")
			return nil, false
		}
		if d.EnumValues.ForName(v.Raw) == nil {
			r.fault("%q not found in the enum: %q", v.Raw, d.Name)
			return nil, false
		}
		return &plan.RemoteEnum{Name: v.Raw}, true
	case d.Kind != ast.Scalar:
		r.fault("expected %q to be an input type, but it's an output type", d.Name)
		return nil, false
	}
	literal, ok := presetScalar(d.Name, v)
	if !ok {
		r.unexpected(v, d.Name, "a scalar value")
	}
	return literal, ok
}

func (r *permissionReader) unexpected(v *ast.Value, typeName, wanted string) {
	r.fault("expected preset value \"%s\" of type %q to be %s", v, typeName, wanted) // v2 doesn't escape
}

func sessionVariable(v *ast.Value, static bool) (plan.Value, bool) {
	if static || (v.Kind != ast.StringValue && v.Kind != ast.BlockValue) || !plan.IsSessionVariableName(v.Raw) {
		return nil, false
	}
	return &plan.SessionVariable{Name: lower(v.Raw)}, true
}

// lower is the form in which session variables are kept.
func lower(name string) string {
	out := []byte(name)
	for i, c := range out {
		if c >= 'A' && c <= 'Z' {
			out[i] = c + ('a' - 'A')
		}
	}
	return string(out)
}

func (r *permissionReader) presetList(name string, t *ast.Type, v *ast.Value, static bool) (plan.Value, bool) {
	if _, ok := sessionVariable(v, static); ok {
		r.fault("illegal preset value at %q. Session arguments can only be set for singleton values", name)
		return nil, false
	}
	if v.Kind != ast.ListValue { // a single value stands for a list of one
		item, ok := r.presetValue(name, t.Elem, v, static)
		return &plan.ListValue{Items: []plan.Value{item}}, ok
	}
	out := &plan.ListValue{}
	for _, c := range v.Children {
		item, ok := r.presetValue(name, t.Elem, c.Value, static)
		if !ok {
			return nil, false
		}
		out.Items = append(out.Items, item)
	}
	return out, true
}

func (r *permissionReader) presetObject(d *ast.Definition, v *ast.Value, static bool) (plan.Value, bool) {
	if v.Kind != ast.ObjectValue {
		r.unexpected(v, d.Name, "an input object value")
		return nil, false
	}
	out := &plan.ObjectValue{}
	for _, c := range v.Children {
		f := d.Fields.ForName(c.Name)
		if f == nil {
			r.fault("%q does not exist in the input object %q", c.Name, d.Name)
			return nil, false
		}
		item, ok := r.presetValue(c.Name, f.Type, c.Value, static)
		if !ok {
			return nil, false
		}
		out.Keys, out.Values = append(out.Keys, c.Name), append(out.Values, item)
	}
	return out, true
}

// presetScalar reads a literal of a scalar type; custom scalars take any.
func presetScalar(typeName string, v *ast.Value) (plan.Value, bool) {
	fits := true
	switch typeName {
	case "Int":
		fits = v.Kind == ast.IntValue
	case "Float":
		fits = v.Kind == ast.IntValue || v.Kind == ast.FloatValue
	case "String":
		fits = v.Kind == ast.StringValue || v.Kind == ast.BlockValue
	case "ID":
		fits = v.Kind == ast.StringValue || v.Kind == ast.BlockValue || v.Kind == ast.IntValue
	case "Boolean":
		fits = v.Kind == ast.BooleanValue
	}
	if !fits {
		return nil, false
	}
	j, ok := literalOf(v)
	return &plan.Literal{JSON: j}, ok
}

// literalOf is the JSON of a constant.
func literalOf(v *ast.Value) (orderedjson.Value, bool) {
	switch v.Kind {
	case ast.IntValue, ast.FloatValue:
		j, err := orderedjson.Parse([]byte(v.Raw))
		return j, err == nil
	case ast.BooleanValue:
		b, err := strconv.ParseBool(v.Raw)
		return orderedjson.Value{Kind: orderedjson.Bool, Text: strconv.FormatBool(b)}, err == nil
	case ast.StringValue, ast.BlockValue, ast.EnumValue:
		return orderedjson.Value{Kind: orderedjson.String, Text: v.Raw}, true
	case ast.NullValue:
		return orderedjson.Value{}, true
	case ast.ListValue:
		out := orderedjson.Value{Kind: orderedjson.Array}
		for _, c := range v.Children {
			item, ok := literalOf(c.Value)
			if !ok {
				return orderedjson.Value{}, false
			}
			out.Items = append(out.Items, item)
		}
		return out, true
	case ast.ObjectValue:
		out := orderedjson.Value{Kind: orderedjson.Object}
		for _, c := range v.Children {
			item, ok := literalOf(c.Value)
			if !ok {
				return orderedjson.Value{}, false
			}
			out.Keys, out.Items = append(out.Keys, c.Name), append(out.Items, item)
		}
		return out, true
	case ast.Variable:
	}
	return orderedjson.Value{}, false
}
