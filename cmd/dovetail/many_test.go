package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestManyTables tracks and untracks many tables with one command each: what is
// served is built anew once, not once for each table.
func TestManyTables(t *testing.T) {
	t.Parallel()
	server := startShop(t, func(s *settings) { s.adminSecret = "s" })
	do := func(path, body string) string {
		t.Helper()
		status, text := send(t, http.MethodPost, server.URL+path, body, map[string]string{"x-hasura-admin-secret": "s"})
		if status != http.StatusOK {
			t.Fatalf("%.200s: %d %s", body, status, text)
		}
		return text
	}
	version := func() int {
		var answer struct {
			Version int `json:"resource_version"`
		}
		if err := json.Unmarshal([]byte(do("/v1/metadata", `{"type": "export_metadata", "version": 2, "args": {}}`)), &answer); err != nil {
			t.Fatal(err)
		}
		return answer.Version
	}
	var sql strings.Builder
	var list []string
	for i := range 200 {
		fmt.Fprintf(&sql, "create table t%d (id integer primary key, other integer references t%d);", i, (i+1)%200)
		list = append(list, fmt.Sprintf(`{"table": "t%d"}`, i))
	}
	statements, err := json.Marshal(sql.String())
	if err != nil {
		t.Fatal(err)
	}
	do("/v2/query", fmt.Sprintf(`{"type": "sqlite_run_sql", "args": {"sql": %s}}`, statements))
	all := strings.Join(list, ", ")
	for _, verb := range []string{"track", "untrack"} {
		before := version()
		do("/v1/metadata", fmt.Sprintf(`{"type": "sqlite_%s_tables", "args": {"tables": [%s]}}`, verb, all))
		if after := version(); after != before+1 {
			t.Errorf("%s_tables made %d versions", verb, after-before)
		}
		if verb == "track" {
			// The tables depend on each other, so that none could go alone.
			for i := range 200 {
				do("/v1/metadata", fmt.Sprintf(`{"type": "sqlite_create_object_relationship", "args": {"table": "t%d", "name": "next", "using": {"foreign_key_constraint_on": "other"}}}`, i))
			}
		}
	}
	if text := do("/v1/metadata", `{"type": "export_metadata", "args": {}}`); strings.Contains(text, `"t0"`) {
		t.Errorf("tables are left: %.300s", text)
	}
	do("/v1/metadata", fmt.Sprintf(`{"type": "sqlite_track_tables", "args": {"tables": [%s]}}`, all))
	text := do("/v1/metadata", fmt.Sprintf(`{"type": "sqlite_untrack_tables", "args": {"tables": [{"table": "nowhere"}, %s]}}`, all))
	if !strings.Contains(text, `already untracked: \"nowhere\"`) || strings.Count(text, "untrack-table-failed") != 1 {
		t.Errorf("one that is not tracked: %s", text)
	}
}
