package live

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"dovetail/internal/metadata/document"
	"dovetail/internal/metadata/store"
)

// Transaction is one request's changes to the metadata: seen by itself at once,
// by others all together at the end, or never. It reads sources without keeping
// others from their changes, and finds out at the end whether there were any. Its
// methods but Recall and Record are for one goroutine.
type Transaction struct {
	engine *Metadata
	// base is the state that the transaction started from, state the one that
	// its changes have made; both are held.
	base, state *State
	locked      bool
	changed     bool
	// reload is what the changes read anew, which others must do too.
	reload Reload
	// touched are databases whose contents have been changed by SQL, whatever
	// becomes of the transaction.
	touched map[string]bool
	reader  *reader

	mutex sync.Mutex
	// done is what was done that can't be taken back, by who did it.
	done map[string]any
}

// Begin starts a transaction. It must be closed.
func (e *Metadata) Begin() *Transaction {
	t := &Transaction{engine: e, touched: map[string]bool{}, done: map[string]any{}, reader: &reader{}}
	t.start()
	return t
}

// start takes the current state.
func (t *Transaction) start() {
	t.base, _ = t.engine.Acquire()
	t.base.hold()
	t.state = t.base
}

// State is what the transaction sees.
func (t *Transaction) State() *State { return t.state }

// ResourceVersion is the version of the metadata that the transaction started
// from.
func (t *Transaction) ResourceVersion() int64 { return t.base.ResourceVersion }

// Touch notes that SQL has changed a database.
func (t *Transaction) Touch(source string) { t.touched[source] = true }

// Recall gives what was recorded under a key before the transaction started over.
func (t *Transaction) Recall(key string) (any, bool) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	v, ok := t.done[key]
	return v, ok
}

// Record keeps the outcome of something that must not be done twice should the
// transaction start over.
func (t *Transaction) Record(key string, outcome any) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.done[key] = outcome
}

// Lock makes the transaction the only one that may change the metadata, until it
// has to read a source or ends. A transaction without changes moves to the newest
// state; for one with changes that are out of date it is a conflict.
func (t *Transaction) Lock(ctx context.Context) error {
	if t.locked {
		return nil
	}
	e := t.engine
	for {
		if err := e.lock(ctx); err != nil {
			return err
		}
		same, err := e.upToDate(ctx)
		if same && err == nil {
			break
		}
		e.unlock()
		if err == nil {
			err = e.followOnce(ctx)
		}
		if err != nil {
			return err
		}
	}
	t.locked = true
	switch {
	case e.current.Load() == t.base:
	case t.changed:
		return ErrConflict
	default:
		t.leave()
		t.start()
	}
	return nil
}

// Yield lets others change the metadata while the transaction waits for something.
func (t *Transaction) Yield() {
	if t.locked {
		t.locked = false
		t.engine.unlock()
	}
}

func (t *Transaction) leave() {
	t.state.release()
	t.base.release()
}

// Apply builds the state of a changed document, asks judge whether it will do,
// and makes it the transaction's own if it does. The document must not be
// changed afterwards.
func (t *Transaction) Apply(ctx context.Context, metadata *document.Metadata, reload Reload, judge func(before, after *State) error) error {
	t.reader.before = sync.OnceFunc(t.Yield)
	// However many changes there are, saving them makes one new version.
	next, err := t.engine.build(ctx, metadata, t.base.ResourceVersion+1, t.state, reload, t.reader)
	if err != nil {
		return err
	}
	if judge != nil {
		if err := judge(t.state, next); err != nil {
			next.release()
			return err
		}
	}
	t.state.release()
	t.state, t.changed, t.reload = next, true, t.reload.add(reload)
	return nil
}

// ErrConflict says that somebody else has changed the metadata meanwhile. The
// transaction may start over.
var ErrConflict = store.ErrConflict

// StartOver begins the transaction again, from the newest state. What it has read
// of sources, and what it has recorded, it keeps.
func (t *Transaction) StartOver(ctx context.Context) error {
	t.Yield()
	if err := t.engine.followOnce(ctx); err != nil {
		return err
	}
	t.leave()
	t.start()
	t.changed, t.reload = false, Reload{}
	t.reader.restart()
	return t.Lock(ctx)
}

// Commit saves what was changed and makes it current, unless somebody else has
// changed the metadata since the transaction started.
func (t *Transaction) Commit(ctx context.Context) error {
	e := t.engine
	if !t.changed {
		return nil
	}
	if !t.locked {
		if err := e.lock(ctx); err != nil {
			return err
		}
		t.locked = true
	}
	if e.current.Load() != t.base {
		return ErrConflict
	}
	note := t.reload.add(Reload{Again: t.touched}).note()
	version, err := e.store.Save(ctx, t.state.Text(), note, t.base.ResourceVersion)
	if err != nil {
		return err
	}
	if version != t.state.ResourceVersion {
		return fmt.Errorf("the metadata store gave version %d instead of %d", version, t.state.ResourceVersion)
	}
	t.publish(ctx)
	for _, w := range Unserved(t.state.Metadata) {
		e.logger.WarnContext(ctx, "metadata", "detail", map[string]any{"message": w})
	}
	return nil
}

// publish makes the transaction's state the current one.
func (t *Transaction) publish(ctx context.Context) {
	for _, p := range t.state.parts {
		if p.checked {
			// Only now what it knows is in the database: whoever has read that since this
			// part was made may have read it as it was before.
			p.checked, p.read = false, t.engine.versions.Add(1)
		}
	}
	t.state.hold() // passes to the engine
	t.engine.publish(ctx, t.state)
	t.changed = false
	clear(t.touched)
}

// Close ends the transaction; what wasn't committed is gone. SQL that was run
// is not: the databases it changed are read anew.
func (t *Transaction) Close(ctx context.Context) {
	e := t.engine
	ctx = context.WithoutCancel(ctx)
	t.Yield()
	if len(t.touched) > 0 {
		if err := e.reread(ctx, t.touched); err != nil {
			e.logger.ErrorContext(ctx, "metadata", "detail", map[string]any{"message": "re-reading databases failed", "error": err.Error()})
		}
	}
	t.leave()
	t.reader.forget()
}

// rereadAttempts is how often a lost race for a new version is run again.
const rereadAttempts = 5

// reread reads databases anew, here and in other processes.
func (e *Metadata) reread(ctx context.Context, touched map[string]bool) error {
	again := Reload{Again: touched}
	for attempt := 1; ; attempt++ {
		now, release := e.Acquire()
		_, err := e.store.Save(ctx, now.Text(), again.note(), now.ResourceVersion)
		release()
		switch {
		case err == nil:
			// This process reads them as all others do: because it is noted.
			return e.followOnce(ctx)
		case errors.Is(err, store.ErrConflict) && attempt < rereadAttempts:
			if err := e.followOnce(ctx); err != nil {
				return err
			}
		default:
			return errors.Join(err, e.refresh(ctx, again))
		}
	}
}

// refresh reads sources anew in this process only.
func (e *Metadata) refresh(ctx context.Context, reload Reload) error {
	for {
		base, release := e.Acquire()
		next, err := e.build(ctx, base.Metadata, base.ResourceVersion, base, reload, nil)
		done := false
		if err == nil {
			done, err = e.replace(ctx, base, next)
		}
		release()
		if done || err != nil {
			return err
		}
	}
}

func (e *Metadata) lock(ctx context.Context) error { return e.writer.lock(ctx) }

func (e *Metadata) unlock() { e.writer.unlock() }

// Refresh reads sources anew without changing the document, in all processes.
// What that makes inconsistent is listed, not refused.
func (t *Transaction) Refresh(ctx context.Context, reload Reload) error {
	return t.Apply(ctx, t.state.Metadata, reload, nil)
}
