package postgres

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"dovetail/sources"
)

// Detail is what admins see of a failed statement.
type Detail struct {
	Statement string       `json:"statement"`
	Prepared  bool         `json:"prepared"`
	Error     *ServerError `json:"error"`
	Arguments []*string    `json:"arguments"`
}

// ServerError is an error as the database reported it.
type ServerError struct {
	ExecStatus  string  `json:"exec_status"`
	Hint        *string `json:"hint"`
	Message     string  `json:"message"`
	StatusCode  string  `json:"status_code"`
	Description *string `json:"description"`
}

func serverError(e *pgconn.PgError) *ServerError {
	optional := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	return &ServerError{
		ExecStatus: "FatalError", Hint: optional(e.Hint), Message: e.Message, StatusCode: e.Code, Description: optional(e.Detail),
	}
}

// connectionError says that the database can't be reached.
func connectionError(err error) error {
	return &sources.Error{Code: sources.CodeConnection, Message: "connection error", Internal: err.Error(), Cause: err}
}

// failure turns what went wrong with a statement into an error for the user.
func (s *Source) failure(ctx context.Context, err error, text string, values [][]byte) error {
	if told := sources.KnownError(ctx, err); told != nil {
		return told
	}
	var server *pgconn.PgError
	if !errors.As(err, &server) {
		if broken(err) {
			return connectionError(err)
		}
		return &sources.Error{Code: sources.CodeUnexpected, Message: "database query error", Internal: err.Error(), Cause: err}
	}
	code, message := classify(server)
	if code != sources.CodeUnexpected {
		return &sources.Error{Code: code, Message: message, Cause: err} // which says it all, as in v2
	}
	arguments := make([]*string, len(values))
	for i, v := range values {
		if v != nil {
			t := string(v)
			arguments[i] = &t
		}
	}
	detail := &Detail{
		Statement: text, Prepared: !s.unprepared.Load(), Error: serverError(server), Arguments: arguments,
	}
	return &sources.Error{Code: code, Message: message, Internal: detail, Cause: err}
}

// broken tells whether an error is about the connection rather than about what
// came over it.
func broken(err error) bool {
	var connect *pgconn.ConnectError
	var network interface{ Timeout() bool }
	return errors.As(err, &connect) || errors.As(err, &network) || pgconn.SafeToRetry(err) || pgconn.Timeout(err) ||
		strings.Contains(err.Error(), "unexpected EOF") || strings.Contains(err.Error(), "conn closed")
}

// protocolViolation is what the database says of parameters that don't fit their
// statement, and what poolers say of anything for which they end a connection.
const protocolViolation = "08P01"

// refusedByPooler reports whether an error ended the connection.
func refusedByPooler(e *pgconn.PgError) bool {
	return e.Code == protocolViolation && (e.Severity == "FATAL" || e.SeverityUnlocalized == "FATAL")
}

// classify gives the code and the message of a database error.
func classify(e *pgconn.PgError) (code, message string) {
	switch e.Code {
	case "23001":
		return sources.CodeConstraintViolation, "Can not delete or update due to data being referred. " + e.Message
	case "23502":
		return sources.CodeConstraintViolation, "Not-NULL violation. " + e.Message
	case "23503":
		return sources.CodeConstraintViolation, "Foreign key violation. " + e.Message
	case "23505":
		return sources.CodeConstraintViolation, "Uniqueness violation. " + e.Message
	case "23514":
		return sources.CodePermissionError, "Check constraint violation. " + e.Message
	case "23P01":
		return sources.CodeConstraintViolation, "Exclusion violation. " + e.Message
	case "22025":
		return sources.CodeBadRequest, e.Message
	case "42P10":
		return sources.CodeConstraintError, "there is no unique or exclusion constraint on target column(s)"
	case "42704":
		return sources.CodeConstraintError, e.Message
	case "40001":
		return sources.CodeConcurrentUpdate, "serialization failure due to concurrent update"
	case "57P01", "57P02", "57P03", "53300":
		return sources.CodeConnection, "connection error"
	}
	switch {
	case strings.HasPrefix(e.Code, "22"):
		return sources.CodeDataException, e.Message
	case strings.HasPrefix(e.Code, "23"):
		return sources.CodeConstraintViolation, e.Message
	case e.Code == protocolViolation && !refusedByPooler(e):
		return sources.CodeUnexpected, "database query error" // the connection is well
	case strings.HasPrefix(e.Code, "08"):
		return sources.CodeConnection, "connection error"
	case e.Code == "XX000" && (strings.HasPrefix(e.File, "lwgeom") || strings.HasPrefix(e.File, "rtpostgis")):
		// PostGIS has no codes for what is wrong with its values.
		return sources.CodeDataException, e.Message
	}
	return sources.CodeUnexpected, "database query error"
}
