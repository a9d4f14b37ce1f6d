package mssql

import (
	"strconv"

	"dovetail/internal/plan"
)

// keysJSON writes a binding set or a key set as the JSON array that a statement reads it
// from. A key that no value of its column's type can equal is null and so
// matches nothing.
func keysJSON(bindings plan.Bindings, types []sqlType) []byte {
	dst := []byte{'['}
	for i := range bindings.Rows() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"o":`...)
		dst = strconv.AppendInt(dst, int64(i), 10)
		for j, text := range bindings.Row(i) {
			dst = append(dst, `,"k`...)
			dst = strconv.AppendInt(dst, int64(j), 10)
			dst = append(dst, `":`...)
			b, ok := keyValue(text, types[j])
			if !ok {
				b = bound{}
			}
			dst = b.appendJSON(dst)
		}
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// keyValue reads a key's text as a type, which must lose nothing: a rounded or
// cut key would find what it doesn't equal.
func keyValue(text string, as sqlType) (bound, bool) {
	switch as.base {
	case typeBigint, typeInt, typeSmallint, typeTinyint:
		d, ok := parseDecimal(text)
		if !ok {
			return bound{}, false
		}
		b, err := integerValue(d.trimmed().String(), as)
		return b, err == nil
	case typeDecimal, typeNumeric:
		return decimalKey(text, as)
	case typeMoney:
		return decimalKey(text, sqlType{base: typeDecimal, precision: 19, scale: 4})
	case typeSmallmoney:
		return decimalKey(text, sqlType{base: typeDecimal, precision: 10, scale: 4})
	case typeDate, typeTime, typeDatetime, typeDatetime2, typeSmalldatetime, typeDatetimeoffset:
		m, ok := parseMoment(text)
		if !ok || !m.suits(as.base) || !m.exact(as) {
			return bound{}, false
		}
		return boundText(m.text(as.base)), true
	}
	if tooLong(text, as) {
		return bound{}, false
	}
	b, err := scalarValue(text, as)
	return b, err == nil
}

func decimalKey(text string, as sqlType) (bound, bool) {
	d, ok := parseDecimal(text)
	if !ok {
		return bound{}, false
	}
	d = d.trimmed()
	return boundText(d.String()), d.fits(as)
}
