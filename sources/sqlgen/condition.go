package sqlgen

import (
	"fmt"
	"slices"

	"dovetail/internal/plan"
)

// CompilePredicate turns a predicate into a condition.
type CompilePredicate func(plan.Predicate) (Expression, error)

// All is a condition that holds where all predicates do.
func (d *Dialect) All(parts []plan.Predicate, compile CompilePredicate) (Expression, error) {
	var out []Expression
	for _, part := range parts {
		e, err := compile(part)
		if err != nil {
			return nil, err
		}
		out = append(out, d.Conjuncts(e)...)
	}
	return joined(out, d.Always, And), nil
}

// Any is a condition that holds where one of the predicates does.
func (d *Dialect) Any(parts []plan.Predicate, compile CompilePredicate) (Expression, error) {
	var out []Expression
	for _, part := range parts {
		e, err := compile(part)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return joined(out, d.Never, Or), nil
}

func joined(parts []Expression, none Keyword, join func(...Expression) Expression) Expression {
	switch len(parts) {
	case 0:
		return none
	case 1:
		return parts[0]
	}
	return join(parts...)
}

// Conjuncts takes an And apart and drops what always holds.
func (d *Dialect) Conjuncts(e Expression) []Expression {
	if e == d.Always {
		return nil
	}
	if j, ok := e.(junction); ok && j.operator == and {
		return j.parts
	}
	return []Expression{e}
}

// Filter is what the user and the role's permission ask of a row.
func (d *Dialect) Filter(r *plan.Rows, compile CompilePredicate) ([]Expression, error) {
	if r.Restricted && r.Permit == nil {
		return nil, fmt.Errorf("rows of %s are restricted, but their permission is missing", RelationName(r.From))
	}
	var out []Expression
	for _, p := range []plan.Predicate{r.Where, r.Permit} {
		if p == nil {
			continue
		}
		e, err := compile(p)
		if err != nil {
			return nil, err
		}
		out = append(out, d.Conjuncts(e)...)
	}
	return out, nil
}

// RefersToRoot tells whether a predicate compares with a column of the row that
// the whole predicate is about.
func RefersToRoot(p plan.Predicate) bool {
	switch p := p.(type) {
	case *plan.And:
		return slices.ContainsFunc(p.Parts, RefersToRoot)
	case *plan.Or:
		return slices.ContainsFunc(p.Parts, RefersToRoot)
	case *plan.Not:
		return RefersToRoot(p.Part)
	case *plan.CompareColumns:
		return p.RightRoot
	case *plan.Exists:
		return RefersToRoot(p.Target.Where)
	case *plan.CompareAggregate:
		return RefersToRoot(p.Target.Where)
	case *plan.Const, *plan.Compare, *plan.IsNull, *plan.InKeys, *plan.RemoteCondition:
	}
	return false
}
