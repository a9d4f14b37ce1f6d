package mssql

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"

	"dovetail/jsonshape"
	"dovetail/plan"
)

// Run executes a statement for a binding set.
func (s *Source) Run(
	ctx context.Context, statement plan.Statement, args *plan.Arguments, bindings plan.Bindings, out *jsonshape.Answer,
) error {
	compiled, ok := statement.(*Statement)
	if !ok {
		return fmt.Errorf("statement %T was compiled by another source", statement)
	}
	if compiled.width != bindings.Width {
		return fmt.Errorf("the statement takes %d binding columns, but got %d", compiled.width, bindings.Width)
	}
	if bindings.Width > 0 && len(bindings.Cells) == 0 {
		return nil
	}
	values, err := compiled.values(args, bindings)
	if err != nil {
		return err
	}
	for attempt := 0; ; attempt++ {
		e := execution{source: s, statement: compiled, values: values, out: out}
		err := e.run(ctx)
		if err == nil {
			return nil
		}
		if attempt > 0 || e.received || ctx.Err() != nil || !retryable(err) || !compiled.readsOnly {
			return failure(ctx, err, compiled.text)
		}
		// The connection had died, and with it perhaps others of the pool.
		s.forget()
	}
}

// retryable tells whether a statement failed for its connection alone.
func retryable(err error) bool {
	_, answered := serverError(err)
	return !answered && broken(err)
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

func (e *execution) run(ctx context.Context) (err error) {
	rows, err := e.source.pool.QueryContext(ctx, e.source.isolation.set+e.statement.text, e.values...)
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
