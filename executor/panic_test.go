package executor_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"dovetail/executor"
	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/sources"
)

// broken is a hole whose join the fragment doesn't have, so that keys can't be
// collected.
func broken(_ context.Context, _ []string, out *jsonshape.Answer) error {
	shape := &jsonshape.Shape{List: true, Object: &jsonshape.Object{Fields: []jsonshape.Field{
		{Prefix: jsonshape.Prefix(true, "x"), Node: &jsonshape.HoleNode{Join: 99, Keys: []jsonshape.KeyCell{{Text: cellText}}, OnNull: []byte("null")}},
	}}}
	w := jsonshape.NewWriter(shape, out)
	if err := w.Row(0, [][]byte{[]byte("1")}); err != nil {
		return err
	}
	w.Close()
	return nil
}

func panics(context.Context, []string, *jsonshape.Answer) error { panic("the source panicked") }

func roots(fragments ...*plan.Fragment) *plan.Plan {
	p := &plan.Plan{Operation: plan.OperationQuery}
	for _, f := range fragments {
		p.Roots = append(p.Roots, plan.Root{Key: f.Path[0], Node: &plan.Fetch{Fragment: f}})
	}
	return p
}

func root(source, name string) *plan.Fragment {
	return &plan.Fragment{Source: source, Query: &plan.Selection{Card: plan.Many}, Path: []string{name}}
}

// TestPanicsAreErrors has a source panic wherever goroutines are: the process
// stays up, nobody waits for what never comes, and the error says nothing of why.
func TestPanicsAreErrors(t *testing.T) {
	united := func(names ...string) *plan.Plan {
		u := unionOf("bad")
		var children []*plan.Fragment
		for _, name := range names {
			children = append(children, friend(u, []string{"root", name}, nil, "id"))
		}
		return parent(children...)
	}
	// The projection selects a number that the answer lacks.
	wrongProjection := united("a", "b")
	wrongProjection.Roots[0].Node.(*plan.Fetch).Fragment.Joins[0].Child.Projection = nil
	written := parent(child("right", 1, "root", "a"))
	written.Operation = plan.OperationMutation
	written.Roots[0].Node.(*plan.Fetch).Fragment.Source = "writer"
	mutation := roots(root("writer", "a"), root("writer", "b"))
	mutation.Operation = plan.OperationMutation
	badMutation := roots(root("badwriter", "a"), root("badwriter", "b"))
	badMutation.Operation = plan.OperationMutation
	keyed := parent(child("left", 1, "root", "a"))
	keyed.Roots[0].Node.(*plan.Fetch).Fragment.KeySets = []*plan.KeySet{{ID: 1, Max: 9, Columns: []plan.Column{{Name: "k"}}, Fragment: root("broken", "k")}}

	for _, c := range []struct {
		name string
		plan *plan.Plan
		// snapshot: read-snapshot is on.
		snapshot bool
		// data of the response, empty for none; errors is how many it has.
		data   string
		errors int
	}{
		{"one root", roots(root("bad", "a")), false, `{"a":null}`, 1},
		{"two roots", roots(root("bad", "a"), root("plain", "b")), false, `{"a":null,"b":[{"k":1},{"k":2}]}`, 1},
		{"two joins", parent(child("bad", 1, "root", "a"), child("right", 2, "root", "b")), false, `{"root":[{"k":1,"a":null,"b":{"k":1}},{"k":2,"a":null,"b":{"k":2}},{"k":3,"a":null,"b":{"k":3}}]}`, 1},
		{"two chunks", parent(child("badchunk", 1, "root", "a"), child("right", 2, "root", "b")), false, `{"root":[{"k":1,"a":null,"b":{"k":1}},{"k":2,"a":null,"b":{"k":2}},{"k":3,"a":{"k":3},"b":{"k":3}}]}`, 1},
		{"union", united("a", "b"), false, `{"root":[{"k":1,"a":null,"b":null},{"k":2,"a":null,"b":null},{"k":3,"a":null,"b":null}]}`, 2},
		{"snapshot", parent(child("bad", 1, "root", "a"), child("bad", 2, "root", "b")), true, `{"root":[{"k":1,"a":null,"b":null},{"k":2,"a":null,"b":null},{"k":3,"a":null,"b":null}]}`, 2},
		{"mutation", badMutation, false, "", 1},
		{"below a mutation", written, false, `{"root":[{"k":1,"a":{"k":1}}]}`, 0},
		// Outside of the source: what can't be told apart fails as a whole.
		{"keys of one root", roots(root("broken", "a")), false, "", 1},
		{"keys of two roots", roots(root("broken", "a"), root("broken", "b")), false, "", 1},
		{"keys below a join", parent(child("broken", 1, "root", "a"), child("right", 2, "root", "b")), false, "", 1},
		{"keys of a key set", keyed, false, "", 1},
		{"projection", wrongProjection, false, `{"root":[{"k":1,"a":null,"b":{"id":1}},{"k":2,"a":null,"b":{"id":2}},{"k":3,"a":null,"b":{"id":3}}]}`, 1},
		{"keys after a mutation", mutation, false, `{"a":[{"x":null}],"b":[{"x":null}]}`, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			sourceOf := registry{
				"left": {run: rows(listWithHole("a", "b"), "1", "2", "3")}, "plain": {run: rows(listWithHole(), "1", "2")}, "right": {run: echo}, "bad": {run: panics, snapshots: true}, "broken": {run: broken},
				"badchunk": {maxKeys: 2, run: func(ctx context.Context, keys []string, out *jsonshape.Answer) error {
					if slices.Contains(keys, "1") {
						panic("this chunk")
					}
					return echo(ctx, keys, out)
				}},
				"badwriter": {transact: func([]sources.Mutation) error { panic("while writing") }},
				"writer": {transact: func(m []sources.Mutation) error {
					for i := range m {
						write := broken
						if len(m) == 1 {
							write = rows(listWithHole("a"), "1")
						}
						if err := write(t.Context(), nil, m[i].Out); err != nil {
							return err
						}
					}
					return nil
				}},
			}
			if c.name == "projection" {
				sourceOf["bad"] = people()
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			got := executor.New(executor.Settings{Snapshot: c.snapshot}).Execute(ctx, c.plan, sourceOf, &plan.Arguments{})
			data := ""
			if got.HasData {
				data = string(got.Data())
			}
			if data != c.data || len(got.Errors) != c.errors || ctx.Err() != nil {
				t.Fatalf("data %s, errors %+v", data, got.Errors)
			}
			for _, e := range got.Errors {
				if e.Message != "internal error" && !strings.Contains(e.Message, "rolled back") || strings.Contains(e.Message, "panic") || e.Cause == nil && e.Message == "internal error" {
					t.Errorf("%+v", e)
				}
			}
		})
	}
}
