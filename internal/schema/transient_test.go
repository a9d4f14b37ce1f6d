package schema_test

import (
	"testing"

	"dovetail/internal/schema"
)

// TestATransientSchemaIsTheSame holds the types of a schema that forgets against
// those of one that keeps.
func TestATransientSchemaIsTheSame(t *testing.T) {
	kept := schema.ForRole(bigCatalog(t, 20), "user")
	passing := kept.Transient()
	if len(kept.Types()) != len(passing.Types()) {
		t.Fatalf("%d types and %d", len(kept.Types()), len(passing.Types()))
	}
	for i, want := range kept.Types() {
		got := passing.Types()[i]
		for range 2 {
			if got.Name != want.Name || len(got.Fields()) != len(want.Fields()) || len(got.Inputs()) != len(want.Inputs()) ||
				len(got.Values()) != len(want.Values()) || len(got.Interfaces()) != len(want.Interfaces()) {
				t.Fatalf("%s and %s differ", got.Name, want.Name)
			}
			for f, field := range want.Fields() {
				if other := got.Fields()[f]; other.Name != field.Name || other.Type.String() != field.Type.String() || len(other.Args) != len(field.Args) {
					t.Fatalf("%s.%s and %s differ", want.Name, field.Name, other.Name)
				}
			}
			got.Forget()
		}
	}
	if kept.Large() || !schema.ForRole(bigCatalog(t, 1000), "user").Large() {
		t.Error("wrong about what is large")
	}
}
