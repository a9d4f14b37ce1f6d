package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func variables(pairs ...string) environment {
	out := environment{}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = pairs[i+1]
	}
	return out
}

func TestSettings(t *testing.T) {
	t.Parallel()
	s, command, rest, err := parseSettings(
		[]string{
			"--metadata-database-url", "postgres://m", "serve", "--enable-telemetry=false", "--server-port", "8099",
			"--stringify-numeric-types", "--enable-console", "--infer-function-permissions", "false",
		},
		variables(
			"HASURA_GRAPHQL_ADMIN_SECRET", "from v2", "DOVETAIL_ADMIN_SECRET", "ours", "HASURA_GRAPHQL_SERVER_PORT", "1",
			"HASURA_GRAPHQL_DATABASE_URL", "postgres://d", "HASURA_GRAPHQL_DEV_MODE", "true", "HASURA_GRAPHQL_ENABLE_ALLOWLIST", "false",
			"HASURA_GRAPHQL_EXPERIMENTAL_FEATURES", "naming_convention, apollo_federation",
		), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if command != "serve" || len(rest) != 0 || s.metadataURL != "postgres://m" || s.port != "8099" || s.adminSecret != "ours" || !s.devMode ||
		s.databaseURL != "postgres://d" || s.databaseURLFromEnv != "HASURA_GRAPHQL_DATABASE_URL" || !s.catalog.StringifyNumericTypes ||
		s.catalog.InferFunctionPermissions || !s.catalog.ApolloFederation || len(s.ignored) != 2 {
		t.Errorf("%s %v: %+v", command, rest, s)
	}
	if got := defaultSource(s).String(); got != `{"connection_info":{"database_url":{"from_env":"HASURA_GRAPHQL_DATABASE_URL"}}}` {
		t.Errorf("default source: %s", got)
	}
}

// TestNamesOfV2: flags and variables of v2 that are not alike.
func TestNamesOfV2(t *testing.T) {
	t.Parallel()
	s, _, _, err := parseSettings(
		[]string{"serve", "-c", "7", "--timeout", "8", "--conn-lifetime", "9", "-i", "serializable", "--retries", "3", "--trace-sql-query", "--use-prepared-statements", "false"},
		variables(
			"HASURA_GRAPHQL_CORS_DOMAIN", "", "HASURA_GRAPHQL_NO_OF_RETRIES", "2", "HASURA_GRAPHQL_CACHE_MAX_ENTRY_TTL", "5",
			"HASURA_GRAPHQL_MAX_TOTAL_HEADER_LENGTH", "4096", "HASURA_GRAPHQL_BACKWARDS_COMPAT_NULL_IN_NONNULLABLE_VARIABLES", "false",
			"HASURA_GRAPHQL_ADMIN_SECRET", "one", "HASURA_GRAPHQL_ADMIN_SECRETS", `["two", "three"]`,
		), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if s.postgres.connections != 7 || s.postgres.idle != 8*time.Second || s.postgres.lifetime != 9*time.Second || s.postgres.isolation != "serializable" ||
		len(s.cors.Origins) != 0 || s.maxHeaderBytes != 4096 || len(s.ignored) != 2 ||
		s.retries != 3 || s.postgres.prepared == nil || *s.postgres.prepared {
		t.Errorf("%+v", s)
	}
	if who, err := authentication(s); err != nil || !slices.Equal(who.AdminSecrets, []string{"two", "three"}) {
		t.Errorf("%v %v", who.AdminSecrets, err)
	}
}

// TestUnknownVariables: those of v2 that nobody knows are told of, and don't
// keep the engine from starting; those of others are none of its business.
func TestUnknownVariables(t *testing.T) {
	t.Parallel()
	s, _, _, err := parseSettings([]string{"serve"}, variables(
		"HASURA_GRAPHQL_ADMIN_SECERT", "x", "HASURA_GRAPHQL_MY_SHOP", "y", "DOVETAIL_ENABLE_CONSOLE", "true", "OTHER", "z",
		"HASURA_GRAPHQL_ACCESS_KEY", "older", "HASURA_GRAPHQL_ADMIN_SECRET", "newer",
	), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"HASURA_GRAPHQL_ADMIN_SECERT: there is no such setting, perhaps HASURA_GRAPHQL_ADMIN_SECRET is meant",
		"HASURA_GRAPHQL_MY_SHOP: there is no such setting",
	}
	if !slices.Equal(s.unknown, want) || len(s.ignored) != 1 || s.adminSecret != "newer" {
		t.Errorf("%q %q %q", s.unknown, s.ignored, s.adminSecret)
	}
	var output bytes.Buffer
	s.metadataPath, s.poll = t.TempDir()+"/m.db", 0
	i, err := start(t.Context(), s, &output)
	if err != nil {
		t.Fatal(err)
	}
	if err := i.close(); err != nil {
		t.Error(err)
	}
	if text := output.String(); !strings.Contains(text, `"kind":"unknown_setting"`) || strings.Contains(text, "no_admin_secret") {
		t.Error(text)
	}
}

// TestOpenness: an engine that everybody may use says so, whatever is logged.
func TestOpenness(t *testing.T) {
	t.Parallel()
	for host, reach := range map[string]string{"": "everybody who reaches this machine", "127.0.0.1": "everybody on this machine"} {
		var output bytes.Buffer
		s := defaults()
		s.metadataPath, s.poll, s.logTypes, s.host = t.TempDir()+"/m.db", 0, map[string]bool{}, host
		i, err := start(t.Context(), s, &output)
		if err != nil {
			t.Fatal(err)
		}
		if err := i.close(); err != nil {
			t.Error(err)
		}
		if text := output.String(); !strings.Contains(text, `"level":"warn"`) || !strings.Contains(text, "THERE IS NO ADMIN SECRET: "+reach) {
			t.Errorf("%q: %s", host, text)
		}
	}
	s := defaults()
	s.adminSecrets = "[]"
	if _, err := authentication(s); err == nil || !strings.Contains(err.Error(), "admin-secrets: the list has no secret") {
		t.Errorf("an empty list of secrets: %v", err)
	}
}

// TestModes: neither read-only nor maintenance mode lets the metadata change.
func TestModes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		adjust func(*settings)
		bodies map[string]string
	}{
		{func(s *settings) { s.maintenance = true }, map[string]string{
			`{"type": "clear_metadata", "args": {}}`:                         `{"path":"$.args","error":"metadata cannot be modified in maintenance mode","code":"unexpected"}`,
			`{"type": "run_sql", "args": {"sql": "create table a (b int)"}}`: `source with name \"default\" does not exist`,
		}},
		{func(s *settings) { s.readOnly, s.readOnlyData = true, true }, map[string]string{
			`{"type": "clear_metadata", "args": {}}`:                              `{"path":"$.args","error":"metadata cannot be modified in read-only mode","code":"not-supported"}`,
			`{"type": "run_sql", "args": {"sql": "create table a (b int)"}}`:      `{"path":"$.args","error":"Cannot run write queries when read-only mode is enabled","code":"not-supported"}`,
			`{"type": "insert", "args": {"table": "a", "objects": []}}`:           `{"path":"$.args","error":"Cannot run write queries when read-only mode is enabled","code":"not-supported"}`,
			`{"type": "run_sql", "args": {"sql": "select 1", "read_only": true}}`: `source with name \"default\" does not exist`,
			`{"type": "export_metadata", "args": {}}`:                             `{"version":3,"sources":[]}`,
		}},
	} {
		server := startTest(t, c.adjust)
		for body, want := range c.bodies {
			if _, answer := send(t, http.MethodPost, server.URL+"/v1/query", body, nil); !strings.Contains(answer, want) {
				t.Errorf("%s: %s", body, answer)
			}
		}
	}
}

func TestRefusedSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		arguments []string
		env       []string
		message   string
	}{
		{arguments: []string{"serve", "--admin-secret"}, message: "flag needs an argument: -admin-secret"},
		{arguments: []string{"serve", "--no-such-flag"}, message: "flag provided but not defined: -no-such-flag"},
		{arguments: []string{"serve", "--server-port", "x"}, message: "expected a port number"},
		{env: []string{"HASURA_GRAPHQL_BACKWARDS_COMPAT_NULL_IN_NONNULLABLE_VARIABLES", "true"}, message: "HASURA_GRAPHQL_BACKWARDS_COMPAT_NULL_IN_NONNULLABLE_VARIABLES is set, but"},
		{env: []string{"DOVETAIL_ADMIN_SECERT", "x"}, message: "DOVETAIL_ADMIN_SECERT: there is no such setting, perhaps DOVETAIL_ADMIN_SECRET is meant"},
		{env: []string{"DOVETAIL_ADMIN_SECRET", ""}, message: "a secret must not be empty"},
		{env: []string{"HASURA_GRAPHQL_ADMIN_SECRET", " "}, message: "a secret must not be empty"},
		{env: []string{"HASURA_GRAPHQL_ACCESS_KEY", ""}, message: "a secret must not be empty"},
		{env: []string{"HASURA_GRAPHQL_ADMIN_SECRETS", ""}, message: "a secret must not be empty"},
		{arguments: []string{"serve", "--admin-secret", ""}, message: "a secret must not be empty"},
		{arguments: []string{"serve", "--access-key="}, message: "a secret must not be empty"},
		{env: []string{"DOVETAIL_METADATA_DEFAULTS", `{"a":1}`}, message: "DOVETAIL_METADATA_DEFAULTS is set, but"},
		{env: []string{"HASURA_GRAPHQL_DEV_MODE", "perhaps"}, message: `HASURA_GRAPHQL_DEV_MODE="perhaps": expected true or false`},
		{env: []string{"HASURA_GRAPHQL_EXPERIMENTAL_FEATURES", "hide_stream_fields"}, message: "is not supported"},
	} {
		_, _, _, err := parseSettings(c.arguments, variables(c.env...), io.Discard)
		if err == nil || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%v %v: %v, want %q", c.arguments, c.env, err, c.message)
		}
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		arguments []string
		output    string
		message   string
	}{
		{arguments: []string{"version"}, output: "dovetail development\n"},
		{arguments: []string{"sing"}, message: `unknown command "sing"`},
		{arguments: []string{"serve", "more"}, message: `unexpected argument "more"`},
		{arguments: []string{"healthcheck", "--url", "http://127.0.0.1:1/healthz"}, message: "connection refused"},
	} {
		var out bytes.Buffer
		err := run(t.Context(), c.arguments, variables(), &out, io.Discard)
		if c.message == "" && err != nil || c.message != "" && (err == nil || !strings.Contains(err.Error(), c.message)) || out.String() != c.output {
			t.Errorf("%v: %v, %q", c.arguments, err, out.String())
		}
	}
}

// TestDemo starts the demo as a user would and asks for what takes all of it.
func TestDemo(t *testing.T) {
	t.Parallel()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(address, ":")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	var out bytes.Buffer
	go func() { ended <- run(ctx, []string{"demo", "--server-port", port}, variables(), &out, io.Discard) }()
	url := "http://" + address
	deadline := time.Now().Add(30 * time.Second)
	for run(t.Context(), []string{"healthcheck", "--url", url + "/healthz"}, variables(), io.Discard, io.Discard) != nil {
		if time.Now().After(deadline) {
			t.Fatal("the demo did not start")
		}
		time.Sleep(20 * time.Millisecond)
	}
	status, text := send(t, http.MethodPost, url+"/v1/graphql", `{"query": "{album(limit: 2) {title rating {average} order_lines {quantity}}}"}`, nil)
	if status != http.StatusOK || !strings.Contains(text, `"average"`) || strings.Contains(text, `"errors"`) {
		t.Errorf("%d %s", status, text)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if !strings.Contains(out.String(), "curl -s "+url+"/v1/graphql") {
		t.Errorf("greeting: %s", out.String())
	}
}

func TestServer(t *testing.T) {
	t.Parallel()
	server := startTest(t, func(s *settings) {
		s.adminSecret, s.maxBodyBytes, s.internalErrors = "s", 2000, false
		s.cors.Origins = []string{"https://*.example.com"}
	})
	post := func(path, body string, header ...string) (int, string) {
		t.Helper()
		h := map[string]string{}
		for i := 0; i < len(header); i += 2 {
			h[header[i]] = header[i+1]
		}
		return send(t, http.MethodPost, server.URL+path, body, h)
	}
	for _, c := range []struct {
		path, body string
		header     []string
		status     int
		answer     string
	}{
		{"/v1/metadata", `{}`, nil, 401, `{"path":"$","error":"\"x-hasura-admin-secret\"/\"x-hasura-access-key\" required, but not found","code":"access-denied"}`},
		{"/v1/metadata", `{"type":"export_metadata"}`, []string{"x-hasura-admin-secret", "s"}, 200, `{"version":3,"sources":[]}`},
		{"/v1/metadata", strings.Repeat(" ", 3000), []string{"x-hasura-admin-secret", "s"}, 413, `{"path":"$","error":"the request's body is larger than the server allows","code":"bad-request"}`},
		{
			"/v2/query", `{"type":"bulk","args":[{"type":"run_sql","args":{"sql":"x"}}]}`,
			[]string{"x-hasura-admin-secret", "s"},
			400, `{"path":"$.args[0].args","error":"source with name \"default\" does not exist","code":"not-exists"}`,
		},
	} {
		if status, text := post(c.path, c.body, c.header...); status != c.status || text != c.answer {
			t.Errorf("%s %.40s: %d %s", c.path, c.body, status, text)
		}
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, server.URL+"/v1/graphql", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Origin", "https://shop.example.com")
	request.Header.Set("X-Request-Id", "seven")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusNoContent || answer.Header.Get("Access-Control-Allow-Origin") != "https://shop.example.com" ||
		answer.Header.Get("X-Request-Id") != "seven" {
		t.Errorf("preflight: %d %v", answer.StatusCode, answer.Header)
	}
	if status, text := send(t, http.MethodGet, server.URL+"/v1alpha1/config", "", map[string]string{"x-hasura-admin-secret": "s"}); status != 200 ||
		!strings.Contains(text, `"is_admin_secret_set":true`) {
		t.Errorf("config: %d %s", status, text)
	}
}

func TestLog(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := defaults()
	logger := newLogger(&out, s)
	logger.InfoContext(t.Context(), "http-log", "detail", map[string]any{"a": 1})
	logger.InfoContext(t.Context(), "query-log", "detail", map[string]any{})
	logger.Log(t.Context(), slog.LevelDebug, "startup")
	text := out.String()
	if strings.Count(text, "\n") != 1 || !strings.Contains(text, `"level":"info","type":"http-log","detail":{"a":1}}`) || !strings.Contains(text, `"timestamp":`) {
		t.Error(text)
	}
}
