package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/metadata/document"
	"dovetail/internal/metadata/store"
	"dovetail/internal/safe"
	"dovetail/sources"
)

// Config is what an engine is made of.
type Config struct {
	Store     store.Store
	Factories Factories
	Settings  catalog.Settings
	Logger    *slog.Logger
	// Timeout bounds connecting to a source and introspecting it.
	Timeout time.Duration
	// PollInterval is how often the store is asked whether another process has
	// changed the metadata (0: never).
	PollInterval time.Duration
	// Initial is the metadata of a store that has none yet; nil: empty.
	Initial *document.Metadata
}

// Metadata holds the current state.
type Metadata struct {
	store     store.Store
	factories Factories
	settings  catalog.Settings
	logger    *slog.Logger
	timeout   time.Duration
	poll      time.Duration

	current  atomic.Pointer[State]
	versions atomic.Uint64
	// writer is held by whoever puts another state into the place of the current
	// one, and never while a source is asked for anything.
	writer mutex
	// follower is held by whoever takes over what other processes have saved.
	follower mutex
	// rereader is held by whoever reads changed databases anew; rereadAt is when each
	// was, and belongs to the rereader.
	rereader mutex
	rereadAt map[string]time.Time
	// stored is the last document that was taken over from others; it belongs to
	// the follower.
	stored *document.Stored

	ending     context.CancelFunc
	background sync.WaitGroup
}

const (
	defaultTimeout = 30 * time.Second
	// largeDocument is the size of a document whose reading shows in the process's
	// memory.
	largeDocument = 4 << 20
	// maxParallel bounds how many sources are introspected at once.
	maxParallel = 16
)

// Open loads the metadata and connects to its sources. What can't be reached is
// an inconsistency, and tried again in the background.
func Open(ctx context.Context, c Config) (*Metadata, error) {
	e := &Metadata{
		store: c.Store, factories: c.Factories, settings: c.Settings, logger: c.Logger,
		timeout: c.Timeout, poll: c.PollInterval, writer: newMutex(), follower: newMutex(), rereader: newMutex(), rereadAt: map[string]time.Time{},
	}
	if e.timeout <= 0 {
		e.timeout = defaultTimeout
	}
	snapshot, err := e.store.Load(ctx, 0)
	if err != nil {
		return nil, err
	}
	metadata := c.Initial
	if metadata == nil {
		metadata = &document.Metadata{}
	}
	if snapshot.Document == nil {
		if snapshot.ResourceVersion, err = e.store.Save(ctx, metadata.Marshal(), Reload{}.note(), 0); errors.Is(err, store.ErrConflict) {
			// Another engine that starts at the same time was quicker.
			snapshot, err = e.store.Load(ctx, 0)
		}
		if err != nil {
			return nil, err
		}
	}
	if snapshot.Document != nil {
		if metadata, err = e.parse(ctx, snapshot.Document); err != nil {
			return nil, err
		}
	}
	state, err := e.build(ctx, metadata, snapshot.ResourceVersion, nil, Reload{}, nil)
	if err != nil {
		return nil, err
	}
	e.current.Store(state)
	e.remember(ctx, state)
	e.warn(ctx, state)
	e.maintain(context.WithoutCancel(ctx))
	if len(snapshot.Document) > largeDocument {
		// Reading it took several times the memory that is kept of it.
		e.background.Go(debug.FreeOSMemory)
	}
	return e, nil
}

// parse reads a stored document. The caller is the only one that follows.
func (e *Metadata) parse(ctx context.Context, text []byte) (*document.Metadata, error) {
	stored, unknown, err := document.ParseAgain(text, e.stored)
	if err != nil {
		return nil, fmt.Errorf("the stored metadata: %w", err)
	}
	e.stored = stored
	for _, u := range unknown {
		e.logger.WarnContext(ctx, "metadata", "detail", map[string]any{"message": u.String()})
	}
	return stored.Metadata(), nil
}

// Acquire gives the current state, and what to call when done with it.
func (e *Metadata) Acquire() (*State, func()) {
	for {
		if s := e.current.Load(); s.hold() {
			return s, sync.OnceFunc(s.release)
		}
	}
}

// Ping reports whether the metadata store can be reached.
func (e *Metadata) Ping(ctx context.Context) error {
	_, err := e.store.Get(ctx, store.KeyResourceVersion)
	return err
}

// Store is where the metadata is kept.
func (e *Metadata) Store() store.Store { return e.store }

// Close ends the background work and the connections that no request uses.
func (e *Metadata) Close() {
	e.ending()
	e.background.Wait()
	e.current.Load().release()
}

// Reload says what to read anew, beyond what a changed document demands.
type Reload struct {
	// AllSources and Sources are connected to anew.
	AllSources bool
	Sources    map[string]bool
	// Again are introspected anew over the connections they have.
	Again map[string]bool
	// Contents are databases' contents that have just been read.
	Contents map[string]*sources.Database

	AllRemotes bool
	Remotes    map[string]bool
}

func (r Reload) source(name string) bool { return r.AllSources || r.Sources[name] }
func (r Reload) remote(name string) bool { return r.AllRemotes || r.Remotes[name] }

// build makes a state of a document. What the base state already knows is
// used again, and what the reader has read before. The caller holds the new state.
func (e *Metadata) build(
	ctx context.Context, metadata *document.Metadata, version int64, base *State, reload Reload, r *reader,
) (*State, error) {
	r = r.orNew()
	state := &State{Metadata: metadata, ResourceVersion: version, parts: map[string]*part{}}
	state.users.Store(1)
	var old map[string]*part
	var earlier *catalog.Catalog
	if base != nil {
		old, earlier = base.parts, base.Catalog
		metadata.Share(base.Metadata)
		state.earlier.Store(base.encoded.Load())
	}
	var mutex sync.Mutex
	add := func(name string, p *part) {
		mutex.Lock()
		defer mutex.Unlock()
		p.connection.retain()
		state.parts[name] = p
	}
	group := errgroup.Group{}
	group.SetLimit(maxParallel)
	for _, s := range metadata.Sources {
		group.Go(func() error {
			add(s.Name, recovered(func() *part { return e.buildDatabase(ctx, s, old[s.Name], reload, r) }))
			return nil
		})
	}
	for _, schema := range metadata.RemoteSchemas {
		name := RemotePrefix + schema.Name
		group.Go(func() error {
			add(name, recovered(func() *part { return e.buildRemote(ctx, schema, old[name], base == nil, reload, r) }))
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		state.release()
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		state.release()
		return nil, fmt.Errorf("applying the metadata: %w", err)
	}
	state.Catalog = e.catalog(state, earlier)
	return state, nil
}

// recovered makes a source's panic its fault: the rest is served.
func recovered(build func() *part) (p *part) {
	if err := safe.Do(func() error { p = build(); return nil }); err != nil {
		return &part{fault: err}
	}
	return p
}

// publish makes a state the current one. The caller holds the writer's lock and
// its hold on the state passes on.
func (e *Metadata) publish(ctx context.Context, s *State) {
	old := e.current.Swap(s)
	old.release()
	e.remember(ctx, s)
}

// warn logs what of the metadata is kept but not served.
func (e *Metadata) warn(ctx context.Context, s *State) {
	for _, w := range Unserved(s.Metadata) {
		e.logger.WarnContext(ctx, "metadata", "detail", map[string]any{"message": w})
	}
	for _, i := range s.Catalog.Inconsistencies {
		e.logger.WarnContext(ctx, "metadata", "detail", map[string]any{
			"message": "inconsistent object", "type": i.Type, "name": i.Name, "reason": i.Reason,
		})
	}
	for name, f := range s.Faults() {
		if f.Stale {
			e.logger.WarnContext(ctx, "remote-schema", "detail", map[string]any{
				"remote_schema": name, "message": "serving the cached introspection", "error": f.Err.Error(),
			})
		}
	}
}
