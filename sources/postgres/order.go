package postgres

import (
	"fmt"

	"dovetail/internal/plan"
	"dovetail/sources"
	"dovetail/sources/sqlgen"
)

// orderBy makes an ORDER BY list. What is ordered by an object relationship is
// joined to q when a unique key makes that safe.
func (c *compiler) orderBy(order []plan.Order, s *scope, q *query) ([]ordering, error) {
	out := make([]ordering, 0, len(order))
	for _, o := range order {
		value, err := c.orderKey(o.By, s, q)
		if err != nil {
			return nil, err
		}
		by := ordering{Value: value, Descending: o.Descending}
		switch o.Nulls {
		case plan.NullsDefault: // Postgres's own default is v2's
		case plan.NullsFirst:
			by.Nulls = nullsFirst
		case plan.NullsLast:
			by.Nulls = nullsLast
		default:
			return nil, fmt.Errorf("unknown order of nulls %q", o.Nulls)
		}
		out = append(out, by)
	}
	return out, nil
}

func (c *compiler) orderKey(key plan.OrderKey, s *scope, q *query) (expression, error) {
	switch key := key.(type) {
	case *plan.OrderColumn:
		return c.guarded(s.column(key.Column.Name), key.Guard, s)
	case *plan.OrderComputed:
		value, err := c.scalarCall(key.Call, s)
		if err != nil {
			return nil, err
		}
		return c.guarded(value, key.Guard, s)
	case *plan.OrderRelated:
		return c.orderRelated(key, s, q)
	case *plan.OrderRanked:
		return c.orderRanked(key, s, q)
	case *plan.OrderAggregate:
		return c.orderAggregate(key, s)
	}
	return nil, fmt.Errorf("unknown kind of order key %T", key)
}

func (c *compiler) orderRelated(key *plan.OrderRelated, s *scope, q *query) (expression, error) {
	if !sqlgen.Plain(&key.Target) {
		return nil, sources.NotSupported("ordering by limited rows of relationship %q is not supported", key.Relationship)
	}
	if sqlgen.Identifies(&key.Target) {
		joined, err := c.leftJoin(&key.Target, s, q)
		if err != nil {
			return nil, err
		}
		return c.orderKey(key.By, joined, q)
	}
	rows, err := c.rows(&key.Target, rowsRequest{outer: s, single: true})
	if err != nil {
		return nil, err
	}
	value, err := c.orderKey(key.By, rows.scope, rows.query)
	if err != nil {
		return nil, err
	}
	rows.query.items = []item{{Value: value}}
	return sqlgen.Subquery(rows.query), nil
}

// leftJoin joins the at most one row that a unique key identifies.
func (c *compiler) leftJoin(r *plan.Rows, outer *scope, q *query) (*scope, error) {
	source, s, err := c.relation(r.From, outer)
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

// orderAggregate is null where an outer join found no row whose related rows
// could be aggregated.
func (c *compiler) orderAggregate(key *plan.OrderAggregate, s *scope) (expression, error) {
	value, err := c.aggregateKey(key, s)
	if err == nil && key.Function == "count" && s.present != nil {
		value = sqlgen.CaseWhen(s.present, value)
	}
	return value, err
}

func (c *compiler) aggregateKey(key *plan.OrderAggregate, s *scope) (expression, error) {
	if !sqlgen.Plain(&key.Target) {
		return nil, sources.NotSupported("ordering by an aggregate of limited rows of relationship %q is not supported", key.Relationship)
	}
	if c.keyed != nil && c.keyed.grouped && c.keyed.scope == s {
		return c.orderedAggregate(key, s)
	}
	if c.sharesKey(&key.Target, s) {
		value, err := c.ofSharedKey(&key.Target, func(inner *scope) (expression, error) { return c.orderedAggregate(key, inner) })
		if err == nil && key.Function == "count" {
			value = orZero(value)
		}
		return value, err
	}
	rows, err := c.rows(&key.Target, rowsRequest{outer: s})
	if err != nil {
		return nil, err
	}
	aggregate, err := c.orderedAggregate(key, rows.scope)
	if err != nil {
		return nil, err
	}
	rows.query.orderBy = nil
	rows.query.items = []item{{Value: aggregate}}
	return sqlgen.Subquery(rows.query), nil
}

// orderedAggregate is the aggregate of rows that others are ordered by.
func (c *compiler) orderedAggregate(key *plan.OrderAggregate, s *scope) (expression, error) {
	if key.Function == "count" {
		return &call{Name: "count", Star: true}, nil
	}
	name, ok := aggregateFunctions[key.Function]
	if !ok {
		return nil, sources.NotSupported("the aggregate function %q is not supported", key.Function)
	}
	value := s.column(key.Column.Name)
	if key.Computed != nil {
		call, err := c.functionCall(key.Computed, s)
		if err != nil {
			return nil, err
		}
		value = call
	} else if err := checkAggregate(key.Column.Type, key.Function); err != nil {
		return nil, err
	}
	value, err := c.guarded(value, key.Guard, s)
	return aggregateOf(name, value, key.Column.Type, nil), err
}
