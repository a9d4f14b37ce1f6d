package bench

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"dovetail/internal/testpostgres"
)

// The tables of lookups that share statements: 5,000 albums with 4 reviews each
// in one database, 10,000 authors with 20 posts each in another. Twins are the
// authors once more, in a table of another name: what is looked up there shares
// nothing with lookups of authors.
const (
	recordsScript = `CREATE TABLE album (id int PRIMARY KEY, title text, author_id int, editor_id int);
INSERT INTO album SELECT g, 'title ' || g, g, g + 2500 FROM generate_series(1, 5000) g;
CREATE TABLE review (id int PRIMARY KEY, album_id int REFERENCES album (id), author_id int, stars int);
INSERT INTO review SELECT g, 1 + g % 5000, 1 + g % 7000, g % 5 FROM generate_series(1, 20000) g;
CREATE INDEX ON review (album_id); ANALYZE album; ANALYZE review;`
	authorsScript = `CREATE TABLE author (id int PRIMARY KEY, name text, email text, about text, born date);
INSERT INTO author SELECT g, 'author ' || g, g || '@example.com', repeat('about ' || g, 20), date '1950-01-01' + g FROM generate_series(1, 10000) g;
CREATE TABLE post (id int PRIMARY KEY, author_id int REFERENCES author (id), title text);
INSERT INTO post SELECT g, 1 + g % 10000, 'post ' || g FROM generate_series(1, 200000) g;
CREATE TABLE twin AS SELECT * FROM author; ALTER TABLE twin ADD PRIMARY KEY (id);
CREATE INDEX ON post (author_id); ANALYZE author; ANALYZE twin; ANALYZE post;`
)

func unionMetadata(records, people string) string {
	lookup := func(name, target, column string) string {
		return fmt.Sprintf(`{"name": %q, "definition": {"to_source": {"relationship_type": "object", "source": "people",
			"table": {"schema": "public", "name": %q}, "field_mapping": {%q: "id"}}}}`, name, target, column)
	}
	lists := func(name, table, column string) string {
		return fmt.Sprintf(`"array_relationships": [{"name": %q, "using": {"foreign_key_constraint_on": {"table": {"schema": "public", "name": %q}, "column": %q}}}]`,
			name, table, column)
	}
	return fmt.Sprintf(`{"version": 3, "sources": [
 {"name": "records", "kind": "postgres", "configuration": {"connection_info": {"database_url": %q}}, "tables": [
  {"table": {"schema": "public", "name": "album"}, %s, "remote_relationships": [%s, %s, %s, %s]},
  {"table": {"schema": "public", "name": "review"}, "remote_relationships": [%s, %s]}]},
 {"name": "people", "kind": "postgres", "configuration": {"connection_info": {"database_url": %q}}, "tables": [
  {"table": {"schema": "public", "name": "author"}, %s}, {"table": {"schema": "public", "name": "twin"}},
  {"table": {"schema": "public", "name": "post"}}]}]}`,
		records, lists("reviews", "review", "album_id"), lookup("author", "author", "author_id"), lookup("author_twin", "twin", "author_id"),
		lookup("editor", "author", "editor_id"), lookup("editor_twin", "twin", "editor_id"),
		lookup("author", "author", "author_id"), lookup("author_twin", "twin", "author_id"),
		people, lists("posts", "post", "author_id"))
}

// BenchmarkUnion compares lookups that share a statement with the same lookups,
// each with its own.
func BenchmarkUnion(b *testing.B) {
	records, people := testpostgres.Database(b), testpostgres.Database(b)
	execute(b, records, recordsScript)
	execute(b, people, authorsScript)
	engine := startEngine(b, "serve")
	engine.replaceMetadata(b, unionMetadata(records, people))
	var table strings.Builder
	table.WriteString("\n| lookups | one statement | engine CPU | each its own | engine CPU | ratio |\n|---|---|---|---|---|---|\n")
	for _, c := range []struct{ name, query string }{
		{"5,000 keys, the same", `album(order_by: {id: asc}) {a: author {name born} b: author%s {email}}`},
		{"5,000 keys, half of them the same", `album(order_by: {id: asc}) {a: author {name born} b: editor%s {name email}}`},
		{"5,000 keys, half of them the same, long texts", `album(order_by: {id: asc}) {a: author {name born} b: editor%s {about}}`},
		{"50 keys and 200 below, many the same", `album(order_by: {id: asc}, limit: 50) {a: author {name} reviews {stars b: author%s {name email}}}`},
		{"one key, twice", `album_by_pk(id: 7) {a: author {name} b: author%s {email}}`},
	} {
		b.Run(strings.ReplaceAll(c.name, " ", "-"), func(b *testing.B) {
			compare(b, engine, &table, c.name, fmt.Sprintf(c.query, ""), fmt.Sprintf(c.query, "_twin"))
		})
	}
	tell(b, "%s", table.String())

	// What a list costs that is asked for every key instead of those it is wanted
	// of.
	table.Reset()
	table.WriteString("\n| 5,000 authors, and posts | of 10 of them | engine CPU | of all | engine CPU | ratio |\n|---|---|---|---|---|---|\n")
	some := `album(order_by: {id: asc}) {author {name}} few: album(order_by: {id: asc}, limit: 10) {author {name posts {title}}}`
	all := `album(order_by: {id: asc}) {author {name posts {title}}}`
	b.Run("list", func(b *testing.B) {
		const name = "20 each"
		few, every := engine.asks(b, "{"+some+"}"), engine.asks(b, "{"+all+"}")
		measure(b, engine, &table, name, few, every)
	})
	tell(b, "%s", table.String())
}

// compare measures two queries that must have the same answer.
func compare(b *testing.B, engine *process, table *strings.Builder, name, one, other string) {
	b.Helper()
	first, second := engine.asks(b, "{"+one+"}"), engine.asks(b, "{"+other+"}")
	if got, want := first(), second(); !bytes.Equal(got, want) {
		b.Fatalf("one statement answers\n%.500s\neach its own\n%.500s", got, want)
	}
	measure(b, engine, table, name, first, second)
}

func measure(b *testing.B, engine *process, table *strings.Builder, name string, ask ...func() []byte) {
	b.Helper()
	times, cost := make([][]time.Duration, len(ask)), make([]time.Duration, len(ask))
	for b.Loop() {
		for i := range ask {
			before := engine.processor(b)
			times[i] = append(times[i], duration(ask[i]))
			cost[i] += engine.processor(b) - before
		}
	}
	ratio := float64(median(times[0])) / float64(median(times[1]))
	b.ReportMetric(ratio, "ratio")
	fmt.Fprintf(table, "| %s |", name)
	for i := range ask {
		fmt.Fprintf(table, " %.1f ms | %.1f ms |", microseconds(median(times[i]))/1000, microseconds(cost[i]/time.Duration(len(times[i])))/1000)
	}
	fmt.Fprintf(table, " %.2f |\n", ratio)
}
