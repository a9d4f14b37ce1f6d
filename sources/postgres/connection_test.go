package postgres

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/sources"
)

const shelf = `
CREATE TYPE size AS ENUM ('small', 'large');
CREATE TABLE author (id int PRIMARY KEY, name text, score float8, born timestamptz);
CREATE TABLE book (
  author_id int REFERENCES author, number int, title text, price numeric, size size, tags text[], data jsonb, token uuid, lent interval,
  PRIMARY KEY (author_id, number)
);
INSERT INTO author VALUES (1, 'Ann', 1.5, '2001-02-03 04:05:06.7Z'), (2, NULL, 'NaN', NULL), (3, 'Cy', NULL, '1999-01-01Z'), (4, 'Ann', -2, NULL), (5, 'é "x" \', 0.1, NULL);
INSERT INTO book VALUES
  (1, 1, 'a', 1.50, 'small', '{x}', '{"k": 1}', '00000000-0000-0000-0000-000000000001', '1 day'),
  (1, 2, 'b', NULL, NULL, NULL, NULL, NULL, NULL),
  (1, 3, 'a', 2.5, 'large', '{}', '{"k": 1}', NULL, '2 hours'),
  (2, 1, NULL, 1.5, 'small', '{y,z}', '[]', '00000000-0000-0000-0000-000000000002', NULL),
  (2, 2, 'c', 100000000000000000000.25, 'large', '{x}', NULL, NULL, '1 day'),
  (3, 1, 'b', -1, NULL, NULL, '"t"', NULL, NULL),
  (4, 1, NULL, NULL, 'small', NULL, NULL, '00000000-0000-0000-0000-000000000001', '00:00:01');
`

// shelves describes how the rows of a table may be ordered.
type shelves struct {
	source   *Source
	database *sources.Database
}

func (s *shelves) byColumn(table, name string) plan.OrderKey {
	return &plan.OrderColumn{Column: column(s.database, table, name)}
}

func (s *shelves) authorOf() plan.Rows {
	r := rowsOf(table(s.database, "author"))
	r.On = []plan.Correlation{{Column: column(s.database, "author", "id"), Outer: column(s.database, "book", "author_id"), Binding: -1}}
	return r
}

func (s *shelves) booksOf() plan.Rows {
	r := rowsOf(table(s.database, "book"))
	r.On = []plan.Correlation{{Column: column(s.database, "book", "author_id"), Outer: column(s.database, "author", "id"), Binding: -1}}
	return r
}

// keys are all kinds of keys that a table is ordered by.
func (s *shelves) keys(name string) map[string]plan.OrderKey {
	out := map[string]plan.OrderKey{}
	for _, t := range s.database.Tables {
		if t.Name != name {
			continue
		}
		for _, c := range t.Columns {
			out[c.Name] = s.byColumn(name, c.Name)
		}
	}
	if name == "author" {
		for _, function := range []string{"count", "sum", "avg", "min", "max", "stddev"} {
			key := &plan.OrderAggregate{Relationship: "books", Target: s.booksOf(), Function: function}
			if function != "count" {
				key.Column = column(s.database, "book", "price")
			}
			out["books."+function] = key
		}
		for _, name := range []string{"lent", "token", "size", "title"} {
			out["books.max."+name] = &plan.OrderAggregate{
				Relationship: "books", Target: s.booksOf(), Function: "max", Column: column(s.database, "book", name),
			}
		}
		return out
	}
	for _, name := range []string{"name", "score", "born"} {
		out["author."+name] = &plan.OrderRelated{Relationship: "author", Target: s.authorOf(), By: s.byColumn("author", name)}
	}
	positive := s.authorOf()
	positive.Restricted = true
	positive.Permit = &plan.Compare{
		Left: &plan.ColumnOperand{Column: column(s.database, "author", "id")}, Operator: plan.Greater, Right: jsonValue("1"),
	}
	out["permitted author.id"] = &plan.OrderRelated{Relationship: "author", Target: positive, By: s.byColumn("author", "id")}
	out["author.books.count"] = &plan.OrderRelated{Relationship: "author", Target: s.authorOf(), By: &plan.OrderAggregate{
		Relationship: "books", Target: s.booksOf(), Function: "count",
	}}
	out["guarded"] = &plan.OrderColumn{Column: column(s.database, name, "title"), Guard: &plan.Compare{
		Left: &plan.ColumnOperand{Column: column(s.database, name, "number")}, Operator: plan.Less, Right: jsonValue("3"),
	}}
	return out
}

type testPage struct {
	Edges []struct {
		Cursor string
		Node   map[string]json.RawMessage
	}
	PageInfo struct {
		StartCursor, EndCursor       string
		HasNextPage, HasPreviousPage bool
	}
}

func (p *testPage) ids() []string {
	out := make([]string, 0, len(p.Edges))
	for _, e := range p.Edges {
		out = append(out, string(e.Node["id"]))
	}
	return out
}

// connectionTo reads rows of a table by an order, with the primary key last.
func (s *shelves) connectionTo(name string, order ...plan.Order) *plan.Connection {
	t := table(s.database, name)
	c := &plan.Connection{Rows: rowsOf(t)}
	node := []plan.Field{&plan.NodeIDField{Key: "id", Schema: "public", Table: name, Columns: t.PrimaryKey}}
	if name == "book" {
		node = append(node, &plan.NestedField{Key: "author", Relationship: "author", Selection: &plan.Selection{
			Rows: s.authorOf(), Card: plan.One, Fields: columns(s.database, "author", "name"),
		}})
	}
	c.Fields = []plan.ConnectionField{
		&plan.ConnectionPageInfo{Key: "pageInfo", Items: []plan.PageInfoItem{
			{Key: "hasNextPage", Kind: plan.HasNextPage},
			{Key: "hasPreviousPage", Kind: plan.HasPreviousPage},
			{Key: "startCursor", Kind: plan.StartCursor},
			{Key: "endCursor", Kind: plan.EndCursor},
		}},
		&plan.ConnectionEdges{Key: "edges", Fields: []plan.EdgeField{&plan.EdgeCursor{Key: "cursor"}, &plan.EdgeNode{Key: "node", Fields: node}}},
	}
	c.OrderBy = order
	for i := range order {
		c.Cursor = append(c.Cursor, plan.CursorPath{fmt.Sprintf("k%d", i), "v"})
	}
	for _, key := range t.PrimaryKey {
		c.OrderBy = append(c.OrderBy, plan.Order{By: &plan.OrderColumn{Column: key}})
		c.Cursor = append(c.Cursor, plan.CursorPath{key.Name})
	}
	return c
}

func (s *shelves) page(t *testing.T, c plan.Connection, size int, backward bool, after, before string) *testPage {
	t.Helper()
	c.Backward = backward
	if size >= 0 {
		c.Limit = jsonValue(fmt.Sprint(size))
	}
	if after+before != "" {
		text := &plan.Literal{JSON: orderedjson.Value{Kind: orderedjson.String, Text: after + before}}
		c.Bound = &plan.CursorBound{After: after != ""}
		for _, path := range c.Cursor {
			c.Bound.Values = append(c.Bound.Values, &plan.Token{Text: text, Path: path})
		}
	}
	answer := run(t, s.source, &plan.Fragment{Query: &c})[0]
	var out testPage
	if err := json.Unmarshal([]byte(answer), &out); err != nil {
		t.Fatalf("%s: %v", answer, err)
	}
	return &out
}

// walk pages through all rows in one direction.
func (s *shelves) walk(t *testing.T, c *plan.Connection, all []string, size int, backward bool) {
	t.Helper()
	var got []string
	cursor := ""
	for {
		after, before := cursor, ""
		if backward {
			after, before = "", cursor
		}
		p := s.page(t, *c, size, backward, after, before)
		ids := p.ids()
		at := len(got) // rows before the page, or behind it
		more, behind := p.PageInfo.HasNextPage, p.PageInfo.HasPreviousPage
		if backward {
			got = append(slices.Clone(ids), got...)
			more, behind, cursor = behind, more, p.PageInfo.StartCursor
		} else {
			got = append(got, ids...)
			cursor = p.PageInfo.EndCursor
		}
		if behind != (at > 0) || more != (len(got) < len(all)) || len(got) > len(all) || len(ids) == 0 {
			t.Fatalf("size %d, backward %t: page %v after %d of %d rows says more=%t, behind=%t", size, backward, ids, at, len(all), more, behind)
		}
		if p.Edges[0].Cursor != p.PageInfo.StartCursor || p.Edges[len(ids)-1].Cursor != p.PageInfo.EndCursor {
			t.Fatalf("the page's cursors are not those of its edges: %+v", p)
		}
		if !more {
			break
		}
	}
	if !slices.Equal(got, all) {
		t.Errorf("size %d, backward %t: got\n%v\nwant\n%v", size, backward, got, all)
	}
}

// TestConnections pages through tables by every kind of key, forward and
// backward, and holds the pages against the rows of one plain selection.
func TestConnections(t *testing.T) {
	s := &shelves{}
	s.source, s.database = openDatabase(t, shelf)
	for _, name := range []string{"author", "book"} {
		keys := s.keys(name)
		for label, key := range keys {
			for _, descending := range []bool{false, true} {
				for _, nulls := range []plan.NullsOrder{plan.NullsDefault, plan.NullsFirst, plan.NullsLast} {
					t.Run(fmt.Sprintf("%s by %s desc=%t nulls=%s", name, label, descending, nulls), func(t *testing.T) {
						c := s.connectionTo(name, plan.Order{By: key, Descending: descending, Nulls: nulls})
						all := s.selected(t, c)
						for _, size := range []int{1, 3} {
							s.walk(t, c, all, size, false)
							s.walk(t, c, all, size, true)
						}
					})
				}
			}
		}
	}
}

// selected are the ids of all rows by an order, read as a plain list.
func (s *shelves) selected(t *testing.T, c *plan.Connection) []string {
	t.Helper()
	table, ok := c.From.(*plan.Table)
	if !ok {
		t.Fatal("not a table")
	}
	answer := run(t, s.source, &plan.Fragment{Query: &plan.Selection{Rows: c.Rows, Card: plan.Many, Fields: []plan.Field{
		&plan.NodeIDField{Key: "id", Schema: table.Schema, Table: table.Name, Columns: table.PrimaryKey},
	}}})[0]
	var rows []map[string]json.RawMessage
	if err := json.Unmarshal([]byte(answer), &rows); err != nil {
		t.Fatal(err)
	}
	out := make([]string, 0, len(rows))
	for _, r := range rows {
		out = append(out, string(r["id"]))
	}
	return out
}

// TestConnectionsOfDistinctRows pages through one row per title.
func TestConnectionsOfDistinctRows(t *testing.T) {
	s := &shelves{}
	s.source, s.database = openDatabase(t, shelf)
	title := column(s.database, "book", "title")
	for _, order := range [][]plan.Order{
		nil,
		{{By: &plan.OrderColumn{Column: title}, Descending: true}},
		{{By: &plan.OrderColumn{Column: title}}, {By: s.byColumn("book", "price"), Descending: true}},
	} {
		c := s.connectionTo("book", order...)
		c.DistinctOn = []plan.Column{title}
		all := s.page(t, *c, -1, false, "", "").ids()
		if len(all) != 4 {
			t.Errorf("%d distinct titles: %v", len(all), all)
		}
		for _, size := range []int{1, 2, 3, 100} {
			s.walk(t, c, all, size, false)
			s.walk(t, c, all, size, true)
		}
	}
}

// TestConnectionEdges are pages at the ends of what there is.
func TestConnectionEdges(t *testing.T) {
	s := &shelves{}
	s.source, s.database = openDatabase(t, shelf)
	c := s.connectionTo("author")
	all := s.page(t, *c, -1, false, "", "")
	if p := s.page(t, *c, 0, false, "", ""); len(p.Edges) != 0 || !p.PageInfo.HasNextPage || p.PageInfo.HasPreviousPage || p.PageInfo.StartCursor != "" {
		t.Errorf("a page of no rows: %+v", p)
	}
	last := all.PageInfo.EndCursor
	if p := s.page(t, *c, 2, false, last, ""); len(p.Edges) != 0 || p.PageInfo.HasNextPage || !p.PageInfo.HasPreviousPage || p.PageInfo.EndCursor != "" {
		t.Errorf("after the last row: %+v", p)
	}
	// The last two after the first one, and the first two before the last one.
	if p := s.page(t, *c, 2, true, all.Edges[0].Cursor, ""); !slices.Equal(p.ids(), all.ids()[3:]) || !p.PageInfo.HasPreviousPage || p.PageInfo.HasNextPage {
		t.Errorf("last with after: %+v", p)
	}
	if p := s.page(t, *c, 2, false, "", last); !slices.Equal(p.ids(), all.ids()[:2]) || p.PageInfo.HasPreviousPage || !p.PageInfo.HasNextPage {
		t.Errorf("first with before: %+v", p)
	}
	c.PermitLimit = 3
	if p := s.page(t, *c, 4, false, "", ""); len(p.Edges) != 3 || !p.PageInfo.HasNextPage {
		t.Errorf("the role's limit: %+v", p)
	}
	if p := s.page(t, *c, -1, false, all.Edges[2].Cursor, ""); len(p.Edges) != 2 || p.PageInfo.HasNextPage {
		t.Errorf("the role's limit on the second page: %+v", p)
	}
	// A cursor that somebody made up finds what it says, or nothing.
	c.PermitLimit = -1
	if p := s.page(t, *c, 2, false, "eyJpZCI6bnVsbH0=", ""); len(p.Edges) != 0 {
		t.Errorf("a null key: %+v", p)
	}
}

// TestNestedAndBoundConnections are pages per parent: in one row, and by keys.
func TestNestedAndBoundConnections(t *testing.T) {
	s := &shelves{}
	s.source, s.database = openDatabase(t, shelf)
	books := s.connectionTo("book")
	books.Limit = jsonValue("2")
	books.On = s.booksOf().On
	authors := s.connectionTo("author")
	authors.Limit = jsonValue("3")
	authors.Fields = []plan.ConnectionField{&plan.ConnectionEdges{Key: "e", Fields: []plan.EdgeField{&plan.EdgeNode{
		Key: "n", Fields: append(columns(s.database, "author", "id"), &plan.NestedConnectionField{Key: "books", Relationship: "books", Connection: short(books)}),
	}}}}
	got := run(t, s.source, &plan.Fragment{Query: authors})[0]
	want := `{"e":[` +
		`{"n":{"id":1,"books":{"info":{"more":true},"e":[{"node":{"title":"a"}},{"node":{"title":"b"}}],"kind":"page"}}},` +
		`{"n":{"id":2,"books":{"info":{"more":false},"e":[{"node":{"title":null}},{"node":{"title":"c"}}],"kind":"page"}}},` +
		`{"n":{"id":3,"books":{"info":{"more":false},"e":[{"node":{"title":"b"}}],"kind":"page"}}}]}`
	if got != want {
		t.Errorf("nested: got\n%s\nwant\n%s", got, want)
	}
	books.On = []plan.Correlation{{Column: column(s.database, "book", "author_id"), Binding: 0}}
	f := &plan.Fragment{Query: short(books), Bindings: []plan.Binding{{Name: "author_id", Type: systemType("int4")}}}
	values := run(t, s.source, f, "2", "9", "1")
	wanted := []string{
		`{"info":{"more":false},"e":[{"node":{"title":null}},{"node":{"title":"c"}}],"kind":"page"}`,
		`{"info":{"more":false},"e":[],"kind":"page"}`,
		`{"info":{"more":true},"e":[{"node":{"title":"a"}},{"node":{"title":"b"}}],"kind":"page"}`,
	}
	if !slices.Equal(values, wanted) {
		t.Errorf("bound: got\n%s\nwant\n%s", strings.Join(values, "\n"), strings.Join(wanted, "\n"))
	}
}

// short is a connection with other fields.
func short(c *plan.Connection) *plan.Connection {
	out := *c
	title := &plan.ColumnField{Key: "title", Column: plan.Column{Name: "title", Type: systemType("text")}}
	out.Fields = []plan.ConnectionField{
		&plan.ConnectionPageInfo{Key: "info", Items: []plan.PageInfoItem{{Key: "more", Kind: plan.HasNextPage}}},
		&plan.ConnectionEdges{Key: "e", Fields: []plan.EdgeField{&plan.EdgeNode{Key: "node", Fields: []plan.Field{title}}}},
		&plan.ConnectionStatic{Key: "kind", JSON: []byte(`"page"`)},
	}
	return &out
}
