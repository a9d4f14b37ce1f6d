package postgres

import (
	"context"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"dovetail/internal/jsonshape"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
)

const benchmarkTables = `
CREATE TABLE author (id int PRIMARY KEY, name text NOT NULL, born date);
CREATE TABLE article (id int PRIMARY KEY, author_id int NOT NULL, title text NOT NULL, rating float8 NOT NULL, big int8 NOT NULL);
INSERT INTO author SELECT n, 'author ' || n, date '1950-01-01' + n FROM generate_series(1, 2000) n;
INSERT INTO article SELECT n, n % 2000 + 1, 'the title of article ' || n, n / 7.0, n::int8 * 1000003 FROM generate_series(1, 20000) n;
CREATE INDEX ON article (author_id);
ANALYZE;`

// BenchmarkSource runs compiled fragments.
func BenchmarkSource(b *testing.B) { benchmarkSource(b, Config{}) }

// BenchmarkUnprepared runs them without prepared statements.
func BenchmarkUnprepared(b *testing.B) { benchmarkSource(b, Config{Preparing: PrepareNever}) }

func benchmarkSource(b *testing.B, config Config) {
	b.Helper()
	config.URL = newDatabase(b, benchmarkTables)
	s := open(b, config)
	lookup := bind(many(with(articles(), bound("author_id", 0)), cols("id", "title")...), "author_id")
	top := bind(many(with(articles(), bound("author_id", 0), orderBy("-id"), limit("3")), cols("id", "title")...), "author_id")
	var keys []string
	for n := range 2000 {
		keys = append(keys, strconv.Itoa(n+1))
	}
	for _, c := range []struct {
		name     string
		fragment *plan.Fragment
		keys     []string
	}{
		{"one row", root(one(with(authors(), where(cmp("id", plan.Equal, jsonValue("5")))), cols("id", "name")...)), nil},
		{"10000 flat rows", root(many(with(articles(), limit("10000")), cols("id", "author_id", "title", "score", "big")...)), nil},
		{"50 with lists in lists", root(many(with(authors(), orderBy("id"), limit("50")), append(cols("id", "name"),
			nest("articles", many(with(articlesOf(), orderBy("id"), limit("5")), append(cols("id", "title"), nest("author", one(authorOf(), append(cols("name"),
				nest("articles", many(with(articlesOf(), limit("3")), cols("id")...)))...)))...)))...)), nil},
		{"2000 keys", lookup, keys},
		{"3 each of 2000 keys", top, keys},
	} {
		renameScore(c.fragment)
		b.Run(c.name, func(b *testing.B) { benchmarkFragment(b, s, c.fragment, c.keys) })
	}
}

// renameScore makes the library's score the table's rating.
func renameScore(f *plan.Fragment) {
	s, ok := f.Query.(*plan.Selection)
	if !ok {
		return
	}
	for _, field := range s.Fields {
		if c, ok := field.(*plan.ColumnField); ok && c.Column.Name == "score" {
			c.Column.Name = "rating"
		}
	}
}

func benchmarkFragment(b *testing.B, s *Source, f *plan.Fragment, keys []string) {
	b.Helper()
	statement, err := s.Compile(f)
	if err != nil {
		b.Fatal(err)
	}
	bindings := plan.Bindings{Width: len(f.Bindings), Cells: keys}
	b.ReportAllocs()
	size := 0
	for b.Loop() {
		out := jsonshape.NewAnswer(bindings.Rows())
		if err := s.Run(b.Context(), statement, &plan.Arguments{}, bindings, out); err != nil {
			b.Fatal(err)
		}
		size = len(out.Bytes)
	}
	b.SetBytes(int64(size))
}

// BenchmarkHandler is what a hand-written handler does for the flat rows: scan
// them with pgx and append their JSON.
func BenchmarkHandler(b *testing.B) {
	pool, err := pgxpool.New(b.Context(), newDatabase(b, benchmarkTables))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pool.Close)
	b.Run("one row", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var id int32
			var name string
			if err := pool.QueryRow(b.Context(), "SELECT id, name FROM author WHERE id = $1", 5).Scan(&id, &name); err != nil {
				b.Fatal(err)
			}
			out := strconv.AppendInt([]byte(`{"id":`), int64(id), 10)
			_ = append(orderedjson.AppendString(append(out, `,"name":`...), name), '}')
		}
	})
	b.Run("10000 flat rows", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			out, err := handWritten(b.Context(), pool)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(out)))
		}
	})
}

func handWritten(ctx context.Context, pool *pgxpool.Pool) ([]byte, error) {
	rows, err := pool.Query(ctx, "SELECT id, author_id, title, rating, big FROM article LIMIT $1", 10000)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []byte{'['}
	for rows.Next() {
		var id, author int32
		var title string
		var rating float64
		var big int64
		if err := rows.Scan(&id, &author, &title, &rating, &big); err != nil {
			return nil, err
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = strconv.AppendInt(append(out, `{"id":`...), int64(id), 10)
		out = strconv.AppendInt(append(out, `,"author_id":`...), int64(author), 10)
		out = orderedjson.AppendString(append(out, `,"title":`...), title)
		out = strconv.AppendFloat(append(out, `,"rating":`...), rating, 'g', -1, 64)
		out = append(strconv.AppendInt(append(out, `,"big":`...), big, 10), '}')
	}
	return append(out, ']'), rows.Err()
}
