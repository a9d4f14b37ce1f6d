package planner

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/internal/schema"
)

// uniform tells whether rows are a list in a variable whose objects all have
// the same members, all of them columns.
func uniform(v value, ref schema.Ref) ([]string, bool) {
	if v.lit != nil {
		return nil, false
	}
	return uniformMembers(ref, v.json)
}

func uniformMembers(ref schema.Ref, j orderedjson.Value) ([]string, bool) {
	t := ref.Base()
	if j.Kind != orderedjson.Array || len(j.Items) == 0 || t.Kind != schema.InputObject {
		return nil, false
	}
	first := j.Items[0]
	if first.Kind != orderedjson.Object {
		return nil, false
	}
	for i, key := range first.Keys {
		in, ok := t.Input(key)
		if !ok || slices.Contains(first.Keys[:i], key) {
			return nil, false
		}
		if _, ok := in.Binding.(*schema.WriteColumn); !ok || isRespelled(in.Type.Base()) {
			return nil, false
		}
	}
	for _, item := range j.Items[1:] {
		if item.Kind != orderedjson.Object || !sameMembers(first.Keys, item.Keys) {
			return nil, false
		}
	}
	return slices.Sorted(slices.Values(first.Keys)), true
}

func sameMembers(a, b []string) bool {
	if slices.Equal(a, b) {
		return true
	}
	if len(a) != len(b) {
		return false
	}
	for i, key := range b {
		if !slices.Contains(a, key) || slices.Contains(b[:i], key) {
			return false
		}
	}
	return true
}

// textual tells whether values of a scalar may also be written as strings where
// a column gets them, as v2 has it.
func textual(ref schema.Ref) bool {
	if ref.List != nil || ref.Named.Kind != schema.Scalar {
		return false
	}
	switch ref.Named.Name {
	case "Int", "Float", "Boolean":
		return true
	}
	return false
}

// writtenAsText tells whether a literal is the text of a column's value.
func writtenAsText(in *schema.Input, kind ast.ValueKind) bool {
	_, ok := in.Binding.(*schema.WriteColumn)
	return ok && textual(in.Type) && (kind == ast.StringValue || kind == ast.BlockValue)
}

// checkColumnValue checks the value that a column gets.
func checkColumnValue(in *schema.Input, j orderedjson.Value, path string) error {
	b, ok := in.Binding.(*schema.WriteColumn)
	if !ok {
		return check(in.Type, j, path)
	}
	if j.Kind == orderedjson.String && textual(in.Type) {
		return nil
	}
	if err := check(in.Type, j, path); err != nil {
		return err
	}
	switch b.Column.Info.Type.Underlying().Class { //nolint:exhaustive // only these are objects with rules
	case plan.ClassGeometry, plan.ClassGeography:
		if message := geoJSONFault(j); message != "" {
			return &Error{Code: CodeParseFailed, Path: path, Message: message}
		}
	}
	return nil
}

// geoJSONFault says what is wrong with the positions of a geometry; empty:
// nothing that the database would not say better.
func geoJSONFault(j orderedjson.Value) string {
	kind, _ := j.Get("type")
	coordinates, ok := j.Get("coordinates")
	if kind.Text == "GeometryCollection" {
		geometries, _ := j.Get("geometries")
		return firstFault(geometries, geoJSONFault)
	}
	if j.Kind != orderedjson.Object || !ok {
		return ""
	}
	switch kind.Text {
	case "Point":
		return positionFault(coordinates)
	case "MultiPoint":
		return firstFault(coordinates, positionFault)
	case "LineString":
		return lineFault(coordinates)
	case "MultiLineString":
		return firstFault(coordinates, lineFault)
	case "Polygon":
		return polygonFault(coordinates)
	case "MultiPolygon":
		return firstFault(coordinates, polygonFault)
	}
	return "unexpected geometry type: " + kind.TextOf()
}

func firstFault(list orderedjson.Value, fault func(orderedjson.Value) string) string {
	for _, item := range list.Items {
		if message := fault(item); message != "" {
			return message
		}
	}
	return ""
}

func positionFault(j orderedjson.Value) string {
	if len(j.Items) < 2 {
		return "A Position needs at least 2 elements"
	}
	return ""
}

func lineFault(j orderedjson.Value) string {
	if len(j.Items) < 2 {
		return "A LineString needs at least 2 Positions"
	}
	return firstFault(j, positionFault)
}

func polygonFault(j orderedjson.Value) string { return firstFault(j, ringFault) }

func ringFault(j orderedjson.Value) string {
	if len(j.Items) < 4 {
		return "A LinearRing needs at least 4 Positions"
	}
	if message := firstFault(j, positionFault); message != "" {
		return message
	}
	if j.Items[0].String() != j.Items[len(j.Items)-1].String() {
		return "the first and last locations have to be equal for a LinearRing"
	}
	return ""
}
