package store

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"dovetail/internal/testpostgres"
)

// migrated is a kind of store as the tests of migrations see it.
type migrated struct {
	// current are the migrations of this version.
	current []migration
	// open opens the same store again and again, with migrations.
	open func(ctx context.Context, migrations []migration) (Store, error)
}

// stores gives an empty store of each kind.
func stores(t *testing.T) map[string]migrated {
	t.Helper()
	path, url := filepath.Join(t.TempDir(), "metadata.db"), testpostgres.Database(t)
	return map[string]migrated{
		"sqlite": {sqliteMigrations, func(ctx context.Context, migrations []migration) (Store, error) {
			s, err := OpenSQLite(ctx, path)
			if err != nil {
				return nil, err
			}
			return s, s.migrate(ctx, migrations)
		}},
		"postgres": {postgresMigrations, func(ctx context.Context, migrations []migration) (Store, error) {
			s, err := OpenPostgres(ctx, url)
			if err != nil {
				return nil, err
			}
			return s, s.migrate(ctx, migrations)
		}},
	}
}

// closed closes a store that may not have been opened.
func closed(t *testing.T, s Store) {
	t.Helper()
	if s == nil {
		return
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestMigrations: several instances that start at once run a migration once; one
// that fails leaves nothing; a store that a newer version has migrated is refused
// by an older one, naming both, and serves the newer one still.
func TestMigrations(t *testing.T) {
	t.Parallel()
	for name, kind := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			first, err := kind.open(ctx, kind.current)
			if err != nil {
				t.Fatal(err)
			}
			defer closed(t, first)
			if _, err := first.Save(ctx, []byte(`{"version":3}`), []byte(`{}`), 0); err != nil {
				t.Fatal(err)
			}

			failing := append(slices.Clone(kind.current), migration{`CREATE TABLE added (a integer)`}, migration{`CREATE TABLE added (a integer)`})
			s, err := kind.open(ctx, failing)
			closed(t, s)
			if err == nil || !strings.Contains(err.Error(), "migration to version 3: ") {
				t.Errorf("a migration that fails: %v", err)
			}

			// Neither statement can be run twice.
			newer := append(slices.Clone(kind.current), migration{`CREATE TABLE added (a integer PRIMARY KEY)`, `INSERT INTO added VALUES (1)`})
			concurrently(t, first, newer)

			s, err = kind.open(ctx, kind.current)
			closed(t, s)
			if !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "its schema has version 2, this Dovetail knows versions up to 1;") {
				t.Errorf("an older version opens it: %v", err)
			}
			if err := migrateWith(ctx, first, newer); err != nil {
				t.Errorf("the newer version opens it again: %v", err)
			}
			if got, err := first.Load(ctx, 0); err != nil || got.ResourceVersion != 1 {
				t.Errorf("after the migration: %+v, %v", got, err)
			}
		})
	}
}

// concurrently runs migrations in one store from several sides at once.
func concurrently(t *testing.T, s Store, migrations []migration) {
	t.Helper()
	var instances sync.WaitGroup
	for range 6 {
		instances.Go(func() {
			if err := migrateWith(t.Context(), s, migrations); err != nil {
				t.Error(err)
			}
		})
	}
	instances.Wait()
}

func migrateWith(ctx context.Context, s Store, migrations []migration) error {
	switch s := s.(type) {
	case *SQLite:
		return s.migrate(ctx, migrations)
	case *Postgres:
		return s.migrate(ctx, migrations)
	}
	return errors.New("unknown kind of store")
}

// TestOpenedAtOnce has instances open a store that isn't there yet at once: all
// have the same identity.
func TestOpenedAtOnce(t *testing.T) {
	t.Parallel()
	for name, kind := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var instances sync.WaitGroup
			ids := make([]string, 6)
			for i := range ids {
				instances.Go(func() {
					s, err := kind.open(t.Context(), kind.current)
					if err != nil {
						t.Error(err)
						return
					}
					defer closed(t, s)
					id, err := s.Get(t.Context(), KeyInstanceID)
					if err != nil {
						t.Error(err)
					}
					ids[i] = string(id)
				})
			}
			instances.Wait()
			if slices.Sort(ids); ids[0] == "" || ids[0] != ids[len(ids)-1] {
				t.Errorf("the identities are %v", ids)
			}
		})
	}
}
