package sqlite

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
)

func jsonLiteral(text string) plan.Value {
	value, err := orderedjson.Parse([]byte(text))
	if err != nil {
		panic(err)
	}
	return &plan.Literal{JSON: value}
}

func on(column, outer plan.Column) []plan.Correlation {
	return []plan.Correlation{{Column: column, Outer: outer, Binding: -1}}
}

func compareTo(column plan.Column, operator plan.Operator, value plan.Value) plan.Predicate {
	return &plan.Compare{Left: &plan.ColumnOperand{Column: column}, Operator: operator, Right: value}
}

func many(rows plan.Rows, fields ...plan.Field) *plan.Selection {
	return &plan.Selection{Rows: rows, Fields: fields, Card: plan.Many}
}

func field(c plan.Column) plan.Field { return &plan.ColumnField{Key: c.Name, Column: c} }

func bindingOf(columns ...plan.Column) (correlations []plan.Correlation, bindings []plan.Binding) {
	for i, c := range columns {
		correlations = append(correlations, plan.Correlation{Column: c, Binding: i})
		bindings = append(bindings, plan.Binding{Name: c.Name, Type: c.Type})
	}
	return correlations, bindings
}

// goldenFragments are named fragments over author and article.
func goldenFragments() map[string]*plan.Fragment {
	id, authorID, title := columnOf("id", "INTEGER"), columnOf("author_id", "INTEGER"), columnOf("title", "TEXT")
	score, made, mark := columnOf("score", "INTEGER"), columnOf("created_at", "TIMESTAMP"), columnOf("mark", "UUID")
	out := map[string]*plan.Fragment{}
	where := func(name string, p plan.Predicate) {
		rows := tableRows("article")
		rows.Where = p
		out[name] = &plan.Fragment{Query: many(rows, field(id))}
	}
	for _, o := range []plan.Operator{plan.Equal, plan.Less, plan.Like, plan.NotILike} {
		where("text "+string(o), compareTo(title, o, jsonLiteral(`"x"`)))
	}
	where("integer _in", compareTo(score, plan.In, jsonLiteral("[1]")))
	where("timestamp _gt", compareTo(made, plan.Greater, jsonLiteral(`"2020-01-01"`)))
	where("uuid _eq", compareTo(mark, plan.Equal, jsonLiteral(`"0a1b2c3d-0000-4000-8000-00000000000f"`)))
	where("uuid _nin", compareTo(mark, plan.NotIn, jsonLiteral(`[]`)))
	where("jsonb _eq", compareTo(columnOf("doc", "JSONB"), plan.Equal, jsonLiteral(`{}`)))
	where("untyped _eq", compareTo(columnOf("total", ""), plan.Equal, jsonLiteral(`"1"`)))
	where("untyped _gt", compareTo(columnOf("total", ""), plan.Greater, jsonLiteral(`"1"`)))
	where("json _eq", compareTo(columnOf("doc", "JSON"), plan.Equal, jsonLiteral(`{}`)))
	where("and or not", &plan.And{Parts: []plan.Predicate{
		&plan.Or{Parts: []plan.Predicate{compareTo(score, plan.Equal, jsonLiteral("1")), compareTo(score, plan.Equal, jsonLiteral("2")), &plan.Const{}}},
		&plan.Not{Part: &plan.IsNull{Left: &plan.ColumnOperand{Column: title}}}, &plan.Const{Value: true},
	}})
	authors := tableRows("author")
	authors.On = on(id, authorID)
	visible := authors
	visible.Restricted, visible.Permit = true, compareTo(columnOf("name", "TEXT"), plan.Equal, &plan.SessionVariable{Name: "x-hasura-user"})
	visible.Where = &plan.CompareColumns{Left: id, Operator: plan.Less, Right: score, RightRoot: true}
	where("exists", &plan.Exists{Target: visible})
	articles := tableRows("article")
	articles.On = on(authorID, id)
	count := &plan.CompareAggregate{
		Target: articles, Function: "count", Result: integerType(), Having: []plan.AggregateComparison{{Operator: plan.Greater, Right: jsonLiteral("1")}},
	}
	rows := tableRows("author")
	rows.Where = count
	out["count predicate"] = &plan.Fragment{Query: many(rows, field(id))}

	ordered := tableRows("article")
	ordered.OrderBy = []plan.Order{
		{By: &plan.OrderRelated{Target: authors, By: &plan.OrderColumn{Column: columnOf("name", "TEXT")}}, Descending: true},
		{By: &plan.OrderColumn{Column: score}, Nulls: plan.NullsFirst},
		{By: &plan.OrderColumn{Column: id}},
	}
	ordered.Limit, ordered.Offset, ordered.PermitLimit = &plan.Variable{Name: "n"}, jsonLiteral("3"), 10
	out["order and limit"] = &plan.Fragment{Query: many(ordered, field(title))}
	distinct := tableRows("article")
	distinct.DistinctOn = []plan.Column{authorID}
	distinct.OrderBy = []plan.Order{{By: &plan.OrderColumn{Column: authorID}}, {By: &plan.OrderColumn{Column: id}, Descending: true}}
	distinct.PermitLimit = 5
	out["distinct on"] = &plan.Fragment{Query: many(distinct, field(title))}

	object := &plan.NestedField{Key: "author", Selection: &plan.Selection{Rows: visible, Card: plan.One, Fields: []plan.Field{field(columnOf("name", "TEXT"))}}}
	object.Selection.Where = nil
	list := &plan.NestedField{Key: "articles", Selection: many(articles, field(title), object)}
	bounded := articles
	bounded.OrderBy, bounded.Limit = []plan.Order{{By: &plan.OrderColumn{Column: id}}}, jsonLiteral("2")
	top := &plan.NestedField{Key: "top", Selection: many(bounded, field(title))}
	out["nested"] = &plan.Fragment{Query: many(tableRows("author"), field(id), list, top)}
	group := &plan.AggregateGroup{Key: "aggregate", Items: []plan.AggregateItem{
		&plan.Count{Key: "count"}, &plan.Count{Key: "both", Columns: []plan.Column{title, score}}, &plan.Count{Key: "pairs", Columns: []plan.Column{title, score}, Distinct: true},
		&plan.AggregateFunction{Key: "avg", Name: "avg", Columns: []plan.AggregateColumn{{Key: "score", Column: score}}},
	}}
	nodes := &plan.AggregateNodes{Key: "nodes", Fields: []plan.Field{field(title)}}
	out["aggregate"] = &plan.Fragment{Query: &plan.Aggregation{Rows: tableRows("article"), Fields: []plan.AggregateField{group, nodes}}}
	limited := tableRows("article")
	limited.PermitLimit, limited.Limit = 3, jsonLiteral("7")
	out["aggregate with a permission's limit"] = &plan.Fragment{Query: &plan.Aggregation{Rows: limited, Fields: []plan.AggregateField{group, nodes}}}

	keyed := func(name string, rows plan.Rows, card plan.Cardinality, columns ...plan.Column) {
		var bindings []plan.Binding
		rows.On, bindings = bindingOf(columns...)
		out[name] = &plan.Fragment{Query: &plan.Selection{Rows: rows, Card: card, Fields: []plan.Field{field(title)}}, Bindings: bindings}
	}
	keyed("bindings", tableRows("article"), plan.Many, authorID)
	keyed("bindings of a uuid", tableRows("article"), plan.Many, mark)
	keyed("composite bindings", tableRows("article"), plan.One, authorID, title)
	bounded.On = nil
	keyed("bounded bindings", bounded, plan.Many, authorID)
	aggregated := tableRows("article")
	aggregation := &plan.Aggregation{Rows: aggregated, Fields: []plan.AggregateField{group}}
	var bindings []plan.Binding
	aggregation.On, bindings = bindingOf(authorID)
	out["aggregate of bindings"] = &plan.Fragment{Query: aggregation, Bindings: bindings}
	withNodes := *aggregation
	withNodes.Fields = []plan.AggregateField{group, nodes}
	out["aggregate and nodes of bindings"] = &plan.Fragment{Query: &withNodes, Bindings: bindings}

	keySetFragments(out)
	mutationFragments(out)

	native := plan.Rows{PermitLimit: -1, From: &plan.NativeQuery{Name: "q", Parts: []plan.NativeQueryPart{
		{SQL: "SELECT * FROM article WHERE score > "}, {Type: score.Type, Value: &plan.Variable{Name: "s"}}, {SQL: " -- all of them;\n;"},
	}}}
	out["native query"] = &plan.Fragment{Query: many(native, field(title))}
	odd := plan.Rows{PermitLimit: -1, From: &plan.Table{Schema: "main", Name: `a"b`}}
	out["odd names"] = &plan.Fragment{Query: many(odd, field(columnOf(`c"; --`, "TEXT")))}
	guarded := &plan.ColumnField{Key: "title", Column: title, Guard: compareTo(score, plan.Greater, jsonLiteral("1"))}
	out["guard"] = &plan.Fragment{Query: many(tableRows("article"), guarded)}
	return out
}

func TestCompile(t *testing.T) {
	fragments := goldenFragments()
	known := indexes{{"article", "author_id"}: true, {"article", "id"}: true, {"author", "id"}: true, {"article", "mark"}: true}
	seen := map[string]bool{}
	datadriven.RunTest(t, "testdata/compile", func(t *testing.T, d *datadriven.TestData) string {
		t.Helper()
		name := strings.TrimSpace(d.Input)
		f, ok := fragments[name]
		if !ok {
			d.Fatalf(t, "there is no fragment %q", name)
		}
		seen[name] = true
		found := known
		if d.Cmd == "compile-without-indexes" {
			found = indexes{}
		}
		s, err := compile(f, found, mutationKeys())
		if err != nil {
			return fmt.Sprintf("error: %v", err)
		}
		return strings.ReplaceAll(s.sql, " FROM ", "\nFROM ")
	})
	for name := range fragments {
		if !seen[name] {
			t.Errorf("the fragment %q has no golden", name)
		}
	}
}
