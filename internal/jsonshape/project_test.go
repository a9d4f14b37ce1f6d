package jsonshape

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
)

// drawnShape is an object's shape in a union and in one of its lookups.
type drawnShape struct {
	union, lookup *Object
	projection    *plan.Projection
}

type shapeDrawer struct {
	t     *rapid.T
	joins int // of the union
	own   int // of the lookup
	// lists are the rows that cells stand for.
	lists [][][][]byte
}

func textCell(dst, cell []byte) ([]byte, error) {
	return orderedjson.AppendString(dst, string(cell)), nil
}

func plainCell(dst, cell []byte) ([]byte, error) { return append(dst, cell...), nil }

// rows finds the rows that a cell stands for.
func (d *shapeDrawer) rows(cell []byte, yield func(cells [][]byte) error) error {
	n, err := strconv.Atoi(string(cell))
	if err != nil {
		return err
	}
	for _, row := range d.lists[n] {
		if err := yield(row); err != nil {
			return err
		}
	}
	return nil
}

// drawnSlot is a member of a union's object: how the lookup would write it, and
// how it is projected.
type drawnSlot struct {
	union, lookup func() Node
	member        plan.ProjectedMember
}

func (d *shapeDrawer) object(depth, cells int) drawnShape {
	var slots []drawnSlot
	union := &Object{}
	count := rapid.IntRange(1, 4).Draw(d.t, "slots")
	for i := range count {
		s := d.slot(depth, cells)
		s.member.Slot = i
		slots = append(slots, s)
		union.Fields = append(union.Fields, Field{Prefix: Prefix(i == 0, strconv.Itoa(i)), Node: s.union()})
	}
	if rapid.Bool().Draw(d.t, "filler") {
		union.Fields = append(union.Fields, Field{Prefix: Prefix(false, "-1"), Node: &Literal{JSON: []byte(`{"0": [1 ]}`)}})
	}
	lookup, projection := &Object{}, &plan.Projection{Slots: count}
	for i := range rapid.IntRange(0, 5).Draw(d.t, "members") {
		key := rapid.SampledFrom([]string{"a", "b", `q"`, "0", "1"}).Draw(d.t, "key") + strconv.Itoa(i)
		if rapid.IntRange(0, 5).Draw(d.t, "static") == 0 {
			m := plan.NewProjectedMember(key, 0)
			m.JSON = []byte(`"T"`)
			projection.Members = append(projection.Members, m)
			lookup.Fields = append(lookup.Fields, Field{Prefix: Prefix(i == 0, key), Node: &Literal{JSON: m.JSON}})
			continue
		}
		s := slots[rapid.IntRange(0, count-1).Draw(d.t, "slot")]
		m := s.member
		m.Prefix = plan.NewProjectedMember(key, 0).Prefix
		projection.Members = append(projection.Members, m)
		lookup.Fields = append(lookup.Fields, Field{Prefix: Prefix(i == 0, key), Node: s.lookup()})
	}
	return drawnShape{union: union, lookup: lookup, projection: projection}
}

func (d *shapeDrawer) slot(depth, cells int) drawnSlot {
	cell := rapid.IntRange(1, cells-1).Draw(d.t, "cell")
	kind := rapid.IntRange(0, 3).Draw(d.t, "kind")
	if depth == 0 {
		kind %= 2
	}
	same := func(n Node) func() Node { return func() Node { return n } }
	switch kind {
	case 0:
		n := same(&Scalar{Cell: cell, Encode: textCell})
		return drawnSlot{union: n, lookup: n}
	case 1:
		keys := []KeyCell{{Cell: cell, Text: plainCell}}
		join := &plan.Join{Index: d.own, OnNull: []byte(`{"x": []}`), Keys: []plan.JoinKey{{}}}
		if rapid.Bool().Draw(d.t, "two") {
			keys = append(keys, KeyCell{Cell: 1, Text: plainCell})
			join.Keys = append(join.Keys, plan.JoinKey{})
		}
		d.own++
		d.joins++
		return drawnSlot{
			union:  same(&HoleNode{Join: 100 - d.joins, Keys: keys, OnNull: []byte("null")}),
			lookup: same(&HoleNode{Join: join.Index, Keys: keys, OnNull: join.OnNull}),
			member: plan.ProjectedMember{Join: join},
		}
	case 2:
		in := d.object(depth-1, cells)
		return drawnSlot{
			union:  same(&Inline{Presence: cell, Object: in.union, Absent: []byte("null")}),
			lookup: same(&Inline{Presence: cell, Object: in.lookup, Absent: []byte("null")}),
			member: plan.ProjectedMember{Inner: in.projection},
		}
	default:
		in, list := d.object(depth-1, cells), rapid.Bool().Draw(d.t, "list")
		return drawnSlot{
			union:  same(&Nested{Rows: d.rows, List: list, Object: in.union, Absent: []byte("null")}),
			lookup: same(&Nested{Rows: d.rows, List: list, Object: in.lookup, Absent: []byte("null")}),
			member: plan.ProjectedMember{Inner: in.projection},
		}
	}
}

// row draws cells: the first is a number of a list of rows, the others are texts
// or null.
func (d *shapeDrawer) row(depth, cells int) [][]byte {
	out := make([][]byte, cells)
	if depth > 0 && rapid.Bool().Draw(d.t, "some") {
		var rows [][][]byte
		for range rapid.IntRange(0, 3).Draw(d.t, "rows") {
			rows = append(rows, d.row(depth-1, cells))
		}
		out[0] = strconv.AppendInt(nil, int64(len(d.lists)), 10)
		d.lists = append(d.lists, rows)
	}
	for i := 1; i < cells; i++ {
		text := rapid.SampledFrom([]string{"", "null", `\`, `\"`, `"},{"`, "[]", "7", "long " + strings.Repeat("x", 4000)}).Draw(d.t, "text")
		if text != "null" {
			out[i] = []byte(text)
		}
	}
	return out
}

// spelled is a value with its holes written out.
func spelled(a *Answer, ordinal int) string {
	span := a.Values[ordinal]
	if span.Start == span.End {
		return "absent"
	}
	var out strings.Builder
	at := span.Start
	for _, h := range a.Holes {
		if h.Offset < span.Start || h.Offset >= span.End {
			continue
		}
		out.Write(a.Text(Span{Start: at, End: h.Offset}))
		at = h.Offset
		end := len(a.ends)
		for _, other := range a.Holes {
			if other.firstPart > h.firstPart {
				end = min(end, other.firstPart)
			}
		}
		fmt.Fprintf(&out, "<%d", h.Join)
		for i := range end - h.firstPart {
			fmt.Fprintf(&out, " %q", a.KeyPartText(h, i))
		}
		out.WriteByte('>')
	}
	out.Write(a.Text(Span{Start: at, End: span.End}))
	return out.String()
}

// TestProjectedLikeWritten holds what a lookup takes from its union's answer
// against what it would have written itself.
func TestProjectedLikeWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const depth, cells = 2, 4
		d := &shapeDrawer{t: t}
		o := d.object(depth, cells)
		list := rapid.Bool().Draw(t, "many")
		absent := []byte("null")
		if list {
			absent = []byte("[]")
		}
		const ordinals = 4
		union, lookup, projected := Borrow(ordinals), NewAnswer(ordinals), Borrow(ordinals)
		defer union.Release()
		defer projected.Release()
		u := NewWriter(&Shape{List: list, Object: o.union, Absent: absent}, union)
		l := NewWriter(&Shape{List: list, Object: o.lookup, Absent: absent}, lookup)
		for i := range ordinals - 1 { // the last has no rows
			for range rapid.IntRange(1, 8).Draw(t, "count") {
				row := d.row(1, cells)
				if err := errors.Join(u.Row(i, row), l.Row(i, row)); err != nil {
					t.Fatal(err)
				}
			}
		}
		u.Close()
		l.Close()
		p := NewProjector(union, projected)
		for _, i := range rapid.Permutation([]int{0, 1, 2, 3}).Draw(t, "order") {
			if err := p.Value(o.projection, i, i); err != nil {
				t.Fatal(err)
			}
		}
		for i := range ordinals {
			if got, want := spelled(projected, i), spelled(lookup, i); got != want {
				t.Fatalf("value %d\ngot  %s\nwant %s\nof   %s", i, got, want, spelled(union, i))
			}
		}
	})
}

// TestProjectionRefuses feeds answers that no source of ours gives.
func TestProjectionRefuses(t *testing.T) {
	inner := plan.NewProjectedMember("a", 0)
	inner.Inner = &plan.Projection{}
	projection := &plan.Projection{Slots: 2, Members: []plan.ProjectedMember{inner, plan.NewProjectedMember("b", 1)}}
	for _, text := range []string{
		``, `1`, `{`, `{"0`, `{"0"`, `{"0":`, `{"0":{}`, `{"0":{},`, `{"0":{}}`, `{"0":{},"1":}`, `{"0":{},"1":"a`, `{"0":{},"1":"a\"}`,
		`{"0":{},"1":[}`, `{"0":{},"1":[[]`, `{"0":1,"1":1}`, `[{"0":{},"1":1}`, `[{"0":{},"1":1},`, `{"\u0030":{},"1":1}`, `{0:{},"1":1}`,
		`{"0" {},"1":1}`, `{"0":{} "1":1}`, `{"99999999999999999999999":{},"1":1}`,
	} {
		from := NewAnswer(2)
		from.Bytes = append(from.Bytes, "x"+text...)
		from.Values[1] = Span{Start: 1, End: len(from.Bytes)}
		err := NewProjector(from, NewAnswer(1)).Value(projection, 1, 0)
		if text == "" {
			if err != nil {
				t.Errorf("an absent value: %v", err)
			}
			continue
		}
		if !errors.Is(err, ErrProjection) {
			t.Errorf("%s: %v", text, err)
		}
	}
	from, to := NewAnswer(1), NewAnswer(1)
	from.Bytes = append(from.Bytes, " { \"1\" : [ \"a\\\\\" , {} ] , \"-\" : 1 , \"0\" : null }"...)
	from.Values[0] = Span{Start: 1, End: len(from.Bytes)}
	if err := NewProjector(from, to).Value(projection, 0, 0); err != nil || string(to.Bytes) != `{"a":null,"b":[ "a\\" , {} ]}` {
		t.Fatal(err, string(to.Bytes))
	}
}
