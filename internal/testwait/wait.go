// Package testwait waits in tests for what happens sooner or later, so that a test
// takes no longer than that and no test guesses how long it takes.
package testwait

import (
	"testing"
	"time"
)

const (
	// Limit is how long Eventually waits: far longer than anything takes on a busy
	// machine.
	Limit = 30 * time.Second
	// step is the time between two looks.
	step = 5 * time.Millisecond
)

// Eventually waits until f reports true, and ends the test if that takes too long.
// What says what is waited for.
func Eventually(tb testing.TB, what string, f func() bool) {
	tb.Helper()
	if !Within(tb, Limit, f) {
		tb.Fatalf("after %v still not so: %s", Limit, what)
	}
}

// Within reports whether f reports true within a time.
func Within(tb testing.TB, limit time.Duration, f func() bool) bool {
	tb.Helper()
	deadline := time.Now().Add(limit)
	for !f() {
		if tb.Context().Err() != nil || time.Now().After(deadline) {
			return false
		}
		time.Sleep(step)
	}
	return true
}
