package mssql

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// readRows reads JSON rows and shows their cells.
func readRows(data string, kinds ...kind) ([][]string, error) {
	var out [][]string
	err := jsonRows(&layout{kinds: kinds})([]byte(data), func(cells [][]byte) error {
		row := make([]string, len(cells))
		for i, c := range cells {
			row[i] = "<null>"
			if c != nil {
				row[i] = string(c)
			}
		}
		out = append(out, row)
		return nil
	})
	return out, err
}

func TestJSONRows(t *testing.T) {
	t.Parallel()
	got, err := readRows(` [ {"c0":1,"c1":"a\/b\u0007\ud83d\udc0e\ud800","c2":null} , {"c0":-2.50,"c1":"","c2":[{"c0":"]\""}]} ] `, kindInteger, kindText, kindRows)
	want := `[[1 a/b` + "\a🐎\uFFFD" + ` <null>] [-2.50  [{"c0":"]\""}]]]`
	if err != nil || fmt.Sprint(got) != want {
		t.Errorf("got %v %v, want %s", got, err, want)
	}
	if got, err := readRows(`[{"c0":""}]`, kindText); err != nil || len(got) != 1 || got[0][0] != "" {
		t.Errorf("an empty text alone: got %q %v", got, err)
	}
	if got, err := readRows(`[]`, kindText); err != nil || len(got) != 0 {
		t.Errorf("got %v %v", got, err)
	}
	// Values that the statement converts to text.
	got, err = readRows(`[{"a":"1.0000000000000001e-001","b":"3.4000000e+038","c":"2020-01-02 03:04:05.1230000 +02:00","d":".50","e":"0a1B","f":true,"g":"[{\"c0\":1}]","h":"03:04:05.0000000","i":"2020-01-02"}]`,
		kindFloat, kindReal, kindMoment, kindDecimal, kindUUID, kindBoolean, kindRows, kindMoment, kindMoment)
	want = `[[0.1 3.4e+38 2020-01-02T03:04:05.123+02:00 0.50 0A1B true [{"c0":1}] 03:04:05 2020-01-02]]`
	if err != nil || fmt.Sprint(got) != want {
		t.Errorf("got %v %v, want %s", got, err, want)
	}
	for _, bad := range []string{
		``, `{`, `[`, `[{`, `[{"a"`, `[{"a":`, `[{"a":1`, `[{"a":1}`, `[{"a":1},`, `[{"a":1}]x`, `[{"a":1,}]`, `[{"a":tru}]`, `[{"a":"\x"}]`, `[{"a":"\u12"}]`,
		`[{}]`, `[{"a":1,"b":2}]`, `[{"a":[}]`, `[{"a":["}]`, `[1]`, `[{1:1}]`, `[{"a":-}]`, `[{"a":01}]`,
	} {
		if got, err := readRows(bad, kindText); !errors.Is(err, errRows) {
			t.Errorf("%s: got %v %v", bad, got, err)
		}
	}
}

func TestJSONRowsHoldAnyText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOf(rapid.SliceOfN(rapid.String(), 3, 3)).Draw(t, "rows")
		var data []byte
		data = append(data, '[')
		for i, row := range rows {
			if i > 0 {
				data = append(data, ',')
			}
			object, err := json.Marshal(struct{ C0, C1, C2 string }{row[0], row[1], row[2]})
			if err != nil {
				t.Fatal(err)
			}
			data = append(data, object...)
		}
		got, err := readRows(string(append(data, ']')), kindText, kindText, kindText)
		if err != nil || len(got) != len(rows) {
			t.Fatalf("got %v %v", got, err)
		}
		for i := range rows {
			for j, want := range rows[i] {
				if want = strings.ToValidUTF8(want, "\uFFFD"); got[i][j] != want {
					t.Fatalf("row %d: got %q, want %q", i, got[i][j], want)
				}
			}
		}
	})
}

func FuzzJSONRows(f *testing.F) {
	for _, seed := range []string{`[{"c0":1,"c1":"a\u0041"}]`, `[]`, `[{"c0":[{"c0":"x"}],"c1":null}]`, `[{"c0":"\ud83d\udc0e","c1":true}]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data string) {
		got, err := readRows(data, kindText, kindRows)
		if err == nil && !json.Valid([]byte(data)) && len(got) > 0 && !strings.ContainsAny(data, "[{") {
			t.Errorf("%q gave %v", data, got)
		}
	})
}
