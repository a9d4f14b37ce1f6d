package mssql

import (
	"slices"
	"strings"
	"testing"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/internal/testmssql"
)

// TestSnapshotStatements checks what is sent: one transaction for all
// statements, and none where the database doesn't allow it.
func TestSnapshotStatements(t *testing.T) {
	t.Parallel()
	begun := 1
	p := &testmssql.Peer{}
	p.Answer = func(_ int, request string) []byte {
		switch {
		case strings.Contains(request, "snapshot_isolation_state"):
			return slices.Concat(testmssql.Columns(testmssql.Bigint), testmssql.Row(testmssql.IntegerValue(int64(begun))), testmssql.Done(0))
		case strings.Contains(request, "COMMIT"):
			return testmssql.Done(0)
		}
		return oneAuthorTokens()
	}
	s := startPeer(t, p)
	f := oneAuthor()
	statement, err := s.Compile(f)
	if err != nil {
		t.Fatal(err)
	}
	n, err := s.Snapshot(t.Context())
	if err != nil || n == nil {
		t.Fatal(n, err)
	}
	for range 2 {
		out := jsonshape.NewAnswer(1)
		if err := n.Run(t.Context(), statement, &plan.Arguments{}, plan.Bindings{}, out); err != nil || string(out.Bytes) != oneAuthorJSON {
			t.Errorf("answered %s, %v", out.Bytes, err)
		}
	}
	n.End()
	requests, _ := p.Seen()
	if len(requests) != 4 || !strings.Contains(requests[0], "ISOLATION LEVEL SNAPSHOT") || !strings.Contains(requests[3], "COMMIT") {
		t.Errorf("the peer was asked %q", requests)
	}
	begun = 0
	if n, err := s.Snapshot(t.Context()); err != nil || n != nil {
		t.Errorf("a database that doesn't allow snapshots gives %v, %v", n, err)
	}
	if open := s.pool.Stats().InUse; open != 0 {
		t.Errorf("%d connections were not given back", open)
	}
}
