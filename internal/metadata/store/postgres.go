package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// catalogVersion is the version of v2's catalog that the tables shared with it
// have; v2 reads it. The version of the store's own schema stands in
// dovetail_version.
const catalogVersion = "48"

// schemaLock is the advisory lock under which the migrations run, so that
// engines may start at once.
const schemaLock = 0x646f7665746169 // "dovetai"

// postgresMigrations lead to the schema of the store, one version each. The first
// makes what isn't there yet: a catalog that v2 made fits as it is, and so does a
// store from before it had a version of its own.
var postgresMigrations = []migration{{ //nolint:gochecknoglobals // a constant list
	`CREATE SCHEMA IF NOT EXISTS hdb_catalog`,
	`CREATE TABLE IF NOT EXISTS hdb_catalog.hdb_version (
		hasura_uuid uuid PRIMARY KEY,
		version text NOT NULL,
		upgraded_on timestamptz NOT NULL,
		cli_state jsonb NOT NULL DEFAULT '{}'::jsonb,
		console_state jsonb NOT NULL DEFAULT '{}'::jsonb,
		ee_client_id text,
		ee_client_secret text
	)`,
	`CREATE UNIQUE INDEX IF NOT EXISTS hdb_version_one_row ON hdb_catalog.hdb_version ((version IS NOT NULL))`,
	`CREATE TABLE IF NOT EXISTS hdb_catalog.hdb_metadata (
		id integer PRIMARY KEY,
		metadata json NOT NULL,
		resource_version integer NOT NULL DEFAULT 1 UNIQUE
	)`,
	`CREATE TABLE IF NOT EXISTS hdb_catalog.hdb_schema_notifications (
		id integer PRIMARY KEY CHECK (id = 1),
		notification json NOT NULL,
		resource_version integer NOT NULL DEFAULT 1,
		instance_id uuid NOT NULL,
		updated_at timestamptz DEFAULT now()
	)`,
	`CREATE TABLE IF NOT EXISTS hdb_catalog.dovetail_state (
		key text PRIMARY KEY,
		value json NOT NULL
	)`,
	`CREATE TABLE IF NOT EXISTS hdb_catalog.dovetail_notes (
		resource_version bigint PRIMARY KEY,
		note json NOT NULL
	)`,
	`CREATE TABLE IF NOT EXISTS hdb_catalog.dovetail_version (
		id integer PRIMARY KEY CHECK (id = 1),
		version bigint NOT NULL,
		migrated_on timestamptz NOT NULL
	)`,
}}

// channel is where saves are told of.
const channel = "dovetail_metadata"

// Postgres keeps metadata in a Postgres database, in the tables that v2 uses.
type Postgres struct {
	pool *pgxpool.Pool
	// instance is what this process calls itself in v2's notifications.
	instance string
}

// Unreachable reports whether a store was not opened because its database took no
// connection, or ended it: it may soon be up.
func Unreachable(err error) bool {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if server, ok := errors.AsType[*pgconn.PgError](err); ok {
		return slices.Contains([]string{"57P01", "57P02", "57P03"}, server.Code)
	}
	_, ended := errors.AsType[net.Error](err)
	return ended || errors.Is(err, io.ErrUnexpectedEOF)
}

// OpenPostgres connects to a database by its URL and brings the store's schema
// to this version.
func OpenPostgres(ctx context.Context, url string) (*Postgres, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("metadata database URL: %w", err)
	}
	// Behind a pooler a prepared statement may be another session's; there are few.
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connecting to the metadata database: %w", err)
	}
	s := &Postgres{pool: pool, instance: uuid.NewString()}
	if err := s.migrate(ctx, postgresMigrations); err != nil {
		pool.Close()
		return nil, fmt.Errorf("preparing the metadata database: %w", err)
	}
	return s, nil
}

// migrate runs the migrations that the store lacks: all of them or none, and
// only one instance at a time.
func (s *Postgres) migrate(ctx context.Context, migrations []migration) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(schemaLock)); err != nil {
			return err
		}
		version, err := postgresVersion(ctx, tx)
		if err != nil {
			return err
		}
		lacking, err := pending(version, migrations)
		if err != nil {
			return err
		}
		for i, m := range lacking {
			for _, statement := range m {
				if _, err := tx.Exec(ctx, statement); err != nil {
					return fmt.Errorf("migration to version %d: %w", version+int64(i)+1, err)
				}
			}
		}
		if len(lacking) > 0 {
			if _, err := tx.Exec(ctx, `INSERT INTO hdb_catalog.dovetail_version (id, version, migrated_on) VALUES (1, $1, now())
				ON CONFLICT (id) DO UPDATE SET version = excluded.version, migrated_on = excluded.migrated_on`, len(migrations)); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, `INSERT INTO hdb_catalog.hdb_version (hasura_uuid, version, upgraded_on)
			SELECT $1, $2, now() WHERE NOT EXISTS (SELECT FROM hdb_catalog.hdb_version)`, uuid.NewString(), catalogVersion)
		return err
	})
}

// postgresVersion reads the version of the store's schema: 0 where there is none.
func postgresVersion(ctx context.Context, tx pgx.Tx) (version int64, err error) {
	var there bool
	err = tx.QueryRow(ctx, `SELECT to_regclass('hdb_catalog.dovetail_version') IS NOT NULL`).Scan(&there)
	if err != nil || !there {
		return 0, err
	}
	err = tx.QueryRow(ctx, `SELECT coalesce(max(version), 0) FROM hdb_catalog.dovetail_version`).Scan(&version)
	return version, err
}

// Load implements Store.
func (s *Postgres) Load(ctx context.Context, since int64) (Snapshot, error) {
	var out Snapshot
	var notes []string
	// One statement sees one state of both tables.
	err := s.pool.QueryRow(ctx, `SELECT metadata::text::bytea, resource_version::bigint,
			array(SELECT note::text FROM hdb_catalog.dovetail_notes n
				WHERE n.resource_version > $1 AND n.resource_version <= m.resource_version ORDER BY n.resource_version)
		FROM hdb_catalog.hdb_metadata m WHERE id = 1`, since).
		Scan(&out.Document, &out.ResourceVersion, &notes)
	if errors.Is(err, pgx.ErrNoRows) {
		return Snapshot{}, nil
	}
	if err != nil {
		return Snapshot{}, fmt.Errorf("%w: reading the metadata: %w", ErrUnavailable, err)
	}
	for _, n := range notes {
		out.Notes = append(out.Notes, []byte(n))
	}
	out.Complete = int64(len(notes)) == out.ResourceVersion-since
	return out, nil
}

// Save implements Store.
func (s *Postgres) Save(ctx context.Context, document, note []byte, expected int64) (int64, error) {
	change := `UPDATE hdb_catalog.hdb_metadata SET metadata = $1::json, resource_version = resource_version + 1
		WHERE id = 1 AND resource_version = $2`
	if expected == 0 {
		change = `INSERT INTO hdb_catalog.hdb_metadata (id, metadata, resource_version) VALUES (1, $1::json, $2 + 1)
			ON CONFLICT DO NOTHING`
	}
	statement := `WITH saved AS (` + change + ` RETURNING resource_version::bigint AS version),
		noted AS (INSERT INTO hdb_catalog.dovetail_notes (resource_version, note) SELECT version, $3::json FROM saved
			ON CONFLICT (resource_version) DO UPDATE SET note = excluded.note),
		forgotten AS (DELETE FROM hdb_catalog.dovetail_notes WHERE resource_version <= $2 - $4),
		notified AS (INSERT INTO hdb_catalog.hdb_schema_notifications (id, notification, resource_version, instance_id, updated_at)
			SELECT 1, json_build_object(
				'metadata', coalesce($3::json->'all_sources', 'false'), 'remote_schemas', coalesce($3::json->'remote_schemas', '[]'),
				'sources', coalesce($3::json->'again', '[]'), 'data_connectors', '[]'::json), version, $5::uuid, now() FROM saved
			ON CONFLICT (id) DO UPDATE SET notification = excluded.notification, resource_version = excluded.resource_version,
				instance_id = excluded.instance_id, updated_at = excluded.updated_at)
		SELECT version, pg_notify('` + channel + `', version::text) IS NULL FROM saved`
	var version int64
	var told bool
	err := s.pool.QueryRow(ctx, statement, string(document), expected, string(note), notesKept, s.instance).Scan(&version, &told)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, ErrConflict
	}
	if err != nil {
		return 0, fmt.Errorf("%w: saving the metadata: %w", ErrUnavailable, err)
	}
	return version, nil
}

// Notified implements Notifier.
func (s *Postgres) Notified(ctx context.Context, call func()) error {
	connection, err := pgx.ConnectConfig(ctx, s.pool.Config().ConnConfig)
	if err != nil {
		return fmt.Errorf("connecting to the metadata database: %w", err)
	}
	defer connection.Close(context.WithoutCancel(ctx)) //nolint:errcheck // it has served
	if _, err := connection.Exec(ctx, `LISTEN `+channel); err != nil {
		return fmt.Errorf("listening to the metadata database: %w", err)
	}
	for {
		// Before the first notification: whatever came before listening.
		call()
		if _, err := connection.WaitForNotification(ctx); err != nil {
			return fmt.Errorf("listening to the metadata database: %w", err)
		}
	}
}

// Get implements Store.
func (s *Postgres) Get(ctx context.Context, key string) ([]byte, error) {
	statement, args := `SELECT value::text FROM hdb_catalog.dovetail_state WHERE key = $1`, []any{key}
	switch key {
	case KeyInstanceID:
		statement, args = `SELECT to_json(hasura_uuid)::text FROM hdb_catalog.hdb_version`, nil
	case KeyConsoleState:
		statement, args = `SELECT console_state::text FROM hdb_catalog.hdb_version`, nil
	case KeyCLIState:
		statement, args = `SELECT cli_state::text FROM hdb_catalog.hdb_version`, nil
	case KeyResourceVersion:
		statement, args = `SELECT coalesce((SELECT resource_version FROM hdb_catalog.hdb_metadata WHERE id = 1), 0)::text`, nil
	}
	var value string
	err := s.pool.QueryRow(ctx, statement, args...).Scan(&value)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: reading the state %q: %w", ErrUnavailable, key, err)
	}
	return []byte(value), nil
}

// Set implements Store.
func (s *Postgres) Set(ctx context.Context, key string, value []byte) error {
	if err := checkState(key, value); err != nil {
		return err
	}
	statement := `INSERT INTO hdb_catalog.dovetail_state (key, value) VALUES ($2, $1::json)
		ON CONFLICT (key) DO UPDATE SET value = excluded.value`
	args := []any{string(value), key}
	switch key {
	case KeyConsoleState:
		statement, args = `UPDATE hdb_catalog.hdb_version SET console_state = $1::jsonb`, args[:1]
	case KeyCLIState:
		statement, args = `UPDATE hdb_catalog.hdb_version SET cli_state = $1::jsonb`, args[:1]
	}
	if _, err := s.pool.Exec(ctx, statement, args...); err != nil {
		return fmt.Errorf("%w: saving the state %q: %w", ErrUnavailable, key, err)
	}
	return nil
}

// Close implements Store.
func (s *Postgres) Close() error {
	s.pool.Close()
	return nil
}

func checkState(key string, value []byte) error {
	if key == KeyInstanceID || key == KeyResourceVersion {
		return fmt.Errorf("the state %q can't be changed", key)
	}
	if !json.Valid(value) {
		return fmt.Errorf("the state %q is not JSON", key)
	}
	return nil
}
