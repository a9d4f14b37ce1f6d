package mssql

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"dovetail/internal/plan"
	"dovetail/internal/testmssql"
	"dovetail/sources"
)

// oneAuthor is the statement most of these tests run, and its answer.
func oneAuthor() *plan.Fragment { return root(first(authors(), cols("id", "name")...)) }

func oneAuthorTokens() []byte {
	return bytes.Join([][]byte{testmssql.Columns(testmssql.Bigint, testmssql.Text), testmssql.Row(testmssql.IntegerValue(7), testmssql.TextValue("Ann \"é\"")), testmssql.Done(0)}, nil)
}

const oneAuthorJSON = `{"id":7,"name":"Ann \"é\""}`

func TestRowsBecomeJSON(t *testing.T) {
	t.Parallel()
	f := bind(many(authors(tied("id", 0)), append(cols("id", "name", "mark", "seen"),
		&plan.ColumnField{Key: "rating", Column: col("rating")}, nest("articles", many(articlesOf(), cols("title", "rating")...)))...), "id")
	uuid := append([]byte{16}, 0x3d, 0x2c, 0x1b, 0x0a, 0, 0, 0, 0x40, 0x80, 0, 0, 0, 0, 0, 0, 0x0f)
	tokens := bytes.Join([][]byte{
		testmssql.Columns(testmssql.Bigint, testmssql.Bigint, testmssql.Text, testmssql.UUID, testmssql.Datetime2, testmssql.Decimal, testmssql.Text),
		testmssql.Row(testmssql.IntegerValue(0), testmssql.IntegerValue(1), testmssql.TextValue("x"), uuid, []byte{8, 0x20, 0x66, 0x7b, 0xb7, 0x19, 0x91, 0x40, 0x0b}, testmssql.DecimalValue(true, 50), testmssql.TextValue(`[{"c0":"a\/b","c1":"2.50"},{"c0":null,"c1":null}]`)),
		testmssql.Row(testmssql.IntegerValue(2), testmssql.IntegerValue(-9007199254740993), testmssql.NullText(), testmssql.NullValue(), testmssql.NullValue(), testmssql.NullValue(), testmssql.NullText()),
		testmssql.Done(0),
	}, nil)
	p := &testmssql.Peer{Answer: func(int, string) []byte { return tokens }}
	s := startPeer(t, p)
	expect(t, s, f, nil, []string{"1", "2", "3"},
		`[{"id":1,"name":"x","mark":"0A1B2C3D-0000-4000-8000-00000000000F","seen":"2020-01-02T03:04:05.25","rating":-0.50,"articles":[{"title":"a/b","rating":2.50},{"title":null,"rating":null}]}]`,
		`[]`, `[{"id":-9007199254740993,"name":null,"mark":null,"seen":null,"rating":null,"articles":[]}]`)
	requests, _ := p.Seen()
	if len(requests) != 1 || !strings.Contains(requests[0], statementText(s, f)) || !strings.Contains(requests[0], "@p1 nvarchar(max)") ||
		!strings.Contains(requests[0], `[{"o":0,"k0":1},{"o":1,"k0":2},{"o":2,"k0":3}]`) {
		t.Errorf("the peer was asked %q", requests)
	}
}

func TestServerErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		number        int32
		message       string
		code, visible string
	}{
		{2627, "Violation of PRIMARY KEY constraint", sources.CodeConstraintViolation, "Integrity constraint violation. Violation of PRIMARY KEY constraint"},
		{8152, "String or binary data would be truncated.", sources.CodeDataException, "Data exception. String data, right-truncated. String or binary data would be truncated."},
		{245, "Conversion failed", sources.CodeDataException, "Conversion failed"},
		{1205, "Transaction was deadlocked", sources.CodeConcurrentUpdate, "serialization failure due to concurrent update"},
		{208, "Invalid object name 'x'.", sources.CodeUnexpected, "database query error"},
		{229, "The SELECT permission was denied", sources.CodePermissionError, "The SELECT permission was denied"},
		{40613, "Database is not currently available", sources.CodeConnection, "mssql connection error"},
	} {
		p := &testmssql.Peer{Answer: func(int, string) []byte {
			return append(testmssql.Failure(c.number, c.message), testmssql.Done(testmssql.DoneError)...)
		}}
		s := startPeer(t, p)
		_, err := tryRun(t.Context(), s, oneAuthor(), nil)
		var coded *sources.Error
		if !errors.As(err, &coded) || coded.Code != c.code || coded.Message != c.visible {
			t.Errorf("%d: got %v", c.number, err)
			continue
		}
		detail, ok := coded.Internal.(*Detail)
		if !ok || c.code != sources.CodeConnection && (detail.Query == "" || detail.Exception.Number != c.number || detail.Exception.Message != c.message) {
			t.Errorf("%d: the internal is %+v", c.number, coded.Internal)
		}
		tries := 1
		if c.number == 1205 {
			tries = 2
		}
		if requests, _ := p.Seen(); len(requests) != tries {
			t.Errorf("%d: an error of the server was asked for %d times", c.number, len(requests))
		}
	}
}

func TestRefusedLogin(t *testing.T) {
	t.Parallel()
	p := &testmssql.Peer{Refuse: testmssql.Failure(18456, "Login failed for user 'sa'.")}
	s := startPeer(t, p)
	for _, try := range []func() error{
		func() error { _, err := tryRun(t.Context(), s, oneAuthor(), nil); return err },
		func() error { _, err := s.Introspect(t.Context()); return err },
		func() error { _, err := s.RunSQL(t.Context(), "SELECT 1", false); return err },
		func() error { _, err := s.RunUntransactedSQL(t.Context(), "SELECT 1"); return err },
	} {
		err := try()
		var coded *sources.Error
		if !errors.As(err, &coded) || coded.Code != sources.CodeConnection || coded.Message != "mssql connection error" {
			t.Errorf("got %v", err)
		}
		if strings.Contains(describe(err), "secret") {
			t.Error("the error shows the password")
		}
	}
}

func TestUnreachableServer(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	s := open(t, Config{ConnectionString: "sqlserver://sa:secret@" + address + "?encrypt=disable"})
	_, err = tryRun(t.Context(), s, oneAuthor(), nil)
	var coded *sources.Error
	if !errors.As(err, &coded) || coded.Code != sources.CodeConnection {
		t.Errorf("got %v", err)
	}
}

// TestDeadConnections checks that a statement whose connection had died is sent
// once more, if nothing came back and running it again does no harm.
func TestDeadConnections(t *testing.T) {
	t.Parallel()
	p := &testmssql.Peer{Answer: func(number int, _ string) []byte {
		if number == 2 {
			return testmssql.Drop
		}
		return oneAuthorTokens()
	}}
	s := startPeer(t, p)
	expect(t, s, oneAuthor(), nil, nil, oneAuthorJSON)
	expect(t, s, oneAuthor(), nil, nil, oneAuthorJSON)
	if requests, _ := p.Seen(); len(requests) != 3 {
		t.Errorf("the peer was asked %d times", len(requests))
	}
	// A native query may do anything, so it isn't repeated.
	native := root(many(plan.Rows{PermitLimit: -1, From: &plan.NativeQuery{Name: "q", Parts: []plan.NativeQueryPart{{SQL: "SELECT 1 AS id"}}}}, cols("id")...))
	p = &testmssql.Peer{Answer: func(int, string) []byte { return testmssql.Drop }}
	s = startPeer(t, p)
	for f, times := range map[*plan.Fragment]int{native: 1, oneAuthor(): 2} {
		before, _ := p.Seen()
		_, err := tryRun(t.Context(), s, f, nil)
		var coded *sources.Error
		if !errors.As(err, &coded) || coded.Code != sources.CodeConnection {
			t.Errorf("got %v", err)
		}
		if after, _ := p.Seen(); len(after)-len(before) != times {
			t.Errorf("the peer was asked %d times instead of %d", len(after)-len(before), times)
		}
	}
}

// TestConnectionLostAmongRows checks that rows that came are not asked for
// again.
func TestConnectionLostAmongRows(t *testing.T) {
	t.Parallel()
	tokens := oneAuthorTokens()
	tokens = slices.Concat(tokens[:len(tokens)-len(testmssql.Done(0))], testmssql.Failure(596, "Cannot continue the execution because the session is in the kill state."), testmssql.Done(testmssql.DoneError))
	p := &testmssql.Peer{Answer: func(int, string) []byte { return tokens }}
	s := startPeer(t, p)
	_, err := tryRun(t.Context(), s, root(many(authors(), cols("id", "name")...)), nil)
	var coded *sources.Error
	if !errors.As(err, &coded) || coded.Code != sources.CodeConnection {
		t.Errorf("got %v", err)
	}
	if requests, _ := p.Seen(); len(requests) != 1 {
		t.Errorf("the peer was asked %d times", len(requests))
	}
}

func TestCancelIsSent(t *testing.T) {
	t.Parallel()
	p := &testmssql.Peer{Answer: func(number int, _ string) []byte {
		if number == 1 {
			return nil // for ever
		}
		return oneAuthorTokens()
	}}
	s := startPeer(t, p)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := tryRun(ctx, s, oneAuthor(), nil)
	var coded *sources.Error
	if !errors.As(err, &coded) || coded.Code != sources.CodeTimeout || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if requests, attentions := p.Seen(); len(requests) != 1 || attentions != 1 {
		t.Errorf("the peer saw %d requests and %d cancellations", len(requests), attentions)
	}
	expect(t, s, oneAuthor(), nil, nil, oneAuthorJSON)
}

// TestOtherRows checks that a table that has changed under its statement is
// told apart from a good answer.
func TestOtherRows(t *testing.T) {
	t.Parallel()
	p := &testmssql.Peer{Answer: func(int, string) []byte {
		return bytes.Join([][]byte{testmssql.Columns(testmssql.Bigint), testmssql.Row(testmssql.IntegerValue(7)), testmssql.Done(0)}, nil)
	}}
	s := startPeer(t, p)
	_, err := tryRun(t.Context(), s, oneAuthor(), nil)
	var coded *sources.Error
	if !errors.As(err, &coded) || coded.Code != sources.CodeUnexpected {
		t.Errorf("got %v", err)
	}
}

func TestIsolationComesFirst(t *testing.T) {
	t.Parallel()
	p := &testmssql.Peer{Answer: func(int, string) []byte { return oneAuthorTokens() }}
	s := startPeer(t, p)
	var err error
	if s.isolation, err = isolationLevel("Repeatable Read"); err != nil {
		t.Fatal(err)
	}
	expect(t, s, oneAuthor(), nil, nil, oneAuthorJSON)
	if requests, _ := p.Seen(); !strings.Contains(requests[0], "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;") {
		t.Errorf("the peer was asked %q", requests)
	}
}

func TestForeignStatements(t *testing.T) {
	t.Parallel()
	s := open(t, Config{ConnectionString: "Server=127.0.0.1,1"})
	if err := s.Run(t.Context(), nil, &plan.Arguments{}, plan.Bindings{}, nil); err == nil {
		t.Error("a statement of another source was run")
	}
	statement, err := s.Compile(oneAuthor())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context(), statement, &plan.Arguments{}, plan.Bindings{Width: 1, Cells: []string{"1"}}, nil); err == nil {
		t.Error("a statement without bindings was given some")
	}
	if _, err := s.Explain(t.Context(), nil, nil); err == nil {
		t.Error("a statement of another source was explained")
	}
}

// TestReplicas checks that statements go to the replicas in turn, and to the
// primary where no replica can run them.
func TestReplicas(t *testing.T) {
	t.Parallel()
	answers := func(int, string) []byte { return oneAuthorTokens() }
	refuses := func(number int32) func(int, string) []byte {
		return func(int, string) []byte {
			return append(testmssql.Failure(number, "no"), testmssql.Done(testmssql.DoneError)...)
		}
	}
	for _, c := range []struct {
		name          string
		first, second func(int, string) []byte
		// asked are how often the primary and the replicas are asked by four
		// requests.
		asked [3]int
	}{
		{"both answer", answers, answers, [3]int{0, 2, 2}},
		{"one does not answer", func(int, string) []byte { return testmssql.Drop }, answers, [3]int{0, 2, 4}},
		{"one isn't readable", refuses(976), answers, [3]int{0, 1, 4}},
		{"none answers", refuses(976), refuses(983), [3]int{4, 1, 1}},
		{"what is asked has not arrived", refuses(208), refuses(208), [3]int{4, 4, 4}},
	} {
		peers := []*testmssql.Peer{{Answer: answers}, {Answer: c.first}, {Answer: c.second}}
		var configs []Config
		for _, p := range peers {
			startPeer(t, p)
			configs = append(configs, Config{ConnectionString: p.Address()})
		}
		configs[0].Replicas = configs[1:]
		s := open(t, configs[0])
		for range 4 {
			expect(t, s, oneAuthor(), nil, nil, oneAuthorJSON)
		}
		for i, p := range peers {
			if requests, _ := p.Seen(); len(requests) != c.asked[i] {
				t.Errorf("%s: database %d was asked %d times instead of %d", c.name, i, len(requests), c.asked[i])
			}
		}
		if _, err := s.RunUntransactedSQL(t.Context(), "SELECT 1"); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if requests, _ := peers[0].Seen(); !slices.ContainsFunc(requests, func(r string) bool { return strings.Contains(r, "SELECT 1") }) {
			t.Errorf("%s: SQL did not go to the primary", c.name)
		}
	}
	// An error that is the statement's own is the answer.
	peers := []*testmssql.Peer{{Answer: answers}, {Answer: refuses(8134)}}
	for _, p := range peers {
		startPeer(t, p)
	}
	s := open(t, Config{ConnectionString: peers[0].Address(), Replicas: []Config{{ConnectionString: peers[1].Address()}}})
	if _, err := tryRun(t.Context(), s, oneAuthor(), nil); err == nil || !strings.Contains(err.Error(), "no") {
		t.Errorf("got %v", err)
	}
	if _, err := Open(Config{ConnectionString: peers[0].Address(), Replicas: []Config{{ConnectionString: "nonsense"}}}); err == nil {
		t.Error("a replica without a server is taken")
	}
}

// TestConflictsAreTriedAgain checks that a statement that lost a deadlock runs
// once more.
func TestConflictsAreTriedAgain(t *testing.T) {
	t.Parallel()
	for _, number := range []int32{1205, 3961} {
		p := &testmssql.Peer{Answer: func(request int, _ string) []byte {
			if request == 1 {
				return append(testmssql.Failure(number, "try again"), testmssql.Done(testmssql.DoneError)...)
			}
			return oneAuthorTokens()
		}}
		expect(t, startPeer(t, p), oneAuthor(), nil, nil, oneAuthorJSON)
	}
}
