package sqlite

import (
	"slices"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/sources/sqlgen"
)

const jsonNull = "null"

// rootSelection compiles a fragment that selects rows.
func (c *compiler) rootSelection(s *statement, sel *plan.Selection) {
	s.shape = &jsonshape.Shape{List: sel.Card == plan.Many, Absent: []byte(jsonNull)}
	if s.shape.List {
		s.shape.Absent = []byte("[]")
	}
	permitLimit := sel.PermitLimit
	if sel.Card == plan.One && permitLimit > 0 {
		permitLimit = -1 // no more than one row is written
	}
	b := &builder{}
	bounded := sel.Limit != nil || sel.Offset != nil || permitLimit >= 0 || len(sel.DistinctOn) > 0
	switch {
	case len(c.fragment.Bindings) == 0:
		keys := sqlgen.KeysOnly(sel)
		var q *query
		if keys != nil {
			q = c.keyedQuery(&sel.Rows)
		} else {
			q = c.newQuery(&sel.Rows, outer{})
		}
		s.shape.Object = c.fields(q, q.alias, sel.Fields)
		q.arrange(&sel.Rows, permitLimit)
		if keys != nil {
			q.distinctKeys(keys, &sel.Rows)
		}
		if sel.Card == plan.One && q.limit == nil {
			q.limit = &builder{}
			q.limit.write(" LIMIT 1")
		}
		q.write(b, "", false)
		s.layout = layoutCells
	case !bounded:
		q, sorted := c.newKeyedQuery(&sel.Rows)
		s.shape.Object = c.fields(q, q.alias, sel.Fields)
		q.arrange(&sel.Rows, -1)
		if !sorted || len(q.order) > 0 {
			byKey := orderTerm{expression: &builder{}, direction: &builder{}}
			byKey.expression.write("k.key")
			q.order = append([]orderTerm{byKey}, q.order...)
		}
		q.write(b, "k.key", false)
		s.layout = layoutOrdinal
	default:
		c.boundedSelection(s, b, sel, permitLimit)
	}
	s.sql = b.String()
}

// boundedSelection compiles rows of which each key has its own bound. With an
// index the rows of a key are read apart, no more than wanted, and come packed.
// Without one that would read the table for every key: the rows of all keys are
// read at once and numbered.
func (c *compiler) boundedSelection(s *statement, b *builder, sel *plan.Selection, permitLimit int) {
	if !c.keyIndexed(&sel.Rows) && len(sel.DistinctOn) == 0 {
		numbered := *c
		numbered.index = newParameterIndex()
		q, _ := numbered.newKeyedQuery(&sel.Rows)
		object := numbered.fields(q, q.alias, sel.Fields)
		if !q.nested {
			q.arrange(&sel.Rows, -1)
			q.limit = nil
			*c = numbered
			c.writeNumbered(b, q, sel, permitLimit)
			s.shape.Object, s.layout = object, layoutOrdinal
			return
		}
		// Subqueries would be run for rows beyond the bound too.
	}
	q, object := c.nestedQuery(sel, outer{keys: true}, permitLimit)
	b.write("SELECT k.key, ")
	b.append(q.packed())
	b.write(" FROM ")
	c.writeKeys(b)
	s.shape.Object, s.layout = object, layoutPacked
}

func (c *compiler) writeNumbered(b *builder, q *query, sel *plan.Selection, permitLimit int) {
	limit := c.parameter(parameter{convert: convertLimit, value: sel.Limit, permitLimit: permitLimit})
	offset := c.parameter(parameter{convert: convertOffset, value: sel.Offset})
	b.append(&q.with)
	b.write("SELECT k")
	for i := range q.cells {
		b.numbered(", c", i)
	}
	b.write(" FROM (SELECT ")
	q.writeCells(b, "k.key AS k", true)
	b.write(", row_number() OVER (PARTITION BY k.key")
	for i, term := range q.order {
		b.write(orderSeparator(i))
		b.append(term.expression)
		b.append(term.direction)
	}
	b.write(") AS n")
	q.writeBody(b)
	b.write(") WHERE n > ")
	b.parameter(offset)
	b.write(" AND (")
	b.parameter(limit)
	b.write(" < 0 OR n - ")
	b.parameter(offset)
	b.write(" <= ")
	b.parameter(limit)
	b.write(") ORDER BY k, n")
}

// nestedQuery compiles rows that are read for each row of something outside.
func (c *compiler) nestedQuery(sel *plan.Selection, out outer, permitLimit int) (*query, *jsonshape.Object) {
	q := c.newQuery(&sel.Rows, out)
	object := c.fields(q, q.alias, sel.Fields)
	q.arrange(&sel.Rows, permitLimit)
	return q, object
}

// fields compiles the fields of rows called a, which the query reads.
func (c *compiler) fields(q *query, a alias, fields []plan.Field) *jsonshape.Object {
	object := &jsonshape.Object{Fields: make([]jsonshape.Field, 0, len(fields))}
	for _, f := range fields {
		key, node := c.field(q, a, f)
		if node == nil {
			return object // the error is kept
		}
		object.Fields = append(object.Fields, jsonshape.Field{Prefix: jsonshape.Prefix(len(object.Fields) == 0, key), Node: node})
	}
	return object
}

func (c *compiler) field(q *query, a alias, f plan.Field) (string, jsonshape.Node) {
	here := &scope{alias: a}
	here.root = here
	switch f := f.(type) {
	case *plan.ColumnField:
		cell := q.cell(c.guarded(columnExpression(a, f.Column.Name), f.Guard, here))
		return f.Key, &jsonshape.Scalar{Cell: cell, Encode: jsonshape.InUpperCase(f.UpperCase, encoderOf(f.Column.Type, f.JSONPath, f.Stringify))}
	case *plan.NestedField:
		return f.Key, c.nested(q, here, f)
	case *plan.NestedAggregateField:
		q.nested = true
		expression, object := c.nestedAggregation(f.Aggregation, outer{alias: a})
		cell := q.cell(c.guarded(expression, f.Guard, here))
		return f.Key, &jsonshape.Nested{Cell: cell, Rows: unpackRows, Object: object, Absent: []byte(jsonNull)}
	case *plan.HoleField:
		return f.Key, c.hole(q, a, f.Join)
	case *plan.StaticField:
		return f.Key, &jsonshape.Literal{JSON: f.JSON}
	case *plan.GroupField:
		return f.Key, &jsonshape.Inline{Presence: -1, Object: c.fields(q, a, f.Fields)}
	case *plan.NestedConnectionField, *plan.NodeIDField:
		c.refuse("SQLite has no connections")
	case *plan.ComputedField:
		c.refuse("SQLite has no computed fields (%q)", f.Key)
	default:
		c.refuse("SQLite can't write a field of kind %T", f)
	}
	return "", nil
}

// nested compiles a relationship: a single row that a key identifies is joined,
// everything else is read by a subquery.
func (c *compiler) nested(q *query, here *scope, f *plan.NestedField) jsonshape.Node {
	sel := f.Selection
	if sel.Card == plan.One && q.joins < maximumJoins && joinable(&sel.Rows) {
		q.joins++
		target := c.newAlias()
		q.from.write(" LEFT JOIN ")
		c.relation(&q.from, sel.From, target)
		q.from.write(" ON ")
		for i, condition := range c.conditions(&sel.Rows, target, outer{alias: here.alias}) {
			if i > 0 {
				q.from.write(" AND ")
			}
			q.from.append(condition)
		}
		// A joined row's key equals something and so is not null.
		presence := q.cell(c.guarded(columnExpression(target, sel.On[0].Column.Name), f.Guard, here))
		return &jsonshape.Inline{Presence: presence, Object: c.fields(q, target, sel.Fields), Absent: []byte(jsonNull)}
	}
	permitLimit := sel.PermitLimit
	if sel.Card == plan.One && permitLimit != 0 {
		permitLimit = 1
	}
	q.nested = true
	inner, object := c.nestedQuery(sel, outer{alias: here.alias}, permitLimit)
	cell := q.cell(c.guarded(inner.packed(), f.Guard, here))
	return &jsonshape.Nested{
		Cell: cell, Rows: unpackRows, List: sel.Card == plan.Many, Object: object, Absent: []byte(jsonNull),
	}
}

// joinable tells whether at most one row can match, without a bound.
func joinable(rows *plan.Rows) bool {
	bound := slices.ContainsFunc(rows.On, func(on plan.Correlation) bool { return on.Binding >= 0 })
	return sqlgen.Plain(rows) && rows.PermitLimit != 0 && !bound && sqlgen.Identifies(rows)
}

func (c *compiler) hole(q *query, a alias, j *plan.Join) jsonshape.Node {
	node := &jsonshape.HoleNode{Join: j.Index, OnNull: j.OnNull}
	for _, key := range j.Keys {
		if key.Computed != nil {
			c.refuse("SQLite has no computed fields (%q)", key.Name)
		}
		if key.Rank != nil {
			cell := q.cell(c.rankOf(q, key.Rank, a))
			node.Keys = append(node.Keys, jsonshape.KeyCell{Cell: cell, Text: textOf(key.Type)})
			continue
		}
		node.Keys = append(node.Keys, jsonshape.KeyCell{Cell: q.cell(columnExpression(a, key.Name)), Text: textOf(key.Type)})
	}
	return node
}
