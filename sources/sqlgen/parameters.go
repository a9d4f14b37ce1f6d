package sqlgen

import (
	"strings"

	"dovetail/internal/plan"
)

// ParameterIndex finds the parameters of a statement that may be the same as
// another one, so that those of a long list needn't be held against each other.
type ParameterIndex struct {
	seen   int
	byKey  map[any][]int
	keyFor func(plan.Value) any
}

// NewParameterIndex makes an index; values that are the same must have equal keys.
func NewParameterIndex(key func(plan.Value) any) ParameterIndex {
	return ParameterIndex{byKey: map[any][]int{}, keyFor: key}
}

// Reset begins another statement.
func (x *ParameterIndex) Reset() {
	x.seen = 0
	clear(x.byKey)
}

// Find gives the place of the parameter that is the same as one with a value, among
// count parameters whose values the function gives.
func (x *ParameterIndex) Find(value plan.Value, count int, at func(int) plan.Value, same func(int) bool) (int, bool) {
	for ; x.seen < count; x.seen++ {
		key := x.keyFor(at(x.seen))
		x.byKey[key] = append(x.byKey[key], x.seen)
	}
	for _, i := range x.byKey[x.keyFor(value)] {
		if same(i) {
			return i, true
		}
	}
	return 0, false
}

type (
	variableKey struct{ name, path string }
	sessionKey  string
)

// ValueKey is equal for values for which SameValue holds.
func ValueKey(v plan.Value) any {
	switch v := v.(type) {
	case *plan.Variable:
		return variableKey{v.Name, strings.Join(v.Path, "\x00")}
	case *plan.SessionVariable:
		return sessionKey(v.Name)
	case *plan.Literal, *plan.ListValue, *plan.ObjectValue, *plan.BindingValue, *plan.Token, *plan.RemoteEnum:
	}
	return v
}
