package session

import (
	"crypto/sha256"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"
)

// hookCache keeps what a webhook said about requests for as long as it said it
// would hold.
type hookCache struct {
	mutex    sync.Mutex
	sessions map[[sha256.Size]byte]*Session
}

// maxHookSessions bounds how many sessions are kept.
const maxHookSessions = 1 << 14

// passing are headers that are another with every request and say nothing about
// who is asking.
func passing() []string {
	return []string{
		"X-Request-Id", "Traceparent", "Tracestate", "B3", "X-B3-Traceid", "X-B3-Spanid", "X-B3-Parentspanid", "X-B3-Sampled", "Content-Length",
	}
}

// key is what the webhook is asked, without what passes.
func (w *webhook) key(r Request, operation json.RawMessage) [sha256.Size]byte {
	h := sha256.New()
	write := func(s string) {
		_, _ = io.WriteString(h, s) // a hash never fails
		_, _ = h.Write([]byte{0})
	}
	skip := passing()
	if !w.Post {
		skip = append(skip, notForwarded()...)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		if slices.Contains(skip, http.CanonicalHeaderKey(name)) {
			continue
		}
		write(name)
		for _, value := range r.Header[name] {
			write(value)
		}
		write("")
	}
	_, _ = h.Write(operation)
	return [sha256.Size]byte(h.Sum(nil))
}

// get finds a session that still holds.
func (c *hookCache) get(key [sha256.Size]byte, now time.Time) (*Session, bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	s, ok := c.sessions[key]
	if !ok {
		return nil, false
	}
	if !now.Before(s.Expires) {
		delete(c.sessions, key)
		return nil, false
	}
	return s.clone(), true
}

// put keeps a session. Those that are over make room; if there are none, any
// does.
func (c *hookCache) put(key [sha256.Size]byte, s *Session, now time.Time) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.sessions == nil {
		c.sessions = map[[sha256.Size]byte]*Session{}
	}
	if len(c.sessions) >= maxHookSessions {
		maps.DeleteFunc(c.sessions, func(_ [sha256.Size]byte, s *Session) bool { return !now.Before(s.Expires) })
	}
	for other := range c.sessions {
		if len(c.sessions) < maxHookSessions {
			break
		}
		delete(c.sessions, other)
	}
	c.sessions[key] = s.clone()
}

func (s *Session) clone() *Session {
	out := *s
	out.Variables = maps.Clone(s.Variables)
	return &out
}
