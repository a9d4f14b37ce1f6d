package mssql

import (
	"maps"
	"slices"
	"strconv"

	"dovetail/internal/plan"
)

// determined are the columns that earlier steps determine, by name, with the
// variables that hold their values.
type determined map[string]keyword

// insert compiles new rows: all in one step, or one by one where rows of other
// tables come along.
func (m *mutationCompiler) insert(n *plan.Insert, into *aside, fixed determined) error {
	nested := func(r *plan.InsertRow) bool { return len(r.Before) > 0 || len(r.After) > 0 }
	if slices.ContainsFunc(n.Rows, nested) {
		into.stepped = true
		for _, row := range n.Rows {
			if _, _, err := m.insertOne(n, row, into, fixed, nil); err != nil {
				return err
			}
		}
		return nil
	}
	if len(n.Rows) == 0 && n.Each == nil {
		return nil
	}
	step, err := m.insertRows(n, n.Rows, into, fixed)
	if err == nil && into.stepped {
		step.location = n.Location
	}
	return err
}

// insertOne compiles a row with what belongs to it: the rows that it refers to
// before, those that refer to it after. It gives the step of the row itself and
// the variables of the columns that are wanted of it.
func (m *mutationCompiler) insertOne(
	n *plan.Insert, row *plan.InsertRow, into *aside, fixed determined, wanted map[string]plan.Column,
) (*step, determined, error) {
	known := determined{}
	maps.Copy(known, fixed)
	for _, before := range row.Before {
		columns := map[string]plan.Column{}
		for _, k := range before.Keys {
			columns[k.Related.Name] = k.Related
		}
		inner := before.Insert
		step, keys, err := m.insertOne(inner, inner.Rows[0], m.asideOf(inner), nil, columns)
		if err != nil {
			return nil, nil, err
		}
		step.missing, step.missingAt = before.Missing, before.Location
		for _, k := range before.Keys {
			known[k.Row.Name] = keys[k.Related.Name]
		}
	}
	columns := map[string]plan.Column{}
	maps.Copy(columns, wanted)
	for _, after := range row.After {
		for _, k := range after.Keys {
			columns[k.Row.Name] = k.Row
		}
	}
	own, err := m.insertRows(n, []*plan.InsertRow{row}, into, known)
	if err != nil {
		return nil, nil, err
	}
	own.location = row.Location
	keys := m.keysOf(own, columns)
	for _, after := range row.After {
		own.missing, own.missingAt = after.Missing, after.Location
		inner := determined{}
		for _, k := range after.Keys {
			inner[k.Related.Name] = keys[k.Row.Name]
		}
		if err := m.insert(after.Insert, m.asideOf(after.Insert), inner); err != nil {
			return nil, nil, err
		}
	}
	return own, keys, nil
}

// keysOf sets columns of a step's row aside, each in a variable.
func (m *mutationCompiler) keysOf(s *step, columns map[string]plan.Column) determined {
	out := determined{}
	for _, name := range slices.Sorted(maps.Keys(columns)) {
		s.into.rows.column(name)
		variable := keyword("@key" + strconv.Itoa(m.keys))
		m.keys++
		s.keys = append(s.keys, keyVariable{name: variable, column: name, as: variableType(declared(columns[name].Type)), of: s})
		out[name] = variable
	}
	return out
}

// variableType is the type of a variable for values of another. Variables have
// the database's collation, so only national characters keep those of any.
func variableType(t sqlType) sqlType {
	t = asideType(t)
	t.collation = ""
	switch t.base {
	case typeChar:
		t.base = typeNchar
	case typeVarchar:
		t.base = typeNvarchar
	default:
		return t
	}
	if t.length > mostNational {
		return asText
	}
	return t
}

// asideOf is the place of the rows of a table that are written along with others.
func (m *mutationCompiler) asideOf(n *plan.Insert) *aside {
	for _, a := range m.along {
		if a.table.Schema == n.Into.Schema && a.table.Name == n.Into.Name {
			return a
		}
	}
	out := newAside(asideTable+keyword(strconv.Itoa(len(m.along)+1)), n.Into, n.Aside)
	out.stepped = true
	m.along = append(m.along, out)
	return out
}
