package planner

import (
	"dovetail/internal/plan"
	"dovetail/internal/schema"
)

// where plans a bool_exp.
func (p *planner) where(v value, t *schema.Type, path string) (plan.Predicate, error) {
	var parts []plan.Predicate
	err := p.members(v, t, path, func(in *schema.Input, v value, path string) error {
		if v.absent() {
			return nil
		}
		part, err := p.member(v, in, path)
		parts = append(parts, part)
		return err
	})
	return all(parts), err
}

func all(parts []plan.Predicate) plan.Predicate {
	if len(parts) == 1 {
		return parts[0]
	}
	return &plan.And{Parts: parts}
}

// member plans one member of a bool_exp.
func (p *planner) member(v value, in *schema.Input, path string) (plan.Predicate, error) {
	switch b := in.Binding.(type) {
	case *schema.BoolAnd:
		parts, err := p.conditions(v, in, path)
		return &plan.And{Parts: parts}, err
	case *schema.BoolOr:
		parts, err := p.conditions(v, in, path)
		return &plan.Or{Parts: parts}, err
	case *schema.BoolNot:
		part, err := p.where(v, in.Type.Base(), path)
		return &plan.Not{Part: part}, err
	case *schema.BoolColumn:
		guard, err := p.settle(b.Guard)
		if err != nil {
			return nil, err
		}
		left := &plan.ColumnOperand{Column: b.Column.Plan(), Guard: guard}
		return p.comparisons(v, in.Type.Base(), left, path)
	case *schema.BoolComputed:
		return p.computedCondition(v, in, b, path)
	case *schema.BoolRelated:
		rows, err := p.related(b.Relationship)
		if err != nil {
			return nil, err
		}
		rows.Where, err = p.where(v, in.Type.Base(), path)
		return &plan.Exists{Relationship: b.Relationship.Name, Target: rows}, err
	case *schema.BoolAggregate:
		rows, err := p.related(b.Relationship)
		if err != nil {
			return nil, err
		}
		out := &plan.CompareAggregate{Relationship: b.Relationship.Name, Target: rows}
		return out, p.aggregatePredicate(v, in.Type.Base(), out, path)
	case *schema.BoolRemote:
		index, err := p.keySet(keyRows{
			relationship: b.Relationship, permitted: true,
			where: func() (plan.Predicate, error) { return p.where(v, in.Type.Base(), path) },
		})
		return &plan.InKeys{Columns: b.Relationship.LeftColumns(), KeySet: index}, err
	case *schema.BoolRemoteAggregate:
		return p.remoteAggregatePredicate(v, in.Type.Base(), b.Relationship, path)
	default:
		return nil, &Error{Code: CodeUnexpected, Path: path, Message: "'" + in.Name + "' is not a condition"}
	}
}

// computedCondition plans a condition on a computed field. Where the role doesn't
// see the field, its scalar is null and it has no rows.
func (p *planner) computedCondition(v value, in *schema.Input, b *schema.BoolComputed, path string) (plan.Predicate, error) {
	guard, err := p.settle(b.Guard)
	if err != nil {
		return nil, err
	}
	if b.Computed.Returns == nil {
		left := &plan.ComputedOperand{Call: b.Computed.Call(), Type: b.Computed.Function.Returns, Guard: guard}
		return p.comparisons(v, in.Type.Base(), left, path)
	}
	rows, err := p.computedRows(b.Computed)
	if err != nil {
		return nil, err
	}
	if rows.Where, err = p.where(v, in.Type.Base(), path); err != nil {
		return nil, err
	}
	condition := &plan.Exists{Relationship: b.Computed.Name, Target: rows}
	if guard == nil {
		return condition, nil
	}
	return &plan.And{Parts: []plan.Predicate{guard, condition}}, nil
}

func (p *planner) conditions(v value, in *schema.Input, path string) ([]plan.Predicate, error) {
	element := *in.Type.List
	items, err := p.list(v, element, path)
	if err != nil {
		return nil, err
	}
	var out []plan.Predicate
	for i, item := range items {
		here := indexed(path, i)
		if item.missing || item.isNull() {
			return nil, invalid(here, "unexpected null value for type '%s'", element.Base().Name)
		}
		part, err := p.where(item, element.Base(), here)
		if err != nil {
			return nil, err
		}
		out = append(out, part)
	}
	return out, nil
}

// comparisons plans the operators of a comparison_exp, ANDed.
func (p *planner) comparisons(v value, t *schema.Type, left plan.Operand, path string) (plan.Predicate, error) {
	var parts []plan.Predicate
	err := p.members(v, t, path, func(in *schema.Input, v value, path string) error {
		// An absent variable must not turn into "every row".
		if v.absent() {
			if p.schema.Catalog.Settings.BooleanNullCollapse {
				return nil
			}
			return invalid(path, "unexpected null value for type '%s'", nullTypeName(in.Type))
		}
		part, err := p.comparison(v, in, left, path)
		parts = append(parts, part)
		return err
	})
	return all(parts), err
}

func nullTypeName(r schema.Ref) string { return schema.Nullable(r).String() }

func (p *planner) comparison(v value, in *schema.Input, left plan.Operand, path string) (plan.Predicate, error) {
	switch b := in.Binding.(type) {
	case *schema.CompareNull:
		j, err := v.literal(path)
		if err != nil {
			return nil, err
		}
		if err := check(in.Type, j, path); err != nil {
			return nil, err
		}
		return &plan.IsNull{Left: left, Negate: j.Text == "false"}, nil
	case *schema.CompareCast:
		return p.castComparison(v, in, left, path)
	case *schema.Compare:
		right, err := p.symbolic(v, in.Type, path)
		return &plan.Compare{Left: left, Operator: b.Operator, Right: right}, err
	default:
		return nil, &Error{Code: CodeUnexpected, Path: path, Message: "'" + in.Name + "' is not a comparison"}
	}
}

// castComparison plans _cast: the comparisons of the column as another type.
func (p *planner) castComparison(v value, in *schema.Input, left plan.Operand, path string) (plan.Predicate, error) {
	var parts []plan.Predicate
	err := p.members(v, in.Type.Base(), path, func(to *schema.Input, v value, path string) error {
		column, isColumn := left.(*plan.ColumnOperand)
		cast, isCast := to.Binding.(*schema.CompareCast)
		if !isColumn || !isCast {
			return invalid(path, "only columns can be cast")
		}
		if v.absent() {
			return nil
		}
		operand := *column
		operand.Cast = &cast.Type
		part, err := p.comparisons(v, to.Type.Base(), &operand, path)
		parts = append(parts, part)
		return err
	})
	return &plan.And{Parts: parts}, err
}

// aggregatePredicate plans <relationship>_aggregate in a bool_exp: the function,
// its arguments, filter and comparisons are written into out.
func (p *planner) aggregatePredicate(v value, t *schema.Type, out *plan.CompareAggregate, path string) error {
	given := 0
	err := p.members(v, t, path, func(in *schema.Input, v value, path string) error {
		given++
		b, ok := in.Binding.(*schema.AggregatePredicate)
		if !ok {
			return &Error{Code: CodeUnexpected, Path: path, Message: "'" + in.Name + "' is not an aggregate predicate"}
		}
		if v.absent() {
			return invalid(path, "unexpected null value for type '%s'", in.Type.Base().Name)
		}
		out.Function, out.Result = b.Function, aggregateResult(b.Function)
		return p.aggregateArguments(v, in.Type.Base(), out, path)
	})
	if err == nil && given != 1 {
		return invalid(path, "exactly one predicate should be specified")
	}
	return err
}

func (p *planner) aggregateArguments(v value, t *schema.Type, out *plan.CompareAggregate, path string) error {
	seen := map[string]bool{}
	err := p.members(v, t, path, func(in *schema.Input, v value, path string) error {
		b, ok := in.Binding.(*schema.Argument)
		if !ok || v.absent() {
			return nil
		}
		seen[in.Name] = true
		return p.aggregateArgument(v, in, b.Kind, out, path)
	})
	if err != nil {
		return err
	}
	for _, in := range t.Inputs() {
		if in.Type.NonNull && !seen[in.Name] {
			return invalid(under(path, in.Name), "missing required field '%s'", in.Name)
		}
	}
	return nil
}

func (p *planner) aggregateArgument(v value, in *schema.Input, kind schema.ArgumentKind, out *plan.CompareAggregate, path string) error {
	var err error
	switch kind { //nolint:exhaustive // aggregate predicates have no other arguments
	case schema.ArgArguments:
		switch {
		case in.Type.List != nil:
			out.Arguments, out.Guards, err = p.guardedColumns(v, *in.Type.List, path)
			return err
		case in.Type.Base().Kind == schema.InputObject:
			return p.twoColumns(v, in.Type.Base(), out, path)
		}
		c, guard, err := p.column(v, in.Type, path)
		out.Arguments, out.Guards = []plan.Column{c}, []plan.Predicate{guard}
		return err
	case schema.ArgDistinct:
		out.Distinct, err = boolean(v, in, path)
		return err
	case schema.ArgFilter:
		out.Target.Where, err = p.where(v, in.Type.Base(), path)
		return err
	case schema.ArgPredicate:
		out.Having, err = p.having(v, in.Type.Base(), path)
		return err
	}
	return nil
}

// aggregateFilter plans just the filter of an aggregate predicate.
func (p *planner) aggregateFilter(v value, t *schema.Type, path string) (plan.Predicate, error) {
	var out plan.Predicate
	err := p.members(v, t, path, func(in *schema.Input, v value, path string) error {
		return p.members(v, in.Type.Base(), path, func(in *schema.Input, v value, path string) error {
			b, ok := in.Binding.(*schema.Argument)
			if !ok || v.absent() || b.Kind != schema.ArgFilter {
				return nil
			}
			var err error
			out, err = p.where(v, in.Type.Base(), path)
			return err
		})
	})
	return out, err
}

// twoColumns reads the columns of a function of two: the dependent one, Y, comes
// first.
func (p *planner) twoColumns(v value, t *schema.Type, out *plan.CompareAggregate, path string) error {
	members, err := v.object(t.Name, path)
	if err != nil {
		return err
	}
	type argument struct {
		column plan.Column
		guard  plan.Predicate
	}
	found := map[string]argument{}
	for _, m := range members {
		here := under(path, m.key)
		in, ok := t.Input(m.key)
		if !ok {
			return invalid(here, "field '%s' not found in type: '%s'", m.key, t.Name)
		}
		inner, err := p.of(m, in.Type, false, here)
		if err != nil {
			return err
		}
		if inner.missing || inner.isNull() {
			continue
		}
		c, guard, err := p.column(inner, in.Type, here)
		if err != nil {
			return err
		}
		found[in.Name] = argument{c, guard}
	}
	for _, name := range []string{"Y", "X"} {
		c, ok := found[name]
		if !ok {
			return invalid(under(path, name), "missing required field '%s'", name)
		}
		out.Arguments, out.Guards = append(out.Arguments, c.column), append(out.Guards, c.guard)
	}
	return nil
}

func boolean(v value, in *schema.Input, path string) (bool, error) {
	j, err := v.literal(path)
	if err != nil {
		return false, err
	}
	return j.Text == "true", check(in.Type, j, path)
}

// having plans the comparisons of an aggregate's value.
func (p *planner) having(v value, t *schema.Type, path string) ([]plan.AggregateComparison, error) {
	var out []plan.AggregateComparison
	err := p.members(v, t, path, func(in *schema.Input, v value, path string) error {
		if v.absent() {
			return invalid(path, "unexpected null value for type '%s'", nullTypeName(in.Type))
		}
		switch b := in.Binding.(type) {
		case *schema.CompareNull:
			isNull, err := boolean(v, in, path)
			out = append(out, plan.AggregateComparison{IsNull: &isNull})
			return err
		case *schema.Compare:
			right, err := p.symbolic(v, in.Type, path)
			out = append(out, plan.AggregateComparison{Operator: b.Operator, Right: right})
			return err
		default:
			return invalid(path, "'%s' can't be used on an aggregate", in.Name)
		}
	})
	return out, err
}

// aggregateResult is the type that the value of an aggregate predicate's
// function is compared as.
func aggregateResult(function string) plan.Type {
	switch function {
	case "count":
		return plan.Type{Schema: "pg_catalog", Name: "int8", Scalar: "Int", Class: plan.ClassInteger}
	case "bool_and", "bool_or":
		return plan.Type{Schema: "pg_catalog", Name: "bool", Scalar: "Boolean", Class: plan.ClassBoolean}
	}
	return plan.Type{Schema: "pg_catalog", Name: "float8", Scalar: "float8", Class: plan.ClassNumber}
}
