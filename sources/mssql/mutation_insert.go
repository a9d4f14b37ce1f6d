package mssql

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/sources/sqlgen"
)

// What has been done to a row, as MERGE calls it.
const (
	actionInsert = "N'INSERT'"
	actionUpdate = "N'UPDATE'"
	actionDelete = "N'DELETE'"
	actionEither = "$action"
)

// maxRuns bounds the statements of an insert whose rows keep their order.
const maxRuns = 100

// newRows are new rows that give values for the same columns.
type newRows struct {
	// columns are places among the insert's columns.
	columns []int
	// rows are given one by one, or made of each object of a list.
	rows []*plan.InsertRow
	each *plan.InsertEach
}

// json is the rows as a JSON array, whose members are cells of the types.
func (n *newRows) json(args *plan.Arguments, types []sqlType) (bound, error) {
	out := []byte{'['}
	row := func(at int, value func(column int) (orderedjson.Value, error)) error {
		if at > 0 {
			out = append(out, ',')
		}
		out = append(out, `{"o":`...)
		out = strconv.AppendInt(out, int64(at), 10)
		for i, column := range n.columns {
			j, err := value(column)
			if err != nil {
				return err
			}
			b, err := boundScalar(j, types[i])
			if err != nil {
				return err
			}
			out = append(out, `,"`+cellName(i)+`":`...)
			out = b.appendJSON(out)
		}
		out = append(out, '}')
		return nil
	}
	for at, r := range n.rows {
		if err := row(at, func(column int) (orderedjson.Value, error) { return args.Resolve(r.Values[column]) }); err != nil {
			return bound{}, err
		}
	}
	if n.each != nil {
		list, err := args.Resolve(n.each.List)
		if err != nil {
			return bound{}, err
		}
		for at, item := range list.Items {
			err := row(at, func(column int) (orderedjson.Value, error) {
				m := n.each.Members[column]
				if m.Name == "" {
					return args.Resolve(m.Value)
				}
				j, _ := item.Get(m.Name)
				return j, nil
			})
			if err != nil {
				return bound{}, err
			}
		}
	}
	return boundJSON(append(out, ']')), nil
}

func cellName(i int) string { return "c" + strconv.Itoa(i) }

// fixedName names a value that another row determines.
func fixedName(i int) string { return "f" + strconv.Itoa(i) }

// storedType is the type as which a value is read that a column gets.
func storedType(as sqlType) sqlType {
	switch as.base {
	case typeDatetime, typeSmalldatetime:
		// Only the newer types read a text alike under every language.
		return asDatetime2
	case typeHierarchy, typeVariant:
		const most = 4000
		return sqlType{base: typeNvarchar, length: most}
	}
	if t, ok := travelling(as); ok {
		return t
	}
	return asText // whose length the column checks
}

// storedAs makes what a column gets of a value that was read.
func storedAs(value expression, as sqlType) expression {
	switch as.base {
	case typeBinary, typeVarbinary, typeImage:
		return received(value, as)
	case typeDatetime, typeSmalldatetime, typeHierarchy:
		return castTo{value, as}
	case typeGeometry:
		return method{static: as.base, name: "STGeomFromText", arguments: []expression{value, zero}}
	case typeGeography:
		const earth keyword = "4326" // the reference system of longitudes and latitudes
		return method{static: as.base, name: "STGeomFromText", arguments: []expression{value, earth}}
	}
	return value
}

// insertCheck holds for the written rows that are refused: new ones by the check
// of inserts, present ones by that of updates.
func (m *mutationCompiler) insertCheck(n *plan.Insert, into *aside) (expression, error) {
	inserted, err := m.refused(into, n.Restricted, n.Check)
	if err != nil || n.Conflict == nil || len(n.Conflict.Set) == 0 || len(n.Conflict.Match) == 0 {
		return inserted, err
	}
	updated, err := m.refused(into, false, n.Conflict.Check)
	if err != nil {
		return nil, err
	}
	var either []expression
	for _, part := range []struct {
		action  keyword
		refused expression
	}{{actionInsert, inserted}, {actionUpdate, updated}} {
		if part.refused != nil {
			did := sqlgen.Infix("=", sqlgen.Column(writtenAlias, actionColumn), part.action)
			either = append(either, sqlgen.And(did, part.refused))
		}
	}
	if len(either) == 0 {
		return nil, nil
	}
	return sqlgen.Or(either...), nil
}

// insertRows compiles a step that inserts rows: a statement for each run of rows
// that give values for the same columns, as others have their defaults.
func (m *mutationCompiler) insertRows(n *plan.Insert, rows []*plan.InsertRow, into *aside, fixed determined) (*step, error) {
	if n.Restricted && n.Conflict != nil && len(n.Conflict.Set) > 0 && n.Conflict.Permit == nil {
		return nil, fmt.Errorf("rows of %s that are there already are restricted, but their permission is missing", into.table.Name)
	}
	out := m.step(into)
	var err error
	if out.refused, err = m.insertCheck(n, into); err != nil {
		return nil, err
	}
	for _, run := range runs(n, rows, fixed) {
		statement, err := m.insertRun(n, run, out, fixed)
		if err != nil {
			return nil, err
		}
		_, numbered := fixed[n.Identity]
		if numbered || slices.ContainsFunc(run.columns, func(i int) bool { return n.Columns[i].Name == n.Identity }) {
			out.writes = append(out.writes, identityInsert{into.target(), true}, statement, identityInsert{into.target(), false})
		} else {
			out.writes = append(out.writes, statement)
		}
	}
	return out, nil
}

// runs are the rows of an insert by the columns that they give values for: in
// their order, unless that changes too often.
func runs(n *plan.Insert, rows []*plan.InsertRow, fixed determined) []*newRows {
	if n.Each != nil {
		all := &newRows{each: n.Each}
		for i := range n.Columns {
			all.columns = append(all.columns, i)
		}
		return []*newRows{all}
	}
	out := rowsByColumns(n, rows, fixed, true)
	if len(out) > maxRuns {
		out = rowsByColumns(n, rows, fixed, false)
	}
	return out
}

func rowsByColumns(n *plan.Insert, rows []*plan.InsertRow, fixed determined, ordered bool) []*newRows {
	var out []*newRows
	known := map[string]*newRows{}
	last := ""
	for _, row := range rows {
		columns := make([]int, 0, len(row.Values))
		key := make([]byte, 0, len(row.Values))
		for i, v := range row.Values {
			given := byte('-')
			if _, elsewhere := fixed[n.Columns[i].Name]; v != nil && !elsewhere {
				columns = append(columns, i)
				given = '+'
			}
			key = append(key, given)
		}
		run, ok := known[string(key)]
		if !ok || ordered && last != string(key) {
			run = &newRows{columns: columns}
			known[string(key)] = run
			out = append(out, run)
		}
		last = string(key)
		run.rows = append(run.rows, row)
	}
	return out
}

// insertRun compiles the statement that inserts rows of the same columns.
func (m *mutationCompiler) insertRun(n *plan.Insert, run *newRows, step *step, fixed determined) (expression, error) {
	source := parameterSource{form: formNewRows, rows: run}
	for _, i := range run.columns {
		source.keys = append(source.keys, declared(n.Columns[i].Type))
	}
	read := openJSON{array: m.parameter(source), columns: []jsonColumn{{ordinal, sqlType{base: typeInt}, "$.o"}}}
	rows := &query{}
	names := make([]string, 0, len(fixed)+len(run.columns))
	for i, name := range slices.Sorted(maps.Keys(fixed)) {
		rows.items = append(rows.items, item{Value: fixed[name], Alias: fixedName(i)})
		names = append(names, name)
	}
	for i, at := range run.columns {
		as := source.keys[i]
		read.columns = append(read.columns, jsonColumn{cellName(i), storedType(as), "$." + cellName(i)})
		rows.items = append(rows.items, item{Value: storedAs(sqlgen.Column(keysAlias, cellName(i)), as), Alias: cellName(i)})
		names = append(names, n.Columns[at].Name)
	}
	rows.from = []fromItem{{Source: read, Alias: keysAlias}}
	matches := n.Conflict != nil && len(n.Conflict.Match) > 0
	if len(names) > 0 && !matches {
		// Rows are numbered in the order in which they come.
		rows.orderBy = []ordering{{Value: sqlgen.Column(keysAlias, ordinal)}}
		return &insertion{into: step.into.target(), columns: names, output: step.output(afterAlias, actionInsert), rows: rows}, nil
	}
	if len(names) == 0 {
		rows.items = []item{{Value: sqlgen.Column(keysAlias, ordinal), Alias: ordinal}}
	}
	out := &merge{
		into: step.into.target(), alias: targetAlias, using: fromItem{Source: sqlgen.Subquery(rows), Alias: sourceAlias},
		on: []expression{dialect.Never}, columns: names, output: step.output(afterAlias, actionEither),
	}
	for _, i := range rows.items[:len(names)] {
		out.values = append(out.values, sqlgen.Column(sourceAlias, i.Alias))
	}
	if !matches {
		return out, nil
	}
	return out, m.matched(out, n.Conflict)
}

// matched tells which present row a new one meets, and what it gets then.
func (m *mutationCompiler) matched(out *merge, c *plan.Conflict) error {
	given := func(column string) (expression, bool) {
		at := slices.Index(out.columns, column)
		if at < 0 {
			return nil, false
		}
		return out.values[at], true
	}
	s := &scope{alias: targetAlias}
	out.on = nil
	for _, column := range c.Match {
		as := declared(column.Type)
		value, ok := given(column.Name)
		if !ok {
			// A row without the column equals none.
			out.on = []expression{dialect.Never}
			break
		}
		if as.collation != "" {
			value = collated{value, as.collation}
		}
		out.on = append(out.on, sqlgen.Infix("=", comparing(s.column(column.Name), as), comparing(value, as)))
	}
	for _, set := range c.Set {
		value, _ := given(set.Column.Name)
		if set.Value != nil {
			var err error
			if value, err = m.stored(set.Value, set.Column.Type); err != nil {
				return err
			}
		}
		out.set = append(out.set, setColumn{column: set.Column.Name, value: value})
	}
	for _, p := range []plan.Predicate{c.Where, c.Permit} {
		if p == nil {
			continue
		}
		condition, err := m.predicate(p, predicateScope{s, s})
		if err != nil {
			return err
		}
		out.conditions = append(out.conditions, dialect.Conjuncts(condition)...)
	}
	return nil
}
