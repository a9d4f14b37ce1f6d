// Package kind says what the metadata, the admin API and the catalog must know of
// each kind of database, as data: how it is named, how its tables are, what of the
// metadata has a meaning for it. What a database can do in queries is not here but
// in its source's capabilities; how it is opened is in cmd's list, which refers to
// a Kind by its name. It is a leaf.
package kind

import (
	"fmt"
	"slices"
	"sync"
)

// Kind is one kind of database.
type Kind struct {
	// Name is the metadata's word, such as postgres.
	Name string
	// Prefixes begin the names of its commands; the first is the one shown.
	Prefixes []string
	// DefaultSchema is the schema of names written without one; empty for kinds
	// without schemas.
	DefaultSchema string
	// Address lists the keys of connection_info that may hold where the database
	// is; one of them must be there, and the last is the one asked for.
	Address []string
	// Parameters: the address may be connection_parameters, with TLS
	// certificates and prepared statements beside it.
	Parameters bool
	// Replicas: reads may go to read_replicas.
	Replicas bool
	// Functions: functions can be tracked.
	Functions bool
	// Procedures: stored procedures can be tracked.
	Procedures bool
	// EventTriggers: tables can have event triggers.
	EventTriggers bool
	// QueryTags: statements carry query tags.
	QueryTags bool
	// NamingConvention: the names of the schema may follow graphql-default.
	NamingConvention bool
	// ErrorsAtRoot: errors of run_sql have the path $, as v2's of this kind.
	ErrorsAtRoot bool
}

// The kinds that are built in.
const (
	Postgres = "postgres"
	SQLite   = "sqlite"
	MSSQL    = "mssql"
)

//nolint:gochecknoglobals // the one registry; Register is for program start
var (
	registering sync.RWMutex
	registered  = []Kind{
		{
			Name: Postgres, Prefixes: []string{"pg", "postgres"}, DefaultSchema: "public",
			Address: []string{"database_url"}, Parameters: true, Replicas: true,
			Functions: true, EventTriggers: true, QueryTags: true, NamingConvention: true,
		},
		{
			Name: SQLite, Prefixes: []string{"sqlite"},
			Address: []string{"path"}, NamingConvention: true,
		},
		{
			Name: MSSQL, Prefixes: []string{"mssql"}, DefaultSchema: "dbo",
			Address: []string{"database_url", "connection_string"}, Replicas: true,
			Procedures: true, EventTriggers: true, QueryTags: true, ErrorsAtRoot: true,
		},
	}
)

// Register adds a kind, before any metadata is read. It refuses names and
// prefixes that are taken.
func Register(k Kind) error {
	registering.Lock()
	defer registering.Unlock()
	if k.Name == "" || len(k.Prefixes) == 0 || len(k.Address) == 0 {
		return fmt.Errorf("kind %q: a kind needs a name, a prefix and an address", k.Name)
	}
	for _, other := range registered {
		taken := func(word string) bool { return word == k.Name || slices.Contains(k.Prefixes, word) }
		if taken(other.Name) || slices.ContainsFunc(other.Prefixes, taken) {
			return fmt.Errorf("kind %q: its name or a prefix is taken by %s", k.Name, other.Name)
		}
	}
	registered = append(slices.Clip(registered), k)
	return nil
}

// All lists the kinds.
func All() []Kind {
	registering.RLock()
	defer registering.RUnlock()
	return registered
}

// Named finds a kind by the metadata's word; ok is false for unknown ones, of
// which only the name is known.
func Named(name string) (k Kind, ok bool) {
	for _, k := range All() {
		if k.Name == name {
			return k, true
		}
	}
	return Kind{Name: name}, false
}

// OfPrefix finds a kind by the prefix of a command or a document's word: pg is
// postgres.
func OfPrefix(word string) (k Kind, ok bool) {
	for _, k := range All() {
		if slices.Contains(k.Prefixes, word) {
			return k, true
		}
	}
	return Kind{Name: word}, false
}

// IsDefaultSchema reports whether some kind leaves a schema out of names.
func IsDefaultSchema(schema string) bool {
	return schema == "" || slices.ContainsFunc(All(), func(k Kind) bool { return k.DefaultSchema == schema })
}
