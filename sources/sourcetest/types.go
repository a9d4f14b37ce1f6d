package sourcetest

import (
	"strconv"
	"strings"
	"testing"

	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
)

// logical is a column of the table kinds: what is stored in its rows, the JSON
// every source answers, and the text it has as the key of a join.
type logical struct {
	typ    Logical
	column string
	class  plan.TypeClass
	values [4]stored
}

type stored struct {
	stored any
	json   string
	key    string
}

// logicals are the columns of kinds. The last row is null throughout.
var logicals = []logical{
	{Integer, "whole", plan.ClassInteger, [4]stored{{1, "1", "1"}, {-2147483648, "-2147483648", "-2147483648"}, {2147483647, "2147483647", "2147483647"}, {nil, "null", ""}}},
	{Bigint, "big", plan.ClassInteger, [4]stored{
		{decimalText("9007199254740993"), "9007199254740993", "9007199254740993"},
		{decimalText("9223372036854775807"), "9223372036854775807", "9223372036854775807"},
		{0, "0", "0"},
		{nil, "null", ""},
	}},
	{Numeric, "exact", plan.ClassNumber, [4]stored{
		{decimalText("0.30"), "0.30", "0.30"}, {decimalText("-12345.67"), "-12345.67", "-12345.67"}, {decimalText("7"), "7.00", "7.00"}, {nil, "null", ""},
	}},
	{Double, "broad", plan.ClassNumber, [4]stored{
		{decimalText("0.1"), "0.1", "0.1"}, {decimalText("1e100"), "1e+100", "1e+100"}, {decimalText("-2.5"), "-2.5", "-2.5"}, {nil, "null", ""},
	}},
	{Text, "words", plan.ClassText, [4]stored{
		{"it's \"quoted\" \\ back", `"it's \"quoted\" \\ back"`, "it's \"quoted\" \\ back"},
		{"tab\tline\nreturn\rbell\a.", `"tab\tline\nreturn\rbell\u0007."`, "tab\tline\nreturn\rbell\a."},
		{"žluťoučký 🐎 日本", `"žluťoučký 🐎 日本"`, "žluťoučký 🐎 日本"},
		{nil, "null", ""},
	}},
	{Boolean, "truth", plan.ClassBoolean, [4]stored{{true, "true", "true"}, {false, "false", "false"}, {true, "true", "true"}, {nil, "null", ""}}},
	{Timestamp, "moment", plan.ClassTime, [4]stored{
		{"2020-01-02T03:04:05", `"2020-01-02T03:04:05"`, ""},
		{"2020-01-02T03:04:05.123", `"2020-01-02T03:04:05.123"`, ""},
		{"1999-12-31T23:59:59.5", `"1999-12-31T23:59:59.5"`, ""},
		{nil, "null", ""},
	}},
	{TimestampTZ, "instant", plan.ClassTime, [4]stored{
		{"2020-01-02T03:04:05+00:00", `"2020-01-02T03:04:05+00:00"`, ""},
		{"2020-01-02T03:04:05+02:00", `"2020-01-02T01:04:05+00:00"`, ""},
		{"2019-12-31T23:00:00-01:30", `"2020-01-01T00:30:00+00:00"`, ""},
		{nil, "null", ""},
	}},
	{Date, "day", plan.ClassTime, [4]stored{
		{"2020-02-29", `"2020-02-29"`, "2020-02-29"}, {"1969-07-20", `"1969-07-20"`, "1969-07-20"}, {"2038-01-19", `"2038-01-19"`, "2038-01-19"}, {nil, "null", ""},
	}},
	{Time, "hour", plan.ClassTime, [4]stored{
		{"03:04:05", `"03:04:05"`, "03:04:05"}, {"23:59:59.25", `"23:59:59.25"`, "23:59:59.25"}, {"00:00:00", `"00:00:00"`, "00:00:00"}, {nil, "null", ""},
	}},
	{UUID, "mark", plan.ClassUUID, [4]stored{
		{"0a1b2c3d-0000-4000-8000-00000000000f", `"0a1b2c3d-0000-4000-8000-00000000000f"`, "0a1b2c3d-0000-4000-8000-00000000000f"},
		{"FFFFFFFF-0000-4000-8000-00000000000A", `"ffffffff-0000-4000-8000-00000000000a"`, "ffffffff-0000-4000-8000-00000000000a"},
		{"11111111-0000-4000-8000-000000000000", `"11111111-0000-4000-8000-000000000000"`, "11111111-0000-4000-8000-000000000000"},
		{nil, "null", ""},
	}},
	{JSON, "doc", plan.ClassJSON, [4]stored{
		{`{"a": {"b": [1, "two", null]}}`, `{"a":{"b":[1,"two",null]}}`, ""}, {`[true, 1.50]`, `[true,1.50]`, ""}, {`"text"`, `"text"`, ""}, {nil, "null", ""},
	}},
	{JSONB, "docb", plan.ClassJSONB, [4]stored{
		{`{"a": 1, "b": [1, 2]}`, `{"a":1,"b":[1,2]}`, ""}, {`["x", "y"]`, `["x","y"]`, ""}, {`{"b": null}`, `{"b":null}`, ""}, {nil, "null", ""},
	}},
}

func (f *fixture) has(l logical) bool { return f.harness.Types[l.typ] != "" }

func testTypes(t *testing.T, f *fixture) {
	t.Helper()
	for _, l := range logicals {
		if !f.has(l) {
			continue
		}
		t.Run(string(l.typ), func(t *testing.T) {
			column := f.column(t, "kinds", l.column)
			if column.Type.Class != l.class {
				t.Errorf("the class is %q, want %q", column.Type.Class, l.class)
			}
			rows := make([]string, 0, len(l.values))
			for _, v := range l.values {
				rows = append(rows, `{"`+l.column+`":`+v.json+`}`)
			}
			want := "[" + strings.Join(rows, ",") + "]"
			f.want(t, &request{query: f.selection(t, "kinds", l.column)}, want)
			// The same values from inside of a list.
			outer := f.selection(t, "kinds", "id")
			outer.Where = f.compare(t, "kinds", "id", plan.Equal, literal(t, "1"))
			inner := f.selection(t, "kinds", l.column)
			outer.Fields = append(outer.Fields, &plan.NestedField{Key: "rows", Selection: inner})
			f.want(t, &request{query: outer}, `[{"id":1,"rows":`+want+`}]`)
			f.stringified(t, l)
		})
	}
}

// stringified checks numbers as JSON strings.
func (f *fixture) stringified(t *testing.T, l logical) {
	t.Helper()
	if l.class != plan.ClassInteger && l.class != plan.ClassNumber {
		return
	}
	sel := f.selection(t, "kinds")
	sel.Fields = []plan.Field{&plan.ColumnField{Key: "v", Column: f.column(t, "kinds", l.column), Stringify: true}}
	rows := make([]string, 0, len(l.values))
	for _, v := range l.values {
		if v.json == "null" {
			rows = append(rows, `{"v":null}`)
		} else {
			rows = append(rows, `{"v":"`+v.json+`"}`)
		}
	}
	f.want(t, &request{query: sel}, "["+strings.Join(rows, ",")+"]")
}

// keyed tells whether equal values of a type have one text that every source
// writes and reads.
func keyed(l logical) bool { return l.values[0].key != "" }

func testKeyTexts(t *testing.T, f *fixture) {
	t.Helper()
	for _, l := range logicals {
		if !f.has(l) || !keyed(l) {
			continue
		}
		t.Run(string(l.typ), func(t *testing.T) {
			c := f.column(t, "kinds", l.column)
			join := &plan.Join{Keys: []plan.JoinKey{{Name: c.Name, Type: c.Type}}, OnNull: []byte("null")}
			sel := f.selection(t, "kinds")
			sel.Fields = []plan.Field{&plan.HoleField{Key: "h", Join: join}}
			want := []byte{'['}
			for i, v := range l.values {
				if i > 0 {
					want = append(want, ',')
				}
				want = append(want, `{"h":`...)
				if v.stored == nil {
					want = append(want, "null"...)
				} else {
					want = orderedjson.AppendString(want, "<0:"+v.key+">")
				}
				want = append(want, '}')
			}
			f.want(t, &request{query: sel, joins: []*plan.Join{join}}, string(append(want, ']')))
		})
	}
}

// testKeysOfEveryType binds each type's key texts: each finds its row.
func testKeysOfEveryType(t *testing.T, f *fixture) {
	t.Helper()
	for _, l := range logicals {
		if !f.has(l) || !keyed(l) || l.typ == Boolean {
			continue
		}
		t.Run(string(l.typ), func(t *testing.T) {
			sel := f.selection(t, "kinds", "id")
			r := &request{query: sel, bindings: f.bound(t, &sel.Rows, "kinds", l.column)}
			var want []string
			for i, v := range l.values {
				if v.stored != nil {
					r.keys = append(r.keys, []string{v.key})
					want = append(want, `[{"id":`+strconv.Itoa(i+1)+`}]`)
				}
			}
			f.want(t, r, want...)
			limited := *sel
			limited.Limit = literal(t, "1")
			f.want(t, &request{query: &limited, bindings: r.bindings, keys: r.keys}, want...)
		})
	}
}

// testMalformedKeys binds texts that are not of the form of the column's type,
// as they come from a text column on the other side: they find nothing, and the
// keys beside them are found all the same.
func testMalformedKeys(t *testing.T, f *fixture) {
	t.Helper()
	for _, l := range logicals {
		if !f.has(l) || !keyed(l) || l.typ == Boolean {
			continue
		}
		t.Run(string(l.typ), func(t *testing.T) {
			sel := f.selection(t, "kinds", "id")
			r := &request{query: sel, bindings: f.bound(t, &sel.Rows, "kinds", l.column)}
			r.keys = [][]string{{"no such {value}"}, {l.values[0].key}, {""}, {`a"b\'`}}
			want := []string{`[]`, `[{"id":1}]`, `[]`, `[]`}
			if l.class == plan.ClassInteger {
				// Whole numbers of a decimal column are integers; others aren't.
				r.keys = append(r.keys, []string{l.values[0].key + ".00"}, []string{"1.50"}, []string{"99999999999999999999"}, []string{"-9223372036854775808"})
				want = append(want, `[{"id":1}]`, `[]`, `[]`, `[]`)
			}
			f.want(t, r, want...)
		})
	}
	sel := f.selection(t, "account", "owner")
	r := &request{query: sel, keys: [][]string{{"eu", "x"}, {"us", "1"}, {"e", "u1"}}}
	r.bindings = f.bound(t, &sel.Rows, "account", "region", "number")
	f.want(t, r, `[]`, `[{"owner":"cid"}]`, `[]`)
}
