package plan

import "iter"

// RootFragments gives the fragments of the roots, in response order; a fragment
// that answers several roots comes once for each.
func (p *Plan) RootFragments() iter.Seq[*Fragment] {
	return func(yield func(*Fragment) bool) { rootFragments(p.Roots, yield) }
}

func rootFragments(roots []Root, yield func(*Fragment) bool) bool {
	for _, r := range roots {
		switch n := r.Node.(type) {
		case *Static:
		case *Namespace:
			if !rootFragments(n.Roots, yield) {
				return false
			}
		case *Fetch:
			if !yield(n.Fragment) {
				return false
			}
		}
	}
	return true
}
