package live

import (
	"context"
	"errors"
	"fmt"

	"dovetail/internal/metadata/document"
	"dovetail/internal/metadata/store"
)

// Transaction is one request's changes to the metadata: seen by itself at once,
// by others all together at the end, or never.
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
}

// Begin starts a transaction. It must be closed.
func (e *Metadata) Begin() *Transaction {
	s, _ := e.Acquire()
	s.hold()
	return &Transaction{engine: e, base: s, state: s, touched: map[string]bool{}}
}

// State is what the transaction sees.
func (t *Transaction) State() *State { return t.state }

// ResourceVersion is the version of the metadata that the transaction started
// from.
func (t *Transaction) ResourceVersion() int64 { return t.base.ResourceVersion }

// Touch notes that SQL has changed a database.
func (t *Transaction) Touch(source string) { t.touched[source] = true }

// Lock makes the transaction the only one that may change the metadata, and
// moves it to the newest state.
func (t *Transaction) Lock(ctx context.Context) error {
	if t.locked {
		return nil
	}
	e := t.engine
	if err := e.lock(ctx); err != nil {
		return err
	}
	t.locked = true
	if err := e.catchUp(ctx); err != nil {
		return err
	}
	t.base.release()
	t.state.release()
	t.base, _ = e.Acquire()
	t.base.hold()
	t.state = t.base
	return nil
}

// Apply builds the state of a changed document, asks judge whether it will do,
// and makes it the transaction's own if it does. The document must not be
// changed afterwards.
func (t *Transaction) Apply(ctx context.Context, metadata *document.Metadata, reload Reload, judge func(before, after *State) error) error {
	if err := t.Lock(ctx); err != nil {
		return err
	}
	// However many changes there are, saving them makes one new version.
	next, err := t.engine.build(ctx, metadata, t.base.ResourceVersion+1, t.state, reload)
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

// ErrConflict says that another process has changed the metadata meanwhile.
var ErrConflict = store.ErrConflict

// Commit saves what was changed and makes it current.
func (t *Transaction) Commit(ctx context.Context) error {
	e := t.engine
	if !t.changed {
		return nil
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
	if len(t.touched) > 0 {
		if err := t.reread(ctx); err != nil {
			e.logger.ErrorContext(ctx, "metadata", "detail", map[string]any{"message": "re-reading databases failed", "error": err.Error()})
		}
	}
	t.state.release()
	t.base.release()
	if t.locked {
		e.unlock()
	}
}

// rereadAttempts is how often a lost race for a new version is run again.
const rereadAttempts = 5

// reread reads the touched databases anew, here and in other processes.
func (t *Transaction) reread(ctx context.Context) error {
	if err := t.Lock(ctx); err != nil {
		return err
	}
	e := t.engine
	for attempt := 1; ; attempt++ {
		now := e.current.Load()
		again := Reload{Again: t.touched}
		version, err := e.store.Save(ctx, now.Text(), again.note(), now.ResourceVersion)
		if errors.Is(err, store.ErrConflict) && attempt < rereadAttempts {
			if err := e.catchUp(ctx); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return errors.Join(err, e.rebuild(ctx, now.Metadata, now.ResourceVersion, again))
		}
		return e.rebuild(ctx, now.Metadata, version, again)
	}
}

func (e *Metadata) lock(ctx context.Context) error {
	select {
	case e.writer <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for another change of the metadata: %w", ctx.Err())
	}
}

func (e *Metadata) unlock() { <-e.writer }

// rebuild replaces the current state by one of the given document. The caller
// holds the writer's lock.
func (e *Metadata) rebuild(ctx context.Context, metadata *document.Metadata, version int64, reload Reload) error {
	next, err := e.build(ctx, metadata, version, e.current.Load(), reload)
	if err != nil {
		return err
	}
	e.publish(ctx, next)
	return nil
}

// catchUp takes over what other processes have saved. The caller holds the
// writer's lock.
func (e *Metadata) catchUp(ctx context.Context) error {
	same, err := e.upToDate(ctx)
	if err != nil || same {
		return err
	}
	current := e.current.Load()
	snapshot, err := e.store.Load(ctx, current.ResourceVersion)
	if err != nil {
		return err
	}
	if snapshot.Document == nil {
		return errors.New("the metadata has been deleted from its store")
	}
	metadata, err := e.parse(ctx, snapshot.Document)
	if err != nil {
		return err
	}
	reload, ok := readNotes(snapshot.Notes)
	everything := Reload{Again: map[string]bool{}}
	for _, s := range metadata.Sources {
		everything.Again[s.Name] = true
	}
	if !ok || !snapshot.Complete {
		// Somebody has left no note: the databases may be others too.
		return e.rebuild(ctx, metadata, snapshot.ResourceVersion, everything)
	}
	next, err := e.build(ctx, metadata, snapshot.ResourceVersion, current, reload)
	if err != nil {
		return err
	}
	if len(newFaults(current, next)) > 0 {
		// What others could apply may rest on what is new in a database.
		next.release()
		return e.rebuild(ctx, metadata, snapshot.ResourceVersion, everything.add(reload))
	}
	e.publish(ctx, next)
	return nil
}

// newFaults are the inconsistent objects of a state that the one before it did
// not have.
func newFaults(before, after *State) []string {
	known := map[string]bool{}
	for _, i := range before.Faulty() {
		known[i.Type+" "+i.Name] = true
	}
	var out []string
	for _, i := range after.Faulty() {
		if name := i.Type + " " + i.Name; !known[name] {
			out = append(out, name)
		}
	}
	return out
}

// Refresh reads sources anew without changing the document, in all processes.
// What that makes inconsistent is listed, not refused.
func (t *Transaction) Refresh(ctx context.Context, reload Reload) error {
	return t.Apply(ctx, t.state.Metadata, reload, nil)
}
