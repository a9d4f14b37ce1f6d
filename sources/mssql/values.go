package mssql

import (
	"encoding/base64"
	"encoding/hex"
	"math"
	"strconv"
	"strings"

	driver "github.com/microsoft/go-mssqldb"

	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/sources"
	"dovetail/sources/sqlgen"
)

func dataException(format string, args ...any) error {
	err := sources.NotSupported(format, args...).(*sources.Error) //nolint:errorlint,forcetypeassert // just made
	err.Code = sources.CodeDataException
	return err
}

func invalidSyntax(text string, as sqlType) error {
	return dataException("invalid input for the type %s: %q", as.declaration(), text)
}

func outOfRange(text string, as sqlType) error {
	return dataException("value %q is out of range for the type %s", text, as.declaration())
}

// boundKind is what a parameter is sent as.
type boundKind uint8

const (
	boundNull boundKind = iota
	kindOfInteger
	kindOfFloat
	kindOfText   // nvarchar
	kindOfNarrow // varchar, of ASCII characters only
	kindOfLong   // nvarchar(max)
)

// bound is the value of a parameter.
type bound struct {
	kind    boundKind
	text    string
	integer int64
	float   float64
}

func boundInteger(n int64) bound { return bound{kind: kindOfInteger, integer: n} }
func boundText(s string) bound   { return bound{kind: kindOfText, text: s} }

// boundJSON is JSON, always of the same type: a plan for every length would
// crowd the server's cache.
func boundJSON(b []byte) bound { return bound{kind: kindOfLong, text: string(b)} }

// value is what the driver gets.
func (b bound) value() any {
	switch b.kind {
	case boundNull:
	case kindOfInteger:
		return b.integer
	case kindOfFloat:
		return b.float
	case kindOfText:
		return b.text
	case kindOfNarrow:
		return driver.VarChar(b.text)
	case kindOfLong:
		return driver.NVarCharMax(b.text)
	}
	return nil
}

// appendJSON appends the value as an element of a JSON array.
func (b bound) appendJSON(dst []byte) []byte {
	switch b.kind {
	case boundNull:
	case kindOfInteger:
		return strconv.AppendInt(dst, b.integer, 10)
	case kindOfFloat:
		return strconv.AppendFloat(dst, b.float, 'e', -1, 64)
	case kindOfText, kindOfNarrow, kindOfLong:
		return orderedjson.AppendString(dst, b.text)
	}
	return append(dst, "null"...)
}

// scalarValue reads the text of a value as a type. A text that is not of the
// type's form is an error.
func scalarValue(text string, as sqlType) (bound, error) {
	switch as.base {
	case typeBigint, typeInt, typeSmallint, typeTinyint:
		return integerValue(text, as)
	case typeBit:
		b, ok := parseBoolean(text)
		if !ok {
			return bound{}, invalidSyntax(text, as)
		}
		return b, nil
	case typeDecimal, typeNumeric, typeMoney, typeSmallmoney:
		d, ok := parseDecimal(text)
		if !ok {
			return bound{}, invalidSyntax(text, as)
		}
		to, _ := travelling(as)
		if !d.fits(to) {
			return bound{}, outOfRange(text, to)
		}
		return boundText(d.String()), nil
	case typeFloat, typeReal:
		return floatValue(text, as)
	case typeUUID:
		u, ok := canonicalUUID(text)
		if !ok {
			return bound{}, invalidSyntax(text, as)
		}
		return boundText(u), nil
	case typeDate, typeTime, typeDatetime, typeDatetime2, typeSmalldatetime, typeDatetimeoffset:
		m, ok := parseMoment(text)
		if !ok || !m.suits(as.base) {
			// SQL Server may know more spellings, or will say what it misses.
			return boundText(text), nil
		}
		return boundText(m.text(as.base)), nil
	case typeBinary, typeVarbinary, typeImage, typeRowversion, typeTimestamp:
		h, ok := hexadecimal(text)
		if !ok {
			return bound{}, invalidSyntax(text, as)
		}
		return boundText(h), nil
	case typeHierarchy:
		if !validHierarchy(text) {
			return bound{}, invalidSyntax(text, as)
		}
		return boundText(text), nil
	case typeChar, typeVarchar, typeText:
		// An index of a varchar column serves a varchar best, but the driver sends
		// one in no code page.
		if isASCII(text) {
			return bound{kind: kindOfNarrow, text: text}, nil
		}
	}
	return boundText(text), nil
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return false
		}
	}
	return true
}

// integerRange gives the bounds of an integer type.
func integerRange(base string) (least, most int64) {
	switch base {
	case typeTinyint:
		return 0, math.MaxUint8
	case typeSmallint:
		return math.MinInt16, math.MaxInt16
	case typeInt:
		return math.MinInt32, math.MaxInt32
	}
	return math.MinInt64, math.MaxInt64
}

func integerValue(text string, as sqlType) (bound, error) {
	d, ok := parseDecimal(text)
	if !ok || d.scale > 0 {
		return bound{}, invalidSyntax(text, as)
	}
	whole := d.String()
	if as.small {
		whole = sqlgen.ClampedInteger(whole)
	}
	n, err := strconv.ParseInt(whole, 10, 64)
	least, most := integerRange(as.base)
	if err != nil || n < least || n > most {
		return bound{}, outOfRange(text, as)
	}
	return boundInteger(n), nil
}

func floatValue(text string, as sqlType) (bound, error) {
	text = strings.TrimSpace(text)
	f, err := strconv.ParseFloat(text, 64)
	switch {
	case math.IsInf(f, 0) && err != nil:
		return bound{}, outOfRange(text, as)
	case err != nil, math.IsNaN(f), math.IsInf(f, 0), strings.ContainsAny(text, "_xXpP"):
		return bound{}, invalidSyntax(text, as)
	case as.base == typeReal && math.Abs(f) > math.MaxFloat32:
		return bound{}, outOfRange(text, as)
	}
	return bound{kind: kindOfFloat, float: f}, nil
}

// parseBoolean reads the words that Postgres takes for booleans, too, so that a
// filter means the same in both.
func parseBoolean(text string) (bound, bool) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "true", "t", "yes", "y", "on", "1":
		return boundInteger(1), true
	case "false", "f", "no", "n", "off", "0":
		return boundInteger(0), true
	}
	return bound{}, false
}

// canonicalUUID gives the one spelling that SQL Server writes.
func canonicalUUID(text string) (string, bool) {
	text = strings.TrimSpace(text)
	if inner, ok := strings.CutPrefix(text, "{"); ok {
		if text, ok = strings.CutSuffix(inner, "}"); !ok {
			return "", false
		}
	}
	digits := text
	if len(text) == 36 {
		for _, at := range []int{8, 13, 18, 23} {
			if text[at] != '-' {
				return "", false
			}
		}
		digits = text[:8] + text[9:13] + text[14:18] + text[19:23] + text[24:]
	}
	if len(digits) != 32 {
		return "", false
	}
	if _, err := hex.DecodeString(digits); err != nil {
		return "", false
	}
	d := strings.ToUpper(digits)
	return d[:8] + "-" + d[8:12] + "-" + d[12:16] + "-" + d[16:20] + "-" + d[20:], true
}

// hexadecimal gives the notation of bytes that CONVERT reads. It takes 0x…,
// \x… and base64, in which bytes are written in answers.
func hexadecimal(text string) (string, bool) {
	for _, prefix := range []string{"0x", "0X", `\x`} {
		if digits, ok := strings.CutPrefix(text, prefix); ok {
			_, err := hex.DecodeString(digits)
			return "0x" + digits, err == nil
		}
	}
	b, err := base64.StdEncoding.DecodeString(text)
	return "0x" + hex.EncodeToString(b), err == nil
}

// validHierarchy tells whether a text is a path of numbers: /1/2.1/.
func validHierarchy(text string) bool {
	if text == "/" {
		return true
	}
	if len(text) < 2 || text[0] != '/' || text[len(text)-1] != '/' {
		return false
	}
	for step := range strings.SplitSeq(text[1:len(text)-1], "/") {
		for number := range strings.SplitSeq(step, ".") {
			if _, err := strconv.ParseInt(number, 10, 64); err != nil {
				return false
			}
		}
	}
	return true
}

// listValue makes the JSON array that _in compares with.
func listValue(value orderedjson.Value, as sqlType, session bool) (bound, error) {
	items, err := sqlgen.List(value, session)
	if err != nil {
		return bound{}, err
	}
	out := []byte{'['}
	for i, item := range items {
		if i > 0 {
			out = append(out, ',')
		}
		b := bound{}
		if !item.IsNull() {
			var err error
			if b, err = scalarValue(item.TextOf(), as); err != nil {
				return bound{}, err
			}
			if !listed(item.TextOf(), as) {
				return bound{}, invalidSyntax(item.TextOf(), as)
			}
			if tooLong(item.TextOf(), as) {
				// What can't be stored equals nothing, but isn't null either.
				b = boundText(strings.Repeat("x", as.length+1))
			}
		}
		out = b.appendJSON(out)
	}
	return boundJSON(append(out, ']')), nil
}

// listed tells whether a text can stand in a list of a type: there, dates and
// times have the ISO forms only.
func listed(text string, as sqlType) bool {
	if systemTypes[as.base] != plan.ClassTime {
		return true
	}
	m, ok := parseMoment(text)
	return ok && m.suits(as.base)
}

// tooLong tells whether a text has more characters than a column can hold.
func tooLong(text string, as sqlType) bool {
	switch as.base {
	case typeChar, typeVarchar, typeNchar, typeNvarchar:
		return as.length > 0 && as.length <= 4000 && textLength(text) > as.length
	}
	return false
}

// textLength is the number of UTF-16 units of a text without trailing spaces,
// which comparisons pass over.
func textLength(text string) int {
	return utf16Length(strings.TrimRight(text, " "))
}
