// Package store keeps the metadata document, its version and a little state
// beside it, in Postgres or in a SQLite file.
package store

import (
	"context"
	"errors"
)

// ErrConflict says that somebody else has changed the metadata meanwhile.
var ErrConflict = errors.New("the metadata has been changed by somebody else")

// ErrUnavailable says that the store can't be read or written.
var ErrUnavailable = errors.New("the metadata store can't be reached")

// ErrNewer says that a newer version of Dovetail has made the store.
var ErrNewer = errors.New("the metadata store was made by a newer Dovetail")

// The keys of state that both stores know by their own columns in v2's catalog;
// any other key may be used too.
const (
	// KeyInstanceID is the identity of the deployment: a UUID as a JSON string.
	// It is made with the store and can't be changed.
	KeyInstanceID = "hasura_uuid"
	// KeyConsoleState and KeyCLIState are what clients keep here for themselves.
	KeyConsoleState = "console_state"
	KeyCLIState     = "cli_state"
	// KeyResourceVersion is the metadata's version as a number, 0 when none has
	// been saved yet. Saving changes it, nothing else does.
	KeyResourceVersion = "resource_version"
)

// Snapshot is the metadata as stored.
type Snapshot struct {
	// Document is the metadata's JSON text; nil when none has been saved yet.
	Document        []byte
	ResourceVersion int64
	// Notes are what was noted with the versions since the one asked about,
	// oldest first. Nothing is known of versions that others have made without a
	// note, or long ago: see Complete.
	Notes [][]byte
	// Complete tells whether every version since then has its note.
	Complete bool
}

// notesKept is how many notes are kept. Who is further behind than that knows
// to be so.
const notesKept = 1000

// Store keeps metadata. All methods are safe for concurrent use, also by other
// processes.
type Store interface {
	// Load gives the metadata, with the notes of the versions since one.
	Load(ctx context.Context, since int64) (Snapshot, error)
	// Save replaces the document if its version still is the expected one, and
	// gives the new version; otherwise it answers ErrConflict. The note, which is
	// JSON, tells others what has changed besides.
	Save(ctx context.Context, document, note []byte, expected int64) (int64, error)
	// Get gives the JSON text under a key, nil when there is none.
	Get(ctx context.Context, key string) ([]byte, error)
	Set(ctx context.Context, key string, value []byte) error
	Close() error
}

// Notifier is a store that tells when somebody has saved.
type Notifier interface {
	// Notified calls back after every save by anybody, and whenever saves may
	// have been missed, until the context ends or listening fails.
	Notified(ctx context.Context, call func()) error
}
