package sqlite

import (
	"context"

	"zombiezen.com/go/sqlite/sqlitex"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/sources"
)

// snapshot is a transaction that reads one moment. Its statements run one after
// another, because it has one connection.
type snapshot struct {
	source     *Source
	connection *connection
	// turn has a place for the statement that runs.
	turn chan struct{}
}

// Snapshot begins a transaction, which sees what the database holds when its
// first statement runs.
func (s *Source) Snapshot(ctx context.Context) (sources.Snapshot, error) {
	c, err := s.take(ctx)
	if err != nil {
		return nil, err
	}
	if err := sqlitex.ExecuteTransient(c.conn, "BEGIN", nil); err != nil {
		s.put(c)
		return nil, databaseError(err, "BEGIN")
	}
	return &snapshot{source: s, connection: c, turn: make(chan struct{}, 1)}, nil
}

// Run executes a statement for a binding set.
func (n *snapshot) Run(
	ctx context.Context, compiled plan.Statement, args *plan.Arguments, bindings plan.Bindings, out *jsonshape.Answer,
) error {
	r, err := newRequest(compiled, args, bindings)
	if err != nil {
		return err
	}
	select {
	case n.turn <- struct{}{}:
	case <-ctx.Done():
		return sources.ContextError(ctx.Err())
	}
	defer func() { <-n.turn }()
	return r.on(ctx, n.connection, out)
}

// End ends the transaction.
func (n *snapshot) End() {
	n.connection.conn.SetInterrupt(nil)
	if !n.connection.conn.AutocommitEnabled() {
		// What a transaction that has only read answers to its end is of no consequence.
		_ = sqlitex.ExecuteTransient(n.connection.conn, "ROLLBACK", nil)
	}
	n.source.put(n.connection)
}
