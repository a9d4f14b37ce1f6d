package jsonshape

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"dovetail/internal/orderedjson"
)

// skipAll runs the scanner over a text as one value.
func skipAll(data []byte) error {
	s, err := NewScanner(data)
	if err != nil {
		return err
	}
	if _, err := s.Skip(); err != nil {
		return err
	}
	return s.End()
}

func TestScannerGrammar(t *testing.T) {
	for _, text := range []string{
		``, ` `, `{}`, ` [ ] `, `[1,2]`, `[1,]`, `[,1]`, `{"a":1,}`, `{"a" 1}`, `{a:1}`, `{"a":}`, `{"a":1 "b":2}`,
		`01`, `-`, `-0`, `1.`, `.5`, `1e`, `1e+`, `1E-07`, `-1.5e10`, `+1`, `0x1`, `1 2`, `NaN`, `Infinity`,
		`tru`, `true`, `trues`, `null`, `nul`, `"`, `"\`, `"\x"`, `"\u12"`, `"\u12G4"`, `"\ud800"`, `"\u0000"`, "\"\n\"", "\"\x7f\"",
		`"é"`, "\"\xff\"", "\xef\xbb\xbf1", `[[[]]`, `]`, `{"a":{"b":[{"c":null}]}}`, `//`, `"a" //`, "\u00a01", `'a'`,
	} {
		got := skipAll([]byte(text)) == nil
		want := json.Valid([]byte(text)) && utf8.ValidString(text)
		if got != want {
			t.Errorf("%q: valid %v, want %v", text, got, want)
		}
	}
}

func TestScannerDepth(t *testing.T) {
	nest := func(n int) []byte { return []byte(strings.Repeat("[", n) + strings.Repeat("]", n)) }
	if err := skipAll(nest(maxScanDepth)); err != nil {
		t.Errorf("%d levels: %v", maxScanDepth, err)
	}
	if err := skipAll(nest(maxScanDepth + 1)); err == nil {
		t.Error("no bound on nesting")
	}
	if err := skipAll(bytes.Repeat([]byte(`{"a":`), 1_000_000)); err == nil {
		t.Error("no bound on nesting of objects")
	}
}

func TestScalarText(t *testing.T) {
	for text, want := range map[string]string{
		`"a\"\\\/\b\f\n\r\tb"`:       "a\"\\/\b\f\n\r\tb",
		`"\u00e9\u20AC\ud83d\ude00"`: "é€😀",
		`"\ud800x\udc00"`:            "\uFFFDx\uFFFD",
		`"\ud800\u0041"`:             "\uFFFDA",
		`12345678901234567890.10`:    "12345678901234567890.10",
		`true`:                       "true",
		`null`:                       "null",
		`""`:                         "",
	} {
		s, err := NewScanner([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := s.Scalar()
		if err != nil || string(got) != want {
			t.Errorf("%s: %q %v, want %q", text, got, err, want)
		}
		var decoded any
		if err := json.Unmarshal([]byte(text), &decoded); err != nil {
			t.Fatal(err)
		}
		if s, ok := decoded.(string); ok && s != want {
			t.Errorf("%s: encoding/json says %q, want %q", text, s, want)
		}
	}
	for _, text := range []string{`{}`, `[1]`, ``, `x`} {
		s, err := NewScanner([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Scalar(); err == nil {
			t.Errorf("%s is a scalar", text)
		}
	}
}

func FuzzScanner(f *testing.F) {
	for _, seed := range []string{`{"a":[1,-2.5e3,"x\u00e9",null,true]}`, `[{},[],""]`, `{"k":{"b":1,"a":2},"t":"A"}`, "\"\\", "1e"} {
		f.Add([]byte(seed))
	}
	shape := fuzzShape(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		err := skipAll(data)
		deep := strings.Count(string(data), "[")+strings.Count(string(data), "{") > maxScanDepth
		if want := json.Valid(data) && utf8.Valid(data); (err == nil) != want && !deep {
			t.Fatalf("%q: %v, valid: %v", data, err, want)
		}
		s, newErr := NewScanner(data)
		if newErr != nil {
			return
		}
		a := NewAnswer(1)
		if s.Write(shape, a) != nil || s.End() != nil {
			return
		}
		if text := filled(a, `"hole"`); !json.Valid(text) {
			t.Fatalf("%q became %q", data, text)
		}
	})
}

func fuzzShape(tb testing.TB) *RemoteShape {
	tb.Helper()
	inner, err := NewRemoteShape([]RemoteMember{
		{Key: "b", Sources: []string{"b"}, Optional: true, Node: &RemoteCopy{}},
		{Key: "h", Sources: []string{"a", "c"}, Optional: true, Node: &RemoteHole{OnNull: []byte("null")}},
	})
	if err != nil {
		tb.Fatal(err)
	}
	outer, err := NewRemoteShape([]RemoteMember{
		{Key: "t", Sources: []string{"t"}, Optional: true, Node: &RemoteName{Names: map[string]string{"A": "B"}}},
		{Key: "k", Sources: []string{"k"}, Optional: true, Node: &RemoteCopy{Shape: inner}},
		{Key: "k", Sources: []string{"l"}, Optional: true, Node: &RemoteHole{OnNull: []byte("[]")}},
		{Key: "s", Node: &RemoteLiteral{JSON: []byte("1")}},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return outer
}

// filled is an answer's bytes with a text in every hole.
func filled(a *Answer, text string) []byte {
	var out []byte
	at := 0
	for _, h := range a.Holes {
		out = append(out, a.Bytes[at:h.Offset]...)
		out = append(out, text...)
		at = h.Offset
	}
	return append(out, a.Bytes[at:]...)
}

func TestNewRemoteShapeRefuses(t *testing.T) {
	for name, members := range map[string][]RemoteMember{
		"source read twice": {
			{Key: "a", Sources: []string{"x"}, Node: &RemoteCopy{}},
			{Key: "b", Sources: []string{"x"}, Node: &RemoteCopy{}},
		},
		"copy without source":  {{Key: "a", Node: &RemoteCopy{}}},
		"copy of two":          {{Key: "a", Sources: []string{"x", "y"}, Node: &RemoteCopy{}}},
		"hole without sources": {{Key: "a", Node: &RemoteHole{}}},
		"nothing to write":     {{Key: "a", Sources: []string{"x"}}},
	} {
		if _, err := NewRemoteShape(members); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestWriteErrors(t *testing.T) {
	shape, err := NewRemoteShape([]RemoteMember{
		{Key: "a", Sources: []string{"a"}, Node: &RemoteCopy{}},
		{Key: "h", Sources: []string{"x", "y"}, Node: &RemoteHole{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		`{"a":1,"x":1}`:              `the object has no member "y"`,
		`{"x":1,"y":2}`:              `the object has no member "a"`,
		`{"a":1,"x":[],"y":2}`:       "instead of a scalar",
		`{"a":1,"x":{},"y":2}`:       "instead of a scalar",
		`{"a":1,"a":2,"x":1,"y":2}`:  "second member",
		`[1]`:                        "instead of an object",
		`"a"`:                        "instead of an object",
		`{"a":1,"x":1,"y":2`:         "unexpected end",
		`{"a":1,"x":1,"y":2,}`:       "unexpected character",
		`{"a":tru,"x":1,"y":2}`:      "unexpected character",
		`{"a":1,"zzz":[,],"x":1}`:    "unexpected character",
		`[{"a":1,"x":1,"y":2} null]`: "unexpected character",
	} {
		s, err := NewScanner([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if err = s.Write(shape, NewAnswer(1)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// A model of a shape for the property test: members by position, each with what
// it becomes.
type modelMember struct {
	key     string
	sources []string
	kind    int // 0 copy, 1 object, 2 name, 3 literal, 4 hole
	inner   []modelMember
	missing bool // optional and not there
}

func drawModel(t *rapid.T, depth int, counter *int) []modelMember {
	var out []modelMember
	for range rapid.IntRange(1, 5).Draw(t, "members") {
		*counter++
		m := modelMember{key: fmt.Sprintf("k%d\n", *counter), kind: rapid.IntRange(0, 4).Draw(t, "kind")}
		sources := 1
		switch {
		case m.kind == 1 && depth == 0:
			m.kind = 0
		case m.kind == 1:
			m.inner = drawModel(t, depth-1, counter)
		case m.kind == 3:
			sources = rapid.IntRange(0, 1).Draw(t, "marker")
		case m.kind == 4:
			sources = rapid.IntRange(1, 3).Draw(t, "parts")
		}
		for i := range sources {
			m.sources = append(m.sources, fmt.Sprintf("s%d_%d\"", *counter, i))
		}
		m.missing = sources > 0 && rapid.IntRange(0, 5).Draw(t, "missing") == 0
		out = append(out, m)
	}
	return out
}

func (m modelMember) member(t *rapid.T) RemoteMember {
	out := RemoteMember{Key: m.key, Sources: m.sources, Optional: m.missing}
	switch m.kind {
	case 0:
		out.Node = &RemoteCopy{}
	case 1:
		out.Node = &RemoteCopy{Shape: modelShape(t, m.inner)}
	case 2:
		out.Node = &RemoteName{Names: map[string]string{"A": "a\"b"}}
	case 3:
		out.Node = &RemoteLiteral{JSON: []byte(`"literal"`)}
	default:
		out.Node = &RemoteHole{Join: 3, OnNull: []byte(`"nothing"`)}
	}
	return out
}

func modelShape(t *rapid.T, model []modelMember) *RemoteShape {
	var members []RemoteMember
	for _, m := range model {
		members = append(members, m.member(t))
	}
	shape, err := NewRemoteShape(members)
	if err != nil {
		t.Fatal(err)
	}
	return shape
}

// drawObject draws a remote object of a model and what it becomes, holes
// written as the list of their keys' texts.
func drawObject(t *rapid.T, model []modelMember) (remote, want orderedjson.Value) {
	remote, want = orderedjson.Value{Kind: orderedjson.Object}, orderedjson.Value{Kind: orderedjson.Object}
	for _, m := range model {
		if m.missing {
			continue
		}
		value := orderedjson.Value{Kind: orderedjson.String, Text: "literal"}
		var parts []orderedjson.Value
		null := false
		for _, source := range m.sources {
			var part orderedjson.Value
			switch m.kind {
			case 0:
				part = drawJSON(t, 2)
				value = part
			case 1:
				part, value = drawNested(t, m.inner, 2)
			case 2:
				part = orderedjson.Value{Kind: orderedjson.String, Text: rapid.SampledFrom([]string{"A", "B"}).Draw(t, "type")}
				value = part
				if part.Text == "A" {
					value.Text = "a\"b"
				}
			default:
				part = drawScalar(t)
				null = null || part.IsNull()
				parts = append(parts, orderedjson.Value{Kind: orderedjson.String, Text: part.TextOf()})
			}
			remote.Keys = append(remote.Keys, source)
			remote.Items = append(remote.Items, part)
		}
		if m.kind == 4 {
			value = orderedjson.Value{Kind: orderedjson.Array, Items: parts}
			if null {
				value = orderedjson.Value{Kind: orderedjson.String, Text: "nothing"}
			}
		}
		want.Keys = append(want.Keys, m.key)
		want.Items = append(want.Items, value)
	}
	if rapid.Bool().Draw(t, "extra") {
		remote.Keys = append(remote.Keys, "unasked")
		remote.Items = append(remote.Items, drawJSON(t, 1))
	}
	if rapid.Bool().Draw(t, "shuffle") {
		order := rapid.Permutation(indices(len(remote.Keys))).Draw(t, "order")
		shuffled := orderedjson.Value{Kind: orderedjson.Object}
		for _, i := range order {
			shuffled.Keys = append(shuffled.Keys, remote.Keys[i])
			shuffled.Items = append(shuffled.Items, remote.Items[i])
		}
		remote = shuffled
	}
	return remote, want
}

func indices(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// drawNested draws an object, null or a list of them.
func drawNested(t *rapid.T, model []modelMember, depth int) (remote, want orderedjson.Value) {
	switch kind := rapid.IntRange(0, 3).Draw(t, "nested"); {
	case kind == 0:
		return orderedjson.Value{}, orderedjson.Value{}
	case kind == 1 && depth > 0:
		remote, want = orderedjson.Value{Kind: orderedjson.Array}, orderedjson.Value{Kind: orderedjson.Array}
		for range rapid.IntRange(0, 3).Draw(t, "length") {
			r, w := drawNested(t, model, depth-1)
			remote.Items = append(remote.Items, r)
			want.Items = append(want.Items, w)
		}
		return remote, want
	}
	return drawObject(t, model)
}

func drawScalar(t *rapid.T) orderedjson.Value {
	switch rapid.IntRange(0, 4).Draw(t, "scalar") {
	case 0:
		return orderedjson.Value{}
	case 1:
		return orderedjson.Value{Kind: orderedjson.Bool, Text: strconv.FormatBool(rapid.Bool().Draw(t, "bool"))}
	case 2:
		return orderedjson.Value{Kind: orderedjson.Number, Text: rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]+)?([eE][+-]?[0-9]+)?`).Draw(t, "number")}
	}
	return orderedjson.Value{Kind: orderedjson.String, Text: rapid.String().Draw(t, "string")}
}

func drawJSON(t *rapid.T, depth int) orderedjson.Value {
	kind := rapid.IntRange(0, 3).Draw(t, "json")
	if depth == 0 || kind < 2 {
		return drawScalar(t)
	}
	out := orderedjson.Value{Kind: orderedjson.Array}
	if kind == 3 {
		out.Kind = orderedjson.Object
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "size") {
		out.Items = append(out.Items, drawJSON(t, depth-1))
		if kind == 3 {
			out.Keys = append(out.Keys, fmt.Sprintf("m%d", i))
		}
	}
	return out
}

// TestScanAgainstModel holds what the scanner writes against decoding and
// rebuilding.
func TestScanAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		counter := 0
		model := drawModel(t, 2, &counter)
		shape := modelShape(t, model)
		remote, want := drawNested(t, model, 2)
		text := remote.Append(nil)
		if rapid.Bool().Draw(t, "pretty") {
			var pretty bytes.Buffer
			if err := json.Indent(&pretty, text, "", "\t"); err != nil {
				t.Fatal(err)
			}
			text = pretty.Bytes()
		}
		s, err := NewScanner(text)
		if err != nil {
			t.Fatal(err)
		}
		a := NewAnswer(1)
		if err := s.Write(shape, a); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if err := s.End(); err != nil {
			t.Fatal(err)
		}
		if s.depth != 0 || len(s.spans) != 0 {
			t.Fatalf("depth %d, %d spans left", s.depth, len(s.spans))
		}
		got, err := orderedjson.Parse(withKeys(a))
		if err != nil {
			t.Fatalf("%s became %s: %v", text, a.Bytes, err)
		}
		if got.String() != want.String() {
			t.Fatalf("%s\nbecame %s\nwant   %s", text, got, want)
		}
	})
}

// withKeys writes the texts of a hole's key in its place.
func withKeys(a *Answer) []byte {
	var out []byte
	at := 0
	for i, h := range a.Holes {
		out = append(out, a.Bytes[at:h.Offset]...)
		at = h.Offset
		parts := len(a.ends) - h.firstPart
		if i+1 < len(a.Holes) {
			parts = a.Holes[i+1].firstPart - h.firstPart
		}
		out = append(out, '[')
		for p := range parts {
			if p > 0 {
				out = append(out, ',')
			}
			out = orderedjson.AppendString(out, a.KeyPartText(h, p))
		}
		out = append(out, ']')
	}
	return append(out, a.Bytes[at:]...)
}

func BenchmarkScan(b *testing.B) {
	var text []byte
	text = append(text, '[')
	for i := range 1000 {
		if i > 0 {
			text = append(text, ',')
		}
		text = fmt.Appendf(text, `{"b":"a fairly ordinary title %d","a":%d,"c":"x%d"}`, i, i, i)
	}
	text = append(text, ']')
	shape, err := NewRemoteShape([]RemoteMember{
		{Key: "b", Sources: []string{"b"}, Node: &RemoteCopy{}},
		{Key: "h", Sources: []string{"a", "c"}, Node: &RemoteHole{OnNull: []byte("null")}},
	})
	if err != nil {
		b.Fatal(err)
	}
	for name, shape := range map[string]*RemoteShape{"plain": nil, "holes": shape} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				s, err := NewScanner(text)
				if err != nil {
					b.Fatal(err)
				}
				if err := s.Write(shape, NewAnswer(1)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
