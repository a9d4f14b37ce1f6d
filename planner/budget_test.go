package planner_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/internal/schema"
	"dovetail/planner"
	"dovetail/sources"
	"dovetail/sources/sqlite"
)

// Bounds of what a hostile text may take; both are far from what is needed.
const (
	bombTime   = 10 * time.Second
	bombMemory = 1 << 30
)

func bombWorld(t *testing.T) *schema.Schema {
	t.Helper()
	w := &world{t: t, databases: map[string]*sqlite.Source{}, remotes: map[string]string{}}
	w.database("default", `CREATE TABLE person (id INTEGER PRIMARY KEY, boss INTEGER REFERENCES person(id), name TEXT);`)
	w.metadata(`{"version": 3, "sources": [{"name": "default", "kind": "sqlite", "configuration": {"connection_info": {"path": "x"}}, "tables": [
		{"table": {"name": "person"}, "object_relationships": [{"name": "above", "using": {"foreign_key_constraint_on": "boss"}}]}]}]}`)
	return schema.ForRole(w.catalog, "admin")
}

// bounded runs f within the bounds of time and of memory allocated.
func bounded(t *testing.T, f func() error) error {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	err := f()
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	allocated := after.TotalAlloc - before.TotalAlloc
	t.Logf("%v, %d MB allocated: %.120v", took, allocated>>20, err)
	if took > bombTime || allocated > bombMemory {
		t.Fatalf("took %v and %d MB", took, allocated>>20)
	}
	return err
}

func planText(ctx context.Context, s *schema.Schema, text string, variables map[string]orderedjson.Value, nodes int) error {
	operation, err := planner.Prepare(s, text, "")
	if err != nil {
		return err
	}
	_, err = operation.Plan(ctx, variables, nodes)
	return err
}

// fragmentBomb spreads each of its fragments twice, under two aliases.
func fragmentBomb(levels int) string {
	var b strings.Builder
	b.WriteString("{ person { ...F0 } }\n")
	for i := range levels {
		fmt.Fprintf(&b, "fragment F%d on person { a: above { ...F%d } b: above { ...F%d } }\n", i, i+1, i+1)
	}
	fmt.Fprintf(&b, "fragment F%d on person { id }\n", levels)
	return b.String()
}

func wantRefusal(t *testing.T, err error, message string) {
	t.Helper()
	refused, ok := errors.AsType[*planner.Error](err)
	if !ok || !strings.Contains(refused.Message, message) {
		t.Fatalf("got %v, want a refusal that says %q", err, message)
	}
}

// TestBombsEndQuickly plans texts that stand for far more than they are long.
func TestBombsEndQuickly(t *testing.T) {
	s := bombWorld(t)
	var chain strings.Builder
	chain.WriteString("{ person { ...C0 } }\n")
	for i := range 400 {
		fmt.Fprintf(&chain, "fragment C%d on person { above { above { above { ...C%d } } } }\n", i, i+1)
	}
	chain.WriteString("fragment C400 on person { id }\n")
	for name, test := range map[string]struct{ text, message string }{
		"aliased fragments":  {fragmentBomb(20), "more than the 200000 fields and input values"},
		"chain of fragments": {chain.String(), "nested too deeply"},
	} {
		t.Run(name, func(t *testing.T) {
			wantRefusal(t, bounded(t, func() error { return planText(t.Context(), s, test.text, nil, 0) }), test.message)
		})
	}
}

// TestBudgetIsASetting holds an operation against bounds about its own size.
func TestBudgetIsASetting(t *testing.T) {
	s := bombWorld(t)
	text := `{ person { id name } }`
	wantRefusal(t, planText(t.Context(), s, text, nil, 2), "more than the 2 fields")
	if err := planText(t.Context(), s, text, nil, 3); err != nil {
		t.Fatal(err)
	}
}

// TestPlanningEndsWithItsContext plans for somebody who is gone, or late.
func TestPlanningEndsWithItsContext(t *testing.T) {
	s := bombWorld(t)
	ctx, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	err := planText(ctx, s, fragmentBomb(10), nil, 0)
	if e, ok := errors.AsType[*sources.Error](err); !ok || e.Code != sources.CodeTimeout {
		t.Fatalf("got %v, want a timeout", err)
	}
}

// TestManyUsesAreNotQuadratic plans a large variable that many fields use, and
// many values that one statement has.
func TestManyUsesAreNotQuadratic(t *testing.T) {
	s := bombWorld(t)
	parts := make([]string, 30_000)
	for i := range parts {
		parts[i] = fmt.Sprintf(`{"id":{"_eq":%d}}`, i)
	}
	where, err := orderedjson.Parse([]byte(`{"_or":[` + strings.Join(parts, ",") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	variables := map[string]orderedjson.Value{"w": where}
	if err := bounded(t, func() error {
		return planText(t.Context(), s, `query ($w: person_bool_exp) { person(where: $w) { id } }`, variables, 0)
	}); err != nil {
		t.Fatal(err)
	}
	var many strings.Builder
	many.WriteString("query ($w: person_bool_exp) {")
	for i := range 5_000 {
		fmt.Fprintf(&many, " f%d: person(where: $w) { id }", i)
	}
	many.WriteString("}")
	wantRefusal(t, bounded(t, func() error { return planText(t.Context(), s, many.String(), variables, 0) }), "more than the 200000")
}

// TestIntrospectionIsBounded asks for the types of fields of types of fields, each
// level of which is many times as long as the one above.
func TestIntrospectionIsBounded(t *testing.T) {
	s := bombWorld(t)
	level := func(levels int) string {
		return strings.Repeat(`fields { type { ofType { ofType { `, levels) + `name` + strings.Repeat(` } } } }`, levels)
	}
	nested := func(levels int) string { return `{ __schema { types { ` + level(levels) + ` } } }` }
	if err := planText(t.Context(), s, nested(2), nil, 0); err != nil {
		t.Fatal(err)
	}
	const message = "would be longer than 33554432 bytes"
	wantRefusal(t, bounded(t, func() error { return planText(t.Context(), s, nested(100), nil, 0) }), message)
	var aliases strings.Builder
	for i := range 4000 {
		fmt.Fprintf(&aliases, " s%d: __schema { ...S }", i)
	}
	text := "{" + aliases.String() + "} fragment S on __Schema { types { name fields { name args { name type { name } } } inputFields { name type { name } } } }"
	wantRefusal(t, bounded(t, func() error { return planText(t.Context(), s, text, nil, 0) }), message)
	wantRefusal(t, bounded(t, func() error {
		return planText(t.Context(), s, `{ __type(name: "__Type") { `+level(100)+` } }`, nil, 0)
	}), message)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	err := planText(ctx, s, nested(100), nil, 0)
	if e, ok := errors.AsType[*sources.Error](err); !ok || e.Code != sources.CodeTimeout {
		t.Fatalf("got %v, want a timeout", err)
	}
}

// TestTheOldestShapeIsForgotten plans more shapes of one text than are kept.
func TestTheOldestShapeIsForgotten(t *testing.T) {
	s := bombWorld(t)
	operation, err := planner.Prepare(s, `query ($w: person_bool_exp) { person(where: $w) { id } }`, "")
	if err != nil {
		t.Fatal(err)
	}
	planOf := func(conditions int) *plan.Plan {
		t.Helper()
		where, err := orderedjson.Parse([]byte(`{"_or":[` + strings.TrimSuffix(strings.Repeat(`{"id":{"_eq":1}},`, conditions), ",") + `]}`))
		if err != nil {
			t.Fatal(err)
		}
		made, err := operation.Plan(t.Context(), map[string]orderedjson.Value{"w": where}, 0)
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	first, second := planOf(1), planOf(2)
	heaviest := 0
	for i := 3; i < 200; i++ {
		planOf(i)
		if planOf(1) != first {
			t.Fatalf("a plan in use was forgotten after %d shapes", i)
		}
		heaviest = max(heaviest, operation.Weight())
	}
	if planOf(2) == second {
		t.Error("more shapes are kept than should be")
	}
	for range 200 {
		planOf(1)
		planOf(3)
		planOf(4)
	}
	if got := operation.Weight(); got > heaviest {
		t.Errorf("weighs %d bytes after the same shapes again, %d before", got, heaviest)
	}
}
