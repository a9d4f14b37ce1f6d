// Package sourcetest is one suite that every database source passes. It makes
// tables in an empty database, builds fragments, and compares the JSON the
// source answers with what every source must answer: the same, whatever the
// database. What a source declares must work; what it doesn't declare it must
// refuse to compile.
package sourcetest

import (
	"slices"
	"testing"

	"dovetail/internal/plan"
	"dovetail/sources"
)

// Logical is a column type by what it holds; a harness names it in its dialect.
type Logical string

// The logical types. A harness leaves out those its database lacks.
const (
	Integer     Logical = "integer"
	Smallint    Logical = "smallint"
	Bigint      Logical = "bigint"
	Numeric     Logical = "numeric"
	Double      Logical = "double"
	Text        Logical = "text"
	Boolean     Logical = "boolean"
	Timestamp   Logical = "timestamp"
	TimestampTZ Logical = "timestamptz"
	Date        Logical = "date"
	Time        Logical = "time"
	UUID        Logical = "uuid"
	JSON        Logical = "json"
	JSONB       Logical = "jsonb"
)

// Database is a source that runs SQL.
type Database interface {
	sources.Source
	sources.SQLDatabase
}

// Harness is what the suite needs of one kind of source.
type Harness struct {
	// Open gives a source over an empty database, which the harness disposes of
	// with t.Cleanup. The suite makes its tables with RunSQL, one statement at
	// a time: CREATE TABLE with names in double quotes, INSERT … VALUES with
	// numbers, 'text' and NULL (booleans are '1' and '0').
	Open func(t *testing.T) Database
	// Types are the DDL names of the logical types. Text must be able to be
	// (part of) a primary key and hold any Unicode.
	Types map[Logical]string
	// Schema is the schema that unqualified tables are created in, as
	// introspection reports it.
	Schema string
	// Quote writes a text literal; nil for 'text' with doubled quotes.
	Quote func(text string) string
	// PaddedText: texts that differ in trailing spaces alone are equal, as the
	// SQL standard's PAD SPACE has it.
	PaddedText bool
	// PlainBackslash: a pattern of _like takes a backslash for itself, instead
	// of for the escape of the character after it.
	PlainBackslash bool
	// SlowSQL is a query (a native query's text) that runs for many seconds, to
	// be cancelled.
	SlowSQL string
}

// Run runs the whole suite. Every part of it makes a subtest.
func Run(t *testing.T, h Harness) {
	t.Helper()
	f := newFixture(t, h)
	for _, part := range []struct {
		name string
		run  func(t *testing.T, f *fixture)
	}{
		{"introspection", testIntrospection},
		{"rows", testRows},
		{"types", testTypes},
		{"key texts", testKeyTexts},
		{"keys of every type", testKeysOfEveryType},
		{"malformed keys", testMalformedKeys},
		{"operators", testOperators},
		{"aggregate functions", testAggregateFunctions},
		{"predicates", testPredicates},
		{"column comparison", testColumnComparison},
		{"aggregate predicates", testAggregatePredicates},
		{"lists of values", testLists},
		{"small integers", testSmallIntegers},
		{"bad values", testBadValues},
		{"order", testOrder},
		{"order by relations", testOrderByRelations},
		{"limit", testLimit},
		{"distinct", testDistinct},
		{"bindings", testBindings},
		{"bounded bindings", testBoundedBindings},
		{"composite keys", testCompositeKeys},
		{"nested", testNested},
		{"aggregates", testAggregates},
		{"aggregates of bindings", testAggregatesOfBindings},
		{"permissions", testPermissions},
		{"variables", testVariables},
		{"guards", testGuards},
		{"json paths", testJSONPaths},
		{"key sets", testKeySets},
		{"key sets of every type", testKeySetsOfEveryType},
		{"large key sets", testLargeKeySets},
		{"order by ranks", testOrderByRanks},
		{"wanted keys", testWantedKeys},
		{"wanted keys with ranks", testWantedRanks},
		{"holes", testHoles},
		{"native queries", testNativeQueries},
		{"injection", testInjection},
		{"not supported", testNotSupported},
		{"concurrency", testConcurrency},
		{"cancellation", testCancellation},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, f) })
	}
}

// declared tells whether a source declares an operator for a type class.
func declared(c plan.Capabilities, class plan.TypeClass, operator plan.Operator) bool {
	return slices.Contains(c.Operators[class], operator)
}
