package sqlite_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"dovetail/internal/jsonshape"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/sources"
	"dovetail/sources/sqlite"
)

// increment is a mutation that adds one to all rows of counter.
func increment(t *testing.T, s *sqlite.Source) sources.Mutation {
	t.Helper()
	n := planColumn(t, introspect(t, s)["counter"], "n")
	statement, err := s.Compile(&plan.Fragment{Query: &plan.Update{
		Rows:   plan.Rows{From: &plan.Table{Name: "counter"}, PermitLimit: -1},
		Set:    []plan.Assignment{{Column: n, Operator: plan.AssignIncrement, Value: &plan.Literal{JSON: orderedjson.Value{Kind: orderedjson.Number, Text: "1"}}}},
		Output: &plan.MutationOutput{Fields: []plan.MutationField{&plan.AffectedRows{Key: "affected_rows"}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return sources.Mutation{Statement: statement, Args: &plan.Arguments{}, Out: jsonshape.NewAnswer(1)}
}

// TestWritersAndReaders: while another process writes, reads go on, and a
// mutation waits no longer than it may.
func TestWritersAndReaders(t *testing.T) {
	path := filepath.Join(t.TempDir(), "counter.db")
	open := func() *sqlite.Source {
		s, err := sqlite.Open(sqlite.Config{Path: path, Create: true, BusyTimeout: 50 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s
	}
	s, other := open(), open()
	exec(t, s, "CREATE TABLE counter(n INTEGER); INSERT INTO counter VALUES (1)")
	mutation := increment(t, s)
	all := &plan.Fragment{Query: selectAll(t, introspect(t, s)["counter"])}
	written := errors.New("the script has not been kept")
	_, err := other.RunCheckedSQL(t.Context(), "UPDATE counter SET n = 100", func(*sources.Database) error {
		_, err := s.Transact(t.Context(), []sources.Mutation{mutation})
		var busy *sources.Error
		if !errors.As(err, &busy) || busy.Code != sources.CodeConcurrentUpdate {
			t.Errorf("a mutation while another process writes: %v", err)
		}
		if got, err := answer(t.Context(), s, all, plan.Bindings{}); err != nil || got[0] != `[{"n":1}]` {
			t.Errorf("%v %v", got, err)
		}
		return written
	})
	if !errors.Is(err, written) {
		t.Fatal(err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	var ended *sources.Error
	if _, err := s.Transact(cancelled, []sources.Mutation{mutation}); !errors.As(err, &ended) || ended.Code != sources.CodeTimeout {
		t.Errorf("a cancelled mutation: %v", err)
	}
	if _, err := s.Transact(t.Context(), []sources.Mutation{mutation}); err != nil {
		t.Fatal(err)
	}
	if got, err := answer(t.Context(), s, all, plan.Bindings{}); err != nil || got[0] != `[{"n":2}]` {
		t.Errorf("%v %v", got, err)
	}
	if err := s.Run(t.Context(), mutation.Statement, mutation.Args, plan.Bindings{}, jsonshape.NewAnswer(1)); err == nil {
		t.Error("a mutation ran without a transaction")
	}
}
