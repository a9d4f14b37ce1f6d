package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	zombiezen "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"dovetail/internal/jsonshape"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/sources"
	"dovetail/sources/sqlite"
)

func exec(t *testing.T, s *sqlite.Source, sql string) {
	t.Helper()
	if _, err := s.RunSQL(t.Context(), sql, false); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func introspect(t *testing.T, s *sqlite.Source) map[string]*sources.Table {
	t.Helper()
	d, err := s.Introspect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*sources.Table{}
	for _, table := range d.Tables {
		out[table.Name] = table
	}
	return out
}

func planColumn(t *testing.T, table *sources.Table, name string) plan.Column {
	t.Helper()
	c, ok := table.Column(name)
	if !ok {
		t.Fatalf("there is no column %q", name)
	}
	return plan.Column{Name: c.Name, Type: c.Type, Nullable: c.Nullable}
}

// selectAll reads every column of a table.
func selectAll(t *testing.T, table *sources.Table) *plan.Selection {
	t.Helper()
	sel := &plan.Selection{Rows: plan.Rows{From: &plan.Table{Name: table.Name}, PermitLimit: -1}, Card: plan.Many}
	for _, c := range table.Columns {
		sel.Fields = append(sel.Fields, &plan.ColumnField{Key: c.Name, Column: planColumn(t, table, c.Name)})
	}
	return sel
}

func answer(ctx context.Context, s *sqlite.Source, f *plan.Fragment, bindings plan.Bindings) ([]string, error) {
	statement, err := s.Compile(f)
	if err != nil {
		return nil, err
	}
	out := jsonshape.NewAnswer(bindings.Rows())
	if err := s.Run(ctx, statement, &plan.Arguments{}, bindings, out); err != nil {
		return nil, err
	}
	values := make([]string, 0, len(out.Values))
	for _, v := range out.Values {
		values = append(values, string(out.Bytes[v.Start:v.End]))
	}
	return values, nil
}

// TestDatabase runs scripts and shows what introspection, selections and
// run_sql make of them.
func TestDatabase(t *testing.T) {
	datadriven.Walk(t, "testdata/databases", func(t *testing.T, path string) {
		t.Helper()
		s := open(t, sqlite.Config{})
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			t.Helper()
			switch d.Cmd {
			case "run-sql":
				return runSQL(t.Context(), s, d.Input, d.HasArg("read-only"))
			case "introspect":
				return describeTables(t, s, strings.Fields(d.Input))
			case "select":
				table := introspect(t, s)[d.Input]
				values, err := answer(t.Context(), s, &plan.Fragment{Query: selectAll(t, table)}, plan.Bindings{})
				if err != nil {
					return err.Error()
				}
				return strings.ReplaceAll(values[0], "},{", "},\n{")
			case "keys": // a table and a column, then one key a line
				return lookUp(t, s, d.Input)
			}
			d.Fatalf(t, "unknown command %q", d.Cmd)
			return ""
		})
	})
}

func runSQL(ctx context.Context, s *sqlite.Source, sql string, readOnly bool) string {
	result, err := s.RunSQL(ctx, sql, readOnly)
	if err != nil {
		if coded, ok := errors.AsType[*sources.Error](err); ok {
			return "error: " + coded.Code + ": " + coded.Message
		}
		return "error without a code: " + err.Error()
	}
	if !result.Tuples {
		return "no tuples"
	}
	lines := make([]string, 0, len(result.Rows))
	for _, row := range result.Rows {
		lines = append(lines, strings.Join(row, " | "))
	}
	return strings.Join(lines, "\n")
}

// TestUntypedColumns reads a view's expressions: strings that compare and sort as
// what they hold, and what has been cast.
func TestUntypedColumns(t *testing.T) {
	s := open(t, sqlite.Config{})
	exec(t, s, "CREATE TABLE a (id INTEGER PRIMARY KEY, g TEXT, n INTEGER)")
	exec(t, s, "INSERT INTO a (g, n) VALUES ('x', 1), ('y', 9), ('y', 1), ('z', 12); INSERT INTO a (g, n) SELECT 'x', 0 FROM a, a")
	exec(t, s, "CREATE VIEW v AS SELECT g, count(*) AS total, CAST(count(*) AS INTEGER) AS typed, CASE g WHEN 'z' THEN 'text' ELSE sum(n) END AS mixed FROM a GROUP BY g")
	view := introspect(t, s)["v"]
	read := func(column string, operator plan.Operator, value string) string {
		t.Helper()
		sel := selectAll(t, view)
		c := planColumn(t, view, column)
		sel.Where = &plan.Compare{
			Left: &plan.ColumnOperand{Column: c}, Operator: operator,
			Right: &plan.Literal{JSON: orderedjson.Value{Kind: orderedjson.String, Text: value}},
		}
		sel.OrderBy = []plan.Order{{By: &plan.OrderColumn{Column: c}, Descending: true}}
		values, err := answer(t.Context(), s, &plan.Fragment{Query: sel}, plan.Bindings{})
		if err != nil {
			t.Fatal(err)
		}
		return values[0]
	}
	const (
		x = `{"g":"x","total":"17","typed":17,"mixed":"1"}`
		y = `{"g":"y","total":"2","typed":2,"mixed":"10"}`
		z = `{"g":"z","total":"1","typed":1,"mixed":"text"}`
	)
	for _, c := range []struct {
		column   string
		operator plan.Operator
		value    string
		want     string
	}{
		{"total", plan.Greater, "1", "[" + x + "," + y + "]"},
		{"total", plan.LessOrEqual, "2.0", "[" + y + "," + z + "]"},
		{"total", plan.Equal, "17", "[" + x + "]"},
		{"total", plan.NotEqual, "17", "[" + y + "," + z + "]"},
		{"total", plan.Greater, "a", "[]"},
		{"typed", plan.Greater, "1", "[" + x + "," + y + "]"},
		{"mixed", plan.Greater, "9", "[" + z + "," + y + "]"},
		{"mixed", plan.Equal, "text", "[" + z + "]"},
	} {
		if got := read(c.column, c.operator, c.value); got != c.want {
			t.Errorf("%s %s %s: got %s, want %s", c.column, c.operator, c.value, got, c.want)
		}
	}
}

// TestEstimatedRows reads the statistics that ANALYZE leaves.
func TestEstimatedRows(t *testing.T) {
	s := open(t, sqlite.Config{})
	exec(t, s, "CREATE TABLE a (id INTEGER PRIMARY KEY, b TEXT); CREATE TABLE c (d INTEGER); CREATE VIEW v AS SELECT * FROM a")
	exec(t, s, "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1234) INSERT INTO a SELECT i, i FROM n; INSERT INTO c SELECT id FROM a LIMIT 7")
	expect := func(want map[string]int64) {
		t.Helper()
		tables := introspect(t, s)
		for name, rows := range want {
			if got := tables[name].EstimatedRows; got != rows {
				t.Errorf("%s has about %d rows, want %d", name, got, rows)
			}
		}
	}
	expect(map[string]int64{"a": -1, "c": -1, "v": -1})
	exec(t, s, "CREATE INDEX \"A_b\" ON a (b); ANALYZE")
	expect(map[string]int64{"a": 1234, "c": 7, "v": -1})
}

func lookUp(t *testing.T, s *sqlite.Source, input string) string {
	t.Helper()
	lines := strings.Split(input, "\n")
	name, column, _ := strings.Cut(lines[0], " ")
	table := introspect(t, s)[name]
	sel := selectAll(t, table)
	c := planColumn(t, table, column)
	sel.On = []plan.Correlation{{Column: c, Binding: 0}}
	values, err := answer(t.Context(), s, &plan.Fragment{Query: sel, Bindings: []plan.Binding{{Name: column, Type: c.Type}}}, plan.Bindings{Width: 1, Cells: lines[1:]})
	if err != nil {
		return err.Error()
	}
	return strings.Join(values, "\n")
}

func describeTables(t *testing.T, s *sqlite.Source, names []string) string {
	t.Helper()
	tables := introspect(t, s)
	var out strings.Builder
	for _, name := range names {
		table := tables[name]
		if table == nil {
			fmt.Fprintf(&out, "%s: none\n", name)
			continue
		}
		fmt.Fprintf(&out, "%s %q insertable=%t\n", table.Kind, table.Name, table.Insertable)
		for _, c := range table.Columns {
			fmt.Fprintf(&out, "  %s %q %s %s nullable=%t default=%t generated=%t\n", c.Name, c.Type.Name, c.Type.Scalar, c.Type.Class, c.Nullable, c.HasDefault, c.Generated)
		}
		if table.PrimaryKey != nil {
			fmt.Fprintf(&out, "  primary key %s %v\n", table.PrimaryKey.Name, table.PrimaryKey.Columns)
		}
		for _, k := range table.UniqueKeys {
			fmt.Fprintf(&out, "  unique %v\n", k.Columns)
		}
		for _, k := range table.ForeignKeys {
			fmt.Fprintf(&out, "  foreign key %s %v -> %s %v\n", k.Name, k.Columns, k.TargetTable, k.TargetColumns)
		}
	}
	return out.String()
}

func TestOpen(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing.db")
	for _, path := range []string{"", missing, t.TempDir()} {
		if _, err := sqlite.Open(sqlite.Config{Path: path}); err == nil {
			t.Errorf("%q was opened", path)
		}
	}
	created := open(t, sqlite.Config{Path: missing, Create: true})
	exec(t, created, "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1)")
	reading := open(t, sqlite.Config{Path: missing, ReadOnly: true})
	if table := introspect(t, reading)["t"]; table == nil {
		t.Error("the read-only source sees no table")
	}
	if _, err := reading.RunSQL(t.Context(), "INSERT INTO t VALUES (2)", false); err == nil {
		t.Error("a read-only source was written to")
	}
	memory := open(t, sqlite.Config{Path: ":memory:"})
	exec(t, memory, "CREATE TABLE t (a INTEGER)")
	if table := introspect(t, memory)["t"]; table == nil {
		t.Error("the source in memory sees no table")
	}
	if err := memory.Close(); err != nil {
		t.Error(err)
	}
	if _, err := memory.Introspect(t.Context()); err == nil {
		t.Error("a closed source answered")
	}
}

// TestLocking checks that readers don't wait for a writer, and that a second
// writer gives up after the busy timeout.
func TestLocking(t *testing.T) {
	path := filepath.Join(t.TempDir(), "locked.db")
	s := open(t, sqlite.Config{Path: path, Create: true, BusyTimeout: 50 * time.Millisecond})
	exec(t, s, "CREATE TABLE t (a INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)")
	other := open(t, sqlite.Config{Path: path})
	writing, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := other.RunSQL(writing, "INSERT INTO t VALUES (2); "+slowSQL, false)
		done <- err
	}()
	f := &plan.Fragment{Query: selectAll(t, introspect(t, s)["t"])}
	locked := false
	for deadline := time.Now().Add(5 * time.Second); !locked && time.Now().Before(deadline); {
		got, err := answer(t.Context(), s, f, plan.Bindings{})
		if err != nil || got[0] != `[{"a":1}]` {
			t.Fatalf("beside a writer: %v %v", got, err)
		}
		_, err = s.RunSQL(t.Context(), "DELETE FROM t WHERE a = 99", false)
		if err != nil {
			if coded, ok := errors.AsType[*sources.Error](err); !ok || coded.Code != sources.CodeConcurrentUpdate {
				t.Fatalf("a second writer got %v", err)
			}
			locked = true
		}
	}
	if !locked {
		t.Error("two writers wrote at once")
	}
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the cancelled writer got %v", err)
	}
	// What was cancelled is rolled back, and its connection is of use again.
	exec(t, other, "INSERT INTO t VALUES (3)")
	got, err := answer(t.Context(), s, f, plan.Bindings{})
	if err != nil || got[0] != `[{"a":1},{"a":3}]` {
		t.Errorf("after the writer: %v %v", got, err)
	}
}

// TestWaitForConnection checks that waiting for a connection ends with the
// request.
func TestWaitForConnection(t *testing.T) {
	s := open(t, sqlite.Config{Path: filepath.Join(t.TempDir(), "one.db"), Create: true, MaxConnections: 1})
	running, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = s.RunSQL(running, slowSQL, true) // is cancelled below
	}()
	for {
		brief, end := context.WithTimeout(t.Context(), 20*time.Millisecond)
		_, err := s.Introspect(brief)
		end()
		if err != nil {
			if coded, ok := errors.AsType[*sources.Error](err); !ok || coded.Code != sources.CodeTimeout {
				t.Errorf("waiting ended with %v", err)
			}
			break
		}
	}
	stop()
	<-done
	if _, err := s.Introspect(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestSchemaChange(t *testing.T) {
	s := open(t, sqlite.Config{})
	exec(t, s, "CREATE TABLE t (a INTEGER, b TEXT); INSERT INTO t VALUES (1, 'x')")
	f := &plan.Fragment{Query: selectAll(t, introspect(t, s)["t"])}
	for range 10 { // on every connection
		if _, err := answer(t.Context(), s, f, plan.Bindings{}); err != nil {
			t.Fatal(err)
		}
	}
	exec(t, s, "ALTER TABLE t DROP COLUMN b")
	_, err := answer(t.Context(), s, f, plan.Bindings{})
	coded, ok := errors.AsType[*sources.Error](err)
	if !ok || coded.Code != sources.CodeUnexpected || coded.Message != "database query error" || coded.Internal == nil {
		t.Errorf("a column that is gone gave %v", err)
	}
}

func TestExplain(t *testing.T) {
	s := open(t, sqlite.Config{})
	exec(t, s, "CREATE TABLE t (a INTEGER, b TEXT); CREATE INDEX i ON t (b)")
	table := introspect(t, s)["t"]
	sel := selectAll(t, table)
	b := planColumn(t, table, "b")
	sel.Where = &plan.Compare{Left: &plan.ColumnOperand{Column: b}, Operator: plan.Equal, Right: &plan.Literal{JSON: orderedjson.Value{Kind: orderedjson.String, Text: "x"}}}
	statement, err := s.Compile(&plan.Fragment{Query: sel})
	if err != nil {
		t.Fatal(err)
	}
	lines, err := s.Explain(t.Context(), statement, &plan.Arguments{})
	if err != nil || len(lines) != 1 || lines[0] != "SEARCH t1 USING INDEX i (b=?)" {
		t.Errorf("got %q %v", lines, err)
	}
	sel.On = []plan.Correlation{{Column: b, Binding: 0}}
	if statement, err = s.Compile(&plan.Fragment{Query: sel, Bindings: []plan.Binding{{Name: "b", Type: b.Type}}}); err != nil {
		t.Fatal(err)
	}
	lines, err = s.Explain(t.Context(), statement, &plan.Arguments{})
	if err != nil || !strings.Contains(strings.Join(lines, "\n"), "SEARCH t1 USING INDEX i (b=?)") {
		t.Errorf("got %q %v", lines, err)
	}
}

// TestManyStatements uses more statements than a connection keeps prepared.
func TestManyStatements(t *testing.T) {
	s := open(t, sqlite.Config{Path: filepath.Join(t.TempDir(), "one.db"), Create: true, MaxConnections: 1})
	exec(t, s, "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1)")
	table := introspect(t, s)["t"]
	for i := range 600 {
		sel := selectAll(t, table)
		sel.PermitLimit = 1 + i
		if got, err := answer(t.Context(), s, &plan.Fragment{Query: sel}, plan.Bindings{}); err != nil || got[0] != `[{"a":1}]` {
			t.Fatalf("%v %v", got, err)
		}
	}
}

// TestWideText reads a database that keeps its text as UTF-16.
func TestWideText(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wide.db")
	conn, err := zombiezen.OpenConn(path)
	if err != nil {
		t.Fatal(err)
	}
	script := `PRAGMA encoding = 'UTF-16'; CREATE TABLE t (a TEXT, b BLOB); INSERT INTO t VALUES ('žluť 🐎', x'00ff')`
	if err := errors.Join(sqlitex.ExecuteScript(conn, script, nil), conn.Close()); err != nil {
		t.Fatal(err)
	}
	s := open(t, sqlite.Config{Path: path})
	sel := selectAll(t, introspect(t, s)["t"])
	want := `[{"a":"žluť 🐎","b":"\\x00ff"}]`
	if got, err := answer(t.Context(), s, &plan.Fragment{Query: sel}, plan.Bindings{}); err != nil || got[0] != want {
		t.Errorf("got %v %v, want %s", got, err, want)
	}
	inner := *sel
	sel.Fields = []plan.Field{&plan.NestedField{Key: "n", Selection: &inner}}
	if got, err := answer(t.Context(), s, &plan.Fragment{Query: sel}, plan.Bindings{}); err != nil || got[0] != `[{"n":`+want+`}]` {
		t.Errorf("nested: got %v %v", got, err)
	}
}

// TestManyTables: reading a database takes a time that grows with its tables, not
// with their square.
func TestManyTables(t *testing.T) {
	// introspect is the shortest of a few readings of a database of so many tables.
	introspect := func(tables int) time.Duration {
		s := open(t, sqlite.Config{})
		var script strings.Builder
		for i := range tables {
			fmt.Fprintf(&script, "CREATE TABLE t%d (id INTEGER PRIMARY KEY, a TEXT UNIQUE, b INTEGER REFERENCES t%d);", i, i/2)
		}
		if _, err := s.RunSQL(t.Context(), script.String()+"ANALYZE;", false); err != nil {
			t.Fatal(err)
		}
		best := time.Hour
		for range 3 {
			start := time.Now()
			d, err := s.Introspect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(d.Tables) != tables {
				t.Fatalf("%d tables, want %d", len(d.Tables), tables)
			}
			best = min(best, time.Since(start))
		}
		return best
	}
	// Four times the tables take four times as long, not sixteen times.
	if few, many := introspect(200), introspect(800); many > 9*few {
		t.Errorf("200 tables take %v, 800 take %v", few, many)
	}
}
