package jsonshape_test

import (
	"errors"
	"testing"

	"dovetail/internal/jsonshape"
	"dovetail/internal/orderedjson"
)

func TestInUpperCase(t *testing.T) {
	quote := func(dst, cell []byte) ([]byte, error) { return orderedjson.AppendString(dst, cell), nil }
	for in, want := range map[string]string{
		"Sunday": `"SUNDAY"`, "": `""`, "a\nb\\c\"d": `"A\nB\\C\"D"`, "straße": `"STRAßE"`,
	} {
		got, err := jsonshape.InUpperCase(true, quote)([]byte("{a"), []byte(in))
		if err != nil || string(got) != "{a"+want {
			t.Errorf("%q: got %s, %v; want %s", in, got, err, want)
		}
		if got, _ := jsonshape.InUpperCase(false, quote)(nil, []byte("a")); string(got) != `"a"` {
			t.Errorf("got %s", got)
		}
	}
	failure := errors.New("bad cell")
	failing := func(dst, _ []byte) ([]byte, error) { return dst, failure }
	if _, err := jsonshape.InUpperCase(true, failing)(nil, nil); !errors.Is(err, failure) {
		t.Errorf("got %v", err)
	}
}
