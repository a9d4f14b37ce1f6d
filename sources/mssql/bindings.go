package mssql

import "dovetail/sources/sqlgen"

// bindings is the binding set as a member of FROM.
func (c *compiler) bindings() fromItem {
	return keyRows(parameter{1}, c.parameters[0].keys, bindingsAlias)
}

// keyRows are the rows of a binding set or a key set as a member of FROM. They come as one JSON array
// whose values are given the types, the code pages and the collations of the
// columns they are compared with, so that the column's side decides what is
// equal and its indexes serve.
func keyRows(array expression, types []sqlType, alias string) fromItem {
	keys := openJSON{array: array, columns: []jsonColumn{{ordinal, sqlType{base: typeInt}, "$.o"}}}
	items := []item{{Value: sqlgen.Column(keysAlias, ordinal), Alias: ordinal}}
	plain := true
	for i, as := range types {
		name := bindingKey(i)
		keys.columns = append(keys.columns, jsonColumn{name, keyType(as), "$." + name})
		column := sqlgen.Column(keysAlias, name)
		value, fits := element(column, as)
		if fits != nil {
			value = sqlgen.CaseWhen(fits, value)
		}
		plain = plain && value == expression(column)
		items = append(items, item{Value: value, Alias: name})
	}
	if plain {
		return fromItem{Source: keys, Alias: alias}
	}
	typed := &query{items: items, from: []fromItem{{Source: keys, Alias: keysAlias}}}
	return fromItem{Source: sqlgen.Subquery(typed), Alias: alias}
}

// keyType is the type as which a key is read. Keys that a decimal column can't
// hold are left out, so that it may be the column's own.
func keyType(as sqlType) sqlType {
	switch as.base {
	case typeDecimal, typeNumeric:
		return as
	case typeMoney, typeSmallmoney:
		return exactType(as)
	}
	return elementType(as)
}

// elementType is the type as which a value compared with a type is read out of
// a JSON array.
func elementType(as sqlType) sqlType {
	switch as.base {
	case typeVarchar, typeChar, typeNvarchar, typeNchar:
		if as.length > 0 && as.length < 4000 {
			// One character more than the column has, so that a longer text stays one.
			return sqlType{base: typeNvarchar, length: as.length + 1}
		}
		return asText
	case typeDatetime, typeSmalldatetime:
		return asDatetime2
	case typeHierarchy:
		return sqlType{base: typeNvarchar, length: 4000}
	}
	if t, ok := travelling(as); ok {
		return t
	}
	return asText
}

// element gives an element of a JSON array the type it is compared as. Where
// that may lose something, fits holds for the elements that have lost nothing.
func element(value expression, as sqlType) (typed, fits expression) {
	switch as.base {
	case typeNvarchar, typeNchar, typeNtext:
		if as.collation != "" {
			return collated{value, as.collation}, nil
		}
		return value, nil
	case typeVarchar, typeChar, typeText:
		return inCodePage(value, as)
	case typeDatetime, typeSmalldatetime, typeHierarchy:
		return castTo{value, as}, nil
	case typeBinary, typeVarbinary, typeImage, typeRowversion, typeTimestamp:
		return received(value, as), nil
	case typeGeometry, typeGeography:
		return received(value, as), nil
	}
	return value, nil
}

// inCodePage gives a text in a column's code page, if it has all of its
// characters.
func inCodePage(value expression, as sqlType) (typed, fits expression) {
	to := sqlType{base: typeVarchar, length: as.length}
	if as.base == typeText || as.length <= 0 {
		to.length = maxLength
	}
	typed = value
	if as.collation != "" {
		typed = collated{value, as.collation}
	}
	typed = castTo{typed, to}
	return typed, sqlgen.Infix("=", castTo{castTo{typed, asText}, asBytes}, castTo{castTo{value, asText}, asBytes})
}
