package postgres

import (
	"strconv"
	"testing"

	"github.com/cockroachdb/datadriven"

	"dovetail/internal/plan"
)

// required is a column that is never null.
func required(name string) plan.OrderKey {
	return &plan.OrderColumn{Column: col(name)}
}

func optional(name string) plan.OrderKey {
	c := col(name)
	c.Nullable = true
	return &plan.OrderColumn{Column: c}
}

// pageOf is a connection to rows, whose cursors name their values k0, k1 and so
// on.
func pageOf(r plan.Rows, fields ...plan.ConnectionField) *plan.Connection {
	c := &plan.Connection{Rows: r, Fields: fields}
	for i := range r.OrderBy {
		c.Cursor = append(c.Cursor, plan.CursorPath{"k" + strconv.Itoa(i)})
	}
	return c
}

// from bounds a connection by a cursor in a variable.
func from(c *plan.Connection, after bool) *plan.Connection {
	c.Bound = &plan.CursorBound{After: after}
	for _, path := range c.Cursor {
		c.Bound.Values = append(c.Bound.Values, &plan.Token{Text: variable("cursor"), Path: path})
	}
	return c
}

func backward(c *plan.Connection) *plan.Connection {
	c.Backward = true
	return c
}

func edges(nodes ...plan.Field) plan.ConnectionField {
	return &plan.ConnectionEdges{Key: "edges", Fields: []plan.EdgeField{&plan.EdgeCursor{Key: "cursor"}, &plan.EdgeNode{Key: "node", Fields: nodes}}}
}

func info(kinds ...plan.PageInfoKind) plan.ConnectionField {
	out := &plan.ConnectionPageInfo{Key: "pageInfo"}
	for _, k := range kinds {
		out.Items = append(out.Items, plan.PageInfoItem{Key: string(k), Kind: k})
	}
	return out
}

func connectionFragments() map[string]*plan.Fragment {
	out := map[string]*plan.Fragment{}
	add := func(name string, c *plan.Connection) { out[name] = root(c) }
	id := &plan.NodeIDField{Key: "id", Schema: "public", Table: "author", Columns: []plan.Column{col("id")}}
	ages := orderBy(plan.Order{By: optional("born"), Descending: true, Nulls: plan.NullsLast}, required("id"))
	count := &plan.OrderAggregate{Relationship: "articles", Target: articlesOf(), Function: "count"}
	computed := &plan.ComputedField{Key: "full", Call: fullName(), Type: systemType("text")}

	add("all rows", pageOf(with(authors(), orderBy(required("id"))), edges(id, cols("name")[0])))
	add("a page alone", pageOf(with(authors(), orderBy(required("id")), limit("2")), edges(id)))
	add("a page and whether there are more", pageOf(with(authors(), orderBy(required("id")), limit("2")), info(plan.HasNextPage), edges()))
	add("a role's page", pageOf(with(authors(), orderBy(required("id")), limit("2"), atMost(5), permit(cmp("name", plan.Equal, &plan.SessionVariable{Name: "x-hasura-name"}))),
		info(plan.HasNextPage, plan.HasPreviousPage)))
	add("after a cursor", from(pageOf(with(authors(), orderBy(required("id")), limit("2")), info(plan.HasNextPage, plan.HasPreviousPage)), true))
	add("keys that are never null", from(pageOf(with(articles(), orderBy(plan.Order{By: required("author_id"), Descending: true}, required("id"))), edges()), true))
	add("keys that may be null", from(pageOf(with(authors(), ages), edges()), true))
	add("before a cursor, backward", backward(from(pageOf(with(authors(), ages, limit("2")), edges(), info(plan.HasNextPage, plan.HasPreviousPage)), false)))
	add("by an aggregate, with computed fields", from(pageOf(with(authors(), orderBy(count, required("id")), limit("2")), edges(computed), info(plan.HasPreviousPage)), true))
	add("by a related row", pageOf(with(articles(), orderBy(&plan.OrderRelated{Relationship: "author", Target: authorOf(), By: optional("name")}, required("id"))), edges()))
	add("distinct rows", backward(pageOf(with(articles(), distinctOn("title"), orderBy(required("id")), limit("1")), edges())))
	nested := pageOf(with(articlesOf(), orderBy(required("id")), limit("1")), info(plan.HasNextPage), edges())
	add("nested", pageOf(with(authors(), orderBy(required("id")), limit("1")), edges(&plan.NestedConnectionField{Key: "articles", Relationship: "articles", Connection: nested})))
	add("nothing but its type", pageOf(with(authors(), orderBy(required("id"))), &plan.ConnectionStatic{Key: "__typename", JSON: []byte(`"authorConnection"`)}))
	out["for keys"] = &plan.Fragment{
		Query:    pageOf(with(articles(), bound("author_id", 0), orderBy(required("id")), limit("1")), info(plan.HasNextPage), edges()),
		Bindings: []plan.Binding{{Name: "author_id", Type: systemType("int4")}},
	}
	return out
}

// TestCompileConnections holds the SQL of pages against golden text.
func TestCompileConnections(t *testing.T) {
	all := connectionFragments()
	seen := map[string]bool{}
	datadriven.RunTest(t, "testdata/connections", func(t *testing.T, d *datadriven.TestData) string {
		t.Helper()
		f, ok := all[d.Input]
		if !ok {
			t.Fatalf("%s: no fragment is called %q", d.Pos, d.Input)
		}
		seen[d.Input] = true
		statement, _, err := compile(f, session{utc: true, shortestFloats: true})
		if err != nil {
			return "error: " + err.Error() + "\n"
		}
		return readable(statement)
	})
	for name := range all {
		if !seen[name] {
			t.Errorf("testdata has no golden for %q", name)
		}
	}
}
