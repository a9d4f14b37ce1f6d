package testengine

import (
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"dovetail/internal/testpostgres"
)

// What the other tests count on: the proxy counts what is executed, sees how
// many keys go along, delays, cuts and mends.
func TestPostgresProxy(t *testing.T) {
	proxy := NewPostgresProxy(t, testpostgres.Database(t))
	connection, err := pgx.Connect(t.Context(), proxy.URL)
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
	var keys []int
	for _, statement := range proxy.Take() {
		keys = append(keys, statement.Keys)
	}
	if want := []int{3, 3, 2}; !slices.Equal(keys, want) {
		t.Errorf("%d keys, want %d", keys, want)
	}

	proxy.SetDelay(100 * time.Millisecond)
	begin := time.Now()
	if _, err := connection.Exec(t.Context(), `SELECT 1`); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took < 100*time.Millisecond {
		t.Errorf("took %s though delayed by 100 ms", took)
	}
	proxy.SetDelay(0)

	proxy.Cut()
	if _, err := connection.Exec(t.Context(), `SELECT 1`); err == nil {
		t.Error("a cut connection still works")
	}
	if _, err := pgx.Connect(t.Context(), proxy.URL); err == nil {
		t.Error("a new connection while down")
	}
	proxy.Mend()
	again, err := pgx.Connect(t.Context(), proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// The proxy's own reading of Bind messages.
func TestListLength(t *testing.T) {
	for _, test := range []struct {
		value  string
		binary bool
		want   int
	}{
		{`[1,2,3]`, false, 3},
		{"\x01[[1,2],[3,4]]", true, 2},
		{`{1,2,3,4}`, false, 4},
		{`{"a,b","c\",d",NULL}`, false, 3},
		{`{"a":1}`, false, 0},
		{`12`, false, 0},
		{"\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x17\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x04\x00\x00\x00\x01\x00\x00\x00\x04\x00\x00\x00\x02", true, 2},
		{"\x00\x00\x00\x05", true, 0},
	} {
		if got := listLength([]byte(test.value), test.binary); got != test.want {
			t.Errorf("listLength(%q) is %d, want %d", test.value, got, test.want)
		}
	}
}
