package mssql

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/sources"
)

// libraryArguments are what the goldens' fragments are run with.
func libraryArguments(t *testing.T) *plan.Arguments {
	t.Helper()
	args := &plan.Arguments{Variables: map[string]orderedjson.Value{}, Session: map[string]string{
		"x-hasura-user-id": "1", "x-hasura-ids": "{2,3}", "x-hasura-role": "user", "x-hasura-title": "a1",
	}}
	for name, text := range map[string]string{
		"n": `"Ann"`, "l": `2`, "o": `1`, "id": `2`, "term": `"a"`, "top": `3`, "t": `"a2"`, "ids": `[1,3]`, "g": `"POINT(8 47)"`,
		"u": `"0a1b2c3d-0000-4000-8000-00000000000f"`, "us": `["0A1B2C3D-0000-4000-8000-00000000000F"]`, "nicks": `["a", "łoś", null]`,
	} {
		j, err := orderedjson.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		args.Variables[name] = j
	}
	return args
}

// libraryKeys are keys for the goldens' bindings by the name of the column.
var libraryKeys = map[string][]string{
	"author_id": {"1", "7", "2"}, "id": {"3", "1"}, "title": {"a1", "x"}, "nick": {"ANNIE", "łoś", "日"}, "born": {"1950-01-02", "x"},
	"seen": {"2020-01-01T10:00:00Z"}, "score": {"0.5", "1e100"}, "active": {"true", "0"}, "mark": {"0a1b2c3d-0000-4000-8000-00000000000f"},
	"data": {"0x0102", ""}, "doc": {"<a/>"}, "rating": {"1.5", "1.501"}, "big": {"9007199254740993"}, "price": {"1.25"},
	"written": {"2020-01-02T03:04:05.123", "2020-01-02T03:04:05.124"}, "body": {"one"},
}

// TestFragmentsRun runs every golden: the server takes its statement, and what
// it answers is JSON.
func TestFragmentsRun(t *testing.T) {
	t.Parallel()
	serverURL(t)
	s := openLibrary(t)
	for name, f := range fragments() {
		if statement, err := compile(f); err != nil || name == "names" || name == "procedure with a strange argument" || statement.program != nil {
			continue // refused, of a table that isn't there, or no query
		}
		t.Run(name, func(t *testing.T) {
			var keys []string
			if len(f.Bindings) > 0 {
				for i := range 2 {
					for _, b := range f.Bindings {
						texts := libraryKeys[b.Name]
						keys = append(keys, texts[i%len(texts)])
					}
				}
			}
			args := libraryArguments(t)
			args.KeySets = noKeys(t, f)
			values, err := tryRun(t.Context(), s, f, args, keys...)
			if err != nil {
				t.Fatalf("%s\nin: %s", describe(err), statementText(s, f))
			}
			for _, v := range values {
				if !json.Valid([]byte(v)) {
					t.Errorf("not JSON: %s\nin: %s", v, statementText(s, f))
				}
			}
		})
	}
}

// noKeys are key sets of a fragment in which no key is.
func noKeys(t *testing.T, f *plan.Fragment) []plan.Bindings {
	t.Helper()
	statement, err := compile(f)
	if err != nil {
		t.Fatal(err)
	}
	sets := make([]plan.Bindings, len(f.KeySets))
	for _, p := range statement.parameters {
		if p.form == formKeySet {
			sets[p.set].Width = len(p.keys)
		}
	}
	return sets
}

func TestAnswersOfTheLibrary(t *testing.T) {
	t.Parallel()
	serverURL(t)
	s := openLibrary(t)
	all := fragments()
	for _, c := range []struct {
		name string
		keys []string
		want []string
	}{
		{name: "flat", want: []string{`[{"id":1,"name":"Ann","born":"1950-01-02"}]`}},
		{name: "limit and offset", want: []string{`[{"id":3}]`}},
		{name: "role's limit of none", want: []string{`[]`}},
		{name: "guards and groups", want: []string{
			`[{"guarded":"Ann","place":"POINT (8 47)","group":{"id":1,"id":1}},{"guarded":null,"place":null,"group":{"id":2,"id":2}},{"guarded":null,"place":null,"group":{"id":3,"id":3}}]`,
		}},
		{name: "function", want: []string{`[{"id":2,"title":"a2"},{"id":4,"title":"a3"},{"id":6,"title":"a1"}]`}},
		{name: "native query", want: []string{
			`[{"id":1,"name":"Ann","articles":[{"title":"a1"},{"title":"a2"},{"title":"a3"},{"title":"a1"}]},{"id":2,"name":"Bob","articles":[{"title":"b1"}]}]`,
		}},
		{name: "object relationship without a key", want: []string{
			`[{"latest":{"title":"a1","author":{"name":"Ann"}}},{"latest":{"title":"b1","author":{"name":"Bob"}}},{"latest":null}]`,
		}},
		{name: "limited list per binding", keys: []string{"2", "1", "7"}, want: []string{
			`[]`, `[{"id":6,"title":"a1","author":{"name":"Ann"}},{"id":4,"title":"a3","author":{"name":"Ann"}}]`, `[]`,
		}},
		{name: "tuple per binding", keys: []string{"1", "a2", "2", "a2"}, want: []string{`[{"id":2}]`, `[]`}},
		{name: "binding of a code page", keys: []string{"ANNIE", "łoś ", "日", "loś", "annieannieannieannieannie"}, want: []string{`[{"id":1}]`, `[{"id":2}]`, `[]`, `[]`, `[]`}},
		{name: "binding of type decimal(10,2)", keys: []string{"1.5", "1.501", "01.50", "1e9", "x"}, want: []string{`[{"id":1}]`, `[]`, `[{"id":1}]`, `[]`, `[]`}},
		{name: "binding of type datetime", keys: []string{"2020-01-02T03:04:05.123", "2020-01-02T03:04:05.124", "2020-01-02 03:04:05"}, want: []string{`[{"id":1}]`, `[]`, `[{"id":3}]`}},
		{name: "binding of type datetimeoffset", keys: []string{"2020-01-01T10:00:00Z", "2020-01-01T13:00:00+01:00"}, want: []string{`[{"id":1}]`, `[{"id":3}]`}},
		{name: "binding of type varbinary", keys: []string{"0x0102", "AQI=", "zz"}, want: []string{`[{"id":1}]`, `[{"id":1}]`, `[]`}},
		{name: "limited aggregate and nodes per binding", keys: []string{"1", "7"}, want: []string{
			`{"aggregate":{"count":2,"max":{"rating":3.00}},"nodes":[{"id":2,"title":"a2"}]}`, `{"aggregate":{"count":0,"max":{"rating":null}},"nodes":[]}`,
		}},
		{name: "typename per binding", keys: []string{"1"}, want: []string{`{"__typename":"a"}`}},
		{name: "counts", want: []string{`{"__typename":"article_aggregate","aggregate":{"count":6,"titles":5,"both":5,"tuples":6,"bodies":3,"__typename":"x"}}`}},
		{name: "functions", want: []string{
			`{"aggregate":{"sum":{"id":21,"big":9007199254740991,"rating":18.00,"price":0.7500},"avg":{"id":3.5000000000000000,"big":1801439850948198.2000,"rating":3.6000000000000000,"price":0.15000000000000000000},` +
				`"min":{"title":"a1","written":"2020-01-02T03:04:05","body":""},"max":{"rating":9.00},"stddev":{"id":1.8708286933869707,"rating":3.0700162866017503},"var_pop":{"rating":7.5400000000000000}}}`,
		}},
		{name: "guarded function", want: []string{`{"aggregate":{"sum":{"rating":"9.00","__typename":"t"}}}`}},
		{name: "aggregate of distinct rows", want: []string{`{"aggregate":{"count":3,"max":{"id":5}}}`}},
		{name: "operators of text", want: []string{`[]`}},
		{name: "many alternatives", want: []string{`[{"id":1},{"id":2},{"id":3}]`}},
		{name: "aggregate predicates", want: []string{`[]`}},
	} {
		t.Run(c.name, func(t *testing.T) { expect(t, s, all[c.name], libraryArguments(t), c.keys, c.want...) })
	}
}

// everyType has a column of every type, and what is written of its two values.
var everyType = []struct {
	declaration  string
	stored, want [2]string
}{
	{"tinyint", [2]string{"0", "255"}, [2]string{"0", "255"}},
	{"smallint", [2]string{"-32768", "32767"}, [2]string{"-32768", "32767"}},
	{"int", [2]string{"-2147483648", "1"}, [2]string{"-2147483648", "1"}},
	{"bigint", [2]string{"-9223372036854775808", "9007199254740993"}, [2]string{"-9223372036854775808", "9007199254740993"}},
	{"bit", [2]string{"1", "0"}, [2]string{"true", "false"}},
	{"decimal(38,10)", [2]string{"1234567890123456789012345678.0123456789", "-0.5"}, [2]string{"1234567890123456789012345678.0123456789", "-0.5000000000"}},
	{"numeric(5,0)", [2]string{"12345", "0"}, [2]string{"12345", "0"}},
	{"money", [2]string{"922337203685477.5807", "-0.01"}, [2]string{"922337203685477.5807", "-0.0100"}},
	{"smallmoney", [2]string{"214748.3647", "1"}, [2]string{"214748.3647", "1.0000"}},
	{"float", [2]string{"0.1", "1.7976931348623157E308"}, [2]string{"0.1", "1.7976931348623157e+308"}},
	{"real", [2]string{"0.1", "-3.4E38"}, [2]string{"0.1", "-3.4e+38"}},
	{"char(5)", [2]string{"'ab'", "''"}, [2]string{`"ab   "`, `"     "`}},
	{"varchar(20)", [2]string{`'a/b"c\'`, "''"}, [2]string{`"a/b\"c\\"`, `""`}},
	{"varchar(max)", [2]string{"REPLICATE(CAST('x' AS varchar(max)), 9000)", "''"}, [2]string{`"` + strings.Repeat("x", 9000) + `"`, `""`}},
	{"text", [2]string{"'abc'", "''"}, [2]string{`"abc"`, `""`}},
	{"nchar(3)", [2]string{"N'日'", "N''"}, [2]string{`"日  "`, `"   "`}},
	{"nvarchar(30)", [2]string{"N'žluť 🐎' + NCHAR(10) + NCHAR(7)", "N''"}, [2]string{`"žluť 🐎\n\u0007"`, `""`}},
	{"ntext", [2]string{"N'日本'", "N''"}, [2]string{`"日本"`, `""`}},
	{"date", [2]string{"'0001-01-01'", "'9999-12-31'"}, [2]string{`"0001-01-01"`, `"9999-12-31"`}},
	{"time", [2]string{"'03:04:05.1234567'", "'23:59:59'"}, [2]string{`"03:04:05.1234567"`, `"23:59:59"`}},
	{"time(0)", [2]string{"'03:04:05'", "'00:00:00'"}, [2]string{`"03:04:05"`, `"00:00:00"`}},
	{"datetime", [2]string{"'2020-01-02T03:04:05.123'", "'1753-01-01T00:00:00'"}, [2]string{`"2020-01-02T03:04:05.123"`, `"1753-01-01T00:00:00"`}},
	{"smalldatetime", [2]string{"'2020-01-02T03:04:00'", "'1900-01-01T00:00:00'"}, [2]string{`"2020-01-02T03:04:00"`, `"1900-01-01T00:00:00"`}},
	{"datetime2", [2]string{"'2020-01-02T03:04:05.1230000'", "'0001-01-01T00:00:00'"}, [2]string{`"2020-01-02T03:04:05.123"`, `"0001-01-01T00:00:00"`}},
	{"datetime2(3)", [2]string{"'2020-01-02T03:04:05.5'", "'2020-01-02'"}, [2]string{`"2020-01-02T03:04:05.5"`, `"2020-01-02T00:00:00"`}},
	{"datetimeoffset", [2]string{"'2020-01-02T03:04:05+02:00'", "'2020-01-02T03:04:05.25-05:30'"}, [2]string{`"2020-01-02T03:04:05+02:00"`, `"2020-01-02T03:04:05.25-05:30"`}},
	{"uniqueidentifier", [2]string{"'0a1b2c3d-0000-4000-8000-00000000000f'", "'{FFFFFFFF-0000-4000-8000-00000000000A}'"}, [2]string{`"0A1B2C3D-0000-4000-8000-00000000000F"`, `"FFFFFFFF-0000-4000-8000-00000000000A"`}},
	{"binary(2)", [2]string{"0x01", "0xFFFE"}, [2]string{`"AQA="`, `"//4="`}},
	{"varbinary(10)", [2]string{"0x0102", "0x"}, [2]string{`"AQI="`, `""`}},
	{"varbinary(max)", [2]string{"0xDEADBEEF", "0x"}, [2]string{`"3q2+7w=="`, `""`}},
	{"image", [2]string{"0x01", "0x"}, [2]string{`"AQ=="`, `""`}},
	{"xml", [2]string{"N'<a b=\"1\">é</a>'", "N''"}, [2]string{`"<a b=\"1\">é</a>"`, `""`}},
	{"sql_variant", [2]string{"5", "N'text'"}, [2]string{`"5"`, `"text"`}},
	{"hierarchyid", [2]string{"'/1/2.1/'", "'/'"}, [2]string{`"/1/2.1/"`, `"/"`}},
	{"geometry", [2]string{"geometry::STGeomFromText('POINT (1 2)', 0)", "NULL"}, [2]string{`"POINT (1 2)"`, "null"}},
	{"geography", [2]string{"geography::STGeomFromText('POINT (8 47)', 4326)", "NULL"}, [2]string{`"POINT (8 47)"`, "null"}},
}

// TestTypes checks that the values of every type read the same among the
// columns of a row and inside of a list.
func TestTypes(t *testing.T) {
	t.Parallel()
	serverURL(t)
	s := openDatabase(t)
	for i, c := range everyType {
		t.Run(c.declaration, func(t *testing.T) {
			table := "t" + strconv.Itoa(i)
			for _, statement := range []string{
				fmt.Sprintf("CREATE TABLE %s (id int NOT NULL PRIMARY KEY, v %s NULL)", table, c.declaration),
				fmt.Sprintf("INSERT INTO %s VALUES (1, %s), (2, %s), (3, NULL)", table, c.stored[0], c.stored[1]),
			} {
				if _, err := s.RunSQL(t.Context(), statement, false); err != nil {
					t.Fatalf("%s: %s", statement, describe(err))
				}
			}
			column := introspected(t, s, table, "v")
			rows := func(outer *plan.Column) plan.Rows {
				id := col("id")
				r := plan.Rows{
					From: &plan.Table{Schema: "dbo", Name: table, UniqueKeys: [][]string{{"id"}}}, PermitLimit: -1,
					OrderBy: []plan.Order{{By: &plan.OrderColumn{Column: id}}},
				}
				if outer != nil {
					r.On = []plan.Correlation{{Column: id, Outer: *outer, Binding: -1}}
				}
				return r
			}
			field := &plan.ColumnField{Key: "v", Column: column}
			id := col("id")
			f := root(many(rows(nil), field, nest("same", many(rows(&id), field))))
			want := fmt.Sprintf(`[{"v":%s,"same":[{"v":%s}]},{"v":%s,"same":[{"v":%s}]},{"v":null,"same":[{"v":null}]}]`,
				c.want[0], c.want[0], c.want[1], c.want[1])
			expect(t, s, f, nil, nil, want)
		})
	}
}

func introspected(t *testing.T, s *Source, table, column string) plan.Column {
	t.Helper()
	database, err := s.Introspect(t.Context())
	if err != nil {
		t.Fatal(describe(err))
	}
	for _, found := range database.Tables {
		if found.Name == table {
			if c, ok := found.Column(column); ok {
				return plan.Column{Name: c.Name, Type: c.Type, Nullable: c.Nullable}
			}
		}
	}
	t.Fatalf("the column %s of %s was not introspected", column, table)
	return plan.Column{}
}

func TestIntrospection(t *testing.T) {
	t.Parallel()
	serverURL(t)
	s := openDatabase(t,
		"CREATE SCHEMA [odd schema]",
		"CREATE TYPE [label] FROM nvarchar(12) NOT NULL",
		`CREATE TABLE [odd schema].[a]]b] (x int NOT NULL, y nvarchar(10) NOT NULL, z AS x * 2, w decimal(7,3) DEFAULT 1, r rowversion NOT NULL,
			n int IDENTITY, l label, u uniqueidentifier, CONSTRAINT pk PRIMARY KEY (y, x), CONSTRAINT uq UNIQUE (n), CONSTRAINT fk FOREIGN KEY (y, x) REFERENCES [odd schema].[a]]b] (y, x))`,
		"CREATE UNIQUE INDEX filtered ON [odd schema].[a]]b] (u) WHERE u IS NOT NULL",
		"CREATE VIEW [v] AS SELECT x, y FROM [odd schema].[a]]b]",
		"EXEC sp_addextendedproperty N'MS_Description', N'a table', N'SCHEMA', N'odd schema', N'TABLE', N'a]b'",
		"EXEC sp_addextendedproperty N'MS_Description', N'a column', N'SCHEMA', N'odd schema', N'TABLE', N'a]b', N'COLUMN', N'x'",
	)
	database, err := s.Introspect(t.Context())
	if err != nil {
		t.Fatal(describe(err))
	}
	var b strings.Builder
	for _, table := range database.Tables {
		fmt.Fprintf(&b, "%s %s.%s %q\n", table.Kind, table.Schema, table.Name, table.Comment)
		if table.ObjectID == 0 {
			t.Errorf("%s has no object id", table.Name)
		}
		for _, c := range table.Columns {
			fmt.Fprintf(&b, "  %d %s %s %s %s null=%t default=%t generated=%t identity=%t %q\n", c.Position, c.Name, c.Type.Name, c.Type.Scalar, c.Type.Class, c.Nullable, c.HasDefault, c.Generated, c.Identity, c.Comment)
		}
		if table.PrimaryKey != nil {
			fmt.Fprintf(&b, "  primary key %v\n", *table.PrimaryKey)
		}
		for _, k := range table.UniqueKeys {
			fmt.Fprintf(&b, "  unique key %v\n", *k)
		}
		for _, k := range table.ForeignKeys {
			fmt.Fprintf(&b, "  foreign key %v\n", *k)
		}
	}
	want := `view dbo.v ""
  1 x int Int integer null=false default=false generated=false identity=false ""
  2 y nvarchar(10) String text null=false default=false generated=false identity=false ""
table odd schema.a]b "a table"
  1 x int Int integer null=false default=false generated=false identity=false "a column"
  2 y nvarchar(10) String text null=false default=false generated=false identity=false ""
  3 z int Int integer null=true default=false generated=true identity=false ""
  4 w decimal(7,3) Float number null=true default=true generated=false identity=false ""
  5 r timestamp timestamp bytes null=false default=false generated=true identity=false ""
  6 n int Int integer null=false default=true generated=false identity=true ""
  7 l nvarchar(12) String text null=false default=false generated=false identity=false ""
  8 u uniqueidentifier uniqueidentifier uuid null=true default=false generated=false identity=false ""
  primary key {pk [y x]}
  unique key {uq [n]}
  foreign key {fk [y x] odd schema a]b [y x]}
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestManyKeysAndLongLists(t *testing.T) {
	t.Parallel()
	serverURL(t)
	s := openLibrary(t)
	const count = 10_000
	keys := make([]string, count)
	for i := range keys {
		keys[i] = strconv.Itoa(i)
	}
	f := fragments()["unique row per binding"]
	got, err := tryRun(t.Context(), s, f, nil, keys...)
	if err != nil {
		t.Fatalf("%s\nin: %s", describe(err), statementText(s, f))
	}
	for i, v := range got {
		want := map[int]string{1: `{"id":1,"name":"Ann"}`, 2: `{"id":2,"name":"Bob"}`, 3: `{"id":3,"name":"Bob"}`}[i]
		if want == "" {
			want = "null"
		}
		if v != want {
			t.Fatalf("key %d: got %s, want %s", i, v, want)
		}
	}
	// A list far longer than what FOR JSON puts into a row of its own.
	if _, err := s.RunSQL(t.Context(), `INSERT INTO [article] ([id], [author_id], [title])
		SELECT TOP (5000) 100 + ROW_NUMBER() OVER (ORDER BY (SELECT NULL)), 3, REPLICATE(N'é"', 40) FROM sys.all_columns AS a CROSS JOIN sys.all_columns AS b`, false); err != nil {
		t.Fatal(describe(err))
	}
	var want strings.Builder
	want.WriteString(`[{"articles":[`)
	for i := range 5000 {
		if i > 0 {
			want.WriteByte(',')
		}
		fmt.Fprintf(&want, `{"id":%d,"title":"%s"}`, 101+i, strings.Repeat(`é\"`, 40))
	}
	want.WriteString(`]}]`)
	long := root(many(authors(where(cmp("id", plan.Equal, literal("3")))), nest("articles", many(articlesOf(by("id")), cols("id", "title")...))))
	expect(t, s, long, nil, nil, want.String())
}

func TestCancelledStatements(t *testing.T) {
	t.Parallel()
	serverURL(t)
	s := openLibrary(t)
	slow := root(many(plan.Rows{PermitLimit: -1, From: &plan.NativeQuery{Name: "slow", Parts: []plan.NativeQueryPart{{SQL: slowSQL}}}}, cols("id")...))
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := tryRun(ctx, s, slow, nil)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got the error %v", err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("the statement ended after %v", took)
	}
	expect(t, s, fragments()["one row"], libraryArguments(t), nil, `{"id":2,"name":"Bob"}`)
}

func TestErrorsOfStatements(t *testing.T) {
	t.Parallel()
	serverURL(t)
	s := openLibrary(t)
	for _, c := range []struct{ sql, code string }{
		{"SELECT 1 / (SELECT COUNT(*) FROM author WHERE id < 0) AS id", sources.CodeDataException},
		{"SELECT CAST(name AS int) AS id FROM author", sources.CodeDataException},
		{"SELECT CAST(70000 AS smallint) AS id", sources.CodeDataException},
		{"SELECT nothing AS id FROM author", sources.CodeUnexpected},
		{"SELECT 1 AS id FROM nowhere", sources.CodeUnexpected},
	} {
		f := root(many(plan.Rows{PermitLimit: -1, From: &plan.NativeQuery{Name: "q", Parts: []plan.NativeQueryPart{{SQL: c.sql}}}}, cols("id")...))
		_, err := tryRun(t.Context(), s, f, nil)
		var coded *sources.Error
		if !errors.As(err, &coded) || coded.Code != c.code {
			t.Errorf("%s: got %v, want the code %s", c.sql, err, c.code)
			continue
		}
		if detail, ok := coded.Internal.(*Detail); !ok || detail.Query == "" || detail.Exception.Message == "" {
			t.Errorf("%s: the internal is %+v", c.sql, coded.Internal)
		}
	}
}

func TestRunSQL(t *testing.T) {
	t.Parallel()
	serverURL(t)
	s := openDatabase(t)
	result, err := s.RunSQL(t.Context(), "CREATE TABLE t (i int, s nvarchar(10), d decimal(5,2)); INSERT INTO t VALUES (1, N'x', 1.5), (2, NULL, NULL); SELECT 0 AS other; SELECT * FROM t ORDER BY i", false)
	if err != nil {
		t.Fatal(describe(err))
	}
	if got, want := fmt.Sprint(result.Tuples, result.Rows), "true [[i s d] [1 x 1.50] [2 NULL NULL]]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if result, err = s.RunSQL(t.Context(), "DELETE FROM t", true); err != nil || result.Tuples {
		t.Errorf("got %v %v", result, err)
	}
	if _, err = s.RunSQL(t.Context(), "INSERT INTO t VALUES (3, N'y', 1); SELECT 1 / 0", false); err == nil {
		t.Error("a failing batch gave no error")
	} else if coded := new(sources.Error); !errors.As(err, &coded) || coded.Code != sources.CodeDataException || !strings.Contains(coded.Message, "Divide by zero") {
		t.Errorf("got %v", err)
	}
	if result, err = s.RunSQL(t.Context(), "CREATE VIEW v AS SELECT 1 AS n\nGO\nINSERT INTO t VALUES (3, N'z', 2)\nGO 2\nSELECT COUNT(*) AS n FROM t\nGO\nDELETE FROM t WHERE i = 3", false); err != nil || fmt.Sprint(result.Rows) != "[[n] [4]]" {
		t.Errorf("got %v %v", result, err)
	}
	refusal := errors.New("no")
	if _, err = s.RunCheckedSQL(t.Context(), "DROP TABLE t", func(d *sources.Database) error {
		if len(d.Tables) != 0 {
			t.Errorf("the check sees %d tables", len(d.Tables))
		}
		return refusal
	}); !errors.Is(err, refusal) {
		t.Errorf("got %v", err)
	}
	if result, err = s.RunUntransactedSQL(t.Context(), "SELECT COUNT(*) AS n FROM t"); err != nil || fmt.Sprint(result.Rows) != "[[n] [2]]" {
		t.Errorf("got %v %v", result, err)
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	serverURL(t)
	s := openLibrary(t)
	f := fragments()["object relationship"]
	statement, err := s.Compile(f)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := s.Explain(t.Context(), statement, &plan.Arguments{})
	if err != nil {
		t.Fatal(describe(err))
	}
	if plan := strings.Join(lines, "\n"); !strings.Contains(plan, "author") {
		t.Errorf("the plan is %s", plan)
	}
	// The connection answers statements again instead of explaining them.
	expect(t, s, fragments()["one row"], libraryArguments(t), nil, `{"id":2,"name":"Bob"}`)
}

// TestIsolation runs a statement at every level.
func TestIsolation(t *testing.T) {
	t.Parallel()
	database := newDatabase(t, append(strings.Split(library, "\n"), "ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION ON")...)
	for _, level := range []string{"read-committed", "read-uncommitted", "repeatable-read", "serializable", "snapshot"} {
		s := open(t, Config{ConnectionString: database, IsolationLevel: level})
		expect(t, s, fragments()["one row"], libraryArguments(t), nil, `{"id":2,"name":"Bob"}`)
	}
}
