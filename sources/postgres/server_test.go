package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"dovetail/internal/jsonshape"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/internal/testpostgres"
	"dovetail/sources"
)

// newDatabase makes an empty database, runs the SQL in it and gives its URL.
func newDatabase(tb testing.TB, sql ...string) string {
	tb.Helper()
	url := testpostgres.Database(tb)
	for _, statement := range sql {
		execute(tb, url, statement)
	}
	return url
}

func execute(tb testing.TB, database, sql string) {
	tb.Helper()
	ctx := context.Background() // also used by clean-ups, when the test's own is over
	c, err := pgx.Connect(ctx, database)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = c.Close(ctx) }()
	if _, err := c.PgConn().Exec(ctx, sql).ReadAll(); err != nil {
		tb.Fatalf("%s: %v", sql, err)
	}
}

func open(tb testing.TB, config Config) *Source {
	tb.Helper()
	s, err := Open(tb.Context(), config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

// openDatabase makes a database, opens and introspects it.
func openDatabase(tb testing.TB, sql ...string) (*Source, *sources.Database) {
	tb.Helper()
	s := open(tb, Config{URL: newDatabase(tb, sql...)})
	d, err := s.Introspect(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return s, d
}

// run compiles and runs a fragment and gives its values, holes shown as
// «join:key,key».
func run(tb testing.TB, s *Source, f *plan.Fragment, keys ...string) []string {
	tb.Helper()
	values, err := tryRun(tb.Context(), s, f, nil, keys...)
	if err != nil {
		tb.Fatalf("%v", err)
	}
	return values
}

func tryRun(ctx context.Context, s *Source, f *plan.Fragment, args *plan.Arguments, keys ...string) ([]string, error) {
	statement, err := s.Compile(f)
	if err != nil {
		return nil, err
	}
	bindings := plan.Bindings{Width: len(f.Bindings), Cells: keys}
	out := jsonshape.NewAnswer(bindings.Rows())
	if args == nil {
		args = &plan.Arguments{}
	}
	if err := s.Run(ctx, statement, args, bindings, out); err != nil {
		return nil, fmt.Errorf("%s: %w", statement.Text(), err)
	}
	return answerValues(f, out), nil
}

func answerValues(f *plan.Fragment, out *jsonshape.Answer) []string {
	values := make([]string, len(out.Values))
	for i, v := range out.Values {
		var b strings.Builder
		at := v.Start
		for _, h := range out.Holes {
			if h.Offset < v.Start || h.Offset > v.End {
				continue
			}
			b.Write(out.Bytes[at:h.Offset])
			at = h.Offset
			var parts []string
			for k := range f.Joins[h.Join].Keys {
				parts = append(parts, string(out.KeyPartText(h, k)))
			}
			fmt.Fprintf(&b, "«%d:%s»", h.Join, strings.Join(parts, ","))
		}
		b.Write(out.Bytes[at:v.End])
		values[i] = b.String()
	}
	return values
}

// The pieces of plans, short.

func table(d *sources.Database, name string) *plan.Table {
	schema := "public"
	if before, after, ok := strings.Cut(name, "."); ok {
		schema, name = before, after
	}
	for _, t := range d.Tables {
		if t.Schema != schema || t.Name != name {
			continue
		}
		out := &plan.Table{Schema: schema, Name: name}
		if t.PrimaryKey != nil {
			out.UniqueKeys = append(out.UniqueKeys, t.PrimaryKey.Columns)
			for _, c := range t.PrimaryKey.Columns {
				out.PrimaryKey = append(out.PrimaryKey, column(d, name, c))
			}
		}
		for _, k := range t.UniqueKeys {
			out.UniqueKeys = append(out.UniqueKeys, k.Columns)
		}
		return out
	}
	panic("no table " + name)
}

func column(d *sources.Database, tableName, name string) plan.Column {
	for _, t := range d.Tables {
		if t.Name == tableName {
			if c, ok := t.Column(name); ok {
				return plan.Column{Name: c.Name, Type: c.Type, Nullable: c.Nullable}
			}
		}
	}
	panic("no column " + tableName + "." + name)
}

func columns(d *sources.Database, tableName string, names ...string) []plan.Field {
	var out []plan.Field
	for _, n := range names {
		out = append(out, &plan.ColumnField{Key: n, Column: column(d, tableName, n)})
	}
	return out
}

func jsonValue(text string) plan.Value {
	j, err := orderedjson.Parse([]byte(text))
	if err != nil {
		panic(err)
	}
	return &plan.Literal{JSON: j}
}

func rowsOf(t plan.Relation) plan.Rows { return plan.Rows{From: t, PermitLimit: -1} }
