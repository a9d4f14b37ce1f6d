package postgres

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/internal/testpostgres"
)

// library is the schema that the compiler's goldens are about.
const library = `
CREATE EXTENSION IF NOT EXISTS ltree; CREATE EXTENSION IF NOT EXISTS citext;
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TABLE author (id int PRIMARY KEY, name text, born date, seen timestamptz, mood mood, score float8, data jsonb, tags text[], nick citext);
CREATE TABLE article (id int PRIMARY KEY, author_id int, title varchar, rating numeric, path ltree, big int8);
CREATE FUNCTION full_name(author) RETURNS text LANGUAGE sql STABLE AS $$ SELECT $1.name || '!' $$;
CREATE FUNCTION greeting(author, word text, session json) RETURNS text LANGUAGE sql STABLE AS $$ SELECT $2 || $1.name || ($3->>'x-hasura-role') $$;
CREATE FUNCTION search(term text) RETURNS SETOF article LANGUAGE sql STABLE AS $$ SELECT * FROM article WHERE title LIKE '%' || $1 || '%' $$;
CREATE FUNCTION articles_of(author, lowest numeric) RETURNS SETOF article LANGUAGE sql STABLE AS $$ SELECT * FROM article WHERE author_id = $1.id AND rating >= $2 $$;
CREATE FUNCTION first_author() RETURNS author LANGUAGE sql STABLE AS $$ SELECT * FROM author ORDER BY id LIMIT 1 $$;
CREATE FUNCTION word_count(article) RETURNS int LANGUAGE sql STABLE AS $$ SELECT length($1.title) $$;
`

func publicType(name string, class plan.TypeClass) plan.Type {
	return plan.Type{Schema: "public", Name: name, Scalar: name, Class: class}
}

func arrayType(element plan.Type) plan.Type {
	return plan.Type{Schema: systemSchema, Name: "_" + element.Name, Scalar: element.Scalar, Class: plan.ClassArray, Element: &element}
}

// col is a column of the library.
func col(name string) plan.Column {
	types := map[string]plan.Type{
		"id": systemType("int4"), "author_id": systemType("int4"), "name": systemType("text"), "title": systemType("varchar"),
		"born": systemType("date"), "seen": systemType("timestamptz"), "mood": publicType("mood", plan.ClassEnum), "score": systemType("float8"),
		"data": systemType("jsonb"), "tags": arrayType(systemType("text")), "nick": publicType("citext", plan.ClassText),
		"rating": systemType("numeric"), "path": publicType("ltree", plan.ClassLTree), "big": systemType("int8"),
		"geom": publicType("geometry", plan.ClassGeometry), "geog": publicType("geography", plan.ClassGeography), "rast": publicType("raster", plan.ClassRaster),
	}
	t, ok := types[name]
	if !ok {
		panic("no column " + name)
	}
	return plan.Column{Name: name, Type: t}
}

func authors() plan.Rows {
	return rowsOf(&plan.Table{Schema: "public", Name: "author", UniqueKeys: [][]string{{"id"}}, PrimaryKey: []plan.Column{col("id")}})
}

func articles() plan.Rows {
	return rowsOf(&plan.Table{Schema: "public", Name: "article", UniqueKeys: [][]string{{"id"}}, PrimaryKey: []plan.Column{col("id")}})
}

func with(r plan.Rows, changes ...func(*plan.Rows)) plan.Rows {
	for _, change := range changes {
		change(&r)
	}
	return r
}

func where(p plan.Predicate) func(*plan.Rows) { return func(r *plan.Rows) { r.Where = p } }
func permit(p plan.Predicate) func(*plan.Rows) {
	return func(r *plan.Rows) { r.Permit, r.Restricted = p, true }
}

func limit(text string) func(*plan.Rows) { return func(r *plan.Rows) { r.Limit = jsonValue(text) } }

func offset(text string) func(*plan.Rows) { return func(r *plan.Rows) { r.Offset = jsonValue(text) } }
func atMost(n int) func(*plan.Rows)       { return func(r *plan.Rows) { r.PermitLimit = n } }

func distinctOn(names ...string) func(*plan.Rows) {
	return func(r *plan.Rows) {
		for _, n := range names {
			r.DistinctOn = append(r.DistinctOn, col(n))
		}
	}
}

func orderBy(keys ...any) func(*plan.Rows) {
	return func(r *plan.Rows) {
		for _, k := range keys {
			switch k := k.(type) {
			case string:
				name, descending := strings.CutPrefix(k, "-")
				r.OrderBy = append(r.OrderBy, plan.Order{By: &plan.OrderColumn{Column: col(name)}, Descending: descending})
			case plan.OrderKey:
				r.OrderBy = append(r.OrderBy, plan.Order{By: k})
			case plan.Order:
				r.OrderBy = append(r.OrderBy, k)
			}
		}
	}
}

func on(inner, outer string) func(*plan.Rows) {
	return func(r *plan.Rows) {
		r.On = append(r.On, plan.Correlation{Column: col(inner), Outer: col(outer), Binding: -1})
	}
}

func bound(inner string, binding int) func(*plan.Rows) {
	return func(r *plan.Rows) { r.On = append(r.On, plan.Correlation{Column: col(inner), Binding: binding}) }
}

func cols(names ...string) []plan.Field {
	var out []plan.Field
	for _, n := range names {
		out = append(out, &plan.ColumnField{Key: n, Column: col(n)})
	}
	return out
}

func many(r plan.Rows, fields ...plan.Field) *plan.Selection {
	return &plan.Selection{Rows: r, Fields: fields, Card: plan.Many}
}

func one(r plan.Rows, fields ...plan.Field) *plan.Selection {
	return &plan.Selection{Rows: r, Fields: fields, Card: plan.One}
}

func nest(key string, s *plan.Selection) plan.Field {
	return &plan.NestedField{Key: key, Relationship: key, Selection: s}
}

func cmp(column string, operator plan.Operator, value plan.Value) plan.Predicate {
	return &plan.Compare{Left: &plan.ColumnOperand{Column: col(column)}, Operator: operator, Right: value}
}

func variable(name string) plan.Value     { return &plan.Variable{Name: name} }
func sessionValue(name string) plan.Value { return &plan.SessionVariable{Name: name} }

func fullName() *plan.FunctionCall {
	return &plan.FunctionCall{Schema: "public", Name: "full_name", Arguments: []plan.FunctionArgument{{Row: true}}}
}

func authorOf() plan.Rows   { return with(authors(), on("id", "author_id")) }
func articlesOf() plan.Rows { return with(articles(), on("author_id", "id")) }

func aggregates(items ...plan.AggregateItem) *plan.AggregateGroup {
	return &plan.AggregateGroup{Key: "aggregate", Items: items}
}

func function(name string, names ...string) *plan.AggregateFunction {
	out := &plan.AggregateFunction{Key: name, Name: name}
	for _, n := range names {
		out.Columns = append(out.Columns, plan.AggregateColumn{Key: n, Column: col(n)})
	}
	return out
}

func binding(name string) []plan.Binding {
	return []plan.Binding{{Name: name, Type: col(name).Type}}
}

func root(q plan.Query) *plan.Fragment { return &plan.Fragment{Query: q} }

func bind(q plan.Query, names ...string) *plan.Fragment {
	f := &plan.Fragment{Query: q}
	for _, n := range names {
		f.Bindings = append(f.Bindings, binding(n)...)
	}
	return f
}

func condition(p plan.Predicate) *plan.Fragment {
	return root(many(with(authors(), where(p)), cols("id")...))
}

// hole leaves a hole keyed by columns.
func hole(f *plan.Fragment, key string, names ...string) plan.Field {
	j := &plan.Join{Index: len(f.Joins), Field: key, OnNull: []byte("null")}
	for _, n := range names {
		j.Keys = append(j.Keys, plan.JoinKey{Name: n, Type: col(n).Type})
	}
	f.Joins = append(f.Joins, j)
	return &plan.HoleField{Key: key, Join: j}
}

// fragments are the inputs of the goldens, by name.
func fragments() map[string]*plan.Fragment {
	out := map[string]*plan.Fragment{}
	selectionCases(out)
	bindingCases(out)
	aggregateCases(out)
	predicateCases(out)
	keySetCases(out)
	operatorCases(out)
	return out
}

func selectionCases(out map[string]*plan.Fragment) {
	out["flat"] = root(many(with(authors(), where(cmp("name", plan.Equal, variable("n"))), permit(cmp("id", plan.Equal, sessionValue("x-hasura-user-id"))),
		orderBy("name", "-id"), limit("5"), offset("0"), atMost(10)), cols("id", "name", "born")...))
	out["limit variable under a role's limit"] = root(many(with(authors(), func(r *plan.Rows) { r.Limit = variable("l") }, atMost(7)), cols("id")...))
	out["role's limit alone"] = root(many(with(authors(), atMost(7)), cols("id")...))
	out["one row"] = root(one(with(authors(), where(cmp("id", plan.Equal, variable("id")))), cols("id", "name")...))
	out["nothing but typename"] = root(many(authors(), &plan.StaticField{Key: "__typename", JSON: []byte(`"author"`)}))
	out["kinds of values"] = root(many(authors(), append(cols("mood", "score", "data", "tags", "nick", "seen"),
		&plan.ColumnField{Key: "deep", Column: col("data"), JSONPath: []string{"a", "0"}},
		&plan.ColumnField{Key: "guarded", Column: col("name"), Guard: cmp("id", plan.Equal, sessionValue("x-hasura-user-id"))},
		&plan.GroupField{Key: "group", Fields: cols("id")})...))
	out["stringified"] = root(many(articles(), &plan.ColumnField{Key: "rating", Column: col("rating"), Stringify: true},
		&plan.ColumnField{Key: "big", Column: col("big"), Stringify: true}, &plan.ColumnField{Key: "plain", Column: col("big")}))
	out["distinct"] = root(many(with(authors(), distinctOn("name"), orderBy("name", "-born")), cols("id", "name")...))
	out["distinct with nested"] = root(many(with(authors(), distinctOn("name"), orderBy("name", "-born")), append(cols("id"), nest("articles", many(articlesOf(), cols("id")...)))...))
	out["object relationship"] = root(many(articles(), append(cols("id"), nest("author", one(with(authorOf(), permit(cmp("id", plan.Greater, jsonValue("0")))),
		append(cols("name"), nest("articles", many(articlesOf(), cols("title")...)))...)))...))
	out["object relationship after a limit"] = root(many(with(articles(), orderBy("title", &plan.OrderRelated{Relationship: "author", Target: authorOf(), By: &plan.OrderColumn{Column: col("name")}}), limit("3")),
		append(cols("id"), nest("author", one(authorOf(), cols("name")...)))...))
	out["object relationship without a key"] = root(many(authors(), nest("article", one(articlesOf(), cols("title")...))))
	out["computed field of an object relationship"] = root(many(articles(), nest("author", one(authorOf(), &plan.ComputedField{Key: "full_name", Call: fullName(), Type: systemType("text")}))))
	out["guarded relationship"] = root(many(articles(), &plan.NestedField{Key: "author", Selection: one(authorOf(), cols("name")...), Guard: cmp("id", plan.Less, jsonValue("5"))}))
	out["lists beside and inside lists"] = root(many(authors(), append(cols("id"),
		nest("first", many(with(articlesOf(), orderBy("-id"), limit("2")), append(cols("id"), nest("author", one(authorOf(), append(cols("id"), nest("articles", many(articlesOf(), cols("id")...)))...)))...)),
		nest("second", many(with(articlesOf(), where(cmp("rating", plan.Greater, jsonValue("1.5")))), cols("title")...)))...))
	out["order by aggregates and functions"] = root(many(with(authors(), orderBy(
		plan.Order{By: &plan.OrderAggregate{Target: articlesOf(), Function: "count"}, Descending: true, Nulls: plan.NullsLast},
		&plan.OrderAggregate{Target: articlesOf(), Function: "max", Column: col("rating")},
		&plan.OrderComputed{Call: fullName(), Type: systemType("text")}), limit("9")), append(cols("id"), nest("articles", many(articlesOf(), cols("id")...)))...))
	out["order by a relationship's relationship"] = root(many(with(articles(), orderBy(&plan.OrderRelated{Target: authorOf(), By: &plan.OrderAggregate{Target: articlesOf(), Function: "count"}},
		&plan.OrderRelated{Target: with(authors(), on("name", "title")), By: &plan.OrderColumn{Column: col("id")}})), cols("id")...))
	out["computed fields"] = root(many(with(authors(), orderBy("id"), limit("2")), append(cols("id"),
		&plan.ComputedField{Key: "full_name", Call: fullName(), Type: systemType("text")},
		&plan.ComputedField{Key: "greeting", Type: systemType("text"), Call: &plan.FunctionCall{Schema: "public", Name: "greeting", Arguments: []plan.FunctionArgument{
			{Row: true}, {Name: "word", Type: systemType("text"), Value: variable("word")}, {Name: "session", Type: systemType("json"), Session: true},
		}}},
		nest("articles_of", many(with(rowsOf(&plan.FunctionCall{Schema: "public", Name: "articles_of", Arguments: []plan.FunctionArgument{
			{Row: true}, {Type: systemType("numeric"), Value: jsonValue("2")},
		}}), where(cmp("title", plan.Like, jsonValue(`"a%"`))), orderBy("id")), cols("title")...)))...))
	out["function"] = root(many(with(rowsOf(&plan.FunctionCall{Schema: "public", Name: "search", Arguments: []plan.FunctionArgument{
		{Name: "term", Type: systemType("text"), Value: variable("term")},
	}}), where(cmp("id", plan.Greater, jsonValue("1"))), orderBy("id")), cols("id", "title")...))
	out["function of one row"] = root(one(rowsOf(&plan.FunctionCall{Schema: "public", Name: "first_author", SingleRow: true}), cols("id", "name")...))
	out["native query"] = root(many(with(rowsOf(&plan.NativeQuery{Name: "q", Parts: []plan.NativeQueryPart{
		{SQL: "SELECT id, name FROM author WHERE id < "}, {Type: systemType("int4"), Value: variable("top")}, {SQL: " -- the end;\n"},
	}}), where(cmp("id", plan.Greater, jsonValue("0"))), orderBy("id")), append(cols("id", "name"), nest("articles", many(articlesOf(), cols("title")...)))...))
	holes := &plan.Fragment{}
	holes.Query = many(authors(), append(cols("id", "name"), hole(holes, "profile", "id"), hole(holes, "both", "name", "born"), hole(holes, "when", "seen", "tags"),
		nest("articles", many(articlesOf(), hole(holes, "stock", "rating"))))...)
	out["holes"] = holes
}

func bindingCases(out map[string]*plan.Fragment) {
	out["list per binding"] = bind(many(with(articles(), bound("author_id", 0), orderBy("title"), permit(cmp("rating", plan.Greater, jsonValue("0")))),
		append(cols("id", "title"), nest("author", one(authorOf(), cols("name")...)))...), "author_id")
	out["limited list per binding"] = bind(many(with(articles(), bound("author_id", 0), orderBy("-rating"), limit("2"), offset("1")),
		append(cols("id", "title"), nest("author", one(authorOf(), cols("name")...)))...), "author_id")
	out["role's limit per binding"] = bind(many(with(articles(), bound("author_id", 0), atMost(3)), cols("id")...), "author_id")
	out["distinct per binding"] = bind(many(with(articles(), bound("author_id", 0), distinctOn("title"), orderBy("title", "-id")), cols("id")...), "author_id")
	out["unique row per binding"] = bind(one(with(authors(), bound("id", 0)), cols("id", "name")...), "id")
	out["any row per binding"] = bind(one(with(articles(), bound("author_id", 0)), cols("id")...), "author_id")
	out["tuple per binding"] = bind(many(with(articles(), bound("author_id", 0), bound("title", 1)), cols("id")...), "author_id", "title")
	out["array per binding"] = bind(many(with(authors(), bound("tags", 0)), cols("id")...), "tags")
	out["computed per binding"] = bind(many(with(authors(), bound("id", 0), limit("1")), &plan.ComputedField{Key: "full_name", Call: fullName(), Type: systemType("text")}), "id")
	out["aggregate per binding"] = bind(&plan.Aggregation{Rows: with(articles(), bound("author_id", 0), where(cmp("rating", plan.Greater, jsonValue("1")))), Fields: []plan.AggregateField{
		aggregates(&plan.Count{Key: "count"}, function("sum", "rating")),
	}}, "author_id")
	out["limited aggregate per binding"] = bind(&plan.Aggregation{Rows: with(articles(), bound("author_id", 0), orderBy("id"), limit("2")), Fields: []plan.AggregateField{
		aggregates(&plan.Count{Key: "count"}),
	}}, "author_id")
	out["aggregate and nodes per binding"] = bind(&plan.Aggregation{Rows: with(articles(), bound("author_id", 0), orderBy("-id"), limit("2")), Fields: []plan.AggregateField{
		aggregates(&plan.Count{Key: "count"}, function("max", "rating")), &plan.AggregateNodes{Key: "nodes", Fields: cols("id", "title")},
	}}, "author_id")
	out["binding as a value"] = bind(many(with(articles(), where(cmp("rating", plan.Greater, &plan.BindingValue{Index: 0}))), cols("id")...), "rating")
}

func aggregateCases(out map[string]*plan.Fragment) {
	out["aggregate"] = root(&plan.Aggregation{Rows: with(articles(), where(cmp("id", plan.Greater, jsonValue("0"))), orderBy("id")), Fields: []plan.AggregateField{
		&plan.AggregateStatic{Key: "__typename", JSON: []byte(`"article_aggregate"`)},
		aggregates(&plan.Count{Key: "count"}, &plan.Count{Key: "titles", Columns: []plan.Column{col("title")}, Distinct: true},
			&plan.Count{Key: "both", Columns: []plan.Column{col("title"), col("rating")}}, &plan.Count{Key: "tuples", Columns: []plan.Column{col("title"), col("rating")}, Distinct: true},
			function("sum", "id", "big", "rating"), function("avg", "id", "rating"), function("min", "title"), function("stddev_pop", "id"),
			&plan.AggregateItemStatic{Key: "__typename", JSON: []byte(`"x"`)}),
	}})
	out["aggregate of a computed field"] = root(&plan.Aggregation{Rows: articles(), Fields: []plan.AggregateField{aggregates(&plan.AggregateFunction{Key: "sum", Name: "sum", Columns: []plan.AggregateColumn{
		{Key: "words", Computed: &plan.FunctionCall{Schema: "public", Name: "word_count", Arguments: []plan.FunctionArgument{{Row: true}}}, Result: systemType("int8"), Stringify: true},
		{Key: "rating", Column: col("rating"), Stringify: true, Guard: cmp("id", plan.Greater, jsonValue("1"))},
		{Key: "__typename", Static: []byte(`"t"`)},
	}})}})
	out["aggregate with a limit"] = root(&plan.Aggregation{Rows: with(articles(), orderBy("id"), limit("3"), atMost(2)), Fields: []plan.AggregateField{aggregates(&plan.Count{Key: "count"})}})
	out["aggregate and nodes"] = root(&plan.Aggregation{Rows: with(articles(), orderBy("-id"), atMost(2)), Fields: []plan.AggregateField{
		aggregates(&plan.Count{Key: "count"}), &plan.AggregateNodes{Key: "nodes", Fields: append(cols("id"), nest("author", one(authorOf(), cols("name")...)))},
	}})
	out["limited aggregate and nodes"] = root(&plan.Aggregation{Rows: with(articles(), orderBy("-rating", "id"), limit("3"), atMost(2)), Fields: []plan.AggregateField{
		&plan.AggregateNodes{Key: "nodes", Fields: append(cols("id"), nest("author", one(authorOf(), cols("name")...)))}, aggregates(&plan.Count{Key: "count"}),
	}})
	out["nodes alone"] = root(&plan.Aggregation{Rows: with(articles(), orderBy("-id"), limit("3")), Fields: []plan.AggregateField{&plan.AggregateNodes{Key: "nodes", Fields: cols("id")}}})
	out["aggregate of a function"] = root(&plan.Aggregation{Rows: with(rowsOf(&plan.FunctionCall{Schema: "public", Name: "search", Arguments: []plan.FunctionArgument{
		{Name: "term", Type: systemType("text"), Value: variable("term")},
	}}), orderBy("id")), Fields: []plan.AggregateField{aggregates(&plan.Count{Key: "count"}), &plan.AggregateNodes{Key: "nodes", Fields: cols("id")}}})
	out["nested aggregates"] = root(many(with(authors(), orderBy("id")), append(cols("id"),
		&plan.NestedAggregateField{Key: "articles", Aggregation: &plan.Aggregation{Rows: articlesOf(), Fields: []plan.AggregateField{aggregates(&plan.Count{Key: "count"}, function("avg", "rating"))}}},
		&plan.NestedAggregateField{Key: "with_nodes", Aggregation: &plan.Aggregation{Rows: with(articlesOf(), orderBy("id")), Fields: []plan.AggregateField{
			aggregates(&plan.Count{Key: "count"}), &plan.AggregateNodes{Key: "nodes", Fields: cols("title")},
		}}})...))
}

func predicateCases(out map[string]*plan.Fragment) {
	out["junctions"] = condition(&plan.And{Parts: []plan.Predicate{
		&plan.Or{}, &plan.And{}, &plan.Const{Value: true}, &plan.Not{Part: &plan.Or{Parts: []plan.Predicate{cmp("id", plan.Equal, jsonValue("1")), &plan.IsNull{Left: &plan.ColumnOperand{Column: col("name")}}}}},
		&plan.IsNull{Left: &plan.ColumnOperand{Column: col("born")}, Negate: true},
	}})
	out["exists"] = condition(&plan.And{Parts: []plan.Predicate{
		&plan.Exists{Target: with(articlesOf(), where(&plan.And{Parts: []plan.Predicate{
			cmp("title", plan.Equal, variable("t")), &plan.CompareColumns{Left: col("title"), Operator: plan.NotEqual, Right: col("name"), RightRoot: true},
		}}), permit(cmp("rating", plan.Greater, jsonValue("1"))))},
		&plan.Exists{Target: with(articles(), where(cmp("id", plan.Equal, jsonValue("5"))))},
	}})
	out["columns"] = condition(&plan.CompareColumns{Left: col("name"), Operator: plan.Equal, Right: col("nick")})
	yes := true
	out["aggregate predicates"] = condition(&plan.And{Parts: []plan.Predicate{
		&plan.CompareAggregate{
			Target: with(articlesOf(), where(cmp("rating", plan.Greater, jsonValue("1")))), Function: "count", Result: systemType("int4"),
			Having: []plan.AggregateComparison{{Operator: plan.Greater, Right: jsonValue("1")}, {Operator: plan.In, Right: jsonValue("[2,3]")}},
		},
		&plan.CompareAggregate{Target: articlesOf(), Function: "count", Arguments: []plan.Column{col("title")}, Distinct: true, Having: []plan.AggregateComparison{{Operator: plan.Less, Right: variable("top")}}},
		&plan.CompareAggregate{Target: articlesOf(), Function: "corr", Arguments: []plan.Column{col("big"), col("id")}, Having: []plan.AggregateComparison{{IsNull: &yes}}},
	}})
	out["computed and guarded operands"] = condition(&plan.And{Parts: []plan.Predicate{
		&plan.Compare{Left: &plan.ComputedOperand{Call: fullName(), Type: systemType("text")}, Operator: plan.ILike, Right: jsonValue(`"a%"`)},
		&plan.Compare{Left: &plan.ColumnOperand{Column: col("name"), Guard: cmp("id", plan.Equal, jsonValue("1"))}, Operator: plan.Equal, Right: jsonValue(`"x"`)},
	}})
	text := systemType("text")
	out["cast"] = condition(&plan.Compare{Left: &plan.ColumnOperand{Column: col("data"), Cast: &text}, Operator: plan.Like, Right: jsonValue(`"%a%"`)})
	out["permission missing"] = root(many(with(authors(), func(r *plan.Rows) { r.Restricted = true }), cols("id")...))
}

func operatorCases(out map[string]*plan.Fragment) {
	all := func(name string, parts ...plan.Predicate) { out[name] = condition(&plan.And{Parts: parts}) }
	all("operators of numbers", cmp("id", plan.Equal, jsonValue("1")), cmp("id", plan.NotEqual, jsonValue("2")), cmp("id", plan.Greater, jsonValue("0")), cmp("id", plan.Less, jsonValue("9")),
		cmp("id", plan.GreaterOrEqual, jsonValue("1")), cmp("id", plan.LessOrEqual, jsonValue("1")), cmp("id", plan.In, variable("ids")), cmp("id", plan.NotIn, sessionValue("x-hasura-ids")))
	all("operators of text", cmp("name", plan.Like, jsonValue(`"a"`)), cmp("name", plan.NotLike, jsonValue(`"b"`)), cmp("name", plan.ILike, jsonValue(`"c"`)), cmp("name", plan.NotILike, jsonValue(`"d"`)),
		cmp("name", plan.Similar, jsonValue(`"e"`)), cmp("name", plan.NotSimilar, jsonValue(`"f"`)), cmp("name", plan.Regex, jsonValue(`"g"`)), cmp("name", plan.NotRegex, jsonValue(`"h"`)),
		cmp("name", plan.IRegex, jsonValue(`"i"`)), cmp("nick", plan.NotIRegex, jsonValue(`"j"`)), cmp("nick", plan.In, jsonValue(`["k"]`)))
	all("operators of json", cmp("data", plan.Contains, jsonValue(`{"a":1}`)), cmp("data", plan.ContainedIn, variable("j")), cmp("data", plan.HasKey, jsonValue(`"a"`)),
		cmp("data", plan.HasKeysAny, jsonValue(`["a"]`)), cmp("data", plan.HasKeysAll, jsonValue(`["a"]`)), cmp("data", plan.In, jsonValue(`[{"a":1}]`)), cmp("data", plan.Equal, sessionValue("x-hasura-json")))
	all("operators of arrays", cmp("tags", plan.Equal, jsonValue(`["a"]`)), cmp("tags", plan.Contains, jsonValue(`["a"]`)), cmp("tags", plan.ContainedIn, sessionValue("x-hasura-tags")), cmp("tags", plan.In, jsonValue(`[["a"],["b"]]`)))
	all("operators of enums", cmp("mood", plan.Equal, variable("m")), cmp("mood", plan.In, jsonValue(`["sad"]`)))
	out["operators of ltree"] = root(many(with(articles(), where(&plan.And{Parts: []plan.Predicate{
		cmp("path", plan.Ancestor, jsonValue(`"a"`)), cmp("path", plan.Descendant, jsonValue(`"b"`)), cmp("path", plan.AncestorAny, jsonValue(`["a"]`)), cmp("path", plan.DescendantAny, jsonValue(`["b"]`)),
		cmp("path", plan.Matches, jsonValue(`"*.a"`)), cmp("path", plan.MatchesAny, jsonValue(`["*.a"]`)), cmp("path", plan.MatchesFulltext, jsonValue(`"a & b"`)),
	}})), cols("path")...))
	all("operators of postgis", cmp("geom", plan.STContains, variable("g")), cmp("geom", plan.Equal, variable("g")), cmp("geom", plan.In, variable("gs")), cmp("geom", plan.STDWithin, variable("d")),
		cmp("geom", plan.ST3DDWithin, variable("d")), cmp("geom", plan.ST3DIntersects, variable("g")), cmp("geog", plan.STDWithin, variable("d")), cmp("geog", plan.STIntersects, variable("g")),
		cmp("rast", plan.STIntersectsRast, variable("r")), cmp("rast", plan.STIntersectsNBGeom, variable("n")), cmp("rast", plan.STIntersectsGeomNB, variable("n")))
	out["columns of postgis"] = root(many(authors(), cols("geom", "geog")...))
}

// libraryRows are the rows that the fragments are run on.
const libraryRows = `
INSERT INTO author VALUES
	(1, 'Ann', '1950-01-02', '2020-01-01 12:00+00', 'sad', 0.5, '{"a": [1, {"b": null}]}', '{a,b}', 'ANN'),
	(2, 'Bob', NULL, NULL, 'happy', 'NaN', NULL, '{}', 'x'),
	(3, 'Bob', '2000-02-29', 'infinity', NULL, -0.0, '[]', NULL, NULL);
INSERT INTO article VALUES
	(1, 1, 'a1', 1.50, 'top.a', 9007199254740993), (2, 1, 'a2', 3, 'top.b', 2), (3, 2, 'b1', NULL, NULL, NULL),
	(4, 1, 'a3', 2, 'top.a.x', -5), (5, NULL, 'x', 9, 'y', 0), (6, 1, 'a1', 2.5, NULL, 1);
`

// libraryArguments are what the fragments are run with.
func libraryArguments() *plan.Arguments {
	variables := map[string]orderedjson.Value{}
	for name, text := range map[string]string{
		"n": `"Ann"`, "l": `null`, "id": `2`, "word": `"hi "`, "term": `"a"`, "top": `3`, "t": `"a2"`, "ids": `[1,3]`, "j": `{"a":[1,{"b":null}],"z":1}`, "m": `"sad"`,
	} {
		j, err := orderedjson.Parse([]byte(text))
		if err != nil {
			panic(err)
		}
		variables[name] = j
	}
	return &plan.Arguments{Variables: variables, KeySets: libraryKeySets(), Session: map[string]string{
		"x-hasura-user-id": "1", "x-hasura-ids": "{2,3}", "x-hasura-tags": "{a,b,c}", "x-hasura-json": `{"a": [1, {"b": null}]}`, "x-hasura-role": "user",
	}}
}

// runFragment runs a fragment of the goldens, its binding rows separated by /.
func runFragment(t *testing.T, s *Source, f *plan.Fragment, d *datadriven.TestData) string {
	t.Helper()
	var keys []string
	for _, row := range strings.Fields(d.Input)[1:] {
		keys = append(keys, strings.Split(row, "/")...)
	}
	values, err := tryRun(t.Context(), s, f, libraryArguments(), keys...)
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	return strings.Join(values, "\n") + "\n"
}

// TestCompile holds the SQL of every fragment, and what the database answers to
// it, against golden text.
func TestCompile(t *testing.T) {
	all := fragments()
	seen := map[string]bool{}
	var s *Source
	var last string // what run commands run
	// Without a server this part says that it is skipped.
	server := false
	t.Run("server", func(t *testing.T) {
		testpostgres.URL(t)
		server = true
	})
	if server {
		s = open(t, Config{URL: newDatabase(t, library, libraryRows)})
	}
	datadriven.Walk(t, "testdata/compile", func(t *testing.T, path string) {
		t.Helper()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			t.Helper()
			if d.Cmd == "run" {
				if s == nil {
					return d.Expected
				}
				return runFragment(t, s, all[last], d)
			}
			last = d.Input
			f, ok := all[d.Input]
			if !ok {
				t.Fatalf("%s: no fragment is called %q", d.Pos, d.Input)
			}
			seen[d.Input] = true
			statement, _, err := compile(f, session{utc: true, shortestFloats: true})
			if err != nil {
				return "error: " + err.Error() + "\n"
			}
			return readable(statement)
		})
	})
	for name := range all {
		if !seen[name] {
			t.Errorf("testdata has no golden for %q", name)
		}
	}
}

// readable breaks a statement into lines and lists its parameters.
func readable(s *Statement) string {
	text := s.text
	for _, word := range []string{" FROM ", " WHERE ", " LEFT JOIN ", " CROSS JOIN ", " ORDER BY ", " GROUP BY ", " HAVING "} {
		text = strings.ReplaceAll(text, word, "\n"+word[1:])
	}
	var b strings.Builder
	b.WriteString(text + "\n")
	for i, p := range s.parameters {
		fmt.Fprintf(&b, "$%d: %s\n", i+1, describeParameter(p))
	}
	return b.String()
}

func describeParameter(p parameterSource) string {
	var out string
	switch v := p.value.(type) {
	case nil:
	case *plan.Literal:
		out = v.JSON.String()
	case *plan.Variable:
		out = "$" + strings.Join(append([]string{v.Name}, v.Path...), ".")
	case *plan.SessionVariable:
		out = v.Name
	case *plan.Token:
		out = plan.ValueText(v)
	case *plan.ListValue, *plan.ObjectValue, *plan.BindingValue, *plan.RemoteEnum:
		out = fmt.Sprintf("%T", v)
	}
	if p.member != "" {
		out += " member " + p.member
	}
	switch p.form {
	case formBinding:
		return fmt.Sprintf("binding %d", p.binding)
	case formSession:
		return "the session"
	case formPath:
		return "path " + strings.Join(p.path, ".")
	case formArray, formJSONs, formArrays:
		out += " as an array"
	case formJSON:
		out += " as JSON"
	case formKeySet:
		return fmt.Sprintf("key set %d, part %d", p.tuple.set, p.part)
	case formFound:
		return fmt.Sprintf("key set %d found a row", p.set)
	case formColumn:
		out += " as a column"
	case formRegister:
		return fmt.Sprintf("register %d", p.binding)
	case formRows:
		return "the written rows"
	case formText:
	}
	return out
}
