package orderedjson

import "slices"

// fewKeys are compared one with the other; more are found by a table.
const fewKeys = 16

// WithoutRepeats is the value with each key of its objects once: the last value
// counts, as for Get. What is handed on can then not be read in two ways.
func (j Value) WithoutRepeats() Value {
	var items []Value
	for i, item := range j.Items {
		if item.Kind != Object && item.Kind != Array {
			continue
		}
		clean := item.WithoutRepeats()
		if !sameItems(clean, item) {
			if items == nil {
				items = slices.Clone(j.Items)
			}
			items[i] = clean
		}
	}
	if items != nil {
		j.Items = items
	}
	if j.Kind != Object || !repeats(j.Keys) {
		return j
	}
	out := Value{Kind: Object}
	seen := make(map[string]bool, len(j.Keys))
	for i, key := range slices.Backward(j.Keys) {
		if !seen[key] {
			seen[key] = true
			out.Keys, out.Items = append(out.Keys, key), append(out.Items, j.Items[i])
		}
	}
	slices.Reverse(out.Keys)
	slices.Reverse(out.Items)
	return out
}

// sameItems reports whether a value was left as it is.
func sameItems(a, b Value) bool {
	return len(a.Items) == len(b.Items) && (len(a.Items) == 0 || &a.Items[0] == &b.Items[0])
}

// repeats reports whether a key is there twice.
func repeats(keys []string) bool {
	if len(keys) <= fewKeys {
		for i, key := range keys {
			if slices.Contains(keys[:i], key) {
				return true
			}
		}
		return false
	}
	seen := make(map[string]bool, len(keys))
	for _, key := range keys {
		if seen[key] {
			return true
		}
		seen[key] = true
	}
	return false
}
