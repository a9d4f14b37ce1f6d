package testengine

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Statement is what a client had a Postgres execute.
type Statement struct {
	SQL string
	// Keys is the length of the longest list among the parameters: an array or
	// a JSON array. It is 0 without one.
	Keys int
}

// greeting begins the statement that sets a new connection up; when there are new
// ones is a matter of the pool, not of the query.
const greeting = "SELECT pg_catalog.pg_backend_pid() = "

// PostgresProxy stands before a Postgres, passes everything on unchanged, and
// notes what is executed. It can make statements slow and cut connections.
type PostgresProxy struct {
	URL      string
	upstream string
	listener net.Listener
	done     sync.WaitGroup

	mutex       sync.Mutex
	statements  []Statement
	delay       time.Duration
	down        bool
	connections map[net.Conn]bool
}

// NewPostgresProxy starts a proxy for the database of a URL.
func NewPostgresProxy(tb testing.TB, database string) *PostgresProxy {
	tb.Helper()
	address, err := url.Parse(database)
	if err != nil {
		tb.Fatal(err)
	}
	var config net.ListenConfig
	listener, err := config.Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &PostgresProxy{upstream: address.Host, listener: listener, connections: map[net.Conn]bool{}}
	address.Host = listener.Addr().String()
	query := address.Query()
	query.Set("sslmode", "disable")
	address.RawQuery = query.Encode()
	p.URL = address.String()
	p.done.Go(p.accept)
	tb.Cleanup(func() {
		if err := listener.Close(); err != nil {
			tb.Error(err)
		}
		p.Cut()
		p.done.Wait()
	})
	return p
}

// Take gives the statements noted since the last call.
func (p *PostgresProxy) Take() []Statement {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	taken := p.statements
	p.statements = nil
	return taken
}

// SetDelay makes every statement take longer.
func (p *PostgresProxy) SetDelay(delay time.Duration) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.delay = delay
}

// Cut ends every connection and refuses new ones.
func (p *PostgresProxy) Cut() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.down = true
	for connection := range p.connections {
		_ = connection.Close() // an error means that it has ended already
	}
}

// Mend accepts connections again.
func (p *PostgresProxy) Mend() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.down = false
}

func (p *PostgresProxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.done.Go(func() { p.serve(client) })
	}
}

// hold notes a connection to be cut; false while the proxy is down.
func (p *PostgresProxy) hold(connection net.Conn) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.down {
		return false
	}
	p.connections[connection] = true
	return true
}

func (p *PostgresProxy) release(connection net.Conn) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	delete(p.connections, connection)
	_ = connection.Close() // closed twice when cut
}

func (p *PostgresProxy) serve(client net.Conn) {
	defer p.release(client)
	if !p.hold(client) {
		return
	}
	var dialer net.Dialer
	server, err := dialer.DialContext(context.Background(), "tcp", p.upstream)
	if err != nil {
		return
	}
	defer p.release(server)
	if !p.hold(server) {
		return
	}
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(client, server) // either side may end the connection
		_ = client.Close()
	})
	_ = p.forward(client, server) // likewise
	_ = server.Close()
	back.Wait()
}

// forward passes the client's messages on, one by one.
func (p *PostgresProxy) forward(client io.Reader, server io.Writer) error {
	// The start-up message, or a request to cancel, has no type byte.
	startUp, err := readBody(client)
	if err != nil {
		return err
	}
	if _, err := server.Write(startUp); err != nil {
		return err
	}
	watch := frontend{prepared: map[string]string{}, portals: map[string]Statement{}}
	for {
		kind := make([]byte, 1)
		if _, err := io.ReadFull(client, kind); err != nil {
			return err
		}
		body, err := readBody(client)
		if err != nil {
			return err
		}
		if executed, ok := watch.message(kind[0], body[4:]); ok {
			p.mutex.Lock()
			if !strings.HasPrefix(executed.SQL, greeting) {
				p.statements = append(p.statements, executed)
			}
			delay := p.delay
			p.mutex.Unlock()
			time.Sleep(delay)
		}
		if _, err := server.Write(append(kind, body...)); err != nil {
			return err
		}
	}
}

// readBody reads a length that counts itself and what follows; it gives both.
func readBody(r io.Reader) ([]byte, error) {
	length := make([]byte, 4)
	if _, err := io.ReadFull(r, length); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(length)
	if size < 4 || size > 1<<30 {
		return nil, fmt.Errorf("message of %d bytes", size)
	}
	body := make([]byte, size)
	copy(body, length)
	_, err := io.ReadFull(r, body[4:])
	return body, err
}

// frontend follows one connection's messages.
type frontend struct {
	prepared map[string]string
	portals  map[string]Statement
}

// message gives the statement that a message executes, if it does. Statements
// that only open or close transactions or look after the connection don't count.
func (f *frontend) message(kind byte, body []byte) (Statement, bool) {
	var executed Statement
	switch kind {
	case 'P': // Parse: name, SQL, types
		name, rest := cutString(body)
		sql, _ := cutString(rest)
		f.prepared[name] = sql
		return Statement{}, false
	case 'B': // Bind: portal, statement, formats, parameters, formats
		portal, rest := cutString(body)
		name, rest := cutString(rest)
		f.portals[portal] = Statement{SQL: f.prepared[name], Keys: longestList(rest)}
		return Statement{}, false
	case 'E': // Execute: portal, limit
		portal, _ := cutString(body)
		executed = f.portals[portal]
	case 'Q': // simple query
		sql, _ := cutString(body)
		executed = Statement{SQL: sql}
	default:
		return Statement{}, false
	}
	words := strings.Fields(strings.ToLower(executed.SQL))
	if len(words) == 0 || slices.Contains([]string{"begin", "start", "commit", "rollback", "set", "reset", "discard", "deallocate", ";", "--"}, strings.TrimRight(words[0], ";")) {
		return Statement{}, false
	}
	return executed, true
}

func cutString(body []byte) (string, []byte) {
	text, rest, _ := bytes.Cut(body, []byte{0})
	return string(text), rest
}

var errShort = errors.New("message too short")

// longestList looks through the parameters of a Bind message.
func longestList(body []byte) int {
	formats, body, err := cutShorts(body)
	if err != nil || len(body) < 2 {
		return 0
	}
	count := int(binary.BigEndian.Uint16(body))
	body = body[2:]
	longest := 0
	for i := range count {
		if len(body) < 4 {
			return longest
		}
		size := int(int32(binary.BigEndian.Uint32(body)))
		body = body[4:]
		if size < 0 { // null
			continue
		}
		if len(body) < size {
			return longest
		}
		format := uint16(0)
		switch len(formats) {
		case 0:
		case 1:
			format = formats[0]
		default:
			format = formats[i]
		}
		longest = max(longest, listLength(body[:size], format == 1))
		body = body[size:]
	}
	return longest
}

func cutShorts(body []byte) ([]uint16, []byte, error) {
	if len(body) < 2 {
		return nil, nil, errShort
	}
	count := int(binary.BigEndian.Uint16(body))
	body = body[2:]
	if len(body) < 2*count {
		return nil, nil, errShort
	}
	numbers := make([]uint16, count)
	for i := range numbers {
		numbers[i] = binary.BigEndian.Uint16(body[2*i:])
	}
	return numbers, body[2*count:], nil
}

// listLength is the length of a JSON array or of a binary or textual Postgres
// array; 0 for anything else.
func listLength(value []byte, binaryFormat bool) int {
	text := value
	if binaryFormat && len(value) > 1 && value[0] == 1 {
		text = value[1:] // jsonb starts with its version
	}
	var list []json.RawMessage
	if json.Unmarshal(text, &list) == nil {
		return len(list)
	}
	if binaryFormat {
		return binaryArrayLength(value)
	}
	if len(value) > 2 && value[0] == '{' && value[len(value)-1] == '}' && !json.Valid(value) {
		return textArrayLength(value)
	}
	return 0
}

// textArrayLength counts the elements of {a,"b,c",NULL}.
func textArrayLength(value []byte) int {
	length, quoted := 1, false
	for i := 0; i < len(value); i++ {
		switch {
		case value[i] == '\\':
			i++
		case value[i] == '"':
			quoted = !quoted
		case value[i] == ',' && !quoted:
			length++
		}
	}
	return length
}

// binaryArrayLength reads: dimensions, whether there are nulls, element type,
// then length and lower bound of each dimension.
func binaryArrayLength(value []byte) int {
	if len(value) < 20 {
		return 0
	}
	dimensions, nulls := binary.BigEndian.Uint32(value), binary.BigEndian.Uint32(value[4:])
	length, lower := binary.BigEndian.Uint32(value[12:]), binary.BigEndian.Uint32(value[16:])
	if dimensions != 1 || nulls > 1 || lower != 1 || int(length) > len(value) {
		return 0
	}
	return int(length)
}
