package remoteschema

import (
	"slices"
	"strconv"

	"dovetail/internal/orderedjson"
	"dovetail/sources"
)

// errors reads the service's own errors and tells whose they are.
func (a *answer) errors() ([]sources.UpstreamError, error) {
	if a.errs.End == 0 || a.errorsKind == orderedjson.Null {
		return nil, nil
	}
	if a.errorsKind != orderedjson.Array {
		return nil, fail("Invalid \"errors\" field in response from remote")
	}
	var out []sources.UpstreamError
	err := a.scanner.At(a.errs, func() error {
		return a.scanner.Array(func(int) error {
			e, err := a.upstreamError()
			out = append(out, e)
			return err
		})
	})
	return out, err
}

// upstreamError reads one entry.
func (a *answer) upstreamError() (sources.UpstreamError, error) {
	e := sources.UpstreamError{Ordinal: -1}
	kind, err := a.scanner.Kind()
	if err != nil {
		return e, err
	}
	var path []string
	at, err := a.scanner.Span(func() error {
		if kind != orderedjson.Object {
			_, err := a.scanner.Skip()
			return err
		}
		return a.scanner.Object(func(key []byte) error {
			if kind, err := a.scanner.Kind(); err != nil || string(key) != "path" || kind != orderedjson.Array {
				return err
			}
			return a.scanner.Array(func(int) error {
				at, err := a.scanner.Skip()
				path = append(path, string(a.scanner.Bytes(at)))
				return err
			})
		})
	})
	if err != nil {
		return e, err
	}
	e.JSON = slices.Clone(a.scanner.Bytes(at))
	if kind != orderedjson.Object {
		e.JSON = append(orderedjson.AppendString([]byte(`{"message":`), e.JSON), '}')
	}
	e.Ordinal, e.Path = a.place(path)
	return e, nil
}

// place tells which value the path of an error leads into, and the path below
// it in our names.
func (a *answer) place(path []string) (int, []string) {
	if len(path) == 0 {
		return -1, nil
	}
	root, rest := name(path[0]), path[1:]
	ordinal := -1
	if a.batch == nil {
		if ordinal = a.ordinal(root); ordinal < 0 {
			return -1, nil
		}
	} else if root != a.document.prefix+"0" {
		return -1, nil
	}
	for _, key := range a.extract {
		if len(rest) == 0 || name(rest[0]) != key {
			break
		}
		rest = rest[1:]
	}
	if a.batch != nil {
		var known bool
		if ordinal, rest, known = a.placeRow(rest); !known {
			return -1, nil
		}
	}
	out := make([]string, 0, len(rest))
	for _, p := range rest {
		if stands, ok := a.hidden[name(p)]; ok {
			p = string(orderedjson.AppendString(nil, stands))
		}
		out = append(out, p)
	}
	return ordinal, out
}

// placeRow tells whose row of a list lookup a path leads into.
func (a *answer) placeRow(path []string) (int, []string, bool) {
	if len(path) == 0 {
		return -1, nil, false
	}
	i, err := strconv.Atoi(path[0])
	if err != nil || i < 0 || i >= len(a.rows) || len(a.rows[i].ordinals) != 1 {
		return -1, nil, false
	}
	row := a.rows[i]
	rest := path[1:]
	if a.batch.many {
		rest = append([]string{strconv.Itoa(row.position)}, rest...)
	} else if row.position > 0 {
		return -1, nil, false
	}
	return row.ordinals[0], rest, true
}

// name is the text of a path's element if it is a name, else nothing.
func name(element string) string {
	j, err := orderedjson.Parse([]byte(element))
	if err != nil || j.Kind != orderedjson.String {
		return ""
	}
	return j.Text
}
