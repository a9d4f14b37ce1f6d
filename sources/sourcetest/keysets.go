package sourcetest

import (
	"strconv"
	"strings"
	"testing"

	"dovetail/internal/plan"
)

// keySet is a key set of some width.
func keySet(width int, cells ...string) plan.Bindings {
	return plan.Bindings{Width: width, Cells: cells}
}

// inKeys tests columns of a table against the key set 0.
func (f *fixture) inKeys(t *testing.T, table string, columns ...string) *plan.InKeys {
	t.Helper()
	in := &plan.InKeys{}
	for _, name := range columns {
		in.Columns = append(in.Columns, f.column(t, table, name))
	}
	return in
}

// keyed runs a selection with key sets and compares the ids of its rows.
func (f *fixture) keyed(t *testing.T, sel *plan.Selection, sets []plan.Bindings, want ...int) {
	t.Helper()
	parts := make([]string, 0, len(want))
	for _, id := range want {
		parts = append(parts, `{"id":`+strconv.Itoa(id)+`}`)
	}
	f.want(t, &request{query: sel, sets: sets}, "["+strings.Join(parts, ",")+"]")
}

// refusesKeySets checks a source without key sets.
func (f *fixture) refusesKeySets(t *testing.T, sel *plan.Selection) bool {
	t.Helper()
	if f.capabilities.KeySets {
		return false
	}
	statement, err := f.source.Compile((&request{query: sel, sets: []plan.Bindings{{Width: 1}}}).fragment())
	if err == nil {
		t.Errorf("key sets are not declared, but were compiled: %s", statement.Text())
	}
	return true
}

// numbered are texts of so many numbers from 1 on.
func numbered(n int) []string {
	out := make([]string, 0, n)
	for i := range n {
		out = append(out, strconv.Itoa(i+1))
	}
	return out
}

func testKeySets(t *testing.T, f *fixture) {
	t.Helper()
	sel := f.selection(t, "article", "id")
	in := f.inKeys(t, "article", "author_id")
	sel.Where = in
	if f.refusesKeySets(t, sel) {
		return
	}
	one := []plan.Bindings{keySet(1, "1", "3", "77")}
	where := func(p plan.Predicate, sets []plan.Bindings, want ...int) {
		t.Helper()
		sel := f.selection(t, "article", "id")
		sel.Where = p
		f.keyed(t, sel, sets, want...)
		sel.Where = nil
		sel.Permit, sel.Restricted = p, true
		f.keyed(t, sel, sets, want...)
	}
	none := []plan.Bindings{keySet(1)}
	where(in, one, 10, 11, 13, 15)
	where(in, none)
	// Never null: what isn't in the set is in the complement, null keys too.
	where(&plan.Not{Part: in}, one, 12, 14)
	where(&plan.Not{Part: in}, none, 10, 11, 12, 13, 14, 15)
	where(&plan.Not{Part: &plan.Not{Part: in}}, one, 10, 11, 13, 15)
	titled := f.compare(t, "article", "title", plan.Equal, literal(t, `"orphan"`))
	where(&plan.Or{Parts: []plan.Predicate{in, titled}}, one, 10, 11, 13, 14, 15)
	where(&plan.Or{Parts: []plan.Predicate{&plan.Not{Part: in}, &plan.Not{Part: titled}}}, one, 10, 11, 12, 13, 14, 15)
	where(&plan.And{Parts: []plan.Predicate{in, f.compare(t, "article", "score", plan.Greater, literal(t, "4"))}}, one, 10, 13)
	// Two sets, one of them twice, texts that are no integers.
	ids := f.inKeys(t, "article", "id")
	ids.KeySet = 1
	two := []plan.Bindings{keySet(1, "x", "1", "", "1.5", "99999999999999999999"), keySet(1, "10", "12", "13", "13 ", "{13}")}
	where(&plan.And{Parts: []plan.Predicate{in, ids}}, two, 10, 13)
	where(&plan.And{Parts: []plan.Predicate{ids, &plan.Not{Part: in}}}, two, 12)
	where(&plan.Or{Parts: []plan.Predicate{in, in, ids}}, two, 10, 11, 12, 13)
	// The first rows of an order.
	first := f.selection(t, "article", "id")
	first.Where = in
	first.OrderBy = []plan.Order{f.order(t, "article", "id", true)}
	first.Limit = literal(t, "3")
	f.keyed(t, first, one, 15, 13, 11)
	f.keyed(t, first, none)
	f.keyed(t, first, []plan.Bindings{keySet(1, append(numbered(200), "3", "1")...)}, 15, 13, 12)
	// A set without columns only tells whether there was a row.
	found, some := &plan.InKeys{}, []plan.Bindings{keySet(1, plan.FoundKey)}
	where(found, some, 10, 11, 12, 13, 14, 15)
	where(found, none)
	where(&plan.Not{Part: found}, some)
	where(&plan.Not{Part: found}, none, 10, 11, 12, 13, 14, 15)
	where(&plan.Or{Parts: []plan.Predicate{found, titled}}, none, 14)
	where(&plan.And{Parts: []plan.Predicate{&plan.Not{Part: found}, titled}}, none, 14)
	other := &plan.InKeys{KeySet: 1}
	where(&plan.And{Parts: []plan.Predicate{found, &plan.Not{Part: other}}}, []plan.Bindings{keySet(1, plan.FoundKey), keySet(1)}, 10, 11, 12, 13, 14, 15)
	f.keySetsOfTwo(t)
	f.keySetsInside(t)
}

// keySetsOfTwo checks keys of two columns.
func (f *fixture) keySetsOfTwo(t *testing.T) {
	t.Helper()
	in := f.inKeys(t, "booking", "region", "number")
	sets := []plan.Bindings{keySet(2, "eu", "1", "us", "9", "us", "x", "e", "u1", "", "")}
	for _, c := range []struct {
		where plan.Predicate
		sets  []plan.Bindings
		want  []int
	}{
		{in, sets, []int{1, 4, 6}},
		{&plan.Not{Part: in}, sets, []int{2, 3, 5}},
		{&plan.Or{Parts: []plan.Predicate{in, f.compare(t, "booking", "id", plan.Equal, literal(t, "5"))}}, sets, []int{1, 4, 5, 6}},
		{&plan.And{Parts: []plan.Predicate{in, f.compare(t, "booking", "amount", plan.Greater, literal(t, "10"))}}, sets, []int{4, 6}},
		{in, []plan.Bindings{keySet(2)}, nil},
		{&plan.Not{Part: in}, []plan.Bindings{keySet(2)}, []int{1, 2, 3, 4, 5, 6}},
		{&plan.Not{Part: in}, []plan.Bindings{keySet(2, "us", "nine")}, []int{1, 2, 3, 4, 5, 6}},
	} {
		sel := f.selection(t, "booking", "id")
		sel.Where = c.where
		f.keyed(t, sel, c.sets, c.want...)
	}
}

// keySetsInside checks key sets below the outermost rows.
func (f *fixture) keySetsInside(t *testing.T) {
	t.Helper()
	sets := []plan.Bindings{keySet(1, "10", "12", "101")}
	articles := f.related(t, "article", "author_id", "author", "id")
	articles.Where = f.inKeys(t, "article", "id")
	authors := f.selection(t, "author", "id")
	authors.Where = &plan.Exists{Relationship: "articles", Target: articles}
	f.keyed(t, authors, sets, 1, 2)
	authors.Where = &plan.Not{Part: authors.Where}
	f.keyed(t, authors, sets, 3, 4)
	if f.capabilities.AggregatePredicate {
		authors.Where = &plan.CompareAggregate{
			Relationship: "articles", Target: articles, Function: "count", Result: f.column(t, "article", "score").Type,
			Having: []plan.AggregateComparison{{Operator: plan.Equal, Right: literal(t, "0")}},
		}
		f.keyed(t, authors, sets, 3, 4)
	}
	// In lists, aggregates and objects of rows.
	authors.Where = nil
	nested := &plan.Selection{Rows: articles, Fields: f.fields(t, "article", "id"), Card: plan.Many}
	nested.OrderBy = []plan.Order{f.order(t, "article", "id", false)}
	authors.Fields = append(authors.Fields, &plan.NestedField{Key: "articles", Selection: nested})
	f.want(t, &request{query: authors, sets: sets}, `[{"id":1,"articles":[{"id":10}]},{"id":2,"articles":[{"id":12}]},{"id":3,"articles":[]},{"id":4,"articles":[]}]`)
	if f.capabilities.Aggregates {
		authors.Fields = append(f.fields(t, "author", "id"), &plan.NestedAggregateField{
			Key: "a", Aggregation: &plan.Aggregation{Rows: articles, Fields: []plan.AggregateField{countGroup()}},
		})
		f.want(t, &request{query: authors, sets: sets}, `[{"id":1,"a":{"aggregate":{"count":1}}},{"id":2,"a":{"aggregate":{"count":1}}},`+
			`{"id":3,"a":{"aggregate":{"count":0}}},{"id":4,"a":{"aggregate":{"count":0}}}]`)
		all := f.aggregation(t, countGroup(), &plan.AggregateNodes{Key: "nodes", Fields: f.fields(t, "article", "id")})
		all.Where = f.inKeys(t, "article", "id")
		all.OrderBy = []plan.Order{f.order(t, "article", "id", true)}
		f.want(t, &request{query: all, sets: sets}, `{"aggregate":{"count":2},"nodes":[{"id":12},{"id":10}]}`)
	}
	comment := f.selection(t, "comment", "id")
	article := f.related(t, "article", "id", "comment", "article_id")
	article.Permit, article.Restricted = f.inKeys(t, "article", "id"), true
	comment.Fields = append(comment.Fields, &plan.NestedField{Key: "article", Selection: &plan.Selection{Rows: article, Fields: f.fields(t, "article", "title"), Card: plan.One}})
	f.want(t, &request{query: comment, sets: sets}, `[{"id":100,"article":{"title":"alpha"}},{"id":101,"article":{"title":"alpha"}},{"id":102,"article":null},{"id":103,"article":null}]`)
	if !f.capabilities.Bindings {
		return
	}
	// For each row of a binding set, without and with a bound.
	list := f.selection(t, "article", "id")
	list.Where = f.inKeys(t, "article", "id")
	r := &request{query: list, sets: []plan.Bindings{keySet(1, "10", "13", "12")}, keys: [][]string{{"2"}, {"1"}, {"3"}}}
	r.bindings = f.bound(t, &list.Rows, "article", "author_id")
	f.want(t, r, `[{"id":12}]`, `[{"id":10},{"id":13}]`, `[]`)
	list.Where = &plan.Not{Part: list.Where}
	f.want(t, r, `[]`, `[{"id":11}]`, `[{"id":15}]`)
	list.Where = f.inKeys(t, "article", "id")
	list.Limit = literal(t, "1")
	f.want(t, r, `[{"id":12}]`, `[{"id":10}]`, `[]`)
	bookings := f.selection(t, "booking", "id")
	bookings.Where = f.inKeys(t, "booking", "region", "number")
	r = &request{query: bookings, sets: []plan.Bindings{keySet(2, "eu", "1", "us", "1")}, keys: [][]string{{"us"}, {"eu"}}}
	r.bindings = f.bound(t, &bookings.Rows, "booking", "region")
	f.want(t, r, `[{"id":3}]`, `[{"id":1},{"id":4}]`)
	bookings.Limit = literal(t, "1")
	f.want(t, r, `[{"id":3}]`, `[{"id":1}]`)
}

// testKeySetsOfEveryType finds rows by the key texts of each type.
func testKeySetsOfEveryType(t *testing.T, f *fixture) {
	t.Helper()
	if !f.capabilities.KeySets {
		return
	}
	for _, l := range logicals {
		if !f.has(l) || !keyed(l) || l.typ == Boolean {
			continue
		}
		t.Run(string(l.typ), func(t *testing.T) {
			for i, v := range l.values[:3] {
				sel := f.selection(t, "kinds", "id")
				in := f.inKeys(t, "kinds", l.column)
				sel.Where = in
				sets := []plan.Bindings{keySet(1, v.key, "no such {value}", "", `a"b\'`)}
				f.keyed(t, sel, sets, i+1)
				sel.Where = f.inKeys(t, "kinds", l.column, "id")
				id := strconv.Itoa(i + 1)
				f.keyed(t, sel, []plan.Bindings{keySet(2, v.key, id, v.key, "99", "no such {value}", id)}, i+1)
				var rest []int
				for j := range l.values {
					if j != i {
						rest = append(rest, j+1)
					}
				}
				sel.Where = &plan.Not{Part: in}
				f.keyed(t, sel, sets, rest...)
				sel.Where = nil
				ranked := &plan.OrderRanked{Columns: in.Columns, Missing: 0}
				sel.OrderBy = []plan.Order{{By: ranked, Descending: true}, f.order(t, "kinds", "id", false)}
				f.keyed(t, sel, []plan.Bindings{keySet(2, "1", v.key, "1", "no such {value}")}, append([]int{i + 1}, rest...)...)
			}
		})
	}
}

// The numbers of keys of one and of two columns that a source must take with
// ease.
const (
	largeKeySet  = 100_000 / slowdown
	largePairSet = 10_000 / slowdown
)

func testLargeKeySets(t *testing.T, f *fixture) {
	t.Helper()
	if !f.capabilities.KeySets {
		return
	}
	single, pairs, ranks := keySet(1), keySet(2), keySet(2)
	for i := range largeKeySet {
		n := strconv.Itoa(i + 12)
		single.Cells = append(single.Cells, n)
		if i < largePairSet {
			pairs.Cells = append(pairs.Cells, "eu", n, "us", n)
		}
		ranks.Cells = append(ranks.Cells, strconv.Itoa(largeKeySet-i), n)
	}
	sel := f.selection(t, "article", "id")
	in := f.inKeys(t, "article", "id")
	sel.Where = in
	f.keyed(t, sel, []plan.Bindings{single}, 12, 13, 14, 15)
	sel.Where = &plan.Not{Part: in}
	f.keyed(t, sel, []plan.Bindings{single}, 10, 11)
	sel.Where = nil
	sel.OrderBy = []plan.Order{{By: &plan.OrderRanked{Columns: in.Columns}}, f.order(t, "article", "id", false)}
	f.keyed(t, sel, []plan.Bindings{ranks}, 10, 11, 15, 14, 13, 12)
	bookings := f.selection(t, "booking", "id")
	two := f.inKeys(t, "booking", "region", "amount")
	bookings.Where = two
	f.keyed(t, bookings, []plan.Bindings{pairs}, 2, 3, 4, 6)
	bookings.Where = &plan.Not{Part: two}
	f.keyed(t, bookings, []plan.Bindings{pairs}, 1, 5)
	// Below other rows, where the set must not be searched for each of them.
	articles := f.related(t, "article", "author_id", "author", "id")
	articles.Where = in
	authors := f.selection(t, "author", "id")
	authors.Fields = append(authors.Fields, &plan.NestedField{Key: "a", Selection: &plan.Selection{
		Rows: articles, Fields: f.fields(t, "article", "id"), Card: plan.Many,
	}})
	authors.Where = &plan.Or{Parts: []plan.Predicate{&plan.Exists{Target: articles}, &plan.Not{Part: &plan.Exists{Target: articles}}}}
	f.want(t, &request{query: authors, sets: []plan.Bindings{single}},
		`[{"id":1,"a":[{"id":13}]},{"id":2,"a":[{"id":12}]},{"id":3,"a":[{"id":15}]},{"id":4,"a":[]}]`)
}
