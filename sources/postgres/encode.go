package postgres

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"dovetail/internal/jsonshape"
	"dovetail/internal/orderedjson"
)

// codec turns the binary form of a type into text.
type codec struct {
	// json appends the JSON text, as the database's own to_json would write it.
	json jsonshape.Encoder
	// text appends the plain text, for keys.
	text jsonshape.Encoder
	// stringified appends a number as a JSON string; nil where json is a string.
	stringified jsonshape.Encoder
	// oid of the type, to notice when the database has changed; 0: not checked.
	oid uint32
	// binary: the cell is the value's binary form, not text the database made.
	binary bool
}

// The system types whose OIDs are fixed.
const (
	oidBool        = 16
	oidInt8        = 20
	oidInt2        = 21
	oidInt4        = 23
	oidJSON        = 114
	oidFloat4      = 700
	oidFloat8      = 701
	oidDate        = 1082
	oidTime        = 1083
	oidTimestamp   = 1114
	oidTimestamptz = 1184
	oidNumeric     = 1700
	oidUUID        = 2950
	oidJSONB       = 3802
)

// codecs are the types whose binary form is proven to be written exactly as
// to_json writes it.
var codecs = map[string]codec{
	"bool":        {json: encodeBool, text: encodeBool, oid: oidBool},
	"int2":        number(encodeInt2, encodeInt2, oidInt2),
	"int4":        number(encodeInt4, encodeInt4, oidInt4),
	"int8":        number(encodeInt8, encodeInt8, oidInt8),
	"float4":      number(encodeFloat4, quotedUnlessNumber(encodeFloat4), oidFloat4),
	"float8":      number(encodeFloat8, quotedUnlessNumber(encodeFloat8), oidFloat8),
	"numeric":     number(encodeNumeric, quotedUnlessNumber(encodeNumeric), oidNumeric),
	"text":        textCodec,
	"varchar":     textCodec,
	"bpchar":      {json: encodeString, text: copyUnpadded},
	"name":        textCodec,
	"uuid":        quoted(encodeUUID, oidUUID),
	"date":        quoted(encodeDate, oidDate),
	"time":        quoted(encodeTime, oidTime),
	"timestamp":   quoted(encodeTimestamp, oidTimestamp),
	"timestamptz": quoted(encodeTimestamptz, oidTimestamptz),
	"json":        {json: copyText, text: copyText, oid: oidJSON},
	"jsonb":       {json: encodeJSONB, text: encodeJSONB, oid: oidJSONB},
}

// textCodec is for types whose binary form is their text.
var textCodec = codec{json: encodeString, text: copyText} //nolint:gochecknoglobals // a constant

// copied is for what the database has made JSON or text of.
var copied = codec{json: copyText, text: copyText} //nolint:gochecknoglobals // a constant

func number(text, json jsonshape.Encoder, oid uint32) codec {
	return codec{json: json, text: text, stringified: inQuotes(text), oid: oid}
}

func quoted(text jsonshape.Encoder, oid uint32) codec {
	return codec{json: inQuotes(text), text: text, oid: oid}
}

func inQuotes(text jsonshape.Encoder) jsonshape.Encoder {
	return func(dst, cell []byte) ([]byte, error) {
		dst, err := text(append(dst, '"'), cell)
		return append(dst, '"'), err
	}
}

// quotedUnlessNumber quotes NaN and the infinities, which JSON has no number
// for.
func quotedUnlessNumber(text jsonshape.Encoder) jsonshape.Encoder {
	return func(dst, cell []byte) ([]byte, error) {
		start := len(dst)
		dst, err := text(dst, cell)
		if err != nil || dst[len(dst)-1] < 'A' {
			return dst, err
		}
		word := string(dst[start:])
		return append(append(append(dst[:start], '"'), word...), '"'), nil
	}
}

func sizeError(what string, cell []byte) error {
	return fmt.Errorf("the database sent a value of %d bytes as %s; its tables may have changed", len(cell), what)
}

func copyText(dst, cell []byte) ([]byte, error) { return append(dst, cell...), nil }

// copyUnpadded leaves out the spaces that char(n) is filled up with, as the
// database's own cast to text does.
func copyUnpadded(dst, cell []byte) ([]byte, error) {
	return append(dst, bytes.TrimRight(cell, " ")...), nil
}

func encodeString(dst, cell []byte) ([]byte, error) {
	return orderedjson.AppendString(dst, cell), nil
}

func encodeBool(dst, cell []byte) ([]byte, error) {
	if len(cell) != 1 {
		return dst, sizeError("a bool", cell)
	}
	return strconv.AppendBool(dst, cell[0] != 0), nil
}

func encodeInt2(dst, cell []byte) ([]byte, error) {
	if len(cell) != 2 {
		return dst, sizeError("an int2", cell)
	}
	return strconv.AppendInt(dst, int64(int16(binary.BigEndian.Uint16(cell))), 10), nil
}

func encodeInt4(dst, cell []byte) ([]byte, error) {
	if len(cell) != 4 {
		return dst, sizeError("an int4", cell)
	}
	return strconv.AppendInt(dst, int64(int32(binary.BigEndian.Uint32(cell))), 10), nil
}

func encodeInt8(dst, cell []byte) ([]byte, error) {
	if len(cell) != 8 {
		return dst, sizeError("an int8", cell)
	}
	return strconv.AppendInt(dst, int64(binary.BigEndian.Uint64(cell)), 10), nil
}

func encodeFloat4(dst, cell []byte) ([]byte, error) {
	if len(cell) != 4 {
		return dst, sizeError("a float4", cell)
	}
	return appendFloat(dst, float64(math.Float32frombits(binary.BigEndian.Uint32(cell))), 32), nil
}

func encodeFloat8(dst, cell []byte) ([]byte, error) {
	if len(cell) != 8 {
		return dst, sizeError("a float8", cell)
	}
	return appendFloat(dst, math.Float64frombits(binary.BigEndian.Uint64(cell)), 64), nil
}

func encodeUUID(dst, cell []byte) ([]byte, error) {
	if len(cell) != 16 {
		return dst, sizeError("a uuid", cell)
	}
	const digits = "0123456789abcdef"
	for i, c := range cell {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = append(dst, digits[c>>4], digits[c&0xf])
	}
	return dst, nil
}

// encodeJSONB drops the version in front of the text.
func encodeJSONB(dst, cell []byte) ([]byte, error) {
	if len(cell) == 0 || cell[0] != 1 {
		return dst, sizeError("a jsonb of version 1", cell)
	}
	return append(dst, cell[1:]...), nil
}
