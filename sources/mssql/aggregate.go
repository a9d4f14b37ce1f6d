package mssql

import (
	"strconv"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/sources"
	"dovetail/sources/sqlgen"
)

// rootAggregation compiles a fragment that aggregates: one row per binding.
func (c *compiler) rootAggregation(a *plan.Aggregation) (*cells, *jsonshape.Shape, error) {
	rows := &rowsQuery{query: &query{}, scope: &scope{}}
	if len(c.fragment.Bindings) > 0 {
		rows.query.from = []fromItem{c.bindings()}
		rows = c.withOrdinal(rows.query, rows.scope, nil)
	}
	l := newCells(rows, false)
	object, err := c.aggregation(a, l, nil)
	if err != nil {
		return nil, nil, err
	}
	return l, &jsonshape.Shape{Object: object, Absent: []byte("null")}, l.close()
}

func (c *compiler) nestedAggregate(f *plan.NestedAggregateField, l *cells) (jsonshape.Node, error) {
	node := &jsonshape.Inline{Presence: -1, Absent: []byte("null")}
	if f.Guard != nil {
		guard, err := c.predicate(f.Guard, predicateScope{l.scope, l.scope})
		if err != nil {
			return nil, err
		}
		node.Presence = l.flag(guard)
	}
	object, err := c.aggregation(f.Aggregation, l, l.scope)
	node.Object = object
	return node, err
}

// aggregation adds the cells of an aggregation: its aggregates are one row that
// is applied to the enclosing one, its nodes are lists.
func (c *compiler) aggregation(a *plan.Aggregation, l *cells, outer *scope) (*jsonshape.Object, error) {
	rows, groups, nodes := a.Rows, false, false
	for _, f := range a.Fields {
		switch f.(type) {
		case *plan.AggregateGroup:
			groups = true
		case *plan.AggregateNodes:
			nodes = true
		case *plan.AggregateStatic:
		}
	}
	if groups && nodes && !sqlgen.Plain(&rows) {
		rows.OrderBy = unambiguous(&rows)
	}
	var g *aggregateRow
	if groups {
		var err error
		if g, err = c.aggregateRow(&rows, l, outer); err != nil {
			return nil, err
		}
	}
	object, err := sqlgen.Aggregation(a, g, func(f *plan.AggregateNodes) (jsonshape.Node, error) {
		return c.aggregateNodes(f, &rows, l, outer)
	})
	if err != nil {
		return nil, err
	}
	if g != nil {
		g.close()
	}
	return object, nil
}

// unambiguous orders rows that are read twice so that both readings stop at the
// same row.
func unambiguous(r *plan.Rows) []plan.Order {
	order := r.OrderBy
	if t, ok := r.From.(*plan.Table); ok {
		order = append([]plan.Order{}, order...)
		for _, column := range t.PrimaryKey {
			order = append(order, plan.Order{By: &plan.OrderColumn{Column: column}})
		}
	}
	return order
}

func (c *compiler) aggregateNodes(f *plan.AggregateNodes, r *plan.Rows, l *cells, outer *scope) (jsonshape.Node, error) {
	rows, err := c.rows(r, rowsRequest{outer: outer, permitLimit: true, derive: sqlgen.Derives(r, f.Fields)})
	if err != nil {
		return nil, err
	}
	inner := newCells(rows, true)
	object, err := c.object(f.Fields, inner)
	if err != nil {
		return nil, err
	}
	if err := inner.close(); err != nil {
		return nil, err
	}
	return &jsonshape.Nested{
		Cell: l.add(sqlgen.Subquery(inner.query), kindRows), Rows: jsonRows(inner.layout), List: true,
		Object: object, Absent: []byte("[]"),
	}, nil
}

// aggregateRow is the row of the aggregates of some rows, as part of the
// enclosing query.
type aggregateRow struct {
	*aggregator
	cells *cells
	alias string
	at    int // index in the enclosing FROM
	items []item
}

func (c *compiler) aggregateRow(r *plan.Rows, l *cells, outer *scope) (*aggregateRow, error) {
	rows, err := c.aggregatedRows(r, outer)
	if err != nil {
		return nil, err
	}
	g := &aggregateRow{aggregator: newAggregator(c, rows), cells: l, alias: c.alias(), at: len(l.query.from)}
	from := fromItem{Alias: g.alias}
	if g.at > 0 {
		from.Join = outerApply
	}
	l.query.from = append(l.query.from, from)
	return g, nil
}

// aggregatedRows is a query of the rows that are aggregated. Their order
// matters only to a limit.
func (c *compiler) aggregatedRows(r *plan.Rows, outer *scope) (*rowsQuery, error) {
	base := *r
	if sqlgen.Plain(r) {
		base.OrderBy = nil
	}
	return c.rows(&base, rowsRequest{outer: outer, derive: true})
}

func (g *aggregateRow) close() {
	if len(g.items) == 0 {
		// Even without aggregates there is exactly one row.
		g.items = append(g.items, item{Value: &call{Name: countFunction, Star: true}, Alias: "a0"})
	}
	g.cells.query.from[g.at].Source = sqlgen.Subquery(g.query(g.items))
}

// add adds an aggregate and gives its cell.
func (g *aggregateRow) add(value expression, t sqlType) (int, kind) {
	name := "a" + strconv.Itoa(len(g.items))
	g.items = append(g.items, item{Value: value, Alias: name})
	selected, k := selected(sqlgen.Column(g.alias, name), t, g.cells.inJSON)
	return g.cells.add(selected, k), k
}

// Count adds a count.
func (g *aggregateRow) Count(c *plan.Count) (jsonshape.Node, error) {
	values := g.counted(c.Columns)
	for n := range values {
		var err error
		if values[n], err = g.compiler.guarded(values[n], c.Guard(n), g.scope); err != nil {
			return nil, err
		}
	}
	cell, k := g.add(g.countOf(values, c.Distinct), asBigint)
	return &jsonshape.Scalar{Cell: cell, Encode: k.encoder()}, nil
}

// Column adds an aggregate of a column.
func (g *aggregateRow) Column(function string, column plan.AggregateColumn) (jsonshape.Node, error) {
	if column.Computed != nil {
		return nil, computed(column.Computed)
	}
	if !supportsAggregate(column.Column.Type, function) {
		return nil, sources.NotSupported("the aggregate function %q is not supported for the type %q", function, column.Column.Type.Name)
	}
	t := declared(column.Column.Type)
	value := comparing(g.scope.column(column.Column.Name), t)
	value, err := g.compiler.guarded(value, column.Guard, g.scope)
	if err != nil {
		return nil, err
	}
	x := g.input(value)
	if finish, ok := finishers[function]; ok && exactly(t, function) {
		// What the digits of the result are made of, to be divided here.
		cell := g.cells.add(sqlgen.Column(g.alias, g.moments(x, t, function)), kindMoments)
		return &jsonshape.Scalar{Cell: cell, Encode: finish.encoder()}, nil
	}
	aggregate, result := aggregateOf(function, x, t)
	cell, k := g.add(aggregate, result)
	return &jsonshape.Scalar{Cell: cell, Encode: k.encoder()}, nil
}

// moments adds the number, the sum and (for deviations) the sum of squares of
// the values as one text.
func (g *aggregateRow) moments(x expression, t sqlType, function string) string {
	exact := castTo{x, exactType(t)}
	parts := []expression{sqlgen.Function(countFunction, x), sqlgen.Function("SUM", exact)}
	if function != functionAvg {
		square := castTo{sqlgen.Infix("*", exact, exact), squareType(t)}
		parts = append(parts, sqlgen.Function("SUM", square))
	}
	arguments := make([]expression, 0, 2*len(parts))
	for i, part := range parts {
		if i > 0 {
			arguments = append(arguments, keyword("'|'"))
		}
		arguments = append(arguments, part)
	}
	name := "a" + strconv.Itoa(len(g.items))
	g.items = append(g.items, item{Value: sqlgen.Function("CONCAT", arguments...), Alias: name})
	return name
}

// aggregator computes aggregates over rows. What is aggregated is computed for
// each row first: T-SQL aggregates no subqueries.
type aggregator struct {
	compiler *compiler
	rows     *rowsQuery
	scope    *scope
	alias    string
	known    map[string]string
}

func newAggregator(c *compiler, rows *rowsQuery) *aggregator {
	return &aggregator{compiler: c, rows: rows, scope: rows.scope, alias: c.alias(), known: map[string]string{}}
}

// input adds a value of each row.
func (a *aggregator) input(value expression) expression {
	text := dialect.SQL(value)
	name, ok := a.known[text]
	if !ok {
		name = "i" + strconv.Itoa(len(a.rows.query.items))
		a.rows.query.items = append(a.rows.query.items, item{Value: value, Alias: name})
		a.known[text] = name
	}
	return sqlgen.Column(a.alias, name)
}

// query selects aggregates of the rows.
func (a *aggregator) query(items []item) *query {
	inner := a.rows.query
	if len(inner.items) == 0 {
		inner.items = append(inner.items, item{Value: one, Alias: "i0"})
	}
	if !inner.limited() {
		inner.orderBy = nil
	}
	return &query{items: items, from: []fromItem{{Source: sqlgen.Subquery(inner), Alias: a.alias}}}
}

const countFunction = "COUNT_BIG"

// counted are the values of columns that are counted.
func (a *aggregator) counted(columns []plan.Column) []expression {
	values := make([]expression, 0, len(columns))
	for _, column := range columns {
		values = append(values, comparing(a.scope.column(column.Name), declared(column.Type)))
	}
	return values
}

// countOf counts rows, rows without nulls in the values, or distinct tuples.
func (a *aggregator) countOf(values []expression, distinct bool) *call {
	switch {
	case len(values) == 0:
		return &call{Name: countFunction, Star: true}
	case len(values) == 1:
		return &call{Name: countFunction, Arguments: []expression{a.input(values[0])}, Distinct: distinct}
	case distinct:
		// The last of the ranks that equal tuples share.
		rank := window{Function: "DENSE_RANK"}
		for _, v := range values {
			rank.OrderBy = append(rank.OrderBy, ordering{Value: v})
		}
		last := sqlgen.Function("MAX", a.input(rank))
		return sqlgen.Function("ISNULL", last, zero)
	}
	var full []expression
	for _, v := range values {
		full = append(full, sqlgen.IsNotNull(v))
	}
	return sqlgen.Function(countFunction, a.input(sqlgen.CaseWhen(sqlgen.And(full...), one)))
}

// ordered is the aggregate of rows that others are ordered by.
func (a *aggregator) ordered(key *plan.OrderAggregate) (expression, error) {
	if key.Function == functionCount {
		return a.countOf(nil, false), nil
	}
	return a.compared(key.Function, key.Column, key.Guard)
}

// compared is an aggregate of a column as something to order or to filter by.
func (a *aggregator) compared(function string, column plan.Column, guard plan.Predicate) (expression, error) {
	if !supportsAggregate(column.Type, function) {
		return nil, sources.NotSupported("the aggregate function %q is not supported for the type %q", function, column.Type.Name)
	}
	t := declared(column.Type)
	x, err := a.compiler.guarded(comparing(a.scope.column(column.Name), t), guard, a.scope)
	if err != nil {
		return nil, err
	}
	value, _ := aggregateOf(function, a.input(x), t)
	return value, nil
}

// aggregateOf is an aggregate of values and the type of its result.
func aggregateOf(function string, x expression, t sqlType) (expression, sqlType) {
	float := sqlType{base: typeFloat}
	of := func(name string, as sqlType) expression {
		return sqlgen.Function(name, castTo{x, as})
	}
	switch function {
	case functionMin, functionMax:
		name := map[string]string{functionMin: "MIN", functionMax: "MAX"}[function]
		if t.base == typeBit {
			return castTo{of(name, sqlType{base: typeTinyint}), t}, t
		}
		return sqlgen.Function(name, x), t
	case functionSum:
		sum := sumType(t)
		return of("SUM", sum), sum
	case functionAvg:
		if exact := exactType(t); exact.precision > 0 && exact.precision-exact.scale <= 32 {
			exact.precision, exact.scale = 38, max(exact.scale, 6)
			return of("AVG", exact), exact
		}
		return of("AVG", float), float
	case functionStddev, functionStddevSamp:
		return of("STDEV", float), float
	case functionStddevPop:
		return of("STDEVP", float), float
	case functionVariance, functionVarSamp:
		return of("VAR", float), float
	}
	return of("VARP", float), float
}

// sumType is the type in which values are summed up without overflowing.
func sumType(t sqlType) sqlType {
	switch t.base {
	case typeInt, typeSmallint, typeTinyint:
		return asBigint
	case typeFloat, typeReal:
		return sqlType{base: typeFloat}
	}
	return exactType(t)
}
