package bench

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// profileTime is how long the engine is profiled for each workload.
const profileTime = 6 * time.Second

// BenchmarkProfile writes profiles of the engine, of its CPU and of what it
// allocates, into the folder that DOVETAIL_BENCH_PROFILE names.
func BenchmarkProfile(b *testing.B) {
	folder := os.Getenv(profileVariable)
	if folder == "" {
		b.Skip("skipped: " + profileVariable + " names no folder")
	}
	w := startWorld(b, events)
	for _, work := range workloads() {
		if work.reference != handWritten {
			continue
		}
		b.Run(work.name, func(b *testing.B) {
			w.check(b, &work)
			requests, _ := work.requests(b, w.engine.address, w.handlers.address)
			ask := w.engine.asker(b, 1, requests)
			ask(&side{}, 10)
			path := filepath.Join(folder, work.name)
			for b.Loop() {
				w.engine.profile(b, "allocs", path+".allocs-before.prof")
				done := make(chan bool)
				go func() {
					defer close(done)
					w.engine.profile(b, fmt.Sprintf("profile?seconds=%d", int(profileTime.Seconds())), path+".cpu.prof")
				}()
				var s side
				for running := true; running; {
					ask(&s, 5)
					select {
					case <-done:
						running = false
					default:
					}
				}
				w.engine.profile(b, "allocs", path+".allocs.prof")
				b.ReportMetric(float64(len(s.latencies)), "answers")
			}
		})
	}
}

// profile saves one of the engine's profiles.
func (p *process) profile(b *testing.B, name, path string) {
	b.Helper()
	if err := p.fetchProfile(b, name, path); err != nil {
		b.Errorf("%s: %v", strings.TrimSuffix(filepath.Base(path), ".prof"), err)
	}
}

func (p *process) fetchProfile(b *testing.B, name, path string) (err error) {
	b.Helper()
	request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, "http://"+p.profiles+"/debug/pprof/"+name, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", response.Status)
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, response.Body)
	return errors.Join(err, file.Close())
}
