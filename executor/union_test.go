package executor_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dovetail/executor"
	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/sources"
)

// people is a source whose rows have an id, a name and two friends: the next one
// and the one after that, as long as ids are below 100. Its answers hold them as a
// union's do: under numbers.
func people() *scripted {
	return &scripted{run: func(_ context.Context, keys []string, out *jsonshape.Answer) error {
		object := &jsonshape.Object{}
		for i := range 2 {
			object.Fields = append(object.Fields, jsonshape.Field{Prefix: jsonshape.Prefix(i == 0, strconv.Itoa(i)), Node: &jsonshape.Scalar{Cell: i, Encode: cellText}})
		}
		for i := range 2 {
			object.Fields = append(object.Fields, jsonshape.Field{Prefix: jsonshape.Prefix(false, strconv.Itoa(2+i)), Node: &jsonshape.HoleNode{
				Join: 7, Keys: []jsonshape.KeyCell{{Cell: 2 + i, Text: cellText}}, OnNull: []byte("null"),
			}})
		}
		w := jsonshape.NewWriter(&jsonshape.Shape{Object: object, Absent: []byte("null")}, out)
		for i, k := range keys {
			id, err := strconv.Atoi(k)
			if err != nil {
				return err
			}
			cells := [][]byte{[]byte(k), fmt.Appendf(nil, `"p%d"`, id), nil, nil}
			if id < 100 {
				cells[2], cells[3] = strconv.AppendInt(nil, int64(id+1), 10), strconv.AppendInt(nil, int64(id+2), 10)
			}
			if err := w.Row(i, cells); err != nil {
				return err
			}
		}
		w.Close()
		return nil
	}}
}

// peopleNumbers are the numbers of the fields of people.
var peopleNumbers = map[string]int{"id": 0, "name": 1, "next": 2, "second": 3}

var lookupNumber = 100 //nolint:gochecknoglobals // every lookup has a number of its own

// friend makes a lookup of a union; what is selected of next and second goes into
// below.
func friend(u *plan.Union, path []string, below map[string]*plan.Fragment, names ...string) *plan.Fragment {
	lookupNumber++
	f := child(u.Fragment.Source, lookupNumber, path...)
	f.Union, f.Projection = u, &plan.Projection{Slots: 4}
	for _, name := range names {
		m := plan.NewProjectedMember(name, peopleNumbers[name])
		if inner, ok := below[name]; ok {
			m.Join = &plan.Join{
				Index: len(f.Joins), Field: name, Child: inner, Keys: []plan.JoinKey{{Name: name}}, OnNull: []byte("null"),
			}
			f.Joins = append(f.Joins, m.Join)
		}
		f.Projection.Members = append(f.Projection.Members, m)
	}
	return f
}

func unionOf(source string, wider ...*plan.Union) *plan.Union {
	return &plan.Union{Rows: 1, Wider: wider, Fragment: child(source, 0)}
}

// askedOf are the keys of each statement, in some order.
func askedOf(s *scripted) string {
	asked := slices.Clone(s.asked)
	for i := range asked {
		asked[i] = slices.Clone(asked[i])
		slices.Sort(asked[i])
	}
	slices.SortFunc(asked, slices.Compare)
	return fmt.Sprint(asked)
}

func execute(t *testing.T, p *plan.Plan, all registry) *executor.Response {
	t.Helper()
	return executor.New(executor.Settings{}).Execute(t.Context(), p, all, &plan.Arguments{})
}

func wantData(t *testing.T, got *executor.Response, want string) {
	t.Helper()
	if string(got.Data()) != want {
		t.Fatalf("got  %s\nwant %s", got.Data(), want)
	}
}

func TestUnitedLookupsAskForAKeyOnce(t *testing.T) {
	left, right := &scripted{run: rows(listWithHole("a", "b"), "1", "2", "1")}, people()
	u := unionOf("right")
	p := parent(friend(u, []string{"root", "a"}, nil, "name"), friend(u, []string{"root", "b"}, nil, "name", "id"))
	got := execute(t, p, registry{"left": left, "right": right})
	wantData(t, got, `{"root":[{"k":1,"a":{"name":"p1"},"b":{"name":"p1","id":1}},{"k":2,"a":{"name":"p2"},"b":{"name":"p2","id":2}},`+
		`{"k":1,"a":{"name":"p1"},"b":{"name":"p1","id":1}}]}`)
	if asked := askedOf(right); asked != "[[1 2]]" || len(got.Errors) > 0 {
		t.Fatal(asked, got.Errors)
	}
}

// TestUnitedLookupsInsideOfEachOther has one union at four depths of one query.
func TestUnitedLookupsInsideOfEachOther(t *testing.T) {
	left, right := &scripted{run: rows(listWithHole("a"), "1", "2")}, people()
	u := unionOf("right")
	deepest := friend(u, []string{"root", "a", "next", "second", "next"}, nil, "id")
	deeper := friend(u, []string{"root", "a", "next", "second"}, map[string]*plan.Fragment{"next": deepest}, "next", "name")
	deep := friend(u, []string{"root", "a", "next"}, map[string]*plan.Fragment{"second": deeper}, "id", "second")
	top := friend(u, []string{"root", "a"}, map[string]*plan.Fragment{"next": deep}, "next")
	got := execute(t, parent(top), registry{"left": left, "right": right})
	wantData(t, got, `{"root":[{"k":1,"a":{"next":{"id":2,"second":{"next":{"id":5},"name":"p4"}}}},`+
		`{"k":2,"a":{"next":{"id":3,"second":{"next":{"id":6},"name":"p5"}}}}]}`)
	// 2 and 5 are known when they are wanted a second time.
	if asked := askedOf(right); asked != "[[1 2] [3] [4 5] [6]]" || len(got.Errors) > 0 {
		t.Fatal(asked, got.Errors)
	}
}

// TestSiblingsShareAStatement has siblings with other keys ask together, united
// or equal.
func TestSiblingsShareAStatement(t *testing.T) {
	u := unionOf("right")
	own := friend(u, nil, nil, "id")
	for name, second := range map[string]*plan.Fragment{"united": friend(u, nil, nil, "name"), "equal": own} {
		left, right := &scripted{run: rows(listWithHole("a"), "1", "2")}, people()
		top := friend(u, []string{"root", "a"}, map[string]*plan.Fragment{"next": own, "second": second}, "next", "second")
		own.Path, second.Path = []string{"root", "a", "next"}, []string{"root", "a", "second"}
		got := execute(t, parent(top), registry{"left": left, "right": right})
		if asked := askedOf(right); asked != "[[1 2] [3 4]]" || len(got.Errors) > 0 {
			t.Fatal(name, asked, got.Errors)
		}
		want := `{"root":[{"k":1,"a":{"next":{"id":2},"second":{"name":"p3"}}},{"k":2,"a":{"next":{"id":3},"second":{"name":"p4"}}}]}`
		if name == "equal" {
			want = `{"root":[{"k":1,"a":{"next":{"id":2},"second":{"id":3}}},{"k":2,"a":{"next":{"id":3},"second":{"id":4}}}]}`
		}
		wantData(t, got, want)
	}
}

// TestWiderUnionsServeNarrowerOnes has a lookup that wants something costly and
// others that don't.
func TestWiderUnionsServeNarrowerOnes(t *testing.T) {
	wide := unionOf("wide")
	narrow := unionOf("narrow", wide)
	run := func(children ...*plan.Fragment) (wideAsked, narrowAsked string, got *executor.Response) {
		fields := []string{"a", "b"}[:len(children)]
		all := registry{"left": {run: rows(listWithHole(fields...), "1", "2")}, "wide": people(), "narrow": people()}
		got = execute(t, parent(children...), all)
		return askedOf(all["wide"]), askedOf(all["narrow"]), got
	}
	a, b := []string{"root", "a"}, []string{"root", "b"}

	// The cheap one stands first and is served all the same.
	w, n, got := run(friend(narrow, a, nil, "name"), friend(wide, b, nil, "id"))
	wantData(t, got, `{"root":[{"k":1,"a":{"name":"p1"},"b":{"id":1}},{"k":2,"a":{"name":"p2"},"b":{"id":2}}]}`)
	if w != "[[1 2]]" || n != "[]" {
		t.Fatal(w, n)
	}
	// Inside, it asks for what the costly one has not asked for.
	inner := friend(narrow, []string{"root", "a", "next"}, nil, "name")
	w, n, got = run(friend(wide, a, map[string]*plan.Fragment{"next": inner}, "next"))
	wantData(t, got, `{"root":[{"k":1,"a":{"next":{"name":"p2"}}},{"k":2,"a":{"next":{"name":"p3"}}}]}`)
	if w != "[[1 2]]" || n != "[[3]]" {
		t.Fatal(w, n)
	}
	// The other way round nothing is shared.
	inner = friend(wide, []string{"root", "a", "next"}, nil, "name")
	w, n, got = run(friend(narrow, a, map[string]*plan.Fragment{"next": inner}, "next"))
	wantData(t, got, `{"root":[{"k":1,"a":{"next":{"name":"p2"}}},{"k":2,"a":{"next":{"name":"p3"}}}]}`)
	if w != "[[2 3]]" || n != "[[1 2]]" {
		t.Fatal(w, n)
	}
}

func errorTexts(got *executor.Response) string {
	var out []string
	for _, e := range got.Errors {
		path := []string{}
		for _, step := range e.Path {
			if step.List {
				path = append(path, strconv.Itoa(step.Index))
			} else {
				path = append(path, step.Name)
			}
		}
		out = append(out, e.Message+" at "+strings.Join(path, "."))
	}
	return strings.Join(out, ", ")
}

// TestAFailedFetchSpoilsAllThatWantedIt has the second statement fail.
func TestAFailedFetchSpoilsAllThatWantedIt(t *testing.T) {
	left, right := &scripted{run: rows(listWithHole("a", "b"), "1", "2", "3")}, people()
	right.maxKeys = 2
	run := right.run
	right.run = func(ctx context.Context, keys []string, out *jsonshape.Answer) error {
		if slices.Contains(keys, "3") {
			return &sources.Error{Code: sources.CodeConnection, Message: "down"}
		}
		return run(ctx, keys, out)
	}
	u := unionOf("right")
	inner := friend(u, []string{"root", "b", "next"}, nil, "name")
	p := parent(friend(u, []string{"root", "a"}, nil, "id"), friend(u, []string{"root", "b"}, map[string]*plan.Fragment{"next": inner}, "next"))
	got := execute(t, p, registry{"left": left, "right": right})
	wantData(t, got, `{"root":[{"k":1,"a":{"id":1},"b":{"next":{"name":"p2"}}},{"k":2,"a":{"id":2},"b":{"next":null}},{"k":3,"a":null,"b":null}]}`)
	if text := errorTexts(got); text != "down at root.1.b.next, down at root.2.a, down at root.2.b" {
		t.Fatal(text)
	}
	if asked := askedOf(right); asked != "[[1 2] [3]]" {
		t.Fatal(asked)
	}
}

// TestEqualLookupsFailTogether has equal lookups with keys of their own, and in
// two places.
func TestEqualLookupsFailTogether(t *testing.T) {
	left := &scripted{run: rows(listWithHole("a", "b"), "1")}
	right := &scripted{run: func(context.Context, []string, *jsonshape.Answer) error {
		return &sources.Error{Code: sources.CodeConnection, Message: "down"}
	}}
	p := parent(child("right", 1, "root", "a"), child("right", 1, "root", "b"))
	got := execute(t, p, registry{"left": left, "right": right})
	wantData(t, got, `{"root":[{"k":1,"a":null,"b":null}]}`)
	if text := errorTexts(got); text != "down at root.0.a, down at root.0.b" || len(right.asked) != 1 {
		t.Fatal(text, right.asked)
	}
}

func TestAnAnswerThatIsNoUnionsFailsTheLookup(t *testing.T) {
	left, right := &scripted{run: rows(listWithHole("a"), "1")}, &scripted{run: echo}
	got := execute(t, parent(friend(unionOf("right"), []string{"root", "a"}, nil, "id")), registry{"left": left, "right": right})
	wantData(t, got, `{"root":[{"k":1,"a":null}]}`)
	if text := errorTexts(got); text != "internal error at root.0.a" {
		t.Fatal(text)
	}
}

// TestKeysInFlightAreWaitedFor has a lookup below another source want a key that
// is being asked for, then goes away.
func TestKeysInFlightAreWaitedFor(t *testing.T) {
	for _, cancelled := range []bool{false, true} {
		started, deeper := make(chan struct{}), make(chan struct{})
		left, right := &scripted{run: rows(listWithHole("a", "b"), "1")}, people()
		run := right.run
		ctx, cancel := context.WithCancel(t.Context())
		right.run = func(ctx context.Context, keys []string, out *jsonshape.Answer) error {
			close(started)
			<-deeper
			if cancelled {
				<-ctx.Done()
				return &sources.Error{Code: sources.CodeUnexpected, Message: "gone", Cause: ctx.Err()}
			}
			return run(ctx, keys, out)
		}
		between := &scripted{run: func(_ context.Context, _ []string, out *jsonshape.Answer) error {
			<-started
			shape := listWithHole("c")
			shape.List = false
			w := jsonshape.NewWriter(shape, out)
			err := w.Row(0, [][]byte{[]byte("1")})
			w.Close()
			close(deeper)
			if cancelled {
				cancel()
			}
			return err
		}}
		u := unionOf("right")
		middle := child("between", 1, "root", "b")
		middle.Joins = []*plan.Join{{Child: friend(u, []string{"root", "b", "c"}, nil, "name"), Keys: []plan.JoinKey{{Name: "k"}}, OnNull: []byte("null")}}
		p := parent(friend(u, []string{"root", "a"}, nil, "id"), middle)
		got := executor.New(executor.Settings{}).Execute(ctx, p, registry{"left": left, "right": right, "between": between}, &plan.Arguments{})
		cancel()
		if cancelled {
			if len(got.Errors) == 0 || askedOf(right) != "[[1]]" {
				t.Fatal(got.Errors, right.asked)
			}
			continue
		}
		wantData(t, got, `{"root":[{"k":1,"a":{"id":1},"b":{"k":1,"c":{"name":"p1"}}}]}`)
		if asked := askedOf(right); asked != "[[1]]" || len(got.Errors) > 0 {
			t.Fatal(asked, got.Errors)
		}
	}
}

// TestMutationsForgetWhatWasRead has two mutations, each followed by the same
// lookup.
func TestMutationsForgetWhatWasRead(t *testing.T) {
	left, right := &scripted{run: rows(listWithHole("a"), "1")}, &scripted{run: echo}
	p := parent(child("right", 1, "root", "a"))
	second := parent(child("right", 1, "root", "a"))
	second.Roots[0].Key = "again"
	p.Operation, p.Roots = plan.OperationMutation, append(p.Roots, second.Roots...)
	got := execute(t, p, registry{"left": left, "right": right})
	wantData(t, got, `{"root":[{"k":1,"a":{"k":1}}],"again":[{"k":1,"a":{"k":1}}]}`)
	if asked := askedOf(right); asked != "[[1] [1]]" {
		t.Fatal(asked)
	}
}

// BenchmarkLookups runs two lookups of 5,000 keys: with a statement each, and
// united.
func BenchmarkLookups(b *testing.B) {
	var ids []string
	for i := range 5000 {
		ids = append(ids, strconv.Itoa(100+i))
	}
	for _, united := range []bool{false, true} {
		b.Run(fmt.Sprintf("united=%t", united), func(b *testing.B) {
			all := registry{"left": {run: rows(listWithHole("a", "b"), ids...)}, "right": people()}
			children := []*plan.Fragment{child("right", 1, "root", "a"), child("right", 2, "root", "b")}
			if united {
				u := unionOf("right")
				children = []*plan.Fragment{friend(u, children[0].Path, nil, "id", "name"), friend(u, children[1].Path, nil, "name")}
			} else {
				all["right"].run = namesOnly
			}
			p, e := parent(children...), executor.New(executor.Settings{})
			b.ReportAllocs()
			for b.Loop() {
				got := e.Execute(b.Context(), p, all, &plan.Arguments{})
				if len(got.Errors) > 0 {
					b.Fatal(got.Errors)
				}
				got.Release()
			}
		})
	}
}

// namesOnly answers as a lookup's own statement does.
func namesOnly(_ context.Context, keys []string, out *jsonshape.Answer) error {
	object := &jsonshape.Object{Fields: []jsonshape.Field{
		{Prefix: jsonshape.Prefix(true, "id"), Node: &jsonshape.Scalar{Cell: 0, Encode: cellText}},
		{Prefix: jsonshape.Prefix(false, "name"), Node: &jsonshape.Scalar{Cell: 1, Encode: cellText}},
	}}
	w := jsonshape.NewWriter(&jsonshape.Shape{Object: object, Absent: []byte("null")}, out)
	for i, k := range keys {
		if err := w.Row(i, [][]byte{[]byte(k), fmt.Appendf(nil, `"p%s"`, k)}); err != nil {
			return err
		}
	}
	w.Close()
	return nil
}
