package catalog_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/kind"
	"dovetail/internal/metadata/catalog"
	"dovetail/internal/metadata/document"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/sources"
)

// world is what a golden file has described so far.
type world struct {
	input catalog.Input
	last  *catalog.Catalog
}

func TestBuild(t *testing.T) {
	datadriven.Walk(t, "testdata/build", func(t *testing.T, path string) {
		t.Helper()
		w := &world{input: catalog.Input{
			Version: 1, ResourceVersion: 1, Settings: catalog.Settings{InferFunctionPermissions: true},
			Databases:     map[string]catalog.Introspected{},
			RemoteSchemas: map[string]catalog.IntrospectedRemote{},
			EnumValues:    map[string]map[catalog.TableName][]catalog.EnumValue{},
		}}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			t.Helper()
			out, err := w.run(t, d)
			if err != nil {
				return "error: " + err.Error() + "\n"
			}
			if out == "" {
				return "ok\n"
			}
			return out
		})
	})
}

func argument(t *testing.T, d *datadriven.TestData, key, missing string) string {
	t.Helper()
	if d.HasArg(key) {
		d.ScanArgs(t, key, &missing)
	}
	return missing
}

func (w *world) run(t *testing.T, d *datadriven.TestData) (string, error) {
	t.Helper()
	name := argument(t, d, "name", "default")
	switch d.Cmd {
	case "database":
		described, err := describeDatabase(d.Input)
		kind := argument(t, d, "kind", kind.Postgres)
		w.input.Databases[name] = catalog.Introspected{
			Database: described.database, Capabilities: capabilities(kind), Version: 1, ParseType: typeOf,
		}
		w.input.EnumValues[name] = described.enums
		return "", err
	case "unreachable":
		w.input.Databases[name] = catalog.Introspected{
			Err: &sources.Error{Code: sources.CodeConnection, Message: "connection error", Cause: errors.New(d.Input)},
		}
		return "", nil
	case "remote":
		schema, err := gqlparser.LoadSchema(&ast.Source{Name: name, Input: d.Input})
		if err != nil {
			return "", err
		}
		w.input.RemoteSchemas[name] = catalog.IntrospectedRemote{
			Schema: schema, Version: 1,
			Permissions: map[string]*catalog.RemotePermission{"good": {Schema: schema}, "same": {Schema: schema}, "other": {
				Schema: schema, InputPresets: map[string]map[string]plan.Value{"In": {"x": &plan.Literal{}}},
			}},
			PermissionErrors: map[string]error{"bad": errors.New("validation for the given role-based schema failed")},
			Customization:    catalog.RemoteCustomization{Namespace: argument(t, d, "namespace", "")},
		}
		return "", nil
	case "build":
		m, err := w.metadata(t, d)
		if err != nil {
			return "", err
		}
		return w.build(t, m, strings.Split(argument(t, d, "show", ""), "+")), nil
	case "dependents":
		path := catalog.ObjectPath{
			Source: argument(t, d, "source", ""), Kind: argument(t, d, "kind", ""), Name: argument(t, d, "name", ""),
			RemoteSchema: argument(t, d, "remote", ""),
		}
		if d.HasArg("table") {
			n := nameOf(argument(t, d, "table", ""))
			path.Table = &n
		}
		return dropDescription(w.last.Dependents(path)) + "\n", nil
	}
	return "", fmt.Errorf("unknown command %s", d.Cmd)
}

// dropDescription is v2's refusal to drop what others depend on, naming them.
func dropDescription(dependents []catalog.Dependent) string {
	descriptions := make([]string, len(dependents))
	for i, d := range dependents {
		descriptions[i] = d.Description
	}
	slices.Sort(descriptions)
	return "cannot drop due to the following dependent objects: " + strings.Join(descriptions, ", ")
}

// metadata reads a document, or with part= the entries of one list of one table.
func (w *world) metadata(t *testing.T, d *datadriven.TestData) (*document.Metadata, error) {
	t.Helper()
	text := d.Input
	if part := argument(t, d, "part", ""); part != "" {
		text = w.last0(argument(t, d, "table", ""), part, text)
	}
	m, unknown, err := document.Parse([]byte(text))
	if err == nil && len(unknown) > 0 {
		err = errors.New(unknown[0].String())
	}
	return m, err
}

// last0 puts entries into a list of a table of the document built before.
func (w *world) last0(table, part, entries string) string {
	base := orderedjson.Value{}
	if w.input.Metadata != nil {
		base, _ = orderedjson.Parse(w.input.Metadata.Marshal())
	}
	replaceList(&base, table, part, entries)
	return base.String()
}

func replaceList(base *orderedjson.Value, table, part, entries string) {
	list, err := orderedjson.Parse([]byte(entries))
	if err != nil {
		list = orderedjson.Value{Kind: orderedjson.String, Text: err.Error()}
	}
	sourceList, _ := base.Get("sources")
	for _, s := range sourceList.Items {
		tables, _ := s.Get("tables")
		for i, t := range tables.Items {
			name, _ := t.Get("table")
			if n, _ := name.Get("name"); n.Text != table {
				continue
			}
			out := orderedjson.Value{Kind: orderedjson.Object}
			for k, key := range t.Keys {
				if key != part {
					out.Keys, out.Items = append(out.Keys, key), append(out.Items, t.Items[k])
				}
			}
			out.Keys, out.Items = append(out.Keys, part), append(out.Items, list)
			tables.Items[i] = out
		}
	}
}

// A big catalog has to be built fast, since every change of metadata builds it.
func TestBuildIsFast(t *testing.T) {
	in := bigInput(5000, 10)
	start := time.Now()
	c := catalog.Build(in)
	took := time.Since(start)
	if len(c.Inconsistencies) > 0 {
		t.Fatalf("inconsistent: %+v", c.Inconsistencies[0])
	}
	if n := len(c.Sources[0].Tables[4999].Select); n != 11 {
		t.Errorf("%d permissions, want 11", n)
	}
	t.Logf("5,000 tables with 11 roles: %v", took)
	if took > 30*time.Second { // half a second on an idle machine; the bound leaves room for busy ones and the race detector
		t.Errorf("building took %v", took)
	}
}

func BenchmarkBuild(b *testing.B) {
	in := bigInput(5000, 10)
	b.ReportAllocs()
	for b.Loop() {
		catalog.Build(in)
	}
}

// bigInput has tables that all refer to the one before, and an inherited role.
func bigInput(tables, roles int) catalog.Input {
	source := &document.Source{Name: "default", Kind: kind.Postgres}
	database := &sources.Database{}
	filter, err := orderedjson.Parse([]byte(`{"_or":[{"owner":{"_eq":"X-Hasura-User-Id"}},{"parent":{"open":{"_eq":true}}}]}`))
	if err != nil {
		panic(err)
	}
	inherited := &document.InheritedRole{Name: "all"}
	for r := range roles {
		inherited.Roles = append(inherited.Roles, fmt.Sprint("role", r))
	}
	for i := range tables {
		name := document.TableName{Schema: "public", Name: fmt.Sprint("t", i)}
		info := &sources.Table{Schema: "public", Name: name.Name, PrimaryKey: &sources.Key{Columns: []string{"id"}}}
		for _, c := range []string{"id", "owner", "parent_id"} {
			info.Columns = append(info.Columns, &sources.Column{Name: c, Type: typeOf("int4")})
		}
		info.Columns = append(info.Columns, &sources.Column{Name: "open", Type: typeOf("bool")})
		for c := range 8 {
			info.Columns = append(info.Columns, &sources.Column{Name: fmt.Sprint("c", c), Type: typeOf("text")})
		}
		info.ForeignKeys = []*sources.ForeignKey{{
			Columns: []string{"parent_id"}, TargetSchema: "public", TargetTable: fmt.Sprint("t", max(0, i-1)), TargetColumns: []string{"id"},
		}}
		database.Tables = append(database.Tables, info)
		t := &document.Table{Name: name, ObjectRelationships: []*document.Relationship{{
			Name: "parent", Using: document.Using{ForeignKey: &document.ForeignKeyUsing{Columns: []string{"parent_id"}}},
		}}}
		for _, role := range inherited.Roles {
			t.SelectPermissions = append(t.SelectPermissions, &document.SelectPermission{
				Role: role, Columns: document.PermissionColumns{Names: []string{"id", "owner", "open", "c0", "c1", "c2"}}, Filter: filter,
			})
		}
		source.Tables = append(source.Tables, t)
	}
	return catalog.Input{
		Metadata:  &document.Metadata{Sources: []*document.Source{source}, InheritedRoles: []*document.InheritedRole{inherited}},
		Databases: map[string]catalog.Introspected{"default": {Database: database, Capabilities: capabilities("postgres")}},
	}
}

// build makes the catalog, from nothing and from what the one before has in common
// with it: they must be the same.
func (w *world) build(t *testing.T, m *document.Metadata, show []string) string {
	t.Helper()
	if w.input.Metadata != nil {
		m.Share(w.input.Metadata)
	}
	w.input.Metadata = m
	before := w.last
	w.last = catalog.Build(w.input)
	again := w.input
	again.Earlier = before
	first := catalog.Build(again)
	again.Earlier = first
	whole := dumpCatalog(w.last, show)
	for _, c := range []*catalog.Catalog{first, catalog.Build(again)} {
		if text := dumpCatalog(c, show); text != whole {
			t.Errorf("the catalog is\n%s\nbut with an earlier one\n%s", whole, text)
		}
	}
	return whole
}
