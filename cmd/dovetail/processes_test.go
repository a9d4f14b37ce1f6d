package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"dovetail/internal/testpostgres"
)

// asEngine makes the test's own binary an engine: processes of their own can be
// killed.
const asEngine = "DOVETAIL_TEST_AS_ENGINE"

func TestMain(m *testing.M) {
	if os.Getenv(asEngine) == "" {
		os.Exit(m.Run())
	}
	if err := os.Unsetenv(asEngine); err != nil {
		panic(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], environ(os.Environ()), os.Stdout, os.Stderr); err != nil {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
}

// process is an engine in a process of its own.
type process struct {
	command *exec.Cmd
	url     string
	output  *lockedBuffer
}

type lockedBuffer struct {
	mutex sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) text() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.String()
}

func freePort(t *testing.T) string {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return port
}

func startProcess(t *testing.T, arguments ...string) *process {
	t.Helper()
	port := freePort(t)
	p := &process{url: "http://127.0.0.1:" + port, output: &lockedBuffer{}}
	arguments = append([]string{"serve", "--server-host", "127.0.0.1", "--server-port", port, "--enabled-log-types", "startup"}, arguments...)
	p.command = exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0], arguments...)
	// The tests' own variables are none of an engine's.
	p.command.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "DOVETAIL_") }), asEngine+"=1")
	p.command.Stdout, p.command.Stderr = p.output, p.output
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.kill(t) })
	deadline := time.Now().Add(30 * time.Second)
	for {
		answer, err := http.Get(p.url + "/healthz") //nolint:noctx // a probe
		if err == nil {
			_ = answer.Body.Close()
			return p
		}
		if time.Now().After(deadline) {
			t.Fatalf("an engine did not start: %s", p.output.text())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// kill ends the process at once, as a crash would.
func (p *process) kill(t *testing.T) {
	t.Helper()
	if p.command.ProcessState != nil {
		return
	}
	if err := p.command.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
	_ = p.command.Wait() // it was killed
}

func post(ctx context.Context, url, body string) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text), errors.Join(err, answer.Body.Close())
}

// TestCrash kills engines while they save metadata: each time the next one finds
// the last version that was acknowledged, or the one after it.
func TestCrash(t *testing.T) {
	t.Parallel()
	const crashes = 8
	for name, arguments := range map[string]func(t *testing.T) []string{
		"sqlite": func(t *testing.T) []string {
			t.Helper()
			return []string{"--metadata-path", filepath.Join(t.TempDir(), "metadata.db")}
		},
		"postgres": func(t *testing.T) []string {
			t.Helper()
			return []string{"--metadata-database-url", testpostgres.Database(t)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			flags := arguments(t)
			acknowledged := 0
			for range crashes {
				p := startProcess(t, flags...)
				found := storedNumber(t, p)
				if found != acknowledged && found != acknowledged+1 {
					t.Fatalf("after a crash there is version %d; %d was acknowledged", found, acknowledged)
				}
				crash := time.After(time.Duration(5+rand.IntN(120)) * time.Millisecond) // any moment will do
				done := make(chan int, 1)
				go func() {
					n := found
					for {
						status, _, err := post(t.Context(), p.url+"/v1/metadata", numbered(n+1))
						if err != nil || status != http.StatusOK {
							done <- n
							return
						}
						n++
					}
				}()
				<-crash
				p.kill(t)
				acknowledged = <-done
			}
			if acknowledged == 0 {
				t.Error("nothing was ever saved")
			}
		})
	}
}

// numbered is a command that replaces the metadata by a large one with a number
// at both of its ends.
func numbered(n int) string {
	collection := func(name string) string {
		return fmt.Sprintf(`{"name": "%s", "definition": {"queries": [{"name": "q", "query": "query q { n%d: __typename }"}]}}`, name, n)
	}
	list := []string{collection("a")}
	for i := range 50 {
		list = append(list, collection(fmt.Sprintf("m%d", i)))
	}
	list = append(list, collection("z"))
	return `{"type": "replace_metadata", "args": {"version": 3, "sources": [], "query_collections": [` + strings.Join(list, ",") + `]}}`
}

// storedNumber reads the number back, and that all of it is of one version.
func storedNumber(t *testing.T, p *process) int {
	t.Helper()
	_, text, err := post(t.Context(), p.url+"/v1/metadata", `{"type": "export_metadata", "args": {}}`)
	if err != nil {
		t.Fatal(err)
	}
	var metadata struct {
		Collections []struct {
			Definition struct{ Queries []struct{ Query string } }
		} `json:"query_collections"`
	}
	if err := json.Unmarshal([]byte(text), &metadata); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if len(metadata.Collections) == 0 {
		return 0
	}
	n := -1
	for _, c := range metadata.Collections {
		var here int
		if _, err := fmt.Sscanf(c.Definition.Queries[0].Query, "query q { n%d: __typename }", &here); err != nil {
			t.Fatal(err)
		}
		if n >= 0 && here != n {
			t.Fatalf("two versions are mixed: %d and %d", n, here)
		}
		n = here
	}
	return n
}

// roundOf finds the round in the names of fields: item<n>, or item before the
// first.
func roundOf(text string) int64 {
	var n int64
	if _, rest, ok := strings.Cut(text, `"item`); ok {
		_, _ = fmt.Sscanf(rest, "%d", &n) // none before the first
	}
	return n
}

// balancer starts haproxy in front of engines and gives where to ask. Without
// haproxy requests go to one engine after the other.
func balancer(t *testing.T, engines []*process) (balanced func() string) {
	t.Helper()
	if _, err := exec.LookPath("haproxy"); err != nil {
		t.Log("!!!! haproxy is not installed: the test takes turns between the engines itself")
		var turn atomic.Int64
		return func() string { return engines[turn.Add(1)%int64(len(engines))].url }
	}
	url := "127.0.0.1:" + freePort(t)
	var configuration strings.Builder
	configuration.WriteString("defaults\n mode http\n timeout connect 10s\n timeout client 60s\n timeout server 60s\n" +
		"frontend clients\n bind " + url + "\n default_backend engines\n" +
		"backend engines\n balance roundrobin\n")
	for i, e := range engines {
		fmt.Fprintf(&configuration, " server engine%d %s\n", i, strings.TrimPrefix(e.url, "http://"))
	}
	path := filepath.Join(t.TempDir(), "haproxy.cfg")
	if err := os.WriteFile(path, []byte(configuration.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	output := &lockedBuffer{}
	command := exec.CommandContext(context.WithoutCancel(t.Context()), "haproxy", "-db", "-f", path) // a path of ours
	command.Stdout, command.Stderr = output, output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := command.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = command.Wait() // it was killed
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		answer, err := http.Get("http://" + url + "/healthz") //nolint:noctx // a probe
		if err == nil {
			_ = answer.Body.Close()
			return func() string { return "http://" + url }
		}
		if time.Now().After(deadline) {
			t.Fatalf("haproxy did not start: %s", output.text())
		}
	}
}

// TestReplicas runs three engines on one store behind a load balancer, and
// changes the metadata while others ask: nobody's request fails, and once a
// change has been acknowledged for a while nobody sees what was before it.
func TestReplicas(t *testing.T) {
	t.Parallel()
	// Changes are everywhere after some 50 ms; the bound is for machines that are
	// busy with other tests.
	const acknowledged, rounds = 3 * time.Second, 12
	store, data := testpostgres.Database(t), testpostgres.Database(t)
	var replicas []*process
	for range 3 {
		replicas = append(replicas, startProcess(t, "--metadata-database-url", store))
	}
	balanced := balancer(t, replicas)
	command := func(url, path, body string) {
		t.Helper()
		status, text, err := post(t.Context(), url+path, body)
		if err != nil || status != http.StatusOK {
			t.Fatalf("%s: %d %s %v", body, status, text, err)
		}
	}
	metadata := func(body string) { t.Helper(); command(balanced(), "/v1/metadata", body) }
	metadata(fmt.Sprintf(`{"type": "pg_add_source", "args": {"name": "default", "configuration": {"connection_info": {"database_url": "%s"}}}}`, data))
	command(balanced(), "/v2/query", `{"type": "run_sql", "args": {"sql": "create table item (id int primary key, name text); insert into item values (1, 'one'); create table steady (id int primary key)"}}`)
	metadata(`{"type": "pg_track_table", "args": {"table": "item"}}`)
	metadata(`{"type": "pg_track_table", "args": {"table": "steady"}}`)
	time.Sleep(acknowledged)

	// What a request may see: the name that the table has, or had until a second
	// ago; round n calls it item<n>.
	var current atomic.Int64
	var changed atomic.Int64    // when the current round was acknowledged
	var everywhere atomic.Int64 // the last round that every replica has answered by
	stop := make(chan struct{})
	var group sync.WaitGroup
	var asked atomic.Int64
	for range 6 {
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				// The steady table is there in every version: it never fails.
				sent, round, at, sure := time.Now(), current.Load(), changed.Load(), everywhere.Load()
				body := `{"query": "{ __schema { queryType { fields { name } } } steady { id } }"}`
				status, text, err := post(t.Context(), balanced()+"/v1/graphql", body)
				if err != nil || status != http.StatusOK || strings.Contains(text, `"errors"`) {
					t.Errorf("a request failed: %d %.200s %v", status, text, err)
					return
				}
				asked.Add(1)
				if seen := roundOf(text); seen < sure {
					t.Errorf("round %d is answered after round %d was everywhere", seen, sure)
				}
				settled := round > 0 && sent.Sub(time.UnixMilli(at)) > acknowledged
				if settled && current.Load() == round && !strings.Contains(text, fmt.Sprintf(`"item%d"`, round)) {
					t.Errorf("stale %v after round %d was acknowledged", sent.Sub(time.UnixMilli(at)), round)
				}
			}
		})
	}
	var slowest time.Duration
	for round := 1; round <= rounds; round++ {
		metadata(fmt.Sprintf(`{"type": "pg_set_table_customization", "args": {"table": "item", "configuration": {"custom_name": "item%d"}}}`, round))
		start := time.Now()
		changed.Store(start.UnixMilli())
		current.Store(int64(round))
		for _, r := range replicas {
			for {
				_, text, err := post(t.Context(), r.url+"/v1/graphql", fmt.Sprintf(`{"query": "{ item%d { id name } }"}`, round))
				if err == nil && !strings.Contains(text, "errors") {
					break
				}
				if time.Since(start) > 10*time.Second {
					t.Fatalf("%s does not follow: %s %v", r.url, text, err)
				}
				time.Sleep(2 * time.Millisecond)
			}
		}
		everywhere.Store(int64(round))
		slowest = max(slowest, time.Since(start))
	}
	// A column that one replica's SQL adds is there for all.
	command(replicas[0].url, "/v2/query", `{"type": "run_sql", "args": {"sql": "alter table item add column extra text default 'x'"}}`)
	time.Sleep(acknowledged)
	for _, r := range replicas {
		if _, text, err := post(t.Context(), r.url+"/v1/graphql", fmt.Sprintf(`{"query": "{ item%d { extra } }"}`, rounds)); err != nil ||
			text != fmt.Sprintf(`{"data":{"item%d":[{"extra":"x"}]}}`, rounds) {
			t.Errorf("a new column: %s %v", text, err)
		}
	}
	close(stop)
	group.Wait()
	if slowest > acknowledged {
		t.Errorf("the slowest change took %v to be everywhere", slowest)
	}
	t.Logf("%d requests, the slowest change was everywhere after %v", asked.Load(), slowest)
}
