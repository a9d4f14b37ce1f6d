package mssql

import (
	"strings"

	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
)

// library is the schema that the compiler's goldens are about, one statement a
// line.
const library = `CREATE TABLE [author] ([id] int NOT NULL PRIMARY KEY, [name] nvarchar(50), [nick] varchar(20) COLLATE Polish_100_CI_AS, [born] date, [seen] datetimeoffset(7), [score] float, [active] bit, [mark] uniqueidentifier, [place] geography, [area] geometry, [data] varbinary(max), [doc] xml)
CREATE TABLE [article] ([id] int NOT NULL PRIMARY KEY, [author_id] int, [title] nvarchar(100), [rating] decimal(10,2), [big] bigint, [price] money, [written] datetime, [body] ntext, [stars] tinyint)
CREATE FUNCTION [search](@term nvarchar(50), @session nvarchar(max)) RETURNS TABLE AS RETURN SELECT * FROM [article] WHERE [title] LIKE N'%' + @term + N'%'
CREATE PROCEDURE [GetArticles] (@term varchar(50) = NULL, @least decimal(5,2) = 0) AS SELECT [id], [title], CAST([body] AS nvarchar(max)) AS [body] FROM [article] WHERE @term IS NULL OR [title] LIKE '%' + @term + '%'
INSERT INTO [author] VALUES (1, N'Ann', 'annie', '1950-01-02', '2020-01-01T12:00:00+02:00', 0.5, 1, '0A1B2C3D-0000-4000-8000-00000000000F', geography::Point(47, 8, 4326), geometry::Point(1, 2, 0), 0x0102, N'<a/>')
INSERT INTO [author] VALUES (2, N'Bob', N'łoś', NULL, NULL, 1e100, 0, NULL, NULL, NULL, NULL, NULL)
INSERT INTO [author] VALUES (3, N'Bob', NULL, '2000-02-29', '2020-01-01T12:00:00Z', NULL, NULL, NULL, NULL, NULL, 0x, NULL)
INSERT INTO [article] VALUES (1, 1, N'a1', 1.50, 9007199254740993, 1.25, '2020-01-02T03:04:05.123', N'one', 5)
INSERT INTO [article] VALUES (2, 1, N'a2', 3, 2, NULL, NULL, NULL, NULL)
INSERT INTO [article] VALUES (3, 2, N'b1', NULL, NULL, -0.5, '2020-01-02T03:04:05', N'', 0)
INSERT INTO [article] VALUES (4, 1, N'a3', 2, -5, 0, NULL, N'four', 4)
INSERT INTO [article] VALUES (5, NULL, N'x', 9, 0, 0, NULL, NULL, 255)
INSERT INTO [article] VALUES (6, 1, N'a1', 2.5, 1, 0, NULL, NULL, NULL)`

// col is a column of the library.
func col(name string) plan.Column {
	types := map[string]string{
		"id": "int", "author_id": "int", "name": "nvarchar(50)", "nick": "varchar(20) COLLATE Polish_100_CI_AS",
		"born": "date", "seen": "datetimeoffset(7)", "score": "float", "active": "bit", "mark": "uniqueidentifier", "place": "geography",
		"area": "geometry", "data": "varbinary(max)", "doc": "xml", "title": "nvarchar(100)",
		"rating": "decimal(10,2)", "big": "bigint", "price": "money", "written": "datetime", "body": "ntext", "stars": "tinyint",
	}
	t, ok := types[name]
	if !ok {
		panic("no column " + name)
	}
	return plan.Column{Name: name, Type: ParseType(t), Nullable: name != "id"}
}

func cols(names ...string) []plan.Field {
	var out []plan.Field
	for _, n := range names {
		out = append(out, &plan.ColumnField{Key: n, Column: col(n)})
	}
	return out
}

func literal(text string) plan.Value {
	j, err := orderedjson.Parse([]byte(text))
	if err != nil {
		panic(err)
	}
	return &plan.Literal{JSON: j}
}

func variable(name string) plan.Value { return &plan.Variable{Name: name} }
func session(name string) plan.Value  { return &plan.SessionVariable{Name: name} }

// change is a change of some rows.
type change func(*plan.Rows)

func tableRows(name string, changes []change) plan.Rows {
	r := plan.Rows{
		From:        &plan.Table{Schema: "dbo", Name: name, UniqueKeys: [][]string{{"id"}}, PrimaryKey: []plan.Column{col("id")}},
		PermitLimit: -1,
	}
	return changed(r, changes...)
}

func changed(r plan.Rows, changes ...change) plan.Rows {
	for _, c := range changes {
		c(&r)
	}
	return r
}

func authors(changes ...change) plan.Rows  { return tableRows("author", changes) }
func articles(changes ...change) plan.Rows { return tableRows("article", changes) }

// authorOf is the author of an article, articlesOf the articles of an author.
func authorOf(changes ...change) plan.Rows {
	return changed(authors(on("id", "author_id")), changes...)
}

func articlesOf(changes ...change) plan.Rows {
	return changed(articles(on("author_id", "id")), changes...)
}

func where(p plan.Predicate) change { return func(r *plan.Rows) { r.Where = p } }
func permit(p plan.Predicate) change {
	return func(r *plan.Rows) { r.Permit, r.Restricted = p, true }
}
func limit(v plan.Value) change  { return func(r *plan.Rows) { r.Limit = v } }
func offset(v plan.Value) change { return func(r *plan.Rows) { r.Offset = v } }
func atMost(n int) change        { return func(r *plan.Rows) { r.PermitLimit = n } }
func distinctOn(name string) change {
	return func(r *plan.Rows) { r.DistinctOn = append(r.DistinctOn, col(name)) }
}

func on(inner, outer string) change {
	return func(r *plan.Rows) {
		r.On = append(r.On, plan.Correlation{Column: col(inner), Outer: col(outer), Binding: -1})
	}
}

func tied(inner string, binding int) change {
	return func(r *plan.Rows) { r.On = append(r.On, plan.Correlation{Column: col(inner), Binding: binding}) }
}

// by orders by columns (descending with a minus) and other keys.
func by(keys ...any) change {
	return func(r *plan.Rows) {
		for _, k := range keys {
			switch k := k.(type) {
			case string:
				name, descending := strings.CutPrefix(k, "-")
				r.OrderBy = append(r.OrderBy, plan.Order{By: &plan.OrderColumn{Column: col(name)}, Descending: descending})
			case plan.OrderKey:
				r.OrderBy = append(r.OrderBy, plan.Order{By: k})
			case plan.Order:
				r.OrderBy = append(r.OrderBy, k)
			}
		}
	}
}

func many(r plan.Rows, fields ...plan.Field) *plan.Selection {
	return &plan.Selection{Rows: r, Fields: fields, Card: plan.Many}
}

func first(r plan.Rows, fields ...plan.Field) *plan.Selection {
	return &plan.Selection{Rows: r, Fields: fields, Card: plan.One}
}

func nest(key string, s *plan.Selection) plan.Field {
	return &plan.NestedField{Key: key, Relationship: key, Selection: s}
}

func cmp(column string, operator plan.Operator, value plan.Value) plan.Predicate {
	return &plan.Compare{Left: &plan.ColumnOperand{Column: col(column)}, Operator: operator, Right: value}
}

func isNull(column string, negate bool) plan.Predicate {
	return &plan.IsNull{Left: &plan.ColumnOperand{Column: col(column)}, Negate: negate}
}

func group(items ...plan.AggregateItem) *plan.AggregateGroup {
	return &plan.AggregateGroup{Key: "aggregate", Items: items}
}

func nodes(fields ...plan.Field) *plan.AggregateNodes {
	return &plan.AggregateNodes{Key: "nodes", Fields: fields}
}

func function(name string, names ...string) *plan.AggregateFunction {
	out := &plan.AggregateFunction{Key: name, Name: name}
	for _, n := range names {
		out.Columns = append(out.Columns, plan.AggregateColumn{Key: n, Column: col(n)})
	}
	return out
}

func aggregation(r plan.Rows, fields ...plan.AggregateField) *plan.Aggregation {
	return &plan.Aggregation{Rows: r, Fields: fields}
}

func root(q plan.Query) *plan.Fragment { return &plan.Fragment{Query: q} }

// bind makes a fragment of a binding set whose columns have the types of those.
func bind(q plan.Query, names ...string) *plan.Fragment {
	f := &plan.Fragment{Query: q}
	for _, n := range names {
		f.Bindings = append(f.Bindings, plan.Binding{Name: n, Type: col(n).Type})
	}
	return f
}

func condition(p plan.Predicate) *plan.Fragment { return root(many(authors(where(p)), cols("id")...)) }

func conditions(parts ...plan.Predicate) *plan.Fragment { return condition(&plan.And{Parts: parts}) }

// hole leaves a hole keyed by columns.
func hole(f *plan.Fragment, key string, names ...string) plan.Field {
	j := &plan.Join{Index: len(f.Joins), Field: key, OnNull: []byte("null")}
	for _, n := range names {
		j.Keys = append(j.Keys, plan.JoinKey{Name: n, Type: col(n).Type})
	}
	f.Joins = append(f.Joins, j)
	return &plan.HoleField{Key: key, Join: j}
}
