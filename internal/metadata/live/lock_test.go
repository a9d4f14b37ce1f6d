package live_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"dovetail/internal/metadata/live"
	"dovetail/internal/testwait"
)

// lockBound is how long a change may wait for others while a source hangs.
const lockBound = 100 * time.Millisecond

// change applies a document and fails if that takes longer than a change that
// waits for nobody.
func change(t *testing.T, e *live.Metadata, text string) {
	t.Helper()
	start := time.Now()
	mustApply(t, e, text, live.Reload{})
	if took := time.Since(start); took > lockBound {
		t.Errorf("the change took %v", took)
	}
}

const emptyCollection = `,"query_collections":[{"name":"c","definition":{"queries":[]}}]}`

// TestAHangingSourceDelaysNobody: while a source doesn't answer, others change the
// metadata, whoever it is that waits for the source.
func TestAHangingSourceDelaysNobody(t *testing.T) {
	introspects := func(t *testing.T, w *world, more int32) {
		t.Helper()
		before := w.introspected.Load()
		testwait.Eventually(t, "the source is introspected", func() bool { return w.introspected.Load() >= before+more })
	}
	t.Run("command", func(t *testing.T) {
		w := &world{}
		e := open(t, w, openStore(t, filepath.Join(t.TempDir(), "m.db")), 0)
		defer e.Close()
		w.slow.Store(true)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			tx := e.Begin()
			defer tx.Close(ctx)
			if err := tx.Lock(ctx); err != nil {
				t.Error(err)
			}
			ended <- tx.Apply(ctx, parse(t, oneSource), live.Reload{}, nil)
		}()
		introspects(t, w, 1)
		change(t, e, oneRemote)
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the hanging command: %v", err)
		}
	})
	t.Run("retry", func(t *testing.T) {
		w := &world{}
		w.down.Store(true)
		e := open(t, w, openStore(t, filepath.Join(t.TempDir(), "m.db")), 0)
		defer e.Close()
		mustApply(t, e, oneSource, live.Reload{})
		w.slow.Store(true)
		introspects(t, w, 1)
		change(t, e, oneSource[:len(oneSource)-1]+emptyCollection)
	})
	t.Run("following", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "m.db")
		w := &world{}
		w.slow.Store(true)
		follower := open(t, w, openStore(t, path), 10*time.Millisecond)
		defer follower.Close()
		other := open(t, &world{}, openStore(t, path), 0)
		defer other.Close()
		mustApply(t, other, oneSource, live.Reload{})
		introspects(t, w, 1)
		tx := follower.Begin()
		defer tx.Close(t.Context())
		start := time.Now()
		err := tx.Apply(t.Context(), parse(t, oneRemote), live.Reload{}, nil)
		if err == nil {
			err = tx.Commit(t.Context())
		}
		// The other's change is stored already.
		if !errors.Is(err, live.ErrConflict) || time.Since(start) > lockBound {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
	t.Run("rereading", func(t *testing.T) {
		w := &world{}
		e := open(t, w, openStore(t, filepath.Join(t.TempDir(), "m.db")), 0)
		defer e.Close()
		mustApply(t, e, oneSource, live.Reload{})
		w.slow.Store(true)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			tx := e.Begin()
			tx.Touch("a")
			tx.Close(t.Context())
		}()
		introspects(t, w, 1)
		w.slow.Store(false) // for whoever comes next
		start := time.Now()
		tx := e.Begin()
		defer tx.Close(t.Context())
		if err := tx.Apply(t.Context(), parse(t, oneRemote), live.Reload{}, nil); err != nil || time.Since(start) > lockBound {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		<-ended
	})
}

// TestStartingOverReadsNothingTwice: a change that was overtaken is made again from
// what it has read, unless somebody has read that later.
func TestStartingOverReadsNothingTwice(t *testing.T) {
	w := &world{}
	e := open(t, w, openStore(t, filepath.Join(t.TempDir(), "m.db")), 0)
	defer e.Close()
	again := live.Reload{Again: map[string]bool{"a": true}}
	for _, step := range []struct {
		name      string
		meanwhile live.Reload
		read      int32
	}{
		{"the document has changed", live.Reload{}, 2},
		{"the source has been read", again, 3},
	} {
		mustApply(t, e, oneSource, live.Reload{})
		before := w.introspected.Load()
		tx := e.Begin()
		for range 2 { // each reads the source
			if err := tx.Apply(t.Context(), parse(t, oneSource), again, nil); err != nil {
				t.Fatal(err)
			}
		}
		mustApply(t, e, oneSource[:len(oneSource)-1]+emptyCollection, step.meanwhile)
		if err := tx.Commit(t.Context()); !errors.Is(err, live.ErrConflict) {
			t.Fatalf("%s: %v", step.name, err)
		}
		if err := tx.StartOver(t.Context()); err != nil {
			t.Fatal(err)
		}
		newest, _ := tx.State().Metadata.Source("a")
		for range 2 {
			if err := tx.Apply(t.Context(), parse(t, oneSource), again, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := tx.Commit(t.Context()); err != nil {
			t.Errorf("%s: %v", step.name, err)
		}
		tx.Close(t.Context())
		if read := w.introspected.Load() - before; read != step.read {
			t.Errorf("%s: introspected %d times, want %d", step.name, read, step.read)
		}
		if newest == nil {
			t.Errorf("%s: started over without the source", step.name)
		}
	}
	if w.opened.Load() != 1 || w.closed.Load() != 0 {
		t.Errorf("opened %d, closed %d", w.opened.Load(), w.closed.Load())
	}
}

// TestWhatWasReadIsClosedWithTheTransaction: connections of a change that is given
// up, also after starting over, don't stay open.
func TestWhatWasReadIsClosedWithTheTransaction(t *testing.T) {
	w := &world{}
	e := open(t, w, openStore(t, filepath.Join(t.TempDir(), "m.db")), 0)
	defer e.Close()
	tx := e.Begin()
	if err := tx.Apply(t.Context(), parse(t, oneSource), live.Reload{}, nil); err != nil {
		t.Fatal(err)
	}
	mustApply(t, e, oneRemote, live.Reload{})
	if err := tx.Commit(t.Context()); !errors.Is(err, live.ErrConflict) {
		t.Fatal(err)
	}
	if err := tx.StartOver(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := tx.Apply(t.Context(), parse(t, otherURL), live.Reload{}, nil); err != nil {
		t.Fatal(err)
	}
	tx.Close(t.Context())
	if w.opened.Load() != 3 || w.closed.Load() != 2 {
		t.Errorf("opened %d, closed %d; want 3 and 2", w.opened.Load(), w.closed.Load())
	}
}
