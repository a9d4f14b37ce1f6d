package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

// serveShop starts an engine that listens itself, with its timeouts.
func serveShop(t *testing.T, adjust func(*settings)) string {
	t.Helper()
	s := defaults()
	s.metadataPath, s.poll, s.logTypes = t.TempDir()+"/m.db", 0, map[string]bool{}
	adjust(s)
	i, err := start(t.Context(), s, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- i.server.Serve(t.Context(), listener) }()
	t.Cleanup(func() {
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := i.close(); err != nil {
			t.Error(err)
		}
	})
	fillShop(t, "http://"+listener.Addr().String())
	return listener.Addr().String()
}

// TestSlowClients: bodies that don't come and answers that aren't taken end in
// time, and what is only slow to be answered does not.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	address := serveShop(t, func(s *settings) {
		s.timeouts.Read, s.timeouts.Write, s.timeouts.Idle = 300*time.Millisecond, 300*time.Millisecond, 300*time.Millisecond
	})
	dial := func() net.Conn {
		t.Helper()
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		return c
	}
	start := time.Now()
	for _, path := range []string{"/v1/graphql", "/v1/metadata", "/v1/graphql/explain", "/api/rest/x", "/nothing"} {
		c := dial()
		if _, err := fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", path); err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(c) // until the server closes
		if err != nil || path != "/nothing" && !strings.HasPrefix(string(text), "HTTP/1.1 408") && !strings.Contains(string(text), "request-read-timeout") {
			t.Errorf("%s: %v %s", path, err, text)
		}
	}
	c := dial() // a connection that does nothing after a request
	if _, err := io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(c); err != nil || !strings.HasSuffix(string(text), "OK") {
		t.Errorf("idle: %v %s", err, text)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("slow clients were waited for %v", took)
	}
	c = dial() // several requests on one connection, with pauses and a slow answer
	reader := bufio.NewReader(c)
	const slow = `{"query":"{item(limit:1){name}}"}`
	for range 3 {
		if _, err := fmt.Fprintf(c, "POST /v1/graphql HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(slow), slow); err != nil {
			t.Fatal(err)
		}
		answer, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		if err != nil || answer.Body.Close() != nil || string(text) != `{"data":{"item":[{"name":"one"}]}}` {
			t.Errorf("%v %s", err, text)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// TestClientsThatDontRead: an answer that nobody takes ends in time.
func TestClientsThatDontRead(t *testing.T) {
	t.Parallel()
	address := serveShop(t, func(s *settings) { s.timeouts.Write = 300 * time.Millisecond })
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // the server has closed it
	batch := "[" + strings.TrimSuffix(strings.Repeat(`{"query":"{__schema{types{name description fields{name description type{name kind ofType{name}}}}}}"},`, 500), ",") + "]"
	if _, err := fmt.Fprintf(c, "POST /v1/graphql HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(batch), batch); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Second) // nothing is read; then the connection is over before its answer is whole
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(c)
	if strings.HasSuffix(string(text), "0\r\n\r\n") {
		t.Errorf("the whole answer of %d bytes came: %v", len(text), err)
	}
}

// TestBatchBomb: a batch of very many operations is refused without being read,
// in time and memory; batches within the bound are answered piece by piece.
func TestBatchBomb(t *testing.T) {
	t.Parallel()
	server := startShop(t, nil)
	const operation = `{"query":"{a}"},`
	bomb := "[" + strings.TrimSuffix(strings.Repeat(operation, 2_000_000), ",") + "]"
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	_, text := send(t, http.MethodPost, server.URL+"/v1/graphql", bomb, nil)
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if want := `{"errors":[{"message":"the batch has more than 1000 operations (batch-max-operations)","extensions":{"path":"$","code":"batch-limit-exceeded"}}]}`; text != want {
		t.Errorf("%.200s", text)
	}
	// The body itself is read in growing pieces: some six times its size.
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 400<<20 || took > 10*time.Second {
		t.Errorf("%d MiB were taken for %d MiB, in %v", grown>>20, len(bomb)>>20, took)
	}
	batch := "[" + strings.TrimSuffix(strings.Repeat(`{"query":"{item(limit:1){name}}"},`, 1000), ",") + "]"
	if _, text := send(t, http.MethodPost, server.URL+"/v1/graphql", batch, nil); text != "["+strings.TrimSuffix(strings.Repeat(`{"data":{"item":[{"name":"one"}]}},`, 1000), ",")+"]" {
		t.Errorf("%.300s", text)
	}
}
