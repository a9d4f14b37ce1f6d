package postgres

import (
	"strconv"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/sources"
	"dovetail/sources/sqlgen"
)

// aggregateFunctions are the functions of aggregates and aggregate orderings.
var aggregateFunctions = map[string]string{
	"sum": "sum", "avg": "avg", "min": "min", "max": "max",
	"stddev": "stddev", "stddev_pop": "stddev_pop", "stddev_samp": "stddev_samp",
	"var_pop": "var_pop", "var_samp": "var_samp", "variance": "variance",
}

// predicateFunctions are the functions of aggregate predicates besides count.
var predicateFunctions = map[string]string{
	"bool_and": "bool_and", "bool_or": "bool_or", "avg": "avg", "sum": "sum", "min": "min", "max": "max",
	"corr": "corr", "covar_samp": "covar_samp", "covar_pop": "covar_pop",
	"stddev": "stddev", "stddev_pop": "stddev_pop", "stddev_samp": "stddev_samp",
	"var_pop": "var_pop", "var_samp": "var_samp", "variance": "variance",
}

// groupsAlias names the row of aggregates where nodes are asked for too.
const groupsAlias = "g"

// rootAggregation compiles a fragment that aggregates: one row per binding.
func (c *compiler) rootAggregation(a *plan.Aggregation) (*query, *jsonshape.Shape, *layout, error) {
	bound := len(c.fragment.Bindings) > 0
	c.gathers = c.gatherable(a)
	l, object, err := c.aggregation(a, nil, bound)
	if err != nil {
		return nil, nil, nil, err
	}
	return l.query, &jsonshape.Shape{Object: object, Absent: []byte("null")}, l.layout, nil
}

func (c *compiler) nestedAggregate(f *plan.NestedAggregateField, l *cells) (jsonshape.Node, error) {
	inner, object, err := c.aggregation(f.Aggregation, l.scope, false)
	if err != nil {
		return nil, err
	}
	inner.query.record = true
	value, err := c.guarded(sqlgen.Subquery(inner.query), f.Guard, l.scope)
	if err != nil {
		return nil, err
	}
	return &jsonshape.Nested{Cell: l.add(value, 0), Rows: recordRow(inner.layout), Object: object, Absent: []byte("null")}, nil
}

// aggregation makes a query of one row (per binding).
func (c *compiler) aggregation(a *plan.Aggregation, outer *scope, bound bool) (*cells, *jsonshape.Object, error) {
	groups, nodes := false, 0
	for _, f := range a.Fields {
		switch f.(type) {
		case *plan.AggregateGroup:
			groups = true
		case *plan.AggregateNodes:
			nodes++
		case *plan.AggregateStatic:
		}
	}
	if nodes == 0 && bound && sqlgen.Plain(&a.Rows) {
		return c.groupedAggregates(a)
	}
	if nodes == 0 && !bound {
		return c.plainAggregates(a, outer)
	}
	return c.aggregatesAndNodes(a, outer, bound, groups, nodes)
}

// plainAggregates selects aggregates FROM the rows.
func (c *compiler) plainAggregates(a *plan.Aggregation, outer *scope) (*cells, *jsonshape.Object, error) {
	rows, err := c.aggregatedRows(&a.Rows, outer)
	if err != nil {
		return nil, nil, err
	}
	l := newCells(rows)
	object, err := c.aggregateFields(a, l, l, nil, nodesOf{})
	if len(l.layout.oids) == 0 {
		// Even without aggregates there is exactly one row.
		l.add(&call{Name: "count", Star: true}, oidInt8)
	}
	return l, object, err
}

// aggregatedRows is a query of the rows that are aggregated. Their order
// matters only to a limit.
func (c *compiler) aggregatedRows(r *plan.Rows, outer *scope) (*rowsQuery, error) {
	base := *r
	if sqlgen.Plain(r) {
		base.OrderBy = nil
	}
	rows, err := c.rows(&base, rowsRequest{outer: outer, derive: true})
	if err != nil {
		return nil, err
	}
	rows.query.orderBy = nil
	return rows, nil
}

// groupedAggregates joins the rows of all bindings at once and groups them by
// binding, so that the database may hash instead of looking up key by key.
func (c *compiler) groupedAggregates(a *plan.Aggregation) (*cells, *jsonshape.Object, error) {
	base := a.Rows
	base.OrderBy = nil
	if len(base.On) == 0 {
		return c.aggregatesAndNodes(a, nil, true, true, 0)
	}
	rows, err := c.rows(&base, rowsRequest{bound: true})
	if err != nil {
		return nil, nil, err
	}
	joined := &rows.query.from[1]
	joined.Join = sqlgen.LeftJoin
	joined.On = append(joined.On, rows.query.where...)
	rows.query.where = nil
	by := sqlgen.Column(bindingsAlias, ordinal)
	rows.query.groupBy = []expression{by}
	l := newCells(rows)
	present := sqlgen.IsNotNull(rows.scope.column(base.On[0].Column.Name))
	object, err := c.aggregateFields(a, l, l, present, nodesOf{})
	l.close()
	return l, object, err
}

// aggregatesAndNodes selects the row of aggregates together with the rows
// themselves. Rows that can't be read twice with the same result (limited ones,
// and those of functions) are read once by a WITH.
func (c *compiler) aggregatesAndNodes(a *plan.Aggregation, outer *scope, bound, groups bool, nodes int) (*cells, *jsonshape.Object, error) {
	_, isTable := a.From.(*plan.Table)
	shared := (!isTable || !sqlgen.Plain(&a.Rows)) && (groups && nodes > 0 || nodes > 1)
	q := &query{}
	read := func(permitLimit bool) (*rowsQuery, error) {
		return c.rows(&a.Rows, rowsRequest{outer: outer, derive: true, permitLimit: permitLimit})
	}
	if shared {
		rows, err := c.rows(&a.Rows, rowsRequest{outer: outer})
		if err != nil {
			return nil, nil, err
		}
		read = c.sharedRows(q, &a.Rows, rows)
	}
	l := &cells{query: q, scope: &scope{alias: groupsAlias}, layout: &layout{}, known: map[knownCell]knownCodec{}}
	gathers := c.gathers && outer == nil
	if c.gathers = false; gathers {
		l.add(keyword("null"), 0)
	}
	var aggregates *cells
	if groups {
		rows, err := read(false)
		if err != nil {
			return nil, nil, err
		}
		rows.query.orderBy = nil
		aggregates = newCells(rows)
		q.from = []fromItem{{Source: sqlgen.Subquery(rows.query), Alias: groupsAlias}}
	}
	object, err := c.aggregateFields(a, l, aggregates, nil, nodesOf{read: read, gathers: gathers})
	if err != nil {
		return nil, nil, err
	}
	if aggregates != nil && len(aggregates.query.items) == 0 {
		aggregates.query.items = []item{{Value: &call{Name: "count", Star: true}}}
	}
	if gathers {
		return c.gathered(l), object, nil
	}
	l.close()
	if bound {
		return c.boundAggregation(l), object, nil
	}
	return l, object, nil
}

// sharedRows puts rows into a WITH and reads them from there. What they are
// ordered by comes along.
func (c *compiler) sharedRows(q *query, r *plan.Rows, rows *rowsQuery) func(bool) (*rowsQuery, error) {
	base := rows.query
	name := "r" + rows.scope.alias
	base.star = rows.scope.alias
	for i, o := range rows.order {
		base.items = append(base.items, item{Value: o.Value, Alias: "~order" + strconv.Itoa(i)})
	}
	q.with = append(q.with, commonTable{name: name, query: base})
	return func(permitLimit bool) (*rowsQuery, error) {
		s := &scope{alias: c.alias(), inner: base, innerAlias: rows.scope.alias, native: rows.scope.native}
		out := &query{from: []fromItem{{Source: sqlgen.Table("", name), Alias: s.alias}}}
		for i, o := range rows.order {
			o.Value = s.column("~order" + strconv.Itoa(i))
			out.orderBy = append(out.orderBy, o)
		}
		if permitLimit && r.PermitLimit >= 0 {
			out.limit = keyword(strconv.Itoa(r.PermitLimit))
		}
		return &rowsQuery{query: out, scope: s, order: out.orderBy}, nil
	}
}

// boundAggregation evaluates a query of one row for every binding.
func (c *compiler) boundAggregation(l *cells) *cells {
	const alias = "a"
	inner := l.query
	columns := make([]item, 0, len(inner.items)+1)
	columns = append(columns, item{Value: sqlgen.Column(bindingsAlias, ordinal)})
	for i := range inner.items {
		inner.items[i].Alias = "c" + strconv.Itoa(i)
		columns = append(columns, item{Value: sqlgen.Column(alias, inner.items[i].Alias)})
	}
	l.query = &query{
		items:   columns,
		from:    []fromItem{c.bindings(), {Join: crossJoinLateral, Source: sqlgen.Subquery(inner), Alias: alias}},
		orderBy: []ordering{{Value: sqlgen.Column(bindingsAlias, ordinal)}},
	}
	return l
}

// aggregateFields fills the select lists: aggregates go into groups, and when
// that is another list than l, they are handed through.
func (c *compiler) aggregateFields(
	a *plan.Aggregation, l, groups *cells, present expression, nodes nodesOf,
) (*jsonshape.Object, error) {
	group := aggregateGroup{compiler: c, cells: l, groups: groups, present: present}
	return sqlgen.Aggregation(a, &group, func(f *plan.AggregateNodes) (jsonshape.Node, error) { return nodes.node(c, f, l) })
}

func (c *compiler) aggregateNodes(f *plan.AggregateNodes, l *cells, read func(bool) (*rowsQuery, error)) (jsonshape.Node, error) {
	rows, err := read(true)
	if err != nil {
		return nil, err
	}
	inner := newCells(rows)
	object, err := c.object(f.Fields, inner)
	if err != nil {
		return nil, err
	}
	inner.close()
	inner.query.record = true
	return &jsonshape.Nested{
		Cell: l.add(sqlgen.Array(inner.query), 0), Rows: recordArray(inner.layout), List: true,
		Object: object, Absent: []byte("[]"),
	}, nil
}

// aggregateGroup adds the cells of an object of aggregates.
type aggregateGroup struct {
	*compiler
	cells, groups *cells
	// present filters out the row of nulls that an outer join makes.
	present expression
}

// add adds an aggregate and gives its cell.
func (g *aggregateGroup) add(value expression, k codec) int {
	cell := g.groups.add(value, k.oid)
	if g.groups == g.cells {
		return cell
	}
	name := "a" + strconv.Itoa(cell)
	g.groups.query.items[g.groups.first+cell].Alias = name
	return g.cells.add(sqlgen.Column(groupsAlias, name), k.oid)
}

// Count adds a count.
func (g *aggregateGroup) Count(c *plan.Count) (jsonshape.Node, error) {
	values := make([]expression, 0, len(c.Columns))
	for n, column := range c.Columns {
		value, err := g.guarded(g.groups.scope.column(column.Name), c.Guard(n), g.groups.scope)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	count := countOf(values, c.Distinct)
	if g.present != nil {
		count.Filter = both(count.Filter, g.present)
	}
	return &jsonshape.Scalar{Cell: g.add(count, codecs["int8"]), Encode: encodeInt8}, nil
}

// Column adds an aggregate of a column.
func (g *aggregateGroup) Column(name string, column plan.AggregateColumn) (jsonshape.Node, error) {
	function, ok := aggregateFunctions[name]
	if !ok {
		return nil, sources.NotSupported("the aggregate function %q is not supported", name)
	}
	if column.Computed == nil {
		if err := checkAggregate(column.Column.Type, function); err != nil {
			return nil, err
		}
	}
	s := g.groups.scope
	value := s.column(column.Column.Name)
	t := column.Column.Type
	if column.Computed != nil {
		var err error
		if value, err = g.functionCall(column.Computed, s); err != nil {
			return nil, err
		}
		t = column.Result
	}
	value, err := g.guarded(value, column.Guard, s)
	if err != nil {
		return nil, err
	}
	aggregate := aggregateOf(function, value, t, g.present)
	if column.Computed == nil {
		t = aggregateResult(function, t)
	}
	// What a function returns is known as the plan's type of the result only, so
	// the database writes it.
	result, k := g.encoded(aggregate, t, column.Stringify, s.native || column.Computed != nil)
	return &jsonshape.Scalar{Cell: g.add(result, k), Encode: k.encoder(column.Stringify)}, nil
}

// aggregateOf calls an aggregate function. UUIDs, which Postgres has no minimum
// of, have the order of their texts.
func aggregateOf(function string, value expression, t plan.Type, filter expression) expression {
	uuid := t.Underlying().Class == plan.ClassUUID
	if uuid {
		value = castTo{value: value, to: systemCast("text")}
	}
	out := expression(&call{Name: function, Arguments: []expression{value}, Filter: filter})
	if uuid {
		out = castTo{value: out, to: systemCast("uuid")}
	}
	return out
}

// aggregateResult is the type that the database gives an aggregate's value.
func aggregateResult(function string, t plan.Type) plan.Type {
	t = t.Underlying()
	name, system := systemName(t)
	if !system {
		if (function == "min" || function == "max") && (t.Class == plan.ClassEnum || t.Class == plan.ClassText) {
			return t
		}
		return plan.Type{}
	}
	float := name == "float4" || name == "float8"
	exact := name == "int2" || name == "int4" || name == "int8" || name == "numeric"
	switch {
	case function == "min" || function == "max":
		if name == "varchar" || name == "name" {
			return systemType("text")
		}
		return t
	case function == "sum" && (name == "int2" || name == "int4"):
		return systemType("int8")
	case function == "sum" && float:
		return t
	case float:
		return systemType("float8")
	case exact:
		return systemType("numeric")
	}
	return plan.Type{Class: plan.ClassNumber} // money, intervals: the database writes them
}

// countOf counts rows, rows without nulls in the columns, or distinct tuples.
func countOf(values []expression, distinct bool) *call {
	out := sqlgen.Function("count")
	switch {
	case len(values) == 0:
		out.Star = true
	case len(values) == 1:
		out.Arguments = []expression{values[0]}
		out.Distinct = distinct
	case distinct:
		out.Arguments = []expression{record{values}}
		out.Distinct = true
	default:
		out.Star = true
		for _, v := range values {
			out.Filter = both(out.Filter, sqlgen.IsNotNull(v))
		}
	}
	return out
}

func both(a, b expression) expression {
	if a == nil {
		return b
	}
	return sqlgen.And(a, b)
}
