package testpostgres

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Modes of PgBouncer: for how long a client keeps a connection to the server.
const (
	SessionMode     = "session"
	TransactionMode = "transaction"
)

// Pooler puts a PgBouncer before the database of a URL and gives the URL through it.
// It keeps no more than size connections to the server, and runs as Debian
// configures it but for what settings (lines of its file) say. Without a PgBouncer
// the test is skipped.
func Pooler(tb testing.TB, database, mode string, size int, settings ...string) string {
	tb.Helper()
	binary, err := exec.LookPath("pgbouncer")
	if err != nil {
		tb.Skipf("SKIPPED, NOT TESTED: this test needs PgBouncer. Install pgbouncer, or run `make test`: %v", err)
	}
	address, err := url.Parse(database)
	if err != nil {
		tb.Fatal(err)
	}
	credential, err := unprivileged()
	if err != nil {
		tb.Fatal(err)
	}
	folder, err := os.MkdirTemp("", "dovetail-pgbouncer-") //nolint:usetesting // t.TempDir is closed to other users
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(folder) })
	port, err := freePort(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	name := strings.TrimPrefix(address.Path, "/")
	server := fmt.Sprintf("%s = host=%s port=%s", name, address.Hostname(), address.Port())
	if password, ok := address.User.Password(); ok {
		server += " password=" + password
	}
	file := filepath.Join(folder, "pgbouncer.ini")
	users := filepath.Join(folder, "users.txt")
	text := fmt.Sprintf(`[databases]
%s user=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
auth_file = %s
pool_mode = %s
default_pool_size = %d
max_client_conn = 500
%s
`, server, address.User.Username(), port, users, mode, size, strings.Join(settings, "\n"))
	for path, text := range map[string]string{file: text, users: ""} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	if credential != nil {
		for _, path := range []string{folder, file, users} {
			if err := os.Chown(path, int(credential.Uid), int(credential.Gid)); err != nil {
				tb.Fatal(err)
			}
		}
	}
	startPooler(tb, binary, file, port, credential)
	address.Host = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	return address.String()
}

// startPooler runs PgBouncer until the test ends, or this process does.
func startPooler(tb testing.TB, binary, file string, port int, credential *syscall.Credential) {
	tb.Helper()
	log := &bytes.Buffer{}
	command := exec.CommandContext(context.WithoutCancel(tb.Context()), binary, file)
	command.Dir = filepath.Dir(file)
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Credential: credential, Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		tb.Fatalf("start PgBouncer: %v", err)
	}
	ended := make(chan struct{})
	go func() { _ = command.Wait(); close(ended) }() // it is killed below
	tb.Cleanup(func() {
		_ = command.Process.Kill()
		<-ended
	})
	deadline := time.Now().Add(startTimeout)
	for time.Now().Before(deadline) {
		c, err := (&net.Dialer{}).DialContext(tb.Context(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			_ = c.Close()
			return
		}
		select {
		case <-ended:
			tb.Fatalf("PgBouncer has ended:\n%s", log)
		case <-time.After(20 * time.Millisecond):
		}
	}
	tb.Fatalf("PgBouncer did not start within %s", startTimeout)
}
