package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// hooked is an engine whose webhook takes everybody for an admin, and keeps what
// it was shown.
type hooked struct {
	url   string
	shown *lockedBuffer
}

func startHooked(t *testing.T) *hooked {
	t.Helper()
	h := &hooked{shown: &lockedBuffer{}}
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var sent struct {
			Headers map[string]string
			Request json.RawMessage
		}
		if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
			t.Error(err)
		}
		if sent.Headers["x-token"] != "" {
			_, _ = h.shown.Write(sent.Request)
		}
		_, _ = w.Write([]byte(`{"x-hasura-role":"admin"}`))
	}))
	t.Cleanup(hook.Close)
	server := startShop(t, func(s *settings) {
		s.adminSecret, s.persisted.Enabled = "s", true
		s.hook.URL, s.hook.Post, s.hook.SendRequestBody = hook.URL, true, true
	})
	h.url = server.URL
	return h
}

// TestWebhookSeesWhatRuns: a webhook judges the operation that runs, however the
// request is written.
func TestWebhookSeesWhatRuns(t *testing.T) {
	t.Parallel()
	h := startHooked(t)
	secret := map[string]string{"x-hasura-admin-secret": "s"}
	for _, body := range []string{
		`{"type": "create_query_collection", "args": {"name": "all", "definition": {"queries": [{"name": "one", "query": "query ($id: Int!) { item(where: {id: {_eq: $id}}) { name } }"}]}}}`,
		`{"type": "create_rest_endpoint", "args": {"name": "one", "url": "item/:id", "methods": ["GET", "POST"], "definition": {"query": {"collection_name": "all", "query_name": "one"}}}}`,
	} {
		if status, text := send(t, http.MethodPost, h.url+"/v1/metadata", body, secret); status != http.StatusOK {
			t.Fatal(text)
		}
	}
	const a, b, one, two = `{item(limit:1){name}}`, `{item(offset:1){name}}`, `{"item":[{"name":"one"}]}`, `{"item":[{"name":"two"}]}`
	sum := sha256.Sum256([]byte(b))
	extensions := fmt.Sprintf(`{"persistedQuery":{"version":1,"sha256Hash":"%s"}}`, hex.EncodeToString(sum[:]))
	const byID = "query ($id: Int!) { item(where: {id: {_eq: $id}}) { name } }"
	for _, c := range []struct{ method, path, body, shown, answer string }{
		{"POST", "/v1/graphql", `{"query":"` + a + `","Query":"` + b + `"}`, `{"query":"` + a + `"}`, one},
		{"POST", "/v1/graphql", `{"QUERY":"` + b + `"}`, `null`, `key \"query\" not found`},
		{"POST", "/v1/graphql", `{"query":"` + a + `","query":"` + b + `"}`, `{"query":"` + b + `"}`, two},
		{"POST", "/v1/graphql", `{"query":"` + byID + `","variables":{"id":1,"id":2},"Variables":{"id":1},"operationName":null}`, `{"query":"` + byID + `","variables":{"id":2}}`, two},
		{"POST", "/v1/graphql", `[{"query":"` + a + `"},{"Query":"x"},{"query":"` + b + `"}]`, `[{"query":"` + a + `"},null,{"query":"` + b + `"}]`, `[{"data":` + one},
		{"POST", "/v1/graphql", `{"query":"` + a + `"}}`, `null`, `"code":"invalid-json"`},
		{"GET", "/v1/graphql?query=" + a, `{"query":"` + b + `"}`, `{"query":"` + a + `"}`, one},
		{"POST", "/v1/graphql", `{"query":"` + b + `","extensions":` + extensions + `}`, `{"query":"` + b + `"}`, two},
		{"POST", "/v1/graphql", `{"extensions":` + extensions + `}`, `{"query":"` + b + `"}`, two},
		{"GET", "/api/rest/item/2", `{"query":"` + a + `"}`, `{"query":"` + byID + `","variables":{"id":2}}`, two},
		{"POST", "/api/rest/item/1", `{"id":2,"query":"` + b + `"}`, `{"query":"` + byID + `","variables":{"id":1}}`, one},
		{"POST", "/api/rest/nothing", `{"query":"` + b + `"}`, `null`, `Endpoint not found`},
		{"POST", "/v1/metadata", `{"type":"export_metadata","args":{},"query":"` + a + `"}`, `null`, `"version":3`},
		{"POST", "/v1/query", `{"type":"export_metadata","args":{},"query":"` + a + `"}`, `null`, `"version":3`},
		{"POST", "/v1/graphql/explain", `{"query":{"query":"` + a + `"}}`, `null`, `"field":"item"`},
		{"POST", "/v1beta1/relay", `{"query":"{__typename}","Query":"x"}`, `{"query":"{__typename}"}`, `query_root`},
	} {
		h.shown.Reset()
		_, text := send(t, c.method, h.url+c.path, c.body, map[string]string{"X-Token": "t"})
		if shown := h.shown.text(); shown != c.shown || !strings.Contains(text, c.answer) {
			t.Errorf("%s %s %s: was shown as %s, answered %s", c.method, c.path, c.body, shown, text)
		}
	}
}
