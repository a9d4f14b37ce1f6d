package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"dovetail/internal/metadata/document"
	"dovetail/internal/metadata/store"
	"dovetail/sources"
)

// The error codes that commands answer with, from v2's vocabulary.
const (
	CodeAccessDenied         = "access-denied"
	CodeAlreadyExists        = "already-exists"
	CodeAlreadyTracked       = "already-tracked"
	CodeAlreadyUntracked     = "already-untracked"
	CodeBadRequest           = "bad-request"
	CodeConflict             = "conflict"
	CodeConstraintError      = "constraint-error"
	CodeConstraintViolation  = "constraint-violation"
	CodeDependencyError      = "dependency-error"
	CodeInvalidConfiguration = "invalid-configuration"
	CodeInvalidJSON          = "invalid-json"
	CodeInvalidParams        = "invalid-params"
	CodeMetadataWarnings     = "metadata-warnings"
	CodeMethodNotAllowed     = "method-not-allowed"
	CodeNotExists            = "not-exists"
	CodeNotFound             = "not-found"
	CodeNotSupported         = "not-supported"
	CodeParseFailed          = "parse-failed"
	CodePermissionDenied     = "permission-denied"
	CodeTimeout              = "timeout"
	CodeUnexpected           = "unexpected"
	CodeValidationFailed     = "validation-failed"
)

// Error is the failure of a command, as clients see it.
type Error struct {
	// Status is the HTTP status.
	Status int
	Code   string
	// Path leads into the request, from $.
	Path    string
	Message string
	// Internal is detail for admins; nil for none.
	Internal any
	// Cause is what only the log may tell.
	Cause error
	// parsing: the arguments could not be read.
	parsing bool
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: %v", e.Message, e.Cause)
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.Cause }

// MarshalJSON writes the error in the shape of the admin API.
func (e *Error) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Path     string `json:"path"`
		Error    string `json:"error"`
		Code     string `json:"code"`
		Internal any    `json:"internal,omitempty"`
	}{e.Path, e.Message, e.Code, e.Internal})
}

// argsPath is where most errors of commands stand.
const argsPath = "$.args"

// fail makes an error of status 400 at the command's arguments.
func fail(code, format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Code: code, Path: argsPath, Message: fmt.Sprintf(format, args...)}
}

// parseError is an error in the form of the arguments.
func parseError(err error, path string) *Error {
	var fault *document.Error
	if !errors.As(err, &fault) {
		return &Error{Status: http.StatusBadRequest, Code: CodeParseFailed, Path: path, Message: err.Error(), parsing: true}
	}
	e := &Error{Status: http.StatusBadRequest, Code: fault.Code, Path: fault.Path, Message: fault.Message}
	e.parsing = fault.Code == document.CodeParseFailed
	return e
}

// message sets the message.
func (e *Error) message(format string, args ...any) *Error {
	e.Message = fmt.Sprintf(format, args...)
	return e
}

// serious gives an error the HTTP status of an internal one, as v2 does with
// some.
func (e *Error) serious() *Error {
	e.Status = http.StatusInternalServerError
	return e
}

// at moves an error to a path.
func (e *Error) at(path string) *Error {
	e.Path = path
	return e
}

// with adds internal detail.
func (e *Error) with(internal any) *Error {
	e.Internal = internal
	return e
}

// AsError makes any error one of the admin API: what isn't one already becomes
// an internal error whose cause is only logged.
func AsError(err error) *Error {
	if own, ok := errors.AsType[*Error](err); ok {
		return own
	}
	if source, ok := errors.AsType[*sources.Error](err); ok {
		e := fail(source.Code, "%s", source.Message)
		e.Internal, e.Cause = source.Internal, source.Cause
		if source.Code == sources.CodeUnexpected {
			e.Status = http.StatusInternalServerError
		}
		return e
	}
	message := "internal error"
	if errors.Is(err, store.ErrUnavailable) {
		message = store.ErrUnavailable.Error()
	}
	return &Error{Status: http.StatusInternalServerError, Code: CodeUnexpected, Path: "$", Message: message, Cause: err}
}

// underIndex puts an error of the i-th command of a bulk into its place.
func underIndex(err error, i int) *Error {
	e := *AsError(err)
	e.Path = fmt.Sprintf("$.args[%d]%s", i, strings.TrimPrefix(e.Path, "$"))
	return &e
}
