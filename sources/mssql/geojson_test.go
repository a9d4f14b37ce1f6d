package mssql

import (
	"errors"
	"testing"

	"dovetail/internal/orderedjson"
	"dovetail/sources"
)

func TestShapes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`"POINT(3 4)"`: "POINT(3 4)",
		`{"type": "Point", "coordinates": [1, 1]}`:                                         "POINT (1 1)",
		`{"type": "Point", "coordinates": [1.5, -1e3, 7]}`:                                 "POINT (1.5 -1e3 7)",
		`{"type": "Point", "coordinates": []}`:                                             "POINT EMPTY",
		`{"type": "LineString", "coordinates": [[1, 1], [3, 5]]}`:                          "LINESTRING (1 1, 3 5)",
		`{"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}`:           "POLYGON ((0 0, 1 0, 1 1, 0 0))",
		`{"type": "MultiPoint", "coordinates": [[2, 3], [7, 8]]}`:                          "MULTIPOINT (2 3, 7 8)",
		`{"type": "MultiLineString", "coordinates": [[[1, 1], [3, 3]], [[5, 5], [7, 7]]]}`: "MULTILINESTRING ((1 1, 3 3), (5 5, 7 7))",
		`{"type": "MultiPolygon", "coordinates": [[[[0, 0], [1, 0], [1, 1], [0, 0]]]]}`:    "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)))",
		`{"type": "GeometryCollection", "geometries": [{"type": "LineString", "coordinates": [[1, 1], [3, 5]]}, {"type": "Point", "coordinates": [1, 2]}]}`: "GEOMETRYCOLLECTION (LINESTRING (1 1, 3 5), POINT (1 2))",
		`{"type": "GeometryCollection", "geometries": []}`: "GEOMETRYCOLLECTION EMPTY",
	} {
		if got, err := shapeText(parsedJSON(t, text)); err != nil || got != want {
			t.Errorf("%s: got %q %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{
		`{}`, `{"type": 1}`, `{"type": "Circle"}`, `{"type": "Point"}`, `{"type": "Point", "coordinates": 1}`, `{"type": "Point", "coordinates": [1]}`,
		`{"type": "Point", "coordinates": ["1); DROP TABLE x", 2]}`, `{"type": "LineString", "coordinates": [1, 2]}`,
		`{"type": "GeometryCollection"}`, `{"type": "GeometryCollection", "geometries": ["POINT (1 1)"]}`,
	} {
		_, err := shapeText(parsedJSON(t, text))
		if coded := new(sources.Error); !errors.As(err, &coded) || coded.Code != sources.CodeDataException {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

func parsedJSON(t *testing.T, text string) orderedjson.Value {
	t.Helper()
	j, err := orderedjson.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return j
}
