package schema

import (
	"dovetail/internal/metadata/catalog"
	"dovetail/internal/plan"
)

// tableType is the object type of a table's rows.
func (s *Schema) tableType(t *catalog.Table) *Type {
	name := t.TypeName()
	description := t.Description
	if description == "" && !t.Commented && !t.LogicalModel {
		description = `columns and relationships of "` + t.Name.String() + `"`
	}
	return s.intern(name, func() *Type {
		return &Type{Kind: Object, Name: name, Description: description, Table: t, fill: func(x *Type) {
			x.fields = s.tableFields(t)
			s.nodeID(t, x)
			_, x.entity = s.entityKey(t)
		}}
	})
}

func (s *Schema) tableFields(t *catalog.Table) []*Field {
	a, ok := s.access(t)
	if !ok {
		return nil
	}
	n := namesOf(t.Source)
	var fields []*Field
	for _, c := range a.columns() {
		f := &Field{
			Name: c.FieldName(n), Description: c.Description, Type: s.columnRef(c.Column),
			Binding: &ColumnOf{Column: c.Column, Guard: c.guard},
		}
		if !c.Info.Nullable && c.guard == nil {
			f.Type = Required(f.Type)
		}
		if t.Source.Capabilities.JSONPath && isJSON(c.Info.Type) {
			f.Args = []*Input{s.pathArgument(n)}
		}
		fields = append(fields, f)
	}
	for _, c := range t.ComputedFields {
		if guard, ok := a.computed(c); ok {
			if f, ok := s.computedField(t, c, guard); ok {
				fields = append(fields, f)
			}
		}
	}
	for _, r := range t.Local {
		fields = append(fields, s.relationshipFields(n, r)...)
	}
	for _, r := range t.ToSource {
		fields = append(fields, s.toSourceFields(n, r)...)
	}
	for _, r := range t.ToRemoteSchema {
		if s.relay {
			break // as v2 does
		}
		if f, ok := s.toRemoteField(n.Word(r.Name), r); ok {
			fields = append(fields, f)
		}
	}
	return fields
}

func (s *Schema) pathArgument(n *catalog.Customization) *Input {
	return &Input{
		Name: n.Word("path"), Description: "JSON select path", Type: Named(s.scalar("String")),
		Binding: &Argument{Kind: ArgPath},
	}
}

func isJSON(t plan.Type) bool {
	u := t.Underlying()
	return u.Class == plan.ClassJSON || u.Class == plan.ClassJSONB
}

// relationshipFields are the fields of a relationship within a source: none
// when the role can't read the target.
func (s *Schema) relationshipFields(n *catalog.Customization, r *catalog.Relationship) []*Field {
	a, ok := s.access(r.Target)
	if !ok {
		return nil
	}
	target := s.tableType(r.Target)
	description := ""
	if !r.Array {
		description = "An object relationship"
	} else {
		description = "An array relationship"
	}
	if r.Comment != nil {
		description = *r.Comment
	}
	if !r.Array {
		f := &Field{
			Name: n.Word(r.Name), Description: description, Type: Named(target),
			Binding: &RelatedRows{Relationship: r},
		}
		if r.NonNull {
			f.Type = Required(f.Type)
		}
		return []*Field{f}
	}
	fields := []*Field{{
		Name: n.Word(r.Name), Description: description, Type: Required(List(Required(Named(target)))),
		Args: s.rowArguments(r.Target), Binding: &RelatedRows{Relationship: r},
	}}
	if a.aggregations() {
		fields = append(fields, &Field{
			Name: n.Join(n.Word(r.Name), "aggregate"), Description: "An aggregate relationship",
			Type: Required(Named(s.aggregateType(r.Target))),
			Args: s.rowArguments(r.Target), Binding: &RelatedAggregate{Relationship: r},
		})
	}
	return append(fields, s.relatedConnection(n, r.Name, r.Target, false, &RelatedConnection{Relationship: r})...)
}

// toSourceFields are the fields of a remote relationship to a table. Lists and
// aggregates are nullable unless joins are strict: a source that can't be asked
// leaves null in them.
func (s *Schema) toSourceFields(n *catalog.Customization, r *catalog.ToSource) []*Field {
	a, ok := s.access(r.Target)
	if !ok {
		return nil
	}
	target := s.tableType(r.Target)
	if !r.Array {
		return []*Field{{
			Name: n.Word(r.Name), Description: target.Description, Type: Named(target),
			Binding: &RemoteRows{Relationship: r},
		}}
	}
	list := List(Required(Named(target)))
	if s.Catalog.Settings.StrictRemoteJoins {
		list = Required(list)
	}
	fields := []*Field{{
		Name: n.Word(r.Name), Description: target.Description, Type: list,
		Args: s.rowArguments(r.Target), Binding: &RemoteRows{Relationship: r},
	}}
	if a.aggregations() {
		aggregate := Named(s.aggregateType(r.Target))
		if s.Catalog.Settings.StrictRemoteJoins {
			aggregate = Required(aggregate)
		}
		fields = append(fields, &Field{
			Name: n.Join(n.Word(r.Name), "aggregate"), Type: aggregate,
			Args: s.rowArguments(r.Target), Binding: &RemoteAggregate{Relationship: r},
		})
	}
	nullable := !s.Catalog.Settings.StrictRemoteJoins
	return append(fields, s.relatedConnection(n, r.Name, r.Target, nullable, &RemoteConnection{Relationship: r})...)
}

// rowArguments are the arguments of a list of a table's rows.
func (s *Schema) rowArguments(t *catalog.Table) []*Input {
	n := namesOf(t.Source)
	integer := Named(s.scalar("Int"))
	var args []*Input
	a, ok := s.access(t)
	if t.Source.Capabilities.DistinctOn && ok && len(a.columns()) > 0 {
		args = append(args, &Input{
			Name: n.Word("distinct_on"), Description: "distinct select on columns",
			Type: List(Required(Named(s.selectColumn(t)))), Binding: &Argument{Kind: ArgDistinctOn},
		})
	}
	return append(args,
		&Input{
			Name: n.Word("limit"), Description: "limit the number of rows returned", Type: integer,
			Binding: &Argument{Kind: ArgLimit},
		},
		&Input{
			Name: n.Word("offset"), Description: "skip the first n rows. Use only with order_by", Type: integer,
			Binding: &Argument{Kind: ArgOffset},
		},
		&Input{
			Name: n.Word("order_by"), Description: "sort the rows by one or more columns",
			Type: List(Required(Named(s.orderBy(t)))), Binding: &Argument{Kind: ArgOrderBy},
		},
		&Input{
			Name: n.Word("where"), Description: "filter the rows returned", Type: Named(s.boolExp(t)),
			Binding: &Argument{Kind: ArgWhere},
		},
	)
}

// columnRef is the nullable type of a column's values.
func (s *Schema) columnRef(c *catalog.Column) Ref {
	if c.Enum != nil {
		return Named(s.enumType(c.Enum))
	}
	return s.typeRef(c.Info.Type)
}

func (s *Schema) typeRef(t plan.Type) Ref {
	u := t.Underlying()
	if u.Element != nil {
		return List(Required(s.typeRef(*u.Element)))
	}
	ref := Named(s.scalar(t.Scalar))
	ref.Also = t.AlsoScalar
	return ref
}

// enumType is the enum of the rows of an enum table.
func (s *Schema) enumType(t *catalog.Table) *Type {
	return s.enum(t.TypeName("enum"), "", func(x *Type) {
		n := namesOf(t.Source)
		for _, v := range t.EnumValues {
			value := &EnumValue{Name: n.EnumValue(v.Value), Description: v.Comment}
			if value.Name != v.Value {
				value.Value = v.Value
			}
			x.values = append(x.values, value)
		}
	})
}

// selectColumn is the enum of the columns that the role sees.
func (s *Schema) selectColumn(t *catalog.Table) *Type {
	n := namesOf(t.Source)
	description := `select columns of table "` + t.Name.Name + `"`
	if t.LogicalModel {
		description = ""
	}
	return s.enum(t.SelectColumnName(), description, func(x *Type) {
		a, ok := s.access(t)
		if !ok {
			return
		}
		for _, c := range a.columns() {
			x.values = append(x.values, &EnumValue{
				Name: c.FieldName(n), Description: "column name", Column: c.Column, Guard: c.guard,
			})
		}
		if len(x.values) == 0 {
			x.values = append(x.values, &EnumValue{Name: "_PLACEHOLDER", Description: "placeholder (do not use)"})
		}
	})
}
