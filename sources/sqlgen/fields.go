package sqlgen

import (
	"fmt"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
)

// Object is an object whose members compile as member says.
func Object[T any](members []T, member func(T) (key string, node jsonshape.Node, err error)) (*jsonshape.Object, error) {
	out := &jsonshape.Object{Fields: make([]jsonshape.Field, 0, len(members))}
	for _, m := range members {
		key, node, err := member(m)
		if err != nil {
			return nil, err
		}
		out.Fields = append(out.Fields, jsonshape.Field{Prefix: jsonshape.Prefix(len(out.Fields) == 0, key), Node: node})
	}
	return out, nil
}

// inline is an object whose cells are among those of the row around it.
func inline[T any](members []T, member func(T) (string, jsonshape.Node, error)) (jsonshape.Node, error) {
	object, err := Object(members, member)
	return &jsonshape.Inline{Presence: -1, Object: object}, err
}

// Aggregates compiles aggregates of the same rows.
type Aggregates interface {
	Count(c *plan.Count) (jsonshape.Node, error)
	Column(function string, column plan.AggregateColumn) (jsonshape.Node, error)
}

// Aggregation is the object of an aggregation: aggregates and nodes, the rows
// themselves.
func Aggregation(
	a *plan.Aggregation, aggregates Aggregates, nodes func(*plan.AggregateNodes) (jsonshape.Node, error),
) (*jsonshape.Object, error) {
	return Object(a.Fields, func(f plan.AggregateField) (string, jsonshape.Node, error) {
		switch f := f.(type) {
		case *plan.AggregateStatic:
			return f.Key, &jsonshape.Literal{JSON: f.JSON}, nil
		case *plan.AggregateGroup:
			node, err := inline(f.Items, func(i plan.AggregateItem) (string, jsonshape.Node, error) {
				return aggregateItem(i, aggregates)
			})
			return f.Key, node, err
		case *plan.AggregateNodes:
			node, err := nodes(f)
			return f.Key, node, err
		}
		return "", nil, fmt.Errorf("unknown kind of aggregate field %T", f)
	})
}

func aggregateItem(i plan.AggregateItem, aggregates Aggregates) (string, jsonshape.Node, error) {
	switch i := i.(type) {
	case *plan.Count:
		node, err := aggregates.Count(i)
		return i.Key, node, err
	case *plan.AggregateFunction:
		node, err := inline(i.Columns, func(column plan.AggregateColumn) (string, jsonshape.Node, error) {
			if column.Static != nil {
				return column.Key, &jsonshape.Literal{JSON: column.Static}, nil
			}
			node, err := aggregates.Column(i.Name, column)
			return column.Key, node, err
		})
		return i.Key, node, err
	case *plan.AggregateItemStatic:
		return i.Key, &jsonshape.Literal{JSON: i.JSON}, nil
	}
	return "", nil, fmt.Errorf("unknown kind of aggregate item %T", i)
}
