package oracle_test

import (
	"maps"
	"os"
	"testing"

	"dovetail/internal/testengine"
)

func TestMain(m *testing.M) { os.Exit(testengine.Main(m)) }

// startEngine starts an engine with settings, which tells errors of the
// databases but not its requests.
func startEngine(t *testing.T, settings map[string]string) *testengine.Engine {
	t.Helper()
	env := map[string]string{"HASURA_GRAPHQL_ENABLED_LOG_TYPES": "startup", "HASURA_GRAPHQL_DEV_MODE": "true"}
	maps.Copy(env, settings)
	return testengine.Start(t, testengine.Options{Env: env})
}
