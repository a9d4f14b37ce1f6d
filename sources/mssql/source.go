package mssql

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	driver "github.com/microsoft/go-mssqldb"

	"dovetail/sources"
)

// Config says how to reach a database.
type Config struct {
	// ConnectionString is one of ODBC ("Driver={…};Server=tcp:host,1433;…"), of
	// ADO, or a sqlserver:// URL.
	ConnectionString string
	// MaxConnections bounds the pool; 0 is 50.
	MaxConnections int
	// Unpooled: every statement has a connection of its own.
	Unpooled bool
	// IdleTimeout ends connections that nobody uses; 0 is 5 seconds.
	IdleTimeout time.Duration
	// IsolationLevel statements run at: read-committed (also when empty),
	// read-uncommitted, repeatable-read, serializable or snapshot.
	IsolationLevel string
	// Replicas are databases with the same contents that Run sends statements to,
	// one after the other. Everything else goes to this database, and so does what
	// no replica answers.
	Replicas []Config
}

const (
	defaultMaxConnections = 50
	defaultIdleTimeout    = 5 * time.Second
	defaultSchema         = "dbo"
)

// Source is a SQL Server or Azure SQL database.
type Source struct {
	pool *sql.DB
	// idle is how many connections nobody uses are kept.
	idle      int
	isolation isolation
	replicas  []*Source
	rotation  *sources.Rotation
	// lacks are the parts of the catalog that the server was found to lack.
	lacks atomic.Uint32
}

var (
	_ sources.Source          = (*Source)(nil)
	_ sources.SQLDatabase     = (*Source)(nil)
	_ sources.CheckedSQL      = (*Source)(nil)
	_ sources.UntransactedSQL = (*Source)(nil)
	_ sources.DerivedSQL      = (*Source)(nil)
)

// Open makes a source. It connects when the first statement runs, so the
// database need not be reachable yet.
func Open(config Config) (*Source, error) {
	s, err := dial(config)
	if err != nil {
		return nil, err
	}
	for _, replica := range config.Replicas {
		own, err := dial(replica)
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		s.replicas = append(s.replicas, own)
	}
	s.rotation = sources.NewRotation(len(s.replicas))
	return s, nil
}

// dial prepares a source without its replicas.
func dial(config Config) (*Source, error) {
	level, err := isolationLevel(config.IsolationLevel)
	if err != nil {
		return nil, err
	}
	parsed, err := parseConnectionString(config.ConnectionString)
	if err != nil {
		return nil, &sources.Error{Code: sources.CodeConnection, Message: "the connection string is not valid", Internal: err.Error(), Cause: err}
	}
	if config.MaxConnections <= 0 {
		config.MaxConnections = defaultMaxConnections
	}
	s := &Source{pool: sql.OpenDB(driver.NewConnectorConfig(parsed)), idle: config.MaxConnections, isolation: level}
	if config.Unpooled {
		s.idle, config.MaxConnections = -1, 0 // none, and no bound
	}
	s.pool.SetMaxOpenConns(config.MaxConnections)
	s.pool.SetMaxIdleConns(s.idle)
	if config.IdleTimeout <= 0 {
		config.IdleTimeout = defaultIdleTimeout
	}
	s.pool.SetConnMaxIdleTime(config.IdleTimeout)
	return s, nil
}

// isolation is how much statements see of each other.
type isolation struct {
	level sql.IsolationLevel
	// set comes before every statement, for the statement alone; empty for the
	// level that connections begin with.
	set string
}

func isolationLevel(name string) (isolation, error) {
	const set = "SET TRANSACTION ISOLATION LEVEL "
	switch strings.ToLower(strings.ReplaceAll(name, " ", "-")) {
	case "", "read-committed":
		return isolation{level: sql.LevelReadCommitted}, nil
	case "read-uncommitted":
		return isolation{sql.LevelReadUncommitted, set + "READ UNCOMMITTED;\n"}, nil
	case "repeatable-read":
		return isolation{sql.LevelRepeatableRead, set + "REPEATABLE READ;\n"}, nil
	case "serializable":
		return isolation{sql.LevelSerializable, set + "SERIALIZABLE;\n"}, nil
	case "snapshot":
		return isolation{sql.LevelSnapshot, set + "SNAPSHOT;\n"}, nil
	}
	return isolation{}, fmt.Errorf(
		"unknown isolation level %q: use read-committed, read-uncommitted, repeatable-read, serializable or snapshot", name)
}

// forget ends the connections that nobody uses at the moment.
func (s *Source) forget() {
	s.pool.SetMaxIdleConns(-1)
	s.pool.SetMaxIdleConns(s.idle)
}

// Close ends the connections; running statements finish first.
func (s *Source) Close() error {
	err := s.pool.Close()
	for _, replica := range s.replicas {
		err = errors.Join(err, replica.pool.Close())
	}
	return err
}
