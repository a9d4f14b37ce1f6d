package mssql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

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
		return failure(ctx, err, compiled.text)
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
func ready(statement plan.Statement, args *plan.Arguments, bindings plan.Bindings) (*Statement, []any, error) {
	compiled, err := compiledHere(statement, bindings)
	if err != nil || bindings.Width > 0 && len(bindings.Cells) == 0 {
		return nil, nil, err
	}
	values, err := compiled.arguments(args, bindings)
	if err != nil {
		return nil, nil, err
	}
	if args.Comment.Text != "" {
		with := *compiled
		with.text = args.Comment.Beside(compiled.text)
		compiled = &with
	}
	return compiled, values, nil
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

// execute runs a statement in this very database, once more if another try may
// succeed, and tells whether rows have arrived.
func (s *Source) execute(ctx context.Context, statement *Statement, values []any, out *jsonshape.Answer) (received bool, err error) {
	for attempt := 0; ; attempt++ {
		e := execution{source: s, statement: statement, values: values, out: out}
		err := e.run(ctx)
		if err == nil || attempt > 0 || e.received || ctx.Err() != nil || !statement.readsOnly {
			return e.received, err
		}
		server, answered := serverError(err)
		switch {
		case answered && conflictNumbers[server.Number]:
		case retryable(err):
			// The connection had died, and with it perhaps others of the pool.
			s.forget()
		default:
			return e.received, err
		}
	}
}

// retryable tells whether a statement failed for its connection alone.
func retryable(err error) bool {
	_, answered := serverError(err)
	return !answered && broken(err)
}

// conflictNumbers are errors of statements that got into the way of others:
// deadlocks, and changes that a snapshot doesn't bear.
var conflictNumbers = map[int32]bool{
	1205: true, 3958: true, 3959: true, 3960: true, 3961: true, 3966: true,
}

// primaryNumbers are errors of statements that a replica can't run, because they
// write or because what they need has not arrived yet.
var primaryNumbers = map[int32]bool{
	207: true, 208: true, 2812: true, 3906: true, 3908: true, 4121: true,
}

// atReplica tells what an error at a replica means: that it did not answer, and
// whether the statement can do better elsewhere.
func atReplica(err error) (silent, elsewhere bool) {
	server, answered := serverError(err)
	if !answered {
		silent = broken(err)
		return silent, silent
	}
	silent = connectionNumbers[server.Number]
	return silent, silent || primaryNumbers[server.Number] || conflictNumbers[server.Number]
}

// execution is one try to run a statement.
type execution struct {
	source    *Source
	statement *Statement
	values    []any
	out       *jsonshape.Answer
	// received: rows have arrived, so the statement must not run again.
	received bool
}

func (e *execution) run(ctx context.Context) error {
	return e.on(ctx, e.source.pool, e.source.isolation.set)
}

// on runs the statement, after what sets its isolation.
func (e *execution) on(ctx context.Context, connection querier, set string) (err error) {
	if e.statement.program != nil {
		return errors.New("rows are written in a transaction")
	}
	text, arguments := asCall(set+e.statement.text, e.values)
	rows, err := connection.QueryContext(ctx, text, arguments...)
	if err != nil {
		return err
	}
	defer closeRows(rows, &err)
	reader, err := newRowReader(rows)
	if err != nil {
		return err
	}
	return e.read(rows, reader)
}

// closeRows tells what closing rows found out, unless something went wrong
// before.
func closeRows(rows *sql.Rows, err *error) {
	if closed := rows.Close(); *err == nil {
		*err = closed
	}
}

// read writes the rows into the answer.
func (e *execution) read(rows *sql.Rows, reader *rowReader) error {
	first := 0
	if e.statement.width > 0 {
		first = 1
	}
	want := first + len(e.statement.kinds)
	writer := jsonshape.NewWriter(e.statement.shape, e.out)
	for rows.Next() {
		e.received = true
		cells, err := reader.next(rows)
		if err != nil {
			return err
		}
		if len(cells) != want {
			return fmt.Errorf("the database sent %d columns instead of %d", len(cells), want)
		}
		at := 0
		if first > 0 {
			if at, err = strconv.Atoi(string(cells[0])); err != nil {
				return fmt.Errorf("the database sent no ordinal: %w", err)
			}
		}
		if err := writer.Row(at, cells[first:]); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	writer.Close()
	return nil
}

// rowReader reads rows as cells of text, which are valid until the next row.
type rowReader struct {
	text    []byte
	ends    []int // end of each cell in text; negative: null
	cells   [][]byte
	targets []any
}

// cellTarget receives the value of one column.
type cellTarget struct {
	reader *rowReader
	column column
}

// Scan appends the text of the driver's value to the row.
func (t *cellTarget) Scan(value any) error {
	r := t.reader
	if value == nil {
		r.ends = append(r.ends, -1)
		return nil
	}
	var err error
	r.text, err = appendValue(r.text, value, t.column)
	r.ends = append(r.ends, len(r.text))
	return err
}

func newRowReader(rows *sql.Rows) (*rowReader, error) {
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	r := &rowReader{targets: make([]any, len(types))}
	targets := make([]cellTarget, len(types))
	for i, t := range types {
		targets[i] = cellTarget{reader: r, column: columnOfType(t.DatabaseTypeName())}
		r.targets[i] = &targets[i]
	}
	return r, nil
}

// next reads the row that rows stands at.
func (r *rowReader) next(rows *sql.Rows) ([][]byte, error) {
	r.text, r.ends, r.cells = r.text[:0], r.ends[:0], r.cells[:0]
	if err := rows.Scan(r.targets...); err != nil {
		return nil, err
	}
	start := 0
	for _, end := range r.ends {
		if end < 0 {
			r.cells = append(r.cells, nil)
			continue
		}
		r.cells = append(r.cells, r.text[start:end:end])
		start = end
	}
	return r.cells, nil
}
