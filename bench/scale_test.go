package bench

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dovetail/internal/testpostgres"
)

// roles is how many roles have a permission on every table; admin comes on top.
const roles = 10

// BenchmarkScale tells what it costs to have many tables.
func BenchmarkScale(b *testing.B) {
	var all []scale
	for _, tables := range []int{500, 5000} {
		b.Run(fmt.Sprintf("tables=%d", tables), func(b *testing.B) {
			s := measureScale(b, tables)
			b.ReportMetric(0, "ns/op")
			for _, f := range s.figures {
				b.ReportMetric(f.value, f.unit())
			}
			all = append(all, s)
		})
	}
	if len(all) == 0 {
		return
	}
	var text strings.Builder
	for i, f := range all[0].figures {
		fmt.Fprintf(&text, "| %s |", f.title)
		for _, s := range all {
			fmt.Fprintf(&text, " %.3g %s |", s.figures[i].value, f.measure)
		}
		text.WriteString("\n")
	}
	tell(b, "| |%s\n%s", func() (head string) {
		for _, s := range all {
			head += fmt.Sprintf(" %d tables |", s.tables)
		}
		return head
	}(), text.String())
}

// figure is one thing that was measured.
type figure struct {
	title   string
	value   float64
	measure string
}

func (f figure) unit() string { return strings.ReplaceAll(f.title, " ", "-") + "-" + f.measure }

// scale is what was measured of some number of tables.
type scale struct {
	tables  int
	figures []figure
}

func (s *scale) took(title string, d time.Duration) {
	s.figures = append(s.figures, figure{title, float64(d.Microseconds()) / 1000, "ms"})
}

func (s *scale) holds(title string, bytes int64) {
	s.figures = append(s.figures, figure{title, float64(bytes) / mega, "MB"})
}

func measureScale(b *testing.B, tables int) scale {
	b.Helper()
	s := scale{tables: tables}
	address, folder := testpostgres.Database(b), b.TempDir()
	execute(b, address, bigTables(tables)...)
	document := bigMetadata(address, tables)
	engine := startEngineIn(b, folder, "serve")
	engine.replaceMetadata(b, document)
	engine.stop()

	start := time.Now()
	engine = startEngineIn(b, folder, "serve")
	engine.query(b, "admin", `{t0(limit: 1) {id}}`)
	s.took("start to the first answer", time.Since(start))
	time.Sleep(2 * time.Second)
	s.holds("memory at rest", engine.memory(b, "VmRSS"))

	engine.profiled(b, fmt.Sprint("track-", tables), func() {
		var track, untrack, permit []time.Duration
		for b.Loop() {
			table := map[string]any{"source": "default", "table": "extra"}
			track = append(track, engine.command(b, "pg_track_table", table))
			permit = append(permit, engine.command(b, "pg_create_select_permission", map[string]any{
				"source": "default", "table": "extra", "role": "role0", "permission": map[string]any{"columns": "*", "filter": map[string]any{}},
			}))
			untrack = append(untrack, engine.command(b, "pg_untrack_table", map[string]any{"source": "default", "table": "extra", "cascade": true}))
		}
		s.took("track one table", median(track))
		s.took("create one permission", median(permit))
		s.took("untrack it", median(untrack))
	})
	engine.profiled(b, fmt.Sprint("sql-", tables), func() {
		s.took("run_sql that alters a table", engine.sql(b, "alter table extra add column added int"))
	})
	engine.profiled(b, fmt.Sprint("reload-", tables), func() {
		s.took("reload_metadata", engine.command(b, "reload_metadata", map[string]any{}))
	})
	engine.profiled(b, fmt.Sprint("replace-", tables), func() {
		start := time.Now()
		engine.replaceMetadata(b, document)
		s.took("replace_metadata by the same", time.Since(start))
	})
	s.took("export_metadata", engine.command(b, "export_metadata", map[string]any{}))

	var first []time.Duration
	for i := range roles {
		first = append(first, engine.query(b, fmt.Sprint("role", i), `{t7(limit: 1, where: {left: {name: {_eq: "x"}}}) {id left {name}}}`))
	}
	s.took("first query of a role", median(first))
	s.holds("memory after a query of each role", engine.memory(b, "VmRSS"))
	engine.profiled(b, fmt.Sprint("introspect-", tables), func() {
		var introspect []time.Duration
		for i := range roles {
			introspect = append(introspect, engine.query(b, fmt.Sprint("role", i), introspectionQuery))
		}
		introspect = append(introspect, engine.query(b, "admin", introspectionQuery))
		s.took("introspection by a role", median(introspect))
	})
	time.Sleep(2 * time.Second)
	s.holds("memory after the introspection by each role", engine.memory(b, "VmRSS"))
	s.holds("highest memory", engine.memory(b, "VmHWM"))
	return s
}

// introspectionQuery is what tools ask for.
const introspectionQuery = `query IntrospectionQuery {
  __schema {
    queryType {name} mutationType {name} subscriptionType {name}
    types {...FullType}
    directives {name description locations args {...InputValue}}
  }
}
fragment FullType on __Type {
  kind name description
  fields(includeDeprecated: true) {name description args {...InputValue} type {...TypeRef} isDeprecated deprecationReason}
  inputFields {...InputValue}
  interfaces {...TypeRef}
  enumValues(includeDeprecated: true) {name description isDeprecated deprecationReason}
  possibleTypes {...TypeRef}
}
fragment InputValue on __InputValue {name description type {...TypeRef} defaultValue}
fragment TypeRef on __Type {kind name ofType {kind name ofType {kind name ofType {kind name ofType {kind name}}}}}`

// profiled profiles the engine while f runs, if asked to.
func (p *process) profiled(b *testing.B, name string, f func()) {
	b.Helper()
	folder := os.Getenv(profileVariable)
	if folder == "" {
		f()
		return
	}
	const seconds = 6
	done := make(chan bool)
	go func() {
		defer close(done)
		p.profile(b, fmt.Sprintf("profile?seconds=%d", seconds), filepath.Join(folder, name+".cpu.prof"))
	}()
	time.Sleep(200 * time.Millisecond) // the profile has started
	f()
	<-done
	p.profile(b, "heap?gc=1", filepath.Join(folder, name+".heap.prof"))
}

// query asks as a role, and tells how long the answer took.
func (p *process) query(b *testing.B, role, query string) time.Duration {
	b.Helper()
	body := marshal(b, map[string]any{"query": query})
	request := fmt.Appendf(nil, "POST /v1/graphql HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nX-Hasura-Role: %s\r\n"+
		"X-Hasura-User-Id: 1\r\nContent-Length: %d\r\n\r\n%s", p.address, role, len(body), body)
	start := time.Now()
	status, answer := p.once(b, request)
	took := time.Since(start)
	if status != http.StatusOK || !bytes.HasPrefix(answer, []byte(`{"data":`)) || bytes.Contains(answer[:min(len(answer), 1000)], []byte(`"errors"`)) {
		b.Fatalf("%s as %s: status %d: %.1000s", query, role, status, answer)
	}
	return took
}

// command sends a command of the admin API, and tells how long it took.
func (p *process) command(b *testing.B, name string, arguments any) time.Duration {
	b.Helper()
	return p.admin(b, "/v1/metadata", name, arguments)
}

func (p *process) sql(b *testing.B, statement string) time.Duration {
	b.Helper()
	return p.admin(b, "/v2/query", "run_sql", map[string]any{"sql": statement})
}

func (p *process) admin(b *testing.B, path, name string, arguments any) time.Duration {
	b.Helper()
	request := rawRequest(p.address, path, marshal(b, map[string]any{"type": name, "args": arguments}))
	start := time.Now()
	status, answer := p.once(b, request)
	took := time.Since(start)
	if status != http.StatusOK {
		b.Fatalf("%s: status %d: %.1000s", name, status, answer)
	}
	return took
}

// bigTables makes tables of ten columns that each refer to two others, and one
// that is not to be tracked from the start.
func bigTables(tables int) []string {
	column := `(id int primary key, name text not null, owner text, amount numeric, made timestamptz not null default now(), ` +
		`valid boolean, details jsonb, token uuid, left_id int, right_id int)`
	var create, refer strings.Builder
	var out []string
	for i := range tables {
		fmt.Fprintf(&create, "create table t%d %s;", i, column)
		fmt.Fprintf(&refer, "alter table t%d add foreign key (left_id) references t%d, add foreign key (right_id) references t%d;", i, i/2, i/3)
		if i%500 == 499 { // Postgres holds the locks of a transaction
			out = append(out, create.String(), refer.String())
			create.Reset()
			refer.Reset()
		}
	}
	return append(out, create.String(), refer.String(), "create table extra "+column)
}

// bigMetadata tracks the tables, with relationships both ways and permissions.
func bigMetadata(address string, tables int) string {
	type object = map[string]any
	children := func(i, factor int) []int {
		var out []int
		for child := i * factor; child < min((i+1)*factor, tables); child++ {
			out = append(out, child)
		}
		return out
	}
	var tracked []object
	for i := range tables {
		var up, down, permissions []object
		for _, side := range []string{"left", "right"} {
			up = append(up, object{"name": side, "using": object{"foreign_key_constraint_on": side + "_id"}})
		}
		for side, factor := range map[string]int{"left": 2, "right": 3} {
			for _, child := range children(i, factor) {
				down = append(down, object{"name": fmt.Sprintf("t%d_%s", child, side), "using": object{
					"foreign_key_constraint_on": object{"column": side + "_id", "table": object{"schema": "public", "name": fmt.Sprint("t", child)}},
				}})
			}
		}
		slices.SortFunc(down, func(a, b object) int { return cmp.Compare(a["name"].(string), b["name"].(string)) }) //nolint:forcetypeassert // they are
		for role := range roles {
			columns := any("*")
			if role%2 == 1 {
				columns = []string{"id", "name", "owner", "made", "left_id", "right_id"}
			}
			permissions = append(permissions, object{"role": fmt.Sprint("role", role), "permission": object{
				"columns": columns, "allow_aggregations": role < 3, "filter": []object{
					{}, {"owner": object{"_eq": "X-Hasura-User-Id"}}, {"left": object{"owner": object{"_eq": "X-Hasura-User-Id"}}},
				}[role%3],
			}})
		}
		tracked = append(tracked, object{
			"table": object{"schema": "public", "name": fmt.Sprint("t", i)}, "object_relationships": up, "array_relationships": down,
			"select_permissions": permissions,
		})
	}
	document, err := json.Marshal(object{"version": 3, "sources": []object{{
		"name": "default", "kind": "postgres", "tables": tracked,
		"configuration": object{"connection_info": object{"database_url": address, "pool_settings": object{"max_connections": 10}}},
	}}})
	if err != nil {
		panic(err) // texts and numbers
	}
	return string(document)
}
