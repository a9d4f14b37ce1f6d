package server

import (
	"strconv"
	"testing"
	"time"
)

// TestRates: a minute slides by seconds, and what is remembered is bounded.
func TestRates(t *testing.T) {
	t.Parallel()
	var r rates
	start := time.Unix(1_000_000, 0)
	for _, c := range []struct {
		after time.Duration
		want  bool
	}{
		{0, true},
		{30 * time.Second, true},
		{59 * time.Second, false},
		{60 * time.Second, true},
		{60 * time.Second, false},
		{89 * time.Second, false},
		{90 * time.Second, true},
		{time.Hour, true},
		{time.Hour, true},
		{time.Hour, false},
		{time.Hour - time.Minute, false},
	} {
		if got := r.allow("a", 2, start.Add(c.after)); got != c.want {
			t.Errorf("after %v: %v", c.after, got)
		}
	}
	for i := range maxRateKeys + 10 {
		r.allow(strconv.Itoa(i), 2, start.Add(2*time.Hour))
	}
	if len(r.keys) > maxRateKeys {
		t.Errorf("%d keys are remembered", len(r.keys))
	}
}
