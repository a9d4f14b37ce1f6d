package postgres

import (
	"strconv"

	"dovetail/plan"
	"dovetail/sources/sqlgen"
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
	return c.keyed != nil && c.keyed.scope == row && sqlgen.SharesKey(r, c.keyed.table) && !sqlgen.Identifies(r)
}

// ofSharedKey is an aggregate of the rows that share the key of a row, null
// where there are none.
func (c *compiler) ofSharedKey(r *plan.Rows, aggregate func(*scope) (expression, error)) (expression, error) {
	const value = "v"
	source, s, err := c.relation(r.From, nil)
	if err != nil {
		return nil, err
	}
	groups := &query{from: []fromItem{{Source: source, Alias: s.alias}}}
	if groups.where, err = c.filter(r, s); err != nil {
		return nil, err
	}
	joined := fromItem{Join: sqlgen.LeftJoin, Source: sqlgen.Subquery(groups), Alias: c.alias()}
	for i, on := range r.On {
		key := s.column(on.Column.Name)
		groups.items = append(groups.items, item{Value: key, Alias: "k" + strconv.Itoa(i)})
		groups.groupBy = append(groups.groupBy, key)
		joined.On = append(joined.On, sqlgen.Infix("=", sqlgen.Column(joined.Alias, "k"+strconv.Itoa(i)), c.keyed.scope.column(on.Outer.Name)))
	}
	e, err := aggregate(s)
	if err != nil {
		return nil, err
	}
	groups.items = append(groups.items, item{Value: e, Alias: value})
	c.keyed.query.from = append(c.keyed.query.from, joined)
	return sqlgen.Column(joined.Alias, value), nil
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
		return orFalse(sqlgen.And(parts...)), nil
	case len(parts) == 1:
		return parts[0], nil
	}
	return sqlgen.And(parts...), nil
}

// orZero is a count, which is 0 where nothing is joined.
func orZero(e expression) expression {
	return sqlgen.Function("coalesce", e, keyword("0"))
}
