package planner

import (
	"dovetail/internal/metadata/catalog"
	"dovetail/internal/plan"
	"dovetail/internal/schema"
)

// rootNative plans a native query read like a table.
func (p *planner) rootNative(s *selected, q *catalog.NativeQuery, h *holder) (plan.Query, error) {
	rows, err := p.nativeRows(s, q)
	if err != nil {
		return nil, err
	}
	return p.selection(s, rows, plan.Many, h)
}

// nativeRelated plans a relationship between native queries.
func (p *planner) nativeRelated(s *selected, r *catalog.NativeRelationship, from *catalog.Table, h *holder) (plan.Field, error) {
	rows, err := p.nativeRows(s, r.Target)
	if err != nil {
		return nil, err
	}
	target := r.Target.Returns.Rows
	for i := range r.Left {
		left, leftOK := from.Column(r.Left[i])
		right, rightOK := target.Column(r.Right[i])
		if !leftOK || !rightOK {
			return nil, &Error{Code: CodeUnexpected, Path: s.path, Message: "relationship \"" + r.Name + "\" has no columns"}
		}
		rows.On = append(rows.On, plan.Correlation{Column: right.Plan(), Outer: left.Plan(), Binding: -1})
	}
	card := plan.Many
	if !r.Array {
		card, rows.PermitLimit = plan.One, -1
	}
	selection, err := p.selection(s, rows, card, h)
	return &plan.NestedField{Key: s.key, Relationship: r.Name, Selection: selection}, err
}

// nativeRows gives the permitted rows of a native query, with its arguments.
func (p *planner) nativeRows(s *selected, q *catalog.NativeQuery) (plan.Rows, error) {
	rows, err := p.permitted(q.Returns.Rows)
	if err != nil {
		return rows, err
	}
	given := map[string]plan.Value{}
	if a, ok := argumentOf(s.field, schema.ArgArgs); ok {
		if given, err = p.inputObject(s, a, under(s.path+".args", a.Name)); err != nil {
			return rows, err
		}
	}
	if q.Procedure != nil {
		rows.From = procedureCall(q, given)
		return rows, nil
	}
	native := &plan.NativeQuery{Name: q.Name}
	for _, part := range q.Parts {
		if part.Argument < 0 {
			native.Parts = append(native.Parts, plan.NativeQueryPart{SQL: part.SQL})
			continue
		}
		a := q.Arguments[part.Argument]
		v, ok := given[a.Name]
		if !ok {
			v = &plan.Literal{}
		}
		native.Parts = append(native.Parts, plan.NativeQueryPart{Type: a.Type, Value: v})
	}
	rows.From = native
	return rows, nil
}

// procedureCall calls a stored procedure with the arguments that are given; for
// others, the procedure has defaults.
func procedureCall(q *catalog.NativeQuery, given map[string]plan.Value) *plan.FunctionCall {
	call := &plan.FunctionCall{Schema: q.Procedure.Schema, Name: q.Procedure.Name}
	for _, a := range q.Arguments {
		if v, ok := given[a.Name]; ok {
			call.Arguments = append(call.Arguments, plan.FunctionArgument{Name: a.Name, Type: a.Type, Value: v})
		}
	}
	for _, f := range q.Returns.Fields {
		call.Results = append(call.Results, f.Column.Plan())
	}
	return call
}
