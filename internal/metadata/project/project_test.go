package project_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dovetail/internal/metadata/document"
	"dovetail/internal/metadata/project"
	"dovetail/internal/orderedjson"
)

const whole = `{"version":3,"sources":[{"name":"default","kind":"postgres","tables":[` +
	`{"table":{"name":"author","schema":"public"},"object_relationships":[{"name":"address","using":{"foreign_key_constraint_on":"address_id"}}],` +
	`"select_permissions":[{"role":"user","permission":{"columns":["id","yes"],"filter":{"id":{"_eq":"X-Hasura-User-Id"}},"limit":100}}]},` +
	`{"table":{"name":"a/b","schema":"public"}},{"table":{"name":"a_b","schema":"public"}}],` +
	`"functions":[{"function":{"name":"search","schema":"public"}}],` +
	`"configuration":{"connection_info":{"database_url":{"from_env":"PG"},"isolation_level":"read-committed"}}}],` +
	`"query_collections":[{"name":"c","definition":{"queries":[{"name":"q","query":"query {\n  author { id }\n}"}]}}],` +
	`"allowlist":[{"collection":"c","scope":{"global":true}}],"inherited_roles":[{"role_name":"m","role_set":["user","x"]}]}`

// TestRoundTrip writes metadata as a project and reads it back, twice.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	stale := filepath.Join(folder, "databases", "default", "tables", "gone.yaml")
	if err := os.MkdirAll(filepath.Dir(stale), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(stale, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	want, _, err := document.Parse([]byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	text := want.Marshal()
	for range 2 {
		j, err := orderedjson.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := project.Write(folder, j); err != nil {
			t.Fatal(err)
		}
		read, err := project.Read(folder)
		if err != nil {
			t.Fatal(err)
		}
		m, unknown, err := read.Metadata()
		if err != nil || len(unknown) > 0 {
			t.Fatal(err, unknown)
		}
		if string(m.Marshal()) != string(want.Marshal()) {
			t.Fatalf("%s\n%s", m.Marshal(), want.Marshal())
		}
		text = m.Marshal()
	}
	if _, err := os.Stat(stale); err == nil {
		t.Error("the file of a table that is gone stays")
	}
	list, err := os.ReadFile(filepath.Join(folder, "databases", "default", "tables", "tables.yaml"))
	if err != nil || !strings.Contains(string(list), `- "!include public_author.yaml"`) {
		t.Errorf("%s %v", list, err)
	}
}

// TestActions reads a project as v2's command line writes it, and writes it
// again.
func TestActions(t *testing.T) {
	t.Parallel()
	read := func(folder string) string {
		p, err := project.Read(folder)
		if err != nil {
			t.Fatal(err)
		}
		m, unknown, err := p.Metadata()
		if err != nil || len(unknown) > 0 {
			t.Fatal(err, unknown)
		}
		return string(m.Normalized().Marshal())
	}
	text := read("testdata/actions")
	want, err := os.ReadFile("testdata/actions.json")
	if err != nil {
		t.Fatal(err)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, []byte(text), "", "  "); err != nil {
		t.Fatal(err)
	}
	if pretty.String()+"\n" != string(want) {
		t.Errorf("read:\n%s", pretty.String())
	}
	folder := t.TempDir()
	j, err := orderedjson.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := project.Write(folder, j); err != nil {
		t.Fatal(err)
	}
	if again := read(folder); again != text {
		t.Errorf("written and read again:\n%s\n%s", again, text)
	}
	for _, file := range []string{"actions.yaml", "actions.graphql", "cron_triggers.yaml", "remote_schemas.yaml", "remote_schemas/weather/permissions/user.graphql"} {
		before, err := os.ReadFile(filepath.Join("testdata/actions", file))
		if err != nil {
			t.Fatal(err)
		}
		after, err := os.ReadFile(filepath.Join(folder, file))
		if err != nil || string(after) != string(before) {
			t.Errorf("%s: %v\n%s", file, err, after)
		}
	}
}

// TestWholeDocument writes a document with everything in it as a project, and
// reads it back.
func TestWholeDocument(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../document/testdata/example.json")
	if err != nil {
		t.Fatal(err)
	}
	want, _, err := document.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	written, err := orderedjson.Parse(want.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	if err := project.Write(folder, written); err != nil {
		t.Fatal(err)
	}
	p, err := project.Read(folder)
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := p.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	if string(m.Normalized().Marshal()) != string(want.Normalized().Marshal()) {
		t.Errorf("%s\n%s", m.Marshal(), want.Marshal())
	}
}

func TestFaultsNameTheirPlace(t *testing.T) {
	t.Parallel()
	base := map[string]string{
		"version.yaml":             "version: 3\n",
		"databases/databases.yaml": "- name: default\n  kind: postgres\n  configuration:\n    connection_info:\n      database_url: x\n  tables: !include default/tables.yaml\n",
	}
	for _, c := range []struct{ file, text, want string }{
		{"databases/default/tables.yaml", "- table:\n    schema: public\n    name: author\n  selekt: []\n", "databases/default/tables.yaml:1: unexpected keys"},
		{"databases/default/tables.yaml", "- table:\n    schema: public\n    name: author\n  is_enum: 7\n", "databases/default/tables.yaml:4:"},
		{"databases/default/tables.yaml", "- table: [\n", "databases/default/tables.yaml:1:"},
		{"databases/default/tables.yaml", "- \"!include none.yaml\"\n", "databases/default/tables.yaml:1: reading the project"},
		{"databases/default/tables.yaml", "- \"!include ../../../x.yaml\"\n", "is not a file of the project"},
		{"databases/default/tables.yaml", "!include tables.yaml\n", "includes itself"},
		{"databases/default/tables.yaml", "- a: 1\n  a: 2\n", "databases/default/tables.yaml:"},
		{"version.yaml", "version: 2\n", "version.yaml:1: expected version: 3"},
		{"actions.yaml", "custom_types: {}\nactions:\n- name: b\n  definition: {output_type: Int}\n- name: a\n", "actions.yaml:5: actions.graphql has no field \"a\""},
		{"actions.yaml", "actions: []\ncustom_types:\n  objects:\n  - name: O\n", "actions.yaml:4: actions.graphql does not define the type \"O\""},
		{"actions.yaml", "actions:\n- definition: {output_type: Int}\n", "actions.yaml:2: "},
		{"actions.graphql", "type O {\n  a: Int\n}\ntype Query {\n  b: Int\n}\n", "actions.graphql:5: actions.yaml has no action \"b\""},
		{"actions.graphql", "type O {\n  a: Int\n}\n}\n", "actions.graphql:4: "},
		{"actions.graphql", "type O { a: Int }\ninput O { a: Int }\n", "actions.graphql:2: the type \"O\" is defined twice"},
		{"actions.graphql", "\nunion U = A | B\n", "actions.graphql:2: the type \"U\" can't be one of an action"},
		{"rest_endpoints.yaml", "- name: a\n  url: b\n  methods:\n  - SING\n", "rest_endpoints.yaml:"},
	} {
		folder := t.TempDir()
		files := map[string]string{"databases/default/tables.yaml": "[]\n"}
		maps.Copy(files, base)
		files[c.file] = c.text
		for name, text := range files {
			target := filepath.Join(folder, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(target, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		p, err := project.Read(folder)
		if err == nil {
			_, _, err = p.Metadata()
		}
		if err == nil || !strings.Contains(err.Error(), filepath.FromSlash(c.want)) {
			t.Errorf("%q: %v, want %q", c.text, err, c.want)
		}
	}
}
