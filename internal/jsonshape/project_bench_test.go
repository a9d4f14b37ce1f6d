package jsonshape

import (
	"fmt"
	"testing"

	"dovetail/internal/plan"
)

// BenchmarkProject makes the values of a lookup from those of its union: 5,000
// objects of five members, of which two are wanted.
func BenchmarkProject(b *testing.B) {
	const ordinals = 5000
	from := NewAnswer(ordinals)
	for i := range from.Values {
		start := len(from.Bytes)
		from.Bytes = fmt.Appendf(from.Bytes, `{"0":"author %d","1":"1950-01-01","2":"%d@example.com","3":%d,"4":"Germany"}`, i, i, i)
		from.Values[i] = Span{Start: start, End: len(from.Bytes)}
	}
	projection := &plan.Projection{Slots: 3, Members: []plan.ProjectedMember{plan.NewProjectedMember("email", 2), plan.NewProjectedMember("name", 0)}}
	b.SetBytes(int64(len(from.Bytes)))
	for b.Loop() {
		to := Borrow(ordinals)
		p := NewProjector(from, to)
		for i := range ordinals {
			if err := p.Value(projection, i, i); err != nil {
				b.Fatal(err)
			}
		}
		to.Release()
	}
}
