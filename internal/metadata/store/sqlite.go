package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// sqliteMigrations lead to the schema of the store, one version each; the file
// holds the version as its user_version. The first fits files from before they
// had one.
var sqliteMigrations = []migration{{ //nolint:gochecknoglobals // a constant list
	`CREATE TABLE IF NOT EXISTS metadata (
		id integer PRIMARY KEY CHECK (id = 1),
		metadata text NOT NULL,
		resource_version integer NOT NULL
	) STRICT`,
	`CREATE INDEX IF NOT EXISTS metadata_version ON metadata (resource_version)`,
	`CREATE TABLE IF NOT EXISTS state (
		key text PRIMARY KEY,
		value text NOT NULL
	) STRICT, WITHOUT ROWID`,
	`CREATE TABLE IF NOT EXISTS notes (
		resource_version integer PRIMARY KEY,
		note text NOT NULL
	) STRICT`,
}}

// sqliteConnections is how many connections a store keeps; writers queue
// anyway.
const sqliteConnections = 4

// versionStatement reads the version from its index: in the row it stands behind
// the document, all of which SQLite would read on its way.
const versionStatement = `SELECT coalesce(max(resource_version), 0) FROM metadata`

// busyTimeout is how long a writer waits for another process's.
const busyTimeout = 10 * time.Second

// SQLite keeps metadata in a SQLite file.
type SQLite struct{ pool *sqlitex.Pool }

// OpenSQLite opens the file, which is made if it isn't there.
func OpenSQLite(ctx context.Context, path string) (*SQLite, error) {
	pool, err := sqlitex.NewPool(sqliteURI(path), sqlitex.PoolOptions{
		PoolSize:    sqliteConnections,
		PrepareConn: prepareSQLite,
	})
	if err != nil {
		return nil, fmt.Errorf("opening the metadata file: %w", err)
	}
	s := &SQLite{pool: pool}
	if err := s.migrate(ctx, sqliteMigrations); err != nil {
		return nil, errors.Join(fmt.Errorf("preparing the metadata file: %w", err), pool.Close())
	}
	return s, nil
}

// sqliteURI escapes what would end the path of a URI.
func sqliteURI(path string) string {
	return "file:" + strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
}

// prepareSQLite makes a connection durable: a saved document is on the disk
// when Save returns.
func prepareSQLite(c *sqlite.Conn) error {
	c.SetBusyTimeout(busyTimeout)
	for _, pragma := range []string{`PRAGMA journal_mode = WAL`, `PRAGMA synchronous = FULL`} {
		if err := sqlitex.ExecuteTransient(c, pragma, nil); err != nil {
			return err
		}
	}
	return nil
}

// transact runs f in a transaction that holds the write lock from its start.
func (s *SQLite) transact(ctx context.Context, f func(c *sqlite.Conn) error) (err error) {
	c, err := s.pool.Take(ctx)
	if err != nil {
		return err
	}
	defer s.pool.Put(c)
	end, err := sqlitex.ImmediateTransaction(c)
	if err != nil {
		return err
	}
	defer end(&err)
	return f(c)
}

// migrate runs the migrations that the store lacks: all of them or none, and
// only one process at a time.
func (s *SQLite) migrate(ctx context.Context, migrations []migration) error {
	return s.transact(ctx, func(c *sqlite.Conn) error {
		var version int64
		err := sqlitex.Execute(c, `PRAGMA user_version`, &sqlitex.ExecOptions{ResultFunc: func(stmt *sqlite.Stmt) error {
			version = stmt.ColumnInt64(0)
			return nil
		}})
		if err != nil {
			return err
		}
		lacking, err := pending(version, migrations)
		if err != nil {
			return err
		}
		for i, m := range lacking {
			for _, statement := range m {
				if err := sqlitex.ExecuteTransient(c, statement, nil); err != nil {
					return fmt.Errorf("migration to version %d: %w", version+int64(i)+1, err)
				}
			}
		}
		if len(lacking) > 0 {
			if err := sqlitex.ExecuteTransient(c, fmt.Sprintf("PRAGMA user_version = %d", len(migrations)), nil); err != nil {
				return err
			}
		}
		return sqlitex.Execute(c, `INSERT INTO state (key, value) VALUES (?, ?), (?, '{}'), (?, '{}') ON CONFLICT DO NOTHING`,
			&sqlitex.ExecOptions{Args: []any{KeyInstanceID, strconv.Quote(uuid.NewString()), KeyConsoleState, KeyCLIState}})
	})
}

// Load implements Store.
func (s *SQLite) Load(ctx context.Context, since int64) (Snapshot, error) {
	var out Snapshot
	// One statement sees one state of both tables.
	err := s.read(ctx, `SELECT m.metadata, m.resource_version, n.note FROM metadata m
		LEFT JOIN notes n ON n.resource_version > ? AND n.resource_version <= m.resource_version
		WHERE m.id = 1 ORDER BY n.resource_version`, []any{since}, func(stmt *sqlite.Stmt) error {
		if out.Document == nil {
			out.Document, out.ResourceVersion = []byte(stmt.ColumnText(0)), stmt.ColumnInt64(1)
		}
		if !stmt.ColumnIsNull(2) {
			out.Notes = append(out.Notes, []byte(stmt.ColumnText(2)))
		}
		return nil
	})
	if err != nil {
		return Snapshot{}, fmt.Errorf("%w: reading the metadata: %w", ErrUnavailable, err)
	}
	out.Complete = int64(len(out.Notes)) == out.ResourceVersion-since
	return out, nil
}

func (s *SQLite) read(ctx context.Context, statement string, args []any, row func(*sqlite.Stmt) error) error {
	c, err := s.pool.Take(ctx)
	if err != nil {
		return err
	}
	defer s.pool.Put(c)
	return sqlitex.Execute(c, statement, &sqlitex.ExecOptions{Args: args, ResultFunc: row})
}

// Save implements Store.
func (s *SQLite) Save(ctx context.Context, document, note []byte, expected int64) (int64, error) {
	statement := `UPDATE metadata SET metadata = ?1, resource_version = ?2 + 1 WHERE id = 1 AND (` + versionStatement + `) = ?2`
	if expected == 0 {
		statement = `INSERT INTO metadata (id, metadata, resource_version) VALUES (1, ?1, ?2 + 1) ON CONFLICT DO NOTHING`
	}
	err := s.transact(ctx, func(c *sqlite.Conn) error {
		if err := sqlitex.Execute(c, statement, &sqlitex.ExecOptions{Args: []any{string(document), expected}}); err != nil {
			return err
		}
		if c.Changes() == 0 {
			return ErrConflict
		}
		if err := sqlitex.Execute(c, `INSERT INTO notes (resource_version, note) VALUES (?, ?)
			ON CONFLICT (resource_version) DO UPDATE SET note = excluded.note`,
			&sqlitex.ExecOptions{Args: []any{expected + 1, string(note)}}); err != nil {
			return err
		}
		return sqlitex.Execute(c, `DELETE FROM notes WHERE resource_version <= ?`,
			&sqlitex.ExecOptions{Args: []any{expected - notesKept}})
	})
	if errors.Is(err, ErrConflict) {
		return 0, ErrConflict
	}
	if err != nil {
		return 0, fmt.Errorf("%w: saving the metadata: %w", ErrUnavailable, err)
	}
	return expected + 1, nil
}

// Get implements Store.
func (s *SQLite) Get(ctx context.Context, key string) ([]byte, error) {
	var out []byte
	statement, args := `SELECT value FROM state WHERE key = ?`, []any{key}
	if key == KeyResourceVersion {
		statement, args = versionStatement, nil
	}
	err := s.read(ctx, statement, args, func(stmt *sqlite.Stmt) error {
		out = []byte(stmt.ColumnText(0))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%w: reading the state %q: %w", ErrUnavailable, key, err)
	}
	return out, nil
}

// Set implements Store.
func (s *SQLite) Set(ctx context.Context, key string, value []byte) error {
	if err := checkState(key, value); err != nil {
		return err
	}
	err := s.transact(ctx, func(c *sqlite.Conn) error {
		return sqlitex.Execute(c, `INSERT INTO state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
			&sqlitex.ExecOptions{Args: []any{key, string(value)}})
	})
	if err != nil {
		return fmt.Errorf("%w: saving the state %q: %w", ErrUnavailable, key, err)
	}
	return nil
}

// Close implements Store.
func (s *SQLite) Close() error { return s.pool.Close() }
