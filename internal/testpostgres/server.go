package testpostgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrNoBinaries tells that no Postgres server is installed.
var ErrNoBinaries = errors.New("no Postgres server found in PATH or /usr/lib/postgresql")

// errPortTaken tells that somebody else took the port between choosing and
// listening.
var errPortTaken = errors.New("port is taken")

// startTimeout is how long a server may take to come up.
const startTimeout = 60 * time.Second

// supervise runs the server until its standard input ends, which happens when
// the process that started it goes away, however it does. Then it removes
// everything. Arguments: folder of binaries, data folder, port.
const supervise = `
"$1/postgres" -D "$2/db" -p "$3" \
  -c listen_addresses=127.0.0.1 -c unix_socket_directories="$2" \
  -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
  -c max_connections=400 -c timezone=UTC -c log_timezone=UTC \
  >"$2/log" 2>&1 </dev/null &
server=$!
cat >/dev/null
kill -INT "$server" 2>/dev/null
wait "$server"
cd /
rm -rf "$2"
`

// Server is a private Postgres server. It ends with the process that started
// it, at the latest.
type Server struct {
	url       string
	lifeline  io.Closer
	supervise *exec.Cmd
}

// Start makes a server with an empty cluster in a temporary folder, listening
// on a free port of the loopback interface. Its superuser is postgres and
// needs no password. As Postgres refuses to run as root, root starts it as
// another user.
func Start(ctx context.Context) (*Server, error) {
	binaries, err := findBinaries()
	if err != nil {
		return nil, err
	}
	credential, err := unprivileged()
	if err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		server, err := startOnce(ctx, binaries, credential)
		if err == nil || !errors.Is(err, errPortTaken) || attempt == 5 {
			return server, err
		}
	}
}

// URL is the superuser's connection URL.
func (s *Server) URL() string { return s.url }

// Stop ends the server and removes its files.
func (s *Server) Stop() error {
	return errors.Join(s.lifeline.Close(), s.supervise.Wait())
}

func startOnce(ctx context.Context, binaries string, credential *syscall.Credential) (*Server, error) {
	folder, err := os.MkdirTemp("", "dovetail-postgres-")
	if err != nil {
		return nil, err
	}
	if err := prepare(ctx, binaries, folder, credential); err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	// The server outlives the context: it belongs to the process.
	command := exec.CommandContext(context.WithoutCancel(ctx), "/bin/sh", "-c", supervise, "sh", binaries, folder, strconv.Itoa(port))
	command.Dir = folder
	// A session of its own, so that Ctrl-C reaches the supervisor only through
	// the end of its input and it can still tidy up.
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: credential}
	lifeline, err := command.StdinPipe()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	if err := command.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start Postgres: %w", err), os.RemoveAll(folder))
	}
	server := &Server{
		url:       fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", port),
		lifeline:  lifeline,
		supervise: command,
	}
	if err := waitReady(ctx, folder); err != nil {
		return nil, errors.Join(err, server.Stop())
	}
	return server, nil
}

// prepare makes the cluster.
func prepare(ctx context.Context, binaries, folder string, credential *syscall.Credential) error {
	if credential != nil {
		if err := os.Chown(folder, int(credential.Uid), int(credential.Gid)); err != nil {
			return err
		}
	}
	var output []byte
	var err error
	// Not every system has the first locale.
	for _, locale := range []string{"C.UTF-8", "C"} {
		command := exec.CommandContext(ctx, filepath.Join(binaries, "initdb"),
			"--pgdata", filepath.Join(folder, "db"), "--username", "postgres", "--auth", "trust",
			"--encoding", "UTF8", "--locale", locale, "--no-sync")
		command.Dir = folder
		command.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
		if output, err = command.CombinedOutput(); err == nil {
			return nil
		}
	}
	return fmt.Errorf("initdb: %w\n%s", err, output)
}

// waitReady waits for the server's own word, as a connection that succeeds may
// be to somebody else's server.
func waitReady(ctx context.Context, folder string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		status, err := os.ReadFile(filepath.Join(folder, "db", "postmaster.pid"))
		if err == nil && slices.Contains(strings.Fields(string(status)), "ready") {
			return nil
		}
		log, err := os.ReadFile(filepath.Join(folder, "log"))
		if err == nil && strings.Contains(string(log), "FATAL:") {
			if strings.Contains(string(log), "could not bind") {
				return errPortTaken
			}
			return fmt.Errorf("Postgres did not start:\n%s", log) //nolint:staticcheck // the product's name
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("Postgres did not start: %w\n%s", ctx.Err(), log) //nolint:staticcheck // the product's name
		case <-ticker.C:
		}
	}
}

// findBinaries gives the folder of initdb and postgres: the one in PATH, else
// the newest that Debian and its likes installed.
func findBinaries() (string, error) {
	if path, err := exec.LookPath("postgres"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil && complete(filepath.Dir(path)) {
			return filepath.Dir(path), nil
		}
	}
	folders, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	slices.SortFunc(folders, func(a, b string) int { return version(b) - version(a) })
	for _, folder := range folders {
		if complete(folder) {
			return folder, nil
		}
	}
	return "", ErrNoBinaries
}

func complete(folder string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		if _, err := exec.LookPath(filepath.Join(folder, name)); err != nil {
			return false
		}
	}
	return true
}

func version(folder string) int {
	number, err := strconv.Atoi(filepath.Base(filepath.Dir(folder)))
	if err != nil {
		return 0
	}
	return number
}

// unprivileged gives the user that root runs the server as; nil when this
// process isn't root's.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil // no credential means: as we are
	}
	for _, name := range []string{"postgres", "nobody", "daemon"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(found.Uid, 10, 32)
		if err != nil {
			continue
		}
		gid, err := strconv.ParseUint(found.Gid, 10, 32)
		if err != nil {
			continue
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("Postgres refuses to run as root, and there is no other user to run it as (postgres, nobody, daemon)") //nolint:staticcheck // the product's name
}

func freePort(ctx context.Context) (int, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return 0, errors.Join(fmt.Errorf("unexpected address %v", listener.Addr()), listener.Close())
	}
	return address.Port, listener.Close()
}
