package planner

import (
	"dovetail/internal/metadata/catalog"
	"dovetail/internal/plan"
	"dovetail/internal/schema"
	"dovetail/sources"
)

// rootFunction plans a tracked function read like a table.
func (p *planner) rootFunction(s *selected, b *schema.RootFunction, h *holder) (plan.Query, error) {
	f := b.Function
	rows, err := p.permitted(f.Returns)
	if err != nil {
		return nil, err
	}
	if rows.From, err = p.functionCall(s, f); err != nil {
		return nil, err
	}
	if b.Aggregate {
		return p.aggregation(s, rows, h)
	}
	card := plan.Many
	if !f.Info.ReturnsSet {
		card = plan.One
	}
	return p.selection(s, rows, card, h)
}

// functionCall plans the call of a tracked function.
func (p *planner) functionCall(s *selected, f *catalog.Function) (*plan.FunctionCall, error) {
	call := &plan.FunctionCall{Schema: f.Info.Schema, Name: f.Info.Name, SingleRow: !f.Info.ReturnsSet}
	if f.SessionArgument >= 0 {
		a := f.Info.Arguments[f.SessionArgument]
		call.Arguments = append(call.Arguments, plan.FunctionArgument{Name: a.Name, Position: f.SessionArgument, Type: a.Type, Session: true})
	}
	if err := p.functionArguments(s, f.Info, map[int]bool{f.SessionArgument: true}, call); err != nil {
		return nil, err
	}
	return call, nil
}

// functionArguments adds the user's arguments of a function to its call. skip
// names the arguments that the engine fills.
func (p *planner) functionArguments(s *selected, f *sources.Function, skip map[int]bool, call *plan.FunctionCall) error {
	a, ok := argumentOf(s.field, schema.ArgArgs)
	if !ok {
		return nil
	}
	path := under(s.path+".args", a.Name)
	given, err := p.inputObject(s, a, path)
	if err != nil {
		return err
	}
	byIndex, names := map[int]plan.Value{}, map[int]string{}
	for _, in := range a.Type.Base().Inputs() {
		b, ok := in.Binding.(*schema.FunctionArgument)
		if !ok {
			continue
		}
		names[b.Index] = in.Name
		if m, ok := given[in.Name]; ok {
			byIndex[b.Index] = m
		}
	}
	// Those before an argument without a name can't be left out.
	needed := len(f.Arguments) - f.Defaults
	for i := needed; i < len(f.Arguments); i++ {
		if _, given := byIndex[i]; f.Arguments[i].Name == "" && (given || skip[i]) {
			needed = i
		}
	}
	for i, parameter := range f.Arguments {
		if skip[i] {
			continue
		}
		v, ok := byIndex[i]
		if !ok {
			if i < needed {
				return invalid(path, "missing required field '%s'", names[i])
			}
			continue
		}
		call.Arguments = append(call.Arguments, plan.FunctionArgument{Name: parameter.Name, Position: i, Type: parameter.Type, Value: v})
	}
	return nil
}

func argumentOf(f *schema.Field, kind schema.ArgumentKind) (*schema.Input, bool) {
	for _, a := range f.Args {
		if b, ok := a.Binding.(*schema.Argument); ok && b.Kind == kind {
			return a, true
		}
	}
	return nil, false
}

// inputObject reads an argument that is a flat input object, by field name.
func (p *planner) inputObject(s *selected, a *schema.Input, path string) (map[string]plan.Value, error) {
	out := map[string]plan.Value{}
	v, err := p.load(s.argument(a.Name), a.Type, false, path)
	if err != nil {
		return nil, err
	}
	if v.missing || v.isNull() {
		if a.Type.NonNull {
			return nil, invalid(path, "missing required field '%s'", a.Name)
		}
		return out, nil
	}
	t := a.Type.Base()
	members, err := v.object(t.Name, path)
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		here := under(path, m.key)
		in, ok := t.Input(m.key)
		if !ok {
			return nil, invalid(here, "field '%s' not found in type: '%s'", m.key, t.Name)
		}
		inner, err := p.of(m, in.Type, false, here)
		if err != nil {
			return nil, err
		}
		if inner.missing {
			continue
		}
		if out[in.Name], err = p.symbolic(inner, in.Type, here); err != nil {
			return nil, err
		}
	}
	for _, in := range t.Inputs() {
		if _, ok := out[in.Name]; !ok && in.Type.NonNull && in.Default == "" {
			return nil, invalid(under(path, in.Name), "missing required field '%s'", in.Name)
		}
	}
	return out, nil
}
