package jsonshape

import "sort"

// Answer is what a source answers for one statement: one JSON value per
// ordinal of the binding set, with holes.
type Answer struct {
	// Bytes is what has been written; of an answer that Borrow gave, only what
	// comes after its sealed chunks. From reads both.
	Bytes []byte
	// Values holds the stretch of each ordinal; an empty stretch means that the
	// source had nothing for it.
	Values []Span
	// Holes stand in ascending order of Offset.
	Holes []Hole
	// Cookies are what a remote schema wants its client to keep: values of
	// Set-Cookie.
	Cookies []string
	// keys holds the texts of the holes' key tuples.
	keys []byte
	ends []int32 // end offsets in keys of each key part

	// chunked: Bytes is sealed when it is full instead of growing.
	chunked bool
	sealed  []chunk
	base    int // offset of Bytes in the answer
}

// Span is a stretch [Start, End) of an answer's bytes.
type Span struct{ Start, End int }

// Hole is a place in an answer where a join's value belongs.
type Hole struct {
	// Offset in the answer's bytes before which the value is spliced in.
	Offset int
	// Join is the index of the join in the fragment's Joins.
	Join int
	// firstPart is the index of the first key part in ends.
	firstPart int
}

// NewAnswer makes an answer for the ordinals 0..n-1, all of whose bytes are in
// Bytes.
func NewAnswer(n int) *Answer {
	return &Answer{Values: make([]Span, n)}
}

// BeginKey starts the key tuple of a hole; parts follow with KeyPart and the
// hole is placed by PutHole or given up by DropKey.
func (a *Answer) BeginKey() int { return len(a.ends) }

// KeyText appends one part of the key tuple that BeginKey started.
func (a *Answer) KeyText(text []byte) {
	a.keys = append(a.keys, text...)
	a.ends = append(a.ends, int32(len(a.keys)))
}

// DropKey gives up the key tuple that BeginKey started.
func (a *Answer) DropKey(begin int) {
	a.ends = a.ends[:begin]
	if begin == 0 {
		a.keys = a.keys[:0]
	} else {
		a.keys = a.keys[:a.ends[begin-1]]
	}
}

// PutHole leaves a hole at the end of Bytes for the tuple that BeginKey
// started.
func (a *Answer) PutHole(join, begin int) {
	a.Holes = append(a.Holes, Hole{Offset: a.Len(), Join: join, firstPart: begin})
}

// KeyPartText is the text of part i of a hole's key tuple. The bytes belong to
// the answer.
func (a *Answer) KeyPartText(h Hole, i int) []byte {
	at := h.firstPart + i
	start := int32(0)
	if at > 0 {
		start = a.ends[at-1]
	}
	return a.keys[start:a.ends[at]]
}

// firstHole is the index of the first hole at or after an offset.
func (a *Answer) firstHole(offset int) int {
	return sort.Search(len(a.Holes), func(i int) bool { return a.Holes[i].Offset >= offset })
}
