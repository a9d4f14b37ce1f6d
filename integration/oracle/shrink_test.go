package oracle_test

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// shrink makes a failing case small: parts are left out as long as it is valid
// and fails in the same way.
func (b *bench) shrink(ctx context.Context, x *example, f *failure, budget time.Duration) (*example, *failure) {
	deadline := time.Now().Add(budget)
	for again := true; again; {
		again = false
		for _, edits := range []func(any) []any{editsOf("Request"), editsOf("World")} {
			for changed := true; changed; {
				changed = false
				for _, candidate := range edits(x.tree()) {
					if time.Now().After(deadline) || ctx.Err() != nil {
						return x, f
					}
					smaller, ok := exampleOf(candidate)
					if !ok || !smaller.valid() {
						continue
					}
					if g, err := b.check(ctx, smaller.World, smaller.Request); err == nil && g != nil && g.kind == f.kind {
						x, f, changed, again = smaller, g, true, true
						break
					}
				}
			}
		}
	}
	return x, f
}

func (x *example) tree() any {
	text, err := json.Marshal(x)
	if err != nil {
		panic(err) // plain data always has a form
	}
	var out any
	if err := json.Unmarshal(text, &out); err != nil {
		panic(err)
	}
	return out
}

func exampleOf(tree any) (*example, bool) {
	text, err := json.Marshal(tree)
	if err != nil {
		return nil, false
	}
	out := &example{}
	return out, json.Unmarshal(text, out) == nil
}

// editsOf gives the trees with something left out below a key of the root.
func editsOf(key string) func(any) []any {
	return func(tree any) []any {
		root, _ := tree.(map[string]any)
		var out []any
		for _, edited := range without(root[key]) {
			changed := maps.Clone(root)
			changed[key] = edited
			out = append(out, changed)
		}
		return out
	}
}

// without gives a tree's copies with one thing left out, larger things first.
func without(tree any) []any {
	var out []any
	switch tree := tree.(type) {
	case []any:
		if n := len(tree); n > 3 {
			out = append(out, slices.Clone(tree[n/2:]), slices.Clone(tree[:n/2]))
		}
		for i := range tree {
			out = append(out, slices.Delete(slices.Clone(tree), i, i+1))
		}
		for i, item := range tree {
			for _, edited := range without(item) {
				changed := slices.Clone(tree)
				changed[i] = edited
				out = append(out, changed)
			}
		}
	case map[string]any:
		// A condition may be one of its parts.
		if parts, ok := tree["Parts"].([]any); ok && tree["Op"] != nil {
			out = append(out, parts...)
		}
		for _, key := range slices.Sorted(maps.Keys(tree)) {
			changed := maps.Clone(tree)
			switch value := tree[key].(type) {
			case nil:
				continue
			case bool:
				if !value {
					continue
				}
				changed[key] = false
				out = append(out, changed)
			case map[string]any:
				changed[key] = nil
				out = append(out, changed)
			}
		}
		if role, ok := tree["Role"]; ok && role != admin {
			changed := maps.Clone(tree)
			changed["Role"] = admin
			out = append(out, changed)
		}
		for _, key := range []string{"Limit", "Offset"} {
			if tree[key] != nil {
				changed := maps.Clone(tree)
				changed[key] = nil
				out = append(out, changed)
			}
		}
		for _, key := range slices.Sorted(maps.Keys(tree)) {
			for _, edited := range without(tree[key]) {
				changed := maps.Clone(tree)
				changed[key] = edited
				out = append(out, changed)
			}
		}
	}
	return out
}
