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
			fmt.Fprintf(&text, " %s |", s.figures[i])
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
	// processor is the time that the engine's process was running, in milliseconds;
	// negative: not measured.
	processor float64
}

func (f figure) unit() string { return strings.ReplaceAll(f.title, " ", "-") + "-" + f.measure }

func (f figure) String() string {
	if f.processor < 0 {
		return fmt.Sprintf("%.0f %s", f.value, f.measure)
	}
	return fmt.Sprintf("%.3g / %.3g %s", f.value, f.processor, f.measure)
}

// scale is what was measured of some number of tables.
type scale struct {
	b       *testing.B
	engine  *process
	tables  int
	figures []figure
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// asks measures what is asked of the engine: the median time it takes, and the
// mean of the processor's.
func (s *scale) asks(title string, ask ...func() time.Duration) {
	s.b.Helper()
	before := s.engine.processor(s.b)
	took := make([]time.Duration, len(ask))
	for i, f := range ask {
		took[i] = f()
	}
	processor := (s.engine.processor(s.b) - before) / time.Duration(len(ask))
	s.figures = append(s.figures, figure{title, milliseconds(median(took)), "ms", milliseconds(processor)})
}

func (s *scale) holds(title, name string) {
	s.b.Helper()
	s.figures = append(s.figures, figure{title, float64(s.engine.memory(s.b, name)) / mega, "MB", -1})
}

func times(n int, f func(i int) time.Duration) []func() time.Duration {
	out := make([]func() time.Duration, n)
	for i := range out {
		out[i] = func() time.Duration { return f(i) }
	}
	return out
}

// changes is how often a change is measured.
const changes = 5

func measureScale(b *testing.B, tables int) scale {
	b.Helper()
	address, store := testpostgres.Database(b), testpostgres.Database(b)
	execute(b, address, bigTables(tables)...)
	document := bigMetadata(address, tables)
	serve := func() *process { return startEngineIn(b, b.TempDir(), "serve", "--metadata-database-url", store) }
	first := serve()
	first.replaceMetadata(b, document)
	first.stop()

	start := time.Now()
	s := scale{b: b, tables: tables, engine: serve()}
	engine := s.engine
	engine.query(b, "admin", `{t0(limit: 1) {id}}`)
	s.figures = append(s.figures, figure{"start to the first answer", milliseconds(time.Since(start)), "ms", milliseconds(engine.processor(b))})
	time.Sleep(2 * time.Second)
	s.holds("memory at rest", "VmRSS")
	s.change(document)
	s.follow(serve())

	lookup := `{t7(limit: 1, where: {left: {name: {_eq: "x"}}}) {id left {name}}}`
	s.asks("first query of a role", times(roles, func(i int) time.Duration { return engine.query(b, fmt.Sprint("role", i), lookup) })...)
	s.holds("memory after a query of each role", "VmRSS")
	engine.profiled(b, fmt.Sprint("introspect-", tables), func() {
		s.asks("introspection by a role", times(roles, func(i int) time.Duration { return engine.query(b, fmt.Sprint("role", i), introspectionQuery) })...)
		s.asks("introspection by admin", func() time.Duration { return engine.query(b, "admin", introspectionQuery) })
	})
	time.Sleep(2 * time.Second)
	s.holds("memory after the introspection by each role", "VmRSS")
	s.holds("highest memory", "VmHWM")
	return s
}

// change measures what changes of the metadata take.
func (s *scale) change(document string) {
	b, engine := s.b, s.engine
	table := map[string]any{"source": "default", "table": "extra"}
	track := func(int) time.Duration { return engine.command(b, "pg_track_table", table) }
	untrack := func(int) time.Duration { return engine.command(b, "pg_untrack_table", table) }
	permission := map[string]any{
		"source": "default", "table": "extra", "role": "role0", "permission": map[string]any{"columns": "*", "filter": map[string]any{}},
	}
	engine.profiled(b, fmt.Sprint("track-", s.tables), func() {
		for i := range changes {
			if i == 0 { // the first writes the document whole
				track(0)
				untrack(0)
			}
			s.asks("track one table", times(1, track)...)
			s.asks("create one permission", func() time.Duration { return engine.command(b, "pg_create_select_permission", permission) })
			s.asks("untrack it", times(1, untrack)...)
		}
	})
	s.merge(3)
	engine.profiled(b, fmt.Sprint("sql-", s.tables), func() {
		s.asks("run_sql that alters a table", times(changes, func(i int) time.Duration {
			return engine.sql(b, fmt.Sprintf("alter table extra add column added%d int", i))
		})...)
	})
	engine.profiled(b, fmt.Sprint("reload-", s.tables), func() {
		s.asks("reload_metadata", times(changes, func(int) time.Duration { return engine.command(b, "reload_metadata", map[string]any{}) })...)
	})
	engine.profiled(b, fmt.Sprint("replace-", s.tables), func() {
		s.asks("replace_metadata by the same", times(changes, func(int) time.Duration {
			start := time.Now()
			engine.replaceMetadata(b, document)
			return time.Since(start)
		})...)
	})
	s.asks("export_metadata", times(changes, func(int) time.Duration { return engine.command(b, "export_metadata", map[string]any{}) })...)
}

// merge makes one figure of each of the last ones, which came in turns of n.
func (s *scale) merge(n int) {
	from := len(s.figures) - n*changes
	turns := s.figures[from:]
	s.figures = s.figures[:from:from]
	for i := range n {
		var took []float64
		var processor float64
		for j := i; j < len(turns); j += n {
			took = append(took, turns[j].value)
			processor += turns[j].processor / changes
		}
		s.figures = append(s.figures, figure{turns[i].title, median(took), "ms", processor})
	}
}

// follow measures how long another process on the same store takes to follow a
// change of one table, from the moment that the change is acknowledged.
func (s *scale) follow(other *process) {
	b := s.b
	before := other.processor(b)
	var took []time.Duration
	for i := range changes {
		name := fmt.Sprintf("renamed%d", i)
		s.engine.command(b, "pg_set_table_customization", map[string]any{
			"source": "default", "table": "t0", "configuration": map[string]any{"custom_name": name},
		})
		start := time.Now()
		body := marshal(b, map[string]any{"query": "{" + name + "(limit: 1) {id}}"})
		for {
			if _, answer := other.once(b, rawRequest(other.address, "/v1/graphql", body)); bytes.HasPrefix(answer, []byte(`{"data":`)) {
				break
			}
			if time.Since(start) > time.Minute {
				b.Fatal("the other process does not follow")
			}
			time.Sleep(5 * time.Millisecond)
		}
		took = append(took, time.Since(start))
	}
	processor := (other.processor(b) - before) / changes
	other.stop()
	s.figures = append(s.figures, figure{"another process follows", milliseconds(median(took)), "ms", milliseconds(processor)})
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
		slices.SortFunc(down, func(a, b object) int { return cmp.Compare(a["name"].(string), b["name"].(string)) })
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
