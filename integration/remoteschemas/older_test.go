package remoteschemas_test

import (
	"testing"

	"dovetail/internal/testengine"
)

// olderPeers are servers whose GraphQL is that of years ago.
func olderPeers() testengine.Node {
	return testengine.Node{Folder: "peers/older", Packages: []string{"apollo-server", "graphql14"}, Prefix: "integration/remoteschemas/peers/older"}
}

// TestOlderServers adds servers that answer with status 400 to what newer
// introspection asks for.
func TestOlderServers(t *testing.T) {
	for _, kind := range []string{"apollo3", "graphql14"} {
		t.Run(kind, func(t *testing.T) {
			p := testengine.NewPeer(t, olderPeers().Start(t, "serve.mjs", kind))
			e := startEngine(t, nil)
			e.Must(t, "add_remote_schema", map[string]any{"name": "parts", "definition": map[string]any{"url": p.URL}})
			const want = `{"data":{"part":{"id":"1","size":"SMALL"},"parts":[{"id":"2"}],"__type":{"fields":[{"name":"id","deprecationReason":null},{"name":"old","deprecationReason":"worn"},{"name":"size","deprecationReason":null}]}}}`
			if answer := ask(t, e, `{ part(id: 1) { id size } parts(where: {size: LARGE}) { id }
				__type(name: "Part") { fields(includeDeprecated: true) { name deprecationReason } } }`); answer != want {
				t.Errorf("answered %s, want %s", answer, want)
			}
		})
	}
}
