package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

// liveHeap is how many bytes are in use.
func liveHeap() int64 {
	runtime.GC()
	runtime.GC() // what pools held, too
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc) //nolint:gosec // far below the bound
}

// query is the body of a request for an operation.
func query(t *testing.T, text string) string {
	t.Helper()
	body, err := json.Marshal(map[string]string{"query": text})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestTextFlood: texts that each stand for a large plan, plans of many shapes of
// one text, and introspection of many spellings take the memory that plans may
// take, however many come.
func TestTextFlood(t *testing.T) {
	const most = 16 << 20
	server := startShop(t, func(s *settings) { s.planCacheBytes = most })
	ask := func(body string) {
		t.Helper()
		if status, text := send(t, http.MethodPost, server.URL+"/v1/graphql", body, nil); status != http.StatusOK || !strings.HasPrefix(text, `{"data"`) {
			t.Fatalf("%d %.300s", status, text)
		}
	}
	// Types are made when they are first needed, and stay.
	const introspection = `{ __schema { types { name fields { name args { name type { name } } } inputFields { name type { name } } } } }`
	ask(query(t, introspection))
	flood := func(name string, times int, body func(i int) string) {
		t.Run(name, func(t *testing.T) {
			before := liveHeap()
			for i := range times {
				ask(body(i))
			}
			grown := liveHeap() - before
			t.Logf("%d MiB are held more than before", grown>>20)
			if grown > 2*most {
				t.Errorf("%d MiB are held after the flood, of %d MiB that plans may take", grown>>20, most>>20)
			}
		})
	}
	var large strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&large, " f%d: item(where: {id: {_eq: %d}}) { id name }", i, i)
	}
	flood("texts", 40, func(i int) string { return query(t, fmt.Sprintf("{ t%d: __typename %s }", i, large.String())) })
	flood("shapes", 200, func(i int) string {
		parts := make([]string, 500+i)
		for j := range parts {
			parts[j] = fmt.Sprintf(`{"id":{"_eq":%d}}`, j)
		}
		return `{"query":"query($w: item_bool_exp) { item(where: $w) { id } }","variables":{"w":{"_or":[` + strings.Join(parts, ",") + `]}}}`
	})
	flood("introspection", 400, func(i int) string { return query(t, introspection+strings.Repeat(" ", i)) })
}

// TestFragmentBomb: a short text that stands for very many fields is refused, in
// time and memory, or ends with the time that operations may take.
func TestFragmentBomb(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("{ item { ...F0 } }\n")
	for i := range 20 {
		fmt.Fprintf(&bomb, "fragment F%d on item { a%d: id ...F%d ...F%d b: name }\n", i, i, i+1, i+1)
	}
	bomb.WriteString("fragment F20 on item { id }\n")
	var types strings.Builder // as above, where each spread has a selection of its own
	types.WriteString("{ __schema { types { ...F0 } } }\n")
	for i := range 20 {
		fmt.Fprintf(&types, "fragment F%d on __Type { a: ofType { ...F%d } b: ofType { ...F%d } }\n", i, i+1, i+1)
	}
	types.WriteString("fragment F20 on __Type { name }\n")
	for name, c := range map[string]struct {
		text, answer string
		timeout      time.Duration
	}{
		"spread twice":           {text: bomb.String(), answer: `{"data":{"item":[`},
		"under aliases":          {text: types.String(), answer: "more than the 200000 fields and input values"},
		"under aliases, in time": {text: types.String(), answer: "the operation took longer than allowed", timeout: time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			server := startShop(t, func(s *settings) { s.queryTimeout = c.timeout })
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			_, text := send(t, http.MethodPost, server.URL+"/v1/graphql", query(t, c.text), nil)
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			taken := (after.TotalAlloc - before.TotalAlloc) >> 20
			t.Logf("%d MiB in %v: %.120s", taken, took, text)
			if !strings.Contains(text, c.answer) {
				t.Errorf("got %.300s, want %s", text, c.answer)
			}
			if took > 10*time.Second || taken > 512 {
				t.Errorf("took %v and %d MiB", took, taken)
			}
		})
	}
}
