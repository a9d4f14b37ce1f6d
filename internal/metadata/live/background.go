package live

import (
	"context"
	"strconv"
	"strings"
	"time"

	"dovetail/internal/metadata/store"
)

// upToDate tells whether the current state is of the stored version.
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
		e.background.Go(func() { e.follow(ctx, wake) })
		if notifier, ok := e.store.(store.Notifier); ok {
			e.background.Go(func() { e.listen(ctx, notifier, wake) })
		}
	}
	e.background.Go(func() { e.retry(ctx) })
}

// pause waits, and tells whether to go on.
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

func (e *Metadata) followOnce(ctx context.Context) error {
	if same, err := e.upToDate(ctx); err != nil || same {
		return err
	}
	if err := e.lock(ctx); err != nil {
		return err
	}
	defer e.unlock()
	return e.catchUp(ctx)
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

func (e *Metadata) retryOnce(ctx context.Context) error {
	if err := e.lock(ctx); err != nil {
		return err
	}
	defer e.unlock()
	state := e.current.Load()
	reload := Reload{Sources: map[string]bool{}, Remotes: map[string]bool{}}
	faults := state.Faults()
	for name := range faults {
		if remote, ok := strings.CutPrefix(name, RemotePrefix); ok {
			reload.Remotes[remote] = true
		} else {
			reload.Sources[name] = true
		}
	}
	next, err := e.build(ctx, state.Metadata, state.ResourceVersion, state, reload)
	if err != nil {
		return err
	}
	if len(next.Faults()) == len(faults) {
		next.release()
		return nil
	}
	e.publish(ctx, next)
	return nil
}
