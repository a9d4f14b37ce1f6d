package postgres

import (
	"testing"

	"dovetail/internal/plan"
)

const shop = `
CREATE TABLE author (id int PRIMARY KEY, name text NOT NULL, born date);
CREATE TABLE article (id int PRIMARY KEY, author_id int REFERENCES author, title text, rating numeric);
CREATE TABLE award (author_id int REFERENCES author, year int);
INSERT INTO author VALUES (1, 'Ann', '1950-01-02'), (2, 'Bob "B"', NULL), (3, 'Cy', '2000-02-29');
INSERT INTO article VALUES (1, 1, 'a1', 1.50), (2, 1, 'a2', 3), (3, 2, 'b1', NULL), (4, 1, 'a3', 2), (5, NULL, 'x', 9);
INSERT INTO award VALUES (1, 2001), (1, 2002), (3, 1999);
`

func TestNestedSelection(t *testing.T) {
	s, d := openDatabase(t, shop)
	articles := &plan.Selection{
		Rows: plan.Rows{
			From: table(d, "article"), PermitLimit: -1, Limit: jsonValue("2"),
			On:      []plan.Correlation{{Column: column(d, "article", "author_id"), Outer: column(d, "author", "id"), Binding: -1}},
			OrderBy: []plan.Order{{By: &plan.OrderColumn{Column: column(d, "article", "id")}, Descending: true}},
		},
		Card: plan.Many,
		Fields: append(columns(d, "article", "title", "rating"), &plan.NestedField{Key: "author", Selection: &plan.Selection{
			Card: plan.One, Fields: columns(d, "author", "name", "born"),
			Rows: plan.Rows{
				From: table(d, "author"), PermitLimit: -1,
				On: []plan.Correlation{{Column: column(d, "author", "id"), Outer: column(d, "article", "author_id"), Binding: -1}},
			},
		}}),
	}
	f := &plan.Fragment{Query: &plan.Selection{
		Rows:   plan.Rows{From: table(d, "author"), PermitLimit: -1, OrderBy: []plan.Order{{By: &plan.OrderColumn{Column: column(d, "author", "id")}}}},
		Card:   plan.Many,
		Fields: append(columns(d, "author", "id", "name"), &plan.NestedField{Key: "articles", Selection: articles}),
	}}
	got := run(t, s, f)[0]
	want := `[{"id":1,"name":"Ann","articles":[{"title":"a3","rating":2,"author":{"name":"Ann","born":"1950-01-02"}},` +
		`{"title":"a2","rating":3,"author":{"name":"Ann","born":"1950-01-02"}}]},` +
		`{"id":2,"name":"Bob \"B\"","articles":[{"title":"b1","rating":null,"author":{"name":"Bob \"B\"","born":null}}]},` +
		`{"id":3,"name":"Cy","articles":[]}]`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
