package mssql

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"dovetail/internal/jsonshape"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/internal/testmssql"
	"dovetail/sources"
)

const serverVariable = "DOVETAIL_TEST_MSSQL_URL"

// serverURL is the sqlserver:// URL of a login that may create databases.
func serverURL(tb testing.TB) string {
	tb.Helper()
	server := os.Getenv(serverVariable)
	if server == "" {
		tb.Skipf("SKIPPED: set %s to a sqlserver:// URL of a login that may create databases to run the tests against a real server", serverVariable)
	}
	return server
}

var databases atomic.Int64 //nolint:gochecknoglobals // numbers the databases of a test run

// newDatabase makes an empty database on the test server, runs statements in
// it and gives its URL.
func newDatabase(tb testing.TB, statements ...string) string {
	tb.Helper()
	server := serverURL(tb)
	name := fmt.Sprintf("dovetail_mssql_%d_%d", os.Getpid(), databases.Add(1))
	execute(tb, server, "CREATE DATABASE ["+name+"]")
	tb.Cleanup(func() {
		execute(tb, server, "IF DB_ID(N'"+name+"') IS NOT NULL ALTER DATABASE ["+name+"] SET SINGLE_USER WITH ROLLBACK IMMEDIATE",
			"DROP DATABASE IF EXISTS ["+name+"]")
	})
	u, err := url.Parse(server)
	if err != nil {
		tb.Fatalf("%s: %v", serverVariable, err)
	}
	query := u.Query()
	query.Set("database", name)
	u.RawQuery = query.Encode()
	execute(tb, u.String(), statements...)
	return u.String()
}

// execute runs statements one by one.
func execute(tb testing.TB, server string, statements ...string) {
	tb.Helper()
	ctx := context.Background() // also used by clean-ups, when the test's own is over
	pool, err := sql.Open("sqlserver", server)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = pool.Close() }()
	pool.SetMaxOpenConns(1)
	for _, statement := range statements {
		if _, err := pool.ExecContext(ctx, statement); err != nil {
			tb.Fatalf("%s: %v", statement, err)
		}
	}
}

func open(tb testing.TB, config Config) *Source {
	tb.Helper()
	s, err := Open(config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

func openDatabase(tb testing.TB, statements ...string) *Source {
	tb.Helper()
	return open(tb, Config{ConnectionString: newDatabase(tb, statements...)})
}

// openLibrary opens a database with the library in it.
func openLibrary(tb testing.TB) *Source {
	tb.Helper()
	return openDatabase(tb, strings.Split(library, "\n")...)
}

// tryRun compiles and runs a fragment and gives its values, holes shown as
// «join:key,key».
func tryRun(ctx context.Context, s *Source, f *plan.Fragment, args *plan.Arguments, keys ...string) ([]string, error) {
	statement, err := s.Compile(f)
	if err != nil {
		return nil, err
	}
	bindings := plan.Bindings{Width: len(f.Bindings), Cells: keys}
	out := jsonshape.NewAnswer(bindings.Rows())
	if args == nil {
		args = &plan.Arguments{}
	}
	if err := s.Run(ctx, statement, args, bindings, out); err != nil {
		return nil, err
	}
	values := make([]string, len(out.Values))
	for i, v := range out.Values {
		values[i] = answerText(f, out, v)
	}
	return values, nil
}

func answerText(f *plan.Fragment, out *jsonshape.Answer, v jsonshape.Span) string {
	var b strings.Builder
	at := v.Start
	for _, h := range out.Holes {
		if h.Offset < v.Start || h.Offset > v.End {
			continue
		}
		b.Write(out.Bytes[at:h.Offset])
		at = h.Offset
		var parts []string
		for k := range f.Joins[h.Join].Keys {
			parts = append(parts, string(out.KeyPartText(h, k)))
		}
		b.Write(orderedjson.AppendString(nil, fmt.Sprintf("«%d:%s»", h.Join, strings.Join(parts, ","))))
	}
	b.Write(out.Bytes[at:v.End])
	return b.String()
}

// expect runs a fragment and compares its values; a failure names the
// statement and both answers.
func expect(t *testing.T, s *Source, f *plan.Fragment, args *plan.Arguments, keys []string, want ...string) {
	t.Helper()
	got, err := tryRun(t.Context(), s, f, args, keys...)
	if err != nil {
		t.Errorf("%s\nin: %s\nwant %s", describe(err), statementText(s, f), strings.Join(want, "\n     "))
		return
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got  %s\nwant %s\nin: %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "), statementText(s, f))
	}
}

func statementText(s *Source, f *plan.Fragment) string {
	statement, err := s.Compile(f)
	if err != nil {
		return err.Error()
	}
	return statement.Text()
}

// describe shows what an error keeps for admins too.
func describe(err error) string {
	var coded *sources.Error
	if e, ok := err.(*sources.Error); ok { //nolint:errorlint // others are shown as they are
		coded = e
	}
	if coded == nil {
		return err.Error()
	}
	if d, ok := coded.Internal.(*Detail); ok {
		return fmt.Sprintf("%s: %v (%s %d: %s)", coded.Code, err, d.Exception.Type, d.Exception.Number, d.Exception.Message)
	}
	return coded.Code + ": " + err.Error()
}

// startPeer starts a scripted peer and opens it.
func startPeer(tb testing.TB, p *testmssql.Peer) *Source {
	tb.Helper()
	stop, err := p.Start(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(stop)
	return open(tb, Config{ConnectionString: p.Address(), MaxConnections: 2})
}
