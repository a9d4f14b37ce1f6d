package planner

import (
	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/plan"
)

// joinRows plans a remote relationship to a table: a fragment of its own on the
// target's source, evaluated for a set of keys.
func (p *planner) joinRows(s *selected, r *catalog.ToSource, h *holder) (*plan.Join, error) {
	below := newHolder(h.path)
	var join *plan.Join
	err := p.within(below, func() error {
		var err error
		join, err = p.rowsBelow(s, r, below)
		return err
	})
	if err != nil {
		return nil, err
	}
	return h.add(join), nil
}

func (p *planner) rowsBelow(s *selected, r *catalog.ToSource, below *holder) (*plan.Join, error) {
	rows, bindings, keys, err := p.keyed(r)
	if err != nil {
		return nil, err
	}
	card, onNull := plan.One, "null"
	if r.Array {
		card, onNull = plan.Many, "[]"
	} else {
		rows.PermitLimit = -1
	}
	selection, err := p.selection(s, rows, card, below)
	if err != nil {
		return nil, err
	}
	child := p.fragment(r.Target.Source.Name, selection, bindings, below)
	return &plan.Join{Field: s.key, Relationship: r.Name, Child: child, Keys: keys, OnNull: p.onNull(onNull)}, nil
}

// onNull is what stands for a join that has no key: with strict remote joins v2's
// null, even where lists and aggregates can't be null.
func (p *planner) onNull(empty string) []byte {
	if p.schema.Catalog.Settings.StrictRemoteJoins {
		return []byte("null")
	}
	return []byte(empty)
}

// joinAggregate plans the aggregate of a remote relationship to a table.
func (p *planner) joinAggregate(s *selected, r *catalog.ToSource, h *holder) (*plan.Join, error) {
	below := newHolder(h.path)
	var join *plan.Join
	err := p.within(below, func() error {
		var err error
		join, err = p.aggregateBelow(s, r, below)
		return err
	})
	if err != nil {
		return nil, err
	}
	return h.add(join), nil
}

func (p *planner) aggregateBelow(s *selected, r *catalog.ToSource, below *holder) (*plan.Join, error) {
	rows, bindings, keys, err := p.keyed(r)
	if err != nil {
		return nil, err
	}
	aggregation, err := p.aggregation(s, rows, below)
	if err != nil {
		return nil, err
	}
	child := p.fragment(r.Target.Source.Name, aggregation, bindings, below)
	return &plan.Join{
		Field: s.key, Relationship: r.Name, Child: child, Keys: keys, OnNull: p.onNull(string(emptyAggregate(aggregation))),
	}, nil
}

// keyed gives the permitted rows of a remote relationship's target, tied to a
// binding set, and the keys of the left side.
func (p *planner) keyed(r *catalog.ToSource) (plan.Rows, []plan.Binding, []plan.JoinKey, error) {
	rows, err := p.permitted(r.Target)
	if err != nil {
		return rows, nil, nil, err
	}
	bindings := make([]plan.Binding, 0, len(r.Pairs))
	keys := make([]plan.JoinKey, 0, len(r.Pairs))
	for i, pair := range r.Pairs {
		column := pair.Right.Plan()
		rows.On = append(rows.On, plan.Correlation{Column: column, Binding: i})
		bindings = append(bindings, plan.Binding{Name: column.Name, Type: column.Type})
		key := leftKey(pair.Left)
		key.Cast = pair.Cast
		keys = append(keys, key)
	}
	return rows, bindings, keys, nil
}

func leftKey(l catalog.LeftField) plan.JoinKey {
	key := plan.JoinKey{Name: l.Name, Cast: l.Cast}
	switch {
	case l.Column != nil:
		key.Type = l.Column.Info.Type
	case l.Computed != nil:
		key.Type = l.Computed.Function.Returns
		key.Computed = l.Computed.Call()
	case l.GraphQL != nil:
		key.Type = upstreamType(l.GraphQL)
	}
	return key
}

// upstreamType describes a scalar of a remote schema, or a list, to sources that
// bind it.
func upstreamType(t *ast.Type) plan.Type {
	if t.Elem != nil {
		element := upstreamType(t.Elem)
		return plan.Type{Name: t.String(), Scalar: element.Scalar, Class: plan.ClassArray, Element: &element}
	}
	name := t.Name()
	class := plan.ClassOther
	switch name {
	case "Int":
		class = plan.ClassInteger
	case "Float":
		class = plan.ClassNumber
	case "String", "ID":
		class = plan.ClassText
	case "Boolean":
		class = plan.ClassBoolean
	}
	return plan.Type{Name: name, Scalar: name, Class: class}
}
