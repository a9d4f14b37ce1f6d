package planner

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/plan"
	"dovetail/internal/schema"
)

// remoteArguments gives the arguments of a remote field: the user's, merged into
// what the metadata's templates and the role's presets give.
func (p *planner) remoteArguments(s *selected, def *ast.FieldDefinition, parent string, templates []catalog.RemoteTemplate, b *remoteBuilder) ([]plan.RemoteArgument, error) {
	var presets map[string]plan.Value
	if b.presets != nil {
		presets = b.presets.Presets[parent][def.Name]
	}
	var out []plan.RemoteArgument
	for _, a := range def.Arguments {
		var value plan.Value
		for _, t := range templates {
			if t.Name == a.Name {
				value = t.Value
			}
		}
		if preset, ok := presets[a.Name]; ok {
			value = overrideValues(value, preset)
		}
		in, open := (*schema.Input)(nil), false
		if s != nil {
			in, open = s.field.Arg(a.Name)
		}
		if open {
			path := under(s.path+".args", a.Name)
			v, err := p.load(s.argument(a.Name), in.Type, in.Default != "", path)
			if err != nil {
				return nil, err
			}
			if v.missing && value == nil && in.Type.NonNull && in.Default == "" {
				return nil, invalid(path, "missing required field '%s'", a.Name)
			}
			if !v.missing {
				given, err := p.remoteValue(v, in.Type, a.Type, path, b)
				if err != nil {
					return nil, err
				}
				value = mergeValues(value, given)
			}
		}
		value = b.withPresets(value, a.Type, false)
		if preset, ok := presets[a.Name]; ok {
			value = overridePresets(value, preset)
		}
		if value != nil {
			out = append(out, plan.RemoteArgument{Name: a.Name, Type: a.Type.String(), Value: value})
		}
	}
	return out, nil
}

// mergeValues unites what the metadata gives with what the user gives: objects
// key by key, lists one after the other. A null takes nothing away.
func mergeValues(base, given plan.Value) plan.Value {
	if l, ok := given.(*plan.Literal); ok && base != nil && l.JSON.IsNull() {
		return base
	}
	switch base := base.(type) { //nolint:gochecksumtype // only these two hold parts
	case *plan.ObjectValue:
		object, ok := given.(*plan.ObjectValue)
		if !ok {
			return given
		}
		out := &plan.ObjectValue{Keys: slices.Clone(base.Keys), Values: slices.Clone(base.Values)}
		for i, key := range object.Keys {
			if at := slices.Index(out.Keys, key); at >= 0 {
				out.Values[at] = mergeValues(out.Values[at], object.Values[i])
				continue
			}
			out.Keys = append(out.Keys, key)
			out.Values = append(out.Values, object.Values[i])
		}
		return out
	case *plan.ListValue:
		if list, ok := given.(*plan.ListValue); ok {
			return &plan.ListValue{Items: append(slices.Clone(base.Items), list.Items...)}
		}
	}
	return given
}

// remoteValue turns an input for a remote schema into what the plan sends.
func (p *planner) remoteValue(v value, ref schema.Ref, upstream *ast.Type, path string, b *remoteBuilder) (plan.Value, error) {
	if v.lit == nil {
		if ref.Base().Kind == schema.InputObject && p.expands(ref, b) {
			return p.remoteStructure(v, ref, upstream, path, b)
		}
		if len(v.path) == 0 {
			b.variable(p.document.Operation.VariableDefinitions.ForName(v.name), upstream)
		}
		return &plan.Variable{Name: v.name, Path: v.path}, nil
	}
	if !hasVariable(v.lit) {
		if err := p.checkLiteral(ref, v.lit, path); err != nil {
			return nil, err
		}
	}
	switch v.lit.Kind {
	case ast.EnumValue:
		if ref.Base().Kind == schema.Enum {
			return &plan.RemoteEnum{Name: v.lit.Raw}, nil
		}
	case ast.ListValue, ast.ObjectValue:
		if ref.Base().Kind != schema.Scalar || hasVariable(v.lit) {
			return p.remoteStructure(v, ref, upstream, path, b)
		}
	case ast.Variable, ast.IntValue, ast.FloatValue, ast.StringValue, ast.BlockValue, ast.BooleanValue, ast.NullValue:
	}
	j, err := literalJSON(v.lit, path)
	return &plan.Literal{JSON: j}, err
}

// expands tells whether an input object has to be taken apart: the role's
// presets go into it, or its type is a narrowed one.
func (p *planner) expands(ref schema.Ref, b *remoteBuilder) bool {
	t := ref.Base()
	if t.Upstream != nil && len(t.Inputs()) < len(t.Upstream.Fields) {
		return true
	}
	return b.presets != nil && len(b.presets.InputPresets) > 0
}

// withPresets puts the role's presets into the input objects of a value. An
// argument that the user leaves out doesn't escape them, as long as its input
// object needs nothing else.
func (b *remoteBuilder) withPresets(v plan.Value, t *ast.Type, nested bool) plan.Value {
	if b.presets == nil || len(b.presets.InputPresets) == 0 {
		return v
	}
	switch value := v.(type) { //nolint:gochecksumtype // the rest have no parts
	case *plan.ListValue:
		if t.Elem == nil {
			return v
		}
		out := &plan.ListValue{Items: make([]plan.Value, 0, len(value.Items))}
		for _, item := range value.Items {
			out.Items = append(out.Items, b.withPresets(item, t.Elem, true))
		}
		return out
	case *plan.ObjectValue:
		return b.objectPresets(value, t)
	case *plan.Literal:
		if !value.JSON.IsNull() {
			return v
		}
	case nil:
	default:
		return v
	}
	presets := b.presets.InputPresets[t.NamedType]
	if nested || t.Elem != nil || len(presets) == 0 {
		return v
	}
	for _, f := range b.presets.Schema.Types[t.NamedType].Fields {
		if _, preset := presets[f.Name]; !preset && f.Type.NonNull && f.DefaultValue == nil {
			return v
		}
	}
	return b.objectPresets(&plan.ObjectValue{}, t)
}

func (b *remoteBuilder) objectPresets(value *plan.ObjectValue, t *ast.Type) plan.Value {
	def := b.presets.Schema.Types[t.Name()]
	if def == nil || def.Kind != ast.InputObject {
		return value
	}
	out := &plan.ObjectValue{}
	presets := b.presets.InputPresets[def.Name]
	for i, key := range value.Keys {
		if f := def.Fields.ForName(key); f != nil && presets[key] == nil {
			out.Keys, out.Values = append(out.Keys, key), append(out.Values, b.withPresets(value.Values[i], f.Type, true))
		}
	}
	for _, f := range def.Fields {
		if preset, ok := presets[f.Name]; ok {
			out.Keys, out.Values = append(out.Keys, f.Name), append(out.Values, preset)
		}
	}
	return out
}

// overrideValues puts a preset over what a relationship gives: objects key by
// key, anything else as a whole.
func overrideValues(base, preset plan.Value) plan.Value {
	object, ok := base.(*plan.ObjectValue)
	over, also := preset.(*plan.ObjectValue)
	if !ok || !also {
		return preset
	}
	out := &plan.ObjectValue{Keys: slices.Clone(object.Keys), Values: slices.Clone(object.Values)}
	for i, key := range over.Keys {
		if at := slices.Index(out.Keys, key); at >= 0 {
			out.Values[at] = overrideValues(out.Values[at], over.Values[i])
			continue
		}
		out.Keys, out.Values = append(out.Keys, key), append(out.Values, over.Values[i])
	}
	return out
}

// overridePresets puts the preset of an argument over those of its input types,
// also where it is a list.
func overridePresets(filled, preset plan.Value) plan.Value {
	switch over := preset.(type) { //nolint:gochecksumtype // the rest have no parts
	case *plan.ListValue:
		list, ok := filled.(*plan.ListValue)
		if !ok || len(list.Items) != len(over.Items) {
			return preset
		}
		out := &plan.ListValue{Items: make([]plan.Value, len(list.Items))}
		for i, item := range list.Items {
			out.Items[i] = overridePresets(item, over.Items[i])
		}
		return out
	case *plan.ObjectValue:
		object, ok := filled.(*plan.ObjectValue)
		if !ok {
			return preset
		}
		out := &plan.ObjectValue{Keys: slices.Clone(object.Keys), Values: slices.Clone(object.Values)}
		for i, key := range over.Keys {
			if at := slices.Index(out.Keys, key); at >= 0 {
				out.Values[at] = overridePresets(out.Values[at], over.Values[i])
				continue
			}
			out.Keys, out.Values = append(out.Keys, key), append(out.Values, over.Values[i])
		}
		return out
	}
	return preset
}

// remoteStructure takes a list or an input object apart.
func (p *planner) remoteStructure(v value, ref schema.Ref, upstream *ast.Type, path string, b *remoteBuilder) (plan.Value, error) {
	switch {
	case v.isNull():
		return &plan.Literal{}, nil
	case ref.List != nil:
		return p.remoteList(v, *ref.List, upstream, path, b)
	case ref.Named.Kind == schema.InputObject:
		return p.remoteObject(v, ref.Named, path, b)
	}
	return p.symbolic(v, ref, path)
}

func (p *planner) remoteList(v value, ref schema.Ref, upstream *ast.Type, path string, b *remoteBuilder) (plan.Value, error) {
	element := upstream
	if upstream.Elem != nil {
		element = upstream.Elem
	}
	items, err := p.list(v, ref, path)
	if err != nil {
		return nil, err
	}
	out := &plan.ListValue{}
	for i, item := range items {
		if item.missing {
			out.Items = append(out.Items, &plan.Literal{})
			continue
		}
		inner, err := p.remoteValue(item, ref, element, indexed(path, i), b)
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, inner)
	}
	return out, nil
}

func (p *planner) remoteObject(v value, t *schema.Type, path string, b *remoteBuilder) (plan.Value, error) {
	members, err := v.object(t.Name, path)
	if err != nil {
		return nil, err
	}
	out := &plan.ObjectValue{}
	for _, m := range members {
		here := under(path, m.key)
		in, ok := t.Input(m.key)
		if !ok {
			return nil, invalid(here, "field '%s' not found in type: '%s'", m.key, t.Name)
		}
		inner, err := p.of(m, in.Type, in.Default != "", here)
		if err != nil {
			return nil, err
		}
		if inner.missing {
			continue
		}
		field := t.Upstream.Fields.ForName(m.key)
		converted, err := p.remoteValue(inner, in.Type, field.Type, here, b)
		if err != nil {
			return nil, err
		}
		out.Keys = append(out.Keys, m.key)
		out.Values = append(out.Values, converted)
	}
	for _, in := range t.Inputs() {
		if in.Type.NonNull && in.Default == "" && !slices.Contains(out.Keys, in.Name) {
			return nil, invalid(under(path, in.Name), "missing required field '%s'", in.Name)
		}
	}
	return out, nil
}
