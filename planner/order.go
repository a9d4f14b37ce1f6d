package planner

import (
	"strings"

	"dovetail/internal/plan"
	"dovetail/internal/schema"
)

// orderBy plans an order_by argument: a list of objects, or a single one.
func (p *planner) orderBy(v value, element schema.Ref, path string) ([]plan.Order, error) {
	items, err := p.list(v, element, path)
	if err != nil {
		return nil, err
	}
	var out []plan.Order
	for i, item := range items {
		here := path
		if len(items) > 1 {
			here = indexed(path, i)
		}
		if item.missing || item.isNull() {
			continue
		}
		orders, err := p.orders(item, element.Base(), here)
		if err != nil {
			return nil, err
		}
		out = append(out, orders...)
	}
	return out, nil
}

// orders plans the members of one order_by object, in written order.
func (p *planner) orders(v value, t *schema.Type, path string) ([]plan.Order, error) {
	var out []plan.Order
	err := p.members(v, t, path, func(in *schema.Input, v value, path string) error {
		if v.absent() {
			return nil
		}
		orders, err := p.order(v, in, path)
		out = append(out, orders...)
		return err
	})
	return out, err
}

func (p *planner) order(v value, in *schema.Input, path string) ([]plan.Order, error) {
	switch b := in.Binding.(type) {
	case *schema.OrderColumn:
		guard, err := p.settle(b.Guard)
		if err != nil {
			return nil, err
		}
		return p.direction(v, in, &plan.OrderColumn{Column: b.Column.Plan(), Guard: guard}, path)
	case *schema.OrderComputed:
		guard, err := p.settle(b.Guard)
		if err != nil {
			return nil, err
		}
		return p.direction(v, in, &plan.OrderComputed{
			Name: b.Computed.Name, Call: b.Computed.Call(), Type: b.Computed.Function.Returns, Guard: guard,
		}, path)
	case *schema.OrderRelated:
		inner, err := p.orders(v, in.Type.Base(), path)
		if err != nil {
			return nil, err
		}
		for i := range inner {
			rows, err := p.related(b.Relationship)
			if err != nil {
				return nil, err
			}
			inner[i].By = &plan.OrderRelated{Relationship: b.Relationship.Name, Target: rows, By: inner[i].By}
		}
		return inner, nil
	case *schema.OrderAggregate:
		return p.orderAggregate(v, in.Type.Base(), b, path)
	case *schema.OrderRemote:
		return p.orderRemote(v, in.Type.Base(), b.Relationship, path)
	case *schema.OrderRemoteAggregate:
		return p.orderRemoteAggregate(v, in.Type.Base(), b.Relationship, path)
	default:
		return nil, &Error{Code: CodeUnexpected, Path: path, Message: "'" + in.Name + "' can't be ordered by"}
	}
}

// direction reads an order_by enum value.
func (p *planner) direction(v value, in *schema.Input, by plan.OrderKey, path string) ([]plan.Order, error) {
	if v.lit != nil {
		if err := p.checkLiteral(in.Type, v.lit, path); err != nil {
			return nil, err
		}
	}
	j, err := v.literal(path)
	if err != nil {
		return nil, err
	}
	word := strings.ToLower(j.Text)
	o := plan.Order{By: by, Descending: strings.HasPrefix(word, "desc")}
	switch {
	case strings.HasSuffix(word, "_nulls_first"):
		o.Nulls = plan.NullsFirst
	case strings.HasSuffix(word, "_nulls_last"):
		o.Nulls = plan.NullsLast
	}
	return []plan.Order{o}, nil
}

// orderAggregate plans orderings by aggregates of related rows.
func (p *planner) orderAggregate(v value, t *schema.Type, of *schema.OrderAggregate, path string) ([]plan.Order, error) {
	var out []plan.Order
	err := p.members(v, t, path, func(in *schema.Input, v value, path string) error {
		if v.absent() {
			return nil
		}
		name, rows, err := p.aggregated(of)
		if err != nil {
			return err
		}
		switch b := in.Binding.(type) {
		case *schema.OrderCount:
			orders, err := p.direction(v, in, &plan.OrderAggregate{Relationship: name, Target: rows, Function: "count"}, path)
			out = append(out, orders...)
			return err
		case *schema.OrderFunction:
			orders, err := p.orders(v, in.Type.Base(), path)
			if err != nil {
				return err
			}
			for i := range orders {
				by := &plan.OrderAggregate{Relationship: name, Target: rows, Function: b.Function}
				switch column := orders[i].By.(type) {
				case *plan.OrderColumn:
					by.Column, by.Guard = column.Column, column.Guard
				case *plan.OrderComputed:
					by.Computed, by.Guard = column.Call, column.Guard
				case *plan.OrderRelated, *plan.OrderAggregate, *plan.OrderRanked:
					return invalid(path, "only columns can be aggregated")
				}
				orders[i].By = by
			}
			out = append(out, orders...)
			return nil
		default:
			return invalid(path, "'%s' can't be ordered by", in.Name)
		}
	})
	return out, err
}

// aggregated gives the rows that an ordering aggregates.
func (p *planner) aggregated(of *schema.OrderAggregate) (string, plan.Rows, error) {
	if of.Remote != nil {
		rows, err := p.ownRows(of.Remote)
		return of.Remote.Name, rows, err
	}
	if of.Computed != nil {
		rows, err := p.computedRows(of.Computed)
		return of.Computed.Name, rows, err
	}
	rows, err := p.related(of.Relationship)
	return of.Relationship.Name, rows, err
}
