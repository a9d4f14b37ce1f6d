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

var _ sources.Transactor = (*Source)(nil)

// Transact runs mutations one after another in one transaction: all or none.
// The answers are written when it has been committed. It tells which mutation
// has failed.
func (s *Source) Transact(ctx context.Context, mutations []sources.Mutation) (failed int, err error) {
	for attempt := 0; ; attempt++ {
		t := &mutationRun{source: s, mutations: mutations}
		err := t.run(ctx)
		if err == nil {
			return t.write()
		}
		if attempt > 0 || ctx.Err() != nil || !t.again(err) {
			return t.at, t.failure(ctx, err)
		}
	}
}

// mutationRun is one try to run mutations.
type mutationRun struct {
	source    *Source
	mutations []sources.Mutation
	results   []mutationResult
	// at is the mutation that runs, text its batch.
	at   int
	text string
	// location is where an error of the mutation belongs in the operation; empty:
	// at its field.
	location string
	// ending: the transaction is being committed.
	ending bool
}

// mutationResult is what a mutation answers.
type mutationResult struct {
	statement *Statement
	rows      *jsonshape.Gathered
	affected  int64
	// location is where an error of the step that runs belongs.
	location string
}

// failure is the error to tell, where it belongs in the operation.
func (t *mutationRun) failure(ctx context.Context, err error) error {
	err = failure(ctx, err, t.text)
	if e, ok := errors.AsType[*sources.Error](err); ok && e.Location == "" {
		e.Location = t.location
	}
	return err
}

func (t *mutationRun) run(ctx context.Context) error {
	t.text = "BEGIN TRANSACTION"
	tx, err := t.source.pool.BeginTx(ctx, &sql.TxOptions{Isolation: t.source.isolation.level})
	if err != nil {
		return err
	}
	if err := t.all(ctx, tx); err != nil {
		// What failed is the error to tell; the server may have rolled back already.
		_ = tx.Rollback()
		return err
	}
	t.ending, t.text = true, "COMMIT TRANSACTION"
	return tx.Commit()
}

func (t *mutationRun) all(ctx context.Context, tx querier) error {
	for i, m := range t.mutations {
		t.at = i
		statement, err := compiledHere(m.Statement, plan.Bindings{})
		if err != nil {
			return err
		}
		r := mutationResult{statement: statement, rows: &jsonshape.Gathered{}}
		if statement.program == nil || !statement.program.idle() {
			values, err := statement.arguments(m.Args, plan.Bindings{})
			if err != nil {
				return err
			}
			t.text = m.Args.Comment.Beside(statement.text)
			if err := r.run(ctx, tx, t.text, values); err != nil {
				t.location = r.location
				return err
			}
		}
		t.results = append(t.results, r)
	}
	return nil
}

// run runs the batch of a mutation.
func (r *mutationResult) run(ctx context.Context, tx querier, text string, values []any) (err error) {
	p := r.statement.program
	if p != nil {
		r.location = p.steps[0].location
	}
	text, values = asCall(text, values)
	rows, err := tx.QueryContext(ctx, text, values...)
	if err != nil {
		return err
	}
	defer closeRows(rows, &err)
	if p == nil {
		return r.read(rows)
	}
	for i := range p.steps {
		if i > 0 && !rows.NextResultSet() {
			return errors.Join(errNoCounts, rows.Err())
		}
		if err := r.counts(rows, &p.steps[i]); err != nil {
			return err
		}
		// What is wrong before the next counts come is of the next step.
		r.location = ""
		if i+1 < len(p.steps) {
			r.location = p.steps[i+1].location
		}
		for rows.Next() { // to the end, behind which the next result is
		}
		if err := rows.Err(); err != nil {
			return err
		}
	}
	if !p.rows {
		return nil
	}
	if !rows.NextResultSet() {
		return errors.Join(errors.New("the database did not send what is returned of the written rows"), rows.Err())
	}
	return r.read(rows)
}

var errNoCounts = errors.New("the database did not report how many rows it has written")

// counts reads how many rows a step has written and how many are refused.
func (r *mutationResult) counts(rows *sql.Rows, end *stepEnd) error {
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return err
		}
		return errNoCounts
	}
	var affected, refused int64
	if err := rows.Scan(&affected, &refused); err != nil {
		return err
	}
	if refused > 0 {
		return &sources.Error{
			Code: sources.CodePermissionError, Message: "check constraint of an insert/update permission has failed",
		}
	}
	if affected == 0 && end.missing != "" {
		return &sources.Error{Code: sources.CodeNotSupported, Message: end.missing, Location: end.missingAt}
	}
	r.affected += affected
	return nil
}

// read keeps the rows that are returned.
func (r *mutationResult) read(rows *sql.Rows) error {
	reader, err := newRowReader(rows)
	if err != nil {
		return err
	}
	for rows.Next() {
		cells, err := reader.next(rows)
		if err != nil {
			return err
		}
		if len(cells) != len(r.statement.kinds) {
			return fmt.Errorf("the database sent %d columns instead of %d", len(cells), len(r.statement.kinds))
		}
		if err := r.rows.Add(cells); err != nil {
			return err
		}
	}
	return rows.Err()
}

// write writes the answers.
func (t *mutationRun) write() (failed int, err error) {
	for i := range t.results {
		if err := t.results[i].write(t.mutations[i].Out); err != nil {
			return i, &sources.Error{Code: sources.CodeUnexpected, Message: "internal error", Cause: err}
		}
	}
	return 0, nil
}

func (r *mutationResult) write(out *jsonshape.Answer) error {
	writer := jsonshape.NewWriter(r.statement.shape, out)
	gathered := r.rows.Cells()[0]
	var err error
	if p := r.statement.program; p == nil || p.one {
		err = jsonshape.GatheredRows(gathered, func(cells [][]byte) error { return writer.Row(0, cells) })
	} else {
		err = writer.Row(0, [][]byte{rowsCell: gathered, affectedCell: strconv.AppendInt(nil, r.affected, 10)})
	}
	if err != nil {
		return err
	}
	writer.Close()
	return nil
}

// again tells whether the transaction may be tried once more: it got into the
// way of others, or its connection had died, and nothing of it has lasted.
func (t *mutationRun) again(err error) bool {
	if server, answered := serverError(err); answered {
		return conflictNumbers[server.Number]
	}
	if t.ending || !retryable(err) {
		return false
	}
	t.source.forget()
	return true
}
