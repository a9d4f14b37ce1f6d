package sourcetest

import (
	"fmt"
	"testing"

	"dovetail/internal/plan"
)

func testBindings(t *testing.T, f *fixture) {
	t.Helper()
	list := f.selection(t, "article", "id", "title")
	r := &request{query: list, keys: [][]string{{"3"}, {"4"}, {"1"}, {"77"}, {"2"}}}
	r.bindings = f.bound(t, &list.Rows, "article", "author_id")
	want := []string{
		`[{"id":15,"title":"A_b%c"}]`, `[]`, `[{"id":10,"title":"alpha"},{"id":11,"title":"beta"},{"id":13,"title":"delta"}]`,
		`[]`, `[{"id":12,"title":"gamma"}]`,
	}
	f.want(t, r, want...)
	list.OrderBy = nil
	list.Where = f.compare(t, "article", "score", plan.LessOrEqual, literal(t, "3"))
	f.want(t, r, `[]`, `[]`, `[{"id":11,"title":"beta"}]`, `[]`, `[]`)
	// A key of which there are several rows gives one to Card One.
	one := f.selection(t, "author", "name")
	r = &request{query: one, keys: [][]string{{"2"}, {"9"}, {"1"}}}
	r.bindings = f.bound(t, &one.Rows, "author", "id")
	one.Card = plan.One
	f.want(t, r, `{"name":"bob"}`, `null`, `{"name":"ann"}`)
	first := f.selection(t, "article", "id")
	first.Card = plan.One
	first.OrderBy[0].Descending = true
	r = &request{query: first, keys: [][]string{{"1"}, {"4"}}}
	r.bindings = f.bound(t, &first.Rows, "article", "author_id")
	f.want(t, r, `{"id":13}`, `null`)
	// No rows of the binding set, and many.
	r.keys = nil
	f.want(t, r)
	for i := range 5000 {
		r.keys = append(r.keys, []string{fmt.Sprint(i)})
	}
	values, err := f.answer(t.Context(), r)
	if err != nil {
		t.Fatal(describe(err))
	}
	for i, v := range values {
		want := map[int]string{1: `{"id":13}`, 2: `{"id":12}`, 3: `{"id":15}`}[i]
		if want == "" {
			want = "null"
		}
		if v != want {
			t.Errorf("ordinal %d: got %s, want %s", i, v, want)
		}
	}
	// Text keys find text, quotes and all.
	text := f.selection(t, "article", "id")
	r = &request{query: text, keys: [][]string{{"A_b%c"}, {"Alpha"}, {"alpha"}, {`a"b'c\`}, {""}, {"alpha "}}}
	r.bindings = f.bound(t, &text.Rows, "article", "title")
	padded := `[]`
	if f.harness.PaddedText {
		padded = `[{"id":10}]`
	}
	f.want(t, r, `[{"id":15}]`, `[]`, `[{"id":10}]`, `[]`, `[]`, padded)
}

func testBoundedBindings(t *testing.T, f *fixture) {
	t.Helper()
	list := f.selection(t, "article", "id")
	list.OrderBy = []plan.Order{f.order(t, "article", "score", true), f.order(t, "article", "id", false)}
	list.OrderBy[0].Nulls = plan.NullsLast
	r := &request{query: list, keys: [][]string{{"2"}, {"1"}, {"4"}}}
	r.bindings = f.bound(t, &list.Rows, "article", "author_id")
	f.want(t, r, `[{"id":12}]`, `[{"id":10},{"id":13},{"id":11}]`, `[]`)
	list.Limit = literal(t, "2")
	f.want(t, r, `[{"id":12}]`, `[{"id":10},{"id":13}]`, `[]`)
	list.Offset = literal(t, "1")
	f.want(t, r, `[]`, `[{"id":13},{"id":11}]`, `[]`)
	list.Limit = nil
	f.want(t, r, `[]`, `[{"id":13},{"id":11}]`, `[]`)
	list.PermitLimit = 1
	f.want(t, r, `[]`, `[{"id":13}]`, `[]`)
	list.Offset, list.Limit = nil, literal(t, "2")
	f.want(t, r, `[{"id":12}]`, `[{"id":10}]`, `[]`)
	list.Limit, list.PermitLimit = literal(t, "0"), -1
	f.want(t, r, `[]`, `[]`, `[]`)
	// The rows hold relations of their own.
	list.Limit = literal(t, "1")
	comments := f.related(t, "comment", "article_id", "article", "id")
	comments.OrderBy = []plan.Order{f.order(t, "comment", "id", false)}
	list.Fields = append(list.Fields,
		&plan.NestedField{Key: "comments", Selection: &plan.Selection{Rows: comments, Fields: f.fields(t, "comment", "body"), Card: plan.Many}},
		f.authorOf(t))
	f.want(t, r, `[{"id":12,"comments":[],"author":{"name":"bob"}}]`,
		`[{"id":10,"comments":[{"body":"first"},{"body":null}],"author":{"name":"ann"}}]`, `[]`)
}

func (f *fixture) authorOf(t *testing.T) *plan.NestedField {
	t.Helper()
	rows := f.related(t, "author", "id", "article", "author_id")
	return &plan.NestedField{
		Key: "author", Relationship: "author",
		Selection: &plan.Selection{Rows: rows, Fields: f.fields(t, "author", "name"), Card: plan.One},
	}
}

func testCompositeKeys(t *testing.T, f *fixture) {
	t.Helper()
	sel := f.selection(t, "account", "owner")
	r := &request{query: sel, keys: [][]string{{"us", "1"}, {"eu", "2"}, {"us", "2"}, {"e", "1"}, {"eu", "1"}}}
	r.bindings = f.bound(t, &sel.Rows, "account", "region", "number")
	sel.Card = plan.One
	want := []string{`{"owner":"cid"}`, `{"owner":"bob"}`, `null`, `null`, `{"owner":"ann"}`}
	f.want(t, r, want...)
	sel.Limit = literal(t, "1")
	f.want(t, r, want...)
	// Within one source.
	account := f.related(t, "account", "region", "booking", "region")
	account.On = append(account.On, plan.Correlation{
		Column: f.column(t, "account", "number"), Outer: f.column(t, "booking", "number"), Binding: -1,
	})
	bookings := f.selection(t, "booking", "id")
	bookings.Fields = append(bookings.Fields, &plan.NestedField{
		Key: "account", Selection: &plan.Selection{Rows: account, Fields: f.fields(t, "account", "owner"), Card: plan.One},
	})
	f.want(t, &request{query: bookings}, `[{"id":1,"account":{"owner":"ann"}},{"id":2,"account":{"owner":"bob"}},{"id":3,"account":{"owner":"cid"}},`+
		`{"id":4,"account":{"owner":"ann"}},{"id":5,"account":null},{"id":6,"account":null}]`)
	// A hole of two parts, null where one of them is.
	join := &plan.Join{OnNull: []byte("null"), Keys: []plan.JoinKey{
		{Name: "region", Type: f.column(t, "booking", "region").Type}, {Name: "number", Type: f.column(t, "booking", "number").Type},
	}}
	bookings.Fields = []plan.Field{&plan.HoleField{Key: "account", Join: join}}
	bookings.Where = f.compare(t, "booking", "id", plan.Greater, literal(t, "3"))
	f.want(t, &request{query: bookings, joins: []*plan.Join{join}}, `[{"account":"<0:eu:1>"},{"account":null},{"account":"<0:us:9>"}]`)
}

// articlesWithComments are an author's articles and their comments.
func (f *fixture) articlesWithComments(t *testing.T) *plan.Selection {
	t.Helper()
	comments := f.related(t, "comment", "article_id", "article", "id")
	comments.OrderBy = []plan.Order{f.order(t, "comment", "id", true)}
	articles := f.related(t, "article", "author_id", "author", "id")
	articles.OrderBy = []plan.Order{f.order(t, "article", "id", false)}
	return &plan.Selection{Rows: articles, Card: plan.Many, Fields: append(f.fields(t, "article", "id"), &plan.NestedField{
		Key: "comments", Selection: &plan.Selection{Rows: comments, Fields: f.fields(t, "comment", "id"), Card: plan.Many},
	})}
}

func testNested(t *testing.T, f *fixture) {
	t.Helper()
	// An object in an object.
	comment := f.selection(t, "comment", "id")
	article := &plan.Selection{
		Rows: f.related(t, "article", "id", "comment", "article_id"), Card: plan.One,
		Fields: append(f.fields(t, "article", "title"), f.authorOf(t)),
	}
	comment.Fields = append(comment.Fields, &plan.NestedField{Key: "article", Selection: article})
	f.want(t, &request{query: comment}, `[{"id":100,"article":{"title":"alpha","author":{"name":"ann"}}},{"id":101,"article":{"title":"alpha","author":{"name":"ann"}}},`+
		`{"id":102,"article":{"title":"beta","author":{"name":"ann"}}},{"id":103,"article":{"title":"A_b%c","author":{"name":"cid"}}}]`)
	// An object that has no row.
	orphan := f.selection(t, "article", "id")
	orphan.Where = f.compare(t, "article", "id", plan.Equal, literal(t, "14"))
	orphan.Fields = append(orphan.Fields, f.authorOf(t))
	f.want(t, &request{query: orphan}, `[{"id":14,"author":null}]`)
	// An object that no key identifies: the first of several rows.
	latest := f.related(t, "article", "author_id", "author", "id")
	latest.OrderBy = []plan.Order{f.order(t, "article", "id", true)}
	author := f.selection(t, "author", "id")
	author.Fields = append(author.Fields, &plan.NestedField{
		Key: "latest", Selection: &plan.Selection{Rows: latest, Fields: f.fields(t, "article", "title"), Card: plan.One},
	})
	f.want(t, &request{query: author}, `[{"id":1,"latest":{"title":"delta"}},{"id":2,"latest":{"title":"gamma"}},{"id":3,"latest":{"title":"A_b%c"}},{"id":4,"latest":null}]`)
	// Lists in lists, beside another list with bounds of its own.
	top := f.related(t, "article", "author_id", "author", "id")
	top.OrderBy = []plan.Order{f.order(t, "article", "id", true)}
	top.Limit = literal(t, "1")
	author.Fields = append(f.fields(t, "author", "id"),
		&plan.NestedField{Key: "articles", Selection: f.articlesWithComments(t)},
		&plan.NestedField{Key: "top", Selection: &plan.Selection{Rows: top, Card: plan.Many, Fields: append(f.fields(t, "article", "title"), f.authorOf(t))}})
	want := []string{
		`{"id":1,"articles":[{"id":10,"comments":[{"id":101},{"id":100}]},{"id":11,"comments":[{"id":102}]},{"id":13,"comments":[]}],` +
			`"top":[{"title":"delta","author":{"name":"ann"}}]}`,
		`{"id":2,"articles":[{"id":12,"comments":[]}],"top":[{"title":"gamma","author":{"name":"bob"}}]}`,
		`{"id":3,"articles":[{"id":15,"comments":[{"id":103}]}],"top":[{"title":"A_b%c","author":{"name":"cid"}}]}`,
		`{"id":4,"articles":[],"top":[]}`,
	}
	f.want(t, &request{query: author}, "["+want[0]+","+want[1]+","+want[2]+","+want[3]+"]")
	// The same for each row of a binding set.
	r := &request{query: author, keys: [][]string{{"4"}, {"1"}, {"8"}}}
	r.bindings = f.bound(t, &author.Rows, "author", "id")
	author.Card = plan.One
	f.want(t, r, want[3], want[0], "null")
}

func testHoles(t *testing.T, f *fixture) {
	t.Helper()
	join := &plan.Join{Index: 0, OnNull: []byte("[]"), Keys: []plan.JoinKey{{Name: "author_id", Type: f.column(t, "article", "author_id").Type}}}
	second := &plan.Join{Index: 1, OnNull: []byte("null"), Keys: []plan.JoinKey{{Name: "id", Type: f.column(t, "author", "id").Type}}}
	joins := []*plan.Join{join, second}
	sel := f.selection(t, "article", "id")
	author := f.authorOf(t)
	author.Selection.Fields = append(author.Selection.Fields, &plan.HoleField{Key: "b", Join: second})
	sel.Fields = append(sel.Fields, &plan.HoleField{Key: "a", Join: join}, author)
	sel.Where = f.compare(t, "article", "id", plan.In, literal(t, "[12, 14]"))
	f.want(t, &request{query: sel, joins: joins},
		`[{"id":12,"a":"<0:2>","author":{"name":"bob","b":"<1:2>"}},{"id":14,"a":[],"author":null}]`)
	// In a nested list, for each row of a binding set.
	articles := f.articlesWithComments(t)
	articles.Fields = []plan.Field{&plan.HoleField{Key: "a", Join: join}}
	top := f.selection(t, "author")
	top.Fields = []plan.Field{&plan.HoleField{Key: "b", Join: second}, &plan.NestedField{Key: "articles", Selection: articles}}
	r := &request{query: top, joins: joins, keys: [][]string{{"3"}, {"1"}}}
	r.bindings = f.bound(t, &top.Rows, "author", "id")
	f.want(t, r, `[{"b":"<1:3>","articles":[{"a":"<0:3>"}]}]`, `[{"b":"<1:1>","articles":[{"a":"<0:1>"},{"a":"<0:1>"},{"a":"<0:1>"}]}]`)
}
