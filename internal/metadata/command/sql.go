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
	var result *sources.SQLResult
	switch {
	case a.readOnly:
		result, err = database.SQL.RunSQL(ctx, a.sql, true)
	case a.check:
		result, err = c.runChecked(ctx, database, a)
	default:
		result, err = c.runUnchecked(ctx, database, a)
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

// runUnchecked runs SQL that can't break the metadata; if it may have made
// something new, the database is read again.
func (c *call) runUnchecked(ctx context.Context, database sources.Extras, a sqlArguments) (*sources.SQLResult, error) {
	if !createWords.MatchString(a.sql) {
		return plain(ctx, database, a)
	}
	if err := c.tx.Lock(ctx); err != nil {
		return nil, err
	}
	c.tx.Touch(a.source)
	result, err := plain(ctx, database, a)
	if err != nil {
		return nil, err
	}
	return result, c.tx.Refresh(ctx, live.Reload{Again: map[string]bool{a.source: true}})
}

// runChecked runs SQL that may take away what the metadata rests on. The
// metadata follows what is renamed; what rests on something that is gone is an
// error, and the SQL taken back, or with cascade gone too.
func (c *call) runChecked(ctx context.Context, database sources.Extras, a sqlArguments) (*sources.SQLResult, error) {
	if err := c.writable(ctx); err != nil {
		return nil, err
	}
	_, before, ok := c.tx.State().Database(a.source)
	if !ok {
		return nil, c.unreachable(a.source)
	}
	follow := func(after *sources.Database) error { return c.follow(ctx, a, before, after) }
	if database.CheckedSQL != nil && !a.noTransaction {
		result, err := database.CheckedSQL.RunCheckedSQL(ctx, a.sql, follow)
		if err == nil {
			c.tx.Touch(a.source)
		}
		return result, err
	}
	c.tx.Touch(a.source)
	result, err := plain(ctx, database, a)
	if err != nil {
		return nil, err
	}
	after, err := database.SQL.Introspect(ctx)
	if err != nil {
		return nil, err
	}
	return result, follow(after)
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
