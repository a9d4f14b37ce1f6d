package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
)

// cancelWithin is how soon a cancelled statement must be over.
const cancelWithin = 5 * time.Second

func wantMissing(t *testing.T, err error, name string) {
	t.Helper()
	var missing *plan.MissingSessionVariableError
	if !errors.As(err, &missing) || missing.Name != name {
		t.Errorf("got the error %v, want one of the missing session variable %s", err, name)
	}
}

func testNativeQueries(t *testing.T, f *fixture) {
	t.Helper()
	article := f.column(t, "article", "score")
	query := &plan.NativeQuery{Name: "scored", Parts: []plan.NativeQueryPart{
		{SQL: `SELECT "id", "title", "score" FROM "article" WHERE "score" >= `},
		{Type: article.Type, Value: &plan.Variable{Name: "least"}},
		{SQL: ` OR "title" = `},
		{Type: f.column(t, "article", "title").Type, Value: literal(t, `"x' OR '1' = '1"`)},
	}}
	sel := f.selection(t, "article", "id", "title")
	sel.From = query
	sel.Where = f.compare(t, "article", "title", plan.NotEqual, literal(t, `"delta"`))
	sel.OrderBy = []plan.Order{f.order(t, "article", "score", false)}
	args := plan.Arguments{Variables: map[string]orderedjson.Value{"least": {Kind: orderedjson.Number, Text: "4"}}}
	f.want(t, &request{query: sel, args: args}, `[{"id":15,"title":"A_b%c"},{"id":10,"title":"alpha"}]`)
	// Joined to other rows.
	sel.Where, sel.OrderBy = nil, []plan.Order{f.order(t, "article", "id", false)}
	r := &request{query: sel, args: args, keys: [][]string{{"3"}, {"5"}}}
	r.bindings = f.bound(t, &sel.Rows, "article", "score")
	f.want(t, r, `[]`, `[{"id":10,"title":"alpha"},{"id":13,"title":"delta"}]`)
}

// testInjection checks that neither values nor names are ever read as SQL.
func testInjection(t *testing.T, f *fixture) {
	t.Helper()
	sel := f.selection(t, oddTable, "id", oddColumn)
	key := string(orderedjson.AppendString(nil, oddColumn))
	f.want(t, &request{query: sel}, `[{"id":1,`+key+`:"plain"},{"id":2,`+key+`:"quote ' and \" and \\"}]`)
	sel.Where = f.compare(t, oddTable, oddColumn, plan.Equal, literal(t, `"quote ' and \" and \\"`))
	sel.OrderBy = []plan.Order{f.order(t, oddTable, oddColumn, true)}
	f.want(t, &request{query: sel}, `[{"id":2,`+key+`:"quote ' and \" and \\"}]`)
	for _, value := range []string{`x' OR '1'='1`, `x"; DROP TABLE author; --`, "x\\' OR 1=1 --", "$1", "?1", "@p1", "{{x}}", "%"} {
		text := string(orderedjson.AppendString(nil, value))
		for _, operator := range []plan.Operator{plan.Equal, plan.In} {
			sel := f.selection(t, "author", "id")
			sel.Where = f.compare(t, "author", "name", operator, literal(t, text))
			if operator == plan.In {
				sel.Where = f.compare(t, "author", "name", operator, literal(t, "["+text+"]"))
			}
			f.ids(t, sel)
			if statement := f.text(&request{query: sel}); strings.Contains(statement, value) && len(value) > len("@p1") { // shorter ones are names of parameters, too
				t.Errorf("the value %q stands in the statement: %s", value, statement)
			}
		}
		sel := f.selection(t, "author", "id")
		r := &request{query: sel, keys: [][]string{{value}, {"ann"}}}
		r.bindings = f.bound(t, &sel.Rows, "author", "name")
		f.want(t, r, `[]`, `[{"id":1}]`)
	}
	f.ids(t, f.selection(t, "author", "id"), 1, 2, 3, 4)
}

// testNotSupported checks what hardly any source declares.
func testNotSupported(t *testing.T, f *fixture) {
	t.Helper()
	sel := f.selection(t, "article", "id")
	if !f.capabilities.Functions {
		sel.From = &plan.FunctionCall{Schema: f.harness.Schema, Name: "search"}
		f.refused(t, sel)
	}
	if !f.capabilities.ComputedFields {
		call := &plan.FunctionCall{Schema: f.harness.Schema, Name: "full_name", Arguments: []plan.FunctionArgument{{Row: true}}}
		sel = f.selection(t, "article", "id")
		sel.Fields = append(sel.Fields, &plan.ComputedField{Key: "c", Call: call, Type: f.column(t, "article", "title").Type})
		f.refused(t, sel)
		sel = f.selection(t, "article", "id")
		sel.Where = &plan.Compare{Left: &plan.ComputedOperand{Call: call, Type: f.column(t, "article", "title").Type}, Operator: plan.Equal, Right: literal(t, `"x"`)}
		f.refused(t, sel)
		sel = f.selection(t, "article", "id")
		sel.OrderBy = []plan.Order{{By: &plan.OrderComputed{Call: call}}}
		f.refused(t, sel)
	}
	f.refused(t, &plan.RemoteQuery{})
	// What hides deep inside is refused too.
	sel = f.selection(t, "author", "id")
	articles := f.related(t, "article", "author_id", "author", "id")
	articles.Where = &plan.Not{Part: f.compare(t, "article", "score", plan.Ancestor, literal(t, "1"))}
	sel.Where = &plan.Exists{Relationship: "articles", Target: articles}
	f.refused(t, sel)
}

// testConcurrency runs statements of several kinds side by side, twice each.
func testConcurrency(t *testing.T, f *fixture) {
	t.Helper()
	const workers, rounds = 8, 20
	sel := f.selection(t, "author", "id")
	sel.Fields = append(sel.Fields, &plan.NestedField{Key: "articles", Selection: f.articlesWithComments(t)})
	sel.Where = f.compare(t, "author", "id", plan.Equal, &plan.Variable{Name: "id"})
	statement, err := f.source.Compile(&plan.Fragment{Query: sel})
	if err != nil {
		t.Fatal(describe(err))
	}
	want := map[int]string{
		0: `[]`, 1: `[{"id":1,"articles":[{"id":10,"comments":[{"id":101},{"id":100}]},{"id":11,"comments":[{"id":102}]},{"id":13,"comments":[]}]}]`,
		2: `[{"id":2,"articles":[{"id":12,"comments":[]}]}]`, 3: `[{"id":3,"articles":[{"id":15,"comments":[{"id":103}]}]}]`,
	}
	var group sync.WaitGroup
	for worker := range workers {
		group.Go(func() {
			for round := range rounds {
				id := (worker + round) % len(want)
				args := plan.Arguments{Variables: map[string]orderedjson.Value{"id": {Kind: orderedjson.Number, Text: fmt.Sprint(id)}}}
				got, err := f.execute(t.Context(), statement, &request{args: args})
				if err != nil || got[0] != want[id] {
					t.Errorf("author %d: got %v %v, want %s", id, got, err, want[id])
					return
				}
			}
		})
	}
	group.Wait()
}

func testCancellation(t *testing.T, f *fixture) {
	t.Helper()
	sel := f.selection(t, "author", "id")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := f.answer(cancelled, &request{query: sel})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled context gave the error %v", err)
	}
	if f.harness.SlowSQL != "" {
		slow := f.selection(t, "author", "id")
		slow.From = &plan.NativeQuery{Name: "slow", Parts: []plan.NativeQueryPart{{SQL: f.harness.SlowSQL}}}
		running, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer stop()
		start := time.Now()
		_, err = f.answer(running, &request{query: slow})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a statement beyond its deadline gave the error %v", err)
		}
		if took := time.Since(start); took > cancelWithin {
			t.Errorf("a cancelled statement ran on for %v", took)
		}
	}
	// The source goes on answering.
	for range 20 {
		f.ids(t, sel, 1, 2, 3, 4)
	}
}
