package jsonshape

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"dovetail/internal/orderedjson"
)

// maxScanDepth bounds how deep a remote answer may nest.
const maxScanDepth = 512

// ScanError says where JSON text breaks the rules of JSON.
type ScanError struct {
	Offset int
	Reason string
}

func (e *ScanError) Error() string {
	return fmt.Sprintf("invalid JSON at byte %d: %s", e.Offset, e.Reason)
}

// UnexpectedValueError says that a value of valid JSON isn't of the kind that
// was asked for.
type UnexpectedValueError struct {
	Offset int
	Reason string
}

func (e *UnexpectedValueError) Error() string {
	return fmt.Sprintf("%s at byte %d", e.Reason, e.Offset)
}

// Scanner walks JSON text value by value without decoding it. Whatever it
// passes has been held against JSON's grammar, so what is copied from it can't
// break the text it is copied into. Once a method has failed the scanner is of
// no more use.
type Scanner struct {
	data  []byte
	pos   int
	depth int
	// spans is a stack: the members found so far of the objects being written.
	spans []Span
	// text holds the last string that had escapes.
	text []byte
}

// NewScanner makes a scanner at the start of data. The text must be UTF-8.
func NewScanner(data []byte) (*Scanner, error) {
	if !utf8.Valid(data) {
		return nil, &ScanError{Offset: firstInvalid(data), Reason: "not UTF-8"}
	}
	return &Scanner{data: data}, nil
}

func firstInvalid(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n <= 1 {
			return i
		}
		i += n
	}
	return len(data)
}

func (s *Scanner) fail(format string, args ...any) error {
	return &ScanError{Offset: s.pos, Reason: fmt.Sprintf(format, args...)}
}

func (s *Scanner) misfit(reason string) error {
	return &UnexpectedValueError{Offset: s.pos, Reason: reason}
}

func (s *Scanner) unexpected() error {
	if s.pos >= len(s.data) {
		return s.fail("unexpected end")
	}
	r, _ := utf8.DecodeRune(s.data[s.pos:])
	return s.fail("unexpected character %s", strconv.QuoteRune(r))
}

// space moves past whitespace and gives the byte there, 0 at the end.
func (s *Scanner) space() byte {
	if s.pos < len(s.data) && s.data[s.pos] > ' ' {
		return s.data[s.pos]
	}
	return s.passSpace()
}

func (s *Scanner) passSpace() byte {
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; c {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

// Kind tells the kind of the next value by its first byte, without consuming
// it.
func (s *Scanner) Kind() (orderedjson.Kind, error) {
	switch c := s.space(); {
	case c == '{':
		return orderedjson.Object, nil
	case c == '[':
		return orderedjson.Array, nil
	case c == '"':
		return orderedjson.String, nil
	case c == '-' || (c >= '0' && c <= '9'):
		return orderedjson.Number, nil
	case c == 't' || c == 'f':
		return orderedjson.Bool, nil
	case c == 'n':
		return orderedjson.Null, nil
	}
	return orderedjson.Null, s.unexpected()
}

// End makes sure that nothing follows the values scanned so far.
func (s *Scanner) End() error {
	if s.space(); s.pos < len(s.data) {
		return s.fail("unexpected data after the JSON value")
	}
	return nil
}

// Bytes is a stretch of the scanned text.
func (s *Scanner) Bytes(at Span) []byte { return s.data[at.Start:at.End] }

// At calls read with the scanner standing at the start of an earlier stretch
// and returns to where it was.
func (s *Scanner) At(at Span, read func() error) error {
	pos := s.pos
	s.pos = at.Start
	if err := read(); err != nil {
		return err
	}
	s.pos = pos
	return nil
}

// Span calls read and tells the stretch of the value that it consumes.
func (s *Scanner) Span(read func() error) (Span, error) {
	s.space()
	start := s.pos
	if err := read(); err != nil {
		return Span{}, err
	}
	return Span{Start: start, End: s.pos}, nil
}

// Object consumes an object and calls yield for every member, whose value
// yield consumes; a value that it leaves alone is skipped. The key is valid
// until the scanner moves on.
func (s *Scanner) Object(yield func(key []byte) error) error {
	more, err := s.enter('{', '}')
	for err == nil && more {
		var key []byte
		if key, err = s.key(); err != nil {
			return err
		}
		if err = s.yielded(func() error { return yield(key) }); err != nil {
			return err
		}
		more, err = s.more('}')
	}
	return err
}

// Array consumes an array and calls yield for every element, which yield
// consumes; an element that it leaves alone is skipped.
func (s *Scanner) Array(yield func(i int) error) error {
	more, err := s.enter('[', ']')
	for i := 0; err == nil && more; i++ {
		if err = s.yielded(func() error { return yield(i) }); err != nil {
			return err
		}
		more, err = s.more(']')
	}
	return err
}

func (s *Scanner) yielded(yield func() error) error {
	s.space()
	before := s.pos
	if err := yield(); err != nil {
		return err
	}
	if s.pos == before {
		return s.skip()
	}
	return nil
}

// Skip consumes one value and tells where it stands.
func (s *Scanner) Skip() (Span, error) {
	s.space()
	start := s.pos
	if err := s.skip(); err != nil {
		return Span{}, err
	}
	return Span{Start: start, End: s.pos}, nil
}

// Scalar consumes a value that is neither an object nor an array and gives its
// text: a string's contents, a number's digits, true or false. The text is
// valid until the scanner moves on.
func (s *Scanner) Scalar() (text []byte, kind orderedjson.Kind, err error) {
	kind, err = s.Kind()
	if err != nil {
		return nil, kind, err
	}
	switch kind {
	case orderedjson.String:
		text, err = s.str()
		return text, kind, err
	case orderedjson.Null, orderedjson.Bool, orderedjson.Number:
		start := s.pos
		err = s.skip()
		return s.data[start:s.pos], kind, err
	case orderedjson.Array, orderedjson.Object:
	}
	return nil, kind, s.misfit("unexpected list or object instead of a scalar")
}

// enter consumes an opening bracket and tells whether anything stands between
// it and the closing one, which is consumed too if not.
func (s *Scanner) enter(opening, closing byte) (bool, error) {
	if s.space() != opening {
		return false, s.unexpected()
	}
	if s.depth++; s.depth > maxScanDepth {
		return false, s.fail("nested deeper than %d levels", maxScanDepth)
	}
	s.pos++
	if s.space() == closing {
		s.pos++
		s.depth--
		return false, nil
	}
	return true, nil
}

// more consumes a comma, or the closing bracket after which nothing follows.
func (s *Scanner) more(closing byte) (bool, error) {
	switch s.space() {
	case ',':
		s.pos++
		return true, nil
	case closing:
		s.pos++
		s.depth--
		return false, nil
	}
	return false, s.unexpected()
}

// key consumes an object's key and the colon.
func (s *Scanner) key() ([]byte, error) {
	if s.space() != '"' {
		return nil, s.unexpected()
	}
	key, err := s.str()
	if err != nil {
		return nil, err
	}
	if s.space() != ':' {
		return nil, s.unexpected()
	}
	s.pos++
	return key, nil
}

func (s *Scanner) skip() error {
	switch c := s.space(); c {
	case '{':
		more, err := s.enter('{', '}')
		for err == nil && more {
			if s.space() != '"' {
				return s.unexpected()
			}
			if _, err = s.passString(); err != nil {
				return err
			}
			if s.space() != ':' {
				return s.unexpected()
			}
			s.pos++
			if err = s.skip(); err != nil {
				return err
			}
			more, err = s.more('}')
		}
		return err
	case '[':
		more, err := s.enter('[', ']')
		for err == nil && more {
			if err = s.skip(); err != nil {
				return err
			}
			more, err = s.more(']')
		}
		return err
	case '"':
		_, err := s.passString()
		return err
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return s.number()
	}
	return s.unexpected()
}

func (s *Scanner) word(word string) error {
	if !bytes.HasPrefix(s.data[s.pos:], []byte(word)) {
		return s.unexpected()
	}
	s.pos += len(word)
	return nil
}

func (s *Scanner) digits() error {
	start := s.pos
	for s.pos < len(s.data) && s.data[s.pos] >= '0' && s.data[s.pos] <= '9' {
		s.pos++
	}
	if s.pos == start {
		return s.unexpected()
	}
	return nil
}

func (s *Scanner) is(c byte) bool { return s.pos < len(s.data) && s.data[s.pos] == c }

func (s *Scanner) number() error {
	if s.is('-') {
		s.pos++
	}
	if s.is('0') {
		s.pos++
	} else if err := s.digits(); err != nil {
		return err
	}
	if s.is('.') {
		s.pos++
		if err := s.digits(); err != nil {
			return err
		}
	}
	if s.is('e') || s.is('E') {
		s.pos++
		if s.is('+') || s.is('-') {
			s.pos++
		}
		return s.digits()
	}
	return nil
}

// passString consumes a string and tells whether it has escapes.
func (s *Scanner) passString() (escaped bool, err error) {
	data := s.data
	for i := s.pos + 1; i < len(data); i++ {
		c := data[i]
		if !needsEscape[c] {
			continue
		}
		switch c {
		case '"':
			s.pos = i + 1
			return escaped, nil
		case '\\':
			escaped = true
			n := escapeLength(data[i:])
			if n == 0 {
				s.pos = i
				return false, s.fail("invalid escape in a string")
			}
			i += n - 1
		default:
			s.pos = i
			return false, s.fail("control character in a string")
		}
	}
	s.pos = len(data)
	return false, s.unexpected()
}

// needsEscape marks the bytes that end or break a plain stretch of a string.
var needsEscape = func() (t [256]bool) { //nolint:gochecknoglobals // a constant table
	for i := range 0x20 {
		t[i] = true
	}
	t['"'], t['\\'] = true, true
	return t
}()

// escapeLength is the length of the escape that b starts with, 0 for none.
func escapeLength(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := hex4(b); ok {
			return 6
		}
	}
	return 0
}

// hex4 reads the four hexadecimal digits of \uXXXX.
func hex4(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range b[2:6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c = c - 'a' + 10
		case c >= 'A' && c <= 'F':
			c = c - 'A' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// str consumes a string and gives its contents.
func (s *Scanner) str() ([]byte, error) {
	start := s.pos + 1
	escaped, err := s.passString()
	if err != nil {
		return nil, err
	}
	raw := s.data[start : s.pos-1]
	if !escaped {
		return raw, nil
	}
	s.text = unescape(s.text[:0], raw)
	return s.text, nil
}

// unescape appends the contents of a string whose escapes are valid.
func unescape(dst, raw []byte) []byte {
	for {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 {
			return append(dst, raw...)
		}
		dst = append(dst, raw[:i]...)
		raw = raw[i:]
		n := 2
		switch raw[1] {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r, _ := hex4(raw)
			n = 6
			if utf16.IsSurrogate(r) {
				low, ok := hex4(raw[6:])
				if r = utf16.DecodeRune(r, low); ok && r != utf8.RuneError {
					n = 12
				}
			}
			dst = utf8.AppendRune(dst, r)
		default: // a quote, a slash or a backslash
			dst = append(dst, raw[1])
		}
		raw = raw[n:]
	}
}
