package sqlite

import (
	"errors"
	"strings"

	zombiezen "zombiezen.com/go/sqlite"

	"dovetail/sources"
)

// databaseError turns a failure of SQLite into an error of the v2 vocabulary.
func databaseError(err error, sql string) error {
	if _, ok := errors.AsType[*sources.Error](err); ok {
		return err
	}
	out := &sources.Error{
		Code: sources.CodeUnexpected, Message: "database query error", Cause: err,
		Internal: map[string]string{"statement": sql, "error": err.Error()},
	}
	if _, ok := errors.AsType[*writeError](err); ok {
		return out
	}
	text := messageOf(err)
	code := zombiezen.ErrCode(err)
	switch code { //nolint:exhaustive // the rest is unexpected
	case zombiezen.ResultConstraintUnique, zombiezen.ResultConstraintPrimaryKey, zombiezen.ResultConstraintRowID:
		out.Code, out.Message = sources.CodeConstraintViolation, "Uniqueness violation. "+text
		return out
	case zombiezen.ResultConstraintForeignKey:
		out.Code, out.Message = sources.CodeConstraintViolation, "Foreign key violation. "+text
		return out
	case zombiezen.ResultConstraintNotNull:
		out.Code, out.Message = sources.CodeConstraintViolation, "Not-NULL violation. "+text
		return out
	case zombiezen.ResultConstraintCheck:
		out.Code, out.Message = sources.CodePermissionError, "Check constraint violation. "+text
		return out
	}
	switch code.ToPrimary() { //nolint:exhaustive // the rest is unexpected
	case zombiezen.ResultConstraint:
		out.Code, out.Message = sources.CodeConstraintViolation, "Integrity constraint violation. "+text
	case zombiezen.ResultMismatch, zombiezen.ResultTooBig, zombiezen.ResultRange:
		out.Code, out.Message = sources.CodeDataException, text
	case zombiezen.ResultBusy, zombiezen.ResultLocked:
		out.Code, out.Message = sources.CodeConcurrentUpdate, "the database is locked by another writer"
	case zombiezen.ResultCantOpen, zombiezen.ResultNotADB, zombiezen.ResultCorrupt, zombiezen.ResultIOErr:
		out.Code, out.Message = sources.CodeConnection, "the SQLite database can't be read"
	}
	return out
}

// messageOf is SQLite's message without what the driver puts before it.
func messageOf(err error) string {
	text := err.Error()
	for _, prefix := range []string{"sqlite: step: ", "sqlite: prepare: ", "constraint failed: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return text
}

func isLockError(err error) bool {
	code := zombiezen.ErrCode(err).ToPrimary()
	return code == zombiezen.ResultBusy || code == zombiezen.ResultLocked
}

func isReadOnlyError(err error) bool {
	return zombiezen.ErrCode(err).ToPrimary() == zombiezen.ResultReadOnly
}
