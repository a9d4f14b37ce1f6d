package remoteschema

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"dovetail/sources"
)

// Budget bounds how many bytes of answers all remote schemas together hold while
// they are read; nil bounds nothing.
type Budget struct {
	most int64
	held atomic.Int64
}

// NewBudget makes a budget of a number of bytes; 0 is no bound.
func NewBudget(most int64) *Budget {
	if most <= 0 {
		return nil
	}
	return &Budget{most: most}
}

// errBudget says that there is no room for more of an answer.
var errBudget = errors.New("the answers of remote schemas take too much memory together")

// take reserves bytes, and reports whether there was room.
func (b *Budget) take(n int64) bool {
	if b == nil || b.held.Add(n) <= b.most {
		return true
	}
	b.held.Add(-n)
	return false
}

// give returns what was taken.
func (b *Budget) give(n int64) {
	if b != nil {
		b.held.Add(-n)
	}
}

// budgeted reads an answer as far as there is room for it.
type budgeted struct {
	io.Reader
	budget *Budget
	held   int64
}

// Read implements io.Reader.
func (r *budgeted) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if !r.budget.take(int64(n)) {
		return n, errBudget
	}
	r.held += int64(n)
	return n, err
}

// overBudget is the error of an answer for which there was no room.
func (s *Source) overBudget() error {
	return &sources.Error{
		Code: sources.CodeRemoteSchemaError,
		Message: fmt.Sprintf("the answer of remote schema %q found no room: those under way may take %d bytes together (remote-max-answer-bytes)",
			s.config.Name, s.config.Answers.most),
		Cause: errBudget,
	}
}
