package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"dovetail/internal/testmssql"
	"dovetail/internal/testpostgres"
	"dovetail/sources/mssql"
)

// freshSQLite makes an empty database and gives its path.
func freshSQLite(t *testing.T, folder string) string {
	t.Helper()
	path := filepath.Join(folder, "source.db")
	c, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenCreate)
	if err != nil {
		t.Fatal(err)
	}
	if err := sqlitex.ExecuteTransient(c, "PRAGMA user_version = 1", nil); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// startTest starts an engine behind a test server.
func startTest(t *testing.T, adjust func(*settings)) *httptest.Server {
	t.Helper()
	s := defaults()
	s.metadataPath = filepath.Join(t.TempDir(), "metadata.db")
	s.logTypes = map[string]bool{}
	s.poll = 0
	if adjust != nil {
		adjust(s)
	}
	i, err := start(t.Context(), s, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(i.server.Handler())
	t.Cleanup(func() {
		server.Close()
		if err := i.close(); err != nil {
			t.Error(err)
		}
	})
	return server
}

func send(t *testing.T, method, url, body string, header map[string]string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		request.Header.Set(k, v)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// pretty breaks long JSON over lines.
func pretty(text string) string {
	if len(text) < 100 {
		return text
	}
	var out bytes.Buffer
	if json.Indent(&out, []byte(text), "", " ") != nil {
		return text
	}
	return out.String()
}

// startMSSQL starts what stands in for SQL Server: it knows definitions, and its
// tables have no rows. The queries it is asked are kept.
func startMSSQL(t *testing.T, queries *[]string) string {
	t.Helper()
	s := testmssql.NewServer(mssql.ParseType, func(sql string) []byte {
		*queries = append(*queries, sql)
		if strings.HasPrefix(sql, "SELECT [mood]") { // an enum table
			return testmssql.Result("mood comment", []any{"calm", "in peace"}, []any{"wild", ""})
		}
		switch {
		case strings.Contains(sql, "DELETE m"):
			return append(testmssql.Failure(547, "The DELETE statement conflicted with the REFERENCE constraint \"fk\"."), testmssql.Done(testmssql.DoneError)...)
		case strings.Contains(sql, "MERGE"): // one of the rows is refused
			return testmssql.Result("written refused", []any{2, 1})
		case strings.Contains(sql, " OUTPUT ") && strings.Contains(sql, "SELECT w.[id]"):
			return append(testmssql.More(testmssql.Result("written refused", []any{1, 0})), testmssql.Result("id title", []any{1, "a"})...)
		case strings.Contains(sql, " OUTPUT "):
			return testmssql.Result("written refused", []any{1, 0})
		}
		return testmssql.Result("nothing")
	})
	stop, err := s.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return s.Address()
}

// TestAdmin sends what the files say to an engine of their own: "send" with a
// path, and headers as arguments; "queries" shows what SQL Server was asked since.
func TestAdmin(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/admin/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			postgres := ""
			if strings.Contains(file, "postgres") {
				postgres = testpostgres.Database(t)
			}
			path := freshSQLite(t, t.TempDir())
			server := startTest(t, nil)
			fill := strings.NewReplacer("$POSTGRES", postgres, "$SQLITE", path)
			hide := strings.NewReplacer(path, "$SQLITE")
			var queries []string
			if strings.Contains(file, "mssql") {
				address := startMSSQL(t, &queries)
				fill, hide = strings.NewReplacer("$MSSQL", address), strings.NewReplacer(address, "$MSSQL")
			}
			if postgres != "" {
				hide = strings.NewReplacer(postgres, "$POSTGRES", path, "$SQLITE")
			}
			datadriven.RunTest(t, file, func(t *testing.T, d *datadriven.TestData) string {
				t.Helper()
				if d.Cmd == "queries" {
					defer func() { queries = nil }()
					return strings.Join(queries, "\n") + "\n"
				}
				if d.Cmd != "send" {
					t.Fatalf("%s: unknown directive %s", d.Pos, d.Cmd)
				}
				target, method, header := "", http.MethodPost, map[string]string{}
				for _, a := range d.CmdArgs {
					switch {
					case strings.HasPrefix(a.Key, "/"):
						target = strings.Join(append([]string{a.Key}, a.Vals...), "=")
					case len(a.Vals) == 1:
						header[a.Key] = a.Vals[0]
					default:
						method = a.Key
					}
				}
				status, text := send(t, method, server.URL+target, fill.Replace(d.Input), header)
				return fmt.Sprintf("%d\n%s\n", status, hide.Replace(pretty(text)))
			})
		})
	}
}
