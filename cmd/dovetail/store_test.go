package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"dovetail/internal/testpostgres"
	"dovetail/internal/testwait"
)

// stores gives the flags of engines that share a store, by its kind.
func stores(t *testing.T) map[string][]string {
	t.Helper()
	return map[string][]string{
		"sqlite":   {"--metadata-path", filepath.Join(t.TempDir(), "metadata.db")},
		"postgres": {"--metadata-database-url", testpostgres.Database(t)},
	}
}

// TestConcurrentCommands has clients of two engines change the metadata at the same
// time: what was acknowledged is there, and who was too late is told so.
func TestConcurrentCommands(t *testing.T) {
	t.Parallel()
	const writers, each = 4, 8
	for name, flags := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engines := []*process{startProcess(t, flags...), startProcess(t, flags...)}
			var group sync.WaitGroup
			var mutex sync.Mutex
			acknowledged, conflicts := map[string]bool{}, 0
			for w := range writers {
				group.Go(func() {
					p := engines[w%len(engines)]
					for i := range each {
						collection := fmt.Sprintf("c%d_%d", w, i)
						for {
							body := fmt.Sprintf(`{"type": "create_query_collection", "args": {"name": "%s", "definition": {"queries": []}}%s}`, collection, versionFor(t, p, w))
							status, text, err := post(t.Context(), p.url+"/v1/metadata", body)
							if err != nil {
								t.Error(err)
								return
							}
							if status == http.StatusOK {
								break
							}
							if status != http.StatusConflict || !strings.Contains(text, `"code":"conflict"`) ||
								!strings.Contains(text, "metadata resource version referenced (") || !strings.Contains(text, "did not match current version") {
								t.Errorf("status %d: %s", status, text)
								return
							}
							mutex.Lock()
							conflicts++
							mutex.Unlock()
						}
						mutex.Lock()
						acknowledged[collection] = true
						mutex.Unlock()
					}
				})
			}
			group.Wait()
			for _, p := range engines {
				_, text, err := post(t.Context(), p.url+"/v1/metadata", `{"type": "export_metadata", "version": 2, "args": {}}`)
				if err != nil {
					t.Fatal(err)
				}
				for collection := range acknowledged {
					if !strings.Contains(text, `"name":"`+collection+`"`) {
						t.Errorf("%s was acknowledged and is lost", collection)
					}
				}
				// The store's first version is the empty metadata's.
				if want := fmt.Sprintf(`{"resource_version":%d,`, 1+writers*each); !strings.HasPrefix(text, want) {
					t.Errorf("the metadata is %.40s…, not %s…", text, want)
				}
			}
			if len(acknowledged) != writers*each {
				t.Errorf("%d changes were acknowledged", len(acknowledged))
			}
			t.Logf("%d conflicts", conflicts)
		})
	}
}

// versionFor names the version that every other writer wants to change.
func versionFor(t *testing.T, p *process, writer int) string {
	t.Helper()
	if writer%2 == 0 {
		return ""
	}
	_, text, err := post(t.Context(), p.url+"/v1/metadata", `{"type": "export_metadata", "version": 2, "args": {}}`)
	if err != nil {
		t.Error(err)
	}
	version, _, _ := strings.Cut(strings.TrimPrefix(text, `{"resource_version":`), ",")
	return `, "resource_version": ` + version
}

// TestTheStoreGoesAway takes the metadata's database away from an engine that
// serves: it goes on serving, says that it isn't well, refuses commands, and is as
// before when the database is back.
func TestTheStoreGoesAway(t *testing.T) {
	t.Parallel()
	address := testpostgres.Database(t)
	config, err := pgx.ParseConfig(address)
	if err != nil {
		t.Fatal(err)
	}
	name := pgx.Identifier{config.Database}.Sanitize()
	config.Database = "postgres"
	elsewhere, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := elsewhere.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	execute := func(statement string, args ...any) {
		t.Helper()
		if _, err := elsewhere.Exec(t.Context(), statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	p := startProcess(t, "--metadata-database-url", address)
	folder := t.TempDir()
	command := func(body string) (int, string) {
		t.Helper()
		status, text, err := post(t.Context(), p.url+"/v1/metadata", body)
		if err != nil {
			t.Fatal(err)
		}
		return status, text
	}
	addShop(t, p.url, makeShop(t, folder))

	execute("ALTER DATABASE " + name + " ALLOW_CONNECTIONS false")
	execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", strings.Trim(name, `"`))
	answers := func() {
		t.Helper()
		status, text, err := post(t.Context(), p.url+"/v1/graphql", `{"query": "{ item { id } }"}`)
		if err != nil || status != http.StatusOK || text != `{"data":{"item":[{"id":1}]}}` {
			t.Errorf("a query is answered %d %s, %v", status, text, err)
		}
	}
	for range 3 {
		answers()
		if status, text := send(t, http.MethodGet, p.url+"/healthz", "", nil); status != http.StatusInternalServerError {
			t.Errorf("healthy: %d %s", status, text)
		}
		status, text := command(`{"type": "create_query_collection", "args": {"name": "lost", "definition": {"queries": []}}}`)
		if status != http.StatusInternalServerError || !strings.Contains(text, "the metadata store can't be reached") {
			t.Errorf("a command is answered %d %s", status, text)
		}
	}
	execute("ALTER DATABASE " + name + " ALLOW_CONNECTIONS true")
	testwait.Eventually(t, "commands are carried out again", func() bool {
		status, _ := command(`{"type": "create_query_collection", "args": {"name": "c", "definition": {"queries": []}}}`)
		return status == http.StatusOK
	})
	answers()
	// Other connections of the pool may still be those that were cut.
	testwait.Eventually(t, "the engine is healthy again", func() bool {
		status, _ := send(t, http.MethodGet, p.url+"/healthz", "", nil)
		return status == http.StatusOK
	})
	if status, text := command(`{"type": "export_metadata", "args": {}}`); status != http.StatusOK || strings.Contains(text, "lost") {
		t.Errorf("what was answered with an error is there: %d %s", status, text)
	}
}

// makeShop makes a SQLite database with a table of items.
func makeShop(t *testing.T, folder string) (path string) {
	t.Helper()
	path = freshSQLite(t, folder)
	alter(t, path, `CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO item VALUES (1, 'one')`)
	return path
}

// alter runs SQL in a SQLite database without any engine's knowledge.
func alter(t *testing.T, path, script string) {
	t.Helper()
	c, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(sqlitex.ExecuteScript(c, script, nil), c.Close()); err != nil {
		t.Fatal(err)
	}
}

// shopMetadata tracks the items of a database.
func shopMetadata(path string) string {
	return fmt.Sprintf(`{"version": 3, "sources": [{"name": "default", "kind": "sqlite", "tables": [{"table": {"name": "item"}}],
		"configuration": {"connection_info": {"path": %q}}}]}`, path)
}

func addShop(t *testing.T, url, path string) {
	t.Helper()
	status, text, err := post(t.Context(), url+"/v1/metadata", `{"type": "replace_metadata", "args": `+shopMetadata(path)+`}`)
	if err != nil || status != http.StatusOK {
		t.Fatalf("%d %s, %v", status, text, err)
	}
}

// TestChangesBehindTheEnginesBack finds by reloading and by replacing what others'
// SQL has done to a database, as v2 does.
func TestChangesBehindTheEnginesBack(t *testing.T) {
	t.Parallel()
	server := startTest(t, nil)
	path := makeShop(t, t.TempDir())
	addShop(t, server.URL, path)
	ask := func(query string) string {
		_, text := send(t, http.MethodPost, server.URL+"/v1/graphql", `{"query": "`+query+`"}`, nil)
		return text
	}
	metadata := func(body string) string {
		_, text := send(t, http.MethodPost, server.URL+"/v1/metadata", body, nil)
		return text
	}
	const reload = `{"type": "reload_metadata", "args": {}}`
	alter(t, path, `ALTER TABLE item ADD COLUMN price INTEGER DEFAULT 3`)
	if text := ask("{ item { price } }"); !strings.Contains(text, "field 'price' not found") {
		t.Errorf("seen without being read: %s", text)
	}
	if text := metadata(`{"type": "replace_metadata", "args": ` + shopMetadata(path) + `}`); text != `{"message":"success"}` {
		t.Error(text)
	}
	if text := ask("{ item { price } }"); text != `{"data":{"item":[{"price":3}]}}` {
		t.Errorf("after replacing: %s", text)
	}
	alter(t, path, `ALTER TABLE item RENAME COLUMN price TO cost`)
	if text := metadata(reload); text != `{"is_consistent":true,"message":"success"}` {
		t.Error(text)
	}
	if text := ask("{ item { cost } }"); text != `{"data":{"item":[{"cost":3}]}}` {
		t.Errorf("after reloading: %s", text)
	}
	alter(t, path, `DROP TABLE item`)
	if text := metadata(reload); !strings.Contains(text, `"is_consistent":false`) || !strings.Contains(text, `no such table/view exists in source`) {
		t.Errorf("a dropped table: %s", text)
	}
	if text := metadata(`{"type": "replace_metadata", "args": ` + shopMetadata(path) + `}`); !strings.Contains(text, "cannot continue due to inconsistent metadata") {
		t.Errorf("replacing over a dropped table: %s", text)
	}
	alter(t, path, `CREATE TABLE item (id INTEGER PRIMARY KEY)`)
	if text := metadata(reload); text != `{"is_consistent":true,"message":"success"}` {
		t.Error(text)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}
