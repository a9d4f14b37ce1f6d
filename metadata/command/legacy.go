package command

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dovetail/metadata/document"
	"dovetail/plan"
	"dovetail/sources"
)

// legacyCommands are those of v1's JSON query language: reading, which GraphQL
// answers, and inserting into Postgres, by admins, are served.
func legacyCommands() map[string]command {
	return map[string]command{
		"insert": {apis: []API{V1Query, V2Query}, prefixed: true, run: insertRows},
		"select": {apis: []API{V1Query, V2Query}, prefixed: true, run: selectRows, open: true},
		"count":  {apis: []API{V1Query, V2Query}, prefixed: true, run: countRows, open: true},
		"update": {apis: []API{V1Query, V2Query}, prefixed: true, run: notServed},
		"delete": {apis: []API{V1Query, V2Query}, prefixed: true, run: notServed},
	}
}

func notServed(_ context.Context, c *call) ([]byte, error) {
	return nil, fail(CodeNotSupported, "%q of the deprecated JSON query language is not supported; use GraphQL or run_sql", c.name)
}

// insertRows inserts objects into a table.
func insertRows(ctx context.Context, c *call) ([]byte, error) {
	if err := c.writesData(); err != nil {
		return nil, err
	}
	o := c.object()
	objects := o.list("objects")
	returning, wanted := o.optional("returning")
	_, conflict := o.optional("on_conflict")
	s, t, err := c.tableIn(c.metadata(), o)
	if err != nil {
		return nil, err
	}
	if err := o.err(); err != nil {
		return nil, err
	}
	source, contents, ok := c.tx.State().Database(s.Name)
	switch {
	case !ok:
		return nil, c.unreachable(s.Name)
	case s.Kind != document.KindPostgres || conflict:
		return nil, notServedInsert(s, conflict)
	}
	var table *sources.Table
	for _, x := range contents.Tables {
		if nameOf(x) == t.Name {
			table = x
		}
	}
	if table == nil {
		return nil, fail(CodeNotExists, "table %q does not exist in source: %s", t.Name, s.Name)
	}
	columns, err := returningColumns(table, returning, wanted)
	if err != nil {
		return nil, err
	}
	sql, err := insertSQL(table, objects, columns)
	if err != nil {
		return nil, err
	}
	result, err := source.RunSQL(ctx, sql, false)
	if err != nil {
		return nil, AsError(err)
	}
	return insertAnswer(result, wanted)
}

func notServedInsert(s *document.Source, conflict bool) error {
	what := "sources of kind " + s.Kind
	if conflict {
		what = "on_conflict"
	}
	return fail(CodeNotSupported, "insert of the deprecated JSON query language is not supported for %s; use run_sql", what)
}

// returningColumns are the columns that an insert answers.
func returningColumns(t *sources.Table, returning plan.JSON, wanted bool) ([]string, error) {
	if !wanted {
		return nil, nil
	}
	var out []string
	for i, item := range returning.Items {
		if item.Text == "*" {
			for _, c := range t.Columns {
				out = append(out, c.Name)
			}
			continue
		}
		if _, ok := t.Column(item.Text); !ok {
			return nil, fail(CodeNotExists, "column %q does not exist", item.Text).at(argsPath + ".returning[" + strconv.Itoa(i) + "]")
		}
		out = append(out, item.Text)
	}
	return out, nil
}

// quote writes a name as an identifier of Postgres.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// insertSQL makes one statement that inserts all objects. RunSQL takes no
// parameters, so what the user gave travels as the hexadecimal digits of its
// JSON, which can't be anything but data.
func insertSQL(t *sources.Table, objects []plan.JSON, returning []string) (string, error) {
	name := quote(t.Schema) + "." + quote(t.Name)
	var with, parts []string
	for i, group := range sameKeys(objects) {
		columns := make([]string, 0, len(group[0].Keys))
		for _, key := range group[0].Keys {
			if _, ok := t.Column(key); !ok {
				return "", fail(CodeNotExists, "column %q does not exist", key).at(argsPath + ".objects[0]")
			}
			columns = append(columns, quote(key))
		}
		rows := plan.JSON{Kind: plan.JSONArray, Items: group}
		source := "json_populate_recordset(NULL::" + name + ", convert_from(decode('" + hex.EncodeToString(jsonBytes(rows)) + "', 'hex'), 'UTF8')::json)"
		into, selected := " ("+strings.Join(columns, ", ")+")", "SELECT "+strings.Join(columns, ", ")+" FROM "+source
		if len(columns) == 0 {
			into, selected = "", "DEFAULT VALUES"
		}
		with = append(with, fmt.Sprintf("inserted%d AS (INSERT INTO %s%s %s RETURNING %s.*)", i, name, into, selected, name))
		parts = append(parts, fmt.Sprintf("SELECT * FROM inserted%d", i))
	}
	if len(with) == 0 {
		return "SELECT 0, '[]'", nil
	}
	rows := "'[]'::json"
	if len(returning) > 0 {
		fields := make([]string, 0, len(returning))
		for _, column := range returning {
			fields = append(fields, "rows_inserted."+quote(column))
		}
		rows = "coalesce(json_agg((SELECT row_to_json(one) FROM (SELECT " + strings.Join(fields, ", ") + ") AS one)), '[]'::json)"
	}
	return "WITH " + strings.Join(with, ", ") + " SELECT count(*), " + rows + " FROM (" + strings.Join(parts, " UNION ALL ") + ") AS rows_inserted", nil
}

// sameKeys groups neighbouring objects that give the same columns: the others
// get their defaults. Objects without keys stand alone.
func sameKeys(objects []plan.JSON) [][]plan.JSON {
	var out [][]plan.JSON
	for _, o := range objects {
		if last := len(out) - 1; last >= 0 && len(o.Keys) > 0 && slices.Equal(out[last][0].Keys, o.Keys) {
			out[last] = append(out[last], o)
			continue
		}
		out = append(out, []plan.JSON{o})
	}
	return out
}

func insertAnswer(result *sources.SQLResult, wanted bool) ([]byte, error) {
	if len(result.Rows) != 2 || len(result.Rows[1]) != 2 {
		return nil, fail(CodeUnexpected, "the database gave an unexpected answer")
	}
	count, err := strconv.ParseInt(result.Rows[1][0], 10, 64)
	if err != nil {
		return nil, fail(CodeUnexpected, "the database gave an unexpected answer")
	}
	out := struct {
		AffectedRows int64           `json:"affected_rows"`
		Returning    json.RawMessage `json:"returning,omitempty"`
	}{AffectedRows: count}
	if wanted {
		out.Returning = json.RawMessage(result.Rows[1][1])
	}
	return marshal(out)
}
