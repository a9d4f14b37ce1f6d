package remoteschemas_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dovetail/internal/testengine"
)

func shopMetadata(t *testing.T, p *testengine.Peer, definition map[string]any) map[string]any {
	t.Helper()
	definition["url"] = p.URL
	return map[string]any{
		"version": 3, "sources": []any{},
		"remote_schemas": []any{map[string]any{
			"name": "makers", "definition": definition,
			"remote_relationships": []any{map[string]any{"type_name": "Maker", "relationships": []any{map[string]any{
				"name": "again", "definition": map[string]any{"to_remote_schema": map[string]any{
					"remote_schema": "makers", "lhs_fields": []any{"id"},
					"remote_field": map[string]any{"maker": map[string]any{"arguments": map[string]any{"id": "$id"}}},
				}},
			}}}},
		}},
	}
}

// isLookup tells requests of joins from root ones.
func isLookup(r *http.Request) bool {
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	return err == nil && strings.Contains(string(body), "$_0_0")
}

// TestMisbehavingServers has a server answer the joins of a query in every wrong
// way: what it answered to the root field is still there.
func TestMisbehavingServers(t *testing.T) {
	p := startPeer(t, "yoga", "makers")
	e := startEngine(t, nil)
	e.Apply(t, nil, shopMetadata(t, p, map[string]any{"timeout_seconds": 1}))
	const query = `{ makers(limit: 2) { id again { name } } }`
	const rest = `{"data":{"makers":[{"id":"m1","again":null},{"id":"m2","again":null}]},"errors":[{"message":"`
	for _, c := range []struct {
		name    string
		behave  testengine.Behaviour
		message string
	}{
		{"slow", func(_ http.ResponseWriter, r *http.Request) bool {
			select {
			case <-time.After(5 * time.Second):
			case <-r.Context().Done():
			}
			return false
		}, "HTTP exception occurred while sending the request to "},
		{"closes halfway", func(w http.ResponseWriter, _ *http.Request) bool {
			connection, buffer, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return false
			}
			_, err = buffer.WriteString("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"data\":{\"_0\":{\"na")
			if err == nil {
				err = buffer.Flush()
			}
			if err != nil {
				t.Error(err)
			}
			if err := connection.Close(); err != nil {
				t.Error(err)
			}
			return false
		}, "HTTP exception occurred while sending the request to "},
		{"not JSON", testengine.Answer(200, "text/html", "<html>sorry</html>"), "Remote server response is not valid JSON: HTTP status 200"},
		{"502", testengine.Answer(502, "text/plain", "bad gateway"), "Remote server response is not valid JSON: HTTP status 502"},
		{"cut JSON", testengine.Answer(200, "application/json", `{"data":{"_0":{"name":"x"}`), "Remote server response is not valid JSON"},
		{"no data", testengine.Answer(200, "application/json", `{}`), `Missing \"data\" field with no errors in response from remote`},
		{"null data", testengine.Answer(200, "application/json", `{"data":null}`), `Received null \"data\" field with no errors in response from remote`},
		{"empty errors", testengine.Answer(200, "application/json", `{"errors":[]}`), `Empty \"errors\" field in response from remote`},
		{"bad errors", testengine.Answer(200, "application/json", `{"errors":"x"}`), `Invalid \"errors\" field in response from remote`},
		{"400 with errors", testengine.Answer(400, "application/json", `{"errors":[{"message":"no"}]}`), "Errors from remote server"},
		{"missing alias", testengine.Answer(200, "application/json", `{"data":{"_0":{"name":"x"}}}`), "expecting key _1"},
		{"redirect", func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, "http://example.invalid/", http.StatusTemporaryRedirect)
			return false
		}, "HTTP exception occurred while sending the request to "},
	} {
		t.Run(c.name, func(t *testing.T) {
			p.Set(func(w http.ResponseWriter, r *http.Request) bool {
				return !isLookup(r) || c.behave(w, r)
			})
			defer p.Set(nil)
			if answer := ask(t, e, query); !strings.HasPrefix(answer, rest+c.message) {
				t.Errorf("answered %s", answer)
			} else if !strings.Contains(answer, `"path":["makers",0,"again"]`) {
				t.Errorf("the path does not lead to the first null: %s", answer)
			}
		})
	}
	if answer := ask(t, e, query); strings.Contains(answer, "errors") {
		t.Errorf("it has recovered, but %s", answer)
	}
}

// TestDownAtStart has an engine know a remote schema from before, one that it
// has never seen, and what happens once they come back.
func TestDownAtStart(t *testing.T) {
	upstream, err := url.Parse(nodePeers().Start(t, "serve.mjs", "yoga", "makers"))
	if err != nil {
		t.Fatal(err)
	}
	address := "127.0.0.1:" + testengine.FreePort(t)
	serve := func() func() {
		var config net.ListenConfig
		listener, err := config.Listen(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewUnstartedServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(upstream) }})
		if err := server.Listener.Close(); err != nil {
			t.Fatal(err)
		}
		server.Listener = listener
		server.Start()
		return server.Close
	}
	folder := t.TempDir()
	down := serve()
	e := testengine.Start(t, testengine.Options{Folder: folder})
	e.Must(t, "add_remote_schema", map[string]any{"name": "known", "definition": map[string]any{"url": "http://" + address}})
	down()
	if status, answer := e.Command(t, "add_remote_schema", map[string]any{
		"name": "unknown", "definition": map[string]any{"url": "http://" + address, "customization": map[string]any{
			"root_fields_namespace": "other", "type_names": map[string]any{"prefix": "Other"},
		}},
	}); status != http.StatusBadRequest || !strings.Contains(answer, "HTTP exception occurred while sending the request to") {
		t.Errorf("adding what can't be reached: status %d: %s", status, answer)
	}
	if status, answer := e.Command(t, "reload_remote_schema", map[string]any{"name": "known"}); status != http.StatusInternalServerError {
		t.Errorf("reloading what can't be reached: status %d: %s", status, answer)
	}
	e.Stop()

	e = testengine.Start(t, testengine.Options{Folder: folder})
	if answer := ask(t, e, `{ __type(name: "Maker") { name } }`); answer != `{"data":{"__type":{"name":"Maker"}}}` {
		t.Errorf("the last schema is not remembered: %s", answer)
	}
	if answer := ask(t, e, `{ makers(limit: 1) { id } __typename }`); !strings.Contains(answer, "HTTP exception occurred while sending the request to") {
		t.Errorf("answered %s", answer)
	}
	if answer := e.Must(t, "get_inconsistent_metadata", map[string]any{}); !strings.Contains(answer, "remote_schema known") {
		t.Errorf("that it is down is not told: %s", answer)
	}
	up := serve()
	defer up()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		answer := e.Must(t, "get_inconsistent_metadata", map[string]any{})
		if strings.Contains(answer, `"is_consistent":true`) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it is up again, but %s", answer)
		}
	}
	if answer := ask(t, e, `{ makers(limit: 1) { id } }`); answer != `{"data":{"makers":[{"id":"m1"}]}}` {
		t.Errorf("answered %s", answer)
	}
}

// TestHeaders tests which headers go up and which come back.
func TestHeaders(t *testing.T) {
	p := startPeer(t, "apollo", "makers")
	e := startEngine(t, map[string]string{"SECRET": "from env"})
	e.Apply(t, nil, shopMetadata(t, p, map[string]any{
		"forward_client_headers": true,
		"headers": []any{
			map[string]any{"name": "x-fixed", "value": "fixed {{SECRET}}"},
			map[string]any{"name": "x-secret", "value_from_env": "SECRET"},
			map[string]any{"name": "x-hasura-user-id", "value": "configured"},
		},
	}))
	p.Take()
	body, err := json.Marshal(map[string]any{"query": `{ login(user: "ann") makers(limit: 1) { id again { id } } }`})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := e.Try(t.Context(), http.MethodPost, "/v1/graphql", map[string]string{
		"x-client": "client", "x-fixed": "client", "x-hasura-user-id": "client", "x-hasura-org": "7", "accept-language": "no", "cookie": "a=b",
	}, body)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(answer.Body), "errors") {
		t.Fatalf("answered %s", answer.Body)
	}
	if cookies := answer.Header.Values("Set-Cookie"); strings.Join(cookies, "|") != "user=ann; Path=/|seen=1" {
		t.Errorf("cookies %q", cookies)
	}
	requests := p.Take()
	if len(requests) != 2 {
		t.Fatalf("%d requests", len(requests))
	}
	for _, r := range requests {
		for name, want := range map[string]string{
			"X-Client": "client", "X-Fixed": "fixed from env", "X-Secret": "from env", "X-Hasura-User-Id": "configured", "X-Hasura-Org": "7",
			"Accept-Language": "", "Cookie": "a=b", "X-Hasura-Role": "admin", "X-Forwarded-User-Agent": "Go-http-client/1.1",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s is %q, want %q in %s", name, got, want, r.Query)
			}
		}
	}
	// Neither batches nor REST endpoints lose them.
	e.Must(t, "create_query_collection", map[string]any{"name": "c", "definition": map[string]any{"queries": []any{
		map[string]any{"name": "login", "query": `query ($user: String!) { login(user: $user) }`},
	}}})
	e.Must(t, "create_rest_endpoint", map[string]any{"name": "login", "url": "login/:user", "methods": []any{"POST"}, "definition": map[string]any{
		"query": map[string]any{"collection_name": "c", "query_name": "login"},
	}})
	for _, c := range []struct{ path, body, want string }{
		{
			"/v1/graphql", `[{"query": "{ login(user: \"bob\") }"}, {"query": "{ nonsense }"}, {"query": "{ login(user: \"eve\") }"}]`,
			"user=bob; Path=/|seen=1|user=eve; Path=/|seen=1",
		},
		{"/api/rest/login/kim", ``, "user=kim; Path=/|seen=1"},
	} {
		answer, err := e.Try(t.Context(), http.MethodPost, c.path, nil, []byte(c.body))
		if err != nil {
			t.Fatal(err)
		}
		if cookies := strings.Join(answer.Header.Values("Set-Cookie"), "|"); cookies != c.want {
			t.Errorf("%s: cookies %q: %s", c.path, cookies, answer.Body)
		}
	}
	p.Take()
	// Joins bring no cookies back.
	p.Set(func(w http.ResponseWriter, r *http.Request) bool {
		if isLookup(r) {
			w.Header().Set("Set-Cookie", "joined=1")
		}
		return true
	})
	answer, err = e.Try(t.Context(), http.MethodPost, "/v1/graphql", nil, []byte(`{"query": "{ makers(limit: 1) { again { id } } }"}`))
	if err != nil {
		t.Fatal(err)
	}
	if cookies := answer.Header.Values("Set-Cookie"); len(cookies) > 0 {
		t.Errorf("cookies %q", cookies)
	}
}

// TestIntrospectionIsValid has graphql-js build a schema of our introspection,
// and a remote schema of it again.
func TestIntrospectionIsValid(t *testing.T) {
	makers := startPeer(t, "apollo", "makers")
	zoo := testengine.NewPeer(t, startGophers(t))
	stock := startPeer(t, "subgraph", "stock")
	e := startEngine(t, nil)
	e.Apply(t, nil, map[string]any{"version": 3, "sources": []any{}, "remote_schemas": []any{
		map[string]any{"name": "plain", "definition": map[string]any{"url": makers.URL}},
		map[string]any{"name": "renamed", "definition": map[string]any{"url": makers.URL, "customization": document(t, `{"root_fields_namespace": "renamed",
			"type_names": {"prefix": "My", "suffix": "Type", "mapping": {"Maker": "Smith"}}, "field_names": [
			{"parent_type": "Maker", "prefix": "a_"}, {"parent_type": "Node", "prefix": "a_"}, {"parent_type": "Product", "prefix": "a_"},
			{"parent_type": "Book", "prefix": "a_"}, {"parent_type": "Tool", "prefix": "a_"}]}`)}},
		map[string]any{"name": "zoo", "definition": map[string]any{"url": zoo.URL}},
		map[string]any{"name": "stock", "definition": map[string]any{"url": stock.URL}},
	}})
	if output := nodePeers().Run(t, "check.mjs", e.URL+"/v1/graphql"); !strings.Contains(output, "valid") {
		t.Error(output)
	}
	again := startEngine(t, nil)
	again.Must(t, "add_remote_schema", map[string]any{"name": "ours", "definition": map[string]any{"url": e.URL + "/v1/graphql"}})
	answer := ask(t, again, `{ makers(limit: 1) { id } renamed { product(id: "p1") { __typename a_name ... on MyBookType { a_pages } } } }`)
	if want := `{"data":{"makers":[{"id":"m1"}],"renamed":{"product":{"__typename":"MyBookType","a_name":"Iron","a_pages":100}}}}`; answer != want {
		t.Errorf("got  %s\nwant %s", answer, want)
	}
}

// TestSubscriptionEndpoint: an endpoint is a request with one answer, so a
// subscription is refused when it is created.
func TestSubscriptionEndpoint(t *testing.T) {
	t.Parallel()
	e := startEngine(t, nil)
	e.Must(t, "create_query_collection", map[string]any{"name": "c", "definition": map[string]any{"queries": []any{
		map[string]any{"name": "watch", "query": `subscription { __typename }`},
	}}})
	body := `{"type": "create_rest_endpoint", "args": {"name": "watch", "url": "watch", "methods": ["GET"], "definition": {"query": {"collection_name": "c", "query_name": "watch"}}}}`
	answer, err := e.Try(t.Context(), http.MethodPost, "/v1/metadata", nil, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	const want = "Inconsistent object: in endpoint watch: query with name watch is a subscription"
	if answer.Status != http.StatusBadRequest || !strings.Contains(string(answer.Body), want) {
		t.Errorf("answered %d %s, want status 400 with %q", answer.Status, answer.Body, want)
	}
	text, err := json.Marshal(e.Must(t, "export_metadata", map[string]any{}))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "rest_endpoints") {
		t.Errorf("the refused endpoint is there: %s", text)
	}
}

// TestAnswersTogether: the answers of several remote schemas that are under way
// at the same time share one bound, and what was taken is given back.
func TestAnswersTogether(t *testing.T) {
	t.Parallel()
	if have, why := nodePeers().Have(); !have {
		t.Skipf("SKIPPED, NOT TESTED against other GraphQL servers: %s", why)
	}
	// More than sockets hold on their way: most of it has been read when the
	// other answers go on.
	const first = 32 << 20
	behind, err := url.Parse(startPeer(t, "yoga", "library").URL)
	if err != nil {
		t.Fatal(err)
	}
	// answers of the operation under way whose larger part is still to be written;
	// every operation has a group of its own, as handlers may outlive theirs
	var together atomic.Pointer[sync.WaitGroup]
	begin := func(answers int) {
		group := &sync.WaitGroup{}
		group.Add(answers)
		together.Store(group)
	}
	proxy := httputil.NewSingleHostReverseProxy(behind)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if !strings.Contains(string(body), "big(size") {
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			proxy.ServeHTTP(w, r)
			return
		}
		group := together.Load()
		w.Header().Set("Content-Type", "application/json")
		// Who was refused has closed the connection: that is not looked at here.
		_, _ = io.WriteString(w, `{"data":{"big":"`+strings.Repeat("x", first))
		group.Done()
		group.Wait()
		_, _ = io.WriteString(w, `"}}`)
	}))
	t.Cleanup(server.Close)
	e := startEngine(t, map[string]string{"DOVETAIL_REMOTE_MAX_ANSWER_BYTES": "40000000"})
	for _, name := range []string{"a", "b", "c"} {
		e.Must(t, "add_remote_schema", map[string]any{"name": name, "definition": map[string]any{
			"url": server.URL, "customization": map[string]any{"root_fields_namespace": name, "type_names": map[string]any{"prefix": name + "_"}},
		}})
	}
	for range 2 {
		begin(3)
		answer := ask(t, e, `{ a { big(size: 1) } b { big(size: 1) } c { big(size: 1) } }`)
		if len(answer) > 40_000_000 || !strings.Contains(answer, "may take 40000000 bytes together (remote-max-answer-bytes)") {
			t.Fatalf("three answers of %d bytes: %d bytes that end with %s", first, len(answer), answer[max(0, len(answer)-500):])
		}
		begin(1)
		if answer := ask(t, e, `{ c { big(size: 1) } }`); strings.Contains(answer, "errors") || len(answer) < first {
			t.Fatalf("one answer, for which there is room: %d bytes: %.500s", len(answer), answer)
		}
	}
}
