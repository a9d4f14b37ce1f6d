package integration_test

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"dovetail/internal/testengine"
)

// permits is the case of permissions into other sources.
func permits(t *testing.T, env map[string]string) *world {
	t.Helper()
	f := readFixture(t, filepath.Join("testdata", "cases", "permits"))
	f.settings.Env = env
	return f.build(t, postgresLayout())
}

// command sends a command of the admin API and gives its answer.
func (w *world) command(t *testing.T, path, body string, want int) []byte {
	t.Helper()
	status, received := w.engine.Post(t, path, nil, []byte(body))
	if status != want {
		t.Fatalf("%s: status %d: %s", body, status, received)
	}
	return received
}

// wantNothing checks that an answer has errors and nothing beside them.
func wantNothing(t *testing.T, received []byte, parts ...string) {
	t.Helper()
	decoded := decodeAnswer(t, received)
	if len(decoded.Errors) == 0 || len(decoded.Data) > 0 && string(decoded.Data) != "null" {
		t.Errorf("answered %s", received)
		return
	}
	for _, part := range parts {
		if !strings.Contains(decoded.Errors[0].Message, part) {
			t.Errorf("the error %q doesn't name %q", decoded.Errors[0].Message, part)
		}
	}
}

// A condition of a permission on a source that can't be asked lets nothing
// through, denied or not.
func TestPermissionsFailClosed(t *testing.T) {
	w := permits(t, nil)
	w.databases["ledger"].Cut()
	for _, role := range []string{"auditor", "unless", "either", "hops", "around"} {
		headers := map[string]string{"X-Hasura-Role": role, "X-Hasura-Team": "1", "X-Hasura-Amount": "1"}
		wantNothing(t, w.engine.GraphQL(t, headers, `{task {title}}`))
	}
	// Nor does what the user asks for through it.
	clerk := map[string]string{"X-Hasura-Role": "clerk"}
	for _, query := range []string{
		`{person(where: {payments: {}}) {name}}`,
		`{person(where: {_not: {payments: {}}}) {name}}`,
		`{person(where: {payments_aggregate: {count: {predicate: {_eq: 0}}}}) {name}}`,
		`{person(order_by: {payments_aggregate: {count: asc}}) {name}}`,
	} {
		wantNothing(t, w.engine.GraphQL(t, clerk, query))
	}
	got := w.engine.GraphQL(t, clerk, `{person(order_by: {id: asc}, limit: 1) {name}}`)
	if want := `{"data":{"person":[{"name":"Ann"}]}}`; testengine.Compact(t, got) != want {
		t.Errorf("what doesn't need the source answers %s", got)
	}
}

// A permission that names what isn't there is none: the role sees nothing.
func TestExistsOfUnknownTableIsInconsistent(t *testing.T) {
	for name, exists := range map[string]string{
		"source":      `{"_source": "nowhere", "_table": "payment", "_where": {}}`,
		"table":       `{"_source": "ledger", "_table": "task", "_where": {}}`,
		"column":      `{"_source": "ledger", "_table": "payment", "_where": {"title": {"_eq": "x"}}}`,
		"root column": `{"_source": "ledger", "_table": "payment", "_where": {"person_id": {"_ceq": ["$", "person_id"]}}}`,
		"no name":     `{"_source": 5, "_table": "payment", "_where": {}}`,
	} {
		t.Run(name, func(t *testing.T) {
			w := permits(t, nil)
			w.command(t, "/v1/metadata", `{"type": "pg_create_select_permission", "args": {"source": "work", "table": "task", "role": "new",
				"permission": {"columns": "*", "filter": {"_exists": `+exists+`}}}}`, http.StatusBadRequest)
			wantNothing(t, w.engine.GraphQL(t, map[string]string{"X-Hasura-Role": "new"}, `{task {title}}`))
		})
	}
}

// What permissions name in other sources is known to renames and drops.
func TestExistsFollowsTheOtherSource(t *testing.T) {
	w := permits(t, nil)
	auditor := map[string]string{"X-Hasura-Role": "auditor", "X-Hasura-Team": "1"}
	query, want := `{task(order_by: {id: asc}, limit: 1) {title}}`, `{"data":{"task":[{"title":"sweep"}]}}`
	still := func() {
		t.Helper()
		if got := w.engine.GraphQL(t, auditor, query); testengine.Compact(t, got) != want {
			t.Errorf("answered %s, want %s", got, want)
		}
	}
	still()
	refused := w.command(t, "/v1/metadata", `{"type": "pg_untrack_table", "args": {"source": "ledger", "table": "entitlement"}}`, http.StatusBadRequest)
	if !strings.Contains(string(refused), "permission task.auditor.select") {
		t.Errorf("untracking what a permission needs: %s", refused)
	}
	w.command(t, "/v2/query", `{"type": "run_sql", "args": {"source": "ledger", "sql": "ALTER TABLE entitlement RENAME COLUMN action TO deed"}}`, http.StatusOK)
	still()
	w.command(t, "/v2/query", `{"type": "run_sql", "args": {"source": "ledger", "sql": "ALTER TABLE entitlement RENAME TO grants"}}`, http.StatusOK)
	still()
	w.command(t, "/v1/metadata", `{"type": "rename_source", "args": {"name": "ledger", "new_name": "books"}}`, http.StatusOK)
	still()
	// The same through relationships.
	w.command(t, "/v2/query", `{"type": "run_sql", "args": {"source": "people", "sql": "ALTER TABLE person RENAME COLUMN team_id TO crew"}}`, http.StatusOK)
	there := map[string]string{"X-Hasura-Role": "there", "X-Hasura-Points": "7"}
	if got := w.engine.GraphQL(t, there, query); testengine.Compact(t, got) != want {
		t.Errorf("after a rename behind a relationship: %s", got)
	}
}

// Too many keys are an error, never a shorter answer.
func TestKeyCaps(t *testing.T) {
	w := permits(t, map[string]string{"DOVETAIL_REMOTE_FILTER_MAX_KEYS": "2", "DOVETAIL_REMOTE_ORDER_MAX_KEYS": "2"})
	for _, test := range []struct{ query, relationship, setting string }{
		{`{task(where: {person: {id: {_gt: 0}}}) {title}}`, "person", "DOVETAIL_REMOTE_FILTER_MAX_KEYS"},
		{`{task(where: {_not: {person: {id: {_gt: 0}}}}) {title}}`, "person", "DOVETAIL_REMOTE_FILTER_MAX_KEYS"},
		{`{task_aggregate(where: {person: {id: {_gt: 0}}}) {aggregate {count}}}`, "person", "DOVETAIL_REMOTE_FILTER_MAX_KEYS"},
		{`{task(where: {title: {_neq: "x"}, person: {payments: {amount: {_gt: 0}}}}) {title}}`, "payments", "DOVETAIL_REMOTE_FILTER_MAX_KEYS"},
		{`{person(where: {payments_aggregate: {count: {predicate: {_lt: 9}}}}) {name}}`, "", ""},
		{`{person(where: {payments_aggregate: {count: {predicate: {_gt: 0}}}}) {name}}`, "payments", "DOVETAIL_REMOTE_FILTER_MAX_KEYS"},
		{`{task(order_by: {person: {name: asc}}) {title}}`, "person", "DOVETAIL_REMOTE_ORDER_MAX_KEYS"},
		{`{person(order_by: {payments_aggregate: {count: asc}}) {name}}`, "payments", "DOVETAIL_REMOTE_ORDER_MAX_KEYS"},
	} {
		received := w.engine.GraphQL(t, nil, test.query)
		if test.setting == "" {
			if got := decodeAnswer(t, received); len(got.Errors) > 0 {
				t.Errorf("%s takes two keys at most: %s", test.query, received)
			}
			continue
		}
		wantNothing(t, received, `relationship "`+test.relationship+`"`, "more than 2 keys", test.setting)
	}
	// Just as many as allowed.
	got := w.engine.GraphQL(t, nil, `{task(where: {person: {id: {_lt: 3}}}, order_by: {id: asc}) {title}}`)
	if want := `{"data":{"task":[{"title":"sweep"},{"title":"paint"},{"title":"cook"}]}}`; testengine.Compact(t, got) != want {
		t.Errorf("with two keys: %s, want %s", got, want)
	}
}

// Explain shows every step with its direction, the reason and the bound.
func TestExplainAcross(t *testing.T) {
	w := permits(t, nil)
	for _, test := range []struct {
		query string
		want  []string
	}{
		{`{task(where: {person: {name: {_eq: "Ann"}}}) {title}}`, []string{
			`"relationship":"person","direction":"the keys of the rows that hold are sent over","fragment":1,"max_keys":100000,` +
				`"setting":"DOVETAIL_REMOTE_FILTER_MAX_KEYS"`,
		}},
		{`{task(where: {id: {_eq: 1}, person: {salary: {_gt: 1}}}) {title}}`, []string{
			"candidate keys are sent to the other source, which returns the matching ones (about 1 rows here, 3000 there)",
			`"candidates":1,"fragment":2,"max_keys":100000`,
		}},
		{`{task(order_by: {person: {name: asc}}) {title}}`, []string{
			`"direction":"the keys are sent over with their rank","fragment":1,"max_keys":100000,"setting":"DOVETAIL_REMOTE_ORDER_MAX_KEYS"`,
		}},
	} {
		body, err := json.Marshal(map[string]any{"query": map[string]any{"query": test.query}})
		if err != nil {
			t.Fatal(err)
		}
		status, received := w.engine.Post(t, "/v1/graphql/explain", nil, body)
		if status != http.StatusOK {
			t.Fatalf("status %d: %s", status, received)
		}
		for _, part := range test.want {
			if !strings.Contains(string(received), part) {
				t.Errorf("explaining %s doesn't say %q:\n%s", test.query, part, received)
			}
		}
	}
}

// Neither connections nor functions show of other sources what a role can't see.
func TestPermissionsHoldForConnectionsAndFunctions(t *testing.T) {
	w := permits(t, nil)
	w.command(t, "/v2/query", `{"type": "run_sql", "args": {"source": "people", "sql":
		"CREATE FUNCTION people_of(team integer) RETURNS SETOF person LANGUAGE sql STABLE AS 'SELECT * FROM person WHERE team_id = team'"}}`, http.StatusOK)
	w.command(t, "/v1/metadata", `{"type": "pg_track_function", "args": {"source": "people", "function": "people_of"}}`, http.StatusOK)
	clerk := map[string]string{"X-Hasura-Role": "clerk"}
	for query, want := range map[string]string{
		// Ben's payment is too small for a clerk to see, Cat is of another team.
		`{people_of(args: {team: 1}, where: {payments: {}}) {name}}`:                                                     `{"data":{"people_of":[{"name":"Ann"}]}}`,
		`{people_of(args: {team: 1}, where: {payments_aggregate: {count: {predicate: {_eq: 0}}}}) {name}}`:               `{"data":{"people_of":[{"name":"Ben"}]}}`,
		`{people_of(args: {team: 2}, where: {payments: {}}) {name}}`:                                                     `{"data":{"people_of":[]}}`,
		`{people_of(args: {team: 1}, order_by: [{payments_aggregate: {count: desc}}, {id: desc}]) {name payments {id}}}`: `{"data":{"people_of":[{"name":"Ann","payments":[{"id":1}]},{"name":"Ben","payments":[]}]}}`,
	} {
		if got := w.engine.GraphQL(t, clerk, query); testengine.Compact(t, got) != want {
			t.Errorf("%s answers\n%s, want\n%s", query, got, want)
		}
	}
	for _, query := range []string{
		`{people_of(args: {team: 1}, where: {payments: {amount: {_gt: 1}}}) {name}}`,
		`{people_of(args: {team: 1}, order_by: {payments_aggregate: {max: {amount: desc}}}) {name}}`,
		`{people_of(args: {team: 1}, where: {salary: {_gt: 1}}) {name}}`,
	} {
		wantNothing(t, w.engine.GraphQL(t, clerk, query), "not found in type")
	}
	for query, want := range map[string]string{
		`{person_connection(where: {payments: {}}) {edges {node {name}}}}`:                                                 `{"data":{"person_connection":{"edges":[{"node":{"name":"Ann"}}]}}}`,
		`{task_connection(where: {person: {name: {_eq: "Cat"}}}) {edges {node {title}}}}`:                                  `{"data":{"task_connection":{"edges":[]}}}`,
		`{person_connection(where: {_not: {payments: {}}}) {edges {node {name payments_connection {edges {node {id}}}}}}}`: `{"data":{"person_connection":{"edges":[{"node":{"name":"Ben","payments_connection":{"edges":[]}}}]}}}`,
	} {
		body := testengine.Body(t, query, nil)
		if status, got := w.engine.Post(t, "/v1beta1/relay", clerk, body); status != http.StatusOK || testengine.Compact(t, got) != want {
			t.Errorf("%s answers\n%s, want\n%s", query, got, want)
		}
	}
	_, received := w.engine.Post(t, "/v1beta1/relay", clerk, testengine.Body(t, `{task_connection(where: {person: {salary: {_gt: 1}}}) {edges {node {title}}}}`, nil))
	wantNothing(t, received, "not found in type")
}
