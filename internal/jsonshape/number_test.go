package jsonshape_test

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dovetail/internal/jsonshape"
)

func TestIsNumber(t *testing.T) {
	for _, text := range []string{"0", "-0", "12", "-1.5", "1e5", "1E+05", "0.25e-7"} {
		if !jsonshape.IsNumber(text) {
			t.Errorf("%q was refused", text)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?[0-9]{0,3}(\.[0-9]{0,2})?([eE][+-]?[0-9]{0,2})?x?`).Draw(t, "text")
		if got, want := jsonshape.IsNumber([]byte(text)), json.Valid([]byte(text)); got != want {
			t.Fatalf("%q: %v, want %v", text, got, want)
		}
	})
}

func TestAppendFloat(t *testing.T) {
	for x, want := range map[float64]string{
		0: "0", 1: "1", 0.1: "0.1", 1.0 / 3: "0.3333333333333333", 1234567: "1234567", 1e14: "100000000000000", 1e15: "1e+15",
		123456789012345680: "1.2345678901234568e+17", 1e-4: "0.0001", 1e-5: "1e-05", -2.5e-10: "-2.5e-10", math.MaxFloat64: "1.7976931348623157e+308",
		math.Inf(1): "Infinity", math.Inf(-1): "-Infinity",
	} {
		if got := string(jsonshape.AppendFloat(nil, x, 64)); got != want {
			t.Errorf("%g is %s, want %s", x, got, want)
		}
	}
	for x, want := range map[float32]string{0.1: "0.1", 1e-4: "0.0001", 9.5e-5: "9.5e-05", 999999: "999999", 1e6: "1e+06"} {
		if got := string(jsonshape.AppendFloat(nil, float64(x), 32)); got != want {
			t.Errorf("%g is %s, want %s", x, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		bits := rapid.SampledFrom([]int{32, 64}).Draw(t, "bits")
		x := rapid.Float64().Draw(t, "x")
		if bits == 32 {
			x = float64(rapid.Float32().Draw(t, "float"))
		}
		text := string(jsonshape.AppendFloat(nil, x, bits))
		if back, err := strconv.ParseFloat(text, bits); err != nil || back != x {
			t.Fatalf("%g came back as %g (%v)", x, back, err)
		}
		scientific := strconv.FormatFloat(x, 'e', -1, bits)
		exponent, err := strconv.Atoi(scientific[strings.IndexByte(scientific, 'e')+1:])
		most := map[int]int{32: 6, 64: 15}[bits]
		if wants := x != 0 && (exponent < -4 || exponent >= most); err != nil || wants != strings.Contains(text, "e") {
			t.Fatalf("%g is %s", x, text)
		}
	})
}
