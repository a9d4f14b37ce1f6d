package mssql

import (
	"fmt"
	"strings"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/sources"
	"dovetail/sources/sqlgen"
)

// A mutation is one batch. Its statements write rows and set the columns aside
// that are needed of them. Then it tells how many rows it has written and how
// many of them the role's check refuses, and selects what is returned, which
// sees related rows as they are afterwards.

// program is what becomes of the results of a mutation's batch.
type program struct {
	// one: the value is the one row, or null.
	one bool
	// rows: what is returned of the rows comes after their number.
	rows bool
	// idle: nothing is to be written, so nothing is sent.
	idle bool
}

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
	output  *plan.MutationOutput
	table   *plan.Table
	written *scope
	aside   []asideColumn
}

// mutation compiles a fragment that writes rows.
func (c *compiler) mutation(q plan.Query) (*Statement, error) {
	c.readsOnly = false
	m := &mutationCompiler{compiler: c, written: &scope{alias: writtenAlias, taken: map[string]bool{}}}
	switch q := q.(type) {
	case *plan.Insert:
		return m.statement(q.Output, q.Into, func() (expression, error) { return m.insertCheck(q) },
			func() ([]expression, error) { return m.insert(q) })
	case *plan.Update:
		return m.statement(q.Output, q.From, func() (expression, error) { return m.refused(q.Restricted, q.Check) },
			func() ([]expression, error) { return m.update(q) })
	case *plan.Delete:
		return m.statement(q.Output, q.From, func() (expression, error) { return m.refused(false, nil) },
			func() ([]expression, error) { return m.delete(q) })
	case *plan.Updates:
		return nil, sources.NotSupported("SQL Server updates rows once in a field")
	case *plan.Selection, *plan.Aggregation, *plan.Connection, *plan.RemoteQuery, *plan.Representations:
	}
	return nil, fmt.Errorf("%T writes nothing", q)
}

// statement compiles the batch of a mutation.
func (m *mutationCompiler) statement(
	answer *plan.MutationOutput, from plan.Relation, refused func() (expression, error), write func() ([]expression, error),
) (*Statement, error) {
	table, ok := from.(*plan.Table)
	if !ok {
		return nil, fmt.Errorf("rows of %s can't be written", sqlgen.RelationName(from))
	}
	if answer == nil {
		return nil, fmt.Errorf("related rows of %s can't be written along with others", table.Name)
	}
	m.output, m.table = answer, table
	// What is returned and checked tells which columns are to be set aside.
	read := &query{
		from:    []fromItem{{Source: asideTable, Alias: writtenAlias}},
		orderBy: []ordering{{Value: sqlgen.Column(writtenAlias, placeColumn)}},
	}
	l, shape, err := m.outputCells(read)
	if err != nil {
		return nil, err
	}
	bad, err := refused()
	if err != nil {
		return nil, err
	}
	if err := m.setAside(); err != nil {
		return nil, err
	}
	writes, err := write()
	if err != nil {
		return nil, err
	}
	p := &program{one: answer.One, rows: m.returns(), idle: len(writes) == 0}
	out := &Statement{parameters: m.parameters, overflow: m.overflow, kinds: l.layout.kinds, shape: shape, program: p}
	if len(m.parameters) > maxParameters {
		return nil, sources.NotSupported("the mutation has more than %d lists of values and limits", maxParameters-maxScalars)
	}
	if p.idle {
		out.parameters, out.overflow = nil, nil
		return out, nil
	}
	with := withClause(m.commonTables)
	texts := []string{string(batchSettings), dialect.SQL(asideDeclaration{m.aside})}
	for _, w := range writes {
		if _, setting := w.(identityInsert); setting {
			texts = append(texts, dialect.SQL(w))
		} else {
			texts = append(texts, with+dialect.SQL(w))
		}
	}
	texts = append(texts, with+dialect.SQL(counts(bad)))
	if p.rows {
		texts = append(texts, with+dialect.SQL(read))
	}
	out.text = m.prelude() + strings.Join(texts, ";\n") + ";"
	return out, nil
}

// counts selects how many rows were written and how many of them are refused.
func counts(refused expression) *query {
	count := func(where []expression) item {
		return item{Value: sqlgen.Subquery(&query{
			items: []item{{Value: keyword("COUNT_BIG(*)")}}, from: []fromItem{{Source: asideTable, Alias: writtenAlias}}, where: where,
		})}
	}
	if refused == nil {
		return &query{items: []item{count(nil), {Value: zero}}}
	}
	return &query{items: []item{count(nil), count([]expression{refused})}}
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
	l := newCells(&rowsQuery{query: read, scope: m.written}, false)
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

// setAside gives the columns that are needed of the written rows their types.
func (m *mutationCompiler) setAside() error {
	missing := len(m.written.taken)
	for _, c := range m.output.Columns {
		if !m.written.taken[c.Name] {
			continue
		}
		missing--
		from := declared(c.Type)
		m.aside = append(m.aside, asideColumn{name: c.Name, from: from, to: asideType(from)})
	}
	if missing > 0 {
		return fmt.Errorf("%d columns of %s that are needed of its written rows have no type", missing, m.table.Name)
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

// into is the OUTPUT clause that sets rows aside.
func (m *mutationCompiler) into(alias, action string) *output {
	return &output{alias: alias, action: keyword(action), columns: m.aside}
}

// refused holds for the written rows for which a check does not; nil: for none.
func (m *mutationCompiler) refused(restricted bool, check plan.Predicate) (expression, error) {
	if check == nil {
		if restricted {
			return nil, fmt.Errorf("written rows of %s are restricted, but their check is missing", m.table.Name)
		}
		return nil, nil
	}
	condition, err := m.predicate(check, predicateScope{m.written, m.written})
	if err != nil {
		return nil, err
	}
	if len(dialect.Conjuncts(condition)) == 0 {
		return nil, nil
	}
	// What is neither true nor false is refused, too.
	return sqlgen.Infix("=", sqlgen.CaseElse(condition, one, zero), zero), nil
}

func (m *mutationCompiler) target() expression { return sqlgen.Table(m.table.Schema, m.table.Name) }

// update compiles an update; one that sets nothing writes nothing.
func (m *mutationCompiler) update(u *plan.Update) ([]expression, error) {
	if len(u.Set) == 0 {
		return nil, nil
	}
	s := &scope{alias: targetAlias}
	out := &alteration{table: m.target(), alias: targetAlias, output: m.into(afterAlias, actionUpdate)}
	for _, a := range u.Set {
		value, err := m.assigned(a, s)
		if err != nil {
			return nil, err
		}
		out.set = append(out.set, setColumn{column: a.Column.Name, value: value})
	}
	var err error
	out.where, err = m.filter(&u.Rows, s)
	return []expression{out}, err
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

func (m *mutationCompiler) delete(d *plan.Delete) ([]expression, error) {
	s := &scope{alias: targetAlias}
	out := &removal{table: m.target(), alias: targetAlias, output: m.into(beforeAlias, actionDelete)}
	var err error
	out.where, err = m.filter(&d.Rows, s)
	return []expression{out}, err
}
