package orderedjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
)

// Kind is the kind of a JSON value; the zero value is null.
type Kind uint8

// The kinds of JSON values.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

// String names the kind as messages of v2 do.
func (k Kind) String() string {
	switch k {
	case Null:
		return "Null"
	case Bool:
		return "Boolean"
	case Number:
		return "Number"
	case String:
		return "String"
	case Array:
		return "Array"
	case Object:
		return "Object"
	}
	return "a value"
}

// Value is a decoded JSON value that keeps key order and the digits of numbers.
type Value struct {
	Kind Kind
	// Text is the number's digits, the string's contents, or "true"/"false".
	Text string
	// Items are an array's elements or an object's values.
	Items []Value
	// Keys are an object's keys, one per item.
	Keys []string
}

// ErrTrailing says that more follows after a JSON value.
var ErrTrailing = errors.New("unexpected data after the JSON value")

// MaxValues is how many values one JSON text may hold: a value takes some 72 bytes
// here, but as few as two in a text.
const MaxValues = 2_000_000

// ErrTooManyValues says that a text holds more than MaxValues values.
var ErrTooManyValues = fmt.Errorf("the JSON has more than %d values", MaxValues)

const maxDepth = 512

// Parse decodes one JSON value.
func Parse(data []byte) (Value, error) {
	s := scanner{data: data}
	if v, ok := s.whole(); ok {
		return v, nil
	}
	if s.values > MaxValues {
		return Value{}, ErrTooManyValues
	}
	return parseTokens(data)
}

// parseTokens decodes one JSON value, or tells what is wrong with it.
func parseTokens(data []byte) (Value, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := decode(d, 0)
	if err != nil {
		return Value{}, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Value{}, ErrTrailing
	}
	return v, nil
}

func decode(d *json.Decoder, depth int) (Value, error) {
	t, err := d.Token()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return Value{}, err
	}
	if depth > maxDepth {
		return Value{}, fmt.Errorf("JSON is nested deeper than %d levels", maxDepth)
	}
	switch t := t.(type) {
	case bool:
		return Value{Kind: Bool, Text: strconv.FormatBool(t)}, nil
	case json.Number:
		return Value{Kind: Number, Text: t.String()}, nil
	case string:
		return Value{Kind: String, Text: t}, nil
	case json.Delim:
		if t == '[' {
			out := Value{Kind: Array}
			for d.More() {
				item, err := decode(d, depth+1)
				if err != nil {
					return Value{}, err
				}
				out.Items = append(out.Items, item)
			}
			_, err := d.Token()
			return out, err
		}
		out := Value{Kind: Object}
		for d.More() {
			k, err := d.Token()
			if err != nil {
				return Value{}, err
			}
			item, err := decode(d, depth+1)
			if err != nil {
				return Value{}, err
			}
			out.Keys = append(out.Keys, k.(string)) //nolint:forcetypeassert // the decoder lets only strings be keys
			out.Items = append(out.Items, item)
		}
		_, err := d.Token()
		return out, err
	}
	return Value{}, nil // the null token
}

// IsNull tells whether the value is null.
func (j Value) IsNull() bool { return j.Kind == Null }

// Get gives an object's (last) value under a key.
func (j Value) Get(key string) (Value, bool) {
	for i, v := range slices.Backward(j.Keys) {
		if v == key {
			return j.Items[i], true
		}
	}
	return Value{}, false
}

// At follows a path of object keys and decimal list indices; what isn't there
// is null. A single value stands for a list of one, as GraphQL coerces input.
func (j Value) At(path []string) Value {
	for _, p := range path {
		switch j.Kind {
		case Object:
			j, _ = j.Get(p)
		case Array:
			i, err := strconv.Atoi(p)
			if err != nil || i < 0 || i >= len(j.Items) {
				return Value{}
			}
			j = j.Items[i]
		case Null, Bool, Number, String:
			if p != "0" {
				return Value{}
			}
		}
	}
	return j
}

// Append appends the value's JSON text.
func (j Value) Append(dst []byte) []byte {
	switch j.Kind {
	case Null:
		return append(dst, "null"...)
	case Bool, Number:
		return append(dst, j.Text...)
	case String:
		return AppendString(dst, j.Text)
	case Array:
		dst = append(dst, '[')
		for i, item := range j.Items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = item.Append(dst)
		}
		return append(dst, ']')
	case Object:
		dst = append(dst, '{')
		for i, item := range j.Items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendString(dst, j.Keys[i])
			dst = append(dst, ':')
			dst = item.Append(dst)
		}
		return append(dst, '}')
	}
	return dst
}

// String is the value's JSON text.
func (j Value) String() string { return string(j.Append(nil)) }

// MarshalJSON writes the value as it was read.
func (j Value) MarshalJSON() ([]byte, error) { return j.Append(nil), nil }

// UnmarshalJSON reads a value, keeping key order and digits.
func (j *Value) UnmarshalJSON(data []byte) error {
	v, err := Parse(data)
	if err != nil {
		return err
	}
	*j = v
	return nil
}

// TextOf is the text a source gets for a scalar: a string's contents, a
// number's digits, true or false, or the JSON text of anything else.
func (j Value) TextOf() string {
	switch j.Kind {
	case String, Number, Bool:
		return j.Text
	case Null, Array, Object:
	}
	return j.String()
}

const hexDigits = "0123456789abcdef"

// needsEscape marks the bytes that a JSON string can't hold as they are.
var needsEscape = func() (t [256]bool) { //nolint:gochecknoglobals // a constant table
	for i := range 0x20 {
		t[i] = true
	}
	t['"'], t['\\'] = true, true
	return t
}()

// AppendString appends s as a JSON string, escaping only what JSON demands,
// with the short escapes that Postgres's own JSON uses.
func AppendString[T ~string | ~[]byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if !needsEscape[c] {
			continue
		}
		dst = append(dst, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
		}
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}
