package command

import (
	"dovetail/internal/metadata/document"
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
}

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
	functions := make(map[document.TableName]bool, len(after.Functions))
	for _, f := range after.Functions {
		functions[document.TableName{Schema: f.Schema, Name: f.Name}] = true
	}
	for _, f := range before.Functions {
		if name := (document.TableName{Schema: f.Schema, Name: f.Name}); !functions[name] {
			out.goneFunctions = append(out.goneFunctions, name)
		}
	}
	return out
}

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
		}
	}
}
