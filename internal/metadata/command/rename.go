package command

import (
	"slices"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/metadata/document"
	"dovetail/internal/metadata/live"
	"dovetail/internal/orderedjson"
)

// renameTable lets everything in a document that names a table of a source name
// it otherwise.
func renameTable(m *document.Metadata, s *document.Source, from, to document.TableName) {
	fix := func(list []*document.Relationship) {
		for i, r := range list {
			list[i] = renameInRelationship(r, from, to)
		}
	}
	for _, t := range s.Tables {
		if t.Name == from {
			t.Name = to
		}
		fix(t.ObjectRelationships)
		fix(t.ArrayRelationships)
	}
	for _, other := range m.Sources {
		eachFilter(other, func(_ *document.Table, e orderedjson.Value) orderedjson.Value {
			return renameExists(e, other.Name, s, from, to)
		})
	}
	eachToSource(m, func(x *document.ToSource) {
		if x.Source != s.Name {
			return
		}
		if name, err := x.TableName(s.Kind); err == nil && name == from {
			x.Table = to.JSON()
		}
	})
}

func renameInRelationship(r *document.Relationship, from, to document.TableName) *document.Relationship {
	out := *r
	if f := r.Using.ForeignKey; f != nil && f.Table != nil && *f.Table == from {
		out.Using.ForeignKey = &document.ForeignKeyUsing{Table: &to, Columns: f.Columns}
	}
	if u := r.Using.Manual; u != nil && u.NativeQuery == "" && u.RemoteTable == from {
		manual := *u
		manual.RemoteTable = to
		out.Using.Manual = &manual
	}
	return &out
}

// renameColumn lets everything in a document that names a column name it
// otherwise.
func (n *names) renameColumn(m *document.Metadata, s *document.Source, c columnRename) {
	n.renameInFilters(m, renaming{of: place{s.Name, c.table}, from: c.from, to: c.to})
	for _, t := range s.Tables {
		own := t.Name == c.table
		for i, r := range t.ObjectRelationships {
			t.ObjectRelationships[i] = n.renameInUsing(s, t, r, c)
		}
		for i, r := range t.ArrayRelationships {
			t.ArrayRelationships[i] = n.renameInUsing(s, t, r, c)
		}
		if own {
			renameInTable(t, c)
		}
	}
	eachToSource(m, func(x *document.ToSource) {
		if x.Source != s.Name {
			return
		}
		if name, err := x.TableName(s.Kind); err == nil && name == c.table {
			x.FieldMapping = mapValues(x.FieldMapping, c.from, c.to)
		}
	})
}

func swap(s, from, to string) string {
	if s == from {
		return to
	}
	return s
}

func swapAll(list []string, from, to string) []string {
	out := slices.Clone(list)
	for i := range out {
		out[i] = swap(out[i], from, to)
	}
	return out
}

func mapKeys(m document.Mapping, from, to string) document.Mapping {
	out := slices.Clone(m)
	for i := range out {
		out[i].Key = swap(out[i].Key, from, to)
	}
	return out
}

func mapValues(m document.Mapping, from, to string) document.Mapping {
	out := slices.Clone(m)
	for i := range out {
		out[i].Value = swap(out[i].Value, from, to)
	}
	return out
}

func (n *names) renameInUsing(_ *document.Source, t *document.Table, r *document.Relationship, c columnRename) *document.Relationship {
	out := *r
	if f := r.Using.ForeignKey; f != nil {
		holder := t.Name
		if f.Table != nil {
			holder = *f.Table
		}
		if holder == c.table {
			out.Using.ForeignKey = &document.ForeignKeyUsing{Table: f.Table, Columns: swapAll(f.Columns, c.from, c.to)}
		}
	}
	if u := r.Using.Manual; u != nil {
		manual := *u
		if t.Name == c.table {
			manual.ColumnMapping = mapKeys(manual.ColumnMapping, c.from, c.to)
		}
		if u.NativeQuery == "" && u.RemoteTable == c.table {
			manual.ColumnMapping = mapValues(manual.ColumnMapping, c.from, c.to)
		}
		out.Using.Manual = &manual
	}
	return &out
}

// renameInTable renames a column in what its own table says about it.
func renameInTable(t *document.Table, c columnRename) {
	t.Configuration.Columns = slices.Clone(t.Configuration.Columns)
	for i := range t.Configuration.Columns {
		t.Configuration.Columns[i].Column = swap(t.Configuration.Columns[i].Column, c.from, c.to)
	}
	for i, p := range t.SelectPermissions {
		changed := *p
		changed.Columns.Names = swapAll(p.Columns.Names, c.from, c.to)
		t.SelectPermissions[i] = &changed
	}
	for _, list := range [][]*document.WritePermission{t.InsertPermissions, t.UpdatePermissions, t.DeletePermissions} {
		for i, p := range list {
			changed := *p
			if p.Columns != nil {
				changed.Columns = &document.PermissionColumns{All: p.Columns.All, Names: swapAll(p.Columns.Names, c.from, c.to)}
			}
			if p.Set.Kind == orderedjson.Object {
				changed.Set = orderedjson.Value{Kind: orderedjson.Object, Keys: swapAll(p.Set.Keys, c.from, c.to), Items: p.Set.Items}
			}
			list[i] = &changed
		}
	}
	for i, r := range t.RemoteRelationships {
		t.RemoteRelationships[i] = renameLeftField(r, c.from, c.to)
	}
}

// renameLeftField renames a field that a remote relationship starts from.
func renameLeftField(r *document.RemoteRelationship, from, to string) *document.RemoteRelationship {
	out := *r
	if r.ToSource != nil {
		x := *r.ToSource
		x.FieldMapping = mapKeys(x.FieldMapping, from, to)
		out.ToSource = &x
	}
	if r.ToRemoteSchema != nil && slices.Contains(r.ToRemoteSchema.Fields, from) {
		x := *r.ToRemoteSchema
		x.Fields = swapAll(x.Fields, from, to)
		x.Field = renameVariable(x.Field, from, to)
		if x.Batch != nil {
			x.Batch = &document.RemoteBatch{
				Field: renameVariable(x.Batch.Field, from, to), Match: mapValues(x.Batch.Match, from, to),
				Kind: x.Batch.Kind, Key: renameInTemplate(x.Batch.Key, from, to),
			}
		}
		out.ToRemoteSchema = &x
	}
	return &out
}

func renameVariable(f *document.RemoteField, from, to string) *document.RemoteField {
	if f == nil {
		return nil
	}
	return &document.RemoteField{
		Name: f.Name, Arguments: renameInTemplate(f.Arguments, from, to), Field: renameVariable(f.Field, from, to),
	}
}

func renameInTemplate(j orderedjson.Value, from, to string) orderedjson.Value {
	if j.Kind == orderedjson.String && j.Text == "$"+from {
		return jsonText("$" + to)
	}
	out := orderedjson.Value{Kind: j.Kind, Text: j.Text, Keys: j.Keys}
	for _, item := range j.Items {
		out.Items = append(out.Items, renameInTemplate(item, from, to))
	}
	return out
}

// fieldTaken tells whether a table has a field of a name, and says so as v2
// does.
func fieldTaken(state *live.State, s *document.Source, t *document.Table, name string) error {
	_, relationship := t.Relationship(name)
	_, remote := t.RemoteRelationship(name)
	_, computed := t.ComputedField(name)
	if relationship || remote || computed {
		return fail(CodeAlreadyExists, "field with name %q already exists in table %q", name, t.Name)
	}
	source, ok := state.Catalog.Source(s.Name)
	if !ok {
		return nil
	}
	if table, ok := source.Table(catalog.TableName(t.Name)); ok {
		for _, c := range table.Columns {
			if c.GraphQLName == name {
				return fail(CodeAlreadyExists, "field with name %q already exists in table %q", name, t.Name)
			}
		}
	}
	return nil
}
