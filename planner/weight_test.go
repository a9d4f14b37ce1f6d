package planner_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"dovetail/planner"
)

// heap is how many bytes are in use.
func heap() int {
	runtime.GC()
	runtime.GC() // what pools held, too
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc) //nolint:gosec // far below the bound
}

// TestWeights holds what operations are said to weigh against the memory they
// take.
func TestWeights(t *testing.T) {
	s := bombWorld(t)
	repeat := func(n int, text string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(strings.ReplaceAll(text, "#", fmt.Sprint(i)))
		}
		return b.String()
	}
	for name, text := range map[string]string{
		"small":           `{ person { id name } }`,
		"roots":           `{` + repeat(500, ` f#: person { id name }`) + ` }`,
		"fields":          `{ person {` + repeat(2000, ` f#: name`) + ` } }`,
		"nested":          `{ person {` + repeat(500, ` f#: above { id above { name } }`) + ` } }`,
		"values":          `{ person(where: {_or: [` + repeat(1000, ` {id: {_eq: #}}`) + `]}) { id } }`,
		"roots of values": `{` + repeat(300, ` f#: person(where: {id: {_eq: #}, name: {_like: "a#"}}, limit: 1) { id name }`) + ` }`,
		"fragments":       `{ person { ` + repeat(6, `a#: above { ...F } `) + ` } } fragment F on person {` + repeat(200, ` f#: name`) + ` }`,
		"bomb":            fragmentBomb(9),
		"introspection":   introspection,
	} {
		t.Run(name, func(t *testing.T) {
			const copies = 40
			kept := make([]*planner.Operation, copies)
			prepare := func(i int) {
				text := text + strings.Repeat(" ", i)
				operation, err := planner.Prepare(s, text, "")
				if err != nil {
					t.Fatal(err)
				}
				if _, err := operation.Plan(t.Context(), nil, 0); err != nil {
					t.Fatal(err)
				}
				kept[i] = operation
			}
			prepare(0) // has the schema make its types
			before := heap()
			for i := range copies {
				prepare(i)
			}
			held := (heap() - before) / (copies - 1)
			said := kept[0].Weight()
			t.Logf("%d bytes of text: holds %d, said %d (%.2f)", len(text), held, said, float64(said)/float64(held))
			if said < held/2 || said > held*4 {
				t.Errorf("holds %d bytes, is said to weigh %d", held, said)
			}
			runtime.KeepAlive(kept)
		})
	}
}
