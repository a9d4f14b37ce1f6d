package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/internal/testpostgres"
	"dovetail/sources"
)

func nativeSQL(sql string, names ...string) *plan.Fragment {
	return root(many(rowsOf(&plan.NativeQuery{Name: "q", Parts: []plan.NativeQueryPart{{SQL: sql}}}), cols(names...)...))
}

func scalarOf(t *testing.T, database, sql string) string {
	t.Helper()
	c, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.WithoutCancel(t.Context())) }()
	var out string
	if err := c.QueryRow(t.Context(), sql).Scan(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

func codeOf(err error) string {
	if coded, ok := errors.AsType[*sources.Error](err); ok {
		return coded.Code
	}
	return ""
}

// TestCancel sees in the server that a cancelled statement is gone, and that
// the source goes on.
func TestCancel(t *testing.T) {
	database := newDatabase(t)
	s := open(t, Config{URL: database, MaxConnections: 2})
	ctx, cancel := context.WithCancel(t.Context())
	const running = "SELECT count(*)::text FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(77)%' AND pid <> pg_backend_pid()"
	done := make(chan error, 1)
	go func() {
		_, err := tryRun(ctx, s, nativeSQL("SELECT 1 AS id FROM (SELECT pg_sleep(77)) x", "id"), nil)
		done <- err
	}()
	eventually(t, "the statement runs", func() bool { return scalarOf(t, database, running) == "1" })
	start := time.Now()
	cancel()
	err := <-done
	if !errors.Is(err, context.Canceled) || codeOf(err) != sources.CodeTimeout {
		t.Errorf("got %v", err)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("cancelling took %s", took)
	}
	eventually(t, "the statement is gone", func() bool { return scalarOf(t, database, running) == "0" })
	for range 5 {
		if got := run(t, s, nativeSQL("SELECT 1 AS id", "id"))[0]; got != `[{"id":1}]` {
			t.Errorf("got %s", got)
		}
	}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("never came true: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestKilledConnections ends every pooled connection under the source's feet.
func TestKilledConnections(t *testing.T) {
	for _, preparing := range []Preparing{PrepareUnlessPooled, PrepareNever} {
		database := newDatabase(t, "CREATE TABLE n (id int); INSERT INTO n VALUES (1), (2)")
		s := open(t, Config{URL: database, Preparing: preparing})
		f := root(many(rowsOf(&plan.Table{Schema: "public", Name: "n"}), cols("id")...))
		for range 3 {
			var group sync.WaitGroup
			for range 8 {
				group.Go(func() {
					if got, err := tryRun(t.Context(), s, f, nil); err != nil || got[0] != `[{"id":1},{"id":2}]` {
						t.Errorf("got %v, %v", got, err)
					}
				})
			}
			group.Wait()
			execute(t, database, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
		}
	}
}

// TestRestartedServer stops a server of its own and starts another in its place.
func TestRestartedServer(t *testing.T) {
	testpostgres.URL(t)
	server, err := testpostgres.Start(t.Context())
	if errors.Is(err, testpostgres.ErrNoBinaries) {
		t.Skipf("SKIPPED: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, Config{URL: server.URL()})
	run(t, s, nativeSQL("SELECT 1 AS id", "id"))
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	_, err = tryRun(t.Context(), s, nativeSQL("SELECT 1 AS id", "id"), nil)
	if codeOf(err) != sources.CodeConnection {
		t.Errorf("got %v", err)
	}
	if _, err := s.Introspect(t.Context()); codeOf(err) != sources.CodeConnection {
		t.Errorf("got %v", err)
	}
	if _, err := s.RunSQL(t.Context(), "SELECT 1", false); codeOf(err) != sources.CodeConnection {
		t.Errorf("got %v", err)
	}
}

// TestUnreachable opens without a server.
func TestUnreachable(t *testing.T) {
	s := open(t, Config{URL: "postgres://nobody@127.0.0.1:1/none"})
	if _, err := s.Introspect(t.Context()); codeOf(err) != sources.CodeConnection {
		t.Errorf("got %v", err)
	}
	ctx := t.Context()
	if _, err := Open(ctx, Config{URL: "postgres://a b"}); err == nil {
		t.Error("a malformed URL was taken")
	}
	if _, err := Open(ctx, Config{URL: "postgres://x", IsolationLevel: "none"}); err == nil {
		t.Error("an unknown isolation level was taken")
	}
}

// TestPoolTimeout waits for a connection that doesn't become free.
func TestPoolTimeout(t *testing.T) {
	s := open(t, Config{URL: newDatabase(t), MaxConnections: 1, PoolTimeout: 50 * time.Millisecond})
	eventually(t, "the connection is made", func() bool {
		_, err := tryRun(t.Context(), s, nativeSQL("SELECT 1 AS id", "id"), nil)
		return err == nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = tryRun(ctx, s, nativeSQL("SELECT 1 AS id FROM (SELECT pg_sleep(60)) x", "id"), nil) // cancelled below
	}()
	eventually(t, "the only connection is taken", func() bool { return s.pool.Stat().AcquiredConns() == 1 })
	_, err := tryRun(t.Context(), s, nativeSQL("SELECT 1 AS id", "id"), nil)
	if codeOf(err) != sources.CodeConnection {
		t.Errorf("got %v", err)
	}
	cancel()
	<-done
}

// TestChangedTable alters a table under prepared statements.
func TestChangedTable(t *testing.T) {
	database := newDatabase(t, "CREATE TABLE n (id int, name text); INSERT INTO n VALUES (1, 'x')")
	s := open(t, Config{URL: database})
	f := root(many(rowsOf(&plan.Table{Schema: "public", Name: "n"}), cols("id")...))
	limited := bind(many(with(rowsOf(&plan.Table{Schema: "public", Name: "n"}), bound("id", 0), limit("1")), cols("id")...), "id")
	run(t, s, f)
	run(t, s, limited, "1")
	execute(t, database, "ALTER TABLE n ADD COLUMN more int")
	run(t, s, limited, "1")
	execute(t, database, "ALTER TABLE n ALTER COLUMN name TYPE varchar")
	run(t, s, f)
	execute(t, database, "ALTER TABLE n ALTER COLUMN id TYPE real")
	if _, err := tryRun(t.Context(), s, f, nil); !errors.Is(err, sources.ErrTypeChanged) {
		t.Errorf("got %v", err)
	}
	nodes := root(&plan.Aggregation{Rows: rowsOf(&plan.Table{Schema: "public", Name: "n"}), Fields: []plan.AggregateField{&plan.AggregateNodes{Key: "nodes", Fields: cols("id")}}})
	if _, err := tryRun(t.Context(), s, nodes, nil); !errors.Is(err, sources.ErrTypeChanged) {
		t.Errorf("got %v", err)
	}
	run(t, s, nativeSQL("SELECT 1 AS id", "id"))
}

// TestStatementCache runs more statements than are kept prepared.
func TestStatementCache(t *testing.T) {
	database := newDatabase(t)
	s := open(t, Config{URL: database, StatementCacheSize: 3, MaxConnections: 1})
	for range 2 {
		for n := range 6 {
			if got := run(t, s, nativeSQL(fmt.Sprintf("SELECT %d AS id", n), "id"))[0]; got != fmt.Sprintf(`[{"id":%d}]`, n) {
				t.Errorf("got %s", got)
			}
		}
	}
	if got := run(t, s, nativeSQL("SELECT count(*) AS id FROM pg_prepared_statements", "id"))[0]; got != `[{"id":3}]` {
		t.Errorf("got %s", got)
	}
}

func TestErrors(t *testing.T) {
	s := open(t, Config{URL: newDatabase(t, `CREATE FUNCTION fail(code text, text text) RETURNS int LANGUAGE plpgsql AS
		$$ BEGIN RAISE EXCEPTION USING ERRCODE = code, MESSAGE = text, HINT = 'a hint'; END $$`)})
	for _, c := range []struct{ state, code, message string }{
		{"22P02", "data-exception", "boom"},
		{"22025", "bad-request", "boom"},
		{"23505", "constraint-violation", "Uniqueness violation. boom"},
		{"23503", "constraint-violation", "Foreign key violation. boom"},
		{"23502", "constraint-violation", "Not-NULL violation. boom"},
		{"23P01", "constraint-violation", "Exclusion violation. boom"},
		{"23001", "constraint-violation", "Can not delete or update due to data being referred. boom"},
		{"23514", "permission-error", "Check constraint violation. boom"},
		{"42P10", "constraint-error", "there is no unique or exclusion constraint on target column(s)"},
		{"40001", "concurrent-update", "serialization failure due to concurrent update"},
		{"P0001", "unexpected", "database query error"},
		{"42883", "unexpected", "database query error"},
	} {
		_, err := tryRun(t.Context(), s, nativeSQL("SELECT public.fail('"+c.state+"', 'boom') AS id", "id"), nil)
		var coded *sources.Error
		if !errors.As(err, &coded) || coded.Code != c.code || coded.Message != c.message {
			t.Errorf("%s: got %v", c.state, err)
			continue
		}
		detail, ok := coded.Internal.(*Detail)
		if c.code != "unexpected" && coded.Internal == nil {
			continue
		}
		if !ok || detail.Error.StatusCode != c.state || *detail.Error.Hint != "a hint" || !strings.Contains(detail.Statement, "fail") {
			t.Errorf("%s: got internal %v", c.state, coded.Internal)
		}
	}
	f := root(many(with(rowsOf(&plan.Table{Schema: "pg_catalog", Name: "pg_class"}), where(cmp("name", plan.Equal, sessionValue("x-hasura-gone")))), cols("id")...))
	_, err := tryRun(t.Context(), s, f, nil)
	var missing *plan.MissingSessionVariableError
	if !errors.As(err, &missing) || missing.Name != "x-hasura-gone" {
		t.Errorf("got %v", err)
	}
}

func TestRunSQL(t *testing.T) {
	s := open(t, Config{URL: newDatabase(t)})
	try := func(sql string, readOnly bool) string {
		result, err := s.RunSQL(t.Context(), sql, readOnly)
		if coded, ok := errors.AsType[*sources.Error](err); ok {
			detail, ok := coded.Internal.(*Detail)
			if !ok || detail.Statement != sql || detail.Prepared || len(detail.Arguments) != 0 {
				t.Errorf("%s: internal is %v", sql, coded.Internal)
				return ""
			}
			return coded.Code + ": " + coded.Message + ": " + detail.Error.StatusCode
		}
		if err != nil {
			return err.Error()
		}
		return fmt.Sprint(result.Tuples, result.Rows)
	}
	for _, c := range []struct {
		sql      string
		readOnly bool
		want     string
	}{
		{"CREATE TABLE a (id int, name text)", false, "false []"},
		{"INSERT INTO a VALUES (1, 'x'), (2, NULL); SELECT * FROM a ORDER BY id", false, "true [[id name] [1 x] [2 NULL]]"},
		{"SELECT true AS b, now() IS NOT NULL AS c; SELECT 1 WHERE false", false, "true [[?column?]]"},
		{"SELECT 1; UPDATE a SET id = 3 WHERE id = 2", false, "false []"},
		{"", false, "false []"},
		{"INSERT INTO a VALUES (9); SELECT 1/0", false, "postgres-error: query execution failed: 22012"},
		{"SELECT max(id) FROM a", true, "true [[max] [3]]"},
		{"DROP TABLE a", true, "postgres-error: query execution failed: 25006"},
		{"SELEC", false, "postgres-error: query execution failed: 42601"},
	} {
		if got := try(c.sql, c.readOnly); got != c.want {
			t.Errorf("%s: got %s, want %s", c.sql, got, c.want)
		}
	}
}

func TestExplain(t *testing.T) {
	s, d := openDatabase(t, shop)
	statement, err := s.Compile(root(many(with(rowsOf(table(d, "author")), where(cmp("id", plan.Equal, variable("id")))), cols("id")...)))
	if err != nil {
		t.Fatal(err)
	}
	lines, err := s.Explain(t.Context(), statement, libraryArguments())
	if err != nil || len(lines) < 2 || !strings.Contains(strings.Join(lines, "\n"), "author") {
		t.Errorf("got %q, %v", lines, err)
	}
}

// TestNoBindings checks that an empty binding set sends nothing.
func TestNoBindings(t *testing.T) {
	s := open(t, Config{URL: "postgres://nobody@127.0.0.1:1/none"})
	statement, err := s.Compile(bind(many(with(articles(), bound("id", 0)), cols("id")...), "id"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context(), statement, &plan.Arguments{}, plan.Bindings{Width: 1}, jsonshape.NewAnswer(0)); err != nil {
		t.Error(err)
	}
}

func TestSessions(t *testing.T) {
	database := newDatabase(t, "CREATE TABLE n (id int, seen timestamptz, score float8); INSERT INTO n VALUES (1, '2024-07-01 12:00+00', 0.1::float4)")
	f := root(many(rowsOf(&plan.Table{Schema: "public", Name: "n"}), cols("seen", "score")...))
	for parameters, want := range map[string]string{
		"":                                     `[{"seen":"2024-07-01T12:00:00+00:00","score":0.10000000149011612}]`,
		"timezone=Asia/Kolkata":                `[{"seen":"2024-07-01T17:30:00+05:30","score":0.10000000149011612}]`,
		"options=-c%20extra_float_digits%3D-3": `[{"seen":"2024-07-01T12:00:00+00:00","score":0.10000000149}]`,
	} {
		s := open(t, Config{URL: withParameter(database, parameters), IsolationLevel: "serializable"})
		if parameters != "timezone=Asia/Kolkata" { // noticed without an introspection too
			if _, err := s.Introspect(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got := run(t, s, f)[0]; got != want {
			t.Errorf("%s: got %s", parameters, got)
		}
		if got := run(t, s, nativeSQL("SELECT current_setting('transaction_isolation') AS name", "name"))[0]; got != `[{"name":"serializable"}]` {
			t.Errorf("got %s", got)
		}
	}
}

// proxy stands between the source and the server, so that connections can be
// cut without a word.
type proxy struct {
	target   string
	mutex    sync.Mutex
	listener net.Listener
	open     []net.Conn
}

func (p *proxy) start(t *testing.T, address string) string {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	p.listener = l
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			var dialer net.Dialer
			server, err := dialer.DialContext(context.Background(), "tcp", p.target)
			if err != nil {
				_ = client.Close()
				continue
			}
			p.mutex.Lock()
			p.open = append(p.open, client, server)
			p.mutex.Unlock()
			go func() { _, _ = io.Copy(server, client) }()
			go func() { _, _ = io.Copy(client, server) }()
		}
	}()
	return l.Addr().String()
}

func (p *proxy) cut() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, c := range p.open {
		_ = c.Close()
	}
	p.open = nil
}

// TestCutConnections cuts connections and takes the server away for a while.
func TestCutConnections(t *testing.T) {
	address, err := url.Parse(newDatabase(t, "CREATE TABLE n (id int); INSERT INTO n VALUES (1)"))
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{target: address.Host}
	address.Host = p.start(t, "127.0.0.1:0")
	s := open(t, Config{URL: address.String()})
	f := root(many(rowsOf(&plan.Table{Schema: "public", Name: "n"}), cols("id")...))
	for range 3 {
		if got := run(t, s, f)[0]; got != `[{"id":1}]` {
			t.Errorf("got %s", got)
		}
		p.cut()
	}
	run(t, s, f)
	_ = p.listener.Close()
	p.cut()
	if _, err := tryRun(t.Context(), s, f, nil); codeOf(err) != sources.CodeConnection {
		t.Errorf("got %v", err)
	}
	p.start(t, address.Host)
	if got := run(t, s, f)[0]; got != `[{"id":1}]` {
		t.Errorf("got %s", got)
	}
	_ = p.listener.Close()
	p.cut()
}
