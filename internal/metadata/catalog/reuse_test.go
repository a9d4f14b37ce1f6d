package catalog_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dovetail/internal/kind"
	"dovetail/internal/metadata/catalog"
	"dovetail/internal/metadata/document"
	"dovetail/internal/plan"
	"dovetail/sources"
)

// drawn is a database and what is tracked of it, as a sequence of changes leaves
// them.
type drawn struct {
	exists, tracked, isEnum, comment [5]bool
	filters                          [5]int
	inherited, remote                bool
}

func (d *drawn) change(t *rapid.T) {
	i := rapid.IntRange(0, len(d.exists)-1).Draw(t, "table")
	flip := func(b *bool) { *b = !*b }
	switch rapid.IntRange(0, 6).Draw(t, "change") {
	case 0:
		flip(&d.exists[i])
	case 1:
		flip(&d.tracked[i])
	case 2:
		flip(&d.isEnum[i])
	case 3:
		flip(&d.comment[i])
	case 4:
		d.filters[i] = rapid.IntRange(0, 7).Draw(t, "filter")
	case 5:
		flip(&d.inherited)
	case 6:
		flip(&d.remote)
	}
}

func (d *drawn) database() (*sources.Database, map[catalog.TableName][]catalog.EnumValue) {
	text := plan.Type{Schema: "pg_catalog", Name: "text", Scalar: "String", Class: plan.ClassText}
	out, enums := &sources.Database{}, map[catalog.TableName][]catalog.EnumValue{}
	for i, exists := range d.exists {
		if !exists {
			continue
		}
		name, next := fmt.Sprint("t", i), fmt.Sprint("t", (i+1)%len(d.exists))
		info := &sources.Table{
			Schema: "public", Name: name, PrimaryKey: &sources.Key{Columns: []string{"id"}},
			Columns: []*sources.Column{{Name: "id", Type: text}, {Name: "next_id", Type: text}},
		}
		if d.comment[i] {
			info.Comment = "described"
		}
		if d.exists[(i+1)%len(d.exists)] {
			info.ForeignKeys = []*sources.ForeignKey{{
				Name: "k", Columns: []string{"next_id"}, TargetSchema: "public", TargetTable: next, TargetColumns: []string{"id"},
			}}
		}
		out.Tables = append(out.Tables, info)
		enums[catalog.TableName{Schema: "public", Name: name}] = []catalog.EnumValue{{Value: "red"}}
	}
	return out, enums
}

func (d *drawn) metadata(t *rapid.T) *document.Metadata {
	filters := []string{
		`{}`, `{"id": {"_eq": "a"}}`, `{"next": {"id": {"_eq": "a"}}}`, `{"next": {"next": {"id": {"_eq": "a"}}}}`,
		`{"_exists": {"_table": {"schema": "public", "name": "t0"}, "_where": {"next": {}}}}`, `{"all": {"id": {"_in": ["a"]}}}`,
		`{"far": {"id": {"_eq": "a"}}}`, `{"all_aggregate": {"count": {"predicate": {"_gt": 1}}}}`,
	}
	var tables []string
	for i, tracked := range d.tracked {
		if !tracked {
			continue
		}
		before, far := (i+len(d.tracked)-1)%len(d.tracked), ""
		if d.remote {
			far = fmt.Sprintf(`, "remote_relationships": [{"name": "far", "definition": {"to_source": {"relationship_type": "object",
				"source": "default", "table": {"schema": "public", "name": "t%d"}, "field_mapping": {"id": "id"}}}}]`, before)
		}
		tables = append(tables, fmt.Sprintf(`{"table": {"schema": "public", "name": "t%d"}, "is_enum": %v,
			"object_relationships": [{"name": "next", "using": {"foreign_key_constraint_on": "next_id"}}],
			"array_relationships": [{"name": "all", "using": {"foreign_key_constraint_on": {"column": "next_id", "table": {"schema": "public", "name": "t%d"}}}}],
			"select_permissions": [{"role": "a", "permission": {"columns": "*", "filter": %s}}, {"role": "b", "permission": {"columns": ["id"], "filter": {}}}]%s}`,
			i, d.isEnum[i], before, filters[d.filters[i]], far))
	}
	inherited := ""
	if d.inherited {
		inherited = `, "inherited_roles": [{"role_name": "both", "role_set": ["a", "b"]}, {"role_name": "one", "role_set": ["a"]}]`
	}
	m, _, err := document.Parse([]byte(`{"version": 3, "sources": [{"name": "default", "kind": "postgres", "configuration": {}, "tables": [` +
		strings.Join(tables, ",") + `]}]` + inherited + `}`))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestReuse builds catalogs one out of the other, and each from nothing: they must
// be the same, and the earlier ones must stay as they are.
func TestReuse(t *testing.T) {
	shown := []string{"tables", "permissions", "roles"}
	rapid.Check(t, func(t *rapid.T) {
		d := &drawn{exists: [5]bool{true, true, true, true, true}, tracked: [5]bool{true, true, true, true, true}}
		var last *catalog.Catalog
		var lastMetadata *document.Metadata
		var lastDatabase *sources.Database
		text := ""
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			for range rapid.IntRange(0, 2).Draw(t, "changes") {
				d.change(t)
			}
			database, enums := d.database()
			m := d.metadata(t)
			if last != nil {
				m.Share(lastMetadata)
				database.Share(lastDatabase)
			}
			in := catalog.Input{
				Metadata: m, Databases: map[string]catalog.Introspected{"default": {Database: database, Capabilities: capabilities(kind.Postgres)}},
				EnumValues: map[string]map[catalog.TableName][]catalog.EnumValue{"default": enums},
			}
			whole := dumpCatalog(catalog.Build(in), shown)
			in.Earlier = last
			now := catalog.Build(in)
			if got := dumpCatalog(now, shown); got != whole {
				t.Fatalf("the catalog is\n%s\nbut out of the earlier one\n%s", whole, got)
			}
			if last != nil && dumpCatalog(last, shown) != text {
				t.Fatal("an earlier catalog has changed")
			}
			pointsToItself(t, now)
			last, lastMetadata, lastDatabase, text = now, m, database, whole
		}
	})
}

// pointsToItself checks that no table leads out of its catalog.
func pointsToItself(t *rapid.T, c *catalog.Catalog) {
	for _, s := range c.Sources {
		own := func(table *catalog.Table) bool {
			found, ok := s.Table(table.Name)
			return ok && found == table
		}
		for _, table := range s.Tables {
			for _, r := range table.Local {
				for i := range r.Left {
					left, _ := table.Column(r.Left[i].Info.Name)
					right, _ := r.Target.Column(r.Right[i].Info.Name)
					if left != r.Left[i] || right != r.Right[i] {
						t.Fatalf("%s.%s has others' columns", table.Name, r.Name)
					}
				}
				if !own(r.Target) {
					t.Fatalf("%s.%s leads out of the catalog", table.Name, r.Name)
				}
			}
			for _, column := range table.Columns {
				if column.Enum != nil && !own(column.Enum) {
					t.Fatalf("%s.%s leads out of the catalog", table.Name, column.Info.Name)
				}
			}
		}
	}
}
