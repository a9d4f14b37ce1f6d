package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMetadataCommands exports a project, applies it to another engine, and
// finds no difference; then one.
func TestMetadataCommands(t *testing.T) {
	t.Parallel()
	server := startShop(t, func(s *settings) { s.adminSecret = "s" })
	folder := t.TempDir()
	do := func(arguments ...string) (string, error) {
		var out bytes.Buffer
		err := run(t.Context(), append(arguments, "--endpoint", server.URL, "--project", folder, "--admin-secret", "s"), variables(), &out, io.Discard)
		return out.String(), err
	}
	for _, c := range []struct{ verb, want string }{
		{"export", "1 table(s)"},
		{"validate", "valid: 1 source(s), 1 table(s)"},
		{"diff", "no difference"},
		{"apply", "applied: 1 source(s)"},
		{"export", "exported"},
		{"diff", "no difference"},
		{"reload", `"is_consistent": true`},
	} {
		if out, err := do("metadata", c.verb); err != nil || !strings.Contains(out, c.want) {
			t.Fatalf("%s: %s %v", c.verb, out, err)
		}
	}
	table := filepath.Join(folder, "databases", "default", "tables", "item.yaml")
	text, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(table, append(text, []byte("configuration:\n  custom_name: thing\n")...), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := do("metadata", "diff"); !errors.Is(err, errDifferent) || exitCode(err) != 1 || !strings.Contains(out, `+            "custom_name": "thing"`) {
		t.Errorf("%s %v", out, err)
	}
	if _, err := do("metadata", "apply"); err != nil {
		t.Error(err)
	}
	if out, err := do("explain", "{ thing { name } }"); err != nil || !strings.Contains(out, "SELECT") {
		t.Errorf("%s %v", out, err)
	}
	if err := os.WriteFile(table, []byte("table: item\nis_enum: 7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := do("metadata", "validate"); err == nil || !strings.Contains(err.Error(), "item.yaml:2:") {
		t.Errorf("a faulty file: %v", err)
	}
	if err := os.WriteFile(table, []byte("table: item\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{
		"actions.yaml":    "actions:\n  - name: a\n    definition:\n      handler: http://host/a\n      kind: synchronous\n    permissions:\n      - role: user\n",
		"actions.graphql": "type Query { a(b: String!): O }\ntype O { c: Int }\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ verb, want string }{
		{"validate", "warning: 1 action(s) are kept in the metadata but not served"},
		{"apply", "warning: 1 action(s) are kept in the metadata but not served"},
		{"diff", "no difference"},
		{"export", "1 action(s)"},
		{"diff", "no difference"},
	} {
		if out, err := do("metadata", c.verb); err != nil || !strings.Contains(out, c.want) {
			t.Fatalf("%s with an action: %s %v", c.verb, out, err)
		}
	}
	if _, err := do("metadata", "sing"); err == nil {
		t.Error("an unknown verb was accepted")
	}
	if status, _ := send(t, http.MethodGet, server.URL+"/healthz", "", nil); status != http.StatusOK {
		t.Errorf("health: %d", status)
	}
}

// TestMetadataDiffAndValidate holds what metadata diff calls a difference and ends
// with, and what metadata validate sees with and without the databases.
func TestMetadataDiffAndValidate(t *testing.T) {
	t.Parallel()
	server := startShop(t, func(s *settings) { s.adminSecret = "s" })
	folder := t.TempDir()
	do := func(arguments ...string) (string, error) {
		var out bytes.Buffer
		err := run(t.Context(), append([]string{"metadata"}, append(arguments, "--project", folder, "--admin-secret", "s")...), variables(), &out, io.Discard)
		return out.String(), err
	}
	if out, err := do("export", "--endpoint", server.URL); err != nil {
		t.Fatalf("%s %v", out, err)
	}
	table := filepath.Join(folder, "databases", "default", "tables", "item.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(table, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const permission = "select_permissions:\n  - permission:\n      filter: {id: {_eq: x-hasura-item}}\n      columns: %s\n    role: user\ntable: item\n"
	write(fmt.Sprintf(permission, "[id, name]"))
	if out, err := do("diff", "--endpoint", server.URL); err != nil || !strings.Contains(out, "no difference") {
		t.Errorf("another order of keys: %s %v", out, err)
	}
	if out, err := do("validate", "--online"); err != nil || !strings.Contains(out, "valid, as its databases") {
		t.Errorf("online: %s %v", out, err)
	}
	write(fmt.Sprintf(permission, "[name, id]"))
	if out, err := do("diff", "--endpoint", server.URL); exitCode(err) != 1 || !errors.Is(err, errDifferent) {
		t.Errorf("another order of a list: %s %v", out, err)
	}
	if out, err := do("diff", "--endpoint", "http://127.0.0.1:1"); err == nil || exitCode(err) != codeTrouble {
		t.Errorf("no engine: %s %v", out, err)
	}
	write(fmt.Sprintf(permission, "[id, price]"))
	if out, err := do("validate"); err != nil || !strings.Contains(out, "not looked at") {
		t.Errorf("offline: %s %v", out, err)
	}
	if out, err := do("validate", "--online"); err == nil || !strings.Contains(out, "inconsistent: ") || !strings.Contains(out, "price") {
		t.Errorf("a column that is not there: %s %v", out, err)
	}
}
