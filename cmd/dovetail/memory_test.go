package main

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"
)

func TestMemoryLimit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		files map[string]string
		env   environment
		want  int64
	}{
		{files: map[string]string{"/sys/fs/cgroup/memory.max": "1000000\n"}, want: 900000},
		{files: map[string]string{"/sys/fs/cgroup/memory.max": "max\n"}},
		{files: map[string]string{"/sys/fs/cgroup/memory/memory.limit_in_bytes": "2000000"}, want: 1800000},
		{files: map[string]string{"/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712"}},
		{files: map[string]string{"/sys/fs/cgroup/memory.max": "1000000"}, env: variables("GOMEMLIMIT", "1GiB")},
		{},
	} {
		got := limitMemory(c.env, func(path string) ([]byte, error) {
			if text, ok := c.files[path]; ok {
				return []byte(text), nil
			}
			return nil, errors.New("no such file")
		})
		if got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

// TestMemoryGoesBack: what a burst has taken is the system's again soon after.
func TestMemoryGoesBack(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	burst := make([]byte, 512<<20)
	for i := 0; i < len(burst); i += 4096 {
		burst[i] = 1
	}
	runtime.GC() // the burst counts as live
	before, _ := heapNow()
	runtime.KeepAlive(burst)
	runtime.GC()
	go returnMemory(ctx, 20*time.Millisecond)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		after, _ := heapNow()
		if after+400<<20 < before {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d MiB are held of %d MiB", after>>20, before>>20)
		}
	}
}
