package planner_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/metadata/document"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/internal/schema"
	"dovetail/planner"
	"dovetail/remoteschema"
	"dovetail/sources"
	"dovetail/sources/postgres"
	"dovetail/sources/sqlite"
)

// world is what a test file describes: databases, a remote schema, metadata.
type world struct {
	t         *testing.T
	databases map[string]*sqlite.Source
	remotes   map[string]string
	// relay names the databases that are said to read connections.
	relay map[string]bool
	// writes names the databases that are said to be Postgres, which can be written.
	writes  map[string]bool
	catalog *catalog.Catalog
	// federation is the version of Apollo Federation, 0 for none.
	federation int
}

// TestPlans runs the text goldens: queries and roles in, plans (or refusals)
// out.
func TestPlans(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		t.Helper()
		w := &world{t: t, databases: map[string]*sqlite.Source{}, remotes: map[string]string{}, relay: map[string]bool{}, writes: map[string]bool{}}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			t.Helper()
			switch d.Cmd {
			case "database":
				w.relay[d.CmdArgs[0].Key] = d.HasArg("relay")
				w.writes[d.CmdArgs[0].Key] = d.HasArg("writes")
				return w.database(d.CmdArgs[0].Key, d.Input)
			case "remote":
				w.remotes[d.CmdArgs[0].Key] = d.Input
				return "ok\n"
			case "metadata":
				if d.HasArg("federation") {
					d.ScanArgs(t, "federation", &w.federation)
				}
				return w.metadata(d.Input)
			case "sdl":
				role := "admin"
				if d.HasArg("role") {
					d.ScanArgs(t, "role", &role)
				}
				return schema.ForRole(w.catalog, role).SDL()
			case "plan":
				return w.plan(d)
			case "statements":
				return w.statements(d)
			}
			d.Fatalf(t, "unknown command %q", d.Cmd)
			return ""
		})
	})
}

func (w *world) database(name, ddl string) string {
	source, err := sqlite.Open(sqlite.Config{Path: ":memory:"})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := source.Close(); err != nil {
			w.t.Error(err)
		}
	})
	if _, err := source.RunSQL(w.t.Context(), ddl, false); err != nil {
		w.t.Fatal(err)
	}
	w.databases[name] = source
	return "ok\n"
}

func (w *world) metadata(text string) string {
	metadata, _, err := document.Parse([]byte(text))
	if err != nil {
		w.t.Fatal(err)
	}
	in := catalog.Input{
		Metadata: metadata, Version: 1, Databases: map[string]catalog.Introspected{},
		RemoteSchemas: map[string]catalog.IntrospectedRemote{},
		Settings:      catalog.Settings{ApolloFederation: w.federation > 0, ApolloFederationVersion: w.federation},
	}
	for name, source := range w.databases {
		database, err := source.Introspect(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		in.Databases[name] = catalog.Introspected{
			Database: database, Capabilities: source.Capabilities(), Compiler: source, Version: 1,
		}
		if w.writes[name] {
			in.Databases[name] = w.postgres(in.Databases[name])
		}
		if w.relay[name] {
			in.Databases[name] = withRelay(in.Databases[name])
		}
	}
	for name, sdl := range w.remotes {
		source, err := remoteschema.Open(remoteschema.Config{Name: name, URL: "http://127.0.0.1:1/graphql"})
		if err != nil {
			w.t.Fatal(err)
		}
		in.RemoteSchemas[name] = catalog.IntrospectedRemote{
			Schema: gqlparser.MustLoadSchema(&ast.Source{Input: sdl}), Capabilities: source.Capabilities(), Compiler: source, Version: 1,
		}
	}
	w.catalog = catalog.Build(in)
	var out strings.Builder
	for _, i := range w.catalog.Inconsistencies {
		fmt.Fprintf(&out, "%s: %s\n", i.Name, i.Reason)
	}
	return out.String() + "ok\n"
}

func (w *world) made(d *datadriven.TestData) (*plan.Plan, error) {
	role, variables, text := "admin", map[string]orderedjson.Value{}, d.Input
	if d.HasArg("role") {
		d.ScanArgs(w.t, "role", &role)
	}
	if first, rest, ok := strings.Cut(text, "\n"); ok && strings.HasPrefix(first, "variables ") {
		j, err := orderedjson.Parse([]byte(strings.TrimPrefix(first, "variables ")))
		if err != nil {
			d.Fatalf(w.t, "variables: %v", err)
		}
		for i, k := range j.Keys {
			variables[k] = j.Items[i]
		}
		text = rest
	}
	create := schema.ForRole
	if d.HasArg("relay") {
		create = schema.ForRelay
	}
	operation, err := planner.Prepare(create(w.catalog, role), text, "")
	if err != nil {
		return nil, err
	}
	return operation.Plan(w.t.Context(), variables, 0)
}

func (w *world) plan(d *datadriven.TestData) string {
	made, err := w.made(d)
	if err != nil {
		return refusal(err)
	}
	return made.String()
}

// postgres has a database's statements compiled as Postgres would have them,
// which no database need be there for.
func (w *world) postgres(in catalog.Introspected) catalog.Introspected {
	source, err := postgres.Open(w.t.Context(), postgres.Config{URL: "postgres://nobody@127.0.0.1:1/nowhere"})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = source.Close() })
	in.Capabilities, in.Compiler = source.Capabilities(), source
	return in
}

// statements gives what the fragments of a plan are compiled to.
func (w *world) statements(d *datadriven.TestData) string {
	made, err := w.made(d)
	if err != nil {
		return refusal(err)
	}
	var out strings.Builder
	for _, f := range made.Fragments {
		out.WriteString(f.Statement.Text() + "\n")
	}
	return out.String()
}

func refusal(err error) string {
	if p, ok := errors.AsType[*planner.Error](err); ok {
		return fmt.Sprintf("%s at %s: %s\n", p.Code, p.Path, p.Message)
	}
	if s, ok := errors.AsType[*sources.Error](err); ok {
		return fmt.Sprintf("%s: %s\n", s.Code, s.Message)
	}
	return "error: " + err.Error() + "\n"
}

// FuzzPrepare feeds arbitrary documents and variables to the planner: it may
// refuse them, and must not panic.
func FuzzPrepare(f *testing.F) {
	for _, seed := range []string{
		"{ __typename }", "query ($a: Int) { artist(limit: $a) { id } }", "{ a { ...b } } fragment b on c { ...b }",
		`{ __type(name: "x") { name fields { name } } }`, "mutation { x }", "subscription { artist { id } }",
		`{ artist(where: {_and: [{id: {_in: [1, null]}}]}, order_by: {id: asc}) @include(if: true) { id } }`,
	} {
		f.Add(seed, `{"a": 1}`)
	}
	source, err := sqlite.Open(sqlite.Config{Path: ":memory:"})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = source.Close() })
	if _, err := source.RunSQL(f.Context(), "CREATE TABLE artist (id INTEGER PRIMARY KEY, name TEXT, born DATE)", false); err != nil {
		f.Fatal(err)
	}
	database, err := source.Introspect(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	metadata, _, err := document.Parse([]byte(`{"version":3,"sources":[{"name":"default","kind":"sqlite","tables":[{"table":{"name":"artist"}}],
		"configuration":{"connection_info":{"path":":memory:"}}}]}`))
	if err != nil {
		f.Fatal(err)
	}
	built := catalog.Build(catalog.Input{Metadata: metadata, Version: 1, Databases: map[string]catalog.Introspected{
		"default": {Database: database, Capabilities: source.Capabilities(), Compiler: source, Version: 1},
	}})
	s := schema.ForRole(built, "admin")
	f.Fuzz(func(t *testing.T, text, variables string) {
		operation, err := planner.Prepare(s, text, "")
		if err != nil {
			return
		}
		values := map[string]orderedjson.Value{}
		var raw map[string]json.RawMessage
		if json.Unmarshal([]byte(variables), &raw) == nil {
			for k, v := range raw {
				if j, err := orderedjson.Parse(v); err == nil {
					values[k] = j
				}
			}
		}
		first, err := operation.Plan(t.Context(), values, 0)
		if err != nil {
			return
		}
		again, err := operation.Plan(t.Context(), values, 0)
		if err != nil || first.String() != again.String() {
			t.Fatalf("planned twice, differently: %v", err)
		}
	})
}

const introspection = `query { __schema { queryType { name } mutationType { name } subscriptionType { name }
  types { ...T } directives { name description locations args { ...I } } } }
fragment T on __Type { kind name description fields(includeDeprecated: true) { name description args { ...I } type { ...R } isDeprecated deprecationReason }
  inputFields { ...I } interfaces { ...R } enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason } possibleTypes { ...R } }
fragment I on __InputValue { name description type { ...R } defaultValue }
fragment R on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } }`

// TestIntrospectionIsASchema reads our introspection as a client does.
func TestIntrospectionIsASchema(t *testing.T) {
	w := &world{t: t, databases: map[string]*sqlite.Source{}, remotes: map[string]string{}}
	w.database("default", `CREATE TABLE artist (id INTEGER PRIMARY KEY, name TEXT, born DATE, tags JSON);
		CREATE TABLE album (id INTEGER PRIMARY KEY, artist_id INTEGER NOT NULL REFERENCES artist(id));`)
	w.remotes["pets"] = `type Query { pet: Pet, any: [Any] } interface Animal { name: String } type Dog implements Animal { name: String }
		type Pet { kind: Kind @deprecated(reason: "gone"), in(a: In = {x: 1}): Int } enum Kind { CAT DOG } input In { x: Int = 3, y: [In!] } union Any = Pet | Dog`
	w.metadata(`{"version": 3, "sources": [{"name": "default", "kind": "sqlite", "configuration": {"connection_info": {"path": "x"}}, "tables": [
		{"table": {"name": "artist"}, "array_relationships": [{"name": "albums", "using": {"foreign_key_constraint_on": {"column": "artist_id", "table": {"name": "album"}}}}]},
		{"table": {"name": "album"}, "object_relationships": [{"name": "artist", "using": {"foreign_key_constraint_on": "artist_id"}}]}]}],
		"remote_schemas": [{"name": "pets", "definition": {"url": "http://127.0.0.1:1/"}}]}`)
	operation, err := planner.Prepare(schema.ForRole(w.catalog, "admin"), introspection, "")
	if err != nil {
		t.Fatal(err)
	}
	made, err := operation.Plan(t.Context(), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	static, ok := made.Roots[0].Node.(*plan.Static)
	if !ok {
		t.Fatalf("introspection is planned as %T", made.Roots[0].Node)
	}
	read, err := remoteschema.LoadIntrospection([]byte(`{"data":{"__schema":` + string(static.JSON) + `}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"artist", "artist_bool_exp", "artist_order_by", "artist_select_column", "artist_aggregate_fields", "album_aggregate_order_by",
		"order_by", "Pet", "Kind", "In", "Any", "Dog",
	} {
		if read.Types[name] == nil {
			t.Errorf("type %s is missing", name)
		}
	}
	if got := read.Types["album"].Fields.ForName("artist").Type.String(); got != "artist!" {
		t.Errorf("album.artist is %s", got)
	}
	if got := read.Query.Fields.ForName("artist").Type.String(); got != "[artist!]!" {
		t.Errorf("query_root.artist is %s", got)
	}
}
