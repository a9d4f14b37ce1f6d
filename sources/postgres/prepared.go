package postgres

import (
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Preparing says when statements are prepared.
type Preparing int

const (
	// PrepareUnlessPooled prepares them unless a connection pooler stands before the
	// database: one that hands connections on between transactions hands on what is
	// prepared, too.
	PrepareUnlessPooled Preparing = iota
	// PrepareAlways prepares them, for poolers that follow prepared statements.
	PrepareAlways
	// PrepareNever sends every statement whole.
	PrepareNever
)

// behindPooler is what is known of a pooler before the database.
type behindPooler struct {
	// compiles: the database compiles statements just in time, and what a session
	// sets is not for a client behind a pooler to say.
	compiles bool
}

// greet sets a new connection up: no compilation just in time (it takes seconds over
// nested queries that run for less than a millisecond) and the isolation level. Behind
// a pooler the session may be other clients' as well, so it is left as it is, and
// transactions say these things themselves. A pooler shows by the process, which isn't
// the one that the connection was told.
func (s *Source) greet(ctx context.Context, c *pgx.Conn) error {
	direct := "pg_catalog.pg_backend_pid() = " + strconv.FormatUint(uint64(c.PgConn().PID()), 10)
	set := []string{"SELECT " + direct, "coalesce(pg_catalog.current_setting('jit', true), 'off')"}
	if !s.keepsJIT {
		set = append(set, "CASE WHEN "+direct+" AND pg_catalog.current_setting('jit', true) = 'on' THEN "+jitOff(false)+" END")
	}
	if s.isolation != readCommitted {
		set = append(set, "CASE WHEN "+direct+" THEN pg_catalog.set_config('default_transaction_isolation', '"+strings.ToLower(s.isolation)+"', false) END")
	}
	results, err := c.PgConn().Exec(ctx, strings.Join(set, ", ")).ReadAll()
	if err != nil {
		return err
	}
	if len(results) != 1 || len(results[0].Rows) != 1 || len(results[0].Rows[0]) != len(set) {
		return errors.New("the database did not say which process serves the connection")
	}
	if row := results[0].Rows[0]; string(row[0]) != "t" {
		s.pooler.Store(&behindPooler{compiles: !s.keepsJIT && string(row[1]) == "on"})
		if s.config.Preparing == PrepareUnlessPooled {
			s.unprepared.Store(true)
		}
	}
	return nil
}

// jitOff turns off the compilation of statements, for a transaction or a session.
func jitOff(local bool) string {
	return "pg_catalog.set_config('jit', 'off', " + strconv.FormatBool(local) + ")"
}

// setsJIT reports whether a connection string says something of the compilation of
// statements.
func setsJIT(parameters map[string]string) bool {
	_, own := parameters["jit"]
	return own || strings.Contains(parameters["options"], "jit")
}

// statementCache holds a connection's prepared statements, least recently used
// last.
type statementCache struct {
	byText map[string]*list.Element
	recent *list.List
}

type preparedStatement struct {
	text        string
	description *pgconn.StatementDescription
}

const statementCacheKey = "dovetail statements"

// cacheOf gives the prepared statements of a connection.
func cacheOf(c *pgconn.PgConn) *statementCache {
	cache, ok := c.CustomData()[statementCacheKey].(*statementCache)
	if !ok {
		cache = &statementCache{byText: map[string]*list.Element{}, recent: list.New()}
		c.CustomData()[statementCacheKey] = cache
	}
	return cache
}

// statementName is what a statement is prepared as: its text alone decides, so that a
// session which turns out to be another one never has another text under it.
func statementName(text string) string {
	sum := sha256.Sum256([]byte(text))
	// Shorter than the 63 bytes after which the database cuts names off.
	return "dovetail_" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// prepares reports whether a statement is to be prepared; once: it is not worth it.
func (s *Source) prepares(once bool) bool { return !once && !s.unprepared.Load() }

// prepared gives a prepared statement, preparing it when the connection hasn't
// got it.
func (s *Source) prepared(ctx context.Context, c *pgconn.PgConn, text string) (*pgconn.StatementDescription, error) {
	cache := cacheOf(c)
	if e, ok := cache.byText[text]; ok {
		cache.recent.MoveToFront(e)
		return e.Value.(*preparedStatement).description, nil //nolint:forcetypeassert // the list holds nothing else
	}
	if cache.recent.Len() >= s.config.StatementCacheSize {
		oldest := cache.recent.Back()
		p := oldest.Value.(*preparedStatement) //nolint:forcetypeassert // the list holds nothing else
		if err := c.Deallocate(ctx, p.description.Name); err != nil {
			return nil, err
		}
		cache.recent.Remove(oldest)
		delete(cache.byText, p.text)
	}
	description, err := c.Prepare(ctx, statementName(text), text, nil)
	if err != nil {
		return nil, err
	}
	cache.byText[text] = cache.recent.PushFront(&preparedStatement{text, description})
	return description, nil
}

// stale reports whether an error says that what was prepared no longer fits the
// database, or isn't this session's. Such a statement is sent once more, whole.
func (s *Source) stale(err error) bool {
	server, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return false
	}
	switch server.Code {
	case "0A000":
		if server.Routine != "RevalidateCachedQuery" {
			return false
		}
		s.pool.Reset() // so that it is prepared anew
		return true
	case "26000", "42P05":
		// The statement is gone, or there although this connection hasn't prepared it:
		// sessions are not its own, whatever stands in between.
		s.unprepared.Store(true)
		return true
	}
	return false
}

// discard ends a connection on which a user's SQL has run, which may have set or
// dropped anything of the session.
func discard(ctx context.Context, c *pgxpool.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelTimeout)
	defer cancel()
	_ = c.Conn().Close(ctx) // it is given up, whatever it says
	c.Release()
}

// localSettings are what a statement outside of any transaction needs to have set.
type localSettings struct {
	jitOff bool
	// isolation is that of a transaction around the statement; empty: the database's.
	isolation string
}

// local gives what statements set for themselves, as a pooler's sessions can't.
func (s *Source) local() localSettings {
	pooler := s.pooler.Load()
	if pooler == nil {
		return localSettings{}
	}
	out := localSettings{jitOff: pooler.compiles}
	if s.isolation != readCommitted {
		out.isolation = s.isolation
	}
	return out
}

// some reports whether there is anything to set.
func (l localSettings) some() bool { return l.jitOff || l.isolation != "" }

// request is a statement to send.
type request struct {
	text string
	// description is that of the prepared statement; nil sends the text.
	description *pgconn.StatementDescription
	values      [][]byte
}

// around sends the settings and the statement at once, in one transaction.
func (l localSettings) around(ctx context.Context, c *pgconn.PgConn, r request, read func(*pgconn.ResultReader) error) error {
	p := c.StartPipeline(ctx)
	at := 0
	plain := func(sql string) { p.SendQueryParams(sql, nil, nil, nil, nil) }
	if l.isolation != "" {
		plain("BEGIN ISOLATION LEVEL " + l.isolation)
		at++
	}
	if l.jitOff {
		plain("SELECT " + jitOff(true))
		at++
	}
	if r.description != nil {
		p.SendQueryStatement(r.description, r.values, nil, binaryResults)
	} else {
		p.SendQueryParams(r.text, r.values, nil, nil, binaryResults)
	}
	if l.isolation != "" {
		plain("COMMIT")
	}
	err := readPipeline(p, at, read)
	if closed := p.Close(); err == nil {
		err = closed
	}
	if err != nil && l.isolation != "" && ctx.Err() == nil && !c.IsClosed() {
		// What failed is the error to tell; a failed rollback closes the connection.
		_, _ = c.Exec(ctx, "ROLLBACK").ReadAll()
	}
	return err
}

// readPipeline reads the results up to the next synchronisation, the one at a place
// with the function.
func readPipeline(p *pgconn.Pipeline, at int, read func(*pgconn.ResultReader) error) error {
	err := p.Sync()
	for i := 0; err == nil; i++ {
		var results any
		if results, err = p.GetResults(); err != nil {
			break
		}
		switch r := results.(type) {
		case nil, *pgconn.PipelineSync:
			return nil
		case *pgconn.ResultReader:
			if i == at {
				err = read(r)
			} else {
				_, err = r.Close()
			}
		}
	}
	return err
}
