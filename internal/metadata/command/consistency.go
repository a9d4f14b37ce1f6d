package command

import (
	"context"
	"slices"
	"strings"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/metadata/document"
	"dovetail/internal/metadata/live"
	"dovetail/internal/orderedjson"
)

// subject is the object that a command makes; the zero subject is for commands
// that make none.
type subject struct {
	kind   string // as Inconsistency.Type
	source string
	table  *document.TableName
	// name is the object's own; a role for permissions.
	name string
	// remote and remoteType are for relationships of remote schemas.
	remote, remoteType string
}

// is tells whether an inconsistency is the subject's own.
func (s subject) is(i catalog.Inconsistency) bool {
	if slices.ContainsFunc(i.Conflicts, func(c catalog.Conflict) bool {
		return s.is(catalog.Inconsistency{Type: i.Type, Path: c.Path})
	}) {
		return true
	}
	p := i.Path
	if s.kind == "" || i.Type != s.kind || p.Source != s.source || p.RemoteSchema != s.remote && s.remote != "" {
		return false
	}
	if s.table != nil && (p.Table == nil || document.TableName(*p.Table) != *s.table) {
		return false
	}
	if s.remoteType != "" && p.Type != s.remoteType {
		return false
	}
	return s.name == "" || p.Name == s.name || p.Role == s.name
}

// inconsistencyJSON is an inconsistent object as clients see it.
func inconsistencyJSON(i catalog.Inconsistency) map[string]any {
	if i.Conflicts != nil {
		conflicts := make([]any, 0, len(i.Conflicts))
		for _, c := range i.Conflicts {
			conflicts = append(conflicts, c.Definition)
		}
		return map[string]any{"reason": i.Reason, "conflicts": conflicts}
	}
	out := map[string]any{"type": i.Type, "name": i.Name, "definition": definitionJSON(i), "reason": i.Reason}
	if i.Informational() {
		delete(out, "definition")
		out["entity"] = i.Definition
	}
	if i.Message != "" {
		out["message"] = i.Message
	}
	return out
}

// definitionJSON is the definition of an object as v2 shows it in errors: with
// some of the parts that exports leave out.
func definitionJSON(i catalog.Inconsistency) any {
	definition, ok := i.Definition.(orderedjson.Value)
	if !ok || definition.Kind != orderedjson.Object || i.Path.Table == nil {
		return i.Definition
	}
	switch i.Type {
	case catalog.ObjectSelectPermission:
		permission, _ := definition.Get("permission")
		if _, ok := permission.Get("allow_aggregations"); !ok {
			definition = withField(definition, "permission", withField(permission, "allow_aggregations", jsonBool(false)))
		}
	case catalog.ObjectObjectRelation, catalog.ObjectArrayRelation, catalog.ObjectComputedField:
	default:
		return definition
	}
	if _, ok := definition.Get("comment"); !ok {
		definition = withField(definition, "comment", orderedjson.Value{})
	}
	return definition
}

// withField gives an object with a field set.
func withField(o orderedjson.Value, key string, value orderedjson.Value) orderedjson.Value {
	out := without(o, key)
	out.Keys, out.Items = append(out.Keys, key), append(out.Items, value)
	return out
}

func inconsistenciesJSON(list []catalog.Inconsistency) []map[string]any {
	out := make([]map[string]any, 0, len(list))
	for _, i := range list {
		out = append(out, inconsistencyJSON(i))
	}
	return out
}

// newInconsistencies are those that were not there before.
func newInconsistencies(before, after *live.State) []catalog.Inconsistency {
	type key struct{ kind, name string }
	known := make(map[key]bool, len(before.Catalog.Inconsistencies))
	for _, i := range before.Catalog.Inconsistencies {
		known[key{i.Type, i.Name}] = true
	}
	var out []catalog.Inconsistency
	for _, i := range after.Faulty() {
		if !known[key{i.Type, i.Name}] {
			out = append(out, i)
		}
	}
	return out
}

// judgeFor makes the judgement of a command: what it makes must be consistent
// itself, and must not break anything else.
func judgeFor(s subject) func(before, after *live.State) error {
	return func(before, after *live.State) error {
		var own []catalog.Inconsistency
		var reasons []string
		for _, i := range after.Catalog.Inconsistencies {
			if s.is(i) {
				own = append(own, i)
				reasons = append(reasons, i.Reason)
			}
		}
		if len(own) == 1 && own[0].Refusal != nil {
			return fail(own[0].Refusal.Code, "%s", own[0].Refusal.Message)
		}
		if len(own) > 0 {
			return fail(CodeInvalidConfiguration, "%s", strings.Join(reasons, ", ")).with(inconsistenciesJSON(own))
		}
		broken := newInconsistencies(before, after)
		switch {
		case len(broken) == 0:
			return nil
		case s.kind != "":
			return fail(CodeUnexpected, "cannot continue due to new inconsistent metadata").with(inconsistenciesJSON(broken))
		default:
			return newlyInconsistent(broken)
		}
	}
}

func newlyInconsistent(broken []catalog.Inconsistency) error {
	return fail(CodeUnexpected, "cannot continue due to newly found inconsistent metadata").
		serious().with(inconsistenciesJSON(broken))
}

// change carries out an edit on a copy of the document and applies it.
func (c *call) change(ctx context.Context, e edit) error {
	return c.changeWith(ctx, e, live.Reload{})
}

func (c *call) changeWith(ctx context.Context, e edit, reload live.Reload) error {
	if err := c.writable(); err != nil {
		return err
	}
	m := c.metadata().Clone()
	s, err := e(c, m)
	if err != nil {
		return err
	}
	err = c.tx.Apply(ctx, m, reload, judgeFor(s))
	if failure, ok := err.(*Error); ok && failure.Code == CodeInvalidConfiguration && s.source != "" && s.kind != "source" { //nolint:errorlint // the judgement's own
		// The database may have changed without the engine's knowledge: look again
		// before refusing.
		again := reload
		again.Again = map[string]bool{s.source: true}
		err = c.tx.Apply(ctx, m, again, judgeFor(s))
	}
	return err
}

// writable refuses changes of the metadata where they are not allowed.
func (c *call) writable() error {
	if c.runner.config.ReadOnly {
		return fail(CodeNotSupported, "metadata cannot be modified in read-only mode")
	}
	if c.runner.config.Maintenance {
		return fail(CodeUnexpected, "metadata cannot be modified in maintenance mode").serious()
	}
	return nil
}

// drop carries out an edit that takes something away. What depends on it is
// named in an error, or with cascade taken away too.
func (c *call) drop(ctx context.Context, cascade bool, e edit) ([]byte, error) {
	if err := c.writable(); err != nil {
		return nil, err
	}
	m := c.metadata().Clone()
	if _, err := e(c, m); err != nil {
		return nil, err
	}
	if err := c.applyWithout(ctx, m, cascade, live.Reload{}); err != nil {
		return nil, err
	}
	return success(), nil
}

// applyWithout applies a document from which something is gone.
func (c *call) applyWithout(ctx context.Context, m *document.Metadata, cascade bool, reload live.Reload) error {
	// Every round takes away what the last one left without ground; a document
	// is finite, so this ends.
	for {
		var broken []catalog.Inconsistency
		err := c.tx.Apply(ctx, m, reload, func(before, after *live.State) error {
			if broken = newInconsistencies(before, after); len(broken) == 0 {
				return nil
			}
			return dropError(broken)
		})
		if err == nil || len(broken) == 0 || !cascade {
			return err
		}
		m = m.Clone()
		removed := false
		for _, i := range broken {
			if i.Type != catalog.ObjectQueryCollections {
				removed = remove(m, i.Path) || removed
			}
		}
		if !removed {
			return err
		}
	}
}

// dropError names what depends on an object that is to go. Queries that ask for
// it are no dependents that could go with it.
func dropError(broken []catalog.Inconsistency) error {
	names := make([]string, 0, len(broken))
	for _, i := range broken {
		if i.Type != catalog.ObjectQueryCollections {
			names = append(names, dependentName(i))
		}
	}
	if len(names) == 0 {
		return newlyInconsistent(broken)
	}
	return fail(CodeDependencyError, "cannot drop due to the following dependent objects: %s", joinNames(names))
}

// dependentName is how dependency errors name an object.
func dependentName(i catalog.Inconsistency) string {
	p := i.Path
	table := ""
	if p.Table != nil {
		table = document.TableName(*p.Table).String()
	}
	inSource := ` in source "` + p.Source + `"`
	roleOrName := p.Role
	if roleOrName == "" {
		roleOrName = p.Name
	}
	switch i.Type {
	case "object_relation", "array_relation":
		return "relationship " + table + "." + p.Name + inSource
	case "remote_relationship":
		return "remote relationship " + table + "." + p.Name + inSource
	case "computed_field":
		return "computed field " + table + "." + p.Name + inSource
	case "select_permission", "insert_permission", "update_permission", "delete_permission":
		return "permission " + table + "." + roleOrName + "." + strings.TrimSuffix(i.Type, "_permission") + inSource
	case "table":
		return "table " + table + inSource
	case "function":
		return "function " + p.Name + inSource
	case "remote_schema":
		return "remote schema " + p.RemoteSchema
	case "remote_schema_permission":
		return "remote schema permission " + p.RemoteSchema + "." + roleOrName
	case "remote_schema_remote_relationship":
		return "remote_schema_remote_relationship " + p.RemoteSchema + "." + p.Type + "." + p.Name
	}
	return i.Name
}

// jsonBytes is the text of a JSON value.
func jsonBytes(j orderedjson.Value) []byte { return j.Append(nil) }
