package postgres

import (
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"dovetail/internal/plan"
	"dovetail/internal/testpostgres"
	"dovetail/sources"
)

// roles are the statements of two roles, which read different rows of one table,
// and what each must be answered.
func roles() (fragments []*plan.Fragment, want []string) {
	notes := func(role string, columns ...string) *plan.Fragment {
		own := where(cmp("name", plan.Equal, jsonValue(`"`+role+`"`)))
		return root(many(with(rowsOf(&plan.Table{Schema: "public", Name: "note"}), own), cols(columns...)...))
	}
	return []*plan.Fragment{notes("user", "id"), notes("boss", "name", "id")}, []string{`[{"id":1}]`, `[{"name":"boss","id":2}]`}
}

const notes = "CREATE TABLE note (id int, name text); INSERT INTO note VALUES (1, 'user'), (2, 'boss')"

// TestPooler has the statements of two roles alternate behind PgBouncer: of no
// round may the answer be the other's, nor an error.
func TestPooler(t *testing.T) {
	for _, mode := range []string{testpostgres.SessionMode, testpostgres.TransactionMode} {
		for name, config := range map[string]Config{
			"by default": {}, "prepared": {Preparing: PrepareAlways}, "serializable": {IsolationLevel: "serializable"},
			"prepared and serializable": {Preparing: PrepareAlways, IsolationLevel: "serializable"},
		} {
			t.Run(mode+" "+name, func(t *testing.T) {
				config.URL = testpostgres.Pooler(t, newDatabase(t, notes), mode, 4)
				config.MaxConnections = 4
				fragments, want := roles()
				// Two engines, whose statements a counter would name alike.
				var clients sync.WaitGroup
				for client := range 4 {
					s := open(t, config)
					clients.Go(func() {
						for round := range 200 {
							i := (client + round) % 2
							got, err := tryRun(t.Context(), s, fragments[i], nil)
							if err != nil || got[0] != want[i] {
								t.Errorf("client %d, round %d: got %v, %v instead of %s", client, round, got, err, want[i])
							}
						}
					})
				}
				clients.Wait()
			})
		}
	}
}

// TestPoolerSettings checks what statements behind PgBouncer run with, and that
// sessions, which others get, stay as they are.
func TestPoolerSettings(t *testing.T) {
	const settings = "SELECT current_setting('jit') || ' ' || current_setting('transaction_isolation') AS name"
	database := newDatabase(t, notes)
	for _, c := range []struct {
		url, isolation, want string
	}{
		{database, "", "off read committed"},
		{database, "serializable", "off serializable"},
		{withParameter(database, "jit=on"), "", "on read committed"},
		{testpostgres.Pooler(t, database, testpostgres.TransactionMode, 1), "", "off read committed"},
		{testpostgres.Pooler(t, database, testpostgres.TransactionMode, 1), "serializable", "off serializable"},
	} {
		s := open(t, Config{URL: c.url, IsolationLevel: c.isolation, MaxConnections: 2})
		want := `[{"name":"` + c.want + `"}]`
		for range 2 {
			if got := run(t, s, nativeSQL(settings, "name"))[0]; got != want {
				t.Errorf("%s %s: got %s, want %s", c.url, c.isolation, got, want)
			}
			if _, err := tryRun(t.Context(), s, nativeSQL("SELECT 1 / 0 AS id", "id"), nil); codeOf(err) != sources.CodeDataException {
				t.Errorf("%s: got %v", c.url, err)
			}
		}
		n := snapshotOf(t, s)
		if got, err := inSnapshot(t.Context(), s, n, nativeSQL("SELECT current_setting('jit') AS name", "name")); err != nil || got[:12] != want[:12] {
			t.Errorf("%s: got %s, %v", c.url, got, err)
		}
		n.End()
		if s.pooler.Load() == nil {
			continue
		}
		other, err := pgx.Connect(t.Context(), c.url+"&default_query_exec_mode=simple_protocol")
		if err != nil {
			t.Fatal(err)
		}
		var jit string
		if err := other.QueryRow(t.Context(), "SELECT current_setting('jit') || ' ' || current_setting('transaction_isolation')").Scan(&jit); err != nil || jit != "on read committed" {
			t.Errorf("%s: another client got %q, %v", c.url, jit, err)
		}
		_ = other.Close(t.Context())
	}
}

// TestForeignStatements clashes with, and misses, what is prepared: nothing is
// answered from what somebody else has prepared under a statement's name.
func TestForeignStatements(t *testing.T) {
	for _, mutate := range []string{"DEALLOCATE ALL", "foreign"} {
		s := open(t, Config{URL: newDatabase(t, notes), MaxConnections: 1})
		fragments, want := roles()
		run(t, s, fragments[0])
		c, err := s.pool.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if mutate == "foreign" {
			mutate = "PREPARE " + pgx.Identifier{statementName(compiled(t, s, fragments[1]))}.Sanitize() + " AS SELECT 7 AS id, 'other' AS name; DEALLOCATE " +
				pgx.Identifier{statementName(compiled(t, s, fragments[0]))}.Sanitize()
		}
		_, err = c.Conn().PgConn().Exec(t.Context(), mutate).ReadAll()
		c.Release()
		if err != nil {
			t.Fatal(err)
		}
		for i := range fragments {
			if got := run(t, s, fragments[i])[0]; got != want[i] {
				t.Errorf("after %s: got %s, want %s", mutate, got, want[i])
			}
		}
	}
}

// compiled is the text of a fragment's statement.
func compiled(t *testing.T, s *Source, f *plan.Fragment) string {
	t.Helper()
	statement, err := s.Compile(f)
	if err != nil {
		t.Fatal(err)
	}
	return statement.Text()
}
