package executor

import (
	"fmt"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/sources"
)

// represent writes a list of representations: a hole for each, which the join of
// its type fills.
func represent(q *plan.Representations, args *plan.Arguments, out *jsonshape.Answer) error {
	list, err := args.Resolve(q.List)
	if err != nil {
		return err
	}
	start := out.Len()
	out.Bytes = append(out.Bytes, '[')
	for i, r := range plan.RepresentationsOf(list) {
		if i > 0 {
			out.Bytes = append(out.Bytes, ',')
		}
		entity, key, ok := q.Find(r)
		switch {
		case !ok:
			return &sources.Error{Code: sources.CodeUnexpected, Message: fmt.Sprintf("representation %d is of no planned type", i)}
		case key == nil:
			out.Bytes = append(out.Bytes, "null"...)
		default:
			begin := out.BeginKey()
			for _, part := range key {
				out.KeyText([]byte(part))
			}
			out.PutHole(entity, begin)
		}
	}
	out.Bytes = append(out.Bytes, ']')
	out.Values[0] = jsonshape.Span{Start: start, End: out.Len()}
	return nil
}
