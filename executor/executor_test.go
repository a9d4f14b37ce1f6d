package executor_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dovetail/executor"
	"dovetail/internal/jsonshape"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/joins"
	"dovetail/sources"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scripted is a source whose rows are computed from its keys, so that what the
// executor does can be told apart from what databases do.
type scripted struct {
	maxKeys int
	run     func(ctx context.Context, keys []string, out *jsonshape.Answer) error
	// transact writes, if anything does.
	transact func(mutations []sources.Mutation) error
	// snapshots: statements may share one.
	snapshots bool

	mu      sync.Mutex
	asked   [][]string
	running atomic.Int32
	most    atomic.Int32
}

func (s *scripted) Extras() sources.Extras {
	out := sources.Extras{}
	if s.transact != nil {
		out.Transactor = s
	}
	if s.snapshots {
		out.Snapshots = s
	}
	return out
}

func (s *scripted) Transact(_ context.Context, m []sources.Mutation) (int, error) {
	return 0, s.transact(m)
}

func (s *scripted) Snapshot(context.Context) (sources.Snapshot, error) { return s, nil }

func (s *scripted) End() {}

func (s *scripted) Capabilities() plan.Capabilities {
	return plan.Capabilities{MaxKeys: s.maxKeys, Mutations: s.transact != nil}
}

func (s *scripted) Run(ctx context.Context, _ plan.Statement, _ *plan.Arguments, b plan.Bindings, out *jsonshape.Answer) error {
	n := s.running.Add(1)
	defer s.running.Add(-1)
	for {
		most := s.most.Load()
		if n <= most || s.most.CompareAndSwap(most, n) {
			break
		}
	}
	s.mu.Lock()
	s.asked = append(s.asked, slices.Clone(b.Cells))
	s.mu.Unlock()
	return s.run(ctx, b.Cells, out)
}

type registry map[string]*scripted

func (r registry) Runner(name string) (executor.Runner, bool) {
	s, ok := r[name]
	return s, ok
}

func cellText(dst, cell []byte) ([]byte, error) { return append(dst, cell...), nil }

// listWithHole writes [{"k":<key>,"<field>":<hole>}…] from rows of one cell.
func listWithHole(fields ...string) *jsonshape.Shape {
	o := &jsonshape.Object{Fields: []jsonshape.Field{
		{Prefix: jsonshape.Prefix(true, "k"), Node: &jsonshape.Scalar{Encode: cellText}},
	}}
	for i, f := range fields {
		o.Fields = append(o.Fields, jsonshape.Field{Prefix: jsonshape.Prefix(false, f), Node: &jsonshape.HoleNode{
			Join: i, Keys: []jsonshape.KeyCell{{Text: cellText}}, OnNull: []byte("null"),
		}})
	}
	return &jsonshape.Shape{List: true, Object: o, Absent: []byte("[]")}
}

func rows(shape *jsonshape.Shape, keys ...string) func(context.Context, []string, *jsonshape.Answer) error {
	return func(_ context.Context, _ []string, out *jsonshape.Answer) error {
		w := jsonshape.NewWriter(shape, out)
		for _, k := range keys {
			if err := w.Row(0, [][]byte{[]byte(k)}); err != nil {
				return err
			}
		}
		w.Close()
		return nil
	}
}

// echo answers every key with an object that holds it.
func echo(_ context.Context, keys []string, out *jsonshape.Answer) error {
	shape := listWithHole()
	shape.List = false
	w := jsonshape.NewWriter(shape, out)
	for i, k := range keys {
		if err := w.Row(i, [][]byte{[]byte(k)}); err != nil {
			return err
		}
	}
	w.Close()
	return nil
}

func child(source string, lookup int, path ...string) *plan.Fragment {
	return &plan.Fragment{Source: source, Query: &plan.Selection{}, Bindings: []plan.Binding{{Name: "k"}}, Lookup: lookup, Path: path}
}

func parent(children ...*plan.Fragment) *plan.Plan {
	f := &plan.Fragment{Source: "left", Query: &plan.Selection{Card: plan.Many}, Path: []string{"root"}}
	for i, c := range children {
		f.Joins = append(f.Joins, &plan.Join{
			Index: i, Field: c.Path[len(c.Path)-1], Child: c, Keys: []plan.JoinKey{{Name: "k"}}, OnNull: []byte("null"),
		})
	}
	return &plan.Plan{Operation: plan.OperationQuery, Roots: []plan.Root{{Key: "root", Node: &plan.Fetch{Fragment: f, NonNull: true}}}}
}

func TestKeysAreSentOnceAndInChunks(t *testing.T) {
	left := &scripted{run: rows(listWithHole("a"), "1", "2", "1", "3", "2", "1")}
	right := &scripted{run: echo, maxKeys: 2}
	p := parent(child("right", 1, "root", "a"))
	got := executor.New(executor.Settings{}).Execute(t.Context(), p, registry{"left": left, "right": right}, &plan.Arguments{})
	if len(got.Errors) > 0 {
		t.Fatal(got.Errors)
	}
	want := `{"root":[{"k":1,"a":{"k":1}},{"k":2,"a":{"k":2}},{"k":1,"a":{"k":1}},{"k":3,"a":{"k":3}},{"k":2,"a":{"k":2}},{"k":1,"a":{"k":1}}]}`
	if string(got.Data()) != want {
		t.Fatalf("got  %s\nwant %s", got.Data(), want)
	}
	slices.SortFunc(right.asked, slices.Compare)
	if fmt.Sprint(right.asked) != "[[1 2] [3]]" {
		t.Fatalf("asked %v", right.asked)
	}
}

func TestEqualLookupsAreAskedOnce(t *testing.T) {
	left := &scripted{run: rows(listWithHole("a", "b"), "1", "2")}
	right := &scripted{run: echo}
	p := parent(child("right", 1, "root", "a"), child("right", 1, "root", "b"))
	got := executor.New(executor.Settings{}).Execute(t.Context(), p, registry{"left": left, "right": right}, &plan.Arguments{})
	if want := `{"root":[{"k":1,"a":{"k":1},"b":{"k":1}},{"k":2,"a":{"k":2},"b":{"k":2}}]}`; string(got.Data()) != want {
		t.Fatalf("got  %s\nwant %s", got.Data(), want)
	}
	if len(right.asked) != 1 {
		t.Fatalf("asked %v", right.asked)
	}
}

func TestNoKeysNoRequest(t *testing.T) {
	left := &scripted{run: func(_ context.Context, _ []string, out *jsonshape.Answer) error {
		w := jsonshape.NewWriter(listWithHole("a"), out)
		if err := w.Row(0, [][]byte{nil}); err != nil {
			return err
		}
		w.Close()
		return nil
	}}
	right := &scripted{run: echo}
	p := parent(child("right", 1, "root", "a"))
	got := executor.New(executor.Settings{}).Execute(t.Context(), p, registry{"left": left, "right": right}, &plan.Arguments{})
	if want := `{"root":[{"k":null,"a":null}]}`; string(got.Data()) != want || len(right.asked) != 0 {
		t.Fatalf("got %s, asked %v", got.Data(), right.asked)
	}
}

func TestAFailedFetchSpoilsItsOwnFields(t *testing.T) {
	left := &scripted{run: rows(listWithHole("a", "b"), "1", "2")}
	down := &scripted{run: func(context.Context, []string, *jsonshape.Answer) error {
		return &sources.Error{Code: sources.CodeConnection, Message: "no connection"}
	}}
	right := &scripted{run: echo}
	all := registry{"left": left, "down": down, "right": right}
	p := parent(child("down", 1, "root", "a"), child("right", 2, "root", "b"))
	got := executor.New(executor.Settings{}).Execute(t.Context(), p, all, &plan.Arguments{})
	if want := `{"root":[{"k":1,"a":null,"b":{"k":1}},{"k":2,"a":null,"b":{"k":2}}]}`; string(got.Data()) != want {
		t.Fatalf("got  %s\nwant %s", got.Data(), want)
	}
	if len(got.Errors) != 1 {
		t.Fatalf("errors %+v", got.Errors)
	}
	e := got.Errors[0]
	wantPath := []joins.Step{{Name: "root"}, {Index: 0, List: true}, {Name: "a"}}
	if e.Code != sources.CodeConnection || e.Source != "down" || !slices.Equal(e.Path, wantPath) {
		t.Fatalf("error %+v", e)
	}

	strict := executor.New(executor.Settings{Strict: true}).Execute(t.Context(), p, all, &plan.Arguments{})
	if strict.HasData || len(strict.Errors) != 1 || strict.Errors[0].Location != "$" {
		t.Fatalf("strict: %+v", strict)
	}
}

func TestAMissingSessionVariableRefusesTheOperation(t *testing.T) {
	left := &scripted{run: rows(listWithHole("a"), "1")}
	right := &scripted{run: func(context.Context, []string, *jsonshape.Answer) error {
		return fmt.Errorf("resolving: %w", &plan.MissingSessionVariableError{Name: "x-hasura-user-id"})
	}}
	p := parent(child("right", 1, "root", "a"))
	got := executor.New(executor.Settings{}).Execute(t.Context(), p, registry{"left": left, "right": right}, &plan.Arguments{})
	if got.HasData || len(got.Errors) != 1 || got.Errors[0].Code != sources.CodeNotFound ||
		got.Errors[0].Message != `missing session variable: "x-hasura-user-id"` {
		t.Fatalf("%+v", got)
	}
}

func TestSiblingsRunTogether(t *testing.T) {
	const siblings = 4
	var names []string
	var children []*plan.Fragment
	for i := range siblings {
		name := string(rune('a' + i))
		names = append(names, name)
		children = append(children, child("right", i+1, "root", name))
	}
	arrived, release := make(chan struct{}, siblings), make(chan struct{})
	right := &scripted{run: func(ctx context.Context, keys []string, out *jsonshape.Answer) error {
		arrived <- struct{}{}
		select {
		case <-release:
		case <-ctx.Done():
			return ctx.Err()
		}
		return echo(ctx, keys, out)
	}}
	left := &scripted{run: rows(listWithHole(names...), "1")}
	go func() {
		for range siblings {
			<-arrived
		}
		close(release)
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	got := executor.New(executor.Settings{}).Execute(ctx, parent(children...), registry{"left": left, "right": right}, &plan.Arguments{})
	if len(got.Errors) > 0 {
		t.Fatalf("%+v", got.Errors)
	}
	if most := int(right.most.Load()); most != siblings {
		t.Fatalf("%d at once", most)
	}
}

func TestPartialAnswersKeepTheirPlaces(t *testing.T) {
	left := &scripted{run: rows(listWithHole("a"), "1", "2")}
	right := &scripted{run: func(ctx context.Context, keys []string, out *jsonshape.Answer) error {
		if err := echo(ctx, keys[:1], out); err != nil {
			return err
		}
		out.Values[1] = jsonshape.Span{}
		return &sources.Error{
			Code: sources.CodeRemoteSchemaError, Message: "upstream", Partial: true,
			Upstream: []sources.UpstreamError{{JSON: []byte(`{"message":"no such thing"}`), Ordinal: 1}},
		}
	}}
	p := parent(child("right", 1, "root", "a"))
	got := executor.New(executor.Settings{}).Execute(t.Context(), p, registry{"left": left, "right": right}, &plan.Arguments{})
	if want := `{"root":[{"k":1,"a":{"k":1}},{"k":2,"a":null}]}`; string(got.Data()) != want {
		t.Fatalf("got  %s\nwant %s", got.Data(), want)
	}
	if len(got.Errors) != 1 || fmt.Sprint(got.Errors[0].Path) != "[{root 0 false} { 1 true} {a 0 false}]" {
		t.Fatalf("%+v", got.Errors)
	}
}

func TestAPanicInASourceIsAnError(t *testing.T) {
	left := &scripted{run: func(context.Context, []string, *jsonshape.Answer) error { panic("boom") }}
	got := executor.New(executor.Settings{}).Execute(t.Context(), parent(), registry{"left": left}, &plan.Arguments{})
	if got.HasData || len(got.Errors) != 1 || strings.Contains(got.Errors[0].Message, "boom") {
		t.Fatalf("%+v", got)
	}
	if !json.Valid([]byte(`"` + got.Errors[0].Message + `"`)) {
		t.Fatal("message is no text")
	}
}

// TestErrorsStandInTheOrderOfTheirFields has the later fields fail first.
func TestErrorsStandInTheOrderOfTheirFields(t *testing.T) {
	left := &scripted{run: rows(listWithHole("a", "b", "c"), "1", "2", "3")}
	var failed [3]chan struct{}
	for i := range failed {
		failed[i] = make(chan struct{})
	}
	after := func(own int, only string) *scripted {
		return &scripted{maxKeys: 1, run: func(ctx context.Context, keys []string, out *jsonshape.Answer) error {
			if only != "" && keys[0] != only {
				return echo(ctx, keys, out)
			}
			if own+1 < len(failed) {
				<-failed[own+1]
			}
			defer func() {
				if keys[0] == only || keys[0] == "1" {
					close(failed[own])
				}
			}()
			return &sources.Error{Code: sources.CodeConnection, Message: "key " + keys[0]}
		}}
	}
	all := registry{"left": left, "a": after(0, "2"), "b": after(1, ""), "c": after(2, "3")}
	p := parent(child("a", 1, "root", "a"), child("b", 2, "root", "b"), child("c", 3, "root", "c"))
	got := executor.New(executor.Settings{}).Execute(t.Context(), p, all, &plan.Arguments{})
	want := `{"root":[{"k":1,"a":{"k":1},"b":null,"c":{"k":1}},{"k":2,"a":null,"b":null,"c":{"k":2}},{"k":3,"a":{"k":3},"b":null,"c":null}]}`
	if string(got.Data()) != want {
		t.Fatalf("got  %s\nwant %s", got.Data(), want)
	}
	var text []string
	for _, e := range got.Errors {
		text = append(text, fmt.Sprintf("%d.%s %s", e.Path[1].Index, e.Path[2].Name, e.Message))
	}
	if got := strings.Join(text, ", "); got != "0.b key 1, 1.a key 2, 1.b key 2, 2.b key 3, 2.c key 3" {
		t.Fatal(got)
	}
}

// TestEntitiesAreLookedUpTogether has a client name entities of two types: each
// type is asked once for its distinct keys, and what isn't there is null.
func TestEntitiesAreLookedUpTogether(t *testing.T) {
	left, right := &scripted{run: echo}, &scripted{run: func(ctx context.Context, keys []string, out *jsonshape.Answer) error {
		for i, k := range keys {
			if k == "gone" {
				continue
			}
			one := jsonshape.NewAnswer(1)
			if err := echo(ctx, []string{k}, one); err != nil {
				return err
			}
			start := len(out.Bytes)
			out.Bytes = append(out.Bytes, one.Bytes...)
			out.Values[i] = jsonshape.Span{Start: start, End: len(out.Bytes)}
		}
		return nil
	}}
	list, err := orderedjson.Parse([]byte(`[{"__typename":"A","k":1},{"__typename":"B","k":2},{"k":"1","__typename":"A"},{"__typename":"B","k":"gone"},
		{"__typename":"B","k":null},{"__typename":"B","k":3}]`))
	if err != nil {
		t.Fatal(err)
	}
	p := parent(child("left", 1, "root"), child("right", 2, "root"))
	key := []plan.EntityKey{{Name: "k"}}
	p.Roots[0].Node.(*plan.Fetch).Fragment.Query = &plan.Representations{
		List: &plan.Variable{Name: "list"}, Entities: []plan.Entity{{Type: "A", Key: key}, {Type: "B", Key: key}},
	}
	got := executor.New(executor.Settings{}).Execute(t.Context(), p, registry{"left": left, "right": right},
		&plan.Arguments{Variables: map[string]orderedjson.Value{"list": list}})
	if want := `{"root":[{"k":1},{"k":2},{"k":1},null,null,{"k":3}]}`; string(got.Data()) != want || len(got.Errors) > 0 {
		t.Fatalf("got  %s %+v\nwant %s", got.Data(), got.Errors, want)
	}
	if fmt.Sprint(left.asked, right.asked) != "[[1]] [[2 gone 3]]" {
		t.Fatalf("asked %v %v", left.asked, right.asked)
	}
	failing := &scripted{run: func(context.Context, []string, *jsonshape.Answer) error {
		return &sources.Error{Code: sources.CodeConnection, Message: "no connection"}
	}}
	got = executor.New(executor.Settings{}).Execute(t.Context(), p, registry{"left": left, "right": failing},
		&plan.Arguments{Variables: map[string]orderedjson.Value{"list": list}})
	if want := `{"root":[{"k":1},null,{"k":1},null,null,null]}`; string(got.Data()) != want || len(got.Errors) != 1 {
		t.Fatalf("got  %s %+v\nwant %s", got.Data(), got.Errors, want)
	}
	if wantPath := []joins.Step{{Name: "root"}, {Index: 1, List: true}}; !slices.Equal(got.Errors[0].Path, wantPath) {
		t.Fatalf("path %+v", got.Errors[0].Path)
	}
}

// TestStrictTellsOfTheFirstField has fields fail one after the other, the last one
// first, and others that only fail since the operation has been given up.
func TestStrictTellsOfTheFirstField(t *testing.T) {
	down := func(message string) *sources.Error {
		return &sources.Error{Code: sources.CodeConnection, Message: message}
	}
	second := make(chan struct{})
	all := registry{
		"waits": &scripted{run: func(ctx context.Context, _ []string, _ *jsonshape.Answer) error {
			<-ctx.Done()
			return &sources.Error{Code: sources.CodeUnexpected, Message: "cancelled", Cause: ctx.Err()}
		}},
		"late": &scripted{run: func(ctx context.Context, _ []string, _ *jsonshape.Answer) error {
			<-second
			<-ctx.Done() // the other failure has arrived
			return down("late")
		}},
		"early": &scripted{run: func(context.Context, []string, *jsonshape.Answer) error {
			close(second)
			return down("early")
		}},
	}
	p := roots(root("waits", "a"), root("late", "b"), root("early", "c"))
	got := executor.New(executor.Settings{Strict: true}).Execute(t.Context(), p, all, &plan.Arguments{})
	if got.HasData || len(got.Errors) != 1 || got.Errors[0].Message != "late" {
		t.Fatalf("%+v", got)
	}
}
