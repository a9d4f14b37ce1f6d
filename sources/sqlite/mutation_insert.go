package sqlite

import (
	"maps"
	"slices"

	"dovetail/internal/plan"
	"dovetail/sources"
)

// determined are the columns that earlier statements determine, by name, with
// the registers that hold their values.
type determined map[string]int

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// insert compiles new rows: by one statement that runs for each row, or one by
// one where rows of other tables come along.
func (m *mutationCompiler) insert(n *plan.Insert, fixed determined) {
	nested := func(r *plan.InsertRow) bool { return len(r.Before) > 0 || len(r.After) > 0 }
	if slices.ContainsFunc(n.Rows, nested) {
		for _, row := range n.Rows {
			m.insertOne(n, row, fixed, nil)
		}
		return
	}
	columns := givenColumns(n, fixed)
	if n.Each != nil {
		out, _ := m.insertion(n, columns, fixed, nil)
		out.each = &eachRow{list: n.Each.List}
		for _, i := range columns {
			out.each.columns = append(out.each.columns, n.Columns[i])
			out.each.members = append(out.each.members, n.Each.Members[i])
		}
		out.location = n.Location
		return
	}
	for rows := n.Rows; len(rows) > 0; {
		// Neighbours that leave the same columns to their defaults share a statement.
		same := present(rows[0], columns)
		count := 1
		for count < len(rows) && slices.Equal(present(rows[count], columns), same) {
			count++
		}
		out, _ := m.insertion(n, same, fixed, nil)
		for _, row := range rows[:count] {
			out.rows = append(out.rows, newRow(n, row, same, fixed))
		}
		out.location = n.Location
		rows = rows[count:]
	}
}

// givenColumns are those of an insert that no other row determines.
func givenColumns(n *plan.Insert, fixed determined) []int {
	columns := make([]int, 0, len(n.Columns))
	for i, c := range n.Columns {
		if _, ok := fixed[c.Name]; !ok {
			columns = append(columns, i)
		}
	}
	return columns
}

// newRow gives the values of a row, those of other rows first.
func newRow(n *plan.Insert, row *plan.InsertRow, columns []int, fixed determined) []newValue {
	values := make([]newValue, 0, len(columns)+len(fixed))
	for _, name := range sortedNames(fixed) {
		values = append(values, newValue{register: fixed[name]})
	}
	for _, i := range columns {
		values = append(values, newValue{parameter: &parameter{convert: convertWrite, value: row.Values[i], typ: n.Columns[i].Type}})
	}
	return values
}

// insertOne compiles a row with what belongs to it: the rows that it refers to
// before, those that refer to it after. It gives the statement of the row itself
// and the registers of the columns that are wanted of it.
func (m *mutationCompiler) insertOne(n *plan.Insert, row *plan.InsertRow, fixed determined, wanted map[string]bool) (*step, map[string]int) {
	known := determined{}
	maps.Copy(known, fixed)
	for _, before := range row.Before {
		columns := map[string]bool{}
		for _, k := range before.Keys {
			columns[k.Related.Name] = true
		}
		step, registers := m.insertOne(before.Insert, before.Insert.Rows[0], nil, columns)
		step.missing, step.missingAt = before.Missing, before.Location
		for _, k := range before.Keys {
			known[k.Row.Name] = registers[k.Related.Name]
		}
	}
	columns := map[string]bool{}
	maps.Copy(columns, wanted)
	for _, after := range row.After {
		for _, k := range after.Keys {
			columns[k.Row.Name] = true
		}
	}
	given := present(row, givenColumns(n, known))
	own, registers := m.insertion(n, given, known, columns)
	own.rows, own.location = [][]newValue{newRow(n, row, given, known)}, row.Location
	for _, after := range row.After {
		own.missing, own.missingAt = after.Missing, after.Location
		inner := determined{}
		for _, k := range after.Keys {
			inner[k.Related.Name] = registers[k.Row.Name]
		}
		m.insert(after.Insert, inner)
	}
	return own, registers
}

// insertion compiles the statement that inserts a row of some columns, whose
// values are its first parameters.
func (m *mutationCompiler) insertion(n *plan.Insert, given []int, fixed determined, wanted map[string]bool) (*step, map[string]int) {
	if n.Restricted && n.Check == nil {
		m.fail(&sources.Error{Code: sources.CodeUnexpected, Message: "a restricted insert has no check"})
	}
	m.begin()
	columns := sortedNames(fixed)
	for _, i := range given {
		columns = append(columns, n.Columns[i].Name)
	}
	for i := range columns {
		m.parameters = append(m.parameters, parameter{convert: convertRow, set: i})
	}
	a := m.newAlias()
	b := &builder{}
	b.write("INSERT INTO ")
	m.relation(b, n.Into, a)
	m.newValues(b, n, columns)
	if n.Conflict != nil {
		m.conflict(b, n, a)
	}
	key := m.key(n.Into).columns
	names := sortedNames(wanted)
	m.returning(b, append(slices.Clone(key), names...))
	out := m.end(b)
	out.keys, out.top = len(key), n.Output != nil
	registers := map[string]int{}
	for _, name := range names {
		registers[name] = m.program.registers
		out.captures = append(out.captures, m.program.registers)
		m.program.registers++
	}
	out.check = m.checked(n.Into, n.Check)
	if n.Conflict != nil && len(n.Conflict.Set) > 0 {
		out.updatedCheck = m.checked(n.Into, n.Conflict.Check)
	}
	m.current.steps = append(m.current.steps, out)
	return out, registers
}

// newValues writes the columns and values of a new row.
func (m *mutationCompiler) newValues(b *builder, n *plan.Insert, columns []string) {
	switch {
	case len(columns) > 0:
		b.write(" (")
		writeNames(b, columns)
		b.write(") VALUES (")
		for i := range columns {
			if i > 0 {
				b.write(", ")
			}
			b.parameter(i + 1)
		}
		b.write(")")
	case n.Conflict == nil:
		b.write(" DEFAULT VALUES")
	default:
		// ON CONFLICT can't follow DEFAULT VALUES; a null rowid is as good as none.
		key := m.key(n.Into)
		if !key.rowid {
			m.refuse("an upsert of %q needs values", n.Into.Name)
			return
		}
		b.write(" (")
		writeNames(b, key.columns)
		b.write(") VALUES (NULL)")
	}
}

func writeNames(b *builder, names []string) {
	for i, name := range names {
		if i > 0 {
			b.write(", ")
		}
		b.identifier(name)
	}
}

// conflict writes the ON CONFLICT clause. The first new value tells that it was
// taken: a row that was there already is held to another check than a new one.
func (m *mutationCompiler) conflict(b *builder, n *plan.Insert, a alias) {
	columns, ok := m.key(n.Into).constraints[n.Conflict.Constraint]
	if !ok {
		m.fail(&sources.Error{
			Code: sources.CodeConstraintError, Message: "there is no unique or exclusion constraint on target column(s)",
		})
		return
	}
	b.write(" ON CONFLICT (")
	writeNames(b, columns)
	b.write(")")
	if len(n.Conflict.Set) == 0 {
		b.write(" DO NOTHING")
		return
	}
	if n.Restricted && n.Conflict.Permit == nil {
		m.fail(&sources.Error{Code: sources.CodeUnexpected, Message: "a restricted upsert has no permission to update"})
	}
	b.write(" DO UPDATE SET ")
	for i, set := range n.Conflict.Set {
		if i > 0 {
			b.write(", ")
		}
		b.identifier(set.Column.Name)
		b.write(" = ")
		if i == 0 {
			b.write(sqlUpdated, "(")
		}
		if set.Value != nil {
			b.parameter(m.parameter(parameter{convert: convertWrite, value: set.Value, typ: set.Column.Type}))
		} else {
			b.write("excluded.")
			b.identifier(set.Column.Name)
		}
		if i == 0 {
			b.write(")")
		}
	}
	here := &scope{alias: a}
	here.root = here
	var conditions []*builder
	for _, p := range []plan.Predicate{n.Conflict.Where, n.Conflict.Permit} {
		if p != nil {
			condition := &builder{}
			m.predicate(condition, p, here)
			conditions = append(conditions, condition)
		}
	}
	writeConditions(b, conditions)
}
