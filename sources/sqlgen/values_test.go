package sqlgen

import (
	"testing"

	"dovetail/internal/orderedjson"
)

func TestArrayLiterals(t *testing.T) {
	for literal, want := range map[string]string{
		"{}": `[]`, " { } ": `[]`, "{1,2}": `["1","2"]`, `{a b , "c,\"d\\" ,NULL,"NULL"}`: `["a b","c,\"d\\",null,"NULL"]`,
		`{""}`: `[""]`, `{a\,b}`: `["a,b"]`, ` [1, "a"]`: `[1,"a"]`,
	} {
		items, err := List(orderedjson.Value{Kind: orderedjson.String, Text: literal}, true)
		if got := (orderedjson.Value{Kind: orderedjson.Array, Items: items}).String(); err != nil || got != want {
			t.Errorf("%s is %s %v, want %s", literal, got, err, want)
		}
	}
	for _, literal := range []string{"", "1", "{1", "1}", "{1,}", "{,1}", `{"a}`, `{"a"b}`, "{{1},{2}}", `{a\}`, "[1", "[1] 2"} {
		if items, err := List(orderedjson.Value{Kind: orderedjson.String, Text: literal}, true); err == nil {
			t.Errorf("%s was read as %v", literal, items)
		}
	}
}

func FuzzArrayLiteral(f *testing.F) {
	f.Add(`{1,"a\"b",NULL, x y }`)
	f.Fuzz(func(t *testing.T, text string) {
		if items, ok := parseArray(text); ok && len(items) > len(text) {
			t.Errorf("%d items of %q", len(items), text)
		}
	})
}
