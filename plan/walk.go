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

// Below lists the fragments that hang below a fragment: those of its key sets,
// which run before it, and those of its joins, which run after it.
func (f *Fragment) Below() []*Fragment {
	var out []*Fragment
	for _, k := range f.KeySets {
		if k.Candidates != nil {
			out = append(out, k.Candidates)
		}
		out = append(out, k.Fragment)
	}
	for _, j := range f.Joins {
		if !j.KeysOnly {
			out = append(out, j.Child)
		}
	}
	return out
}
