package main

import (
	"context"
	"math"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"
)

// The share of a container's memory that the process aims to stay below, so that
// it collects garbage harder instead of being killed.
const (
	limitParts = 9
	limitOf    = 10
)

// limitMemory sets the limit that the runtime aims at to most of what the
// container may have, unless GOMEMLIMIT says something; 0: none was set.
func limitMemory(env environment, read func(path string) ([]byte, error)) int64 {
	if env["GOMEMLIMIT"] != "" {
		return 0
	}
	for _, path := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		text, err := read(path)
		if err != nil {
			continue
		}
		most, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if err != nil || most <= 0 || most > math.MaxInt64/limitOf {
			continue // "max", or a number that stands for it
		}
		return most / limitOf * limitParts
	}
	return 0
}

// useMemoryLimit applies it.
func useMemoryLimit(env environment) {
	if limit := limitMemory(env, os.ReadFile); limit > 0 {
		debug.SetMemoryLimit(limit)
	}
}

// memoryInterval is how often it is looked whether memory can go back; spare is
// how much of it is worth the work.
const (
	memoryInterval = 10 * time.Second
	spareMemory    = 128 << 20
)

// returnMemory gives memory back to the system after bursts, until the context
// ends. By itself the runtime waits for as much garbage again before it
// collects, which after a burst may take minutes.
func returnMemory(ctx context.Context, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if mapped, live := heapNow(); mapped > 2*live+spareMemory {
			debug.FreeOSMemory()
		}
	}
}

// heapNow gives how much memory the heap holds of the system's, and how much the
// last collection found in use.
func heapNow() (mapped, live uint64) {
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/gc/heap/live:bytes"},
	}
	metrics.Read(samples)
	return samples[0].Value.Uint64() + samples[1].Value.Uint64() + samples[2].Value.Uint64(), samples[3].Value.Uint64()
}
