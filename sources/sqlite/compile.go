package sqlite

import (
	"slices"
	"strings"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/sources"
	"dovetail/sources/sqlgen"
)

// layout says what the columns of a statement's rows are.
type layout int

const (
	// layoutCells: the cells of ordinal 0.
	layoutCells layout = iota
	// layoutOrdinal: the ordinal, then the cells.
	layoutOrdinal
	// layoutPacked: the ordinal, then all of its rows packed.
	layoutPacked
)

// statement is a fragment compiled for SQLite.
type statement struct {
	sql        string
	parameters []parameter
	keyTypes   []plan.Type
	layout     layout
	shape      *jsonshape.Shape
	// program is set for mutations, which run in a transaction.
	program *program
	// ranks are the key sets whose ranks are looked up.
	ranks []rankSet
}

// Text is the statement's SQL.
func (s *statement) Text() string { return s.sql }

// Limits of SQLite that a statement must keep.
const (
	maximumJoins = 48   // of the 64 tables that one join may have
	maximumCells = 1000 // arguments of a function
)

// compiler compiles one fragment. The first error is kept; what is written
// after it doesn't matter.
type compiler struct {
	fragment   *plan.Fragment
	indexes    indexes
	keys       tableKeys
	parameters []parameter
	index      sqlgen.ParameterIndex
	aliases    alias
	ranks      []rankSet
	keyed      *keyedRows
	err        error
}

// compile turns a fragment into a statement. It does no I/O.
func compile(f *plan.Fragment, known indexes, keys tableKeys) (*statement, error) {
	c := &compiler{fragment: f, indexes: known, keys: keys, index: newParameterIndex()}
	s := &statement{}
	for _, b := range f.Bindings {
		s.keyTypes = append(s.keyTypes, b.Type)
	}
	switch q := f.Query.(type) {
	case *plan.Selection:
		c.rootSelection(s, q)
	case *plan.Aggregation:
		c.rootAggregation(s, q)
	case *plan.Insert, *plan.Update, *plan.Updates, *plan.Delete:
		c.mutation(s, q)
	case *plan.Connection:
		return nil, sources.NotSupported("SQLite has no connections")
	case *plan.RemoteQuery:
		return nil, sources.NotSupported("a GraphQL query can't be sent to SQLite")
	case *plan.Representations:
		return nil, sources.NotSupported("representations have no source")
	default:
		return nil, sources.NotSupported("a query of kind %T can't be sent to SQLite", f.Query)
	}
	if c.err != nil {
		return nil, c.err
	}
	if strings.ContainsRune(s.sql, 0) {
		return nil, sources.NotSupported("a name holds a NUL character")
	}
	s.parameters, s.ranks = c.parameters, c.ranks
	return s, nil
}

func (c *compiler) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

func (c *compiler) refuse(format string, args ...any) { c.fail(sources.NotSupported(format, args...)) }

func (c *compiler) newAlias() alias {
	c.aliases++
	return c.aliases
}

// newParameterIndex makes an index of parameters, of which those with one value can
// be one.
func newParameterIndex() sqlgen.ParameterIndex {
	return sqlgen.NewParameterIndex(func(v plan.Value) any { return v })
}

// parameter gives the number of a parameter; equal ones share it.
func (c *compiler) parameter(p parameter) int {
	value := func(i int) plan.Value { return c.parameters[i].value }
	i, ok := c.index.Find(p.value, len(c.parameters), value, func(i int) bool {
		q := &c.parameters[i]
		return p.convert == q.convert && p.permitLimit == q.permitLimit && sameType(p.typ, q.typ) &&
			p.set == q.set && slices.EqualFunc(p.types, q.types, sameType)
	})
	if ok {
		return i + 1
	}
	c.parameters = append(c.parameters, p)
	return len(c.parameters)
}

func sameType(a, b plan.Type) bool {
	return a.Name == b.Name && a.Scalar == b.Scalar && a.Class == b.Class && a.Schema == b.Schema
}

// outer is the row that a correlation refers to.
type outer struct {
	alias alias // of the enclosing selection; 0 for none
	// keys: the binding set's row is in scope as k.
	keys bool
}

// query is one SELECT that yields rows of a relation.
type query struct {
	c     *compiler
	alias alias
	// with is what stands before SELECT.
	with builder
	// from holds the relation and what is joined to it.
	from  builder
	joins int
	cells []string
	where []*builder
	order []orderTerm
	// distinct writes equal rows once.
	distinct bool
	// partition are the columns of distinct on.
	partition []*builder
	limit     *builder
	// ranked is the order of the rank among the cells.
	ranked []orderTerm
	// aggregated: something is computed over the rows.
	aggregated bool
	// nested: a cell is computed by a subquery.
	nested bool
}

type orderTerm struct{ expression, direction *builder }

// newQuery starts a query of rows: its relation and its condition.
func (c *compiler) newQuery(rows *plan.Rows, out outer) *query {
	q := &query{c: c, alias: c.newAlias()}
	c.relation(&q.from, rows.From, q.alias)
	q.where = c.conditions(rows, q.alias, out)
	return q
}

// newKeyedQuery starts a query of the rows of all keys, each with its key's
// ordinal k.key. With an index on the key each key's rows are looked up, and
// come key by key: a CROSS JOIN is never reordered. Without one SQLite is to
// make an index for the statement, which it does for a materialized binding set
// only, and rows must be sorted.
func (c *compiler) newKeyedQuery(rows *plan.Rows) (q *query, sorted bool) {
	q = &query{c: c, alias: c.newAlias()}
	if c.keyIndexed(rows) {
		c.writeKeys(&q.from)
		q.from.write(" CROSS JOIN ")
		sorted = true
	} else {
		// The name must not hide a table of the database.
		q.with.write("WITH dovetail_keys(key, value) AS MATERIALIZED (SELECT e.key, e.value FROM json_each(")
		q.with.parameter(c.parameter(parameter{convert: convertKeys}))
		q.with.write(") AS e) ")
		q.from.write("dovetail_keys AS k JOIN ")
	}
	c.relation(&q.from, rows.From, q.alias)
	q.where = c.conditions(rows, q.alias, outer{keys: true})
	return q, sorted
}

// keyIndexed tells whether an index leads to the rows of a key.
func (c *compiler) keyIndexed(rows *plan.Rows) bool {
	table, ok := rows.From.(*plan.Table)
	if !ok {
		return false
	}
	return slices.ContainsFunc(rows.On, func(on plan.Correlation) bool {
		// Wrapped in a function a column's index is of no use.
		return on.Binding >= 0 && c.indexes.leads(table.Name, on.Column.Name) && bare(on.Column.Type)
	})
}

// writeKeys writes the binding set as the relation k.
func (c *compiler) writeKeys(b *builder) {
	b.write("json_each(")
	b.parameter(c.parameter(parameter{convert: convertKeys}))
	b.write(") AS k")
}

// conditions are what rows must satisfy: correlation, filter, permission.
func (c *compiler) conditions(rows *plan.Rows, a alias, out outer) []*builder {
	var conditions []*builder
	for _, on := range rows.On {
		b := &builder{}
		c.correlation(b, on, a, out)
		conditions = append(conditions, b)
	}
	if rows.Restricted && rows.Permit == nil {
		c.fail(&sources.Error{Code: sources.CodeUnexpected, Message: "a restricted selection has no permission"})
	}
	here := &scope{alias: a}
	here.root = here
	for _, p := range []plan.Predicate{rows.Permit, rows.Where} {
		if p != nil {
			b := &builder{}
			c.predicate(b, p, here)
			conditions = append(conditions, b)
		}
	}
	return conditions
}

func (c *compiler) correlation(b *builder, on plan.Correlation, a alias, out outer) {
	if on.Binding < 0 {
		if out.alias == 0 {
			c.refuse("the column %q is tied to no enclosing row", on.Column.Name)
		}
		b.column(a, on.Column.Name)
		b.write(" = ")
		b.column(out.alias, on.Outer.Name)
		return
	}
	if !out.keys || on.Binding >= len(c.fragment.Bindings) {
		c.refuse("the column %q is tied to no binding", on.Column.Name)
	}
	key := &builder{}
	if len(c.fragment.Bindings) == 1 {
		key.write("k.value")
	} else {
		key.write("json_extract(k.value, '$[")
		key.integer(on.Binding)
		key.write("]')")
	}
	if on.Column.Type.Class == plan.ClassBytes {
		digits := key
		key = &builder{}
		key.write("unhex(")
		key.append(digits)
		key.write(")")
	}
	c.equals(b, columnExpression(a, on.Column.Name), on.Column.Type, key)
}

// relation writes what rows are read from.
func (c *compiler) relation(b *builder, r plan.Relation, a alias) {
	switch r := r.(type) {
	case *plan.Table:
		if r.Schema != "" {
			b.identifier(r.Schema)
			b.write(".")
		}
		b.identifier(r.Name)
	case *plan.NativeQuery:
		c.nativeQuery(b, r)
	case *plan.FunctionCall:
		c.refuse("SQLite has no functions that return rows (%q)", r.Name)
	default:
		c.refuse("rows of kind %T can't be read from SQLite", r)
	}
	b.write(" AS ")
	b.alias(a)
}

func (c *compiler) nativeQuery(b *builder, n *plan.NativeQuery) {
	b.write("(")
	last := len(n.Parts) - 1
	for i, part := range n.Parts {
		if part.Value != nil {
			b.parameter(c.parameter(parameter{convert: convertScalar, value: part.Value, typ: part.Type}))
			continue
		}
		sql := part.SQL
		if i == last {
			sql = sqlgen.TrimStatement(sql)
		}
		b.verbatim(sql)
	}
	// The text may end in a comment that goes to the end of the line.
	b.write("\n)")
}

func columnExpression(a alias, name string) *builder {
	b := &builder{}
	b.column(a, name)
	return b
}

// cell adds an expression to the query's columns, once.
func (q *query) cell(expression *builder) int {
	text := expression.String()
	if i := slices.Index(q.cells, text); i >= 0 {
		return i
	}
	q.cells = append(q.cells, text)
	return len(q.cells) - 1
}

// arrange compiles order, distinct, limit and offset. The permission's row
// limit is left out of aggregates.
func (q *query) arrange(rows *plan.Rows, permitLimit int) {
	here := &scope{alias: q.alias}
	here.root = here
	for _, o := range rows.OrderBy {
		q.order = append(q.order, q.c.orderTerm(o, here))
	}
	for i, column := range rows.DistinctOn {
		value := columnExpression(q.alias, column.Name)
		if rows.DistinctTexts && column.Equality.Folds() {
			value.write(exactly)
		}
		q.partition = append(q.partition, q.c.guarded(value, rows.DistinctGuard(i), here))
	}
	if rows.Limit == nil && rows.Offset == nil && permitLimit < 0 {
		return
	}
	q.limit = &builder{}
	q.limit.write(" LIMIT ")
	if rows.Limit == nil {
		q.limit.integer(max(permitLimit, -1))
	} else {
		q.limit.parameter(q.c.parameter(parameter{convert: convertLimit, value: rows.Limit, permitLimit: permitLimit}))
	}
	if rows.Offset != nil {
		q.limit.write(" OFFSET ")
		q.limit.parameter(q.c.parameter(parameter{convert: convertOffset, value: rows.Offset}))
	}
}

// arranged tells whether the rows have an order or a bound.
func (q *query) arranged() bool {
	return len(q.order) > 0 || len(q.partition) > 0 || q.limit != nil
}

// write writes the query. Named cells are called c0, c1 …; first are constant
// columns before them.
func (q *query) write(b *builder, first constant, named bool) {
	if len(q.partition) > 0 {
		q.writeDistinct(b, first, named)
		return
	}
	b.append(&q.with)
	b.write("SELECT ")
	if q.distinct {
		b.write("DISTINCT ")
	}
	q.writeCells(b, first, named)
	q.writeBody(b)
	for i, term := range q.order {
		b.write(orderSeparator(i))
		b.append(term.expression)
		b.append(term.direction)
	}
	if q.limit != nil {
		b.append(q.limit)
	}
}

func orderSeparator(i int) constant {
	if i == 0 {
		return " ORDER BY "
	}
	return ", "
}

func (q *query) writeCells(b *builder, first constant, named bool) {
	b.write(first)
	if len(q.cells) == 0 && first == "" {
		b.write("1")
	}
	for i, expression := range q.cells {
		if i > 0 || first != "" {
			b.write(", ")
		}
		b.verbatim(expression)
		if named {
			b.numbered(" AS c", i)
		}
	}
}

func (q *query) writeBody(b *builder) {
	b.write(" FROM ")
	b.append(&q.from)
	for i, condition := range q.where {
		if i == 0 {
			b.write(" WHERE ")
		} else {
			b.write(" AND ")
		}
		b.append(condition)
	}
}

// writeDistinct keeps the first row of each partition by its row number.
func (q *query) writeDistinct(b *builder, first constant, named bool) {
	b.write("SELECT ")
	b.write(first)
	if len(q.cells) == 0 && first == "" {
		b.write("1")
	}
	for i := range q.cells {
		if i > 0 || first != "" {
			b.write(", ")
		}
		b.numbered("c", i)
		if named {
			b.numbered(" AS c", i)
		}
	}
	b.write(" FROM (SELECT ")
	q.writeCells(b, "", true)
	for i, term := range q.order {
		b.write(", ")
		b.append(term.expression)
		b.numbered(" AS o", i)
	}
	b.write(", row_number() OVER (PARTITION BY ")
	for i, column := range q.partition {
		if i > 0 {
			b.write(", ")
		}
		b.append(column)
	}
	for i, term := range q.order {
		b.write(orderSeparator(i))
		b.append(term.expression)
		b.append(term.direction)
	}
	b.write(") AS n")
	q.writeBody(b)
	b.write(") WHERE n = 1")
	for i, term := range q.order {
		b.write(orderSeparator(i))
		b.numbered("o", i)
		b.append(term.direction)
	}
	if q.limit != nil {
		b.append(q.limit)
	}
}

// packed writes the query as one value that holds all of its rows.
func (q *query) packed() *builder {
	if len(q.cells) > maximumCells {
		q.c.refuse("more than %d values in a nested row", maximumCells)
	}
	b := &builder{}
	b.write("(SELECT ", sqlRows, "(")
	if !q.arranged() {
		for i, expression := range q.cells {
			if i > 0 {
				b.write(", ")
			}
			b.verbatim(expression)
		}
		b.write(")")
		q.writeBody(b)
		b.write(")")
		return b
	}
	writeCellNames(b, len(q.cells))
	b.write(") FROM (")
	q.write(b, "", true)
	b.write("))")
	return b
}

func writeCellNames(b *builder, count int) {
	for i := range count {
		if i > 0 {
			b.write(", ")
		}
		b.numbered("c", i)
	}
}
