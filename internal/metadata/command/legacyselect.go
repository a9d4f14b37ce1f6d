package command

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/metadata/document"
	"dovetail/internal/metadata/live"
	"dovetail/internal/orderedjson"
	"dovetail/internal/session"
)

// Query answers a GraphQL query with the data part of its answer. The
// deprecated JSON query language reads through it.
type Query func(ctx context.Context, state *live.State, who *session.Session, query string, variables orderedjson.Value) ([]byte, error)

// UseQuery tells the runner how GraphQL queries are answered. It must be called
// before commands are run.
func (r *Runner) UseQuery(q Query) { r.query = q }

// legacyReader turns a legacy query into a GraphQL query.
type legacyReader struct {
	source    *catalog.Source
	role      string
	text      bytes.Buffer
	declared  []string
	variables orderedjson.Value
	// mutation: the text is a mutation.
	mutation bool
}

// legacyTable finds the table of a legacy query.
func (c *call) legacyTable(o *object) (*catalog.Source, *catalog.Table, error) {
	source, t, err := c.legacyTarget(o)
	if err == nil && !c.session.Admin() {
		if _, ok := t.SelectPermission(c.session.Role); !ok {
			return nil, nil, fail(CodePermissionDenied, "select on %q for role %q is not allowed. ", t.Name, c.session.Role)
		}
	}
	return source, t, err
}

// legacyTarget finds the table that a legacy command names.
func (c *call) legacyTarget(o *object) (*catalog.Source, *catalog.Table, error) {
	sourceName, value := o.source(), o.required("table")
	if err := o.err(); err != nil {
		return nil, nil, err
	}
	s, err := c.sourceIn(c.metadata(), sourceName)
	if err != nil {
		return nil, nil, err
	}
	name, err := document.ParseTableName(value, argsPath+".table", s.Kind)
	if err != nil {
		return nil, nil, parseError(err, argsPath)
	}
	source, ok := c.tx.State().Catalog.Source(s.Name)
	if !ok {
		return nil, nil, c.unreachable(s.Name)
	}
	if source.Customization != (catalog.Customization{}) || c.runner.query == nil {
		return nil, nil, fail(CodeNotSupported, "the deprecated JSON query language is not supported for sources with customizations; use GraphQL")
	}
	t, ok := source.Table(catalog.TableName(name))
	if !ok {
		return nil, nil, fail(CodeNotExists, "table %q does not exist", name).at(argsPath + ".table")
	}
	return source, t, nil
}

func rootName(t *catalog.Table, kind catalog.RootFieldKind, otherwise string) string {
	if f, ok := t.RootFields[kind]; ok && f.Name != "" {
		return f.Name
	}
	return otherwise
}

func selectRows(ctx context.Context, c *call) ([]byte, error) {
	source, t, err := c.legacyTable(c.object())
	if err != nil {
		return nil, err
	}
	r := &legacyReader{source: source, role: c.session.Role, variables: orderedjson.Value{Kind: orderedjson.Object}}
	if err := r.selection("rows: "+rootName(t, catalog.RootSelect, t.GraphQLName), t, c.args, argsPath); err != nil {
		return nil, err
	}
	return c.legacyAnswer(ctx, r, func(data orderedjson.Value) orderedjson.Value {
		rows, _ := data.Get("rows")
		return rows
	})
}

func countRows(ctx context.Context, c *call) ([]byte, error) {
	source, t, err := c.legacyTable(c.object())
	if err != nil {
		return nil, err
	}
	distinct, err := distinctColumns(t, c.object())
	if err != nil {
		return nil, err
	}
	r := &legacyReader{source: source, role: c.session.Role, variables: orderedjson.Value{Kind: orderedjson.Object}}
	if p, ok := t.SelectPermission(c.session.Role); ok && !p.AllowAggregations {
		return c.countSelected(ctx, r, t, distinct)
	}
	r.text.WriteString("rows: " + rootName(t, catalog.RootSelectAggregate, t.GraphQLName+"_aggregate"))
	if err := r.arguments(t, c.args, argsPath); err != nil {
		return nil, err
	}
	arguments := ""
	if len(distinct) > 0 {
		arguments = "(columns: [" + joinNames(distinct) + "], distinct: true)"
	}
	r.text.WriteString(" {aggregate {count" + arguments + "}}")
	return c.legacyAnswer(ctx, r, func(data orderedjson.Value) orderedjson.Value {
		return jsonObject(field{"count", data.At([]string{"rows", "aggregate", "count"})})
	})
}

// countSelected counts rows for a role that may not aggregate: the deprecated
// count asks for no more than being allowed to read them.
func (c *call) countSelected(ctx context.Context, r *legacyReader, t *catalog.Table, distinct []string) ([]byte, error) {
	fields := "__typename"
	if len(distinct) > 0 {
		fields = strings.Join(distinct, " ")
	}
	r.text.WriteString("rows: " + rootName(t, catalog.RootSelect, t.GraphQLName))
	if err := r.arguments(t, c.args, argsPath); err != nil {
		return nil, err
	}
	r.text.WriteString(" {" + fields + "}")
	return c.legacyAnswer(ctx, r, func(data orderedjson.Value) orderedjson.Value {
		rows, _ := data.Get("rows")
		seen := map[string]bool{}
		for i, row := range rows.Items {
			if len(distinct) == 0 {
				seen[strconv.Itoa(i)] = true
			} else {
				seen[row.String()] = true
			}
		}
		return jsonObject(field{"count", orderedjson.Value{Kind: orderedjson.Number, Text: strconv.Itoa(len(seen))}})
	})
}

// distinctColumns are the fields whose distinct values a count counts.
func distinctColumns(t *catalog.Table, o *object) ([]string, error) {
	if _, ok := o.optional("distinct"); !ok {
		return nil, nil
	}
	names := o.texts("distinct")
	for i, name := range names {
		c, ok := t.Column(name)
		if !ok || c.Hidden {
			return nil, fail(CodePermissionDenied, "no such column exists: %q", name).at(document.ItemPath(argsPath+".distinct", i))
		}
		names[i] = c.GraphQLName
	}
	return names, o.err()
}

// legacyAnswer asks the query and takes the answer out of its data.
func (c *call) legacyAnswer(ctx context.Context, r *legacyReader, take func(data orderedjson.Value) orderedjson.Value) ([]byte, error) {
	query := "query"
	if r.mutation {
		query = "mutation"
	}
	if len(r.declared) > 0 {
		query += "(" + strings.Join(r.declared, ", ") + ")"
	}
	query += " {" + r.text.String() + "}"
	if done, ok := c.tx.Recall(c.place); ok && r.mutation {
		if done, ok := done.([]byte); ok {
			return done, nil
		}
	}
	c.tx.Yield()
	data, err := c.runner.query(ctx, c.tx.State(), c.session, query, r.variables)
	if err != nil {
		return nil, err
	}
	value, err := orderedjson.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("reading an answer: %w", err)
	}
	answer := jsonBytes(take(value))
	if r.mutation {
		c.tx.Record(c.place, answer)
	}
	return answer, nil
}

// declare makes a variable of a value.
func (r *legacyReader) declare(typeName string, value orderedjson.Value) string {
	name := "v" + strconv.Itoa(len(r.declared))
	r.declared = append(r.declared, "$"+name+": "+typeName)
	r.variables.Keys, r.variables.Items = append(r.variables.Keys, name), append(r.variables.Items, value)
	return "$" + name
}

// arguments writes a field's where, order_by, limit and offset.
func (r *legacyReader) arguments(t *catalog.Table, args orderedjson.Value, path string) error {
	var out []string
	o := readObject(args, "SelectQuery", path)
	if where, ok := o.optional("where"); ok {
		e, err := r.where(t, where, path+".where")
		if err != nil {
			return err
		}
		out = append(out, "where: "+r.declare(t.GraphQLName+"_bool_exp", e))
	}
	if order, ok := o.optional("order_by"); ok {
		list, err := r.orderBy(t, order, path+".order_by")
		if err != nil {
			return err
		}
		out = append(out, "order_by: "+r.declare("["+t.GraphQLName+"_order_by!]", list))
	}
	for _, key := range []string{"limit", "offset"} {
		n, ok := o.optional(key)
		if !ok {
			continue
		}
		if v, err := strconv.ParseInt(n.Text, 10, 32); err != nil || n.Kind != orderedjson.Number || v < 0 {
			return fail(CodeNotSupported, "unexpected negative value").at(child(path, key))
		}
		out = append(out, key+": "+n.Text)
	}
	if len(out) > 0 {
		r.text.WriteString("(" + strings.Join(out, ", ") + ")")
	}
	return o.err()
}

// selection writes a field with its arguments and what is selected below it.
func (r *legacyReader) selection(name string, t *catalog.Table, args orderedjson.Value, path string) error {
	r.text.WriteString(name)
	if err := r.arguments(t, args, path); err != nil {
		return err
	}
	o := readObject(args, "SelectQuery", path)
	columns := o.list("columns")
	if err := o.err(); err != nil {
		return err
	}
	r.text.WriteString(" {")
	for i, column := range columns {
		if err := r.column(t, column, document.ItemPath(path+".columns", i)); err != nil {
			return err
		}
	}
	r.text.WriteString("}")
	return nil
}

func (r *legacyReader) column(t *catalog.Table, column orderedjson.Value, path string) error {
	switch {
	case column.Text == "*" && column.Kind == orderedjson.String:
		for _, c := range t.Columns {
			r.text.WriteString(" " + c.Info.Name + ": " + c.GraphQLName)
		}
		return nil
	case column.Kind == orderedjson.String:
		c, ok := t.Column(column.Text)
		if !ok || c.Hidden {
			return fail(CodeNotExists, "column %q does not exist", column.Text).at(path)
		}
		if p, ok := t.SelectPermission(r.role); ok && r.role != catalog.AdminRole {
			if _, readable := p.Columns[column.Text]; !readable {
				return fail(CodePermissionDenied, "role %q does not have permission to select column %q", r.role, column.Text).at(path)
			}
		}
		r.text.WriteString(" " + c.Info.Name + ": " + c.GraphQLName)
		return nil
	}
	o := readObject(column, "SelCol", path)
	name := o.nonEmpty("name")
	alias := o.textOr("alias", name)
	if err := o.err(); err != nil {
		return err
	}
	relationship, ok := relationshipOf(t, name)
	if !ok {
		return fail(CodeNotExists, "%q does not exist", name).at(path)
	}
	if !document.IsGraphQLName(alias) {
		return fail(CodeNotSupported, "%q is not a valid GraphQL name", alias).at(path)
	}
	r.text.WriteString(" ")
	return r.selection(alias+": "+name, relationship.Target, column, path)
}

func relationshipOf(t *catalog.Table, name string) (*catalog.Relationship, bool) {
	for _, r := range t.Local {
		if r.Name == name {
			return r, true
		}
	}
	return nil, false
}

// where turns a legacy boolean expression into a GraphQL one: operators lose
// their $, and a bare value means equality.
func (r *legacyReader) where(t *catalog.Table, e orderedjson.Value, path string) (orderedjson.Value, error) {
	if e.Kind != orderedjson.Object {
		return e, fail(CodeParseFailed, "parsing BoolExp failed, expected Object, but encountered %s", e.Kind).at(path)
	}
	out := orderedjson.Value{Kind: orderedjson.Object}
	for i, key := range e.Keys {
		value := e.Items[i]
		var err error
		switch plainKey := "_" + strings.TrimLeft(key, "_$"); plainKey {
		case "_and", "_or":
			list := orderedjson.Value{Kind: orderedjson.Array}
			for j, item := range value.Items {
				inner, err := r.where(t, item, document.ItemPath(child(path, key), j))
				if err != nil {
					return e, err
				}
				list.Items = append(list.Items, inner)
			}
			key, value = plainKey, list
		case "_not":
			key = plainKey
			value, err = r.where(t, value, child(path, key))
		default:
			key, value, err = r.condition(t, key, value, path)
		}
		if err != nil {
			return e, err
		}
		out.Keys, out.Items = append(out.Keys, key), append(out.Items, value)
	}
	return out, nil
}

// labelPath is what Postgres takes for an ltree.
var labelPath = regexp.MustCompile(`^([\pL\pN_-]+(\.[\pL\pN_-]+)*)?$`)

// condition is an expression about a column or over a relationship.
func (r *legacyReader) condition(t *catalog.Table, key string, value orderedjson.Value, path string) (string, orderedjson.Value, error) {
	if relationship, ok := relationshipOf(t, key); ok {
		inner, err := r.where(relationship.Target, value, child(path, key))
		return key, inner, err
	}
	c, ok := t.Column(key)
	if !ok {
		return key, value, fail(CodeNotExists, "column %q does not exist", key).at(path)
	}
	if value.Kind != orderedjson.Object {
		return c.GraphQLName, jsonObject(field{"_eq", value}), nil
	}
	out := orderedjson.Value{Kind: orderedjson.Object}
	for i, operator := range value.Keys {
		plain := "_" + strings.TrimLeft(operator, "_$")
		if (plain == "_ancestor" || plain == "_descendant") && value.Items[i].Kind == orderedjson.String && !labelPath.MatchString(value.Items[i].Text) {
			return key, value, fail(CodeParseFailed, "Expecting label path: a sequence of zero or more labels separated by dots, for example L1.L2.L3").
				at(child(path, key) + "[" + strconv.Quote(operator) + "]")
		}
		out.Keys, out.Items = append(out.Keys, plain), append(out.Items, value.Items[i])
	}
	return c.GraphQLName, out, nil
}

// orderBy turns "+name", "-name" and objects into GraphQL's order.
func (r *legacyReader) orderBy(t *catalog.Table, order orderedjson.Value, path string) (orderedjson.Value, error) {
	items := []orderedjson.Value{order}
	if order.Kind == orderedjson.Array {
		items = order.Items
	}
	out := orderedjson.Value{Kind: orderedjson.Array}
	for i, item := range items {
		name, direction := item.Text, "asc"
		if item.Kind == orderedjson.Object {
			o := readObject(item, "OrderByItem", document.ItemPath(path, i))
			name, direction = o.nonEmpty("column"), o.textOr("type", "asc")
			if nulls := o.textOr("nulls", ""); nulls != "" {
				direction += "_nulls_" + nulls
			}
			if err := o.err(); err != nil {
				return out, err
			}
		} else if strings.HasPrefix(name, "-") {
			direction = "desc"
		}
		value, err := r.orderPath(t, strings.Split(strings.TrimLeft(name, "+-"), "."), direction, path)
		if err != nil {
			return out, err
		}
		out.Items = append(out.Items, value)
	}
	return out, nil
}

// orderPath is the order by a column, perhaps of related rows.
func (r *legacyReader) orderPath(t *catalog.Table, steps []string, direction, path string) (orderedjson.Value, error) {
	if len(steps) > 1 {
		relationship, ok := relationshipOf(t, steps[0])
		if !ok {
			return orderedjson.Value{}, fail(CodeNotExists, "%q does not exist", steps[0]).at(path)
		}
		inner, err := r.orderPath(relationship.Target, steps[1:], direction, path)
		return jsonObject(field{steps[0], inner}), err
	}
	c, ok := t.Column(steps[0])
	if !ok {
		return orderedjson.Value{}, fail(CodeNotExists, "column %q does not exist", steps[0]).at(path)
	}
	return jsonObject(field{c.GraphQLName, jsonText(direction)}), nil
}
