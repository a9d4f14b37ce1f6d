package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/sources"
	"dovetail/sources/sqlgen"
)

var _ sources.Transactor = (*Source)(nil)

// Transact runs mutations one after another in one transaction: all or none.
// The answers are written when it has been committed. It tells which mutation
// has failed.
func (s *Source) Transact(ctx context.Context, mutations []sources.Mutation) (failed int, err error) {
	for attempt := 0; ; attempt++ {
		t := &transaction{source: s, mutations: mutations, whole: attempt > 0}
		err := t.run(ctx)
		if err == nil {
			return t.write()
		}
		if attempt == 0 && ctx.Err() == nil && t.again(err) {
			continue
		}
		return t.at, t.failure(ctx, err)
	}
}

// transaction is one try to run mutations.
type transaction struct {
	source     *Source
	mutations  []sources.Mutation
	connection *pgconn.PgConn
	results    []result
	// at is the mutation that runs, statement the one of its statements.
	at        int
	statement sentStatement
	// began: something may have been written.
	began bool
	// whole: statements are sent with their texts, whatever is prepared.
	whole bool
}

// sentStatement is what errors tell about.
type sentStatement struct {
	text     string
	values   [][]byte
	location string
}

// result is what a mutation answers, row by row, for each of its parts.
type result struct {
	statement *Statement
	parts     []partResult
}

type partResult struct {
	rows     *jsonshape.Gathered
	affected int
}

func (t *transaction) run(ctx context.Context) error {
	c, err := t.source.acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release() // which closes connections with an open transaction
	t.connection = c.Conn().PgConn()
	err = t.all(ctx)
	if err == nil {
		return nil
	}
	if ctx.Err() == nil && t.connection.TxStatus() != 'I' {
		// What failed is the error to tell; a failed rollback closes the connection.
		_, _ = t.connection.Exec(ctx, "ROLLBACK").ReadAll()
	}
	if ctx.Err() != nil {
		// A cancel request on its way must not hit the connection's next statement.
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelTimeout)
		defer cancel()
		_ = t.connection.Close(closing)
	}
	return err
}

func (t *transaction) all(ctx context.Context) error {
	if err := t.begin(ctx); err != nil {
		return err
	}
	for i, m := range t.mutations {
		t.at = i
		statement, ok := m.Statement.(*Statement)
		if !ok {
			return fmt.Errorf("statement %T was compiled by another source", m.Statement)
		}
		if statement.zoned != nil && !utcZones[t.connection.ParameterStatus("TimeZone")] {
			statement = statement.zoned
		}
		r, err := t.mutation(ctx, statement, m.Args)
		if err != nil {
			return err
		}
		t.results = append(t.results, r)
	}
	t.statement = sentStatement{text: "COMMIT"}
	_, err := t.connection.Exec(ctx, "COMMIT").ReadAll()
	return err
}

// begin starts the transaction and leaves the session variables where triggers
// find them.
func (t *transaction) begin(ctx context.Context) error {
	variables := sqlgen.SessionJSON(t.mutations[0].Args)
	p := t.connection.StartPipeline(ctx)
	p.SendQueryParams("BEGIN ISOLATION LEVEL "+t.source.isolation, nil, nil, nil, nil)
	set := "SELECT set_config('hasura.user', $1, true)"
	if t.source.local().jitOff {
		set += ", " + jitOff(true)
	}
	p.SendQueryParams(set, [][]byte{variables}, nil, nil, nil)
	err := p.Sync()
	for err == nil {
		var results any
		if results, err = p.GetResults(); err != nil || results == nil {
			break
		}
		if r, ok := results.(*pgconn.ResultReader); ok {
			_, err = r.Close()
		}
		if _, ok := results.(*pgconn.PipelineSync); ok {
			break
		}
	}
	return errors.Join(err, p.Close())
}

// mutation runs the statements of one mutation.
func (t *transaction) mutation(ctx context.Context, statement *Statement, args *plan.Arguments) (result, error) {
	out := result{statement: statement}
	if statement.program == nil {
		statement = statement.commented(args.Comment)
		values, err := statement.values(args, plan.Bindings{})
		if err != nil {
			return out, err
		}
		p := partResult{rows: &jsonshape.Gathered{}}
		if g := statement.gather; g != nil {
			p.rows.Outer = g.outer
		}
		t.statement = sentStatement{text: statement.text, values: values}
		t.began = true
		reader, err := t.start(ctx, statement.text, values, statement.takesKeys)
		if err != nil {
			return out, err
		}
		err = readCells(reader, statement.layout, p.rows.Add)
		out.parts = []partResult{p}
		return out, err
	}
	registers := make([]register, statement.program.registers)
	for _, part := range statement.program.parts {
		r := partRun{transaction: t, args: args, registers: registers, out: partResult{rows: &jsonshape.Gathered{}}}
		if err := r.run(ctx, part); err != nil {
			return out, err
		}
		out.parts = append(out.parts, r.out)
	}
	return out, nil
}

// register is the text of a value that a statement has returned for later ones;
// nil is null.
type register []byte

// partRun runs one part of a program.
type partRun struct {
	*transaction
	args      *plan.Arguments
	registers []register
	// rows are the texts of the rows that were written.
	rows []string
	out  partResult
}

func (r *partRun) run(ctx context.Context, p *part) error {
	for _, s := range p.steps {
		rows, err := r.step(ctx, s)
		if err != nil {
			return err
		}
		r.out.affected += rows
		if rows == 0 && s.missing != "" {
			return &sources.Error{Code: sources.CodeNotSupported, Message: s.missing, Location: s.missingAt}
		}
	}
	if p.read == nil || len(r.rows) == 0 {
		return nil
	}
	_, err := r.step(ctx, p.read)
	return err
}

func (r *partRun) values(s *step) ([][]byte, error) {
	values := make([][]byte, len(s.parameters))
	for i := range s.parameters {
		var err error
		switch p := &s.parameters[i]; p.form { //nolint:exhaustive // all others know their texts
		case formRegister:
			values[i] = r.registers[p.binding]
		case formRows:
			values[i] = textArray(r.rows)
		default:
			values[i], err = p.text(r.args, plan.Bindings{})
		}
		if err != nil {
			return nil, err
		}
	}
	return values, nil
}

// start sends a statement of the transaction; once: it is not worth preparing.
func (t *transaction) start(ctx context.Context, text string, values [][]byte, once bool) (*pgconn.ResultReader, error) {
	if t.whole || !t.source.prepares(once) {
		return t.connection.ExecParams(ctx, text, values, nil, nil, binaryResults), nil
	}
	description, err := t.source.prepared(ctx, t.connection, text)
	if err != nil {
		return nil, err
	}
	return t.connection.ExecStatement(ctx, description, values, nil, binaryResults), nil
}

// step runs one statement and gives the number of its rows.
func (r *partRun) step(ctx context.Context, s *step) (int, error) {
	values, err := r.values(s)
	if err != nil {
		return 0, err
	}
	text := r.args.Comment.Beside(s.text)
	r.statement = sentStatement{text: text, values: values, location: s.location}
	r.began = true
	reader, err := r.start(ctx, text, values, s.unprepared || r.args.Comment.Unique)
	if err != nil {
		return 0, err
	}
	rows := 0
	err = readCells(reader, s.layout, func(cells [][]byte) error {
		rows++
		return r.row(s, cells)
	})
	return rows, err
}

// row takes what a written row gives: whether it may be, what is returned of it
// and what later statements need.
func (r *partRun) row(s *step, cells [][]byte) error {
	if s.check >= 0 && cells[s.check] == nil {
		return &sources.Error{
			Code: sources.CodePermissionError, Message: "check constraint of an insert/update permission has failed", Location: s.location,
		}
	}
	for _, c := range s.captures {
		r.registers[c.register] = bytes.Clone(cells[c.cell])
	}
	if s.row >= 0 {
		r.rows = append(r.rows, string(cells[s.row]))
	}
	if !s.output {
		return nil
	}
	return r.out.rows.Add(cells)
}

// readCells reads the rows of a result.
func readCells(reader *pgconn.ResultReader, l *layout, row func(cells [][]byte) error) error {
	var err error
	checked := false
	for err == nil && reader.NextRow() {
		if !checked {
			checked = true
			if err = l.check(reader.FieldDescriptions(), 0); err != nil {
				break
			}
		}
		err = row(reader.Values())
	}
	if _, closed := reader.Close(); closed != nil {
		return closed
	}
	return err
}

// write writes the answers.
func (t *transaction) write() (failed int, err error) {
	for i, r := range t.results {
		if err := r.write(t.mutations[i].Out); err != nil {
			return i, &sources.Error{Code: sources.CodeUnexpected, Message: "internal error", Cause: err}
		}
	}
	return 0, nil
}

func (r *result) write(out *jsonshape.Answer) error {
	program := r.statement.program
	if program == nil {
		writer := jsonshape.NewWriter(r.statement.shape, out)
		if err := r.parts[0].plain(r.statement, writer); err != nil {
			return err
		}
		writer.Close()
		return nil
	}
	writer := jsonshape.NewWriter(program.shape, out)
	for _, p := range r.parts {
		if program.one {
			if err := jsonshape.GatheredRows(p.rows.Cells()[0], func(cells [][]byte) error { return writer.Row(0, cells) }); err != nil {
				return err
			}
			continue
		}
		cells := [][]byte{rowsCell: p.rows.Cells()[0], affectedCell: []byte(strconv.Itoa(p.affected))}
		if err := writer.Row(0, cells); err != nil {
			return err
		}
	}
	writer.Close()
	return nil
}

// plain writes the rows of a statement that is no program.
func (p *partResult) plain(s *Statement, writer *jsonshape.Writer) error {
	if s.gather != nil {
		return writer.Row(0, p.rows.Cells())
	}
	return jsonshape.GatheredRows(p.rows.Cells()[0], func(cells [][]byte) error { return writer.Row(0, cells) })
}

// again tells whether the transaction may be tried once more: nothing of it has
// lasted, unless the connection was lost while it was being committed.
func (t *transaction) again(err error) bool {
	if _, ok := errors.AsType[*pgconn.PgError](err); ok {
		return t.source.stale(err)
	}
	if _, known := errors.AsType[*sources.Error](err); known {
		return false
	}
	if t.began || !broken(err) {
		return false
	}
	t.source.pool.Reset()
	return true
}

// failure is the error to tell, where it belongs in the operation.
func (t *transaction) failure(ctx context.Context, err error) error {
	err = t.source.failure(ctx, err, t.statement.text, t.statement.values)
	if e, ok := errors.AsType[*sources.Error](err); ok && e.Location == "" {
		e.Location = t.statement.location
	}
	return err
}
