package planner_test

import (
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/metadata/document"
	"dovetail/internal/orderedjson"
	"dovetail/internal/schema"
	"dovetail/internal/testmssql"
	"dovetail/planner"
	"dovetail/sources/mssql"
)

// press is a SQL Server whose articles several roles may write.
const press = `{"version": 3, "sources": [{"name": "press", "kind": "mssql",
 "configuration": {"connection_info": {"connection_string": "sqlserver://nobody@nowhere"}},
 "tables": [
  {"table": {"schema": "dbo", "name": "author"}, "array_relationships": [{"name": "articles", "using": {"foreign_key_constraint_on": {"table": {"schema": "dbo", "name": "article"}, "column": "author_id"}}}]},
  {"table": {"schema": "dbo", "name": "article"},
   "object_relationships": [{"name": "author", "using": {"foreign_key_constraint_on": "author_id"}}],
   "select_permissions": [
    {"role": "user", "permission": {"columns": ["id", "title", "content", "author_id"], "filter": {}}},
    {"role": "restricted", "permission": {"columns": ["id", "title"], "filter": {}}},
    {"role": "writer", "permission": {"columns": ["id"], "filter": {}}}],
   "insert_permissions": [
    {"role": "user", "permission": {"columns": ["title", "content"], "check": {"author_id": "X-Hasura-User-Id"}, "set": {"author_id": "X-Hasura-User-Id"}}},
    {"role": "restricted", "permission": {"columns": "*", "check": {}}},
    {"role": "blind", "permission": {"columns": "*", "check": {}}},
    {"role": "writer", "permission": {"columns": "*", "check": {}}}],
   "update_permissions": [
    {"role": "user", "permission": {"columns": ["title", "content"], "filter": {"author_id": "X-Hasura-User-Id"}, "check": {"title": {"_neq": ""}}, "set": {"edited": "true"}}},
    {"role": "restricted", "permission": {"columns": [], "filter": {"author_id": "X-Hasura-User-Id"}, "check": {}}},
    {"role": "blind", "permission": {"columns": "*", "filter": {}, "check": null}}],
   "delete_permissions": [{"role": "user", "permission": {"filter": {"author_id": "X-Hasura-User-Id"}}}]}]}]}`

const pressTables = `CREATE TABLE author (id int IDENTITY NOT NULL PRIMARY KEY, name nvarchar(450) UNIQUE, born date);
CREATE TABLE article (id int IDENTITY NOT NULL PRIMARY KEY, title nvarchar(100) NOT NULL, content text, edited bit DEFAULT 0, place geography, version rowversion, author_id int FOREIGN KEY REFERENCES author(id));`

func pressCatalog(t *testing.T) *catalog.Catalog {
	t.Helper()
	source, err := mssql.Open(mssql.Config{ConnectionString: "sqlserver://nobody@nowhere"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = source.Close() })
	metadata, _, err := document.Parse([]byte(press))
	if err != nil {
		t.Fatal(err)
	}
	tables := &testmssql.Catalog{ParseType: mssql.ParseType}
	if err := tables.Run(t.Context(), pressTables); err != nil {
		t.Fatal(err)
	}
	built := catalog.Build(catalog.Input{Metadata: metadata, Version: 1, Databases: map[string]catalog.Introspected{"press": {
		Database: tables.Database(), Capabilities: source.Capabilities(), Compiler: source, ParseType: mssql.ParseType, Version: 1,
	}}})
	for _, i := range built.Inconsistencies {
		t.Errorf("%s: %s", i.Name, i.Reason)
	}
	return built
}

// TestMatchedInserts plans mutations of a SQL Server: their texts, or the
// errors that roles get.
func TestMatchedInserts(t *testing.T) {
	built := pressCatalog(t)
	datadriven.RunTest(t, "testdata_mssql/matched", func(t *testing.T, d *datadriven.TestData) string {
		t.Helper()
		role := "admin"
		d.MaybeScanArgs(t, "role", &role)
		operation, err := planner.Prepare(schema.ForRole(built, role), d.Input, "")
		if err != nil {
			return "error: " + err.Error() + "\n"
		}
		rows, err := orderedjson.Parse([]byte(`[{"title": "a"}, {"title": "b"}]`))
		if err != nil {
			t.Fatal(err)
		}
		variables := map[string]orderedjson.Value{}
		if strings.Contains(d.Input, "$rows") {
			variables["rows"] = rows
		}
		made, err := operation.Plan(t.Context(), variables, 0)
		if err != nil {
			return "error: " + err.Error() + "\n"
		}
		var b strings.Builder
		for _, f := range made.Fragments {
			b.WriteString(strings.TrimSpace(f.Statement.Text()) + "\n")
		}
		return b.String()
	})
}
