package remoteschemas_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binaries is where the engine is built; TestMain removes it.
//
//nolint:gochecknoglobals // built once for all tests
var binaries = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "dovetail-remoteschemas-") })

//nolint:gochecknoglobals // built once for all tests
var buildEngine = sync.OnceValues(func() (string, error) {
	folder, err := binaries()
	if err != nil {
		return "", err
	}
	binary := filepath.Join(folder, "dovetail")
	command := exec.CommandContext(context.Background(), "go", "build", "-o", binary, "./cmd/dovetail")
	command.Dir = filepath.Join("..", "..")
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

// engine is a running engine.
type engine struct {
	url string
	log *logBuffer
}

// startEngine starts an engine with settings (environment variables) on a
// metadata store of its own.
func startEngine(t *testing.T, env map[string]string) *engine {
	t.Helper()
	return startEngineAt(t, t.TempDir(), env)
}

// startEngineAt starts an engine whose metadata is in a folder.
func startEngineAt(t *testing.T, folder string, env map[string]string) *engine {
	t.Helper()
	e, _ := startStoppable(t, folder, env)
	return e
}

// startStoppable also gives a function that ends the engine before the test
// does.
func startStoppable(t *testing.T, folder string, env map[string]string) (*engine, func()) {
	t.Helper()
	binary, err := buildEngine()
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	command := exec.CommandContext(context.WithoutCancel(t.Context()), binary, "serve", "--server-port", port)
	command.Dir = folder
	settings := map[string]string{
		"PATH": os.Getenv("PATH"), "HOME": folder, "TMPDIR": os.TempDir(),
		"DOVETAIL_METADATA_PATH": filepath.Join(folder, "metadata.db"), "DOVETAIL_ENABLED_LOG_TYPES": "startup",
	}
	maps.Copy(settings, env)
	for name, value := range settings {
		command.Env = append(command.Env, name+"="+value)
	}
	e := &engine{url: "http://127.0.0.1:" + port, log: &logBuffer{}}
	command.Stdout, command.Stderr = e.log, e.log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	stop := sync.OnceFunc(func() { stopEngine(t, command, ended, e.log) })
	t.Cleanup(stop)
	for deadline := time.Now().Add(30 * time.Second); ; {
		status, _, _, err := e.try(t.Context(), http.MethodGet, "/healthz", nil, nil)
		if err == nil && status == http.StatusOK {
			return e, stop
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("the engine ended: %v", err)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatal("the engine was not ready in 30 s")
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
		t.Error("the engine did not end within 15 s of SIGTERM", command.Process.Kill(), <-ended)
	}
	for _, bad := range []string{"DATA RACE", "panic:", "goroutine ", "runtime error"} {
		if strings.Contains(log.String(), bad) {
			t.Errorf("the engine's log says %q", bad)
		}
	}
	if t.Failed() {
		text := log.String()
		t.Logf("the end of the engine's log:\n%s", text[max(0, len(text)-5000):])
	}
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

// try sends a request and gives its status, headers and answer.
func (e *engine) try(ctx context.Context, method, path string, headers map[string]string, body []byte) (int, http.Header, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, e.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, nil, err
	}
	answer, err := io.ReadAll(response.Body)
	return response.StatusCode, response.Header, answer, errors.Join(err, response.Body.Close())
}

// ask sends a GraphQL request and gives the answer.
func (e *engine) ask(t *testing.T, headers map[string]string, query string, variables map[string]any) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	_, _, answer, err := e.try(t.Context(), http.MethodPost, "/v1/graphql", headers, body)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

// command sends a command of the metadata API and gives its status and answer.
func (e *engine) command(t *testing.T, kind string, args any) (int, string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"type": kind, "args": args})
	if err != nil {
		t.Fatal(err)
	}
	path := "/v1/metadata"
	if strings.HasSuffix(kind, "run_sql") {
		path = "/v2/query"
	}
	status, _, answer, err := e.try(t.Context(), http.MethodPost, path, nil, body)
	if err != nil {
		t.Fatal(err)
	}
	return status, string(answer)
}

// must is command for what has to succeed.
func (e *engine) must(t *testing.T, kind string, args any) string {
	t.Helper()
	status, answer := e.command(t, kind, args)
	if status != http.StatusOK {
		t.Fatalf("%s: status %d: %s", kind, status, answer)
	}
	return answer
}

// apply replaces the metadata, all of which must be consistent.
func (e *engine) apply(t *testing.T, metadata any) {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"type": "replace_metadata", "version": 2,
		"args": map[string]any{"allow_inconsistent_metadata": false, "metadata": metadata},
	})
	if err != nil {
		t.Fatal(err)
	}
	status, _, answer, err := e.try(t.Context(), http.MethodPost, "/v1/metadata", nil, body)
	if err != nil || status != http.StatusOK || !strings.Contains(string(answer), `"is_consistent":true`) {
		t.Fatalf("replace_metadata: status %d: %v %s", status, err, answer)
	}
}

// document reads metadata written as JSON.
func document(t *testing.T, text string) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return out
}
