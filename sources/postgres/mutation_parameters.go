package postgres

import (
	"errors"

	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
)

var errNoRegister = errors.New("the parameter belongs to a statement of a mutation")

// columnText is the array literal of a column's values: a list, or a member of
// every object of a list.
func (s *parameterSource) columnText(args *plan.Arguments) ([]byte, error) {
	list, err := args.Resolve(s.value)
	if err != nil {
		return nil, err
	}
	items := list.Items
	if list.Kind != orderedjson.Array {
		items = []orderedjson.Value{list}
	}
	element := parameterSource{form: s.element}
	out := make([]byte, 0, 2+len(items)*12)
	out = append(out, '{')
	for i, item := range items {
		if i > 0 {
			out = append(out, ',')
		}
		if s.member != "" {
			item, _ = item.Get(s.member)
		}
		text, err := element.encode(item, false)
		switch {
		case err != nil:
			return nil, err
		case text == nil:
			out = append(out, "NULL"...)
		default:
			out = appendArrayElement(out, string(text))
		}
	}
	return append(out, '}'), nil
}
