package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"dovetail/internal/testpostgres"
)

// startShop starts an engine over a SQLite database with a table of items.
func startShop(t *testing.T, adjust func(*settings)) *httptest.Server {
	t.Helper()
	server := startTest(t, adjust)
	fillShop(t, server.URL)
	return server
}

// fillShop gives an engine a SQLite database with a table of items.
func fillShop(t *testing.T, address string) {
	t.Helper()
	header := map[string]string{"x-hasura-admin-secret": "s"}
	for _, c := range []struct{ path, body string }{
		{"/v1/metadata", fmt.Sprintf(`{"type": "sqlite_add_source", "args": {"name": "default", "configuration": {"connection_info": {"path": %q}}}}`, freshSQLite(t, t.TempDir()))},
		{"/v2/query", `{"type": "sqlite_run_sql", "args": {"sql": "create table item (id integer primary key, name text); insert into item values (1, 'one'), (2, 'two')"}}`},
		{"/v1/metadata", `{"type": "sqlite_track_table", "args": {"table": "item"}}`},
		{"/v1/metadata", `{"type": "sqlite_create_select_permission", "args": {"table": "item", "role": "user", "permission": {"columns": ["id", "name"], "filter": {"id": {"_eq": "x-hasura-item"}}}}}`},
	} {
		if status, text := send(t, http.MethodPost, address+c.path, c.body, header); status != http.StatusOK {
			t.Fatalf("%s: %d %s", c.body, status, text)
		}
	}
}

func TestGraphQLOverHTTP(t *testing.T) {
	t.Parallel()
	server := startShop(t, func(s *settings) { s.persisted.Enabled = true })
	const specified = "application/graphql-response+json"
	query := `query one($id: Int) { item(where: {id: {_eq: $id}}) { name } }`
	sum := sha256.Sum256([]byte(query))
	hash := hex.EncodeToString(sum[:])
	persisted := fmt.Sprintf(`{"persistedQuery":{"version":1,"sha256Hash":"%s"}}`, hash)
	get := func(pairs ...string) string {
		v := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return "/v1/graphql?" + v.Encode()
	}
	const one = `{"data":{"item":[{"name":"one"}]}}`
	for _, c := range []struct {
		name, method, target, body, accept string
		status                             int
		kind, answer                       string
	}{
		{name: "get", target: get("query", query, "variables", `{"id":1}`, "operationName", "one"), status: 200, answer: one},
		{name: "get without anything", target: "/v1/graphql", status: 404, answer: `"resource does not exist"`},
		{name: "get a mutation", target: get("query", `mutation { insert_item(objects: []) { affected_rows } }`), status: 405, answer: `"method-not-allowed"`},
		{name: "get with bad variables", target: get("query", query, "variables", `{`), status: 200, answer: `"code":"invalid-json"`},
		{name: "the specification's type", method: "POST", body: `{"query":"{item(limit:1){name}}"}`, accept: specified, status: 200, kind: specified, answer: one},
		{name: "the specification's type first", method: "POST", body: `{"query":"{item(limit:1){name}}"}`, accept: specified + ", application/json;q=0.9", status: 200, kind: specified, answer: one},
		{name: "plain JSON first", method: "POST", body: `{"query":"{"}`, accept: specified + ";q=0.5, application/json", status: 200, kind: "application/json", answer: "not a valid graphql query"},
		{name: "invalid, specified", method: "POST", body: `{"query":"{"}`, accept: specified, status: 400, kind: specified, answer: "not a valid graphql query"},
		{name: "not JSON, specified", method: "POST", body: `{`, accept: specified, status: 400, kind: specified, answer: "invalid-json"},
		{name: "invalid, unspecified", method: "POST", body: `{"query":"{"}`, status: 200, kind: "application/json", answer: "not a valid graphql query"},
		{name: "by an unknown hash", target: get("extensions", persisted), status: 200, answer: `"message":"PersistedQueryNotFound"`},
		{name: "by a wrong hash", method: "POST", body: fmt.Sprintf(`{"query":"{item{id}}","extensions":%s}`, persisted), status: 200, answer: "provided sha does not match query"},
		{name: "persist", method: "POST", body: fmt.Sprintf(`{"query":%q,"variables":{"id":2},"extensions":%s}`, query, persisted), status: 200, answer: `{"data":{"item":[{"name":"two"}]}}`},
		{name: "by hash", target: get("extensions", persisted, "variables", `{"id":1}`), status: 200, answer: one},
		{name: "by hash in a post", method: "POST", body: fmt.Sprintf(`{"variables":{"id":1},"extensions":%s}`, persisted), status: 200, answer: one},
		{name: "batch", method: "POST", body: `[{"query":"{item(limit:1){name}}"},{"query":"{"}]`, status: 200, answer: `[` + one + `,{"errors":[`},
		{name: "sources", target: "/healthz/sources", status: 200, answer: `{"default":{"status":"OK","error":null,`},
	} {
		if c.method == "" {
			c.method = http.MethodGet
		}
		if c.target == "" {
			c.target = "/v1/graphql"
		}
		request, err := http.NewRequestWithContext(t.Context(), c.method, server.URL+c.target, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		if c.accept != "" {
			request.Header.Set("Accept", c.accept)
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		if err != nil || answer.Body.Close() != nil {
			t.Fatal(err)
		}
		if answer.StatusCode != c.status || !strings.Contains(string(text), c.answer) || !strings.HasPrefix(answer.Header.Get("Content-Type"), c.kind) {
			t.Errorf("%s: %d %s %s", c.name, answer.StatusCode, answer.Header.Get("Content-Type"), text)
		}
	}
	off := startShop(t, nil)
	for body, want := range map[string]string{
		// A client tries the hash alone first, and has to learn that it must send the text.
		fmt.Sprintf(`{"extensions":%s}`, persisted):                   `{"errors":[{"message":"PersistedQueryNotSupported","extensions":{"path":"$","code":"PERSISTED_QUERY_NOT_SUPPORTED"}}]}`,
		fmt.Sprintf(`{"query":%q,"extensions":%s}`, query, persisted): `{"errors":[{"message":"Automatic Persisted Queries is not enabled","extensions":{"path":"$","code":"not-supported"}}]}`,
	} {
		if status, text := send(t, http.MethodPost, off.URL+"/v1/graphql", body, nil); status != http.StatusOK || text != want {
			t.Errorf("turned off: %s: %d %s", body, status, text)
		}
	}
}

func TestCompression(t *testing.T) {
	t.Parallel()
	server := startTest(t, nil)
	const query = `{"query":"{ __schema { types { name description fields { name type { name kind ofType { name } } } } } }"}`
	_, plain := send(t, http.MethodPost, server.URL+"/v1/graphql", query, map[string]string{"Accept-Encoding": "identity"})
	open := map[string]func(io.Reader) (io.Reader, error){
		"":     func(r io.Reader) (io.Reader, error) { return r, nil },
		"br":   func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil },
		"gzip": func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		"zstd": func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r) },
	}
	for accept, want := range map[string]string{
		"identity": "", "gzip": "gzip", "gzip, deflate, br": "br", "gzip, deflate, br, zstd": "zstd", "*": "gzip",
		"gzip;q=1, br;q=0.5": "gzip", "gzip;q=0": "", "BR": "br", "deflate": "",
	} {
		for range 2 { // the second with a writer that has been used
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/v1/graphql", strings.NewReader(query))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Accept-Encoding", accept)
			answer, err := http.DefaultTransport.RoundTrip(request)
			if err != nil {
				t.Fatal(err)
			}
			if got := answer.Header.Get("Content-Encoding"); got != want {
				t.Errorf("%s: %s, want %s", accept, got, want)
			}
			reader, err := open[answer.Header.Get("Content-Encoding")](answer.Body)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(reader)
			if err != nil || string(text) != plain || answer.Body.Close() != nil {
				t.Errorf("%s: %v, %d bytes instead of %d", accept, err, len(text), len(plain))
			}
		}
	}
}

// TestCompressionBySize: whether an answer is compressed depends on its size, not
// on the pieces that it is written in.
func TestCompressionBySize(t *testing.T) {
	t.Parallel()
	server := startShop(t, nil)
	for size, want := range map[int]string{1: "", 600: "", 720: "gzip", 5000: "gzip"} {
		query := fmt.Sprintf(`{"query":"{ %s: __typename }"}`, strings.Repeat("a", size))
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/v1/graphql", strings.NewReader(query))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Accept-Encoding", "gzip")
		answer, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		if got := answer.Header.Get("Content-Encoding"); answer.Body.Close() != nil || got != want {
			t.Errorf("%d: %q", size, got)
		}
	}
	// The schema's first piece is shorter than what is worth compressing.
	_, plain := send(t, http.MethodPost, server.URL+"/v1/graphql", `{"query":"{ __schema { types { name fields { name } } } }"}`, map[string]string{"Accept-Encoding": "identity"})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/v1/graphql", strings.NewReader(`{"query":"{ __schema { types { name fields { name } } } }"}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept-Encoding", "gzip")
	answer, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := io.ReadAll(answer.Body)
	if err != nil || answer.Body.Close() != nil || answer.Header.Get("Content-Encoding") != "gzip" || len(packed) > len(plain)/2 {
		t.Errorf("%v, %q, %d bytes of %d", err, answer.Header.Get("Content-Encoding"), len(packed), len(plain))
	}
}

func TestOrigins(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		domains, origin string
		allowed         bool
	}{
		{"*", "http://any.where", true},
		{"https://*.a.com, http://b.com:8080", "https://x.a.com", true},
		{"https://*.a.com", "https://a.com", false},
		{"https://*.a.com", "https://x.y.a.com", false},
		{"https://*.a.com", "http://x.a.com", false},
		{"https://*.a.com", "https://evila.com", false},
		{"http://b.com:8080", "http://b.com:8080", true},
		{"http://b.com:8080", "http://b.com", false},
	} {
		server := startTest(t, func(s *settings) {
			for _, d := range honoured() {
				if d.name == "cors-domain" {
					if err := d.apply(s, c.domains); err != nil {
						t.Error(err)
					}
				}
			}
		})
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/v1/version", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Origin", c.origin)
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if answer.Body.Close() != nil || (answer.Header.Get("Access-Control-Allow-Origin") == c.origin) != c.allowed {
			t.Errorf("%s asking %s: %v", c.origin, c.domains, answer.Header)
		}
	}
	for _, bad := range []string{"a.com", "ftp://a.com", "http://a.com/path", "http://a.*.com"} {
		if _, _, _, err := parseSettings([]string{"serve", "--cors-domain", bad}, variables(), io.Discard); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

// TestShutdown ends an engine while it answers: the answer still comes, unless
// it takes longer than there is time.
func TestShutdown(t *testing.T) {
	t.Parallel()
	data := testpostgres.Database(t)
	for _, c := range []struct {
		sleep, timeout string
		answered       bool
	}{{"1", "30", true}, {"60", "1", false}} {
		p := startProcess(t, "--database-url", data, "--metadata-path", t.TempDir()+"/m.db", "--metadata-database-url", "sqlite:"+t.TempDir()+"/m.db",
			"--graceful-shutdown-timeout", c.timeout)
		answered := make(chan bool, 1)
		go func() {
			status, _, err := post(context.WithoutCancel(t.Context()), p.url+"/v2/query", fmt.Sprintf(`{"type":"run_sql","args":{"sql":"select pg_sleep(%s)"}}`, c.sleep))
			answered <- err == nil && status == http.StatusOK
		}()
		time.Sleep(300 * time.Millisecond)
		if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_ = p.command.Wait() // killing running requests is an error that is expected
		if got := <-answered; got != c.answered || time.Since(start) > 20*time.Second {
			t.Errorf("%+v: answered %v after %v: %s", c, got, time.Since(start), p.output.text())
		}
	}
}

func TestAuthenticationSettings(t *testing.T) {
	t.Parallel()
	key := strings.Repeat("k", 32)
	s, _, _, err := parseSettings([]string{"serve"}, variables(
		"HASURA_GRAPHQL_ADMIN_SECRETS", `["a","b"]`, "HASURA_GRAPHQL_JWT_SECRETS", fmt.Sprintf(`[{"type":"HS256","key":"%s"}]`, key),
	), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := authentication(s); err != nil || len(c.AdminSecrets) != 2 || len(c.JWT) != 1 {
		t.Errorf("%+v, %v", c, err)
	}
	for _, pairs := range [][]string{
		{"HASURA_GRAPHQL_ADMIN_SECRETS", "sesame"},
		{"HASURA_GRAPHQL_JWT_SECRET", `{"type":"HS256","key":"sesame"}`},
		{"HASURA_GRAPHQL_JWT_SECRETS", `["sesame"]`},
	} {
		s, _, _, err := parseSettings([]string{"serve"}, variables(pairs...), io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(pairs[0], "HASURA_GRAPHQL_"), "_", "-"))
		if _, err := authentication(s); err == nil || strings.Contains(err.Error(), "sesame") || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%v: %v", pairs, err)
		}
	}
	server := startShop(t, func(s *settings) {
		s.adminSecret, s.jwtSecret = "s", fmt.Sprintf(`{"type":"HS256","key":"%s"}`, key)
	})
	status, text := send(t, http.MethodPost, server.URL+"/v1/graphql", `{"query":"{item{id}}"}`, nil)
	if want := `{"errors":[{"message":"Missing 'Authorization' or 'Cookie' header in JWT authentication mode","extensions":{"path":"$","code":"invalid-headers"}}]}`; status != 200 || text != want {
		t.Errorf("%d %s", status, text)
	}
	status, text = send(t, http.MethodGet, server.URL+"/v1alpha1/config", "", map[string]string{"x-hasura-admin-secret": "s"})
	var config map[string]any
	if err := json.Unmarshal([]byte(text), &config); status != 200 || err != nil || config["is_jwt_set"] != true || strings.Contains(text, key) {
		t.Errorf("%d %s", status, text)
	}
}

// TestQueryLog: lines have v2's shape; values of variables are for debugging
// only; what nobody asked for is not written.
func TestQueryLog(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		types   map[string]bool
		level   slog.Level
		want    []string
		without []string
	}{
		{types: map[string]bool{"http-log": true}, want: []string{`"type":"http-log"`, `"user_vars":{"x-hasura-role":"admin"}`, `"request_mode":"single"`, `"parameterized_query_hash":"`, `"level":"error"`, `"error":{"path":"$.selectionSet.nothing","error":"field 'nothing' not found in type: 'query_root'","code":"validation-failed"}`}, without: []string{"query-log", "5040"}},
		{types: map[string]bool{"query-log": true}, want: []string{`"type":"query-log"`, `"kind":"database"`, `"generated_sql":{"item":{"prepared_arguments":[],"query":"SELECT`}, without: []string{"http-log", "5040"}},
		{types: map[string]bool{"query-log": true}, level: slog.LevelDebug, want: []string{"5040"}},
		{types: map[string]bool{"http-log": true, "startup": true}, want: []string{`"kind":"server_configuration"`, `"is_admin_secret_set":false`}, without: []string{"raw_query"}},
		{types: map[string]bool{"http-log": true}, level: slog.LevelDebug, want: []string{`"raw_query":"{\"query\": nonsense"`}},
		{types: map[string]bool{}, without: []string{"http-log", "query-log"}},
	} {
		output := &lockedBuffer{}
		s := defaults()
		s.metadataPath, s.poll, s.logTypes, s.logLevel = t.TempDir()+"/m.db", 0, c.types, c.level
		i, err := start(t.Context(), s, output)
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(i.server.Handler())
		fillShop(t, server.URL)
		for _, query := range []string{`query ($id: Int) { item(where: {id: {_eq: $id}}) { name } }`, `query ($id: Int) { item(where: {id: {_eq: $id}}) { name } nothing }`} {
			send(t, http.MethodPost, server.URL+"/v1/graphql", fmt.Sprintf(`{"query":%q,"variables":{"id":5040}}`, query), nil)
		}
		send(t, http.MethodPost, server.URL+"/v1/graphql", `{"query": nonsense`, nil)
		server.Close()
		if err := i.close(); err != nil {
			t.Error(err)
		}
		for _, text := range c.want {
			if !strings.Contains(output.text(), text) {
				t.Errorf("%v: no %s in %s", c.types, text, output.text())
			}
		}
		for _, text := range c.without {
			if strings.Contains(output.text(), text) {
				t.Errorf("%v: %s in %s", c.types, text, output.text())
			}
		}
	}
}

// TestAllowlistAndEndpoints: roles ask what is listed, and endpoints what they
// are for.
func TestAllowlistAndEndpoints(t *testing.T) {
	t.Parallel()
	server := startShop(t, func(s *settings) { s.allowlist.Enabled, s.allowlist.Roles = true, true })
	for _, body := range []string{
		`{"type": "create_query_collection", "args": {"name": "all", "definition": {"queries": [{"name": "names", "query": "query { item { name } }"}, {"name": "one", "query": "query ($id: Int!, $limit: Int = 5) { item(where: {id: {_eq: $id}}, limit: $limit) { name } }"}]}}}`,
		`{"type": "create_query_collection", "args": {"name": "some", "definition": {"queries": [{"name": "ids", "query": "{ item { id } }"}]}}}`,
		`{"type": "add_collection_to_allowlist", "args": {"collection": "all"}}`,
		`{"type": "add_collection_to_allowlist", "args": {"collection": "some", "scope": {"global": false, "roles": ["user"]}}}`,
		`{"type": "create_rest_endpoint", "args": {"name": "one", "url": "item/:id", "methods": ["GET", "POST"], "definition": {"query": {"collection_name": "all", "query_name": "one"}}}}`,
	} {
		if status, text := send(t, http.MethodPost, server.URL+"/v1/metadata", body, nil); status != http.StatusOK || text != `{"message":"success"}` {
			t.Fatalf("%s: %d %s", body, status, text)
		}
	}
	for _, scope := range []string{`{"global": false, "roles": []}`, `{"roles": []}`} {
		body := fmt.Sprintf(`{"type": "update_scope_of_collection_in_allowlist", "args": {"collection": "some", "scope": %s}}`, scope)
		if status, text := send(t, http.MethodPost, server.URL+"/v1/metadata", body, nil); status != http.StatusBadRequest || !strings.Contains(text, "unexpected empty list") {
			t.Errorf("a scope without roles: %d %s", status, text)
		}
	}
	user := map[string]string{"x-hasura-role": "user", "x-hasura-item": "1"}
	const refused = `{"errors":[{"message":"query is not allowed","extensions":{"path":"$","code":"validation-failed"}}]}`
	for _, c := range []struct {
		method, path, body string
		header             map[string]string
		status             int
		answer             string
	}{
		{"POST", "/v1/graphql", `{"query":"{ item { name __typename } } # as listed"}`, user, 200, `{"data":{"item":[{"name":"one","__typename":"item"}]}}`},
		{"POST", "/v1/graphql", `{"query":"{ item { id } }"}`, user, 200, `{"data":{"item":[{"id":1}]}}`},
		{"POST", "/v1/graphql", `{"query":"{ item { id } }"}`, map[string]string{"x-hasura-role": "guest"}, 200, refused},
		{"POST", "/v1/graphql", `{"query":"{ item { name id } }"}`, user, 200, refused},
		{"POST", "/v1/graphql", `{"query":"{ item { name id } }"}`, nil, 200, `{"data":{"item":[{"name":"one","id":1},{"name":"two","id":2}]}}`},
		{"GET", "/api/rest/item/2", "", nil, 200, `{"item":[{"name":"two"}]}`},
		{"GET", "/api/rest/item/2?limit=0", "", nil, 200, `{"item":[]}`},
		{"POST", "/api/rest/item/2", `{"id": 1, "limit": 1}`, nil, 200, `{"item":[{"name":"two"}]}`},
		{"GET", "/api/rest/item/1", "", user, 200, `{"item":[{"name":"one"}]}`},
		{"DELETE", "/api/rest/item/2", "", nil, 405, `{"path":"$","error":"Allowed methods: GET, POST","code":"method-not-allowed"}`},
		{"GET", "/api/rest/thing", "", nil, 404, `{"path":"$","error":"Endpoint not found","code":"not-found"}`},
		{"GET", "/api/rest/item/x", "", nil, 400, `"code":"validation-failed"`},
		{"POST", "/api/rest/item/2", `limit=0`, map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, 200, `{"item":[]}`},
		{"POST", "/api/rest/item/2?limit=1", `limit=0&id=1`, map[string]string{"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}, 200, `{"item":[{"name":"two"}]}`},
		{"POST", "/api/rest/item/2", `{"limit": 0}`, map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, 200, `{"item":[]}`},
		{"POST", "/api/rest/item/2", `limit=%`, map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, 400, `the form could not be read`},
		{"POST", "/api/rest/item/2", `[]`, nil, 400, `expected Object, but encountered Array`},
	} {
		if status, text := send(t, c.method, server.URL+c.path, c.body, c.header); status != c.status || !strings.Contains(text, c.answer) {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, status, text)
		}
	}
}

// TestAPILimits sets limits and asks for more; admins may.
func TestAPILimits(t *testing.T) {
	t.Parallel()
	server := startShop(t, nil)
	set := func(args string) {
		t.Helper()
		body := fmt.Sprintf(`{"type": "set_api_limits", "args": %s}`, args)
		if status, text := send(t, http.MethodPost, server.URL+"/v1/metadata", body, nil); status != http.StatusOK || text != `{"message":"success"}` {
			t.Fatalf("%s: %d %s", body, status, text)
		}
	}
	ask := func(role, body string) string {
		t.Helper()
		_, text := send(t, http.MethodPost, server.URL+"/v1/graphql", body, map[string]string{"x-hasura-role": role, "x-hasura-item": "1", "x-hasura-user-id": role})
		return text
	}
	const (
		one    = `{"query":"{ item { id } }"}`
		twice  = `{"query":"{ ...A ...A b: item { id } } fragment A on query_root { item { id } }"}`
		schema = `{"query":"{ __schema { queryType { fields { type { ofType { name } } } } } }"}`
		data   = `{"data":`
	)
	set(`{"depth_limit": {"global": 0, "per_role": {"user": 1}}, "node_limit": {"global": 1}, "batch_limit": {"global": 2}}`)
	for _, c := range []struct{ role, body, want string }{
		{"user", one, data},
		{"user", schema, data},
		{"other", `{"query":"{ a: __typename }"}`, data},
		{"user", twice, `{"errors":[{"message":"the operation has 3 nodes, the limit is 1","extensions":{"path":"$","code":"node-limit-exceeded"}}]}`},
		{"admin", twice, data},
		{"user", "[" + one + "," + one + "]", "[" + data},
		{"user", "[" + one + "," + one + "," + one + "]", `{"errors":[{"message":"the batch has 3 operations, the limit is 2","extensions":{"path":"$","code":"batch-limit-exceeded"}}]}`},
		{"other", one, `"code":"depth-limit-exceeded"`},
	} {
		if text := ask(c.role, c.body); !strings.HasPrefix(text, c.want) && !strings.Contains(text, c.want) {
			t.Errorf("%s %s: %s", c.role, c.body, text)
		}
	}
	set(`{"rate_limit": {"global": {"max_reqs_per_min": 2, "unique_params": ["x-hasura-user-id"]}, "per_role": {"other": {"max_reqs_per_min": 100, "unique_params": "IP"}}}}`)
	for i := range 3 {
		if text := ask("user", one); strings.HasPrefix(text, data) != (i < 2) || i == 2 && !strings.Contains(text, `"code":"rate-limit-exceeded"`) {
			t.Errorf("request %d: %s", i, text)
		}
		if text := ask("other", `{"query":"{ __typename }"}`); !strings.HasPrefix(text, data) {
			t.Errorf("request %d of another role: %s", i, text)
		}
	}
	set(`{"time_limit": {"global": 0.000001}}`)
	if text := ask("user", one); !strings.Contains(text, `"code":"time-limit-exceeded"`) {
		t.Errorf("without time: %s", text)
	}
	set(`{"disabled": true, "time_limit": {"global": 0}}`)
	if text := ask("user", one); !strings.HasPrefix(text, data) {
		t.Errorf("disabled: %s", text)
	}
	for _, body := range []string{
		`{"type": "set_api_limits", "args": {"depth_limit": {"per_role": {}}}}`,
		`{"type": "set_api_limits", "args": {"depth_limit": {"global": "x"}}}`,
		`{"type": "set_api_limits", "args": {"rate_limit": {"global": {"max_reqs_per_min": 1, "unique_params": "cookie"}}}}`,
	} {
		if status, text := send(t, http.MethodPost, server.URL+"/v1/metadata", body, nil); status != http.StatusBadRequest || !strings.Contains(text, `"code":"parse-failed"`) {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}
	if status, text := send(t, http.MethodPost, server.URL+"/v1/metadata", `{"type": "remove_api_limits", "args": {}}`, nil); status != http.StatusOK {
		t.Errorf("removing: %d %s", status, text)
	}
}

// TestFragmentsSpreadOften: a fragment counts once, however often it is spread.
func TestFragmentsSpreadOften(t *testing.T) {
	t.Parallel()
	server := startShop(t, nil)
	var text strings.Builder
	text.WriteString("{ item { ...f0 } }")
	for i := range 60 {
		fmt.Fprintf(&text, " fragment f%d on item { ...f%d ...f%d }", i, i+1, i+1)
	}
	text.WriteString(" fragment f60 on item { id }")
	body, err := json.Marshal(map[string]string{"query": text.String()})
	if err != nil {
		t.Fatal(err)
	}
	if _, answer := send(t, http.MethodPost, server.URL+"/v1/graphql", string(body), nil); answer != `{"data":{"item":[{"id":1},{"id":2}]}}` {
		t.Error(answer)
	}
}

// TestQueryTags: statements carry comments that say which operation they are
// for, whatever clients put into them.
func TestQueryTags(t *testing.T) {
	t.Parallel()
	server := startTest(t, nil)
	do := func(path, body string) string {
		t.Helper()
		status, text := send(t, http.MethodPost, server.URL+path, body, map[string]string{"X-Request-Id": "a*/ b'"})
		if status != http.StatusOK {
			t.Fatalf("%s: %d %s", body, status, text)
		}
		return text
	}
	do("/v1/metadata", fmt.Sprintf(`{"type": "pg_add_source", "args": {"name": "default", "configuration": {"connection_info": {"database_url": %q}}}}`, testpostgres.Database(t)))
	do("/v2/query", `{"type": "run_sql", "args": {"sql": "create view own as select current_query() as statement"}}`)
	do("/v1/metadata", `{"type": "pg_track_table", "args": {"table": "own"}}`)
	const query = `{"query": "query Whose { mine: own(where: {statement: {_neq: \"x\"}}) { statement } }"}`
	if text := do("/v1/graphql", query); strings.Contains(text, "/*") {
		t.Errorf("without tags: %s", text)
	}
	hash := ""
	for _, c := range []struct{ tags, want string }{
		{`{}`, `/* field_name=mine, operation_name=Whose, parameterized_query_hash=`},
		{`{"omit_request_id": false}`, `/* request_id=a%2A%2F%20b%27, field_name=mine, operation_name=Whose, parameterized_query_hash=`},
		{`{"format": "standard_prepended"}`, `"statement":"/* field_name=mine, operation_name=Whose, parameterized_query_hash=`},
		{`{"format": "sqlcommenter"}`, `/* field_name='mine', operation_name='Whose', parameterized_query_hash='`},
	} {
		do("/v1/metadata", fmt.Sprintf(`{"type": "set_query_tags", "args": %s}`, strings.Replace(strings.Replace(c.tags, "{", `{"source_name": "default", `, 1), ", }", "}", 1)))
		text := do("/v1/graphql", query)
		at := strings.Index(text, c.want)
		if at < 0 {
			t.Errorf("%s: %s", c.tags, text)
			continue
		}
		here := text[at+len(c.want):][:40]
		if hash != "" && here != hash {
			t.Errorf("another hash: %s, %s", here, hash)
		}
		hash = here
		if again := do("/v1/graphql", strings.ReplaceAll(query, `\"x\"`, `\"y\"`)); !strings.Contains(again, hash) {
			t.Errorf("another value, another hash: %s", again)
		}
	}
	do("/v1/metadata", `{"type": "set_query_tags", "args": {"source_name": "default", "disabled": true}}`)
	if text := do("/v1/graphql", query); strings.Contains(text, "/*") {
		t.Errorf("disabled: %s", text)
	}
	for body, want := range map[string]string{
		`{"type": "set_query_tags", "args": {"source_name": "default", "format": "other"}}`: `"code":"parse-failed"`,
		`{"type": "set_query_tags", "args": {"source_name": "other"}}`:                      `"code":"not-exists"`,
	} {
		if status, text := send(t, http.MethodPost, server.URL+"/v1/metadata", body, nil); status != http.StatusBadRequest || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}
}
