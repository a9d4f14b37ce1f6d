package testengine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
	// StartTimeout is how long an engine may take until it answers.
	StartTimeout = 30 * time.Second
	stopTimeout  = 15 * time.Second
	// requestTimeout bounds a single request, so that a hanging engine fails one
	// test only.
	requestTimeout = 60 * time.Second
)

// BinaryVariable names the environment variable that holds the path of an
// engine to test instead of one that is built.
const BinaryVariable = "DOVETAIL_TEST_ENGINE"

// tagsVariable names the build tags that the engine is built with.
const tagsVariable = "DOVETAIL_TEST_TAGS"

// coverVariable names the folder that Go's coverage counters are written to: with
// it, the engine counts what the tests make it run.
const coverVariable = "DOVETAIL_TEST_COVERAGE"

// binaries is where the engine is built; Main removes it.
//
//nolint:gochecknoglobals // built once for all tests
var binaries = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "dovetail-engine-") })

// build builds the engine once, with the race detector when the tests have it.
//
//nolint:gochecknoglobals // built once for all tests
var build = sync.OnceValues(func() (string, error) {
	if built := os.Getenv(BinaryVariable); built != "" {
		return built, nil
	}
	folder, err := binaries()
	if err != nil {
		return "", err
	}
	binary := filepath.Join(folder, "dovetail")
	arguments := []string{"build", "-o", binary}
	if raceDetector {
		arguments = append(arguments, "-race")
	}
	if tags := os.Getenv(tagsVariable); tags != "" {
		arguments = append(arguments, "-tags", tags)
	}
	if os.Getenv(coverVariable) != "" {
		arguments = append(arguments, "-cover", "-coverpkg=dovetail/...")
	}
	command := exec.CommandContext(context.Background(), "go", append(arguments, "dovetail/cmd/dovetail")...)
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the engine: %w\n%s", err, output)
	}
	return binary, nil
})

// Main runs the tests of a package that starts engines, to be called by its
// TestMain, and gives the exit code.
func Main(m *testing.M) int {
	code := m.Run()
	folder, err := binaries()
	if err == nil {
		err = os.RemoveAll(folder)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	return code
}

// Options say how an engine is started.
type Options struct {
	// Command is the subcommand, serve when it is empty.
	Command string
	// Arguments follow the subcommand, Global ones stand before it.
	Global, Arguments []string
	Env               map[string]string
	// Folder holds the metadata; one of its own when it is empty.
	Folder string
}

// Engine is a running engine.
type Engine struct {
	URL  string
	stop func()
}

// Start starts an engine. When the test ends the engine must end too, soon and
// without a panic or data race in its log.
func Start(tb testing.TB, options Options) *Engine {
	tb.Helper()
	binary, err := build()
	if err != nil {
		tb.Fatal(err)
	}
	port, folder, subcommand := FreePort(tb), options.Folder, options.Command
	if folder == "" {
		folder = tb.TempDir()
	}
	if subcommand == "" {
		subcommand = "serve"
	}
	arguments := slices.Concat(options.Global, []string{subcommand, "--server-port", port}, options.Arguments)
	command := exec.CommandContext(context.WithoutCancel(tb.Context()), binary, arguments...)
	command.Dir = folder
	command.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + folder, "TMPDIR=" + os.TempDir(),
		"DOVETAIL_METADATA_PATH=" + filepath.Join(folder, "metadata.db"),
	}
	if folder := os.Getenv(coverVariable); folder != "" {
		command.Env = append(command.Env, "GOCOVERDIR="+folder)
	}
	for name, value := range options.Env {
		command.Env = append(command.Env, name+"="+value)
	}
	log := &logBuffer{}
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		tb.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	e := &Engine{URL: "http://127.0.0.1:" + port, stop: sync.OnceFunc(func() { stop(tb, command, ended, log) })}
	tb.Cleanup(e.stop)
	e.await(tb, ended)
	return e
}

// await waits until the engine answers.
func (e *Engine) await(tb testing.TB, ended chan error) {
	tb.Helper()
	for deadline := time.Now().Add(StartTimeout); ; {
		if answer, err := e.Try(tb.Context(), http.MethodGet, "/healthz", nil, nil); err == nil && answer.Status == http.StatusOK {
			return
		}
		select {
		case err := <-ended:
			ended <- err
			tb.Fatalf("the engine ended: %v", err)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			tb.Fatalf("the engine was not ready in %s", StartTimeout)
		}
	}
}

// Stop ends the engine before the test does.
func (e *Engine) Stop() { e.stop() }

func stop(tb testing.TB, command *exec.Cmd, ended chan error, log *logBuffer) {
	tb.Helper()
	if err := command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		tb.Error(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			tb.Errorf("the engine ended with: %v", err)
		}
	case <-time.After(stopTimeout):
		tb.Errorf("the engine did not end within %s of SIGTERM", stopTimeout)
		if err := command.Process.Kill(); err != nil {
			tb.Error(err)
		}
		tb.Logf("killed: %v", <-ended)
	}
	written := log.String()
	for _, bad := range []string{"DATA RACE", "panic:", "goroutine ", "runtime error"} {
		if at := strings.Index(written, bad); at >= 0 {
			tb.Errorf("the engine's log says %q: %.4000s", bad, written[at:])
			break
		}
	}
	if tb.Failed() {
		tb.Logf("the engine's log, without requests:\n%s", tail(withoutRequests(written), 10_000))
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

// FreePort gives a port that nobody listens at.
func FreePort(tb testing.TB) string {
	tb.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err := errors.Join(err, listener.Close()); err != nil {
		tb.Fatal(err)
	}
	return port
}
