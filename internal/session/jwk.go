package session

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// webKey is a key of a set.
type webKey struct {
	id        string
	algorithm string
	key       any
}

// webKeys are the keys that a URL answers, kept fresh in the background.
type webKeys struct {
	url     string
	client  *http.Client
	logger  *slog.Logger
	current atomic.Pointer[[]webKey]
	// retryFirst and retryLast bound how long a failed fetch waits.
	retryFirst, retryLast time.Duration
}

const (
	jwkTimeout   = 30 * time.Second
	jwkMaxBytes  = 4 << 20
	jwkShortest  = time.Second
	jwkRetryFast = time.Second
	jwkRetrySlow = time.Minute
)

func newWebKeys(url string, client *http.Client, logger *slog.Logger) *webKeys {
	return &webKeys{url: url, client: client, logger: logger, retryFirst: jwkRetryFast, retryLast: jwkRetrySlow}
}

// keys are those that may have signed a token: by its key id if one has it.
func (w *webKeys) keys(id, algorithm string) []any {
	current := w.current.Load()
	if current == nil {
		return nil
	}
	var named, all []any
	for _, k := range *current {
		if k.algorithm != "" && k.algorithm != algorithm {
			continue
		}
		all = append(all, k.key)
		if id != "" && k.id == id {
			named = append(named, k.key)
		}
	}
	if named != nil {
		return named
	}
	return all
}

// follow fetches the keys again whenever they have expired, until the context
// ends.
func (w *webKeys) follow(ctx context.Context, wait time.Duration) {
	failures := 0
	for wait > 0 {
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		next, err := w.fetch(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			wait, failures = w.failed(ctx, err, failures), failures+1
			continue
		}
		wait, failures = next, 0
	}
}

// failed logs a failed fetch and says when to try again: soon while there are
// no keys at all, else in a minute, with the keys that are there until then.
func (w *webKeys) failed(ctx context.Context, err error, failures int) time.Duration {
	wait := w.retryLast
	if w.current.Load() == nil {
		wait = min(w.retryLast, w.retryFirst<<min(failures, 10))
	}
	w.logger.ErrorContext(ctx, "jwk-refresh-log", "detail", map[string]any{
		"message": "fetching the keys failed", "url": w.url, "error": err.Error(), "retry_in_seconds": wait.Seconds(),
	})
	return wait
}

// fetch gets the keys and says when to get them again; 0: never.
func (w *webKeys) fetch(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, jwkTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url, nil)
	if err != nil {
		return 0, err
	}
	answer, err := w.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close() //nolint:errcheck // what was read is what counts
	if answer.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("answered %s", answer.Status)
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, jwkMaxBytes))
	if err != nil {
		return 0, err
	}
	keys, err := parseKeySet(body)
	if err != nil {
		return 0, err
	}
	w.current.Store(&keys)
	wait, err := expiry(answer.Header, time.Now())
	if err != nil {
		w.logger.ErrorContext(ctx, "jwk-refresh-log", "detail", map[string]any{
			"message": "when the keys expire could not be read", "url": w.url, "error": err.Error(),
		})
		return w.retryLast, nil
	}
	w.logger.InfoContext(ctx, "jwk-refresh-log", "detail", map[string]any{
		"message": "fetched the keys", "url": w.url, "keys": len(keys), "refresh_in_seconds": wait.Seconds(),
	})
	return wait, nil
}

// parseKeySet reads a JWK set. Keys that can't check signatures are passed over
// unless no other is there.
func parseKeySet(body []byte) ([]webKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, fmt.Errorf("the answer is not a set of keys: %w", err)
	}
	var out []webKey
	var faults []error
	for _, text := range set.Keys {
		var k jose.JSONWebKey
		if err := k.UnmarshalJSON(text); err != nil {
			faults = append(faults, err)
			continue
		}
		if k.Use == "enc" {
			continue
		}
		key := k.Key
		if !k.IsPublic() {
			if secret, ok := k.Key.([]byte); ok {
				key = secret
			} else {
				key = k.Public().Key
			}
		}
		switch key := key.(type) {
		case *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey, []byte:
			out = append(out, webKey{id: k.KeyID, algorithm: k.Algorithm, key: key})
		}
	}
	if len(out) == 0 {
		return nil, errors.Join(append([]error{errors.New("the answer has no key that checks signatures")}, faults...)...)
	}
	return out, nil
}

// expiry says how long keys are good for, by the answer's headers; 0: forever.
func expiry(h http.Header, now time.Time) (time.Duration, error) {
	if control := h.Get("Cache-Control"); control != "" {
		wait, found, err := cacheControl(control)
		if err != nil || found {
			return wait, err
		}
	}
	text := h.Get("Expires")
	if text == "" {
		return 0, nil
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0, fmt.Errorf("header Expires: %w", err)
	}
	return atLeast(at.Sub(now)), nil
}

// cacheControl reads the header of that name. Keys that may not be kept, and
// those of times under a second, are fetched every minute; with must-revalidate
// a time counts even beside no-cache, as in v2.
func cacheControl(text string) (wait time.Duration, found bool, err error) {
	directives := map[string]string{}
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		directives[strings.ToLower(strings.TrimSpace(name))] = strings.Trim(strings.TrimSpace(value), `"`)
	}
	has := func(name string) bool {
		_, ok := directives[name]
		return ok
	}
	validated := has("must-revalidate")
	if !validated && (has("no-cache") || has("no-store")) {
		return jwkRetrySlow, true, nil
	}
	for _, name := range []string{"max-age", "s-maxage"} {
		value, ok := directives[name]
		if !ok {
			continue
		}
		seconds, err := strconv.ParseInt(value, 10, 32)
		if err != nil {
			return 0, false, fmt.Errorf("header Cache-Control, %s: %w", name, err)
		}
		return atLeast(time.Duration(seconds) * time.Second), true, nil
	}
	return jwkRetrySlow, validated, nil
}

func atLeast(d time.Duration) time.Duration {
	if d < jwkShortest {
		return jwkRetrySlow
	}
	return d
}
