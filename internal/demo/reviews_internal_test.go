package demo

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A join that asks with one alias per key is still one lookup.
func TestAliasesAreOneLookup(t *testing.T) {
	store, err := newReviewStore(reviewsJSON)
	if err != nil {
		t.Fatal(err)
	}
	handler, err := newReviewsHandler(store, time.Second) // enough for a busy machine
	if err != nil {
		t.Fatal(err)
	}
	var query strings.Builder
	for i := range 50 {
		fmt.Fprintf(&query, "_%d: albumReviews(albumId: %d, limit: 2) {id} ", i, i%19+1)
	}
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", strings.NewReader(`{"query": "{`+query.String()+`}"}`))
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	if recorder.Code != http.StatusOK || strings.Contains(recorder.Body.String(), "errors") {
		t.Fatalf("status %d: %s", recorder.Code, recorder.Body)
	}
	if got := store.lookups.Load(); got != 1 {
		t.Errorf("%d lookups, want 1", got)
	}
}
