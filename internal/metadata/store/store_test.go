package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"dovetail/internal/metadata/store"
	"dovetail/internal/testpostgres"
)

type opener func() (store.Store, error)

func kinds(t *testing.T) map[string]func(t *testing.T) opener {
	t.Helper()
	return map[string]func(t *testing.T) opener{
		"sqlite": func(t *testing.T) opener {
			t.Helper()
			path := filepath.Join(t.TempDir(), "meta?data#1.db")
			return func() (store.Store, error) { return store.OpenSQLite(t.Context(), path) }
		},
		"postgres": func(t *testing.T) opener {
			t.Helper()
			url := testpostgres.Database(t)
			return func() (store.Store, error) { return store.OpenPostgres(t.Context(), url) }
		},
	}
}

func open(t *testing.T, o opener) store.Store {
	t.Helper()
	s, err := o()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestStore(t *testing.T) {
	t.Parallel()
	for name, kind := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := kind(t)
			s, ctx := open(t, o), t.Context()
			if got, err := s.Load(ctx, 0); err != nil || got.Document != nil || got.ResourceVersion != 0 {
				t.Fatalf("fresh store: %+v, %v", got, err)
			}
			const first, second = `{"version": 3,  "sources": []}`, `{"version":3,"sources":[{"name":"é"}]}`
			if v, err := s.Save(ctx, []byte(first), []byte(`{}`), 0); err != nil || v != 1 {
				t.Fatalf("first save: %d, %v", v, err)
			}
			if v, err := s.Get(ctx, store.KeyResourceVersion); err != nil || string(v) != "1" {
				t.Fatalf("version after the first save: %q, %v", v, err)
			}
			if _, err := s.Save(ctx, []byte(second), []byte(`{}`), 0); !errors.Is(err, store.ErrConflict) {
				t.Fatalf("second first save: %v", err)
			}
			if v, err := s.Save(ctx, []byte(second), []byte(`{}`), 1); err != nil || v != 2 {
				t.Fatalf("second save: %d, %v", v, err)
			}
			if _, err := s.Save(ctx, []byte(first), []byte(`{}`), 1); !errors.Is(err, store.ErrConflict) {
				t.Fatalf("stale save: %v", err)
			}
			if got, err := open(t, o).Load(ctx, 0); err != nil || string(got.Document) != second || got.ResourceVersion != 2 {
				t.Fatalf("reopened: %+v, %v", got, err)
			}
			checkState(t, o)
		})
	}
}

func checkState(t *testing.T, o opener) {
	t.Helper()
	s, ctx := open(t, o), t.Context()
	id, err := s.Get(ctx, store.KeyInstanceID)
	if err != nil || len(id) != 38 {
		t.Errorf("instance id %q, %v", id, err)
	}
	if again, err := open(t, o).Get(ctx, store.KeyInstanceID); err != nil || string(again) != string(id) {
		t.Errorf("instance id changed from %s to %s, %v", id, again, err)
	}
	if v, err := s.Get(ctx, "nothing"); err != nil || v != nil {
		t.Errorf("absent key: %q, %v", v, err)
	}
	for _, key := range []string{store.KeyConsoleState, store.KeyCLIState, "other"} {
		for _, value := range []string{`{"a": 1}`, `{"b": [true]}`} {
			if err := s.Set(ctx, key, []byte(value)); err != nil {
				t.Error(err)
			}
			if got, err := s.Get(ctx, key); err != nil || string(got) != value {
				t.Errorf("%s: %s, %v", key, got, err)
			}
		}
	}
	if err := s.Set(ctx, store.KeyInstanceID, []byte(`"x"`)); err == nil || !strings.Contains(err.Error(), "can't be changed") {
		t.Errorf("changing the instance id: %v", err)
	}
	if err := s.Set(ctx, "other", []byte(`{`)); err == nil {
		t.Error("invalid JSON was stored")
	}
}

// TestConcurrentWriters lets writers in several stores race: every save counts
// once, every loser hears of it.
func TestConcurrentWriters(t *testing.T) {
	t.Parallel()
	const writers, saves = 6, 15
	for name, kind := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := kind(t)
			var group sync.WaitGroup
			for range writers {
				group.Go(func() {
					s, err := o()
					if err != nil {
						t.Error(err)
						return
					}
					defer func() {
						if err := s.Close(); err != nil {
							t.Error(err)
						}
					}()
					for done := 0; done < saves; {
						at, err := s.Load(t.Context(), 0)
						if err != nil {
							t.Error(err)
							return
						}
						_, err = s.Save(t.Context(), fmt.Appendf(nil, `{"n":%d}`, at.ResourceVersion+1), fmt.Appendf(nil, "%d", at.ResourceVersion+1), at.ResourceVersion)
						switch {
						case err == nil:
							done++
						case !errors.Is(err, store.ErrConflict):
							t.Error(err)
							return
						}
					}
				})
			}
			group.Wait()
			got, err := open(t, o).Load(t.Context(), 0)
			if err != nil || got.ResourceVersion != writers*saves || string(got.Document) != fmt.Sprintf(`{"n":%d}`, writers*saves) &&
				strings.ReplaceAll(string(got.Document), " ", "") != fmt.Sprintf(`{"n":%d}`, writers*saves) {
				t.Errorf("after %d saves: %+v, %v", writers*saves, got, err)
			}
		})
	}
}

// TestNotes tells what was noted since a version, and whether that is all.
func TestNotes(t *testing.T) {
	t.Parallel()
	for name, kind := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ctx := open(t, kind(t)), t.Context()
			for v := range int64(1005) {
				if _, err := s.Save(ctx, []byte(`{}`), fmt.Appendf(nil, "%d", v+1), v); err != nil {
					t.Fatal(err)
				}
			}
			got, err := s.Load(ctx, 1002)
			if err != nil || !got.Complete || fmt.Sprintf("%s", got.Notes) != "[1003 1004 1005]" {
				t.Errorf("%s %v, %v", got.Notes, got.Complete, err)
			}
			if got, err := s.Load(ctx, 1005); err != nil || !got.Complete || len(got.Notes) != 0 {
				t.Errorf("nothing new: %s %v, %v", got.Notes, got.Complete, err)
			}
			if got, err := s.Load(ctx, 1); err != nil || got.Complete {
				t.Errorf("long ago: %v, %v", got.Complete, err)
			}
		})
	}
}

// TestNotified hears of another store's saves.
func TestNotified(t *testing.T) {
	t.Parallel()
	o := kinds(t)["postgres"](t)
	listener, ok := open(t, o).(store.Notifier)
	if !ok {
		t.Fatal("the store does not notify")
	}
	ctx, cancel := context.WithCancel(t.Context())
	calls, ended := make(chan struct{}, 10), make(chan error, 1)
	go func() { ended <- listener.Notified(ctx, func() { calls <- struct{}{} }) }()
	<-calls // listening
	if _, err := open(t, o).Save(t.Context(), []byte(`{}`), []byte(`{}`), 0); err != nil {
		t.Fatal(err)
	}
	select {
	case <-calls:
	case <-time.After(10 * time.Second):
		t.Error("not told")
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestOlderStores opens what earlier versions, and v2 itself, have left behind:
// everything in it stays, and what is missing is made.
func TestOlderStores(t *testing.T) {
	t.Parallel()
	const id, document = `7a5f3c9e-0000-4000-8000-1234567890ab`, `{"version":3,"sources":[]}`
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		url := testpostgres.Database(t)
		c, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := c.Close(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
		})
		if _, err := c.Exec(t.Context(), `CREATE SCHEMA hdb_catalog;
			CREATE FUNCTION hdb_catalog.gen_hasura_uuid() RETURNS uuid LANGUAGE sql AS 'select gen_random_uuid()';
			CREATE TABLE hdb_catalog.hdb_version (hasura_uuid uuid PRIMARY KEY DEFAULT hdb_catalog.gen_hasura_uuid(), version text NOT NULL,
				upgraded_on timestamptz NOT NULL, cli_state jsonb NOT NULL DEFAULT '{}'::jsonb, console_state jsonb NOT NULL DEFAULT '{}'::jsonb,
				ee_client_id text, ee_client_secret text);
			CREATE UNIQUE INDEX hdb_version_one_row ON hdb_catalog.hdb_version ((version IS NOT NULL));
			CREATE TABLE hdb_catalog.hdb_metadata (id integer PRIMARY KEY, metadata json NOT NULL, resource_version integer NOT NULL DEFAULT 1 UNIQUE);
			INSERT INTO hdb_catalog.hdb_version (hasura_uuid, version, upgraded_on, console_state) VALUES ('`+id+`', '47', now(), '{"a": 1}');
			INSERT INTO hdb_catalog.hdb_metadata VALUES (1, '`+document+`', 41)`); err != nil {
			t.Fatal(err)
		}
		checkOlder(t, func() (store.Store, error) { return store.OpenPostgres(t.Context(), url) }, id, document)
		var notification string
		var version int
		if err := c.QueryRow(t.Context(), `SELECT notification::text, resource_version FROM hdb_catalog.hdb_schema_notifications WHERE instance_id IS NOT NULL`).
			Scan(&notification, &version); err != nil || version != 42 ||
			strings.ReplaceAll(notification, " ", "") != `{"metadata":false,"remote_schemas":["r"],"sources":["s"],"data_connectors":[]}` {
			t.Errorf("v2 is notified of %s in version %d, %v", notification, version, err)
		}
	})
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "old.db")
		c, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenCreate)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(sqlitex.ExecuteScript(c, `
			CREATE TABLE metadata (id integer PRIMARY KEY CHECK (id = 1), metadata text NOT NULL, resource_version integer NOT NULL) STRICT;
			CREATE TABLE state (key text PRIMARY KEY, value text NOT NULL) STRICT, WITHOUT ROWID;
			INSERT INTO metadata VALUES (1, '`+document+`', 41);
			INSERT INTO state VALUES ('hasura_uuid', '"`+id+`"'), ('console_state', '{"a": 1}');`, nil), c.Close()); err != nil {
			t.Fatal(err)
		}
		checkOlder(t, func() (store.Store, error) { return store.OpenSQLite(t.Context(), path) }, id, document)
	})
}

func checkOlder(t *testing.T, o opener, id, document string) {
	t.Helper()
	s, ctx := open(t, o), t.Context()
	got, err := s.Load(ctx, 40)
	if err != nil || string(got.Document) != document || got.ResourceVersion != 41 || got.Complete {
		t.Errorf("found %+v, %v", got, err)
	}
	if found, err := s.Get(ctx, store.KeyInstanceID); err != nil || string(found) != strconv.Quote(id) {
		t.Errorf("instance id %s, %v", found, err)
	}
	if found, err := s.Get(ctx, store.KeyConsoleState); err != nil || string(found) != `{"a": 1}` {
		t.Errorf("console state %s, %v", found, err)
	}
	if found, err := s.Get(ctx, store.KeyCLIState); err != nil || string(found) != `{}` {
		t.Errorf("cli state %s, %v", found, err)
	}
	if v, err := s.Save(ctx, []byte(document), []byte(`{"again":["s"],"remote_schemas":["r"]}`), 41); err != nil || v != 42 {
		t.Errorf("saved as %d, %v", v, err)
	}
	if v, err := s.Get(ctx, store.KeyResourceVersion); err != nil || string(v) != "42" {
		t.Errorf("version %s, %v", v, err)
	}
	again := open(t, o)
	if got, err := again.Load(ctx, 41); err != nil || !got.Complete || len(got.Notes) != 1 {
		t.Errorf("the note is missing: %+v, %v", got, err)
	}
}
