package sqlite

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	zombiezen "zombiezen.com/go/sqlite"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/sources"
)

// withKeySets gives a fragment two key sets.
func withKeySets(f *plan.Fragment) *plan.Fragment {
	f.KeySets = []*plan.KeySet{{Relationship: "first"}, {Relationship: "second", Ranked: true}}
	return f
}

// keySetFragments are those of filters and orders through other sources.
func keySetFragments(out map[string]*plan.Fragment) {
	id, authorID, title := columnOf("id", "INTEGER"), columnOf("author_id", "INTEGER"), columnOf("title", "TEXT")
	mark, made := columnOf("mark", "UUID"), columnOf("created_at", "TIMESTAMPTZ")
	in := func(columns ...plan.Column) *plan.InKeys { return &plan.InKeys{Columns: columns} }
	where := func(name string, p plan.Predicate) {
		rows := tableRows("article")
		rows.Where = p
		out[name] = withKeySets(&plan.Fragment{Query: many(rows, field(id))})
	}
	where("keys", in(authorID))
	where("keys twice", &plan.Or{Parts: []plan.Predicate{in(authorID), &plan.Not{Part: in(authorID)}}})
	where("keys of a uuid", in(mark))
	where("keys of two columns", in(authorID, title))
	where("keys of a uuid and a timestamp", in(mark, made))
	where("key set out of range", &plan.InKeys{Columns: []plan.Column{id}, KeySet: 2})
	ranked := tableRows("article")
	ranked.OrderBy = []plan.Order{
		{By: &plan.OrderRanked{Columns: []plan.Column{authorID, made}, KeySet: 1, Missing: -1}},
		{By: &plan.OrderRanked{Columns: []plan.Column{authorID, made}, KeySet: 1}, Descending: true},
	}
	out["ranks"] = withKeySets(&plan.Fragment{Query: many(ranked, field(id))})

	wanted := func(name string, rows plan.Rows, rank plan.OrderKey, columns ...plan.Column) {
		var keys []plan.JoinKey
		if rank != nil {
			keys = append(keys, plan.JoinKey{Name: "rank", Type: integerType(), Rank: rank})
		}
		for _, c := range columns {
			rows.DistinctOn = append(rows.DistinctOn, c)
			keys = append(keys, plan.JoinKey{Name: c.Name, Type: c.Type})
		}
		join := plan.KeysOnly("other", keys, make([]plan.Binding, len(keys)))
		out[name] = withKeySets(&plan.Fragment{Query: many(rows, &plan.HoleField{Key: "key", Join: join}), Joins: []*plan.Join{join}})
	}
	limited := tableRows("article")
	limited.Limit = jsonLiteral("100001")
	wanted("wanted keys", limited, nil, authorID)
	unique := tableRows("article")
	unique.From = &plan.Table{Name: "article", UniqueKeys: [][]string{{"id"}}}
	wanted("wanted unique keys", unique, nil, id)
	wanted("wanted ranks", tableRows("article"), &plan.OrderColumn{Column: title}, authorID)
	self := tableRows("article")
	self.On = on(authorID, authorID)
	wanted("wanted ranks of counts", tableRows("article"), &plan.OrderAggregate{Target: self, Function: "count"}, authorID)
	filtered := self
	filtered.Where = compareTo(title, plan.Like, jsonLiteral(`"a%"`))
	rows := tableRows("article")
	rows.Where = &plan.CompareAggregate{
		Target: filtered, Function: "max", Arguments: []plan.Column{id}, Result: integerType(),
		Having: []plan.AggregateComparison{{Operator: plan.Greater, Right: jsonLiteral("1")}},
	}
	wanted("wanted keys of aggregates", rows, nil, authorID)
}

// TestRankKeys checks which values a rank is found by: those that = finds equal.
func TestRankKeys(t *testing.T) {
	integer, number, text := columnOf("c", "INTEGER").Type, columnOf("c", "NUMERIC").Type, columnOf("c", "TEXT").Type
	uuid, blob := columnOf("c", "UUID").Type, columnOf("c", "BLOB").Type
	float := func(f float64) bound { return bound{kind: zombiezen.TypeFloat, real: f} }
	bytes := func(s string) bound { return bound{kind: zombiezen.TypeBlob, text: s} }
	for _, c := range []struct {
		typ    plan.Type
		key    string
		stored bound
		found  bool
	}{
		{integer, "5", boundInteger(5), true},
		{integer, "5.0", boundInteger(5), true},
		{integer, "5", float(5), true},
		{integer, "5", boundText("5"), false},
		{integer, "9007199254740993", boundInteger(9007199254740993), true},
		{integer, "9007199254740993", boundInteger(9007199254740992), false},
		{number, "0.30", float(0.3), true},
		{number, "1e2", boundInteger(100), true},
		{number, "1e300", float(1e300), true},
		{text, "5", boundInteger(5), true},
		{text, "a", boundText("a"), true},
		{text, "a", boundText("A"), false},
		{uuid, "0a1b2c3d-0000-4000-8000-00000000000f", boundText("0A1B2C3D-0000-4000-8000-00000000000F"), true},
		{uuid, "0A1B2C3D000040008000000000000041", bytes("\x0a\x1b\x2c\x3d\x00\x00\x40\x00\x80\x00\x00\x00\x00\x00\x00\x41"), true},
		{blob, `\x4142`, bytes("AB"), true},
		{blob, `\x4142`, boundText("AB"), false},
	} {
		key, ok := keyValue(c.key, c.typ)
		if !ok {
			t.Errorf("%q is no %s", c.key, c.typ.Name)
			continue
		}
		found := string(appendRankKey(nil, key, c.typ, nil)) == string(appendRankKey(nil, c.stored, c.typ, nil))
		if found != c.found {
			t.Errorf("%s %q and %+v: equal is %v", c.typ.Name, c.key, c.stored, found)
		}
	}
}

// The driver makes a text of what a function fails with, which would be taken
// for a rank.
func TestRanksThatAreNotLoadedFailTheStatement(t *testing.T) {
	t.Parallel()
	s := &Source{config: Config{Path: memoryPath}}
	c, err := s.connect()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.close(); err != nil {
			t.Error(err)
		}
	}()
	r := &request{statement: &statement{sql: "SELECT dovetail_rank(0, 1)", shape: &jsonshape.Shape{}}}
	failure, ok := errors.AsType[*sources.Error](r.on(t.Context(), c, &jsonshape.Answer{}))
	if !ok || !strings.Contains(fmt.Sprint(failure.Cause, failure.Internal), "not loaded") {
		t.Errorf("a rank that isn't there: %v", failure)
	}
	if c.refusal != nil {
		t.Error("the failure stays with the connection")
	}
}
