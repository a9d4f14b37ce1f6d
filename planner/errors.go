package planner

import "fmt"

// Codes of errors that refuse an operation.
const (
	CodeValidationFailed = "validation-failed"
	CodeParseFailed      = "parse-failed"
	CodeNotSupported     = "not-supported"
	CodeUnexpected       = "unexpected"
	CodeBadRequest       = "bad-request"
)

// Error refuses an operation. Path is v2's: $.selectionSet.author.args.where.
type Error struct {
	Code, Message, Path string
}

func (e *Error) Error() string { return e.Path + ": " + e.Message }

func invalid(path, format string, args ...any) error {
	return &Error{Code: CodeValidationFailed, Path: path, Message: fmt.Sprintf(format, args...)}
}

// under extends a path by a name, quoting what isn't identifier-like.
func under(path, name string) string {
	for i, c := range name {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return path + "['" + name + "']"
		}
	}
	return path + "." + name
}
