package postgres

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"dovetail/internal/plan"
	"dovetail/internal/testpostgres"
	"dovetail/sources"
)

// TestIntrospection prints what a database with one of everything contains.
func TestIntrospection(t *testing.T) {
	testpostgres.URL(t)
	datadriven.RunTest(t, "testdata/introspection/database", func(t *testing.T, d *datadriven.TestData) string {
		t.Helper()
		_, database := openDatabase(t, d.Input)
		database.TimeZone = "of the server" // which has one of its own
		return describeDatabase(database)
	})
}

// TestEstimatedRows reads the statistics that ANALYZE leaves.
func TestEstimatedRows(t *testing.T) {
	_, d := openDatabase(t, `CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a SELECT generate_series(1, 1234); ANALYZE a;
		CREATE TABLE b (id int); CREATE VIEW c AS SELECT * FROM a;
		CREATE TABLE p (id int) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100);
		INSERT INTO p SELECT generate_series(1, 50); ANALYZE p`)
	want := map[string]int64{"a": 1234, "p": 50, "p1": 50}
	for _, table := range d.Tables {
		if got := table.EstimatedRows; got != want[table.Name] && (got > 0 || want[table.Name] > 0) {
			t.Errorf("%s has about %d rows, want %d", table.Name, got, want[table.Name])
		}
	}
}

func describeDatabase(d *sources.Database) string {
	var b strings.Builder
	fmt.Fprintf(&b, "time zone %s\n", d.TimeZone)
	for _, t := range d.Tables {
		fmt.Fprintf(&b, "%s %s.%s", t.Kind, t.Schema, t.Name)
		for _, can := range []struct {
			name string
			yes  bool
		}{{"insert", t.Insertable}, {"update", t.Updatable}, {"delete", t.Deletable}} {
			if can.yes {
				b.WriteString(" " + can.name)
			}
		}
		writeComment(&b, t.Comment)
		for _, c := range t.Columns {
			fmt.Fprintf(&b, "  %s %s", c.Name, describeType(c.Type))
			for _, is := range []struct {
				name string
				yes  bool
			}{{"nullable", c.Nullable}, {"default", c.HasDefault}, {"generated", c.Generated}} {
				if is.yes {
					b.WriteString(" " + is.name)
				}
			}
			writeComment(&b, c.Comment)
		}
		if t.PrimaryKey != nil {
			fmt.Fprintf(&b, "  primary key %s %v\n", t.PrimaryKey.Name, t.PrimaryKey.Columns)
		}
		for _, k := range t.UniqueKeys {
			fmt.Fprintf(&b, "  unique %s %v\n", k.Name, k.Columns)
		}
		for _, k := range t.ForeignKeys {
			fmt.Fprintf(&b, "  foreign key %s %v -> %s.%s %v\n", k.Name, k.Columns, k.TargetSchema, k.TargetTable, k.TargetColumns)
		}
	}
	for _, f := range d.Functions {
		describeFunction(&b, f)
	}
	return b.String()
}

func writeComment(b *strings.Builder, text string) {
	if text != "" {
		fmt.Fprintf(b, " -- %s", text)
	}
	b.WriteString("\n")
}

func describeFunction(b *strings.Builder, f *sources.Function) {
	var parameters []string
	for _, p := range f.Arguments {
		text := strings.TrimSpace(p.Name + " " + describeType(p.Type))
		if p.Table != "" {
			text += " row of " + p.TableSchema + "." + p.Table
		}
		parameters = append(parameters, text)
	}
	fmt.Fprintf(b, "function %s.%s(%s) returns %s", f.Schema, f.Name, strings.Join(parameters, ", "), describeType(f.Returns))
	if f.ReturnsTable != "" {
		fmt.Fprintf(b, " row of %s.%s", f.ReturnsTableSchema, f.ReturnsTable)
	}
	fmt.Fprintf(b, " %s set=%t defaults=%d overloads=%d variadic=%t plain=%t", f.Volatility, f.ReturnsSet, f.Defaults, f.Overloads, f.Variadic, f.Plain)
	writeComment(b, f.Comment)
}

func describeType(t plan.Type) string {
	text := fmt.Sprintf("%s.%s:%s/%s", t.Schema, t.Name, t.Scalar, t.Class)
	if t.Base != nil {
		return text + "<" + describeType(*t.Base) + ">"
	}
	if t.Element != nil {
		text += "[" + describeType(*t.Element) + "]"
	}
	return text
}

func TestParseType(t *testing.T) {
	for name, want := range map[string]string{
		"integer":                  "pg_catalog.int4:Int/integer",
		"INT":                      "pg_catalog.int4:Int/integer",
		"timestamp with time zone": "pg_catalog.timestamptz:timestamptz/time",
		"varchar(30)":              "pg_catalog.varchar:String/text",
		"text[]":                   "pg_catalog._text:String/array[pg_catalog.text:String/text]",
		`public."Mood"`:            "public.Mood:Mood/other",
		"geometry":                 ".geometry:geometry/geometry",
	} {
		if got := describeType(ParseType(name)); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}
