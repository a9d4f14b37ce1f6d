package sqlite

import (
	"strconv"
	"strings"

	"dovetail/internal/plan"
)

// scalars of the time types, which share a class.
const (
	scalarDate        = "date"
	scalarTime        = "time"
	scalarTimestamp   = "timestamp"
	scalarTimestampTZ = "timestamptz"
	scalarNumeric     = "numeric"
	scalarFloat       = "Float"
	scalarFloat8      = "float8"
	scalarString      = "String"
	scalarInt         = "Int"
	scalarBigint      = "bigint"
)

// typeOf gives the type of a declared column type. Names mean what they mean
// in Postgres, so that a table moved here keeps its GraphQL types.
func typeOf(declared string) plan.Type {
	base, parameters := splitDeclaration(declared)
	name := base
	if parameters != "" {
		name += "(" + parameters + ")"
	}
	t := plan.Type{Name: name}
	t.Scalar, t.Class = scalarOf(base)
	return t
}

// ParseType gives the type for a name as authors of metadata write it:
// "integer", "numeric(10, 2)", "text".
func ParseType(name string) plan.Type { return typeOf(name) }

// splitDeclaration takes "numeric (10, 2)" apart into NUMERIC and 10,2.
func splitDeclaration(declared string) (base, parameters string) {
	declared = strings.ToUpper(declared)
	if open := strings.IndexByte(declared, '('); open >= 0 {
		rest := declared[open+1:]
		inside, after, _ := strings.Cut(rest, ")")
		parameters = strings.ReplaceAll(strings.TrimSpace(inside), " ", "")
		declared = declared[:open] + " " + after
	}
	return strings.Join(strings.Fields(declared), " "), parameters
}

func scalarOf(base string) (string, plan.TypeClass) {
	switch base {
	case "INT", "INTEGER", "SMALLINT", "TINYINT", "MEDIUMINT", "INT2", "INT4", "SERIAL", "SMALLSERIAL":
		return scalarInt, plan.ClassInteger
	case "BIGINT", "INT8", "BIGSERIAL", "UNSIGNED BIG INT", "LONG":
		return scalarBigint, plan.ClassInteger
	case "BOOLEAN", "BOOL":
		return "Boolean", plan.ClassBoolean
	case "REAL", "FLOAT4":
		return scalarFloat, plan.ClassNumber
	case "DOUBLE", "DOUBLE PRECISION", "FLOAT", "FLOAT8":
		return scalarFloat8, plan.ClassNumber
	case "NUMERIC", "DECIMAL", "NUMBER", "MONEY":
		return scalarNumeric, plan.ClassNumber
	case "UUID", "GUID", "UNIQUEIDENTIFIER":
		return "uuid", plan.ClassUUID
	case "DATE":
		return scalarDate, plan.ClassTime
	case "TIME", "TIME WITHOUT TIME ZONE":
		return scalarTime, plan.ClassTime
	case "TIMESTAMP", "DATETIME", "TIMESTAMP WITHOUT TIME ZONE":
		return scalarTimestamp, plan.ClassTime
	case "TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE", "DATETIMEOFFSET":
		return scalarTimestampTZ, plan.ClassTime
	case "JSON":
		return "json", plan.ClassJSON
	case "JSONB":
		return "jsonb", plan.ClassJSONB
	case "BLOB", "BYTEA", "BINARY", "VARBINARY":
		return "bytea", plan.ClassBytes
	}
	return scalarString, plan.ClassText
}

// declaredScale is the number of decimals of a DECIMAL(p,s) column.
func declaredScale(t plan.Type) (int, bool) {
	if t.Scalar != scalarNumeric {
		return 0, false
	}
	_, parameters := splitDeclaration(t.Name)
	if parameters == "" {
		return 0, false
	}
	_, scale, ok := strings.Cut(parameters, ",")
	if !ok {
		return 0, true
	}
	n, err := strconv.Atoi(scale)
	if err != nil || n < 0 || n > 1000 {
		return 0, false
	}
	return n, true
}

// untyped columns (of views, mostly) have no declared type and no affinity.
func untyped(t plan.Type) bool { return t.Name == "" && t.Class == plan.ClassText }
