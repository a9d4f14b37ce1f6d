package integration_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"dovetail/internal/testengine"
	"dovetail/internal/testpostgres"
)

const accountScript = `CREATE TABLE account (id integer PRIMARY KEY, balance integer NOT NULL);
INSERT INTO account (id, balance) VALUES (1, 50), (2, 50);`

// bank is a source with accounts that are written to while they are read.
type bank struct {
	// source as it stands in the metadata.
	source map[string]any
	// write runs a statement of its own.
	write func(ctx context.Context, sql string) error
}

func postgresBank(t *testing.T, connections int) *bank {
	t.Helper()
	database := testpostgres.Database(t)
	testpostgres.Execute(t, database, accountScript)
	writer, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = writer.Close(context.WithoutCancel(t.Context())) })
	configuration := postgresConfiguration(database)
	object(t, object(t, configuration["connection_info"])["pool_settings"])["max_connections"] = connections
	return &bank{map[string]any{"kind": "postgres", "configuration": configuration}, func(ctx context.Context, sql string) error {
		_, err := writer.Exec(ctx, sql)
		return err
	}}
}

func sqliteBank(t *testing.T) *bank {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bank.db")
	testengine.FillSQLite(t, path, accountScript)
	writer, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = writer.Close() })
	// Otherwise those who write wait for those who read.
	if err := sqlitex.ExecuteTransient(writer, "PRAGMA journal_mode = WAL", nil); err != nil {
		t.Fatal(err)
	}
	return &bank{
		map[string]any{"kind": "sqlite", "configuration": map[string]any{"connection_info": map[string]any{"path": path}}},
		func(_ context.Context, sql string) error { return sqlitex.ExecuteScript(writer, sql, nil) },
	}
}

// banking starts an engine with a bank and with records of it elsewhere, which
// take their time.
func (b *bank) banking(t *testing.T, snapshot bool) *testengine.Engine {
	t.Helper()
	records := testpostgres.Database(t)
	testpostgres.Execute(t, records, `CREATE TABLE entry (id integer PRIMARY KEY, account_id integer NOT NULL);
INSERT INTO entry VALUES (1, 1), (2, 2);
CREATE VIEW record AS SELECT entry.* FROM entry, (SELECT pg_sleep(0.4) OFFSET 0) AS pause;`)
	remote := func(name, kind, source, table string, mapping map[string]any) any {
		return map[string]any{"name": name, "definition": map[string]any{"to_source": map[string]any{
			"relationship_type": kind, "source": source, "table": table, "field_mapping": mapping,
		}}}
	}
	b.source["name"] = "bank"
	b.source["tables"] = []any{map[string]any{"table": "account", "remote_relationships": []any{
		remote("records", "array", "records", "record", map[string]any{"id": "account_id"}),
	}}}
	e := testengine.Start(t, testengine.Options{Env: map[string]string{"DOVETAIL_READ_SNAPSHOT": fmt.Sprint(snapshot)}})
	e.Apply(t, nil, map[string]any{"version": 3, "sources": []any{b.source, map[string]any{
		"name": "records", "kind": "postgres", "configuration": postgresConfiguration(records), "tables": []any{
			map[string]any{"table": "record", "remote_relationships": []any{
				remote("account", "object", "bank", "account", map[string]any{"account_id": "id"}),
			}},
		},
	}}})
	return e
}

// A join back to a source reads what its first statement did, though it has been
// written to in between; so do the keys of a condition. Without the setting each
// reads its own moment.
func TestStatementsOfASourceReadOneMoment(t *testing.T) {
	for name, open := range map[string]func(*testing.T) *bank{
		"postgres":       func(t *testing.T) *bank { t.Helper(); return postgresBank(t, 10) },
		"one connection": func(t *testing.T) *bank { t.Helper(); return postgresBank(t, 1) },
		"sqlite":         sqliteBank,
	} {
		for _, snapshot := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%t", name, snapshot), func(t *testing.T) {
				b := open(t)
				e := b.banking(t, snapshot)
				during := func(query string) string {
					t.Helper()
					if err := b.write(t.Context(), "UPDATE account SET balance = 50"); err != nil {
						t.Fatal(err)
					}
					written := make(chan error, 1)
					go func() {
						time.Sleep(200 * time.Millisecond)
						written <- b.write(t.Context(), "UPDATE account SET balance = 10 WHERE id = 1")
					}()
					got := testengine.Compact(t, e.GraphQL(t, nil, query))
					if err := <-written; err != nil {
						t.Fatal(err)
					}
					return got
				}
				for _, test := range []struct{ query, one, torn string }{
					{
						`{account(where: {id: {_eq: 1}}) {balance records {account {balance}}}}`,
						`{"data":{"account":[{"balance":50,"records":[{"account":{"balance":50}}]}]}}`,
						`{"data":{"account":[{"balance":50,"records":[{"account":{"balance":10}}]}]}}`,
					},
					{
						`{account(where: {records: {account: {balance: {_eq: 50}}}}, order_by: {id: asc}) {balance}}`,
						`{"data":{"account":[{"balance":50},{"balance":50}]}}`,
						`{"data":{"account":[{"balance":10},{"balance":50}]}}`,
					},
				} {
					want := test.torn
					if snapshot {
						want = test.one
					}
					if got := during(test.query); got != want {
						t.Errorf("%s answers\n%s, want\n%s", test.query, got, want)
					}
				}
			})
		}
	}
}

// Root fields, which run at the same time, agree with each other.
func TestRootFieldsReadOneMoment(t *testing.T) {
	for name, open := range map[string]func(*testing.T) *bank{
		"postgres": func(t *testing.T) *bank { t.Helper(); return postgresBank(t, 10) },
		"sqlite":   sqliteBank,
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t)
			done, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				for i := 0; ; i++ {
					select {
					case <-done:
						return
					default:
					}
					if err := b.write(context.WithoutCancel(t.Context()), fmt.Sprintf("UPDATE account SET balance = %d", i)); err != nil {
						t.Error(err)
						return
					}
				}
			}()
			defer func() { close(done); <-stopped }()
			torn := func(e *testengine.Engine) bool {
				answer := decodeAnswer(t, e.GraphQL(t, nil,
					`{a: account(order_by: {id: asc}) {balance} b: account(order_by: {id: asc}) {balance} c: account(order_by: {id: asc}) {balance}}`))
				var data struct{ A, B, C []struct{ Balance int } }
				if err := json.Unmarshal(answer.Data, &data); err != nil || len(answer.Errors) > 0 {
					t.Fatal(err, answer.Errors)
				}
				return data.A[0] != data.B[0] || data.B[1] != data.C[1]
			}
			without, with := b.banking(t, false), b.banking(t, true)
			deadline := time.Now().Add(30 * time.Second)
			for !torn(without) {
				if time.Now().After(deadline) {
					t.Error("without the setting no answer is torn either")
					break
				}
			}
			for range 200 {
				if torn(with) {
					t.Fatal("root fields disagree")
				}
			}
		})
	}
}

// Operations that want more connections than there are don't wait for each
// other.
func TestSnapshotsShareFewConnections(t *testing.T) {
	for _, connections := range []int{1, 2, 3} {
		b := postgresBank(t, connections)
		e := b.banking(t, true)
		var waiting sync.WaitGroup
		for range 12 {
			waiting.Go(func() {
				for range 5 {
					received, err := e.Ask(t.Context(), nil,
						`{a: account_by_pk(id: 1) {balance} b: account(where: {id: {_eq: 2}}) {balance} c: account_by_pk(id: 2) {balance} d: account_by_pk(id: 3) {id}}`, nil)
					want := `{"data":{"a":{"balance":50},"b":[{"balance":50}],"c":{"balance":50},"d":null}}`
					if err != nil || string(received) != want {
						t.Errorf("%d connections: %v: %s", connections, err, received)
					}
				}
			})
		}
		waiting.Wait()
		answer := decodeAnswer(t, e.GraphQL(t, nil, `{a: account_by_pk(id: 1) {balance records {account {id}}} b: record {id}}`))
		if want := `{"a":{"balance":50,"records":[{"account":{"id":1}}]},"b":[{"id":1},{"id":2}]}`; string(answer.Data) != want {
			t.Errorf("%d connections: %s, want %s", connections, answer.Data, want)
		}
	}
}
