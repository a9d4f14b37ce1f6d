package command

import (
	"context"
	"fmt"
	"slices"

	"dovetail/internal/metadata/document"
	"dovetail/internal/metadata/live"
	"dovetail/internal/orderedjson"
)

func tableCommands() map[string]command {
	return map[string]command{
		"track_table":                  prefixedEdit(trackTable),
		"track_tables":                 prefixedRun(trackTables),
		"untrack_table":                prefixedRun(untrackTable),
		"untrack_tables":               prefixedRun(untrackTables),
		"set_table_customization":      prefixedEdit(setTableCustomization),
		"set_table_custom_fields":      {apis: []API{V1Query}, edit: setTableCustomFields},
		"set_table_is_enum":            prefixedEdit(setTableIsEnum),
		"set_apollo_federation_config": prefixedEdit(setApolloFederation),
		"add_existing_table_or_view":   {apis: []API{V1Query}, edit: trackTable},
	}
}

// tracked is a table that is to be tracked.
type tracked struct {
	source *document.Source
	table  *document.Table
}

// readTracked reads track_table's arguments: an object, or a bare name as older
// clients send it.
func (c *call) readTracked(m *document.Metadata, value orderedjson.Value, path string) (tracked, error) {
	sourceName, named, rest := defaultSourceName, value, orderedjson.Value{Kind: orderedjson.Object}
	if _, ok := value.Get("table"); ok {
		o := readObject(value, "TrackTable", path)
		sourceName = o.source()
		if err := o.err(); err != nil {
			return tracked{}, err
		}
		named, _ = value.Get("table")
		for _, key := range []string{"configuration", "is_enum", "apollo_federation_config", "logical_model"} { // v2 ignores others
			if v, ok := value.Get(key); ok {
				rest = withField(rest, key, v)
			}
		}
		path = child(path, "table")
	}
	s, err := c.sourceIn(m, sourceName)
	if err != nil {
		return tracked{}, err
	}
	name, err := document.ParseTableName(named, path, s.Kind)
	if err != nil {
		return tracked{}, parseError(err, path)
	}
	entry := orderedjson.Value{Kind: orderedjson.Object, Keys: append([]string{"table"}, rest.Keys...), Items: append([]orderedjson.Value{name.JSON()}, rest.Items...)}
	t, err := document.ParseTable(entry, argsPath, s.Kind)
	if err != nil {
		return tracked{}, parseError(err, argsPath)
	}
	return tracked{source: s, table: t}, nil
}

func (c *call) track(m *document.Metadata, value orderedjson.Value, path string) (subject, error) {
	t, err := c.readTracked(m, value, path)
	if err != nil {
		return subject{}, err
	}
	if _, ok := t.source.Table(t.table.Name); ok {
		return subject{}, fail(CodeAlreadyTracked, "view/table already tracked: %q", t.table.Name)
	}
	if _, ok := t.source.Function(t.table.Name); ok {
		return subject{}, fail(CodeNotSupported, "function with name %q already exists", t.table.Name)
	}
	t.source.Tables = append(t.source.Tables, t.table)
	return subject{kind: "table", source: t.source.Name, table: &t.table.Name}, nil
}

func trackTable(c *call, m *document.Metadata) (subject, error) {
	return c.track(m, c.args, argsPath)
}

// many reads the arguments of track_tables and untrack_tables.
func (c *call) many() (tables []orderedjson.Value, allowWarnings bool, err error) {
	o := c.object()
	tables, allowWarnings = o.list("tables"), o.boolean("allow_warnings", true)
	if err := o.err(); err != nil {
		return nil, false, err
	}
	seen := map[string]int{}
	var twice []string
	for _, t := range tables {
		named, ok := t.Get("table")
		if !ok {
			named = t
		}
		source, _ := t.Get("source")
		key := source.Text + "\x00" + named.String()
		if seen[key]++; seen[key] == 2 {
			twice = append(twice, named.String())
		}
	}
	if len(twice) > 0 {
		return nil, false, fail(CodeBadRequest, "The following tables occur more than once in the request: %s", joinNames(twice))
	}
	return tables, allowWarnings, nil
}

// each carries out a change for every table; those that fail become warnings.
func (c *call) each(ctx context.Context, verb, code string, f func(ctx context.Context, c *call, tables []orderedjson.Value) []error) ([]byte, error) {
	tables, allowWarnings, err := c.many()
	if err != nil {
		return nil, err
	}
	if err := c.writable(); err != nil {
		return nil, err
	}
	warnings := []warningJSON{}
	failures := f(ctx, c, tables)
	for i, t := range tables {
		if err := failures[i]; err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			named, ok := t.Get("table")
			if !ok {
				named = t
			}
			name, _ := document.ParseTableName(named, argsPath, c.sourceKind())
			source, _ := t.Get("source")
			sourceName := source.Text
			if sourceName == "" {
				sourceName = defaultSourceName
			}
			warnings = append(warnings, warningJSON{
				Code: code, Message: underIndex(err, i).Message, Type: "table", Name: fmt.Sprintf("table %s in source %s", name, sourceName),
			})
		}
	}
	switch {
	case len(warnings) == 0:
		return success(), nil
	case len(warnings) == len(tables):
		return nil, fail(CodeInvalidConfiguration, "all tables failed to %s", verb).with(warnings)
	case !allowWarnings:
		return nil, fail(CodeMetadataWarnings, "failed due to metadata warnings").with(warnings)
	}
	return marshal(map[string]any{"message": "success", "warnings": warnings})
}

func trackTables(ctx context.Context, c *call) ([]byte, error) {
	return c.each(ctx, "track", "track-table-failed", trackAll)
}

// trackAll tracks tables and says which of them could not be. All are tried at
// once, since every change costs as much as all of the metadata; while that fails,
// each half for itself.
func trackAll(ctx context.Context, c *call, tables []orderedjson.Value) []error {
	if len(tables) == 1 {
		inner := *c
		inner.args = tables[0]
		return []error{inner.change(ctx, trackTable)}
	}
	failures := make([]error, len(tables))
	m := c.metadata().Clone()
	var subjects []subject
	for i, t := range tables {
		s, err := c.track(m, t, argsPath)
		if failures[i] = err; err == nil {
			subjects = append(subjects, s)
		}
	}
	if len(subjects) == 0 {
		return failures
	}
	err := c.tx.Apply(ctx, m, live.Reload{}, func(before, after *live.State) error {
		for _, s := range subjects {
			if err := judgeFor(s)(before, after); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		return failures
	}
	half := len(tables) / 2
	return append(trackAll(ctx, c, tables[:half]), trackAll(ctx, c, tables[half:])...)
}

func untrackTables(ctx context.Context, c *call) ([]byte, error) {
	return c.each(ctx, "untrack", "untrack-table-failed", untrackAll)
}

// untrackAll untracks tables and says which of them could not be: all at once and
// by halves, as trackAll does. Tables that depend on each other go together.
func untrackAll(ctx context.Context, c *call, tables []orderedjson.Value) []error {
	if len(tables) == 1 {
		inner := *c
		inner.args = tables[0]
		_, err := untrackTable(ctx, &inner)
		return []error{err}
	}
	failures := make([]error, len(tables))
	m := c.metadata().Clone()
	gone := &vanishing{m: m, tables: map[string]map[document.TableName]bool{}}
	cascading := 0
	for i, t := range tables {
		inner := *c
		inner.args = t
		var cascade bool
		if cascade, failures[i] = inner.vanish(gone); failures[i] == nil {
			cascading += oneIf(cascade)
		}
	}
	count := gone.take()
	if count == 0 {
		return failures
	}
	// Whether dependents go along is said table by table.
	if cascading == 0 || cascading == count {
		if err := c.applyWithout(ctx, m, cascading > 0, live.Reload{}); err == nil {
			return failures
		}
	}
	half := len(tables) / 2
	return append(untrackAll(ctx, c, tables[:half]), untrackAll(ctx, c, tables[half:])...)
}

func oneIf(b bool) int {
	if b {
		return 1
	}
	return 0
}

// vanishing are the tables that are to be taken out of a document, by source.
type vanishing struct {
	m      *document.Metadata
	tables map[string]map[document.TableName]bool
}

// vanish finds the table that the call untracks.
func (c *call) vanish(v *vanishing) (cascade bool, err error) {
	sourceName, value, cascade, err := c.untrackArguments()
	if err != nil {
		return false, err
	}
	s, err := c.sourceIn(v.m, sourceName)
	if err != nil {
		return false, err
	}
	name, err := document.ParseTableName(value, argsPath+".table", s.Kind)
	if err != nil {
		return false, parseError(err, argsPath)
	}
	tables := v.tables[s.Name]
	if tables == nil {
		tables = map[document.TableName]bool{}
		v.tables[s.Name] = tables
	}
	if _, ok := s.Table(name); !ok || tables[name] {
		return false, fail(CodeAlreadyUntracked, "view/table already untracked: %q", name)
	}
	tables[name] = true
	return cascade, nil
}

// take takes the tables out of the document, each source's list once, and counts
// them.
func (v *vanishing) take() int {
	count := 0
	for _, s := range v.m.Sources {
		if tables := v.tables[s.Name]; len(tables) > 0 {
			count += len(tables)
			removeAll(&s.Tables, func(t *document.Table) bool { return tables[t.Name] })
		}
	}
	return count
}

func (c *call) untrackArguments() (source string, table orderedjson.Value, cascade bool, err error) {
	o := c.object()
	source, table, cascade = o.source(), o.required("table"), o.boolean("cascade", false)
	return source, table, cascade, o.err()
}

func untrackTable(ctx context.Context, c *call) ([]byte, error) {
	_, _, cascade, err := c.untrackArguments()
	if err != nil {
		return nil, err
	}
	return c.drop(ctx, cascade, func(c *call, m *document.Metadata) (subject, error) {
		gone := &vanishing{m: m, tables: map[string]map[document.TableName]bool{}}
		_, err := c.vanish(gone)
		gone.take()
		return subject{}, err
	})
}

func setTableCustomization(c *call, m *document.Metadata) (subject, error) {
	o := c.object()
	s, t, err := c.tableIn(m, o)
	if err != nil {
		return subject{}, err
	}
	value, ok := o.optional("configuration")
	if !ok {
		value = orderedjson.Value{Kind: orderedjson.Object}
	}
	if t.Configuration, err = document.ParseTableConfiguration(value, argsPath+".configuration"); err != nil {
		return subject{}, parseError(err, argsPath)
	}
	return subject{kind: "table", source: s.Name, table: &t.Name}, nil
}

func setTableCustomFields(c *call, m *document.Metadata) (subject, error) {
	s, t, err := c.tableIn(m, c.object())
	if err != nil {
		return subject{}, err
	}
	configuration, err := document.ParseTableConfiguration(without(c.args, "source", "table"), argsPath)
	if err != nil {
		return subject{}, parseError(err, argsPath)
	}
	// The older command says nothing about the table's own name and comment.
	configuration.CustomName, configuration.Comment = t.Configuration.CustomName, t.Configuration.Comment
	t.Configuration = configuration
	return subject{kind: "table", source: s.Name, table: &t.Name}, nil
}

func setTableIsEnum(c *call, m *document.Metadata) (subject, error) {
	o := c.object()
	s, t, err := c.tableIn(m, o)
	if err != nil {
		return subject{}, err
	}
	o.required("is_enum")
	t.IsEnum = o.boolean("is_enum", false)
	return subject{kind: "table", source: s.Name, table: &t.Name}, o.err()
}

func setApolloFederation(c *call, m *document.Metadata) (subject, error) {
	o := c.object()
	s, t, err := c.tableIn(m, o)
	if err != nil {
		return subject{}, err
	}
	value, _ := o.optional("apollo_federation_config")
	if err := document.CheckApolloFederation(value, argsPath+".apollo_federation_config"); err != nil {
		return subject{}, parseError(err, argsPath)
	}
	t.ApolloFederation = value
	return subject{kind: "table", source: s.Name, table: &t.Name}, o.err()
}

// sortedNames is a list of names in order.
func sortedNames(list []string) []string {
	out := slices.Clone(list)
	slices.Sort(out)
	return out
}
