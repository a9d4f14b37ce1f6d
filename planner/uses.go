package planner

import (
	"strconv"
	"strings"

	"dovetail/internal/orderedjson"
	"dovetail/internal/schema"
)

// use is a place where an operation uses a variable, with the type of the place.
type use struct {
	name string
	ref  schema.Ref
	path string
	// kind says what is checked besides, or instead of, the type.
	kind inputKind
	// exact: the plan depends on the value itself.
	exact bool
}

// inputKind tells inputs with rules of their own from plain ones.
type inputKind string

const (
	plainInput  inputKind = ""
	limitInput  inputKind = "limit"
	offsetInput inputKind = "offset"
	// nodeInput: a global id, whose table shapes the plan.
	nodeInput inputKind = "node"
	// entitiesInput: representations of entities, whose types shape the plan.
	entitiesInput inputKind = "entities"
	// rowsInput: rows to insert, of which only the members shape the plan where
	// all have the same.
	rowsInput inputKind = "rows"
	// insideScalar: part of a JSON-like scalar, which takes any variable.
	insideScalar inputKind = "inside scalar"
)

// useClass is what the check of a use and its part in the shape depend on: not
// where it stands.
type useClass struct {
	name, ref string
	kind      inputKind
	exact     bool
}

func (u use) class() useClass {
	return useClass{name: u.name, ref: u.ref.String(), kind: u.kind, exact: u.exact}
}

func (p *planner) use(u use) { p.uses = append(p.uses, u) }

// recheck checks the variables' values against the places that use them, for a
// plan that is being used again.
func recheck(uses []use, variables map[string]orderedjson.Value) error {
	for _, u := range uses {
		j, ok := variables[u.name]
		if !ok {
			continue
		}
		if err := u.check(j); err != nil {
			return err
		}
	}
	return nil
}

func (u use) check(j orderedjson.Value) error {
	switch u.kind {
	case limitInput:
		return checkLimit(j, u.path)
	case offsetInput:
		return checkOffset(j, u.path)
	case insideScalar:
		return nil
	case entitiesInput:
		if u.ref.List == nil {
			return nil // part of a representation
		}
	case plainInput, nodeInput, rowsInput:
	}
	return check(u.ref, j, u.path)
}

// shape is a text that is equal for variables that lead to the same plan:
// presence, nulls, the structure of input objects, enums and booleans count,
// the values of scalars don't.
func shape(uses []use, variables map[string]orderedjson.Value) string {
	var b strings.Builder
	for _, u := range uses {
		j, ok := variables[u.name]
		if !ok {
			b.WriteByte('~')
			continue
		}
		switch {
		case u.exact:
			b.WriteString(j.String())
		case u.kind == nodeInput:
			b.WriteString(nodeOutline(j))
		case u.kind == entitiesInput:
			b.WriteString(entitiesOutline(j))
		default:
			if members, ok := uniformMembers(u.ref, j); ok && u.kind == rowsInput {
				b.WriteString("each " + strings.Join(members, " "))
			} else {
				writeShape(&b, u.ref, j)
			}
		}
		b.WriteByte(';')
	}
	return b.String()
}

func writeShape(b *strings.Builder, ref schema.Ref, j orderedjson.Value) {
	base := ref.Base()
	structural := base.Kind != schema.Scalar || base.Name == "Boolean"
	switch {
	case j.IsNull():
		b.WriteByte('0')
	case !structural:
		b.WriteByte('s')
	case ref.List != nil && j.Kind == orderedjson.Array:
		b.WriteByte('[')
		for _, item := range j.Items {
			writeShape(b, *ref.List, item)
			b.WriteByte(',')
		}
		b.WriteByte(']')
	case ref.List != nil:
		writeShape(b, *ref.List, j)
	case j.Kind == orderedjson.Object && base.Kind == schema.InputObject:
		b.WriteByte('{')
		for i, key := range j.Keys {
			b.WriteString(key)
			b.WriteByte(':')
			if in, ok := base.Input(key); ok {
				writeShape(b, in.Type, j.Items[i])
			}
			b.WriteByte(',')
		}
		b.WriteByte('}')
	default:
		b.WriteString(strconv.Quote(j.TextOf()))
	}
}
