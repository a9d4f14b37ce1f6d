package live

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"dovetail/internal/metadata/store"
	"dovetail/internal/safe"
)

// upToDate reports whether the current state is of the stored version.
func (e *Metadata) upToDate(ctx context.Context) (bool, error) {
	text, err := e.store.Get(ctx, store.KeyResourceVersion)
	if err != nil {
		return false, err
	}
	return string(text) == strconv.FormatInt(e.current.Load().ResourceVersion, 10), nil
}

const (
	retryFirst = time.Second
	retryLast  = time.Minute
)

// maintain starts the background work: following the changes of other
// processes, and trying again what can't be reached.
func (e *Metadata) maintain(ctx context.Context) {
	ctx, e.ending = context.WithCancel(ctx)
	if e.poll > 0 {
		wake := make(chan struct{}, 1)
		safe.Loop(ctx, &e.background, e.logger, "schema-sync", func() { e.follow(ctx, wake) })
		if notifier, ok := e.store.(store.Notifier); ok {
			safe.Loop(ctx, &e.background, e.logger, "schema-sync notifications", func() { e.listen(ctx, notifier, wake) })
		}
	}
	safe.Loop(ctx, &e.background, e.logger, "source retries", func() { e.retry(ctx) })
}

// pause waits, and reports whether to go on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// follow looks for other processes' changes: when woken, and every now and then
// in case a notification was lost.
func (e *Metadata) follow(ctx context.Context, wake <-chan struct{}) {
	logged := ""
	ticker := time.NewTicker(e.poll)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-ticker.C:
		}
		err := e.followOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			logged = ""
		} else if text := err.Error(); text != logged {
			e.logger.ErrorContext(ctx, "schema-sync", "detail", map[string]any{"error": text})
			logged = text
		}
	}
}

// listen passes notifications on. Without them polling goes on.
func (e *Metadata) listen(ctx context.Context, notifier store.Notifier, wake chan<- struct{}) {
	wait := retryFirst
	for {
		err := notifier.Notified(ctx, func() {
			wait = retryFirst
			select {
			case wake <- struct{}{}:
			default: // it will look anyway
			}
		})
		if ctx.Err() != nil {
			return
		}
		e.logger.WarnContext(ctx, "schema-sync", "detail", map[string]any{
			"message": "not notified of other instances' changes, looking for them instead", "error": err.Error(),
		})
		if !pause(ctx, wait) {
			return
		}
		wait = min(wait*2, retryLast)
	}
}

// CatchUp takes over what other processes have saved, so that a client's commands
// see its earlier ones whichever process they reach. While the store can't be
// reached, what is here stays.
func (e *Metadata) CatchUp(ctx context.Context) {
	if err := e.followOnce(ctx); err != nil {
		e.logger.WarnContext(ctx, "schema-sync", "detail", map[string]any{"error": err.Error()})
	}
}

// followOnce makes the stored version the current one. Sources are read before the
// writer's lock is taken, and what was made of an outdated state is made anew.
func (e *Metadata) followOnce(ctx context.Context) error {
	for {
		if same, err := e.upToDate(ctx); err != nil || same {
			return err
		}
		if done, err := e.follower.do(ctx, e.followStored); err != nil || done {
			return err
		}
	}
}

// followStored makes a state of what is stored, and reports whether it became the
// current one. The caller is the only one that follows.
func (e *Metadata) followStored(ctx context.Context) (bool, error) {
	if same, err := e.upToDate(ctx); err != nil || same {
		return same, err
	}
	base, release := e.Acquire()
	defer release()
	next, err := e.buildStored(ctx, base)
	if err != nil {
		return false, err
	}
	return e.replace(ctx, base, next)
}

// buildStored builds the state of the stored document. The caller holds it.
func (e *Metadata) buildStored(ctx context.Context, base *State) (*State, error) {
	snapshot, err := e.store.Load(ctx, base.ResourceVersion)
	if err != nil {
		return nil, err
	}
	if snapshot.Document == nil {
		return nil, errors.New("the metadata has been deleted from its store")
	}
	metadata, err := e.parse(ctx, snapshot.Document)
	if err != nil {
		return nil, err
	}
	reload, ok := readNotes(snapshot.Notes)
	everything := Reload{Again: map[string]bool{}}
	for _, s := range metadata.Sources {
		everything.Again[s.Name] = true
	}
	if !ok || !snapshot.Complete {
		// Somebody has left no note: the databases may be others too.
		return e.build(ctx, metadata, snapshot.ResourceVersion, base, everything, nil)
	}
	next, err := e.build(ctx, metadata, snapshot.ResourceVersion, base, reload, nil)
	if err != nil {
		return nil, err
	}
	if len(newFaults(base, next)) > 0 {
		// What others could apply may rest on what is new in a database.
		next.release()
		return e.build(ctx, metadata, snapshot.ResourceVersion, base, everything.add(reload), nil)
	}
	return next, nil
}

// replace makes a state the current one if the one that it was made from still is,
// and reports whether it was; otherwise it is discarded.
func (e *Metadata) replace(ctx context.Context, base, next *State) (bool, error) {
	if err := e.lock(ctx); err != nil {
		next.release()
		return false, err
	}
	defer e.unlock()
	if e.current.Load() != base {
		next.release()
		return false, nil
	}
	e.publish(ctx, next)
	return true, nil
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

// retry tries again what can't be reached, less and less often.
func (e *Metadata) retry(ctx context.Context) {
	wait := retryFirst
	before := 0
	for pause(ctx, wait) {
		faults := len(e.current.Load().Faults())
		if faults == 0 || faults != before {
			wait, before = retryFirst, faults
			if faults == 0 {
				continue
			}
		}
		if err := e.retryOnce(ctx); err != nil && ctx.Err() == nil {
			e.logger.WarnContext(ctx, "metadata", "detail", map[string]any{"message": "trying sources again failed", "error": err.Error()})
		}
		wait = min(wait*2, retryLast)
	}
}

// retryOnce reads the faulty sources anew. If the state has changed meanwhile, what
// was read is discarded: the next attempt is made from the new one.
func (e *Metadata) retryOnce(ctx context.Context) error {
	state, release := e.Acquire()
	defer release()
	reload := Reload{Sources: map[string]bool{}, Remotes: map[string]bool{}}
	faults := state.Faults()
	for name := range faults {
		if remote, ok := strings.CutPrefix(name, RemotePrefix); ok {
			reload.Remotes[remote] = true
		} else {
			reload.Sources[name] = true
		}
	}
	next, err := e.build(ctx, state.Metadata, state.ResourceVersion, state, reload, nil)
	if err != nil {
		return err
	}
	if len(next.Faults()) == len(faults) {
		next.release()
		return nil
	}
	_, err = e.replace(ctx, state, next)
	return err
}
