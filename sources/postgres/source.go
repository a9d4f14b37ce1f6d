package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"

	"dovetail/internal/plan"
	"dovetail/sources"
)

// Config says how to reach a database.
type Config struct {
	// URL is a connection string in either of libpq's forms.
	URL string
	// MaxConnections bounds the pool; 0 is 50.
	MaxConnections int
	// IdleTimeout ends connections that nobody uses; 0 is 180 seconds.
	IdleTimeout time.Duration
	// ConnectionLifetime ends connections of that age; 0 is 600 seconds, negative
	// never.
	ConnectionLifetime time.Duration
	// PoolTimeout bounds the wait for a free connection; 0 waits as long as the
	// request does.
	PoolTimeout time.Duration
	// IsolationLevel of transactions: read-committed (also when empty),
	// repeatable-read or serializable.
	IsolationLevel string
	// Preparing says when statements are prepared.
	Preparing Preparing
	// StatementCacheSize bounds the prepared statements of a connection; 0 is 256.
	StatementCacheSize int
	// Replicas are databases with the same contents that Run sends statements to,
	// one after the other. Everything else goes to this database, and so does what
	// no replica answers.
	Replicas []Config
}

const (
	defaultMaxConnections     = 50
	defaultIdleTimeout        = 180 * time.Second
	defaultConnectionLifetime = 600 * time.Second
	defaultStatementCacheSize = 256
	connectTimeout            = 15 * time.Second
	// cancelTimeout is how long a cancelled statement has to end before its
	// connection is closed.
	cancelTimeout = 5 * time.Second
)

// Source is a PostgreSQL database.
type Source struct {
	config    Config
	isolation string
	pool      *pgxpool.Pool
	settings  atomic.Pointer[session]
	replicas  []*Source
	rotation  *sources.Rotation
	// unprepared: statements are sent whole.
	unprepared atomic.Bool
	// pooler is what is known of the pooler before the database; nil without one.
	pooler atomic.Pointer[behindPooler]
	// keepsJIT: the connection string says whether statements are compiled.
	keepsJIT bool
}

var (
	_ sources.Source      = (*Source)(nil)
	_ sources.SQLDatabase = (*Source)(nil)
)

// Open makes a source. It connects when the first statement runs, so the
// database need not be reachable yet.
func Open(ctx context.Context, config Config) (*Source, error) {
	s, err := dial(ctx, config)
	if err != nil {
		return nil, err
	}
	for _, replica := range config.Replicas {
		own, err := dial(ctx, replica)
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		s.replicas = append(s.replicas, own)
	}
	s.rotation = sources.NewRotation(len(s.replicas))
	return s, nil
}

// dial prepares a source without its replicas.
func dial(ctx context.Context, config Config) (*Source, error) {
	isolation, err := isolationLevel(config.IsolationLevel)
	if err != nil {
		return nil, err
	}
	pooled, err := pgxpool.ParseConfig(config.URL)
	if err != nil {
		return nil, &sources.Error{Code: sources.CodeConnection, Message: "the connection string is not valid", Cause: err}
	}
	setPool(pooled, &config)
	connect := pooled.ConnConfig
	if connect.ConnectTimeout == 0 {
		connect.ConnectTimeout = connectTimeout
	}
	if connect.RuntimeParams["application_name"] == "" {
		connect.RuntimeParams["application_name"] = "dovetail"
	}
	// pgx's own statements, of which there are few, need no preparing either.
	connect.DefaultQueryExecMode = pgx.QueryExecModeExec
	connect.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: cancelTimeout}
	}
	s := &Source{config: config, isolation: isolation, keepsJIT: setsJIT(connect.RuntimeParams)}
	s.unprepared.Store(config.Preparing == PrepareNever)
	pooled.AfterConnect = s.greet
	s.pool, err = pgxpool.NewWithConfig(ctx, pooled)
	if err != nil {
		return nil, &sources.Error{Code: sources.CodeConnection, Message: "the connection pool can't be made", Cause: err}
	}
	s.settings.Store(&session{utc: true, shortestFloats: true})
	return s, nil
}

func setPool(pooled *pgxpool.Config, config *Config) {
	orDefault := func(d, otherwise time.Duration) time.Duration {
		switch {
		case d == 0:
			return otherwise
		case d < 0:
			return 0
		}
		return d
	}
	pooled.MaxConns = defaultMaxConnections
	if config.MaxConnections > 0 {
		pooled.MaxConns = int32(min(config.MaxConnections, 1<<20))
	}
	pooled.MinConns = 0
	pooled.MinIdleConns = 0
	pooled.MaxConnIdleTime = orDefault(config.IdleTimeout, defaultIdleTimeout)
	pooled.MaxConnLifetime = orDefault(config.ConnectionLifetime, defaultConnectionLifetime)
	if pooled.MaxConnLifetime == 0 {
		pooled.MaxConnLifetime = 100 * 365 * 24 * time.Hour
	}
	if config.StatementCacheSize <= 0 {
		config.StatementCacheSize = defaultStatementCacheSize
	}
}

const readCommitted = "READ COMMITTED"

func isolationLevel(name string) (string, error) {
	switch strings.ToLower(strings.ReplaceAll(name, " ", "-")) {
	case "", "read-committed":
		return readCommitted, nil
	case "repeatable-read":
		return "REPEATABLE READ", nil
	case "serializable":
		return "SERIALIZABLE", nil
	}
	return "", fmt.Errorf("unknown isolation level %q: use read-committed, repeatable-read or serializable", name)
}

// session is what statements are compiled for.
func (s *Source) session() session { return *s.settings.Load() }

// Close ends the connections; running statements finish first.
func (s *Source) Close() error {
	for _, replica := range s.replicas {
		replica.pool.Close()
	}
	s.pool.Close()
	return nil
}

// Extras are all but derived SQL, which is SQL Server's.
func (s *Source) Extras() sources.Extras {
	return sources.Extras{SQL: s, Snapshots: s, Transactor: s, CheckedSQL: s, Untransacted: s, DumpedSQL: s}
}

// Quote writes a name as an identifier.
func (s *Source) Quote(name string) string { return dialect.Quote(name) }

// Capabilities is what Postgres can do: everything.
func (s *Source) Capabilities() plan.Capabilities { return declared }
