package schema_test

import (
	"fmt"
	"runtime"
	"testing"

	"dovetail/internal/kind"
	"dovetail/internal/metadata/catalog"
	"dovetail/internal/metadata/document"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/internal/schema"
	"dovetail/sources"
)

// kinds of columns in turn.
func columnTypes() []plan.Type {
	return []plan.Type{
		{Schema: "pg_catalog", Name: "int4", Scalar: "Int", Class: plan.ClassInteger},
		{Schema: "pg_catalog", Name: "text", Scalar: "String", Class: plan.ClassText},
		{Schema: "pg_catalog", Name: "timestamptz", Scalar: "timestamptz", Class: plan.ClassTime},
		{Schema: "pg_catalog", Name: "numeric", Scalar: "numeric", Class: plan.ClassNumber},
		{Schema: "pg_catalog", Name: "bool", Scalar: "Boolean", Class: plan.ClassBoolean},
		{Schema: "pg_catalog", Name: "jsonb", Scalar: "jsonb", Class: plan.ClassJSONB},
	}
}

// bigCatalog has tables of 20 columns that each refer to two others, and a role
// that may read all of them.
func bigCatalog(tb testing.TB, tables int) *catalog.Catalog {
	tb.Helper()
	comparisons := []plan.Operator{plan.Equal, plan.NotEqual, plan.In, plan.NotIn, plan.Greater, plan.Less, plan.GreaterOrEqual, plan.LessOrEqual}
	numbers := []string{"avg", "max", "min", "stddev", "stddev_pop", "stddev_samp", "sum", "var_pop", "var_samp", "variance"}
	capabilities := plan.Capabilities{
		Kind: "postgres", DistinctOn: true, Aggregates: true, AggregatePredicate: true, ColumnComparison: true, JSONPath: true,
		Operators: map[plan.TypeClass][]plan.Operator{}, AggregateFunctions: map[plan.TypeClass][]string{
			plan.ClassInteger: numbers, plan.ClassNumber: numbers, plan.ClassText: {"max", "min"}, plan.ClassTime: {"max", "min"},
		},
	}
	types := columnTypes()
	for _, t := range types {
		capabilities.Operators[t.Class] = comparisons
	}
	source := &document.Source{Name: "default", Kind: kind.Postgres}
	database := &sources.Database{}
	for i := range tables {
		name := document.TableName{Schema: "public", Name: fmt.Sprint("table_", i)}
		info := &sources.Table{Schema: "public", Name: name.Name, PrimaryKey: &sources.Key{Columns: []string{"c0"}}}
		for c := range 20 {
			info.Columns = append(info.Columns, &sources.Column{Name: fmt.Sprint("c", c), Type: types[c%len(types)], Nullable: c > 0})
		}
		t := &document.Table{Name: name, SelectPermissions: []*document.SelectPermission{{
			Role: "user", Columns: document.PermissionColumns{All: true}, AllowAggregations: true, Filter: orderedjson.Value{Kind: orderedjson.Object},
		}}}
		for _, r := range []struct {
			name, column string
			target       int
		}{{"left", "c6", i / 2}, {"right", "c12", i / 3}} {
			target := document.TableName{Schema: "public", Name: fmt.Sprint("table_", r.target)}
			info.ForeignKeys = append(info.ForeignKeys, &sources.ForeignKey{
				Name: r.name, Columns: []string{r.column}, TargetSchema: "public", TargetTable: target.Name, TargetColumns: []string{"c0"},
			})
			t.ObjectRelationships = append(t.ObjectRelationships, &document.Relationship{
				Name: r.name, Using: document.Using{ForeignKey: &document.ForeignKeyUsing{Columns: []string{r.column}}},
			})
		}
		t.ArrayRelationships = []*document.Relationship{{
			Name: "all_left", Array: true, Using: document.Using{ForeignKey: &document.ForeignKeyUsing{
				Table: &document.TableName{Schema: "public", Name: name.Name}, Columns: []string{"c6"},
			}},
		}}
		if i > 0 { // only the first refers to itself
			t.ArrayRelationships = nil
		}
		database.Tables = append(database.Tables, info)
		source.Tables = append(source.Tables, t)
	}
	c := catalog.Build(catalog.Input{
		Metadata:  &document.Metadata{Sources: []*document.Source{source}},
		Databases: map[string]catalog.Introspected{"default": {Database: database, Capabilities: capabilities}},
	})
	if len(c.Inconsistencies) > 0 {
		tb.Fatalf("inconsistent: %+v", c.Inconsistencies[0])
	}
	return c
}

// BenchmarkSchema builds every type of the schema of a role with 1,000 tables.
func BenchmarkSchema(b *testing.B) {
	c := bigCatalog(b, 1000)
	b.ReportAllocs()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var kept *schema.Schema
	types := 0
	for b.Loop() {
		kept = schema.ForRole(c, "user")
		types = len(kept.Types())
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(types), "types")
	b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/(1<<20), "kept-MB")
	runtime.KeepAlive(kept)
}

func TestBigSchemaHasAllTypes(t *testing.T) {
	s := schema.ForRole(bigCatalog(t, 50), "user")
	for _, name := range []string{"table_7", "table_49_bool_exp", "table_3_order_by", "table_0_aggregate_bool_exp", "table_9_select_column"} {
		if _, ok := s.TypeByName(name); !ok {
			t.Errorf("no type %s", name)
		}
	}
}
