package sqlite

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	zombiezen "zombiezen.com/go/sqlite"

	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/sources"
	"dovetail/sources/sqlgen"
)

// conversion says how a value of a request becomes a parameter.
type conversion int

const (
	convertScalar  conversion = iota // a value of the type
	convertNumber                    // a number, null for other text
	convertList                      // a JSON array of values of the type
	convertLike                      // a LIKE pattern, as a GLOB pattern
	convertILike                     // the same in lower case
	convertLimit                     // a row limit, -1 for none
	convertOffset                    // rows to skip, 0 for none
	convertKeys                      // the binding set
	convertFound                     // whether a key set without columns found a row
	convertKeySet                    // the keys of a key set
	convertWrite                     // a value that a column gets
	convertRow                       // a value of the row that is inserted
	convertWritten                   // a list as long as that of the written rows
)

// parameter is a parameter of a statement: where its value comes from.
type parameter struct {
	convert conversion
	value   plan.Value
	typ     plan.Type
	// permitLimit is the role's row limit for convertLimit, negative for none.
	permitLimit int
	// set is the key set for convertFound and convertKeySet, the place in the row
	// for convertRow; types are those of its keys' parts.
	set   int
	types []plan.Type
}

// bound is a parameter's value for one run.
type bound struct {
	kind    zombiezen.ColumnType
	integer int64
	real    float64
	text    string
}

func boundInteger(n int64) bound { return bound{kind: zombiezen.TypeInteger, integer: n} }
func boundText(s string) bound   { return bound{kind: zombiezen.TypeText, text: s} }
func boundNull() bound           { return bound{kind: zombiezen.TypeNull} }

func (b bound) bindTo(s *zombiezen.Stmt, n int) {
	switch b.kind {
	case zombiezen.TypeInteger:
		s.BindInt64(n, b.integer)
	case zombiezen.TypeFloat:
		s.BindFloat(n, b.real)
	case zombiezen.TypeText:
		s.BindText(n, b.text)
	case zombiezen.TypeBlob:
		s.BindBytes(n, []byte(b.text))
	case zombiezen.TypeNull:
		s.BindNull(n)
	}
}

func dataException(format string, args ...any) error {
	return &sources.Error{Code: sources.CodeDataException, Message: fmt.Sprintf(format, args...)}
}

func invalidSyntax(t plan.Type, text string) error {
	return dataException("invalid input syntax for type %s: %q", postgresName(t), text)
}

// postgresName is what Postgres calls a type in its messages.
func postgresName(t plan.Type) string {
	switch t.Scalar {
	case scalarInt:
		return "integer"
	case scalarFloat:
		return "real"
	case scalarFloat8:
		return "double precision"
	case scalarTimestamp:
		return "timestamp"
	case scalarTimestampTZ:
		return "timestamp with time zone"
	case scalarString:
		return "text"
	}
	return strings.ToLower(t.Scalar)
}

// resolve gives a parameter's value for a request.
func (p *parameter) resolve(args *plan.Arguments, bindings plan.Bindings, keyTypes []plan.Type) (bound, error) {
	if p.convert == convertKeys {
		return boundText(string(appendKeys(nil, bindings, keyTypes))), nil
	}
	if p.convert == convertFound {
		found, err := args.Found(p.set)
		if found {
			return boundInteger(1), err
		}
		return boundInteger(0), err
	}
	if p.convert == convertKeySet {
		keys, err := keysOf(args, p.set, len(p.types))
		return boundText(string(appendKeySet(nil, keys, p.types))), err
	}
	var value orderedjson.Value
	if p.value != nil {
		var err error
		if value, err = args.Resolve(p.value); err != nil {
			return bound{}, err
		}
	}
	switch p.convert {
	case convertList:
		_, session := p.value.(*plan.SessionVariable)
		return listValue(value, p.typ, session)
	case convertLimit, convertOffset:
		return p.count(value)
	case convertLike, convertILike:
		if value.IsNull() {
			return boundNull(), nil
		}
		pattern := value.TextOf()
		if p.convert == convertILike {
			pattern = lower(pattern)
		}
		glob, err := globOf(pattern)
		return boundText(glob), err
	case convertWrite:
		return writtenValue(value, p.typ)
	case convertRow, convertWritten:
		return bound{}, errors.New("the parameter belongs to a statement of a mutation")
	case convertScalar, convertNumber, convertKeys, convertKeySet, convertFound:
	}
	if value.IsNull() {
		return boundNull(), nil
	}
	if p.convert == convertNumber {
		b, err := numberValue(value.TextOf(), p.typ)
		if err != nil || b.kind == zombiezen.TypeText {
			return boundNull(), nil //nolint:nilerr // text is neither less nor greater than a number
		}
		return b, nil
	}
	return comparedValue(value.TextOf(), p.typ)
}

// comparedValue is what a column is compared with: a whole number that an Int
// can't hold is less or greater than all of them.
func comparedValue(text string, t plan.Type) (bound, error) {
	if t.Class == plan.ClassInteger && t.Scalar == scalarInt {
		if d, ok := parseDecimal(text); ok && d.scale == 0 && !d.unscaled.IsInt64() {
			return bound{kind: zombiezen.TypeFloat, real: math.Inf(d.unscaled.Sign())}, nil
		}
	}
	return scalarValue(text, t)
}

// writtenValue is what a column gets: JSON as it was given, moments in time with
// their zone.
func writtenValue(value orderedjson.Value, t plan.Type) (bound, error) {
	if value.IsNull() {
		return boundNull(), nil
	}
	switch {
	case t.Class == plan.ClassJSON || t.Class == plan.ClassJSONB:
		return boundText(value.String()), nil
	case t.Scalar == scalarTimestampTZ && t.Class == plan.ClassTime:
		b, err := scalarValue(value.TextOf(), t)
		b.text += "+00:00"
		return b, err
	}
	return scalarValue(value.TextOf(), t)
}

// count resolves a limit or an offset.
func (p *parameter) count(value orderedjson.Value) (bound, error) {
	if value.IsNull() {
		if p.convert == convertOffset {
			return boundInteger(0), nil
		}
		return boundInteger(int64(max(p.permitLimit, -1))), nil
	}
	n, err := strconv.ParseInt(value.TextOf(), 10, 64)
	if err != nil {
		return bound{}, dataException("expected a whole number of rows, but found %s", value)
	}
	if n < 0 {
		return bound{}, dataException("a number of rows must not be negative, but found %d", n)
	}
	if p.convert == convertLimit && p.permitLimit >= 0 {
		n = min(n, int64(p.permitLimit))
	}
	return boundInteger(n), nil
}

// scalarValue reads the text of a value as a type; text that is not of the
// type's form is an error, with Postgres's message.
func scalarValue(text string, t plan.Type) (bound, error) {
	switch t.Class {
	case plan.ClassInteger:
		n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		if err == nil {
			return boundInteger(n), nil
		}
		if d, ok := parseDecimal(text); ok && d.scale == 0 && !strings.ContainsAny(text, ".eE") {
			return bound{}, dataException("value %q is out of range for type %s", text, postgresName(t))
		}
		return bound{}, invalidSyntax(t, text)
	case plan.ClassNumber:
		return numberValue(text, t)
	case plan.ClassBoolean:
		b, ok := parseBoolean(text)
		if !ok {
			return bound{}, invalidSyntax(t, text)
		}
		if b {
			return boundInteger(1), nil
		}
		return boundInteger(0), nil
	case plan.ClassUUID:
		canonical, ok := canonicalUUID(text)
		if !ok {
			return bound{}, invalidSyntax(t, text)
		}
		return boundText(canonical), nil
	case plan.ClassTime:
		canonical, ok := canonicalTime(text, t.Scalar)
		if !ok {
			return bound{}, invalidSyntax(t, text)
		}
		return boundText(canonical), nil
	case plan.ClassBytes:
		digits, err := bytesHex(text)
		if err != nil {
			return bound{}, err
		}
		blob, err := hex.DecodeString(digits)
		if err != nil {
			return bound{}, invalidSyntax(t, text)
		}
		return bound{kind: zombiezen.TypeBlob, text: string(blob)}, nil
	case plan.ClassJSONB:
		return boundText(canonicalJSON(text)), nil
	case plan.ClassText, plan.ClassJSON, plan.ClassEnum, plan.ClassArray, plan.ClassComposite, plan.ClassGeometry,
		plan.ClassGeography, plan.ClassRaster, plan.ClassLTree, plan.ClassOther:
	}
	return boundText(text), nil
}

func numberValue(text string, t plan.Type) (bound, error) {
	text = strings.TrimSpace(text)
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return boundInteger(n), nil
	}
	f, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil && !math.IsInf(f, 0), strings.ContainsAny(text, "_xXpP"):
		return bound{}, invalidSyntax(t, text)
	case math.IsNaN(f): // SQLite stores no NaN: it can only be text
		return boundText("NaN"), nil
	}
	return bound{kind: zombiezen.TypeFloat, real: f}, nil
}

// bytesHex gives the hexadecimal digits of bytea input: \x… or plain text.
func bytesHex(text string) (string, error) {
	if rest, ok := strings.CutPrefix(text, `\x`); ok {
		if _, err := hex.DecodeString(rest); err != nil {
			return "", dataException("invalid hexadecimal data: %q", text)
		}
		return rest, nil
	}
	return hex.EncodeToString([]byte(text)), nil
}

// listValue makes the JSON array that _in compares with.
func listValue(value orderedjson.Value, t plan.Type, session bool) (bound, error) {
	items, err := sqlgen.List(value, session)
	if err != nil {
		return bound{}, err
	}
	out := []byte{'['}
	for i, item := range items {
		if i > 0 {
			out = append(out, ',')
		}
		if item.IsNull() {
			out = append(out, "null"...)
			continue
		}
		b, err := comparedValue(item.TextOf(), t)
		if err != nil {
			return bound{}, err
		}
		out = appendBoundJSON(out, b)
	}
	return boundText(string(append(out, ']'))), nil
}

// appendBoundJSON writes a value for json_each; blobs become hexadecimal.
func appendBoundJSON(dst []byte, b bound) []byte {
	switch b.kind {
	case zombiezen.TypeInteger:
		return strconv.AppendInt(dst, b.integer, 10)
	case zombiezen.TypeFloat:
		if math.IsInf(b.real, 0) { // overflows to infinity when SQLite reads it
			if b.real < 0 {
				dst = append(dst, '-')
			}
			return append(dst, "9e999"...)
		}
		return strconv.AppendFloat(dst, b.real, 'e', -1, 64)
	case zombiezen.TypeText:
		return appendString(dst, []byte(b.text))
	case zombiezen.TypeBlob:
		return orderedjson.AppendString(dst, hex.EncodeToString([]byte(b.text)))
	case zombiezen.TypeNull:
	}
	return append(dst, "null"...)
}

// appendKeys writes a binding set as a JSON array: of values for one column, of
// arrays for more. A key that isn't of its column's form is null and matches
// nothing.
func appendKeys(dst []byte, bindings plan.Bindings, types []plan.Type) []byte {
	dst = append(dst, '[')
	for i := range bindings.Rows() {
		if i > 0 {
			dst = append(dst, ',')
		}
		row := bindings.Row(i)
		if len(row) > 1 {
			dst = append(dst, '[')
		}
		for j, text := range row {
			if j > 0 {
				dst = append(dst, ',')
			}
			dst = appendKey(dst, text, types[j])
		}
		if len(row) > 1 {
			dst = append(dst, ']')
		}
	}
	return append(dst, ']')
}

func appendKey(dst []byte, text string, t plan.Type) []byte {
	b, ok := keyValue(text, t)
	if !ok {
		return append(dst, jsonNull...)
	}
	return appendBoundJSON(dst, b)
}

// keyValue reads a key, if it is of its column's form. Whole numbers of a
// decimal column are integers.
func keyValue(text string, t plan.Type) (bound, bool) {
	if t.Class != plan.ClassInteger {
		b, err := scalarValue(text, t)
		return b, err == nil
	}
	text = strings.TrimSpace(text)
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return boundInteger(n), true
	}
	if d, ok := parseDecimal(text); ok {
		if whole := d.rounded(0); whole.rescaled(d.scale).Cmp(d.unscaled) == 0 && whole.unscaled.IsInt64() {
			return boundInteger(whole.unscaled.Int64()), true
		}
	}
	return bound{}, false
}

// globOf translates a LIKE pattern (with \ as its escape) into a GLOB pattern,
// which is case-sensitive as Postgres's LIKE is.
func globOf(like string) (string, error) {
	var out strings.Builder
	for i := 0; i < len(like); i++ {
		c := like[i]
		switch c {
		case '%':
			out.WriteByte('*')
			continue
		case '_':
			out.WriteByte('?')
			continue
		case '\\':
			i++
			if i == len(like) {
				return "", dataException("LIKE pattern must not end with escape character")
			}
			c = like[i]
		}
		if c == '*' || c == '?' || c == '[' {
			out.WriteByte('[')
			out.WriteByte(c)
			out.WriteByte(']')
			continue
		}
		out.WriteByte(c)
	}
	return out.String(), nil
}
