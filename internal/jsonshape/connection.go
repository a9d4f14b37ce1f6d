package jsonshape

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"slices"

	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
)

// Page is a cell with the rows of one page of a connection: when the page is
// limited and it matters, with one row more if there are more.
type Page struct {
	Cell int
	// Rows calls yield for every row in the cell, as Nested's does.
	Rows func(cell []byte, yield func(cells [][]byte) error) error
	// Size reads how many rows the page may hold; nil: all that there are.
	Size *PageSize
	// Backward: the rows come last one first.
	Backward bool
}

// Gathered makes one cell of all rows of a result, for shapes that must know the
// last row before they write the first. It is followed by cells of the first row.
type Gathered struct {
	// Outer are the cells of the first row that follow.
	Outer []int
	rows  []byte
	first [][]byte
}

// GatheredRows reads the cell in which gathered rows stand.
func GatheredRows(cell []byte, yield func(cells [][]byte) error) error {
	var cells [][]byte
	for len(cell) > 0 {
		count, used := binary.Uvarint(cell)
		if used <= 0 {
			return ErrCells
		}
		cell, cells = cell[used:], cells[:0]
		for range count {
			size, used := binary.Varint(cell)
			if used <= 0 || size > int64(len(cell)-used) {
				return ErrCells
			}
			cell = cell[used:]
			if size < 0 {
				cells = append(cells, nil)
				continue
			}
			cells, cell = append(cells, cell[:size:size]), cell[size:]
		}
		if err := yield(cells); err != nil {
			return err
		}
	}
	return nil
}

// Add keeps a row.
func (g *Gathered) Add(cells [][]byte) error {
	if g.first == nil {
		g.first = make([][]byte, 0, len(g.Outer))
		for _, i := range g.Outer {
			if i >= len(cells) {
				return ErrCells
			}
			g.first = append(g.first, bytes.Clone(cells[i]))
		}
	}
	g.rows = binary.AppendUvarint(g.rows, uint64(len(cells)))
	for _, cell := range cells {
		if cell == nil {
			g.rows = binary.AppendVarint(g.rows, -1)
			continue
		}
		g.rows = binary.AppendVarint(g.rows, int64(len(cell)))
		g.rows = append(g.rows, cell...)
	}
	return nil
}

// Cells are the rows as one cell and the cells that follow it, nulls when there
// was no row.
func (g *Gathered) Cells() [][]byte {
	out := make([][]byte, 1+len(g.Outer))
	out[0] = g.rows
	if out[0] == nil {
		out[0] = []byte{}
	}
	copy(out[1:], g.first)
	return out
}

// PageSize is the size of a page, standing in a cell; null is no limit.
type PageSize struct {
	Cell int
	Read func(cell []byte) (int, error)
}

// Edges writes the list of the rows of a page.
type Edges struct {
	Page   *Page
	Object *Object
}

// PageCursor writes the cursor of the first or last row of a page, an empty
// string for a page without rows.
type PageCursor struct {
	Page   *Page
	Last   bool
	Cursor *Token
}

// PageMore writes whether there are rows beyond one end of the page: beyond its
// size when Page is set, or behind the cursor that bounds it when the cell
// Behind holds true; negative: no such cell.
type PageMore struct {
	Page   *Page
	Behind int
	True   func(cell []byte) bool
}

// Token writes a JSON string with a base64 text made of parts.
type Token struct{ Parts []TokenPart }

// TokenPart is a text and a cell that follows it; a negative Cell is none.
type TokenPart struct {
	Text   []byte
	Cell   int
	Encode Encoder
}

func (*Edges) node()      {}
func (*PageCursor) node() {}
func (*PageMore) node()   {}
func (*Token) node()      {}

// read calls yield for the rows of the page in the order in which they are
// written and tells whether there are more.
func (p *Page) read(row [][]byte, yield func(cells [][]byte) error) (more bool, err error) {
	if p.Cell >= len(row) {
		return false, ErrCells
	}
	size := -1
	if p.Size != nil {
		if p.Size.Cell >= len(row) {
			return false, ErrCells
		}
		if cell := row[p.Size.Cell]; cell != nil {
			if size, err = p.Size.Read(cell); err != nil {
				return false, err
			}
		}
	}
	if row[p.Cell] == nil {
		return false, nil
	}
	count := 0
	var kept [][][]byte
	err = p.Rows(row[p.Cell], func(cells [][]byte) error {
		if size >= 0 && count >= size {
			more = true
			return nil
		}
		count++
		if p.Backward {
			kept = append(kept, slices.Clone(cells))
			return nil
		}
		return yield(cells)
	})
	if err != nil {
		return false, err
	}
	for _, cells := range slices.Backward(kept) {
		if err := yield(cells); err != nil {
			return false, err
		}
	}
	return more, nil
}

func (w *Writer) edges(n *Edges, row [][]byte) error {
	a := w.answer
	a.Bytes = append(a.Bytes, '[')
	first := true
	_, err := n.Page.read(row, func(cells [][]byte) error {
		if !first {
			a.Bytes = append(a.Bytes, ',')
		}
		first = false
		return w.object(n.Object, cells)
	})
	a.Bytes = append(a.Bytes, ']')
	return err
}

func (w *Writer) pageCursor(n *PageCursor, row [][]byte) error {
	a := w.answer
	start, written := len(a.Bytes), false
	_, err := n.Page.read(row, func(cells [][]byte) error {
		if written && !n.Last {
			return nil
		}
		// Tokens never seal the answer's chunk, so what was written can be replaced.
		a.Bytes, written = a.Bytes[:start], true
		return w.token(n.Cursor, cells)
	})
	if err == nil && !written {
		a.Bytes = append(a.Bytes, `""`...)
	}
	return err
}

func (w *Writer) pageMore(n *PageMore, row [][]byte) error {
	more := false
	if n.Behind >= 0 {
		if n.Behind >= len(row) {
			return ErrCells
		}
		more = row[n.Behind] != nil && n.True(row[n.Behind])
	}
	if !more && n.Page != nil {
		var err error
		if more, err = n.Page.read(row, func([][]byte) error { return nil }); err != nil {
			return err
		}
	}
	if more {
		w.answer.Bytes = append(w.answer.Bytes, "true"...)
	} else {
		w.answer.Bytes = append(w.answer.Bytes, "false"...)
	}
	return nil
}

func (w *Writer) token(n *Token, cells [][]byte) error {
	var text []byte
	for _, part := range n.Parts {
		text = append(text, part.Text...)
		if part.Cell < 0 {
			continue
		}
		if part.Cell >= len(cells) {
			return ErrCells
		}
		if cells[part.Cell] == nil {
			text = append(text, "null"...)
			continue
		}
		var err error
		if text, err = part.Encode(text, cells[part.Cell]); err != nil {
			return err
		}
	}
	a := w.answer
	a.Bytes = append(a.Bytes, '"')
	a.Bytes = base64.StdEncoding.AppendEncode(a.Bytes, text)
	a.Bytes = append(a.Bytes, '"')
	return nil
}

// CursorToken lays out the text of a cursor as Postgres's json_build_object
// would write it: paths that begin alike share their objects.
func CursorToken(paths []plan.CursorPath, part func(i int) (cell int, encode Encoder)) *Token {
	root := &cursorObject{leaf: -1}
	for i, path := range paths {
		at := root
		for _, step := range path {
			at = at.member(step)
		}
		if at.leaf < 0 {
			at.leaf = i
		}
	}
	t := &Token{}
	text := t.object(nil, root, part)
	t.Parts = append(t.Parts, TokenPart{Text: text, Cell: -1})
	return t
}

type cursorObject struct {
	keys    []string
	members []*cursorObject
	// leaf is the index of the path that ends here, -1: none.
	leaf int
}

func (o *cursorObject) member(key string) *cursorObject {
	if i := slices.Index(o.keys, key); i >= 0 {
		return o.members[i]
	}
	m := &cursorObject{leaf: -1}
	o.keys, o.members = append(o.keys, key), append(o.members, m)
	return m
}

// object adds the parts of an object and gives the text that still has no part.
func (t *Token) object(text []byte, o *cursorObject, part func(i int) (int, Encoder)) []byte {
	if o.leaf >= 0 {
		cell, encode := part(o.leaf)
		t.Parts = append(t.Parts, TokenPart{Text: text, Cell: cell, Encode: encode})
		return nil
	}
	text = append(text, '{')
	for i, key := range o.keys {
		if i > 0 {
			text = append(text, ", "...)
		}
		text = orderedjson.AppendString(text, key)
		text = append(text, " : "...)
		text = t.object(text, o.members[i], part)
	}
	return append(text, '}')
}
