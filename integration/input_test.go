package integration_test

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"dovetail/internal/testengine"
)

const secret = "not told"

// Whatever comes in, the answer is JSON with an error that says what is wrong,
// and the engine goes on.
func TestBadInput(t *testing.T) {
	f := readFixture(t, filepath.Join("testdata", "cases", "shop"))
	f.settings.Arguments = []string{"--admin-secret", secret}
	f.settings.Headers = map[string]string{"X-Hasura-Admin-Secret": secret}
	w := f.build(t, layout{kinds: []string{"sqlite", "postgres"}, peer: gophers})
	admin := map[string]string{"X-Hasura-Admin-Secret": secret}
	query := func(text string) string { return string(testengine.Body(t, text, nil)) }
	variables := func(text, values string) string { return string(testengine.Body(t, text, json.RawMessage(values))) }

	for _, test := range []struct {
		name    string
		headers map[string]string
		body    string
		code    string
	}{
		{"empty body", admin, ``, "invalid-json"},
		{"no JSON", admin, `{"query": "{artist`, "invalid-json"},
		{"text after JSON", admin, `{"query": "{__typename}"} x`, "invalid-json"},
		{"a number", admin, `1`, ""},
		{"null", admin, `null`, ""},
		{"no query", admin, `{}`, "parse-failed"},
		{"query of a wrong type", admin, `{"query": 3}`, "parse-failed"},
		{"variables of a wrong type", admin, `{"query": "{__typename}", "variables": 3}`, "parse-failed"},
		{"bytes that are no UTF-8", admin, "{\"query\": \"{artist {name \xff\xfe}}\"}", ""},
		{"a NUL in a string", admin, query(`{album(where: {title: {_eq: "a\u0000b"}}) {id}}`), ""},
		{"deep JSON", admin, `{"query": "{__typename}", "variables": {"a": ` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}}`, ""},

		{"GraphQL that ends too soon", admin, query(`{artist {`), "validation-failed"},
		{"GraphQL of other signs", admin, query(`%%%`), "validation-failed"},
		{"empty query", admin, query(``), ""},
		{"only a fragment", admin, query(`fragment F on artist {id}`), ""},
		{"two operations, no name", admin, query(`query A {artist {id}} query B {artist {id}}`), "validation-failed"},
		{"a name of no operation", admin, `{"query": "query A {artist {id}}", "operationName": "B"}`, "validation-failed"},
		{"unknown root field", admin, query(`{nothing}`), "validation-failed"},
		{"unknown field", admin, query(`{artist {nothing}}`), "validation-failed"},
		{"unknown field of a join", admin, query(`{artist {albums {nothing}}}`), "validation-failed"},
		{"unknown argument", admin, query(`{artist(nothing: 1) {id}}`), "validation-failed"},
		{"unknown column in where", admin, query(`{artist(where: {nothing: {_eq: 1}}) {id}}`), "validation-failed"},
		{"unknown operator", admin, query(`{artist(where: {id: {_is: 1}}) {id}}`), "validation-failed"},
		{"no selection", admin, query(`{artist}`), "validation-failed"},
		{"selection on a scalar", admin, query(`{artist {id {x}}}`), "validation-failed"},
		{"unknown fragment", admin, query(`{artist {...F}}`), "validation-failed"},
		{"fragment in a circle", admin, query(`{artist {...F}} fragment F on artist {...F}`), "validation-failed"},
		{"unknown directive", admin, query(`{artist @nothing {id}}`), "validation-failed"},
		{"deep GraphQL", admin, query(strings.Repeat("{artist", 20_000)), ""},
		{"deep GraphQL list", admin, query(`{artist(where: {_and: ` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}) {id}}`), ""},
		{"deep where", admin, query(`{artist(where: ` + strings.Repeat("{_not: ", 5000) + "{}" + strings.Repeat("}", 5000) + `) {id}}`), ""},

		{"text for an int", admin, query(`{artist(where: {id: {_eq: "x"}}) {id}}`), ""},
		{"float for an int", admin, query(`{artist(where: {id: {_eq: 1.5}}) {id}}`), ""},
		{"list for an int", admin, query(`{artist(where: {id: {_eq: [1]}}) {id}}`), ""},
		{"negative limit", admin, query(`{artist(limit: -1) {id}}`), ""},
		{"negative limit of a join", admin, query(`{artist {albums(limit: -1) {title}}}`), ""},
		{"huge limit", admin, query(`{artist(limit: 99999999999999999999) {id}}`), ""},
		{"huge int", admin, query(`{artist(where: {id: {_eq: 99999999999999999999999999999999999999}}) {id}}`), ""},
		{"unknown enum value", admin, query(`{artist(order_by: {id: sideways}) {id}}`), "validation-failed"},
		{"missing variable", admin, query(`query A($a: Int!) {artist(where: {id: {_eq: $a}}) {id}}`), "validation-failed"},
		{"undeclared variable", admin, query(`{artist(where: {id: {_eq: $a}}) {id}}`), "validation-failed"},
		{"variable of a wrong type", admin, variables(`query A($a: Int!) {artist(where: {id: {_eq: $a}}) {id}}`, `{"a": "x"}`), ""},
		{"variable null though required", admin, variables(`query A($a: Int!) {artist(where: {id: {_eq: $a}}) {id}}`, `{"a": null}`), "validation-failed"},
		{"huge variable", admin, variables(`query A($a: Int!) {artist(where: {id: {_eq: $a}}) {id}}`, `{"a": 1e400}`), ""},
		{"unused variable", admin, variables(`{artist {id}}`, `{"unused": 1}`), "validation-failed"},
		{"missing argument of a service", admin, query(`{reviews {id}}`), "validation-failed"},
		{"mutation where there is none", admin, query(`mutation {nothing}`), "validation-failed"},

		{"no secret", nil, query(`{artist {id}}`), "access-denied"},
		{"wrong secret", map[string]string{"X-Hasura-Admin-Secret": "x"}, query(`{artist {id}}`), "access-denied"},
		{"role without the secret", map[string]string{"X-Hasura-Role": "fan"}, query(`{artist {name}}`), "access-denied"},
		{"unknown role", map[string]string{"X-Hasura-Admin-Secret": secret, "X-Hasura-Role": "nobody"}, query(`{artist {id}}`), "validation-failed"},
		{"missing session variable", map[string]string{"X-Hasura-Admin-Secret": secret, "X-Hasura-Role": "fan"}, query(`{artist {name}}`), ""},
		{"column the role lacks", map[string]string{"X-Hasura-Admin-Secret": secret, "X-Hasura-Role": "fan", "X-Hasura-Country": "IE"}, query(`{artist {id}}`), "validation-failed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, received := w.engine.Post(t, "/v1/graphql", test.headers, []byte(test.body))
			if status != http.StatusOK && status != http.StatusBadRequest {
				t.Errorf("status %d", status)
			}
			decoded := decodeAnswer(t, received)
			if len(decoded.Errors) == 0 {
				t.Fatalf("no error: %.300s", received)
			}
			one := decoded.Errors[0]
			if one.Message == "" {
				t.Errorf("an error without message: %.300s", received)
			}
			if one.Extensions.Code == "" || one.Extensions.Code == "unexpected" || test.code != "" && one.Extensions.Code != test.code {
				t.Errorf("code %q, want %q: %.300s", one.Extensions.Code, test.code, received)
			}
		})
	}
	if got, want := testengine.Compact(t, w.engine.GraphQL(t, admin, `{artist(where: {id: {_eq: 1}}) {name}}`)), `{"data":{"artist":[{"name":"Ada"}]}}`; got != want {
		t.Errorf("after all that: %s, want %s", got, want)
	}
}

func TestBadAdminInput(t *testing.T) {
	e := testengine.Start(t, testengine.Options{Arguments: []string{"--admin-secret", secret}})
	admin := map[string]string{"X-Hasura-Admin-Secret": secret}
	for _, test := range []struct {
		name, path string
		headers    map[string]string
		body       string
		status     int
		code       string
	}{
		{"no JSON", "/v1/metadata", admin, `{`, http.StatusBadRequest, "invalid-json"},
		{"no type", "/v1/metadata", admin, `{}`, http.StatusBadRequest, "parse-failed"},
		{"unknown command", "/v1/metadata", admin, `{"type": "pg_nothing", "args": {}}`, http.StatusBadRequest, ""},
		{"no secret", "/v1/metadata", nil, `{"type": "export_metadata", "args": {}}`, http.StatusUnauthorized, "access-denied"},
		{"wrong version", "/v1/metadata", admin, `{"type": "export_metadata", "version": 9, "args": {}}`, http.StatusBadRequest, ""},
		{"unknown path", "/v1/nothing", admin, `{}`, http.StatusNotFound, "not-found"},
		{"unknown source", "/v2/query", admin, `{"type": "run_sql", "args": {"source": "x", "sql": "select 1"}}`, http.StatusBadRequest, ""},
		{"stale resource version", "/v1/metadata", admin, `{"type": "clear_metadata", "resource_version": 999, "args": {}}`, http.StatusConflict, "conflict"},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, received := e.Post(t, test.path, test.headers, []byte(test.body))
			var decoded struct{ Path, Error, Code string }
			if err := json.Unmarshal(received, &decoded); err != nil {
				t.Fatalf("not JSON: %v: %.300s", err, received)
			}
			if status != test.status || decoded.Error == "" || decoded.Code == "" || test.code != "" && decoded.Code != test.code {
				t.Errorf("status %d, want %d: %.300s", status, test.status, received)
			}
		})
	}
}

// A query may be deep; what finds nothing must end all the same.
func TestDeepJoinsEnd(t *testing.T) {
	w := shop(t, layout{kinds: []string{"postgres", "sqlite"}, peer: gophers})
	query := `{artist(where: {id: {_lt: 0}}) {` + strings.Repeat("albums {artist {", 100) + "name" + strings.Repeat("}}", 100) + "}}"
	if got, want := string(w.engine.GraphQL(t, nil, query)), `{"data":{"artist":[]}}`; got != want {
		t.Errorf("got %.300s, want %s", got, want)
	}
}
