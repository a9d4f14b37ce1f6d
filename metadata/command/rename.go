package command

import (
	"slices"
	"strings"

	"dovetail/metadata/catalog"
	"dovetail/metadata/document"
	"dovetail/metadata/engine"
	"dovetail/plan"
)

// names knows where the relationships of tables lead, so that boolean
// expressions can be followed through them.
type names struct {
	// targets by source, table and relationship, as they are called in the
	// document that is being changed.
	targets map[relationshipName]document.TableName
}

type relationshipName struct {
	source string
	table  document.TableName
	name   string
}

// namesOf knows the relationships of a state.
func namesOf(s *engine.State) *names {
	out := &names{targets: map[relationshipName]document.TableName{}}
	for _, source := range s.Catalog.Sources {
		for _, t := range source.Tables {
			for _, r := range t.Local {
				out.targets[relationshipName{source.Name, document.TableName(t.Name), r.Name}] = document.TableName(r.Target.Name)
			}
		}
	}
	return out
}

// renameTable keeps what is known up with a table's new name.
func (n *names) renameTable(source string, from, to document.TableName) {
	targets := make(map[relationshipName]document.TableName, len(n.targets))
	for r, target := range n.targets {
		if r.source == source {
			if r.table == from {
				r.table = to
			}
			if target == from {
				target = to
			}
		}
		targets[r] = target
	}
	n.targets = targets
}

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
	eachFilter(s, func(_ *document.Table, e plan.JSON) plan.JSON {
		return renameExists(e, s.Kind, from, to)
	})
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

// renameExists renames the table of _exists expressions.
func renameExists(e plan.JSON, kind string, from, to document.TableName) plan.JSON {
	out := plan.JSON{Kind: e.Kind, Text: e.Text, Keys: e.Keys}
	for i, item := range e.Items {
		if e.Kind == plan.JSONObject && e.Keys[i] == "_table" {
			if name, err := document.ParseTableName(item, "$", kind); err == nil && name == from {
				item = to.JSON()
			}
		}
		out.Items = append(out.Items, renameExists(item, kind, from, to))
	}
	return out
}

// eachFilter lets f replace every boolean expression in the permissions of a
// source's tables.
func eachFilter(s *document.Source, f func(t *document.Table, e plan.JSON) plan.JSON) {
	replace := func(t *document.Table, e plan.JSON) plan.JSON {
		if e.Kind != plan.JSONObject {
			return e
		}
		return f(t, e)
	}
	for _, t := range s.Tables {
		for i, p := range t.SelectPermissions {
			changed := *p
			changed.Filter = replace(t, p.Filter)
			t.SelectPermissions[i] = &changed
		}
		for _, list := range [][]*document.WritePermission{t.InsertPermissions, t.UpdatePermissions, t.DeletePermissions} {
			for i, p := range list {
				changed := *p
				changed.Filter, changed.Check = replace(t, p.Filter), replace(t, p.Check)
				list[i] = &changed
			}
		}
	}
}

// renaming is a field that goes by another name in boolean expressions.
type renaming struct {
	source   string
	table    document.TableName
	from, to string
}

// expression renames a field in a boolean expression of a table. root is the
// table of the whole expression, which column comparisons may name.
func (n *names) expression(e plan.JSON, kind string, r renaming, table, root document.TableName) plan.JSON {
	if e.Kind != plan.JSONObject {
		return e
	}
	out := plan.JSON{Kind: plan.JSONObject}
	for i, key := range e.Keys {
		value := e.Items[i]
		switch key {
		case "_and", "_or", "$and", "$or":
			list := plan.JSON{Kind: value.Kind, Text: value.Text}
			for _, item := range value.Items {
				list.Items = append(list.Items, n.expression(item, kind, r, table, root))
			}
			if value.Kind == plan.JSONObject {
				list = n.expression(value, kind, r, table, root)
			}
			value = list
		case "_not", "$not":
			value = n.expression(value, kind, r, table, root)
		case "_exists", "$exists":
			value = n.exists(value, kind, r, root)
		default:
			if target, ok := n.targets[relationshipName{r.source, table, key}]; ok {
				value = n.expression(value, kind, r, target, root)
			} else {
				value = n.comparison(value, r, table, root)
			}
			if table == r.table && key == r.from {
				key = r.to
			}
		}
		out.Keys, out.Items = append(out.Keys, key), append(out.Items, value)
	}
	return out
}

func (n *names) exists(value plan.JSON, kind string, r renaming, root document.TableName) plan.JSON {
	out := plan.JSON{Kind: value.Kind, Text: value.Text, Keys: value.Keys}
	named, _ := value.Get("_table")
	target, err := document.ParseTableName(named, "$", kind)
	for i, item := range value.Items {
		if value.Kind == plan.JSONObject && value.Keys[i] == "_where" && err == nil {
			item = n.expression(item, kind, r, target, root)
		}
		out.Items = append(out.Items, item)
	}
	return out
}

// comparison renames the columns that a column's comparisons name.
func (n *names) comparison(value plan.JSON, r renaming, table, root document.TableName) plan.JSON {
	if value.Kind != plan.JSONObject {
		return value
	}
	out := plan.JSON{Kind: plan.JSONObject, Keys: value.Keys}
	for i, key := range value.Keys {
		item := value.Items[i]
		if slices.Contains([]string{"ceq", "cne", "cneq", "cgt", "clt", "cgte", "clte"}, strings.TrimLeft(key, "_$")) {
			item = renameComparedColumn(item, r, table, root)
		}
		out.Items = append(out.Items, item)
	}
	return out
}

// renameComparedColumn renames "column" of the table, or ["$", "column"] of the
// root table.
func renameComparedColumn(item plan.JSON, r renaming, table, root document.TableName) plan.JSON {
	if item.Kind == plan.JSONString && table == r.table && item.Text == r.from {
		return jsonText(r.to)
	}
	if item.Kind == plan.JSONArray && len(item.Items) > 0 {
		of := table
		if len(item.Items) > 1 && item.Items[0].Text == "$" {
			of = root
		}
		last := len(item.Items) - 1
		if of == r.table && item.Items[last].Text == r.from {
			out := plan.JSON{Kind: plan.JSONArray, Items: slices.Clone(item.Items)}
			out.Items[last] = jsonText(r.to)
			return out
		}
	}
	return item
}

// renameInFilters renames a field in every permission of a source.
func (n *names) renameInFilters(s *document.Source, r renaming) {
	eachFilter(s, func(t *document.Table, e plan.JSON) plan.JSON {
		return n.expression(e, s.Kind, r, t.Name, t.Name)
	})
}

// renameColumn lets everything in a document that names a column name it
// otherwise.
func (n *names) renameColumn(m *document.Metadata, s *document.Source, c columnRename) {
	n.renameInFilters(s, renaming{source: s.Name, table: c.table, from: c.from, to: c.to})
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
			if p.Set.Kind == plan.JSONObject {
				changed.Set = plan.JSON{Kind: plan.JSONObject, Keys: swapAll(p.Set.Keys, c.from, c.to), Items: p.Set.Items}
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

func renameInTemplate(j plan.JSON, from, to string) plan.JSON {
	if j.Kind == plan.JSONString && j.Text == "$"+from {
		return jsonText("$" + to)
	}
	out := plan.JSON{Kind: j.Kind, Text: j.Text, Keys: j.Keys}
	for _, item := range j.Items {
		out.Items = append(out.Items, renameInTemplate(item, from, to))
	}
	return out
}

// fieldTaken tells whether a table has a field of a name, and says so as v2
// does.
func fieldTaken(state *engine.State, s *document.Source, t *document.Table, name string) error {
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
