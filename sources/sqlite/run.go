package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	zombiezen "zombiezen.com/go/sqlite"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/sources"
)

// Run executes a statement for a binding set.
func (s *Source) Run(
	ctx context.Context, compiled plan.Statement, args *plan.Arguments, bindings plan.Bindings, out *jsonshape.Answer,
) error {
	r, err := newRequest(compiled, args, bindings)
	if err != nil {
		return err
	}
	c, err := s.take(ctx)
	if err != nil {
		return err
	}
	defer s.put(c)
	return r.on(ctx, c, out)
}

// request is a statement with everything that it runs with.
type request struct {
	statement  *statement
	parameters []bound
	ranks      []rankTable
}

func newRequest(compiled plan.Statement, args *plan.Arguments, bindings plan.Bindings) (*request, error) {
	st, ok := compiled.(*statement)
	if !ok {
		return nil, fmt.Errorf("a statement of kind %T is not SQLite's", compiled)
	}
	if st.program != nil {
		return nil, errors.New("a mutation runs in a transaction")
	}
	if bindings.Width != len(st.keyTypes) {
		return nil, fmt.Errorf("the statement takes keys of %d parts, not of %d", len(st.keyTypes), bindings.Width)
	}
	r := &request{statement: st, parameters: make([]bound, len(st.parameters)), ranks: make([]rankTable, len(st.ranks))}
	var err error
	for i := range st.parameters {
		if r.parameters[i], err = st.parameters[i].resolve(args, bindings, st.keyTypes); err != nil {
			return nil, err
		}
	}
	for i := range st.ranks {
		if r.ranks[i], err = st.ranks[i].load(args); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// on runs the request on a connection that nothing else uses.
func (r *request) on(ctx context.Context, c *connection, out *jsonshape.Answer) error {
	c.ranks = r.ranks
	defer func() { c.ranks, c.refusal = nil, nil }()
	if err := c.run(r.statement, r.parameters, out); err != nil {
		if ctx.Err() != nil {
			return sources.ContextError(ctx.Err())
		}
		return databaseError(err, r.statement.sql)
	}
	return nil
}

// run executes a statement and writes its rows.
func (c *connection) run(st *statement, parameters []bound, out *jsonshape.Answer) (err error) {
	statement, err := c.statement(st.sql)
	if err != nil {
		return err
	}
	defer func() {
		// What Reset reports is the failure of the step before, known already.
		if resetErr := statement.Reset(); err == nil {
			err = resetErr
		}
		err = errors.Join(err, statement.ClearBindings())
	}()
	for i, b := range parameters {
		b.bindTo(statement, i+1)
	}
	w := jsonshape.NewWriter(st.shape, out)
	columns := statement.ColumnCount()
	first := 0
	if st.layout != layoutCells {
		first = 1
	}
	for {
		more, err := statement.Step()
		if c.refusal != nil {
			// The driver makes a text of it.
			return c.refusal
		}
		if err != nil {
			return err
		}
		if !more {
			break
		}
		ordinal := 0
		if st.layout != layoutCells {
			ordinal = statement.ColumnInt(0)
		}
		cells := c.readCells(statement, first, columns)
		if st.layout == layoutPacked {
			err = unpackRows(cells[0], func(cells [][]byte) error { return w.Row(ordinal, cells) })
		} else {
			err = w.Row(ordinal, cells)
		}
		if err != nil {
			return &writeError{err}
		}
	}
	w.Close()
	return nil
}

// writeError tells a failure to write from a failure of the database.
type writeError struct{ cause error }

func (e *writeError) Error() string { return "a row can't be written: " + e.cause.Error() }
func (e *writeError) Unwrap() error { return e.cause }

// readCells reads a row's columns. The cells are valid until the next row.
func (c *connection) readCells(statement *zombiezen.Stmt, first, columns int) [][]byte {
	c.row, c.ends = c.row[:0], c.ends[:0]
	for i := first; i < columns; i++ {
		switch statement.ColumnType(i) {
		case zombiezen.TypeInteger:
			c.row = strconv.AppendInt(append(c.row, tagInteger), statement.ColumnInt64(i), 10)
		case zombiezen.TypeFloat:
			c.row = jsonshape.AppendFloat(append(c.row, tagReal), statement.ColumnFloat(i), 64)
		case zombiezen.TypeText:
			c.row = append(c.row, tagText)
			if c.wide {
				c.row = append(c.row, statement.ColumnText(i)...)
				break
			}
			c.readBytes(statement, i)
		case zombiezen.TypeBlob:
			c.row = append(c.row, tagBlob)
			c.readBytes(statement, i)
		case zombiezen.TypeNull:
		}
		c.ends = append(c.ends, len(c.row))
	}
	c.cells = c.cells[:0]
	start := 0
	for _, end := range c.ends {
		if end == start {
			c.cells = append(c.cells, nil)
			continue
		}
		c.cells = append(c.cells, c.row[start:end:end])
		start = end
	}
	return c.cells
}

func (c *connection) readBytes(statement *zombiezen.Stmt, column int) {
	length := statement.ColumnLen(column)
	start := len(c.row)
	c.row = slices.Grow(c.row, length)[:start+length]
	statement.ColumnBytes(column, c.row[start:])
}
