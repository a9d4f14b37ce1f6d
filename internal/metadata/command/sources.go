package command

import (
	"context"
	"strings"

	"dovetail/internal/kind"
	"dovetail/internal/metadata/document"
	"dovetail/internal/orderedjson"
)

func sourceCommands() map[string]command {
	return map[string]command{
		"add_source":                   prefixedRun(addSource),
		"update_source":                prefixedRun(updateSource),
		"drop_source":                  prefixedRun(dropSource),
		"get_source_tables":            {prefixed: true, anyPrefix: true, run: sourceTables},
		"get_source_trackables":        {prefixed: true, anyPrefix: true, run: sourceTrackables},
		"get_table_info":               {prefixed: true, anyPrefix: true, run: tableInfo},
		"rename_source":                {edit: renameSource},
		"list_source_kinds":            {run: sourceKinds},
		"get_source_kind_capabilities": {run: kindCapabilities},
		"set_query_tags":               {edit: setQueryTags},
	}
}

// sourceKind is the kind of a source that a command makes.
func (c *call) sourceKind() string {
	if c.kind == "" {
		return kind.Postgres
	}
	return c.kind
}

func addSource(ctx context.Context, c *call) ([]byte, error) {
	o := c.object()
	name, replace := o.nonEmpty("name"), o.boolean("replace_configuration", false)
	configuration := o.required("configuration")
	if err := o.err(); err != nil {
		return nil, err
	}
	if _, err := document.ConnectionOf(configuration, argsPath+".configuration", c.sourceKind()); err != nil {
		return nil, parseError(err, argsPath)
	}
	customization, err := readCustomization(o, c.sourceKind())
	if err != nil {
		return nil, err
	}
	health, _ := o.optional("health_check")
	e := func(_ *call, m *document.Metadata) (subject, error) {
		about := subject{kind: "source", source: name}
		if s, ok := m.Source(name); ok {
			if !replace {
				return about, fail(CodeAlreadyExists, "source with name %q already exists", name)
			}
			s.Configuration, s.Customization, s.HealthCheck = configuration, customization, health
			return about, nil
		}
		m.Sources = append(m.Sources, &document.Source{
			Name: name, Kind: c.sourceKind(), Configuration: configuration, Customization: customization, HealthCheck: health,
		})
		return about, nil
	}
	if err := c.change(ctx, e); err != nil {
		return nil, err
	}
	return success(), nil
}

func readCustomization(o *object, kind string) (document.Customization, error) {
	v, ok := o.optional("customization")
	if !ok {
		return document.Customization{}, nil
	}
	out, err := document.ParseCustomization(v, argsPath+".customization")
	if err != nil {
		return out, parseError(err, argsPath)
	}
	if err := out.Suits(kind); err != nil {
		return out, fail(CodeNotSupported, "%s", err)
	}
	return out, nil
}

func updateSource(ctx context.Context, c *call) ([]byte, error) {
	o := c.object()
	name := o.nonEmpty("name")
	if err := o.err(); err != nil {
		return nil, err
	}
	e := func(c *call, m *document.Metadata) (subject, error) {
		about := subject{kind: "source", source: name}
		s, err := c.sourceIn(m, name)
		if err != nil {
			return about, err
		}
		if v, ok := o.optional("configuration"); ok {
			if _, err := document.ConnectionOf(v, argsPath+".configuration", s.Kind); err != nil {
				return about, parseError(err, argsPath)
			}
			s.Configuration = v
		}
		if _, ok := o.optional("customization"); ok {
			if s.Customization, err = readCustomization(o, s.Kind); err != nil {
				return about, err
			}
		}
		if v, ok := o.optional("health_check"); ok {
			s.HealthCheck = v
		}
		return about, nil
	}
	if err := c.change(ctx, e); err != nil {
		return nil, err
	}
	return success(), nil
}

func dropSource(ctx context.Context, c *call) ([]byte, error) {
	o := c.object()
	name, cascade := o.nonEmpty("name"), o.boolean("cascade", false)
	if err := o.err(); err != nil {
		return nil, err
	}
	return c.drop(ctx, cascade, func(c *call, m *document.Metadata) (subject, error) {
		if _, err := c.sourceIn(m, name); err != nil {
			return subject{}, err
		}
		removeAll(&m.Sources, func(s *document.Source) bool { return s.Name == name })
		return subject{}, nil
	})
}

func renameSource(c *call, m *document.Metadata) (subject, error) {
	o := c.object()
	name, renamed := o.nonEmpty("name"), o.nonEmpty("new_name")
	if err := o.err(); err != nil {
		return subject{}, err
	}
	s, ok := m.Source(name)
	if !ok {
		return subject{}, fail(CodeNotExists, "Could not find source with name %q", name)
	}
	if _, taken := m.Source(renamed); taken {
		return subject{}, fail(CodeAlreadyExists, "Source with name %q already exists", renamed)
	}
	s.Name = renamed
	eachToSource(m, func(to *document.ToSource) {
		if to.Source == name {
			to.Source = renamed
		}
	})
	for _, other := range m.Sources {
		eachFilter(other, func(_ *document.Table, e orderedjson.Value) orderedjson.Value {
			return renameExistsSource(e, name, renamed)
		})
	}
	return subject{}, nil
}

// eachToSource lets f change every relationship to a source, wherever it stands;
// what it changes is its own copy.
func eachToSource(m *document.Metadata, f func(*document.ToSource)) {
	visit := func(list []*document.RemoteRelationship) {
		for i, r := range list {
			if r.ToSource == nil {
				continue
			}
			relationship, to := *r, *r.ToSource
			f(&to)
			relationship.ToSource = &to
			list[i] = &relationship
		}
	}
	for _, s := range m.Sources {
		for _, t := range s.Tables {
			visit(t.RemoteRelationships)
		}
	}
	for _, r := range m.RemoteSchemas {
		for _, t := range r.Relationships {
			visit(t.Relationships)
		}
	}
}

func sourceTables(_ context.Context, c *call) ([]byte, error) {
	o := c.object()
	name := o.source()
	if err := o.err(); err != nil {
		return nil, err
	}
	s, err := c.sourceIn(c.metadata(), name)
	if err != nil {
		return nil, err
	}
	_, contents, ok := c.tx.State().Database(name)
	if !ok {
		return nil, c.unreachable(name)
	}
	out := orderedjson.Value{Kind: orderedjson.Array}
	for _, t := range contents.Tables {
		out.Items = append(out.Items, tableNameJSON(s.Kind, document.TableName{Schema: t.Schema, Name: t.Name}))
	}
	return jsonBytes(out), nil
}

// tableNameJSON is a name as get_source_tables lists it.
func tableNameJSON(_ string, n document.TableName) orderedjson.Value { return n.JSON() }

// sourceTrackables lists what of a source can be tracked, tracked or not.
func sourceTrackables(_ context.Context, c *call) ([]byte, error) {
	o := c.object()
	name := o.source()
	if err := o.err(); err != nil {
		return nil, err
	}
	if _, err := c.sourceIn(c.metadata(), name); err != nil {
		return nil, err
	}
	_, contents, ok := c.tx.State().Database(name)
	if !ok {
		return nil, c.unreachable(name)
	}
	tables, functions := []any{}, []any{}
	for _, t := range contents.Tables {
		tables = append(tables, map[string]any{"name": document.TableName{Schema: t.Schema, Name: t.Name}.JSON()})
	}
	for _, f := range contents.Functions {
		if f.Plain {
			functions = append(functions, map[string]any{
				"name": document.TableName{Schema: f.Schema, Name: f.Name}.JSON(), "volatility": strings.ToUpper(string(f.Volatility)),
			})
		}
	}
	return marshal(map[string]any{"tables": tables, "functions": functions})
}

// unreachable is the error for a source that can't be reached.
func (c *call) unreachable(name string) *Error {
	e := fail(CodeUnexpected, "source %q can't be reached", name)
	if f, ok := c.tx.State().Faults()[name]; ok {
		e.Internal = f.Err.Error()
	}
	return e
}

func tableInfo(_ context.Context, c *call) ([]byte, error) {
	o := c.object()
	name, value := o.source(), o.required("table")
	if err := o.err(); err != nil {
		return nil, err
	}
	s, err := c.sourceIn(c.metadata(), name)
	if err != nil {
		return nil, err
	}
	table, err := document.ParseTableName(value, argsPath+".table", s.Kind)
	if err != nil {
		return nil, parseError(err, argsPath)
	}
	_, contents, ok := c.tx.State().Database(name)
	if !ok {
		return nil, c.unreachable(name)
	}
	for _, t := range contents.Tables {
		if t.Schema != table.Schema || t.Name != table.Name {
			continue
		}
		columns := make([]map[string]any, 0, len(t.Columns))
		for _, column := range t.Columns {
			columns = append(columns, map[string]any{"name": column.Name, "type": column.Type.Name, "nullable": column.Nullable})
		}
		out := map[string]any{"name": table.JSON(), "type": t.Kind, "columns": columns}
		if t.PrimaryKey != nil {
			out["primary_key"] = t.PrimaryKey.Columns
		}
		return marshal(out)
	}
	return nil, fail(CodeNotExists, "table %q does not exist in source: %s", table, name)
}

// sourceKinds lists the kinds of databases that can be added.
func sourceKinds(context.Context, *call) ([]byte, error) {
	list := []any{}
	for _, k := range kind.All() {
		list = append(list, map[string]any{"kind": k.Prefixes[0], "builtin": true, "display_name": k.Prefixes[0], "available": true})
	}
	return marshal(map[string]any{"sources": list})
}

func kindCapabilities(_ context.Context, c *call) ([]byte, error) {
	o := c.object()
	name := o.nonEmpty("name")
	if err := o.err(); err != nil {
		return nil, err
	}
	of, _ := kind.OfPrefix(name)
	for _, s := range c.metadata().Sources {
		if s.Kind != of.Name {
			continue
		}
		if source, ok := c.tx.State().Source(s.Name); ok {
			// The shape is that of v2's agents, which name what they can do by objects; what
			// sources here can do besides stands below a key of its own.
			own := source.Capabilities()
			can := map[string]any{"queries": map[string]any{}, "relationships": map[string]any{}}
			if own.Mutations {
				can["mutations"] = map[string]any{}
			}
			return marshal(map[string]any{
				"capabilities": can,
				"config_schema_response": map[string]any{
					"config_schema": configurationSchema(of), "other_schemas": map[string]any{},
				},
				"display_name": name, "options": map[string]any{}, "dovetail": own,
			})
		}
	}
	return nil, fail(CodeNotExists, "no source of kind %q is connected", name)
}

// configurationSchema describes what a source of a kind is configured with, for
// clients that make forms of it.
func configurationSchema(of kind.Kind) map[string]any {
	addresses := map[string]any{}
	for _, key := range of.Address {
		addresses[key] = map[string]any{
			"type": "string", "nullable": len(of.Address) > 1, "description": "where the database is; {{NAME}} stands for an environment variable",
		}
	}
	connection := map[string]any{"type": "object", "nullable": false, "properties": addresses}
	return map[string]any{"type": "object", "nullable": false, "properties": map[string]any{"connection_info": connection}}
}

func setQueryTags(c *call, m *document.Metadata) (subject, error) {
	o := c.object()
	name := o.nonEmpty("source_name")
	if err := o.err(); err != nil {
		return subject{}, err
	}
	s, ok := m.Source(name)
	if !ok {
		return subject{}, fail(CodeNotExists, "source with name %q does not exist", name)
	}
	if k, ok := kind.Named(s.Kind); ok && !k.QueryTags {
		return subject{}, fail(CodeNotSupported, "Query Tags is not supported on %s", s.Kind)
	}
	tags := without(c.args, "source_name")
	if _, err := document.ParseQueryTags(tags, argsPath); err != nil {
		return subject{}, parseError(err, argsPath)
	}
	s.QueryTags = tags
	return subject{}, nil
}
