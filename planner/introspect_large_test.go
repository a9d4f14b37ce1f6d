package planner_test

import (
	"fmt"
	"strings"
	"testing"

	"dovetail/internal/plan"
	"dovetail/internal/schema"
	"dovetail/planner"
	"dovetail/remoteschema"
	"dovetail/sources/sqlite"
)

// TestTheIntrospectionOfManyTablesIsNotKept reads it in pieces, as often as it is
// asked for.
func TestTheIntrospectionOfManyTablesIsNotKept(t *testing.T) {
	const tables = 300
	w := &world{t: t, databases: map[string]*sqlite.Source{}, remotes: map[string]string{}}
	var create strings.Builder
	tracked := make([]string, tables)
	for i := range tables {
		fmt.Fprintf(&create, "CREATE TABLE t%d (id INTEGER PRIMARY KEY, name TEXT);", i)
		tracked[i] = fmt.Sprintf(`{"table": {"name": "t%d"}}`, i)
	}
	w.database("default", create.String())
	w.metadata(`{"version": 3, "sources": [{"name": "default", "kind": "sqlite", "configuration": {"connection_info": {"path": "x"}}, "tables": [` +
		strings.Join(tracked, ",") + `]}]}`)
	role := schema.ForRole(w.catalog, "admin")
	static := func(query string) *plan.Static {
		operation, err := planner.Prepare(role, query, "")
		if err != nil {
			t.Fatal(err)
		}
		made, err := operation.Plan(t.Context(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		out, ok := made.Roots[0].Node.(*plan.Static)
		if !ok {
			t.Fatalf("introspection is planned as %T", made.Roots[0].Node)
		}
		return out
	}
	large := static(introspection)
	if large.Render == nil || large.JSON != nil {
		t.Fatal("the introspection is kept")
	}
	read := func() (text string, pieces int) {
		var b strings.Builder
		large.Render(func(piece []byte) {
			b.Write(piece)
			pieces++
		})
		return b.String(), pieces
	}
	first, pieces := read()
	if again, _ := read(); again != first || pieces < 10 {
		t.Fatalf("%d pieces, the same again: %v", pieces, again == first)
	}
	found, err := remoteschema.LoadIntrospection([]byte(`{"data":{"__schema":` + first + `}}`))
	if err != nil {
		t.Fatal(err)
	}
	if found.Types["t299_bool_exp"] == nil || found.Query.Fields.ForName("t0_by_pk") == nil {
		t.Error("types are missing")
	}
	if got := string(static(`{ __type(name: "t7") { name fields { name } } }`).JSON); got != `{"name":"t7","fields":[{"name":"id"},{"name":"name"}]}` {
		t.Error(got)
	}
}
