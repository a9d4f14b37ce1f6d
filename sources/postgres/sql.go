package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"

	"dovetail/internal/plan"
	"dovetail/sources"
)

// RunSQL runs SQL as its author wrote it in one transaction and answers with
// the result of the last statement.
func (s *Source) RunSQL(ctx context.Context, sql string, readOnly bool) (*sources.SQLResult, error) {
	c, err := s.acquire(ctx)
	if err != nil {
		return nil, s.failure(ctx, err, sql, nil)
	}
	defer discard(ctx, c)
	connection := c.Conn().PgConn()
	begin := "BEGIN ISOLATION LEVEL " + s.isolation
	if readOnly {
		begin += " READ ONLY"
	}
	if _, err := connection.Exec(ctx, begin).ReadAll(); err != nil {
		return nil, s.sqlFailure(ctx, err, sql)
	}
	result, err := lastResult(connection.Exec(ctx, sql))
	if err == nil {
		_, err = connection.Exec(ctx, "COMMIT").ReadAll()
	} else if ctx.Err() == nil {
		// The statement's error is the one to tell; a failed rollback closes the
		// connection.
		_, _ = connection.Exec(ctx, "ROLLBACK").ReadAll()
	}
	if err != nil {
		return nil, s.sqlFailure(ctx, err, sql)
	}
	// Tables may have changed, and what is prepared no longer fits them.
	return result, nil
}

// lastResult reads all results and keeps the last one.
func lastResult(results *pgconn.MultiResultReader) (*sources.SQLResult, error) {
	out := &sources.SQLResult{}
	for results.NextResult() {
		reader := results.ResultReader()
		out = &sources.SQLResult{}
		if fields := reader.FieldDescriptions(); len(fields) > 0 {
			out.Tuples = true
			names := make([]string, len(fields))
			for i := range fields {
				names[i] = fields[i].Name
			}
			out.Rows = append(out.Rows, names)
		}
		for reader.NextRow() {
			row := make([]string, len(reader.Values()))
			for i, v := range reader.Values() {
				row[i] = "NULL"
				if v != nil {
					row[i] = string(v)
				}
			}
			out.Rows = append(out.Rows, row)
		}
		if _, err := reader.Close(); err != nil {
			_ = results.Close() // the same error again
			return nil, err
		}
	}
	return out, results.Close()
}

func (s *Source) sqlFailure(ctx context.Context, err error, sql string) error {
	var server *pgconn.PgError
	if ctx.Err() != nil || !errors.As(err, &server) {
		return s.failure(ctx, err, sql, nil)
	}
	return &sources.Error{
		Code: sources.CodePostgresError, Message: "query execution failed", Cause: err,
		Internal: &Detail{Statement: sql, Error: serverError(server), Arguments: []*string{}},
	}
}

// Explain gives the lines of the database's plan for a root statement.
func (s *Source) Explain(ctx context.Context, statement plan.Statement, args *plan.Arguments) ([]string, error) {
	compiled, ok := statement.(*Statement)
	if !ok || compiled.width > 0 {
		return nil, sources.NotSupported("only statements of root fields can be explained")
	}
	values, err := compiled.values(args, plan.Bindings{})
	if err != nil {
		return nil, err
	}
	c, err := s.acquire(ctx)
	if err != nil {
		return nil, s.failure(ctx, err, compiled.text, values)
	}
	defer c.Release()
	result := c.Conn().PgConn().ExecParams(ctx, "EXPLAIN (FORMAT TEXT) "+compiled.text, values, nil, nil, nil).Read()
	if result.Err != nil {
		return nil, s.failure(ctx, result.Err, compiled.text, values)
	}
	lines := make([]string, len(result.Rows))
	for i, row := range result.Rows {
		lines[i] = string(row[0])
	}
	return lines, nil
}
