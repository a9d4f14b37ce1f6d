package planner

import (
	"math"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// Size is how large an operation is, whatever it answers. Introspection does
// not count.
type Size struct {
	// Depth is how deep fields with selection sets are nested.
	Depth int
	// Nodes is how many fields with selection sets there are.
	Nodes int
}

// Size measures the operation.
func (o *Operation) Size() Size {
	m := measure{document: o.document, fragments: map[string]Size{}}
	return m.set(o.document.Operation.SelectionSet)
}

// measure remembers fragments: they may be spread more often than can be
// counted one by one.
type measure struct {
	document  *Document
	fragments map[string]Size
}

func (m *measure) set(set ast.SelectionSet) Size {
	var out Size
	for _, selection := range set {
		var part Size
		switch n := selection.(type) {
		case *ast.Field:
			if len(n.SelectionSet) == 0 || strings.HasPrefix(n.Name, "__") {
				continue
			}
			part = m.set(n.SelectionSet)
			part.Depth, part.Nodes = part.Depth+1, sum(part.Nodes, 1)
		case *ast.InlineFragment:
			part = m.set(n.SelectionSet)
		case *ast.FragmentSpread:
			known, ok := m.fragments[n.Name]
			if !ok {
				if f, found := m.document.Fragment(n.Name); found {
					known = m.set(f.SelectionSet)
				}
				m.fragments[n.Name] = known
			}
			part = known
		}
		out = Size{Depth: max(out.Depth, part.Depth), Nodes: sum(out.Nodes, part.Nodes)}
	}
	return out
}

// sum adds without overflowing.
func sum(a, b int) int {
	if a > math.MaxInt-b {
		return math.MaxInt
	}
	return a + b
}
