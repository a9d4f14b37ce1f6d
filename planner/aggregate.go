package planner

import (
	"dovetail/internal/metadata/catalog"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/internal/schema"
)

func (p *planner) rootAggregate(s *selected, t *catalog.Table, h *holder) (plan.Query, error) {
	rows, err := p.permitted(t)
	if err != nil {
		return nil, err
	}
	return p.aggregation(s, rows, h)
}

// aggregation plans the arguments and fields of an aggregate over rows.
func (p *planner) aggregation(s *selected, rows plan.Rows, h *holder) (*plan.Aggregation, error) {
	if err := p.arguments(s, &rows); err != nil {
		return nil, err
	}
	on := s.field.Type.Base()
	members, err := p.collect(s.set(), on, s.path)
	if err != nil {
		return nil, err
	}
	out := &plan.Aggregation{Rows: rows}
	for _, m := range members {
		if m.field == nil {
			out.Fields = append(out.Fields, &plan.AggregateStatic{Key: m.key, JSON: orderedjson.AppendString(nil, on.Name)})
			continue
		}
		switch m.field.Binding.(type) {
		case *schema.AggregateFields:
			group, err := p.aggregateGroup(m)
			if err != nil {
				return nil, err
			}
			out.Fields = append(out.Fields, group)
		case *schema.AggregateNodes:
			fields, err := p.fieldsInside(m, h)
			if err != nil {
				return nil, err
			}
			out.Fields = append(out.Fields, &plan.AggregateNodes{Key: m.key, Fields: fields})
		default:
			return nil, &Error{Code: CodeUnexpected, Path: m.path, Message: "'" + m.field.Name + "' is not part of an aggregate"}
		}
	}
	return out, nil
}

func (p *planner) aggregateGroup(s *selected) (*plan.AggregateGroup, error) {
	on := s.field.Type.Base()
	members, err := p.collect(s.set(), on, s.path)
	if err != nil {
		return nil, err
	}
	group := &plan.AggregateGroup{Key: s.key}
	for _, m := range members {
		if m.field == nil {
			group.Items = append(group.Items, &plan.AggregateItemStatic{Key: m.key, JSON: orderedjson.AppendString(nil, on.Name)})
			continue
		}
		switch b := m.field.Binding.(type) {
		case *schema.CountField:
			item, err := p.countItem(m)
			if err != nil {
				return nil, err
			}
			group.Items = append(group.Items, item)
		case *schema.FunctionFields:
			item, err := p.functionItem(m, b.Function)
			if err != nil {
				return nil, err
			}
			group.Items = append(group.Items, item)
		default:
			return nil, &Error{Code: CodeUnexpected, Path: m.path, Message: "'" + m.field.Name + "' is not an aggregate"}
		}
	}
	return group, nil
}

func (p *planner) countItem(s *selected) (*plan.Count, error) {
	out := &plan.Count{Key: s.key}
	for _, a := range s.field.Args {
		b, ok := a.Binding.(*schema.Argument)
		if !ok {
			continue
		}
		here := under(s.path+".args", a.Name)
		v, err := p.load(s.argument(a.Name), a.Type, false, here)
		if err != nil {
			return nil, err
		}
		if v.missing || v.isNull() {
			continue
		}
		switch {
		case b.Kind == schema.ArgDistinct:
			out.Distinct, err = boolean(v, a, here)
		case a.Type.List != nil:
			out.Columns, out.Guards, err = p.guardedColumns(v, *a.Type.List, here)
		default:
			var c plan.Column
			var guard plan.Predicate
			c, guard, err = p.column(v, a.Type, here)
			out.Columns, out.Guards = []plan.Column{c}, []plan.Predicate{guard}
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (p *planner) functionItem(s *selected, function string) (*plan.AggregateFunction, error) {
	on := s.field.Type.Base()
	members, err := p.collect(s.set(), on, s.path)
	if err != nil {
		return nil, err
	}
	out := &plan.AggregateFunction{Key: s.key, Name: function}
	for _, m := range members {
		if m.field == nil {
			out.Columns = append(out.Columns, plan.AggregateColumn{Key: m.key, Static: orderedjson.AppendString(nil, on.Name)})
			continue
		}
		column, err := p.aggregateColumn(m)
		if err != nil {
			return nil, err
		}
		out.Columns = append(out.Columns, *column)
	}
	return out, nil
}

// aggregateColumn plans what stands under an aggregate function: a column or a
// scalar computed field.
func (p *planner) aggregateColumn(s *selected) (*plan.AggregateColumn, error) {
	switch b := s.field.Binding.(type) {
	case *schema.FunctionColumn:
		guard, err := p.settle(b.Guard)
		return &plan.AggregateColumn{
			Key: s.key, Column: b.Column.Plan(), Guard: guard, Stringify: p.stringify(b.Column.Info.Type),
		}, err
	case *schema.FunctionComputed:
		guard, err := p.settle(b.Guard)
		if err != nil {
			return nil, err
		}
		c := b.Computed
		call := c.Call()
		err = p.functionArguments(s, c.Function, map[int]bool{c.TableArgument: true, c.SessionArgument: true}, call)
		return &plan.AggregateColumn{
			Key: s.key, Computed: call, Result: c.Function.Returns, Guard: guard, Stringify: p.stringify(c.Function.Returns),
		}, err
	}
	return nil, &Error{Code: CodeUnexpected, Path: s.path, Message: "'" + s.field.Name + "' is not a column"}
}

// emptyAggregate is the value of an aggregation over no rows.
func emptyAggregate(a *plan.Aggregation) []byte {
	out := []byte{'{'}
	for i, f := range a.Fields {
		if i > 0 {
			out = append(out, ',')
		}
		switch f := f.(type) {
		case *plan.AggregateStatic:
			out = append(appendKey(out, f.Key), f.JSON...)
		case *plan.AggregateNodes:
			out = append(appendKey(out, f.Key), "[]"...)
		case *plan.AggregateGroup:
			out = emptyGroup(appendKey(out, f.Key), f)
		}
	}
	return append(out, '}')
}

func emptyGroup(out []byte, g *plan.AggregateGroup) []byte {
	out = append(out, '{')
	for i, item := range g.Items {
		if i > 0 {
			out = append(out, ',')
		}
		switch item := item.(type) {
		case *plan.AggregateItemStatic:
			out = append(appendKey(out, item.Key), item.JSON...)
		case *plan.Count:
			out = append(appendKey(out, item.Key), '0')
		case *plan.AggregateFunction:
			out = append(appendKey(out, item.Key), '{')
			for j, c := range item.Columns {
				if j > 0 {
					out = append(out, ',')
				}
				out = appendKey(out, c.Key)
				if c.Static != nil {
					out = append(out, c.Static...)
				} else {
					out = append(out, "null"...)
				}
			}
			out = append(out, '}')
		}
	}
	return append(out, '}')
}

func appendKey(out []byte, key string) []byte {
	return append(orderedjson.AppendString(out, key), ':')
}
