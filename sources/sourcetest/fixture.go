package sourcetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dovetail/internal/jsonshape"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/sources"
)

// Names that no quoting but the right one survives.
const (
	oddTable  = `we"ird "".table`
	oddColumn = `x"; drop table author; --`
)

// fixture is a source with the suite's tables.
type fixture struct {
	harness      Harness
	source       Database
	capabilities plan.Capabilities
	tables       map[string]*sources.Table
}

type column struct {
	name    string
	typ     Logical
	options string
}

func newFixture(t *testing.T, h Harness) *fixture {
	t.Helper()
	f := &fixture{harness: h, source: h.Open(t), tables: map[string]*sources.Table{}}
	f.capabilities = f.source.Capabilities()
	f.create(t)
	f.fill(t)
	database, err := f.source.Introspect(t.Context())
	if err != nil {
		t.Fatalf("introspection: %v", err)
	}
	for _, table := range database.Tables {
		if table.Schema == h.Schema {
			f.tables[table.Name] = table
		}
	}
	return f
}

func (f *fixture) create(t *testing.T) {
	t.Helper()
	f.createTable(t, "author", []column{
		{"id", Integer, " NOT NULL PRIMARY KEY"}, {"name", Text, " NOT NULL"}, {"born", Integer, ""}, {"active", Boolean, ""},
	})
	f.createTable(t, "article", []column{
		{"id", Integer, " NOT NULL PRIMARY KEY"},
		{"author_id", Integer, ` REFERENCES "author" ("id")`},
		{"title", Text, " NOT NULL"},
		{"score", Integer, ""},
		{"price", Numeric, ""},
	})
	f.createTable(t, "comment", []column{
		{"id", Integer, " NOT NULL PRIMARY KEY"}, {"article_id", Integer, ` NOT NULL REFERENCES "article" ("id")`}, {"body", Text, ""},
	})
	f.createTable(t, "account", []column{
		{"region", Text, " NOT NULL"}, {"number", Integer, " NOT NULL"}, {"owner", Text, ""},
	}, `PRIMARY KEY ("region", "number")`)
	f.createTable(t, "booking", []column{
		{"id", Integer, " NOT NULL PRIMARY KEY"}, {"region", Text, ""}, {"number", Integer, ""}, {"amount", Integer, ""},
	})
	if _, ok := f.harness.Types[Smallint]; ok {
		f.createTable(t, "small", []column{{"id", Integer, " NOT NULL PRIMARY KEY"}, {"n", Smallint, ""}})
	}
	f.createTable(t, oddTable, []column{{"id", Integer, " NOT NULL PRIMARY KEY"}, {oddColumn, Text, ""}})
	columns := []column{{"id", Integer, " NOT NULL PRIMARY KEY"}}
	for _, l := range logicals {
		if _, ok := f.harness.Types[l.typ]; ok {
			columns = append(columns, column{l.column, l.typ, ""})
		}
	}
	f.createTable(t, "kinds", columns)
}

func (f *fixture) createTable(t *testing.T, name string, columns []column, constraints ...string) {
	t.Helper()
	parts := make([]string, 0, len(columns))
	for _, c := range columns {
		parts = append(parts, quoteName(c.name)+" "+f.harness.Types[c.typ]+c.options)
	}
	f.exec(t, "CREATE TABLE "+quoteName(name)+" ("+strings.Join(append(parts, constraints...), ", ")+")")
}

func (f *fixture) fill(t *testing.T) {
	t.Helper()
	f.insert(t, "author", []any{1, "ann", 1970, true}, []any{2, "bob", nil, false}, []any{3, "cid", 1990, nil}, []any{4, "dot", 1970, true})
	f.insert(t, "article",
		[]any{10, 1, "alpha", 5, decimalText("1.50")}, []any{11, 1, "beta", 3, decimalText("2.25")},
		[]any{12, 2, "gamma", nil, nil}, []any{13, 1, "delta", 5, decimalText("10.00")},
		[]any{14, nil, "orphan", 1, decimalText("0.10")}, []any{15, 3, "A_b%c", 4, decimalText("0.20")})
	f.insert(t, "comment", []any{100, 10, "first"}, []any{101, 10, nil}, []any{102, 11, "third"}, []any{103, 15, "fourth"})
	f.insert(t, "account", []any{"eu", 1, "ann"}, []any{"eu", 2, "bob"}, []any{"us", 1, "cid"})
	f.insert(t, "booking",
		[]any{1, "eu", 1, 10}, []any{2, "eu", 2, 20}, []any{3, "us", 1, 30}, []any{4, "eu", 1, 40}, []any{5, nil, 1, 50}, []any{6, "us", 9, 60})
	if _, ok := f.harness.Types[Smallint]; ok {
		f.insert(t, "small", []any{1, 0}, []any{2, 200}, []any{3, nil})
	}
	f.insert(t, oddTable, []any{1, "plain"}, []any{2, `quote ' and " and \`})
	for i := range len(logicals[0].values) {
		row := []any{i + 1}
		for _, l := range logicals {
			if _, ok := f.harness.Types[l.typ]; ok {
				row = append(row, l.values[i].stored)
			}
		}
		f.insert(t, "kinds", row)
	}
}

// decimalText is a number written into SQL as it is.
type decimalText string

func (f *fixture) insert(t *testing.T, table string, rows ...[]any) {
	t.Helper()
	for _, row := range rows {
		values := make([]string, 0, len(row))
		for _, v := range row {
			values = append(values, f.literal(v))
		}
		f.exec(t, "INSERT INTO "+quoteName(table)+" VALUES ("+strings.Join(values, ", ")+")")
	}
}

func (f *fixture) literal(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case int:
		return strconv.Itoa(v)
	case decimalText:
		return string(v)
	case bool:
		if v {
			return "'1'"
		}
		return "'0'"
	case string:
		if f.harness.Quote != nil {
			return f.harness.Quote(v)
		}
		return "'" + strings.ReplaceAll(v, "'", "''") + "'"
	}
	panic("a value of the fixture has no literal")
}

func (f *fixture) exec(t *testing.T, sql string) {
	t.Helper()
	if _, err := f.source.RunSQL(t.Context(), sql, false); err != nil {
		t.Fatalf("%s: %v", sql, describe(err))
	}
}

// describe shows what an error keeps for admins too.
func describe(err error) string {
	if coded, ok := errors.AsType[*sources.Error](err); ok {
		return coded.Code + ": " + coded.Error() + " " + internalText(coded.Internal)
	}
	return err.Error()
}

func internalText(internal any) string {
	text, err := json.Marshal(internal)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// table gives a table as the planner would.
func (f *fixture) table(t *testing.T, name string) *plan.Table {
	t.Helper()
	found, ok := f.tables[name]
	if !ok {
		t.Fatalf("the table %q was not introspected", name)
	}
	out := &plan.Table{Schema: found.Schema, Name: found.Name}
	if found.PrimaryKey != nil {
		out.UniqueKeys = append(out.UniqueKeys, found.PrimaryKey.Columns)
		for _, c := range found.PrimaryKey.Columns {
			out.PrimaryKey = append(out.PrimaryKey, f.column(t, name, c))
		}
	}
	for _, key := range found.UniqueKeys {
		out.UniqueKeys = append(out.UniqueKeys, key.Columns)
	}
	return out
}

func (f *fixture) column(t *testing.T, table, name string) plan.Column {
	t.Helper()
	found, ok := f.tables[table].Column(name)
	if !ok {
		t.Fatalf("the column %q of %q was not introspected", name, table)
	}
	return plan.Column{Name: found.Name, Type: found.Type, Nullable: found.Nullable}
}

func (f *fixture) rows(t *testing.T, table string) plan.Rows {
	t.Helper()
	return plan.Rows{From: f.table(t, table), PermitLimit: -1}
}

func (f *fixture) fields(t *testing.T, table string, columns ...string) []plan.Field {
	t.Helper()
	fields := make([]plan.Field, 0, len(columns))
	for _, c := range columns {
		fields = append(fields, &plan.ColumnField{Key: c, Column: f.column(t, table, c)})
	}
	return fields
}

// selection reads columns of a table, ordered by id where there is one.
func (f *fixture) selection(t *testing.T, table string, columns ...string) *plan.Selection {
	t.Helper()
	s := &plan.Selection{Rows: f.rows(t, table), Fields: f.fields(t, table, columns...), Card: plan.Many}
	if _, ok := f.tables[table].Column("id"); ok {
		s.OrderBy = []plan.Order{f.order(t, table, "id", false)}
	}
	return s
}

func (f *fixture) order(t *testing.T, table, column string, descending bool) plan.Order {
	t.Helper()
	return plan.Order{By: &plan.OrderColumn{Column: f.column(t, table, column)}, Descending: descending}
}

func (f *fixture) compare(t *testing.T, table, column string, operator plan.Operator, value plan.Value) *plan.Compare {
	t.Helper()
	return &plan.Compare{Left: &plan.ColumnOperand{Column: f.column(t, table, column)}, Operator: operator, Right: value}
}

func (f *fixture) isNull(t *testing.T, table, column string) *plan.IsNull {
	t.Helper()
	return &plan.IsNull{Left: &plan.ColumnOperand{Column: f.column(t, table, column)}}
}

// related are the rows of target whose column equals one of the enclosing row.
func (f *fixture) related(t *testing.T, target, targetColumn, outer, outerColumn string) plan.Rows {
	t.Helper()
	rows := f.rows(t, target)
	rows.On = []plan.Correlation{{
		Column: f.column(t, target, targetColumn), Outer: f.column(t, outer, outerColumn), Binding: -1,
	}}
	return rows
}

// bound ties rows to a binding set of one column of theirs per binding.
func (f *fixture) bound(t *testing.T, rows *plan.Rows, table string, columns ...string) []plan.Binding {
	t.Helper()
	bindings := make([]plan.Binding, 0, len(columns))
	for i, name := range columns {
		c := f.column(t, table, name)
		rows.On = append(rows.On, plan.Correlation{Column: c, Binding: i})
		bindings = append(bindings, plan.Binding{Name: name, Type: c.Type})
	}
	return bindings
}

// literal is a value from its JSON.
func literal(t *testing.T, text string) plan.Value {
	t.Helper()
	value, err := orderedjson.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return &plan.Literal{JSON: value}
}

// request is a fragment with what one request gives it.
type request struct {
	query    plan.Query
	bindings []plan.Binding
	keys     [][]string
	joins    []*plan.Join
	args     plan.Arguments
	// sets are the key sets that the query refers to.
	sets []plan.Bindings
}

func (r *request) fragment() *plan.Fragment {
	f := &plan.Fragment{Query: r.query, Bindings: r.bindings, Joins: r.joins}
	for range r.sets {
		f.KeySets = append(f.KeySets, &plan.KeySet{Relationship: "other"})
	}
	return f
}

func (r *request) keySet() plan.Bindings {
	set := plan.Bindings{Width: len(r.bindings)}
	for _, key := range r.keys {
		set.Cells = append(set.Cells, key...)
	}
	return set
}

// answer runs a request and gives the JSON of each ordinal, holes written as
// <join:key parts>.
func (f *fixture) answer(ctx context.Context, r *request) ([]string, error) {
	statement, err := f.source.Compile(r.fragment())
	if err != nil {
		return nil, err
	}
	if statement.Text() == "" {
		return nil, errors.New("the statement has no text")
	}
	return f.execute(ctx, statement, r)
}

func (f *fixture) execute(ctx context.Context, statement plan.Statement, r *request) ([]string, error) {
	set := r.keySet()
	out := jsonshape.NewAnswer(set.Rows())
	args := r.args
	args.KeySets = r.sets
	if err := f.source.Run(ctx, statement, &args, set, out); err != nil {
		return nil, err
	}
	values := make([]string, 0, len(out.Values))
	for _, span := range out.Values {
		values = append(values, valueText(out, span, r.joins))
	}
	return values, nil
}

// valueText is one value with its holes.
func valueText(a *jsonshape.Answer, span jsonshape.Span, joins []*plan.Join) string {
	var text []byte
	at := span.Start
	for _, h := range a.Holes {
		if h.Offset < span.Start || h.Offset >= span.End {
			continue
		}
		text = append(text, a.Bytes[at:h.Offset]...)
		parts := []string{strconv.Itoa(h.Join)}
		for i := range joins[h.Join].Keys {
			parts = append(parts, string(a.KeyPartText(h, i)))
		}
		text = orderedjson.AppendString(text, "<"+strings.Join(parts, ":")+">")
		at = h.Offset
	}
	text = append(text, a.Bytes[at:span.End]...)
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		return "NOT JSON: " + string(text)
	}
	return compact.String()
}

// want runs a request and compares the JSON of each ordinal.
func (f *fixture) want(t *testing.T, r *request, want ...string) {
	t.Helper()
	got, err := f.answer(t.Context(), r)
	if err != nil {
		t.Fatalf("%s\n%s", describe(err), f.text(r))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %s\nwant %s\n%s", strings.Join(got, "\n     "), strings.Join(want, "\n     "), f.text(r))
	}
}

func (f *fixture) text(r *request) string {
	statement, err := f.source.Compile(r.fragment())
	if err != nil {
		return err.Error()
	}
	return statement.Text()
}

// ids runs a selection and compares the ids of its rows.
func (f *fixture) ids(t *testing.T, sel *plan.Selection, want ...int) {
	t.Helper()
	f.idsWith(t, sel, plan.Arguments{}, want...)
}

func (f *fixture) idsWith(t *testing.T, sel *plan.Selection, args plan.Arguments, want ...int) {
	t.Helper()
	parts := make([]string, 0, len(want))
	for _, id := range want {
		parts = append(parts, `{"id":`+strconv.Itoa(id)+`}`)
	}
	f.want(t, &request{query: sel, args: args}, "["+strings.Join(parts, ",")+"]")
}

// refused checks that a query can't be compiled.
func (f *fixture) refused(t *testing.T, query plan.Query) {
	t.Helper()
	statement, err := f.source.Compile(&plan.Fragment{Query: query})
	if err == nil {
		t.Fatalf("what the source doesn't declare was compiled: %s", statement.Text())
	}
	wantCode(t, err, sources.CodeNotSupported)
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var coded *sources.Error
	if !errors.As(err, &coded) || coded.Code != code {
		t.Errorf("got the error %v, want one of code %q", err, code)
	}
}
