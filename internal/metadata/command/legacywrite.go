package command

import (
	"context"
	"slices"
	"strings"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/metadata/document"
	"dovetail/internal/orderedjson"
)

// legacyCommands are those of v1's JSON query language, which GraphQL answers.
func legacyCommands() map[string]command {
	return map[string]command{
		"insert": {apis: []API{V1Query, V2Query}, prefixed: true, run: insertRows, open: true},
		"select": {apis: []API{V1Query, V2Query}, prefixed: true, run: selectRows, open: true},
		"count":  {apis: []API{V1Query, V2Query}, prefixed: true, run: countRows, open: true},
		"update": {apis: []API{V1Query, V2Query}, prefixed: true, run: updateRows, open: true},
		"delete": {apis: []API{V1Query, V2Query}, prefixed: true, run: deleteRows, open: true},
	}
}

// legacyWriter turns a legacy mutation into a GraphQL one.
type legacyWriter struct {
	*legacyReader
	table *catalog.Table
}

// legacyWrite begins a mutation of the table that the command names.
func (c *call) legacyWrite(kind document.PermissionKind, permitted func(t *catalog.Table, role string) bool) (*legacyWriter, *object, error) {
	if err := c.writesData(); err != nil {
		return nil, nil, err
	}
	o := c.object()
	source, t, err := c.legacyTarget(o)
	if err != nil {
		return nil, nil, err
	}
	if !c.session.Admin() && !permitted(t, c.session.Role) {
		return nil, nil, fail(CodePermissionDenied, "%s on %q for role %q is not allowed. ", kind, t.Name, c.session.Role)
	}
	r := &legacyReader{source: source, role: c.session.Role, mutation: true, variables: orderedjson.Value{Kind: orderedjson.Object}}
	return &legacyWriter{legacyReader: r, table: t}, o, nil
}

// returned are the columns that are to be answered, which must exist.
func (w *legacyWriter) returned(o *object) (orderedjson.Value, bool, error) {
	returning, wanted := o.optional("returning")
	for _, item := range returning.Items {
		if item.Text != "*" && item.Kind == orderedjson.String {
			if column, ok := w.table.Column(item.Text); !ok || column.Hidden {
				return returning, wanted, fail(CodePermissionDenied, "no such column exists: %q", item.Text).at(argsPath + ".returning")
			}
		}
	}
	return returning, wanted, nil
}

// answer writes what is selected of the mutation and asks it.
func (w *legacyWriter) answer(ctx context.Context, c *call, o *object) ([]byte, error) {
	returning, wanted, err := w.returned(o)
	if err != nil {
		return nil, err
	}
	w.text.WriteString(" {affected_rows")
	if wanted {
		w.text.WriteString(" returning {__typename")
		for _, item := range returning.Items {
			if err := w.column(w.table, item, argsPath+".returning"); err != nil {
				return nil, err
			}
		}
		w.text.WriteString("}")
	}
	w.text.WriteString("}")
	return c.legacyAnswer(ctx, w.legacyReader, func(data orderedjson.Value) orderedjson.Value {
		out, _ := data.Get("written")
		rows, ok := out.Get("returning")
		if !ok {
			return out
		}
		for i := range rows.Items {
			rows.Items[i] = without(rows.Items[i], "__typename")
		}
		return withField(out, "returning", rows)
	})
}

func insertRows(ctx context.Context, c *call) ([]byte, error) {
	w, o, err := c.legacyWrite(document.PermissionInsert, func(t *catalog.Table, role string) bool { return t.Insert[role] != nil })
	if err != nil {
		return nil, err
	}
	objects := orderedjson.Value{Kind: orderedjson.Array}
	for i, item := range o.list("objects") {
		row, err := w.columns(item, document.ItemPath(argsPath+".objects", i), func(role, column string) error {
			if p := w.table.Insert[role]; !p.Columns[column] {
				return fail(CodePermissionDenied, "role %q does not have permission to insert column %q", role, column)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		objects.Items = append(objects.Items, row)
	}
	if err := o.err(); err != nil {
		return nil, err
	}
	arguments := "objects: " + w.declare("["+w.table.GraphQLName+"_insert_input!]!", objects)
	conflict, conflicts := o.optional("on_conflict")
	if _, given := conflict.Get("action"); given || !conflicts {
		if _, _, err := w.returned(o); err != nil {
			return nil, err
		}
	}
	if conflicts {
		text, err := w.conflict(conflict, objects)
		if err != nil {
			return nil, err
		}
		arguments += ", on_conflict: " + text
	}
	w.text.WriteString("written: " + rootName(w.table, catalog.RootInsert, "insert_"+w.table.GraphQLName) + "(" + arguments + ")")
	return w.answer(ctx, c, o)
}

// columns turns an object of columns into one of fields.
func (w *legacyWriter) columns(j orderedjson.Value, path string, permitted func(role, column string) error) (orderedjson.Value, error) {
	if j.Kind != orderedjson.Object {
		return j, fail(CodeParseFailed, "parsing Object failed, expected Object, but encountered %s", j.Kind).at(path)
	}
	out := orderedjson.Value{Kind: orderedjson.Object}
	for i, key := range j.Keys {
		column, ok := w.table.Column(key)
		if !ok || column.Hidden {
			return j, fail(CodeNotExists, "column %q does not exist", key).at(path)
		}
		if w.role != catalog.AdminRole {
			if err := permitted(w.role, key); err != nil {
				return j, AsError(err).at(path)
			}
		}
		out.Keys, out.Items = append(out.Keys, column.GraphQLName), append(out.Items, j.Items[i])
	}
	return out, nil
}

// conflict is GraphQL's on_conflict: a legacy update changes all columns that
// are inserted.
func (w *legacyWriter) conflict(j orderedjson.Value, objects orderedjson.Value) (string, error) {
	action, ok := j.Get("action")
	if !ok {
		return "", fail(CodeParseFailed, "the key 'action' was not present").at("$.on_conflict")
	}
	constraint, named := j.Get("constraint")
	name := constraint.TextOf()
	if on, ok := j.Get("constraint_on"); ok && !named {
		var columns []string
		for _, item := range on.Items {
			columns = append(columns, item.TextOf())
		}
		name, named = w.uniqueKey(columns)
	}
	if !named || !document.IsGraphQLName(name) {
		return "", fail(CodeParseFailed, "Expecting 'constraint' or 'constraint_on' when the 'action' is 'update'").at(argsPath + ".on_conflict")
	}
	var columns []string
	switch action.TextOf() {
	case "ignore":
	case "update":
		for _, row := range objects.Items {
			for _, key := range row.Keys {
				if !slices.Contains(columns, key) {
					columns = append(columns, key)
				}
			}
		}
	default:
		return "", fail(CodeParseFailed, "unexpected action %q, expected 'ignore' or 'update'", action.TextOf()).at(argsPath + ".on_conflict.action")
	}
	return "{constraint: " + name + ", update_columns: [" + strings.Join(columns, ", ") + "]}", nil
}

// uniqueKey finds the unique constraint on columns.
func (w *legacyWriter) uniqueKey(columns []string) (string, bool) {
	wanted := slices.Sorted(slices.Values(columns))
	info := w.table.Info
	if info.PrimaryKey != nil && slices.Equal(slices.Sorted(slices.Values(info.PrimaryKey.Columns)), wanted) {
		return info.PrimaryKey.Name, true
	}
	for _, k := range info.UniqueKeys {
		if slices.Equal(slices.Sorted(slices.Values(k.Columns)), wanted) {
			return k.Name, true
		}
	}
	return "", false
}

func updateRows(ctx context.Context, c *call) ([]byte, error) {
	w, o, err := c.legacyWrite(document.PermissionUpdate, func(t *catalog.Table, role string) bool { return t.Update[role] != nil })
	if err != nil {
		return nil, err
	}
	var arguments []string
	for _, operator := range []string{"set", "inc"} {
		key := "$" + operator
		value, ok := o.optional(key)
		if !ok {
			continue
		}
		path := argsPath + `["` + key + `"]`
		columns, err := w.columns(value, path, func(role, column string) error {
			p := w.table.Update[role]
			switch {
			case p.Presets != nil && slices.ContainsFunc(p.Presets, func(x catalog.Preset) bool { return x.Column.Info.Name == column }):
				return fail(CodeNotSupported, "column %q is not updatable for role %q; its value is predefined in permission", column, role)
			case !p.Columns[column]:
				return fail(CodePermissionDenied, "role %q does not have permission to update column %q", role, column)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		arguments = append(arguments, "_"+operator+": "+w.declare(w.table.GraphQLName+"_"+operator+"_input", columns))
	}
	for _, key := range []string{"$mul", "$default"} {
		if _, ok := o.optional(key); ok {
			return nil, fail(CodeNotSupported, "%q of the deprecated JSON query language is not supported; use GraphQL or run_sql", key)
		}
	}
	if err := w.filtered(o, catalog.RootUpdate, "update_", arguments); err != nil {
		return nil, err
	}
	return w.answer(ctx, c, o)
}

func deleteRows(ctx context.Context, c *call) ([]byte, error) {
	w, o, err := c.legacyWrite(document.PermissionDelete, func(t *catalog.Table, role string) bool { return t.Delete[role] != nil })
	if err != nil {
		return nil, err
	}
	if err := w.filtered(o, catalog.RootDelete, "delete_", nil); err != nil {
		return nil, err
	}
	return w.answer(ctx, c, o)
}

// filtered writes a field with its where.
func (w *legacyWriter) filtered(o *object, kind catalog.RootFieldKind, verb string, arguments []string) error {
	where := o.required("where")
	if err := o.err(); err != nil {
		return err
	}
	e, err := w.where(w.table, where, argsPath+".where")
	if err != nil {
		return err
	}
	arguments = append(arguments, "where: "+w.declare(w.table.GraphQLName+"_bool_exp!", e))
	w.text.WriteString("written: " + rootName(w.table, kind, verb+w.table.GraphQLName) + "(" + strings.Join(arguments, ", ") + ")")
	return nil
}
