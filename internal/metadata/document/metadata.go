package document

import (
	"fmt"

	"dovetail/internal/kind"
	"dovetail/internal/orderedjson"
)

// Version is the version of documents that are written.
const Version = 3

// Metadata is a whole document. Treat what hangs below a Source's or Table's
// lists as immutable and replace it: Clone shares it.
type Metadata struct {
	Sources          []*Source
	RemoteSchemas    []*RemoteSchema
	QueryCollections []*QueryCollection
	Allowlist        []*AllowlistEntry
	Actions          []*Entry
	CustomTypes      orderedjson.Value
	CronTriggers     []*Entry
	RestEndpoints    []*RestEndpoint
	APILimits        orderedjson.Value
	MetricsConfig    orderedjson.Value
	InheritedRoles   []*InheritedRole
	// Introspection is the graphql_schema_introspection part.
	Introspection  orderedjson.Value
	Network        orderedjson.Value
	BackendConfigs orderedjson.Value
	OpenTelemetry  orderedjson.Value
	// Migrated tells that the document was of version 1 or 2 and that its
	// default source's configuration is not its own.
	Migrated bool
}

// InheritedRole is a role made of others.
type InheritedRole struct {
	Name  string
	Roles []string
}

// Parse reads a document of any version. Unknown keys that are not errors are
// listed.
func Parse(data []byte) (*Metadata, []UnknownKeys, error) {
	j, err := orderedjson.Parse(data)
	if err != nil {
		return nil, nil, &Error{Path: "$", Code: "invalid-json", Message: err.Error()}
	}
	return ParseJSON(j, "$")
}

// ParseJSON reads a document that stands at some path of a request.
func ParseJSON(j orderedjson.Value, path string) (*Metadata, []UnknownKeys, error) {
	d := &decoder{}
	m := d.metadata(j, path)
	if d.fault != nil {
		return nil, nil, d.fault
	}
	return m, d.unknown, nil
}

func (d *decoder) metadata(j orderedjson.Value, path string) *Metadata {
	o := d.object(j, path, "Metadata")
	version := 1
	if v := o.integer("version"); v != nil {
		version = *v
	}
	m := &Metadata{}
	switch _, hasSources := o.get("sources"); {
	case d.fault != nil:
		return m
	case version < 1 || version > Version:
		d.fail(o.at("version"), "expected 1, 2 or 3 as version, but got %d", version)
		return m
	case version == Version || hasSources:
		o.need("sources")
		m.Sources = namedList(o, "sources", "sources", (*decoder).source, func(s *Source) string { return s.Name })
	default:
		d.legacySource(o, m)
	}
	m.RemoteSchemas = namedList(o, "remote_schemas", "remote schemas", (*decoder).remoteSchema, func(r *RemoteSchema) string { return r.Name })
	m.QueryCollections = namedList(o, "query_collections", "query collections", (*decoder).queryCollection, collectionName)
	m.Allowlist = namedList(o, "allowlist", "allowlist entries", (*decoder).allowlistEntry, allowlistName)
	m.Actions = namedList(o, "actions", "actions", parseEntry, entryName)
	m.CustomTypes = o.optional("custom_types")
	m.CronTriggers = namedList(o, "cron_triggers", "cron triggers", parseEntry, entryName)
	m.RestEndpoints = namedList(o, "rest_endpoints", "rest endpoints", (*decoder).restEndpoint, endpointName)
	m.APILimits = o.optional("api_limits")
	d.apiLimits(m.APILimits, o.at("api_limits"))
	m.MetricsConfig = o.optional("metrics_config")
	m.InheritedRoles = namedList(o, "inherited_roles", "inherited roles", (*decoder).inheritedRole, func(r *InheritedRole) string { return r.Name })
	m.Introspection = o.optional("graphql_schema_introspection")
	m.Network = o.optional("network")
	m.BackendConfigs = o.optional("backend_configs")
	m.OpenTelemetry = o.optional("opentelemetry")
	o.done()
	return m
}

// legacySource makes the default source of a document that knows only one
// database.
func (d *decoder) legacySource(o *object, m *Metadata) {
	connection := newFields().add("database_url", newFields().text("from_env", "HASURA_GRAPHQL_DATABASE_URL").json)
	s := &Source{
		Name: "default", Kind: kind.Postgres,
		Configuration: newFields().add("connection_info", connection.json).json,
	}
	s.Tables = d.tables(o, kind.Postgres)
	s.Functions = d.functions(o, kind.Postgres)
	m.Sources = []*Source{s}
	m.Migrated = true
}

func (d *decoder) inheritedRole(j orderedjson.Value, path string) *InheritedRole {
	o := d.object(j, path, "InheritedRole")
	r := &InheritedRole{Name: o.nonEmpty("role_name")}
	r.Roles = d.texts(o.need("role_set"), o.at("role_set"))
	o.done()
	return r
}

// JSON is the role as exported.
func (r *InheritedRole) JSON() orderedjson.Value {
	return newFields().text("role_name", r.Name).add("role_set", textsJSON(r.Roles)).json
}

const sourcesKey = "sources"

func sourceName(s *Source) string { return s.Name }

// fields are the members of the document in v2's export order, with the sources
// left out: null stands in their place.
func (m *Metadata) fields() *fields {
	f := newFields().add("version", intJSON(Version)).add(sourcesKey, orderedjson.Value{})
	f.list("remote_schemas", sortedJSON(m.RemoteSchemas, func(r *RemoteSchema) string { return r.Name }))
	f.list("query_collections", sortedJSON(m.QueryCollections, collectionName))
	f.list("allowlist", sortedJSON(m.Allowlist, allowlistName))
	f.list("actions", sortedJSON(m.Actions, entryName))
	f.list("custom_types", m.CustomTypes)
	f.list("cron_triggers", sortedJSON(m.CronTriggers, entryName))
	f.list("rest_endpoints", sortedJSON(m.RestEndpoints, endpointName))
	f.list("api_limits", m.APILimits)
	f.list("metrics_config", m.MetricsConfig)
	f.list("inherited_roles", sortedJSON(m.InheritedRoles, func(r *InheritedRole) string { return r.Name }))
	f.list("graphql_schema_introspection", m.Introspection)
	f.list("network", m.Network)
	f.list("backend_configs", m.BackendConfigs)
	return f.list("opentelemetry", m.OpenTelemetry)
}

// Marshal is the compact text of the document as exported: two documents that
// say the same have the same text.
func (m *Metadata) Marshal() []byte { return m.Encode(nil).text }

// MarshalJSON is Marshal, for encoding/json.
func (m *Metadata) MarshalJSON() ([]byte, error) { return m.Marshal(), nil }

// UnmarshalJSON is Parse, for encoding/json; unknown keys are dropped silently.
func (m *Metadata) UnmarshalJSON(data []byte) error {
	parsed, _, err := Parse(data)
	if err != nil {
		return fmt.Errorf("metadata: %w", err)
	}
	*m = *parsed
	return nil
}
