package sqlgen

import (
	"slices"

	"dovetail/internal/plan"
)

// RelationName names a relation in messages.
func RelationName(r plan.Relation) string {
	switch r := r.(type) {
	case *plan.Table:
		return r.Schema + "." + r.Name
	case *plan.FunctionCall:
		return r.Schema + "." + r.Name
	case *plan.NativeQuery:
		return r.Name
	}
	return "an unknown relation"
}

// Plain tells whether rows are neither limited nor made distinct.
func Plain(r *plan.Rows) bool {
	return r.Limit == nil && r.Offset == nil && len(r.DistinctOn) == 0
}

// Identifies tells whether a correlation leaves at most one row.
func Identifies(r *plan.Rows) bool {
	return HasUniqueKey(r.From, func(column string) bool {
		return slices.ContainsFunc(r.On, func(o plan.Correlation) bool { return o.Column.Name == column })
	})
}

// HasUniqueKey tells whether a relation is a table with a unique key all of
// whose columns are among some.
func HasUniqueKey(r plan.Relation, among func(column string) bool) bool {
	t, ok := r.(*plan.Table)
	return ok && slices.ContainsFunc(t.UniqueKeys, func(key []string) bool {
		return len(key) > 0 && !slices.ContainsFunc(key, func(column string) bool { return !among(column) })
	})
}

// SharesKey tells whether related rows are those rows of a table that have the
// values of another of its rows in some columns.
func SharesKey(r *plan.Rows, table *plan.Table) bool {
	t, ok := r.From.(*plan.Table)
	if !ok || t.Schema != table.Schema || t.Name != table.Name || len(r.On) == 0 || !Plain(r) || RefersToRoot(r.Where) {
		return false
	}
	return !slices.ContainsFunc(r.On, func(on plan.Correlation) bool {
		return on.Binding >= 0 || on.Column.Name != on.Outer.Name
	})
}

// Derives tells whether rows had better be limited before anything is joined to
// them: sorting or comparing rows would otherwise come after the joins.
func Derives(r *plan.Rows, fields []plan.Field) bool {
	if len(r.DistinctOn) == 0 && len(r.OrderBy) == 0 && r.Offset == nil {
		return false
	}
	for _, f := range fields {
		switch f := f.(type) {
		case *plan.NestedField, *plan.NestedAggregateField, *plan.NestedConnectionField, *plan.ComputedField:
			return true
		case *plan.GroupField:
			if Derives(r, f.Fields) {
				return true
			}
		case *plan.ColumnField, *plan.HoleField, *plan.StaticField, *plan.NodeIDField:
		}
	}
	return false
}

// KeysOnly gives the join of a selection that answers nothing but keys.
func KeysOnly(s *plan.Selection) *plan.Join {
	if len(s.Fields) != 1 {
		return nil
	}
	if hole, ok := s.Fields[0].(*plan.HoleField); ok && hole.Join != nil && hole.Join.KeysOnly {
		return hole.Join
	}
	return nil
}

// Absent is what stands for rows of which there are none.
func Absent(card plan.Cardinality) []byte {
	if card == plan.Many {
		return []byte("[]")
	}
	return []byte("null")
}
