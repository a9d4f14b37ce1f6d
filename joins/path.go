package joins

import (
	"slices"

	"dovetail/internal/jsonshape"
)

// Step is one part of a response path: a name, or a list index.
type Step struct {
	Name  string
	Index int
	List  bool
}

// Place is where a hole stands: a value of a batch, and the path inside of it.
type Place struct {
	Chunk, Ordinal int
	// Hole is its index in the chunk's answer: holes stand in the answer's order.
	Hole int
	Path []Step
}

// FirstHole finds the first hole of some joins that is filled with a value of
// their child, or, when its ordinal is negative, with any of its chunk. It is used
// for errors only.
func (b *Batch) FirstHole(child Value, of ...int) (Place, bool) {
	for c, a := range b.Answers {
		for i, h := range a.Holes {
			if !slices.Contains(of, h.Join) {
				continue
			}
			v := b.hole(c, i)
			if v.Batch != child.Batch || v.Chunk != child.Chunk || v.Ordinal != child.Ordinal && child.Ordinal >= 0 {
				continue
			}
			for o, span := range a.Values {
				if span.Start < h.Offset && h.Offset < span.End {
					return Place{Chunk: c, Ordinal: o, Hole: i, Path: pathTo(a.Text(jsonshape.Span{Start: span.Start, End: h.Offset}))}, true
				}
			}
		}
	}
	return Place{}, false
}

// pathTo gives the path that leads to the end of a prefix of a JSON value. The
// prefix was written by us, so it is well-formed, but for spliced holes: a
// member whose value is a hole has no bytes.
func pathTo(prefix []byte) []Step {
	var stack []Step
	for i := 0; i < len(prefix); i++ {
		switch prefix[i] {
		case '[':
			stack = append(stack, Step{List: true})
		case '{':
			stack = append(stack, Step{})
		case ']', '}':
			if len(stack) > 0 {
				stack = stack[:len(stack)-1]
			}
		case ',':
			if n := len(stack); n > 0 && stack[n-1].List {
				stack[n-1].Index++
			}
		case '"':
			start := i + 1
			for i++; i < len(prefix) && prefix[i] != '"'; i++ {
				if prefix[i] == '\\' {
					i++
				}
			}
			end := min(i, len(prefix))
			if n := len(stack); n > 0 && !stack[n-1].List && i+1 < len(prefix) && prefix[i+1] == ':' {
				stack[n-1].Name = string(prefix[start:end])
			}
		}
	}
	return stack
}
