package sourcetest

import (
	"slices"
	"testing"

	"dovetail/internal/plan"
)

func countGroup() *plan.AggregateGroup {
	return &plan.AggregateGroup{Key: "aggregate", Items: []plan.AggregateItem{&plan.Count{Key: "count"}}}
}

// statistics are aggregates of articles' scores.
func (f *fixture) statistics(t *testing.T) *plan.AggregateGroup {
	t.Helper()
	group := countGroup()
	score := f.column(t, "article", "score")
	for _, name := range []string{"sum", "min", "max"} {
		group.Items = append(group.Items, &plan.AggregateFunction{
			Key: name, Name: name, Columns: []plan.AggregateColumn{{Key: "score", Column: score, Result: score.Type}},
		})
	}
	return group
}

func (f *fixture) aggregation(t *testing.T, fields ...plan.AggregateField) *plan.Aggregation {
	t.Helper()
	return &plan.Aggregation{Rows: f.rows(t, "article"), Fields: fields}
}

func testAggregates(t *testing.T, f *fixture) {
	t.Helper()
	aggregation := f.aggregation(t, f.statistics(t), &plan.AggregateStatic{Key: "__typename", JSON: []byte(`"article_aggregate"`)})
	if !f.capabilities.Aggregates {
		f.refused(t, aggregation)
		return
	}
	f.want(t, &request{query: aggregation},
		`{"aggregate":{"count":6,"sum":{"score":18},"min":{"score":1},"max":{"score":5}},"__typename":"article_aggregate"}`)
	aggregation.Where = &plan.Const{}
	f.want(t, &request{query: aggregation},
		`{"aggregate":{"count":0,"sum":{"score":null},"min":{"score":null},"max":{"score":null}},"__typename":"article_aggregate"}`)
	// Limit and offset bound what is aggregated; the permission's limit bounds nodes only.
	nodes := &plan.AggregateNodes{Key: "nodes", Fields: f.fields(t, "article", "id")}
	aggregation = f.aggregation(t, f.statistics(t), nodes)
	aggregation.OrderBy = []plan.Order{f.order(t, "article", "id", true)}
	aggregation.Limit, aggregation.Offset = literal(t, "3"), literal(t, "1")
	f.want(t, &request{query: aggregation},
		`{"aggregate":{"count":3,"sum":{"score":6},"min":{"score":1},"max":{"score":5}},"nodes":[{"id":14},{"id":13},{"id":12}]}`)
	aggregation.PermitLimit = 1
	f.want(t, &request{query: aggregation},
		`{"aggregate":{"count":3,"sum":{"score":6},"min":{"score":1},"max":{"score":5}},"nodes":[{"id":14}]}`)
	aggregation.Limit, aggregation.Offset = nil, nil
	f.want(t, &request{query: aggregation},
		`{"aggregate":{"count":6,"sum":{"score":18},"min":{"score":1},"max":{"score":5}},"nodes":[{"id":15}]}`)
	// Counts of columns.
	score := f.column(t, "article", "score")
	aggregation = f.aggregation(t, &plan.AggregateGroup{Key: "a", Items: []plan.AggregateItem{
		&plan.Count{Key: "scores", Columns: []plan.Column{score}},
		&plan.Count{Key: "distinct", Columns: []plan.Column{score}, Distinct: true},
		&plan.AggregateItemStatic{Key: "__typename", JSON: []byte(`"article_aggregate_fields"`)},
	}})
	f.want(t, &request{query: aggregation}, `{"a":{"scores":5,"distinct":4,"__typename":"article_aggregate_fields"}}`)
	// Nested in rows, beside a list.
	sel := f.selection(t, "author", "id")
	nested := f.aggregation(t, f.statistics(t), nodes)
	nested.On = f.related(t, "article", "author_id", "author", "id").On
	nested.OrderBy = []plan.Order{f.order(t, "article", "id", false)}
	nested.PermitLimit = 2
	sel.Fields = append(sel.Fields, &plan.NestedAggregateField{Key: "x", Aggregation: nested})
	sel.Where = f.compare(t, "author", "id", plan.In, literal(t, "[1, 4]"))
	f.want(t, &request{query: sel},
		`[{"id":1,"x":{"aggregate":{"count":3,"sum":{"score":13},"min":{"score":3},"max":{"score":5}},"nodes":[{"id":10},{"id":11}]}},`+
			`{"id":4,"x":{"aggregate":{"count":0,"sum":{"score":null},"min":{"score":null},"max":{"score":null}},"nodes":[]}}]`)
}

func testAggregatesOfBindings(t *testing.T, f *fixture) {
	t.Helper()
	if !f.capabilities.Aggregates || !f.capabilities.Bindings {
		return
	}
	aggregation := f.aggregation(t, f.statistics(t))
	r := &request{query: aggregation, keys: [][]string{{"2"}, {"9"}, {"1"}}}
	r.bindings = f.bound(t, &aggregation.Rows, "article", "author_id")
	f.want(t, r, `{"aggregate":{"count":1,"sum":{"score":null},"min":{"score":null},"max":{"score":null}}}`,
		`{"aggregate":{"count":0,"sum":{"score":null},"min":{"score":null},"max":{"score":null}}}`,
		`{"aggregate":{"count":3,"sum":{"score":13},"min":{"score":3},"max":{"score":5}}}`)
	aggregation.OrderBy = []plan.Order{f.order(t, "article", "id", true)}
	aggregation.Fields = append(aggregation.Fields, &plan.AggregateNodes{
		Key: "nodes", Fields: append(f.fields(t, "article", "id"), f.authorOf(t)),
	})
	aggregation.Limit = literal(t, "2")
	f.want(t, r,
		`{"aggregate":{"count":1,"sum":{"score":null},"min":{"score":null},"max":{"score":null}},"nodes":[{"id":12,"author":{"name":"bob"}}]}`,
		`{"aggregate":{"count":0,"sum":{"score":null},"min":{"score":null},"max":{"score":null}},"nodes":[]}`,
		`{"aggregate":{"count":2,"sum":{"score":8},"min":{"score":3},"max":{"score":5}},"nodes":[{"id":13,"author":{"name":"ann"}},{"id":11,"author":{"name":"ann"}}]}`)
	aggregation.Limit, aggregation.PermitLimit = nil, 1
	aggregation.Fields = aggregation.Fields[1:]
	f.want(t, r, `{"nodes":[{"id":12,"author":{"name":"bob"}}]}`, `{"nodes":[]}`, `{"nodes":[{"id":13,"author":{"name":"ann"}}]}`)
}

// aggregateResults are the aggregates of columns whose digits every source must
// give alike.
var aggregateResults = []struct {
	column, function, want string
}{
	{"score", "sum", "18"},
	{"score", "avg", "3.6000000000000000"},
	{"score", "min", "1"},
	{"score", "max", "5"},
	{"score", "stddev", "1.6733200530681511"},
	{"score", "stddev_samp", "1.6733200530681511"},
	{"score", "stddev_pop", "1.4966629547095766"},
	{"score", "variance", "2.8000000000000000"},
	{"score", "var_samp", "2.8000000000000000"},
	{"score", "var_pop", "2.2400000000000000"},
	{"price", "sum", "14.05"},
	{"price", "avg", "2.8100000000000000"},
	{"price", "min", "0.10"},
	{"price", "max", "10.00"},
	{"title", "min", `"alpha"`},
	{"title", "max", `"orphan"`},
	{"title", "sum", ""},
}

func testAggregateFunctions(t *testing.T, f *fixture) {
	t.Helper()
	if !f.capabilities.Aggregates {
		return
	}
	for _, a := range aggregateResults {
		t.Run(a.function+" "+a.column, func(t *testing.T) {
			c := f.column(t, "article", a.column)
			aggregation := f.aggregation(t, &plan.AggregateGroup{Key: "a", Items: []plan.AggregateItem{
				&plan.AggregateFunction{Key: "f", Name: a.function, Columns: []plan.AggregateColumn{{Key: "v", Column: c, Result: c.Type}}},
			}})
			aggregation.Where = f.compare(t, "article", "id", plan.NotEqual, literal(t, "0"))
			if a.column == "title" { // whose order depends on collations otherwise
				aggregation.Where = f.compare(t, "article", "id", plan.Less, literal(t, "15"))
			}
			if !slices.Contains(f.capabilities.AggregateFunctions[c.Type.Class], a.function) {
				f.refused(t, aggregation)
				return
			}
			f.want(t, &request{query: aggregation}, `{"a":{"f":{"v":`+a.want+`}}}`)
		})
	}
}
