package plan

import "slices"

// UsesKeys reports whether a predicate refers to key sets, anywhere inside.
func UsesKeys(c Predicate) bool {
	return contains(c, func(c Predicate) bool {
		_, ok := c.(*InKeys)
		return ok
	})
}

// UsesRemoteConditions reports whether a predicate holds a RemoteCondition,
// anywhere inside.
func UsesRemoteConditions(c Predicate) bool {
	return contains(c, func(c Predicate) bool {
		_, ok := c.(*RemoteCondition)
		return ok
	})
}

// contains reports whether a predicate or one of its parts matches.
func contains(c Predicate, match func(Predicate) bool) bool {
	part := func(c Predicate) bool { return contains(c, match) }
	switch c := c.(type) {
	case *And:
		return slices.ContainsFunc(c.Parts, part)
	case *Or:
		return slices.ContainsFunc(c.Parts, part)
	case *Not:
		return part(c.Part)
	case *Exists:
		return part(c.Target.Where) || part(c.Target.Permit)
	case *CompareAggregate:
		return part(c.Target.Where) || part(c.Target.Permit) || slices.ContainsFunc(c.Guards, part)
	case *Compare:
		return part(operandGuard(c.Left))
	case *IsNull:
		return part(operandGuard(c.Left))
	case *InKeys, *RemoteCondition, *CompareColumns, *Const:
		return match(c)
	}
	return false
}

// operandGuard is the guard of an operand, nil for none.
func operandGuard(o Operand) Predicate {
	switch o := o.(type) {
	case *ColumnOperand:
		return o.Guard
	case *ComputedOperand:
		return o.Guard
	}
	return nil
}

// RewriteRemoteConditions copies a predicate with every RemoteCondition replaced.
// What holds none is shared with the original.
func RewriteRemoteConditions(c Predicate, replace func(*RemoteCondition) (Predicate, error)) (Predicate, error) {
	if !UsesRemoteConditions(c) {
		return c, nil
	}
	switch c := c.(type) {
	case *And:
		parts, err := rewriteAll(c.Parts, replace)
		return &And{Parts: parts}, err
	case *Or:
		parts, err := rewriteAll(c.Parts, replace)
		return &Or{Parts: parts}, err
	case *Not:
		part, err := RewriteRemoteConditions(c.Part, replace)
		return &Not{Part: part}, err
	case *RemoteCondition:
		return replace(c)
	case *Exists:
		out := *c
		return &out, rewriteRows(&out.Target, replace)
	case *CompareAggregate:
		out := *c
		var err error
		if out.Guards, err = rewriteAll(c.Guards, replace); err != nil {
			return nil, err
		}
		return &out, rewriteRows(&out.Target, replace)
	case *Compare:
		out := *c
		return &out, rewriteOperand(&out.Left, replace)
	case *IsNull:
		out := *c
		return &out, rewriteOperand(&out.Left, replace)
	case *InKeys, *CompareColumns, *Const:
	}
	return c, nil
}

func rewriteAll(parts []Predicate, replace func(*RemoteCondition) (Predicate, error)) ([]Predicate, error) {
	out := make([]Predicate, 0, len(parts))
	for _, p := range parts {
		r, err := RewriteRemoteConditions(p, replace)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

func rewriteRows(r *Rows, replace func(*RemoteCondition) (Predicate, error)) error {
	var err error
	if r.Where, err = RewriteRemoteConditions(r.Where, replace); err != nil {
		return err
	}
	r.Permit, err = RewriteRemoteConditions(r.Permit, replace)
	return err
}

func rewriteOperand(o *Operand, replace func(*RemoteCondition) (Predicate, error)) error {
	var err error
	switch c := (*o).(type) {
	case *ColumnOperand:
		out := *c
		*o = &out
		out.Guard, err = RewriteRemoteConditions(c.Guard, replace)
	case *ComputedOperand:
		out := *c
		*o = &out
		out.Guard, err = RewriteRemoteConditions(c.Guard, replace)
	}
	return err
}

// Conjuncts are the conditions that a predicate is the AND of.
func Conjuncts(c Predicate) []Predicate {
	switch c := c.(type) { //nolint:gochecksumtype // anything else is one condition
	case nil:
		return nil
	case *And:
		var out []Predicate
		for _, part := range c.Parts {
			out = append(out, Conjuncts(part)...)
		}
		return out
	case *Const:
		if c.Value {
			return nil
		}
	}
	return []Predicate{c}
}
