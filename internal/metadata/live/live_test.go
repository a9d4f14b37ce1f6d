package live_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"go.uber.org/goleak"

	"dovetail/internal/jsonshape"
	"dovetail/internal/metadata/catalog"
	"dovetail/internal/metadata/document"
	"dovetail/internal/metadata/live"
	"dovetail/internal/metadata/store"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/internal/testwait"
	"dovetail/sources"
)

// world holds what the test's sources do.
type world struct {
	opened, closed, introspected atomic.Int32
	down                         atomic.Bool
	// slow lets introspection hang until the context ends.
	slow atomic.Bool
}

var errDown = errors.New("nobody is there")

type fake struct {
	world *world
	done  atomic.Bool
}

func (f *fake) Capabilities() plan.Capabilities { return plan.Capabilities{} }

func (f *fake) Extras() sources.Extras { return sources.Extras{} }

func (f *fake) Quote(name string) string { return name }

func (f *fake) Compile(*plan.Fragment) (plan.Statement, error) {
	return nil, sources.NotSupported("no")
}

func (f *fake) Run(context.Context, plan.Statement, *plan.Arguments, plan.Bindings, *jsonshape.Answer) error {
	return sources.NotSupported("no")
}

func (f *fake) Close() error {
	f.done.Store(true)
	f.world.closed.Add(1)
	return nil
}

func (f *fake) RunSQL(context.Context, string, bool) (*sources.SQLResult, error) {
	return &sources.SQLResult{Tuples: true, Rows: [][]string{{"v", "c"}, {"red", ""}}}, nil
}

type fakeDatabase struct{ fake }

func (f *fakeDatabase) Extras() sources.Extras { return sources.Extras{SQL: f} }

func (f *fakeDatabase) Introspect(ctx context.Context) (*sources.Database, error) {
	f.world.introspected.Add(1)
	if f.world.slow.Load() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if f.world.down.Load() {
		return nil, errDown
	}
	text := plan.Type{Schema: "pg_catalog", Name: "text", Scalar: "String", Class: plan.ClassText}
	return &sources.Database{Tables: []*sources.Table{{
		Schema: "public", Name: "t", Kind: sources.KindTable,
		Columns:    []*sources.Column{{Name: "v", Type: text}},
		PrimaryKey: &sources.Key{Name: "t_pkey", Columns: []string{"v"}},
	}}}, nil
}

type fakeRemote struct{ fake }

func (f *fakeRemote) Introspect(context.Context) ([]byte, error) {
	if f.world.down.Load() {
		return nil, errDown
	}
	return []byte(`{"sdl":"type Query { a: Int }"}`), nil
}

func (f *fakeRemote) UseIntrospection([]byte) (*ast.Schema, error) {
	return gqlparser.LoadSchema(&ast.Source{Input: "type Query { a: Int }"})
}

func (w *world) factories() live.Factories {
	return live.Factories{
		OpenDatabase: func(context.Context, string, string, orderedjson.Value) (sources.Source, error) {
			w.opened.Add(1)
			return &fakeDatabase{fake{world: w}}, nil
		},
		OpenRemote: func(context.Context, *document.RemoteSchema) (live.Remote, error) {
			w.opened.Add(1)
			return &fakeRemote{fake{world: w}}, nil
		},
		Customize: func(*document.RemoteSchema, *ast.Schema) (catalog.RemoteCustomization, error) {
			return catalog.RemoteCustomization{}, nil
		},
		Permission: func(*document.RemoteSchemaPermission, *ast.Schema) (*catalog.RemotePermission, error) {
			return nil, errDown
		},
	}
}

func parse(t *testing.T, text string) *document.Metadata {
	t.Helper()
	m, _, err := document.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const (
	oneSource = `{"version":3,"sources":[{"name":"a","kind":"postgres","tables":[{"table":"t","is_enum":true}],` +
		`"configuration":{"connection_info":{"database_url":"x"}}}]}`
	otherURL = `{"version":3,"sources":[{"name":"a","kind":"postgres","tables":[{"table":"t"}],` +
		`"configuration":{"connection_info":{"database_url":"y"}}}]}`
	oneRemote = `{"version":3,"sources":[],"remote_schemas":[{"name":"r","definition":{"url":"http://localhost"}}]}`
)

func openStore(t *testing.T, path string) store.Store {
	t.Helper()
	s, err := store.OpenSQLite(t.Context(), path)
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

func open(t *testing.T, w *world, s store.Store, poll time.Duration) *live.Metadata {
	t.Helper()
	e, err := live.Open(t.Context(), live.Config{
		Store: s, Factories: w.factories(), Logger: slog.New(slog.DiscardHandler), Timeout: 5 * time.Second, PollInterval: poll,
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func apply(t *testing.T, e *live.Metadata, text string, reload live.Reload) error {
	t.Helper()
	tx := e.Begin()
	defer tx.Close(t.Context())
	for {
		err := tx.Apply(t.Context(), parse(t, text), reload, nil)
		if err == nil {
			err = tx.Commit(t.Context())
		}
		if !errors.Is(err, live.ErrConflict) {
			return err
		}
		if err := tx.StartOver(t.Context()); err != nil {
			return err
		}
	}
}

func mustApply(t *testing.T, e *live.Metadata, text string, reload live.Reload) {
	t.Helper()
	if err := apply(t, e, text, reload); err != nil {
		t.Fatal(err)
	}
}

func TestSourcesAreReusedAndClosedWithTheirLastUser(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	w := &world{}
	e := open(t, w, openStore(t, filepath.Join(t.TempDir(), "m.db")), 0)
	mustApply(t, e, oneSource, live.Reload{})
	state, release := e.Acquire()
	source, ok := state.Source("a")
	if !ok {
		t.Fatal("the source is missing")
	}
	table, ok := state.Catalog.Sources[0].Table(catalog.TableName{Schema: "public", Name: "t"})
	if !ok || len(table.EnumValues) != 1 || table.EnumValues[0].Value != "red" {
		t.Errorf("enum table: %+v", table)
	}
	mustApply(t, e, oneSource, live.Reload{})
	if w.opened.Load() != 1 || w.introspected.Load() != 1 {
		t.Errorf("an unchanged source was opened %d times, introspected %d times", w.opened.Load(), w.introspected.Load())
	}
	mustApply(t, e, oneSource, live.Reload{Again: map[string]bool{"a": true}})
	if w.opened.Load() != 1 || w.introspected.Load() != 2 {
		t.Errorf("reading again: opened %d times, introspected %d times", w.opened.Load(), w.introspected.Load())
	}
	mustApply(t, e, otherURL, live.Reload{})
	if w.opened.Load() != 2 || w.closed.Load() != 0 {
		t.Errorf("opened %d, closed %d while a request holds the old one", w.opened.Load(), w.closed.Load())
	}
	if source.(*fakeDatabase).done.Load() {
		t.Error("closed under a request")
	}
	release()
	release() // only counts once
	if w.closed.Load() != 1 {
		t.Errorf("closed %d after the last request", w.closed.Load())
	}
	e.Close()
	if w.closed.Load() != 2 {
		t.Errorf("closed %d after all", w.closed.Load())
	}
}

func TestDiscardedChangesLeaveNothing(t *testing.T) {
	w := &world{}
	s := openStore(t, filepath.Join(t.TempDir(), "m.db"))
	e := open(t, w, s, 0)
	defer e.Close()
	tx := e.Begin()
	if err := tx.Apply(t.Context(), parse(t, oneSource), live.Reload{}, nil); err != nil {
		t.Fatal(err)
	}
	if _, ok := tx.State().Source("a"); !ok {
		t.Error("the transaction doesn't see its own change")
	}
	refuse := errors.New("no")
	if err := tx.Apply(t.Context(), parse(t, otherURL), live.Reload{}, func(_, _ *live.State) error { return refuse }); !errors.Is(err, refuse) {
		t.Errorf("judge: %v", err)
	}
	tx.Close(t.Context())
	if w.opened.Load() != 2 || w.closed.Load() != 2 {
		t.Errorf("opened %d, closed %d", w.opened.Load(), w.closed.Load())
	}
	state, release := e.Acquire()
	defer release()
	if len(state.Metadata.Sources) != 0 || state.ResourceVersion != 1 {
		t.Errorf("state after a discarded change: version %d, %s", state.ResourceVersion, state.Metadata.Marshal())
	}
}

func TestWritersOfTwoEngines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.db")
	first := open(t, &world{}, openStore(t, path), 0)
	defer first.Close()
	second := open(t, &world{}, openStore(t, path), 10*time.Millisecond)
	defer second.Close()
	var group sync.WaitGroup
	var done atomic.Int32
	for _, e := range []*live.Metadata{first, second, first, second} {
		group.Go(func() {
			for range 10 {
				if err := apply(t, e, oneSource, live.Reload{}); err != nil {
					t.Error(err)
				}
				done.Add(1)
			}
		})
	}
	group.Wait()
	mustApply(t, first, otherURL, live.Reload{})
	version := int64(done.Load()) + 2
	testwait.Eventually(t, "the second engine has the last version", func() bool {
		state, release := second.Acquire()
		defer release()
		return state.ResourceVersion == version && state.Metadata.Sources[0].Configuration.String() == `{"connection_info":{"database_url":"y"}}`
	})
}

func TestRemoteSchemaServesItsLastIntrospection(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.db")
	w := &world{}
	e := open(t, w, openStore(t, path), 0)
	mustApply(t, e, oneRemote, live.Reload{})
	e.Close()

	w.down.Store(true)
	e = open(t, w, openStore(t, path), 0)
	defer e.Close()
	state, release := e.Acquire()
	if _, ok := state.Source(live.RemotePrefix + "r"); !ok || len(state.Faulty()) != 1 || !state.Faulty()[0].Served || len(state.Catalog.RemoteSchemas) != 1 {
		t.Errorf("not served: %+v", state.Catalog.Inconsistencies)
	}
	if f := state.Faults()[live.RemotePrefix+"r"]; !f.Stale || !errors.Is(f.Err, errDown) {
		t.Errorf("fault: %+v", f)
	}
	release()

	w.down.Store(false)
	testwait.Eventually(t, "it is tried again", func() bool {
		state, release := e.Acquire()
		defer release()
		return len(state.Faults()) == 0
	})
}

func TestUnreachableSourceIsInconsistent(t *testing.T) {
	w := &world{}
	w.down.Store(true)
	e := open(t, w, openStore(t, filepath.Join(t.TempDir(), "m.db")), 0)
	defer e.Close()
	mustApply(t, e, oneSource, live.Reload{})
	state, release := e.Acquire()
	defer release()
	if state.Consistent() || state.Catalog.Inconsistencies[0].Type != catalog.ObjectSource {
		t.Errorf("inconsistencies: %+v", state.Catalog.Inconsistencies)
	}
}

func TestApplyEndsWithItsContext(t *testing.T) {
	w := &world{}
	w.slow.Store(true)
	e := open(t, w, openStore(t, filepath.Join(t.TempDir(), "m.db")), 0)
	defer e.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	tx := e.Begin()
	defer tx.Close(t.Context())
	if err := tx.Apply(ctx, parse(t, oneSource), live.Reload{}, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// TestFollowersReadOnlyWhatChanged: a change of the document alone makes others
// read no database, one that read a database makes them read that one.
func TestFollowersReadOnlyWhatChanged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.db")
	first := open(t, &world{}, openStore(t, path), 0)
	defer first.Close()
	w := &world{}
	second := open(t, w, openStore(t, path), 0)
	defer second.Close()
	const more = `,"query_collections":[{"name":"c","definition":{"queries":[]}}]}`
	for _, step := range []struct {
		text         string
		reload       live.Reload
		opened, read int32
	}{
		{oneSource, live.Reload{}, 1, 1},
		{oneSource[:len(oneSource)-1] + more, live.Reload{}, 1, 1},
		{oneSource, live.Reload{Again: map[string]bool{"a": true}}, 1, 2},
		{oneSource, live.Reload{Sources: map[string]bool{"a": true}}, 2, 3},
		{otherURL, live.Reload{}, 3, 4},
	} {
		mustApply(t, first, step.text, step.reload)
		second.CatchUp(t.Context())
		if w.opened.Load() != step.opened || w.introspected.Load() != step.read {
			t.Errorf("%+v: opened %d, read %d; want %d, %d", step.reload, w.opened.Load(), w.introspected.Load(), step.opened, step.read)
		}
	}
}
