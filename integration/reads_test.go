package integration_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"dovetail/internal/testengine"
	"dovetail/internal/testpostgres"
)

// TestReads asks one engine after the other what users of v2 ask: each file has
// its databases, its metadata commands and its questions.
func TestReads(t *testing.T) { askAll(t, "testdata/reads", "") }

// TestWrites has them write.
func TestWrites(t *testing.T) { askAll(t, "testdata/writes", "") }

// TestAlike asks databases of several kinds the same, which answer alike.
func TestAlike(t *testing.T) {
	for _, kind := range []string{"postgres", "sqlite"} {
		t.Run(kind, func(t *testing.T) { askAll(t, "testdata/alike", kind) })
	}
}

// askAll runs the files of a folder; kind is that of the databases which the
// files leave open.
func askAll(t *testing.T, folder, kind string) {
	t.Helper()
	datadriven.Walk(t, folder, func(t *testing.T, path string) {
		t.Helper()
		r := &reads{}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			t.Helper()
			switch d.Cmd {
			case "engine":
				r.start(t, d.Input)
				return "ok\n"
			case "postgres", "sqlite":
				return r.source(t, d.Cmd, d.Input)
			case "database":
				return r.source(t, kind, d.Input)
			case "metadata":
				if kind != "" {
					d.Input = commandsOf(kind).Replace(d.Input)
				}
				return r.metadata(t, d.Input)
			case "ask":
				return r.ask(t, d.Input)
			case "elsewhere":
				testpostgres.Execute(t, r.address, d.Input)
				return "ok\n"
			case "sql":
				return r.sql(t, d.Input)
			}
			d.Fatalf(t, "unknown command %s", d.Cmd)
			return ""
		})
	})
}

// commandsOf names a kind of database and the source in metadata commands.
func commandsOf(kind string) *strings.Replacer {
	if kind == "postgres" {
		return strings.NewReplacer("KIND_", "pg_", "SOURCE", "pg")
	}
	return strings.NewReplacer("KIND_", "sqlite_", "SOURCE", "lite")
}

// reads is the engine of one file and its databases.
type reads struct {
	engine *testengine.Engine
	// address is that of the Postgres database.
	address string
}

// start starts the engine with settings, one per line.
func (r *reads) start(t *testing.T, settings string) {
	t.Helper()
	options := testengine.Options{Env: map[string]string{}}
	for line := range strings.Lines(settings) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		options.Env[name] = value
	}
	r.engine = testengine.Start(t, options)
}

// source adds a database with the given contents: pg or lite. A first line that
// is an object is its customization.
func (r *reads) source(t *testing.T, kind, script string) string {
	t.Helper()
	args := map[string]any{"name": "lite"}
	if first, rest, _ := strings.Cut(script, "\n"); strings.HasPrefix(first, "{") {
		args["customization"], script = json.RawMessage(first), rest
	}
	command := "sqlite_add_source"
	if kind == "postgres" {
		address := testpostgres.Database(t)
		testpostgres.Execute(t, address, script)
		r.address = address
		command, args["name"], args["configuration"] = "pg_add_source", "pg", postgresConfiguration(address)
	} else {
		path := filepath.Join(t.TempDir(), "lite.db")
		testengine.FillSQLite(t, path, script)
		args["configuration"] = map[string]any{"connection_info": map[string]any{"path": path}}
	}
	body, err := json.Marshal(map[string]any{"type": command, "args": args})
	if err != nil {
		t.Fatal(err)
	}
	return r.metadata(t, string(body))
}

// metadata sends one command per line and gives the errors.
func (r *reads) metadata(t *testing.T, commands string) string {
	t.Helper()
	var out strings.Builder
	for line := range strings.Lines(commands) {
		status, answer := r.engine.Post(t, "/v1/metadata", nil, []byte(line))
		if status == http.StatusOK {
			continue
		}
		var failure struct{ Path, Error, Code string }
		if err := json.Unmarshal(answer, &failure); err != nil {
			t.Fatalf("%s: %v", answer, err)
		}
		fmt.Fprintf(&out, "%s @ %s [%s]\n", failure.Error, failure.Path, failure.Code)
	}
	if out.Len() == 0 {
		return "ok\n"
	}
	return out.String()
}

// sql has the engine run SQL, one script per line, and gives the errors.
func (r *reads) sql(t *testing.T, scripts string) string {
	t.Helper()
	var out strings.Builder
	for script := range strings.Lines(scripts) {
		cascade := strings.HasPrefix(script, "cascade ")
		body, err := json.Marshal(map[string]any{"type": "run_sql", "args": map[string]any{
			"source": "pg", "sql": strings.TrimPrefix(script, "cascade "), "cascade": cascade,
		}})
		if err != nil {
			t.Fatal(err)
		}
		status, answer := r.engine.Post(t, "/v2/query", nil, body)
		var failure struct{ Path, Error, Code string }
		if err := json.Unmarshal(answer, &failure); err != nil {
			t.Fatalf("%s: %v", answer, err)
		}
		if status == http.StatusOK {
			out.WriteString("ok\n")
			continue
		}
		fmt.Fprintf(&out, "status %d %s @ %s [%s]\n", status, failure.Error, failure.Path, failure.Code)
	}
	return out.String()
}

// ask sends one query per line, after headers and an empty line. Variables
// follow ";;", an operation's name a second one.
func (r *reads) ask(t *testing.T, input string) string {
	t.Helper()
	headers, queries := cutHeaders(input)
	var out strings.Builder
	for line := range strings.Lines(queries) {
		parts := strings.Split(strings.TrimSpace(line), " ;; ")
		request := map[string]any{"query": strings.ReplaceAll(parts[0], `\n`, "\n")}
		if len(parts) > 1 {
			request["variables"] = json.RawMessage(parts[1])
		}
		if len(parts) > 2 {
			request["operationName"] = parts[2]
		}
		body, err := json.Marshal(request)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		status, answer := r.engine.Post(t, "/v1/graphql", headers, body)
		if status != http.StatusOK {
			fmt.Fprintf(&out, "status %d ", status)
		}
		out.WriteString(answerLine(t, answer) + "\n")
	}
	return out.String()
}

// answerLine is an answer without what surrounds it: the data, or the errors.
func answerLine(t *testing.T, document []byte) string {
	t.Helper()
	var answer struct {
		Data   json.RawMessage
		Errors []struct {
			Message    string
			Extensions struct{ Path, Code string }
		}
	}
	if err := json.Unmarshal(document, &answer); err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	var out []string
	if len(answer.Data) > 0 {
		out = append(out, string(answer.Data))
	}
	for _, e := range answer.Errors {
		out = append(out, fmt.Sprintf("error: %s @ %s [%s]", e.Message, e.Extensions.Path, e.Extensions.Code))
	}
	return strings.Join(out, " ")
}
