package postgres

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/internal/testpostgres"
	"dovetail/sources"
)

// places are two points, a square around the first, a line through both, and a
// raster of the square; the last row is null throughout.
const places = `
CREATE TABLE place (id int PRIMARY KEY, point geometry(Point, 4326), area geometry, spot geography(Point, 4326), pixels raster, named geometry(PointZ, 4326));
INSERT INTO place VALUES
	(1, 'SRID=4326;POINT(1 1)', 'SRID=4326;POLYGON((0 0,2 0,2 2,0 2,0 0))', 'POINT(1 1)',
		ST_AddBand(ST_MakeEmptyRaster(2, 2, 0, 2, 1, -1, 0, 0, 4326), '8BUI'::text, 1, 0), 'SRID=4326;POINT Z(1 1 5)'),
	(2, 'SRID=4326;POINT(5 5)', 'SRID=4326;LINESTRING(1 1,5 5)', 'POINT(5 5)',
		ST_AddBand(ST_MakeEmptyRaster(2, 2, 4, 6, 1, -1, 0, 0, 4326), '8BUI'::text, 1, 0), 'SRID=4326;POINT Z(1 1 50)'),
	(3, NULL, NULL, NULL, NULL, NULL)`

func openPostGIS(t *testing.T) (*Source, func(string) plan.Column, plan.Rows) {
	t.Helper()
	url := testpostgres.Database(t)
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	available := 0
	err = c.QueryRow(t.Context(), `SELECT count(*) FROM pg_available_extensions WHERE name IN ('postgis', 'postgis_raster')`).Scan(&available)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close(t.Context())
	if available < 2 {
		t.Skip("SKIPPED: the Postgres server has no PostGIS (extensions postgis and postgis_raster); install it to test spatial types")
	}
	execute(t, url, "CREATE EXTENSION postgis; CREATE EXTENSION postgis_raster")
	execute(t, url, places)
	s := open(t, Config{URL: url})
	d, err := s.Introspect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s, func(name string) plan.Column { return column(d, "place", name) }, with(rowsOf(table(d, "place")))
}

// TestSpatialOperators runs the operators of PostGIS.
func TestSpatialOperators(t *testing.T) {
	s, column, rows := openPostGIS(t)
	const (
		point  = `{"type":"Point","coordinates":[1,1]}`
		far    = `{"type":"Point","coordinates":[5,5]}`
		inside = `{"type":"Point","coordinates":[0.5,1.5]}`
		square = `{"type":"Polygon","coordinates":[[[0,0],[2,0],[2,2],[0,2],[0,0]]]}`
		shaped = `{"type":"Polygon","coordinates":[[[1,1],[3,1],[3,3],[1,3],[1,1]]]}`
		beside = `{"type":"Polygon","coordinates":[[[2,0],[3,0],[3,2],[2,2],[2,0]]]}`
		line   = `{"type":"LineString","coordinates":[[0,3],[3,0]]}`
		near   = `{"type":"Point","coordinates":[1,1,5]}`
		high   = `{"type":"Point","coordinates":[1,1,50]}`
	)
	for _, c := range []struct {
		column   string
		operator plan.Operator
		value    string
		want     string
	}{
		{"point", plan.Equal, point, "1"},
		{"point", plan.NotEqual, point, "2"},
		{"point", plan.In, "[" + point + "," + far + "]", "1 2"},
		{"point", plan.NotIn, "[" + far + "]", "1"},
		{"point", plan.STEquals, point, "1"},
		{"point", plan.STWithin, square, "1"},
		{"point", plan.STIntersects, square, "1"},
		{"point", plan.STDWithin, `{"distance":5.7,"from":` + point + `}`, "1 2"},
		{"point", plan.STDWithin, `{"distance":1,"from":` + far + `}`, "2"},
		{"area", plan.STContains, inside, "1"},
		{"area", plan.STOverlaps, shaped, "1"},
		{"area", plan.STTouches, beside, "1 2"},
		{"area", plan.STCrosses, line, "1 2"},
		{"area", plan.ST3DIntersects, point, "1 2"},
		{"named", plan.ST3DIntersects, high, "2"},
		{"named", plan.ST3DDWithin, `{"distance":44,"from":` + near + `}`, "1"},
		{"spot", plan.Equal, point, "1"},
		{"spot", plan.NotEqual, point, "2"},
		{"spot", plan.In, "[" + point + "]", "1"},
		{"spot", plan.NotIn, "[" + point + "]", "2"},
		{"spot", plan.STIntersects, point, "1"},
		{"spot", plan.STDWithin, `{"distance":100,"from":` + point + `}`, "1"},
		{"spot", plan.STDWithin, `{"distance":700000,"from":` + point + `,"use_spheroid":false}`, "1 2"},
		{"pixels", plan.STIntersectsNBGeom, `{"nband":1,"geommin":` + inside + `}`, "1"},
		{"pixels", plan.STIntersectsGeomNB, `{"geommin":` + far + `,"nband":1}`, "2"},
		{"pixels", plan.STIntersectsGeomNB, `{"geommin":` + far + `}`, "2"},
	} {
		t.Run(c.column+" "+string(c.operator), func(t *testing.T) {
			condition := &plan.Compare{Left: &plan.ColumnOperand{Column: column(c.column)}, Operator: c.operator, Right: jsonValue(c.value)}
			expectPlaces(t, s, with(rows, where(condition)), column("id"), nil, c.want)
		})
	}
}

func expectPlaces(t *testing.T, s *Source, rows plan.Rows, id plan.Column, keys []plan.Bindings, want string) {
	t.Helper()
	rows.OrderBy = []plan.Order{{By: &plan.OrderColumn{Column: id}}}
	f := root(many(rows, &plan.ColumnField{Key: "id", Column: id}))
	for range keys {
		f.KeySets = append(f.KeySets, &plan.KeySet{})
	}
	got, err := tryRun(t.Context(), s, f, &plan.Arguments{KeySets: keys})
	if err != nil {
		t.Fatal(err)
	}
	wanted := "[]"
	if want != "" {
		wanted = `[{"id":` + strings.ReplaceAll(want, " ", `},{"id":`) + `}]`
	}
	if got[0] != wanted {
		t.Errorf("got %s, want %s", got[0], wanted)
	}
}

// TestSpatialValues reads geometries, compares rasters with rasters that were
// read, and takes geometries for keys.
func TestSpatialValues(t *testing.T) {
	s, column, rows := openPostGIS(t)
	field := func(name string) plan.Field { return &plan.ColumnField{Key: name, Column: column(name)} }
	first := with(rows, where(&plan.Compare{Left: &plan.ColumnOperand{Column: column("id")}, Operator: plan.Equal, Right: jsonValue("1")}))
	const crs = `"crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::4326"}}`
	want := `{"point":{"type":"Point",` + crs + `,"coordinates":[1,1]},"spot":{"type":"Point",` + crs + `,"coordinates":[1,1]}}`
	if got := run(t, s, root(one(first, field("point"), field("spot"))))[0]; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	raster, err := orderedjson.Parse([]byte(run(t, s, root(one(first, field("pixels"))))[0]))
	if err != nil {
		t.Fatal(err)
	}
	pixels, _ := raster.Get("pixels")
	for operator, found := range map[plan.Operator]string{plan.STIntersectsRast: "1", plan.Equal: "1", plan.NotEqual: "2", plan.In: "1", plan.NotIn: "2"} {
		condition := &plan.Compare{Left: &plan.ColumnOperand{Column: column("pixels")}, Operator: operator, Right: &plan.Literal{JSON: pixels}}
		expectPlaces(t, s, with(rows, where(condition)), column("id"), nil, found)
	}
	// As they are written, geometries are keys.
	list := root(many(with(rows, func(r *plan.Rows) {
		r.On = []plan.Correlation{{Column: column("point"), Binding: 0}}
	}), field("id")))
	list.Bindings = []plan.Binding{{Name: "point", Type: column("point").Type}}
	geometry, other := `{"type":"Point","coordinates":[5,5]}`, `{"type":"Point","coordinates":[9,9]}`
	if got := strings.Join(run(t, s, list, geometry, other), " "); got != `[{"id":2}] []` {
		t.Errorf("got %s", got)
	}
	sets := []plan.Bindings{{Width: 1, Cells: []string{geometry, other}}}
	in := &plan.InKeys{Columns: []plan.Column{column("point")}}
	expectPlaces(t, s, with(rows, where(in)), column("id"), sets, "2")
	expectPlaces(t, s, with(rows, where(&plan.Not{Part: in})), column("id"), sets, "1 3")
}

// TestSpatialMistakes gives values that are no geometries.
func TestSpatialMistakes(t *testing.T) {
	s, column, rows := openPostGIS(t)
	for _, value := range []string{`"POINT(1 1)"`, `{"type":"Nothing"}`, `5`} {
		condition := &plan.Compare{Left: &plan.ColumnOperand{Column: column("point")}, Operator: plan.STIntersects, Right: jsonValue(value)}
		_, err := tryRun(t.Context(), s, root(many(with(rows, where(condition)), &plan.ColumnField{Key: "id", Column: column("id")})), nil)
		var known *sources.Error
		if !errors.As(err, &known) || known.Code != sources.CodeDataException {
			t.Errorf("%s for a geometry gave %v", value, err)
		}
	}
}
