package oracle_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const (
	// queriesPerWorld are asked of each world.
	queriesPerWorld = 40
	// defaultQueries are asked by go test.
	defaultQueries = 500
	// shrinkTime is spent on making a failing case small.
	shrinkTime = 60 * time.Second
	// mostFailures end the search.
	mostFailures = 5
)

// example is a failing case as it is stored.
type example struct {
	World   *world
	Request *request
}

// TestAnswersDoNotDependOnWhereTablesAre is the oracle. DOVETAIL_ORACLE_QUERIES
// says how many queries are asked, DOVETAIL_ORACLE_SEED which.
func TestAnswersDoNotDependOnWhereTablesAre(t *testing.T) {
	b := newBench(t)
	total, seed := setting(t, "DOVETAIL_ORACLE_QUERIES", defaultQueries), setting(t, "DOVETAIL_ORACLE_SEED", 1)
	b.probe(t)
	failures := map[string]bool{}
	for asked, i := 0, 0; asked < total && len(failures) < mostFailures; i++ {
		w := rapid.Custom(func(t *rapid.T) *world { return b.draw(t) }).Example(seed + i)
		for j := range queriesPerWorld {
			r := rapid.Custom(func(t *rapid.T) *request { return drawRequest(t, w, b.crossing) }).Example((seed+i)*1000 + j)
			if len(r.Fields) == 0 {
				continue
			}
			asked++
			f, err := b.check(t.Context(), w, r)
			if err != nil {
				t.Fatal(err)
			}
			if f != nil && !failures[f.kind] {
				failures[f.kind] = true
				x := &example{w, r}
				small, f := b.shrink(t.Context(), x, f, shrinkTime)
				t.Errorf("seed %d, query %d: %s", seed+i, j, b.report(t, small, f))
			}
		}
	}
}

// TestCases runs what was found before.
func TestCases(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if path := os.Getenv("DOVETAIL_ORACLE_CASE"); path != "" {
		paths = []string{path}
	}
	if len(paths) == 0 {
		t.Skip("nothing was found before")
	}
	b := newBench(t)
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var x example
			if err := json.Unmarshal(text, &x); err != nil {
				t.Fatal(err)
			}
			f, err := b.check(t.Context(), x.World, x.Request)
			if err != nil {
				t.Fatal(err)
			}
			if f != nil {
				t.Error(b.report(t, &x, f))
			}
		})
	}
}

func (b *bench) draw(t *rapid.T) *world {
	g := newGenerator(t)
	w := &world{}
	for i := range g.int(3, 6) {
		w.Tables = append(w.Tables, g.table("t"+strconv.Itoa(i), pick(g, b.names)))
	}
	for range g.int(len(w.Tables), 3*len(w.Tables)) {
		g.relate(w)
	}
	for _, name := range []string{"one", "two"} {
		w.Roles = append(w.Roles, g.role(w, name, b.crossing))
	}
	return w
}

// probe finds out which sources can be filtered through relationships to others.
func (b *bench) probe(t *testing.T) {
	t.Helper()
	w := &world{}
	// A source that is drawn more often than others is named more than once.
	names := slices.Compact(slices.Sorted(slices.Values(b.names)))
	for i, name := range names {
		key := &column{Name: "k0", Type: integerType}
		w.Tables = append(w.Tables, &table{Name: "t_" + name, Source: name, Columns: []*column{key}, Key: []string{"k0"}})
		w.Relationships = append(w.Relationships, &relationship{
			Name: "r", From: "t_" + name, To: "t_" + names[(i+1)%len(names)], Array: true, Pairs: []pair{{"k0", "k0"}},
		})
	}
	if err := b.apply(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		answer, err := b.engines[1].engine.Ask(t.Context(), nil, `{__type(name: "t_`+name+`_bool_exp") {inputFields {name}}}`, nil)
		if err != nil {
			t.Fatal(err)
		}
		b.crossing[name] = strings.Contains(string(answer), `"name":"r"`)
		if !b.crossing[name] {
			t.Errorf("tables of %s can't be filtered through relationships to other sources", name)
		}
	}
}

func setting(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// report prints a failing case so that it can be run by hand, and stores it.
func (b *bench) report(t *testing.T, x *example, f *failure) string {
	t.Helper()
	if err := b.apply(t.Context(), x.World); err != nil {
		t.Log(err)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%s\n\n", f.kind)
	stored, err := json.MarshalIndent(x, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(os.TempDir(), fmt.Sprintf("dovetail-oracle-%d.json", time.Now().UnixNano()))
	if err := os.WriteFile(path, stored, 0o600); err != nil {
		t.Error(err)
	}
	fmt.Fprintf(&out, "DOVETAIL_ORACLE_CASE=%s runs it again with -run TestCases\n\n", path)
	for _, table := range x.World.Tables {
		schema := b.sources[table.Source].schema
		fmt.Fprintf(&out, "-- in %s, and with all others in %s\n%s", table.Source, together, table.ddl(schema))
		if table.inServer() {
			fmt.Fprintf(&out, "-- which is\n%s\n", strings.Join(table.ddlInServer(schema), ";\n"))
		}
	}
	for _, all := range []string{"", together} {
		metadata, err := json.Marshal(x.World.metadata(b.sources, all))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "\nmetadata %s: %s\n", all, metadata)
	}
	query, variables := x.World.query(x.Request, false)
	fmt.Fprintf(&out, "\n%s\nvariables: %s\nheaders: %v\n\n%s\n", query, variables, x.Request.headers(), strings.Join(f.answers, "\n"))
	return out.String()
}
