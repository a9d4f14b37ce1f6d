package oracle_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"dovetail/internal/testpostgres"
)

// Where databases differ by nature, a table's answers change with its place.
// The list is in docs/differences.md.
func TestDifferencesBetweenDatabases(t *testing.T) {
	address := testpostgres.Database(t)
	connection, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := connection.Exec(t.Context(), `
		CREATE TABLE pg (id integer PRIMARY KEY, bytes text COLLATE "C", amount numeric, words text COLLATE "und-x-icu");
		INSERT INTO pg VALUES (1, 'École', 1.50, 'a'), (2, 'b', 2, 'B'), (3, 'C', 12345678901234567.25, 'c')`); err != nil {
		t.Fatal(err)
	}
	if err := connection.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	path := t.TempDir() + "/lite.db"
	lite, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenCreate)
	if err != nil {
		t.Fatal(err)
	}
	if err := sqlitex.ExecuteScript(lite, `
		CREATE TABLE lite (id integer PRIMARY KEY, bytes text, amount numeric, words text);
		INSERT INTO lite VALUES (1, 'École', 1.50, 'a'), (2, 'b', 2, 'B'), (3, 'C', 12345678901234567.25, 'c')`, nil); err != nil {
		t.Fatal(err)
	}
	if err := lite.Close(); err != nil {
		t.Fatal(err)
	}
	e := startEngine(t, nil)
	if err := e.Replace(t.Context(), nil, map[string]any{"version": 3, "sources": []any{
		map[string]any{
			"name": "postgres", "kind": "postgres", "tables": []any{map[string]any{"table": "pg"}},
			"configuration": map[string]any{"connection_info": map[string]any{"database_url": address}},
		},
		map[string]any{
			"name": "sqlite", "kind": "sqlite", "tables": []any{map[string]any{"table": "lite"}},
			"configuration": map[string]any{"connection_info": map[string]any{"path": path}},
		},
	}}); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, query, postgres, sqlite string }{
		{
			"_ilike folds by the column's collation; in SQLite all letters of Unicode",
			`(where: {bytes: {_ilike: "éCOLE"}}) {id}`, `[]`, `[{"id":1}]`,
		},
		{
			"text orders by the column's collation; in SQLite by its bytes",
			`(order_by: {words: asc}) {words}`, `[{"words":"a"},{"words":"B"},{"words":"c"}]`, `[{"words":"B"},{"words":"a"},{"words":"c"}]`,
		},
		{
			"numbers without a declared scale keep it; in SQLite they are doubles",
			`(order_by: {id: asc}) {amount}`, `[{"amount":1.50},{"amount":2},{"amount":12345678901234567.25}]`,
			`[{"amount":1.5},{"amount":2},{"amount":12345678901234568}]`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			for name, want := range map[string]string{"pg": test.postgres, "lite": test.sqlite} {
				answer, err := e.Ask(t.Context(), nil, "{"+name+test.query+"}", nil)
				if err != nil {
					t.Fatal(err)
				}
				if want = `{"data":{"` + name + `":` + want + `}}`; string(answer) != want {
					t.Errorf("got %s, want %s", answer, want)
				}
			}
		})
	}
}
