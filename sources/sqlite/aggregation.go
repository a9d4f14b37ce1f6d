package sqlite

import (
	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
)

// rootAggregation compiles a fragment that aggregates.
func (c *compiler) rootAggregation(s *statement, agg *plan.Aggregation) {
	s.shape = &jsonshape.Shape{Absent: []byte(jsonNull)}
	b := &builder{}
	switch {
	case len(c.fragment.Bindings) == 0:
		q := c.newQuery(&agg.Rows, outer{})
		var results []*builder
		results, s.shape.Object = c.aggregates(q, agg, outer{})
		b.write("SELECT ")
		writeResults(b, results)
		q.writeAggregated(b)
		s.layout = layoutCells
	case groupable(agg):
		q, _ := c.newKeyedQuery(&agg.Rows)
		results, object := c.aggregates(q, agg, outer{keys: true})
		s.shape.Object = object
		b.write("SELECT n, ")
		writeResults(b, results)
		b.write(" FROM (")
		q.write(b, "k.key AS n", true)
		b.write(") GROUP BY n")
		s.layout = layoutOrdinal
		s.shape.Absent = c.emptyAggregation(s.shape.Object, results)
	default:
		expression, object := c.nestedAggregation(agg, outer{keys: true})
		s.shape.Object = object
		b.write("SELECT k.key, ")
		b.append(expression)
		b.write(" FROM ")
		c.writeKeys(b)
		s.layout = layoutPacked
	}
	s.sql = b.String()
}

// groupable tells whether all keys can be aggregated in one pass: nothing in it
// depends on the order or number of each key's rows.
func groupable(agg *plan.Aggregation) bool {
	if agg.Limit != nil || agg.Offset != nil || len(agg.DistinctOn) > 0 {
		return false
	}
	for _, f := range agg.Fields {
		if _, ok := f.(*plan.AggregateNodes); ok {
			return false
		}
	}
	return true
}

func writeResults(b *builder, results []*builder) {
	if len(results) == 0 {
		b.write("1")
	}
	for i, result := range results {
		if i > 0 {
			b.write(", ")
		}
		b.append(result)
	}
}

// countPrefix is how the results that are 0 without rows begin.
const countPrefix = "count("

// emptyAggregation is the JSON of an aggregation of no rows.
func (c *compiler) emptyAggregation(object *jsonshape.Object, results []*builder) []byte {
	if c.err != nil {
		return nil
	}
	cells := make([][]byte, len(results))
	for i, result := range results {
		if text := result.String(); len(text) > len(countPrefix) && text[:len(countPrefix)] == countPrefix {
			cells[i] = []byte{tagInteger, '0'}
		}
	}
	answer := jsonshape.NewAnswer(1)
	w := jsonshape.NewWriter(&jsonshape.Shape{Object: object}, answer)
	if err := w.Row(0, cells); err != nil {
		c.fail(err)
		return nil
	}
	w.Close()
	return answer.Bytes
}

// nestedAggregation compiles an aggregation as one packed value.
func (c *compiler) nestedAggregation(agg *plan.Aggregation, out outer) (*builder, *jsonshape.Object) {
	q := c.newQuery(&agg.Rows, out)
	results, object := c.aggregates(q, agg, out)
	if len(results) > maximumCells {
		c.refuse("more than %d values in a nested aggregate", maximumCells)
	}
	b := &builder{}
	b.write("(SELECT ", sqlRow, "(")
	writeResults(b, results)
	b.write(")")
	q.writeAggregated(b)
	b.write(")")
	return b, object
}

// writeAggregated writes FROM of what aggregates are computed over. Results
// that are all read by subqueries of their own are one row without it.
func (q *query) writeAggregated(b *builder) {
	if !q.aggregated {
		return
	}
	b.write(" FROM (")
	q.write(b, "", true)
	b.write(")")
}

// aggregates compiles what is computed over the rows of a query. The results
// refer to the query's cells by name.
func (c *compiler) aggregates(q *query, agg *plan.Aggregation, out outer) ([]*builder, *jsonshape.Object) {
	a := &aggregator{c: c, q: q, out: out, agg: agg}
	// The permission's row limit holds for nodes only.
	q.arrange(&agg.Rows, -1)
	object := &jsonshape.Object{}
	add := func(key string, node jsonshape.Node) {
		object.Fields = append(object.Fields, jsonshape.Field{Prefix: jsonshape.Prefix(len(object.Fields) == 0, key), Node: node})
	}
	// Nodes come first, so that their cells are the query's first.
	nodes := map[*plan.AggregateNodes]jsonshape.Node{}
	for _, f := range agg.Fields {
		if n, ok := f.(*plan.AggregateNodes); ok {
			nodes[n] = a.nodes(n)
		}
	}
	for _, f := range agg.Fields {
		switch f := f.(type) {
		case *plan.AggregateGroup:
			add(f.Key, &jsonshape.Inline{Presence: -1, Object: a.group(f)})
		case *plan.AggregateNodes:
			add(f.Key, nodes[f])
		case *plan.AggregateStatic:
			add(f.Key, &jsonshape.Literal{JSON: f.JSON})
		default:
			c.refuse("SQLite can't write an aggregate of kind %T", f)
		}
	}
	return a.results, object
}

// aggregator collects the results of one aggregation.
type aggregator struct {
	c       *compiler
	q       *query
	out     outer
	agg     *plan.Aggregation
	results []*builder
}

// result adds an aggregate of the query's rows.
func (a *aggregator) result(b *builder) int {
	a.q.aggregated = true
	a.results = append(a.results, b)
	return len(a.results) - 1
}

// nodes compiles the rows themselves. The first nodes without a bound of their
// own are packed from the rows that are aggregated; others are read apart.
func (a *aggregator) nodes(n *plan.AggregateNodes) jsonshape.Node {
	node := &jsonshape.Nested{Rows: unpackRows, List: true, Absent: []byte(jsonNull)}
	if a.agg.PermitLimit < 0 && len(a.q.cells) == 0 {
		node.Object = a.c.fields(a.q, a.q.alias, n.Fields)
		if len(a.q.cells) > maximumCells {
			a.c.refuse("more than %d values in a nested row", maximumCells)
		}
		b := &builder{}
		b.write(sqlRows, "(")
		writeCellNames(b, len(a.q.cells))
		b.write(")")
		node.Cell = a.result(b)
		return node
	}
	sel := &plan.Selection{Rows: a.agg.Rows, Fields: n.Fields, Card: plan.Many}
	inner, object := a.c.nestedQuery(sel, a.out, a.agg.PermitLimit)
	node.Object = object
	a.results = append(a.results, inner.packed())
	node.Cell = len(a.results) - 1
	return node
}

func (a *aggregator) group(g *plan.AggregateGroup) *jsonshape.Object {
	object := &jsonshape.Object{}
	add := func(key string, node jsonshape.Node) {
		object.Fields = append(object.Fields, jsonshape.Field{Prefix: jsonshape.Prefix(len(object.Fields) == 0, key), Node: node})
	}
	for _, item := range g.Items {
		switch item := item.(type) {
		case *plan.Count:
			b := &builder{}
			names := make([]*builder, 0, len(item.Columns))
			here := &scope{alias: a.q.alias}
			here.root = here
			for i, column := range item.Columns {
				names = append(names, a.input(a.c.guarded(columnExpression(a.q.alias, column.Name), item.Guard(i), here)))
			}
			writeCount(b, names, item.Distinct)
			add(item.Key, &jsonshape.Scalar{Cell: a.result(b), Encode: encoderOf(integerType(), nil, false)})
		case *plan.AggregateFunction:
			add(item.Key, &jsonshape.Inline{Presence: -1, Object: a.function(item)})
		case *plan.AggregateItemStatic:
			add(item.Key, &jsonshape.Literal{JSON: item.JSON})
		default:
			a.c.refuse("SQLite can't write an aggregate of kind %T", item)
		}
	}
	return object
}

// input adds an expression over a row and gives its name outside.
func (a *aggregator) input(expression *builder) *builder {
	name := &builder{}
	name.numbered("c", a.q.cell(expression))
	return name
}

func (a *aggregator) function(f *plan.AggregateFunction) *jsonshape.Object {
	object := &jsonshape.Object{}
	here := &scope{alias: a.q.alias}
	here.root = here
	for _, column := range f.Columns {
		var node jsonshape.Node
		switch {
		case column.Static != nil:
			node = &jsonshape.Literal{JSON: column.Static}
		case column.Computed != nil:
			a.c.refuse("SQLite has no computed fields")
			continue
		default:
			argument := a.input(a.c.guarded(columnExpression(a.q.alias, column.Column.Name), column.Guard, here))
			b := &builder{}
			t := a.c.aggregateCall(b, f.Name, column.Column.Type, argument)
			node = &jsonshape.Scalar{Cell: a.result(b), Encode: encoderOf(t, nil, column.Stringify)}
		}
		object.Fields = append(object.Fields, jsonshape.Field{
			Prefix: jsonshape.Prefix(len(object.Fields) == 0, column.Key), Node: node,
		})
	}
	return object
}

func integerType() plan.Type {
	return plan.Type{Name: "INTEGER", Scalar: scalarInt, Class: plan.ClassInteger}
}

// writeCount counts rows, rows without a null among some columns, or distinct
// tuples.
func writeCount(b *builder, columns []*builder, distinct bool) {
	switch {
	case len(columns) == 0:
		b.write(countPrefix, "*)")
		return
	case len(columns) == 1:
		b.write(countPrefix)
		if distinct {
			b.write("DISTINCT ")
		}
		b.append(columns[0])
	case distinct:
		b.write(countPrefix, "DISTINCT ", sqlRow, "(")
		for i, column := range columns {
			if i > 0 {
				b.write(", ")
			}
			b.append(column)
		}
		b.write(")")
	default:
		b.write(countPrefix, "CASE WHEN ")
		for i, column := range columns {
			if i > 0 {
				b.write(" AND ")
			}
			b.append(column)
			b.write(" IS NOT NULL")
		}
		b.write(" THEN 1 END")
	}
	b.write(")")
}

// aggregateCall writes a call of an aggregate function and gives the type of
// what it yields.
func (c *compiler) aggregateCall(b *builder, function string, t plan.Type, argument *builder) plan.Type {
	if t.Class == plan.ClassBoolean && (function == functionBoolAnd || function == functionBoolOr) {
		// Of conditions only. Booleans are 0 and 1.
		if function == functionBoolAnd {
			b.write("min(")
		} else {
			b.write("max(")
		}
		b.append(argument)
		b.write(")")
		return t
	}
	supported := false
	for _, name := range declared.AggregateFunctions[t.Class] {
		supported = supported || name == function
	}
	if !supported {
		c.refuse("SQLite has no aggregate %s of the type %q", function, t.Name)
		return t
	}
	result := plan.Type{Scalar: scalarNumeric, Class: plan.ClassNumber}
	switch function {
	case functionMin:
		b.write("min(")
		result = t
	case functionMax:
		b.write("max(")
		result = t
	default:
		if t.Scalar == scalarFloat || t.Scalar == scalarFloat8 {
			b.write(sqlDouble)
			result.Scalar = scalarFloat8
		} else {
			b.write(sqlExact)
			if function == functionSum && t.Class == plan.ClassNumber {
				result = t // with its scale
			}
		}
		b.write(knownFunction(function), "(")
	}
	b.append(argument)
	b.write(")")
	return result
}

// knownFunction gives the SQL name of an aggregate function computed by us.
func knownFunction(name string) constant {
	for _, known := range []constant{
		functionSum, functionAvg, functionStddev, functionStddevPop, functionStddevSamp, functionVarPop, functionVarSamp,
		functionVariance,
	} {
		if string(known) == name {
			return known
		}
	}
	return ""
}
