package remoteschema_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/plan"
	"dovetail/remoteschema"
)

// TestPermissions holds the reading of roles' documents against goldens: the
// upstream schema first, then documents.
func TestPermissions(t *testing.T) {
	var upstream *ast.Schema
	datadriven.RunTest(t, "testdata/permissions", func(t *testing.T, d *datadriven.TestData) string {
		t.Helper()
		if d.Cmd == "upstream" {
			schema, err := gqlparser.LoadSchema(&ast.Source{Input: d.Input})
			if err != nil {
				t.Fatal(err)
			}
			upstream = schema
			return ""
		}
		p, err := remoteschema.ParsePermission(d.Input, upstream)
		if err != nil {
			return err.Error() + "\n"
		}
		return describePermission(p)
	})
}

func describePermission(p *remoteschema.Permission) string {
	var lines []string
	for name, d := range p.Schema.Types {
		if d.BuiltIn {
			continue
		}
		var parts []string
		for _, f := range d.Fields {
			parts = append(parts, f.Name)
		}
		for _, v := range d.EnumValues {
			parts = append(parts, v.Name)
		}
		for _, possible := range p.Schema.GetPossibleTypes(d) {
			if possible != d {
				parts = append(parts, "→"+possible.Name)
			}
		}
		lines = append(lines, fmt.Sprintf("%s %s: %s", d.Kind, name, strings.Join(parts, " ")))
	}
	for typeName, fields := range p.Presets {
		for field, arguments := range fields {
			for argument, value := range arguments {
				lines = append(lines, fmt.Sprintf("preset %s.%s(%s: %s)", typeName, field, argument, plan.ValueText(value)))
			}
		}
	}
	for typeName, fields := range p.InputPresets {
		for field, value := range fields {
			lines = append(lines, fmt.Sprintf("preset %s.%s = %s", typeName, field, plan.ValueText(value)))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n") + "\n"
}

// FuzzPermission looks for documents that break the reader.
func FuzzPermission(f *testing.F) {
	upstream := gqlparser.MustLoadSchema(&ast.Source{Input: `type Query { a(b: I, c: [E!], d: S): U } input I { x: Int!, y: I } enum E { V } scalar S union U = T type T { t: ID }`})
	for _, seed := range []string{
		`type Query { a(b: I @preset(value: {x: 1, y: {x: "x-hasura-y"}}), c: [E!] @preset(value: [V]), d: S @preset(value: {a: [1, null]}, static: true)): U } input I { x: Int! } enum E { V } scalar S union U = T type T { t: ID }`,
		`schema { query: Query } extend type Query { a: Int } directive @x on FIELD`,
		`interface Query { a: Int } type T implements & T { t(a: Int = 1): [[ID!]!]! }`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, document string) {
		p, err := remoteschema.ParsePermission(document, upstream)
		if err == nil && p.Schema.Query == nil {
			t.Error("no query root, but no fault either")
		}
	})
}
