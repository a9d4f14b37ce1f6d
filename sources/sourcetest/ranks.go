package sourcetest

import (
	"testing"

	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
)

// ranked orders by the key set 0, whose keys are columns of a table.
func (f *fixture) ranked(t *testing.T, missing int, table string, columns ...string) *plan.OrderRanked {
	t.Helper()
	return &plan.OrderRanked{Relationship: "other", Columns: f.inKeys(t, table, columns...).Columns, Missing: missing}
}

func testOrderByRanks(t *testing.T, f *fixture) {
	t.Helper()
	sel := f.selection(t, "article", "id")
	sel.OrderBy = []plan.Order{{By: f.ranked(t, 0, "article", "author_id")}}
	if f.refusesKeySets(t, sel) {
		return
	}
	// Articles of 1: 10 11 13, of 2: 12, of 3: 15, of nobody: 14.
	sets := []plan.Bindings{keySet(2, "1", "3", "2", "1", "3", "x", "1", "y")}
	for _, o := range []struct {
		missing    int
		descending bool
		nulls      plan.NullsOrder
		want       []int
	}{
		{-1, false, plan.NullsLast, []int{15, 10, 11, 13, 12, 14}},
		{-1, false, plan.NullsFirst, []int{12, 14, 15, 10, 11, 13}},
		{-1, true, plan.NullsLast, []int{10, 11, 13, 15, 12, 14}},
		{-1, true, plan.NullsFirst, []int{12, 14, 10, 11, 13, 15}},
		{0, false, plan.NullsLast, []int{12, 14, 15, 10, 11, 13}},
		{0, true, plan.NullsFirst, []int{10, 11, 13, 15, 12, 14}},
		{2, false, plan.NullsLast, []int{15, 10, 11, 12, 13, 14}},
	} {
		sel.OrderBy = []plan.Order{
			{By: f.ranked(t, o.missing, "article", "author_id"), Descending: o.descending, Nulls: o.nulls},
			f.order(t, "article", "id", false),
		}
		f.keyed(t, sel, sets, o.want...)
	}
	// Ties keep the order of what follows; keys equal in this source count once.
	sel.OrderBy = []plan.Order{{By: f.ranked(t, 0, "article", "author_id"), Descending: true}, f.order(t, "article", "id", true)}
	f.keyed(t, sel, []plan.Bindings{keySet(2, "1", "1", "1", "3", "1", "3.0", "1", "01")}, 15, 13, 11, 10, 14, 12)
	f.keyed(t, sel, []plan.Bindings{keySet(2)}, 15, 14, 13, 12, 11, 10)
	sel.Limit, sel.Offset = literal(t, "2"), literal(t, "1")
	f.keyed(t, sel, sets, 11, 10)
	// Two columns.
	bookings := f.selection(t, "booking", "id")
	bookings.OrderBy = []plan.Order{
		{By: f.ranked(t, -1, "booking", "region", "number"), Nulls: plan.NullsLast}, f.order(t, "booking", "id", true),
	}
	f.keyed(t, bookings, []plan.Bindings{keySet(3, "2", "eu", "1", "1", "us", "9", "3", "eu", "2")}, 6, 4, 1, 2, 5, 3)
	f.ranksInside(t)
}

// ranksInside orders by ranks of related rows, in lists and of bindings.
func (f *fixture) ranksInside(t *testing.T) {
	t.Helper()
	sets := []plan.Bindings{keySet(2, "1", "cid", "2", "ann")}
	// By the rank of an object relationship's row: absent rows have none.
	author := f.related(t, "author", "id", "article", "author_id")
	sel := f.selection(t, "article", "id")
	for _, o := range []struct {
		missing int
		want    []int
	}{{-1, []int{15, 10, 11, 13, 12, 14}}, {0, []int{12, 15, 10, 11, 13, 14}}} {
		sel.OrderBy = []plan.Order{
			{By: &plan.OrderRelated{Relationship: "author", Target: author, By: f.ranked(t, o.missing, "author", "name")}, Nulls: plan.NullsLast},
			f.order(t, "article", "id", false),
		}
		f.keyed(t, sel, sets, o.want...)
	}
	sets = []plan.Bindings{keySet(2, "2", "10", "1", "13", "3", "12")}
	byRank := []plan.Order{{By: f.ranked(t, -1, "article", "id"), Nulls: plan.NullsLast}, f.order(t, "article", "id", false)}
	articles := f.related(t, "article", "author_id", "author", "id")
	articles.OrderBy, articles.Limit = byRank, literal(t, "2")
	authors := f.selection(t, "author", "id")
	authors.Fields = append(authors.Fields, &plan.NestedField{Key: "a", Selection: &plan.Selection{
		Rows: articles, Fields: append(f.fields(t, "article", "id"), f.authorOf(t)), Card: plan.Many,
	}})
	f.want(t, &request{query: authors, sets: sets}, `[{"id":1,"a":[{"id":13,"author":{"name":"ann"}},{"id":10,"author":{"name":"ann"}}]},`+
		`{"id":2,"a":[{"id":12,"author":{"name":"bob"}}]},{"id":3,"a":[{"id":15,"author":{"name":"cid"}}]},{"id":4,"a":[]}]`)
	if f.capabilities.DistinctOn {
		first := f.selection(t, "article", "id")
		first.DistinctOn = []plan.Column{f.column(t, "article", "score")}
		first.OrderBy = append([]plan.Order{{By: f.order(t, "article", "score", false).By, Nulls: plan.NullsLast}}, byRank...)
		f.keyed(t, first, sets, 14, 11, 15, 13, 12)
	}
	if !f.capabilities.Bindings {
		return
	}
	list := f.selection(t, "article", "id")
	list.OrderBy = byRank
	r := &request{query: list, sets: sets, keys: [][]string{{"2"}, {"1"}, {"9"}}}
	r.bindings = f.bound(t, &list.Rows, "article", "author_id")
	f.want(t, r, `[{"id":12}]`, `[{"id":13},{"id":10},{"id":11}]`, `[]`)
	list.Limit = literal(t, "2")
	f.want(t, r, `[{"id":12}]`, `[{"id":13},{"id":10}]`, `[]`)
	list.Fields = append(list.Fields, f.authorOf(t))
	f.want(t, r, `[{"id":12,"author":{"name":"bob"}}]`, `[{"id":13,"author":{"name":"ann"}},{"id":10,"author":{"name":"ann"}}]`, `[]`)
}

// wanted are the distinct keys of a table's columns, as a key set's fragment
// asks for them.
func (f *fixture) wanted(t *testing.T, rank plan.OrderKey, table string, columns ...string) (*plan.Selection, []*plan.Join) {
	t.Helper()
	sel := &plan.Selection{Rows: f.rows(t, table), Card: plan.Many}
	var keys []plan.JoinKey
	var to []plan.Binding
	if rank != nil {
		keys = append(keys, plan.JoinKey{Name: "rank", Type: plan.Type{Name: "bigint", Class: plan.ClassInteger}, Rank: rank})
		to = append(to, plan.Binding{Name: "rank"})
	}
	for _, name := range columns {
		c := f.column(t, table, name)
		sel.DistinctOn = append(sel.DistinctOn, c)
		keys = append(keys, plan.JoinKey{Name: name, Type: c.Type})
		to = append(to, plan.Binding{Name: name, Type: c.Type})
	}
	join := plan.KeysOnly("other", keys, to)
	sel.Fields = []plan.Field{&plan.HoleField{Key: "key", Join: join}}
	return sel, []*plan.Join{join}
}

// keys runs a selection of keys and compares them, whose order is of no matter.
func (f *fixture) wantKeys(t *testing.T, r *request, want ...string) {
	t.Helper()
	got, err := f.answer(t.Context(), r)
	if err != nil {
		t.Fatalf("%s\n%s", describe(err), f.text(r))
	}
	rows, err := orderedjson.Parse([]byte(got[0]))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, row := range rows.Items {
		if key, _ := row.Get("key"); !key.IsNull() {
			seen[key.Text]++
		}
	}
	for _, key := range want {
		if seen["<0:"+key+">"] != 1 {
			t.Errorf("the key %s came %d times in %s\n%s", key, seen["<0:"+key+">"], got[0], f.text(r))
		}
	}
	if len(seen) != len(want) {
		t.Errorf("got %s, want %v\n%s", got[0], want, f.text(r))
	}
}

func testWantedKeys(t *testing.T, f *fixture) {
	t.Helper()
	if !f.capabilities.KeySets {
		return
	}
	sel, joins := f.wanted(t, nil, "article", "author_id")
	f.wantKeys(t, &request{query: sel, joins: joins}, "1", "2", "3")
	sel.Where = f.compare(t, "article", "score", plan.Greater, literal(t, "3"))
	sel.Limit = literal(t, "100001")
	f.wantKeys(t, &request{query: sel, joins: joins}, "1", "3")
	sel, joins = f.wanted(t, nil, "booking", "region", "number")
	f.wantKeys(t, &request{query: sel, joins: joins}, "eu:1", "eu:2", "us:1", "us:9")
	sel, joins = f.wanted(t, nil, "author", "id")
	f.wantKeys(t, &request{query: sel, joins: joins}, "1", "2", "3", "4")
	if !f.capabilities.AggregatePredicate {
		return
	}
	// The aggregates of the rows that share a key.
	counted := func(operator plan.Operator, value string) *plan.CompareAggregate {
		return &plan.CompareAggregate{
			Target: f.related(t, "article", "author_id", "article", "author_id"), Function: "count", Result: f.column(t, "article", "score").Type,
			Having: []plan.AggregateComparison{{Operator: operator, Right: literal(t, value)}},
		}
	}
	sel, joins = f.wanted(t, nil, "article", "author_id")
	sel.Where = counted(plan.Greater, "1")
	f.wantKeys(t, &request{query: sel, joins: joins}, "1")
	sel.Where = &plan.Not{Part: sel.Where}
	f.wantKeys(t, &request{query: sel, joins: joins}, "2", "3")
	few := counted(plan.Less, "2")
	few.Target.Where = f.compare(t, "article", "score", plan.Greater, literal(t, "4"))
	sel.Where = &plan.Or{Parts: []plan.Predicate{few, counted(plan.Equal, "7")}}
	f.wantKeys(t, &request{query: sel, joins: joins}, "2", "3")
	sel.Where = &plan.And{Parts: []plan.Predicate{few, f.compare(t, "article", "score", plan.LessOrEqual, literal(t, "4"))}}
	f.wantKeys(t, &request{query: sel, joins: joins}, "3")
	null := true
	sum := &plan.CompareAggregate{
		Target: few.Target, Function: "max", Arguments: []plan.Column{f.column(t, "article", "score")}, Result: f.column(t, "article", "score").Type,
		Having: []plan.AggregateComparison{{IsNull: &null}},
	}
	sel.Where = sum
	f.wantKeys(t, &request{query: sel, joins: joins}, "2", "3")
	sel.Where = &plan.Not{Part: &plan.CompareAggregate{
		Target: sum.Target, Function: "max", Arguments: sum.Arguments, Result: sum.Result,
		Having: []plan.AggregateComparison{{Operator: plan.Greater, Right: literal(t, "1")}},
	}}
	f.wantKeys(t, &request{query: sel, joins: joins}, "2", "3")
	sel.Where = sum
	sum.Having = []plan.AggregateComparison{{Operator: plan.Greater, Right: literal(t, "1")}, {Operator: plan.Less, Right: literal(t, "6")}}
	f.wantKeys(t, &request{query: sel, joins: joins}, "1")
	// Conditions of the inner rows that speak of the outer one.
	few.Target.Where = &plan.CompareColumns{
		Left: f.column(t, "article", "id"), Operator: plan.Less, Right: f.column(t, "article", "id"), RightRoot: true,
	}
	few.Having = []plan.AggregateComparison{{Operator: plan.Equal, Right: literal(t, "2")}}
	sel.Where = few
	f.wantKeys(t, &request{query: sel, joins: joins}, "1")
	// Keys that need the keys of a third source.
	sel.Where = f.inKeys(t, "article", "id")
	f.wantKeys(t, &request{query: sel, joins: joins, sets: []plan.Bindings{keySet(1, "11", "12", "14")}}, "1", "2")
}

func testWantedRanks(t *testing.T, f *fixture) {
	t.Helper()
	if !f.capabilities.KeySets {
		return
	}
	run := func(rank plan.OrderKey, table string, columns []string, want ...string) {
		t.Helper()
		sel, joins := f.wanted(t, rank, table, columns...)
		f.wantKeys(t, &request{query: sel, joins: joins}, want...)
		sel.Limit = literal(t, "100001")
		f.wantKeys(t, &request{query: sel, joins: joins}, want...)
	}
	id := []string{"id"}
	run(f.order(t, "author", "name", false).By, "author", id, "1:1", "2:2", "3:3", "4:4")
	// Equal values share a rank; nulls have none, wherever they sort.
	run(f.order(t, "author", "born", false).By, "author", id, "1:1", "2:3", "1:4")
	run(f.order(t, "article", "score", false).By, "article", id, "1:14", "2:11", "3:15", "4:10", "4:13")
	run(&plan.OrderRelated{
		Relationship: "author", Target: f.related(t, "author", "id", "article", "author_id"), By: f.order(t, "author", "name", false).By,
	}, "article", id, "1:10", "1:11", "1:13", "2:12", "3:15")
	run(&plan.OrderAggregate{
		Relationship: "articles", Target: f.related(t, "article", "author_id", "author", "id"), Function: "count",
	}, "author", id, "3:1", "2:2", "2:3", "1:4")
	// Of the rows that share a key.
	self := f.related(t, "article", "author_id", "article", "author_id")
	run(&plan.OrderAggregate{Relationship: "articles", Target: self, Function: "count"}, "article", []string{"author_id"}, "3:1", "2:2", "2:3")
	score := f.column(t, "article", "score")
	run(&plan.OrderAggregate{Relationship: "articles", Target: self, Function: "min", Column: score}, "article", []string{"author_id"}, "1:1", "2:3")
	pairs := f.related(t, "booking", "region", "booking", "region")
	number := f.column(t, "booking", "number")
	pairs.On = append(pairs.On, plan.Correlation{Column: number, Outer: number, Binding: -1})
	run(&plan.OrderAggregate{Relationship: "bookings", Target: pairs, Function: "sum", Column: f.column(t, "booking", "amount")},
		"booking", []string{"region", "number"}, "3:eu:1", "1:eu:2", "2:us:1", "4:us:9")
	// Of the groups alone, when all rows have a key.
	for _, c := range []struct {
		rank *plan.OrderAggregate
		sets []plan.Bindings
		want []string
	}{
		{&plan.OrderAggregate{Target: self, Function: "count"}, nil, []string{"2:1", "1:2", "1:3"}},
		{&plan.OrderAggregate{Target: self, Function: "min", Column: score}, nil, []string{"1:1", "2:3"}},
		{&plan.OrderAggregate{Target: self, Function: "count"}, []plan.Bindings{keySet(1, "1", "3", "9")}, []string{"2:1", "1:3"}},
	} {
		c.rank.Relationship = "articles"
		sel, joins := f.wanted(t, c.rank, "article", "author_id")
		sel.Where = &plan.IsNull{Left: &plan.ColumnOperand{Column: f.column(t, "article", "author_id")}, Negate: true}
		if c.sets != nil {
			in := f.inKeys(t, "article", "author_id")
			sel.Where = &plan.And{Parts: []plan.Predicate{sel.Where, in}}
			c.rank.Target.Where = in
		}
		f.wantKeys(t, &request{query: sel, joins: joins, sets: c.sets}, c.want...)
	}
	f.ranksOfKeys(t)
	// By the rank that a third source gives.
	sel, joins := f.wanted(t, f.ranked(t, -1, "author", "name"), "author", "id")
	sets := []plan.Bindings{keySet(2, "30", "ann", "10", "cid", "30", "dot")}
	f.wantKeys(t, &request{query: sel, joins: joins, sets: sets}, "2:1", "1:3", "2:4")
	sel, joins = f.wanted(t, f.ranked(t, 0, "author", "name"), "author", "id")
	f.wantKeys(t, &request{query: sel, joins: joins, sets: sets}, "3:1", "1:2", "2:3", "3:4")
}

// ranksOfKeys checks the ranks that keys have which are sent along.
func (f *fixture) ranksOfKeys(t *testing.T) {
	t.Helper()
	if !f.capabilities.Bindings {
		return
	}
	asked := func(rank plan.OrderKey, table, column string, keys [][]string, want ...string) {
		t.Helper()
		sel, joins := f.wanted(t, rank, table)
		r := &request{query: sel, joins: joins, keys: keys}
		r.bindings = f.bound(t, &sel.Rows, table, column)
		f.want(t, r, want...)
	}
	name := f.order(t, "author", "name", false).By
	asked(name, "author", "id", [][]string{{"3"}, {"9"}, {"1"}}, `[{"key":"<0:2>"}]`, `[]`, `[{"key":"<0:1>"}]`)
	asked(f.order(t, "author", "born", false).By, "author", "id", [][]string{{"4"}, {"3"}, {"2"}}, `[{"key":"<0:1>"}]`, `[{"key":"<0:2>"}]`, `[{"key":null}]`)
	asked(&plan.OrderAggregate{
		Relationship: "articles", Target: f.related(t, "article", "author_id", "author", "id"), Function: "count",
	}, "author", "id", [][]string{{"1"}, {"2"}, {"4"}}, `[{"key":"<0:3>"}]`, `[{"key":"<0:2>"}]`, `[{"key":"<0:1>"}]`)
	// Several rows of a key have their own.
	asked(f.order(t, "article", "score", false).By, "article", "author_id", [][]string{{"3"}, {"7"}}, `[{"key":"<0:1>"}]`, `[]`)
}
