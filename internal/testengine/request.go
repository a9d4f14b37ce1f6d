package testengine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Response is the engine's answer to a request.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Try sends a request that may go unanswered.
func (e *Engine) Try(ctx context.Context, method, path string, headers map[string]string, body []byte) (*Response, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, e.URL+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(response.Body)
	return &Response{response.StatusCode, response.Header, answer}, errors.Join(err, response.Body.Close())
}

// Post sends a request that must be answered, and gives the answer's status and
// body.
func (e *Engine) Post(tb testing.TB, path string, headers map[string]string, body []byte) (int, []byte) {
	tb.Helper()
	answer, err := e.Try(tb.Context(), http.MethodPost, path, headers, body)
	if err != nil {
		tb.Fatalf("POST %s: %v", path, err)
	}
	return answer.Status, answer.Body
}

// Body is the body of a GraphQL request.
func Body(tb testing.TB, query string, variables json.RawMessage) []byte {
	tb.Helper()
	body, err := graphqlBody(query, variables)
	if err != nil {
		tb.Fatal(err)
	}
	return body
}

func graphqlBody(query string, variables json.RawMessage) ([]byte, error) {
	return json.Marshal(struct {
		Query     string          `json:"query"`
		Variables json.RawMessage `json:"variables,omitempty"`
	}{query, variables})
}

// GraphQL asks a query and gives the whole answer, errors included.
func (e *Engine) GraphQL(tb testing.TB, headers map[string]string, query string) []byte {
	tb.Helper()
	status, answer := e.Post(tb, "/v1/graphql", headers, Body(tb, query, nil))
	if status != http.StatusOK {
		tb.Errorf("status %d for %s: %s", status, query, answer)
	}
	return answer
}

// Ask is GraphQL for where a failure isn't the end of the test.
func (e *Engine) Ask(ctx context.Context, headers map[string]string, query string, variables json.RawMessage) ([]byte, error) {
	body, err := graphqlBody(query, variables)
	if err != nil {
		return nil, err
	}
	return e.ok(ctx, "/v1/graphql", headers, body)
}

// ok sends a request that must have the status 200.
func (e *Engine) ok(ctx context.Context, path string, headers map[string]string, body []byte) ([]byte, error) {
	answer, err := e.Try(ctx, http.MethodPost, path, headers, body)
	if err != nil {
		return nil, err
	}
	if answer.Status != http.StatusOK {
		return answer.Body, fmt.Errorf("POST %s: status %d: %s", path, answer.Status, answer.Body)
	}
	return answer.Body, nil
}

// Replace replaces the metadata, all of which must be consistent.
func (e *Engine) Replace(ctx context.Context, headers map[string]string, document any) error {
	body, err := json.Marshal(map[string]any{
		"type": "replace_metadata", "version": 2,
		"args": map[string]any{"allow_inconsistent_metadata": false, "metadata": document},
	})
	if err != nil {
		return err
	}
	answer, err := e.ok(ctx, "/v1/metadata", headers, body)
	if err != nil {
		return err
	}
	var result struct {
		IsConsistent bool `json:"is_consistent"`
	}
	if err := json.Unmarshal(answer, &result); err != nil || !result.IsConsistent {
		return errors.Join(fmt.Errorf("replace_metadata: %s", answer), err)
	}
	return nil
}

// Apply replaces the metadata or ends the test.
func (e *Engine) Apply(tb testing.TB, headers map[string]string, document any) {
	tb.Helper()
	if err := e.Replace(tb.Context(), headers, document); err != nil {
		tb.Fatal(err)
	}
}

// Command sends a command of the admin API and gives its status and answer.
func (e *Engine) Command(tb testing.TB, kind string, args any) (int, string) {
	tb.Helper()
	body, err := json.Marshal(map[string]any{"type": kind, "args": args})
	if err != nil {
		tb.Fatal(err)
	}
	path := "/v1/metadata"
	if strings.HasSuffix(kind, "run_sql") {
		path = "/v2/query"
	}
	status, answer := e.Post(tb, path, nil, body)
	return status, string(answer)
}

// Must is Command for what has to succeed.
func (e *Engine) Must(tb testing.TB, kind string, args any) string {
	tb.Helper()
	status, answer := e.Command(tb, kind, args)
	if status != http.StatusOK {
		tb.Fatalf("%s: status %d: %s", kind, status, answer)
	}
	return answer
}

// Compact gives JSON without white space, keys and numbers as they were.
func Compact(tb testing.TB, document []byte) string {
	tb.Helper()
	var buffer bytes.Buffer
	if err := json.Compact(&buffer, document); err != nil {
		tb.Fatalf("not JSON: %v: %s", err, document)
	}
	return buffer.String()
}
