package sourcetest

import (
	"testing"

	"dovetail/internal/plan"
	"dovetail/sources"
)

// operatorCase is an operator on a column of kinds: the rows it finds.
type operatorCase struct {
	column   string
	operator plan.Operator
	value    string
	want     []int
}

// operatorCases hold every operator once for each class it is likely on.
var operatorCases = []operatorCase{
	{"whole", plan.Equal, "1", []int{1}},
	{"whole", plan.NotEqual, "1", []int{2, 3}},
	{"whole", plan.Greater, "1", []int{3}},
	{"whole", plan.Less, "1", []int{2}},
	{"whole", plan.GreaterOrEqual, "1", []int{1, 3}},
	{"whole", plan.LessOrEqual, "1", []int{1, 2}},
	{"whole", plan.In, "[1, 2147483647, 5]", []int{1, 3}},
	{"whole", plan.NotIn, "[1]", []int{2, 3}},
	{"whole", plan.Equal, `"1"`, []int{1}},
	{"big", plan.Equal, "9007199254740993", []int{1}},
	{"big", plan.Equal, "9007199254740992", []int{}},
	{"big", plan.Equal, `"9223372036854775807"`, []int{2}},
	{"big", plan.In, "[9007199254740992, 0]", []int{3}},
	{"big", plan.Greater, "9007199254740992", []int{1, 2}},
	{"big", plan.NotIn, "[9007199254740993]", []int{2, 3}},
	{"exact", plan.Equal, "0.3", []int{1}},
	{"exact", plan.Equal, `"0.300"`, []int{1}},
	{"exact", plan.Less, "0", []int{2}},
	{"exact", plan.In, `[7, "-12345.670"]`, []int{2, 3}},
	{"exact", plan.GreaterOrEqual, "0.3", []int{1, 3}},
	{"exact", plan.NotEqual, "7", []int{1, 2}},
	{"broad", plan.Equal, "0.1", []int{1}},
	{"broad", plan.Greater, "1e99", []int{2}},
	{"broad", plan.In, "[-2.5, 3]", []int{3}},
	{"words", plan.Equal, `"žluťoučký 🐎 日本"`, []int{3}},
	{"words", plan.NotEqual, `"žluťoučký 🐎 日本"`, []int{1, 2}},
	{"words", plan.In, `["it's \"quoted\" \\ back", "x"]`, []int{1}},
	{"words", plan.NotIn, `["it's \"quoted\" \\ back"]`, []int{2, 3}},
	{"words", plan.Like, `"it's%"`, []int{1}},
	{"words", plan.Like, `"IT'S%"`, []int{}},
	{"words", plan.Like, `"%🐎 __"`, []int{3}},
	{"words", plan.Like, `"tab%."`, []int{2}},
	{"words", plan.NotLike, `"it%"`, []int{2, 3}},
	{"words", plan.ILike, `"IT'S%"`, []int{1}},
	{"words", plan.ILike, `"ŽLUŤ%"`, []int{3}},
	{"words", plan.NotILike, `"IT'S%"`, []int{2, 3}},
	{"words", plan.Similar, `"(it|tab)%"`, []int{1, 2}},
	{"words", plan.NotSimilar, `"(it|tab)%"`, []int{3}},
	{"words", plan.Regex, `"^it.s"`, []int{1}},
	{"words", plan.NotRegex, `"^it.s"`, []int{2, 3}},
	{"words", plan.IRegex, `"^IT.S"`, []int{1}},
	{"words", plan.NotIRegex, `"^IT.S"`, []int{2, 3}},
	{"truth", plan.Equal, "true", []int{1, 3}},
	{"truth", plan.NotEqual, "true", []int{2}},
	{"truth", plan.Equal, `"false"`, []int{2}},
	{"truth", plan.In, "[false]", []int{2}},
	{"truth", plan.Greater, "false", []int{1, 3}},
	{"moment", plan.Equal, `"2020-01-02T03:04:05"`, []int{1}},
	{"moment", plan.Equal, `"2020-01-02 03:04:05"`, []int{1}},
	{"moment", plan.Greater, `"2020-01-02 03:04:05"`, []int{2}},
	{"moment", plan.Less, `"2020-01-02"`, []int{3}},
	{"moment", plan.LessOrEqual, `"2020-01-02T03:04:05"`, []int{1, 3}},
	{"moment", plan.In, `["2020-01-02T03:04:05.1230"]`, []int{2}},
	{"moment", plan.GreaterOrEqual, `"2020-01-02 03:04:05.1"`, []int{2}},
	{"moment", plan.NotEqual, `"2020-01-02 03:04:05"`, []int{2, 3}},
	{"instant", plan.Equal, `"2020-01-02T03:04:05Z"`, []int{1}},
	{"instant", plan.Equal, `"2020-01-02T04:04:05+01:00"`, []int{1}},
	{"instant", plan.Less, `"2020-01-02T01:04:06Z"`, []int{2, 3}},
	{"instant", plan.In, `["2020-01-02T01:04:05+00:00"]`, []int{2}},
	{"day", plan.Equal, `"2020-02-29"`, []int{1}},
	{"day", plan.Less, `"2020-01-01"`, []int{2}},
	{"day", plan.In, `["2038-01-19"]`, []int{3}},
	{"hour", plan.Equal, `"03:04:05"`, []int{1}},
	{"hour", plan.Greater, `"03:04:05"`, []int{2}},
	{"mark", plan.Equal, `"0a1b2c3d-0000-4000-8000-00000000000f"`, []int{1}},
	{"mark", plan.Equal, `"0A1B2C3D-0000-4000-8000-00000000000F"`, []int{1}},
	{"mark", plan.Equal, `"ffffffff-0000-4000-8000-00000000000a"`, []int{2}},
	{"mark", plan.NotEqual, `"ffffffff-0000-4000-8000-00000000000a"`, []int{1, 3}},
	{"mark", plan.In, `["ffffffff-0000-4000-8000-00000000000a", "11111111-0000-4000-8000-000000000000"]`, []int{2, 3}},
	{"mark", plan.NotIn, `["ffffffff-0000-4000-8000-00000000000a"]`, []int{1, 3}},
	{"docb", plan.Equal, `{"b": [1, 2], "a": 1}`, []int{1}},
	{"docb", plan.NotEqual, `["x", "y"]`, []int{1, 3}},
	{"docb", plan.In, `[{"b": null}]`, []int{3}},
	{"docb", plan.Contains, `{"a": 1}`, []int{1}},
	{"docb", plan.ContainedIn, `["x", "y", "z"]`, []int{2}},
	{"docb", plan.HasKey, `"b"`, []int{1, 3}},
	{"docb", plan.HasKeysAny, `["a", "x"]`, []int{1, 2}},
	{"docb", plan.HasKeysAll, `["a", "b"]`, []int{1}},
}

// testOperators checks that each operator a source declares finds what it must,
// and that each it doesn't declare is refused.
func testOperators(t *testing.T, f *fixture) {
	t.Helper()
	classes := map[string]logical{}
	for _, l := range logicals {
		classes[l.column] = l
	}
	for _, o := range operatorCases {
		l := classes[o.column]
		if !f.has(l) {
			continue
		}
		t.Run(o.column+" "+string(o.operator)+" "+o.value, func(t *testing.T) {
			sel := f.selection(t, "kinds", "id")
			sel.Where = f.compare(t, "kinds", o.column, o.operator, literal(t, o.value))
			if declared(f.capabilities, l.class, o.operator) {
				f.ids(t, sel, o.want...)
			} else {
				f.refused(t, sel)
			}
		})
	}
	if l := classes["words"]; declared(f.capabilities, l.class, plan.Like) {
		// A backslash, which is its own escape or needs none.
		pattern := `"%\\\\%"`
		if f.harness.PlainBackslash {
			pattern = `"%\\%"`
		}
		sel := f.selection(t, "kinds", "id")
		sel.Where = f.compare(t, "kinds", l.column, plan.Like, literal(t, pattern))
		f.ids(t, sel, 1)
	}
	for _, l := range logicals {
		if f.has(l) {
			sel := f.selection(t, "kinds", "id")
			sel.Where = f.isNull(t, "kinds", l.column)
			f.ids(t, sel, 4)
			sel.Where = &plan.IsNull{Left: &plan.ColumnOperand{Column: f.column(t, "kinds", l.column)}, Negate: true}
			f.ids(t, sel, 1, 2, 3)
		}
	}
}

func (f *fixture) where(t *testing.T, table string, where plan.Predicate, want ...int) {
	t.Helper()
	sel := f.selection(t, table, "id")
	sel.Where = where
	f.ids(t, sel, want...)
}

func testPredicates(t *testing.T, f *fixture) {
	t.Helper()
	scoreAbove := func(n string) plan.Predicate { return f.compare(t, "article", "score", plan.Greater, literal(t, n)) }
	titled := func(title string) plan.Predicate {
		return f.compare(t, "article", "title", plan.Equal, literal(t, `"`+title+`"`))
	}
	f.where(t, "article", nil, 10, 11, 12, 13, 14, 15)
	f.where(t, "article", &plan.And{}, 10, 11, 12, 13, 14, 15)
	f.where(t, "article", &plan.Or{})
	f.where(t, "article", &plan.Const{Value: true}, 10, 11, 12, 13, 14, 15)
	f.where(t, "article", &plan.Const{})
	f.where(t, "article", &plan.And{Parts: []plan.Predicate{scoreAbove("3"), titled("alpha")}}, 10)
	f.where(t, "article", &plan.Or{Parts: []plan.Predicate{scoreAbove("4"), titled("gamma"), titled("orphan")}}, 10, 12, 13, 14)
	// A comparison with null is not true, and neither is its negation.
	f.where(t, "article", &plan.Not{Part: scoreAbove("4")}, 11, 14, 15)
	f.where(t, "article", f.compare(t, "article", "score", plan.Equal, literal(t, "null")))
	f.where(t, "article", &plan.Not{Part: f.compare(t, "article", "score", plan.Equal, literal(t, "null"))})
	f.where(t, "article", &plan.Not{Part: &plan.Or{}}, 10, 11, 12, 13, 14, 15)
	many := &plan.Or{}
	for range 3000 {
		many.Parts = append(many.Parts, titled("beta"))
	}
	f.where(t, "article", many, 11)

	author := func(where plan.Predicate) plan.Predicate {
		rows := f.related(t, "author", "id", "article", "author_id")
		rows.Where = where
		return &plan.Exists{Relationship: "author", Target: rows}
	}
	f.where(t, "article", author(nil), 10, 11, 12, 13, 15)
	f.where(t, "article", author(f.compare(t, "author", "name", plan.Equal, literal(t, `"bob"`))), 12)
	f.where(t, "article", &plan.Not{Part: author(f.compare(t, "author", "name", plan.Equal, literal(t, `"ann"`)))}, 12, 14, 15)
	// Two levels, there and back.
	commented := f.related(t, "comment", "article_id", "article", "id")
	articles := f.related(t, "article", "author_id", "author", "id")
	articles.Where = &plan.Exists{Relationship: "comments", Target: commented}
	f.where(t, "author", &plan.Exists{Relationship: "articles", Target: articles}, 1, 3)
	// Without a correlation.
	anyone := f.rows(t, "author")
	anyone.Where = f.compare(t, "author", "name", plan.Equal, literal(t, `"dot"`))
	f.where(t, "comment", &plan.Exists{Target: anyone}, 100, 101, 102, 103)
	anyone.Where = f.compare(t, "author", "name", plan.Equal, literal(t, `"nobody"`))
	f.where(t, "comment", &plan.Exists{Target: anyone})
}

func testColumnComparison(t *testing.T, f *fixture) {
	t.Helper()
	own := &plan.CompareColumns{
		Left: f.column(t, "booking", "id"), Operator: plan.Greater, Right: f.column(t, "booking", "number"),
	}
	sel := f.selection(t, "booking", "id")
	sel.Where = own
	if !f.capabilities.ColumnComparison {
		f.refused(t, sel)
		return
	}
	f.ids(t, sel, 3, 4, 5)
	own.Operator = plan.Equal
	f.ids(t, sel, 1, 2)
	// With the root of the predicate, from inside of a related row.
	articles := f.related(t, "article", "author_id", "author", "id")
	articles.Where = &plan.CompareColumns{
		Left: f.column(t, "article", "score"), Operator: plan.Greater, Right: f.column(t, "author", "id"), RightRoot: true,
	}
	f.where(t, "author", &plan.Exists{Relationship: "articles", Target: articles}, 1, 3)
}

func testAggregatePredicates(t *testing.T, f *fixture) {
	t.Helper()
	predicate := &plan.CompareAggregate{
		Relationship: "articles", Target: f.related(t, "article", "author_id", "author", "id"), Function: "count",
		Having: []plan.AggregateComparison{{Operator: plan.GreaterOrEqual, Right: literal(t, "1")}},
		Result: f.column(t, "author", "id").Type,
	}
	sel := f.selection(t, "author", "id")
	sel.Where = predicate
	if !f.capabilities.AggregatePredicate {
		f.refused(t, sel)
		return
	}
	f.ids(t, sel, 1, 2, 3)
	predicate.Having = append(predicate.Having, plan.AggregateComparison{Operator: plan.Less, Right: literal(t, "3")})
	f.ids(t, sel, 2, 3)
	predicate.Having = []plan.AggregateComparison{{Operator: plan.Equal, Right: literal(t, "0")}}
	f.ids(t, sel, 4)
	predicate.Having = []plan.AggregateComparison{{Operator: plan.Equal, Right: literal(t, "2")}}
	predicate.Arguments, predicate.Distinct = []plan.Column{f.column(t, "article", "score")}, true
	f.ids(t, sel, 1)
	predicate.Having[0].Right, predicate.Distinct = literal(t, "1"), false
	predicate.Target.Where = f.compare(t, "article", "score", plan.Less, literal(t, "5"))
	f.ids(t, sel, 1, 3)
	predicate.Target.Where = nil
	predicate.Function = "max"
	predicate.Having = []plan.AggregateComparison{{Operator: plan.Equal, Right: literal(t, "5")}}
	f.ids(t, sel, 1)
	// An aggregate of nothing doesn't compare, so that the negation holds.
	sel.Where = &plan.Not{Part: predicate}
	f.ids(t, sel, 2, 3, 4)
}

func testLists(t *testing.T, f *fixture) {
	t.Helper()
	article := func(operator plan.Operator, value plan.Value) plan.Predicate {
		return f.compare(t, "article", "score", operator, value)
	}
	f.where(t, "article", article(plan.In, literal(t, "[]")))
	f.where(t, "article", article(plan.NotIn, literal(t, "[]")), 10, 11, 12, 13, 14, 15)
	f.where(t, "article", article(plan.In, literal(t, "[5, null]")), 10, 13)
	f.where(t, "article", article(plan.NotIn, literal(t, "[5, null]")))
	f.where(t, "article", article(plan.In, &plan.Variable{Name: "absent"}))
	f.where(t, "article", article(plan.NotIn, &plan.Variable{Name: "absent"}))
	f.where(t, "article", article(plan.In, &plan.ListValue{Items: []plan.Value{literal(t, "3"), literal(t, `"1"`)}}), 11, 14)
	// A session variable is an array in Postgres's notation.
	sel := f.selection(t, "article", "id")
	sel.Where = article(plan.In, &plan.SessionVariable{Name: "x-hasura-scores"})
	f.idsWith(t, sel, plan.Arguments{Session: map[string]string{"x-hasura-scores": "{5, 1}"}}, 10, 13, 14)
	f.idsWith(t, sel, plan.Arguments{Session: map[string]string{"x-hasura-scores": "{}"}})
	sel.Where = f.compare(t, "article", "title", plan.In, &plan.SessionVariable{Name: "x-hasura-titles"})
	f.idsWith(t, sel, plan.Arguments{Session: map[string]string{"x-hasura-titles": `{alpha,"be\"ta",  "A_b%c" ,NULL}`}}, 10, 15)
	_, err := f.answer(t.Context(), &request{query: sel, args: plan.Arguments{Session: map[string]string{"x-hasura-titles": "alpha"}}})
	wantCode(t, err, sources.CodeDataException)
}

// testSmallIntegers checks that a comparison with a whole number that a column
// can't hold has an answer all the same.
func testSmallIntegers(t *testing.T, f *fixture) {
	t.Helper()
	if _, ok := f.tables["small"]; !ok {
		t.Skip("SKIPPED: the source has no small whole numbers")
	}
	for _, great := range []string{"40000", "3000000000", "9223372036854775807", "9223372036854775808", "123456789012345678901234567890"} {
		for _, sign := range []string{"", "-"} {
			value := literal(t, sign+great)
			below, above := []int{1, 2}, []int(nil)
			if sign != "" {
				below, above = nil, []int{1, 2}
			}
			f.where(t, "small", f.compare(t, "small", "n", plan.Less, value), below...)
			f.where(t, "small", f.compare(t, "small", "n", plan.LessOrEqual, value), below...)
			f.where(t, "small", f.compare(t, "small", "n", plan.Greater, value), above...)
			f.where(t, "small", f.compare(t, "small", "n", plan.GreaterOrEqual, value), above...)
			f.where(t, "small", f.compare(t, "small", "n", plan.Equal, value))
			f.where(t, "small", f.compare(t, "small", "n", plan.NotEqual, value), 1, 2)
			list := literal(t, "[200, "+sign+great+"]")
			f.where(t, "small", f.compare(t, "small", "n", plan.In, list), 2)
			f.where(t, "small", f.compare(t, "small", "n", plan.NotIn, list), 1)
		}
	}
}

// testBadValues checks that a value that isn't of its column's type is the
// user's error.
func testBadValues(t *testing.T, f *fixture) {
	t.Helper()
	values := map[Logical]string{
		Integer: `"one"`, Bigint: `9223372036854775808`, Numeric: `"1,5"`, Double: `"x"`, Boolean: `"perhaps"`,
		UUID: `"0a1b2c3d"`, Date: `"the day before"`, Timestamp: `"then"`, TimestampTZ: `"then"`, Time: `"noonish"`,
	}
	for _, l := range logicals {
		value, ok := values[l.typ]
		if !ok || !f.has(l) {
			continue
		}
		sel := f.selection(t, "kinds", "id")
		for _, operator := range []plan.Operator{plan.Equal, plan.In} {
			sel.Where = f.compare(t, "kinds", l.column, operator, literal(t, value))
			if operator == plan.In {
				sel.Where = f.compare(t, "kinds", l.column, operator, literal(t, "["+value+"]"))
			}
			_, err := f.answer(t.Context(), &request{query: sel})
			wantCode(t, err, sources.CodeDataException)
		}
	}
}
