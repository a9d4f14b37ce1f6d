package bench

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const mega = 1e6

// BenchmarkIdleMemory tells how much memory the demo holds when nobody asks.
func BenchmarkIdleMemory(b *testing.B) {
	demo := startEngine(b, "demo")
	for b.Loop() {
		time.Sleep(2 * time.Second)
	}
	now := demo.memory(b, "VmRSS")
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(now)/mega, "MB")
	tell(b, "the demo at rest: %.1f MB resident\n", float64(now)/mega)
}

// BenchmarkLargeAnswer tells how much memory one large answer takes.
func BenchmarkLargeAnswer(b *testing.B) {
	w := startWorld(b, events)
	request := rawRequest(w.engine.address, "/v1/graphql", marshal(b, map[string]any{
		"query": "query q {event(order_by: {id: asc}) {" + eventFields + "}}",
	}))
	c, err := dial(b.Context(), w.engine.address)
	if err != nil {
		b.Fatal(err)
	}
	before := w.engine.memory(b, "VmRSS")
	var size, first, peak int64
	start := time.Now()
	asked := 0
	for b.Loop() {
		var status int
		if status, size, err = c.ask(request, nil); err != nil || status != http.StatusOK {
			b.Fatalf("status %d, error %v", status, err)
		}
		peak = w.engine.memory(b, "VmHWM")
		if asked++; asked == 1 {
			first = peak
		}
	}
	took := time.Since(start) / time.Duration(asked)
	if err := c.close(); err != nil {
		b.Fatal(err)
	}
	growth := func(peak int64) float64 { return float64(peak-before) / float64(size) }
	b.ReportMetric(growth(first), "first-growth/size")
	b.ReportMetric(growth(peak), "growth/size")
	tell(b, "an answer of %.1f MB: the engine grew from %.1f MB to %.1f MB (%.2f times the answer), after %d answers to %.1f MB (%.2f times); %.2f s each\n",
		float64(size)/mega, float64(before)/mega, float64(first)/mega, growth(first), asked, float64(peak)/mega, growth(peak), took.Seconds())
}

func tell(b *testing.B, format string, values ...any) {
	b.Helper()
	if _, err := fmt.Fprintf(os.Stdout, "\n"+format, values...); err != nil {
		b.Fatal(err)
	}
}

// memory reads a line of what Linux tells of a process, in bytes.
func (p *process) memory(b *testing.B, name string) int64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.id))
	if errors.Is(err, os.ErrNotExist) {
		b.Skip("SKIPPED, NOT MEASURED: the memory of a process is read from /proc, which only Linux has")
	}
	if err != nil {
		b.Fatal(err)
	}
	for line := range bytes.Lines(status) {
		value, found := strings.CutPrefix(string(line), name+":")
		if !found {
			continue
		}
		kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		return kilobytes * 1024
	}
	b.Fatalf("no %s in %s", name, status)
	return 0
}

// processor is the time that the threads of a process have been running; 0 where
// that isn't to be had.
func (p *process) processor(b *testing.B) time.Duration {
	b.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.id))
	if err != nil {
		b.Fatal(err)
	}
	var total time.Duration
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		running, _, _ := bytes.Cut(text, []byte(" "))
		nanoseconds, err := strconv.ParseInt(string(running), 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		total += time.Duration(nanoseconds)
	}
	return total
}
