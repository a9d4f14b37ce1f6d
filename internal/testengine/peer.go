package testengine

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"
)

// Peer is a GraphQL server that isn't ours, behind a proxy that notes what it
// is asked and can make it slow or break it.
type Peer struct {
	URL string

	mutex    sync.Mutex
	requests []Request
	behave   Behaviour
}

// Request is a request that a peer got.
type Request struct {
	Query     string         `json:"query"`
	Variables map[string]any `json:"variables"`
	Header    http.Header    `json:"-"`
	Body      []byte         `json:"-"`
}

// Behaviour is what a proxy does before it forwards a request, or instead, when
// it returns false.
type Behaviour func(w http.ResponseWriter, r *http.Request) bool

// NewPeer puts a proxy before a GraphQL server.
func NewPeer(tb testing.TB, upstream string) *Peer {
	tb.Helper()
	address, err := url.Parse(upstream)
	if err != nil {
		tb.Fatal(err)
	}
	p := &Peer{}
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(address)
			if r.In.URL.Path == "/" {
				r.Out.URL.Path = address.Path
			}
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		got := Request{Header: r.Header.Clone(), Body: body}
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.UseNumber()
		if err := decoder.Decode(&got); err != nil {
			tb.Errorf("a request that is no JSON: %s", body)
		}
		p.mutex.Lock()
		p.requests = append(p.requests, got)
		behave := p.behave
		p.mutex.Unlock()
		if behave == nil || behave(w, r) {
			forward.ServeHTTP(w, r)
		}
	}))
	tb.Cleanup(proxy.Close)
	p.URL = proxy.URL
	return p
}

// Take gives the requests since the last call.
func (p *Peer) Take() []Request {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	taken := p.requests
	p.requests = nil
	return taken
}

// Set makes the proxy behave in some way; nil ends that.
func (p *Peer) Set(behave Behaviour) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.behave = behave
}

// Slow waits before every answer, unless the client goes away.
func Slow(delay time.Duration) Behaviour {
	return func(_ http.ResponseWriter, r *http.Request) bool {
		select {
		case <-time.After(delay):
			return true
		case <-r.Context().Done():
			return false
		}
	}
}

// Answer answers the same to everything.
func Answer(status int, contentType, body string) Behaviour {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // the client may be gone
		return false
	}
}
