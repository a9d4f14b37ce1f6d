package catalog

import (
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/plan"
)

// family is a group of key types whose values are written alike.
type family string

const (
	familyInteger family = "integer"
	familyNumber  family = "number"
	familyText    family = "text"
	familyBoolean family = "boolean"
	familyUUID    family = "uuid"
	familyTime    family = "time"
	familyEnum    family = "enum"
	// familyOther has types that are only joined to themselves and to texts.
	familyOther family = "other"
	// familyCustom has the custom scalars of remote schemas: of any form on the
	// left, taking any scalar on the right.
	familyCustom family = "custom"
	// familyObject has JSON and input objects.
	familyObject family = "object"
	// familyNone has what can't be a key.
	familyNone family = "none"
)

// keyCasts is the matrix of what joins with what: left family, right family,
// and the way from one to the other. What isn't in it is refused.
var keyCasts = map[family]map[family]plan.KeyCast{
	familyInteger: {
		familyInteger: plan.KeyCastNone, familyNumber: plan.KeyCastNone, familyText: plan.KeyCastText, familyCustom: plan.KeyCastNone,
	},
	familyNumber: {
		familyInteger: plan.KeyCastInteger, familyNumber: plan.KeyCastNone, familyText: plan.KeyCastText, familyCustom: plan.KeyCastNone,
	},
	familyText: {
		familyInteger: plan.KeyCastInteger, familyNumber: plan.KeyCastNumber, familyText: plan.KeyCastNone,
		familyBoolean: plan.KeyCastBoolean, familyUUID: plan.KeyCastUUID, familyEnum: plan.KeyCastText, familyCustom: plan.KeyCastNone,
	},
	familyBoolean: {familyBoolean: plan.KeyCastNone, familyText: plan.KeyCastText, familyCustom: plan.KeyCastNone},
	familyUUID:    {familyUUID: plan.KeyCastNone, familyText: plan.KeyCastText, familyCustom: plan.KeyCastNone},
	familyTime:    {familyTime: plan.KeyCastNone, familyText: plan.KeyCastText, familyCustom: plan.KeyCastNone},
	familyEnum:    {familyEnum: plan.KeyCastText, familyText: plan.KeyCastText, familyCustom: plan.KeyCastNone},
	familyOther:   {familyOther: plan.KeyCastNone, familyText: plan.KeyCastText, familyCustom: plan.KeyCastNone},
	familyCustom: {
		familyInteger: plan.KeyCastInteger, familyNumber: plan.KeyCastNumber, familyText: plan.KeyCastText,
		familyBoolean: plan.KeyCastBoolean, familyUUID: plan.KeyCastUUID, familyEnum: plan.KeyCastText, familyCustom: plan.KeyCastNone,
	},
	familyObject: {familyCustom: plan.KeyCastNone, familyObject: plan.KeyCastNone},
}

// keyType is one side of a pair of join keys.
type keyType struct {
	family family
	// kind tells apart members of a family that don't join with each other.
	kind string
	// bits is the width of an integer.
	bits int
	// lists is how many lists are around the values: 1 for [Int!]!.
	lists int
	// text is the type for messages.
	text string
}

// listOf makes the key type of the values that of a type with its lists.
func (k keyType) listOf(t *ast.Type) keyType {
	for e := t; e.Elem != nil; e = e.Elem {
		k.lists++
	}
	if k.lists > 0 {
		k.text = t.String()
	}
	return k
}

// keyCast gives the way from a left to a right key type, if there is one. A list
// is joined to an argument that is a list alike, or to a custom scalar, which
// takes it as it is; what its elements become is for the source to say.
func keyCast(left, right keyType) (plan.KeyCast, bool) {
	if left.lists > 0 {
		_, ok := keyCasts[left.family][right.family]
		return plan.KeyCastNone, ok && (right.lists == left.lists || right.lists == 0 && right.family == familyCustom)
	}
	cast, ok := keyCasts[left.family][right.family]
	if !ok {
		return plan.KeyCastNone, false
	}
	if left.family == right.family && left.kind != right.kind {
		return plan.KeyCastNone, false
	}
	if right.family == familyInteger && left.bits > right.bits {
		return plan.KeyCastInteger, true // what is too big matches nothing
	}
	return cast, true
}

// integerBits is the width of an integer type; types without a schema (SQLite's
// hold 64 bits whatever their name) count as wide.
func integerBits(t plan.Type) int {
	if t.Schema != "" {
		switch strings.ToLower(t.Name) {
		case "tinyint":
			return 8
		case "int2", "smallint":
			return 16
		case "int4", "int", "integer":
			return 32
		}
	}
	return 64
}

// columnKey is the key type of a column (or scalar computed field).
func columnKey(t plan.Type) keyType {
	k := keyType{text: typeText(t)}
	t = t.Underlying()
	switch t.Class {
	case plan.ClassInteger:
		k.family, k.bits = familyInteger, integerBits(t)
	case plan.ClassNumber:
		k.family = familyNumber
		if strings.EqualFold(t.Name, "money") {
			k.family, k.kind = familyOther, "money" // shown with a currency
		}
	case plan.ClassText:
		k.family = familyText
	case plan.ClassBoolean:
		k.family = familyBoolean
	case plan.ClassUUID:
		k.family = familyUUID
	case plan.ClassTime:
		k.family, k.kind = familyTime, timeKind(t)
	case plan.ClassEnum:
		k.family = familyEnum
	case plan.ClassJSON, plan.ClassJSONB:
		k.family = familyObject
	case plan.ClassOther, plan.ClassLTree:
		k.family, k.kind = familyOther, strings.ToLower(t.Name)
	case plan.ClassBytes, plan.ClassArray, plan.ClassComposite, plan.ClassGeometry, plan.ClassGeography, plan.ClassRaster:
		k.family = familyNone
	default:
		k.family = familyNone
	}
	return k
}

// timeKind groups the names that databases have for the same kind of moment.
func timeKind(t plan.Type) string {
	name := strings.ToLower(t.Scalar)
	switch {
	case name == "timestamptz", name == "datetimeoffset":
		return "timestamptz"
	case strings.HasPrefix(name, "datetime"), name == "smalldatetime", name == "timestamp":
		return "timestamp"
	}
	return name
}

// graphQLKey is the key type of a field or argument of a remote schema, by its
// named type.
func graphQLKey(schema *ast.Schema, name string) keyType {
	k := keyType{text: name}
	definition := schema.Types[name]
	if definition == nil {
		k.family = familyNone
		return k
	}
	switch definition.Kind {
	case ast.Scalar:
		k.family, k.kind = scalarFamily(name)
		if k.bits = 64; name == "Int" {
			k.bits = 32
		}
	case ast.Enum:
		k.family = familyEnum
	case ast.InputObject:
		k.family = familyObject
	case ast.Object, ast.Interface, ast.Union:
		k.family = familyNone
	default:
		k.family = familyNone
	}
	return k
}

// scalarFamily knows the built-in scalars and names that everybody uses.
func scalarFamily(name string) (f family, kind string) {
	switch name {
	case "Int", "bigint", "smallint", "BigInt", "Long":
		return familyInteger, ""
	case "Float", "float8", "numeric", "Decimal", "BigDecimal":
		return familyNumber, ""
	case "String", "ID", "citext", "bpchar":
		return familyText, ""
	case "Boolean":
		return familyBoolean, ""
	case "uuid", "UUID":
		return familyUUID, ""
	case "date", "Date":
		return familyTime, "date"
	case "timestamp":
		return familyTime, "timestamp"
	case "timestamptz":
		return familyTime, "timestamptz"
	case "json", "jsonb":
		return familyObject, ""
	}
	return familyCustom, ""
}

// argumentKey is the key type of an argument: custom scalars take what comes.
func argumentKey(schema *ast.Schema, name string) keyType {
	k := graphQLKey(schema, name)
	if d := schema.Types[name]; d != nil && d.Kind == ast.Scalar && !isBuiltinScalar(name) {
		k.family, k.kind = familyCustom, ""
	}
	return k
}

func isBuiltinScalar(name string) bool {
	switch name {
	case "Int", "Float", "String", "Boolean", "ID":
		return true
	}
	return false
}

// errKeyTypes refuses a pair of keys, naming both sides and their types.
func errKeyTypes(left string, leftType keyType, right string, rightType keyType) error {
	return fmt.Errorf("%s of type %q cannot be joined to %s of type %q", left, leftType.text, right, rightType.text)
}

// KeyCast is the cast with which values of one column type are joined with
// another; false when they can't be.
func KeyCast(from, to plan.Type) (plan.KeyCast, bool) {
	return keyCast(columnKey(from), columnKey(to))
}

// Casts reports whether the target has to decide which keys are equal: the types
// differ, so that the text of its key need not be that of ours, or the columns
// don't decide alike which texts are equal.
func (r *ToSource) Casts() bool {
	return r.anyPair(func(left, right plan.Type) bool {
		return left.Class == plan.ClassInteger && right.Class == plan.ClassInteger
	})
}

// Ranks reports whether the target's keys can come over with a rank: their text,
// cast back, finds the rows that are joined. Between numbers it always does.
// Otherwise the target has to be asked for the ranks of our keys.
func (r *ToSource) Ranks() bool {
	number := func(t plan.Type) bool { return t.Class == plan.ClassInteger || t.Class == plan.ClassNumber }
	return !r.anyPair(func(left, right plan.Type) bool { return number(left) && number(right) })
}

// anyPair reports whether a pair of keys has types or collations that differ, but
// for those that are as good as the same.
func (r *ToSource) anyPair(same func(left, right plan.Type) bool) bool {
	for _, pair := range r.Pairs {
		if pair.Left.Column == nil {
			return true
		}
		left, right := pair.Left.Column.Info.Type.Underlying(), pair.Right.Info.Type.Underlying()
		back, ok := KeyCast(right, left)
		if !ok || !same(left, right) && (pair.Cast != plan.KeyCastNone || back != plan.KeyCastNone) {
			return true
		}
		if left.Class == plan.ClassText && right.Class == plan.ClassText && !pair.Left.Column.Info.Equality.Alike(pair.Right.Info.Equality) {
			return true
		}
	}
	return false
}

// LeftColumns are the columns that the keys come from.
func (r *ToSource) LeftColumns() []plan.Column {
	out := make([]plan.Column, 0, len(r.Pairs))
	for _, pair := range r.Pairs {
		left := pair.Left.Column.Plan()
		from, to := left.Type.Underlying().Class, pair.Right.Info.Type.Underlying().Class
		if to == plan.ClassText && (from == plan.ClassNumber || from == plan.ClassOther) {
			// Numbers that are equal have different texts: 1.0 and 1.00.
			left.Equality = plan.EqualityOwn
		}
		out = append(out, left)
	}
	return out
}
