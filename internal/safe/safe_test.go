package safe_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"dovetail/internal/safe"
)

var errPlain = errors.New("plain")

func TestDo(t *testing.T) {
	if err := safe.Do(func() error { return errPlain }); !errors.Is(err, errPlain) {
		t.Error(err)
	}
	p, ok := errors.AsType[*safe.PanicError](safe.Do(func() error { panic("here") }))
	if !ok || p.Value != "here" || !strings.Contains(string(p.Stack), "safe_test") {
		t.Errorf("%+v", p)
	}
}

func TestParallelWaitsForAll(t *testing.T) {
	for _, n := range []int{0, 1, 5} {
		var ran, failed atomic.Int32
		safe.Parallel(n, func(i int) {
			ran.Add(1)
			if i == 0 {
				panic(i)
			}
		}, func(i int, err error) {
			if i != 0 || err == nil {
				t.Errorf("%d failed: %v", i, err)
			}
			failed.Add(1)
		})
		if int(ran.Load()) != n || int(failed.Load()) != min(n, 1) {
			t.Errorf("of %d, %d ran and %d failed", n, ran.Load(), failed.Load())
		}
	}
}

func TestLoopGoesOnAfterAPanic(t *testing.T) {
	var log bytes.Buffer
	var group sync.WaitGroup
	calls := 0
	safe.Loop(context.Background(), &group, slog.New(slog.NewTextHandler(&log, nil)), "test", func() {
		if calls++; calls == 1 {
			panic("once")
		}
	})
	group.Wait()
	if calls != 2 || !strings.Contains(log.String(), "panic: once") {
		t.Errorf("%d calls: %s", calls, log.String())
	}
}
