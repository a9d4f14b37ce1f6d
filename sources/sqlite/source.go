package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	zombiezen "zombiezen.com/go/sqlite"

	"dovetail/internal/plan"
	"dovetail/sources"
)

// Config says which database a source opens and how.
type Config struct {
	// Path of the database file. ":memory:" is a database of its own, lost when
	// the source is closed; it has a single connection.
	Path string
	// Create makes the file when it is missing, which is an error otherwise.
	Create bool
	// ReadOnly opens the database for reading only.
	ReadOnly bool
	// MaxConnections bounds the statements that run at once (0: twice the
	// processors, at least four).
	MaxConnections int
	// BusyTimeout is how long a statement waits for a lock (0: five seconds).
	BusyTimeout time.Duration
}

const (
	memoryPath         = ":memory:"
	defaultBusyTimeout = 5 * time.Second
	minimumConnections = 4
	statementsKept     = 256 // prepared statements per connection
)

var errClosed = errors.New("the source is closed")

// Source is a SQLite database.
type Source struct {
	config Config
	// free holds the connections that no statement uses; nil stands for one
	// that is yet to be opened.
	free chan *connection

	// known are the indexes found when the database was looked at last.
	known atomic.Pointer[indexes]
	// keys are what written rows are known by.
	keys atomic.Pointer[tableKeys]

	// writing has a place for the transaction that writes.
	writing chan struct{}

	closing sync.Once
	closed  chan struct{}
}

var (
	_ sources.Source      = (*Source)(nil)
	_ sources.SQLDatabase = (*Source)(nil)
)

// Open opens a database.
func Open(config Config) (*Source, error) {
	switch {
	case config.Path == "":
		return nil, &sources.Error{Code: sources.CodeBadRequest, Message: "the path of the SQLite database is empty"}
	case config.Path == memoryPath:
		config.MaxConnections = 1
	case !config.Create || config.ReadOnly:
		info, err := os.Stat(config.Path)
		if err != nil {
			return nil, connectionError(config.Path, err)
		}
		if info.IsDir() {
			return nil, connectionError(config.Path, errors.New("the path is a directory"))
		}
	}
	if config.MaxConnections <= 0 {
		config.MaxConnections = max(minimumConnections, 2*runtime.GOMAXPROCS(0))
	}
	if config.BusyTimeout <= 0 {
		config.BusyTimeout = defaultBusyTimeout
	}
	s := &Source{config: config, free: make(chan *connection, config.MaxConnections), closed: make(chan struct{}), writing: make(chan struct{}, 1)}
	first, err := s.connect()
	if err != nil {
		return nil, err
	}
	if err := s.readIndexes(first); err != nil {
		return nil, errors.Join(err, first.close())
	}
	for range config.MaxConnections - 1 {
		s.free <- nil
	}
	s.free <- first
	return s, nil
}

func connectionError(path string, err error) error {
	return &sources.Error{
		Code: sources.CodeConnection, Message: "the SQLite database can't be opened",
		Internal: map[string]string{"path": path, "error": err.Error()}, Cause: err,
	}
}

// connect opens one connection.
func (s *Source) connect() (*connection, error) {
	flags := zombiezen.OpenReadWrite
	switch {
	case s.config.Path == memoryPath:
		flags |= zombiezen.OpenMemory | zombiezen.OpenCreate
	case s.config.ReadOnly:
		flags = zombiezen.OpenReadOnly
	case s.config.Create:
		flags |= zombiezen.OpenCreate
	}
	conn, err := zombiezen.OpenConn(s.config.Path, flags)
	if err != nil {
		return nil, connectionError(s.config.Path, err)
	}
	c := &connection{conn: conn, statements: map[string]*prepared{}}
	if err := c.prepare(s.config); err != nil {
		return nil, connectionError(s.config.Path, errors.Join(err, conn.Close()))
	}
	return c, nil
}

// take waits for a connection; its statements are interrupted when the context
// ends.
func (s *Source) take(ctx context.Context) (*connection, error) {
	select {
	case <-s.closed:
		return nil, connectionError(s.config.Path, errClosed)
	default:
	}
	if err := ctx.Err(); err != nil {
		return nil, sources.ContextError(err)
	}
	var c *connection
	select {
	case c = <-s.free:
	case <-ctx.Done():
		return nil, sources.ContextError(ctx.Err())
	case <-s.closed:
		return nil, connectionError(s.config.Path, errClosed)
	}
	if c == nil {
		var err error
		if c, err = s.connect(); err != nil {
			s.free <- nil
			return nil, err
		}
	}
	c.conn.SetInterrupt(ctx.Done())
	return c, nil
}

// put gives a connection back.
func (s *Source) put(c *connection) {
	c.conn.SetInterrupt(nil)
	s.free <- c
}

// Close ends the connections once their statements have finished.
func (s *Source) Close() error {
	var err error
	s.closing.Do(func() {
		close(s.closed)
		for range s.config.MaxConnections {
			if c := <-s.free; c != nil {
				err = errors.Join(err, c.close())
			}
		}
	})
	return err
}

// Extras are all but SQL Server's derived SQL and statements outside of transactions.
func (s *Source) Extras() sources.Extras {
	return sources.Extras{SQL: s, Snapshots: s, Transactor: s, CheckedSQL: s}
}

// Quote writes a name as an identifier.
func (s *Source) Quote(name string) string { return dialect.Quote(name) }

// Capabilities is what SQLite can do.
func (s *Source) Capabilities() plan.Capabilities {
	out := declared
	out.Mutations = !s.config.ReadOnly
	return out
}

// Compile turns a fragment into SQL.
func (s *Source) Compile(f *plan.Fragment) (plan.Statement, error) {
	compiled, err := compile(f, *s.known.Load(), *s.keys.Load())
	if err != nil {
		return nil, err
	}
	return compiled, nil
}

// connection is one connection with its prepared statements.
type connection struct {
	conn       *zombiezen.Conn
	statements map[string]*prepared
	uses       uint64
	// wide: the database keeps text as UTF-16.
	wide bool
	// row and ends are reused from row to row.
	row   []byte
	ends  []int
	cells [][]byte
	// ranks are those of the running statement's key sets; key is reused.
	ranks []rankTable
	key   []byte
	// written are the keys of the rows that a mutation is about; updated tells that
	// an upsert has changed a row; refusal is the error of a function of ours.
	written [][]bound
	updated bool
	refusal error
}

type prepared struct {
	statement *zombiezen.Stmt
	used      uint64
}

// prepare sets a new connection up.
func (c *connection) prepare(config Config) error {
	c.conn.SetBusyTimeout(config.BusyTimeout)
	if err := c.conn.SetDefensive(true); err != nil {
		return err
	}
	if err := c.registerFunctions(); err != nil {
		return err
	}
	if _, err := c.pragma("PRAGMA foreign_keys = ON"); err != nil {
		return err
	}
	if !config.ReadOnly && config.Path != memoryPath {
		// A file system or another process may not allow WAL; the database
		// works without, only readers wait for writers then.
		if _, err := c.pragma("PRAGMA journal_mode = WAL"); err != nil && !isLockError(err) && !isReadOnlyError(err) {
			return err
		}
	}
	encoding, err := c.pragma("PRAGMA encoding")
	if err != nil {
		return err
	}
	c.wide = encoding != "UTF-8"
	return nil
}

// pragma runs a statement and gives its first value.
func (c *connection) pragma(sql constant) (string, error) {
	statement, _, err := c.conn.PrepareTransient(string(sql))
	if err != nil {
		return "", err
	}
	value := ""
	row, err := statement.Step()
	if row {
		value = statement.ColumnText(0)
	}
	return value, errors.Join(err, statement.Finalize())
}

// statement prepares SQL, or finds it prepared.
func (c *connection) statement(sql string) (*zombiezen.Stmt, error) {
	c.uses++
	if p, ok := c.statements[sql]; ok {
		p.used = c.uses
		return p.statement, nil
	}
	if len(c.statements) >= statementsKept {
		if err := c.evict(); err != nil {
			return nil, err
		}
	}
	statement, trailing, err := c.conn.PrepareTransient(sql)
	if err != nil {
		return nil, err
	}
	if trailing != 0 {
		return nil, errors.Join(fmt.Errorf("the statement has %d bytes after its end", trailing), statement.Finalize())
	}
	c.statements[sql] = &prepared{statement: statement, used: c.uses}
	return statement, nil
}

// evict gives up the statement that was used the longest time ago.
func (c *connection) evict() error {
	oldest, when := "", c.uses+1
	for sql, p := range c.statements {
		if p.used < when {
			oldest, when = sql, p.used
		}
	}
	statement := c.statements[oldest].statement
	delete(c.statements, oldest)
	return statement.Finalize()
}

func (c *connection) close() error {
	var err error
	for _, p := range c.statements {
		err = errors.Join(err, p.statement.Finalize())
	}
	return errors.Join(err, c.conn.Close())
}
