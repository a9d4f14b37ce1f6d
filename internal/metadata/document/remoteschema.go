package document

import "dovetail/internal/orderedjson"

// RemoteSchema is a GraphQL service as written.
type RemoteSchema struct {
	Name          string
	Definition    RemoteSchemaDefinition
	Comment       *string
	Permissions   []*RemoteSchemaPermission
	Relationships []*TypeRelationships
}

// RemoteSchemaDefinition says where the service is and how it is asked. Either
// URL or URLFromEnv is set.
type RemoteSchemaDefinition struct {
	URL, URLFromEnv string
	TimeoutSeconds  *int
	// BatchSize bounds the keys of one request, MaxParallelRequests the requests
	// under way at once. Both extend v2's format; nil: the server's setting.
	BatchSize, MaxParallelRequests *int
	ForwardClientHeaders           bool
	Headers                        []Header
	Customization                  *RemoteCustomization
	// hasHeaders tells an empty list from an absent one.
	hasHeaders bool
}

// Header is a configured header: Value, or FromEnv.
type Header struct {
	Name, Value, FromEnv string
}

// RemoteCustomization renames what a remote schema puts into the schema.
type RemoteCustomization struct {
	Namespace   string
	TypePrefix  string
	TypeSuffix  string
	TypeMapping Mapping
	Fields      []RemoteFieldCustomization
	// hasTypes and hasFields tell what is empty from what is absent.
	hasTypes, hasFields bool
}

// RemoteFieldCustomization renames the fields of one upstream type.
type RemoteFieldCustomization struct {
	ParentType, Prefix, Suffix string
	Mapping                    Mapping
}

// RemoteSchemaPermission is a role's view of a remote schema, in SDL.
type RemoteSchemaPermission struct {
	Role    string
	Schema  string
	Comment *string
}

// TypeRelationships are the remote relationships of one upstream type.
type TypeRelationships struct {
	TypeName      string
	Relationships []*RemoteRelationship
}

// ParseRemoteSchema reads one entry of remote_schemas; it is also the form of
// add_remote_schema's arguments.
func ParseRemoteSchema(j orderedjson.Value, path string) (*RemoteSchema, error) {
	d := &decoder{}
	r := d.remoteSchema(j, path)
	return r, d.err()
}

func (d *decoder) remoteSchema(j orderedjson.Value, path string) *RemoteSchema {
	o := d.object(j, path, "RemoteSchemaMetadata")
	r := &RemoteSchema{Name: o.nonEmpty("name"), Comment: o.textPointer("comment")}
	r.Definition = d.remoteSchemaDefinition(o.need("definition"), o.at("definition"))
	r.Permissions = namedList(o, "permissions", "remote schema permissions", (*decoder).remoteSchemaPermission,
		func(p *RemoteSchemaPermission) string { return p.Role })
	r.Relationships = namedList(o, "remote_relationships", "remote schema relationships", (*decoder).typeRelationships,
		func(t *TypeRelationships) string { return t.TypeName })
	o.done()
	return r
}

func (d *decoder) remoteSchemaDefinition(j orderedjson.Value, path string) RemoteSchemaDefinition {
	o := d.object(j, path, "RemoteSchemaDef")
	r := RemoteSchemaDefinition{URL: o.optionalText("url"), URLFromEnv: o.optionalText("url_from_env")}
	switch {
	case d.fault != nil:
	case r.URL != "" && r.URLFromEnv != "":
		d.failCode(path, "invalid-params", "both `url` and `url_from_env` can't be present")
	case r.URL == "" && r.URLFromEnv == "":
		d.failCode(path, "invalid-params", "both `url` and `url_from_env` can't be empty")
	}
	r.TimeoutSeconds = o.integer("timeout_seconds")
	r.BatchSize, r.MaxParallelRequests = d.positive(o, "batch_size"), d.positive(o, "max_parallel_requests")
	r.ForwardClientHeaders = o.boolean("forward_client_headers", false)
	r.hasHeaders = !o.optional("headers").IsNull()
	o.list("headers", func(j orderedjson.Value, path string) { r.Headers = append(r.Headers, d.header(j, path)) })
	if v, ok := o.get("customization"); ok {
		r.Customization = d.remoteCustomization(v, o.at("customization"))
	}
	o.done()
	return r
}

// positive reads a number that can't be less than one.
func (d *decoder) positive(o *object, key string) *int {
	n := o.integer(key)
	if n != nil && *n < 1 {
		d.fail(o.at(key), "expected a positive number")
	}
	return n
}

func (d *decoder) header(j orderedjson.Value, path string) Header {
	o := d.object(j, path, "HeaderConf")
	h := Header{Name: o.text("name")}
	value, fromEnv := o.textPointer("value"), o.textPointer("value_from_env")
	switch {
	case d.fault != nil:
	case value != nil && fromEnv == nil:
		h.Value = *value
	case value == nil && fromEnv != nil:
		h.FromEnv = *fromEnv
	case value == nil:
		d.fail(path, "expecting value or value_from_env, but found none")
	default:
		d.fail(path, "expecting value or value_from_env, but found both")
	}
	o.done()
	return h
}

func (d *decoder) remoteCustomization(j orderedjson.Value, path string) *RemoteCustomization {
	o := d.object(j, path, "RemoteSchemaCustomization")
	c := &RemoteCustomization{Namespace: o.name("root_fields_namespace")}
	if v, ok := o.get("type_names"); ok {
		c.hasTypes = true
		t := d.object(v, o.at("type_names"), "RemoteTypeCustomization")
		c.TypePrefix, c.TypeSuffix = t.namePart("prefix"), t.namePart("suffix")
		c.TypeMapping = t.nameMapping("mapping")
		t.done()
	}
	c.hasFields = !o.optional("field_names").IsNull()
	o.list("field_names", func(j orderedjson.Value, path string) {
		f := d.object(j, path, "RemoteFieldCustomization")
		custom := RemoteFieldCustomization{ParentType: f.text("parent_type"), Prefix: f.namePart("prefix"), Suffix: f.namePart("suffix")}
		custom.Mapping = f.nameMapping("mapping")
		c.Fields = append(c.Fields, custom)
		f.done()
	})
	o.done()
	return c
}

// nameMapping reads an object from GraphQL names to GraphQL names.
func (o *object) nameMapping(key string) Mapping {
	m := o.mapping(key)
	for _, p := range m {
		o.d.checkName(p.Key, o.at(key))
		o.d.checkName(p.Value, o.at(key))
	}
	return m
}

// ParseRemoteSchemaPermission reads one entry of a remote schema's permissions.
func ParseRemoteSchemaPermission(j orderedjson.Value, path string) (*RemoteSchemaPermission, error) {
	d := &decoder{}
	p := d.remoteSchemaPermission(j, path)
	return p, d.err()
}

func (d *decoder) remoteSchemaPermission(j orderedjson.Value, path string) *RemoteSchemaPermission {
	o := d.object(j, path, "RemoteSchemaPermissionMetadata")
	p := &RemoteSchemaPermission{Role: o.nonEmpty("role"), Comment: o.textPointer("comment")}
	e := d.object(o.need("definition"), o.at("definition"), "RemoteSchemaPermissionDefinition")
	p.Schema = e.text("schema")
	e.done()
	o.done()
	return p
}

func (d *decoder) typeRelationships(j orderedjson.Value, path string) *TypeRelationships {
	o := d.object(j, path, "RemoteSchemaTypeRelationships")
	t := &TypeRelationships{TypeName: o.nonEmpty("type_name")}
	t.Relationships = namedList(o, "relationships", "remote relationships", (*decoder).remoteRelationship,
		func(r *RemoteRelationship) string { return r.Name })
	o.done()
	return t
}

// JSON is the remote schema as exported.
func (r *RemoteSchema) JSON() orderedjson.Value {
	f := newFields().text("name", r.Name).add("definition", r.Definition.JSON()).pointer("comment", r.Comment)
	f.list("permissions", sortedJSON(r.Permissions, func(p *RemoteSchemaPermission) string { return p.Role }))
	return f.list("remote_relationships", sortedJSON(r.Relationships, func(t *TypeRelationships) string { return t.TypeName })).json
}

// JSON is the definition as exported.
func (r *RemoteSchemaDefinition) JSON() orderedjson.Value {
	f := newFields().optionalText("url", r.URL).optionalText("url_from_env", r.URLFromEnv)
	if r.TimeoutSeconds != nil {
		f.add("timeout_seconds", intJSON(*r.TimeoutSeconds))
	}
	if r.BatchSize != nil {
		f.add("batch_size", intJSON(*r.BatchSize))
	}
	if r.MaxParallelRequests != nil {
		f.add("max_parallel_requests", intJSON(*r.MaxParallelRequests))
	}
	f.flag("forward_client_headers", r.ForwardClientHeaders)
	if r.hasHeaders || len(r.Headers) > 0 {
		f.add("headers", listJSON(r.Headers))
	}
	if r.Customization != nil {
		f.add("customization", r.Customization.JSON())
	}
	return f.json
}

// JSON is the header as exported.
func (h Header) JSON() orderedjson.Value {
	f := newFields().text("name", h.Name)
	if h.FromEnv != "" {
		return f.text("value_from_env", h.FromEnv).json
	}
	return f.text("value", h.Value).json
}

// JSON is the customization as exported.
func (c *RemoteCustomization) JSON() orderedjson.Value {
	f := newFields().optionalText("root_fields_namespace", c.Namespace)
	if c.hasTypes {
		types := newFields().optionalText("prefix", c.TypePrefix).optionalText("suffix", c.TypeSuffix)
		f.add("type_names", types.add("mapping", c.TypeMapping.JSON()).json)
	}
	names := orderedjson.Value{Kind: orderedjson.Array}
	for _, n := range c.Fields {
		entry := newFields().text("parent_type", n.ParentType).optionalText("prefix", n.Prefix).optionalText("suffix", n.Suffix)
		names.Items = append(names.Items, entry.add("mapping", n.Mapping.JSON()).json)
	}
	if c.hasFields {
		f.add("field_names", names)
	}
	return f.json
}

// JSON is the permission as exported.
func (p *RemoteSchemaPermission) JSON() orderedjson.Value {
	return newFields().text("role", p.Role).add("definition", p.Definition()).pointer("comment", p.Comment).json
}

// Definition is what the permission gives, without the role's name.
func (p *RemoteSchemaPermission) Definition() orderedjson.Value {
	return newFields().text("schema", p.Schema).json
}

// JSON is the type's relationships as exported.
func (t *TypeRelationships) JSON() orderedjson.Value {
	return newFields().text("type_name", t.TypeName).
		add("relationships", sortedJSON(t.Relationships, func(r *RemoteRelationship) string { return r.Name })).json
}
