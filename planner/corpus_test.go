package planner_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/metadata/document"
	"dovetail/internal/plan"
	"dovetail/sources"
	"dovetail/sources/mssql"
	"dovetail/sources/postgres"
	"dovetail/sources/sqlite"
)

// dialect is a kind of database that the corpus is compiled for: no server is
// needed, since compiling is pure.
type dialect struct {
	name, schema string
	source       sources.Source
	parseType    func(string) plan.Type
	// types are the database's own for the corpus's types.
	types map[string]string
}

func dialects(t *testing.T) []dialect {
	t.Helper()
	pg, err := postgres.Open(t.Context(), postgres.Config{URL: "postgres://nobody@127.0.0.1:1/nowhere"})
	if err != nil {
		t.Fatal(err)
	}
	ms, err := mssql.Open(mssql.Config{ConnectionString: "sqlserver://nobody:x@127.0.0.1:1?database=nowhere"})
	if err != nil {
		t.Fatal(err)
	}
	lite, err := sqlite.Open(sqlite.Config{Path: ":memory:"})
	if err != nil {
		t.Fatal(err)
	}
	out := []dialect{
		{"postgres", "public", pg, postgres.ParseType, map[string]string{"number": "numeric", "bool": "boolean", "moment": "timestamptz", "json": "jsonb"}},
		{"mssql", "dbo", ms, mssql.ParseType, map[string]string{
			"text": "nvarchar(200)", "number": "decimal(12,2)", "bool": "bit", "moment": "datetimeoffset", "json": "nvarchar(max)", "uuid": "uniqueidentifier",
		}},
		{"sqlite", "", lite, sqlite.ParseType, map[string]string{"number": "numeric(12,2)", "bool": "boolean", "moment": "timestamptz", "json": "json", "uuid": "uuid"}},
	}
	// SQLite knows the keys of what it writes from its own introspection.
	for _, tables := range corpusTables() {
		if _, err := lite.RunSQL(t.Context(), out[2].ddl(tables), false); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := lite.Introspect(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, d := range out {
			if err := d.source.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return out
}

// corpusTables are the tables of the corpus, by source: a column is its name and
// type, with ? where it takes nulls.
func corpusTables() map[string][]string {
	return map[string][]string{
		"crm": {"customer id:int name:text country:text? born:date? active:bool credit:number? profile:json?"},
		"shop": {
			"orders id:bigint customer_id:int? status:text total:number placed_at:moment",
			"order_line order_id:bigint>orders product_id:uuid>product quantity:int",
			"product id:uuid title:text price:number",
		},
	}
}

func (d *dialect) database(tables []string) *sources.Database {
	out := &sources.Database{TimeZone: "UTC"}
	for _, line := range tables {
		words := strings.Fields(line)
		t := &sources.Table{Schema: d.schema, Name: words[0], Kind: sources.KindTable, Insertable: true, Updatable: true, Deletable: true}
		for _, column := range words[1:] {
			column, target, _ := strings.Cut(column, ">")
			name, typeName, _ := strings.Cut(column, ":")
			typeName, nullable := strings.CutSuffix(typeName, "?")
			if own, ok := d.types[typeName]; ok {
				typeName = own
			}
			t.Columns = append(t.Columns, &sources.Column{Name: name, Type: d.parseType(typeName), Nullable: nullable, HasDefault: name == "id"})
			if target != "" {
				t.ForeignKeys = append(t.ForeignKeys, &sources.ForeignKey{
					Columns: []string{name}, TargetSchema: d.schema, TargetTable: target, TargetColumns: []string{"id"},
				})
			}
		}
		key := []string{"id"}
		if t.Name == "order_line" {
			key = []string{"order_id", "product_id"}
		}
		t.PrimaryKey = &sources.Key{Name: t.Name + "_pkey", Columns: key}
		out.Tables = append(out.Tables, t)
	}
	return out
}

// ddl makes the tables of a source.
func (d *dialect) ddl(tables []string) string {
	var out strings.Builder
	for _, t := range d.database(tables).Tables {
		fmt.Fprintf(&out, "CREATE TABLE %q (", t.Name)
		for _, c := range t.Columns {
			fmt.Fprintf(&out, "%q %s, ", c.Name, c.Type.Name)
		}
		fmt.Fprintf(&out, "PRIMARY KEY (%s));\n", strings.Join(t.PrimaryKey.Columns, ", "))
	}
	return out.String()
}

// world builds the catalog of the corpus in one dialect; its metadata has
// {table} for how the dialect's tables are named.
func (d *dialect) world(t *testing.T, metadata string) *world {
	t.Helper()
	for _, name := range []string{"customer", "orders", "order_line", "product"} {
		named := fmt.Sprintf(`{"schema": %q, "name": %q}`, d.schema, name)
		if d.schema == "" {
			named = fmt.Sprintf(`{"name": %q}`, name)
		}
		metadata = strings.ReplaceAll(metadata, "<"+name+">", named)
	}
	configuration := `{"connection_info": {"database_url": "postgres://x"}}`
	switch d.name {
	case "mssql":
		configuration = `{"connection_info": {"connection_string": "Server=x"}}`
	case "sqlite":
		configuration = `{"connection_info": {"path": "x"}}`
	}
	metadata = strings.ReplaceAll(metadata, "<source>", fmt.Sprintf(`"kind": %q, "configuration": %s`, d.name, configuration))
	parsed, _, err := document.Parse([]byte(metadata))
	if err != nil {
		t.Fatal(err)
	}
	in := catalog.Input{Metadata: parsed, Version: 1, Databases: map[string]catalog.Introspected{}}
	for name, tables := range corpusTables() {
		in.Databases[name] = catalog.Introspected{
			Database: d.database(tables), Capabilities: d.source.Capabilities(), Compiler: d.source, Version: 1,
		}
	}
	w := &world{t: t, catalog: catalog.Build(in)}
	for _, i := range w.catalog.Inconsistencies {
		t.Errorf("%s: %s: %s", d.name, i.Name, i.Reason)
	}
	return w
}

// TestCorpus compiles one corpus of operations for every dialect: a case shows
// side by side what each database is sent, and what it refuses.
func TestCorpus(t *testing.T) {
	all := dialects(t)
	datadriven.Walk(t, "corpus", func(t *testing.T, path string) {
		t.Helper()
		worlds := map[string]*world{}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			t.Helper()
			if d.Cmd == "metadata" {
				for i := range all {
					worlds[all[i].name] = all[i].world(t, d.Input)
				}
				return ""
			}
			var out strings.Builder
			for _, dialect := range all {
				w := worlds[dialect.name]
				w.t = t
				fmt.Fprintf(&out, "%s:\n%s", dialect.name, w.statements(d))
			}
			return out.String()
		})
	})
}
