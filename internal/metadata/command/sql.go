package command

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"

	"dovetail/internal/kind"
	"dovetail/internal/metadata/document"
	"dovetail/internal/metadata/live"
	"dovetail/sources"
)

func sqlCommands() map[string]command {
	return map[string]command{
		"run_sql": {apis: []API{V1Query, V2Query}, prefixed: true, run: runSQL},
	}
}

// schemaWords are the words by which v2 recognises SQL that changes what the
// metadata rests on. createWords are those that add something new.
var (
	schemaWords = regexp.MustCompile(`(?i)\b(?:alter|drop|replace|sp_rename|create function|comment on)\b`)
	createWords = regexp.MustCompile(`(?i)\b(?:create|import|grant|revoke|attach|do|call|select\s+\w+\s*\()\b`)
)

// sqlArguments are what run_sql is given.
type sqlArguments struct {
	sql           string
	source        string
	cascade       bool
	readOnly      bool
	noTransaction bool
	check         bool
}

func readSQL(c *call) (sqlArguments, error) {
	o := c.object()
	a := sqlArguments{
		sql: o.text("sql"), source: o.source(), cascade: o.boolean("cascade", false),
		readOnly: o.boolean("read_only", false), noTransaction: o.boolean("no_transaction", false),
	}
	a.check = o.boolean("check_metadata_consistency", schemaWords.MatchString(a.sql))
	return a, o.err()
}

func runSQL(ctx context.Context, c *call) ([]byte, error) {
	a, err := readSQL(c)
	if err != nil {
		return nil, err
	}
	if !a.readOnly {
		if err := c.writesData(); err != nil {
			return nil, err
		}
	}
	described, err := c.sourceIn(c.metadata(), a.source)
	if err != nil {
		return nil, err
	}
	source, ok := c.tx.State().Source(a.source)
	if !ok {
		return nil, c.unreachable(a.source)
	}
	database := source.Extras()
	if database.SQL == nil {
		return nil, fail(CodeNotSupported, "source %q does not run SQL", a.source)
	}
	c.tx.Yield()
	var result *sources.SQLResult
	switch {
	case a.readOnly:
		result, err = database.SQL.RunSQL(ctx, a.sql, true)
	case a.check:
		result, err = c.runChecked(ctx, database, a)
	default:
		result, err = c.runUnchecked(ctx, database, a)
	}
	if errors.Is(err, live.ErrConflict) {
		return nil, err
	}
	if err != nil {
		return nil, sqlError(err, described.Kind)
	}
	return marshal(sqlAnswer{Type: resultType(result), Result: resultRows(result)})
}

// writesData refuses what may write to a source where that isn't allowed.
func (c *call) writesData() error {
	if c.runner.config.ReadOnlyData {
		return fail(CodeNotSupported, "Cannot run write queries when read-only mode is enabled")
	}
	return nil
}

// sqlAnswer is what run_sql answers.
type sqlAnswer struct {
	Type   string `json:"result_type"`
	Result any    `json:"result"`
}

func resultType(r *sources.SQLResult) string {
	if r.Tuples {
		return "TuplesOk"
	}
	return "CommandOk"
}

func resultRows(r *sources.SQLResult) any {
	switch {
	case !r.Tuples:
		return nil
	case r.Values == nil:
		return r.Rows
	}
	rows := make([]any, 0, len(r.Values)+1)
	if len(r.Rows) > 0 {
		rows = append(rows, r.Rows[0])
	}
	for _, row := range r.Values {
		rows = append(rows, row)
	}
	return rows
}

// sqlError is the error of SQL that a database refused. v2 doesn't say where in
// the request SQL Server's errors are.
func sqlError(err error, of string) error {
	e := AsError(err)
	if k, _ := kind.Named(of); k.ErrorsAtRoot && e.Path == argsPath {
		at := *e
		at.Path = "$"
		e = &at
	}
	if _, own := errors.AsType[*Error](err); own {
		return e
	}
	if _, ok := errors.AsType[*sources.Error](err); ok && e.Status >= http.StatusInternalServerError {
		e.Status = http.StatusBadRequest // it is the request's SQL that failed
	}
	return e
}

// plain runs SQL without looking at what it does.
func plain(ctx context.Context, database sources.Extras, a sqlArguments) (*sources.SQLResult, error) {
	if a.noTransaction && database.Untransacted != nil {
		return database.Untransacted.RunUntransactedSQL(ctx, a.sql)
	}
	return database.SQL.RunSQL(ctx, a.sql, false)
}

// ran is what SQL has done that can't be taken back.
type ran struct {
	result *sources.SQLResult
	err    error
	// before and after are the database's contents, if the metadata follows them.
	before, after *sources.Database
}

// once runs SQL that can't be taken back, or gives what it did before the
// transaction started over.
func (c *call) once(run func() ran) ran {
	if done, ok := c.tx.Recall(c.place); ok {
		if done, ok := done.(ran); ok {
			return done
		}
	}
	done := run()
	c.tx.Record(c.place, done)
	return done
}

// runUnchecked runs SQL that can't break the metadata; if it may have made
// something new, the database is read again.
func (c *call) runUnchecked(ctx context.Context, database sources.Extras, a sqlArguments) (*sources.SQLResult, error) {
	creates := createWords.MatchString(a.sql)
	if creates {
		c.tx.Touch(a.source)
	}
	done := c.once(func() ran {
		result, err := plain(ctx, database, a)
		return ran{result: result, err: err}
	})
	if done.err != nil || !creates {
		return done.result, done.err
	}
	return done.result, c.tx.Refresh(ctx, live.Reload{Again: map[string]bool{a.source: true}})
}

// runChecked runs SQL that may take away what the metadata rests on. The
// metadata follows what is renamed; what rests on something that is gone is an
// error, and the SQL taken back, or with cascade gone too.
func (c *call) runChecked(ctx context.Context, database sources.Extras, a sqlArguments) (*sources.SQLResult, error) {
	if err := c.writable(); err != nil {
		return nil, err
	}
	_, before, ok := c.tx.State().Database(a.source)
	if !ok {
		return nil, c.unreachable(a.source)
	}
	done, again := c.tx.Recall(c.place)
	if d := database.CheckedSQL; d != nil && !a.noTransaction && !again {
		return c.runRevocable(ctx, d, a, before)
	}
	c.tx.Touch(a.source)
	what, ok := done.(ran)
	if !ok {
		what = c.once(func() ran {
			result, err := plain(ctx, database, a)
			if err != nil {
				return ran{err: err}
			}
			after, err := database.SQL.Introspect(ctx)
			return ran{result: result, err: err, before: before, after: after}
		})
	}
	if what.err != nil {
		return nil, what.err
	}
	return what.result, c.follow(ctx, a, what.before, what.after)
}

// runRevocable runs SQL in a transaction that ends well only if the metadata could
// follow. Nobody else changes the metadata between that and its end.
func (c *call) runRevocable(ctx context.Context, d sources.CheckedSQL, a sqlArguments, before *sources.Database) (*sources.SQLResult, error) {
	var after *sources.Database
	result, err := d.RunCheckedSQL(ctx, a.sql, func(now *sources.Database) error {
		if err := c.tx.Lock(ctx); err != nil {
			return err
		}
		if _, newest, _ := c.tx.State().Database(a.source); newest != before {
			// Somebody else has read the database meanwhile, perhaps after changing it.
			return live.ErrConflict
		}
		after = now
		return c.follow(ctx, a, before, after)
	})
	if err != nil {
		return nil, err
	}
	c.tx.Touch(a.source)
	c.tx.Record(c.place, ran{result: result, before: before, after: after})
	s, ok := c.metadata().Source(a.source)
	if ok && slices.ContainsFunc(s.Tables, func(t *document.Table) bool { return t.IsEnum }) {
		// The values of enum tables could not be read before the SQL was committed.
		return result, c.tx.Refresh(ctx, live.Reload{Again: map[string]bool{a.source: true}})
	}
	return result, nil
}

// follow brings the metadata in line with what a database now contains.
func (c *call) follow(ctx context.Context, a sqlArguments, before, after *sources.Database) error {
	m := c.metadata().Clone()
	s, ok := m.Source(a.source)
	if !ok {
		return fail(CodeNotExists, "source with name %q does not exist", a.source)
	}
	changes := compare(before, after)
	gone := false
	names := namesOf(c.tx.State())
	for _, r := range changes.tables {
		renameTable(m, s, r.from, r.to)
		names.renameTable(s.Name, r.from, r.to)
	}
	for _, r := range changes.columns {
		names.renameColumn(m, s, r)
	}
	for _, t := range changes.gone {
		gone = removeAll(&s.Tables, func(x *document.Table) bool { return x.Name == t }) || gone
	}
	for _, column := range changes.goneColumns {
		gone = true
		dropColumnConfiguration(s, column)
	}
	if err := refuseChanges(m, s, names, changes, a.cascade); err != nil {
		return err
	}
	for _, f := range changes.goneFunctions {
		gone = true // computed fields may rest on it
		removeAll(&s.Functions, func(x *document.Function) bool { return x.Name == f })
	}
	reload := live.Reload{Contents: map[string]*sources.Database{a.source: after}}
	if gone || a.cascade {
		return c.applyWithout(ctx, m, a.cascade, reload)
	}
	return c.tx.Apply(ctx, m, reload, func(before, now *live.State) error {
		broken := newInconsistencies(before, now)
		if len(broken) == 0 {
			return nil
		}
		return fail(CodeDependencyError, "cannot continue due to newly found inconsistent metadata").with(inconsistenciesJSON(broken))
	})
}

// dropColumnConfiguration forgets the names given to a column that is gone.
func dropColumnConfiguration(s *document.Source, column columnName) {
	t, ok := s.Table(column.table)
	if !ok {
		return
	}
	t.Configuration.Columns = slices.DeleteFunc(slices.Clone(t.Configuration.Columns),
		func(x document.ColumnConfiguration) bool { return x.Column == column.name })
}
