package remoteschemas_test

import (
	"encoding/json"
	"os"
	"testing"

	"dovetail/internal/testengine"
)

func TestMain(m *testing.M) { os.Exit(testengine.Main(m)) }

// nodePeers has servers for Node.js and what they serve.
func nodePeers() testengine.Node {
	return testengine.Node{Folder: "peers", Packages: []string{"graphql-yoga", "@apollo/gateway"}, Prefix: "integration/remoteschemas/peers"}
}

// startPeer starts a fixture of the folder peers: of kind apollo, yoga or
// subgraph.
func startPeer(t *testing.T, kind, fixture string) *testengine.Peer {
	t.Helper()
	return testengine.NewPeer(t, nodePeers().Start(t, "serve.mjs", kind, fixture))
}

// startEngine starts an engine with settings (environment variables).
func startEngine(t *testing.T, env map[string]string) *testengine.Engine {
	t.Helper()
	return testengine.Start(t, testengine.Options{Env: env})
}

// ask sends a GraphQL request and gives the answer.
func ask(t *testing.T, e *testengine.Engine, query string) string {
	t.Helper()
	return string(e.GraphQL(t, nil, query))
}

// document reads metadata written as JSON.
func document(t *testing.T, text string) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return out
}
