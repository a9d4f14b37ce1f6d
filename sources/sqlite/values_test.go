package sqlite

import (
	"bytes"
	"errors"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
	zombiezen "zombiezen.com/go/sqlite"

	"dovetail/internal/jsonshape"
	"dovetail/internal/orderedjson"
)

// FuzzUnpackRows feeds damaged packed rows to the reader: it may refuse them
// but must neither panic nor read beyond them.
func FuzzUnpackRows(f *testing.F) {
	f.Add([]byte{})
	f.Add(appendPackedRow([]byte{tagBlob}, []zombiezen.Value{zombiezen.IntegerValue(-5), zombiezen.TextValue("a\x00b"), {}, zombiezen.FloatValue(0.1)}))
	f.Add([]byte{tagBlob, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Add([]byte{tagBlob, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, packed []byte) {
		total := 0
		err := unpackRows(packed, func(cells [][]byte) error {
			for _, c := range cells {
				total += len(c)
				if c != nil && len(c) == 0 {
					t.Error("a cell has no tag")
				}
			}
			return nil
		})
		if total > len(packed) {
			t.Errorf("%d bytes out of %d", total, len(packed))
		}
		if err != nil && !errors.Is(err, errPacked) {
			t.Error(err)
		}
	})
}

func TestPackedRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want [][][]byte
		packed := []byte{tagBlob}
		for range rapid.IntRange(0, 5).Draw(t, "rows") {
			values := make([]zombiezen.Value, rapid.IntRange(0, 4).Draw(t, "cells"))
			cells := make([][]byte, len(values))
			for i := range values {
				switch rapid.IntRange(0, 4).Draw(t, "class") {
				case 0:
					n := rapid.Int64().Draw(t, "integer")
					values[i], cells[i] = zombiezen.IntegerValue(n), strconv.AppendInt([]byte{tagInteger}, n, 10)
				case 1:
					x := rapid.Float64().Draw(t, "real")
					values[i], cells[i] = zombiezen.FloatValue(x), jsonshape.AppendFloat([]byte{tagReal}, x, 64)
				case 2:
					s := rapid.String().Draw(t, "text")
					values[i], cells[i] = zombiezen.TextValue(s), append([]byte{tagText}, s...)
				case 3:
					b := rapid.SliceOf(rapid.Byte()).Draw(t, "blob")
					values[i], cells[i] = zombiezen.BlobValue(b), append([]byte{tagBlob}, b...)
				}
			}
			packed = appendPackedRow(packed, values)
			want = append(want, cells)
		}
		var got [][][]byte
		err := unpackRows(packed, func(cells [][]byte) error {
			row := make([][]byte, len(cells))
			for i, c := range cells {
				row[i] = bytes.Clone(c)
			}
			got = append(got, row)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		same := slices.EqualFunc(got, want, func(a, b [][]byte) bool { return slices.EqualFunc(a, b, bytes.Equal) })
		if !same {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}

func TestGlob(t *testing.T) {
	for like, want := range map[string]string{
		"": "", "a%b_c": "a*b?c", `100\%\_\\`: `100%_\`, "*?[]": "[*][?][[]]", "ž%": "ž*", `\*`: "[*]",
	} {
		if got, err := globOf(like); err != nil || got != want {
			t.Errorf("%q is %q %v, want %q", like, got, err, want)
		}
	}
	if _, err := globOf(`x\`); err == nil {
		t.Error("a pattern that ends in its escape was accepted")
	}
}

// FuzzValues reads any text as every type: as a parameter, as a key, and as
// what is stored.
func FuzzValues(f *testing.F) {
	for _, seed := range []string{"", "1", "-0.5e3", "2020-01-02T03:04:05.6+07:30", "03:04", "0a1b2c3d-0000-4000-8000-00000000000f", `\xff`, `{"a":[1,{}]}`, "{0}", "true", "1e999999999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, declared := range []string{"INTEGER", "NUMERIC", "NUMERIC(10,2)", "DOUBLE", "TEXT", "BOOLEAN", "TIMESTAMP", "TIMESTAMPTZ", "DATE", "TIME", "UUID", "JSON", "JSONB", "BLOB"} {
			typ := typeOf(declared)
			if b, err := scalarValue(text, typ); err == nil {
				checkJSON(t, appendBoundJSON(nil, b))
			}
			checkJSON(t, appendKey(nil, text, typ))
			for _, tag := range []byte{tagText, tagBlob} {
				cell := append([]byte{tag}, text...)
				out, err := encoderOf(typ, nil, false)(nil, cell)
				if err != nil {
					t.Fatal(err)
				}
				checkJSON(t, out)
				if out, err = encoderOf(typ, []string{"a", "0"}, true)(nil, cell); err != nil {
					t.Fatal(err)
				}
				checkJSON(t, out)
			}
		}
	})
}

func checkJSON(t *testing.T, text []byte) {
	t.Helper()
	if string(text) == "9e999" || string(text) == "-9e999" {
		return
	}
	if _, err := orderedjson.Parse(text); err != nil && !strings.Contains(err.Error(), "deeper") {
		t.Errorf("%s: %v", text, err)
	}
}

func TestDecimals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := decimal{big.NewInt(rapid.Int64().Draw(t, "a")), rapid.IntRange(0, 20).Draw(t, "scale of a")}
		b := decimal{big.NewInt(rapid.Int64().Filter(func(n int64) bool { return n != 0 }).Draw(t, "b")), rapid.IntRange(0, 20).Draw(t, "scale of b")}
		if back, ok := parseDecimal(a.String()); !ok || back.unscaled.Cmp(a.unscaled) != 0 || back.scale != a.scale {
			t.Fatalf("%s came back as %s", a, back)
		}
		scale := divisionScale(a, b)
		quotient := a.divide(b, scale)
		// |a - quotient × b| ≤ |b| / 2 / 10^scale
		rest := a.subtract(quotient.multiply(b))
		bound := decimal{new(big.Int).Abs(b.unscaled), b.scale + scale}
		twice := decimal{new(big.Int).Abs(new(big.Int).Lsh(rest.unscaled, 1)), rest.scale}
		if difference := bound.subtract(twice); difference.unscaled.Sign() < 0 {
			t.Fatalf("%s / %s is not %s", a, b, quotient)
		}
	})
}

// TestPlainTimestamps checks that the short way and the long way agree.
func TestPlainTimestamps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`(0000|[0-9]{4})-[0-3][0-9]-[0-3][0-9][ T][0-2][0-9]:[0-6][0-9]:[0-6][0-9]`).Draw(t, "text")
		if !plainTimestamp([]byte(text)) {
			return
		}
		m, ok := parseMoment(text)
		if long := string(appendMoment(nil, m, scalarTimestamp)); !ok || long != text[:10]+"T"+text[11:] {
			t.Fatalf("%s is %s %t", text, long, ok)
		}
	})
}
