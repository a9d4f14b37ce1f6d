package live_test

import (
	"testing"

	"dovetail/internal/metadata/live"
)

// Each state has its own, made once, and two kinds of one type are kept apart.
func TestDerived(t *testing.T) {
	t.Parallel()
	made := 0
	one := live.NewDerived(func(s *live.State) *int64 {
		made++
		return &s.ResourceVersion
	})
	other := live.NewDerived(func(*live.State) *int64 { return nil })
	a, b := &live.State{ResourceVersion: 1}, &live.State{ResourceVersion: 2}
	for range 2 {
		if one.Of(a) != &a.ResourceVersion || one.Of(b) != &b.ResourceVersion || other.Of(a) != nil {
			t.Fatal("a state has what was made of another")
		}
	}
	if made != 2 {
		t.Errorf("made %d times for two states", made)
	}
}
