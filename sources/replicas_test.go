package sources_test

import (
	"slices"
	"testing"

	"dovetail/sources"
)

func TestRotation(t *testing.T) {
	if order := sources.NewRotation(0).Order(); len(order) != 0 {
		t.Errorf("none gave %v", order)
	}
	r := sources.NewRotation(3)
	firsts := map[int]int{}
	for range 6 {
		order := r.Order()
		firsts[order[0]]++
		if slices.Sort(order); !slices.Equal(order, []int{0, 1, 2}) {
			t.Errorf("got %v", order)
		}
	}
	for replica, times := range firsts {
		if times != 2 {
			t.Errorf("replica %d came first %d times", replica, times)
		}
	}
	r.Failed(1)
	for range 3 {
		if order := r.Order(); len(order) != 2 || slices.Contains(order, 1) {
			t.Errorf("a replica that failed is asked: %v", order)
		}
	}
}
