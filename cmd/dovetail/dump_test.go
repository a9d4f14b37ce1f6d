package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"dovetail/internal/server"
	"dovetail/internal/testpostgres"
)

// TestDump dumps a database as v2's command line does for a first migration.
func TestDump(t *testing.T) {
	t.Parallel()
	engine := startTest(t, func(s *settings) { s.adminSecret = "s" })
	do := func(path, body string) (int, string) {
		t.Helper()
		return send(t, http.MethodPost, engine.URL+path, body, map[string]string{"x-hasura-admin-secret": "s"})
	}
	for _, c := range []struct{ path, body string }{
		{"/v1/metadata", fmt.Sprintf(`{"type": "pg_add_source", "args": {"name": "default", "configuration": {"connection_info": {"database_url": %q}}}}`, testpostgres.Database(t))},
		{"/v1/metadata", fmt.Sprintf(`{"type": "sqlite_add_source", "args": {"name": "file", "configuration": {"connection_info": {"path": %q}}}}`, freshSQLite(t, t.TempDir()))},
		{"/v2/query", `{"type": "run_sql", "args": {"sql": "create table shelf (id int primary key, name text default 'a\n\n--b');` +
			` create function twice(x int) returns int language plpgsql as $_$begin\n\n-- a comment\nreturn 2 * x;\nend$_$; create schema other; create table other.hidden (id int)"}}`},
	} {
		if status, text := do(c.path, c.body); status != http.StatusOK {
			t.Fatalf("%s: %d %s", c.body, status, text)
		}
	}
	const options = `"opts": ["-O", "-x", "--schema-only", "--schema", "public"]`
	status, text := do("/v1alpha1/pg_dump", `{`+options+`, "clean_output": true, "source": "default"}`)
	for _, want := range []string{"CREATE TABLE public.shelf (", "'a\n\n--b'", "begin\n\n-- a comment\nreturn", "SET check_function_bodies = false;"} {
		if !strings.Contains(text, want) {
			t.Errorf("%d: no %q in %s", status, want, text)
		}
	}
	for _, unwanted := range []string{"SET client_encoding", "hidden", "\n-- Name", "set_config", "restrict "} {
		if status != http.StatusOK || strings.Contains(text, unwanted) {
			t.Errorf("%d: %q in %s", status, unwanted, text)
		}
	}
	if _, text := do("/v2/query", fmt.Sprintf(`{"type": "run_sql", "args": {"sql": %q}}`, "drop table shelf; drop function twice; "+text)); !strings.Contains(text, "CommandOk") && !strings.Contains(text, "TuplesOk") {
		t.Errorf("the dump as a migration: %s", text)
	}
	if status, text := do("/v1alpha1/pg_dump", `{`+options+`}`); status != http.StatusOK || !strings.Contains(text, "SET client_encoding") {
		t.Errorf("as it is: %d %s", status, text)
	}
	for _, c := range []struct{ body, want string }{
		{`{` + options + `, "source": "file"}`, "only Postgres databases can"},
		{`{` + options + `, "source": "nowhere"}`, "does not exist"},
		{`{"opts": ["-f", "/tmp/x"]}`, `option \"-f\" is not allowed`},
		{`{"opts": ["-Of/tmp/x"]}`, "is not allowed"},
		{`{"opts": ["--fil=/tmp/x"]}`, "is not allowed"},
		{`{"opts": ["--dbname=postgres://elsewhere"]}`, "is not allowed"},
		{`{"opts": ["postgres://elsewhere"]}`, "is not allowed"},
		{`{"opts": ["--"]}`, "is not allowed"},
		{`{"opts": ["--schema"]}`, "needs a value"},
		{`{"opts": ["--table", "nowhere"]}`, "error while executing pg_dump"},
		{`{"opts": "-O"}`, "expected a list of texts"},
		{`{"opts": [], "clean_output": 1}`, "expected a boolean"},
		{`{}`, `key \"opts\" not found`},
		{`[`, "invalid-json"},
	} {
		if status, text := do("/v1alpha1/pg_dump", c.body); status == http.StatusOK || !strings.Contains(text, c.want) {
			t.Errorf("%s: %d %s", c.body, status, text)
		}
	}
	if status, text := send(t, http.MethodPost, engine.URL+"/v1alpha1/pg_dump", `{`+options+`}`, nil); status == http.StatusOK {
		t.Errorf("without the secret: %s", text)
	}
	closed := startTest(t, func(s *settings) { delete(s.apis, server.APIDump) })
	if status, _ := send(t, http.MethodPost, closed.URL+"/v1alpha1/pg_dump", `{`+options+`}`, nil); status != http.StatusNotFound {
		t.Errorf("an API that is off: %d", status)
	}
}
