package jsonshape_test

import (
	"encoding/base64"
	"strconv"
	"strings"
	"testing"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
)

// lines reads a cell whose rows are lines and whose cells are words; "-" is null.
func lines(cell []byte, yield func([][]byte) error) error {
	if len(cell) == 0 {
		return nil
	}
	// The slice is used again, as sources do.
	cells := make([][]byte, 0, 4)
	for line := range strings.SplitSeq(string(cell), "\n") {
		cells = cells[:0]
		for word := range strings.SplitSeq(line, " ") {
			if word == "-" {
				cells = append(cells, nil)
			} else {
				cells = append(cells, []byte(word))
			}
		}
		if err := yield(cells); err != nil {
			return err
		}
	}
	return nil
}

func copied(dst, cell []byte) ([]byte, error) { return append(dst, cell...), nil }

// write writes one row of a page, its size and whether there are rows behind it.
func write(t *testing.T, backward bool, fields func(*jsonshape.Page, *jsonshape.Token) []jsonshape.Node, row ...[]byte) (string, *jsonshape.Answer) {
	t.Helper()
	page := &jsonshape.Page{Cell: 0, Rows: lines, Backward: backward, Size: &jsonshape.PageSize{Cell: 1, Read: func(cell []byte) (int, error) {
		return strconv.Atoi(string(cell))
	}}}
	token := jsonshape.CursorToken([]plan.CursorPath{{"a", "x"}, {"id"}, {"a", "y"}}, func(i int) (int, jsonshape.Encoder) { return i % 2, copied })
	object := &jsonshape.Object{}
	for i, node := range fields(page, token) {
		object.Fields = append(object.Fields, jsonshape.Field{Prefix: jsonshape.Prefix(i == 0, "f"+strconv.Itoa(i)), Node: node})
	}
	answer := jsonshape.NewAnswer(1)
	w := jsonshape.NewWriter(&jsonshape.Shape{Object: object, Absent: []byte("null")}, answer)
	if err := w.Row(0, row); err != nil {
		t.Fatal(err)
	}
	w.Close()
	return string(answer.Bytes), answer
}

func base64Of(text string) string { return `"` + base64.StdEncoding.EncodeToString([]byte(text)) + `"` }

func everything(page *jsonshape.Page, token *jsonshape.Token) []jsonshape.Node {
	isTrue := func(cell []byte) bool { return string(cell) == "t" }
	return []jsonshape.Node{
		&jsonshape.PageMore{Page: page, Behind: -1, True: isTrue},
		&jsonshape.PageMore{Behind: 2, True: isTrue},
		&jsonshape.PageCursor{Page: page, Cursor: token},
		&jsonshape.PageCursor{Page: page, Last: true, Cursor: token},
		&jsonshape.Edges{Page: page, Object: &jsonshape.Object{Fields: []jsonshape.Field{
			{Prefix: jsonshape.Prefix(true, "v"), Node: &jsonshape.Scalar{Cell: 0, Encode: copied}},
			{Prefix: jsonshape.Prefix(false, "h"), Node: &jsonshape.HoleNode{Join: 3, Keys: []jsonshape.KeyCell{{Cell: 1, Text: copied}}, OnNull: []byte("[]")}},
		}}},
	}
}

// TestConnection writes pages in both directions, cut to their size, with their
// cursors and holes in the order of what is written.
func TestConnection(t *testing.T) {
	first, second := base64Of(`{"a" : {"x" : 1, "y" : 1}, "id" : 10}`), base64Of(`{"a" : {"x" : 2, "y" : 2}, "id" : null}`)
	for _, test := range []struct {
		name, rows, size, behind string
		backward                 bool
		want                     string
	}{
		{"forward", "1 10\n2 -\n3 30", "2", "t", false, `{"f0":true,"f1":true,"f2":` + first + `,"f3":` + second + `,"f4":[{"v":1,"h":},{"v":2,"h":[]}]}`},
		{"backward", "1 10\n2 -\n3 30", "2", "f", true, `{"f0":true,"f1":false,"f2":` + second + `,"f3":` + first + `,"f4":[{"v":2,"h":[]},{"v":1,"h":}]}`},
		{"full", "1 10\n2 -", "2", "f", false, `{"f0":false,"f1":false,"f2":` + first + `,"f3":` + second + `,"f4":[{"v":1,"h":},{"v":2,"h":[]}]}`},
		{"unlimited", "1 10\n2 -", "", "", false, `{"f0":false,"f1":false,"f2":` + first + `,"f3":` + second + `,"f4":[{"v":1,"h":},{"v":2,"h":[]}]}`},
		{"no size", "1 10", "0", "f", true, `{"f0":true,"f1":false,"f2":"","f3":"","f4":[]}`},
		{"empty", "", "5", "t", false, `{"f0":false,"f1":true,"f2":"","f3":"","f4":[]}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			row := [][]byte{[]byte(test.rows), []byte(test.size), []byte(test.behind)}
			if test.size == "" {
				row[1], row[2] = nil, nil
			}
			got, answer := write(t, test.backward, everything, row...)
			if got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
			for _, h := range answer.Holes {
				if h.Join != 3 || string(answer.KeyPartText(h, 0)) != "10" || !strings.HasPrefix(got[h.Offset:], "}") {
					t.Errorf("a hole of join %d with key %q before %q", h.Join, answer.KeyPartText(h, 0), got[h.Offset:])
				}
			}
		})
	}
}

// TestShortPages must not read beyond the row.
func TestShortPages(t *testing.T) {
	page := &jsonshape.Page{Cell: 1, Rows: lines}
	token := &jsonshape.Token{Parts: []jsonshape.TokenPart{{Cell: 7, Encode: copied}}}
	for _, node := range []jsonshape.Node{
		&jsonshape.Edges{Page: page, Object: &jsonshape.Object{}},
		&jsonshape.PageCursor{Page: page, Cursor: token},
		&jsonshape.PageMore{Page: page, Behind: -1},
		&jsonshape.PageMore{Behind: 4},
		token,
	} {
		answer := jsonshape.NewAnswer(1)
		shape := &jsonshape.Shape{Object: &jsonshape.Object{Fields: []jsonshape.Field{{Prefix: jsonshape.Prefix(true, "x"), Node: node}}}}
		if err := jsonshape.NewWriter(shape, answer).Row(0, [][]byte{nil}); err == nil {
			t.Errorf("%T read a cell that isn't there", node)
		}
	}
}
