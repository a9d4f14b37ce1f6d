package plan

import "slices"

// UsesKeys tells whether a predicate refers to key sets, anywhere inside.
func UsesKeys(c Predicate) bool {
	switch c := c.(type) {
	case *And:
		return anyUsesKeys(c.Parts)
	case *Or:
		return anyUsesKeys(c.Parts)
	case *Not:
		return UsesKeys(c.Part)
	case *InKeys:
		return true
	case *Exists:
		return UsesKeys(c.Target.Where) || UsesKeys(c.Target.Permit)
	case *CompareAggregate:
		return UsesKeys(c.Target.Where) || UsesKeys(c.Target.Permit) || anyUsesKeys(c.Guards)
	case *Compare:
		return operandUsesKeys(c.Left)
	case *IsNull:
		return operandUsesKeys(c.Left)
	case *CompareColumns, *Const:
	}
	return false
}

func anyUsesKeys(parts []Predicate) bool {
	return slices.ContainsFunc(parts, UsesKeys)
}

func operandUsesKeys(o Operand) bool {
	switch o := o.(type) {
	case *ColumnOperand:
		return UsesKeys(o.Guard)
	case *ComputedOperand:
		return UsesKeys(o.Guard)
	}
	return false
}

// RewriteKeys copies a predicate with every InKeys replaced. What holds none is
// shared with the original.
func RewriteKeys(c Predicate, replace func(*InKeys) (Predicate, error)) (Predicate, error) {
	if !UsesKeys(c) {
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
		part, err := RewriteKeys(c.Part, replace)
		return &Not{Part: part}, err
	case *InKeys:
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
	case *CompareColumns, *Const:
	}
	return c, nil
}

func rewriteAll(parts []Predicate, replace func(*InKeys) (Predicate, error)) ([]Predicate, error) {
	out := make([]Predicate, 0, len(parts))
	for _, p := range parts {
		r, err := RewriteKeys(p, replace)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

func rewriteRows(r *Rows, replace func(*InKeys) (Predicate, error)) error {
	var err error
	if r.Where, err = RewriteKeys(r.Where, replace); err != nil {
		return err
	}
	r.Permit, err = RewriteKeys(r.Permit, replace)
	return err
}

func rewriteOperand(o *Operand, replace func(*InKeys) (Predicate, error)) error {
	var err error
	switch c := (*o).(type) {
	case *ColumnOperand:
		out := *c
		*o = &out
		out.Guard, err = RewriteKeys(c.Guard, replace)
	case *ComputedOperand:
		out := *c
		*o = &out
		out.Guard, err = RewriteKeys(c.Guard, replace)
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
