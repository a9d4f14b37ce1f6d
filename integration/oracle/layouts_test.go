package oracle_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"dovetail/internal/testengine"
	"dovetail/internal/testpostgres"
)

// together is the source that has all tables.
const together = "together"

// source is where an engine finds tables.
type source struct {
	kind          string
	configuration any
	// schema of the tables, in Postgres.
	schema string
}

// bench has the engines and databases that all cases use.
type bench struct {
	folder string
	// engines by layout: together, apart, and apart with two keys a statement.
	engines   []layout
	addresses map[string]string
	databases map[string]*pgx.Conn
	sqlite    string
	count     int
	previous  string
	// applied is the world that the engines have.
	applied string
	sources map[string]source
	// crossing tells which sources' tables can be filtered and ordered through
	// relationships to other sources.
	crossing map[string]bool
	// names are the sources that tables are spread over.
	names []string
	// define runs batches in SQL Server, reached at serverAddress; nil: there is
	// none. defined are the batches that take the last world out of it.
	define        func(ctx context.Context, batches []string) error
	serverAddress string
	defined       []string
}

type layout struct {
	name   string
	engine *testengine.Engine
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{
		folder: t.TempDir(), addresses: map[string]string{}, databases: map[string]*pgx.Conn{}, crossing: map[string]bool{},
		names: []string{"alpha", "beta", "lite"},
	}
	b.openServer(t)
	for _, name := range []string{"alpha", "beta", together} {
		address := testpostgres.Database(t)
		connection, err := pgx.Connect(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		// Compiling what runs once on ten rows takes longer than anything else.
		if _, err := connection.Exec(t.Context(), "ALTER DATABASE "+connection.Config().Database+" SET jit = off"); err != nil {
			t.Fatal(err)
		}
		if _, err := connection.Exec(t.Context(), "CREATE EXTENSION citext SCHEMA public; CREATE COLLATION "+folding+
			" (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := connection.Close(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
		})
		b.addresses[name], b.databases[name] = address, connection
	}
	b.engines = []layout{
		{together, startEngine(t, nil)},
		{"apart", startEngine(t, nil)},
		{"apart, two keys at once", startEngine(t, map[string]string{"DOVETAIL_JOIN_CHUNK_SIZE": "2"})},
	}
	return b
}

// apply makes the databases and engines have a world.
func (b *bench) apply(ctx context.Context, w *world) error {
	text, err := json.Marshal(w)
	if err != nil || string(text) == b.applied {
		return err
	}
	b.applied = ""
	b.count++
	schema := fmt.Sprintf("world%d", b.count)
	b.sources = map[string]source{"lite": {kind: "sqlite", configuration: b.newSQLite()}}
	for name, address := range b.addresses {
		b.sources[name] = source{kind: "postgres", schema: schema, configuration: map[string]any{"connection_info": map[string]any{
			// Another URL for each world, so that its tables are read anew.
			"database_url": address + mark(address, schema), "pool_settings": map[string]any{"max_connections": 5},
		}}}
		script := ""
		if b.previous != "" {
			script = "DROP SCHEMA IF EXISTS " + b.previous + " CASCADE;\n"
		}
		script += "CREATE SCHEMA " + schema + ";\n"
		for _, t := range w.Tables {
			if name == together || t.Source == name {
				script += t.ddl(schema)
			}
		}
		if _, err := b.databases[name].Exec(ctx, script); err != nil {
			return fmt.Errorf("%w in %s", err, script)
		}
	}
	b.previous = schema
	if err := b.fillServer(ctx, w, schema); err != nil {
		return err
	}
	if err := b.fillSQLite(w); err != nil {
		return err
	}
	for _, l := range b.engines {
		all := ""
		if l.name == together {
			all = together
		}
		document := w.metadata(b.sources, all)
		if err := l.engine.Replace(ctx, nil, document); err != nil {
			text, _ := json.MarshalIndent(document, "", " ") //nolint:errchkjson // for a message
			return fmt.Errorf("%s: %w\n%s", l.name, err, text)
		}
	}
	b.applied = string(text)
	return nil
}

func mark(address, world string) string {
	if strings.Contains(address, "?") {
		return "&application_name=" + world
	}
	return "?application_name=" + world
}

func (b *bench) newSQLite() any {
	b.sqlite = filepath.Join(b.folder, fmt.Sprintf("world%d.db", b.count))
	return map[string]any{"connection_info": map[string]any{"path": b.sqlite}}
}

func (b *bench) fillSQLite(w *world) error {
	old := filepath.Join(b.folder, fmt.Sprintf("world%d.db", b.count-2))
	if err := os.Remove(old); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	connection, err := sqlite.OpenConn(b.sqlite, sqlite.OpenReadWrite|sqlite.OpenCreate)
	if err != nil {
		return err
	}
	var script strings.Builder
	for _, t := range w.Tables {
		if t.Source == "lite" {
			script.WriteString(t.ddl(""))
		}
	}
	return errors.Join(sqlitex.ExecuteScript(connection, script.String(), nil), connection.Close())
}

// failure is what is wrong with an answer.
type failure struct {
	// kind tells failures apart, so that a smaller case fails in the same way.
	kind    string
	answers []string
}

// check asks a request of all and compares the answers; nil: they agree.
func (b *bench) check(ctx context.Context, w *world, r *request) (*failure, error) {
	if err := b.apply(ctx, w); err != nil {
		return &failure{kind: "the world can't be made", answers: []string{err.Error()}}, ctx.Err()
	}
	e := &evaluator{world: w, role: r.Role, session: r.Session}
	expected := e.answer(r)
	w.normal(expected, r, true)
	out := &failure{answers: []string{"expected: " + expected.String()}}
	strict := ""
	for i, l := range b.engines {
		query, variables := w.query(r, i == 0)
		text, err := l.engine.Ask(ctx, r.headers(), query, variables)
		if err != nil {
			out.fail(l.name + " fails")
			out.answers = append(out.answers, l.name+": "+err.Error())
			continue
		}
		out.answers = append(out.answers, l.name+": "+string(text))
		answer, err := read(text)
		if err != nil {
			out.fail(l.name + " is no JSON")
			continue
		}
		if problem := answer.get("errors"); problem != nil {
			out.fail(l.name + " has errors: " + shape(problem.String()))
			continue
		}
		w.normal(answer, r, false)
		if i == 0 {
			strict = answer.String()
		} else if answer.String() != strict {
			out.fail(l.name + " differs")
		}
		w.normal(answer, r, true)
		if i == 0 && answer.String() != expected.String() {
			out.fail(l.name + " is not what was expected")
		}
	}
	if out.kind == "" {
		return nil, nil // nothing is wrong
	}
	return out, nil
}

func (f *failure) fail(kind string) {
	if f.kind == "" {
		f.kind = kind
	}
}

// shape is the beginning of a message without its names and numbers.
func shape(message string) string {
	_, message, _ = strings.Cut(message, `"message":`)
	message = strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, message)
	return message[:min(len(message), 40)]
}

func (r *request) headers() map[string]string {
	if r.Role == admin {
		return nil
	}
	out := map[string]string{"x-hasura-role": r.Role}
	maps.Copy(out, r.Session)
	return out
}
