package jsonshape

import (
	"sort"
	"sync"
)

// Large answers are kept in chunks: nothing is copied as they grow, and the
// chunks of one request serve the next. The last object of a chunk may exceed
// it.
const (
	chunkSize = 64 << 10
	sealAt    = chunkSize - 4<<10
	// A reused answer keeps no more than this many holes and values.
	maxReused = 1 << 14
)

// chunk is a full stretch of an answer.
type chunk struct {
	bytes []byte
	start int // offset in the answer
}

//nolint:gochecknoglobals // pools are shared by their nature
var (
	answers = sync.Pool{New: func() any { return &Answer{chunked: true} }}
	chunks  = sync.Pool{New: func() any { return new([chunkSize]byte) }}
)

// Borrow is NewAnswer with memory that Release gives back.
func Borrow(n int) *Answer {
	a := answers.Get().(*Answer) //nolint:forcetypeassert // the pool holds nothing else
	if n <= cap(a.Values) {
		a.Values = a.Values[:n]
		clear(a.Values)
	} else {
		a.Values = make([]Span, n)
	}
	a.Bytes = chunks.Get().(*[chunkSize]byte)[:0] //nolint:forcetypeassert // the pool holds nothing else
	return a
}

// Release gives back the memory of an answer that Borrow gave; nothing of it may
// be used any more. Of other answers it does nothing.
func (a *Answer) Release() {
	if !a.chunked {
		return
	}
	for _, c := range a.sealed {
		reuse(c.bytes)
	}
	reuse(a.Bytes)
	clear(a.sealed)
	*a = Answer{
		Values: reset(a.Values), Holes: reset(a.Holes), keys: reset(a.keys), ends: reset(a.ends),
		sealed: reset(a.sealed), chunked: true,
	}
	answers.Put(a)
}

func reset[T any](s []T) []T {
	if cap(s) > maxReused {
		return nil
	}
	return s[:0]
}

// reuse keeps chunks that have not outgrown their array.
func reuse(b []byte) {
	if cap(b) == chunkSize {
		chunks.Put((*[chunkSize]byte)(b[:chunkSize]))
	}
}

// seal starts another chunk.
func (a *Answer) seal() {
	a.sealed = append(a.sealed, chunk{bytes: a.Bytes, start: a.base})
	a.base += len(a.Bytes)
	a.Bytes = chunks.Get().(*[chunkSize]byte)[:0] //nolint:forcetypeassert // the pool holds nothing else
}

// Len is the number of bytes written.
func (a *Answer) Len() int { return a.base + len(a.Bytes) }

// From gives the bytes from an offset on, as many as stand together. The bytes
// belong to the answer.
func (a *Answer) From(offset int) []byte {
	if offset >= a.base {
		return a.Bytes[offset-a.base:]
	}
	i := sort.Search(len(a.sealed), func(i int) bool { return a.sealed[i].start > offset }) - 1
	return a.sealed[i].bytes[offset-a.sealed[i].start:]
}

// Text is a copy of a stretch.
func (a *Answer) Text(s Span) []byte {
	out := make([]byte, 0, s.End-s.Start)
	for at := s.Start; at < s.End; at = s.Start + len(out) {
		p := a.From(at)
		out = append(out, p[:min(len(p), s.End-at)]...)
	}
	return out
}
