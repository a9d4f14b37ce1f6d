package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
)

// JSONKind is the kind of a JSON value; the zero value is null.
type JSONKind uint8

// The kinds of JSON values.
const (
	JSONNull JSONKind = iota
	JSONBool
	JSONNumber
	JSONString
	JSONArray
	JSONObject
)

// String names the kind as messages of v2 do.
func (k JSONKind) String() string {
	switch k {
	case JSONNull:
		return "Null"
	case JSONBool:
		return "Boolean"
	case JSONNumber:
		return "Number"
	case JSONString:
		return "String"
	case JSONArray:
		return "Array"
	case JSONObject:
		return "Object"
	}
	return "a value"
}

// JSON is a decoded JSON value that keeps key order and the digits of numbers.
type JSON struct {
	Kind JSONKind
	// Text is the number's digits, the string's contents, or "true"/"false".
	Text string
	// Items are an array's elements or an object's values.
	Items []JSON
	// Keys are an object's keys, one per item.
	Keys []string
}

// ErrTrailingJSON says that more follows after a JSON value.
var ErrTrailingJSON = errors.New("unexpected data after the JSON value")

const maxJSONDepth = 512

// ParseJSON decodes one JSON value.
func ParseJSON(data []byte) (JSON, error) {
	if v, ok := scanJSON(data); ok {
		return v, nil
	}
	return parseJSONTokens(data)
}

// parseJSONTokens decodes one JSON value, or tells what is wrong with it.
func parseJSONTokens(data []byte) (JSON, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := decodeJSON(d, 0)
	if err != nil {
		return JSON{}, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return JSON{}, ErrTrailingJSON
	}
	return v, nil
}

func decodeJSON(d *json.Decoder, depth int) (JSON, error) {
	t, err := d.Token()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return JSON{}, err
	}
	if depth > maxJSONDepth {
		return JSON{}, fmt.Errorf("JSON is nested deeper than %d levels", maxJSONDepth)
	}
	switch t := t.(type) {
	case bool:
		return JSON{Kind: JSONBool, Text: strconv.FormatBool(t)}, nil
	case json.Number:
		return JSON{Kind: JSONNumber, Text: t.String()}, nil
	case string:
		return JSON{Kind: JSONString, Text: t}, nil
	case json.Delim:
		if t == '[' {
			out := JSON{Kind: JSONArray}
			for d.More() {
				item, err := decodeJSON(d, depth+1)
				if err != nil {
					return JSON{}, err
				}
				out.Items = append(out.Items, item)
			}
			_, err := d.Token()
			return out, err
		}
		out := JSON{Kind: JSONObject}
		for d.More() {
			k, err := d.Token()
			if err != nil {
				return JSON{}, err
			}
			item, err := decodeJSON(d, depth+1)
			if err != nil {
				return JSON{}, err
			}
			out.Keys = append(out.Keys, k.(string)) // the decoder lets only strings be keys
			out.Items = append(out.Items, item)
		}
		_, err := d.Token()
		return out, err
	}
	return JSON{}, nil // the null token
}

// IsNull tells whether the value is null.
func (j JSON) IsNull() bool { return j.Kind == JSONNull }

// Get gives an object's (last) value under a key.
func (j JSON) Get(key string) (JSON, bool) {
	for i, v := range slices.Backward(j.Keys) {
		if v == key {
			return j.Items[i], true
		}
	}
	return JSON{}, false
}

// At follows a path of object keys and decimal list indices; what isn't there
// is null. A single value stands for a list of one, as GraphQL coerces input.
func (j JSON) At(path []string) JSON {
	for _, p := range path {
		switch j.Kind {
		case JSONObject:
			j, _ = j.Get(p)
		case JSONArray:
			i, err := strconv.Atoi(p)
			if err != nil || i < 0 || i >= len(j.Items) {
				return JSON{}
			}
			j = j.Items[i]
		case JSONNull, JSONBool, JSONNumber, JSONString:
			if p != "0" {
				return JSON{}
			}
		}
	}
	return j
}

// Append appends the value's JSON text.
func (j JSON) Append(dst []byte) []byte {
	switch j.Kind {
	case JSONNull:
		return append(dst, "null"...)
	case JSONBool, JSONNumber:
		return append(dst, j.Text...)
	case JSONString:
		return AppendJSONString(dst, j.Text)
	case JSONArray:
		dst = append(dst, '[')
		for i, item := range j.Items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = item.Append(dst)
		}
		return append(dst, ']')
	case JSONObject:
		dst = append(dst, '{')
		for i, item := range j.Items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendJSONString(dst, j.Keys[i])
			dst = append(dst, ':')
			dst = item.Append(dst)
		}
		return append(dst, '}')
	}
	return dst
}

// String is the value's JSON text.
func (j JSON) String() string { return string(j.Append(nil)) }

// MarshalJSON writes the value as it was read.
func (j JSON) MarshalJSON() ([]byte, error) { return j.Append(nil), nil }

// UnmarshalJSON reads a value, keeping key order and digits.
func (j *JSON) UnmarshalJSON(data []byte) error {
	v, err := ParseJSON(data)
	if err != nil {
		return err
	}
	*j = v
	return nil
}

// TextOf is the text a source gets for a scalar: a string's contents, a
// number's digits, true or false, or the JSON text of anything else.
func (j JSON) TextOf() string {
	switch j.Kind {
	case JSONString, JSONNumber, JSONBool:
		return j.Text
	case JSONNull, JSONArray, JSONObject:
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

// AppendJSONString appends s as a JSON string, escaping only what JSON demands,
// with the short escapes that Postgres's own JSON uses.
func AppendJSONString[T ~string | ~[]byte](dst []byte, s T) []byte {
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
