package sourcetest

import (
	"testing"

	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/sources"
)

func testIntrospection(t *testing.T, f *fixture) {
	t.Helper()
	for _, name := range []string{"author", "article", "comment", "account", "booking", "kinds", oddTable} {
		if f.tables[name] == nil {
			t.Fatalf("the table %q was not introspected", name)
		}
	}
	account := f.tables["account"]
	if k := account.PrimaryKey; k == nil || len(k.Columns) != 2 || k.Columns[0] != "region" || k.Columns[1] != "number" {
		t.Errorf("the primary key of account is %v", k)
	}
	keys := f.tables["article"].ForeignKeys
	if len(keys) != 1 || keys[0].TargetTable != "author" || keys[0].TargetSchema != f.harness.Schema ||
		len(keys[0].Columns) != 1 || keys[0].Columns[0] != "author_id" || len(keys[0].TargetColumns) != 1 || keys[0].TargetColumns[0] != "id" {
		t.Errorf("the foreign keys of article are %+v", keys)
	}
	for name, nullable := range map[string]bool{"id": false, "name": false, "born": true} {
		if c, ok := f.tables["author"].Column(name); !ok || c.Nullable != nullable {
			t.Errorf("author.%s: %+v", name, c)
		}
	}
	if author := f.tables["author"]; author.Kind != sources.KindTable || !author.Insertable || !author.Updatable || !author.Deletable {
		t.Errorf("author is %+v", author)
	}
}

func testRows(t *testing.T, f *fixture) {
	t.Helper()
	f.want(t, &request{query: f.selection(t, "author", "id", "name", "born", "active")},
		`[{"id":1,"name":"ann","born":1970,"active":true},{"id":2,"name":"bob","born":null,"active":false},`+
			`{"id":3,"name":"cid","born":1990,"active":null},{"id":4,"name":"dot","born":1970,"active":true}]`)
	one := f.selection(t, "author", "name")
	one.Card = plan.One
	f.want(t, &request{query: one}, `{"name":"ann"}`)
	one.Where = &plan.Const{}
	f.want(t, &request{query: one}, `null`)
	one.Card = plan.Many
	f.want(t, &request{query: one}, `[]`)
	// Aliases, what is known beforehand, groups, one column twice, no column at all.
	c := f.column(t, "author", "name")
	odd := f.selection(t, "author")
	odd.Where = f.compare(t, "author", "id", plan.Equal, literal(t, "1"))
	odd.Fields = []plan.Field{
		&plan.StaticField{Key: "__typename", JSON: []byte(`"author"`)}, &plan.ColumnField{Key: "a", Column: c},
		&plan.GroupField{Key: "g", Fields: []plan.Field{&plan.ColumnField{Key: "b", Column: c}, &plan.StaticField{Key: "s", JSON: []byte(`{}`)}}},
	}
	f.want(t, &request{query: odd}, `[{"__typename":"author","a":"ann","g":{"b":"ann","s":{}}}]`)
	odd.Fields = odd.Fields[:1]
	f.want(t, &request{query: odd}, `[{"__typename":"author"}]`)
}

func testOrder(t *testing.T, f *fixture) {
	t.Helper()
	for _, o := range []struct {
		descending bool
		nulls      plan.NullsOrder
		want       []int
	}{
		{false, plan.NullsFirst, []int{2, 1, 4, 3}},
		{false, plan.NullsLast, []int{1, 4, 3, 2}},
		{true, plan.NullsFirst, []int{2, 3, 1, 4}},
		{true, plan.NullsLast, []int{3, 1, 4, 2}},
	} {
		sel := f.selection(t, "author", "id")
		by := f.order(t, "author", "born", o.descending)
		by.Nulls = o.nulls
		sel.OrderBy = []plan.Order{by, f.order(t, "author", "id", false)}
		f.ids(t, sel, o.want...)
	}
	sel := f.selection(t, "author", "id")
	sel.OrderBy = []plan.Order{f.order(t, "author", "born", false), f.order(t, "author", "id", true)}
	if f.capabilities.NullsFirst {
		f.ids(t, sel, 2, 4, 1, 3)
	} else {
		f.ids(t, sel, 4, 1, 3, 2)
	}
	sel.OrderBy = []plan.Order{f.order(t, "author", "name", true)}
	f.ids(t, sel, 4, 3, 2, 1)
}

func testOrderByRelations(t *testing.T, f *fixture) {
	t.Helper()
	target := f.related(t, "author", "id", "article", "author_id")
	sel := f.selection(t, "article", "id")
	sel.OrderBy = []plan.Order{
		{By: &plan.OrderRelated{Relationship: "author", Target: target, By: f.order(t, "author", "name", false).By}, Descending: true, Nulls: plan.NullsLast},
		f.order(t, "article", "id", true),
	}
	f.ids(t, sel, 15, 12, 13, 11, 10, 14)
	// A row that the permission hides orders as null.
	target.Permit, target.Restricted = f.compare(t, "author", "name", plan.NotEqual, literal(t, `"cid"`)), true
	sel.OrderBy[0].By = &plan.OrderRelated{Relationship: "author", Target: target, By: f.order(t, "author", "name", false).By}
	f.ids(t, sel, 12, 13, 11, 10, 15, 14)
	comments := f.related(t, "comment", "article_id", "article", "id")
	sel.OrderBy = []plan.Order{
		{By: &plan.OrderAggregate{Relationship: "comments", Target: comments, Function: "count"}, Descending: true},
		f.order(t, "article", "id", false),
	}
	f.ids(t, sel, 10, 11, 15, 12, 13, 14)
	articles := f.related(t, "article", "author_id", "author", "id")
	sel = f.selection(t, "author", "id")
	sel.OrderBy = []plan.Order{
		{
			By:    &plan.OrderAggregate{Relationship: "articles", Target: articles, Function: "max", Column: f.column(t, "article", "score")},
			Nulls: plan.NullsLast,
		},
		f.order(t, "author", "id", true),
	}
	f.ids(t, sel, 3, 1, 4, 2)
	// Through a row to what stands behind it.
	comment := f.selection(t, "comment", "id")
	through := f.related(t, "article", "id", "comment", "article_id")
	comment.OrderBy = []plan.Order{
		{By: &plan.OrderRelated{Relationship: "article", Target: through, By: &plan.OrderRelated{
			Relationship: "author", Target: f.related(t, "author", "id", "article", "author_id"), By: f.order(t, "author", "name", false).By,
		}}, Descending: true},
		f.order(t, "comment", "id", true),
	}
	f.ids(t, comment, 103, 102, 101, 100)
}

func testLimit(t *testing.T, f *fixture) {
	t.Helper()
	bounded := func(limit, offset plan.Value, permit int) *plan.Selection {
		sel := f.selection(t, "article", "id")
		sel.Limit, sel.Offset, sel.PermitLimit = limit, offset, permit
		return sel
	}
	two := literal(t, "2")
	f.ids(t, bounded(two, nil, -1), 10, 11)
	f.ids(t, bounded(two, literal(t, "1"), -1), 11, 12)
	f.ids(t, bounded(nil, literal(t, "4"), -1), 14, 15)
	f.ids(t, bounded(nil, literal(t, `"4"`), -1), 14, 15)
	f.ids(t, bounded(literal(t, "0"), nil, -1))
	f.ids(t, bounded(nil, literal(t, "9"), -1))
	f.ids(t, bounded(two, nil, 1), 10)
	f.ids(t, bounded(two, nil, 3), 10, 11)
	f.ids(t, bounded(nil, nil, 1), 10)
	f.ids(t, bounded(nil, nil, 0))
	f.ids(t, bounded(nil, literal(t, "1"), 1), 11)
	// A limit that is an absent or null variable bounds nothing.
	absent := &plan.Variable{Name: "n"}
	f.ids(t, bounded(absent, absent, -1), 10, 11, 12, 13, 14, 15)
	f.ids(t, bounded(absent, absent, 1), 10)
	given := plan.Arguments{Variables: map[string]orderedjson.Value{"n": {Kind: orderedjson.Number, Text: "2"}}}
	f.idsWith(t, bounded(absent, nil, -1), given, 10, 11)
	f.idsWith(t, bounded(absent, absent, 1), given, 12)
}

func testDistinct(t *testing.T, f *fixture) {
	t.Helper()
	sel := f.selection(t, "article", "id")
	sel.DistinctOn = []plan.Column{f.column(t, "article", "author_id")}
	byAuthor := f.order(t, "article", "author_id", false)
	byAuthor.Nulls = plan.NullsLast
	sel.OrderBy = []plan.Order{byAuthor, f.order(t, "article", "id", true)}
	if !f.capabilities.DistinctOn {
		f.refused(t, sel)
		return
	}
	f.ids(t, sel, 13, 12, 15, 14)
	sel.Limit, sel.Offset = literal(t, "2"), literal(t, "1")
	f.ids(t, sel, 12, 15)
	aggregation := &plan.Aggregation{Rows: sel.Rows, Fields: []plan.AggregateField{countGroup()}}
	aggregation.Limit, aggregation.Offset = nil, nil
	f.want(t, &request{query: aggregation}, `{"aggregate":{"count":4}}`)
	// Per binding row.
	scored := f.selection(t, "article", "id")
	scored.DistinctOn = []plan.Column{f.column(t, "article", "score")}
	scored.OrderBy = []plan.Order{f.order(t, "article", "score", true), f.order(t, "article", "id", true)}
	r := &request{query: scored, keys: [][]string{{"1"}, {"3"}, {"9"}}}
	r.bindings = f.bound(t, &scored.Rows, "article", "author_id")
	f.want(t, r, `[{"id":13},{"id":11}]`, `[{"id":15}]`, `[]`)
}

func testPermissions(t *testing.T, f *fixture) {
	t.Helper()
	sel := f.selection(t, "article", "id")
	sel.Restricted = true
	if _, err := f.source.Compile(&plan.Fragment{Query: sel}); err == nil {
		t.Error("a restricted selection without a permission was compiled")
	}
	mine := f.related(t, "author", "id", "article", "author_id")
	mine.Where = f.compare(t, "author", "id", plan.Equal, &plan.SessionVariable{Name: "x-hasura-user-id"})
	sel.Permit = &plan.Exists{Relationship: "author", Target: mine}
	sel.Where = f.compare(t, "article", "score", plan.Greater, literal(t, "2"))
	session := func(id string) plan.Arguments {
		return plan.Arguments{Session: map[string]string{"x-hasura-user-id": id}}
	}
	f.idsWith(t, sel, session("1"), 10, 11, 13)
	f.idsWith(t, sel, session("3"), 15)
	f.idsWith(t, sel, session("99"))
	_, err := f.answer(t.Context(), &request{query: sel})
	wantMissing(t, err, "x-hasura-user-id")
	_, err = f.answer(t.Context(), &request{query: sel, args: session("1 OR 1=1")})
	wantCode(t, err, sources.CodeDataException)
	// A hidden row of an object relationship is null; hidden rows of a list are absent.
	article := f.selection(t, "article", "id")
	hidden := f.related(t, "author", "id", "article", "author_id")
	hidden.Permit, hidden.Restricted = f.compare(t, "author", "name", plan.Equal, literal(t, `"bob"`)), true
	article.Limit = literal(t, "3")
	article.Fields = append(article.Fields, &plan.NestedField{
		Key: "author", Selection: &plan.Selection{Rows: hidden, Fields: f.fields(t, "author", "name"), Card: plan.One},
	})
	f.want(t, &request{query: article}, `[{"id":10,"author":null},{"id":11,"author":null},{"id":12,"author":{"name":"bob"}}]`)
}

func testVariables(t *testing.T, f *fixture) {
	t.Helper()
	sel := f.selection(t, "article", "id")
	sel.Where = f.compare(t, "article", "title", plan.Equal, &plan.Variable{Name: "filter", Path: []string{"titles", "1"}})
	filter, err := orderedjson.Parse([]byte(`{"titles": ["alpha", "beta"]}`))
	if err != nil {
		t.Fatal(err)
	}
	args := plan.Arguments{Variables: map[string]orderedjson.Value{"filter": filter}}
	f.idsWith(t, sel, args, 11)
	f.idsWith(t, sel, plan.Arguments{})
	sel.Where = f.compare(t, "article", "title", plan.In, &plan.Variable{Name: "filter", Path: []string{"titles"}})
	f.idsWith(t, sel, args, 10, 11)
	// One compiled statement serves requests with other values.
	statement, err := f.source.Compile(&plan.Fragment{Query: sel})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`[{"id":10},{"id":11}]`, `[]`} {
		got, err := f.execute(t.Context(), statement, &request{args: args})
		if err != nil || got[0] != want {
			t.Errorf("got %v %v, want %s", got, err, want)
		}
		args = plan.Arguments{Variables: map[string]orderedjson.Value{"filter": {}}}
	}
}

func testGuards(t *testing.T, f *fixture) {
	t.Helper()
	guard := f.compare(t, "author", "id", plan.LessOrEqual, literal(t, "2"))
	name := &plan.ColumnField{Key: "name", Column: f.column(t, "author", "name"), Guard: guard}
	articles := f.related(t, "article", "author_id", "author", "id")
	articles.OrderBy = []plan.Order{f.order(t, "article", "id", false)}
	sel := f.selection(t, "author", "id")
	sel.Fields = append(sel.Fields, name, &plan.NestedField{
		Key: "articles", Guard: guard, Selection: &plan.Selection{Rows: articles, Fields: f.fields(t, "article", "id"), Card: plan.Many},
	})
	f.want(t, &request{query: sel}, `[{"id":1,"name":"ann","articles":[{"id":10},{"id":11},{"id":13}]},{"id":2,"name":"bob","articles":[{"id":12}]},`+
		`{"id":3,"name":null,"articles":null},{"id":4,"name":null,"articles":null}]`)
	sel.Fields = f.fields(t, "author", "id")
	sel.Where = &plan.Compare{
		Left:     &plan.ColumnOperand{Column: f.column(t, "author", "name"), Guard: guard},
		Operator: plan.NotEqual, Right: literal(t, `"ann"`),
	}
	f.ids(t, sel, 2)
	// 1 and 2 are named; 3 and 4 are too, but not for everyone.
	if !f.capabilities.Aggregates {
		return
	}
	columns := []plan.Column{f.column(t, "author", "name"), f.column(t, "author", "id")}
	guards := []plan.Predicate{guard}
	f.want(t, &request{query: &plan.Aggregation{Rows: plan.Rows{From: f.table(t, "author"), PermitLimit: -1}, Fields: []plan.AggregateField{
		&plan.AggregateGroup{Key: "aggregate", Items: []plan.AggregateItem{
			&plan.Count{Key: "one", Columns: columns[:1], Guards: guards},
			&plan.Count{Key: "distinct", Columns: columns[:1], Distinct: true, Guards: guards},
			&plan.Count{Key: "both", Columns: columns, Guards: guards},
			&plan.Count{Key: "free", Columns: columns[1:]},
		}},
	}}}, `{"aggregate":{"one":2,"distinct":2,"both":2,"free":4}}`)
}

func testJSONPaths(t *testing.T, f *fixture) {
	t.Helper()
	if f.harness.Types[JSON] == "" {
		return
	}
	dig := func(path ...string) *plan.Selection {
		sel := f.selection(t, "kinds")
		sel.Fields = []plan.Field{&plan.ColumnField{Key: "v", Column: f.column(t, "kinds", "doc"), JSONPath: path}}
		return sel
	}
	if !f.capabilities.JSONPath {
		f.refused(t, dig("a"))
		return
	}
	f.want(t, &request{query: dig("a", "b", "1")}, `[{"v":"two"},{"v":null},{"v":null},{"v":null}]`)
	f.want(t, &request{query: dig("a")}, `[{"v":{"b":[1,"two",null]}},{"v":null},{"v":null},{"v":null}]`)
	f.want(t, &request{query: dig("1")}, `[{"v":null},{"v":1.50},{"v":null},{"v":null}]`)
	f.want(t, &request{query: dig("a", "b", "2")}, `[{"v":null},{"v":null},{"v":null},{"v":null}]`)
}
