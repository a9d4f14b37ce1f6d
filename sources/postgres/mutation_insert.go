package postgres

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"dovetail/internal/plan"
	"dovetail/sources/sqlgen"
)

// maxParameters keeps statements below the protocol's limit of 65,535.
const maxParameters = 60_000

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// determined are the columns that earlier statements determine, by name, with
// the registers that hold their values.
type determined map[string]determinedColumn

type determinedColumn struct {
	column   plan.Column
	register int
}

// insert compiles new rows: all in one statement, or one by one where rows of
// other tables come along.
func (m *mutationCompiler) insert(n *plan.Insert, fixed determined) error {
	if n.Restricted && n.Check == nil {
		return fmt.Errorf("new rows of %s are restricted, but their check is missing", n.Into.Name)
	}
	nested := func(r *plan.InsertRow) bool { return len(r.Before) > 0 || len(r.After) > 0 }
	if slices.ContainsFunc(n.Rows, nested) {
		for _, row := range n.Rows {
			if _, _, err := m.insertOne(n, row, fixed, nil); err != nil {
				return err
			}
		}
		return nil
	}
	width := max(len(n.Columns)+len(fixed), 1)
	chunk := maxParameters / width
	for rows := n.Rows; ; {
		part := rows[:min(chunk, len(rows))]
		if len(rows) > 0 || n.Each != nil {
			if _, _, err := m.insertRows(n, part, fixed, nil, n.Location); err != nil {
				return err
			}
		}
		if rows = rows[len(part):]; len(rows) == 0 {
			return nil
		}
	}
}

// insertOne compiles a row with what belongs to it: the rows that it refers to
// before, those that refer to it after. It gives the statement of the row itself
// and the registers of the columns that are wanted of it.
func (m *mutationCompiler) insertOne(n *plan.Insert, row *plan.InsertRow, fixed determined, wanted map[string]plan.Column) (*step, map[string]int, error) {
	known := determined{}
	maps.Copy(known, fixed)
	for _, before := range row.Before {
		columns := map[string]plan.Column{}
		for _, k := range before.Keys {
			columns[k.Related.Name] = k.Related
		}
		step, registers, err := m.insertOne(before.Insert, before.Insert.Rows[0], nil, columns)
		if err != nil {
			return nil, nil, err
		}
		step.missing, step.missingAt = before.Missing, before.Location
		for _, k := range before.Keys {
			known[k.Row.Name] = determinedColumn{column: k.Row, register: registers[k.Related.Name]}
		}
	}
	columns := map[string]plan.Column{}
	maps.Copy(columns, wanted)
	for _, after := range row.After {
		for _, k := range after.Keys {
			columns[k.Row.Name] = k.Row
		}
	}
	own, registers, err := m.insertRows(n, []*plan.InsertRow{row}, known, columns, row.Location)
	if err != nil {
		return nil, nil, err
	}
	for _, after := range row.After {
		own.missing, own.missingAt = after.Missing, after.Location
		inner := determined{}
		for _, k := range after.Keys {
			inner[k.Related.Name] = determinedColumn{column: k.Related, register: registers[k.Row.Name]}
		}
		if err := m.insert(after.Insert, inner); err != nil {
			return nil, nil, err
		}
	}
	return own, registers, nil
}

// insertRows compiles the statement that inserts rows.
func (m *mutationCompiler) insertRows(
	n *plan.Insert, rows []*plan.InsertRow, fixed determined, columns map[string]plan.Column, location string,
) (*step, map[string]int, error) {
	m.begin()
	s := &scope{alias: writtenAlias}
	statement := &insertion{into: sqlgen.Table(n.Into.Schema, n.Into.Name), alias: writtenAlias}
	unprepared, err := m.newRows(statement, n, rows, fixed)
	if err != nil {
		return nil, nil, err
	}
	w := wanted{top: n.Output != nil, check: n.Check, columns: columns}
	if n.Conflict != nil {
		if statement.conflict, err = m.conflict(n, s); err != nil {
			return nil, nil, err
		}
		if len(n.Conflict.Set) > 0 {
			if w.checked, err = m.conflictCheck(n, s); err != nil {
				return nil, nil, err
			}
		}
	}
	out, registers, err := m.write(s, w, func(returning []item) expression {
		statement.returning = returning
		return statement
	})
	if err != nil {
		return nil, nil, err
	}
	out.location = location
	out.unprepared = out.unprepared || unprepared
	return out, registers, nil
}

// newRows writes the rows of an insertion and tells whether its text depends on
// their number.
func (m *mutationCompiler) newRows(out *insertion, n *plan.Insert, rows []*plan.InsertRow, fixed determined) (bool, error) {
	columns := make([]int, 0, len(n.Columns)) // those that no other row determines
	for i, c := range n.Columns {
		if _, ok := fixed[c.Name]; !ok {
			columns = append(columns, i)
		}
	}
	switch {
	case n.Each != nil:
		return false, m.eachRow(out, n, columns)
	case len(rows) == 1:
		return false, m.oneRow(out, n, rows[0], columns, fixed)
	}
	complete := func(r *plan.InsertRow) bool {
		return !slices.ContainsFunc(columns, func(i int) bool { return r.Values[i] == nil })
	}
	if len(columns) > 0 && !slices.ContainsFunc(rows, func(r *plan.InsertRow) bool { return !complete(r) }) {
		return false, m.listedRows(out, n, rows, columns, fixed)
	}
	return true, m.valueRows(out, n, rows, columns, fixed)
}

// fixedColumns adds the columns that earlier statements determine.
func (m *mutationCompiler) fixedColumns(out *insertion, fixed determined) []expression {
	values := make([]expression, 0, len(fixed))
	for _, name := range sortedNames(fixed) {
		d := fixed[name]
		out.columns = append(out.columns, name)
		values = append(values, m.parameter(parameterSource{form: formRegister, binding: d.register, cast: castOf(d.column.Type)}))
	}
	return values
}

// oneRow is VALUES without the columns that have their default.
func (m *mutationCompiler) oneRow(out *insertion, n *plan.Insert, row *plan.InsertRow, columns []int, fixed determined) error {
	values := m.fixedColumns(out, fixed)
	for _, i := range columns {
		if row.Values[i] == nil {
			continue
		}
		value, err := m.value(row.Values[i], n.Columns[i].Type)
		if err != nil {
			return err
		}
		out.columns = append(out.columns, n.Columns[i].Name)
		values = append(values, value)
	}
	if len(values) > 0 {
		out.values = [][]expression{values}
	}
	return nil
}

// valueRows is VALUES with DEFAULT where a row leaves a column out.
func (m *mutationCompiler) valueRows(out *insertion, n *plan.Insert, rows []*plan.InsertRow, columns []int, fixed determined) error {
	shared := m.fixedColumns(out, fixed)
	for _, i := range columns {
		out.columns = append(out.columns, n.Columns[i].Name)
	}
	if len(out.columns) == 0 {
		// Rows of nothing but defaults.
		series := sqlgen.Function("generate_series", keyword("1"), keyword(strconv.Itoa(len(rows))))
		out.rows = &query{from: []fromItem{{Source: series, Alias: m.alias()}}}
		return nil
	}
	for _, row := range rows {
		values := slices.Clone(shared)
		for _, i := range columns {
			var value expression
			if row.Values[i] != nil {
				var err error
				if value, err = m.value(row.Values[i], n.Columns[i].Type); err != nil {
					return err
				}
			}
			values = append(values, value)
		}
		out.values = append(out.values, values)
	}
	return nil
}

// listedRows sends each column as one array, so that the statement is the same
// for any number of rows.
func (m *mutationCompiler) listedRows(out *insertion, n *plan.Insert, rows []*plan.InsertRow, columns []int, fixed determined) error {
	shared := m.fixedColumns(out, fixed)
	u := m.unnest(out, shared)
	for _, i := range columns {
		first := rows[0].Values[i]
		if !slices.ContainsFunc(rows, func(r *plan.InsertRow) bool { return r.Values[i] != first }) {
			if err := u.constant(n.Columns[i], first); err != nil {
				return err
			}
			continue
		}
		list := &plan.ListValue{Items: make([]plan.Value, 0, len(rows))}
		for _, row := range rows {
			list.Items = append(list.Items, row.Values[i])
		}
		u.column(n.Columns[i], list, "")
	}
	u.finish(len(rows))
	return nil
}

// eachRow makes a row of every object of a list.
func (m *mutationCompiler) eachRow(out *insertion, n *plan.Insert, columns []int) error {
	u := m.unnest(out, nil)
	for _, i := range columns {
		member := n.Each.Members[i]
		if member.Name != "" {
			u.column(n.Columns[i], n.Each.List, member.Name)
			continue
		}
		if err := u.constant(n.Columns[i], member.Value); err != nil {
			return err
		}
	}
	if len(u.call.Arguments) == 0 {
		// Objects without members: one row for each.
		u.counted(n.Each.List)
	}
	u.finish(0)
	return nil
}

// unnested is a query of rows whose columns are arrays.
type unnested struct {
	*mutationCompiler
	out   *insertion
	call  *call
	query *query
	alias string
	names []string
}

func (m *mutationCompiler) unnest(out *insertion, shared []expression) *unnested {
	u := &unnested{mutationCompiler: m, out: out, call: sqlgen.Function("unnest"), query: &query{}, alias: m.alias()}
	for _, e := range shared {
		u.query.items = append(u.query.items, item{Value: e})
	}
	return u
}

// constant is a column that is the same in all rows.
func (u *unnested) constant(c plan.Column, v plan.Value) error {
	value, err := u.value(v, c.Type)
	u.out.columns = append(u.out.columns, c.Name)
	u.query.items = append(u.query.items, item{Value: value})
	return err
}

// column is a column whose values are a list, or a member of its objects.
func (u *unnested) column(c plan.Column, list plan.Value, member string) {
	t := c.Type.Underlying()
	source := parameterSource{form: formColumn, element: formText, value: list, member: member, cast: arrayCast(castOf(t))}
	name := "c" + strconv.Itoa(len(u.names))
	value := expression(sqlgen.Column(u.alias, name))
	switch t.Class { //nolint:exhaustive // all others are plain scalars
	case plan.ClassJSON, plan.ClassJSONB:
		source.element = formJSON
	case plan.ClassArray:
		source.element, source.cast = arrayForm(t.Element), arrayCast(systemCast("text"))
		value = castTo{value: value, to: castOf(t)}
	case plan.ClassGeometry, plan.ClassGeography:
		source.cast = arrayCast(systemCast("text"))
		value = geometryFrom(value, t)
	}
	u.call.Arguments = append(u.call.Arguments, u.parameter(source))
	u.names = append(u.names, name)
	u.out.columns = append(u.out.columns, c.Name)
	u.query.items = append(u.query.items, item{Value: value})
}

// counted makes as many rows as a list has elements.
func (u *unnested) counted(list plan.Value) {
	source := parameterSource{form: formColumn, element: formJSON, value: list, cast: arrayCast(systemCast("text"))}
	u.call.Arguments = append(u.call.Arguments, u.parameter(source))
	u.names = append(u.names, "c0")
}

// finish makes the query the rows of the insertion; without lists there are as
// many rows as given.
func (u *unnested) finish(rows int) {
	from := fromItem{Source: u.call, Alias: u.alias, Columns: u.names}
	if len(u.call.Arguments) == 0 {
		u.call.Name = "generate_series"
		u.call.Arguments = []expression{keyword("1"), keyword(strconv.Itoa(rows))}
		from.Columns = nil
	}
	u.query.from = []fromItem{from}
	u.out.rows = u.query
}

// conflict is the ON CONFLICT clause.
func (m *mutationCompiler) conflict(n *plan.Insert, s *scope) (*conflictClause, error) {
	out := &conflictClause{constraint: n.Conflict.Constraint}
	if len(n.Conflict.Set) == 0 {
		return out, nil
	}
	if n.Restricted && n.Conflict.Permit == nil {
		return nil, fmt.Errorf("rows of %s that are there already are restricted, but their permission is missing", n.Into.Name)
	}
	for _, set := range n.Conflict.Set {
		value := expression(sqlgen.Column("excluded", set.Column.Name))
		if set.Value != nil {
			var err error
			if value, err = m.value(set.Value, set.Column.Type); err != nil {
				return nil, err
			}
		}
		out.set = append(out.set, setColumn{column: set.Column.Name, value: value})
	}
	for _, p := range []plan.Predicate{n.Conflict.Where, n.Conflict.Permit} {
		if p == nil {
			continue
		}
		e, err := m.predicate(p, scopeOf(s))
		if err != nil {
			return nil, err
		}
		out.where = append(out.where, dialect.Conjuncts(e)...)
	}
	return out, nil
}

// conflictCheck is the check of a row that is new or was there already, which
// the mark of the transaction that changed it tells.
func (m *mutationCompiler) conflictCheck(n *plan.Insert, s *scope) (expression, error) {
	check := func(p plan.Predicate) (expression, error) {
		if p == nil {
			return keyword("true"), nil
		}
		return m.predicate(p, scopeOf(s))
	}
	inserted, err := check(n.Check)
	if err != nil {
		return nil, err
	}
	updated, err := check(n.Conflict.Check)
	if err != nil {
		return nil, err
	}
	if inserted == keyword("true") && updated == keyword("true") {
		return inserted, nil
	}
	return sqlgen.CaseElse(sqlgen.Infix("=", s.column("xmax"), keyword("0")), inserted, updated), nil
}
