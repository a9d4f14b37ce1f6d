package bench

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

const (
	// steadyTime is how long the mixed load lasts, warmUp how much of it passes
	// before the memory is first looked at.
	steadyTime = 60 * time.Second
	warmUp     = 15 * time.Second
)

// BenchmarkSteadyLoad tells whether memory grows under a mixed load: every
// workload, queries that are refused, texts that are never seen again,
// introspection, and changes of the metadata.
func BenchmarkSteadyLoad(b *testing.B) {
	w := startWorld(b, events)
	stop := make(chan struct{})
	var group sync.WaitGroup
	var asked [2]int
	for client := range asked {
		group.Go(func() { asked[client] = w.mixedLoad(b, client, stop) })
	}
	group.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(500 * time.Millisecond):
			}
			w.engine.command(b, "pg_set_table_customization", map[string]any{
				"source": "music", "table": "concert", "configuration": map[string]any{"comment": fmt.Sprint("change ", i)},
			})
		}
	})
	time.Sleep(warmUp)
	early := w.engine.memory(b, "VmRSS")
	time.Sleep(steadyTime - warmUp)
	late, peak := w.engine.memory(b, "VmRSS"), w.engine.memory(b, "VmHWM")
	close(stop)
	group.Wait()
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(late-early)/mega, "MB-grown")
	tell(b, "%d answers under mixed load: %.1f MB after %v, %.1f MB after %v, %.1f MB at most\n",
		asked[0]+asked[1], float64(early)/mega, warmUp, float64(late)/mega, steadyTime, float64(peak)/mega)
}

// mixedLoad asks until it is stopped, and tells how often it has.
func (w *world) mixedLoad(b *testing.B, client int, stop <-chan struct{}) (asked int) {
	b.Helper()
	c, err := dial(b.Context(), w.engine.address)
	if err != nil {
		b.Error(err)
		return 0
	}
	defer func() {
		if err := c.close(); err != nil {
			b.Error(err)
		}
	}()
	var requests [][]byte
	for _, work := range workloads() {
		ofEngine, _ := work.requests(b, w.engine.address, w.handlers.address)
		requests = append(requests, ofEngine[:min(len(ofEngine), 4)]...)
	}
	post := func(query string) []byte {
		return rawRequest(w.engine.address, "/v1/graphql", marshal(b, map[string]any{"query": query}))
	}
	requests = append(requests, post(introspectionQuery), post("{nothing {id}}"))
	for {
		for i, request := range requests {
			select {
			case <-stop:
				return asked
			default:
			}
			if i%4 == 0 {
				request = post(fmt.Sprintf("query n%d_%d {artist(limit: 1) {id}}", client, asked))
			}
			if status, _, err := c.ask(request, nil); err != nil || status != http.StatusOK {
				b.Errorf("status %d, error %v", status, err)
				return asked
			}
			asked++
		}
	}
}
