package joins_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/joins"
)

func plainText(dst, cell []byte) ([]byte, error) { return append(dst, cell...), nil }

// parentShape writes {"id":…,"child":<hole>} per row; the hole's key is cell 1.
func parentShape(onNull string) *jsonshape.Shape {
	return &jsonshape.Shape{
		List: true, Absent: []byte("[]"),
		Object: &jsonshape.Object{Fields: []jsonshape.Field{
			{Prefix: jsonshape.Prefix(true, "id"), Node: &jsonshape.Scalar{Cell: 0, Encode: plainText}},
			{Prefix: jsonshape.Prefix(false, "child"), Node: &jsonshape.HoleNode{
				Join: 0, Keys: []jsonshape.KeyCell{{Cell: 1, Text: plainText}}, OnNull: []byte(onNull),
			}},
		}},
	}
}

func childShape() *jsonshape.Shape {
	return &jsonshape.Shape{
		List: true, Absent: []byte("[]"),
		Object: &jsonshape.Object{Fields: []jsonshape.Field{
			{Prefix: jsonshape.Prefix(true, "v"), Node: &jsonshape.Scalar{Cell: 0, Encode: plainText}},
		}},
	}
}

// TestSpliceMatchesDecodeAndJoin holds the splicing of random parents and
// children against a plain join of decoded values, for every chunk size.
func TestSpliceMatchesDecodeAndJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOf(rapid.IntRange(-1, 5)).Draw(t, "keys") // -1: null
		size := rapid.IntRange(1, 7).Draw(t, "chunk size")
		children := map[int][]int{}
		for k := range 6 {
			children[k] = rapid.SliceOfN(rapid.IntRange(0, 99), 0, 3).Draw(t, fmt.Sprint("children of ", k))
		}
		child := &plan.Fragment{Bindings: []plan.Binding{{Name: "k"}}}
		fragment := &plan.Fragment{Joins: []*plan.Join{{
			Child: child, Keys: []plan.JoinKey{{Name: "k"}}, OnNull: []byte("null"),
		}}}

		answer := jsonshape.NewAnswer(1)
		w := jsonshape.NewWriter(parentShape("null"), answer)
		want := []any{}
		for i, k := range keys {
			var cell []byte
			var expected any
			if k >= 0 {
				cell = fmt.Append(nil, k)
				list := []any{}
				for _, v := range children[k] {
					list = append(list, map[string]any{"v": float64(v)})
				}
				expected = list
			}
			want = append(want, map[string]any{"id": float64(i), "child": expected})
			if err := w.Row(0, [][]byte{fmt.Append(nil, i), cell}); err != nil {
				t.Fatal(err)
			}
		}
		w.Close()

		batch := &joins.Batch{Fragment: fragment, Answers: []*jsonshape.Answer{answer}}
		set := batch.Collect()[0]
		distinct := map[int]bool{}
		for _, k := range keys {
			if k >= 0 {
				distinct[k] = true
			}
		}
		if set.Len() != len(distinct) {
			t.Fatalf("%d keys for %d distinct values", set.Len(), len(distinct))
		}
		childBatch := &joins.Batch{Fragment: child}
		var values []joins.Value
		for from := 0; from < set.Len(); from += size {
			to := min(from+size, set.Len())
			a := jsonshape.NewAnswer(to - from)
			cw := jsonshape.NewWriter(childShape(), a)
			for i := from; i < to; i++ {
				var k int
				if _, err := fmt.Sscan(set.Tuple(i)[0], &k); err != nil {
					t.Fatal(err)
				}
				for _, v := range children[k] {
					if err := cw.Row(i-from, [][]byte{fmt.Append(nil, v)}); err != nil {
						t.Fatal(err)
					}
				}
				values = append(values, joins.Value{Batch: childBatch, Chunk: len(childBatch.Answers), Ordinal: i - from})
			}
			cw.Close()
			childBatch.Answers = append(childBatch.Answers, a)
		}
		childBatch.Collect()
		batch.Fill(0, values)

		got := joins.Value{Batch: batch}.Append(nil)
		wantJSON, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var decoded any
		if err := json.Unmarshal(got, &decoded); err != nil {
			t.Fatalf("not JSON: %v\n%s", err, got)
		}
		again, err := json.Marshal(decoded)
		if err != nil {
			t.Fatal(err)
		}
		if string(again) != string(wantJSON) {
			t.Fatalf("got  %s\nwant %s", again, wantJSON)
		}
	})
}

func TestCompositeKeysAreTuples(t *testing.T) {
	if joins.Identity([]string{"a", "bc"}) == joins.Identity([]string{"ab", "c"}) {
		t.Fatal("different tuples have one identity")
	}
}

func TestKeysThatCanNotMatchAreNotSent(t *testing.T) {
	for _, c := range []struct {
		cast plan.KeyCast
		text string
		to   plan.Type
		want string // empty: matches nothing
	}{
		{plan.KeyCastInteger, "2147483648", plan.Type{}, "2147483648"},
		{plan.KeyCastInteger, "7", plan.Type{}, "7"},
		{plan.KeyCastInteger, " 7 ", plan.Type{}, "7"},
		{plan.KeyCastInteger, "7.00", plan.Type{}, "7"},
		{plan.KeyCastInteger, "7.5", plan.Type{}, ""},
		{plan.KeyCastInteger, "9223372036854775807", plan.Type{}, "9223372036854775807"},
		{plan.KeyCastInteger, "9223372036854775808", plan.Type{}, ""},
		{plan.KeyCastInteger, "seven", plan.Type{}, ""},
		{plan.KeyCastNumber, "1.50", plan.Type{}, "1.50"},
		{plan.KeyCastNumber, "NaN", plan.Type{}, ""},
		{plan.KeyCastNumber, "0x10", plan.Type{}, ""},
		{plan.KeyCastUUID, "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", plan.Type{}, "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"},
		{plan.KeyCastUUID, "not a uuid", plan.Type{}, ""},
		{plan.KeyCastBoolean, "t", plan.Type{}, "true"},
		{plan.KeyCastText, "x", plan.Type{}, "x"},
		{plan.KeyCastInteger, "2147483648", plan.Type{Name: "int4"}, ""},
		{plan.KeyCastInteger, "-32769", plan.Type{Name: "int2"}, ""},
		{plan.KeyCastInteger, "255", plan.Type{Name: "tinyint"}, "255"},
	} {
		fragment := &plan.Fragment{Joins: []*plan.Join{{
			Child: &plan.Fragment{Bindings: []plan.Binding{{Name: "k", Type: c.to}}}, Keys: []plan.JoinKey{{Name: "k", Cast: c.cast}}, OnNull: []byte(`"none"`),
		}}}
		answer := jsonshape.NewAnswer(1)
		w := jsonshape.NewWriter(parentShape(`"null"`), answer)
		if err := w.Row(0, [][]byte{[]byte("1"), []byte(c.text)}); err != nil {
			t.Fatal(err)
		}
		w.Close()
		batch := &joins.Batch{Fragment: fragment, Answers: []*jsonshape.Answer{answer}}
		set := batch.Collect()[0]
		got := ""
		if set.Len() == 1 {
			got = set.Tuple(0)[0]
		}
		if got != c.want {
			t.Errorf("%s of %q is %q, want %q", c.cast, c.text, got, c.want)
		}
		if c.want == "" {
			out := string(joins.Value{Batch: batch}.Append(nil))
			if !strings.Contains(out, `"child":"none"`) {
				t.Errorf("%s of %q answers %s", c.cast, c.text, out)
			}
		}
	}
}

func TestPathToFirstHole(t *testing.T) {
	fragment := &plan.Fragment{Joins: []*plan.Join{{
		Child: &plan.Fragment{Bindings: []plan.Binding{{Name: "k"}}}, Keys: []plan.JoinKey{{Name: "k"}}, OnNull: []byte("null"),
	}}}
	answer := jsonshape.NewAnswer(1)
	w := jsonshape.NewWriter(parentShape("null"), answer)
	rows := [][][]byte{{[]byte(`"a,[{\""`), nil}, {[]byte("2"), nil}, {[]byte("3"), []byte("9")}}
	for _, cells := range rows {
		if err := w.Row(0, cells); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	batch := &joins.Batch{Fragment: fragment, Answers: []*jsonshape.Answer{answer}}
	batch.Collect()
	child := joins.Value{Batch: &joins.Batch{}}
	batch.Fill(0, []joins.Value{child})
	place, ok := batch.FirstHole(child, 0)
	if !ok {
		t.Fatal("no hole")
	}
	if got := fmt.Sprint(place.Path); got != "[{ 2 true} {child 0 false}]" {
		t.Fatalf("path %s", got)
	}
}
