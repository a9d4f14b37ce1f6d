package bench

import "testing"

// TestSameAnswers makes sure that what is compared does the same.
func TestSameAnswers(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: builds and starts the engine")
	}
	w := startWorld(t, longList+1)
	for _, work := range workloads() {
		t.Run(work.name, func(t *testing.T) { w.check(t, &work) })
	}
}
