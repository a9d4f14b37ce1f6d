package mssql

import (
	"strings"

	"dovetail/internal/orderedjson"
)

// maxShapeDepth bounds the nesting of shapes.
const maxShapeDepth = 32

// shapeText gives the well-known text of a geometry or geography, which values
// hold as such or as GeoJSON.
func shapeText(value orderedjson.Value) (string, error) {
	if value.Kind != orderedjson.Object {
		return value.TextOf(), nil
	}
	var b strings.Builder
	if err := writeShape(&b, value, maxShapeDepth); err != nil {
		return "", err
	}
	return b.String(), nil
}

// shapes are the kinds of GeoJSON: their names in well-known text and how deep
// their positions stand in lists.
var shapes = map[string]struct {
	name  string
	depth int
}{
	"Point":           {"POINT", 0},
	"LineString":      {"LINESTRING", 1},
	"Polygon":         {"POLYGON", 2},
	"MultiPoint":      {"MULTIPOINT", 1},
	"MultiLineString": {"MULTILINESTRING", 2},
	"MultiPolygon":    {"MULTIPOLYGON", 3},
}

func writeShape(b *strings.Builder, value orderedjson.Value, depth int) error {
	kind, _ := value.Get("type")
	if value.Kind != orderedjson.Object || kind.Kind != orderedjson.String || depth == 0 {
		return dataException("expected a GeoJSON object with a type, but found %s", value)
	}
	if kind.Text == "GeometryCollection" {
		return writeCollection(b, value, depth)
	}
	shape, ok := shapes[kind.Text]
	if !ok {
		return dataException("unexpected type of GeoJSON %q", kind.Text)
	}
	coordinates, ok := value.Get("coordinates")
	if !ok || coordinates.Kind != orderedjson.Array {
		return dataException("a GeoJSON %s needs coordinates", kind.Text)
	}
	b.WriteString(shape.name + " ")
	switch {
	case len(coordinates.Items) == 0:
		b.WriteString("EMPTY")
		return nil
	case shape.depth == 0:
		b.WriteByte('(')
		defer b.WriteByte(')')
	}
	return writePositions(b, coordinates, shape.depth)
}

func writeCollection(b *strings.Builder, value orderedjson.Value, depth int) error {
	members, ok := value.Get("geometries")
	if !ok || members.Kind != orderedjson.Array {
		return dataException("a GeoJSON GeometryCollection needs geometries")
	}
	b.WriteString("GEOMETRYCOLLECTION ")
	if len(members.Items) == 0 {
		b.WriteString("EMPTY")
		return nil
	}
	b.WriteByte('(')
	for i, member := range members.Items {
		if i > 0 {
			b.WriteString(", ")
		}
		if err := writeShape(b, member, depth-1); err != nil {
			return err
		}
	}
	b.WriteByte(')')
	return nil
}

// writePositions writes positions that stand in so many lists.
func writePositions(b *strings.Builder, value orderedjson.Value, depth int) error {
	if value.Kind != orderedjson.Array {
		return dataException("expected coordinates, but found %s", value)
	}
	if depth == 0 {
		return writePosition(b, value)
	}
	b.WriteByte('(')
	for i, item := range value.Items {
		if i > 0 {
			b.WriteString(", ")
		}
		if err := writePositions(b, item, depth-1); err != nil {
			return err
		}
	}
	b.WriteByte(')')
	return nil
}

// writePosition writes longitude and latitude, and perhaps a height and a
// measure.
func writePosition(b *strings.Builder, value orderedjson.Value) error {
	if len(value.Items) < 2 || len(value.Items) > 4 {
		return dataException("a position has two to four numbers, but found %s", value)
	}
	for i, number := range value.Items {
		if number.Kind != orderedjson.Number {
			return dataException("a position is made of numbers, but found %s", number)
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(number.Text)
	}
	return nil
}
