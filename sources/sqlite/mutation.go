package sqlite

import (
	"fmt"
	"slices"
	"strings"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/sources"
	"dovetail/sources/sqlgen"
)

// A mutation is a program of statements that run one after another in one
// transaction. What SQLite's RETURNING shows is the row as the statement left
// it, before later triggers, and it can't stand in a query. So statements that
// write give the keys of their rows only; checks and what is returned are asked
// of the rows with these keys afterwards, as any selection is.

// program is a compiled mutation.
type program struct {
	parts []*part
	shape *jsonshape.Shape
	// one: the value is the one row, or null.
	one bool
	// registers is the number of values that statements hand on.
	registers int
}

// part is one insert, update or delete.
type part struct {
	// gather finds the rows that are to be deleted: they are read before they go.
	gather *step
	steps  []*step
	// read gets what is returned of the written rows; nil: nothing is.
	read *step
}

// step is one statement of a program.
type step struct {
	sql        string
	parameters []parameter
	ranks      []rankSet
	// rows are those that the statement inserts, one after another; each makes
	// them of a list. Other statements run once.
	rows [][]newValue
	each *eachRow
	// keys is the number of leading cells that are the key of a written row; top
	// tells that it is one of those that the mutation is about.
	keys int
	top  bool
	// captures are the registers of the cells that follow.
	captures []int
	// check finds rows that must not be, updatedCheck among those that were there
	// already; nil: all may.
	check, updatedCheck *step
	// missing is the error if no row is written, at missingAt.
	missing, missingAt string
	// location is where errors belong; empty: to the operation.
	location string
}

// newValue is a value of a new row: a parameter's, or one of an earlier
// statement.
type newValue struct {
	parameter *parameter
	register  int
}

// eachRow makes a row of every object of a list.
type eachRow struct {
	list    plan.Value
	columns []plan.Column
	members []plan.InsertMember
}

// mutation compiles a fragment that writes rows.
func (c *compiler) mutation(s *statement, query plan.Query) {
	m := &mutationCompiler{compiler: c, program: &program{}}
	switch q := query.(type) {
	case *plan.Insert:
		m.part(q.Output, q.Into, func() { m.insert(q, nil) })
	case *plan.Update:
		m.part(q.Output, q.From, func() { m.update(q) })
	case *plan.Delete:
		m.part(q.Output, q.From, func() { m.delete(q) })
	case *plan.Updates:
		for _, u := range q.List {
			m.part(q.Output, u.From, func() { m.update(u) })
		}
		if len(q.List) == 0 {
			m.program.shape = &jsonshape.Shape{Object: &jsonshape.Object{}}
		}
		if c.err == nil {
			m.program.shape.List, m.program.shape.Absent = true, []byte("[]")
		}
	case *plan.Selection, *plan.Aggregation, *plan.Connection, *plan.RemoteQuery, *plan.Representations:
		c.refuse("a query of kind %T writes nothing", query)
		return
	}
	s.program, s.sql = m.program, m.program.text()
}

// text is the whole program, for explain and logs.
func (p *program) text() string {
	var texts []string
	add := func(s *step) {
		if s != nil {
			texts = append(texts, s.sql)
		}
	}
	for _, part := range p.parts {
		add(part.gather)
		if part.gather != nil {
			add(part.read)
		}
		for _, s := range part.steps {
			add(s)
			add(s.check)
			add(s.updatedCheck)
		}
		if part.gather == nil {
			add(part.read)
		}
	}
	return strings.Join(texts, ";\n")
}

// mutationCompiler compiles one mutation.
type mutationCompiler struct {
	*compiler
	program *program
	current *part
	output  *plan.MutationOutput
	table   *plan.Table
}

// part compiles one insert, update or delete and what it answers.
func (m *mutationCompiler) part(output *plan.MutationOutput, from plan.Relation, write func()) {
	table, ok := from.(*plan.Table)
	if !ok {
		m.refuse("rows of kind %T can't be written in SQLite", from)
		return
	}
	m.current = &part{}
	m.program.parts = append(m.program.parts, m.current)
	m.output, m.table, m.program.one = output, table, output.One
	m.readBack()
	write()
}

// The cells of a part's answer: its rows, and their number as text.
const (
	rowsCell = iota
	affectedCell
)

func copyText(dst, cell []byte) ([]byte, error) { return append(dst, cell...), nil }

// readBack compiles the statement that selects what is returned of the written
// rows.
func (m *mutationCompiler) readBack() {
	m.begin()
	q := m.writtenRows(m.table)
	if m.err != nil {
		return
	}
	returns := m.output.One
	if m.output.One {
		m.program.shape = &jsonshape.Shape{Object: m.fields(q, q.alias, m.output.Row), Absent: []byte(jsonNull)}
	} else {
		object, err := sqlgen.Object(m.output.Fields, func(f plan.MutationField) (string, jsonshape.Node, error) {
			switch f := f.(type) {
			case *plan.AffectedRows:
				return f.Key, &jsonshape.Scalar{Cell: affectedCell, Encode: copyText}, nil
			case *plan.MutationStatic:
				return f.Key, &jsonshape.Literal{JSON: f.JSON}, nil
			case *plan.Returning:
				returns = true
				return f.Key, &jsonshape.Nested{
					Cell: rowsCell, Rows: jsonshape.GatheredRows, List: true, Object: m.fields(q, q.alias, f.Fields), Absent: []byte("[]"),
				}, nil
			}
			return "", nil, fmt.Errorf("unknown kind of field %T", f)
		})
		if err != nil {
			m.fail(err)
		}
		m.program.shape = &jsonshape.Shape{Object: object, Absent: []byte(jsonNull)}
	}
	if !returns {
		return
	}
	byPlace := orderTerm{expression: &builder{}, direction: &builder{}}
	byPlace.expression.write("k.key")
	q.order = []orderTerm{byPlace}
	b := &builder{}
	q.write(b, "", false)
	m.current.read = m.end(b)
}

// begin starts a statement: its parameters are its own.
func (m *mutationCompiler) begin() {
	m.parameters, m.ranks = nil, nil
	m.index.Reset()
}

// end finishes a statement.
func (m *mutationCompiler) end(b *builder) *step {
	return &step{sql: b.String(), parameters: m.parameters, ranks: m.ranks}
}

// key gives what rows of a table are known by.
func (m *mutationCompiler) key(t *plan.Table) *tableKey {
	key, ok := m.keys[strings.ToLower(t.Name)]
	switch {
	case !ok:
		m.refuse("rows of %s can't be written in SQLite", sqlgen.RelationName(t))
	case len(key.columns) == 0:
		m.refuse("the table %q hides the rowid of SQLite behind columns of its own", t.Name)
	default:
		return key
	}
	return &tableKey{}
}

// writtenRows starts a query of the rows that a mutation has written, in the
// order of their keys.
func (m *mutationCompiler) writtenRows(t *plan.Table) *query {
	q := &query{c: m.compiler, alias: m.newAlias()}
	m.writtenKeys(&q.from)
	q.from.write(" CROSS JOIN ")
	m.relation(&q.from, t, q.alias)
	for i, column := range m.key(t).columns {
		b := columnExpression(q.alias, column)
		b.write(" = ")
		writtenKey(b, i)
		q.where = append(q.where, b)
	}
	return q
}

// writtenKeys writes the relation k that has a row for every written row.
func (m *mutationCompiler) writtenKeys(b *builder) {
	b.write("json_each(")
	b.parameter(m.parameter(parameter{convert: convertWritten}))
	b.write(") AS k")
}

// writtenKey writes a part of a written row's key.
func writtenKey(b *builder, part int) {
	b.write(sqlWritten, "(k.key, ")
	b.integer(part)
	b.write(")")
}

// returning writes what later statements need of a written row.
func (m *mutationCompiler) returning(b *builder, names []string) {
	b.write(" RETURNING ")
	for i, name := range names {
		if i > 0 {
			b.write(", ")
		}
		b.identifier(name)
	}
}

// checked compiles the statement that finds a written row of which a check
// doesn't hold; nil if it always does.
func (m *mutationCompiler) checked(t *plan.Table, check plan.Predicate) *step {
	if constant, ok := check.(*plan.Const); check == nil || ok && constant.Value {
		return nil
	}
	m.begin()
	q := m.writtenRows(t)
	here := &scope{alias: q.alias}
	here.root = here
	condition := &builder{}
	condition.write("CASE WHEN ")
	m.predicate(condition, check, here)
	condition.write(" THEN 0 ELSE 1 END")
	q.where = append(q.where, condition)
	q.limit = &builder{}
	q.limit.write(" LIMIT 1")
	b := &builder{}
	q.write(b, "", false)
	return m.end(b)
}

func writeConditions(b *builder, conditions []*builder) {
	for i, condition := range conditions {
		if i == 0 {
			b.write(" WHERE ")
		} else {
			b.write(" AND ")
		}
		b.append(condition)
	}
}

// update compiles an update; one that sets nothing writes nothing.
func (m *mutationCompiler) update(u *plan.Update) {
	if len(u.Set) == 0 {
		return
	}
	if u.Restricted && u.Check == nil {
		m.fail(&sources.Error{Code: sources.CodeUnexpected, Message: "a restricted update has no check"})
	}
	m.begin()
	a := m.newAlias()
	b := &builder{}
	b.write("UPDATE ")
	m.relation(b, m.table, a)
	b.write(" SET ")
	for i, assignment := range u.Set {
		if i > 0 {
			b.write(", ")
		}
		b.identifier(assignment.Column.Name)
		b.write(" = ")
		m.assigned(b, assignment, a)
	}
	writeConditions(b, m.conditions(&u.Rows, a, outer{}))
	key := m.key(m.table).columns
	m.returning(b, key)
	out := m.end(b)
	out.keys, out.top = len(key), true
	out.check = m.checked(m.table, u.Check)
	m.current.steps = append(m.current.steps, out)
}

// assigned writes the new value of a column.
func (m *mutationCompiler) assigned(b *builder, assignment plan.Assignment, a alias) {
	t := assignment.Column.Type
	value := m.parameter(parameter{convert: convertWrite, value: assignment.Value, typ: t})
	if assignment.Operator == plan.AssignSet {
		b.parameter(value)
		return
	}
	if assignment.Operator != plan.AssignIncrement {
		m.refuse("SQLite has no operator %s", assignment.Operator)
		return
	}
	approximate := t.Scalar == scalarFloat || t.Scalar == scalarFloat8
	if !approximate {
		b.write(sqlAdd, "(")
	}
	b.column(a, assignment.Column.Name)
	if approximate {
		b.write(" + ")
		b.parameter(value)
		return
	}
	b.write(", ")
	b.parameter(value)
	b.write(")")
}

// delete compiles a deletion. Rows of which something is returned are found and
// read first, then deleted by their keys.
func (m *mutationCompiler) delete(d *plan.Delete) {
	m.begin()
	a := m.newAlias()
	key := m.key(m.table).columns
	if m.current.read != nil {
		b := &builder{}
		b.write("SELECT ")
		for i, column := range key {
			if i > 0 {
				b.write(", ")
			}
			b.column(a, column)
		}
		b.write(" FROM ")
		m.relation(b, m.table, a)
		writeConditions(b, m.conditions(&d.Rows, a, outer{}))
		m.current.gather = m.end(b)
		m.current.gather.keys, m.current.gather.top = len(key), true
		m.begin()
		a = m.newAlias()
	}
	b := &builder{}
	b.write("DELETE FROM ")
	m.relation(b, m.table, a)
	if m.current.gather == nil {
		writeConditions(b, m.conditions(&d.Rows, a, outer{}))
	} else {
		m.byKeys(b, key, a)
	}
	b.write(" RETURNING 1")
	m.current.steps = append(m.current.steps, m.end(b))
}

// byKeys writes that a row is one of those gathered.
func (m *mutationCompiler) byKeys(b *builder, key []string, a alias) {
	b.write(" WHERE (")
	for i, column := range key {
		if i > 0 {
			b.write(", ")
		}
		b.column(a, column)
	}
	b.write(") IN (SELECT ")
	for i := range key {
		if i > 0 {
			b.write(", ")
		}
		writtenKey(b, i)
	}
	b.write(" FROM ")
	m.writtenKeys(b)
	b.write(")")
}

// present are the columns that a row gives values for.
func present(row *plan.InsertRow, columns []int) []int {
	return slices.DeleteFunc(slices.Clone(columns), func(i int) bool { return row.Values[i] == nil })
}
