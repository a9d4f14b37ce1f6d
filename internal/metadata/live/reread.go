package live

import (
	"context"
	"time"
)

// rereadPause is how long a database that was read anew is not read anew again, so
// that one which keeps differing from what was read doesn't keep the process busy.
const rereadPause = time.Second

// Reread introspects databases anew which are not as a state knows them, because
// somebody has changed them behind the engine's back. It reports whether another
// state has become the current one, be it by somebody else.
func (e *Metadata) Reread(ctx context.Context, stale *State, databases []string) (bool, error) {
	return e.rereader.do(ctx, func(ctx context.Context) (bool, error) {
		base, release := e.Acquire()
		defer release()
		if base != stale {
			return true, nil
		}
		again := map[string]bool{}
		for _, name := range databases {
			if now := time.Now(); now.Sub(e.rereadAt[name]) >= rereadPause {
				again[name], e.rereadAt[name] = true, now
			}
		}
		if len(again) == 0 {
			return false, nil
		}
		// The state is for all, not only for the request that is the first to notice.
		ctx = context.WithoutCancel(ctx)
		next, err := e.build(ctx, base.Metadata, base.ResourceVersion, base, Reload{Again: again}, nil)
		if err != nil {
			return false, err
		}
		if len(next.Faults()) > len(base.Faults()) {
			next.release() // the database can't be read now, what is known of it stays
			return false, nil
		}
		_, err = e.replace(ctx, base, next)
		return err == nil, err
	})
}
