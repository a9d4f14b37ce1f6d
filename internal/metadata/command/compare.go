package command

import (
	"slices"

	"dovetail/internal/metadata/document"
	"dovetail/internal/plan"
	"dovetail/sources"
)

// columnName names a column of a table.
type columnName struct {
	table document.TableName
	name  string
}

// tableRename is a table that goes by another name.
type tableRename struct{ from, to document.TableName }

// columnRename is a column that goes by another name; the table is already
// called by its new one.
type columnRename struct {
	table    document.TableName
	from, to string
}

// changes is what SQL did to the schema of a database.
type changes struct {
	tables        []tableRename
	columns       []columnRename
	gone          []document.TableName
	goneColumns   []columnName
	goneFunctions []document.TableName
	// retyped are columns of another type than before.
	retyped   []columnName
	functions []functionChange
}

// functionChange is what became of a function; now is nil where it is gone.
// renamed is the new function that looks like one that is gone.
type functionChange struct{ before, now, renamed *sources.Function }

func nameOf(t *sources.Table) document.TableName {
	return document.TableName{Schema: t.Schema, Name: t.Name}
}

// compare tells what became of the tables, columns and functions that were
// there. Renames are told by the identities that databases give tables and
// columns; without them a rename is a loss.
func compare(before, after *sources.Database) changes {
	var out changes
	byID := make(map[int64]*sources.Table, len(after.Tables))
	byName := make(map[document.TableName]*sources.Table, len(after.Tables))
	for _, t := range after.Tables {
		byName[nameOf(t)] = t
		if t.ObjectID != 0 {
			byID[t.ObjectID] = t
		}
	}
	for _, t := range before.Tables {
		now, ok := byID[t.ObjectID]
		if t.ObjectID == 0 || !ok {
			// Dropped, or made anew under its name.
			now, ok = byName[nameOf(t)]
		}
		switch {
		case !ok:
			out.gone = append(out.gone, nameOf(t))
			continue
		case nameOf(now) != nameOf(t):
			out.tables = append(out.tables, tableRename{from: nameOf(t), to: nameOf(now)})
		}
		out.compareColumns(t, now)
	}
	out.compareFunctions(before, after)
	return out
}

func functionName(f *sources.Function) document.TableName {
	return document.TableName{Schema: f.Schema, Name: f.Name}
}

// compareFunctions tells what became of functions. They have no identity that
// outlives a name, so a new function with the arguments and the result of one that
// is gone counts as that one under another name.
func (c *changes) compareFunctions(before, after *sources.Database) {
	now := make(map[document.TableName]*sources.Function, len(after.Functions))
	for _, f := range after.Functions {
		now[functionName(f)] = f
	}
	known := make(map[document.TableName]bool, len(before.Functions))
	for _, f := range before.Functions {
		known[functionName(f)] = true
	}
	for _, f := range before.Functions {
		change := functionChange{before: f, now: now[functionName(f)]}
		if change.now == nil {
			c.goneFunctions = append(c.goneFunctions, functionName(f))
			i := slices.IndexFunc(after.Functions, func(x *sources.Function) bool { return !known[functionName(x)] && alike(f, x) })
			if i >= 0 {
				change.renamed = after.Functions[i]
			}
		}
		c.functions = append(c.functions, change)
	}
}

// alike reports whether two functions take and return the same.
func alike(a, b *sources.Function) bool {
	same := func(x, y sources.FunctionParameter) bool {
		return x.Name == y.Name && sameType(x.Type, y.Type) && x.TableSchema == y.TableSchema && x.Table == y.Table
	}
	return a.ReturnsSet == b.ReturnsSet && sameType(a.Returns, b.Returns) && slices.EqualFunc(a.Arguments, b.Arguments, same)
}

// sameType reports whether two types are one of the database.
func sameType(a, b plan.Type) bool { return a.Schema == b.Schema && a.Name == b.Name }

func (c *changes) compareColumns(before, after *sources.Table) {
	byPosition := make(map[int]*sources.Column, len(after.Columns))
	for _, column := range after.Columns {
		byPosition[column.Position] = column
	}
	same := before.ObjectID != 0 && before.ObjectID == after.ObjectID
	for _, column := range before.Columns {
		var now *sources.Column
		if same && column.Position != 0 {
			now = byPosition[column.Position]
		} else {
			now, _ = after.Column(column.Name)
		}
		switch {
		case now == nil:
			c.goneColumns = append(c.goneColumns, columnName{table: nameOf(after), name: column.Name})
		case now.Name != column.Name:
			c.columns = append(c.columns, columnRename{table: nameOf(after), from: column.Name, to: now.Name})
		case !sameType(now.Type, column.Type):
			c.retyped = append(c.retyped, columnName{table: nameOf(after), name: column.Name})
		}
	}
}
