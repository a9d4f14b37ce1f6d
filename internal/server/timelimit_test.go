package server

import (
	"context"
	"errors"
	"testing"
	"time"

	"dovetail/internal/metadata/document"
)

// TestOverTime: the time limit is over when the clock says so, whether the timer
// has run or not; who is stopped by something else is not told of the limit.
func TestOverTime(t *testing.T) {
	t.Parallel()
	limits := &document.APILimits{Time: &document.Limit{Global: 0.5}}
	gone, leave := context.WithCancelCause(t.Context())
	leave(errors.New("the client has gone"))
	fired, done := context.WithTimeoutCause(t.Context(), 0, errTimeLimit)
	defer done()
	<-fired.Done()
	past, future := time.Now().Add(-time.Nanosecond), time.Now().Add(time.Hour)
	for name, c := range map[string]struct {
		ctx      context.Context //nolint:containedctx // what is tested
		deadline time.Time
		want     bool
	}{
		"in time":           {t.Context(), future, false},
		"timer has run":     {fired, past, true},
		"timer has not run": {t.Context(), past, true},
		"client gone":       {gone, past, false},
		"no limit":          {t.Context(), time.Time{}, false},
	} {
		if refused := overTime(c.ctx, c.deadline, limits, "user"); (refused != nil) != c.want {
			t.Errorf("%s: %v", name, refused)
		}
	}
}
