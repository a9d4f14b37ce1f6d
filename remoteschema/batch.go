package remoteschema

import (
	"strconv"
	"strings"

	"dovetail/internal/jsonshape"
	"dovetail/internal/orderedjson"
)

// batchRow is one row of a list lookup's answer.
type batchRow struct {
	at jsonshape.Span
	// ordinals of the keys that the row goes to.
	ordinals []int
	// position of the row in its keys' lists.
	position int
}

// batchValue reads the list under the only root field and hands its rows to the
// keys that they name.
func (a *answer) batchValue() error {
	if a.rows != nil {
		return fail("second field %q in response from remote", a.document.prefix+"0")
	}
	a.rows = []batchRow{}
	return a.at(a.extract, a.batchList)
}

func (a *answer) batchList() error {
	kind, err := a.scanner.Kind()
	if err != nil || kind == orderedjson.Null {
		return err
	}
	if kind != orderedjson.Array {
		return fail("the remote schema answered a list lookup with something else than a list")
	}
	a.listed = true
	if a.batch.entities {
		return a.entities()
	}
	keys := a.keys()
	byOrdinal := make(map[int][]int, len(a.asked))
	err = a.scanner.Array(func(int) error {
		row, err := a.batchRow(keys)
		for _, ordinal := range row.ordinals {
			row.position = len(byOrdinal[ordinal])
			byOrdinal[ordinal] = append(byOrdinal[ordinal], len(a.rows))
		}
		a.rows = append(a.rows, row)
		return err
	})
	if err != nil {
		return err
	}
	for _, ordinal := range a.asked {
		if rows := byOrdinal[ordinal]; len(rows) > 0 {
			if err := a.writeRows(ordinal, rows); err != nil {
				return err
			}
		}
	}
	return nil
}

// entities reads one entity for each key that was asked for, in their order.
func (a *answer) entities() error {
	err := a.scanner.Array(func(i int) error {
		row := batchRow{}
		if i < len(a.asked) {
			row.ordinals = a.asked[i : i+1]
		}
		start := len(a.out.Bytes)
		at, err := a.scanner.Span(func() error {
			kind, err := a.scanner.Kind()
			if err != nil || kind == orderedjson.Object && i < len(a.asked) {
				if err == nil {
					err = a.scanner.Write(a.shapes[0], a.out)
				}
				return err
			}
			if kind != orderedjson.Null {
				return fail("the remote schema answered a lookup of entities with rows that are no objects, or too many")
			}
			_, err = a.scanner.Skip()
			return err
		})
		if err != nil {
			return err
		}
		row.at = at
		a.rows = append(a.rows, row)
		if end := len(a.out.Bytes); end > start {
			a.out.Values[a.asked[i]] = jsonshape.Span{Start: start, End: end}
		}
		return nil
	})
	if err == nil && len(a.rows) != len(a.asked) {
		err = fail("the remote schema answered %d entities to %d keys", len(a.rows), len(a.asked))
	}
	return err
}

func (a *answer) writeRows(ordinal int, rows []int) error {
	out := a.out
	start := len(out.Bytes)
	if a.batch.many {
		out.Bytes = append(out.Bytes, '[')
	} else {
		rows = rows[:1]
	}
	for i, row := range rows {
		if i > 0 {
			out.Bytes = append(out.Bytes, ',')
		}
		err := a.scanner.At(a.rows[row].at, func() error { return a.scanner.Write(a.shapes[0], out) })
		if err != nil {
			return err
		}
	}
	if a.batch.many {
		out.Bytes = append(out.Bytes, ']')
	}
	out.Values[ordinal] = jsonshape.Span{Start: start, End: len(out.Bytes)}
	return nil
}

// keys maps the tuples that were asked for to their ordinals. Several texts may
// be the same value (1 and 1.0).
func (a *answer) keys() map[string][]int {
	keys := make(map[string][]int, len(a.asked))
	for _, ordinal := range a.asked {
		var tuple []byte
		for _, m := range a.batch.matches {
			tuple = appendKeyPart(tuple, a.bindings.Row(ordinal)[m.binding])
		}
		keys[string(tuple)] = append(keys[string(tuple)], ordinal)
	}
	return keys
}

// batchRow reads which key an element of the list belongs to.
func (a *answer) batchRow(keys map[string][]int) (batchRow, error) {
	var row batchRow
	kind, err := a.scanner.Kind()
	if err != nil || kind == orderedjson.Null {
		return row, err
	}
	if kind != orderedjson.Object {
		return row, fail("the remote schema answered a list lookup with rows that are no objects")
	}
	parts := make([]string, len(a.batch.matches))
	found := make([]bool, len(parts))
	row.at, err = a.scanner.Span(func() error {
		return a.scanner.Object(func(key []byte) error {
			for i, m := range a.batch.matches {
				if m.alias != string(key) {
					continue
				}
				text, kind, err := a.scanner.Scalar()
				if err != nil {
					return err
				}
				parts[i], found[i] = string(text), kind != orderedjson.Null
			}
			return nil
		})
	})
	if err != nil {
		return row, err
	}
	var tuple []byte
	for i, part := range parts {
		if !found[i] {
			return row, nil
		}
		tuple = appendKeyPart(tuple, part)
	}
	row.ordinals = keys[string(tuple)]
	return row, nil
}

// appendKeyPart appends a part of a tuple, so that no two tuples look alike. A
// number's zeros after the point don't count.
func appendKeyPart(dst []byte, text string) []byte {
	if strings.Contains(text, ".") && jsonshape.IsNumber(text) && !strings.ContainsAny(text, "eE") {
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	dst = strconv.AppendInt(dst, int64(len(text)), 10)
	dst = append(dst, ':')
	return append(dst, text...)
}
