package mssql

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/sqlc-dev/teesql/parser"

	"dovetail/internal/plan"
)

// fragments are the inputs of the goldens, by name.
func fragments() map[string]*plan.Fragment {
	out := map[string]*plan.Fragment{}
	selectionCases(out)
	relationshipCases(out)
	bindingCases(out)
	aggregateCases(out)
	predicateCases(out)
	mutationCases(out)
	return out
}

func selectionCases(out map[string]*plan.Fragment) {
	out["flat"] = root(many(authors(where(cmp("name", plan.Equal, variable("n"))), permit(cmp("id", plan.Equal, session("x-hasura-user-id"))),
		by("name", "-id")), cols("id", "name", "born")...))
	out["limit"] = root(many(authors(limit(literal("5"))), cols("id")...))
	out["limit under a role's"] = root(many(authors(limit(variable("l")), atMost(7)), cols("id")...))
	out["role's limit alone"] = root(many(authors(atMost(7)), cols("id")...))
	out["role's limit of none"] = root(many(authors(atMost(0), offset(literal("1"))), cols("id")...))
	out["limit and offset"] = root(many(authors(by("id"), limit(variable("l")), offset(literal("2")), atMost(7)), cols("id")...))
	out["offset alone"] = root(many(authors(offset(variable("o"))), cols("id")...))
	out["offset under a role's limit"] = root(many(authors(offset(variable("o")), atMost(3)), cols("id")...))
	out["one row"] = root(first(authors(where(cmp("id", plan.Equal, variable("id")))), cols("id", "name")...))
	out["nothing but typename"] = root(many(authors(), &plan.StaticField{Key: "__typename", JSON: []byte(`"author"`)}))
	out["every kind of value"] = root(many(authors(by("id")), append(cols("name", "nick", "born", "seen", "score", "active", "mark", "place", "area", "data", "doc"),
		nest("articles", many(articlesOf(by("id")), cols("id", "title", "rating", "big", "price", "written", "body")...)),
		nest("same", many(authors(on("id", "id")), cols("name", "nick", "born", "seen", "score", "active", "mark", "place", "area", "data", "doc")...)))...))
	out["guards and groups"] = root(many(authors(),
		&plan.ColumnField{Key: "guarded", Column: col("name"), Guard: cmp("id", plan.Equal, session("x-hasura-user-id"))},
		&plan.ColumnField{Key: "place", Column: col("place"), Guard: cmp("id", plan.Less, literal("2"))},
		&plan.GroupField{Key: "group", Fields: cols("id", "id")}))
	out["stringified"] = root(many(articles(), &plan.ColumnField{Key: "rating", Column: col("rating"), Stringify: true}, &plan.ColumnField{Key: "plain", Column: col("rating")}))
	out["nulls"] = root(many(authors(by(
		plan.Order{By: &plan.OrderColumn{Column: col("id")}, Nulls: plan.NullsFirst},
		plan.Order{By: &plan.OrderColumn{Column: col("name")}, Nulls: plan.NullsLast},
		plan.Order{By: &plan.OrderColumn{Column: col("nick")}, Descending: true, Nulls: plan.NullsFirst},
		plan.Order{By: &plan.OrderColumn{Column: col("born")}, Descending: true, Nulls: plan.NullsLast},
		"-name", // ordered by already
		"doc")), cols("id")...))
	out["distinct"] = root(many(authors(distinctOn("name"), by("name", "-born")), cols("id", "name")...))
	out["limited distinct with nested"] = root(many(authors(distinctOn("name"), by("name", plan.Order{By: &plan.OrderAggregate{Target: articlesOf(), Function: "count"}, Descending: true}), limit(literal("2")), offset(literal("1"))),
		append(cols("id"), nest("articles", many(articlesOf(), cols("id")...)))...))
	out["function"] = root(many(changed(plan.Rows{PermitLimit: -1, From: &plan.FunctionCall{Schema: "dbo", Name: "search", Arguments: []plan.FunctionArgument{
		{Name: "term", Type: ParseType("nvarchar(50)"), Value: variable("term")}, {Name: "session", Session: true},
	}}}, where(cmp("id", plan.Greater, literal("1"))), by("id")), cols("id", "title")...))
	out["procedure"] = root(many(changed(articleProcedure(
		plan.FunctionArgument{Name: "term", Type: ParseType("varchar(50)"), Value: variable("term")},
		plan.FunctionArgument{Name: "least", Type: ParseType("decimal(5,2)"), Value: literal("1.5")},
	), where(cmp("id", plan.Greater, literal("1"))), permit(cmp("title", plan.Equal, session("x-hasura-title"))), by("id"), limit(variable("l")), offset(literal("1")), atMost(7)), cols("id", "title")...))
	out["procedure without arguments"] = root(many(articleProcedure(), cols("title")...))
	out["procedure with a strange argument"] = root(many(articleProcedure(plan.FunctionArgument{Name: "x] = 1; --", Type: ParseType("int"), Value: literal("1")}), cols("title")...))
	out["procedure for each row"] = bind(many(changed(articleProcedure(), tied("id", 0)), cols("id")...), "id")
	out["native query"] = root(many(changed(plan.Rows{PermitLimit: -1, From: &plan.NativeQuery{Name: "q", Parts: []plan.NativeQueryPart{
		{SQL: "SELECT id, name FROM author WHERE id < "}, {Type: ParseType("int"), Value: variable("top")}, {SQL: " -- the end;\n"},
	}}}, where(cmp("id", plan.Greater, literal("0"))), by("id")), append(cols("id", "name"), nest("articles", many(articlesOf(), cols("title")...)))...))
	with := func(name string, parts ...plan.NativeQueryPart) plan.Rows {
		return plan.Rows{PermitLimit: -1, From: &plan.NativeQuery{Name: name, Parts: parts}}
	}
	top := plan.NativeQueryPart{Type: ParseType("int"), Value: variable("top")}
	authorsOf := plan.Correlation{Column: col("id"), Outer: col("id"), Binding: -1}
	few := func(rows plan.Rows) plan.Rows { rows.On = []plan.Correlation{authorsOf}; return rows }
	out["native query with common tables"] = root(many(changed(with("q",
		plan.NativeQueryPart{SQL: "-- WITH a comment\n;WITH few (id, [na]]me)]) AS (SELECT id, ')' FROM author /* ) ( */ WHERE id < "}, top,
		plan.NativeQueryPart{SQL: "), [other] AS (SELECT N'it''s (' AS x, \"a)\" FROM few)\nSELECT id, name FROM few, other; ;-- the end;"}), by("id")),
		append(cols("id", "name"), nest("again", many(few(with("q2", plan.NativeQueryPart{SQL: "SELECT id FROM article"})), cols("id")...)))...))
	shared := plan.NativeQueryPart{SQL: "WITH x AS (SELECT id FROM author) SELECT id FROM x"}
	out["native queries with a table in common"] = root(many(with("q", shared), nest("again", many(few(with("q", shared)), cols("id")...))))
	out["native queries with other tables of one name"] = root(many(with("q", shared), nest("again", many(few(with("other", plan.NativeQueryPart{SQL: "WITH X AS (SELECT id FROM article) SELECT id FROM X"})), cols("id")...))))
	out["native query that means another table"] = root(many(with("q", shared), nest("again", many(few(with("other", plan.NativeQueryPart{SQL: "SELECT id FROM [X]"})), cols("id")...))))
	odd := many(plan.Rows{PermitLimit: -1, From: &plan.Table{Schema: "a]b", Name: "c'd\"--"}}, &plan.ColumnField{Key: "k", Column: plan.Column{Name: "x] FROM y", Type: ParseType("int")}})
	out["names"] = root(odd)
	holes := &plan.Fragment{}
	holes.Query = many(authors(), append(cols("id", "name"), hole(holes, "profile", "id"), hole(holes, "both", "name", "born"), hole(holes, "when", "seen", "mark"),
		nest("articles", many(articlesOf(), hole(holes, "stock", "rating", "big"))))...)
	out["holes"] = holes
}

func relationshipCases(out map[string]*plan.Fragment) {
	out["object relationship"] = root(many(articles(), append(cols("id"), nest("author", first(authorOf(permit(cmp("id", plan.Greater, literal("0")))),
		append(cols("name"), nest("articles", many(articlesOf(), cols("title")...)))...)))...))
	out["object relationship after a limit"] = root(many(articles(by("title", &plan.OrderRelated{Target: authorOf(), By: &plan.OrderColumn{Column: col("name")}}), limit(literal("3"))),
		append(cols("id"), nest("author", first(authorOf(), cols("name")...)))...))
	out["object relationship without a key"] = root(many(authors(), nest("latest", first(articlesOf(by("-written", "id")), append(cols("title"), nest("author", first(authorOf(), cols("name")...)))...))))
	out["object relationship in a list"] = root(many(authors(), nest("articles", many(articlesOf(by("id")), append(cols("id"), nest("author", first(authorOf(), cols("name", "seen")...)))...))))
	out["guarded relationships"] = root(many(articles(),
		&plan.NestedField{Key: "author", Selection: first(authorOf(), cols("name")...), Guard: cmp("id", plan.Less, literal("5"))},
		&plan.NestedField{Key: "same", Selection: many(articles(on("author_id", "author_id")), cols("id")...), Guard: cmp("id", plan.Less, literal("5"))},
		&plan.NestedAggregateField{Key: "count", Aggregation: aggregation(articles(on("author_id", "author_id")), group(&plan.Count{Key: "count"})), Guard: cmp("id", plan.Less, literal("5"))}))
	out["lists beside and inside lists"] = root(many(authors(), append(cols("id"),
		nest("first", many(articlesOf(by("-id"), limit(literal("2"))), append(cols("id"), nest("again", many(articles(on("author_id", "author_id"), by("id"), limit(literal("1")), offset(literal("1"))), cols("big")...)))...)),
		nest("second", many(articlesOf(where(cmp("rating", plan.Greater, literal("1.5"))), atMost(4)), cols("title")...)))...))
	out["order by aggregates"] = root(many(authors(by(
		plan.Order{By: &plan.OrderAggregate{Target: articlesOf(), Function: "count"}, Descending: true, Nulls: plan.NullsFirst},
		&plan.OrderAggregate{Target: articlesOf(permit(cmp("id", plan.Greater, literal("0")))), Function: "max", Column: col("rating")},
		&plan.OrderAggregate{Target: articlesOf(), Function: "avg", Column: col("id")}), limit(literal("9"))),
		append(cols("id"), nest("articles", many(articlesOf(), cols("id")...)))...))
	out["order by a relationship's relationship"] = root(many(articles(by(&plan.OrderRelated{Target: authorOf(), By: &plan.OrderAggregate{Target: articlesOf(), Function: "count"}},
		&plan.OrderRelated{Target: authors(on("name", "title")), By: &plan.OrderColumn{Column: col("id")}})), cols("id")...))
	out["relationship between collations"] = root(many(authors(), nest("namesakes", many(authors(on("name", "nick"), where(&plan.CompareColumns{Left: col("nick"), Operator: plan.Equal, Right: col("name")})), cols("id")...))))
}

func bindingCases(out map[string]*plan.Fragment) {
	out["list per binding"] = bind(many(articles(tied("author_id", 0), by("title"), permit(cmp("rating", plan.Greater, literal("0")))),
		append(cols("id", "title"), nest("author", first(authorOf(), cols("name")...)))...), "author_id")
	out["limited list per binding"] = bind(many(articles(tied("author_id", 0), by("-rating"), limit(literal("2")), offset(literal("1"))),
		append(cols("id", "title"), nest("author", first(authorOf(), cols("name")...)))...), "author_id")
	out["role's limit per binding"] = bind(many(articles(tied("author_id", 0), atMost(3)), cols("id")...), "author_id")
	out["distinct per binding"] = bind(many(articles(tied("author_id", 0), distinctOn("title"), by("title", "-id")), cols("id")...), "author_id")
	out["unique row per binding"] = bind(first(authors(tied("id", 0)), cols("id", "name")...), "id")
	out["any row per binding"] = bind(first(articles(tied("author_id", 0)), cols("id")...), "author_id")
	out["tuple per binding"] = bind(many(articles(tied("author_id", 0), tied("title", 1)), cols("id")...), "author_id", "title")
	out["binding of a code page"] = bind(many(authors(tied("nick", 0)), cols("id")...), "nick")
	for _, name := range []string{"born", "seen", "score", "active", "mark", "data", "doc"} {
		out["binding of type "+col(name).Type.Scalar] = bind(many(authors(tied(name, 0)), cols("id")...), name)
	}
	for _, name := range []string{"rating", "big", "price", "written", "body"} {
		out["binding of type "+col(name).Type.Name] = bind(many(articles(tied(name, 0)), cols("id")...), name)
	}
	out["binding of a geography"] = bind(many(authors(tied("place", 0)), cols("id")...), "place")
	out["aggregate per binding"] = bind(aggregation(articles(tied("author_id", 0), where(cmp("rating", plan.Greater, literal("1")))), group(&plan.Count{Key: "count"}, function("sum", "rating"))), "author_id")
	out["limited aggregate and nodes per binding"] = bind(aggregation(articles(tied("author_id", 0), by("-rating"), limit(literal("2")), atMost(1)),
		group(&plan.Count{Key: "count"}, function("max", "rating")), nodes(cols("id", "title")...)), "author_id")
	out["nodes per binding"] = bind(aggregation(articles(tied("author_id", 0), by("id"), atMost(1)), nodes(cols("id")...)), "author_id")
	out["typename per binding"] = bind(aggregation(articles(tied("author_id", 0)), &plan.AggregateStatic{Key: "__typename", JSON: []byte(`"a"`)}), "author_id")
}

func aggregateCases(out map[string]*plan.Fragment) {
	title, rating := col("title"), col("rating")
	out["counts"] = root(aggregation(articles(where(cmp("id", plan.Greater, literal("0"))), by("id")),
		&plan.AggregateStatic{Key: "__typename", JSON: []byte(`"article_aggregate"`)},
		group(&plan.Count{Key: "count"}, &plan.Count{Key: "titles", Columns: []plan.Column{title}, Distinct: true}, &plan.Count{Key: "both", Columns: []plan.Column{title, rating}},
			&plan.Count{Key: "tuples", Columns: []plan.Column{title, rating}, Distinct: true}, &plan.Count{Key: "bodies", Columns: []plan.Column{col("body")}},
			&plan.AggregateItemStatic{Key: "__typename", JSON: []byte(`"x"`)})))
	out["functions"] = root(aggregation(articles(), group(function("sum", "id", "big", "rating", "price"), function("avg", "id", "big", "rating", "price"),
		function("min", "title", "written", "body"), function("max", "rating"), function("stddev", "id", "rating"), function("var_pop", "rating"))))
	out["functions of floats and others"] = root(aggregation(authors(), group(function("sum", "score"), function("avg", "score"), function("stddev", "score"), function("stddev_pop", "score"),
		function("stddev_samp", "score"), function("var_pop", "score"), function("var_samp", "score"), function("variance", "score"), function("min", "active", "mark", "nick", "seen"))))
	out["function of a type without it"] = root(aggregation(authors(), group(function("sum", "name"))))
	out["guarded function"] = root(aggregation(articles(), group(&plan.AggregateFunction{Key: "sum", Name: "sum", Columns: []plan.AggregateColumn{
		{Key: "rating", Column: rating, Stringify: true, Guard: &plan.Exists{Target: authorOf()}}, {Key: "__typename", Static: []byte(`"t"`)},
	}})))
	out["aggregate with a limit"] = root(aggregation(articles(by("id"), limit(literal("3")), atMost(2)), group(&plan.Count{Key: "count"}, &plan.Count{Key: "tuples", Columns: []plan.Column{title, rating}, Distinct: true})))
	out["aggregate of distinct rows"] = root(aggregation(articles(distinctOn("author_id"), by("author_id", "id")), group(&plan.Count{Key: "count"}, function("max", "id"))))
	out["aggregate and nodes"] = root(aggregation(articles(by("-id"), atMost(2)), group(&plan.Count{Key: "count"}), nodes(append(cols("id"), nest("author", first(authorOf(), cols("name")...)))...)))
	out["limited aggregate and nodes"] = root(aggregation(articles(by("-rating"), limit(literal("3")), atMost(2)), nodes(append(cols("id"), nest("author", first(authorOf(), cols("name")...)))...), group(&plan.Count{Key: "count"})))
	out["nodes alone"] = root(aggregation(articles(by("-id"), limit(literal("3"))), nodes(cols("id")...)))
	out["nested aggregates"] = root(many(authors(by("id")), append(cols("id"),
		&plan.NestedAggregateField{Key: "articles", Aggregation: aggregation(articlesOf(), group(&plan.Count{Key: "count"}, function("avg", "rating")))},
		&plan.NestedAggregateField{Key: "with_nodes", Aggregation: aggregation(articlesOf(by("id")), group(&plan.Count{Key: "count"}), nodes(cols("title")...))})...))
	out["aggregates inside of lists"] = root(many(authors(), nest("articles", many(articlesOf(), &plan.NestedAggregateField{
		Key: "authors", Aggregation: aggregation(authorOf(), group(function("max", "seen", "score"), function("avg", "id")), nodes(cols("id")...)),
	}))))
}

func predicateCases(out map[string]*plan.Fragment) {
	out["junctions"] = conditions(&plan.Or{}, &plan.And{}, &plan.Const{Value: true}, &plan.Not{Part: &plan.Or{Parts: []plan.Predicate{cmp("id", plan.Equal, literal("1")), isNull("name", false)}}}, isNull("born", true))
	out["nothing holds"] = condition(&plan.Const{})
	out["exists"] = conditions(
		&plan.Exists{Target: articlesOf(where(&plan.And{Parts: []plan.Predicate{
			cmp("title", plan.Equal, variable("t")), &plan.CompareColumns{Left: col("title"), Operator: plan.NotEqual, Right: col("name"), RightRoot: true},
		}}), permit(cmp("rating", plan.Greater, literal("1"))))},
		&plan.Exists{Target: articles(where(cmp("id", plan.Equal, literal("5"))))})
	yes := true
	out["aggregate predicates"] = conditions(
		&plan.CompareAggregate{
			Target: articlesOf(where(cmp("rating", plan.Greater, literal("1")))), Function: "count", Result: ParseType("int"),
			Having: []plan.AggregateComparison{{Operator: plan.Greater, Right: literal("1")}, {Operator: plan.In, Right: literal("[2,3]")}},
		},
		&plan.CompareAggregate{Target: articlesOf(), Function: "count", Arguments: []plan.Column{col("title")}, Distinct: true, Having: []plan.AggregateComparison{{Operator: plan.Less, Right: variable("top")}}},
		&plan.CompareAggregate{Target: articlesOf(), Function: "avg", Arguments: []plan.Column{col("id")}, Having: []plan.AggregateComparison{{IsNull: &yes}}},
		&plan.CompareAggregate{Target: articlesOf(), Function: "sum", Arguments: []plan.Column{col("rating")}, Distinct: true, Having: []plan.AggregateComparison{{Operator: plan.LessOrEqual, Right: literal("1.25")}}},
		&plan.CompareAggregate{Target: articlesOf(), Function: "stddev_samp", Arguments: []plan.Column{col("big")}, Having: []plan.AggregateComparison{{Operator: plan.Less, Right: literal("1e3")}}},
		&plan.CompareAggregate{Target: authors(), Function: "bool_or", Arguments: []plan.Column{col("active")}, Having: []plan.AggregateComparison{{Operator: plan.Equal, Right: literal("true")}}})
	out["aggregate predicate of two columns"] = condition(&plan.CompareAggregate{Target: articlesOf(), Function: "corr", Arguments: []plan.Column{col("big"), col("id")}, Having: []plan.AggregateComparison{{IsNull: &yes}}})
	out["guarded operand"] = condition(&plan.Compare{Left: &plan.ColumnOperand{Column: col("name"), Guard: cmp("id", plan.Equal, literal("1"))}, Operator: plan.Equal, Right: literal(`"x"`)})
	text := ParseType("nvarchar")
	out["cast"] = condition(&plan.Compare{Left: &plan.ColumnOperand{Column: col("id"), Cast: &text}, Operator: plan.Like, Right: literal(`"%a%"`)})
	keySetCases(out)
	out["permission missing"] = root(many(authors(func(r *plan.Rows) { r.Restricted = true }), cols("id")...))
	out["computed field"] = root(many(authors(), &plan.ComputedField{Key: "c", Call: &plan.FunctionCall{Name: "f"}}))
	out["JSON path"] = root(many(authors(), &plan.ColumnField{Key: "c", Column: col("name"), JSONPath: []string{"a"}}))
	out["operator of another source"] = condition(cmp("name", plan.ILike, literal(`"a"`)))
	out["operators of numbers"] = conditions(cmp("id", plan.Equal, literal("1")), cmp("id", plan.NotEqual, literal("2")), cmp("id", plan.Greater, literal("0")), cmp("id", plan.Less, literal("9")),
		cmp("id", plan.GreaterOrEqual, literal("1")), cmp("id", plan.LessOrEqual, literal("1")), cmp("id", plan.In, variable("ids")), cmp("id", plan.NotIn, session("x-hasura-ids")), cmp("score", plan.Less, literal("1e300")))
	out["operators of decimals"] = root(many(articles(where(&plan.And{Parts: []plan.Predicate{cmp("rating", plan.Equal, literal("1.50")), cmp("rating", plan.In, literal("[1, 2.5]")), cmp("price", plan.Less, literal("3")), cmp("big", plan.Equal, literal("9007199254740993"))}})), cols("id")...))
	out["operators of small numbers"] = root(many(articles(where(&plan.And{Parts: []plan.Predicate{
		cmp("stars", plan.Greater, literal("-1")), cmp("stars", plan.Less, literal("300")),
		cmp("stars", plan.In, literal("[5, 300, 1e30]")), cmp("stars", plan.NotEqual, session("x-hasura-user-id")),
	}})), cols("id")...))
	out["operators of text"] = conditions(cmp("name", plan.Equal, literal(`"a"`)), cmp("name", plan.Like, literal(`"a[b-c]%"`)), cmp("name", plan.NotLike, literal(`"b"`)), cmp("name", plan.In, literal(`["a", null]`)),
		cmp("nick", plan.Equal, variable("n")), cmp("nick", plan.Like, literal(`"a_"`)), cmp("nick", plan.In, literal(`["łoś"]`)), cmp("nick", plan.NotIn, variable("nicks")))
	out["operators of large text"] = root(many(articles(where(&plan.And{Parts: []plan.Predicate{cmp("body", plan.Equal, literal(`"one"`)), cmp("body", plan.Like, literal(`"o%"`)), cmp("body", plan.In, literal(`["one"]`))}})), cols("id")...))
	out["operators of other types"] = conditions(cmp("active", plan.Equal, literal("true")), cmp("active", plan.In, literal("[true, false]")), cmp("mark", plan.Equal, variable("u")), cmp("mark", plan.In, variable("us")),
		cmp("born", plan.Less, literal(`"2020-01-01"`)), cmp("seen", plan.GreaterOrEqual, literal(`"2020-01-01T00:00:00Z"`)), cmp("data", plan.Equal, literal(`"0x0102"`)), cmp("doc", plan.Equal, literal(`"<a/>"`)), cmp("doc", plan.In, literal(`["<a/>"]`)))
	out["operators of older times"] = root(many(articles(where(&plan.And{Parts: []plan.Predicate{cmp("written", plan.Equal, literal(`"2020-01-02T03:04:05.123"`)), cmp("written", plan.In, literal(`["2020-01-02 03:04:05"]`))}})), cols("id")...))
	out["operators of shapes"] = conditions(cmp("place", plan.STContains, variable("g")), cmp("place", plan.STEquals, variable("g")), cmp("place", plan.STIntersects, variable("g")), cmp("place", plan.STOverlaps, variable("g")),
		cmp("place", plan.STWithin, variable("g")), cmp("area", plan.STCrosses, variable("g")), cmp("area", plan.STTouches, variable("g")))
	out["touching geographies"] = condition(cmp("place", plan.STTouches, variable("g")))
	alternatives := &plan.Or{Parts: []plan.Predicate{isNull("born", false), cmp("nick", plan.Equal, literal(`"x"`))}}
	for i := range 20 {
		alternatives.Parts = append(alternatives.Parts, cmp("id", plan.Equal, literal(fmt.Sprint(i))))
	}
	out["many alternatives"] = condition(alternatives)
}

func keySetCases(out map[string]*plan.Fragment) {
	keyed := func(name string, f *plan.Fragment) {
		f.KeySets = []*plan.KeySet{{}}
		out[name] = f
	}
	id, nick, rating := col("id"), col("nick"), col("rating")
	keyed("keys of another source", condition(&plan.Not{Part: &plan.InKeys{Columns: []plan.Column{id}}}))
	keyed("keys of two columns", condition(&plan.InKeys{Columns: []plan.Column{id, nick}}))
	keyed("order by another source", root(many(authors(by(&plan.OrderRanked{Columns: []plan.Column{nick}, Missing: 0}, "id"), limit(literal("2"))), append(cols("id"), nest("articles", many(articlesOf(), cols("id")...)))...)))
	keyed("order by another source through a row", root(many(articles(by(&plan.OrderRelated{Target: authorOf(), By: &plan.OrderRanked{Columns: []plan.Column{id}, Missing: -1}})), cols("id")...)))
	// Texts that the collation takes for equal are told apart in what comes back.
	folding := nick
	folding.Equality = plan.EqualityOwn
	exact := func(name string, f *plan.Fragment) {
		f.KeySets = []*plan.KeySet{{Candidates: &plan.Fragment{}}}
		out[name] = f
	}
	exact("own keys as texts", condition(&plan.InKeys{Columns: []plan.Column{folding}}))
	exact("order by own keys as texts", root(many(authors(by(&plan.OrderRanked{Columns: []plan.Column{folding}, Missing: 0}, "id")), cols("id")...)))
	nicks := &plan.Join{OnNull: []byte("null"), KeysOnly: true, Keys: []plan.JoinKey{{Name: "nick", Type: nick.Type}}}
	texts := authors()
	texts.DistinctOn, texts.DistinctTexts = []plan.Column{folding}, true
	out["keys distinct as texts"] = &plan.Fragment{Joins: []*plan.Join{nicks}, Query: many(texts, &plan.HoleField{Key: "k", Join: nicks})}
	out["no such key set"] = condition(&plan.InKeys{KeySet: 3, Columns: []plan.Column{id}})
	ranks := &plan.Join{OnNull: []byte("null"), KeysOnly: true, Keys: []plan.JoinKey{
		{Rank: &plan.OrderAggregate{Target: articlesOf(), Function: "max", Column: rating, Guard: cmp("big", plan.Greater, literal("0"))}}, {Name: "id", Type: id.Type},
	}}
	out["ranked keys"] = &plan.Fragment{Joins: []*plan.Join{ranks}, Query: many(authors(distinctOn("id")), &plan.HoleField{Key: "k", Join: ranks})}
	wanted := func(name string, rows plan.Rows, keys ...plan.JoinKey) {
		join := &plan.Join{OnNull: []byte("null"), KeysOnly: true, Keys: keys}
		rows.Limit = literal("101")
		out[name] = &plan.Fragment{Joins: []*plan.Join{join}, Query: many(rows, &plan.HoleField{Key: "k", Join: join})}
	}
	author := col("author_id")
	key := plan.JoinKey{Name: "author_id", Type: author.Type}
	// shared are the articles of the author of an article.
	shared := func(changes ...change) plan.Rows { return changed(articles(on("author_id", "author_id")), changes...) }
	wanted("wanted keys", articles(where(cmp("rating", plan.Greater, literal("1"))), distinctOn("author_id")), key)
	wanted("wanted keys that are unique", articles(distinctOn("id")), plan.JoinKey{Name: "id", Type: id.Type})
	wanted("wanted keys of many articles", articles(where(&plan.And{Parts: []plan.Predicate{isNull("author_id", true), &plan.CompareAggregate{
		Target: shared(permit(cmp("rating", plan.Greater, literal("1")))), Function: "count", Having: []plan.AggregateComparison{{Operator: plan.Greater, Right: literal("3")}},
	}, &plan.Not{Part: &plan.CompareAggregate{
		Target: shared(), Function: "sum", Arguments: []plan.Column{rating}, Distinct: true, Having: []plan.AggregateComparison{{Operator: plan.Less, Right: variable("top")}},
	}}}}), distinctOn("author_id")), key)
	wanted("wanted keys with their counts", articles(distinctOn("author_id")), plan.JoinKey{Rank: &plan.OrderAggregate{Target: shared(), Function: "count"}}, key)
	out["guarded order"] = root(many(authors(by(&plan.OrderColumn{Column: nick, Guard: cmp("id", plan.Equal, literal("1"))})), cols("id")...))
	out["connection"] = root(&plan.Connection{})
}

// TestCompile holds the SQL of every fragment against golden text, and a parser
// of T-SQL against the SQL.
func TestCompile(t *testing.T) {
	t.Parallel()
	all := fragments()
	seen := map[string]bool{}
	datadriven.Walk(t, "testdata/compile", func(t *testing.T, path string) {
		t.Helper()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			t.Helper()
			f, ok := all[d.Input]
			if !ok {
				t.Fatalf("%s: no fragment is called %q", d.Pos, d.Input)
			}
			seen[d.Input] = true
			statement, err := compile(f)
			if err != nil {
				return "error: " + err.Error() + "\n"
			}
			parses(t, d.Input, statement.text)
			return readable(statement)
		})
	})
	for name := range all {
		if !seen[name] {
			t.Errorf("testdata has no golden for %q", name)
		}
	}
}

// collation is a clause that the parser knows in few of the places where
// T-SQL allows it.
var collation = regexp.MustCompile(` COLLATE \w+`)

// parses checks that a statement is T-SQL.
func parses(t *testing.T, name, text string) {
	t.Helper()
	if text == "" {
		return // nothing is sent
	}
	text = collation.ReplaceAllString(text, "")
	// Of MERGE the parser knows neither the defaults nor an alias behind hints.
	text = strings.NewReplacer("THEN INSERT DEFAULT VALUES", "THEN INSERT ([c]) VALUES (1)", " WITH (HOLDLOCK) AS ", " AS ").Replace(text)
	script, err := parser.Parse(context.Background(), strings.NewReader(text))
	switch {
	case err != nil:
		t.Errorf("%s: %v\n%s", name, err, text)
	case len(script.Batches) != 1 || len(script.Batches[0].Statements) != 1+strings.Count(text, ";\n"):
		t.Errorf("%s: %d statements: %s", name, len(script.Batches[0].Statements), text)
	}
}

// readable breaks a statement into lines and lists its parameters.
func readable(s *Statement) string {
	text := s.text
	for _, word := range []string{" FROM ", " WHERE ", " LEFT JOIN ", " CROSS APPLY ", " OUTER APPLY ", " ORDER BY "} {
		text = strings.ReplaceAll(text, word, "\n"+word[1:])
	}
	var b strings.Builder
	b.WriteString(text + "\n")
	for i, p := range s.parameters {
		fmt.Fprintf(&b, "@p%d %s: %s\n", i+1, p.declaration(), describeParameter(p))
	}
	return b.String()
}

func describeParameter(p parameterSource) string {
	out := ""
	switch v := p.value.(type) {
	case nil:
	case *plan.Literal:
		out = v.JSON.String()
	case *plan.Variable:
		out = "$" + strings.Join(append([]string{v.Name}, v.Path...), ".")
	case *plan.SessionVariable:
		out = v.Name
	case *plan.ListValue:
		out = fmt.Sprintf("%d values", len(v.Items))
	case *plan.ObjectValue, *plan.BindingValue, *plan.RemoteEnum, *plan.Token:
		out = fmt.Sprintf("%T", v)
	}
	switch p.form {
	case formScalar:
	case formList:
		out += " as a list of " + p.as.name()
	case formLimit, formFetch:
		out += fmt.Sprintf(", at most %d", p.most)
	case formOffset:
		out += " passed over"
	case formSession:
		out = "the session"
	case formBindings:
		out = "the bindings"
	case formKeySet:
		out = fmt.Sprintf("key set %d", p.set)
	case formFound:
		out = fmt.Sprintf("key set %d found a row", p.set)
	case formOverflow:
		out = "the rest"
	case formNewRows:
		out = fmt.Sprintf("%d new rows", len(p.rows.rows))
		if p.rows.each != nil {
			out = "new rows of a list"
		}
	}
	return out
}

// articleProcedure is a stored procedure that answers articles.
func articleProcedure(arguments ...plan.FunctionArgument) plan.Rows {
	return plan.Rows{PermitLimit: -1, From: &plan.FunctionCall{
		Schema: "dbo", Name: "GetArticles", Arguments: arguments,
		Results: []plan.Column{
			{Name: "id", Type: ParseType("int")}, {Name: "title", Type: ParseType("nvarchar")}, {Name: "body", Type: ParseType("text")},
		},
	}}
}
