package document_test

import (
	"fmt"
	"strings"
	"testing"

	"dovetail/metadata/document"
)

func manyTables(t *testing.T, edit func(i int, table string) string) *document.Metadata {
	t.Helper()
	tables := make([]string, 0, 20)
	for i := range 20 {
		table := fmt.Sprintf(`{"table": {"schema": "public", "name": "t%d"}, "object_relationships": [
			{"name": "up", "using": {"foreign_key_constraint_on": "up_id"}}], "select_permissions": [
			{"role": "user", "permission": {"columns": ["id"], "filter": {"id": {"_gt": %d}}, "limit": 5}}]}`, i, i)
		if table = edit(i, table); table != "" {
			tables = append(tables, table)
		}
	}
	m, _, err := document.Parse([]byte(`{"version": 3, "sources": [{"name": "default", "kind": "postgres", "configuration": {}, "tables": [` +
		strings.Join(tables, ",") + `]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestShare tells changed tables from those that are as they were, and writes the
// latter from the earlier text.
func TestShare(t *testing.T) {
	same := func(_ int, table string) string { return table }
	for name, c := range map[string]struct {
		edit   func(i int, table string) string
		shared int
	}{
		"nothing": {same, 20},
		"one is gone": {func(i int, table string) string {
			if i == 3 {
				return ""
			}
			return table
		}, 19},
		"a filter": {func(i int, table string) string {
			if i == 3 {
				return strings.Replace(table, "_gt", "_lt", 1)
			}
			return table
		}, 19},
		"a limit": {func(_ int, table string) string { return strings.Replace(table, `"limit": 5`, `"limit": 6`, 1) }, 0},
		"relationships": {func(i int, table string) string {
			return strings.Replace(table, "up_id", fmt.Sprint("up_", i%2, "_id"), 1)
		}, 0},
		"an enum": {func(i int, table string) string {
			if i == 19 {
				return strings.Replace(table, `{"table"`, `{"is_enum": true, "table"`, 1)
			}
			return table
		}, 19},
	} {
		before, after := manyTables(t, same), manyTables(t, c.edit)
		want := string(after.Marshal())
		after.Share(before)
		shared := 0
		for _, table := range after.Sources[0].Tables {
			if old, ok := before.Sources[0].Table(table.Name); ok && old == table {
				shared++
			}
		}
		if shared != c.shared {
			t.Errorf("%s: %d tables are shared, not %d", name, shared, c.shared)
		}
		if got := string(after.Encode(before.Encode(nil)).Text()); got != want {
			t.Errorf("%s: got  %s\nwant %s", name, got, want)
		}
		if copied := after.Clone(); string(copied.Marshal()) != want {
			t.Errorf("%s: a copy says something else", name)
		} else if copied.Share(after); copied.Sources[0].Tables[0] != after.Sources[0].Tables[0] {
			t.Errorf("%s: a copy's tables are not known", name)
		}
	}
}
