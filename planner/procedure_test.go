package planner_test

import (
	"context"
	"strings"
	"testing"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/metadata/document"
	"dovetail/internal/orderedjson"
	"dovetail/internal/schema"
	"dovetail/planner"
	"dovetail/sources"
	"dovetail/sources/mssql"
)

// erp is a SQL Server with a stored procedure. Planning needs no connection.
const erp = `{"version": 3, "sources": [{"name": "erp", "kind": "mssql", "tables": [],
 "configuration": {"connection_info": {"connection_string": "sqlserver://nobody@nowhere"}},
 "logical_models": [{"name": "article", "fields": [{"name": "id", "type": "int"}, {"name": "title", "type": {"scalar": "nvarchar(50)", "nullable": true}}],
  "select_permissions": [{"role": "user", "permission": {"columns": ["title"], "filter": {"id": {"_gt": "X-Hasura-Least"}}}}]}],
 "stored_procedures": [{"stored_procedure": {"schema": "dbo", "name": "GetArticles"}, "configuration": {"exposed_as": "query"}, "returns": "article",
  "arguments": {"term": {"type": "nvarchar(50)"}, "least": {"type": "int", "nullable": true}}}]}]}`

func erpCatalog(t *testing.T) *catalog.Catalog {
	t.Helper()
	source, err := mssql.Open(mssql.Config{ConnectionString: "sqlserver://nobody@nowhere"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = source.Close() })
	metadata, _, err := document.Parse([]byte(erp))
	if err != nil {
		t.Fatal(err)
	}
	built := catalog.Build(catalog.Input{Metadata: metadata, Version: 1, Databases: map[string]catalog.Introspected{"erp": {
		Database: &sources.Database{}, Capabilities: source.Capabilities(), Compiler: source, ParseType: mssql.ParseType, Version: 1,
	}}})
	for _, i := range built.Inconsistencies {
		t.Errorf("%s: %s", i.Name, i.Reason)
	}
	return built
}

func TestStoredProcedures(t *testing.T) {
	built := erpCatalog(t)
	for _, c := range []struct{ role, query, want string }{
		{
			"admin", `{ GetArticles(args: {term: "a"}, where: {title: {_like: "b%"}}, order_by: {id: desc}, limit: 2, offset: 1) { id title } }`,
			`SET NOCOUNT ON;
DECLARE @rows0 TABLE ([id] int NULL, [title] nvarchar(50) NULL);
DECLARE @a0_0 nvarchar(50) = @p1;
INSERT INTO @rows0 EXECUTE [dbo].[GetArticles] @term = @a0_0;
SELECT t0.[id], t0.[title] FROM @rows0 AS t0 WHERE (t0.[title] LIKE @p2) AND (@p4 > 0) ORDER BY t0.[id] DESC OFFSET @p3 ROWS FETCH NEXT @p5 ROWS ONLY`,
		},
		{
			"user", `query ($term: String!, $least: Int = 3) { GetArticles(args: {term: $term, least: $least}) { title } }`,
			`SET NOCOUNT ON;
DECLARE @rows0 TABLE ([id] int NULL, [title] nvarchar(50) NULL);
DECLARE @a0_0 nvarchar(50) = @p1;
DECLARE @a0_1 int = CAST(@p2 AS int);
INSERT INTO @rows0 EXECUTE [dbo].[GetArticles] @term = @a0_0, @least = @a0_1;
SELECT t0.[title] FROM @rows0 AS t0 WHERE (t0.[id] > CAST(@p3 AS int))`,
		},
		{"user", `{ GetArticles(args: {term: "a"}) { id } }`, "error: $.selectionSet.GetArticles.selectionSet.id: field 'id' not found in type: 'article'"},
		{"admin", `{ GetArticles(args: {least: 1}) { id } }`, "error: $.selectionSet.GetArticles.args.args.term: missing required field 'term'"},
		{"other", `{ GetArticles(args: {term: "a"}) { id } }`, "error: $.selectionSet.GetArticles: field 'GetArticles' not found in type: 'query_root'"},
	} {
		if got := plannedSQL(built, c.role, c.query); got != c.want {
			t.Errorf("%s: %s\ngot  %s\nwant %s", c.role, c.query, got, c.want)
		}
	}
}

// plannedSQL is the text of a query's first statement, or the error.
func plannedSQL(built *catalog.Catalog, role, query string) string {
	operation, err := planner.Prepare(schema.ForRole(built, role), query, "")
	if err != nil {
		return "error: " + err.Error()
	}
	variables := map[string]orderedjson.Value{}
	if strings.Contains(query, "$term") {
		variables["term"] = orderedjson.Value{Kind: orderedjson.String, Text: "a"}
	}
	made, err := operation.Plan(context.Background(), variables, 0)
	if err != nil {
		return "error: " + err.Error()
	}
	return strings.TrimSpace(made.Fragments[0].Statement.Text())
}
