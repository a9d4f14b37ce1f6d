package integration_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dovetail/internal/demo"
	"dovetail/internal/testengine"
	"dovetail/internal/testpostgres"
)

// The query that crosses all servers of docker-compose.yml has the answer that
// stands beside it. A Postgres stands for SQL Server here: where a table is
// changes no answer.
func TestPicking(t *testing.T) {
	folder := filepath.Join("..", "deploy")
	read := func(name string) string {
		content, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	running, err := demo.Start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := running.Close(); err != nil {
			t.Error(err)
		}
	})
	var command struct {
		Arguments struct {
			Metadata json.RawMessage `json:"metadata"`
		} `json:"args"`
	}
	metadata := strings.NewReplacer(
		`{"connection_string": {"from_env": "ERP_URL"}}`, `{"database_url": "`+database(t, tableOf(t, read("erp.sql")))+`"}`,
		`"kind": "mssql"`, `"kind": "postgres"`,
		`{"from_env": "CATALOG_URL"}`, `"`+database(t, demo.CatalogSQL)+`"`,
		`{"from_env": "SALES_URL"}`, `"`+database(t, demo.SalesSQL)+`"`,
		`"url_from_env": "REVIEWS_URL"`, `"url": "`+running.ReviewsURL+`"`,
	).Replace(read("replace_metadata.json"))
	if err := json.Unmarshal([]byte(metadata), &command); err != nil {
		t.Fatal(err)
	}
	e := testengine.Start(t, testengine.Options{})
	e.Apply(t, nil, command.Arguments.Metadata)
	if got, want := testengine.Compact(t, e.GraphQL(t, nil, read("picking.graphql"))), testengine.Compact(t, []byte(read("picking.json"))); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// tableOf is the script's table, in words that Postgres knows.
func tableOf(t *testing.T, script string) string {
	t.Helper()
	_, table, found := strings.Cut(script, "CREATE TABLE")
	table, _, ended := strings.Cut(table, "END;")
	if !found || !ended {
		t.Fatal("the script makes no table")
	}
	return "CREATE SCHEMA dbo; CREATE TABLE" + strings.ReplaceAll(table, "nvarchar(1)", "text")
}

func database(t *testing.T, script string) string {
	t.Helper()
	address := testpostgres.Database(t)
	testpostgres.Execute(t, address, script)
	return address
}
