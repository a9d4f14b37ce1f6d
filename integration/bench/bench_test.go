package bench

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// events is the size of the table of events: all of it makes an answer of more
// than 50 MB.
const events = 320_000

// blockTime is how long one side is asked before the other is.
const blockTime = 40 * time.Millisecond

// BenchmarkRequests asks the engine and the handlers in turn, block by block,
// so that both suffer alike from whatever else the machine does.
func BenchmarkRequests(b *testing.B) {
	w := startWorld(b, events)
	var results []result
	for _, work := range workloads() {
		for _, concurrency := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/clients=%d", work.name, concurrency), func(b *testing.B) {
				r := w.measure(b, &work, concurrency)
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(microseconds(r.engine.median()), "engine-µs")
				b.ReportMetric(microseconds(r.reference.median()), "reference-µs")
				b.ReportMetric(r.ratio(), "ratio")
				results = append(results, r)
			})
		}
	}
	if err := printTable(results); err != nil {
		b.Fatal(err)
	}
}

func microseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

// side is what was seen of one side.
type side struct {
	latencies []time.Duration
	// medians of the blocks.
	medians []time.Duration
	asking  time.Duration
	// processor is the time that the side's process was running.
	processor time.Duration
}

func (s *side) median() time.Duration { return median(s.latencies) }

// throughput is the number of answers per second.
func (s *side) throughput() float64 { return float64(len(s.latencies)) / s.asking.Seconds() }

// cost is the processor's time per answer, which a busy machine changes less
// than latencies.
func (s *side) cost() time.Duration { return s.processor / time.Duration(len(s.latencies)) }

func median[T cmp.Ordered](of []T) T {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
}

type result struct {
	workload          *workload
	concurrency, size int
	engine, reference side
}

// ratio is the median of the ratios of the pairs of blocks.
func (r *result) ratio() float64 {
	ratios := make([]float64, len(r.engine.medians))
	for i := range ratios {
		ratios[i] = float64(r.engine.medians[i]) / float64(r.reference.medians[i])
	}
	return median(ratios)
}

// measure asks pairs of blocks; which side comes first alternates.
func (w *world) measure(b *testing.B, work *workload, concurrency int) result {
	b.Helper()
	r := result{workload: work, concurrency: concurrency, size: w.check(b, work)}
	ofEngine, ofHandler := work.requests(b, w.engine.address, w.handlers.address)
	askEngine := w.engine.asker(b, concurrency, ofEngine)
	askHandlers := w.handlers.asker(b, concurrency, ofHandler)
	// Both sides prepare their statements and warm up.
	perBlock := 1
	for range 5 {
		var warm side
		askHandlers(&warm, 2*concurrency)
		askEngine(&warm, 2*concurrency)
		perBlock = max(1, int(blockTime/warm.median()))
	}
	pair := 0
	for b.Loop() {
		if pair%2 == 0 {
			askEngine(&r.engine, perBlock)
			askHandlers(&r.reference, perBlock)
		} else {
			askHandlers(&r.reference, perBlock)
			askEngine(&r.engine, perBlock)
		}
		pair++
	}
	return r
}

// asker opens connections and gives a function that has each of them ask n
// times.
func (p *process) asker(b *testing.B, concurrency int, requests [][]byte) func(s *side, n int) {
	b.Helper()
	connections := make([]*connection, concurrency)
	for i := range connections {
		c, err := dial(b.Context(), p.address)
		if err != nil {
			b.Fatal(err)
		}
		connections[i] = c
		b.Cleanup(func() {
			if err := c.close(); err != nil {
				b.Error(err)
			}
		})
	}
	next := 0
	return func(s *side, n int) {
		latencies := make([][]time.Duration, concurrency)
		failures := make([]error, concurrency)
		first := next
		next += n
		processor, start := p.processor(b), time.Now()
		var all sync.WaitGroup
		for i, c := range connections {
			all.Go(func() {
				for j := range n {
					asked := time.Now()
					status, got, err := c.ask(requests[(first+j+i)%len(requests)], nil)
					if err != nil || status != http.StatusOK {
						failures[i] = fmt.Errorf("status %d, %d bytes, error %v", status, got, err) //nolint:errorlint // it may be nil
						return
					}
					latencies[i] = append(latencies[i], time.Since(asked))
				}
			})
		}
		all.Wait()
		s.asking += time.Since(start)
		s.processor += p.processor(b) - processor
		for _, err := range failures {
			if err != nil {
				b.Fatal(err)
			}
		}
		block := slices.Concat(latencies...)
		s.latencies = append(s.latencies, block...)
		s.medians = append(s.medians, median(block))
	}
}

// printTable prints what was measured as a table of Markdown.
func printTable(results []result) error {
	var text strings.Builder
	row := func(cells ...string) { text.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	milliseconds := func(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()*1000) }
	row("workload", "clients", "bytes", "against", "engine ms", "its ms", "engine req/s", "its req/s", "engine CPU ms", "its CPU ms", "ratio")
	row(slices.Repeat([]string{"---"}, 11)...)
	for i := range results {
		r := &results[i]
		row(
			fmt.Sprintf("%-42s", r.workload.title), strconv.Itoa(r.concurrency), strconv.Itoa(r.size), r.workload.reference,
			milliseconds(r.engine.median()), milliseconds(r.reference.median()),
			fmt.Sprintf("%.0f", r.engine.throughput()), fmt.Sprintf("%.0f", r.reference.throughput()),
			milliseconds(r.engine.cost()), milliseconds(r.reference.cost()),
			fmt.Sprintf("%.2f", r.ratio()),
		)
	}
	_, err := fmt.Fprintf(os.Stdout, "\n%s\n", text.String())
	return err
}
