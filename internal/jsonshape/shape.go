package jsonshape

import (
	"errors"
	"fmt"

	"dovetail/internal/orderedjson"
)

// Encoder appends the JSON text (or, for keys, the plain text) of one cell that
// is not null.
type Encoder func(dst, cell []byte) ([]byte, error)

// Shape is how a statement's rows become JSON values, one per ordinal.
type Shape struct {
	// List: a value is the array of its rows; otherwise it is its first row.
	List   bool
	Object *Object
	// Absent is written for ordinals without rows: null, [] …
	Absent []byte
}

// Object writes one JSON object from the cells of one row.
type Object struct{ Fields []Field }

// Field is one member of an Object. Prefix is `"key":`, with a leading comma
// for all but the first.
type Field struct {
	Prefix []byte
	Node   Node
}

// Node is what a field writes.
//
//sumtype:decl
type Node interface{ node() }

// Scalar writes one cell.
type Scalar struct {
	Cell   int
	Encode Encoder
}

// Literal writes bytes known when the plan was made.
type Literal struct{ JSON []byte }

// Inline writes an object from cells of the same row, or Absent when the cell
// Presence is null; a negative Presence is always present.
type Inline struct {
	Presence int
	Object   *Object
	Absent   []byte
}

// Nested writes the rows that stand inside of one cell. A null cell is written
// as Absent.
type Nested struct {
	Cell int
	// Rows calls yield for every row in the cell. Cells are valid during the
	// call only.
	Rows func(cell []byte, yield func(cells [][]byte) error) error
	List bool
	// Object is written per row.
	Object *Object
	Absent []byte
}

// HoleNode leaves a hole whose key is made of cells of the row, or writes
// OnNull where one of them is null.
type HoleNode struct {
	Join   int
	Keys   []KeyCell
	OnNull []byte
}

// KeyCell is one part of a hole's key.
type KeyCell struct {
	Cell int
	Text Encoder
}

func (*Scalar) node()   {}
func (*Literal) node()  {}
func (*Inline) node()   {}
func (*Nested) node()   {}
func (*HoleNode) node() {}

// ErrCells says that a source gave a row with fewer cells than its shape reads.
var ErrCells = errors.New("row has fewer cells than its shape")

// Writer writes rows, which must come grouped by ordinal, into an answer.
type Writer struct {
	shape   *Shape
	answer  *Answer
	current int // ordinal being written, -1: none
	rows    int // rows written for it
}

// NewWriter makes a writer of rows into an answer.
func NewWriter(shape *Shape, answer *Answer) *Writer {
	return &Writer{shape: shape, answer: answer, current: -1}
}

// Row writes one row of an ordinal. A nil cell is null. Rows of one ordinal
// must follow each other; for a shape that is no list further rows are ignored.
func (w *Writer) Row(ordinal int, cells [][]byte) error {
	a := w.answer
	if ordinal != w.current {
		if ordinal < 0 || ordinal >= len(a.Values) {
			return fmt.Errorf("source answered for ordinal %d of %d", ordinal, len(a.Values))
		}
		if a.Values[ordinal].End != 0 {
			return fmt.Errorf("source answered rows of ordinal %d apart from each other", ordinal)
		}
		w.finish()
		w.current, w.rows = ordinal, 0
		a.Values[ordinal].Start = a.Len()
		if w.shape.List {
			a.Bytes = append(a.Bytes, '[')
		}
	} else if !w.shape.List {
		return nil
	}
	if w.rows > 0 {
		a.Bytes = append(a.Bytes, ',')
	}
	w.rows++
	return w.object(w.shape.Object, cells)
}

func (w *Writer) finish() {
	if w.current < 0 {
		return
	}
	a := w.answer
	if w.shape.List {
		a.Bytes = append(a.Bytes, ']')
	}
	a.Values[w.current].End = a.Len()
}

// Close ends the last value and writes Absent for ordinals without rows.
func (w *Writer) Close() {
	w.finish()
	w.current = -1
	a := w.answer
	absent := Span{Start: -1}
	for i, v := range a.Values {
		if v.End != 0 {
			continue
		}
		if absent.Start < 0 {
			absent.Start = a.Len()
			a.Bytes = append(a.Bytes, w.shape.Absent...)
			absent.End = a.Len()
		}
		a.Values[i] = absent
	}
}

func (w *Writer) object(o *Object, cells [][]byte) error {
	a := w.answer
	if a.chunked && len(a.Bytes) >= sealAt {
		a.seal()
	}
	a.Bytes = append(a.Bytes, '{')
	for i := range o.Fields {
		f := &o.Fields[i]
		a.Bytes = append(a.Bytes, f.Prefix...)
		if err := w.node(f.Node, cells); err != nil {
			return err
		}
	}
	a.Bytes = append(a.Bytes, '}')
	return nil
}

func (w *Writer) node(n Node, cells [][]byte) error {
	a := w.answer
	switch n := n.(type) {
	case *Scalar:
		if n.Cell >= len(cells) {
			return ErrCells
		}
		cell := cells[n.Cell]
		if cell == nil {
			a.Bytes = append(a.Bytes, "null"...)
			return nil
		}
		b, err := n.Encode(a.Bytes, cell)
		if err != nil {
			return err
		}
		a.Bytes = b
		return nil
	case *Literal:
		a.Bytes = append(a.Bytes, n.JSON...)
		return nil
	case *Inline:
		if n.Presence >= len(cells) {
			return ErrCells
		}
		if n.Presence >= 0 && cells[n.Presence] == nil {
			a.Bytes = append(a.Bytes, n.Absent...)
			return nil
		}
		return w.object(n.Object, cells)
	case *Nested:
		if n.Cell >= len(cells) {
			return ErrCells
		}
		return w.nested(n, cells[n.Cell])
	case *HoleNode:
		return w.hole(n, cells)
	case *Edges:
		return w.edges(n, cells)
	case *PageCursor:
		return w.pageCursor(n, cells)
	case *PageMore:
		return w.pageMore(n, cells)
	case *Token:
		return w.token(n, cells)
	}
	return fmt.Errorf("unknown kind of shape node %T", n)
}

func (w *Writer) nested(n *Nested, cell []byte) error {
	a := w.answer
	if cell == nil {
		a.Bytes = append(a.Bytes, n.Absent...)
		return nil
	}
	rows := 0
	if n.List {
		a.Bytes = append(a.Bytes, '[')
	}
	err := n.Rows(cell, func(cells [][]byte) error {
		if rows > 0 {
			if !n.List {
				return nil
			}
			a.Bytes = append(a.Bytes, ',')
		}
		rows++
		return w.object(n.Object, cells)
	})
	if err != nil {
		return err
	}
	if n.List {
		a.Bytes = append(a.Bytes, ']')
	} else if rows == 0 {
		a.Bytes = append(a.Bytes, n.Absent...)
	}
	return nil
}

func (w *Writer) hole(n *HoleNode, cells [][]byte) error {
	a := w.answer
	for _, k := range n.Keys {
		if k.Cell >= len(cells) {
			return ErrCells
		}
		if cells[k.Cell] == nil {
			a.Bytes = append(a.Bytes, n.OnNull...)
			return nil
		}
	}
	begin := a.BeginKey()
	for _, k := range n.Keys {
		cell := cells[k.Cell]
		b, err := k.Text(a.keys, cell)
		if err != nil {
			return err
		}
		a.keys = b
		a.ends = append(a.ends, int32(len(a.keys)))
	}
	a.PutHole(n.Join, begin)
	return nil
}

// Prefix is the bytes before a member's value.
func Prefix(first bool, key string) []byte {
	var b []byte
	if !first {
		b = append(b, ',')
	}
	b = orderedjson.AppendString(b, key)
	return append(b, ':')
}
