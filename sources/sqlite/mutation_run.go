package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	zombiezen "zombiezen.com/go/sqlite"

	"dovetail/internal/jsonshape"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/sources"
)

var _ sources.Transactor = (*Source)(nil)

// Transact runs mutations one after another in one transaction: all or none.
// The answers are written when it has been committed. It tells which mutation
// has failed. One transaction writes at a time; others wait for their turn,
// while readers go on.
func (s *Source) Transact(ctx context.Context, mutations []sources.Mutation) (failed int, err error) {
	select {
	case s.writing <- struct{}{}:
		defer func() { <-s.writing }()
	case <-ctx.Done():
		return 0, sources.ContextError(ctx.Err())
	case <-s.closed:
		return 0, connectionError(s.config.Path, errClosed)
	}
	c, err := s.take(ctx)
	if err != nil {
		return 0, err
	}
	defer s.putWritten(c)
	t := &transaction{connection: c, mutations: mutations}
	err = t.run()
	if err == nil {
		return t.write()
	}
	return t.at, t.failure(ctx, err)
}

// putWritten gives a connection back, without what it has not committed.
func (s *Source) putWritten(c *connection) {
	c.conn.SetInterrupt(nil) // a cancelled transaction must be rolled back too
	c.written, c.refusal = nil, nil
	if !c.conn.AutocommitEnabled() {
		if _, err := c.pragma("ROLLBACK"); err != nil {
			// Closing it rolls back as well; another one is opened in its place.
			_ = c.close()
			s.free <- nil
			return
		}
	}
	s.put(c)
}

// transaction runs mutations on one connection.
type transaction struct {
	*connection
	mutations []sources.Mutation
	results   [][]partResult
	// at is the mutation that runs, current its statement, of a step that errors
	// belong to.
	at       int
	current  string
	location string
}

// partResult is what a part of a mutation answers.
type partResult struct {
	rows     jsonshape.Gathered
	affected int
}

func (t *transaction) run() error {
	t.current = "BEGIN IMMEDIATE"
	if _, err := t.pragma("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	for i, mutation := range t.mutations {
		t.at = i
		compiled, ok := mutation.Statement.(*statement)
		if !ok || compiled.program == nil {
			return fmt.Errorf("the statement %T is no mutation of SQLite", mutation.Statement)
		}
		results := make([]partResult, len(compiled.program.parts))
		registers := make([]bound, compiled.program.registers)
		for i, part := range compiled.program.parts {
			r := &partRun{transaction: t, args: mutation.Args, registers: registers, out: &results[i]}
			if err := r.run(part); err != nil {
				return err
			}
		}
		t.results = append(t.results, results)
	}
	t.current, t.location = "COMMIT", ""
	_, err := t.pragma("COMMIT")
	return err
}

// write writes the answers.
func (t *transaction) write() (failed int, err error) {
	for i, results := range t.results {
		program := t.mutations[i].Statement.(*statement).program //nolint:forcetypeassert // it has run
		writer := jsonshape.NewWriter(program.shape, t.mutations[i].Out)
		for _, r := range results {
			if err := r.write(program, writer); err != nil {
				return i, &sources.Error{Code: sources.CodeUnexpected, Message: "internal error", Cause: err}
			}
		}
		writer.Close()
	}
	return 0, nil
}

func (r *partResult) write(program *program, writer *jsonshape.Writer) error {
	rows := r.rows.Cells()[0]
	if program.one {
		return jsonshape.GatheredRows(rows, func(cells [][]byte) error { return writer.Row(0, cells) })
	}
	return writer.Row(0, [][]byte{rowsCell: rows, affectedCell: []byte(strconv.Itoa(r.affected))})
}

// failure is the error to tell, where it belongs in the operation.
func (t *transaction) failure(ctx context.Context, err error) error {
	if told := sources.KnownError(ctx, err); told != nil {
		err = told
	} else {
		err = databaseError(err, t.current)
	}
	if e, ok := errors.AsType[*sources.Error](err); ok && e.Location == "" {
		e.Location = t.location
	}
	return err
}

// partRun runs one part of a program.
type partRun struct {
	*transaction
	args      *plan.Arguments
	registers []bound
	// keys are those of the rows that the mutation is about.
	keys [][]bound
	out  *partResult
}

func (r *partRun) run(p *part) error {
	if p.gather != nil {
		if _, err := r.step(p.gather); err != nil {
			return err
		}
		if err := r.read(p.read); err != nil || len(r.keys) == 0 {
			return err
		}
		r.written = r.keys
	}
	for _, s := range p.steps {
		rows, err := r.step(s)
		if err != nil {
			return err
		}
		r.out.affected += rows
		if rows == 0 && s.missing != "" {
			return &sources.Error{Code: sources.CodeNotSupported, Message: s.missing, Location: s.missingAt}
		}
	}
	if p.gather != nil {
		return nil
	}
	return r.read(p.read)
}

// read reads what is returned of the rows.
func (r *partRun) read(s *step) error {
	if s == nil || len(r.keys) == 0 {
		return nil
	}
	r.written, r.location = r.keys, ""
	return r.execute(s, nil, func(row *zombiezen.Stmt) error {
		return r.out.rows.Add(r.readCells(row, 0, row.ColumnCount()))
	})
}

// stepRun gathers the keys of the rows that a statement writes: new ones, and
// those that were there already.
type stepRun struct {
	*partRun
	step              *step
	inserted, present [][]bound
	rows              int
}

// step runs one statement, for each of its rows, and gives the number of rows
// written.
func (r *partRun) step(s *step) (int, error) {
	r.location = s.location
	out := &stepRun{partRun: r, step: s}
	var err error
	switch {
	case s.each != nil:
		err = out.each(s.each)
	case s.rows != nil:
		err = out.all()
	default:
		err = r.execute(s, nil, out.row)
	}
	if err != nil {
		return 0, err
	}
	if err := r.check(s.check, out.inserted); err != nil {
		return 0, err
	}
	return out.rows, r.check(s.updatedCheck, out.present)
}

// all writes the rows that are given.
func (r *stepRun) all() error {
	for _, row := range r.step.rows {
		values := make([]bound, 0, len(row))
		for _, v := range row {
			if v.parameter == nil {
				values = append(values, r.registers[v.register])
				continue
			}
			b, err := v.parameter.resolve(r.args, plan.Bindings{}, nil)
			if err != nil {
				return err
			}
			values = append(values, b)
		}
		if err := r.write(values); err != nil {
			return err
		}
	}
	return nil
}

// each writes a row for every object of a list.
func (r *stepRun) each(e *eachRow) error {
	list, err := r.args.Resolve(e.list)
	if err != nil {
		return err
	}
	items := list.Items
	if list.Kind != orderedjson.Array {
		items = []orderedjson.Value{list}
	}
	same := make([]bound, len(e.members))
	for i, member := range e.members {
		if member.Name == "" {
			p := parameter{convert: convertWrite, value: member.Value, typ: e.columns[i].Type}
			if same[i], err = p.resolve(r.args, plan.Bindings{}, nil); err != nil {
				return err
			}
		}
	}
	values := make([]bound, len(e.members))
	for _, item := range items {
		copy(values, same)
		for i, member := range e.members {
			if member.Name == "" {
				continue
			}
			value, _ := item.Get(member.Name)
			if values[i], err = writtenValue(value, e.columns[i].Type); err != nil {
				return err
			}
		}
		if err := r.write(values); err != nil {
			return err
		}
	}
	return nil
}

func (r *stepRun) write(values []bound) error {
	r.updated = false
	return r.execute(r.step, values, r.row)
}

// row takes what a written row gives.
func (r *stepRun) row(row *zombiezen.Stmt) error {
	r.rows++
	key := make([]bound, r.step.keys)
	for i := range key {
		key[i] = columnBound(row, i)
	}
	for i, register := range r.step.captures {
		r.registers[register] = columnBound(row, r.step.keys+i)
	}
	if r.updated {
		r.present = append(r.present, key)
	} else {
		r.inserted = append(r.inserted, key)
	}
	if r.step.top {
		r.keys = append(r.keys, key)
	}
	return nil
}

// columnBound keeps a value of a row.
func columnBound(row *zombiezen.Stmt, i int) bound {
	b := bound{kind: row.ColumnType(i)}
	switch b.kind {
	case zombiezen.TypeInteger:
		b.integer = row.ColumnInt64(i)
	case zombiezen.TypeFloat:
		b.real = row.ColumnFloat(i)
	case zombiezen.TypeText:
		b.text = row.ColumnText(i)
	case zombiezen.TypeBlob:
		blob := make([]byte, row.ColumnLen(i))
		row.ColumnBytes(i, blob)
		b.text = string(blob)
	case zombiezen.TypeNull:
	}
	return b
}

// check refuses rows that must not be.
func (r *partRun) check(s *step, keys [][]bound) error {
	if s == nil || len(keys) == 0 {
		return nil
	}
	r.written = keys
	return r.execute(s, nil, func(*zombiezen.Stmt) error {
		return &sources.Error{
			Code: sources.CodePermissionError, Message: "check constraint of an insert/update permission has failed", Location: r.location,
		}
	})
}

// execute runs a statement once; values are its first parameters.
func (r *partRun) execute(s *step, values []bound, yield func(row *zombiezen.Stmt) error) (err error) {
	r.current = s.sql
	statement, err := r.statement(s.sql)
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
	for i := range s.parameters {
		var b bound
		switch p := &s.parameters[i]; p.convert { //nolint:exhaustive // all others know their values
		case convertRow:
			b = values[p.set]
		case convertWritten:
			b = boundText("[" + strings.TrimSuffix(strings.Repeat("0,", len(r.written)), ",") + "]")
		default:
			if b, err = p.resolve(r.args, plan.Bindings{}, nil); err != nil {
				return err
			}
		}
		b.bindTo(statement, i+1)
	}
	ranks := make([]rankTable, len(s.ranks))
	for i := range s.ranks {
		if ranks[i], err = s.ranks[i].load(r.args); err != nil {
			return err
		}
	}
	r.ranks = ranks
	defer func() { r.ranks = nil }()
	for {
		more, err := statement.Step()
		if r.refusal != nil {
			// The driver makes a text of it.
			return r.refusal
		}
		if err != nil || !more {
			return err
		}
		if err := yield(statement); err != nil {
			return err
		}
	}
}
