package catalog_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"dovetail/internal/kind"
	"dovetail/internal/metadata/catalog"
	"dovetail/internal/metadata/document"
	"dovetail/sources"
)

// The matrix of column types is pinned whole: every cell is the cast that a
// remote relationship gets, = for none and . for a refusal.
func TestKeyTypes(t *testing.T) {
	datadriven.RunTest(t, "testdata/keytypes", func(t *testing.T, d *datadriven.TestData) string {
		t.Helper()
		types := strings.Fields(d.Input)
		var b strings.Builder
		fmt.Fprintf(&b, "%-12s", "left\\right")
		for _, name := range types {
			fmt.Fprintf(&b, "%-12s", name)
		}
		b.WriteString("\n")
		for _, left := range types {
			fmt.Fprintf(&b, "%-12s", left)
			for _, right := range types {
				fmt.Fprintf(&b, "%-12s", keyCastOf(left, right))
			}
			b.WriteString("\n")
		}
		var lines []string
		for line := range strings.Lines(b.String()) {
			lines = append(lines, strings.TrimRight(line, " \n"))
		}
		return strings.Join(lines, "\n")
	})
}

// keyCastOf builds a catalog with one relationship between columns of two types.
func keyCastOf(left, right string) string {
	table := func(name, column string) *sources.Table {
		return &sources.Table{Schema: "public", Name: name, Columns: []*sources.Column{{Name: "c", Type: typeOf(column)}}}
	}
	name := document.TableName{Schema: "public", Name: "l"}
	target := document.TableName{Schema: "public", Name: "r"}
	c := catalog.Build(catalog.Input{
		Metadata: &document.Metadata{Sources: []*document.Source{{Name: "s", Kind: kind.Postgres, Tables: []*document.Table{
			{Name: name, RemoteRelationships: []*document.RemoteRelationship{{Name: "x", ToSource: &document.ToSource{
				Source: "s", Table: target.JSON(), FieldMapping: document.Mapping{{Key: "c", Value: "c"}},
			}}}},
			{Name: target},
		}}}},
		Databases: map[string]catalog.Introspected{"s": {
			Database: &sources.Database{Tables: []*sources.Table{table("l", left), table("r", right)}}, Capabilities: capabilities("postgres"),
		}},
	})
	if len(c.Inconsistencies) > 0 {
		return "."
	}
	if cast := c.Sources[0].Tables[0].ToSource[0].Pairs[0].Cast; cast != "" {
		return string(cast)
	}
	return "="
}
