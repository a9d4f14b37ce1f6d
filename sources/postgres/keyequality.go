package postgres

import (
	"slices"
	"strconv"

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
	// grouped: they are grouped by key, as the rows that are aggregated.
	grouped bool
}

// groups tells whether the rows that are wanted for their keys are those that
// their ranks aggregate, so that the groups are computed once: the conditions are
// the same, but for such as hold for all rows of a key.
func (c *compiler) groups(j *plan.Join, r *plan.Rows) bool {
	if c.keyed == nil || len(j.Keys) == 0 || len(r.OrderBy) > 0 {
		return false
	}
	rank, ok := j.Keys[0].Rank.(*plan.OrderAggregate)
	if !ok || !sqlgen.SharesKey(&rank.Target, c.keyed.table) || len(rank.Target.On) != len(r.DistinctOn) {
		return false
	}
	isKey := func(c plan.Column) bool {
		return slices.ContainsFunc(r.DistinctOn, func(k plan.Column) bool { return k.Name == c.Name })
	}
	var known []string
	var present []plan.Column
	for _, part := range plan.Conjuncts(r.Where) {
		switch part := part.(type) { //nolint:gochecksumtype // others may tell rows of one key apart
		case *plan.InKeys:
			if slices.ContainsFunc(part.Columns, func(c plan.Column) bool { return !isKey(c) }) {
				return false
			}
			present = append(present, part.Columns...)
		case *plan.IsNull:
			if left, ok := part.Left.(*plan.ColumnOperand); !ok || left.Guard != nil || !isKey(left.Column) {
				return false
			} else if part.Negate {
				present = append(present, left.Column)
			}
		default:
			return false
		}
		known = append(known, plan.PredicateText(part))
	}
	for _, part := range plan.Conjuncts(rank.Target.Where) {
		if !slices.Contains(known, plan.PredicateText(part)) {
			return false
		}
	}
	// Rows without a key are a group that nothing is aggregated for.
	if slices.ContainsFunc(r.DistinctOn, func(k plan.Column) bool {
		return !slices.ContainsFunc(present, func(c plan.Column) bool { return c.Name == k.Name })
	}) {
		return false
	}
	return plan.PredicateText(r.Permit) == plan.PredicateText(rank.Target.Permit) &&
		!slices.ContainsFunc(rank.Target.On, func(on plan.Correlation) bool { return !isKey(on.Column) })
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
		aggregate, t, err := c.predicateAggregate(p, inner)
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
