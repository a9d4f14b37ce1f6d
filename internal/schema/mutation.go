package schema

import (
	"slices"

	"dovetail/internal/metadata/catalog"
)

// writes is what the role may write of a table. Of each part, nil columns mean
// that it may not.
type writes struct {
	insert, update *columnWrites
	delete         bool
}

// columnWrites are the columns that the role may give values for.
type columnWrites struct{ columns []*catalog.Column }

// writes is what a role may write of a table.
func (s *Schema) writes(t *catalog.Table) writes {
	out := writes{}
	if t.Unnamed || t.LogicalModel || !t.Source.Capabilities.Mutations {
		return out
	}
	admin := s.Role == catalog.AdminRole
	usable := func(backendOnly bool) bool { return s.backend || !backendOnly }
	if t.Info.Insertable {
		p, ok := t.Insert[s.Role]
		if admin || ok && usable(p.BackendOnly) {
			out.insert = writableColumns(t, func(name string) bool { return admin || p.Columns[name] })
		}
	}
	if t.Info.Updatable {
		p, ok := t.Update[s.Role]
		if admin || ok && usable(p.BackendOnly) {
			out.update = writableColumns(t, func(name string) bool { return admin || p.Columns[name] })
			out.update.columns = slices.DeleteFunc(out.update.columns, func(c *catalog.Column) bool { return c.Info.Identity })
		}
	}
	if t.Info.Deletable {
		p, ok := t.Delete[s.Role]
		out.delete = admin || ok && usable(p.BackendOnly)
	}
	return out
}

func writableColumns(t *catalog.Table, granted func(name string) bool) *columnWrites {
	out := &columnWrites{}
	for _, c := range t.Columns {
		if !c.Hidden && !c.Info.Generated && granted(c.Info.Name) {
			out.columns = append(out.columns, c)
		}
	}
	return out
}

// writable tells whether the role may write anything in any table, or call a
// function that does.
func (s *Schema) writable() bool {
	for _, source := range s.Catalog.Sources {
		for _, t := range source.Tables {
			if w := s.writes(t); w.insert != nil || w.update != nil || w.delete {
				return true
			}
		}
		if slices.ContainsFunc(source.Functions, func(f *catalog.Function) bool { return f.Mutation && s.functionVisible(f) }) {
			return true
		}
	}
	return false
}

// mutationRoots are the root fields that write a source's tables.
func (s *Schema) mutationRoots(source *catalog.Source) []*Field {
	var fields []*Field
	for _, t := range source.Tables {
		fields = append(fields, s.tableMutations(t)...)
	}
	for _, f := range source.Functions {
		if f.Mutation {
			fields = append(fields, s.trackedFunction(f)...)
		}
	}
	return fields
}

// tableMutations are the root fields that write a table.
func (s *Schema) tableMutations(t *catalog.Table) []*Field {
	w := s.writes(t)
	var fields []*Field
	add := func(kind catalog.RootFieldKind, description string, f *Field) {
		if t.RootFields[kind].Hidden {
			return
		}
		f.Name, f.Description = t.RootFieldName(kind), description
		if comment := t.RootFields[kind].Comment; comment != nil {
			f.Description = *comment
		}
		fields = append(fields, f)
	}
	quoted := quotedName(t)
	a, readable := s.access(t)
	var row Ref
	var key []*catalog.Column
	if readable {
		row = Named(s.tableType(t))
		key, _ = a.primaryKey()
		readable = a.selectable()
	}
	n := namesOf(t.Source)
	if w.insert != nil {
		objects := &Input{
			Name: n.Word("objects"), Description: "the rows to be inserted", Binding: &Argument{Kind: ArgObjects},
			Type: Required(List(Required(Named(s.insertInput(t))))),
		}
		add(catalog.RootInsert, "insert data into the table: "+quoted, &Field{
			Type: Named(s.mutationResponse(t)), Args: append([]*Input{objects}, s.upsertArgument(t)...),
			Binding: &RootInsert{Table: t},
		})
		if readable {
			object := &Input{
				Name: n.Word("object"), Description: "the row to be inserted", Binding: &Argument{Kind: ArgObject},
				Type: Required(Named(s.insertInput(t))),
			}
			add(catalog.RootInsertOne, "insert a single row into the table: "+quoted, &Field{
				Type: row, Args: append([]*Input{object}, s.upsertArgument(t)...), Binding: &RootInsert{Table: t, One: true},
			})
		}
	}
	if w.update != nil {
		add(catalog.RootUpdate, "update data of the table: "+quoted, &Field{
			Type: Named(s.mutationResponse(t)), Args: append(s.setArguments(t, w.update), s.affectedRows(t, "updated")),
			Binding: &RootUpdate{Table: t},
		})
		if key != nil {
			columns := &Input{
				Name: n.Word("pk_columns"), Type: Required(Named(s.keyColumns(t, key))), Binding: &Argument{Kind: ArgKeyColumns},
			}
			add(catalog.RootUpdateByPK, "update single row of the table: "+quoted, &Field{
				Type: row, Args: append(s.setArguments(t, w.update), columns), Binding: &RootUpdate{Table: t, One: true},
			})
		}
		if !t.Source.Capabilities.LoneUpdates {
			updates := &Input{
				Name: n.Word("updates"), Description: "updates to execute, in order", Binding: &Argument{Kind: ArgUpdates},
				Type: Required(List(Required(Named(s.updates(t, w.update))))),
			}
			add(catalog.RootUpdateMany, "update multiples rows of table: "+quoted, &Field{
				Type: List(Named(s.mutationResponse(t))), Args: []*Input{updates}, Binding: &RootUpdateMany{Table: t},
			})
		}
	}
	if w.delete {
		add(catalog.RootDelete, "delete data from the table: "+quoted, &Field{
			Type: Named(s.mutationResponse(t)), Args: []*Input{s.affectedRows(t, "deleted")}, Binding: &RootDelete{Table: t},
		})
		if key != nil {
			add(catalog.RootDeleteByPK, "delete single row from the table: "+quoted, &Field{
				Type: row, Args: s.keyArguments(n, key), Binding: &RootDelete{Table: t, One: true},
			})
		}
	}
	return fields
}

// affectedRows is the where argument of updates and deletions.
func (s *Schema) affectedRows(t *catalog.Table, what string) *Input {
	return &Input{
		Name: namesOf(t.Source).Word("where"), Description: "filter the rows which have to be " + what,
		Type: Required(Named(s.boolExp(t))), Binding: &Argument{Kind: ArgWhere},
	}
}

// keyArguments are the primary key columns as arguments.
func (s *Schema) keyArguments(n *catalog.Customization, key []*catalog.Column) []*Input {
	out := make([]*Input, 0, len(key))
	for _, c := range key {
		out = append(out, &Input{
			Name: c.FieldName(n), Description: c.Description, Type: Required(s.columnRef(c)), Binding: &KeyColumn{Column: c},
		})
	}
	return out
}

// mutationResponse is the object type of what mutations of several rows answer.
func (s *Schema) mutationResponse(t *catalog.Table) *Type {
	n := namesOf(t.Source)
	return s.object(t.TypeName("mutation_response"), `response of any mutation on the table "`+t.Name.Name+`"`, func(x *Type) {
		x.fields = []*Field{{
			Name: n.Word("affected_rows"), Description: "number of rows affected by the mutation",
			Type: Required(Named(s.scalar("Int"))), Binding: &AffectedRows{},
		}}
		if a, ok := s.access(t); ok && a.selectable() {
			x.fields = append(x.fields, &Field{
				Name: n.Word("returning"), Description: "data from the rows affected by the mutation",
				Type: Required(List(Required(Named(s.tableType(t))))), Binding: &ReturnedRows{},
			})
		}
	})
}
