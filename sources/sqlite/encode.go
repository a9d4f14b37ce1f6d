package sqlite

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"dovetail/internal/jsonshape"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
)

var errCell = errors.New("empty cell")

// appendString writes text as a JSON string; bytes that are no UTF-8 become
// the replacement character, as JSON must be UTF-8.
func appendString(dst, text []byte) []byte {
	if !utf8.Valid(text) {
		text = bytes.ToValidUTF8(text, []byte("\uFFFD"))
	}
	return orderedjson.AppendString(dst, text)
}

// encoderOf gives the encoder of a column's JSON.
func encoderOf(t plan.Type, path []string, stringify bool) jsonshape.Encoder {
	text := textOf(t)
	switch t.Class {
	case plan.ClassInteger, plan.ClassNumber:
		return numberEncoder(text, stringify)
	case plan.ClassBoolean:
		return booleanEncoder(text)
	case plan.ClassJSON, plan.ClassJSONB:
		return jsonEncoder(path)
	case plan.ClassText, plan.ClassUUID, plan.ClassTime, plan.ClassBytes, plan.ClassEnum, plan.ClassArray,
		plan.ClassComposite, plan.ClassGeometry, plan.ClassGeography, plan.ClassRaster, plan.ClassLTree, plan.ClassOther:
	}
	if t.Class == plan.ClassText {
		return func(dst, cell []byte) ([]byte, error) {
			if len(cell) == 0 {
				return dst, errCell
			}
			return appendString(dst, cell[1:]), nil
		}
	}
	return func(dst, cell []byte) ([]byte, error) {
		dst = append(dst, '"')
		start := len(dst)
		dst, err := text(dst, cell)
		if err != nil {
			return dst, err
		}
		if plainJSON(dst[start:]) {
			return append(dst, '"'), nil
		}
		odd := bytes.Clone(dst[start:])
		return appendString(dst[:start-1], odd), nil
	}
}

// plainJSON tells whether text needs no escapes in a JSON string.
func plainJSON(text []byte) bool {
	for _, c := range text {
		if c < 0x20 || c >= 0x80 || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

func numberEncoder(text jsonshape.Encoder, stringify bool) jsonshape.Encoder {
	return func(dst, cell []byte) ([]byte, error) {
		start := len(dst)
		dst, err := text(dst, cell)
		if err != nil || (!stringify && jsonshape.IsNumber(dst[start:])) {
			return dst, err
		}
		odd := bytes.Clone(dst[start:])
		return appendString(dst[:start], odd), nil
	}
}

func booleanEncoder(text jsonshape.Encoder) jsonshape.Encoder {
	return func(dst, cell []byte) ([]byte, error) {
		start := len(dst)
		dst, err := text(dst, cell)
		if err != nil {
			return dst, err
		}
		if s := string(dst[start:]); s == "true" || s == "false" {
			return dst, nil
		}
		odd := bytes.Clone(dst[start:])
		return appendString(dst[:start], odd), nil
	}
}

// textOf gives the encoder of a value's plain text: what the key of a join is
// made of, and what stands inside of the JSON of the value.
func textOf(t plan.Type) jsonshape.Encoder {
	switch t.Class {
	case plan.ClassBoolean:
		return booleanText
	case plan.ClassUUID:
		return uuidText
	case plan.ClassBytes:
		return func(dst, cell []byte) ([]byte, error) {
			if len(cell) == 0 {
				return dst, errCell
			}
			return hex.AppendEncode(append(dst, `\x`...), cell[1:]), nil
		}
	case plan.ClassTime:
		return timeText(t.Scalar)
	case plan.ClassNumber:
		if scale, ok := declaredScale(t); ok {
			return func(dst, cell []byte) ([]byte, error) { return appendScaled(dst, cell, scale) }
		}
		if t.Scalar == scalarNumeric {
			return numericText
		}
	case plan.ClassInteger, plan.ClassText, plan.ClassJSON, plan.ClassJSONB, plan.ClassEnum, plan.ClassArray, plan.ClassComposite,
		plan.ClassGeometry, plan.ClassGeography, plan.ClassRaster, plan.ClassLTree, plan.ClassOther:
	}
	return plainText
}

func plainText(dst, cell []byte) ([]byte, error) {
	if len(cell) == 0 {
		return dst, errCell
	}
	return append(dst, cell[1:]...), nil
}

func booleanText(dst, cell []byte) ([]byte, error) {
	if len(cell) == 0 {
		return dst, errCell
	}
	if b, ok := parseBoolean(string(cell[1:])); ok {
		return strconv.AppendBool(dst, b), nil
	}
	if cell[0] == tagInteger || cell[0] == tagReal {
		return append(dst, "true"...), nil
	}
	return append(dst, cell[1:]...), nil
}

// parseBoolean reads a boolean as Postgres does.
func parseBoolean(text string) (value, ok bool) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "true", "t", "yes", "y", "on", "1":
		return true, true
	case "false", "f", "no", "n", "off", "0":
		return false, true
	}
	return false, false
}

const uuidLength = 36

func uuidText(dst, cell []byte) ([]byte, error) {
	if len(cell) == 0 {
		return dst, errCell
	}
	if cell[0] == tagBlob && len(cell) == 17 {
		digits := hex.AppendEncode(make([]byte, 0, 32), cell[1:])
		return appendUUID(dst, digits), nil
	}
	if canonical, ok := canonicalUUID(string(cell[1:])); ok {
		return append(dst, canonical...), nil
	}
	return append(dst, cell[1:]...), nil
}

func appendUUID(dst, digits []byte) []byte {
	for i, c := range digits {
		if i == 8 || i == 12 || i == 16 || i == 20 {
			dst = append(dst, '-')
		}
		dst = append(dst, c)
	}
	return dst
}

// canonicalUUID reads a uuid in the forms that Postgres accepts: with or
// without hyphens and braces, in either case.
func canonicalUUID(text string) (string, bool) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "{") && strings.HasSuffix(text, "}") {
		text = text[1 : len(text)-1]
	}
	var digits [32]byte
	n := 0
	for i := range len(text) {
		c := text[i]
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f':
		case c >= 'A' && c <= 'F':
			c += 'a' - 'A'
		case c == '-' && n > 0 && n%4 == 0 && text[i-1] != '-' && i < len(text)-1:
			continue
		default:
			return "", false
		}
		if n == len(digits) {
			return "", false
		}
		digits[n] = c
		n++
	}
	if n != len(digits) {
		return "", false
	}
	return string(appendUUID(make([]byte, 0, uuidLength), digits[:])), true
}

// jsonEncoder writes JSON kept as text as it is, or what a path leads to.
func jsonEncoder(path []string) jsonshape.Encoder {
	return func(dst, cell []byte) ([]byte, error) {
		if len(cell) == 0 {
			return dst, errCell
		}
		raw := cell[1:]
		if !json.Valid(raw) || !utf8.Valid(raw) {
			if len(path) > 0 {
				return append(dst, "null"...), nil
			}
			return appendString(dst, raw), nil
		}
		for _, step := range path {
			found, err := digJSON(raw, step)
			if err != nil {
				return dst, err
			}
			if found == nil {
				return append(dst, "null"...), nil
			}
			raw = found
		}
		return append(dst, bytes.TrimSpace(raw)...), nil
	}
}

// digJSON follows one step of a path as Postgres's #> does: a key of an object
// or an index of an array, from its end when negative.
func digJSON(raw []byte, step string) ([]byte, error) {
	raw = bytes.TrimSpace(raw)
	switch raw[0] {
	case '{':
		var object map[string]json.RawMessage
		if err := json.Unmarshal(raw, &object); err != nil {
			return nil, err
		}
		return object[step], nil
	case '[':
		index, err := strconv.Atoi(step)
		if err != nil {
			return nil, nil //nolint:nilerr // a key leads nowhere in an array
		}
		var array []json.RawMessage
		if err := json.Unmarshal(raw, &array); err != nil {
			return nil, err
		}
		if index < 0 {
			index += len(array)
		}
		if index < 0 || index >= len(array) {
			return nil, nil
		}
		return array[index], nil
	}
	return nil, nil
}
