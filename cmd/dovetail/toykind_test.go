package main

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"dovetail/internal/kind"
	"dovetail/internal/metadata/document"
	"dovetail/internal/plan"
	"dovetail/sources"
	"dovetail/sources/sqlite"
)

// toy is a source of a kind of its own, kept in SQLite.
type toy struct{ *sqlite.Source }

func (t toy) Capabilities() plan.Capabilities {
	out := t.Source.Capabilities()
	out.Kind, out.ComparisonSuffix = "toy", "_Toy"
	return out
}

// TestAnotherKindIsOneRegistration adds a kind of database without a change
// anywhere else: its commands, its metadata and its queries work.
func TestAnotherKindIsOneRegistration(t *testing.T) {
	if err := kind.Register(kind.Kind{Name: "toy", Prefixes: []string{"toy"}, Address: []string{"box"}, NamingConvention: true}); err != nil {
		t.Fatal(err)
	}
	for _, taken := range []kind.Kind{{Name: "toy", Prefixes: []string{"t"}, Address: []string{"a"}}, {Name: "other", Prefixes: []string{"pg"}, Address: []string{"a"}}, {}} {
		if kind.Register(taken) == nil {
			t.Errorf("%+v was registered", taken)
		}
	}
	databases["toy"] = database{sqlite.ParseType, func(_ context.Context, _ *settings, c *document.Connection) (sources.Source, error) {
		source, err := sqlite.Open(sqlite.Config{Path: c.Address.Value})
		return toy{source}, err
	}}
	t.Cleanup(func() { delete(databases, "toy") })
	path := freshSQLite(t, t.TempDir())
	alter(t, path, "CREATE TABLE brick (id INTEGER PRIMARY KEY, colour TEXT); INSERT INTO brick (colour) VALUES ('red'), ('blue')")
	server := startTest(t, func(*settings) {})
	for _, c := range []struct{ path, body, want string }{
		{"/v1/metadata", fmt.Sprintf(`{"type":"toy_add_source","args":{"name":"toys","configuration":{"connection_info":{"box":%q}}}}`, path), `{"message":"success"}`},
		{"/v1/metadata", `{"type":"toy_track_table","args":{"source":"toys","table":"brick"}}`, `{"message":"success"}`},
		{"/v1/metadata", `{"type":"toy_create_select_permission","args":{"source":"toys","table":"brick","role":"child","permission":{"columns":["colour"],"filter":{"colour":{"_neq":"red"}}}}}`, `{"message":"success"}`},
		{"/v1/graphql", `{"query":"query ($c: String_Toy_comparison_exp!) { brick(where: {colour: $c}) { id } }","variables":{"c":{"_eq":"red"}}}`, `{"data":{"brick":[{"id":1}]}}`},
		{"/v1/metadata", `{"type":"toy_create_event_trigger","args":{"source":"toys","name":"e","table":"brick"}}`, `{"path":"$","error":"unknown metadata command \"create_event_trigger\" for backend toy","code":"parse-failed"}`},
	} {
		if status, got := send(t, http.MethodPost, server.URL+c.path, c.body, nil); got != c.want {
			t.Errorf("%s: %d %s", c.body, status, got)
		}
	}
	if _, got := send(t, http.MethodPost, server.URL+"/v1/graphql", `{"query":"{ brick { colour } }"}`, map[string]string{"X-Hasura-Role": "child"}); got != `{"data":{"brick":[{"colour":"blue"}]}}` {
		t.Error(got)
	}
}
