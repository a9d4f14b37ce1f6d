package mssql

import (
	"strconv"
	"strings"

	"dovetail/internal/plan"
)

// The system types by name.
const (
	typeBigint         = "bigint"
	typeInt            = "int"
	typeSmallint       = "smallint"
	typeTinyint        = "tinyint"
	typeBit            = "bit"
	typeDecimal        = "decimal"
	typeNumeric        = "numeric"
	typeMoney          = "money"
	typeSmallmoney     = "smallmoney"
	typeFloat          = "float"
	typeReal           = "real"
	typeChar           = "char"
	typeVarchar        = "varchar"
	typeText           = "text"
	typeNchar          = "nchar"
	typeNvarchar       = "nvarchar"
	typeNtext          = "ntext"
	typeSysname        = "sysname"
	typeDate           = "date"
	typeTime           = "time"
	typeDatetime       = "datetime"
	typeDatetime2      = "datetime2"
	typeSmalldatetime  = "smalldatetime"
	typeDatetimeoffset = "datetimeoffset"
	typeUUID           = "uniqueidentifier"
	typeBinary         = "binary"
	typeVarbinary      = "varbinary"
	typeImage          = "image"
	typeRowversion     = "rowversion"
	typeTimestamp      = "timestamp"
	typeXML            = "xml"
	typeVariant        = "sql_variant"
	typeHierarchy      = "hierarchyid"
	typeGeometry       = "geometry"
	typeGeography      = "geography"
	typeJSON           = "json"
)

// maxLength stands for (max).
const maxLength = -1

// systemTypes are the types the compiler knows, by class.
var systemTypes = map[string]plan.TypeClass{
	typeBigint: plan.ClassInteger, typeInt: plan.ClassInteger, typeSmallint: plan.ClassInteger, typeTinyint: plan.ClassInteger,
	typeDecimal: plan.ClassNumber, typeNumeric: plan.ClassNumber, typeMoney: plan.ClassNumber, typeSmallmoney: plan.ClassNumber,
	typeFloat: plan.ClassNumber, typeReal: plan.ClassNumber, typeBit: plan.ClassBoolean,
	typeChar: plan.ClassText, typeVarchar: plan.ClassText, typeText: plan.ClassText,
	typeNchar: plan.ClassText, typeNvarchar: plan.ClassText, typeNtext: plan.ClassText,
	typeDate: plan.ClassTime, typeTime: plan.ClassTime, typeDatetime: plan.ClassTime, typeDatetime2: plan.ClassTime,
	typeSmalldatetime: plan.ClassTime, typeDatetimeoffset: plan.ClassTime, typeUUID: plan.ClassUUID,
	typeBinary: plan.ClassBytes, typeVarbinary: plan.ClassBytes, typeImage: plan.ClassBytes,
	typeRowversion: plan.ClassBytes, typeTimestamp: plan.ClassBytes,
	typeGeometry: plan.ClassGeometry, typeGeography: plan.ClassGeography, typeJSON: plan.ClassJSON,
	typeXML: plan.ClassOther, typeVariant: plan.ClassOther, typeHierarchy: plan.ClassOther,
}

// synonyms are other spellings of the system types.
var synonyms = map[string]string{
	"integer": typeInt, "dec": typeDecimal, "double precision": typeFloat, "character": typeChar,
	"char varying": typeVarchar, "character varying": typeVarchar, "national character": typeNchar, "national char": typeNchar,
	"national character varying": typeNvarchar, "national char varying": typeNvarchar, "national text": typeNtext,
	"binary varying": typeVarbinary, typeSysname: typeNvarchar, "string": typeNvarchar, "id": typeNvarchar,
	"boolean": typeBit, "uuid": typeUUID,
}

// sqlType is a type as it is declared: its name with length, precision, scale
// and collation.
type sqlType struct {
	base string
	// length of strings, maxLength for (max), 0 when it isn't stated.
	length int
	// precision and scale of decimals; scale of times, with scaled set.
	precision, scale int
	scaled           bool
	// small: the type is that of values compared with whole numbers of fewer bits.
	small bool
	// collation of strings, empty for that of the database.
	collation string
}

const collateWord = " COLLATE "

// declaration is the type as it stands in SQL. Only system types have one; a
// value of any other type is handled as text.
func (t sqlType) declaration() string {
	if _, known := systemTypes[t.base]; !known {
		return "nvarchar(max)"
	}
	switch {
	case t.length == maxLength:
		return t.base + "(max)"
	case t.length > 0:
		return t.base + "(" + strconv.Itoa(t.length) + ")"
	case t.precision > 0:
		return t.base + "(" + strconv.Itoa(t.precision) + "," + strconv.Itoa(t.scale) + ")"
	case t.scaled:
		return t.base + "(" + strconv.Itoa(t.scale) + ")"
	}
	return t.base
}

// name is the name by which introspection calls the type.
func (t sqlType) name() string {
	if t.collation == "" {
		return t.declaration()
	}
	return t.declaration() + collateWord + t.collation
}

// spatial tells the types whose values are compared by methods alone.
func (t sqlType) spatial() bool { return t.base == typeGeometry || t.base == typeGeography }

// The types that values travel as.
//
//nolint:gochecknoglobals // constants
var (
	asText      = sqlType{base: typeNvarchar, length: maxLength}
	asBytes     = sqlType{base: typeVarbinary, length: maxLength}
	asBigint    = sqlType{base: typeBigint}
	asDatetime2 = sqlType{base: typeDatetime2, scale: 7, scaled: true}
	asShortText = sqlType{base: typeVarchar, length: 50}
)

// parseSQLType reads a declaration: "varchar(20) COLLATE Latin1_General_BIN".
func parseSQLType(name string) sqlType {
	name, collation, _ := strings.Cut(name, collateWord)
	t := sqlType{}
	if validCollation(collation) {
		t.collation = collation
	}
	name = strings.ToLower(strings.TrimSpace(name))
	base, arguments, _ := strings.Cut(name, "(")
	t.base = strings.Join(strings.Fields(base), " ")
	national := t.base == typeSysname
	if s, ok := synonyms[t.base]; ok {
		t.base = s
	}
	arguments, _, _ = strings.Cut(arguments, ")")
	first, second, _ := strings.Cut(arguments, ",")
	number, ok := parseArgument(first)
	switch t.base {
	case typeChar, typeVarchar, typeNchar, typeNvarchar, typeBinary, typeVarbinary:
		switch {
		case strings.TrimSpace(first) == "max":
			t.length = maxLength
		case ok:
			t.length = number
		case national:
			t.length = 128
		}
	case typeDecimal, typeNumeric:
		t.precision = 18
		if ok && number > 0 && number <= 38 {
			t.precision = number
		}
		if scale, ok := parseArgument(second); ok && scale <= t.precision {
			t.scale = scale
		}
	case typeTime, typeDatetime2, typeDatetimeoffset:
		t.scale, t.scaled = 7, true
		if ok && number <= 7 {
			t.scale = number
		}
	}
	return t
}

func parseArgument(text string) (int, bool) {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	return n, err == nil && n >= 0 && n <= 8000
}

func validCollation(name string) bool {
	for i := range len(name) {
		c := name[i]
		if c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return name != ""
}

// declared is the type that a plan's type stands for. Plans made from metadata
// may know no more than a class.
func declared(t plan.Type) sqlType {
	out := parseSQLType(t.Underlying().Name)
	if _, known := systemTypes[out.base]; known {
		return unstated(out)
	}
	switch t.Underlying().Class { //nolint:exhaustive // all others are texts
	case plan.ClassInteger:
		return asBigint
	case plan.ClassNumber:
		return sqlType{base: typeFloat}
	case plan.ClassBoolean:
		return sqlType{base: typeBit}
	case plan.ClassUUID:
		return sqlType{base: typeUUID}
	case plan.ClassText:
		return asText
	}
	return out
}

// unstated makes strings without a length long: in SQL they would have one
// character, or thirty.
func unstated(t sqlType) sqlType {
	switch t.base {
	case typeChar, typeVarchar, typeNchar, typeNvarchar, typeBinary, typeVarbinary:
		if t.length == 0 {
			switch t.base {
			case typeChar:
				t.base = typeVarchar
			case typeNchar:
				t.base = typeNvarchar
			case typeBinary:
				t.base = typeVarbinary
			}
			t.length = maxLength
		}
	}
	return t
}

// typeOf is the plan's type of a declared type.
func typeOf(t sqlType) plan.Type {
	out := plan.Type{Name: t.name(), Scalar: t.base, Class: plan.ClassOther}
	class, known := systemTypes[t.base]
	if !known {
		out.Name = t.base
		return out
	}
	out.Class = class
	switch class { //nolint:exhaustive // all others appear under their own names
	case plan.ClassText:
		out.Scalar = "String"
	case plan.ClassBoolean:
		out.Scalar = "Boolean"
	case plan.ClassNumber:
		out.Scalar = "Float"
	case plan.ClassInteger:
		if t.base == typeBigint {
			out.AlsoScalar = "Int" // v2's name for it
		} else {
			out.Scalar = "Int"
		}
	}
	return out
}

// ParseType gives the type for a name as authors of metadata write it: "int",
// "nvarchar(20)", "datetime2".
func ParseType(name string) plan.Type { return typeOf(unstated(parseSQLType(name))) }
