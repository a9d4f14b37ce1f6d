package jsonshape

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestBorrowedAnswersHoldTheSame(t *testing.T) {
	text := func(dst, cell []byte) ([]byte, error) { return append(dst, cell...), nil }
	inner := &Object{Fields: []Field{{Prefix: Prefix(true, "a"), Node: &Scalar{Cell: 0, Encode: text}}}}
	shape := &Shape{List: true, Absent: []byte("[]"), Object: &Object{Fields: []Field{
		{Prefix: Prefix(true, "n"), Node: &Scalar{Cell: 0, Encode: text}},
		{Prefix: Prefix(false, "hole"), Node: &HoleNode{Keys: []KeyCell{{Cell: 0, Text: text}}, OnNull: []byte("null")}},
		{Prefix: Prefix(false, "rows"), Node: &Nested{Cell: 1, List: true, Object: inner, Absent: []byte("[]"), Rows: func(cell []byte, yield func([][]byte) error) error {
			for part := range bytes.SplitSeq(cell, []byte(" ")) {
				if err := yield([][]byte{part}); err != nil {
					return err
				}
			}
			return nil
		}}},
	}}}
	fill := func(a *Answer, rows, width int) {
		w := NewWriter(shape, a)
		for i := range rows {
			number := fmt.Append(nil, i)
			if err := w.Row(i/(rows/2+1), [][]byte{number, []byte(strings.TrimSpace(strings.Repeat("1234567 ", width)))}); err != nil {
				t.Fatal(err)
			}
		}
		w.Close()
	}
	// Small, of many chunks, of rows larger than a chunk; each of them twice, so
	// that memory is used again.
	for _, size := range []struct{ rows, width int }{{1, 1}, {5000, 12}, {40, 30_000}, {5000, 12}, {1, 1}, {40, 30_000}} {
		plain, borrowed := NewAnswer(3), Borrow(3)
		fill(plain, size.rows, size.width)
		fill(borrowed, size.rows, size.width)
		if plain.Len() != borrowed.Len() || len(plain.Holes) != len(borrowed.Holes) {
			t.Fatalf("%d bytes and %d holes, not %d and %d", borrowed.Len(), len(borrowed.Holes), plain.Len(), len(plain.Holes))
		}
		for i, want := range plain.Values {
			if got := borrowed.Values[i]; got != want {
				t.Fatalf("value %d at %v, not %v", i, got, want)
			}
			if got := borrowed.Text(want); !bytes.Equal(got, plain.Bytes[want.Start:want.End]) {
				t.Fatalf("value %d differs", i)
			}
		}
		for i, want := range plain.Holes {
			got := borrowed.Holes[i]
			if got != want || !bytes.Equal(borrowed.KeyPartText(got, 0), plain.KeyPartText(want, 0)) {
				t.Fatalf("hole %d is %v, not %v", i, got, want)
			}
			if from := borrowed.From(got.Offset); !bytes.HasPrefix(plain.Bytes[want.Offset:], from) {
				t.Fatalf("after hole %d stands %.20q", i, from)
			}
		}
		borrowed.Release()
		plain.Release()
	}
}

func TestAReleasedAnswerIsEmptyWhenBorrowedAgain(t *testing.T) {
	for range 20 {
		a := Borrow(4)
		if a.Len() != 0 || len(a.Holes) != 0 || len(a.Values) != 4 || a.BeginKey() != 0 {
			t.Fatalf("borrowed %d bytes, %d holes, %d values", a.Len(), len(a.Holes), len(a.Values))
		}
		for i, v := range a.Values {
			if v != (Span{}) {
				t.Fatalf("value %d is at %v", i, v)
			}
		}
		a.Bytes = append(a.Bytes, "abc"...)
		a.Values[0] = Span{0, 3}
		a.KeyText([]byte("k"))
		a.PutHole(0, 0)
		a.seal()
		a.Release()
	}
}
