package mssql

import (
	"fmt"

	"dovetail/internal/plan"
	"dovetail/sources"
	"dovetail/sources/sqlgen"
)

// nullsFirst tells where nulls stand. Without a wish it is where SQL Server
// puts them and v2 leaves them: they are less than everything. A change of that
// default is a change of this function.
func nullsFirst(o plan.Order) (bool, error) {
	switch o.Nulls {
	case plan.NullsDefault:
		return !o.Descending, nil
	case plan.NullsFirst:
		return true, nil
	case plan.NullsLast:
		return false, nil
	}
	return false, fmt.Errorf("unknown order of nulls %q", o.Nulls)
}

// orderBy makes an ORDER BY list, in which nothing may stand twice. What is
// ordered by a related row is joined to q.
func (c *compiler) orderBy(order []plan.Order, s *scope, q *query) ([]ordering, error) {
	out := make([]ordering, 0, len(order))
	known := map[string]bool{}
	for _, o := range order {
		value, err := c.orderKey(o.By, s, q)
		if err != nil {
			return nil, err
		}
		text := dialect.SQL(value)
		if known[text] {
			continue // a second time, it changes nothing
		}
		known[text] = true
		first, err := nullsFirst(o)
		if err != nil {
			return nil, err
		}
		if first == o.Descending && !neverNull(o.By, s) {
			rank := sqlgen.CaseElse(sqlgen.NullTest(value, first), one, zero)
			out = append(out, ordering{Value: rank})
		}
		out = append(out, ordering{Value: value, Descending: o.Descending})
	}
	return out, nil
}

// neverNull tells keys whose nulls need no place of their own, so that an index
// may serve the order.
func neverNull(key plan.OrderKey, s *scope) bool {
	switch key := key.(type) {
	case *plan.OrderColumn:
		return !key.Column.Nullable && key.Guard == nil && s.present == nil
	case *plan.OrderAggregate:
		return key.Function == functionCount
	case *plan.OrderRanked:
		return key.Missing >= 0 && s.present == nil
	case *plan.OrderRelated, *plan.OrderComputed:
	}
	return false
}

func (c *compiler) orderKey(key plan.OrderKey, s *scope, q *query) (expression, error) {
	switch key := key.(type) {
	case *plan.OrderColumn:
		t := declared(key.Column.Type)
		if t.spatial() {
			return nil, sources.NotSupported("SQL Server can't order by the column %q of the type %q", key.Column.Name, t.base)
		}
		return c.guarded(comparing(s.column(key.Column.Name), t), key.Guard, s)
	case *plan.OrderComputed:
		return nil, computed(key.Call)
	case *plan.OrderRelated:
		return c.orderRelated(key, s, q)
	case *plan.OrderAggregate:
		return c.orderAggregate(key, s, q)
	case *plan.OrderRanked:
		return c.orderRanked(key, s, q)
	}
	return nil, fmt.Errorf("unknown kind of order key %T", key)
}

func (c *compiler) orderRelated(key *plan.OrderRelated, s *scope, q *query) (expression, error) {
	if !sqlgen.Plain(&key.Target) {
		return nil, sources.NotSupported("ordering by limited rows of relationship %q is not supported", key.Relationship)
	}
	joined, err := c.joinOne(&key.Target, s, q)
	if err != nil {
		return nil, err
	}
	return c.orderKey(key.By, joined, q)
}

// joinOne joins the at most one row that is wanted of some: by LEFT JOIN where a
// unique key identifies it, otherwise the first.
func (c *compiler) joinOne(r *plan.Rows, outer *scope, q *query) (*scope, error) {
	if sqlgen.Plain(r) && sqlgen.Identifies(r) && r.PermitLimit != 0 {
		return c.leftJoin(r, outer, q)
	}
	rows, err := c.rows(r, rowsRequest{outer: outer, single: true, permitLimit: true})
	if err != nil {
		return nil, err
	}
	inner := rows.query
	inner.star = rows.scope.alias
	inner.items = append(inner.items, item{Value: one, Alias: presentColumn})
	s := &scope{alias: c.alias()}
	s.present = sqlgen.IsNotNull(s.column(presentColumn))
	q.from = append(q.from, fromItem{Join: outerApply, Source: sqlgen.Subquery(inner), Alias: s.alias})
	return s, nil
}

// leftJoin joins the at most one row that a unique key identifies.
func (c *compiler) leftJoin(r *plan.Rows, outer *scope, q *query) (*scope, error) {
	source, s, err := c.relation(r.From)
	if err != nil {
		return nil, err
	}
	on, err := c.correlations(r.On, outer, s)
	if err != nil {
		return nil, err
	}
	filter, err := c.filter(r, s)
	if err != nil {
		return nil, err
	}
	s.present = sqlgen.IsNotNull(s.column(r.On[0].Column.Name))
	q.from = append(q.from, fromItem{Join: sqlgen.LeftJoin, Source: source, Alias: s.alias, On: append(on, filter...)})
	return s, nil
}

// orderAggregate joins the row of one aggregate.
func (c *compiler) orderAggregate(key *plan.OrderAggregate, s *scope, q *query) (expression, error) {
	if !sqlgen.Plain(&key.Target) {
		return nil, sources.NotSupported("ordering by an aggregate of limited rows of relationship %q is not supported", key.Relationship)
	}
	if key.Computed != nil {
		return nil, computed(key.Computed)
	}
	if c.sharesKey(&key.Target, s) {
		value, err := c.ofSharedKey(&key.Target, func(a *aggregator) (expression, error) { return a.ordered(key) })
		if key.Function == functionCount {
			value = sqlgen.Function("ISNULL", value, zero)
		}
		return value, err
	}
	target := key.Target
	target.OrderBy = nil
	rows, err := c.rows(&target, rowsRequest{outer: s})
	if err != nil {
		return nil, err
	}
	a := newAggregator(c, rows)
	value, err := a.ordered(key)
	if err != nil {
		return nil, err
	}
	const name = "v"
	alias := c.alias()
	q.from = append(q.from, fromItem{Join: outerApply, Source: sqlgen.Subquery(a.query([]item{{Value: value, Alias: name}})), Alias: alias})
	return sqlgen.Column(alias, name), nil
}
