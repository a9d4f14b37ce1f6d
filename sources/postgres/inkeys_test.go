package postgres

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
)

// libraryKeySets are the key sets of the goldens, as they are fetched.
func libraryKeySets() []plan.Bindings {
	return []plan.Bindings{
		{Width: 1, Cells: []string{"1", "3", "x", "9"}},
		{Width: 2, Cells: []string{"1", "Ann", "2", "Bob", "", "Cy"}},
		{Width: 2, Cells: []string{"2", "1", "1", "3", "1", "x"}},
		{Width: 3, Cells: []string{"1", "1", "Ann", "2", "3", "Cy"}},
		{Width: 1, Cells: []string{"sad", "furious"}},
	}
}

// keyed gives a fragment the key sets of the library.
func keyed(f *plan.Fragment) *plan.Fragment {
	for range libraryKeySets() {
		f.KeySets = append(f.KeySets, &plan.KeySet{Relationship: "other"})
	}
	return f
}

func inKeys(set int, names ...string) *plan.InKeys {
	in := &plan.InKeys{KeySet: set}
	for _, n := range names {
		in.Columns = append(in.Columns, col(n))
	}
	return in
}

func byRank(set, missing int, names ...string) func(*plan.Rows) {
	return func(r *plan.Rows) {
		ranked := &plan.OrderRanked{KeySet: set, Missing: missing, Columns: inKeys(set, names...).Columns}
		r.OrderBy = append(r.OrderBy, plan.Order{By: ranked, Nulls: plan.NullsLast})
	}
}

// wantKeys is a fragment that answers keys only.
func wantKeys(r plan.Rows, rank plan.OrderKey, names ...string) *plan.Fragment {
	distinctOn(names...)(&r)
	var keys []plan.JoinKey
	if rank != nil {
		keys = append(keys, plan.JoinKey{Name: "rank", Type: systemType("int8"), Rank: rank})
	}
	for _, n := range names {
		keys = append(keys, plan.JoinKey{Name: n, Type: col(n).Type})
	}
	f := keyed(root(many(r, &plan.HoleField{Key: "key"})))
	f.Joins = []*plan.Join{plan.KeysOnly("other", keys, make([]plan.Binding, len(keys)))}
	f.Query.(*plan.Selection).Fields[0].(*plan.HoleField).Join = f.Joins[0]
	return f
}

func keySetCases(out map[string]*plan.Fragment) {
	out["keys"] = keyed(condition(inKeys(0, "id")))
	out["keys of two columns"] = keyed(condition(inKeys(1, "id", "name")))
	out["keys of an enum"] = keyed(condition(inKeys(4, "mood")))
	out["no keys"] = keyed(condition(&plan.And{Parts: []plan.Predicate{
		&plan.Not{Part: inKeys(0, "id")}, &plan.Not{Part: inKeys(1, "id", "name")},
	}}))
	out["keys or keys"] = keyed(condition(&plan.Or{Parts: []plan.Predicate{inKeys(0, "id"), inKeys(1, "id", "name"), inKeys(0, "id")}}))
	out["keys of related rows"] = keyed(condition(&plan.Exists{Target: with(articlesOf(), where(inKeys(0, "id")), permit(inKeys(1, "id", "title")))}))
	out["keys of bindings"] = keyed(bind(many(with(articles(), bound("author_id", 0), where(inKeys(0, "id")), orderBy("id"), limit("1")), cols("id")...), "author_id"))
	out["ranks"] = keyed(root(many(with(authors(), byRank(2, -1, "id")), cols("id")...)))
	out["ranks of two columns"] = keyed(root(many(with(authors(), byRank(3, 0, "id", "name"), orderBy("-id")), cols("id")...)))
	out["ranks of related rows"] = keyed(root(many(with(articles(), func(r *plan.Rows) {
		r.OrderBy = []plan.Order{{By: &plan.OrderRelated{
			Target: with(authors(), on("id", "author_id")), By: &plan.OrderRanked{KeySet: 2, Columns: []plan.Column{col("id")}},
		}}}
	}, orderBy("id")), cols("id")...)))
	out["ranks of bindings"] = keyed(bind(many(with(articles(), bound("author_id", 0), byRank(2, 0, "id"), orderBy("id"), limit("1")), cols("id")...), "author_id"))
	out["key set out of range"] = keyed(condition(inKeys(9, "id")))
	out["wanted keys"] = wantKeys(articles(), nil, "author_id")
	out["wanted unique keys"] = wantKeys(with(authors(), limit("100001")), nil, "id")
	out["wanted ranks"] = wantKeys(articles(), &plan.OrderColumn{Column: col("title")}, "author_id")
	out["wanted ranks of unique keys"] = wantKeys(authors(), &plan.OrderComputed{Call: fullName(), Type: systemType("text")}, "id")
	out["wanted ranks of ranks"] = wantKeys(authors(), &plan.OrderRanked{KeySet: 2, Columns: []plan.Column{col("id")}, Missing: -1}, "id")
	self := with(articles(), on("author_id", "author_id"), permit(cmp("id", plan.Greater, jsonValue("0"))))
	restricted := with(articles(), permit(cmp("id", plan.Greater, jsonValue("0"))))
	counted := &plan.CompareAggregate{
		Target: with(self, where(cmp("rating", plan.Greater, jsonValue("1")))), Function: "count",
		Having: []plan.AggregateComparison{{Operator: plan.Greater, Right: jsonValue("1")}},
	}
	out["wanted keys of aggregates"] = wantKeys(with(restricted, where(counted)), nil, "author_id")
	out["wanted ranks of aggregates"] = wantKeys(restricted, &plan.OrderAggregate{Target: self, Function: "max", Column: col("title")}, "author_id")
}

// TestKeySetTimes keeps large key sets away from plans that search them row by
// row, however often the statement has run.
func TestKeySetTimes(t *testing.T) {
	const rows, limit = 50_000, 4 * time.Second
	s, d := openDatabase(t, fmt.Sprintf(`CREATE TABLE item (id int PRIMARY KEY, k int, s text);
		INSERT INTO item SELECT i, i * 7 %% 25000, 's' || i FROM generate_series(1, %d) i; ANALYZE item`, rows))
	single, pairs := plan.Bindings{Width: 1}, plan.Bindings{Width: 2}
	for i := range rows {
		n := strconv.Itoa(i)
		single.Cells = append(single.Cells, n)
		pairs.Cells = append(pairs.Cells, n, "s"+n)
	}
	k, id, text := column(d, "item", "k"), column(d, "item", "id"), column(d, "item", "s")
	for name, c := range map[string]struct {
		where plan.Predicate
		keys  plan.Bindings
		want  int
	}{
		"keys":    {&plan.InKeys{Columns: []plan.Column{k}}, single, rows},
		"no keys": {&plan.Not{Part: &plan.InKeys{Columns: []plan.Column{k}}}, single, 0},
		"keys or": {&plan.Or{Parts: []plan.Predicate{&plan.InKeys{Columns: []plan.Column{k}}, &plan.Compare{Left: &plan.ColumnOperand{Column: id}, Operator: plan.Equal, Right: jsonValue("5")}}}, single, rows},
		"pairs":   {&plan.InKeys{Columns: []plan.Column{id, text}}, pairs, rows - 1},
		"no pairs": {
			&plan.Not{Part: &plan.InKeys{Columns: []plan.Column{id, text}}}, pairs, 1,
		},
	} {
		f := root(&plan.Aggregation{Rows: with(rowsOf(table(d, "item")), where(c.where)), Fields: []plan.AggregateField{aggregates(&plan.Count{Key: "n"})}})
		f.KeySets = []*plan.KeySet{{}}
		statement, err := s.Compile(f)
		if err != nil {
			t.Fatal(err)
		}
		for range 6 {
			out := jsonshape.NewAnswer(1)
			start := time.Now()
			if err := s.Run(t.Context(), statement, &plan.Arguments{KeySets: []plan.Bindings{c.keys}}, plan.Bindings{}, out); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); took > limit {
				t.Errorf("%s took %v", name, took)
			}
			if got, want := answerValues(f, out)[0], fmt.Sprintf(`{"aggregate":{"n":%d}}`, c.want); got != want {
				t.Errorf("%s: got %s, want %s", name, got, want)
			}
		}
	}
}

// TestKeySetShapes checks that key sets of another shape than the statement's
// are errors, not answers.
func TestKeySetShapes(t *testing.T) {
	tuple := &keyTuple{set: 1, casts: []sqlType{systemCast("int4")}, forms: []keyForm{integerKey(32)}}
	for _, sets := range [][]plan.Bindings{nil, {{}}, {{}, {Width: 2}}, {{}, {Width: 0, Cells: []string{"1"}}}} {
		if text, err := tuple.text(sets, 0); err == nil {
			t.Errorf("%v gave %s", sets, text)
		}
	}
}
