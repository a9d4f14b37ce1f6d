package remoteschema

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// TestBudget: what is read counts until it is let go of, and more than there is
// room for is refused.
func TestBudget(t *testing.T) {
	t.Parallel()
	budget := NewBudget(100)
	read := func(size int) (*budgeted, error) {
		r := &budgeted{Reader: strings.NewReader(strings.Repeat("x", size)), budget: budget}
		_, err := io.Copy(io.Discard, r)
		return r, err
	}
	first, err := read(60)
	if err != nil || budget.held.Load() != 60 {
		t.Fatalf("%v, %d bytes are held", err, budget.held.Load())
	}
	second, err := read(60)
	if !errors.Is(err, errBudget) {
		t.Errorf("beyond the budget: %v", err)
	}
	budget.give(second.held)
	budget.give(first.held)
	if _, err := read(100); err != nil || budget.held.Load() != 100 {
		t.Errorf("%v, %d bytes are held", err, budget.held.Load())
	}
	if !NewBudget(0).take(1 << 60) {
		t.Error("no bound is one")
	}
}
