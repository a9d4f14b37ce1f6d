package orderedjson_test

import (
	"fmt"
	"strings"
	"testing"

	"dovetail/internal/orderedjson"
)

// TestWithoutRepeats: the last of equal keys counts, at any depth and number.
func TestWithoutRepeats(t *testing.T) {
	t.Parallel()
	var many, want strings.Builder
	for i := range 40 {
		fmt.Fprintf(&many, `"k%d":%d,`, i, i)
		if i > 0 {
			fmt.Fprintf(&want, `"k%d":%d,`, i, i)
		}
	}
	for in, want := range map[string]string{
		`{"a":1,"b":2,"a":3}`:                    `{"b":2,"a":3}`,
		`[{"x":{"a":1,"a":2}},[{"b":1,"b":2}]]`:  `[{"x":{"a":2}},[{"b":2}]]`,
		`{"a":{"b":[1,{"c":1}]},"d":null}`:       `{"a":{"b":[1,{"c":1}]},"d":null}`,
		`{"a":{"x":1,"x":2},"a":{"y":1,"y":[]}}`: `{"a":{"y":[]}}`,
		`{` + many.String() + `"k0":"last"}`:     `{` + want.String() + `"k0":"last"}`,
		`7`:                                      `7`,
	} {
		v, err := orderedjson.Parse([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		if got := v.WithoutRepeats().String(); got != want {
			t.Errorf("%s: %s", in, got)
		}
		if v.String() != in {
			t.Errorf("%s was changed: %s", in, v)
		}
	}
}

// TestElements counts elements of the first level alone.
func TestElements(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]int{
		``: 0, `{"a":[1,2]}`: 0, ` [ ] `: 0, `[1]`: 1, `[[1,2],{"a":1,"b":2},"],\\\",",null]`: 4, ` [1,2,3,4,5,6,7,8]`: 6, `[1,`: 2, `["\\`: 1, `[`: 1,
	} {
		if got := orderedjson.Elements([]byte(in), 5); got != want {
			t.Errorf("%s: %d", in, got)
		}
	}
}
