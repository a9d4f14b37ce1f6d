package integration_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	// startTimeout is how long an engine may take until it answers.
	startTimeout = 30 * time.Second
	// requestTimeout bounds a single request, so that a hanging engine fails one
	// test only.
	requestTimeout = 60 * time.Second
)

// binaries is where the engine is built; TestMain removes it.
//
//nolint:gochecknoglobals // built once for all tests
var binaries = sync.OnceValues(func() (string, error) {
	return os.MkdirTemp("", "dovetail-integration-")
})

// buildEngine builds the engine once, with the race detector when the tests
// have it.
//
//nolint:gochecknoglobals // built once for all tests
var buildEngine = sync.OnceValues(func() (string, error) {
	folder, err := binaries()
	if err != nil {
		return "", err
	}
	binary := filepath.Join(folder, "dovetail")
	arguments := []string{"build", "-o", binary}
	if raceDetector {
		arguments = append(arguments, "-race")
	}
	command := exec.CommandContext(context.Background(), "go", append(arguments, "./cmd/dovetail")...)
	command.Dir = ".."
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the engine: %w\n%s", err, output)
	}
	return binary, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	folder, err := binaries()
	if err == nil {
		err = os.RemoveAll(folder)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// engine is a running engine.
type engine struct {
	url string
	log *logBuffer
}

// logBuffer collects what a process writes.
type logBuffer struct {
	mutex  sync.Mutex
	buffer bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.Write(p)
}

func (b *logBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.String()
}

// engineOptions say how an engine is started. Arguments follow the
// subcommand, global ones stand before it.
type engineOptions struct {
	global    []string
	arguments []string
	env       map[string]string
}

// startEngine starts an engine on a metadata store of its own. When the test
// ends the engine must end too, soon and without a panic or data race in its
// log.
func startEngine(t *testing.T, options engineOptions) *engine {
	t.Helper()
	return startCommand(t, "serve", options)
}

// startCommand is startEngine for any subcommand that serves.
func startCommand(t *testing.T, subcommand string, options engineOptions) *engine {
	t.Helper()
	binary, err := buildEngine()
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	folder := t.TempDir()
	arguments := append([]string{}, options.global...)
	arguments = append(arguments, subcommand, "--server-port", port)
	command := exec.CommandContext(context.WithoutCancel(t.Context()), binary, append(arguments, options.arguments...)...)
	command.Dir = folder
	command.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + folder, "TMPDIR=" + os.TempDir(),
		"DOVETAIL_METADATA_PATH=" + filepath.Join(folder, "metadata.db"),
	}
	for name, value := range options.env {
		command.Env = append(command.Env, name+"="+value)
	}
	log := &logBuffer{}
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	t.Cleanup(func() { stopEngine(t, command, ended, log) })

	started := &engine{url: "http://127.0.0.1:" + port, log: log}
	deadline := time.Now().Add(startTimeout)
	for {
		if status, _, err := started.try(t.Context(), http.MethodGet, "/healthz", nil, nil); err == nil && status == http.StatusOK {
			return started
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("the engine ended: %v", err)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("the engine was not ready in %s", startTimeout)
		}
	}
}

func stopEngine(t *testing.T, command *exec.Cmd, ended chan error, log *logBuffer) {
	t.Helper()
	if err := command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("the engine ended with: %v", err)
		}
	case <-time.After(15 * time.Second):
		t.Error("the engine did not end within 15 s of SIGTERM")
		if err := command.Process.Kill(); err != nil {
			t.Error(err)
		}
		t.Logf("killed: %v", <-ended)
	}
	written := log.String()
	for _, bad := range []string{"DATA RACE", "panic:", "goroutine ", "runtime error"} {
		if strings.Contains(written, bad) {
			t.Errorf("the engine's log says %q", bad)
		}
	}
	if t.Failed() {
		t.Logf("the engine's log, without requests:\n%s", tail(withoutRequests(written), 10_000))
	}
}

// withoutRequests leaves out what every request logs.
func withoutRequests(log string) string {
	return strings.Join(slices.DeleteFunc(strings.Split(log, "\n"), func(line string) bool {
		return strings.Contains(line, `"type":"http-log"`) && strings.Contains(line, `"status":200`)
	}), "\n")
}

func tail(text string, length int) string {
	if len(text) <= length {
		return text
	}
	return "…" + text[len(text)-length:]
}

func freePort(t *testing.T) string {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return port
}

// try sends a request and gives its status and answer.
func (e *engine) try(ctx context.Context, method, path string, headers map[string]string, body []byte) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, e.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	answer, err := io.ReadAll(response.Body)
	return response.StatusCode, answer, errors.Join(err, response.Body.Close())
}

// post sends a request that must be answered.
func (e *engine) post(t *testing.T, path string, headers map[string]string, body []byte) (int, []byte) {
	t.Helper()
	status, answer, err := e.try(t.Context(), http.MethodPost, path, headers, body)
	if err != nil {
		t.Fatalf("POST %s: %v", path, err)
	}
	return status, answer
}

// graphql asks a query and gives the whole answer.
func (e *engine) graphql(t *testing.T, headers map[string]string, query string) []byte {
	t.Helper()
	status, answer := e.post(t, "/v1/graphql", headers, graphqlBody(t, query, nil))
	if status != http.StatusOK {
		t.Errorf("status %d for %s: %s", status, query, answer)
	}
	return answer
}

func graphqlBody(t *testing.T, query string, variables json.RawMessage) []byte {
	t.Helper()
	body, err := json.Marshal(struct {
		Query     string          `json:"query"`
		Variables json.RawMessage `json:"variables,omitempty"`
	}{query, variables})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// applyMetadata replaces the metadata, all of which must be consistent.
func (e *engine) applyMetadata(t *testing.T, headers map[string]string, document any) {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"type": "replace_metadata", "version": 2,
		"args": map[string]any{"allow_inconsistent_metadata": false, "metadata": document},
	})
	if err != nil {
		t.Fatal(err)
	}
	status, answer := e.post(t, "/v1/metadata", headers, body)
	var result struct {
		IsConsistent bool `json:"is_consistent"`
	}
	if err := json.Unmarshal(answer, &result); err != nil || status != http.StatusOK || !result.IsConsistent {
		t.Fatalf("replace_metadata: status %d: %s", status, answer)
	}
}

// compact gives JSON without white space, keys and numbers as they were.
func compact(t *testing.T, document []byte) string {
	t.Helper()
	var buffer bytes.Buffer
	if err := json.Compact(&buffer, document); err != nil {
		t.Fatalf("not JSON: %v: %s", err, document)
	}
	return buffer.String()
}
