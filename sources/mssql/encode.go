package mssql

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"dovetail/internal/jsonshape"
	"dovetail/internal/orderedjson"
	"dovetail/sources"
)

// kind says what a cell holds. The text of a cell is the same wherever the
// value stands: among the columns of the statement or inside of JSON.
type kind uint8

const (
	kindText    kind = iota
	kindInteger      // digits
	kindDecimal      // digits with a point
	kindFloat
	kindReal
	kindBoolean // true, false
	kindUUID
	kindMoment  // a date, a time or both
	kindBytes   // base64
	kindJSON    // JSON as the database keeps it
	kindRows    // rows as JSON
	kindMoments // number|sum|squares of what is aggregated
)

// selected is how a value of a type is selected, and what its cell then holds.
func selected(value expression, t sqlType, inJSON bool) (expression, kind) {
	const (
		plainStyle  = 0
		moneyStyle  = 2   // four decimals
		floatStyle  = 3   // as many digits as identify the value
		momentStyle = 121 // ISO
	)
	texts := func(k kind, style int) (expression, kind) {
		switch {
		case !inJSON:
			return value, k
		case style == plainStyle:
			return castTo{value, asShortText}, k
		}
		return converted{value, asShortText, style}, k
	}
	switch t.base {
	case typeInt, typeSmallint, typeTinyint:
		return value, kindInteger
	case typeBit:
		return value, kindBoolean
	case typeBigint:
		return texts(kindInteger, plainStyle)
	case typeDecimal, typeNumeric:
		return texts(kindDecimal, plainStyle)
	case typeMoney, typeSmallmoney:
		return texts(kindDecimal, moneyStyle)
	case typeFloat:
		return texts(kindFloat, floatStyle)
	case typeReal:
		return texts(kindReal, floatStyle)
	case typeUUID:
		return texts(kindUUID, plainStyle)
	case typeDate, typeTime, typeDatetime, typeDatetime2, typeSmalldatetime, typeDatetimeoffset:
		return texts(kindMoment, momentStyle)
	case typeBinary, typeVarbinary:
		return value, kindBytes
	case typeImage, typeRowversion, typeTimestamp:
		return castTo{value, asBytes}, kindBytes
	case typeChar, typeVarchar, typeNchar, typeNvarchar:
		return value, kindText
	case typeGeometry, typeGeography:
		// As v2 does: without heights and measures, which ToString would show.
		return method{value: value, name: "STAsText"}, kindText
	case typeHierarchy:
		return method{value: value, name: "ToString"}, kindText
	case typeJSON:
		return castTo{value, asText}, kindJSON
	}
	return comparing(value, t), kindText
}

func notJSON(column string) error {
	return sources.NotSupported("the column %q has no JSON path: SQL Server keeps JSON as text", column)
}

// encoder writes a cell as JSON. Numbers stay numbers even where others are to
// be strings, as with v2.
func (k kind) encoder() jsonshape.Encoder {
	switch k {
	case kindInteger, kindDecimal, kindFloat, kindReal:
		return encodeNumber
	case kindBoolean:
		return encodeBoolean
	case kindJSON:
		return copyText
	case kindText, kindUUID, kindMoment, kindBytes, kindRows, kindMoments:
	}
	return encodeString
}

func copyText(dst, cell []byte) ([]byte, error) { return append(dst, cell...), nil }

// copyUnpadded leaves out the spaces that char(n) is filled up with.
func copyUnpadded(dst, cell []byte) ([]byte, error) {
	return append(dst, bytes.TrimRight(cell, " ")...), nil
}

func encodeString(dst, cell []byte) ([]byte, error) { return orderedjson.AppendString(dst, cell), nil }

// encodeNumber writes digits as they are. What a native query gives for a
// number may be none.
func encodeNumber(dst, cell []byte) ([]byte, error) {
	if !jsonshape.IsNumber(cell) {
		return orderedjson.AppendString(dst, cell), nil
	}
	return append(dst, cell...), nil
}

func encodeBoolean(dst, cell []byte) ([]byte, error) {
	switch string(cell) {
	case "true", "1":
		return append(dst, "true"...), nil
	case "false", "0":
		return append(dst, "false"...), nil
	}
	return orderedjson.AppendString(dst, cell), nil
}

// column is how the driver's values of a result's column are written: by the
// type the database gave it, which a native query may not have foreseen.
type column uint8

const (
	columnPlain  column = iota // by the value's Go type
	columnNumber               // bytes that are digits
	columnReal
	columnUUID
	columnBytes
	columnDate
	columnTime
	columnInstant
)

// columnOfType gives the form for the driver's name of a type.
func columnOfType(name string) column {
	switch strings.ToLower(name) {
	case typeDecimal, typeNumeric, typeMoney, typeSmallmoney:
		return columnNumber
	case typeReal:
		return columnReal
	case typeUUID:
		return columnUUID
	case typeBinary, typeVarbinary, typeImage, typeGeometry, typeGeography, typeHierarchy:
		return columnBytes
	case typeDate:
		return columnDate
	case typeTime:
		return columnTime
	case typeDatetimeoffset:
		return columnInstant
	}
	return columnPlain
}

// appendValue appends the text of a value that is not null.
func appendValue(dst []byte, value any, c column) ([]byte, error) {
	switch v := value.(type) {
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case float64:
		if c == columnReal {
			return jsonshape.AppendFloat(dst, v, 32), nil
		}
		return jsonshape.AppendFloat(dst, v, 64), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case string:
		return append(dst, v...), nil
	case []byte:
		return appendBytes(dst, v, c), nil
	case time.Time:
		switch c {
		case columnDate:
			return v.AppendFormat(dst, time.DateOnly), nil
		case columnTime:
			return appendClock(dst, v), nil
		case columnInstant:
			return v.AppendFormat(dst, "2006-01-02T15:04:05.9999999-07:00"), nil
		case columnPlain, columnNumber, columnReal, columnUUID, columnBytes:
		}
		return v.AppendFormat(dst, "2006-01-02T15:04:05.9999999"), nil
	}
	return dst, fmt.Errorf("the driver gave a value of the unknown type %T", value)
}

func appendBytes(dst, v []byte, c column) []byte {
	switch c {
	case columnNumber:
		return appendDecimalText(dst, v)
	case columnUUID:
		return appendUUID(dst, v)
	case columnPlain, columnReal, columnBytes, columnDate, columnTime, columnInstant:
	}
	return base64.StdEncoding.AppendEncode(dst, v)
}

// appendDecimalText gives a number that begins with its point the zero that
// JSON demands.
func appendDecimalText(dst, text []byte) []byte {
	if len(text) > 0 && text[0] == '-' {
		dst, text = append(dst, '-'), text[1:]
	}
	if len(text) > 0 && text[0] == '.' {
		dst = append(dst, '0')
	}
	return append(dst, text...)
}

// appendUUID appends the text of a uniqueidentifier, whose first three groups
// are kept with their last byte first.
func appendUUID(dst, v []byte) []byte {
	if len(v) != 16 {
		return base64.StdEncoding.AppendEncode(dst, v)
	}
	const digits = "0123456789ABCDEF"
	for i, at := range [...]int{3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15} {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = append(dst, digits[v[at]>>4], digits[v[at]&0xf])
	}
	return dst
}

// appendNestedText appends the text of a cell that stands inside of JSON.
func appendNestedText(dst, text []byte, k kind) []byte {
	switch k {
	case kindFloat, kindReal:
		bits := 64
		if k == kindReal {
			bits = 32
		}
		f, err := strconv.ParseFloat(strings.TrimSpace(string(text)), bits)
		if err != nil {
			return append(dst, text...) // a native query's column is no number: as it is
		}
		return jsonshape.AppendFloat(dst, f, bits)
	case kindDecimal:
		return appendDecimalText(dst, text)
	case kindMoment:
		return appendMomentText(dst, text)
	case kindUUID:
		return append(dst, strings.ToUpper(string(text))...)
	case kindText, kindInteger, kindBoolean, kindBytes, kindJSON, kindRows, kindMoments:
	}
	return append(dst, text...)
}
