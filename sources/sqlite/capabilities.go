package sqlite

import "dovetail/internal/plan"

// Kind is the metadata's word for this kind of source.
const Kind = "sqlite"

// capabilities is what SQLite can do.
func capabilities() plan.Capabilities {
	equality := []plan.Operator{plan.Equal, plan.NotEqual, plan.In, plan.NotIn}
	ordered := append([]plan.Operator{plan.Greater, plan.Less, plan.GreaterOrEqual, plan.LessOrEqual}, equality...)
	text := append([]plan.Operator{plan.Like, plan.NotLike, plan.ILike, plan.NotILike}, ordered...)
	statistics := []string{
		functionSum, functionAvg, functionMin, functionMax, functionStddev, functionStddevPop, functionStddevSamp,
		functionVarPop, functionVarSamp, functionVariance,
	}
	extremes := []string{functionMin, functionMax}
	return plan.Capabilities{
		Kind: Kind,
		Operators: map[plan.TypeClass][]plan.Operator{
			plan.ClassInteger: ordered,
			plan.ClassNumber:  ordered,
			plan.ClassText:    text,
			plan.ClassBoolean: ordered,
			plan.ClassUUID:    ordered,
			plan.ClassTime:    ordered,
			plan.ClassBytes:   ordered,
			plan.ClassJSONB:   equality,
		},
		AggregateFunctions: map[plan.TypeClass][]string{
			plan.ClassInteger: statistics,
			plan.ClassNumber:  statistics,
			plan.ClassText:    extremes,
			plan.ClassTime:    extremes,
		},
		DistinctOn:         true,
		Aggregates:         true,
		AggregatePredicate: true,
		ColumnComparison:   true,
		JSONPath:           true,
		ComparisonSuffix:   "_SQLite",
		Bindings:           true,
		Mutations:          true,
		KeySets:            true,
	}
}

// declared is what SQLite can do, made once.
var declared = capabilities() //nolint:gochecknoglobals // a constant table
