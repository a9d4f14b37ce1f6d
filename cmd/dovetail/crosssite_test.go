package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestOtherSites: pages of other sites can't make a browser that visits them
// use an engine, nor read what it answers, unless their origin was thought of.
func TestOtherSites(t *testing.T) {
	t.Parallel()
	const (
		secret   = "X-Hasura-Admin-Secret"
		export   = `{"type":"export_metadata","args":{}}`
		typename = `{"query":"{__typename}"}`
		evil     = "https://evil.example"
		friend   = "https://friend.example"
	)
	origins := func(list string) func(*settings) {
		return func(s *settings) {
			for _, d := range honoured() {
				if d.name == "cors-domain" {
					if err := d.apply(s, list); err != nil {
						t.Error(err)
					}
				}
			}
		}
	}
	closed := func(s *settings) { s.adminSecret = "s" }
	for _, c := range []struct {
		name       string
		adjust     func(*settings)
		path, body string
		header     []string
		status     int
		mayRead    bool
	}{
		{name: "no browser", path: "/v1/metadata", body: export, status: 200},
		{name: "another site", path: "/v1/metadata", body: export, header: []string{"Origin", evil}, status: 403},
		{name: "another site, run_sql", path: "/v2/query", body: `{"type":"run_sql","args":{"sql":"select 1"}}`, header: []string{"Origin", evil}, status: 403},
		{name: "another site, a form", path: "/v1/query", body: export, header: []string{"Origin", evil, "Content-Type", "text/plain"}, status: 403},
		{name: "a sandboxed page", path: "/v1/metadata", body: export, header: []string{"Origin", "null"}, status: 403},
		{name: "another site, as newer browsers say", path: "/v1/metadata", body: export, header: []string{"Sec-Fetch-Site", "cross-site"}, status: 403},
		{name: "another site, GraphQL", path: "/v1/graphql", body: typename, header: []string{"Origin", evil}, status: 403},
		{name: "another site, REST", path: "/api/rest/x", header: []string{"Origin", evil}, status: 403},
		{name: "another site, explain", path: "/v1/graphql/explain", body: `{"query":` + typename + `}`, header: []string{"Origin", evil}, status: 403},
		{name: "its own page", path: "/v1/metadata", body: export, header: []string{"Origin", "$SELF", "Sec-Fetch-Site", "same-origin"}, status: 200, mayRead: true},
		{name: "a page of the machine", path: "/v1/metadata", body: export, header: []string{"Origin", "http://localhost:9695", "Sec-Fetch-Site", "same-site"}, status: 200, mayRead: true},
		{name: "a page of a loopback address", path: "/v1/graphql", body: typename, header: []string{"Origin", "http://[::1]:3000"}, status: 200, mayRead: true},
		{name: "a name that looks local", path: "/v1/graphql", body: typename, header: []string{"Origin", "http://localhost.evil.example"}, status: 403},
		{name: "an origin that was named", adjust: origins(friend), path: "/v1/metadata", body: export, header: []string{"Origin", friend, "Sec-Fetch-Site", "cross-site"}, status: 200, mayRead: true},
		{name: "one that was not", adjust: origins(friend), path: "/v1/graphql", body: typename, header: []string{"Origin", evil}, status: 403},
		{name: "any origin, GraphQL", adjust: origins("*"), path: "/v1/graphql", body: typename, header: []string{"Origin", evil}, status: 200, mayRead: true},
		{name: "any origin, metadata", adjust: origins("*"), path: "/v1/metadata", body: export, header: []string{"Origin", evil}, status: 403, mayRead: true},
		{name: "a secret, GraphQL", adjust: closed, path: "/v1/graphql", body: typename, header: []string{"Origin", evil, secret, "s"}, status: 200, mayRead: true},
		{name: "a secret, metadata", adjust: closed, path: "/v1/metadata", body: export, header: []string{"Origin", evil, secret, "s"}, status: 200, mayRead: true},
		{name: "a cookie, metadata", adjust: closed, path: "/v1/metadata", body: export, header: []string{"Origin", evil, "Cookie", "session=x"}, status: 403, mayRead: true},
		{name: "no secret, no browser", adjust: closed, path: "/v1/metadata", body: export, status: 401},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := startTest(t, c.adjust)
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+c.path, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(c.header); i += 2 {
				request.Header.Set(c.header[i], strings.ReplaceAll(c.header[i+1], "$SELF", server.URL))
			}
			answer, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(answer.Body)
			if err != nil || answer.Body.Close() != nil {
				t.Fatal(err)
			}
			if mayRead := answer.Header.Get("Access-Control-Allow-Origin") != ""; answer.StatusCode != c.status || mayRead != c.mayRead {
				t.Errorf("%d, may be read: %v: %s", answer.StatusCode, mayRead, text)
			}
		})
	}
}

// TestExplainIsForAdministration: without the metadata API nobody is shown
// statements and permissions.
func TestExplainIsForAdministration(t *testing.T) {
	t.Parallel()
	for list, status := range map[string]int{"graphql": 404, "graphql,metadata": 200, "metadata": 404} {
		server := startTest(t, func(s *settings) {
			if err := enabledAPIs(s, list); err != nil {
				t.Error(err)
			}
		})
		if got, text := send(t, http.MethodPost, server.URL+"/v1/graphql/explain", `{"query":{"query":"{__typename}"}}`, nil); got != status {
			t.Errorf("%s: %d %s", list, got, text)
		}
	}
}
