package main

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"dovetail/internal/testpostgres"
)

// TestSourcesComeAndGo adds and drops sources under load: no request fails, and in
// the end neither goroutines nor connections are left of them.
func TestSourcesComeAndGo(t *testing.T) {
	const cycles = 25
	server := startShop(t, nil)
	address := testpostgres.Database(t)
	outside, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := outside.Exec(t.Context(), `CREATE TABLE thing (id int PRIMARY KEY); INSERT INTO thing VALUES (1)`); err != nil {
		t.Fatal(err)
	}
	metadata := func(body string) {
		t.Helper()
		if status, text := send(t, http.MethodPost, server.URL+"/v1/metadata", body, nil); status != http.StatusOK {
			t.Fatalf("%s: %d %s", body, status, text)
		}
	}
	cycle := func() {
		t.Helper()
		metadata(fmt.Sprintf(`{"type": "pg_add_source", "args": {"name": "passing", "configuration": {"connection_info": {"database_url": %q}}}}`, address))
		metadata(`{"type": "pg_track_table", "args": {"source": "passing", "table": "thing"}}`)
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				status, text := send(t, http.MethodPost, server.URL+"/v1/graphql", `{"query": "{ thing { id } item { id } }"}`, nil)
				if want := `{"data":{"thing":[{"id":1}],"item":[{"id":1},{"id":2}]}}`; status != http.StatusOK || text != want {
					t.Errorf("%d %s", status, text)
				}
			})
		}
		group.Wait()
		// What is being answered when its source goes is answered still.
		answered := make(chan string, 1)
		go func() {
			_, text := send(t, http.MethodPost, server.URL+"/v2/query", `{"type": "run_sql", "args": {"source": "passing", "sql": "select pg_sleep(0.05)", "read_only": true}}`, nil)
			answered <- text
		}()
		time.Sleep(10 * time.Millisecond)
		metadata(`{"type": "pg_drop_source", "args": {"name": "passing", "cascade": true}}`)
		if text := <-answered; !strings.Contains(text, "TuplesOk") && !strings.Contains(text, "does not exist") {
			t.Error(text)
		}
	}
	cycle()
	settled := func() (goroutines, connections int) {
		http.DefaultClient.CloseIdleConnections()
		if err := outside.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`).
			Scan(&connections); err != nil {
			t.Fatal(err)
		}
		return runtime.NumGoroutine(), connections
	}
	wait := func(most int) (goroutines, connections int) {
		for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			if goroutines, connections = settled(); connections == 0 && goroutines <= most || time.Now().After(deadline) {
				return goroutines, connections
			}
		}
	}
	before, _ := wait(runtime.NumGoroutine())
	for range cycles {
		cycle()
	}
	if goroutines, connections := wait(before + 3); goroutines > before+3 || connections > 0 {
		stacks := make([]byte, 1<<20)
		t.Errorf("%d goroutines after %d before, %d connections\n%s", goroutines, before, connections, stacks[:runtime.Stack(stacks, true)])
	}
	if err := outside.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
