package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"testing"

	"dovetail/internal/jsonshape"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
)

// shop fills a database with authors and articles, ten of each author's.
func shop(tb testing.TB, indexed bool) *Source {
	tb.Helper()
	const articles = 10_000
	s, err := Open(Config{Path: filepath.Join(tb.TempDir(), "shop.db"), Create: true})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	script := fmt.Sprintf(`
CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE article (id INTEGER PRIMARY KEY, author_id INTEGER REFERENCES author, title TEXT NOT NULL, rating REAL, score INTEGER, created_at TIMESTAMP);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %[1]d / 10) INSERT INTO author SELECT i, 'author ' || i FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %[1]d)
INSERT INTO article SELECT i, 1 + i %% (%[1]d / 10), 'article ' || i, i * 1.37, i %% 100, '2020-01-02 03:04:05' FROM n;`, articles)
	if indexed {
		script += "CREATE INDEX article_author ON article (author_id);"
	}
	if _, err := s.RunSQL(tb.Context(), script, false); err != nil {
		tb.Fatal(err)
	}
	return s
}

func tableRows(name string) plan.Rows {
	return plan.Rows{PermitLimit: -1, From: &plan.Table{Name: name, UniqueKeys: [][]string{{"id"}}}}
}

func columnOf(name, declared string) plan.Column {
	return plan.Column{Name: name, Type: typeOf(declared), Nullable: name != "id"}
}

func articleFields() []plan.Field {
	columns := []plan.Column{
		columnOf("id", "INTEGER"), columnOf("title", "TEXT"), columnOf("rating", "REAL"), columnOf("score", "INTEGER"), columnOf("created_at", "TIMESTAMP"),
	}
	fields := make([]plan.Field, 0, len(columns))
	for _, c := range columns {
		fields = append(fields, &plan.ColumnField{Key: c.Name, Column: c})
	}
	return fields
}

func benchmark(b *testing.B, s *Source, f *plan.Fragment, bindings plan.Bindings) {
	b.Helper()
	compiled, err := s.Compile(f)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	for b.Loop() {
		out := jsonshape.NewAnswer(bindings.Rows())
		if err := s.Run(ctx, compiled, &plan.Arguments{}, bindings, out); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(out.Bytes)))
	}
}

func keysUpTo(n int) plan.Bindings {
	set := plan.Bindings{Width: 1}
	for i := range n {
		set.Cells = append(set.Cells, strconv.Itoa(i+1))
	}
	return set
}

func BenchmarkFlat(b *testing.B) {
	benchmark(b, shop(b, true), &plan.Fragment{Query: &plan.Selection{Rows: tableRows("article"), Fields: articleFields(), Card: plan.Many}}, plan.Bindings{})
}

func BenchmarkByPrimaryKey(b *testing.B) {
	rows := tableRows("article")
	rows.Where = &plan.Compare{Left: &plan.ColumnOperand{Column: columnOf("id", "INTEGER")}, Operator: plan.Equal, Right: &plan.Literal{JSON: orderedjson.Value{Kind: orderedjson.Number, Text: "5000"}}}
	benchmark(b, shop(b, true), &plan.Fragment{Query: &plan.Selection{Rows: rows, Fields: articleFields(), Card: plan.One}}, plan.Bindings{})
}

func BenchmarkNestedLists(b *testing.B) {
	for _, indexed := range []bool{true, false} {
		b.Run(fmt.Sprintf("indexed=%t", indexed), func(b *testing.B) {
			articles := tableRows("article")
			articles.On = []plan.Correlation{{Column: columnOf("author_id", "INTEGER"), Outer: columnOf("id", "INTEGER"), Binding: -1}}
			authors := tableRows("author")
			authors.Limit = &plan.Literal{JSON: orderedjson.Value{Kind: orderedjson.Number, Text: "500"}}
			benchmark(b, shop(b, indexed), &plan.Fragment{Query: &plan.Selection{Rows: authors, Card: plan.Many, Fields: []plan.Field{
				&plan.ColumnField{Key: "name", Column: columnOf("name", "TEXT")},
				&plan.NestedField{Key: "articles", Selection: &plan.Selection{Rows: articles, Fields: articleFields(), Card: plan.Many}},
			}}}, plan.Bindings{})
		})
	}
}

func BenchmarkBindings(b *testing.B) {
	for _, limit := range []string{"", "3"} {
		for _, indexed := range []bool{true, false} {
			b.Run(fmt.Sprintf("limit=%s/indexed=%t", limit, indexed), func(b *testing.B) {
				rows := tableRows("article")
				rows.On = []plan.Correlation{{Column: columnOf("author_id", "INTEGER"), Binding: 0}}
				rows.OrderBy = []plan.Order{{By: &plan.OrderColumn{Column: columnOf("id", "INTEGER")}}}
				if limit != "" {
					rows.Limit = &plan.Literal{JSON: orderedjson.Value{Kind: orderedjson.Number, Text: limit}}
				}
				benchmark(b, shop(b, indexed), &plan.Fragment{
					Query:    &plan.Selection{Rows: rows, Fields: articleFields(), Card: plan.Many},
					Bindings: []plan.Binding{{Name: "k", Type: typeOf("INTEGER")}},
				}, keysUpTo(1000))
			})
		}
	}
}

func BenchmarkAggregate(b *testing.B) {
	for _, function := range []string{functionSum, functionAvg, functionStddev, functionMax} {
		b.Run(function, func(b *testing.B) {
			benchmark(b, shop(b, true), &plan.Fragment{Query: &plan.Aggregation{Rows: tableRows("article"), Fields: []plan.AggregateField{
				&plan.AggregateGroup{Key: "a", Items: []plan.AggregateItem{&plan.AggregateFunction{
					Key: "f", Name: function, Columns: []plan.AggregateColumn{{Key: "v", Column: columnOf("score", "INTEGER")}},
				}}},
			}}}, plan.Bindings{})
		})
	}
}
