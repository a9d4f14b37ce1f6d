package sources

import (
	"context"
	"errors"
	"fmt"

	"dovetail/internal/plan"
)

// Error codes that sources answer with; they are codes of the v2 error
// vocabulary.
const (
	CodeNotSupported        = "not-supported"
	CodePostgresError       = "postgres-error"
	CodeMSSQLError          = "mssql-error"
	CodeDataException       = "data-exception"
	CodeConstraintViolation = "constraint-violation"
	CodePermissionError     = "permission-error"
	CodeBadRequest          = "bad-request"
	CodeConstraintError     = "constraint-error"
	CodeConcurrentUpdate    = "concurrent-update"
	CodeConnection          = "connection-not-established"
	CodeRemoteSchemaError   = "remote-schema-error"
	CodeNotFound            = "not-found"
	CodeAlreadyExists       = "already-exists"
	CodeTimeout             = "timeout"
	CodeUnexpected          = "unexpected"
)

// Error is a failure in a source, with a message fit for the user. Internal
// holds detail for admins only: the database's own error, the statement.
type Error struct {
	Code    string
	Message string
	// Location is where in the operation the error belongs, in v2's way of writing
	// it; empty: the source doesn't know.
	Location string
	// Internal is marshalled as extensions.internal; nil for none.
	Internal any
	// Upstream holds the errors of a remote schema's own answer, each a JSON
	// object, to be passed on.
	Upstream []UpstreamError
	// Partial: the answer holds usable values all the same (absent ones are
	// null); only what Upstream names has failed.
	Partial bool
	Cause   error
}

// ErrTypeChanged is the cause of errors of a database that has changed since its
// tables were read.
var ErrTypeChanged = errors.New("the database sent a value of another type than its tables had when they were read; reload the metadata")

// UpstreamError is one entry of a remote answer's errors.
type UpstreamError struct {
	// JSON is the entry as received.
	JSON []byte
	// Ordinal is the binding row or root field the error belongs to, -1 when it
	// can't be told.
	Ordinal int
	// Path is the part of the entry's path below that, names and indices as
	// JSON texts.
	Path []string
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: %v", e.Message, e.Cause)
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.Cause }

// NotSupported is the error for a fragment that a source can't compile.
func NotSupported(format string, args ...any) error {
	return &Error{Code: CodeNotSupported, Message: fmt.Sprintf(format, args...)}
}

// KnownError returns err if it needs no database-specific translation (it is fit
// for the user, or the request has ended), else nil.
func KnownError(ctx context.Context, err error) error {
	var known *Error
	var missing *plan.MissingSessionVariableError
	if errors.As(err, &known) || errors.As(err, &missing) {
		return err
	}
	if ctx.Err() != nil {
		return ContextError(ctx.Err())
	}
	return nil
}

// ContextError is the error of a statement whose request has ended, by the cause.
func ContextError(cause error) error {
	message := "the request was cancelled"
	if errors.Is(cause, context.DeadlineExceeded) {
		message = "the database did not answer in time"
	}
	return &Error{Code: CodeTimeout, Message: message, Cause: cause}
}
