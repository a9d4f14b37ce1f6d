package sqlite

import (
	"context"
	"errors"

	zombiezen "zombiezen.com/go/sqlite"

	"dovetail/sources"
)

// contextError is the error of a statement whose request has ended.
func contextError(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return &sources.Error{Code: sources.CodeTimeout, Message: "the database took too long to answer", Cause: err}
	}
	return &sources.Error{Code: sources.CodeUnexpected, Message: "the request was cancelled", Cause: err}
}

// databaseError turns a failure of SQLite into an error of the v2 vocabulary.
func databaseError(err error, sql string) error {
	var coded *sources.Error
	if errors.As(err, &coded) {
		return err
	}
	out := &sources.Error{
		Code: sources.CodeUnexpected, Message: "database query error", Cause: err,
		Internal: map[string]string{"statement": sql, "error": err.Error()},
	}
	var written *writeError
	if errors.As(err, &written) {
		return out
	}
	code := zombiezen.ErrCode(err)
	switch code { //nolint:exhaustive // the rest is unexpected
	case zombiezen.ResultConstraintUnique, zombiezen.ResultConstraintPrimaryKey, zombiezen.ResultConstraintRowID:
		out.Code, out.Message = sources.CodeConstraintViolation, "Uniqueness violation. "+err.Error()
		return out
	case zombiezen.ResultConstraintForeignKey:
		out.Code, out.Message = sources.CodeConstraintViolation, "Foreign key violation. "+err.Error()
		return out
	case zombiezen.ResultConstraintNotNull:
		out.Code, out.Message = sources.CodeConstraintViolation, "Not-NULL violation. "+err.Error()
		return out
	case zombiezen.ResultConstraintCheck:
		out.Code, out.Message = sources.CodePermissionError, "Check constraint violation. "+err.Error()
		return out
	}
	switch code.ToPrimary() { //nolint:exhaustive // the rest is unexpected
	case zombiezen.ResultConstraint:
		out.Code, out.Message = sources.CodeConstraintViolation, "Integrity constraint violation. "+err.Error()
	case zombiezen.ResultMismatch, zombiezen.ResultTooBig, zombiezen.ResultRange:
		out.Code, out.Message = sources.CodeDataException, err.Error()
	case zombiezen.ResultBusy, zombiezen.ResultLocked:
		out.Code, out.Message = sources.CodeConcurrentUpdate, "the database is locked by another writer"
	case zombiezen.ResultCantOpen, zombiezen.ResultNotADB, zombiezen.ResultCorrupt, zombiezen.ResultIOErr:
		out.Code, out.Message = sources.CodeConnection, "the SQLite database can't be read"
	}
	return out
}

func isLockError(err error) bool {
	code := zombiezen.ErrCode(err).ToPrimary()
	return code == zombiezen.ResultBusy || code == zombiezen.ResultLocked
}

func isReadOnlyError(err error) bool {
	return zombiezen.ErrCode(err).ToPrimary() == zombiezen.ResultReadOnly
}
