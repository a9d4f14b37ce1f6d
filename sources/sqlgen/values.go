package sqlgen

import (
	"maps"
	"slices"

	"dovetail/plan"
)

// SameValue tells whether two values are the same for every request, so that
// one parameter serves for both.
func SameValue(a, b plan.Value) bool {
	switch a := a.(type) {
	case *plan.Variable:
		b, ok := b.(*plan.Variable)
		return ok && a.Name == b.Name && slices.Equal(a.Path, b.Path)
	case *plan.SessionVariable:
		b, ok := b.(*plan.SessionVariable)
		return ok && a.Name == b.Name
	case *plan.Literal, *plan.ListValue, *plan.ObjectValue, *plan.BindingValue, *plan.Token, *plan.RemoteEnum:
	}
	return a == b
}

// SessionJSON is all session variables as one JSON object.
func SessionJSON(args *plan.Arguments) []byte {
	b := []byte{'{'}
	for i, name := range slices.Sorted(maps.Keys(args.Session)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = plan.AppendJSONString(b, name)
		b = append(b, ':')
		b = plan.AppendJSONString(b, args.Session[name])
	}
	return append(b, '}')
}
