package integration_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"dovetail/internal/testengine"
)

// TestCases runs every case in every layout. With -rewrite the answers of the
// first layout replace what is expected, and the others are run against that.
func TestCases(t *testing.T) {
	folders, err := os.ReadDir("testdata/cases")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		t.Run(folder.Name(), func(t *testing.T) {
			f := readFixture(t, filepath.Join("testdata/cases", folder.Name()))
			for _, where := range layouts() {
				if len(f.settings.Layouts) > 0 && !slices.Contains(f.settings.Layouts, where.name) {
					continue
				}
				t.Run(where.name, func(t *testing.T) { runCase(t, f, where) })
			}
		})
	}
}

func runCase(t *testing.T, f *fixture, where layout) {
	t.Helper()
	if f.settings.TogetherOnly != "" && !where.together {
		t.Skipf("SKIPPED, NOT SUPPORTED YET: %s", f.settings.TogetherOnly)
	}
	if strings.HasPrefix(where.name, "sqlserver") {
		needServer(t)
		if f.settings.NotSQLServer != "" {
			t.Skipf("SKIPPED IN SQL SERVER: %s", f.settings.NotSQLServer)
		}
	}
	w := f.build(t, where)
	var differences []string
	datadriven.RunTest(t, filepath.Join(f.folder, "requests.txt"), func(t *testing.T, d *datadriven.TestData) string {
		t.Helper()
		got := w.request(t, d)
		asked := w.take()
		counts := describe(asked)
		if !where.counted || oneOf(counts, lastLine(d.Expected)) {
			// What other layouts ask of their sources is theirs to choose.
			counts = lastLine(d.Expected)
		}
		got += counts
		// datadriven itself would stop at the first difference.
		if got == d.Expected || rewriting() {
			return got
		}
		differences = append(differences, fmt.Sprintf("%s:\n%s\ngot\n%s\nwant\n%s\nasked:\n%s", d.Pos, d.Input, got, d.Expected, spell(asked)+w.explained(t, where, d)))
		return d.Expected
	})
	for _, difference := range differences {
		t.Error(difference)
	}
}

// explained is what SQL Server is asked, which has no proxy that listens: the
// engine's own account of it.
func (w *world) explained(t *testing.T, where layout, d *datadriven.TestData) string {
	t.Helper()
	if !strings.HasPrefix(where.name, "sqlserver") || d.Cmd != "graphql" {
		return ""
	}
	headers, query := cutHeaders(d.Input)
	variables := json.RawMessage(headers["variables"])
	delete(headers, "variables")
	if len(variables) == 0 {
		variables = json.RawMessage("{}")
	}
	body, err := json.Marshal(map[string]any{"query": map[string]any{"query": query, "variables": variables}, "user": headers})
	if err != nil {
		t.Fatal(err)
	}
	_, received := w.engine.Post(t, "/v1/graphql/explain", nil, body)
	return "explained: " + string(received) + "\n"
}

// oneOf reports whether counts are among those of a line that names several: where
// root fields run at the same time, which of them asks first may decide.
func oneOf(counts, line string) bool {
	choices := strings.Split(strings.TrimPrefix(strings.TrimSpace(line), "asked: "), " or ")
	return slices.Contains(choices, strings.TrimPrefix(strings.TrimSpace(counts), "asked: "))
}

// rewriting tells whether the tests run with -rewrite.
func rewriting() bool {
	rewrite := flag.Lookup("rewrite")
	return rewrite != nil && rewrite.Value.String() == "true"
}

// spell writes out what sources were asked.
func spell(asked map[string][]testengine.Statement) string {
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		for _, one := range asked[name] {
			fmt.Fprintf(&out, "%s (%d keys): %s\n", name, one.Keys, one.SQL)
		}
	}
	return out.String()
}

// request sends what a block of requests.txt says. The block starts with
// headers, if any, then an empty line, then the query; the pseudo-header
// "variables:" holds them as JSON. The command is graphql, or post with the path
// and the raw body.
func (w *world) request(t *testing.T, d *datadriven.TestData) string {
	t.Helper()
	headers, body := cutHeaders(d.Input)
	variables := json.RawMessage(headers["variables"])
	delete(headers, "variables")
	var status int
	var received []byte
	switch d.Cmd {
	case "graphql", "relay":
		if len(variables) == 0 {
			variables = nil
		}
		path := "/v1/graphql"
		if d.Cmd == "relay" {
			path = "/v1beta1/relay"
		}
		status, received = w.engine.Post(t, path, headers, testengine.Body(t, body, variables))
	case "post":
		var path string
		d.ScanArgs(t, "path", &path)
		status, received = w.engine.Post(t, path, headers, []byte(body))
	default:
		d.Fatalf(t, "unknown command %s", d.Cmd)
	}
	var out strings.Builder
	if status != http.StatusOK {
		fmt.Fprintf(&out, "status %d\n", status)
	}
	out.WriteString(readable(t, received))
	return out.String()
}

var headerLine = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9-]*): ?(.*)$`)

func cutHeaders(input string) (map[string]string, string) {
	headers := map[string]string{}
	for {
		line, rest, _ := strings.Cut(input, "\n")
		match := headerLine.FindStringSubmatch(line)
		switch {
		case match != nil:
			headers[match[1]] = match[2]
			input = rest
			continue
		case line == "" && len(headers) > 0:
			return headers, rest
		default:
			return headers, input
		}
	}
}

// readable is JSON laid out over lines when it is long; keys and numbers stay
// as they are.
func readable(t *testing.T, document []byte) string {
	t.Helper()
	short := testengine.Compact(t, document)
	if len(short) <= 100 {
		return short + "\n"
	}
	var buffer bytes.Buffer
	if err := json.Indent(&buffer, []byte(short), "", " "); err != nil {
		t.Fatal(err)
	}
	return foldLeaves(buffer.String()) + "\n"
}

// leaf is an object or list without others in it.
var leaf = regexp.MustCompile(`([{\[])\n\s*([^{}\[\]]*?)\n\s*([}\]])`)

var lineBreak = regexp.MustCompile(`\n\s*`)

// foldLeaves puts small objects on one line.
func foldLeaves(text string) string {
	return leaf.ReplaceAllStringFunc(text, func(found string) string {
		folded := lineBreak.ReplaceAllString(found, " ")
		if len(folded) > 100 {
			return found
		}
		return folded[:1] + strings.TrimSpace(folded[1:len(folded)-1]) + folded[len(folded)-1:]
	})
}

// describe says how often each source was asked, and with how many keys.
func describe(asked map[string][]testengine.Statement) string {
	if len(asked) == 0 {
		return "asked: nothing\n"
	}
	parts := []string{}
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		part := fmt.Sprintf("%s %d", name, len(asked[name]))
		keys := []string{}
		for _, one := range asked[name] {
			if one.Keys > 0 {
				keys = append(keys, fmt.Sprint(one.Keys))
			}
		}
		if len(keys) > 0 {
			slices.Sort(keys)
			part += " (keys " + strings.Join(keys, "+") + ")"
		}
		parts = append(parts, part)
	}
	return "asked: " + strings.Join(parts, ", ") + "\n"
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	return lines[len(lines)-1] + "\n"
}
