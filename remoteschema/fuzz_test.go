package remoteschema

import (
	"encoding/json"
	"testing"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
)

// FuzzAnswer reads arbitrary answers by several statements: none may panic, and
// whatever is accepted must be valid JSON for every key.
func FuzzAnswer(f *testing.F) {
	source, err := Open(Config{URL: "http://localhost/graphql"})
	if err != nil {
		f.Fatal(err)
	}
	type compiledFragment struct {
		fragment  *plan.Fragment
		statement *statement
	}
	var all []compiledFragment
	for _, query := range []string{
		`query @bindings(types: ["ID!"]) { album(id: "key:0") { title x: y @hole(join: 0, keys: ["artistId"]) } }`,
		`query @bindings(types: ["ID!"]) @batch(match: ["id"]) { albums(ids: "key:0") { title x: y @hole(join: 0, keys: ["artistId", "id"]) } }`,
		`query @bindings(types: ["ID!"]) @batch(match: ["id"], many: true) { albums(ids: "key:0") { title } }`,
		`query @bindings(types: ["ID!"]) @extract(path: ["album"]) { region(code: "x") { album(id: "key:0") { __typename @names(Album: "A") title } } }`,
		`{ _0: search { ... on Album { title x: y @hole(join: 0, keys: ["artistId"]) } ... on Artist { x: albums { id } s: y @static(json: "1") } } _1: node(id: "a") { id } }`,
	} {
		fragment, err := parseFragment(testSchema(), query)
		if err != nil {
			f.Fatal(err)
		}
		s, err := source.Compile(fragment)
		if err != nil {
			f.Fatal(err)
		}
		compiled, ok := s.(*statement)
		if !ok {
			f.Fatalf("%T", s)
		}
		all = append(all, compiledFragment{fragment, compiled})
	}
	for _, seed := range []string{
		`{"data":{"_0":{"title":"A","x":1},"_1":null},"errors":[{"message":"m","path":["_0","title",1]}]}`,
		`{"data":{"_0":[{"_k0":"a1","title":"A","_k1":1,"_k2":2},{"_k0":"a2","title":null,"_k1":null,"_k2":""}],"_1":{"id":3}}}`,
		`{"errors":[{"path":["_0",0,"_k0"]}],"data":{"_0":[{"_k0":"a2","title":"B"}]}}`,
		`{"data":{"_0":{"album":{"__typename":"Album","title":"\u0041"}},"_1":{"album":null}}}`,
		`{"data":{"_0":[{"title":"A","_k0":7},{"x":[{"id":1}],"_k1":"Artist"}],"_1":{"id":"a"}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, c := range all {
			bindings := plan.Bindings{}
			if len(c.fragment.Bindings) > 0 {
				bindings = plan.Bindings{Width: 1, Cells: []string{"a1", "a2"}}
			}
			out := jsonshape.NewAnswer(2)
			a := &answer{statement: c.statement, bindings: bindings, out: out, asked: []int{0, 1}}
			err := a.read(&response{status: 200, body: body})
			if err != nil && !isPartial(err) {
				continue
			}
			a.fill(err != nil)
			for i, v := range out.Values {
				if text := filledSpan(out, v); !json.Valid(text) {
					t.Fatalf("%s\nvalue %d of %q: %s", c.statement.Text(), i, body, text)
				}
			}
			last := -1
			for _, h := range out.Holes {
				if h.Offset < last {
					t.Fatalf("holes out of order: %v", out.Holes)
				}
				last = h.Offset
			}
		}
	})
}

// filledSpan is a value with something in its holes.
func filledSpan(a *jsonshape.Answer, v jsonshape.Span) []byte {
	var out []byte
	at := v.Start
	for _, h := range a.Holes {
		if h.Offset > v.Start && h.Offset < v.End {
			out = append(out, a.Bytes[at:h.Offset]...)
			out = append(out, `"hole"`...)
			at = h.Offset
		}
	}
	return append(out, a.Bytes[at:v.End]...)
}
