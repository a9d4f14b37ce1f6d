package document

import "dovetail/internal/orderedjson"

// Relationship is a relationship between two tables of one source, as written.
type Relationship struct {
	Name    string
	Array   bool
	Using   Using
	Comment *string
}

// Using says what a relationship rests on: exactly one part is set.
type Using struct {
	ForeignKey *ForeignKeyUsing
	Manual     *ManualUsing
}

// ForeignKeyUsing rests on a foreign key: of this table's columns, or with
// Table of that table's.
type ForeignKeyUsing struct {
	Table   *TableName
	Columns []string
}

// ManualUsing maps columns by hand, to a table or to a native query.
type ManualUsing struct {
	RemoteTable   TableName
	NativeQuery   string
	ColumnMapping Mapping
	// InsertionOrder is before_parent, after_parent or empty.
	InsertionOrder string
}

// ParseRelationship reads one entry of object_ or array_relationships; it is
// also the form of the commands' arguments.
func ParseRelationship(j orderedjson.Value, path, kind string, array bool) (*Relationship, error) {
	d := &decoder{}
	r := d.relationship(j, path, kind, array)
	return r, d.err()
}

func (d *decoder) relationship(j orderedjson.Value, path, kind string, array bool) *Relationship {
	o := d.object(j, path, "RelDef")
	r := &Relationship{Name: o.nonEmpty("name"), Array: array, Comment: o.textPointer("comment")}
	r.Using = d.using(o.need("using"), o.at("using"), kind, array)
	o.done()
	return r
}

func (d *decoder) using(j orderedjson.Value, path, kind string, array bool) Using {
	o := d.object(j, path, "RelUsing")
	foreign, isForeign := o.get("foreign_key_constraint_on")
	manual, isManual := o.get("manual_configuration")
	var u Using
	switch {
	case d.fault != nil:
	case isForeign && isManual:
		d.fail(path, "only one of foreign_key_constraint_on/manual_configuration should be specified")
	case isForeign:
		u.ForeignKey = d.foreignKeyUsing(foreign, o.at("foreign_key_constraint_on"), kind, array)
	case isManual:
		u.Manual = d.manualUsing(manual, o.at("manual_configuration"), kind)
	default:
		d.fail(path, "one of foreign_key_constraint_on/manual_configuration should be specified")
	}
	o.done()
	return u
}

func (d *decoder) foreignKeyUsing(j orderedjson.Value, path, kind string, array bool) *ForeignKeyUsing {
	u := &ForeignKeyUsing{}
	switch {
	case j.Kind == orderedjson.String && !array:
		u.Columns = []string{j.Text}
	case j.Kind == orderedjson.Array && !array:
		u.Columns = d.texts(j, path)
	case j.Kind == orderedjson.Object:
		o := d.object(j, path, "ForeignKey")
		table := d.tableName(o.need("table"), o.at("table"), kind)
		u.Table = &table
		// v2 takes a single name for columns, too.
		if one, ok := j.Get("columns"); ok && one.Kind == orderedjson.String {
			o.text("columns")
			u.Columns = []string{one.Text}
			o.done()
			return u
		}
		column, columns := o.textPointer("column"), o.texts("columns")
		switch {
		case column != nil && columns == nil:
			u.Columns = []string{*column}
		case column == nil && columns != nil:
			u.Columns = columns
		default:
			d.fail(path, "exactly one of column/columns should be specified")
		}
		o.done()
	default:
		d.fail(path, "unexpected %s for foreign_key_constraint_on", j.Kind)
	}
	if d.fault == nil && len(u.Columns) == 0 {
		d.fail(path, "expected at least one column")
	}
	return u
}

func (d *decoder) manualUsing(j orderedjson.Value, path, kind string) *ManualUsing {
	o := d.object(j, path, "RelManualConfig")
	u := &ManualUsing{}
	table, hasTable := o.get("remote_table")
	query := o.textPointer("remote_native_query")
	switch {
	case hasTable && query == nil:
		u.RemoteTable = d.tableName(table, o.at("remote_table"), kind)
	case !hasTable && query != nil:
		u.NativeQuery = *query
	default:
		d.fail(path, "exactly one of remote_table/remote_native_query should be specified")
	}
	o.need("column_mapping")
	u.ColumnMapping = o.mapping("column_mapping")
	u.InsertionOrder = o.optionalText("insertion_order")
	switch u.InsertionOrder {
	case "", "before_parent", "after_parent":
	default:
		d.fail(o.at("insertion_order"), "unexpected insertion_order %q", u.InsertionOrder)
	}
	o.done()
	return u
}

// JSON is the relationship as exported.
func (r *Relationship) JSON() orderedjson.Value {
	return newFields().text("name", r.Name).add("using", r.Using.JSON()).pointer("comment", r.Comment).json
}

// JSON is the using part as exported.
func (u Using) JSON() orderedjson.Value {
	switch {
	case u.ForeignKey != nil:
		return newFields().add("foreign_key_constraint_on", u.ForeignKey.JSON()).json
	case u.Manual != nil:
		return newFields().add("manual_configuration", u.Manual.JSON()).json
	}
	return newFields().json
}

// JSON is the foreign key as exported: one column stands alone.
func (u *ForeignKeyUsing) JSON() orderedjson.Value {
	var key string
	var columns orderedjson.Value
	if len(u.Columns) == 1 {
		key, columns = "column", textJSON(u.Columns[0])
	} else {
		key, columns = "columns", textsJSON(u.Columns)
	}
	if u.Table == nil {
		return columns
	}
	return newFields().add(key, columns).add("table", u.Table.JSON()).json
}

// JSON is the manual configuration as exported, insertion_order always.
func (u *ManualUsing) JSON() orderedjson.Value {
	order := orderedjson.Value{}
	if u.InsertionOrder != "" {
		order = textJSON(u.InsertionOrder)
	}
	f := newFields()
	if u.NativeQuery != "" {
		return f.add("column_mapping", u.ColumnMapping.JSON()).add("insertion_order", order).text("remote_native_query", u.NativeQuery).json
	}
	return f.add("remote_table", u.RemoteTable.JSON()).add("column_mapping", u.ColumnMapping.JSON()).add("insertion_order", order).json
}
