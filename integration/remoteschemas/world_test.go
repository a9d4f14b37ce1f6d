package remoteschemas_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"dovetail/internal/testengine"
	"dovetail/internal/testpostgres"
)

// world is what a file of testdata brings to life, one directive after the
// other.
type world struct {
	t      *testing.T
	kind   string // of its databases
	engine *testengine.Engine
	folder string
	// router is the gateway of a federation.
	router *testengine.Engine
	peers  map[string]*testengine.Peer
	// values stand for {{name}} in metadata: URLs of peers and configurations of
	// databases.
	values map[string]string
}

// TestWorlds runs the files of testdata, those that have databases with
// Postgres and with SQLite.
func TestWorlds(t *testing.T) {
	if have, why := nodePeers().Have(); !have {
		t.Skipf("SKIPPED, NOT TESTED against other GraphQL servers: %s", why)
	}
	for _, kind := range []string{"postgres", "sqlite"} {
		files, err := filepath.Glob(filepath.Join("testdata", "*.txt"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			only := strings.TrimSuffix(filepath.Base(path), ".txt")
			if kind == "sqlite" && strings.HasSuffix(only, "_once") {
				continue
			}
			t.Run(only+"/"+kind, func(t *testing.T) {
				w := &world{t: t, kind: kind, folder: t.TempDir(), peers: map[string]*testengine.Peer{}, values: map[string]string{}}
				datadriven.RunTest(t, path, w.run)
			})
		}
	}
}

func (w *world) run(t *testing.T, d *datadriven.TestData) string {
	t.Helper()
	switch d.Cmd {
	case "peer":
		var name, kind, fixture string
		d.ScanArgs(t, "name", &name)
		d.ScanArgs(t, "kind", &kind)
		d.ScanArgs(t, "fixture", &fixture)
		w.peer(name, kind, fixture)
		return ""
	case "gateway":
		w.gateway(d)
		return ""
	case "database":
		var name string
		d.ScanArgs(t, "name", &name)
		w.database(name, d.Input)
		return ""
	case "engine":
		env := map[string]string{}
		for _, a := range d.CmdArgs {
			env[a.Key] = strings.Join(a.Vals, ",")
		}
		if w.engine != nil {
			w.engine.Stop()
		}
		w.engine = testengine.Start(w.t, testengine.Options{Folder: w.folder, Env: env})
		w.forget()
		return ""
	case "metadata":
		status, answer := w.post(map[string]any{
			"type": "replace_metadata", "version": 2,
			"args": map[string]any{"allow_inconsistent_metadata": true, "metadata": json.RawMessage(w.fill(d.Input))},
		})
		if status != http.StatusOK {
			return fmt.Sprintf("status %d\n%s", status, w.hide(answer))
		}
		w.forget()
		return w.hide(answer)
	case "command":
		return w.command(t, d)
	case "query":
		return w.query(t, d)
	}
	t.Fatalf("unknown directive %s", d.Cmd)
	return ""
}

func (w *world) peer(name, kind, fixture string) {
	if kind == "gophers" {
		w.peers[name] = testengine.NewPeer(w.t, startGophers(w.t))
	} else {
		w.peers[name] = startPeer(w.t, kind, fixture)
	}
	w.values[name] = w.peers[name].URL
}

// gateway starts the gateway of a federation of the peers and, as dovetail, the
// engine.
func (w *world) gateway(d *datadriven.TestData) {
	own := testengine.NewPeer(w.t, w.engine.URL+"/v1/graphql")
	w.peers["dovetail"] = own
	var subgraphs []string
	d.ScanArgs(w.t, "subgraphs", &subgraphs)
	arguments := []string{"gateway.mjs", "dovetail=" + own.URL}
	for _, name := range subgraphs {
		arguments = append(arguments, name+"="+w.peers[name].URL)
	}
	w.router = &testengine.Engine{URL: strings.TrimSuffix(nodePeers().Start(w.t, arguments...), "/")}
	w.forget()
}

// database makes a database of the world's kind. Lines that start with another
// kind and a colon are left out.
func (w *world) database(name, script string) {
	var lines []string
	for line := range strings.SplitSeq(script, "\n") {
		if kind, rest, ok := strings.Cut(line, ": "); ok && (kind == "postgres" || kind == "sqlite") {
			if kind != w.kind {
				continue
			}
			line = rest
		}
		lines = append(lines, line)
	}
	script = strings.Join(lines, "\n")
	var connection map[string]any
	if w.kind == "postgres" {
		address := testpostgres.Database(w.t)
		testpostgres.Execute(w.t, address, script)
		connection = map[string]any{"database_url": address}
	} else {
		path := filepath.Join(w.t.TempDir(), name+".db")
		testengine.FillSQLite(w.t, path, script)
		connection = map[string]any{"path": path}
	}
	text, err := json.Marshal(map[string]any{"connection_info": connection})
	if err != nil {
		w.t.Fatal(err)
	}
	w.values[name] = string(text)
}

// fill puts the world's values into a text; "kind" is that of its databases.
func (w *world) fill(text string) string {
	text = strings.ReplaceAll(text, "{{kind}}", w.kind)
	for name, value := range w.values {
		text = strings.ReplaceAll(text, "{{"+name+"}}", value)
	}
	return text
}

// hide replaces what differs from run to run.
func (w *world) hide(text string) string {
	text = strings.ReplaceAll(text, `,"schema":"public"`, "") // SQLite has none
	for name, value := range w.values {
		text = strings.ReplaceAll(text, value, "{{"+name+"}}")
	}
	for name, p := range w.peers {
		text = strings.ReplaceAll(text, p.URL, "{{"+name+"}}")
		_, port, _ := strings.Cut(strings.TrimPrefix(p.URL, "http://"), ":")
		text = strings.ReplaceAll(text, `"port":"`+port+`"`, `"port":"{{`+name+`}}"`)
		text = strings.ReplaceAll(text, "127.0.0.1:"+port, "{{"+name+"}}")
	}
	return text
}

func (w *world) post(body any) (int, string) {
	w.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	status, answer := w.engine.Post(w.t, "/v1/metadata", nil, text)
	return status, string(answer)
}

func (w *world) command(t *testing.T, d *datadriven.TestData) string {
	t.Helper()
	var kind string
	d.ScanArgs(t, "type", &kind)
	kind = strings.ReplaceAll(kind, "KIND", map[string]string{"postgres": "pg", "sqlite": "sqlite"}[w.kind])
	status, answer := w.engine.Command(t, kind, json.RawMessage(w.fill(d.Input)))
	w.forget()
	answer = w.hide(answer)
	if status != http.StatusOK {
		return fmt.Sprintf("status %d\n%s", status, answer)
	}
	return answer
}

func (w *world) forget() {
	for _, p := range w.peers {
		p.Take()
	}
}

// query asks as a role (argument role; other arguments are headers, with - for
// _), and tells what the peers were asked. Variables follow a line of ---.
func (w *world) query(t *testing.T, d *datadriven.TestData) string {
	t.Helper()
	headers := map[string]string{}
	quiet, asked := false, w.engine
	for _, a := range d.CmdArgs {
		switch a.Key {
		case "role":
			headers["x-hasura-role"] = a.Vals[0]
		case "quiet":
			quiet = true
		case "gateway":
			asked = w.router
		default:
			headers[a.Key] = a.Vals[0]
		}
	}
	query, rest, _ := strings.Cut(d.Input, "\n---\n")
	_, received := asked.Post(t, "/v1/graphql", headers, testengine.Body(t, query, json.RawMessage(rest)))
	answer := strings.TrimSpace(w.hide(string(received)))
	var out strings.Builder
	out.WriteString(answer)
	out.WriteString("\n")
	var requests []string
	for name, p := range w.peers {
		for _, r := range p.Take() {
			line := "→ " + name + ": " + r.Query
			if len(r.Variables) > 0 {
				var text bytes.Buffer
				encoder := json.NewEncoder(&text)
				encoder.SetEscapeHTML(false)
				if err := encoder.Encode(r.Variables); err != nil {
					t.Fatal(err)
				}
				line += "  " + strings.TrimSpace(text.String())
			}
			requests = append(requests, line)
		}
	}
	slices.Sort(requests)
	if !quiet {
		for _, line := range requests {
			out.WriteString(line + "\n")
		}
	}
	return out.String()
}
