package mssql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"time"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/sources"
)

// beginSnapshot begins a transaction that reads one moment, where the database
// has been told to allow it, and answers whether it did.
const beginSnapshot = `IF EXISTS (SELECT 1 FROM sys.databases WHERE database_id = DB_ID() AND snapshot_isolation_state = 1)
BEGIN
SET TRANSACTION ISOLATION LEVEL SNAPSHOT;
BEGIN TRANSACTION;
SELECT 1 AS begun;
END
ELSE SELECT 0 AS begun`

const (
	endSnapshot        = "IF @@TRANCOUNT > 0 COMMIT TRANSACTION"
	endSnapshotTimeout = 5 * time.Second
)

// snapshot is a transaction that reads one moment. Its statements run one after
// another, because it has one connection.
type snapshot struct {
	source     *Source
	connection *sql.Conn
	// turn has a place for the statement that runs.
	turn chan struct{}
}

// Snapshot begins a transaction, of a replica where there are any; nil when the
// database doesn't allow snapshots.
func (s *Source) Snapshot(ctx context.Context) (sources.Snapshot, error) {
	var n *snapshot
	err := s.rotation.Run(ctx, func(replica int) (bool, error) {
		var err error
		n, err = s.at(replica).begin(ctx)
		return false, err
	}, atReplica)
	if err != nil {
		return nil, failure(ctx, err, beginSnapshot)
	}
	if n == nil {
		return nil, nil // no snapshots
	}
	return n, nil
}

// begin begins a transaction in this very database, once more if a connection of
// the pool had died.
func (s *Source) begin(ctx context.Context) (*snapshot, error) {
	for attempt := 0; ; attempt++ {
		n, err := s.tryBegin(ctx)
		if err == nil || attempt > 0 || ctx.Err() != nil || !retryable(err) {
			return n, err
		}
		s.forget()
	}
}

func (s *Source) tryBegin(ctx context.Context) (*snapshot, error) {
	c, err := s.pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	var begun int
	if err := c.QueryRowContext(ctx, beginSnapshot).Scan(&begun); err != nil || begun == 0 {
		return nil, errors.Join(err, c.Close())
	}
	return &snapshot{source: s, connection: c, turn: make(chan struct{}, 1)}, nil
}

// Run executes a statement for a binding set.
func (n *snapshot) Run(
	ctx context.Context, statement plan.Statement, args *plan.Arguments, bindings plan.Bindings, out *jsonshape.Answer,
) error {
	compiled, values, err := ready(statement, args, bindings)
	if err != nil || compiled == nil {
		return err
	}
	select {
	case n.turn <- struct{}{}:
	case <-ctx.Done():
		return failure(ctx, ctx.Err(), compiled.text)
	}
	defer func() { <-n.turn }()
	e := execution{source: n.source, statement: compiled, values: values, out: out}
	if err := e.on(ctx, n.connection, ""); err != nil {
		return failure(ctx, err, compiled.text)
	}
	return nil
}

// End ends the transaction; one that doesn't end takes its connection with it.
func (n *snapshot) End() {
	ctx, cancel := context.WithTimeout(context.Background(), endSnapshotTimeout)
	defer cancel()
	if _, err := n.connection.ExecContext(ctx, endSnapshot); err != nil {
		_ = n.connection.Raw(func(any) error { return driver.ErrBadConn })
	}
	_ = n.connection.Close() // the connection goes back to the pool, or is closed already
}
