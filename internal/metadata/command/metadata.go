package command

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"dovetail/internal/kind"
	"dovetail/internal/metadata/catalog"
	"dovetail/internal/metadata/document"
	"dovetail/internal/metadata/live"
	"dovetail/internal/metadata/store"
	"dovetail/internal/orderedjson"
)

func metadataCommands() map[string]command {
	return map[string]command{
		"export_metadata":            {run: exportMetadata},
		"replace_metadata":           {run: replaceMetadata},
		"clear_metadata":             {run: clearMetadata},
		"reload_metadata":            {run: reloadMetadata},
		"get_inconsistent_metadata":  {run: inconsistentMetadata},
		"drop_inconsistent_metadata": {run: dropInconsistentMetadata},
		"dump_internal_state":        {run: dumpInternalState},
		"get_catalog_state":          {run: catalogState},
		"set_catalog_state":          {run: setCatalogState},
	}
}

func exportMetadata(_ context.Context, c *call) ([]byte, error) {
	text := c.tx.State().Text()
	if c.version == 1 {
		return text, nil
	}
	return fmt.Appendf(nil, `{"resource_version":%d,"metadata":%s}`, c.tx.State().ResourceVersion, text), nil
}

// replacement is what replace_metadata is given.
type replacement struct {
	metadata          *document.Metadata
	warnings          []string
	allowInconsistent bool
	allowWarnings     bool
}

func readReplacement(c *call) (*replacement, error) {
	out := &replacement{allowWarnings: true}
	value, path := c.args, argsPath
	if inner, ok := c.args.Get("metadata"); ok {
		o := c.object()
		out.allowInconsistent = o.boolean("allow_inconsistent_metadata", false)
		out.allowWarnings = o.boolean("allow_warnings", true)
		if err := o.err(); err != nil {
			return nil, err
		}
		value, path = inner, argsPath+".metadata"
	}
	metadata, unknown, err := document.ParseJSON(value, path)
	if err != nil {
		return nil, parseError(err, path)
	}
	out.metadata = metadata
	if metadata.Migrated {
		c.keepDefault(metadata)
	}
	for _, u := range unknown {
		out.warnings = append(out.warnings, u.String())
	}
	out.warnings = append(out.warnings, live.Unserved(metadata)...)
	if err := metadata.CheckActions(path); err != nil {
		return out, parseError(err, path)
	}
	return out, checkTriggers(metadata)
}

// keepDefault gives the default source of a document that knows no sources the
// connection of the one that is there.
func (c *call) keepDefault(m *document.Metadata) {
	for _, s := range m.Sources {
		if now, ok := c.metadata().Source(s.Name); ok {
			s.Configuration = now.Configuration
		} else if !c.runner.config.DefaultSource.IsNull() {
			s.Configuration = c.runner.config.DefaultSource
		}
	}
}

func checkTriggers(m *document.Metadata) error {
	seen := map[string]bool{}
	for _, s := range m.Sources {
		for _, t := range s.Tables {
			for _, trigger := range t.EventTriggers {
				if seen[trigger.Name] {
					return fail(CodeNotSupported, "Event trigger with duplicate names not allowed: %q", trigger.Name)
				}
				seen[trigger.Name] = true
			}
		}
	}
	return nil
}

// warningJSON is a warning as commands answer it.
type warningJSON struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Type    string `json:"type"`
	Name    string `json:"name"`
}

func warningsJSON(texts []string) []warningJSON {
	out := make([]warningJSON, 0, len(texts))
	for _, t := range texts {
		out = append(out, warningJSON{Code: "not-served", Message: t, Type: "metadata", Name: "metadata"})
	}
	return out
}

func replaceMetadata(ctx context.Context, c *call) ([]byte, error) {
	r, err := readReplacement(c)
	if err != nil {
		return nil, err
	}
	if err := c.writable(); err != nil {
		return nil, err
	}
	if len(r.warnings) > 0 && !r.allowWarnings {
		return nil, fail(CodeMetadataWarnings, "failed due to metadata warnings").with(warningsJSON(r.warnings))
	}
	err = c.tx.Apply(ctx, r.metadata, live.Reload{Again: allSources(r.metadata)}, func(_, after *live.State) error {
		return replaceable(after, r.allowInconsistent)
	})
	if err != nil {
		return nil, err
	}
	answer := map[string]any{}
	if c.version == 2 {
		found := c.tx.State().Faulty()
		answer["is_consistent"], answer["inconsistent_objects"] = len(found) == 0, inconsistenciesJSON(found)
	} else {
		answer["message"] = "success"
	}
	if len(r.warnings) > 0 {
		answer["warnings"] = warningsJSON(r.warnings)
	}
	return marshal(answer)
}

// replaceable judges metadata that takes the place of what there was. As in v2
// inherited roles may not be each other's parents, whatever else is allowed; and
// permissions that can't be inherited count as inconsistent here.
func replaceable(after *live.State, allowInconsistent bool) error {
	all := after.Catalog.Inconsistencies
	for _, i := range all {
		if i.Type == catalog.ObjectInheritedRole && i.Refusal != nil {
			return fail(i.Refusal.Code, "%s", i.Refusal.Message)
		}
	}
	informational := slices.ContainsFunc(all, func(i catalog.Inconsistency) bool { return i.Informational() })
	if allowInconsistent || after.Consistent() && !informational {
		return nil
	}
	found := after.Faulty()
	for _, i := range all {
		if i.Informational() {
			found = append(slices.Clip(found), i)
		}
	}
	return fail(CodeUnexpected, "cannot continue due to inconsistent metadata").with(inconsistenciesJSON(found))
}

func marshal(v any) ([]byte, error) {
	out, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("writing an answer: %w", err)
	}
	return out, nil
}

// defaultSourceName is the source that commands are about when they name none.
const defaultSourceName = "default"

func clearMetadata(ctx context.Context, c *call) ([]byte, error) {
	if err := c.writable(); err != nil {
		return nil, err
	}
	// As in v2, a source by the name of the one that a database URL makes stays,
	// with nothing but its connection.
	m := &document.Metadata{}
	if now, ok := c.metadata().Source(defaultSourceName); ok {
		m.Sources = []*document.Source{{
			Name: now.Name, Kind: now.Kind, Configuration: now.Configuration, Customization: now.Customization, HealthCheck: now.HealthCheck,
		}}
	} else if configuration := c.runner.config.DefaultSource; !configuration.IsNull() {
		m.Sources = []*document.Source{{Name: defaultSourceName, Kind: kind.Postgres, Configuration: configuration}}
	}
	if err := c.tx.Apply(ctx, m, live.Reload{}, nil); err != nil {
		return nil, err
	}
	return success(), nil
}

// allSources are the databases to be read anew where all of the metadata is: they
// may have changed without the engine's knowledge.
func allSources(m *document.Metadata) map[string]bool {
	out := make(map[string]bool, len(m.Sources))
	for _, s := range m.Sources {
		out[s.Name] = true
	}
	return out
}

// selection is true, false or a list of names.
func (o *object) selection(key string, otherwise bool) (all bool, names []string) {
	v, ok := o.optional(key)
	if !ok {
		return otherwise, nil
	}
	if v.Kind == orderedjson.Array {
		return false, o.texts(key)
	}
	return o.boolean(key, otherwise), nil
}

func reloadMetadata(ctx context.Context, c *call) ([]byte, error) {
	o := c.object()
	var reload live.Reload
	var remotes, databases []string
	reload.AllRemotes, remotes = o.selection("reload_remote_schemas", true)
	reload.AllSources, databases = o.selection("reload_sources", false)
	_, triggers := o.selection("recreate_event_triggers", false)
	_, connectors := o.selection("reload_data_connectors", true)
	if err := o.err(); err != nil {
		return nil, err
	}
	m := c.metadata()
	reload.Remotes, reload.Sources, reload.Again = map[string]bool{}, map[string]bool{}, allSources(m)
	for _, name := range remotes {
		if _, ok := m.RemoteSchema(name); !ok {
			return nil, fail(CodeNotExists, "Remote schema with name %q not found in metadata", name)
		}
		reload.Remotes[name] = true
	}
	for _, name := range append(databases, triggers...) {
		if _, ok := m.Source(name); !ok {
			return nil, fail(CodeNotExists, "Source with name %q not found in metadata", name)
		}
	}
	for _, name := range databases {
		reload.Sources[name] = true
	}
	if len(connectors) > 0 {
		return nil, fail(CodeNotExists, "Data connector with name %q not found in metadata", connectors[0])
	}
	if err := c.writable(); err != nil {
		return nil, err
	}
	if err := c.tx.Apply(ctx, c.metadata(), reload, nil); err != nil {
		return nil, err
	}
	found := c.tx.State().Faulty()
	answer := map[string]any{"message": "success", "is_consistent": len(found) == 0}
	if len(found) > 0 {
		answer["inconsistent_objects"] = inconsistenciesJSON(found)
	}
	return marshal(answer)
}

func inconsistentMetadata(_ context.Context, c *call) ([]byte, error) {
	found := c.tx.State().Catalog.Inconsistencies
	return marshal(map[string]any{"is_consistent": len(found) == 0, "inconsistent_objects": inconsistenciesJSON(found)})
}

func dropInconsistentMetadata(ctx context.Context, c *call) ([]byte, error) {
	if err := c.writable(); err != nil {
		return nil, err
	}
	m := c.metadata().Clone()
	var kept []string
	for _, i := range c.tx.State().Faulty() {
		if !i.Served && !removeFaulty(m, i) {
			kept = append(kept, i.Name)
		}
	}
	err := c.tx.Apply(ctx, m, live.Reload{}, func(before, after *live.State) error {
		if broken := newInconsistencies(before, after); len(broken) > 0 {
			return fail(CodeUnexpected, "cannot continue due to new inconsistent metadata").with(inconsistenciesJSON(broken))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	// What could not be taken out by its path, because an object that it was part
	// of went first, is gone by now; anything else is a fault worth telling.
	if slices.ContainsFunc(c.tx.State().Faulty(), func(i catalog.Inconsistency) bool { return !i.Served }) {
		return nil, fail(CodeUnexpected, "these inconsistent objects could not be dropped: %s", joinNames(kept)).
			serious()
	}
	return success(), nil
}

// removeFaulty takes what is inconsistent out of a document.
func removeFaulty(m *document.Metadata, i catalog.Inconsistency) bool {
	if i.Conflicts == nil {
		return remove(m, i.Path)
	}
	gone := true
	for _, c := range i.Conflicts {
		gone = remove(m, c.Path) && gone
	}
	return gone
}

func dumpInternalState(_ context.Context, c *call) ([]byte, error) {
	state := c.tx.State()
	databases := map[string]any{}
	for _, s := range state.Metadata.Sources {
		if _, contents, ok := state.Database(s.Name); ok {
			databases[s.Name] = contents
		}
	}
	faults := map[string]any{}
	for name, f := range state.Faults() {
		faults[name] = map[string]any{"error": f.Err.Error(), "served": f.Stale}
	}
	return marshal(map[string]any{
		"metadata":             state.Metadata,
		"resource_version":     state.ResourceVersion,
		"catalog_version":      state.Catalog.Version,
		"roles":                state.Catalog.Roles,
		"settings":             state.Catalog.Settings,
		"databases":            databases,
		"faults":               faults,
		"inconsistent_objects": inconsistenciesJSON(state.Catalog.Inconsistencies),
	})
}

func catalogState(ctx context.Context, c *call) ([]byte, error) {
	out := map[string]json.RawMessage{}
	for key, name := range map[string]string{
		store.KeyInstanceID: "id", store.KeyCLIState: "cli_state", store.KeyConsoleState: "console_state",
	} {
		value, err := c.runner.live.Store().Get(ctx, key)
		if err != nil {
			return nil, err
		}
		out[name] = value
	}
	return marshal(out)
}

func setCatalogState(ctx context.Context, c *call) ([]byte, error) {
	o := c.object()
	kind, state := o.text("type"), o.required("state")
	key := map[string]string{"cli": store.KeyCLIState, "console": store.KeyConsoleState}[kind]
	if key == "" {
		o.failAt(argsPath+".type", "expected \"cli\" or \"console\", but got %q", kind)
	}
	if err := o.err(); err != nil {
		return nil, err
	}
	if err := c.runner.live.Store().Set(ctx, key, jsonBytes(state)); err != nil {
		return nil, err
	}
	return success(), nil
}
