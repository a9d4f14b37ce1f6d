package postgres

import (
	"strings"

	"dovetail/internal/plan"
)

const systemSchema = "pg_catalog"

// sqlNames are SQL's own spellings of types, as authors of metadata write them.
var sqlNames = map[string]string{
	"integer": "int4", "int": "int4", "smallint": "int2", "bigint": "int8",
	"serial": "int4", "bigserial": "int8", "smallserial": "int2",
	"boolean": "bool", "real": "float4", "double precision": "float8", "float": "float8",
	"decimal": "numeric", "character varying": "varchar", "character": "bpchar", "char": "bpchar",
	"timestamp with time zone": "timestamptz", "timestamp without time zone": "timestamp",
	"time with time zone": "timetz", "time without time zone": "time", "bit varying": "varbit",
	"string": "text", "id": "text",
}

// scalars are the types that have a GraphQL scalar of another name.
var scalars = map[string]string{
	"int4": "Int", "bool": "Boolean", "float4": "Float", "text": "String", "varchar": "String",
	"int2": "smallint", "int8": "bigint",
}

// classes are the types of the system catalog by class.
var classes = map[string]plan.TypeClass{
	"int2": plan.ClassInteger, "int4": plan.ClassInteger, "int8": plan.ClassInteger,
	"float4": plan.ClassNumber, "float8": plan.ClassNumber, "numeric": plan.ClassNumber, "money": plan.ClassNumber,
	"text": plan.ClassText, "varchar": plan.ClassText, "bpchar": plan.ClassText, "name": plan.ClassText, "char": plan.ClassText,
	"bool": plan.ClassBoolean, "uuid": plan.ClassUUID,
	"date": plan.ClassTime, "time": plan.ClassTime, "timetz": plan.ClassTime,
	"timestamp": plan.ClassTime, "timestamptz": plan.ClassTime, "interval": plan.ClassTime,
	"json": plan.ClassJSON, "jsonb": plan.ClassJSONB, "bytea": plan.ClassBytes,
}

// extensionClasses are types of extensions, which may live in any schema.
var extensionClasses = map[string]plan.TypeClass{
	"citext": plan.ClassText, "ltree": plan.ClassLTree,
	"geometry": plan.ClassGeometry, "geography": plan.ClassGeography, "raster": plan.ClassRaster,
}

// scalarType describes a type that is no array, domain, enum or composite.
func scalarType(schema, name string) plan.Type {
	t := plan.Type{Schema: schema, Name: name, Scalar: name, Class: plan.ClassOther}
	if schema == systemSchema {
		if s, ok := scalars[name]; ok {
			t.Scalar = s
		}
		if c, ok := classes[name]; ok {
			t.Class = c
		}
	} else if c, ok := extensionClasses[name]; ok {
		t.Class = c
	}
	return t
}

// ParseType gives the type for a name as authors of metadata write it:
// "integer", "timestamp with time zone", "text[]", "public.mood".
func ParseType(name string) plan.Type {
	trimmed := strings.TrimSpace(name)
	if element, ok := strings.CutSuffix(trimmed, "[]"); ok {
		e := ParseType(element)
		return plan.Type{Schema: e.Schema, Name: "_" + e.Name, Scalar: e.Scalar, Class: plan.ClassArray, Element: &e}
	}
	lower := strings.ToLower(trimmed)
	if at := strings.IndexByte(lower, '('); at > 0 {
		lower = strings.TrimSpace(lower[:at])
	}
	if system, ok := sqlNames[lower]; ok {
		lower = system
	}
	if _, ok := classes[lower]; ok {
		return scalarType(systemSchema, lower)
	}
	if schema, rest, ok := strings.Cut(trimmed, "."); ok {
		return scalarType(strings.Trim(schema, `"`), strings.Trim(rest, `"`))
	}
	return scalarType("", strings.Trim(trimmed, `"`))
}

// systemType is a type of the system catalog.
func systemType(name string) plan.Type { return scalarType(systemSchema, name) }

// systemName gives the name of a type of the system catalog; plans made from
// metadata leave the schema empty and may use SQL's own spellings.
func systemName(t plan.Type) (string, bool) {
	switch t.Schema {
	case systemSchema:
		return t.Name, true
	case "":
		name := strings.ToLower(t.Name)
		if system, ok := sqlNames[name]; ok {
			name = system
		}
		if _, ok := classes[name]; ok {
			return name, true
		}
	}
	return "", false
}

// castOf is how a type is named in a cast.
func castOf(t plan.Type) sqlType {
	t = t.Underlying()
	if t.Class == plan.ClassArray && t.Element != nil {
		e := castOf(*t.Element)
		e.array = true
		return e
	}
	if name, ok := systemName(t); ok {
		return sqlType{schema: systemSchema, name: name}
	}
	return sqlType{schema: t.Schema, name: t.Name}
}

func systemCast(name string) sqlType { return sqlType{schema: systemSchema, name: name} }

func arrayCast(t sqlType) sqlType {
	t.array = true
	return t
}
