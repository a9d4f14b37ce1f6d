package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"dovetail/internal/testengine"
	"dovetail/internal/testpostgres"
	"dovetail/internal/testwait"
)

const poolerTables = `CREATE TABLE note (id int PRIMARY KEY, owner text NOT NULL, body text NOT NULL, edits int NOT NULL DEFAULT 0);
INSERT INTO note VALUES (1, 'user', 'mine'), (2, 'boss', 'secret'), (3, 'user', 'too')`

// poolerQueries are what two roles send in turn, and what each must be answered.
var poolerQueries = []struct{ role, query, want string }{ //nolint:gochecknoglobals // a constant list
	{"user", `{note(order_by: {id: asc}) {id}}`, `{"data":{"note":[{"id":1},{"id":3}]}}`},
	{"boss", `{note {body id}}`, `{"data":{"note":[{"body":"secret","id":2}]}}`},
	{"user", `{note_aggregate {aggregate {count}}}`, `{"data":{"note_aggregate":{"aggregate":{"count":2}}}}`},
	{"boss", `mutation {update_note(where: {}, _inc: {edits: 1}) {affected_rows returning {body}}}`, `{"data":{"update_note":{"affected_rows":1,"returning":[{"body":"secret"}]}}}`},
	{"user", `{note_by_pk(id: 2) {id}}`, `{"data":{"note_by_pk":null}}`},
	{"boss", `{note_by_pk(id: 2) {id body}}`, `{"data":{"note_by_pk":{"id":2,"body":"secret"}}}`},
}

// TestTwoRolesBehindPooler has two roles alternate over two engines whose sources and
// metadata stand behind PgBouncer, which hands sessions from one transaction to the
// next: every answer is the role's own, and none is an error.
func TestTwoRolesBehindPooler(t *testing.T) {
	t.Parallel()
	for name, prepared := range map[string]string{
		"by default": "", "prepared": `, "use_prepared_statements": true`, "serializable": `, "isolation_level": "serializable"`,
		"prepared, repeatable read": `, "use_prepared_statements": true, "isolation_level": "repeatable-read"`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := testpostgres.Database(t)
			testpostgres.Execute(t, database, poolerTables)
			source := testpostgres.Pooler(t, database, testpostgres.TransactionMode, 3)
			metadata := testpostgres.Pooler(t, testpostgres.Database(t), testpostgres.TransactionMode, 3)
			behind := func(s *settings) { s.metadataURL, s.adminSecret = metadata, "s" }
			first := startTest(t, behind).URL
			fillNotes(t, first, source, prepared)
			second := startTest(t, behind).URL // which finds the metadata of the first
			alternate(t, []string{first, second})
		})
	}
}

// alternate sends the queries round and round by several clients, each to an engine of
// its own choice.
func alternate(t *testing.T, engines []string) {
	t.Helper()
	const clients, rounds = 4, 300
	var group sync.WaitGroup
	for client := range clients {
		group.Go(func() {
			for round := range rounds {
				q := poolerQueries[(client+round)%len(poolerQueries)]
				// Serializable transactions that write the same row give way to each other.
				if client > 0 && strings.HasPrefix(q.query, "mutation") {
					continue
				}
				status, text, err := askAs(t.Context(), q.role, engines[(client+round/2)%len(engines)], q.query)
				if err != nil || status != http.StatusOK || text != q.want {
					t.Errorf("client %d, round %d, %s %s: got %d %s %v, want %s", client, round, q.role, q.query, status, text, err, q.want)
					return
				}
			}
		})
	}
	group.Wait()
}

// askAs sends a query as a role.
func askAs(ctx context.Context, role, engine, query string) (status int, text string, err error) {
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		return 0, "", err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, engine+"/v1/graphql", bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("X-Hasura-Admin-Secret", "s")
	request.Header.Set("X-Hasura-Role", role)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	received, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(received), errors.Join(err, answer.Body.Close())
}

// fillNotes tracks the notes, of which each role may see its own.
func fillNotes(t *testing.T, address, source, prepared string) {
	t.Helper()
	permission := func(kind, role, rest string) string {
		return fmt.Sprintf(`{"type": "pg_create_%s_permission", "args": {"table": "note", "role": %q, "permission": {"filter": {"owner": {"_eq": %q}}, %s}}}`, kind, role, role, rest)
	}
	for _, body := range []string{
		fmt.Sprintf(`{"type": "pg_add_source", "args": {"name": "default", "configuration": {"connection_info": {"database_url": %q, "pool_settings": {"max_connections": 8}%s}}}}`, source, prepared),
		`{"type": "pg_track_table", "args": {"table": "note"}}`,
		permission("select", "user", `"columns": ["id"], "allow_aggregations": true`),
		permission("select", "boss", `"columns": ["id", "body"]`),
		permission("update", "boss", `"columns": ["edits"]`),
	} {
		if status, text := send(t, http.MethodPost, address+"/v1/metadata", body, map[string]string{"x-hasura-admin-secret": "s"}); status != http.StatusOK {
			t.Fatalf("%s: %d %s", body, status, text)
		}
	}
}

// TestRetries: connecting to the metadata database is tried again as often as the
// setting says, and only what may get better is.
func TestRetries(t *testing.T) {
	t.Parallel()
	proxy := testengine.NewPostgresProxy(t, testpostgres.Database(t))
	s := defaults()
	s.metadataURL, s.poll = proxy.URL, 0
	proxy.Cut()
	for retries, want := range []int{0, 1, 2} {
		var output bytes.Buffer
		s.retries = retries
		if i, err := start(t.Context(), s, &output); err == nil {
			t.Errorf("started without its metadata database: %v", i.close())
		}
		if got := strings.Count(output.String(), `"kind":"metadata_database"`); got != want {
			t.Errorf("%d retries instead of %d: %s", got, want, output.String())
		}
	}
	s.retries = 20
	output := &lockedBuffer{}
	go func() {
		testwait.Within(t, time.Minute, func() bool { return strings.Contains(output.text(), "retry 2 of 20") })
		proxy.Mend()
	}()
	i, err := start(t.Context(), s, output)
	if err != nil {
		t.Fatalf("%v: %s", err, output.text())
	}
	if err := i.close(); err != nil {
		t.Error(err)
	}
}

// TestNoRetries: what won't get better is said at once, and an engine that is to end
// doesn't wait.
func TestNoRetries(t *testing.T) {
	t.Parallel()
	database := testpostgres.Database(t)
	testpostgres.Execute(t, database, "CREATE SCHEMA hdb_catalog; CREATE VIEW hdb_catalog.hdb_version AS SELECT 1 AS hasura_uuid")
	s := defaults()
	s.metadataURL, s.retries = database, 20
	output := &lockedBuffer{}
	if i, err := start(t.Context(), s, output); err == nil || strings.Contains(output.text(), "retry") {
		t.Errorf("%v %v: %s", i, err, output.text())
	}
	proxy := testengine.NewPostgresProxy(t, database)
	proxy.Cut()
	s.metadataURL = proxy.URL
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		testwait.Within(t, time.Minute, func() bool { return strings.Contains(output.text(), "retry 3 of 20") })
		stop()
	}()
	if i, err := start(ctx, s, output); err == nil || strings.Contains(output.text(), "retry 5") {
		t.Errorf("%v %v: %s", i, err, output.text())
	}
}
