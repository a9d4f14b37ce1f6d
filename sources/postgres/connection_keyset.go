package postgres

import (
	"fmt"

	"dovetail/internal/plan"
	"dovetail/sources"
	"dovetail/sources/sqlgen"
)

// How ORDER BY places nulls.
const (
	nullsFirst = " NULLS FIRST"
	nullsLast  = " NULLS LAST"
)

// keysetKey is one key of an order and the cursor's value of it.
type keysetKey struct {
	value, bound expression
	// larger rows have larger values, unless descending.
	descending bool
	nullsFirst bool
	nullable   bool
}

// keyset holds for the rows that come after a cursor, or before it; inclusive
// takes in the row of the cursor.
func (c *compiler) keyset(n *plan.Connection, order []ordering, after, inclusive bool) (expression, error) {
	if len(order) == 0 || len(order) != len(n.Bound.Values) {
		return nil, fmt.Errorf("a cursor has %d values for %d keys of order", len(n.Bound.Values), len(order))
	}
	_, isTable := n.From.(*plan.Table)
	keys := make([]keysetKey, 0, len(order))
	for i, o := range order {
		by := n.OrderBy[i].By
		t, err := keyType(by)
		if err != nil {
			return nil, err
		}
		bound, err := c.value(n.Bound.Values[i], t)
		if err != nil {
			return nil, err
		}
		k := keysetKey{value: o.Value, bound: bound, descending: o.Descending, nullable: !isTable || nullable(by)}
		k.nullsFirst = o.Nulls == nullsFirst || o.Nulls == "" && o.Descending
		if !after {
			k.descending, k.nullsFirst = !k.descending, !k.nullsFirst
		}
		keys = append(keys, k)
	}
	condition := keysetOf(keys, inclusive)
	if first := keys[0]; len(keys) > 1 && !first.nullable {
		// Said once more without an OR, so that an index may begin at the cursor.
		return sqlgen.And(sqlgen.Infix(first.operator()+"=", first.value, first.bound), condition), nil
	}
	return condition, nil
}

// keysetOf compares key by key: the first is beyond the cursor, or it is equal
// and the rest is beyond.
func keysetOf(keys []keysetKey, inclusive bool) expression {
	first, rest := keys[0], keys[1:]
	beyond := first.beyond()
	if len(rest) == 0 {
		switch {
		case !inclusive:
			return beyond
		case !first.nullable:
			return sqlgen.Infix(first.operator()+"=", first.value, first.bound)
		}
		return sqlgen.Or(beyond, first.equal())
	}
	return sqlgen.Or(beyond, sqlgen.And(first.equal(), keysetOf(rest, inclusive)))
}

func (k keysetKey) operator() string {
	if k.descending {
		return "<"
	}
	return ">"
}

func (k keysetKey) beyond() expression {
	compared := sqlgen.Infix(k.operator(), k.value, k.bound)
	if !k.nullable {
		return compared
	}
	known, unknown := k.bound, k.value
	if k.nullsFirst {
		known, unknown = k.value, k.bound
	}
	return sqlgen.Or(compared, sqlgen.And(
		sqlgen.IsNull(unknown), sqlgen.IsNotNull(known),
	))
}

func (k keysetKey) equal() expression {
	if k.nullable {
		return sqlgen.Infix("IS NOT DISTINCT FROM", k.value, k.bound)
	}
	return sqlgen.Infix("=", k.value, k.bound)
}

// keyType is the type of the values of a key of order.
func keyType(by plan.OrderKey) (plan.Type, error) {
	switch by := by.(type) {
	case *plan.OrderColumn:
		return by.Column.Type, nil
	case *plan.OrderComputed:
		return by.Type, nil
	case *plan.OrderRelated:
		return keyType(by.By)
	case *plan.OrderAggregate:
		if by.Function == "count" {
			return systemType("int8"), nil
		}
		if by.Computed == nil {
			t := aggregateResult(by.Function, by.Column.Type)
			if t.Name == "" {
				t = by.Column.Type.Underlying() // money and intervals stay what they are
			}
			return t, nil
		}
	case *plan.OrderRanked:
	}
	return plan.Type{}, sources.NotSupported("a connection can't be ordered by a key of kind %T", by)
}

// isColumnType tells whether a key has the type that the plan says, rather than
// one that the database chooses.
func isColumnType(by plan.OrderKey) bool {
	switch by := by.(type) {
	case *plan.OrderColumn, *plan.OrderRanked:
		return true
	case *plan.OrderComputed:
		return false
	case *plan.OrderRelated:
		return isColumnType(by.By)
	case *plan.OrderAggregate:
		return by.Function == "count" || aggregateResult(by.Function, by.Column.Type).Name != ""
	}
	return false
}

// nullable tells whether a key may be null.
func nullable(by plan.OrderKey) bool {
	switch by := by.(type) {
	case *plan.OrderColumn:
		return by.Column.Nullable || by.Guard != nil
	case *plan.OrderAggregate:
		return by.Function != "count"
	case *plan.OrderComputed, *plan.OrderRelated, *plan.OrderRanked:
	}
	return true
}
