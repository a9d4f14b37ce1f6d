package postgres

import (
	"fmt"
	"strings"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/sources/sqlgen"
)

// A mutation is a program of statements that run one after another in one
// transaction. Where what is returned is made of the written rows alone, they
// come with the statement that writes them. Where it takes related rows or
// functions, the written rows are read back: they travel as values of the
// table's row type to a statement that selects from them, and so sees related
// rows as they are afterwards.

// program is a compiled mutation.
type program struct {
	parts []*part
	shape *jsonshape.Shape
	// list: the value is a list with an element for each part.
	list bool
	// one: the value is the one row, or null.
	one bool
	// registers is the number of values that statements hand on.
	registers int
}

// part is one insert, update or delete.
type part struct {
	steps []*step
	// read gets what is returned of the written rows; nil: the steps do.
	read *step
}

// step is one statement of a program.
type step struct {
	text       string
	parameters []parameterSource
	layout     *layout
	// unprepared: the text depends on the number of rows, or the statement is to
	// be planned for the keys it gets.
	unprepared bool
	// check is the cell that tells whether the written row may be; -1: none.
	check int
	// row is the cell with the text of the written row, -1: none; output tells
	// that the leading cells are what is returned of it.
	row    int
	output bool
	// captures are cells that later statements need.
	captures []capture
	// missing is the error if no row is written, at missingAt.
	missing, missingAt string
	// location is where errors belong; empty: to the operation.
	location string
}

// capture keeps a cell's text.
type capture struct{ cell, register int }

// mutation compiles a fragment that writes rows.
func (c *compiler) mutation(q plan.Query) (*Statement, error) {
	m := &mutationCompiler{compiler: c, program: &program{}}
	var err error
	switch q := q.(type) {
	case *plan.Insert:
		err = m.part(q.Output, q.Into, func() error { return m.insert(q, nil) })
	case *plan.Update:
		err = m.part(q.Output, q.From, func() error { return m.update(q) })
	case *plan.Delete:
		err = m.part(q.Output, q.From, func() error { return m.delete(q) })
	case *plan.Updates:
		m.program.list, m.output = true, q.Output
		err = m.updates(q)
	case *plan.Selection, *plan.Aggregation, *plan.Connection, *plan.RemoteQuery, *plan.Representations:
		err = fmt.Errorf("%T writes nothing", q)
	}
	if err != nil {
		return nil, err
	}
	return &Statement{text: m.program.text(), program: m.program}, nil
}

// text is the whole program, for explain and logs.
func (p *program) text() string {
	var texts []string
	for _, part := range p.parts {
		for _, s := range part.steps {
			texts = append(texts, s.text)
		}
		if part.read != nil {
			texts = append(texts, part.read.text)
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
	// direct: what is returned comes with the statements that write.
	direct bool
}

// part compiles one insert, update or delete and what it answers.
func (m *mutationCompiler) part(output *plan.MutationOutput, from plan.Relation, write func() error) error {
	table, ok := from.(*plan.Table)
	if !ok {
		return fmt.Errorf("rows of %s can't be written", sqlgen.RelationName(from))
	}
	m.current = &part{}
	m.program.parts = append(m.program.parts, m.current)
	m.output, m.table, m.direct = output, table, plainOutput(output)
	if err := write(); err != nil {
		return err
	}
	if m.program.shape != nil && m.direct {
		return nil // all parts have the same output
	}
	m.program.one = output.One
	if m.direct {
		// The shape is the same for every statement that writes.
		_, shape, err := m.outputCells(&query{}, &scope{alias: writtenAlias})
		m.program.shape = shape
		return err
	}
	read, shape, err := m.readBack()
	m.current.read, m.program.shape = read, shape
	return err
}

// writtenAlias names the row being written.
const writtenAlias = "w"

// plainOutput tells whether all that is returned are columns of the written
// rows.
func plainOutput(o *plan.MutationOutput) bool {
	if o.One {
		return plainFields(o.Row)
	}
	for _, f := range o.Fields {
		if r, ok := f.(*plan.Returning); ok && !plainFields(r.Fields) {
			return false
		}
	}
	return true
}

func plainFields(fields []plan.Field) bool {
	for _, f := range fields {
		switch f := f.(type) {
		case *plan.ColumnField:
			if f.Guard != nil {
				return false
			}
		case *plan.HoleField:
			for _, k := range f.Join.Keys {
				if k.Computed != nil || k.Rank != nil {
					return false
				}
			}
		case *plan.GroupField:
			if !plainFields(f.Fields) {
				return false
			}
		case *plan.ComputedField, *plan.NestedField, *plan.NestedAggregateField, *plan.NestedConnectionField:
			return false
		case *plan.StaticField, *plan.NodeIDField:
		}
	}
	return true
}

// The cells of a part's answer: its rows, and their number as text.
const (
	rowsCell = iota
	affectedCell
)

// outputCells selects what is returned of a row.
func (m *mutationCompiler) outputCells(q *query, s *scope) (*cells, *jsonshape.Shape, error) {
	l := newCells(&rowsQuery{query: q, scope: s})
	if m.output.One {
		object, err := m.object(m.output.Row, l)
		return l, &jsonshape.Shape{Object: object, Absent: []byte("null")}, err
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
	return l, &jsonshape.Shape{List: m.program.list, Object: object, Absent: []byte("[]")}, err
}

// wholeRowText is the written row as text of its table's row type.
func (m *mutationCompiler) wholeRowText() expression {
	return castTo{value: keyword(writtenAlias + ".*"), to: systemCast("text")}
}

// readBack compiles the statement that selects what is returned from the rows
// that were written.
func (m *mutationCompiler) readBack() (*step, *jsonshape.Shape, error) {
	m.begin()
	rowType := sqlType{schema: m.table.Schema, name: m.table.Name, array: true}
	rows := m.parameter(parameterSource{form: formRows, cast: rowType})
	alias, inner := m.alias(), m.alias()
	const place = "~place"
	base := &query{
		star:  inner,
		items: []item{{Value: keyword("row_number() OVER ()"), Alias: place}},
		from:  []fromItem{{Source: sqlgen.Function("unnest", rows), Alias: inner}},
	}
	s := &scope{alias: alias, inner: base, innerAlias: inner}
	q := &query{from: []fromItem{{Source: sqlgen.Subquery(base), Alias: alias}}, orderBy: []ordering{{Value: s.column(place)}}}
	l, shape, err := m.outputCells(q, s)
	if err != nil {
		return nil, nil, err
	}
	l.close()
	out := m.end(q, l.layout)
	out.output, out.unprepared = true, m.takesKeys
	return out, shape, nil
}

// begin starts a statement: its parameters are its own.
func (m *mutationCompiler) begin() {
	m.parameters, m.uses, m.takesKeys = nil, newParameterUses(), false
	m.index.Reset()
}

// end finishes a statement.
func (m *mutationCompiler) end(statement expression, l *layout) *step {
	text, parameters := m.finished(statement)
	return &step{
		text: text, parameters: parameters, layout: l, check: -1, row: -1, unprepared: m.takesKeys,
	}
}

// wanted is what a statement that writes is to hand on.
type wanted struct {
	// top: the rows are those that the mutation is about.
	top   bool
	check plan.Predicate
	// checked is the condition instead of check, once compiled.
	checked expression
	// columns are needed by later statements, by name.
	columns map[string]plan.Column
}

// write finishes a statement that writes: it returns what is wanted of the row.
// The statement is made of the items to return.
func (m *mutationCompiler) write(s *scope, w wanted, statement func(returning []item) expression) (*step, map[string]int, error) {
	q := &query{}
	l := newCells(&rowsQuery{query: q, scope: s})
	if w.top && m.direct {
		var err error
		if l, _, err = m.outputCells(q, s); err != nil {
			return nil, nil, err
		}
	}
	check, row := -1, -1
	if w.top && !m.direct {
		row = l.add(m.wholeRowText(), 0)
	}
	if w.checked == nil && w.check != nil {
		var err error
		if w.checked, err = m.predicate(w.check, scopeOf(s)); err != nil {
			return nil, nil, err
		}
	}
	if w.checked != nil && w.checked != keyword("true") {
		check = l.add(sqlgen.CaseWhen(w.checked, keyword("true")), oidBool)
	}
	registers := map[string]int{}
	var captures []capture
	for _, name := range sortedNames(w.columns) {
		cell := l.add(castTo{value: s.column(name), to: systemCast("text")}, 0)
		registers[name] = m.program.registers
		captures = append(captures, capture{cell: cell, register: m.program.registers})
		m.program.registers++
	}
	l.close()
	out := m.end(statement(q.items), l.layout)
	out.check, out.row, out.output, out.captures = check, row, w.top && m.direct, captures
	m.current.steps = append(m.current.steps, out)
	return out, registers, nil
}

// update compiles an update; one that sets nothing writes nothing.
func (m *mutationCompiler) update(u *plan.Update) error {
	if len(u.Set) == 0 {
		return nil
	}
	m.begin()
	s := &scope{alias: writtenAlias}
	statement := &change{table: sqlgen.Table(m.table.Schema, m.table.Name), alias: writtenAlias}
	for _, a := range u.Set {
		value, err := m.assigned(a, s)
		if err != nil {
			return err
		}
		statement.set = append(statement.set, setColumn{column: a.Column.Name, value: value})
	}
	var err error
	if statement.where, err = m.filter(&u.Rows, s); err != nil {
		return err
	}
	if u.Restricted && u.Check == nil {
		return fmt.Errorf("updated rows of %s are restricted, but their check is missing", m.table.Name)
	}
	_, _, err = m.write(s, wanted{top: true, check: u.Check}, func(returning []item) expression {
		statement.returning = returning
		return statement
	})
	return err
}

func (m *mutationCompiler) updates(q *plan.Updates) error {
	for _, u := range q.List {
		if err := m.part(q.Output, u.From, func() error { return m.update(u) }); err != nil {
			return err
		}
	}
	if len(q.List) == 0 {
		m.program.shape = &jsonshape.Shape{List: true, Absent: []byte("[]"), Object: &jsonshape.Object{}}
	}
	return nil
}

// assigned is the new value of a column.
func (m *mutationCompiler) assigned(a plan.Assignment, s *scope) (expression, error) {
	old := s.column(a.Column.Name)
	scalar := func(t string, form form) expression {
		return m.parameter(parameterSource{form: form, value: a.Value, cast: systemCast(t)})
	}
	switch a.Operator {
	case plan.AssignSet:
		return m.value(a.Value, a.Column.Type)
	case plan.AssignIncrement:
		// What is added need not be of the type: the sum must be.
		t, _ := widened(a.Column.Type)
		by, err := m.value(a.Value, t)
		return sqlgen.Infix("+", old, by), err
	case plan.AssignAppend:
		return sqlgen.Infix("||", old, scalar("jsonb", formJSON)), nil
	case plan.AssignPrepend:
		return sqlgen.Infix("||", scalar("jsonb", formJSON), old), nil
	case plan.AssignDeleteKey:
		return sqlgen.Infix("-", old, scalar("text", formText)), nil
	case plan.AssignDeleteElem:
		return sqlgen.Infix("-", old, scalar("int4", formText)), nil
	case plan.AssignDeleteAtPath:
		path := m.parameter(parameterSource{form: formArray, value: a.Value, cast: arrayCast(systemCast("text"))})
		return sqlgen.Infix("#-", old, path), nil
	}
	return nil, fmt.Errorf("unknown assignment operator %q", a.Operator)
}

func (m *mutationCompiler) delete(d *plan.Delete) error {
	m.begin()
	s := &scope{alias: writtenAlias}
	statement := &removal{table: sqlgen.Table(m.table.Schema, m.table.Name), alias: writtenAlias}
	var err error
	if statement.where, err = m.filter(&d.Rows, s); err != nil {
		return err
	}
	_, _, err = m.write(s, wanted{top: true}, func(returning []item) expression {
		statement.returning = returning
		return statement
	})
	return err
}
