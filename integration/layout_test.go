package integration_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dovetail/internal/testengine"
	"dovetail/internal/testpostgres"
)

// layout says where a case's sources live and how the engine joins them.
type layout struct {
	name string
	// kinds of the sources, in turn.
	kinds []string
	// together puts every table into one Postgres and makes relationships
	// between them local ones: the oracle.
	together bool
	// chunk is the number of keys per statement; 0: the engine's default.
	chunk int
	// counted: the statements are part of what is expected.
	counted bool
	peer    peerKind
}

// layouts are what every case runs in. The first one's statement counts are
// part of the expectation.
func layouts() []layout {
	first := apollo
	if have, _ := apolloServer().Have(); !have {
		first = gophers
	}
	return []layout{
		{name: "postgres", kinds: []string{"postgres"}, counted: true, peer: first},
		{name: "sqlite", kinds: []string{"sqlite"}, peer: gophers},
		{name: "mixed", kinds: []string{"postgres", "sqlite"}, peer: gophers},
		{name: "chunks-of-1", kinds: []string{"sqlite", "postgres"}, chunk: 1, peer: gophers},
		{name: "chunks-of-2", kinds: []string{"postgres"}, chunk: 2, peer: gophers},
		{name: "together", kinds: []string{"postgres"}, together: true, peer: gophers},
		{name: "sqlserver", kinds: []string{"mssql"}, peer: gophers},
		{name: "sqlserver-mixed", kinds: []string{"postgres", "mssql", "sqlite"}, peer: gophers},
		{name: "sqlserver-chunks-of-1", kinds: []string{"mssql", "postgres"}, chunk: 1, peer: gophers},
	}
}

// fixture is a case's folder as read.
type fixture struct {
	folder   string
	metadata map[string]any
	settings settings
}

// settings is case.json.
type settings struct {
	Description string `json:"description"`
	// Sources in order; SOURCE.sql fills each.
	Sources []string `json:"sources"`
	// Peers maps names, which metadata uses as {{PEER:name}}, to fixtures in
	// peers.
	Peers map[string]string `json:"peers"`
	// Layouts restricts the case to some; all without it.
	Layouts []string `json:"layouts"`
	// NotSQLServer says why SQL Server answers otherwise.
	NotSQLServer string `json:"not_sql_server"`
	// TogetherOnly says what the engine can't do yet when the tables are apart.
	TogetherOnly string            `json:"together_only"`
	Arguments    []string          `json:"arguments"`
	Env          map[string]string `json:"env"`
	// Headers go with the request that applies the metadata.
	Headers map[string]string `json:"headers"`
}

func readFixture(t *testing.T, folder string) *fixture {
	t.Helper()
	f := &fixture{folder: folder}
	readFile(t, filepath.Join(folder, "case.json"), &f.settings)
	readFile(t, filepath.Join(folder, "metadata.json"), &f.metadata)
	return f
}

// world is a fixture brought to life in a layout.
type world struct {
	engine    *testengine.Engine
	fixture   *fixture
	databases map[string]*testengine.PostgresProxy
	peers     map[string]*testengine.Peer
}

// build makes databases and peers, starts an engine and applies the metadata.
func (f *fixture) build(t *testing.T, where layout) *world {
	t.Helper()
	w := &world{fixture: f, databases: map[string]*testengine.PostgresProxy{}, peers: map[string]*testengine.Peer{}}
	for name, served := range f.settings.Peers {
		w.peers[name] = startPeer(t, where.peer, served)
	}
	document := f.document(t, w.peers)
	if where.together {
		w.placeTogether(t, document)
	} else {
		w.spread(t, document, where.kinds)
	}
	options := testengine.Options{Arguments: f.settings.Arguments, Env: map[string]string{}}
	maps.Copy(options.Env, f.settings.Env)
	if where.chunk > 0 {
		options.Env["DOVETAIL_JOIN_CHUNK_SIZE"] = fmt.Sprint(where.chunk)
	}
	w.engine = testengine.Start(t, options)
	w.engine.Apply(t, f.settings.Headers, document)
	w.take()
	return w
}

// document is a copy of the metadata with the peers' URLs.
func (f *fixture) document(t *testing.T, peers map[string]*testengine.Peer) map[string]any {
	t.Helper()
	text, err := json.Marshal(f.metadata)
	if err != nil {
		t.Fatal(err)
	}
	replaced := string(text)
	for name, p := range peers {
		replaced = strings.ReplaceAll(replaced, "{{PEER:"+name+"}}", p.URL)
	}
	var document map[string]any
	if err := json.Unmarshal([]byte(replaced), &document); err != nil {
		t.Fatal(err)
	}
	return document
}

// spread gives each source a database of its own.
func (w *world) spread(t *testing.T, document map[string]any, kinds []string) {
	t.Helper()
	for i, name := range w.fixture.settings.Sources {
		source := find(t, document["sources"], "name", name)
		script := w.fixture.script(t, name)
		switch kind := kinds[i%len(kinds)]; kind {
		case "postgres":
			database := testpostgres.Database(t)
			testpostgres.Execute(t, database, script)
			proxy := testengine.NewPostgresProxy(t, database)
			w.databases[name] = proxy
			source["kind"] = kind
			source["configuration"] = postgresConfiguration(proxy.URL)
		case "sqlite":
			path := filepath.Join(t.TempDir(), name+".db")
			testengine.FillSQLite(t, path, script)
			source["kind"] = kind
			source["configuration"] = map[string]any{"connection_info": map[string]any{"path": path}}
		case "mssql":
			source["kind"] = kind
			source["configuration"] = map[string]any{"connection_info": map[string]any{
				"connection_string": newServerDatabase(t, script), "pool_settings": map[string]any{"max_connections": 10},
			}}
		default:
			t.Fatalf("unknown kind %s", kind)
		}
	}
}

func postgresConfiguration(address string) map[string]any {
	return map[string]any{"connection_info": map[string]any{
		"database_url":  address,
		"pool_settings": map[string]any{"max_connections": 10},
	}}
}

func (f *fixture) script(t *testing.T, source string) string {
	t.Helper()
	script, err := os.ReadFile(filepath.Join(f.folder, source+".sql"))
	if err != nil {
		t.Fatal(err)
	}
	return string(script)
}

// together names the oracle's only source.
const together = "together"

// placeTogether puts all tables into one Postgres. Relationships to tables
// become local ones; those to remote schemas stay.
func (w *world) placeTogether(t *testing.T, document map[string]any) {
	t.Helper()
	database := testpostgres.Database(t)
	tables := []any{}
	for _, name := range w.fixture.settings.Sources {
		testpostgres.Execute(t, database, w.fixture.script(t, name))
		source := find(t, document["sources"], "name", name)
		for _, table := range list(source["tables"]) {
			makeLocal(t, object(t, table))
			dropSources(object(t, table)["select_permissions"])
			tables = append(tables, table)
		}
	}
	proxy := testengine.NewPostgresProxy(t, database)
	w.databases[together] = proxy
	document["sources"] = []any{map[string]any{
		"name": together, "kind": "postgres", "tables": tables, "configuration": postgresConfiguration(proxy.URL),
	}}
	for _, schema := range list(document["remote_schemas"]) {
		for _, ofType := range list(object(t, schema)["remote_relationships"]) {
			for _, relationship := range list(object(t, ofType)["relationships"]) {
				definition := object(t, object(t, relationship)["definition"])
				if target, ok := definition["to_source"]; ok {
					object(t, target)["source"] = together
				}
			}
		}
	}
}

// makeLocal rewrites a table's relationships to other sources' tables.
func makeLocal(t *testing.T, table map[string]any) {
	t.Helper()
	stay := []any{}
	for _, relationship := range list(table["remote_relationships"]) {
		remote := object(t, relationship)
		target, ok := object(t, remote["definition"])["to_source"]
		if !ok {
			stay = append(stay, relationship)
			continue
		}
		definition := object(t, target)
		kind := fmt.Sprintf("%v_relationships", definition["relationship_type"])
		table[kind] = append(list(table[kind]), map[string]any{
			"name": remote["name"],
			"using": map[string]any{"manual_configuration": map[string]any{
				"remote_table": definition["table"], "column_mapping": definition["field_mapping"],
			}},
		})
	}
	table["remote_relationships"] = stay
}

// dropSources lets _exists be about tables of the own source.
func dropSources(value any) {
	switch value := value.(type) {
	case map[string]any:
		if _, exists := value["_table"]; exists {
			delete(value, "_source")
		}
		for _, item := range value {
			dropSources(item)
		}
	case []any:
		for _, item := range value {
			dropSources(item)
		}
	}
}

func list(value any) []any {
	items, _ := value.([]any)
	return items
}

func object(t *testing.T, value any) map[string]any {
	t.Helper()
	fields, ok := value.(map[string]any)
	if !ok {
		t.Fatalf("not an object: %v", value)
	}
	return fields
}

func find(t *testing.T, items any, key, value string) map[string]any {
	t.Helper()
	for _, item := range list(items) {
		if fields := object(t, item); fields[key] == value {
			return fields
		}
	}
	t.Fatalf("nothing has the %s %s", key, value)
	return nil
}

// take forgets what has been asked of databases and peers so far, and gives it.
func (w *world) take() map[string][]testengine.Statement {
	asked := map[string][]testengine.Statement{}
	for name, database := range w.databases {
		if statements := database.Take(); len(statements) > 0 {
			asked[name] = statements
		}
	}
	for name, p := range w.peers {
		for _, request := range p.Take() {
			asked[name] = append(asked[name], testengine.Statement{SQL: string(request.Body)})
		}
	}
	return asked
}
