package mssql

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/sources"
)

// querier is a pool of connections, one of them, or a transaction on one.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// RunSQL runs a batch of SQL as its author wrote it in one transaction and
// answers with its last result. SQL Server has no transactions that only read:
// what a batch does that is to read only is rolled back.
func (s *Source) RunSQL(ctx context.Context, text string, readOnly bool) (*sources.SQLResult, error) {
	var result *sources.SQLResult
	err := s.transaction(ctx, func(tx *sql.Tx) (commit bool, err error) {
		result, err = scriptResult(ctx, tx, text)
		return !readOnly, sqlFailure(ctx, err, text)
	})
	return result, err
}

// RunCheckedSQL runs a batch of SQL in a transaction that lasts only if check
// accepts what the database is then like.
func (s *Source) RunCheckedSQL(ctx context.Context, text string, check func(*sources.Database) error) (*sources.SQLResult, error) {
	var result *sources.SQLResult
	err := s.transaction(ctx, func(tx *sql.Tx) (commit bool, err error) {
		if result, err = scriptResult(ctx, tx, text); err != nil {
			return false, sqlFailure(ctx, err, text)
		}
		database, err := s.introspect(ctx, tx)
		if err != nil {
			return false, err
		}
		return true, check(database)
	})
	return result, err
}

// RunUntransactedSQL runs a batch of SQL without a transaction around it.
func (s *Source) RunUntransactedSQL(ctx context.Context, text string) (*sources.SQLResult, error) {
	c, err := s.pool.Conn(ctx) // one for all batches, which may share temporary tables
	if err != nil {
		return nil, failure(ctx, err, text)
	}
	result, err := scriptResult(ctx, c, text)
	return result, errors.Join(sqlFailure(ctx, err, text), c.Close())
}

// transaction commits what run does if it says so.
func (s *Source) transaction(ctx context.Context, run func(*sql.Tx) (commit bool, err error)) error {
	tx, err := s.pool.BeginTx(ctx, &sql.TxOptions{Isolation: s.isolation.level})
	if err != nil {
		return failure(ctx, err, "BEGIN TRANSACTION")
	}
	commit, err := run(tx)
	if err != nil || !commit {
		if rolledBack := tx.Rollback(); err == nil && rolledBack != nil && !errors.Is(rolledBack, sql.ErrTxDone) {
			return sqlFailure(ctx, rolledBack, "ROLLBACK")
		}
		return err // what the rollback lacked, the server has done already
	}
	return sqlFailure(ctx, tx.Commit(), "COMMIT")
}

// scriptResult runs the batches of a script and keeps the last result.
func scriptResult(ctx context.Context, q querier, text string) (*sources.SQLResult, error) {
	parts, err := batches(text)
	if err != nil {
		return nil, err
	}
	out := &sources.SQLResult{}
	for _, b := range parts {
		for range b.times {
			result, err := batchResult(ctx, q, b.text)
			if err != nil {
				return nil, err
			}
			if result.Tuples {
				out = result
			}
		}
	}
	return out, nil
}

// batchResult runs a batch and keeps its last result.
func batchResult(ctx context.Context, q querier, text string) (result *sources.SQLResult, err error) {
	rows, err := q.QueryContext(ctx, text)
	if err != nil {
		return nil, err
	}
	defer closeRows(rows, &err)
	result = &sources.SQLResult{}
	for {
		columns, err := rows.Columns()
		if err != nil {
			return nil, err
		}
		if len(columns) > 0 {
			if result, err = resultOf(rows, columns); err != nil {
				return nil, err
			}
		}
		if !rows.NextResultSet() {
			break
		}
	}
	return result, rows.Err()
}

// resultOf reads a result as text, the columns' names first, and as JSON.
func resultOf(rows *sql.Rows, columns []string) (*sources.SQLResult, error) {
	reader, err := newRowReader(rows)
	if err != nil {
		return nil, err
	}
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	result := &sources.SQLResult{Tuples: true, Rows: [][]string{columns}, Values: [][]json.RawMessage{}}
	for rows.Next() {
		cells, err := reader.next(rows)
		if err != nil {
			return nil, err
		}
		line, values := make([]string, len(cells)), make([]json.RawMessage, len(cells))
		for i, cell := range cells {
			line[i], values[i] = "NULL", json.RawMessage("null")
			if cell == nil {
				continue
			}
			line[i] = string(cell)
			if values[i], err = valueEncoder(types[i].DatabaseTypeName())(nil, cell); err != nil {
				return nil, err
			}
		}
		result.Rows, result.Values = append(result.Rows, line), append(result.Values, values)
	}
	return result, rows.Err()
}

// valueEncoder gives the encoder for the driver's name of a type.
func valueEncoder(name string) jsonshape.Encoder {
	switch systemTypes[strings.ToLower(name)] { //nolint:exhaustive // all others are texts
	case plan.ClassInteger, plan.ClassNumber:
		return encodeNumber
	case plan.ClassBoolean:
		return encodeBoolean
	}
	return encodeString
}

func sqlFailure(ctx context.Context, err error, text string) error {
	if err == nil {
		return nil
	}
	server, ok := serverError(err)
	if ctx.Err() != nil || !ok || connectionNumbers[server.Number] {
		return failure(ctx, err, text)
	}
	return batchError(server, text)
}

// Explain gives the lines of the database's plan for a root statement. The
// statement is not run, so its parameters are declared but have no values.
func (s *Source) Explain(ctx context.Context, statement plan.Statement, _ *plan.Arguments) ([]string, error) {
	compiled, ok := statement.(*Statement)
	if !ok || compiled.width > 0 {
		return nil, sources.NotSupported("only statements of root fields can be explained")
	}
	c, err := s.pool.Conn(ctx)
	if err != nil {
		return nil, failure(ctx, err, compiled.text)
	}
	lines, err := explained(ctx, c, compiled)
	return lines, errors.Join(err, c.Close())
}

func explained(ctx context.Context, c *sql.Conn, compiled *Statement) (lines []string, err error) {
	if _, err := c.ExecContext(ctx, "SET SHOWPLAN_TEXT ON"); err != nil {
		return nil, failure(ctx, err, compiled.text)
	}
	defer func() {
		// A connection that goes on explaining is of no use to others.
		if _, off := c.ExecContext(context.WithoutCancel(ctx), "SET SHOWPLAN_TEXT OFF"); off != nil {
			_ = c.Raw(func(any) error { return sqldriver.ErrBadConn }) // which closes it
		}
	}()
	text := compiled.declarations() + compiled.text
	rows, err := c.QueryContext(ctx, text)
	if err != nil {
		return nil, failure(ctx, err, text)
	}
	defer closeRows(rows, &err)
	for {
		columns, err := rows.Columns()
		if err != nil {
			return nil, failure(ctx, err, text)
		}
		result, err := resultOf(rows, columns)
		if err != nil {
			return nil, failure(ctx, err, text)
		}
		for _, row := range result.Rows[1:] {
			if len(row) != 1 {
				return nil, fmt.Errorf("the database explained a statement in %d columns", len(row))
			}
			lines = append(lines, row[0])
		}
		if !rows.NextResultSet() {
			break
		}
	}
	return lines, failureOf(ctx, rows.Err(), text)
}

func failureOf(ctx context.Context, err error, text string) error {
	if err == nil {
		return nil
	}
	return failure(ctx, err, text)
}

// declarations declares the parameters as variables.
func (s *Statement) declarations() string {
	var b strings.Builder
	for i := range s.parameters {
		b.WriteString("DECLARE " + parameterName(i+1) + " " + s.parameters[i].declaration() + ";\n")
	}
	return b.String()
}

// declaration is the type a parameter has.
func (s *parameterSource) declaration() string {
	switch s.form {
	case formLimit, formFetch, formOffset, formFound:
		return typeBigint
	case formScalar:
		switch s.as.base {
		case typeBigint, typeInt, typeSmallint, typeTinyint, typeBit:
			return typeBigint
		case typeFloat, typeReal:
			return typeFloat
		case typeChar, typeVarchar, typeText:
			return textStep(typeVarchar, s.as, 0, mostNarrow)
		}
		return textStep(typeNvarchar, s.as, 0, mostNational)
	case formList, formSession, formBindings, formKeySet, formOverflow, formNewRows:
	}
	return "nvarchar(max)"
}
