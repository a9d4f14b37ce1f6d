package engine

import (
	"context"
	"errors"
	"fmt"

	"dovetail/metadata/document"
	"dovetail/metadata/store"
)

// Transaction is one request's changes to the metadata: seen by itself at once,
// by others all together at the end, or never.
type Transaction struct {
	engine *Engine
	// base is the state that the transaction started from, state the one that
	// its changes have made; both are held.
	base, state *State
	locked      bool
	changed     bool
	// refreshed: the state is another, though not the document.
	refreshed bool
	// touched are databases whose contents have been changed by SQL, whatever
	// becomes of the transaction.
	touched map[string]bool
}

// Begin starts a transaction. It must be closed.
func (e *Engine) Begin() *Transaction {
	s, _ := e.Acquire()
	s.hold()
	return &Transaction{engine: e, base: s, state: s, touched: map[string]bool{}}
}

// State is what the transaction sees.
func (t *Transaction) State() *State { return t.state }

// ResourceVersion is the version of the metadata that the transaction started
// from.
func (t *Transaction) ResourceVersion() int64 { return t.base.ResourceVersion }

// Changed tells whether there is anything to commit.
func (t *Transaction) Changed() bool { return t.changed }

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
	t.state, t.changed = next, true
	return nil
}

// ErrConflict says that another process has changed the metadata meanwhile.
var ErrConflict = store.ErrConflict

// Commit saves what was changed and makes it current.
func (t *Transaction) Commit(ctx context.Context) error {
	e := t.engine
	if !t.changed {
		if t.refreshed {
			t.publish(ctx)
		}
		return nil
	}
	version, err := e.store.Save(ctx, t.state.Metadata.Marshal(), t.base.ResourceVersion)
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
	t.changed, t.refreshed = false, false
	clear(t.touched)
}

// Close ends the transaction; what wasn't committed is gone. SQL that was run
// is not: the databases it changed are read anew.
func (t *Transaction) Close(ctx context.Context) {
	e := t.engine
	ctx = context.WithoutCancel(ctx)
	if len(t.touched) > 0 {
		err := t.Lock(ctx)
		if err == nil {
			err = e.rebuild(ctx, e.current.Load().Metadata, e.current.Load().ResourceVersion, Reload{Again: t.touched})
		}
		if err != nil {
			e.logger.ErrorContext(ctx, "metadata", "detail", map[string]any{"message": "re-reading databases failed", "error": err.Error()})
		}
	}
	t.state.release()
	t.base.release()
	if t.locked {
		e.unlock()
	}
}

func (e *Engine) lock(ctx context.Context) error {
	select {
	case e.writer <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for another change of the metadata: %w", ctx.Err())
	}
}

func (e *Engine) unlock() { <-e.writer }

// rebuild replaces the current state by one of the given document. The caller
// holds the writer's lock.
func (e *Engine) rebuild(ctx context.Context, metadata *document.Metadata, version int64, reload Reload) error {
	next, err := e.build(ctx, metadata, version, e.current.Load(), reload)
	if err != nil {
		return err
	}
	e.publish(ctx, next)
	return nil
}

// catchUp takes over what other processes have saved. The caller holds the
// writer's lock.
func (e *Engine) catchUp(ctx context.Context) error {
	same, err := e.upToDate(ctx)
	if err != nil || same {
		return err
	}
	snapshot, err := e.store.Load(ctx)
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
	// The other process may have changed databases too.
	again := map[string]bool{}
	for _, s := range metadata.Sources {
		again[s.Name] = true
	}
	return e.rebuild(ctx, metadata, snapshot.ResourceVersion, Reload{Again: again})
}

// Refresh reads sources anew without changing the document. What that makes
// inconsistent is listed, not refused.
func (t *Transaction) Refresh(ctx context.Context, reload Reload) error {
	if err := t.Lock(ctx); err != nil {
		return err
	}
	next, err := t.engine.build(ctx, t.state.Metadata, t.state.ResourceVersion, t.state, reload)
	if err != nil {
		return err
	}
	t.state.release()
	t.state, t.refreshed = next, true
	return nil
}
