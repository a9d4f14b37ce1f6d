package postgres

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"dovetail/internal/plan"
)

// encoderCases are, per type, texts of values worth trying and a generator of
// more.
var encoderCases = []struct {
	name   string
	values []string
	random *rapid.Generator[string]
}{
	{"bool", []string{"t", "f"}, nil},
	{"int2", []string{"0", "-32768", "32767"}, integers(math.MinInt16, math.MaxInt16)},
	{"int4", []string{"0", "-2147483648", "2147483647"}, integers(math.MinInt32, math.MaxInt32)},
	{"int8", []string{"0", "-9223372036854775808", "9223372036854775807"}, integers(math.MinInt64, math.MaxInt64)},
	{"float4", floatSamples(32), rapid.Custom(func(t *rapid.T) string {
		return strconv.FormatFloat(float64(math.Float32frombits(rapid.Uint32().Draw(t, "bits"))), 'g', -1, 32)
	})},
	{"float8", floatSamples(64), rapid.Custom(func(t *rapid.T) string {
		return strconv.FormatFloat(math.Float64frombits(rapid.Uint64().Draw(t, "bits")), 'g', -1, 64)
	})},
	{"numeric", []string{
		"0", "-0", "0.0", "0.00000", "NaN", "Infinity", "-Infinity", "1", "-1", "10000", "9999", "0.0001", "0.00001", "0.000000000001",
		"123456789012345678901234567890.123456789", "1e100", "1e-100", "-5e-5", "1" + strings.Repeat("0", 500), "0." + strings.Repeat("0", 400) + "7", "100.00",
	}, rapid.StringMatching(`-?[0-9]{1,30}(\.[0-9]{1,30})?`)},
	{"text", []string{"", "a", "\"quoted\"", "back\\slash", "line\nbreak\ttab\r\b\f", "\x01\x1f\x7f", "é漢😀", "</script>", "\u2028"}, texts()},
	{"varchar", []string{"", " x "}, texts()},
	{"bpchar", []string{"", "x  "}, texts()},
	{"name", []string{"", "x\"y"}, nil},
	{"mood", []string{"sad", "very \"happy\""}, nil},
	{"citext", []string{"", "MiXed"}, texts()},
	{"short", []string{"ab"}, nil},
	{"uuid", []string{"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"}, nil},
	{"date", []string{
		"infinity", "-infinity", "2000-01-01", "1999-12-31", "2000-02-29", "1900-02-28", "4713-01-01 BC", "0001-01-01", "0001-12-31 BC",
		"0044-03-15 BC", "10000-01-01", "5874897-12-31", "4714-11-24 BC", "0400-02-29", "0005-03-01 BC",
	}, rapid.Custom(func(t *rapid.T) string {
		return fmt.Sprintf("epoch %d", rapid.IntRange(-2440588, 100000000).Draw(t, "days"))
	})},
	{"time", []string{"00:00", "24:00:00", "23:59:59.999999", "12:00:00.1", "01:02:03.000001"}, nil},
	{"timestamp", timestampSamples, randomTimestamp},
	{"timestamptz", timestampSamples, randomTimestamp},
	{"json", []string{`{"a" : 1, "a": [ ]}`, `null`, `"x"`, "[1,\n2]"}, nil},
	{"jsonb", []string{`{"b":1,"a":[1.50, null]}`, `null`, `"\u0001"`}, nil},
	// These are written by the database.
	{"money", []string{"1.5"}, nil},
	{"interval", []string{"1 day 2 hours"}, nil},
	{"bytea", []string{`\x00ff`}, nil},
	{"int4[]", []string{"{1,NULL,3}", "{{1,2},{3,4}}", "{}"}, nil},
	{"text[]", []string{`{"a\"b",NULL}`}, nil},
	{"int4range", []string{"[1,5)"}, nil},
	{"timetz", []string{"12:00:00+02"}, nil},
	{`"char"`, []string{"x"}, nil},
	{"oid", []string{"7"}, nil},
	{"inet", []string{"10.0.0.1/8"}, nil},
	{"pair", []string{`(1,"a b")`}, nil},
	{"ltree", []string{"a.b.c"}, nil},
	{"hstore", []string{`a=>1`}, nil},
	{"bit(3)", []string{"101"}, nil},
	{"tsvector", []string{"a b"}, nil},
	{"xml", []string{"<a/>"}, nil},
	{"point", []string{"(1,2)"}, nil},
}

var timestampSamples = []string{
	"infinity", "-infinity", "2000-01-01", "1999-12-31 23:59:59.999999", "2000-01-01 00:00:00.000001", "0001-01-01", "0001-12-31 23:59:59 BC",
	"4714-11-24 00:00:00 BC", "294276-12-31 23:59:59.999999", "10000-01-01", "2024-02-29 12:34:56.7", "1970-01-01 00:00:00.120",
}

var randomTimestamp = rapid.Custom(func(t *rapid.T) string { //nolint:gochecknoglobals // a table of tests
	return fmt.Sprintf("micros %d", rapid.Int64Range(-200000000000000000, 9000000000000000000).Draw(t, "micros"))
})

func integers(low, high int64) *rapid.Generator[string] {
	return rapid.Map(rapid.Int64Range(low, high), func(n int64) string { return strconv.FormatInt(n, 10) })
}

func texts() *rapid.Generator[string] {
	return rapid.Map(rapid.String(), func(s string) string { return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "") })
}

func floatSamples(bits int) []string {
	out := []string{
		"0", "-0", "NaN", "Infinity", "-Infinity", "1", "0.1", "1e-4", "9.9999e-5", "123456", "1234567", "1e6", "999999", "1e15", "999999999999999",
		"1e14", "123456789012345", "5e-324", "1.7976931348623157e308", "2.2250738585072014e-308", "1e22", "1e23", "9007199254740993", "3.4028235e38", "1e-45", "16777216", "33554432",
	}
	step := 1
	for e := -140; e < 127; e += step {
		out = append(out, strconv.FormatFloat(math.Ldexp(1, e), 'g', -1, bits))
	}
	for e := -40; e < 39; e++ {
		out = append(out, "1e"+strconv.Itoa(e), "5e"+strconv.Itoa(e), "-9e"+strconv.Itoa(e))
	}
	if bits == 64 {
		for e := 150; e < 1023; e += 7 {
			out = append(out, strconv.FormatFloat(math.Ldexp(1, e), 'g', -1, bits), strconv.FormatFloat(math.Ldexp(1, -e), 'g', -1, bits))
		}
		for e := 50; e < 110; e++ { // decimals that lie between two doubles
			for _, d := range []int64{1, 3, 5, 7, 11} {
				n := new(big.Int).Lsh(big.NewInt(d), uint(e))
				out = append(out, n.String(), new(big.Int).Add(n, big.NewInt(2)).String())
			}
		}
	} else {
		var kept []string
		for _, s := range out {
			if f, err := strconv.ParseFloat(s, 32); err == nil && (f != 0 || s == "0" || s == "-0") {
				kept = append(kept, s)
			}
		}
		for e := 18; e < 70; e++ {
			for _, d := range []float64{1, 3, 5, 7, 11} {
				kept = append(kept, strconv.FormatFloat(math.Ldexp(d, e), 'g', -1, 32), strconv.FormatFloat(math.Ldexp(d, e)+2, 'f', -1, 32))
			}
		}
		return kept
	}
	return out
}

const encoderTypes = `
CREATE EXTENSION citext; CREATE EXTENSION ltree; CREATE EXTENSION hstore;
CREATE TYPE mood AS ENUM ('sad', 'very "happy"');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN short AS varchar(5) CHECK (value <> 'zzz');
`

// TestEncoders holds every type's JSON against the database's own to_json, at
// the top level and inside of records.
func TestEncoders(t *testing.T) {
	url := newDatabase(t, encoderTypes)
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(t.Context()) }()
	for i, e := range encoderCases {
		if _, err := c.Exec(t.Context(), fmt.Sprintf("CREATE TABLE v%d (n serial PRIMARY KEY, v %s)", i, e.name)); err != nil {
			t.Fatal(err)
		}
		for _, v := range e.values {
			if _, err := c.Exec(t.Context(), fmt.Sprintf("INSERT INTO v%d (v) VALUES (%s)", i, literalOf(v, e.name))); err != nil {
				t.Fatalf("%s %q: %v", e.name, v, err)
			}
		}
		if e.random != nil {
			var all []string
			for n := range 400 {
				all = append(all, "("+literalOf(e.random.Example(n), e.name)+")")
			}
			if _, err := c.Exec(t.Context(), fmt.Sprintf("INSERT INTO v%d (v) VALUES %s", i, strings.Join(all, ","))); err != nil {
				t.Fatalf("%s: %v", e.name, err)
			}
		}
	}
	for _, zone := range []string{"UTC", "Europe/Berlin"} {
		t.Run(zone, func(t *testing.T) {
			s := open(t, Config{URL: withParameter(url, "timezone="+zone)})
			d, err := s.Introspect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Exec(t.Context(), "SET timezone = '"+zone+"'"); err != nil {
				t.Fatal(err)
			}
			for i, e := range encoderCases {
				name := fmt.Sprintf("v%d", i)
				base := plan.Rows{From: table(d, name), PermitLimit: -1, OrderBy: []plan.Order{{By: &plan.OrderColumn{Column: column(d, name, "n")}}}}
				flat := &plan.Selection{Rows: base, Card: plan.Many, Fields: columns(d, name, "v")}
				nested := *flat
				one := &plan.Fragment{Query: &plan.Aggregation{Rows: base, Fields: []plan.AggregateField{&plan.AggregateNodes{Key: "n", Fields: nested.Fields}}}}
				var want string
				query := fmt.Sprintf(`SELECT coalesce('[' || string_agg('{"v":' || coalesce(to_json(v)::text, 'null') || '}', ',' ORDER BY n) || ']', '[]') FROM %s`, name)
				if err := c.QueryRow(t.Context(), query).Scan(&want); err != nil {
					t.Fatal(err)
				}
				got := run(t, s, &plan.Fragment{Query: flat})[0]
				compareJSON(t, e.name, got, want)
				compareJSON(t, e.name+" in records", run(t, s, one)[0], `{"n":`+want+`}`)
			}
		})
	}
}

func compareJSON(t *testing.T, what, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	a, b := strings.Split(got, "},{"), strings.Split(want, "},{")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			t.Errorf("%s: got %.200s, the database writes %.200s", what, a[i], b[i])
			return
		}
	}
	t.Errorf("%s: got %d values, the database writes %d", what, len(a), len(b))
}

// literalOf is a value as SQL; days and microseconds are counted from 2000.
func literalOf(v, typeName string) string {
	if n, ok := strings.CutPrefix(v, "epoch "); ok {
		return "date '2000-01-01' + (" + n + ")"
	}
	if n, ok := strings.CutPrefix(v, "micros "); ok {
		return "timestamp '2000-01-01' + (" + n + ") / 86400000000 * interval '1 day' + (" + n + ") % 86400000000 * interval '1 microsecond'"
	}
	return "'" + strings.ReplaceAll(v, "'", "''") + "'::" + typeName
}

// withParameter adds a parameter to a connection URL that may have some already.
func withParameter(url, parameter string) string {
	if parameter == "" {
		return url
	}
	if strings.Contains(url, "?") {
		return url + "&" + parameter
	}
	return url + "?" + parameter
}
