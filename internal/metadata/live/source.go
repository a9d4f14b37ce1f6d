package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync/atomic"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/metadata/document"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/sources"
)

// Remote is a GraphQL service that can tell about itself.
type Remote interface {
	sources.Source
	// Introspect asks for the service's schema: the answer to the introspection
	// query, as received.
	Introspect(ctx context.Context) ([]byte, error)
	// UseIntrospection reads such an answer and compiles by it from now on.
	UseIntrospection(answer []byte) (*ast.Schema, error)
}

// Factories make the sources that metadata names, and what only their packages
// know how to make.
type Factories struct {
	// OpenDatabase connects to a database of some kind.
	OpenDatabase func(ctx context.Context, kind, name string, configuration orderedjson.Value) (sources.Source, error)
	// ParseType gives the reader of type names of a kind of database; nil keeps
	// names as they are.
	ParseType func(kind string) func(name string) plan.Type
	// OpenRemote prepares a GraphQL service; it needs no connection.
	OpenRemote func(ctx context.Context, schema *document.RemoteSchema) (Remote, error)
	// Customize works out which names of a service change.
	Customize func(schema *document.RemoteSchema, upstream *ast.Schema) (catalog.RemoteCustomization, error)
	// Permission reads a role's view of a service.
	Permission func(permission *document.RemoteSchemaPermission, upstream *ast.Schema) (*catalog.RemotePermission, error)
	// TypeClashes finds the types of remote schemas that differ from those of
	// sources; nil: none are looked for.
	TypeClashes func(c *catalog.Catalog) []TypeClash
	// CheckQueries finds the queries of collections that a catalog can't answer;
	// nil: none are checked.
	CheckQueries func(c *catalog.Catalog, metadata *document.Metadata) []catalog.Inconsistency
	// Decorate wraps every source that serves requests; nil leaves them as they are.
	Decorate func(s sources.Source) sources.Source
}

// decorated is a source as requests are to see it.
func (f *Factories) decorated(s sources.Source) sources.Source {
	if f.Decorate == nil {
		return s
	}
	return f.Decorate(s)
}

// TypeClash is a type that a remote schema (or what a role sees of it, if one is
// named) can't have beside those of sources.
type TypeClash struct {
	Remote, Role string
	Cause        error
}

// connection is an open source that states share.
type connection struct {
	source sources.Source
	name   string
	logger *slog.Logger
	users  atomic.Int64
}

func (c *connection) retain() {
	if c != nil {
		c.users.Add(1)
	}
}

func (c *connection) release() {
	if c == nil || c.users.Add(-1) > 0 {
		return
	}
	if err := c.source.Close(); err != nil {
		//nolint:sloglint // whoever was last closes it; it belongs to no request
		c.logger.Warn("source", "detail", map[string]any{"source": c.name, "message": "closing failed", "error": err.Error()})
	}
}

// part is one source of a state: its connection and what is known of its
// contents. It does not change.
type part struct {
	// configuration is the text of what the connection depends on.
	configuration string
	// connection is nil when it could not be made.
	connection *connection
	version    uint64
	// read is later than that of parts whose reading began before the source was as
	// this part knows it; checked: its contents are those of a transaction in the
	// database, which ends when the part is published.
	read    uint64
	checked bool
	// fault is why the source can't be served, or with stale, why its contents
	// may be out of date.
	fault error
	stale bool

	database *sources.Database
	enums    map[catalog.TableName][]catalog.EnumValue
	// enumFaults are tables whose values could not be read.
	enumFaults map[catalog.TableName]error

	introspection []byte
	schema        *ast.Schema
	// fresh: the introspection has just been read and is to be kept.
	fresh bool
}

// openDatabase connects to a source's database.
func (e *Metadata) openDatabase(ctx context.Context, s *document.Source) (*connection, error) {
	source, err := e.factories.OpenDatabase(ctx, s.Kind, s.Name, s.Configuration)
	if err != nil {
		return nil, err
	}
	return &connection{source: e.factories.decorated(source), name: s.Name, logger: e.logger}, nil
}

// buildDatabase makes the part of a source. old is what the base state has of
// it, if anything.
func (e *Metadata) buildDatabase(ctx context.Context, s *document.Source, old *part, reload Reload, r *reader) *part {
	configuration := s.Kind + " " + s.Configuration.String()
	reusable := old != nil && old.configuration == configuration
	if !reusable {
		old = nil
	}
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	switch contents := reload.Contents[s.Name]; {
	case reusable && contents != nil && old.connection != nil && !reload.source(s.Name):
		now := e.versions.Add(1)
		p := &part{configuration: configuration, version: now, read: now, checked: true, connection: old.connection, database: contents}
		if old.database != nil {
			contents.Share(old.database)
			p.keepEnums(s, old)
		}
		return p
	case reusable && !reload.source(s.Name) && contents == nil && !reload.Again[s.Name]:
		return e.withEnums(ctx, s, old, r)
	}
	p := r.read(s.Name, configuration, old, func() *part {
		return e.readDatabase(ctx, s, configuration, old, reload.source(s.Name))
	})
	return e.withEnums(ctx, s, p, r)
}

// readDatabase introspects a database, over the connection that there is unless a
// new one is wanted.
func (e *Metadata) readDatabase(ctx context.Context, s *document.Source, configuration string, old *part, connect bool) *part {
	now := e.versions.Add(1)
	p := &part{configuration: configuration, version: now, read: now}
	if old != nil && old.connection != nil && !connect {
		p.connection = old.connection
	} else if p.connection, p.fault = e.openDatabase(ctx, s); p.fault != nil {
		return p
	}
	database := p.connection.source.Extras().SQL
	if database == nil {
		p.fault = fmt.Errorf("source %q can't be introspected", s.Name)
		return p
	}
	if p.database, p.fault = database.Introspect(ctx); p.fault != nil {
		p.database = nil
		return p
	}
	if old != nil && old.database != nil {
		p.database.Share(old.database)
	}
	return p
}

// withEnums adds the values of the enum tables that the part does not know yet, to
// a copy of it.
func (e *Metadata) withEnums(ctx context.Context, s *document.Source, p *part, r *reader) *part {
	if p.database == nil {
		return p
	}
	database := p.connection.source.Extras().SQL
	if database == nil {
		return p
	}
	isNew := false
	for _, t := range s.Tables {
		if !t.IsEnum {
			continue
		}
		name := catalog.TableName(t.Name)
		if _, known := p.enums[name]; known {
			continue
		}
		if !isNew {
			p, isNew = p.copyForEnums(), true
		}
		values, err := r.enum(p.read, s.Name, name, func() ([]catalog.EnumValue, error) {
			return enumValues(ctx, database, findTable(p.database, t.Name))
		})
		if err != nil {
			p.enumFaults[name] = err
			continue
		}
		p.enums[name] = values
	}
	return p
}

// keepEnums takes the values of enum tables from the part that a source had: those
// of a transaction that has not ended can't be read from outside of it. Tables that
// have another name now are found by their ids.
func (p *part) keepEnums(s *document.Source, old *part) {
	p.enums = make(map[catalog.TableName][]catalog.EnumValue, len(old.enums))
	for _, t := range s.Tables {
		now := findTable(p.database, t.Name)
		if !t.IsEnum || now == nil {
			continue
		}
		for _, before := range old.database.Tables {
			name := catalog.TableName{Schema: before.Schema, Name: before.Name}
			same := name == catalog.TableName(t.Name)
			if now.ObjectID != 0 {
				same = before.ObjectID == now.ObjectID
			}
			if values, ok := old.enums[name]; ok && same {
				p.enums[catalog.TableName(t.Name)] = values
			}
		}
	}
}

// copyForEnums copies the part; values that could not be read are read again.
func (p *part) copyForEnums() *part {
	out := *p
	out.enums = make(map[catalog.TableName][]catalog.EnumValue, len(p.enums)+1)
	maps.Copy(out.enums, p.enums)
	out.enumFaults = map[catalog.TableName]error{}
	return &out
}

func findTable(d *sources.Database, name document.TableName) *sources.Table {
	for _, t := range d.Tables {
		if t.Schema == name.Schema && t.Name == name.Name {
			return t
		}
	}
	return nil
}

// lastIntrospection is a remote schema's introspection as it is kept.
type lastIntrospection struct {
	Configuration string          `json:"configuration"`
	Introspection json.RawMessage `json:"introspection"`
}

func introspectionKey(name string) string { return "introspection of " + name }

var errNotKept = errors.New("nothing is known of it from before")

// recall gives what a remote schema last said about itself, if its
// configuration still is the same.
func (e *Metadata) recall(ctx context.Context, name, configuration string) ([]byte, error) {
	text, err := e.store.Get(ctx, introspectionKey(name))
	if err != nil {
		return nil, err
	}
	var last lastIntrospection
	if text == nil {
		return nil, errNotKept
	}
	if err := json.Unmarshal(text, &last); err != nil {
		return nil, fmt.Errorf("kept introspection: %w", err)
	}
	if last.Configuration != configuration {
		return nil, errNotKept
	}
	return last.Introspection, nil
}

// buildRemote makes the part of a remote schema.
func (e *Metadata) buildRemote(
	ctx context.Context, schema *document.RemoteSchema, old *part, atStart bool, reload Reload, r *reader,
) *part {
	configuration := schema.Definition.JSON().String()
	if old != nil && old.configuration != configuration {
		old = nil
	}
	if old != nil && !reload.remote(schema.Name) {
		return old
	}
	return r.read(RemotePrefix+schema.Name, configuration, old, func() *part {
		return e.readRemote(ctx, schema, configuration, old, atStart)
	})
}

// readRemote introspects a remote schema. old is what was known of it before.
func (e *Metadata) readRemote(ctx context.Context, r *document.RemoteSchema, configuration string, old *part, atStart bool) *part {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	now := e.versions.Add(1)
	p := &part{configuration: configuration, version: now, read: now}
	source, err := e.factories.OpenRemote(ctx, r)
	if err != nil {
		p.fault = err
		return p
	}
	p.connection = &connection{source: e.factories.decorated(source), name: RemotePrefix + r.Name, logger: e.logger}
	p.introspection, p.fault = source.Introspect(ctx)
	if p.fault == nil {
		p.schema, p.fault = source.UseIntrospection(p.introspection)
		p.fresh = p.fault == nil
		return p
	}
	// What it said before is better than nothing, unless this is the first time
	// that somebody asks for it: then they want to know.
	var before []byte
	switch {
	case old != nil && old.introspection != nil:
		before = old.introspection
	case atStart:
		if before, err = e.recall(ctx, r.Name, configuration); err != nil {
			p.fault = errors.Join(p.fault, err)
			return p
		}
	default:
		return p
	}
	if p.schema, err = source.UseIntrospection(before); err != nil {
		p.fault = errors.Join(p.fault, err)
		return p
	}
	p.introspection, p.stale = before, true
	return p
}

// remember keeps what the remote schemas of a state said about themselves.
func (e *Metadata) remember(ctx context.Context, s *State) {
	for _, r := range s.Metadata.RemoteSchemas {
		p := s.parts[RemotePrefix+r.Name]
		if p == nil || !p.fresh {
			continue
		}
		text, err := json.Marshal(lastIntrospection{Configuration: p.configuration, Introspection: p.introspection})
		if err == nil {
			err = e.store.Set(ctx, introspectionKey(r.Name), text)
		}
		if err != nil {
			e.logger.WarnContext(ctx, "remote-schema", "detail", map[string]any{
				"remote_schema": r.Name, "message": "its introspection could not be kept", "error": err.Error(),
			})
		}
	}
}
