package mssql

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestDigitsOfAggregates holds averages and deviations against those of
// Postgres.
func TestDigitsOfAggregates(t *testing.T) {
	t.Parallel()
	functions := []string{functionAvg, functionVariance, functionStddev, functionVarPop, functionStddevPop}
	for _, line := range []string{
		"6|21|91 3.5000000000000000 3.5000000000000000 1.8708286933869707 2.9166666666666667 1.7078251276599331",
		"5|18|76 3.6000000000000000 2.8000000000000000 1.6733200530681511 2.2400000000000000 1.4966629547095766",
		"2|0|0 0.00000000000000000000 0 0 0 0",
		"1|7|49 7.0000000000000000 null null 0 0",
		"0|| null null null null null",
		"3|1111111115|990702636540161587 370370371.66666667 289589999957323589 538135671 193059999971549060 439385935",
		"2|0|2 0.00000000000000000000 2.0000000000000000 1.4142135623730950 1.00000000000000000000 1.00000000000000000000",
		"3|-3|57 -1.00000000000000000000 27.0000000000000000 5.1961524227066319 18.0000000000000000 4.2426406871192851",
		"2|30000|500000000 15000.000000000000 50000000.000000000000 7071.067811865475 25000000.000000000000 5000.000000000000",
		"3|3|3 1.00000000000000000000 0 0 0 0",
		"5|14.05|107.3625 2.8100000000000000 16.9705000000000000 4.1195266718398608 13.5764000000000000 3.6846166693429589",
		"2|0.01|0.0001 0.00500000000000000000 0.000050000000000000000000 0.007071067811865475244008 0.000025000000000000000000 0.005000000000000000000000",
		"3|0.01|19999999996000000.0003 0.00333333333333333333 9999999998000000.0001 99999999.9900 6666666665333333.3334 81649658.0846",
		"2|0.03|0.0005 0.01500000000000000000 0.000050000000000000000000 0.007071067811865475244008 0.000025000000000000000000 0.005000000000000000000000",
	} {
		words := strings.Fields(line)
		for i, function := range functions {
			got, err := finishers[function].encoder()(nil, []byte(words[0]))
			if err != nil || string(got) != words[i+1] {
				t.Errorf("%s of %s: got %s %v, want %s", function, words[0], got, err, words[i+1])
			}
		}
	}
	got, err := finishers[functionAvg].encoder()([]byte("x"), []byte("2|3"))
	if err != nil || string(got) != "x1.5000000000000000" {
		t.Errorf("got %s %v", got, err)
	}
}

func TestParseDecimal(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"0": "0", "-0": "0", "007": "7", "1.50": "1.50", ".5": "0.5", "5.": "5", "-1e3": "-1000", "1.25e-3": "0.00125", "+1E2": "100", " 2 ": "2",
		"": "", ".": "", "-": "", "1e": "", "1e999": "", "--1": "", "1,5": "", "0x1": "", "1_0": "", "NaN": "", "1e+-2": "",
	} {
		d, ok := parseDecimal(text)
		switch {
		case ok != (want != ""):
			t.Errorf("%q: ok is %t", text, ok)
		case ok && d.String() != want:
			t.Errorf("%q: got %s, want %s", text, d, want)
		}
	}
}

func TestDecimalsKeepTheirValue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?[0-9]{1,30}(\.[0-9]{1,15})?(e-?[0-9]{1,2})?`).Draw(t, "text")
		d, ok := parseDecimal(text)
		if !ok {
			t.Fatalf("%q is refused", text)
		}
		want, _ := new(big.Rat).SetString(text)
		for _, back := range []string{d.String(), d.trimmed().String()} {
			got, ok := new(big.Rat).SetString(back)
			if !ok || got.Cmp(want) != 0 {
				t.Fatalf("%q became %q", text, back)
			}
		}
		if d.fits(sqlType{base: typeDecimal, precision: 38, scale: 10}) {
			scale := 0
			if _, fraction, ok := strings.Cut(d.trimmed().String(), "."); ok {
				scale = len(fraction)
			}
			if scale > 10 || want.Cmp(new(big.Rat).SetInt(powerOfTen(28))) >= 0 {
				t.Fatalf("%q is said to fit", text)
			}
		}
	})
}
