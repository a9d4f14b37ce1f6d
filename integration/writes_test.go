package integration_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
)

// TestConcurrentUpserts: whoever comes first inserts, the others update, and no
// increment is lost.
func TestConcurrentUpserts(t *testing.T) {
	for kind, track := range map[string]string{
		"postgres": `{"type": "pg_track_table", "args": {"source": "pg", "table": "counter"}}`,
		"sqlite":   `{"type": "sqlite_track_table", "args": {"source": "lite", "table": "counter"}}`,
	} {
		t.Run(kind, func(t *testing.T) { concurrentUpserts(t, kind, track) })
	}
}

func concurrentUpserts(t *testing.T, kind, track string) {
	t.Helper()
	r := &reads{}
	r.start(t, "")
	for _, answer := range []string{
		r.source(t, kind, "create table counter(id int primary key, n int not null default 0, name text);"),
		r.metadata(t, track),
	} {
		if answer != "ok\n" {
			t.Fatal(answer)
		}
	}
	const writers, times = 8, 10
	body := []byte(`{"query": "mutation { insert_counter_one(object: {id: 1, name: \"a\"}, on_conflict: {constraint: counter_pkey, ` +
		`update_columns: [name]}) { id } update_counter_by_pk(pk_columns: {id: 1}, _inc: {n: 1}) { n } }"}`)
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range times {
				if status, answer := r.engine.Post(t, "/v1/graphql", nil, body); status != http.StatusOK || strings.Contains(string(answer), "errors") {
					t.Errorf("%d: %s", status, answer)
				}
			}
		})
	}
	wg.Wait()
	if got := r.ask(t, "{ counter { id n name } }"); got != `{"counter":[{"id":1,"n":80,"name":"a"}]}`+"\n" {
		t.Error(got)
	}
}
