package planner

import (
	"fmt"
	"testing"
)

func TestParseJSONPath(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"$", `[]`},
		{"", `[]`},
		{"a", `["a"]`},
		{".a.b", `["a" "b"]`},
		{"$.a[0].b", `["a" "0" "b"]`},
		{"arr[0]", `["arr" "0"]`},
		{`$["a b"]['c']`, `["a b" "c"]`},
		{`objs[0].["你好"]`, `["objs" "0" "你好"]`},
		{"$[-1]", `["-1"]`},
		{"a..b", "error"},
		{"a[", "error"},
		{"a[x]", "error"},
		{`a["x`, "error"},
		{"a]", `["a]"]`},
	} {
		steps, err := parseJSONPath(c.text)
		got := fmt.Sprintf("%q", steps)
		if err != nil {
			got = "error"
		}
		if got != c.want {
			t.Errorf("%q is %s, want %s", c.text, got, c.want)
		}
	}
}
