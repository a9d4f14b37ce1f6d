package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"dovetail/internal/metadata/document"
	"dovetail/internal/metadata/live"
	"dovetail/internal/session"
	"dovetail/planner"
)

// The codes of refusals by API limits.
const (
	codeDepthLimit = "depth-limit-exceeded"
	codeNodeLimit  = "node-limit-exceeded"
	codeTimeLimit  = "time-limit-exceeded"
	codeBatchLimit = "batch-limit-exceeded"
	codeRateLimit  = "rate-limit-exceeded"
)

// readLimits are the API limits of a state; none where they are disabled.
func readLimits(state *live.State) *document.APILimits {
	if state.Metadata.APILimits.IsNull() {
		return &document.APILimits{}
	}
	read, err := document.ParseAPILimits(state.Metadata.APILimits, "$")
	if err != nil || read.Disabled { // they were checked when they were set
		return &document.APILimits{}
	}
	return read
}

// limits are the API limits that hold for who is asking; admins have none.
func (s *Server) limits(state *live.State, who *session.Session) *document.APILimits {
	if who.Admin() {
		return &document.APILimits{}
	}
	return s.apiLimits.Of(state)
}

// checkBatch refuses batches of too many operations.
func checkBatch(l *document.APILimits, role string, count int) *refusal {
	if l.Batch == nil || float64(count) <= l.Batch.For(role) {
		return nil
	}
	return refuse(http.StatusBadRequest, codeBatchLimit, "$",
		fmt.Sprintf("the batch has %d operations, the limit is %v", count, l.Batch.For(role)))
}

// checkRate refuses requests that come too often.
func (s *Server) checkRate(r *http.Request, l *document.APILimits, who *session.Session) *refusal {
	if l.Rate == nil {
		return nil
	}
	rate := l.Rate.For(who.Role)
	key := []string{who.Role}
	if rate.ByAddress {
		address, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil {
			address = r.RemoteAddr
		}
		key = append(key, address)
	}
	for _, name := range rate.Variables {
		key = append(key, who.Variables[strings.ToLower(name)])
	}
	if s.rates.allow(strings.Join(key, "\x00"), rate.PerMinute, time.Now()) {
		return nil
	}
	return refuse(http.StatusTooManyRequests, codeRateLimit, "$",
		fmt.Sprintf("there were more requests than the limit of %d a minute", rate.PerMinute))
}

// checkSize refuses operations that are too deep or have too many nodes.
func checkSize(l *document.APILimits, role string, operation *planner.Operation) *refusal {
	if l.Depth == nil && l.Node == nil {
		return nil
	}
	size := operation.Size()
	if l.Depth != nil && float64(size.Depth) > l.Depth.For(role) {
		return refuse(http.StatusBadRequest, codeDepthLimit, "$",
			fmt.Sprintf("the operation has a depth of %d, the limit is %v", size.Depth, l.Depth.For(role)))
	}
	if l.Node != nil && float64(size.Nodes) > l.Node.For(role) {
		return refuse(http.StatusBadRequest, codeNodeLimit, "$",
			fmt.Sprintf("the operation has %d nodes, the limit is %v", size.Nodes, l.Node.For(role)))
	}
	return nil
}

var errTimeLimit = errors.New("the time limit of the role is over")

// timed bounds how long an operation may take.
func timed(ctx context.Context, l *document.APILimits, role string) (context.Context, context.CancelFunc) {
	if l.Time == nil {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, time.Duration(l.Time.For(role)*float64(time.Second)), errTimeLimit)
}

// overTime refuses an operation that took longer than it may. The clock decides:
// a context ends only once its timer has run, which a quick operation may be done
// before.
func overTime(ctx context.Context, deadline time.Time, l *document.APILimits, role string) *refusal {
	if deadline.IsZero() || time.Now().Before(deadline) {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, errTimeLimit) {
		return nil // something else has ended it
	}
	return refuse(http.StatusBadRequest, codeTimeLimit, "$", fmt.Sprintf("the operation took longer than the limit of %v seconds", l.Time.For(role)))
}

// Bounds of what is remembered of rates.
const (
	rateWindow  = 60 // seconds
	maxRateKeys = 1 << 16
)

// rates counts requests by second, for the last minute.
type rates struct {
	mutex sync.Mutex
	keys  map[string]*rateCount
}

type rateCount struct {
	counts [rateWindow]int
	total  int
	last   int64 // the second of the newest count
}

// allow counts a request unless the minute before it is full.
func (r *rates) allow(key string, limit int, now time.Time) bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.keys == nil {
		r.keys = map[string]*rateCount{}
	}
	second := now.Unix()
	c, ok := r.keys[key]
	if !ok {
		if len(r.keys) >= maxRateKeys {
			r.forget(second)
		}
		c = &rateCount{last: second}
		r.keys[key] = c
	}
	c.advance(second)
	if c.total >= limit {
		return false
	}
	c.counts[second%rateWindow]++
	c.total++
	return true
}

// advance forgets what is more than a minute old.
func (c *rateCount) advance(second int64) {
	for passed := max(c.last, second-rateWindow); passed < second; passed++ {
		at := (passed + 1) % rateWindow
		c.total -= c.counts[at]
		c.counts[at] = 0
	}
	c.last = max(c.last, second)
}

// forget drops the keys that have been quiet for a minute; if there are none,
// the quieter half.
func (r *rates) forget(second int64) {
	var times []int64
	for key, c := range r.keys {
		if c.last <= second-rateWindow {
			delete(r.keys, key)
		} else {
			times = append(times, c.last)
		}
	}
	if len(r.keys) < maxRateKeys {
		return
	}
	slices.Sort(times)
	for key, c := range r.keys {
		if c.last <= times[len(times)/2] {
			delete(r.keys, key)
		}
	}
}
