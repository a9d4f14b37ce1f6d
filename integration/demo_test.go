package integration_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"dovetail/internal/demo"
	"dovetail/internal/testengine"
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
	e := testengine.Start(t, testengine.Options{})
	var document map[string]any
	decode(t, running.MetadataJSON, &document)
	e.Apply(t, nil, document)
	checkDemo(t, e)
}

// The built-in demo needs nothing but the binary.
func TestDemoCommand(t *testing.T) {
	e := testengine.Start(t, testengine.Options{Command: "demo"})
	// The engine may answer its health before the demo is wired up.
	deadline := time.Now().Add(testengine.StartTimeout)
	for {
		if got := testengine.Compact(t, e.GraphQL(t, nil, `{__typename artist(limit: 1, order_by: {id: asc}) {id}}`)); got == `{"data":{"__typename":"query_root","artist":[{"id":1}]}}` {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("the demo answers %s", got)
		}
		time.Sleep(50 * time.Millisecond)
	}
	checkDemo(t, e)
}

func checkDemo(t *testing.T, e *testengine.Engine) {
	t.Helper()
	files := filepath.Join("..", "internal", "demo", "files")
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
			if got := testengine.Compact(t, e.GraphQL(t, headers, string(query))); got != testengine.Compact(t, want) {
				t.Errorf("got  %s\nwant %s", got, testengine.Compact(t, want))
			}
		})
	}
}
