package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/sources"
)

// Run executes a statement for a binding set.
func (s *Source) Run(
	ctx context.Context, statement plan.Statement, args *plan.Arguments, bindings plan.Bindings, out *jsonshape.Answer,
) error {
	compiled, values, err := ready(statement, args, bindings)
	if err != nil || compiled == nil {
		return err
	}
	err = s.rotation.Run(ctx, func(replica int) (bool, error) {
		return s.at(replica).execute(ctx, compiled, values, out)
	}, atReplica)
	if err != nil {
		return s.failure(ctx, err, compiled.text, values)
	}
	return nil
}

// at is a replica, or this very database.
func (s *Source) at(replica int) *Source {
	if replica == sources.Primary {
		return s
	}
	return s.replicas[replica]
}

// ready gives a statement as it is sent for a binding set, and its parameters;
// nil where no row binds anything, so that there is nothing to ask.
func ready(statement plan.Statement, args *plan.Arguments, bindings plan.Bindings) (*Statement, [][]byte, error) {
	compiled, err := compiledHere(statement, bindings)
	if err != nil || bindings.Width > 0 && len(bindings.Cells) == 0 {
		return nil, nil, err
	}
	compiled = compiled.forKeys(args)
	values, err := compiled.values(args, bindings)
	if err != nil {
		return nil, nil, err
	}
	return compiled.commented(args.Comment), values, nil
}

// compiledHere gives a statement that takes such bindings.
func compiledHere(statement plan.Statement, bindings plan.Bindings) (*Statement, error) {
	compiled, ok := statement.(*Statement)
	if !ok {
		return nil, fmt.Errorf("statement %T was compiled by another source", statement)
	}
	if compiled.width != bindings.Width {
		return nil, fmt.Errorf("the statement takes %d binding columns, but got %d", compiled.width, bindings.Width)
	}
	return compiled, nil
}

// execute runs a statement in this very database, once more if its connection
// had died or had not got it prepared, and tells whether rows have arrived.
func (s *Source) execute(ctx context.Context, statement *Statement, values [][]byte, out *jsonshape.Answer) (received bool, err error) {
	for attempt := 0; ; attempt++ {
		e := execution{source: s, statement: statement, values: values, out: out, whole: attempt > 0}
		err := e.run(ctx)
		if err == nil || attempt > 0 || e.received || ctx.Err() != nil || !e.retryable(err) {
			return e.received, err
		}
	}
}

// atReplica tells what an error at a replica means: that it did not answer, and
// whether the statement can do better elsewhere.
func atReplica(err error) (silent, elsewhere bool) {
	if _, refused := errors.AsType[*pgconn.ConnectError](err); refused {
		return true, true
	}
	if known, ok := errors.AsType[*sources.Error](err); ok {
		silent = known.Code == sources.CodeConnection
		return silent, silent
	}
	server, answered := errors.AsType[*pgconn.PgError](err)
	if !answered {
		silent = broken(err)
		return silent, silent || errors.Is(err, sources.ErrTypeChanged)
	}
	switch server.Code {
	case "57P01", "57P02", "57P03", "53300":
		return true, true // it is shutting down, starting up or full
	case protocolViolation:
		return refusedByPooler(server), refusedByPooler(server)
	case "25006", "40001", "0A000", "42P01", "42703", "42883":
		// It writes, conflicts with what is being replicated, or needs what has not
		// arrived yet.
		return false, true
	}
	return false, false
}

// commented is the statement with a comment.
func (s *Statement) commented(c plan.Comment) *Statement {
	if s == nil || c.Text == "" {
		return s
	}
	out := *s
	out.text, out.zoned, out.takesKeys = c.Beside(s.text), s.zoned.commented(c), s.takesKeys || c.Unique
	return &out
}

// values are the parameters' texts.
func (s *Statement) values(args *plan.Arguments, bindings plan.Bindings) ([][]byte, error) {
	values := make([][]byte, len(s.parameters))
	for i := range s.parameters {
		v, err := s.parameters[i].text(args, bindings)
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	return values, nil
}

// execution is one try to run a statement.
type execution struct {
	source    *Source
	statement *Statement
	values    [][]byte
	out       *jsonshape.Answer
	// received: rows have arrived, so the statement must not run again.
	received bool
	// whole: it is sent with its text, whatever is prepared.
	whole bool
}

func (e *execution) run(ctx context.Context) error {
	c, err := e.source.acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release()
	return e.on(ctx, c.Conn().PgConn(), e.source.local())
}

// on runs the statement on a connection, in a transaction of its own where settings
// are to hold for it alone.
func (e *execution) on(ctx context.Context, connection *pgconn.PgConn, local localSettings) error {
	if e.statement.zoned != nil && !utcZones[connection.ParameterStatus("TimeZone")] {
		e.statement = e.statement.zoned
	}
	err := e.send(ctx, connection, local)
	if ctx.Err() != nil && err != nil {
		// A cancel request on its way must not hit the connection's next statement.
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelTimeout)
		defer cancel()
		_ = connection.Close(closing) // the statement's own error is the one to tell
	}
	return err
}

// acquire takes a connection out of the pool.
func (s *Source) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	waiting := ctx
	if s.config.PoolTimeout > 0 {
		var cancel context.CancelFunc
		waiting, cancel = context.WithTimeout(ctx, s.config.PoolTimeout)
		defer cancel()
	}
	c, err := s.pool.Acquire(waiting)
	if err == nil {
		return c, nil
	}
	if ctx.Err() == nil && waiting.Err() != nil {
		return nil, &sources.Error{
			Code: sources.CodeConnection, Message: "connection error", Cause: err,
			Internal: fmt.Sprintf("no connection became free within %s", s.config.PoolTimeout),
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return nil, connectionError(err)
}

// send sends the statement and reads its rows.
func (e *execution) send(ctx context.Context, c *pgconn.PgConn, local localSettings) error {
	var description *pgconn.StatementDescription
	if !e.whole && e.source.prepares(e.statement.takesKeys) {
		var err error
		if description, err = e.source.prepared(ctx, c, e.statement.text); err != nil {
			return err
		}
	}
	if local.some() {
		return local.around(ctx, c, request{e.statement.text, description, e.values}, e.read)
	}
	if description != nil {
		return e.read(c.ExecStatement(ctx, description, e.values, nil, binaryResults))
	}
	return e.read(c.ExecParams(ctx, e.statement.text, e.values, nil, nil, binaryResults))
}

// binaryResults asks for the binary form of all columns.
var binaryResults = []int16{1}

// read writes the rows into the answer.
func (e *execution) read(result *pgconn.ResultReader) error {
	writer := jsonshape.NewWriter(e.statement.shape, e.out)
	err := e.readInto(result, writer)
	if _, closed := result.Close(); closed != nil {
		// The server's error explains more than what its rows lacked.
		return closed
	}
	if err == nil {
		writer.Close()
	}
	return err
}

func (e *execution) readInto(result *pgconn.ResultReader, writer *jsonshape.Writer) error {
	g := e.statement.gather
	if g == nil {
		return e.readRows(result, writer.Row)
	}
	gathered := &jsonshape.Gathered{Outer: g.outer}
	if err := e.readRows(result, func(_ int, cells [][]byte) error { return gathered.Add(cells) }); err != nil {
		return err
	}
	return writer.Row(0, gathered.Cells())
}

func (e *execution) readRows(result *pgconn.ResultReader, row func(ordinal int, cells [][]byte) error) error {
	first := 0
	if e.statement.width > 0 {
		first = 1
	}
	for result.NextRow() {
		if !e.received {
			e.received = true
			if err := e.statement.layout.check(result.FieldDescriptions(), first); err != nil {
				return err
			}
		}
		cells := result.Values()
		at := 0
		if first > 0 {
			if len(cells[0]) != 8 {
				return sizeError("an ordinal", cells[0])
			}
			at = int(binary.BigEndian.Uint64(cells[0])) - 1
		}
		if err := row(at, cells[first:]); err != nil {
			return err
		}
	}
	return nil
}

// check compares the types of a result with those that its codecs read.
func (l *layout) check(fields []pgconn.FieldDescription, first int) error {
	if len(fields) != len(l.oids)+first {
		return fmt.Errorf("the database sent %d columns instead of %d", len(fields), len(l.oids)+first)
	}
	for i, oid := range l.oids {
		if oid != 0 && fields[first+i].DataTypeOID != oid {
			return sources.ErrTypeChanged
		}
	}
	return nil
}

// retryable tells whether a failed statement may be sent once more: when its
// connection had died, or when what was prepared no longer fits the database.
func (e *execution) retryable(err error) bool {
	if server, ok := errors.AsType[*pgconn.PgError](err); ok {
		if e.source.stale(err) {
			return !e.whole
		}
		switch server.Code {
		case "57P01", "57P02", "57P03":
			// The server ended the connection, and with it whatever was running.
			e.source.pool.Reset()
			return true
		}
		return false
	}
	var refused *pgconn.ConnectError
	var known *sources.Error
	if errors.As(err, &refused) || errors.As(err, &known) || errors.Is(err, sources.ErrTypeChanged) {
		return false
	}
	if !pgconn.SafeToRetry(err) && !e.statement.readsOnly {
		return false
	}
	e.source.pool.Reset()
	return true
}
