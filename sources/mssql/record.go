package mssql

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"unicode/utf16"
	"unicode/utf8"

	"dovetail/internal/jsonshape"
)

var errRows = errors.New("the database sent malformed JSON rows")

type rowsFunc = func(cell []byte, yield func(cells [][]byte) error) error

// jsonRow is one row while it is read. Cells point into text, which may move
// as it grows, so that they are cut out of it at the end.
type jsonRow struct {
	text  []byte
	ends  []int // end of each cell in text; negative: null
	cells [][]byte
}

// rowPool lends the rows; nested rows are read while the enclosing one is.
var rowPool = sync.Pool{New: func() any { return new(jsonRow) }} //nolint:gochecknoglobals // a pool is shared by its nature

// jsonRows reads a cell that is a JSON array of rows, as FOR JSON writes it: each
// an object whose members are the cells in order.
func jsonRows(layout *layout) rowsFunc {
	return func(cell []byte, yield func(cells [][]byte) error) error {
		row := rowPool.Get().(*jsonRow) //nolint:forcetypeassert // the pool holds nothing else
		defer rowPool.Put(row)
		s := rowScanner{data: cell}
		if !s.take('[') {
			return errRows
		}
		if s.take(']') {
			return s.finish()
		}
		for {
			if err := s.row(row, layout.kinds); err != nil {
				return err
			}
			if err := yield(row.cells); err != nil {
				return err
			}
			if s.take(',') {
				continue
			}
			if s.take(']') {
				return s.finish()
			}
			return errRows
		}
	}
}

// rowScanner reads JSON rows.
type rowScanner struct {
	data []byte
	at   int
}

func (s *rowScanner) space() {
	for s.at < len(s.data) {
		switch s.data[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return
		}
	}
}

// take passes over a character, if it comes next.
func (s *rowScanner) take(c byte) bool {
	s.space()
	if s.at < len(s.data) && s.data[s.at] == c {
		s.at++
		return true
	}
	return false
}

func (s *rowScanner) finish() error {
	s.space()
	if s.at != len(s.data) {
		return errRows
	}
	return nil
}

// row reads one object into cells.
func (s *rowScanner) row(row *jsonRow, kinds []kind) error {
	if row.text == nil {
		// A cut of nothing would be nil, which is null.
		row.text = make([]byte, 0, 64)
	}
	row.text, row.ends = row.text[:0], row.ends[:0]
	if !s.take('{') {
		return errRows
	}
	for i := 0; !s.take('}'); i++ {
		if i > 0 && !s.take(',') {
			return errRows
		}
		if i == len(kinds) {
			return fmt.Errorf("%w: a row has more than %d values", errRows, len(kinds))
		}
		if _, err := s.text(nil); err != nil || !s.take(':') {
			return errRows
		}
		if err := s.value(row, kinds[i]); err != nil {
			return err
		}
	}
	if len(row.ends) != len(kinds) {
		return fmt.Errorf("%w: a row has %d values instead of %d", errRows, len(row.ends), len(kinds))
	}
	row.cut()
	return nil
}

// cut cuts the cells out of the text.
func (r *jsonRow) cut() {
	r.cells = r.cells[:0]
	start := 0
	for _, end := range r.ends {
		if end < 0 {
			r.cells = append(r.cells, nil)
			continue
		}
		r.cells = append(r.cells, r.text[start:end:end])
		start = end
	}
}

// value reads one value into the row.
func (s *rowScanner) value(row *jsonRow, k kind) error {
	s.space()
	if s.at == len(s.data) {
		return errRows
	}
	var raw []byte
	switch s.data[s.at] {
	case '"':
		start := len(row.text)
		var err error
		if row.text, err = s.text(row.text); err != nil {
			return err
		}
		if k == kindText || k == kindRows {
			row.ends = append(row.ends, len(row.text))
			return nil
		}
		raw = append([]byte(nil), row.text[start:]...)
		row.text = row.text[:start]
	case '[', '{':
		start := s.at
		if err := s.skipNested(); err != nil {
			return err
		}
		raw = s.data[start:s.at]
	default:
		start := s.at
		for s.at < len(s.data) && wordByte(s.data[s.at]) {
			s.at++
		}
		raw = s.data[start:s.at]
		switch {
		case string(raw) == "null":
			row.ends = append(row.ends, -1)
			return nil
		case string(raw) != "true" && string(raw) != "false" && !jsonshape.IsNumber(raw):
			return errRows
		}
	}
	row.text = appendNestedText(row.text, raw, k)
	row.ends = append(row.ends, len(row.text))
	return nil
}

// wordByte tells the characters of numbers and words.
func wordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c == '-' || c == '+' || c == '.' || c == 'E'
}

// skipNested passes over an array or object, whose own reader will check it.
func (s *rowScanner) skipNested() error {
	depth := 0
	for s.at < len(s.data) {
		switch s.data[s.at] {
		case '[', '{':
			depth++
		case ']', '}':
			depth--
			if depth == 0 {
				s.at++
				return nil
			}
		case '"':
			if err := s.skipText(); err != nil {
				return err
			}
			continue
		}
		s.at++
	}
	return errRows
}

func (s *rowScanner) skipText() error {
	for s.at++; s.at < len(s.data); s.at++ {
		switch s.data[s.at] {
		case '\\':
			s.at++
		case '"':
			s.at++
			return nil
		}
	}
	return errRows
}

// text appends the contents of a JSON string.
func (s *rowScanner) text(dst []byte) ([]byte, error) {
	s.space()
	if s.at == len(s.data) || s.data[s.at] != '"' {
		return dst, errRows
	}
	s.at++
	for start := s.at; s.at < len(s.data); {
		switch s.data[s.at] {
		case '"':
			dst = append(dst, s.data[start:s.at]...)
			s.at++
			return dst, nil
		case '\\':
			dst = append(dst, s.data[start:s.at]...)
			var err error
			if dst, err = s.escape(dst); err != nil {
				return dst, err
			}
			start = s.at
		default:
			s.at++
		}
	}
	return dst, errRows
}

// escape appends what the escape at the scanner's place stands for.
func (s *rowScanner) escape(dst []byte) ([]byte, error) {
	s.at++
	if s.at == len(s.data) {
		return dst, errRows
	}
	c := s.data[s.at]
	s.at++
	switch c {
	case '"', '\\', '/':
		return append(dst, c), nil
	case 'b':
		return append(dst, '\b'), nil
	case 'f':
		return append(dst, '\f'), nil
	case 'n':
		return append(dst, '\n'), nil
	case 'r':
		return append(dst, '\r'), nil
	case 't':
		return append(dst, '\t'), nil
	case 'u':
		r, ok := s.unit()
		if !ok {
			return dst, errRows
		}
		if utf16.IsSurrogate(r) {
			r = s.pair(r)
		}
		return utf8.AppendRune(dst, r), nil
	}
	return dst, errRows
}

// pair completes a surrogate pair; half a pair stands for no character.
func (s *rowScanner) pair(first rune) rune {
	back := s.at
	if s.at+1 < len(s.data) && s.data[s.at] == '\\' && s.data[s.at+1] == 'u' {
		s.at += 2
		if second, ok := s.unit(); ok {
			if r := utf16.DecodeRune(first, second); r != utf8.RuneError {
				return r
			}
		}
	}
	s.at = back
	return utf8.RuneError
}

func (s *rowScanner) unit() (rune, bool) {
	if s.at+4 > len(s.data) {
		return 0, false
	}
	n, err := strconv.ParseUint(string(s.data[s.at:s.at+4]), 16, 16)
	s.at += 4
	return rune(n), err == nil
}
