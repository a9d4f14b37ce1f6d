package planner

import (
	"context"
	"errors"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/sources"
)

// DefaultMaxNodes is how many nodes one plan may be made of unless a setting says
// otherwise: selected fields, once fragments have been spread, and input values.
const DefaultMaxNodes = 200_000

// checkEvery is how many nodes are planned between two looks at the context.
const checkEvery = 256

// budget bounds the work and the memory that making one plan takes: a short text
// may stand for any number of fields, since fragments spread others.
type budget struct {
	ctx   context.Context //nolint:containedctx // planning lives as long as its context
	max   int
	spent int
	// checked is how much had been spent when the context was looked at last.
	checked int
}

// spend counts nodes about to be planned.
func (b *budget) spend(nodes int, path string) error {
	b.spent += nodes
	if b.spent > b.max {
		return invalid(path, "the operation has more than the %d fields and input values that one may have, those of spread fragments included", b.max)
	}
	if b.spent-b.checked >= checkEvery {
		b.checked = b.spent
		return b.live()
	}
	return nil
}

// live fails when the operation has been given up or has taken too long.
func (b *budget) live() error {
	err := b.ctx.Err()
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return &sources.Error{Code: sources.CodeTimeout, Message: "the operation took longer than allowed", Cause: err}
	}
	return &sources.Error{Code: sources.CodeUnexpected, Message: "the operation was cancelled", Cause: err}
}

// size counts a literal's values.
func size(v *ast.Value) int {
	n := 1
	for _, c := range v.Children {
		n += size(c.Value)
	}
	return n
}
