package sources

import (
	"reflect"
	"slices"

	"dovetail/internal/plan"
)

// Share makes the tables that are as an earlier introspection found them the
// earlier one's own, so that a table that has not changed is known by its address.
// The contents may not be changed afterwards.
func (d *Database) Share(earlier *Database) {
	type name struct{ schema, name string }
	known := make(map[name]*Table, len(earlier.Tables))
	for _, t := range earlier.Tables {
		known[name{t.Schema, t.Name}] = t
	}
	for i, t := range d.Tables {
		if old, ok := known[name{t.Schema, t.Name}]; ok && old.equal(t) {
			d.Tables[i] = old
		}
	}
}

func (t *Table) equal(o *Table) bool {
	return t.ObjectID == o.ObjectID && t.Kind == o.Kind && t.Comment == o.Comment && t.EstimatedRows == o.EstimatedRows &&
		t.Insertable == o.Insertable && t.Updatable == o.Updatable && t.Deletable == o.Deletable &&
		slices.EqualFunc(t.Columns, o.Columns, equalColumn) &&
		reflect.DeepEqual(t.PrimaryKey, o.PrimaryKey) && reflect.DeepEqual(t.UniqueKeys, o.UniqueKeys) &&
		slices.EqualFunc(t.ForeignKeys, o.ForeignKeys, equalForeignKey)
}

func equalColumn(a, b *Column) bool {
	return a.Name == b.Name && a.Position == b.Position && a.Nullable == b.Nullable && a.Comment == b.Comment &&
		a.HasDefault == b.HasDefault && a.Generated == b.Generated && a.Identity == b.Identity && equalType(a.Type, b.Type)
}

func equalType(a, b plan.Type) bool { return a == b || reflect.DeepEqual(a, b) }

func equalForeignKey(a, b *ForeignKey) bool {
	return a.Name == b.Name && a.TargetSchema == b.TargetSchema && a.TargetTable == b.TargetTable &&
		slices.Equal(a.Columns, b.Columns) && slices.Equal(a.TargetColumns, b.TargetColumns)
}
