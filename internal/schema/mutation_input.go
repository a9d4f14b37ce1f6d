package schema

import (
	"strings"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/plan"
	"dovetail/sources"
)

// insertInput is the input type of a new row: what the role may give values for,
// and the related rows that it may insert along with it.
func (s *Schema) insertInput(t *catalog.Table) *Type {
	n := namesOf(t.Source)
	return s.input(t.TypeName("insert_input"), `input type for inserting data into table "`+t.Name.Name+`"`, func(x *Type) {
		w := s.writes(t)
		if w.insert == nil {
			return
		}
		x.inputs = s.columnInputs(n, w.insert.columns)
		for _, r := range t.Local {
			if s.writes(r.Target).insert == nil {
				continue
			}
			in := &Input{Name: n.Word(r.Name), Binding: &InsertRelated{Relationship: r}}
			if r.Array {
				in.Type = Named(s.relatedInsert(r.Target, "arr_rel_insert_input", "array",
					Required(List(Required(Named(s.insertInput(r.Target)))))))
			} else {
				in.Type = Named(s.relatedInsert(r.Target, "obj_rel_insert_input", "object", Required(Named(s.insertInput(r.Target)))))
			}
			x.inputs = append(x.inputs, in)
		}
	})
}

// relatedInsert is the input type of related rows that are inserted along.
func (s *Schema) relatedInsert(t *catalog.Table, name, kind string, data Ref) *Type {
	n := namesOf(t.Source)
	return s.input(t.TypeName(name), "input type for inserting "+kind+` relation for remote table "`+t.Name.Name+`"`, func(x *Type) {
		x.inputs = append([]*Input{{Name: n.Word("data"), Type: data, Binding: &Argument{Kind: ArgData}}}, s.upsertArgument(t)...)
	})
}

func (s *Schema) columnInputs(n *catalog.Customization, columns []*catalog.Column) []*Input {
	out := make([]*Input, 0, len(columns))
	for _, c := range columns {
		out = append(out, &Input{
			Name: c.FieldName(n), Description: c.Description, Type: s.columnRef(c), Binding: &WriteColumn{Column: c},
		})
	}
	return out
}

// upsertArgument tells what becomes of new rows that meet present ones.
func (s *Schema) upsertArgument(t *catalog.Table) []*Input {
	if t.Source.Capabilities.MatchedInserts {
		return s.ifMatchedArgument(t)
	}
	return s.onConflictArgument(t)
}

// ifMatchedArgument is the if_matched argument of tables that the role may also
// read and update.
func (s *Schema) ifMatchedArgument(t *catalog.Table) []*Input {
	if a, ok := s.access(t); !ok || !a.selectable() || s.writes(t).update == nil || len(s.insertMatchColumn(t).Values()) == 0 {
		return nil
	}
	n := namesOf(t.Source)
	return []*Input{{
		Name: n.Word("if_matched"), Description: "upsert condition", Type: Named(s.ifMatched(t)),
		Binding: &Argument{Kind: ArgIfMatched},
	}}
}

func (s *Schema) ifMatched(t *catalog.Table) *Type {
	n := namesOf(t.Source)
	return s.input(t.TypeName("if_matched"), `upsert condition type for table "`+t.Name.Name+`"`, func(x *Type) {
		x.inputs = []*Input{
			{
				Name: n.Word("match_columns"), Type: Required(List(Required(Named(s.insertMatchColumn(t))))), Default: "[]",
				Binding: &Argument{Kind: ArgMatchColumns},
			},
			{
				Name: n.Word("update_columns"), Type: Required(List(Required(Named(s.updateColumn(t))))), Default: "[]",
				Binding: &Argument{Kind: ArgUpdateColumns},
			},
			{Name: n.Word("where"), Type: Named(s.boolExp(t)), Binding: &Argument{Kind: ArgWhere}},
		}
	})
}

// insertMatchColumn is the enum of the columns in which new rows may equal
// present ones.
func (s *Schema) insertMatchColumn(t *catalog.Table) *Type {
	n := namesOf(t.Source)
	return s.enum(t.TypeName("insert_match_column"), `select match_columns of table "`+t.Name.Name+`"`, func(x *Type) {
		a, ok := s.access(t)
		if !ok {
			return
		}
		for _, c := range a.columns() {
			class := c.Info.Type.Underlying().Class
			if class == plan.ClassGeometry || class == plan.ClassGeography {
				continue // which equal nothing
			}
			x.values = append(x.values, &EnumValue{Name: n.EnumValue(c.FieldName(n)), Description: "column name", Column: c.Column})
		}
	})
}

// onConflictArgument is the on_conflict argument of tables with a unique
// constraint.
func (s *Schema) onConflictArgument(t *catalog.Table) []*Input {
	if len(uniqueKeys(t)) == 0 {
		return nil
	}
	n := namesOf(t.Source)
	return []*Input{{
		Name: n.Word("on_conflict"), Description: "upsert condition", Type: Named(s.onConflict(t)),
		Binding: &Argument{Kind: ArgOnConflict},
	}}
}

// uniqueKeys are the table's unique constraints, the primary key first.
func uniqueKeys(t *catalog.Table) []*sources.Key {
	var out []*sources.Key
	if t.Info.PrimaryKey != nil && t.Info.PrimaryKey.Name != "" {
		out = append(out, t.Info.PrimaryKey)
	}
	return append(out, t.Info.UniqueKeys...)
}

func (s *Schema) onConflict(t *catalog.Table) *Type {
	n := namesOf(t.Source)
	return s.input(t.TypeName("on_conflict"), `on_conflict condition type for table "`+t.Name.Name+`"`, func(x *Type) {
		columns := List(Required(Named(s.updateColumn(t))))
		x.inputs = []*Input{
			{Name: n.Word("constraint"), Type: Required(Named(s.constraint(t))), Binding: &Argument{Kind: ArgConstraint}},
			{
				Name: n.Word("update_columns"), Type: Required(columns), Default: "[]",
				Binding: &Argument{Kind: ArgUpdateColumns},
			},
			{Name: n.Word("where"), Type: Named(s.boolExp(t)), Binding: &Argument{Kind: ArgWhere}},
		}
	})
}

// constraint is the enum of the table's unique constraints.
func (s *Schema) constraint(t *catalog.Table) *Type {
	n := namesOf(t.Source)
	return s.enum(t.TypeName("constraint"), `unique or primary key constraints on table "`+t.Name.Name+`"`, func(x *Type) {
		for _, k := range uniqueKeys(t) {
			quoted := make([]string, 0, len(k.Columns))
			for _, c := range k.Columns {
				quoted = append(quoted, `"`+c+`"`)
			}
			value := &EnumValue{
				Name: n.EnumValue(k.Name), Value: k.Name,
				Description: "unique or primary key constraint on columns " + strings.Join(quoted, ", "),
			}
			x.values = append(x.values, value)
		}
	})
}

// updateColumn is the enum of the columns that the role may update.
func (s *Schema) updateColumn(t *catalog.Table) *Type {
	n := namesOf(t.Source)
	return s.enum(t.TypeName("update_column"), `update columns of table "`+t.Name.Name+`"`, func(x *Type) {
		if w := s.writes(t); w.update != nil {
			for _, c := range w.update.columns {
				x.values = append(x.values, &EnumValue{Name: n.EnumValue(c.FieldName(n)), Description: "column name", Column: c})
			}
		}
		if len(x.values) == 0 {
			x.values = append(x.values, &EnumValue{Name: "_PLACEHOLDER", Description: "placeholder (do not use)"})
		}
	})
}

// assignment describes one operator of updates.
type assignment struct {
	operator    plan.AssignmentOperator
	input       string
	description string
	of          string
	// scalar is the type of the operator's values; empty: the column's.
	scalar string
	list   bool
	takes  func(t plan.Type) bool
}

func assignments() []assignment {
	jsonb := func(t plan.Type) bool { return t.Class == plan.ClassJSONB }
	return []assignment{
		{
			operator: plan.AssignAppend, input: "append_input", takes: jsonb,
			description: "append existing jsonb value of filtered columns with new jsonb value",
		},
		{
			operator: plan.AssignDeleteAtPath, input: "delete_at_path_input", takes: jsonb, scalar: "String", list: true,
			description: "delete the field or element with specified path (for JSON arrays, negative integers count from the end)",
		},
		{
			operator: plan.AssignDeleteElem, input: "delete_elem_input", takes: jsonb, scalar: "Int",
			description: "delete the array element with specified index (negative integers count from the end). " +
				"throws an error if top level container is not an array",
		},
		{
			operator: plan.AssignDeleteKey, input: "delete_key_input", takes: jsonb, scalar: "String",
			description: "delete key/value pair or string element. key/value pairs are matched based on their key value",
		},
		{
			operator: plan.AssignIncrement, input: "inc_input",
			takes:       func(t plan.Type) bool { return t.Class == plan.ClassInteger || t.Class == plan.ClassNumber },
			description: "increments the numeric columns with given value of the filtered values",
			of:          "input type for incrementing numeric columns in table ",
		},
		{
			operator: plan.AssignPrepend, input: "prepend_input", takes: jsonb,
			description: "prepend existing jsonb value of filtered columns with new jsonb value",
		},
		{
			operator: plan.AssignSet, input: "set_input", takes: func(plan.Type) bool { return true },
			description: "sets the columns of the filtered rows to the given values",
			of:          "input type for updating data in table ",
		},
	}
}

// setArguments are the operators of an update.
func (s *Schema) setArguments(t *catalog.Table, w *columnWrites) []*Input {
	n := namesOf(t.Source)
	var out []*Input
	for _, a := range assignments() {
		var columns []*catalog.Column
		for _, c := range w.columns {
			if a.takes(c.Info.Type.Underlying()) {
				columns = append(columns, c)
			}
		}
		jsonb := a.operator != plan.AssignSet && a.operator != plan.AssignIncrement
		if len(columns) == 0 || jsonb && !t.Source.Capabilities.JSONUpdates {
			continue
		}
		out = append(out, &Input{
			Name: n.Word(string(a.operator)), Description: a.description, Type: Named(s.assignmentInput(t, &a, columns)),
			Binding: &Assignments{Operator: a.operator},
		})
	}
	return out
}

func (s *Schema) assignmentInput(t *catalog.Table, a *assignment, columns []*catalog.Column) *Type {
	n := namesOf(t.Source)
	description := a.description
	if a.of != "" {
		description = a.of + `"` + t.Name.Name + `"`
	}
	return s.input(t.TypeName(a.input), description, func(x *Type) {
		x.inputs = s.columnInputs(n, columns)
		if a.scalar == "" {
			return
		}
		for _, in := range x.inputs {
			in.Type = Named(s.scalar(a.scalar))
			if a.list {
				in.Type = List(Required(in.Type))
			}
		}
	})
}

// keyColumns is the input type of a primary key.
func (s *Schema) keyColumns(t *catalog.Table, key []*catalog.Column) *Type {
	return s.input(t.TypeName("pk_columns_input"), "primary key columns input for table: "+t.Name.Name, func(x *Type) {
		x.inputs = s.keyArguments(namesOf(t.Source), key)
	})
}

// updates is the input type of one of several updates.
func (s *Schema) updates(t *catalog.Table, w *columnWrites) *Type {
	return s.input(t.UpdatesType(), "", func(x *Type) {
		x.inputs = append(s.setArguments(t, w), s.affectedRows(t, "updated"))
	})
}

// quotedName is the table's name as descriptions show it.
func quotedName(t *catalog.Table) string {
	if t.Name.Schema != "" && t.Name.Schema != "public" && t.Name.Schema != "dbo" {
		return `"` + t.Name.Schema + "." + t.Name.Name + `"`
	}
	return `"` + t.Name.Name + `"`
}
