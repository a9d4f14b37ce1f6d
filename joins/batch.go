package joins

import (
	"sort"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
)

// Batch is what one fetch of a fragment answered, chunk by chunk, together with
// what its holes are filled with.
type Batch struct {
	Fragment *plan.Fragment
	Answers  []*jsonshape.Answer
	// ordinals[chunk][hole] is the hole's ordinal in its join's key set.
	ordinals [][]int32
	// values[join][ordinal] fills the holes of that key.
	values [][]Value
}

// Value is a JSON value to be spliced in: an ordinal of a batch's chunk, or
// bytes.
type Value struct {
	Batch          *Batch
	Chunk, Ordinal int
	Literal        []byte
}

// Collect gathers the distinct keys of every join of the batch, in order of
// first appearance. It must be called once, before Fill.
func (b *Batch) Collect() []*KeySet {
	joins := b.Fragment.Joins
	if len(joins) == 0 {
		for _, a := range b.Answers {
			if len(a.Holes) > 0 {
				panic("a hole of a fragment without joins")
			}
		}
		return nil
	}
	sets := make([]*KeySet, len(joins))
	for i, j := range joins {
		sets[i] = NewKeySet(len(j.Keys))
	}
	b.values = make([][]Value, len(joins))
	b.ordinals = make([][]int32, len(b.Answers))
	for c, a := range b.Answers {
		ordinals := make([]int32, len(a.Holes))
		for i, h := range a.Holes {
			ordinals[i] = sets[h.Join].add(a, h, joins[h.Join])
		}
		b.ordinals[c] = ordinals
	}
	return sets
}

// Fill sets the values of a join, one per ordinal of its key set. Different
// joins may be filled at the same time.
func (b *Batch) Fill(join int, values []Value) { b.values[join] = values }

// WriteTo hands the value's stretches, in order, to write. The bytes belong to
// the answers.
func (v Value) WriteTo(write func(p []byte)) {
	if v.Batch == nil {
		write(v.Literal)
		return
	}
	a := v.Batch.Answers[v.Chunk]
	span := a.Values[v.Ordinal]
	if span.Start == span.End {
		write([]byte("null"))
		return
	}
	at := span.Start
	first := sort.Search(len(a.Holes), func(i int) bool { return a.Holes[i].Offset > span.Start })
	for i := first; i < len(a.Holes) && a.Holes[i].Offset < span.End; i++ {
		h := a.Holes[i]
		stretch(write, a, at, h.Offset)
		at = h.Offset
		v.Batch.hole(v.Chunk, i).WriteTo(write)
	}
	stretch(write, a, at, span.End)
}

// stretch writes the bytes of an answer between two offsets.
func stretch(write func(p []byte), a *jsonshape.Answer, from, to int) {
	for from < to {
		p := a.From(from)
		p = p[:min(len(p), to-from)]
		write(p)
		from += len(p)
	}
}

func (b *Batch) hole(chunk, hole int) Value {
	h := b.Answers[chunk].Holes[hole]
	if chunk >= len(b.ordinals) || hole >= len(b.ordinals[chunk]) {
		return Value{Literal: []byte("null")} // collecting broke off: what is there is written all the same
	}
	ordinal := b.ordinals[chunk][hole]
	values := b.values[h.Join]
	if ordinal == NoKey || int(ordinal) >= len(values) {
		return Value{Literal: b.Fragment.Joins[h.Join].OnNull}
	}
	return values[ordinal]
}
