package sqlite

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
	query *query
}

// keyedQuery starts the query of rows that are wanted for their keys.
func (c *compiler) keyedQuery(rows *plan.Rows) *query {
	q := &query{c: c, alias: c.newAlias()}
	c.relation(&q.from, rows.From, q.alias)
	if table, ok := rows.From.(*plan.Table); ok {
		c.keyed = &keyedRows{table: table, query: q}
	}
	q.where = c.conditions(rows, q.alias, outer{})
	return q
}

// distinctKeys makes rows distinct by their keys in the cheapest way: not at
// all where each row has a key of its own, by DISTINCT where there is nothing
// but the keys. Of several rows with one key the least rank counts.
func (q *query) distinctKeys(j *plan.Join, rows *plan.Rows) {
	if len(q.partition) == 0 {
		return
	}
	distinct := map[string]bool{}
	for _, column := range rows.DistinctOn {
		distinct[column.Name] = true
	}
	if sqlgen.HasUniqueKey(rows.From, func(column string) bool { return distinct[column] }) {
		q.partition = nil
		return
	}
	if len(q.order) > 0 || len(j.Keys) == 0 {
		return
	}
	if j.Keys[0].Rank != nil {
		q.order = q.ranked
		return
	}
	if rows.DistinctTexts && slices.ContainsFunc(rows.DistinctOn, func(c plan.Column) bool { return c.Equality.Folds() }) {
		return // DISTINCT compares as the columns do
	}
	for _, key := range j.Keys {
		if !distinct[key.Name] || key.Computed != nil {
			return
		}
		delete(distinct, key.Name)
	}
	q.distinct = len(distinct) == 0
	if q.distinct {
		q.partition = nil
	}
}

// sharesKey tells whether related rows are those rows of the same table that
// have the row's own values in some columns.
func (c *compiler) sharesKey(rows *plan.Rows, here *scope) bool {
	return c.keyed != nil && c.keyed.query.alias == here.alias && c.keyed.query.joins < maximumJoins &&
		sqlgen.SharesKey(rows, c.keyed.table) && !joinable(rows)
}

// ofSharedKey joins an aggregate of the rows that share the key of a row, and
// gives its value: null where there are none.
func (c *compiler) ofSharedKey(rows *plan.Rows, aggregate func(b *builder, a alias)) *builder {
	groups := *rows
	groups.On = nil
	inner, joined := c.newAlias(), c.newAlias()
	value, keys := &builder{}, &builder{}
	aggregate(value, inner)
	from := &c.keyed.query.from
	c.keyed.query.joins++
	on := &builder{}
	selected := &builder{}
	for i, pair := range rows.On {
		if i > 0 {
			keys.write(", ")
			on.write(" AND ")
		}
		keys.column(inner, pair.Column.Name)
		selected.column(inner, pair.Column.Name)
		selected.numbered(" AS k", i)
		selected.write(", ")
		on.alias(joined)
		on.numbered(".k", i)
		on.write(" = ")
		on.column(c.keyed.query.alias, pair.Outer.Name)
	}
	source := &builder{}
	c.related(source, &groups, inner, 0)
	from.write(" LEFT JOIN (SELECT ")
	from.append(selected)
	from.append(value)
	from.write(" AS v")
	from.append(source)
	from.write(" GROUP BY ")
	from.append(keys)
	from.write(") AS ")
	from.alias(joined)
	from.write(" ON ")
	from.append(on)
	out := &builder{}
	out.alias(joined)
	out.write(".v")
	return out
}

// orZero is a count, which is 0 where nothing is joined.
func orZero(count *builder) *builder {
	b := &builder{}
	b.write("ifnull(")
	b.append(count)
	b.write(", 0)")
	return b
}
