package oracle_test

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
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	startTimeout   = 30 * time.Second
	requestTimeout = 30 * time.Second
)

// engine is a running engine.
type engine struct{ url string }

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

// build builds the engine once, or takes the one that DOVETAIL_ORACLE_ENGINE
// names. TestMain removes it.
//
//nolint:gochecknoglobals // built once for all tests
var build = sync.OnceValues(func() (string, error) {
	if built := os.Getenv("DOVETAIL_ORACLE_ENGINE"); built != "" {
		return built, nil
	}
	folder, err := os.MkdirTemp("", "dovetail-oracle-engine-")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(folder, "dovetail")
	arguments := []string{"build", "-o", binary}
	if raceDetector {
		arguments = append(arguments, "-race")
	}
	command := exec.CommandContext(context.Background(), "go", append(arguments, "./cmd/dovetail")...)
	command.Dir = filepath.Join("..", "..")
	if output, err := command.CombinedOutput(); err != nil {
		return "", errors.Join(fmt.Errorf("build the engine: %w\n%s", err, output), os.RemoveAll(folder))
	}
	return binary, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if binary, err := build(); err == nil && os.Getenv("DOVETAIL_ORACLE_ENGINE") != binary {
		if err := os.RemoveAll(filepath.Dir(binary)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

func buildEngine(t *testing.T) string {
	t.Helper()
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// startEngine starts an engine, which must end well when the test does.
func startEngine(t *testing.T, binary string, env ...string) *engine {
	t.Helper()
	port, folder := freePort(t), t.TempDir()
	command := exec.CommandContext(context.WithoutCancel(t.Context()), binary, "serve", "--server-port", port)
	command.Dir = folder
	command.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + folder, "TMPDIR=" + os.TempDir(),
		"DOVETAIL_METADATA_PATH=" + filepath.Join(folder, "metadata.db"), "HASURA_GRAPHQL_ENABLED_LOG_TYPES=startup",
		"HASURA_GRAPHQL_DEV_MODE=true", // for errors of the databases
	}, env...)
	log := &logBuffer{}
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	t.Cleanup(func() { stopEngine(t, command, ended, log) })
	e := &engine{url: "http://127.0.0.1:" + port}
	deadline := time.Now().Add(startTimeout)
	for {
		if status, _, err := e.try(t.Context(), http.MethodGet, "/healthz", nil, nil); err == nil && status == http.StatusOK {
			return e
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
		if i := strings.Index(written, bad); i >= 0 {
			t.Errorf("the engine's log says %q: %.4000s", bad, written[i:])
			break
		}
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
	if err := errors.Join(err, listener.Close()); err != nil {
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

// ask sends a GraphQL request.
func (e *engine) ask(ctx context.Context, headers map[string]string, query string, variables json.RawMessage) ([]byte, error) {
	body, err := json.Marshal(struct {
		Query     string          `json:"query"`
		Variables json.RawMessage `json:"variables,omitempty"`
	}{query, variables})
	if err != nil {
		return nil, err
	}
	status, answer, err := e.try(ctx, http.MethodPost, "/v1/graphql", headers, body)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("status %d: %s", status, answer)
	}
	return answer, err
}

// apply replaces the metadata, all of which must be consistent.
func (e *engine) apply(ctx context.Context, document any) error {
	body, err := json.Marshal(map[string]any{
		"type": "replace_metadata", "version": 2,
		"args": map[string]any{"allow_inconsistent_metadata": false, "metadata": document},
	})
	if err != nil {
		return err
	}
	status, answer, err := e.try(ctx, http.MethodPost, "/v1/metadata", nil, body)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("replace_metadata: status %d: %s", status, answer)
	}
	return err
}
