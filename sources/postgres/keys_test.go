package postgres

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
)

// keyTexts generates texts that are, or nearly are, of some type's form.
var keyTexts = rapid.OneOf( //nolint:gochecknoglobals // a generator of tests
	rapid.String(),
	rapid.SampledFrom([]string{
		"", " ", "0", "-0", "+1", "1.", ".5", "1.00", "1e3", "1e400", "1e-400", "0e9", "NaN", "nan", "Infinity", "-Infinity", "infinity", "-infinity", "0x10", "1_000",
		"2147483648", "32768", "-32769", "9223372036854775808", "9223372036854775807.000", "t", "TRUE", "yes", "2020-02-30", "2019-02-29", "0000-01-01", "24:00:00", "24:00:01",
		"23:59:60", "4714-01-01 BC", "4713-02-29 BC", "4713-02-28 BC", "294276-12-31T23:59:59Z", "5874897-12-31", "5874898-01-01", "2020-01-01T24:00:00", "null", "{}", `"\u0000"`, `"\ud800"`, "1e99999",
		"\x00", "a\xffb", "NULL", `a\"b`, "{a,b}", "a0eebc99-9c0b4ef8bb6d6bb9bd380a11", "{a0eebc999c0b4ef8bb6d6bb9bd380a11}", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1",
	}),
	rapid.StringMatching(`-?[0-9]{1,25}(\.[0-9]{0,10})?([eE][+-]?[0-9]{1,6})?`),
	rapid.StringMatching(`[0-9]{4,7}-[0-1][0-9]-[0-3][0-9]([T ][0-2][0-9]:[0-6][0-9](:[0-6][0-9](\.[0-9]{1,9})?)?)?(Z|[+-][01][0-9](:?[0-9]{2})?)?( BC)?`),
	rapid.StringMatching(`[0-2][0-9]:[0-6][0-9](:[0-6][0-9](\.[0-9]{1,9})?)?`),
	rapid.StringMatching(`\{?[0-9a-fA-F]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\}?`),
	rapid.StringMatching(`[\[{]("a":)?(1|1e[0-9]{1,7}|"\\u[0-9a-f]{4}"|null)[\]}]`),
)

// TestKeyForms checks that the database takes every text that passes a form.
func TestKeyForms(t *testing.T) {
	c, err := pgx.Connect(t.Context(), newDatabase(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(t.Context()) }()
	rapid.Check(t, func(rt *rapid.T) {
		texts := rapid.SliceOfN(keyTexts, 1, 60).Draw(rt, "texts")
		for name, form := range keyForms {
			array := string(bindingArray(plan.Bindings{Width: 1, Cells: texts}, 0, form))
			result := c.PgConn().ExecParams(t.Context(), "SELECT count(*) FROM unnest(($1)::"+name+"[])", [][]byte{[]byte(array)}, nil, nil, nil).Read()
			if result.Err != nil {
				rt.Fatalf("%s %s: %v", name, array, result.Err)
			}
			if got := string(result.Rows[0][0]); got != fmt.Sprint(len(texts)) {
				rt.Fatalf("%s: %s became %s elements", name, array, got)
			}
		}
	})
}

// TestArrayLiterals checks that lists arrive as they are.
func TestArrayLiterals(t *testing.T) {
	c, err := pgx.Connect(t.Context(), newDatabase(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(t.Context()) }()
	arrives := func(list orderedjson.Value) string {
		literal := appendArray(nil, list, false)
		result := c.PgConn().ExecParams(t.Context(), "SELECT to_json(($1)::text[])", [][]byte{literal}, nil, nil, nil).Read()
		if result.Err != nil {
			return string(literal) + ": " + result.Err.Error()
		}
		return string(result.Rows[0][0])
	}
	rapid.Check(t, func(rt *rapid.T) {
		texts := rapid.SliceOf(rapid.Map(rapid.String(), func(s string) string { return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "") })).Draw(rt, "texts")
		list := orderedjson.Value{Kind: orderedjson.Array}
		for _, text := range texts {
			list.Items = append(list.Items, orderedjson.Value{Kind: orderedjson.String, Text: text})
		}
		var got []string
		if err := json.Unmarshal([]byte(arrives(list)), &got); err != nil || fmt.Sprint(got) != fmt.Sprint(texts) {
			rt.Fatalf("%q became %q, %v", texts, got, err)
		}
	})
	for in, want := range map[string]string{
		`[]`: `[]`, `[null,"null","NULL"]`: `[null,"null","NULL"]`, `[["a","{b}"],["c","d"]]`: `[["a","{b}"],["c","d"]]`, `[1,true,{"a":1}]`: `["1","true","{\"a\":1}"]`,
		`"{x,y}"`: `["x","y"]`, `"x"`: `["x"]`,
	} {
		list, err := orderedjson.Parse([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		if got := arrives(list); got != want {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
	}
}
