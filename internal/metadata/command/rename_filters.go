package command

import (
	"slices"
	"strings"

	"dovetail/internal/metadata/document"
	"dovetail/internal/metadata/live"
	"dovetail/internal/orderedjson"
)

// place is a table of a source.
type place struct {
	source string
	table  document.TableName
}

// names knows where the relationships of tables lead, so that boolean
// expressions can be followed through them.
type names struct {
	// targets by table and relationship, as they are called in the document that is
	// being changed.
	targets map[relationshipName]place
	// kinds are those of the sources.
	kinds map[string]string
}

type relationshipName struct {
	of   place
	name string
}

// namesOf knows the relationships of a state.
func namesOf(s *live.State) *names {
	out := &names{targets: map[relationshipName]place{}, kinds: map[string]string{}}
	for _, source := range s.Catalog.Sources {
		out.kinds[source.Name] = source.Kind
		for _, t := range source.Tables {
			of := place{source.Name, document.TableName(t.Name)}
			for _, r := range t.Local {
				out.targets[relationshipName{of, r.Name}] = place{source.Name, document.TableName(r.Target.Name)}
			}
			for _, r := range t.ToSource {
				out.targets[relationshipName{of, r.Name}] = place{r.Target.Source.Name, document.TableName(r.Target.Name)}
			}
		}
	}
	return out
}

// renameTable keeps what is known up with a table's new name.
func (n *names) renameTable(source string, from, to document.TableName) {
	renamed := func(p place) place {
		if p == (place{source, from}) {
			p.table = to
		}
		return p
	}
	targets := make(map[relationshipName]place, len(n.targets))
	for r, target := range n.targets {
		r.of = renamed(r.of)
		targets[r] = renamed(target)
	}
	n.targets = targets
}

// existsSource is the source of the table that an _exists in a filter of a
// source is about.
func existsSource(value orderedjson.Value, own string) string {
	if named, ok := value.Get("_source"); ok && named.Kind == orderedjson.String {
		return named.Text
	}
	return own
}

// renameExists renames the table of _exists expressions in a filter of the
// source own.
func renameExists(e orderedjson.Value, own string, s *document.Source, from, to document.TableName) orderedjson.Value {
	out := orderedjson.Value{Kind: e.Kind, Text: e.Text, Keys: e.Keys}
	for i, item := range e.Items {
		inside := own
		if e.Kind == orderedjson.Object {
			switch e.Keys[i] {
			case "_table":
				if name, err := document.ParseTableName(item, "$", s.Kind); err == nil && existsSource(e, own) == s.Name && name == from {
					item = to.JSON()
				}
			case "_where":
				inside = existsSource(e, own)
			}
		}
		out.Items = append(out.Items, renameExists(item, inside, s, from, to))
	}
	return out
}

// renameExistsSource renames the source that _exists expressions name.
func renameExistsSource(e orderedjson.Value, from, to string) orderedjson.Value {
	out := orderedjson.Value{Kind: e.Kind, Text: e.Text, Keys: e.Keys}
	_, exists := e.Get("_table")
	for i, item := range e.Items {
		if exists && e.Keys[i] == "_source" && item.Kind == orderedjson.String && item.Text == from {
			item = jsonText(to)
		}
		out.Items = append(out.Items, renameExistsSource(item, from, to))
	}
	return out
}

// eachFilter lets f replace every boolean expression in the permissions of a
// source's tables.
func eachFilter(s *document.Source, f func(t *document.Table, e orderedjson.Value) orderedjson.Value) {
	replace := func(t *document.Table, e orderedjson.Value) orderedjson.Value {
		if e.Kind != orderedjson.Object {
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

// renaming is a field of a table that goes by another name in boolean
// expressions.
type renaming struct {
	of       place
	from, to string
}

// expression renames a field in a boolean expression of a table. root is the
// table of the whole expression, which column comparisons may name.
func (n *names) expression(e orderedjson.Value, r renaming, table, root place) orderedjson.Value {
	if e.Kind != orderedjson.Object {
		return e
	}
	out := orderedjson.Value{Kind: orderedjson.Object}
	for i, key := range e.Keys {
		value := e.Items[i]
		switch key {
		case "_and", "_or", "$and", "$or":
			list := orderedjson.Value{Kind: value.Kind, Text: value.Text}
			for _, item := range value.Items {
				list.Items = append(list.Items, n.expression(item, r, table, root))
			}
			if value.Kind == orderedjson.Object {
				list = n.expression(value, r, table, root)
			}
			value = list
		case "_not", "$not":
			value = n.expression(value, r, table, root)
		case "_exists", "$exists":
			value = n.exists(value, r, table, root)
		default:
			if target, ok := n.targets[relationshipName{table, key}]; ok {
				value = n.expression(value, r, target, root)
			} else {
				value = n.comparison(value, r, table, root)
			}
			if table == r.of && key == r.from {
				key = r.to
			}
		}
		out.Keys, out.Items = append(out.Keys, key), append(out.Items, value)
	}
	return out
}

func (n *names) exists(value orderedjson.Value, r renaming, table, root place) orderedjson.Value {
	out := orderedjson.Value{Kind: value.Kind, Text: value.Text, Keys: value.Keys}
	named, _ := value.Get("_table")
	source := existsSource(value, table.source)
	target, err := document.ParseTableName(named, "$", n.kinds[source])
	for i, item := range value.Items {
		if value.Kind == orderedjson.Object && value.Keys[i] == "_where" && err == nil {
			item = n.expression(item, r, place{source, target}, root)
		}
		out.Items = append(out.Items, item)
	}
	return out
}

// comparesColumns reports whether an operator, without what it begins with, compares
// columns.
func comparesColumns(operator string) bool {
	return slices.Contains([]string{"ceq", "cne", "cneq", "cgt", "clt", "cgte", "clte"}, operator)
}

// comparison renames the columns that a column's comparisons name.
func (n *names) comparison(value orderedjson.Value, r renaming, table, root place) orderedjson.Value {
	if value.Kind != orderedjson.Object {
		return value
	}
	out := orderedjson.Value{Kind: orderedjson.Object, Keys: value.Keys}
	for i, key := range value.Keys {
		item := value.Items[i]
		if comparesColumns(strings.TrimLeft(key, "_$")) {
			item = renameComparedColumn(item, r, table, root)
		}
		out.Items = append(out.Items, item)
	}
	return out
}

// renameComparedColumn renames "column" of the table, or ["$", "column"] of the
// root table.
func renameComparedColumn(item orderedjson.Value, r renaming, table, root place) orderedjson.Value {
	if item.Kind == orderedjson.String && table == r.of && item.Text == r.from {
		return jsonText(r.to)
	}
	if item.Kind == orderedjson.Array && len(item.Items) > 0 {
		of := table
		if len(item.Items) > 1 && item.Items[0].Text == "$" {
			of = root
		}
		last := len(item.Items) - 1
		if of == r.of && item.Items[last].Text == r.from {
			out := orderedjson.Value{Kind: orderedjson.Array, Items: slices.Clone(item.Items)}
			out.Items[last] = jsonText(r.to)
			return out
		}
	}
	return item
}

// renameInFilters renames a field in every permission, whatever source's table
// it is about.
func (n *names) renameInFilters(m *document.Metadata, r renaming) {
	for _, s := range m.Sources {
		eachFilter(s, func(t *document.Table, e orderedjson.Value) orderedjson.Value {
			own := place{s.Name, t.Name}
			return n.expression(e, r, own, own)
		})
	}
}
