package mssql

import (
	"slices"

	"dovetail/internal/plan"
	"dovetail/sources"
)

// Kind is the metadata's word for this kind of source.
const Kind = "mssql"

// Extras are all of them.
func (s *Source) Extras() sources.Extras {
	return sources.Extras{SQL: s, Snapshots: s, Transactor: s, CheckedSQL: s, DerivedSQL: s, Untransacted: s}
}

// Quote writes a name as an identifier.
func (s *Source) Quote(name string) string { return dialect.Quote(name) }

// Capabilities is what SQL Server can do.
func (s *Source) Capabilities() plan.Capabilities { return supported }

// The aggregate functions by their names in GraphQL.
const (
	functionCount      = "count"
	functionSum        = "sum"
	functionAvg        = "avg"
	functionMin        = "min"
	functionMax        = "max"
	functionStddev     = "stddev"
	functionStddevPop  = "stddev_pop"
	functionStddevSamp = "stddev_samp"
	functionVarPop     = "var_pop"
	functionVarSamp    = "var_samp"
	functionVariance   = "variance"
	functionBoolAnd    = "bool_and"
	functionBoolOr     = "bool_or"
)

func capabilities() plan.Capabilities {
	ordered := []plan.Operator{
		plan.Equal, plan.NotEqual, plan.In, plan.NotIn, plan.Greater, plan.Less, plan.GreaterOrEqual, plan.LessOrEqual,
	}
	text := append(slices.Clone(ordered), plan.Like, plan.NotLike)
	geography := []plan.Operator{plan.STContains, plan.STEquals, plan.STIntersects, plan.STOverlaps, plan.STWithin}
	geometry := append(slices.Clone(geography), plan.STCrosses, plan.STTouches)
	statistics := []string{
		functionSum, functionAvg, functionMin, functionMax, functionStddev, functionStddevPop, functionStddevSamp,
		functionVarPop, functionVarSamp, functionVariance,
	}
	extremes := []string{functionMin, functionMax}
	return plan.Capabilities{
		Kind:             Kind,
		ComparisonSuffix: "_MSSQL",
		CountsOneColumn:  true,
		NullsFirst:       true,
		Operators: map[plan.TypeClass][]plan.Operator{
			plan.ClassInteger:   ordered,
			plan.ClassNumber:    ordered,
			plan.ClassText:      text,
			plan.ClassBoolean:   ordered,
			plan.ClassUUID:      ordered,
			plan.ClassTime:      ordered,
			plan.ClassBytes:     ordered,
			plan.ClassOther:     ordered,
			plan.ClassGeometry:  geometry,
			plan.ClassGeography: geography,
		},
		AggregateFunctions: map[plan.TypeClass][]string{
			plan.ClassInteger: statistics,
			plan.ClassNumber:  statistics,
			plan.ClassText:    extremes,
			plan.ClassTime:    extremes,
			plan.ClassUUID:    extremes,
			plan.ClassBoolean: extremes,
			plan.ClassBytes:   extremes,
			plan.ClassOther:   extremes,
		},
		DistinctOn:         true,
		Aggregates:         true,
		AggregatePredicate: true,
		ColumnComparison:   true,
		Functions:          true,
		StoredProcedures:   true,
		Mutations:          true,
		MatchedInserts:     true,
		SetsAside:          true,
		LoneUpdates:        true,
		Bindings:           true,
		KeySets:            true,
	}
}

// The tables of what is supported, made once.
var supported = capabilities() //nolint:gochecknoglobals // a constant table

func supportsOperator(t plan.Type, operator plan.Operator) bool {
	return slices.Contains(supported.Operators[t.Underlying().Class], operator)
}

func supportsAggregate(t plan.Type, function string) bool {
	return slices.Contains(supported.AggregateFunctions[t.Underlying().Class], function)
}
