package orderedjson

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// FuzzScanJSON holds the scanner against encoding/json's tokens.
func FuzzScanJSON(f *testing.F) {
	for _, text := range []string{
		`{"query": "query q($id: Int!) {\n  a(id: $id) {b}\n}", "variables": {"id": 1, "ids": [1, 2.50, -0, 1e5, 1E-7], "x": null}}`,
		`[]`, ` [ ] `, `{}`, `{ }`, `[{}, []]`, `"a"`, `"\u00e9\ud83d\ude00\ud800"`, "\"\xff\"", "\"é\"", `"\""`, `"\\"`, `"\x"`, `"`, `"\`,
		`true`, `false`, `null`, `tru`, `nul`, `truex`, `0`, `-`, `-0`, `01`, `1.`, `.5`, `1e`, `1e+`, `-1.5E+10`, `1 2`, `[1,]`, `[,1]`,
		`[1 2]`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{a:1}`, `{"a":1 "b":2}`, `{"a":1,"a":2}`, ``, ` `, "\ufeff1", "\"\t\"", "\"\x00\"", "1\x00",
		"\x00", strings.Repeat("[", 600) + strings.Repeat("]", 600), strings.Repeat("[", 512) + strings.Repeat("]", 512),
		strings.Repeat("[", 513) + strings.Repeat("]", 513), strings.Repeat(`{"a":`, 513) + "1" + strings.Repeat("}", 513), `"\/\b\f\n\r\t"`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		want, err := parseTokens(data)
		s := scanner{data: data}
		got, ok := s.whole()
		if ok != (err == nil) {
			t.Fatalf("%q: scanned %t, but tokens say %v", data, ok, err)
		}
		if ok && !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: scanned %+v, not %+v", data, got, want)
		}
	})
}

// TestManyValuesAreRefused holds memory against texts that are small and hold a lot.
func TestManyValuesAreRefused(t *testing.T) {
	text := []byte("[" + strings.Repeat("1,", MaxValues) + "1]")
	if _, err := Parse(text); !errors.Is(err, ErrTooManyValues) {
		t.Error(err)
	}
	if _, err := Parse(text[:len(text)/8*2+1]); errors.Is(err, ErrTooManyValues) {
		t.Error("a quarter was refused, too") // it is no JSON, but for its length
	}
}

const benchmarkBody = `{"query":"query q($country: String!, $name: String!) {\n  artist(where: {country: {_eq: $country}, name: {_gt: $name}}, limit: 50) {id name}\n}","variables":{"country":"SE","name":"Artist"}}`

func BenchmarkParseJSON(b *testing.B) {
	for name, parse := range map[string]func([]byte) (Value, error){"scan": Parse, "tokens": parseTokens} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := parse([]byte(benchmarkBody)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
