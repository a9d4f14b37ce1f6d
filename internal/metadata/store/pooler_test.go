package store_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"dovetail/internal/metadata/store"
	"dovetail/internal/testpostgres"
)

// TestPooler opens a store again and again behind PgBouncer, whose sessions have seen
// the earlier ones, and uses all of them.
func TestPooler(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{testpostgres.SessionMode, testpostgres.TransactionMode} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			url := testpostgres.Pooler(t, testpostgres.Database(t), mode, 20)
			var opened []store.Store
			saved := int64(0)
			for start := range 4 {
				opened = append(opened, open(t, func() (store.Store, error) { return store.OpenPostgres(t.Context(), url) }))
				for i, s := range opened {
					saved++
					useStore(t, s, saved, fmt.Sprintf("start %d, store %d", start, i))
				}
			}
		})
	}
}

// useStore saves, sets and loads, and checks what comes back: the document's version
// is to become the given one.
func useStore(t *testing.T, s store.Store, version int64, who string) {
	t.Helper()
	ctx, text := t.Context(), `{"version":`+strconv.FormatInt(version, 10)+`}`
	if got, err := s.Save(ctx, []byte(text), []byte(`{}`), version-1); err != nil || got != version {
		t.Fatalf("%s: saved as %d, %v; want %d", who, got, err, version)
	}
	got, err := s.Load(ctx, version-1)
	if err != nil || string(got.Document) != text || got.ResourceVersion != version || len(got.Notes) != 1 || !got.Complete {
		t.Fatalf("%s: loaded %s of version %d with %d notes, %v", who, got.Document, got.ResourceVersion, len(got.Notes), err)
	}
	for _, key := range []string{"key", store.KeyCLIState, store.KeyConsoleState} {
		if err := s.Set(ctx, key, []byte(text)); err != nil {
			t.Fatalf("%s: %s: %v", who, key, err)
		}
		value, err := s.Get(ctx, key)
		if err != nil || strings.ReplaceAll(string(value), " ", "") != text {
			t.Fatalf("%s: %s is %s, %v", who, key, value, err)
		}
	}
}
