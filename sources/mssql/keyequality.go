package mssql

import (
	"slices"

	"dovetail/internal/plan"
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

// distinctKeys makes wanted keys distinct in the way that costs least: there is
// nothing to do where each row has a key of its own, DISTINCT serves where there
// is nothing but the keys. It reports whether rows remain to be told apart.
func distinctKeys(j *plan.Join, r *plan.Rows, q *query) bool {
	if len(r.DistinctOn) == 0 {
		return false
	}
	distinct := make([]plan.Correlation, 0, len(r.DistinctOn))
	for i, column := range r.DistinctOn {
		if r.DistinctGuard(i) != nil {
			return true
		}
		distinct = append(distinct, plan.Correlation{Column: column})
	}
	if sqlgen.Identifies(&plan.Rows{From: r.From, On: distinct}) {
		return false
	}
	plain := func(k plan.JoinKey) bool {
		return k.Rank == nil && k.Computed == nil &&
			slices.ContainsFunc(r.DistinctOn, func(c plan.Column) bool { return c.Name == k.Name })
	}
	if len(r.OrderBy) > 0 || r.Offset != nil || len(j.Keys) != len(r.DistinctOn) ||
		slices.ContainsFunc(j.Keys, func(k plan.JoinKey) bool { return !plain(k) }) {
		return true
	}
	if r.DistinctTexts && slices.ContainsFunc(r.DistinctOn, func(c plan.Column) bool { return c.Equality.Folds() }) {
		return true // DISTINCT compares as the columns do
	}
	q.distinct = true
	return false
}

// sharesKey reports whether related rows are those rows of the same table that
// have the row's own values in some columns.
func (c *compiler) sharesKey(r *plan.Rows, row *scope) bool {
	return c.keyed != nil && c.keyed.scope == row && sqlgen.SharesKey(r, c.keyed.table) && !sqlgen.Identifies(r) &&
		!slices.ContainsFunc(r.On, func(on plan.Correlation) bool { return declared(on.Column.Type).spatial() })
}

// ofSharedKey is an aggregate of the rows that share the key of a row, null
// where there are none.
func (c *compiler) ofSharedKey(r *plan.Rows, aggregate func(*aggregator) (expression, error)) (expression, error) {
	const value = "v"
	source, s, err := c.relation(r.From)
	if err != nil {
		return nil, err
	}
	rows := &query{from: []fromItem{{Source: source, Alias: s.alias}}}
	if rows.where, err = c.filter(r, s); err != nil {
		return nil, err
	}
	a := newAggregator(c, &rowsQuery{query: rows, scope: s})
	joined := fromItem{Join: sqlgen.LeftJoin, Alias: c.alias()}
	var keys []expression
	var items []item
	for i, on := range r.On {
		t := declared(on.Column.Type)
		key := a.input(comparing(s.column(on.Column.Name), t))
		keys = append(keys, key)
		items = append(items, item{Value: key, Alias: bindingKey(i)})
		left := comparing(c.keyed.scope.column(on.Outer.Name), t)
		joined.On = append(joined.On, sqlgen.Infix("=", sqlgen.Column(joined.Alias, bindingKey(i)), left))
	}
	e, err := aggregate(a)
	if err != nil {
		return nil, err
	}
	groups := a.query(append(items, item{Value: e, Alias: value}))
	groups.groupBy = keys
	joined.Source = sqlgen.Subquery(groups)
	c.keyed.query.from = append(c.keyed.query.from, joined)
	return sqlgen.Column(joined.Alias, value), nil
}

// compareSharedKey compares an aggregate of the rows that share the key of a
// row. Like EXISTS, it is true or false.
func (c *compiler) compareSharedKey(p *plan.CompareAggregate) (expression, error) {
	var result plan.Type
	value, err := c.ofSharedKey(&p.Target, func(a *aggregator) (expression, error) {
		aggregate, t, err := a.predicateAggregate(p)
		result = t
		return aggregate, err
	})
	if err != nil {
		return nil, err
	}
	if p.Function == functionCount {
		value = sqlgen.Function("ISNULL", value, zero)
	}
	parts, err := c.having(p, value, result)
	if err != nil || len(parts) == 0 {
		return dialect.Always, err
	}
	return sqlgen.Infix("=", sqlgen.CaseElse(sqlgen.And(parts...), one, zero), one), nil
}

// having are the comparisons of an aggregate's value.
func (c *compiler) having(p *plan.CompareAggregate, value expression, result plan.Type) ([]expression, error) {
	var out []expression
	for _, h := range p.Having {
		if h.IsNull != nil {
			out = append(out, sqlgen.NullTest(value, !*h.IsNull))
			continue
		}
		e, err := c.comparison(value, result, h.Operator, h.Right)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}
