package document

import (
	"fmt"
	"strings"

	"dovetail/internal/plan"
)

// CodeParseFailed is the code of errors in a document's form.
const CodeParseFailed = "parse-failed"

// Error is a fault in a document: where, and what.
type Error struct {
	// Path leads to the faulty part: $.sources[0].tables[1].
	Path    string
	Code    string
	Message string
}

func (e *Error) Error() string { return fmt.Sprintf("%s (at %s)", e.Message, e.Path) }

// UnknownKeys lists keys of an object that mean nothing and were ignored.
type UnknownKeys struct {
	Path string
	Keys []string
}

// String describes the keys for a log or a warning.
func (u UnknownKeys) String() string {
	return fmt.Sprintf("unknown keys at %s: %s", u.Path, strings.Join(u.Keys, ", "))
}

// ChildPath appends an object's key to a path, quoted unless it is an
// identifier.
func ChildPath(path, key string) string {
	if plan.IsName(key) {
		return path + "." + key
	}
	return path + "['" + key + "']"
}

// ItemPath appends a list index to a path.
func ItemPath(path string, index int) string { return fmt.Sprintf("%s[%d]", path, index) }

// IsGraphQLName tells whether s is a name in GraphQL's sense.
func IsGraphQLName(s string) bool { return plan.IsName(s) }
