package sqlite

import (
	"context"
	"errors"
	"strings"

	"dovetail/sources"
)

var _ sources.CheckedSQL = (*Source)(nil)

// RunCheckedSQL runs a script in a transaction, introspects inside of it and
// commits if check accepts what it finds.
func (s *Source) RunCheckedSQL(ctx context.Context, sql string, check func(*sources.Database) error) (*sources.SQLResult, error) {
	c, err := s.take(ctx)
	if err != nil {
		return nil, err
	}
	defer s.put(c)
	if _, err := c.pragma("BEGIN IMMEDIATE"); err != nil {
		return nil, databaseError(err, sql)
	}
	result, err := s.checkedScript(c, sql, check)
	var refused *refusedError
	if err == nil || !errors.As(err, &refused) && ctx.Err() == nil {
		if err == nil {
			_, err = c.pragma("COMMIT")
		}
		if err == nil {
			return result, nil
		}
		err = databaseError(err, sql)
	}
	c.conn.SetInterrupt(nil) // a cancelled script must be rolled back too
	if !c.conn.AutocommitEnabled() {
		if _, rollback := c.pragma("ROLLBACK"); rollback != nil {
			return nil, errors.Join(err, rollback)
		}
	}
	switch {
	case refused != nil:
		// The introspection has left what is known of the indexes as it would be.
		return nil, errors.Join(refused.cause, s.readIndexes(c))
	case ctx.Err() != nil:
		return nil, sources.ContextError(ctx.Err())
	}
	return nil, err
}

// refusedError carries the check's own error past those of the database.
type refusedError struct{ cause error }

func (e *refusedError) Error() string { return e.cause.Error() }

func (s *Source) checkedScript(c *connection, sql string, check func(*sources.Database) error) (*sources.SQLResult, error) {
	result := &sources.SQLResult{}
	for sql = strings.TrimLeft(sql, "; \t\r\n"); sql != ""; sql = strings.TrimLeft(sql, "; \t\r\n") {
		rest, err := c.scriptStatement(sql, result)
		if err != nil {
			return nil, err
		}
		sql = rest
	}
	if c.conn.AutocommitEnabled() {
		return nil, errors.New("the script ended the transaction it runs in")
	}
	database, err := s.introspect(c)
	if err != nil {
		return nil, err
	}
	if err := check(database); err != nil {
		return nil, &refusedError{cause: err}
	}
	return result, nil
}
