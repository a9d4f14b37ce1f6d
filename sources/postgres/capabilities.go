package postgres

import (
	"slices"

	"dovetail/internal/plan"
	"dovetail/sources"
)

// declared is what Postgres can do.
var declared = capabilities() //nolint:gochecknoglobals // a constant

// checkOperator refuses an operator that a type class isn't declared to have.
func checkOperator(t plan.Type, operator plan.Operator) error {
	class := t.Underlying().Class
	if class == "" {
		class = plan.ClassOther
	}
	if !slices.Contains(declared.Operators[class], operator) {
		return sources.NotSupported("the operator %q is not supported for the type %q", operator, t.Name)
	}
	return nil
}

// checkAggregate refuses an aggregate function that a type class isn't declared
// to have.
func checkAggregate(t plan.Type, function string) error {
	class := t.Underlying().Class
	if class == "" {
		class = plan.ClassOther
	}
	if !slices.Contains(declared.AggregateFunctions[class], function) {
		return sources.NotSupported("the aggregate function %q is not supported for the type %q", function, t.Name)
	}
	return nil
}

func capabilities() plan.Capabilities {
	return plan.Capabilities{
		Kind:               "postgres",
		Operators:          classOperators(),
		AggregateFunctions: classAggregates(),
		DistinctOn:         true,
		Aggregates:         true,
		AggregatePredicate: true,
		ComputedFields:     true,
		Functions:          true,
		ColumnComparison:   true,
		JSONPath:           true,
		Casts:              true,
		Correlations:       true,
		JSONUpdates:        true,
		Relay:              true,
		Bindings:           true,
		Mutations:          true,
		KeySets:            true,
	}
}

func classOperators() map[plan.TypeClass][]plan.Operator {
	equality := []plan.Operator{plan.Equal, plan.NotEqual, plan.In, plan.NotIn}
	order := []plan.Operator{plan.Greater, plan.Less, plan.GreaterOrEqual, plan.LessOrEqual}
	ordered := slices.Concat(equality, order)
	with := func(more ...plan.Operator) []plan.Operator { return slices.Concat(ordered, more) }
	return map[plan.TypeClass][]plan.Operator{
		plan.ClassInteger: ordered,
		plan.ClassNumber:  ordered,
		plan.ClassText: with(
			plan.Like, plan.NotLike, plan.ILike, plan.NotILike, plan.Similar, plan.NotSimilar,
			plan.Regex, plan.NotRegex, plan.IRegex, plan.NotIRegex,
		),
		plan.ClassBoolean:   ordered,
		plan.ClassUUID:      ordered,
		plan.ClassTime:      ordered,
		plan.ClassJSON:      ordered,
		plan.ClassJSONB:     with(plan.Contains, plan.ContainedIn, plan.HasKey, plan.HasKeysAny, plan.HasKeysAll),
		plan.ClassBytes:     ordered,
		plan.ClassEnum:      ordered,
		plan.ClassArray:     with(plan.Contains, plan.ContainedIn),
		plan.ClassComposite: ordered,
		plan.ClassGeometry: with(
			plan.STContains, plan.STCrosses, plan.STEquals, plan.STOverlaps, plan.STTouches, plan.STWithin,
			plan.STIntersects, plan.ST3DIntersects, plan.STDWithin, plan.ST3DDWithin,
		),
		plan.ClassGeography: with(plan.STIntersects, plan.STDWithin),
		plan.ClassRaster:    slices.Concat(equality, []plan.Operator{plan.STIntersectsRast, plan.STIntersectsNBGeom, plan.STIntersectsGeomNB}),
		plan.ClassLTree: with(
			plan.Ancestor, plan.AncestorAny, plan.Descendant, plan.DescendantAny,
			plan.Matches, plan.MatchesAny, plan.MatchesFulltext,
		),
		plan.ClassOther: ordered,
	}
}

func classAggregates() map[plan.TypeClass][]string {
	ordered := []string{"max", "min"}
	numeric := []string{"avg", "max", "min", "stddev", "stddev_pop", "stddev_samp", "sum", "var_pop", "var_samp", "variance"}
	return map[plan.TypeClass][]string{
		plan.ClassInteger: numeric,
		plan.ClassNumber:  numeric,
		plan.ClassText:    ordered,
		plan.ClassTime:    ordered,
		plan.ClassEnum:    ordered,
		plan.ClassArray:   ordered,
		plan.ClassUUID:    ordered,
	}
}
