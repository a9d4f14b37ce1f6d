package postgres

import (
	"slices"
	"strconv"

	"dovetail/plan"
)

// A fragment that is wanted for its keys may ask for aggregates of all rows that
// share a row's key. Looked up row by row they would read the table as often as
// it has rows; so they are computed once for all keys, and joined.

// keyedRows are the rows of a fragment that is wanted for its keys.
type keyedRows struct {
	table *plan.Table
	scope *scope
	query *query
}

// sharesKey tells whether related rows are those rows of the same table that
// have the row's own values in some columns.
func (c *compiler) sharesKey(r *plan.Rows, row *scope) bool {
	if c.keyed == nil || c.keyed.scope != row || len(r.On) == 0 || !plainRows(r) || identifies(r) || refersToRoot(r.Where) {
		return false
	}
	if t, ok := r.From.(*plan.Table); !ok || t.Schema != c.keyed.table.Schema || t.Name != c.keyed.table.Name {
		return false
	}
	for _, on := range r.On {
		if on.Binding >= 0 || on.Column.Name != on.Outer.Name {
			return false
		}
	}
	return true
}

// ofSharedKey is an aggregate of the rows that share the key of a row, null
// where there are none.
func (c *compiler) ofSharedKey(r *plan.Rows, aggregate func(*scope) (expression, error)) (expression, error) {
	const value = "v"
	source, s, err := c.relation(r.From, nil)
	if err != nil {
		return nil, err
	}
	groups := &query{from: []fromItem{{source: source, alias: s.alias}}}
	if groups.where, err = c.filter(r, s); err != nil {
		return nil, err
	}
	joined := fromItem{join: leftJoin, source: derivedTable{groups}, alias: c.alias()}
	for i, on := range r.On {
		key := s.column(on.Column.Name)
		groups.items = append(groups.items, item{value: key, alias: "k" + strconv.Itoa(i)})
		groups.groupBy = append(groups.groupBy, key)
		joined.on = append(joined.on, infix{"=", columnOf{joined.alias, "k" + strconv.Itoa(i)}, c.keyed.scope.column(on.Outer.Name)})
	}
	e, err := aggregate(s)
	if err != nil {
		return nil, err
	}
	groups.items = append(groups.items, item{value: e, alias: value})
	c.keyed.query.from = append(c.keyed.query.from, joined)
	return columnOf{joined.alias, value}, nil
}

// compareSharedKey compares an aggregate of the rows that share the key of a
// row. As EXISTS it is never null where it is negated.
func (c *compiler) compareSharedKey(p *plan.CompareAggregate, s predicateScope) (expression, error) {
	var result plan.Type
	value, err := c.ofSharedKey(&p.Target, func(inner *scope) (expression, error) {
		aggregate, t, err := predicateAggregate(p, inner)
		result = t
		return aggregate, err
	})
	if err != nil {
		return nil, err
	}
	if p.Function == "count" {
		value = orZero(value)
	}
	parts, err := c.having(p, value, result)
	switch {
	case err != nil:
		return nil, err
	case len(parts) == 0:
		return keyword("true"), nil
	case s.negated:
		return orFalse(junction{"AND", parts}), nil
	case len(parts) == 1:
		return parts[0], nil
	}
	return junction{"AND", parts}, nil
}

// orZero is a count, which is 0 where nothing is joined.
func orZero(e expression) expression {
	return &call{name: "coalesce", arguments: []argument{{value: e}, {value: keyword("0")}}}
}

// refersToRoot tells whether a predicate compares with a column of the row that
// the whole predicate is about.
func refersToRoot(p plan.Predicate) bool {
	switch p := p.(type) {
	case *plan.And:
		return slices.ContainsFunc(p.Parts, refersToRoot)
	case *plan.Or:
		return slices.ContainsFunc(p.Parts, refersToRoot)
	case *plan.Not:
		return refersToRoot(p.Part)
	case *plan.CompareColumns:
		return p.RightRoot
	case *plan.Exists:
		return refersToRoot(p.Target.Where)
	case *plan.CompareAggregate:
		return refersToRoot(p.Target.Where)
	case *plan.Const, *plan.Compare, *plan.IsNull, *plan.InKeys:
	}
	return false
}
