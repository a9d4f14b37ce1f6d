package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/internal/safe"
	"dovetail/sources"
)

const (
	beginSnapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;\n"
	// A statement that fails must not end the transaction, and with it the moment.
	keepSnapshot    = "SAVEPOINT dovetail"
	restoreSnapshot = "ROLLBACK TO SAVEPOINT dovetail"
)

// snapshot is a moment of a database: a transaction that exported it, and those
// that imported it to run at the same time.
type snapshot struct {
	source *Source
	id     string

	mu sync.Mutex
	// all are the connections with the snapshot, idle those that run nothing.
	all  []*pgxpool.Conn
	idle []*pgxpool.Conn
	// waiting are statements that want a connection.
	waiting []chan *pgxpool.Conn
}

// Snapshot begins a moment: of a replica, where there are any.
func (s *Source) Snapshot(ctx context.Context) (sources.Snapshot, error) {
	var n *snapshot
	err := s.rotation.Run(ctx, func(replica int) (bool, error) {
		var err error
		n, err = s.at(replica).export(ctx)
		return false, err
	}, func(err error) (silent, elsewhere bool) {
		silent, _ = atReplica(err)
		return silent, true
	})
	if err != nil {
		return nil, s.failure(ctx, err, beginSnapshot, nil)
	}
	return n, nil
}

// export begins a moment of this very database, once more if a connection of the
// pool had died.
func (s *Source) export(ctx context.Context) (*snapshot, error) {
	for attempt := 0; ; attempt++ {
		n, err := s.tryExport(ctx)
		if err == nil || attempt > 0 || ctx.Err() != nil || !broken(err) {
			return n, err
		}
		s.pool.Reset()
	}
}

func (s *Source) tryExport(ctx context.Context) (*snapshot, error) {
	c, err := s.acquire(ctx)
	if err != nil {
		return nil, err
	}
	results, err := c.Conn().PgConn().Exec(ctx, beginSnapshot+"SELECT pg_export_snapshot();\n"+s.keepSnapshot()).ReadAll()
	if err == nil && (len(results) < 3 || len(results[1].Rows) != 1 || len(results[1].Rows[0]) != 1) {
		err = errors.New("the database exported no snapshot")
	}
	if err != nil {
		c.Release() // a transaction that is open ends its connection
		return nil, err
	}
	return &snapshot{
		source: s, id: string(results[1].Rows[0][0]), all: []*pgxpool.Conn{c}, idle: []*pgxpool.Conn{c},
	}, nil
}

// Run executes a statement for a binding set.
func (n *snapshot) Run(
	ctx context.Context, statement plan.Statement, args *plan.Arguments, bindings plan.Bindings, out *jsonshape.Answer,
) error {
	compiled, values, err := ready(statement, args, bindings)
	if err != nil || compiled == nil {
		return err
	}
	if err := n.run(ctx, compiled, values, out); err != nil {
		return n.source.failure(ctx, err, compiled.text, values)
	}
	return nil
}

func (n *snapshot) run(ctx context.Context, statement *Statement, values [][]byte, out *jsonshape.Answer) error {
	c, err := n.take(ctx)
	if err != nil {
		return err
	}
	connection := c.Conn().PgConn()
	e := execution{source: n.source, statement: statement, values: values, out: out}
	// The transaction has settings of its own.
	if err = e.on(ctx, connection, localSettings{}); err != nil {
		again := n.source.stale(err) && !e.received && ctx.Err() == nil
		// A connection that stays broken is not used again.
		if restored := n.restore(ctx, connection); again && restored == nil {
			e.whole = true
			if err = e.on(ctx, connection, localSettings{}); err != nil {
				_ = n.restore(ctx, connection)
			}
		}
	}
	n.put(c)
	return err
}

// keepSnapshot is sent when a transaction has its snapshot.
func (s *Source) keepSnapshot() string {
	if s.local().jitOff {
		return "SET LOCAL jit = off;\n" + keepSnapshot
	}
	return keepSnapshot
}

// restore makes a transaction usable in which a statement failed.
func (n *snapshot) restore(ctx context.Context, c *pgconn.PgConn) error {
	if c.IsClosed() {
		return errors.New("the connection is closed")
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelTimeout)
	defer cancel()
	_, err := c.Exec(ctx, restoreSnapshot).ReadAll()
	return err
}

// take gives a connection that has the snapshot: one that is idle, else one more
// of the pool, or whichever becomes idle until the pool has one. Nobody waits for
// the pool alone, so that operations can't wait for each other.
func (n *snapshot) take(ctx context.Context) (*pgxpool.Conn, error) {
	n.mu.Lock()
	if last := len(n.idle) - 1; last >= 0 {
		c := n.idle[last]
		n.idle = n.idle[:last]
		n.mu.Unlock()
		return c, nil
	}
	given := make(chan *pgxpool.Conn, 1)
	n.waiting = append(n.waiting, given)
	n.mu.Unlock()

	type result struct {
		connection *pgxpool.Conn
		err        error
	}
	acquiring, cancel := context.WithCancel(ctx)
	acquired := make(chan result, 1)
	go func() {
		var r result
		r.err = safe.Do(func() (err error) {
			r.connection, err = n.source.acquire(acquiring)
			return err
		})
		acquired <- r
	}()
	select {
	case c := <-given:
		cancel()
		if r := <-acquired; r.err == nil {
			r.connection.Release()
		}
		return c, nil
	case r := <-acquired:
		cancel()
		if c := n.stopWaiting(given); c != nil {
			if r.err == nil {
				r.connection.Release()
			}
			return c, nil
		}
		if r.err != nil {
			return nil, r.err
		}
		return n.add(ctx, r.connection)
	}
}

// stopWaiting gives the connection that a statement was given meanwhile, if any.
func (n *snapshot) stopWaiting(given chan *pgxpool.Conn) *pgxpool.Conn {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, w := range n.waiting {
		if w == given {
			n.waiting = append(n.waiting[:i], n.waiting[i+1:]...)
			return nil
		}
	}
	return <-given
}

// add imports the snapshot into another connection.
func (n *snapshot) add(ctx context.Context, c *pgxpool.Conn) (*pgxpool.Conn, error) {
	id := "'" + strings.ReplaceAll(n.id, "'", "''") + "'"
	_, err := c.Conn().PgConn().Exec(ctx, beginSnapshot+"SET TRANSACTION SNAPSHOT "+id+";\n"+n.source.keepSnapshot()).ReadAll()
	if err != nil {
		c.Release()
		return nil, fmt.Errorf("the snapshot can't be shared: %w", err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, c)
	return c, nil
}

// put gives a connection to the statement that has waited longest.
func (n *snapshot) put(c *pgxpool.Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if connection := c.Conn().PgConn(); connection.IsClosed() || connection.TxStatus() != 'T' {
		return // End gives it back
	}
	if len(n.waiting) > 0 {
		n.waiting[0] <- c
		n.waiting = n.waiting[1:]
		return
	}
	n.idle = append(n.idle, c)
}

// End gives the connections back.
func (n *snapshot) End() {
	safe.Parallel(len(n.all), func(i int) {
		c := n.all[i]
		defer c.Release()
		ctx, cancel := context.WithTimeout(context.Background(), cancelTimeout)
		defer cancel()
		if connection := c.Conn().PgConn(); !connection.IsClosed() {
			_, _ = connection.Exec(ctx, "COMMIT").ReadAll() // a transaction that doesn't end ends its connection
		}
	}, func(int, error) {
		// Released in any case: the pool gives up a connection that is still in a transaction.
	})
}
