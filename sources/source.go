package sources

import (
	"context"
	"encoding/json"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
)

// Source is a database or service that fragments are sent to. Compile is pure;
// Run is safe for concurrent use.
type Source interface {
	Capabilities() plan.Capabilities
	// Compile turns a fragment into a statement. It needs no connection. It
	// refuses (with an *Error of code CodeNotSupported) what the source can't do.
	Compile(f *plan.Fragment) (plan.Statement, error)
	// Run executes a statement for a binding set and writes one JSON value per
	// ordinal into the answer, holes marked. A cancelled context cancels the
	// statement in the source too.
	Run(ctx context.Context, s plan.Statement, args *plan.Arguments, bindings plan.Bindings, out *jsonshape.Answer) error
	// Extras is what the source can do besides.
	Extras() Extras
	// Close ends connections; running statements finish or fail.
	Close() error
}

// Extras are what some sources can do and others can't; nil is a no. They are
// values, not methods to be asserted, so that a decorator of a source can't lose
// one silently: it passes on what it doesn't decorate.
type Extras struct {
	// SQL: a database, whose tables can be introspected.
	SQL SQLDatabase
	// Snapshots: several statements can read one snapshot.
	Snapshots SnapshotSource
	// Transactor: rows can be written.
	Transactor   Transactor
	CheckedSQL   CheckedSQL
	DerivedSQL   DerivedSQL
	Untransacted UntransactedSQL
	// DumpedSQL: what the database contains can be written as SQL.
	DumpedSQL DumpedSQL
}

// SQLDatabase is a database that runs SQL as its author wrote it.
type SQLDatabase interface {
	// Introspect reads what the database contains.
	Introspect(ctx context.Context) (*Database, error)
	// RunSQL runs SQL as its author wrote it, for the run_sql commands.
	RunSQL(ctx context.Context, sql string, readOnly bool) (*SQLResult, error)
	// Quote writes a name as an identifier of the database's SQL.
	Quote(name string) string
}

// SnapshotSource is a source of which several statements can read one snapshot.
type SnapshotSource interface {
	// Snapshot begins one; nil when the database doesn't allow it.
	Snapshot(ctx context.Context) (Snapshot, error)
}

// Snapshot runs statements that see one state of the source.
type Snapshot interface {
	// Run is the source's Run, and as safe for concurrent use.
	Run(ctx context.Context, s plan.Statement, args *plan.Arguments, bindings plan.Bindings, out *jsonshape.Answer) error
	// End gives the snapshot up, after the last statement.
	End()
}

// Mutation is a mutation of a transaction; its answer is written to Out.
type Mutation struct {
	Statement plan.Statement
	Args      *plan.Arguments
	Out       *jsonshape.Answer
}

// Transactor is a source that writes rows.
type Transactor interface {
	// Transact runs mutations one after another in one transaction: all or none.
	// Answers are written once it has been committed. With an error it tells which
	// mutation has failed; the last one if the transaction as a whole did.
	Transact(ctx context.Context, mutations []Mutation) (failed int, err error)
}

// SQLResult is what run_sql answers: the first row of Rows names the columns.
type SQLResult struct {
	// Tuples tells a result set from a command.
	Tuples bool
	Rows   [][]string
	// Values holds the rows after the first as JSON values; nil where they are
	// texts, as Postgres answers them.
	Values [][]json.RawMessage
}

// CheckedSQL is a database that can look at what SQL makes of its schema before
// it lasts.
type CheckedSQL interface {
	// RunCheckedSQL runs SQL in a transaction, introspects inside of it, and
	// commits only if check accepts what it finds; otherwise it rolls back and
	// answers check's error.
	RunCheckedSQL(ctx context.Context, sql string, check func(*Database) error) (*SQLResult, error)
}

// DerivedSQL is a database in which not every query may stand in FROM as it is
// written.
type DerivedSQL interface {
	// DerivedSQL gives what may stand there, and what the statement must begin with.
	DerivedSQL(query string) (before, derived string)
}

// UntransactedSQL is a database that can run a list of SQL statements one by
// one, for those that must not stand in a transaction.
type UntransactedSQL interface {
	RunUntransactedSQL(ctx context.Context, sql string) (*SQLResult, error)
}

// DumpedSQL is a database that can write what it contains as SQL.
type DumpedSQL interface {
	// DumpSQL dumps it as the options of the database's own program say, which are
	// checked; more bytes than the most are an error.
	DumpSQL(ctx context.Context, options []string, most int) ([]byte, error)
}
