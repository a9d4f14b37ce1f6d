package live

import (
	"sync"
	"sync/atomic"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/metadata/document"
	"dovetail/sources"
)

// RemotePrefix stands before the names of remote schemas where they share a name
// space with databases.
const RemotePrefix = "remote_schema:"

// State is everything that requests are served from at one time. It does not
// change.
type State struct {
	Metadata        *document.Metadata
	ResourceVersion int64
	Catalog         *catalog.Catalog
	// derived is what others make of the state (Derived).
	derived sync.Map

	// encoded is the metadata's text, once it was asked for, and earlier that of the
	// state that this one was made from, until then.
	encoded, earlier atomic.Pointer[document.Encoded]

	parts map[string]*part
	// users counts who holds the state; its connections are given up with the
	// last one.
	users atomic.Int64
}

// Text is the metadata as it is stored and exported.
func (s *State) Text() []byte {
	e := s.encoded.Load()
	if e == nil {
		e = s.Metadata.Encode(s.earlier.Load())
		s.encoded.Store(e)
		s.earlier.Store(nil)
	}
	return e.Text()
}

// Source finds a source by the name that fragments have: a database's own name,
// or a remote schema's with RemotePrefix.
func (s *State) Source(name string) (sources.Source, bool) {
	p, ok := s.parts[name]
	if !ok || p.connection == nil {
		return nil, false
	}
	return p.connection.source, true
}

// Database finds a database by its name, with what it contains.
func (s *State) Database(name string) (sources.SQLDatabase, *sources.Database, bool) {
	p, ok := s.parts[name]
	if !ok || p.connection == nil || p.database == nil {
		return nil, nil, false
	}
	database := p.connection.source.Extras().SQL
	return database, p.database, database != nil
}

// Introspection is a remote schema's answer to the introspection query.
func (s *State) Introspection(name string) ([]byte, bool) {
	p, ok := s.parts[RemotePrefix+name]
	if !ok || p.introspection == nil {
		return nil, false
	}
	return p.introspection, true
}

// Consistent tells whether all of the metadata is served.
func (s *State) Consistent() bool { return len(s.Faulty()) == 0 }

// Faulty lists the inconsistent objects, without those entries that only inform.
func (s *State) Faulty() []catalog.Inconsistency {
	var out []catalog.Inconsistency
	for _, i := range s.Catalog.Inconsistencies {
		if !i.Informational() {
			out = append(out, i)
		}
	}
	return out
}

// Fault is a source that can't be reached, or a remote schema that is served by
// what it last said about itself.
type Fault struct {
	Source string
	Err    error
	// Stale: it is served all the same.
	Stale bool
}

// Faults lists what is wrong with the sources, by name.
func (s *State) Faults() map[string]Fault {
	out := make(map[string]Fault)
	for name, p := range s.parts {
		if p.fault != nil {
			out[name] = Fault{Source: name, Err: p.fault, Stale: p.stale}
		}
	}
	return out
}

// Sources lists the names of all sources.
func (s *State) Sources() []string {
	out := make([]string, 0, len(s.parts))
	for name := range s.parts {
		out = append(out, name)
	}
	return out
}

// hold takes part in the state unless everybody has left it.
func (s *State) hold() bool {
	for {
		n := s.users.Load()
		if n == 0 {
			return false
		}
		if s.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// release leaves the state; the last one gives up its connections.
func (s *State) release() {
	if s.users.Add(-1) > 0 {
		return
	}
	for _, p := range s.parts {
		p.connection.release()
	}
}
