package bench

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
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

	"github.com/jackc/pgx/v5"

	"dovetail/internal/testpostgres"
)

//go:embed testdata/music.sql
var musicScript string

//go:embed testdata/shop.sql
var shopScript string

//go:embed testdata/metadata.json
var metadata string

// Environment variables of the process that serves the handlers: the test
// binary once more.
const (
	musicVariable = "DOVETAIL_BENCH_HANDLERS_MUSIC"
	shopVariable  = "DOVETAIL_BENCH_HANDLERS_SHOP"
)

func TestMain(m *testing.M) {
	if music := os.Getenv(musicVariable); music != "" {
		if err := serveHandlers(context.Background(), music, os.Getenv(shopVariable), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	if binary, err := buildEngine(); err == nil {
		if err := os.RemoveAll(filepath.Dir(binary)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// profileVariable names a folder: the engine is profiled instead of measured.
const profileVariable = "DOVETAIL_BENCH_PROFILE"

// buildEngine builds the engine once, as it is released.
//
//nolint:gochecknoglobals // built once for all
var buildEngine = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "dovetail-bench-")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(folder, "dovetail")
	arguments := []string{"build", "-trimpath", "-o", binary}
	if os.Getenv(profileVariable) == "" {
		arguments = append(arguments, "-ldflags", "-s -w")
	} else {
		arguments = append(arguments, "-tags", "pprof")
	}
	command := exec.CommandContext(context.Background(), "go", append(arguments, "dovetail/cmd/dovetail")...)
	command.Dir = ".."
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := command.CombinedOutput(); err != nil {
		return "", errors.Join(fmt.Errorf("build the engine: %w\n%s", err, output), os.RemoveAll(folder))
	}
	return binary, nil
})

// world is what is measured: the databases' contents, an engine and the
// handlers, each a process of its own.
type world struct {
	engine   *process
	handlers *process
}

func startWorld(tb testing.TB, events int) *world {
	tb.Helper()
	music, shop := testpostgres.Database(tb), testpostgres.Database(tb)
	execute(tb, music, musicScript, fmt.Sprintf(`insert into event
  select i::bigint * 1000003, 'kind ' || i %% 50, nullif(i %% 20, 0), (i * 31 %% 1000000) / 100.0, (i %% 1000) / 7.0, i %% 3 = 0,
    timestamptz '2020-01-01 00:00:00+00' + i * interval '17.25 seconds', md5(i::text)::uuid
  from generate_series(1, %d) i`, events), "vacuum analyze")
	execute(tb, shop, shopScript, "vacuum analyze")
	w := &world{engine: startEngine(tb, "serve"), handlers: startHandlers(tb, music, shop)}
	document := strings.NewReplacer("{{music}}", music, "{{shop}}", shop).Replace(metadata)
	w.engine.replaceMetadata(tb, document)
	return w
}

func execute(tb testing.TB, address string, statements ...string) {
	tb.Helper()
	connection, err := pgx.Connect(tb.Context(), address)
	if err != nil {
		tb.Fatal(err)
	}
	for _, statement := range statements {
		if _, err := connection.Exec(tb.Context(), statement); err != nil {
			tb.Fatal(err)
		}
	}
	if err := connection.Close(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

// process is a started server.
type process struct {
	address string
	id      int
	// profiles is where the engine serves its profiles, when it does.
	profiles string
	// stop ends the engine, as its test does otherwise.
	stop func()
}

// startEngine starts the engine with one of its commands in a folder of its own.
func startEngine(tb testing.TB, subcommand string) *process {
	tb.Helper()
	return startEngineIn(tb, tb.TempDir(), subcommand)
}

// startEngineIn starts the engine in a folder, in which it keeps its metadata.
func startEngineIn(tb testing.TB, folder, subcommand string, arguments ...string) *process {
	tb.Helper()
	binary, err := buildEngine()
	if err != nil {
		tb.Fatal(err)
	}
	address := freeAddress(tb)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		tb.Fatal(err)
	}
	log, err := os.Create(filepath.Join(folder, "log"))
	if err != nil {
		tb.Fatal(err)
	}
	command := exec.CommandContext(context.WithoutCancel(tb.Context()), binary, append([]string{subcommand, "--server-port", port}, arguments...)...)
	command.Dir = folder
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + folder, "TMPDIR=" + os.TempDir()}
	started := &process{address: address}
	if os.Getenv(profileVariable) != "" {
		started.profiles = freeAddress(tb)
		command.Env = append(command.Env, "DOVETAIL_PPROF_ADDRESS="+started.profiles)
	}
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		tb.Fatal(err)
	}
	started.id = command.Process.Pid
	started.stop = sync.OnceFunc(func() {
		if err := command.Process.Signal(syscall.SIGTERM); err != nil {
			tb.Error(err)
		}
		if err := errors.Join(command.Wait(), log.Close()); err != nil {
			tb.Error(err)
		}
	})
	tb.Cleanup(func() {
		started.stop()
		if tb.Failed() {
			text, _ := os.ReadFile(log.Name()) // nothing is as good as what can't be read
			tb.Logf("the end of the engine's log:\n%s", text[max(0, len(text)-5000):])
		}
	})
	deadline := time.Now().Add(30 * time.Second)
	for {
		connection, err := dial(tb.Context(), address)
		if err == nil {
			status, _, err := connection.ask(fmt.Appendf(nil, "GET /healthz HTTP/1.1\r\nHost: %s\r\n\r\n", address), nil)
			if err := errors.Join(err, connection.close()); err == nil && status == http.StatusOK {
				return started
			}
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(log.Name()) // nothing is as good as what can't be read
			tb.Fatalf("the engine was not ready in time:\n%s", text)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (p *process) replaceMetadata(tb testing.TB, document string) {
	tb.Helper()
	body := fmt.Sprintf(`{"type": "replace_metadata", "version": 2, "args": {"allow_inconsistent_metadata": false, "metadata": %s}}`, document)
	status, answer := p.once(tb, rawRequest(p.address, "/v1/metadata", []byte(body)))
	if status != http.StatusOK {
		tb.Fatalf("replace_metadata: status %d: %s", status, answer)
	}
}

// startHandlers starts this test binary as the server of the handlers.
func startHandlers(tb testing.TB, music, shop string) *process {
	tb.Helper()
	binary, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	command := exec.CommandContext(context.WithoutCancel(tb.Context()), binary)
	command.Env = append(os.Environ(), musicVariable+"="+music, shopVariable+"="+shop)
	command.Stderr = os.Stderr
	lifeline, err := command.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := command.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := errors.Join(lifeline.Close(), command.Wait()); err != nil {
			tb.Error(err)
		}
	})
	address, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		tb.Fatal(err)
	}
	return &process{address: strings.TrimSpace(address), id: command.Process.Pid}
}

func freeAddress(tb testing.TB) string {
	tb.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		tb.Fatal(err)
	}
	return listener.Addr().String()
}

// connection is a connection that is kept alive. It is leaner than net/http's
// client, whose own work would drown differences.
type connection struct {
	net.Conn
	reader *bufio.Reader
}

func dial(ctx context.Context, address string) (*connection, error) {
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &connection{c, bufio.NewReaderSize(c, 64<<10)}, nil
}

func (c *connection) close() error { return c.Close() }

// ask sends a request and reads its answer into a buffer.
func (c *connection) ask(request []byte, into *bytes.Buffer) (status int, size int64, err error) {
	if _, err := c.Write(request); err != nil {
		return 0, 0, err
	}
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return 0, 0, err
	}
	out := io.Discard
	if into != nil {
		out = into
	}
	size, err = io.Copy(out, response.Body)
	return response.StatusCode, size, errors.Join(err, response.Body.Close())
}

// once sends one request over a connection of its own.
func (p *process) once(tb testing.TB, request []byte) (int, []byte) {
	tb.Helper()
	c, err := dial(tb.Context(), p.address)
	if err != nil {
		tb.Fatal(err)
	}
	var body bytes.Buffer
	status, _, err := c.ask(request, &body)
	if err := errors.Join(err, c.close()); err != nil {
		tb.Fatal(err)
	}
	return status, body.Bytes()
}

// check holds the answers of both sides against each other, and gives their
// size.
func (w *world) check(tb testing.TB, work *workload) int {
	tb.Helper()
	ofEngine, ofHandler := work.requests(tb, w.engine.address, w.handlers.address)
	size := 0
	for i := range ofEngine {
		status, got := w.engine.once(tb, ofEngine[i])
		wantStatus, want := w.handlers.once(tb, ofHandler[i])
		if status != http.StatusOK || wantStatus != http.StatusOK {
			tb.Fatalf("%s: status %d and %d:\n%.1000s\n%.1000s", work.name, status, wantStatus, got, want)
		}
		size = len(got)
		if work.spaced {
			var compact bytes.Buffer
			if err := json.Compact(&compact, want); err != nil {
				tb.Fatal(err)
			}
			want = compact.Bytes()
		}
		if !bytes.Equal(got, want) {
			tb.Fatalf("%s: the engine answers\n%s\nthe handler\n%s", work.name, around(got, want), around(want, got))
		}
	}
	return size
}

// around is the part of a where it stops to be b.
func around(a, b []byte) []byte {
	at := 0
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	return a[max(0, at-200):min(len(a), at+200)]
}
