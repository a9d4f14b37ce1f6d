package jsonshape

import (
	"bytes"
	"errors"
	"fmt"

	"dovetail/internal/plan"
)

// ErrProjection says that a union's answer isn't what its projection reads.
var ErrProjection = errors.New("the answer of a union doesn't hold what was selected")

// Projector makes values of a lookup's answer from the values of its union's.
// The union's answer is ours (of a database source), so it is not checked as what
// a service sends is; it only must not be read beyond its end.
type Projector struct {
	from, to *Answer
	text     []byte // the value being read
	start    int    // its offset in from
	pos      int    // in text
	hole     int    // the first hole of from at or after pos
	places   []place
}

// place is where the value of a field stands in text; a hole has no bytes.
type place struct {
	start, end int
	hole       int // the first hole at or after start
	isHole     bool
}

// NewProjector makes a projector from a union's answer to a lookup's.
func NewProjector(from, to *Answer) *Projector { return &Projector{from: from, to: to} }

// Value makes the value of an ordinal of the lookup from the value of an ordinal
// of the union. What the source had nothing for stays absent.
func (p *Projector) Value(projection *plan.Projection, from, to int) error {
	span := p.from.Values[from]
	if span.Start == span.End {
		return nil
	}
	p.text, p.start, p.pos = p.from.From(span.Start), span.Start, 0
	if n := span.End - span.Start; len(p.text) >= n {
		p.text = p.text[:n]
	} else {
		p.text = p.from.Text(span)
	}
	p.hole = p.from.firstHole(span.Start)
	start := p.to.Len()
	if err := p.value(projection); err != nil {
		return err
	}
	p.to.Values[to] = Span{Start: start, End: p.to.Len()}
	return nil
}

// value projects the value at pos.
func (p *Projector) value(projection *plan.Projection) error {
	switch p.peek() {
	case '{':
		return p.object(projection)
	case '[':
		return p.list(projection)
	case 'n':
		p.pos += len("null")
		p.to.Bytes = append(p.to.Bytes, "null"...)
		return nil
	}
	return p.misfit("object")
}

func (p *Projector) list(projection *plan.Projection) error {
	p.pos++
	p.to.Bytes = append(p.to.Bytes, '[')
	if p.space(); p.peek() == ']' {
		p.pos++
		p.to.Bytes = append(p.to.Bytes, ']')
		return nil
	}
	for {
		p.space()
		if err := p.value(projection); err != nil {
			return err
		}
		p.space()
		end := p.peek()
		p.pos++
		if end != ',' && end != ']' {
			return p.misfit("list")
		}
		p.to.Bytes = append(p.to.Bytes, end)
		if end == ']' {
			return nil
		}
	}
}

func (p *Projector) object(projection *plan.Projection) error {
	base := len(p.places)
	for range projection.Slots {
		p.places = append(p.places, place{start: -1})
	}
	if err := p.find(p.places[base:]); err != nil {
		return err
	}
	end, after := p.pos, p.hole
	a := p.to
	if a.chunked && len(a.Bytes) >= sealAt {
		a.seal()
	}
	a.Bytes = append(a.Bytes, '{')
	for i := range projection.Members {
		m := &projection.Members[i]
		if i > 0 {
			a.Bytes = append(a.Bytes, ',')
		}
		a.Bytes = append(a.Bytes, m.Prefix...)
		if m.JSON != nil {
			a.Bytes = append(a.Bytes, m.JSON...)
			continue
		}
		at := p.places[base+m.Slot]
		if at.start < 0 {
			return p.misfit(string(m.Prefix))
		}
		switch {
		case m.Join != nil:
			p.fill(m.Join, at)
		case m.Inner == nil:
			a.Bytes = append(a.Bytes, p.text[at.start:at.end]...)
		default:
			p.pos, p.hole = at.start, at.hole
			if err := p.value(m.Inner); err != nil {
				return err
			}
		}
	}
	a.Bytes = append(a.Bytes, '}')
	p.places = p.places[:base]
	p.pos, p.hole = end, after
	return nil
}

// fill leaves the lookup's hole, or what it writes where a part of the key is
// null.
func (p *Projector) fill(j *plan.Join, at place) {
	if !at.isHole {
		p.to.Bytes = append(p.to.Bytes, j.OnNull...)
		return
	}
	begin := p.to.BeginKey()
	for i := range j.Keys {
		p.to.KeyText(p.from.KeyPartText(p.from.Holes[at.hole], i))
	}
	p.to.PutHole(j.Index, begin)
}

// find notes where the numbered members of the object at pos stand, and goes to
// its end.
func (p *Projector) find(places []place) error {
	p.pos++
	if p.space(); p.peek() == '}' {
		p.pos++
		return nil
	}
	for {
		slot, ok := p.slot()
		if !ok {
			return p.misfit("key")
		}
		at := place{start: p.pos, hole: p.hole}
		if p.atHole() {
			at.isHole = true
			p.hole++
		} else {
			p.space()
			at.start = p.pos
			if !p.skip() {
				return p.misfit("value")
			}
		}
		at.end = p.pos
		if slot < len(places) {
			places[slot] = at
		}
		end := p.peek()
		if end != ',' && end != '}' {
			p.space()
			end = p.peek()
		}
		p.pos++
		switch end {
		case '}':
			return nil
		case ',':
		default:
			return p.misfit("object")
		}
	}
}

// slot reads a key and the colon after it. Keys that are no numbers are nobody's.
func (p *Projector) slot() (int, bool) {
	p.space()
	text, pos := p.text, p.pos
	if pos >= len(text) || text[pos] != '"' {
		return 0, false
	}
	slot := 0
	for pos++; pos < len(text) && text[pos] != '"'; pos++ {
		digit := int(text[pos]) - '0'
		switch {
		case text[pos] == '\\':
			return 0, false
		case digit < 0 || digit > 9 || slot >= noSlot:
			slot = noSlot
		default:
			slot = slot*10 + digit
		}
	}
	p.pos = pos + 1
	p.space()
	if p.peek() != ':' {
		return 0, false
	}
	p.pos++
	return slot, true
}

// noSlot is beyond the members that any object has.
const noSlot = 1 << 24

func (p *Projector) atHole() bool {
	return p.hole < len(p.from.Holes) && p.from.Holes[p.hole].Offset == p.start+p.pos
}

// skip goes to the end of the value at pos, and past the holes inside.
func (p *Projector) skip() bool {
	text, pos := p.text, p.pos
	switch p.peek() {
	case '"':
		p.pos = endOfString(text, pos)
		return p.pos > 0
	case '{', '[':
		if p.pos = endOfNested(text, pos); p.pos == 0 {
			return false
		}
		for p.hole < len(p.from.Holes) && p.from.Holes[p.hole].Offset < p.start+p.pos {
			p.hole++
		}
		return true
	}
	for pos < len(text) && !ends[text[pos]] {
		pos++
	}
	some := pos > p.pos
	p.pos = pos
	return some
}

// ends are the bytes that end a number or a word.
var ends = [256]bool{',': true, ']': true, '}': true, ' ': true, '\t': true, '\r': true, '\n': true} //nolint:gochecknoglobals // a table

// endOfNested gives the position after the object or list at pos, 0 when it has no
// end.
func endOfNested(text []byte, pos int) int {
	for depth := 0; pos < len(text); {
		switch text[pos] {
		case '"':
			if pos = endOfString(text, pos); pos == 0 {
				return 0
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		pos++
		if depth == 0 {
			return pos
		}
	}
	return 0
}

// endOfString gives the position after the string at pos, 0 when it has no end.
func endOfString(text []byte, pos int) int {
	for at := pos + 1; ; {
		n := bytes.IndexByte(text[at:], '"')
		if n < 0 {
			return 0
		}
		at += n + 1
		escapes := 0
		for text[at-2-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return at
		}
	}
}

func (p *Projector) space() {
	for p.pos < len(p.text) && p.text[p.pos] <= ' ' {
		p.pos++
	}
}

// peek is the byte at pos, 0 at the end.
func (p *Projector) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

func (p *Projector) misfit(what string) error {
	return fmt.Errorf("%w: %s at %d", ErrProjection, what, p.start+p.pos)
}
