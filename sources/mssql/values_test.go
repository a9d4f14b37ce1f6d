package mssql

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	driver "github.com/microsoft/go-mssqldb"
	"pgregory.net/rapid"

	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/sources"
)

func TestScalarValues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		as, text string
		want     any // nil: the user's error
	}{
		{"int", "1", int64(1)},
		{"int", "-2147483648", int64(-2147483648)},
		{"int", "2147483648", nil},
		{"int", "1.0", nil},
		{"int", "1e2", int64(100)},
		{"int", "one", nil},
		{"tinyint", "255", int64(255)},
		{"tinyint", "-1", nil},
		{"smallint", "40000", nil},
		{"bigint", "9223372036854775807", int64(math.MaxInt64)},
		{"bigint", "9223372036854775808", nil},
		{"bit", "true", int64(1)},
		{"bit", "OFF", int64(0)},
		{"bit", "perhaps", nil},
		{"decimal(10,2)", "1.505", "1.505"},
		{"decimal(10,2)", "1e3", "1000"},
		{"decimal(10,2)", "1e30", nil},
		{"decimal(38,0)", strings.Repeat("9", 38), strings.Repeat("9", 38)},
		{"decimal(38,0)", "0.5", nil},
		{"money", "-0.5", "-0.5"},
		{"money", "1,5", nil},
		{"float", "1e308", 1e308},
		{"float", "1e309", nil},
		{"float", "NaN", nil},
		{"float", "0x1p2", nil},
		{"real", "1e39", nil},
		{"uniqueidentifier", "0a1b2c3d-0000-4000-8000-00000000000f", "0A1B2C3D-0000-4000-8000-00000000000F"},
		{"uniqueidentifier", "{0a1b2c3d00004000800000000000000f}", "0A1B2C3D-0000-4000-8000-00000000000F"},
		{"uniqueidentifier", "0a1b2c3d", nil},
		{"date", "2020-02-29", "2020-02-29"},
		{"date", "2020-02-29T10:00:00", "2020-02-29"},
		{"date", "the day before", "the day before"}, // SQL Server says what it misses
		{"datetime", "2020-01-02 03:04", "2020-01-02T03:04:00"},
		{"datetime2", "2020-01-02T03:04:05.12300Z", "2020-01-02T03:04:05.123"},
		{"datetimeoffset", "2020-01-02T03:04:05+0200", "2020-01-02T03:04:05+02:00"},
		{"datetimeoffset", "2020-01-02 03:04:05", "2020-01-02T03:04:05+00:00"},
		{"time", "03:04:05.50", "03:04:05.5"},
		{"varbinary(10)", "0xFF", "0xFF"},
		{"varbinary(10)", "/w==", "0xff"},
		{"varbinary(10)", "0xF", nil},
		{"hierarchyid", "/1/2.1/", "/1/2.1/"},
		{"hierarchyid", "/x/", nil},
		{"varchar(10)", "abc", driver.VarChar("abc")},
		{"varchar(10)", "łoś", "łoś"},
		{"nvarchar(10)", "abc", "abc"},
		{"xml", "<a/>", "<a/>"},
	} {
		got, err := scalarValue(c.text, declared(ParseType(c.as)))
		var coded *sources.Error
		switch {
		case c.want == nil && (!errors.As(err, &coded) || coded.Code != sources.CodeDataException):
			t.Errorf("%s %q: got %v %v, want the user's error", c.as, c.text, got.value(), err)
		case c.want != nil && (err != nil || got.value() != c.want):
			t.Errorf("%s %q: got %#v %v, want %#v", c.as, c.text, got.value(), err, c.want)
		}
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ as, text, want string }{
		{"int", "7", "7"},
		{"int", "7.0", "7"},
		{"int", "7.5", "null"},
		{"int", "99999999999", "null"},
		{"int", "x", "null"},
		{"decimal(10,2)", "1.5", `"1.5"`},
		{"decimal(10,2)", "1.500", `"1.5"`},
		{"decimal(10,2)", "1.505", "null"},
		{"decimal(10,2)", "100000000", "null"},
		{"smallmoney", "0.00001", "null"},
		{"money", "0.0001", `"0.0001"`},
		{"float", "0.1", "1e-01"},
		{"bit", "true", "1"},
		{"nvarchar(3)", "abc", `"abc"`},
		{"nvarchar(3)", "abcd", "null"},
		{"nvarchar(3)", "abc  ", `"abc  "`},
		{"nvarchar(2)", "🐎", `"🐎"`},
		{"nvarchar(1)", "🐎", "null"},
		{"varchar(3)", "łoś", `"łoś"`},
		{"nvarchar(max)", strings.Repeat("x", 9000), `"` + strings.Repeat("x", 9000) + `"`},
		{"date", "2020-01-02", `"2020-01-02"`},
		{"date", "2020-01-02T00:00:00", `"2020-01-02"`},
		{"date", "2020-01-02T00:00:01", "null"},
		{"date", "2020-02-30", "null"},
		{"datetime", "2020-01-02T03:04:05.123", `"2020-01-02T03:04:05.123"`},
		{"datetime", "2020-01-02T03:04:05.124", "null"},
		{"datetime", "2020-01-02T03:04:05.1234", "null"},
		{"smalldatetime", "2020-01-02T03:04:05", "null"},
		{"datetime2(3)", "2020-01-02T03:04:05.1234", "null"},
		{"datetime2(3)", "2020-01-02T03:04:05.1230", `"2020-01-02T03:04:05.123"`},
		{"time", "03:04:05", `"03:04:05"`},
		{"time", "2020-01-02T03:04:05", "null"},
		{"uniqueidentifier", "x", "null"},
		{"varbinary(4)", `\x0102`, `"0x0102"`},
	} {
		got := string(keysJSON(plan.Bindings{Width: 1, Cells: []string{c.text}}, []sqlType{declared(ParseType(c.as))}))
		if want := `[{"o":0,"k0":` + c.want + `}]`; got != want {
			t.Errorf("%s %q: got %s, want %s", c.as, c.text, got, want)
		}
	}
}

func TestKeysAreJSON(t *testing.T) {
	t.Parallel()
	var types []sqlType
	for name := range systemTypes {
		types = append(types, declared(ParseType(name)))
	}
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(1, 3).Draw(t, "width")
		as := make([]sqlType, width)
		for i := range as {
			as[i] = rapid.SampledFrom(types).Draw(t, "type")
		}
		rows := rapid.IntRange(0, 4).Draw(t, "rows")
		b := plan.Bindings{Width: width}
		for range rows * width {
			b.Cells = append(b.Cells, rapid.OneOf(rapid.String(), rapid.StringMatching(`-?[0-9]{1,20}(\.[0-9]{1,9})?`), rapid.StringMatching(`[0-9]{4}-[01][0-9]-[0-3][0-9]`)).Draw(t, "cell"))
		}
		text := keysJSON(b, as)
		var decoded []map[string]any
		if err := json.Unmarshal(text, &decoded); err != nil || len(decoded) != rows {
			t.Fatalf("%s: %v", text, err)
		}
		for i, row := range decoded {
			if len(row) != width+1 || row["o"] != float64(i) {
				t.Fatalf("row %d is %v", i, row)
			}
		}
	})
}

func TestLists(t *testing.T) {
	t.Parallel()
	integer, text := declared(ParseType("int")), declared(ParseType("nvarchar(3)"))
	for _, c := range []struct {
		as      sqlType
		session bool
		value   string
		want    string
	}{
		{integer, false, `[1, "2", null]`, `[1,2,null]`},
		{integer, false, `null`, `[null]`},
		{integer, false, `5`, `[5]`},
		{integer, false, `[]`, `[]`},
		{integer, true, `"{1, 2 ,NULL}"`, `[1,2,null]`},
		{integer, true, `"{}"`, `[]`},
		{integer, true, `"[3]"`, `[3]`},
		{text, true, `"{a,\"b\\\"c\",  d e ,\"NULL\"}"`, `["a","b\"c","d e","xxxx"]`},
		{text, false, `["abc","abcd"]`, `["abc","xxxx"]`},
		{integer, true, `"1"`, ""},
		{integer, true, `"{1,}"`, ""},
		{integer, true, `"{{1}}"`, ""},
		{integer, true, `"{\"1}"`, ""},
		{integer, true, `"[1"`, ""},
		{integer, true, `"{\"1\"2}"`, ""},
		{integer, false, `["x"]`, ""},
		{declared(ParseType("date")), false, `["then"]`, ""},
		{declared(ParseType("date")), false, `["2020-01-02"]`, `["2020-01-02"]`},
	} {
		j, err := orderedjson.Parse([]byte(c.value))
		if err != nil {
			t.Fatal(err)
		}
		got, err := listValue(j, c.as, c.session)
		if (err == nil) != (c.want != "") || err == nil && got.text != c.want {
			t.Errorf("%s: got %s %v, want %s", c.value, got.text, err, c.want)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	args := &plan.Arguments{Variables: map[string]orderedjson.Value{"none": {}}}
	for _, c := range []struct {
		form  form
		value string
		most  int
		want  any
	}{
		{formLimit, "5", -1, int64(5)},
		{formLimit, "5", 3, int64(3)},
		{formLimit, "null", 3, int64(3)},
		{formLimit, "null", -1, int64(noLimit)},
		{formLimit, `"4"`, -1, int64(4)},
		{formLimit, "0", -1, int64(0)},
		{formFetch, "0", -1, int64(1)},
		{formFetch, "9", 0, int64(1)},
		{formOffset, "null", -1, int64(0)},
		{formOffset, "7", 0, int64(7)},
		{formLimit, "-1", -1, nil},
		{formOffset, "x", -1, nil},
		{formLimit, "1.5", -1, nil},
	} {
		source := parameterSource{form: c.form, most: c.most, value: literal(strconv.Quote(c.value))}
		if c.value[0] != 'x' {
			source.value = literal(c.value)
		}
		got, err := source.resolve(args, plan.Bindings{})
		if (err == nil) != (c.want != nil) || err == nil && got.value() != c.want {
			t.Errorf("%d %s: got %v %v, want %v", c.form, c.value, got.value(), err, c.want)
		}
	}
}

// TestManyParameters checks that a statement with more values than it may have
// parameters sends the rest as one.
func TestManyParameters(t *testing.T) {
	t.Parallel()
	all := &plan.And{}
	for i := range 3000 {
		all.Parts = append(all.Parts, cmp("name", plan.NotEqual, literal(strconv.Quote(fmt.Sprint(i)))))
	}
	statement, err := compile(condition(all))
	if err != nil {
		t.Fatal(err)
	}
	values, err := statement.arguments(&plan.Arguments{}, plan.Bindings{})
	if err != nil {
		t.Fatal(err)
	}
	values = values[2:] // behind the statement and the declarations
	if len(values) != maxScalars+1 || !strings.Contains(statement.text, "(SELECT [value] FROM OPENJSON(@p1801) WHERE [key] = N'1199')") {
		t.Errorf("%d parameters", len(values))
	}
	var rest []string
	if err := json.Unmarshal([]byte(fmt.Sprint(values[maxScalars].(sql.NamedArg).Value)), &rest); err != nil || len(rest) != 1200 || rest[1199] != "2999" {
		t.Errorf("the rest is %v %v", rest, err)
	}
	lists := &plan.And{}
	for i := range 2200 {
		lists.Parts = append(lists.Parts, cmp("id", plan.In, literal(fmt.Sprintf("[%d]", i))))
	}
	if _, err := compile(condition(lists)); err == nil {
		t.Error("a statement with too many lists was compiled")
	}
}

// TestDeclarations checks that parameters are declared by their columns, so that
// the server makes one plan for all values.
func TestDeclarations(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 5000)
	for _, c := range []struct{ column, value, want string }{
		{"name", `"a"`, "nvarchar(50)"},
		{"name", `"` + long[:50] + `"`, "nvarchar(50)"},
		{"name", `"` + long[:51] + `"`, "nvarchar(4000)"},
		{"name", `"` + long + `"`, "nvarchar(max)"},
		{"name", "null", "nvarchar(50)"},
		{"nick", `"a"`, "varchar(20)"},
		{"nick", `"łoś"`, "nvarchar(20)"},
		{"nick", `"` + long + `"`, "varchar(8000)"},
		{"body", `"a"`, "nvarchar(4000)"},
		{"id", "1", "bigint"},
		{"score", "1e3", "float"},
		{"rating", "1.5", "nvarchar(100)"},
		{"mark", `"0a1b2c3d-0000-4000-8000-00000000000f"`, "nvarchar(100)"},
		{"data", `"0x` + strings.Repeat("00", 3000) + `"`, "nvarchar(max)"},
	} {
		statement, err := compile(condition(cmp(c.column, plan.Equal, literal(c.value))))
		if err != nil {
			t.Fatal(err)
		}
		arguments, err := statement.arguments(&plan.Arguments{}, plan.Bindings{})
		if err != nil {
			t.Fatal(err)
		}
		text, arguments := asCall(statement.text, arguments)
		if text != "sp_executesql" || arguments[0] != statement.text || arguments[1] != "@p1 "+c.want {
			t.Errorf("%s: %v %v, want %s", c.column, text, arguments[1], c.want)
		}
	}
}

func TestDriverValues(t *testing.T) {
	t.Parallel()
	moment := time.Date(2020, 1, 2, 3, 4, 5, 120_000_000, time.FixedZone("", -5400))
	for _, c := range []struct {
		name  string
		value any
		want  string
	}{
		{"BIGINT", int64(math.MinInt64), "-9223372036854775808"},
		{"FLOAT", 0.1, "0.1"},
		{"FLOAT", 1e100, "1e+100"},
		{"FLOAT", 1e15, "1e+15"},
		{"FLOAT", 1e14, "100000000000000"},
		{"FLOAT", 0.0001, "0.0001"},
		{"FLOAT", 0.00001, "1e-05"},
		{"FLOAT", math.Copysign(0, -1), "-0"},
		{"REAL", float64(float32(0.1)), "0.1"},
		{"REAL", float64(float32(1e6)), "1e+06"},
		{"BIT", true, "true"},
		{"NVARCHAR", "é", "é"},
		{"DECIMAL", []byte("-0.50"), "-0.50"},
		{"MONEY", []byte("1.2500"), "1.2500"},
		{"VARBINARY", []byte{1, 2}, "AQI="},
		{"UNIQUEIDENTIFIER", []byte{0x3d, 0x2c, 0x1b, 0x0a, 0, 0, 0, 0x40, 0x80, 0, 0, 0, 0, 0, 0, 0x0f}, "0A1B2C3D-0000-4000-8000-00000000000F"},
		{"DATE", moment, "2020-01-02"},
		{"TIME", moment, "03:04:05.12"},
		{"DATETIME2", moment, "2020-01-02T03:04:05.12"},
		{"DATETIMEOFFSET", moment, "2020-01-02T03:04:05.12-01:30"},
	} {
		got, err := appendValue(nil, c.value, columnOfType(c.name))
		if err != nil || string(got) != c.want {
			t.Errorf("%s %v: got %s %v, want %s", c.name, c.value, got, err, c.want)
		}
	}
	if _, err := appendValue(nil, struct{}{}, columnPlain); err == nil {
		t.Error("a value of an unknown type was written")
	}
}

// TestFloatsReadTheSame checks that a float among columns and one inside of
// JSON become the same text, which is the float again.
func TestFloatsReadTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.Float64().Filter(func(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }).Draw(t, "float")
		outside, err := appendValue(nil, f, columnPlain)
		if err != nil {
			t.Fatal(err)
		}
		inside := appendNestedText(nil, []byte(strconv.FormatFloat(f, 'e', 16, 64)), kindFloat)
		if string(inside) != string(outside) || !json.Valid(outside) {
			t.Fatalf("%v became %s and %s", f, outside, inside)
		}
		if back, err := strconv.ParseFloat(string(outside), 64); err != nil || back != f {
			t.Fatalf("%v became %s", f, outside)
		}
	})
}

// TestMomentsReadTheSame does so for dates and times.
func TestMomentsReadTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ticks := rapid.Int64Range(0, 9_999_999).Draw(t, "ticks")
		offset := rapid.IntRange(-14*60, 14*60).Draw(t, "offset")
		m := time.Date(rapid.IntRange(1, 9999).Draw(t, "year"), time.Month(rapid.IntRange(1, 12).Draw(t, "month")), rapid.IntRange(1, 28).Draw(t, "day"),
			rapid.IntRange(0, 23).Draw(t, "hour"), rapid.IntRange(0, 59).Draw(t, "minute"), rapid.IntRange(0, 59).Draw(t, "second"), int(ticks)*100, time.FixedZone("", offset*60))
		for _, c := range []struct {
			column column
			form   string
			base   string
		}{
			{columnDate, "2006-01-02", typeDate},
			{columnTime, "15:04:05.0000000", typeTime},
			{columnPlain, "2006-01-02 15:04:05.0000000", typeDatetime2},
			{columnInstant, "2006-01-02 15:04:05.0000000 -07:00", typeDatetimeoffset},
		} {
			outside, err := appendValue(nil, m, c.column)
			if err != nil {
				t.Fatal(err)
			}
			if inside := appendMomentText(nil, []byte(m.Format(c.form))); string(inside) != string(outside) {
				t.Fatalf("%v became %s and %s", m, outside, inside)
			}
			// And as a key, the text finds the value again.
			as := declared(ParseType(c.base))
			if b, ok := keyValue(string(outside), as); !ok || b.text != string(outside) {
				t.Fatalf("the key %s became %q %t", outside, b.text, ok)
			}
		}
	})
}

func TestTypesOfNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, declaration, scalar string }{
		{"int", "int", "Int"},
		{"BIGINT", "bigint", "bigint"},
		{"decimal", "decimal(18,0)", "Float"},
		{"numeric(5, 2)", "numeric(5,2)", "Float"},
		{"varchar", "varchar(max)", "String"},
		{"nvarchar(20)", "nvarchar(20)", "String"},
		{"nvarchar(max)", "nvarchar(max)", "String"},
		{"character varying(3)", "varchar(3)", "String"},
		{"datetime2(3)", "datetime2(3)", "datetime2"},
		{"time", "time(7)", "time"},
		{"sysname", "nvarchar(128)", "String"},
		{"bit", "bit", "Boolean"},
		{"uniqueidentifier", "uniqueidentifier", "uniqueidentifier"},
		{"double  precision", "float", "Float"},
		{"varchar(5) COLLATE Polish_CI_AS", "varchar(5)", "String"},
		{"my type); DROP TABLE x", "nvarchar(max)", "my type)"},
		{"decimal(99,99)", "decimal(18,0)", "Float"},
	} {
		got := ParseType(c.name)
		if d := declared(got).declaration(); d != c.declaration {
			t.Errorf("%s: declared as %s, want %s", c.name, d, c.declaration)
		}
		if c.scalar != got.Scalar && got.Class != plan.ClassOther {
			t.Errorf("%s: the scalar is %s, want %s", c.name, got.Scalar, c.scalar)
		}
	}
	for _, bad := range []string{"x; DROP", "a b", ""} {
		if validCollation(bad) {
			t.Errorf("%q is taken for a collation", bad)
		}
	}
}
