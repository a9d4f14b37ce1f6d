package mssql

import (
	"fmt"
	"strconv"
	"strings"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/sources"
	"dovetail/sources/sqlgen"
)

// A mutation is one batch of steps. Their statements write rows and set the
// columns aside that are needed of them. Each step then selects how many rows it
// has written and how many of them the role's check refuses. At last comes what
// is returned, which sees related rows as they are afterwards.

// program is what becomes of the results of a mutation's batch.
type program struct {
	// one: the value is the one row, or null.
	one bool
	// rows: what is returned of the rows comes after their number.
	rows bool
	// steps are empty if nothing is to be written; then nothing is sent.
	steps []stepEnd
}

// stepEnd is what becomes of the counts of a step.
type stepEnd struct {
	// location is where the step's errors belong in the operation; empty: at the
	// field.
	location string
	// missing is the message if no row was written, missingAt where it belongs;
	// empty: others don't depend on the step.
	missing, missingAt string
}

// idle reports whether nothing is to be written.
func (p *program) idle() bool { return len(p.steps) == 0 }

// writtenAlias names the written rows where they are set aside, targetAlias the
// rows of the table, sourceAlias new rows.
const (
	writtenAlias = "w"
	targetAlias  = "m"
	sourceAlias  = "s"
)

const batchSettings keyword = "SET NOCOUNT ON;\nSET XACT_ABORT ON"

// mutationCompiler compiles one mutation.
type mutationCompiler struct {
	*compiler
	output *plan.MutationOutput
	// written are the rows that the mutation is about, along those that are
	// written with them, by their tables.
	written *aside
	along   []*aside
	steps   []*step
	// keys is the number of the keys that steps take from others.
	keys int
}

// step is what writes the rows of a table, and what is selected of them.
type step struct {
	stepEnd
	into    *aside
	number  int
	writes  []expression
	refused expression
	keys    []keyVariable
}

// mutation compiles a fragment that writes rows.
func (c *compiler) mutation(q plan.Query) (*Statement, error) {
	c.readsOnly = false
	m := &mutationCompiler{compiler: c}
	switch q := q.(type) {
	case *plan.Insert:
		return m.statement(q.Output, q.Into, func() error { return m.insert(q, m.written, nil) })
	case *plan.Update:
		return m.statement(q.Output, q.From, func() error { return m.update(q) })
	case *plan.Delete:
		return m.statement(q.Output, q.From, func() error { return m.delete(q) })
	case *plan.Updates:
		return nil, sources.NotSupported("SQL Server updates rows once in a field")
	case *plan.Selection, *plan.Aggregation, *plan.Connection, *plan.RemoteQuery, *plan.Representations:
	}
	return nil, fmt.Errorf("%T writes nothing", q)
}

// statement compiles the batch of a mutation.
func (m *mutationCompiler) statement(answer *plan.MutationOutput, from plan.Relation, write func() error) (*Statement, error) {
	table, ok := from.(*plan.Table)
	if !ok {
		return nil, fmt.Errorf("rows of %s can't be written", sqlgen.RelationName(from))
	}
	if answer == nil {
		return nil, fmt.Errorf("the mutation of %s answers nothing", table.Name)
	}
	m.output = answer
	m.written = newAside(asideTable, table, answer.Columns)
	// What is returned and checked tells which columns are to be set aside.
	read := &query{
		from:    []fromItem{{Source: m.written.variable, Alias: writtenAlias}},
		orderBy: []ordering{{Value: sqlgen.Column(writtenAlias, placeColumn)}},
	}
	l, shape, err := m.outputCells(read)
	if err != nil {
		return nil, err
	}
	if err := write(); err != nil {
		return nil, err
	}
	asides := append([]*aside{m.written}, m.along...)
	for _, a := range asides {
		if err := a.keep(); err != nil {
			return nil, err
		}
	}
	p := &program{one: answer.One, rows: m.returns()}
	for _, s := range m.steps {
		p.steps = append(p.steps, s.stepEnd)
	}
	out := &Statement{parameters: m.parameters, overflow: m.overflow, kinds: l.layout.kinds, shape: shape, program: p}
	if len(m.parameters) > maxParameters {
		return nil, sources.NotSupported("the mutation has more than %d lists of values and limits", maxParameters-maxScalars)
	}
	if p.idle() {
		out.parameters, out.overflow = nil, nil
		return out, nil
	}
	with := withClause(m.commonTables)
	texts := []string{string(batchSettings)}
	for _, a := range asides {
		texts = append(texts, dialect.SQL(asideDeclaration{a}))
	}
	for _, s := range m.steps {
		texts = s.texts(texts, with)
	}
	if p.rows {
		texts = append(texts, with+dialect.SQL(read))
	}
	out.text = m.prelude() + strings.Join(texts, ";\n") + ";"
	return out, nil
}

// texts adds the statements of a step, which begin with common tables.
func (s *step) texts(out []string, with string) []string {
	for _, w := range s.writes {
		if _, setting := w.(identityInsert); setting {
			out = append(out, dialect.SQL(w))
		} else {
			out = append(out, with+dialect.SQL(w))
		}
	}
	out = append(out, with+dialect.SQL(s.counts()))
	for _, k := range s.keys {
		out = append(out, dialect.SQL(k))
	}
	return out
}

// counts selects how many rows were written and how many of them are refused.
func (s *step) counts() *query {
	count := func(where ...expression) item {
		return item{Value: sqlgen.Subquery(&query{
			items: []item{{Value: keyword("COUNT_BIG(*)")}}, from: []fromItem{{Source: s.into.variable, Alias: writtenAlias}},
			where: append(s.own(), where...),
		})}
	}
	if s.refused == nil {
		return &query{items: []item{count(), {Value: zero}}}
	}
	return &query{items: []item{count(), count(s.refused)}}
}

// own holds for the rows set aside that the step has written.
func (s *step) own() []expression {
	if !s.into.stepped {
		return nil
	}
	return []expression{sqlgen.Infix("=", sqlgen.Column(writtenAlias, stepColumn), keyword(strconv.Itoa(s.number)))}
}

// returns tells whether anything is returned of the rows themselves.
func (m *mutationCompiler) returns() bool {
	if m.output.One {
		return true
	}
	for _, f := range m.output.Fields {
		if _, ok := f.(*plan.Returning); ok {
			return true
		}
	}
	return false
}

// The cells of the answer to a mutation of several rows: the rows, and their
// number as text.
const (
	rowsCell = iota
	affectedCell
)

// outputCells selects what is returned of the written rows.
func (m *mutationCompiler) outputCells(read *query) (*cells, *jsonshape.Shape, error) {
	l := newCells(&rowsQuery{query: read, scope: m.written.rows}, false)
	if m.output.One {
		object, err := m.object(m.output.Row, l)
		if err != nil {
			return nil, nil, err
		}
		return l, &jsonshape.Shape{Object: object, Absent: []byte("null")}, l.close()
	}
	object, err := sqlgen.Object(m.output.Fields, func(f plan.MutationField) (string, jsonshape.Node, error) {
		switch f := f.(type) {
		case *plan.AffectedRows:
			return f.Key, &jsonshape.Scalar{Cell: affectedCell, Encode: copyText}, nil
		case *plan.MutationStatic:
			return f.Key, &jsonshape.Literal{JSON: f.JSON}, nil
		case *plan.Returning:
			object, err := m.object(f.Fields, l)
			return f.Key, &jsonshape.Nested{
				Cell: rowsCell, Rows: jsonshape.GatheredRows, List: true, Object: object, Absent: []byte("[]"),
			}, err
		}
		return "", nil, fmt.Errorf("unknown kind of field %T", f)
	})
	if err != nil {
		return nil, nil, err
	}
	return l, &jsonshape.Shape{Object: object, Absent: []byte("null")}, l.close()
}

// newAside makes a place for written rows of a table, which has the columns.
func newAside(variable keyword, table *plan.Table, columns []plan.Column) *aside {
	return &aside{variable: variable, table: table, columns: columns, rows: &scope{alias: writtenAlias, taken: map[string]bool{}}}
}

// keep gives the columns that are needed of the written rows their types.
func (a *aside) keep() error {
	missing := len(a.rows.taken)
	for _, c := range a.columns {
		if !a.rows.taken[c.Name] {
			continue
		}
		missing--
		from := declared(c.Type)
		a.kept = append(a.kept, asideColumn{name: c.Name, from: from, to: asideType(from)})
	}
	if missing > 0 {
		return fmt.Errorf("%d columns of %s that are needed of its written rows have no type", missing, a.table.Name)
	}
	return nil
}

// asideType is the type with which values of another are set aside: tables in
// variables have no rowversions of others, and the large types of old don't
// compare.
func asideType(t sqlType) sqlType {
	switch t.base {
	case typeText:
		return sqlType{base: typeVarchar, length: maxLength, collation: t.collation}
	case typeNtext:
		return sqlType{base: typeNvarchar, length: maxLength, collation: t.collation}
	case typeImage:
		return asBytes
	case typeRowversion, typeTimestamp:
		const size = 8
		return sqlType{base: typeBinary, length: size}
	}
	if _, known := systemTypes[t.base]; !known {
		return asText
	}
	return t
}

// output is the OUTPUT clause that sets the rows of a step aside.
func (s *step) output(alias, action string) *output {
	return &output{alias: alias, action: keyword(action), into: s.into, step: s.number}
}

// step begins the next step.
func (m *mutationCompiler) step(into *aside) *step {
	out := &step{into: into, number: len(m.steps)}
	m.steps = append(m.steps, out)
	return out
}

// refused holds for the written rows for which a check does not; nil: for none.
func (m *mutationCompiler) refused(a *aside, restricted bool, check plan.Predicate) (expression, error) {
	if check == nil {
		if restricted {
			return nil, fmt.Errorf("written rows of %s are restricted, but their check is missing", a.table.Name)
		}
		return nil, nil
	}
	condition, err := m.predicate(check, predicateScope{a.rows, a.rows})
	if err != nil {
		return nil, err
	}
	if len(dialect.Conjuncts(condition)) == 0 {
		return nil, nil
	}
	// What is neither true nor false is refused, too.
	return sqlgen.Infix("=", sqlgen.CaseElse(condition, one, zero), zero), nil
}

// target is the table whose rows are set aside.
func (a *aside) target() expression { return sqlgen.Table(a.table.Schema, a.table.Name) }

// update compiles an update; one that sets nothing writes nothing.
func (m *mutationCompiler) update(u *plan.Update) error {
	refused, err := m.refused(m.written, u.Restricted, u.Check)
	if err != nil || len(u.Set) == 0 {
		return err
	}
	s := &scope{alias: targetAlias}
	step := m.step(m.written)
	step.refused = refused
	out := &alteration{table: m.written.target(), alias: targetAlias, output: step.output(afterAlias, actionUpdate)}
	for _, a := range u.Set {
		value, err := m.assigned(a, s)
		if err != nil {
			return err
		}
		out.set = append(out.set, setColumn{column: a.Column.Name, value: value})
	}
	step.writes = []expression{out}
	out.where, err = m.filter(&u.Rows, s)
	return err
}

// assigned is the new value of a column.
func (m *mutationCompiler) assigned(a plan.Assignment, s *scope) (expression, error) {
	switch a.Operator { //nolint:exhaustive // all others are those of JSON
	case plan.AssignSet:
		return m.stored(a.Value, a.Column.Type)
	case plan.AssignIncrement:
		value, err := m.valueAs(a.Value, addedAs(declared(a.Column.Type)))
		return sqlgen.Infix("+", s.column(a.Column.Name), value), err
	}
	return nil, sources.NotSupported("SQL Server has no assignment %s (of the column %q)", a.Operator, a.Column.Name)
}

// addedAs is the type of what is added to a value. A tinyint can't hold -1, but
// what is left of it: the database checks that when it stores the sum.
func addedAs(t sqlType) sqlType {
	switch t.base {
	case typeTinyint, typeSmallint, typeInt:
		return asBigint
	}
	return t
}

// stored is a parameter for a value that a column gets.
func (m *mutationCompiler) stored(v plan.Value, t plan.Type) (expression, error) {
	as := declared(t)
	if !as.spatial() {
		return m.value(v, t)
	}
	return storedAs(m.parameter(parameterSource{form: formScalar, value: v, as: as}), as), nil
}

// delete compiles a deletion.
func (m *mutationCompiler) delete(d *plan.Delete) error {
	s := &scope{alias: targetAlias}
	step := m.step(m.written)
	out := &removal{table: m.written.target(), alias: targetAlias, output: step.output(beforeAlias, actionDelete)}
	step.writes = []expression{out}
	var err error
	out.where, err = m.filter(&d.Rows, s)
	return err
}
