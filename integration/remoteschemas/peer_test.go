package remoteschemas_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// peer is a GraphQL server that isn't ours, behind a proxy that notes what it
// is asked and can break it.
type peer struct {
	url string

	mutex    sync.Mutex
	requests []request
	behave   func(w http.ResponseWriter, r *http.Request) bool
}

// request is one request that a peer got.
type request struct {
	Query     string         `json:"query"`
	Variables map[string]any `json:"variables"`
	headers   http.Header
}

// startPeer starts a fixture of the folder peers: of kind apollo, yoga or
// subgraph.
func startPeer(t *testing.T, kind, fixture string) *peer {
	t.Helper()
	return proxy(t, startNode(t, "serve.mjs", kind, fixture))
}

// proxy puts a peer before an address.
func proxy(t *testing.T, upstream string) *peer {
	t.Helper()
	address, err := url.Parse(upstream)
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{}
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(address)
			if r.In.URL.Path == "/" {
				r.Out.URL.Path = address.Path
			}
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		got := request{headers: r.Header.Clone()}
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.UseNumber()
		if err := decoder.Decode(&got); err != nil {
			t.Errorf("a request that is no JSON: %s", body)
		}
		p.mutex.Lock()
		p.requests = append(p.requests, got)
		behave := p.behave
		p.mutex.Unlock()
		if behave == nil || behave(w, r) {
			forward.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

// take gives the requests since the last call.
func (p *peer) take() []request {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	taken := p.requests
	p.requests = nil
	return taken
}

// set makes the proxy do something before it forwards a request, or instead,
// when it returns false; nil ends that.
func (p *peer) set(behave func(w http.ResponseWriter, r *http.Request) bool) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.behave = behave
}

// answering answers the same to everything.
func answering(status int, contentType, body string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // the client may be gone
		return false
	}
}

// haveNode tells whether the peers can be started, and why not.
func haveNode() (bool, string) {
	if _, err := exec.LookPath("node"); err != nil {
		return false, "node is not installed"
	}
	for _, name := range []string{"graphql-yoga", filepath.Join("@apollo", "gateway")} {
		if _, err := os.Stat(filepath.Join("peers", "node_modules", name)); err != nil {
			return false, name + " is not installed: npm ci --prefix integration/remoteschemas/peers"
		}
	}
	return true, ""
}

// startNode starts a script of the folder peers, which says where it serves.
func startNode(t *testing.T, script string, arguments ...string) string {
	t.Helper()
	if have, why := haveNode(); !have {
		t.Skipf("SKIPPED, NOT TESTED against %s: %s", script, why)
	}
	command := exec.CommandContext(context.WithoutCancel(t.Context()), "node", append([]string{script}, arguments...)...)
	command.Dir = "peers"
	log := &logBuffer{}
	command.Stderr = log
	lifeline, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lifeline.Close(); err != nil {
			t.Error(err)
		}
		if err := command.Wait(); err != nil {
			t.Errorf("%s %s: %v\n%s", script, arguments, err, log)
		}
	})
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatalf("%s %s did not start: %v\n%s", script, arguments, err, log)
	}
	return strings.TrimSpace(line)
}

// runNode runs a script of the folder peers to its end.
func runNode(t *testing.T, arguments ...string) string {
	t.Helper()
	if have, why := haveNode(); !have {
		t.Skipf("SKIPPED, NOT TESTED with graphql-js: %s", why)
	}
	command := exec.CommandContext(t.Context(), "node", arguments...)
	command.Dir = "peers"
	output, err := command.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, output)
	}
	return string(output)
}
