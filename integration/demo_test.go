package integration_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"dovetail/internal/demo"
)

// The demo's queries have the answers that stand beside them.
func TestDemo(t *testing.T) {
	folder := t.TempDir()
	running, err := demo.Start(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := running.Close(); err != nil {
			t.Error(err)
		}
	})
	e := startEngine(t, engineOptions{})
	var document map[string]any
	decode(t, running.MetadataJSON, &document)
	e.applyMetadata(t, nil, document)
	checkDemo(t, e)
}

// The built-in demo needs nothing but the binary.
func TestDemoCommand(t *testing.T) {
	e := startCommand(t, "demo", engineOptions{})
	// The engine may answer its health before the demo is wired up.
	deadline := time.Now().Add(startTimeout)
	for {
		if got := compact(t, e.graphql(t, nil, `{__typename artist(limit: 1, order_by: {id: asc}) {id}}`)); got == `{"data":{"__typename":"query_root","artist":[{"id":1}]}}` {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("the demo answers %s", got)
		}
		time.Sleep(50 * time.Millisecond)
	}
	checkDemo(t, e)
}

func checkDemo(t *testing.T, e *engine) {
	t.Helper()
	files := filepath.Join("..", "demo")
	for _, test := range []struct{ query, headers, response string }{
		{"query.graphql", "", "response.json"},
		{"query.user.graphql", "query.user.headers.json", "response.user.json"},
	} {
		t.Run(test.query, func(t *testing.T) {
			query, err := os.ReadFile(filepath.Join(files, test.query))
			if err != nil {
				t.Fatal(err)
			}
			var headers map[string]string
			if test.headers != "" {
				readFile(t, filepath.Join(files, test.headers), &headers)
			}
			want, err := os.ReadFile(filepath.Join(files, test.response))
			if err != nil {
				t.Fatal(err)
			}
			if got := compact(t, e.graphql(t, headers, string(query))); got != compact(t, want) {
				t.Errorf("got  %s\nwant %s", got, compact(t, want))
			}
		})
	}
}
