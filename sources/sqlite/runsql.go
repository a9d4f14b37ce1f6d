package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"

	zombiezen "zombiezen.com/go/sqlite"

	"dovetail/internal/plan"
	"dovetail/sources"
)

// RunSQL runs a script in a transaction and gives the result of its last
// statement that yields rows.
func (s *Source) RunSQL(ctx context.Context, sql string, readOnly bool) (*sources.SQLResult, error) {
	c, err := s.take(ctx)
	if err != nil {
		return nil, err
	}
	defer s.put(c)
	result, err := c.script(sql, readOnly)
	if err != nil {
		if ctx.Err() != nil {
			return nil, sources.ContextError(ctx.Err())
		}
		return nil, databaseError(err, sql)
	}
	if !readOnly {
		err = s.readIndexes(c)
	}
	return result, err
}

func (c *connection) script(sql string, readOnly bool) (result *sources.SQLResult, err error) {
	begin := constant("BEGIN IMMEDIATE")
	if readOnly {
		begin = "BEGIN"
		if _, err := c.pragma("PRAGMA query_only = ON"); err != nil {
			return nil, err
		}
		defer func() {
			c.conn.SetInterrupt(nil) // a cancelled script must be cleaned up too
			_, pragmaErr := c.pragma("PRAGMA query_only = OFF")
			err = errors.Join(err, pragmaErr)
		}()
	}
	if _, err := c.pragma(begin); err != nil {
		return nil, err
	}
	result = &sources.SQLResult{}
	for err == nil {
		if sql = skipBlanks(sql); sql == "" {
			break
		}
		var rest string
		if rest, err = c.scriptStatement(sql, result); err == nil {
			sql = rest
			if c.conn.AutocommitEnabled() {
				err = errors.New("the script ended the transaction it runs in")
			}
		}
	}
	if err == nil {
		if _, err = c.pragma("COMMIT"); err == nil {
			return result, nil
		}
	}
	c.conn.SetInterrupt(nil)
	if !c.conn.AutocommitEnabled() {
		_, rollbackErr := c.pragma("ROLLBACK")
		err = errors.Join(err, rollbackErr)
	}
	return nil, err
}

// skipBlanks takes off what stands before a statement: white space, semicolons
// and comments.
func skipBlanks(sql string) string {
	for {
		sql = strings.TrimLeft(sql, "; \t\r\n\f\uFEFF")
		switch {
		case strings.HasPrefix(sql, "--"):
			_, sql, _ = strings.Cut(sql, "\n")
		case strings.HasPrefix(sql, "/*"):
			_, sql, _ = strings.Cut(sql[2:], "*/")
		default:
			return sql
		}
	}
}

// scriptStatement runs the first statement of a script and gives the rest.
func (c *connection) scriptStatement(sql string, result *sources.SQLResult) (rest string, err error) {
	statement, trailing, err := c.conn.PrepareTransient(sql)
	if err != nil {
		return "", err
	}
	if trailing < 0 || trailing > len(sql) {
		return "", errors.Join(fmt.Errorf("the statement ends %d bytes from the script's end", trailing), statement.Finalize())
	}
	defer func() { err = errors.Join(err, statement.Finalize()) }()
	rest = sql[len(sql)-trailing:]
	columns := statement.ColumnCount()
	var rows [][]string
	if columns > 0 {
		names := make([]string, columns)
		for i := range names {
			names[i] = statement.ColumnName(i)
		}
		rows = append(rows, names)
	}
	for {
		more, err := statement.Step()
		if err != nil {
			return "", err
		}
		if !more {
			break
		}
		row := make([]string, columns)
		for i, cell := range c.readCells(statement, 0, columns) {
			row[i] = resultText(cell)
		}
		rows = append(rows, row)
	}
	if columns > 0 {
		result.Tuples, result.Rows = true, rows
	}
	return rest, nil
}

func resultText(cell []byte) string {
	switch {
	case cell == nil:
		return "NULL"
	case cell[0] == tagBlob:
		return fmt.Sprintf(`\x%x`, cell[1:])
	}
	return string(cell[1:])
}

// Explain gives the lines of SQLite's own explanation of a statement.
func (s *Source) Explain(ctx context.Context, compiled plan.Statement, args *plan.Arguments) ([]string, error) {
	st, ok := compiled.(*statement)
	if !ok {
		return nil, fmt.Errorf("a statement of kind %T is not SQLite's", compiled)
	}
	c, err := s.take(ctx)
	if err != nil {
		return nil, err
	}
	defer s.put(c)
	sql := "EXPLAIN QUERY PLAN " + st.sql
	explained, _, err := c.conn.PrepareTransient(sql)
	if err != nil {
		return nil, databaseError(err, sql)
	}
	lines, err := explainLines(explained, st, args)
	if err := errors.Join(err, explained.Finalize()); err != nil {
		return nil, databaseError(err, sql)
	}
	return lines, nil
}

func explainLines(explained *zombiezen.Stmt, st *statement, args *plan.Arguments) ([]string, error) {
	for i := range st.parameters {
		if st.parameters[i].convert == convertKeys {
			explained.BindText(i+1, "[]")
			continue
		}
		b, err := st.parameters[i].resolve(args, plan.Bindings{}, nil)
		if err != nil {
			return nil, err
		}
		b.bindTo(explained, i+1)
	}
	depth := map[int64]int{}
	var lines []string
	for {
		more, err := explained.Step()
		if err != nil || !more {
			return lines, err
		}
		level := 0
		if parent := explained.ColumnInt64(1); parent != 0 {
			level = depth[parent] + 1
		}
		depth[explained.ColumnInt64(0)] = level
		lines = append(lines, strings.Repeat("  ", level)+explained.ColumnText(3))
	}
}
