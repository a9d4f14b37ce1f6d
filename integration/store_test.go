package integration_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"dovetail/internal/demo"
	"dovetail/internal/testengine"
	"dovetail/internal/testpostgres"
)

// Metadata is applied once and is there after a restart, in either store.
func TestMetadataOutlivesTheEngine(t *testing.T) {
	f := readFixture(t, filepath.Join("testdata", "cases", "across"))
	document := f.document(t, nil)
	w := &world{fixture: f, databases: map[string]*testengine.PostgresProxy{}}
	w.spread(t, document, []string{"postgres", "sqlite"})
	for name, options := range map[string]testengine.Options{
		"postgres": {Global: []string{"--metadata-database-url", testpostgres.Database(t)}},
		"sqlite":   {Env: map[string]string{"DOVETAIL_METADATA_PATH": filepath.Join(t.TempDir(), "kept.db")}},
	} {
		t.Run(name, func(t *testing.T) {
			query := `{person(where: {id: {_eq: 1}}) {name tasks(order_by: {id: asc}) {title}}}`
			want := `{"data":{"person":[{"name":"Ann","tasks":[{"title":"sweep"},{"title":"paint"}]}]}}`
			t.Run("first", func(t *testing.T) {
				first := testengine.Start(t, options)
				first.Apply(t, nil, document)
				if got := string(first.GraphQL(t, nil, query)); got != want {
					t.Errorf("first: %s, want %s", got, want)
				}
			})
			again := testengine.Start(t, options)
			if got := string(again.GraphQL(t, nil, query)); got != want {
				t.Errorf("after a restart: %s, want %s", got, want)
			}
		})
	}
}

// Docker compose's metadata answers the demo's queries as the demo does, though
// its databases are Postgres. There is no SQL Server here, so its source and the
// relationship to it are left out.
func TestComposeMetadata(t *testing.T) {
	running, err := demo.Start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := running.Close(); err != nil {
			t.Error(err)
		}
	})
	catalog, sales := testpostgres.Database(t), testpostgres.Database(t)
	testpostgres.Execute(t, catalog, demo.CatalogSQL)
	testpostgres.Execute(t, sales, demo.SalesSQL)
	content, err := os.ReadFile(filepath.Join("..", "deploy", "replace_metadata.json"))
	if err != nil {
		t.Fatal(err)
	}
	var command struct {
		Args struct {
			Metadata map[string]any `json:"metadata"`
		} `json:"args"`
	}
	if err := json.Unmarshal(content, &command); err != nil {
		t.Fatal(err)
	}
	document := command.Args.Metadata
	document["sources"] = slices.DeleteFunc(list(document["sources"]), func(source any) bool {
		return object(t, source)["kind"] == "mssql"
	})
	// What is in stock is in SQL Server.
	for _, source := range list(document["sources"]) {
		for _, entry := range list(object(t, source)["tables"]) {
			table := object(t, entry)
			if table["remote_relationships"] == nil {
				continue
			}
			table["remote_relationships"] = slices.DeleteFunc(list(table["remote_relationships"]), func(relationship any) bool {
				return object(t, relationship)["name"] == "stock"
			})
		}
	}
	e := testengine.Start(t, testengine.Options{Env: map[string]string{
		"CATALOG_URL": catalog, "SALES_URL": sales, "REVIEWS_URL": running.ReviewsURL,
	}})
	e.Apply(t, nil, document)
	checkDemo(t, e)
}
