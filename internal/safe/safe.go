// Package safe runs functions so that a panic in them is an error. A panic in a
// goroutine that nothing recovers ends the process, whatever else it was doing;
// every goroutine of the engine starts here. It is a leaf.
package safe

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// PanicError is a panic that was recovered. Its text is for the log, not for
// clients.
type PanicError struct {
	Value any
	Stack []byte
}

// Error names the value and where it came from.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v\n%s", e.Value, e.Stack) }

// Recovered is the error of what recover returned, nil for nil. It must be called
// while the panic's stack still stands: in the deferred function.
func Recovered(value any) error {
	if value == nil {
		return nil
	}
	return &PanicError{Value: value, Stack: debug.Stack()}
}

// Do calls f and makes a panic of it an error.
func Do(f func() error) (err error) {
	defer func() {
		if p := Recovered(recover()); p != nil {
			err = p
		}
	}()
	return f()
}

// Parallel calls f for 0..n-1 at the same time and waits for all; a single call
// stays on this goroutine. A panic of f(i) goes to failed(i), which may be called
// by several goroutines at the same time.
func Parallel(n int, f func(i int), failed func(i int, err error)) {
	one := func(i int) {
		defer func() {
			if err := Recovered(recover()); err != nil {
				failed(i, err)
			}
		}()
		f(i)
	}
	if n == 1 {
		one(0)
		return
	}
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { one(i) })
	}
	group.Wait()
}

// Loop starts f in the background and starts it again when it panics, after the
// panic was logged, until it returns by itself or the context ends.
func Loop(ctx context.Context, group *sync.WaitGroup, logger *slog.Logger, name string, f func()) {
	group.Go(func() {
		for ctx.Err() == nil {
			err := Do(func() error { f(); return nil })
			if err == nil {
				return
			}
			logger.ErrorContext(ctx, "panic", "detail", map[string]any{"in": name, "error": err.Error()})
			pause(ctx)
		}
	})
}

// pause keeps a function that always panics from taking a processor.
func pause(ctx context.Context) {
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
