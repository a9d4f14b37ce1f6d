package integration_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"dovetail/internal/testpostgres"
)

// What the other tests count on: the proxy counts what is executed, sees how
// many keys go along, delays, cuts and mends.
func TestPostgresProxy(t *testing.T) {
	proxy := startPostgresProxy(t, testpostgres.Database(t))
	connection, err := pgx.Connect(t.Context(), proxy.url)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // prepared by the first, used again by the second
		var sum int
		if err := connection.QueryRow(t.Context(), `SELECT sum(n) FROM unnest($1::int[]) AS n`, []int{1, 2, 3}).Scan(&sum); err != nil || sum != 6 {
			t.Fatalf("sum %d: %v", sum, err)
		}
	}
	transaction, err := connection.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := transaction.Exec(t.Context(), `SELECT jsonb_array_length($1::jsonb)`, []byte(`[[1,"a"],[2,"b,c"]]`)); err != nil {
		t.Fatal(err)
	}
	if err := transaction.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := describe(map[string][]statement{"one": proxy.take()}), "asked: one 3 (keys 2+3+3)\n"; got != want {
		t.Errorf("%s, want %s", got, want)
	}

	proxy.setDelay(100 * time.Millisecond)
	begin := time.Now()
	if _, err := connection.Exec(t.Context(), `SELECT 1`); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took < 100*time.Millisecond {
		t.Errorf("took %s though delayed by 100 ms", took)
	}
	proxy.setDelay(0)

	proxy.cut()
	if _, err := connection.Exec(t.Context(), `SELECT 1`); err == nil {
		t.Error("a cut connection still works")
	}
	if _, err := pgx.Connect(t.Context(), proxy.url); err == nil {
		t.Error("a new connection while down")
	}
	proxy.mend()
	again, err := pgx.Connect(t.Context(), proxy.url)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
