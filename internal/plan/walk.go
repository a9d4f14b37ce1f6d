package plan

import "slices"

// RootFragments lists the fragments of the roots, in response order, each once:
// one that answers several roots stands where its first root does.
func (p *Plan) RootFragments() []*Fragment { return rootFragments(p.Roots, nil) }

func rootFragments(roots []Root, out []*Fragment) []*Fragment {
	for _, r := range roots {
		switch n := r.Node.(type) {
		case *Static:
		case *Namespace:
			out = rootFragments(n.Roots, out)
		case *Fetch:
			if !slices.Contains(out, n.Fragment) {
				out = append(out, n.Fragment)
			}
		}
	}
	return out
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
