package postgres

import (
	"strings"
	"testing"

	"dovetail/internal/plan"
)

// TestOperators runs every operator that Postgres has beyond those of other
// databases, with a literal, on the library's rows.
func TestOperators(t *testing.T) {
	s := open(t, Config{URL: newDatabase(t, library, libraryRows)})
	for _, c := range []struct {
		column   string
		operator plan.Operator
		value    string
		want     string
	}{
		{"name", plan.Similar, `"(A|B)%"`, "1 2 3"},
		{"name", plan.NotSimilar, `"A%"`, "2 3"},
		{"name", plan.Regex, `"^A"`, "1"},
		{"name", plan.NotRegex, `"^A"`, "2 3"},
		{"name", plan.IRegex, `"^b"`, "2 3"},
		{"name", plan.NotIRegex, `"^b"`, "1"},
		{"nick", plan.Equal, `"ann"`, "1"},
		{"nick", plan.In, `["ann","X"]`, "1 2"},
		{"nick", plan.Like, `"an%"`, "1"},
		{"nick", plan.NotIn, `["ann"]`, "2"},
		{"mood", plan.Equal, `"sad"`, "1"},
		{"mood", plan.In, `["sad","happy"]`, "1 2"},
		{"mood", plan.Greater, `"sad"`, "2"},
		{"data", plan.Contains, `{"a":[1]}`, "1"},
		{"data", plan.ContainedIn, `{"a":[1,{"b":null}],"c":2}`, "1"},
		{"data", plan.HasKey, `"a"`, "1"},
		{"data", plan.HasKeysAny, `["a","z"]`, "1"},
		{"data", plan.HasKeysAll, `["a","z"]`, ""},
		{"data", plan.In, `[[],{"a":[1,{"b":null}]}]`, "1 3"},
		{"data", plan.Equal, `[]`, "3"},
		{"tags", plan.Equal, `["a","b"]`, "1"},
		{"tags", plan.Equal, `"{a,b}"`, "1"},
		{"tags", plan.Contains, `["b"]`, "1"},
		{"tags", plan.ContainedIn, `["b","a","c"]`, "1 2"},
		{"tags", plan.In, `[["a","b"],["x"]]`, "1"},
		{"tags", plan.NotIn, `[["a","b"],["x"]]`, "2"},
		{"score", plan.Equal, `"NaN"`, "2"},
		{"born", plan.Less, `"1999-01-01"`, "1"},
		{"seen", plan.Equal, `"2020-01-01T13:00:00+01:00"`, "1"},
		{"id", plan.In, `[]`, ""},
		{"id", plan.NotIn, `[]`, "1 2 3"},
		{"id", plan.Equal, `"2"`, "2"},
		{"id", plan.Equal, `null`, ""},
	} {
		expectIDs(t, s, authors(), c.column, c.operator, c.value, c.want)
	}
	for _, c := range []struct {
		operator plan.Operator
		value    string
		want     string
	}{
		{plan.Ancestor, `"top.a.x"`, "1 4"},
		{plan.Descendant, `"top"`, "1 2 4"},
		{plan.AncestorAny, `["top.b.z","y"]`, "2 5"},
		{plan.DescendantAny, `["top.a","y"]`, "1 4 5"},
		{plan.Matches, `"*.a"`, "1"},
		{plan.MatchesAny, `["*.a","y"]`, "1 5"},
		{plan.MatchesFulltext, `"a & x"`, "4"},
		{plan.Equal, `"y"`, "5"},
	} {
		expectIDs(t, s, articles(), "path", c.operator, c.value, c.want)
	}
}

func expectIDs(t *testing.T, s *Source, from plan.Rows, column string, operator plan.Operator, value, want string) {
	t.Helper()
	f := root(many(with(from, where(cmp(column, operator, jsonValue(value))), orderBy("id")), cols("id")...))
	got := run(t, s, f)[0]
	wanted := "[]"
	if want != "" {
		wanted = `[{"id":` + strings.ReplaceAll(want, " ", `},{"id":`) + `}]`
	}
	if got != wanted {
		t.Errorf("%s %s %s: got %s, want %s", column, operator, value, got, wanted)
	}
}
