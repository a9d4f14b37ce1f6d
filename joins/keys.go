package joins

import (
	"encoding/binary"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
)

// NoKey is the ordinal of a hole whose key can match nothing.
const NoKey = -1

// KeySet holds the distinct key tuples of one join, each with its ordinal.
// Tuples are equal when their texts are: the source decides whether two texts
// mean the same value, so at worst a value is asked for twice.
type KeySet struct {
	width int
	// rows is the number of tuples.
	rows    int
	index   map[string]int32
	cells   []string // in the other side's form
	own     []string // as this side wrote them
	scratch []byte
}

// NewKeySet makes an empty set of tuples of the given width.
func NewKeySet(width int) *KeySet {
	return &KeySet{width: width, index: map[string]int32{}}
}

// Len is the number of distinct tuples.
func (k *KeySet) Len() int { return k.rows }

// Tuple is the i-th tuple, in the form of the other side.
func (k *KeySet) Tuple(i int) []string { return k.cells[i*k.width : (i+1)*k.width] }

// Original is the i-th tuple as this side wrote it.
func (k *KeySet) Original(i int) []string { return k.own[i*k.width : (i+1)*k.width] }

// Identity is a text that is equal for equal tuples only.
func Identity(tuple []string) string {
	if len(tuple) == 1 {
		return tuple[0]
	}
	var b []byte
	for _, part := range tuple {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	return string(b)
}

// add gives the ordinal of the tuple of a hole, or NoKey when a part's text
// can't be a value of the other side.
func (k *KeySet) add(a *jsonshape.Answer, h jsonshape.Hole, join *plan.Join) int32 {
	keys, bindings := join.Keys, join.Child.Bindings
	if k.width == 1 {
		text := a.KeyPartText(h, 0)
		if i, ok := k.index[string(text)]; ok {
			return i
		}
		own := string(text)
		cast, ok := castKey(keys[0].Cast, bindings[0].Type, own)
		if !ok {
			k.index[own] = NoKey
			return NoKey
		}
		return k.insert(own, []string{own}, []string{cast})
	}
	k.scratch = k.scratch[:0]
	for i := range keys {
		text := a.KeyPartText(h, i)
		k.scratch = binary.AppendUvarint(k.scratch, uint64(len(text)))
		k.scratch = append(k.scratch, text...)
	}
	if i, ok := k.index[string(k.scratch)]; ok {
		return i
	}
	identity := string(k.scratch)
	tuple, own := make([]string, len(keys)), make([]string, len(keys))
	for i := range keys {
		own[i] = string(a.KeyPartText(h, i))
		cast, ok := castKey(keys[i].Cast, bindings[i].Type, own[i])
		if !ok {
			k.index[identity] = NoKey
			return NoKey
		}
		tuple[i] = cast
	}
	return k.insert(identity, own, tuple)
}

func (k *KeySet) insert(identity string, own, tuple []string) int32 {
	ordinal := int32(k.rows)
	k.rows++
	k.index[identity] = ordinal
	k.own = append(k.own, own...)
	k.cells = append(k.cells, tuple...)
	return ordinal
}
