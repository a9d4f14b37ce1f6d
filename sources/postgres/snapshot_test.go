package postgres

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/sources"
)

func snapshotOf(t *testing.T, s *Source) sources.Snapshot {
	t.Helper()
	n, err := s.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// inSnapshot runs a statement in a moment.
func inSnapshot(ctx context.Context, s *Source, n sources.Snapshot, f *plan.Fragment) (string, error) {
	statement, err := s.Compile(f)
	if err != nil {
		return "", err
	}
	out := jsonshape.NewAnswer(1)
	if err := n.Run(ctx, statement, &plan.Arguments{}, plan.Bindings{}, out); err != nil {
		return "", err
	}
	return answerValues(f, out)[0], nil
}

// TestSnapshot checks that statements of one moment agree, at the same time and
// after each other, whatever else is committed and whatever fails.
func TestSnapshot(t *testing.T) {
	database := newDatabase(t, "CREATE TABLE n (id int, name text); INSERT INTO n VALUES (1, 'x')")
	for _, connections := range []int{1, 2, 8} {
		execute(t, database, "UPDATE n SET id = 1")
		s := open(t, Config{URL: database, MaxConnections: connections})
		table := root(many(rowsOf(&plan.Table{Schema: "public", Name: "n"}), cols("id")...))
		n := snapshotOf(t, s)
		check := func(want string) {
			t.Helper()
			var group sync.WaitGroup
			for range 6 {
				group.Go(func() {
					if got, err := inSnapshot(t.Context(), s, n, table); err != nil || got != want {
						t.Errorf("%d connections: got %s, %v, want %s", connections, got, err, want)
					}
				})
			}
			group.Wait()
		}
		check(`[{"id":1}]`)
		execute(t, database, "UPDATE n SET id = 2")
		check(`[{"id":1}]`)
		if _, err := inSnapshot(t.Context(), s, n, nativeSQL("SELECT 1 / (id - 1) AS id FROM n", "id")); err == nil || !strings.Contains(err.Error(), "division") {
			t.Errorf("got %v", err)
		}
		check(`[{"id":1}]`)
		if _, err := inSnapshot(t.Context(), s, n, nativeSQL("WITH u AS (UPDATE n SET id = 3 RETURNING id) SELECT id FROM u", "id")); err == nil {
			t.Error("a query wrote")
		}
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := inSnapshot(cancelled, s, n, table); err == nil {
			t.Error("a cancelled statement ran")
		}
		n.End()
		n = snapshotOf(t, s)
		check(`[{"id":2}]`)
		n.End()
		if got := s.pool.Stat().AcquiredConns(); got != 0 {
			t.Errorf("%d connections were not given back", got)
		}
	}
}

// TestSnapshotOfChangedTable alters a table under prepared statements.
func TestSnapshotOfChangedTable(t *testing.T) {
	database := newDatabase(t, "CREATE TABLE n (id int, name text); INSERT INTO n VALUES (1, 'x')")
	s := open(t, Config{URL: database, MaxConnections: 1})
	f := root(many(rowsOf(&plan.Table{Schema: "public", Name: "n"}), cols("id")...))
	for _, change := range []string{"", "ALTER TABLE n ADD COLUMN more int", "ALTER TABLE n ALTER COLUMN name TYPE varchar", "ALTER TABLE n ALTER COLUMN id TYPE bigint"} {
		if change != "" {
			execute(t, database, change)
		}
		n := snapshotOf(t, s)
		got, err := inSnapshot(t.Context(), s, n, f)
		if strings.HasSuffix(change, "bigint") {
			if !errors.Is(err, sources.ErrTypeChanged) {
				t.Errorf("after %s: %v", change, err)
			}
		} else if err != nil || got != `[{"id":1}]` {
			t.Errorf("after %s: got %s, %v", change, got, err)
		}
		if got, err := inSnapshot(t.Context(), s, n, nativeSQL("SELECT 7 AS id", "id")); err != nil || got != `[{"id":7}]` {
			t.Errorf("after %s: got %s, %v", change, got, err)
		}
		n.End()
	}
}

// TestSnapshotOfReplica reads a whole moment of one replica, and of the primary
// when none answers.
func TestSnapshotOfReplica(t *testing.T) {
	configs := whereabouts(t, "primary", "first", "second")
	configs[0].Replicas = configs[1:]
	s := open(t, configs[0])
	f := root(many(rowsOf(&plan.Table{Schema: "public", Name: "place"}), cols("name")...))
	for range 4 {
		n := snapshotOf(t, s)
		first, err := inSnapshot(t.Context(), s, n, f)
		for range 3 {
			if next, again := inSnapshot(t.Context(), s, n, f); err != nil || again != nil || next != first || first == atPrimary {
				t.Errorf("got %s and %s, %v %v", first, next, err, again)
			}
		}
		n.End()
	}
	for i := range configs[1:] {
		configs[i+1].URL = "postgres://nobody@127.0.0.1:1/nowhere"
	}
	s = open(t, configs[0])
	n := snapshotOf(t, s)
	defer n.End()
	if got, err := inSnapshot(t.Context(), s, n, f); err != nil || got != atPrimary {
		t.Errorf("got %s, %v", got, err)
	}
	s = open(t, Config{URL: "postgres://nobody@127.0.0.1:1/nowhere"})
	if _, err := s.Snapshot(t.Context()); codeOf(err) != sources.CodeConnection {
		t.Errorf("got %v", err)
	}
}

// TestCommentInSnapshot checks that statements carry their comment in a moment as
// they do outside of one.
func TestCommentInSnapshot(t *testing.T) {
	s := open(t, Config{URL: newDatabase(t, ""), MaxConnections: 2})
	f := nativeSQL("SELECT (position('/* ' || 'tag' in current_query()) > 0)::int AS id", "id")
	n := snapshotOf(t, s)
	defer n.End()
	statement, err := s.Compile(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, unique := range []bool{false, true} {
		args := &plan.Arguments{Comment: plan.Comment{Text: "/* tag */", Unique: unique}}
		for _, run := range []func(context.Context, plan.Statement, *plan.Arguments, plan.Bindings, *jsonshape.Answer) error{n.Run, s.Run} {
			out := jsonshape.NewAnswer(1)
			if err := run(t.Context(), statement, args, plan.Bindings{}, out); err != nil {
				t.Fatal(err)
			}
			if got := answerValues(f, out)[0]; got != `[{"id":1}]` {
				t.Errorf("unique=%t: got %s", unique, got)
			}
		}
	}
}
