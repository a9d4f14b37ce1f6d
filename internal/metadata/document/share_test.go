package document_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"dovetail/internal/metadata/document"
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

// TestParseAgain reads documents one after the other, each with what is known of
// the one before: it makes no difference but that the same tables are found again.
func TestParseAgain(t *testing.T) {
	table := func(i int, more string) string {
		return fmt.Sprintf(`{"table": {"schema": "public", "name": "t%d, \"{["}, "is_enum": false%s}`, i, more)
	}
	source := func(head string, tables ...string) string {
		return `{` + head + `, "tables": [ ` + strings.Join(tables, " ,\n") + `], "configuration": {"a": [1, {"b": "]}"}, -1.5e3]}}`
	}
	whole := func(rest string, sources ...string) string {
		return `{"version": 3, "sources": [` + strings.Join(sources, ",") + `]` + rest + `}`
	}
	a := `"name": "a", "kind": "postgres"`
	var earlier *document.Stored
	for i, c := range []struct {
		text  string
		known int
	}{
		{whole("", source(a, table(0, ""), table(1, ""), table(2, ""))), 0},
		{whole("", source(a, table(0, ""), table(1, ""), table(2, ""))), 3},
		{whole("", source(a, table(0, ""), table(1, `, "object_relationships": []`), table(2, ""))), 2},
		{whole("", source(a, table(5, ""), table(2, ""), table(0, ""))), 2},
		{whole("", source(a)), 0},
		{whole("", source(a, table(0, ""))), 0},
		{whole("", source(`"kind": "postgres", "name": "b"`, table(0, "")), source(a, table(0, ""))), 1},
		{whole("", source(`"name": "a", "kind": "sqlite"`, `{"table": {"name": "t"}}`)), 0},
		{whole(`, "actions": [], "inherited_roles": [{"role_name": "r", "role_set": ["x"]}]`, source(a, table(0, "")), source(`"name": "b"`, table(1, ""))), 0},
		{whole("", `{"name": "a", "tables": [`+table(0, "")+`], "kind": "postgres", "configuration": {}}`), 0},
		{whole(""), 0},
		{`{"version": 2, "tables": [` + table(0, "") + `]}`, 0},
		{"\n" + whole(" ", source(a, table(0, ""))) + " ", 0},
	} {
		want, _, err := document.Parse([]byte(c.text))
		if err != nil {
			t.Fatal(i, err)
		}
		old := map[*document.Table]bool{}
		if earlier != nil {
			for _, s := range earlier.Metadata().Sources {
				for _, table := range s.Tables {
					old[table] = true
				}
			}
		}
		got, _, err := document.ParseAgain([]byte(c.text), earlier)
		if err != nil {
			t.Fatal(i, err)
		}
		if !reflect.DeepEqual(got.Metadata(), want) {
			t.Errorf("%d: read as %s instead of %s", i, got.Metadata().Marshal(), want.Marshal())
		}
		known := 0
		for _, s := range got.Metadata().Sources {
			for _, table := range s.Tables {
				if old[table] {
					known++
				}
			}
		}
		if known != c.known {
			t.Errorf("%d: %d tables are known, not %d", i, known, c.known)
		}
		earlier = got
	}
	for _, wrong := range []string{``, `{`, `[]`, `{"version": 3}`, `{"version": 3, "sources": [{]}`, `{"version": 3, "sources": [{"name": "a", "tables": [}]`, `{"sources": [{"tables": ["`} {
		if _, _, err := document.ParseAgain([]byte(wrong), earlier); err == nil {
			t.Errorf("%s was read", wrong)
		}
	}
}

// FuzzParseAgain holds what is read of any text against Parse.
func FuzzParseAgain(f *testing.F) {
	first := []byte(`{"version":3,"sources":[{"name":"a","kind":"postgres","tables":[{"table":{"name":"t","schema":"public"}}],"configuration":{}}]}`)
	f.Add(first)
	f.Add([]byte(`{"version":3,"sources":[{"name":"a","kind":"postgres","tables":[{"table":{"name":"t","schema":"public"}},{"table":"u"}],"configuration":{}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		earlier, _, err := document.ParseAgain(first, nil)
		if err != nil {
			t.Fatal(err)
		}
		want, _, wantErr := document.Parse(text)
		got, _, err := document.ParseAgain(text, earlier)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%v instead of %v", err, wantErr)
		}
		if err == nil && !reflect.DeepEqual(got.Metadata(), want) {
			t.Fatalf("read as %s instead of %s", got.Metadata().Marshal(), want.Marshal())
		}
	})
}

// BenchmarkParseAgain reads a document of 5,000 tables, of which one has changed.
func BenchmarkParseAgain(b *testing.B) {
	var tables, permissions []string
	for role := range 10 {
		permissions = append(permissions, fmt.Sprintf(`{"role": "role%d", "permission": {"columns": ["id", "name", "owner"], "filter": {"owner": {"_eq": "X-Hasura-User-Id"}}}}`, role))
	}
	for i := range 5000 {
		tables = append(tables, fmt.Sprintf(`{"table": {"schema": "public", "name": "t%d"}, "select_permissions": [%s]}`, i, strings.Join(permissions, ",")))
	}
	text := func() []byte {
		return []byte(`{"version": 3, "sources": [{"name": "default", "kind": "postgres", "configuration": {}, "tables": [` + strings.Join(tables, ",") + `]}]}`)
	}
	before := text()
	tables[77] = `{"table": {"schema": "public", "name": "changed"}}`
	after := text()
	for name, again := range map[string]bool{"whole": false, "again": true} {
		b.Run(name, func(b *testing.B) {
			stored, _, err := document.ParseAgain(before, nil)
			if err != nil {
				b.Fatal(err)
			}
			if !again {
				stored = nil
			}
			b.SetBytes(int64(len(after)))
			for b.Loop() {
				if _, _, err := document.ParseAgain(after, stored); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
