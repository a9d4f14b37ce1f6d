package document

import (
	"strings"

	"dovetail/internal/orderedjson"
)

// RemoteRelationship leads from a table or a remote schema's type to another
// source: exactly one of ToSource and ToRemoteSchema is set.
type RemoteRelationship struct {
	Name           string
	ToSource       *ToSource
	ToRemoteSchema *ToRemoteSchema
}

// ToSource is a relationship to a table of some source.
type ToSource struct {
	Array  bool
	Source string
	// Table is kept as written, since how it reads depends on the kind of the
	// source; TableName reads it.
	Table orderedjson.Value
	// FieldMapping pairs left fields with columns of the table.
	FieldMapping Mapping
}

// TableName reads the target's name for a source of some kind.
func (s *ToSource) TableName(kind string) (TableName, error) {
	return ParseTableName(s.Table, "$.definition.to_source.table", kind)
}

// ToRemoteSchema is a relationship to a query field of a remote schema.
type ToRemoteSchema struct {
	RemoteSchema string
	// Fields are the left fields that templates may name.
	Fields []string
	Field  *RemoteField
	// Batch asks for many keys at once through a list argument; nil: by aliases.
	Batch *RemoteBatch
	// Legacy definitions are exported with hasura_fields.
	Legacy bool
}

// RemoteField is one level of a remote_field: a field, the arguments that the
// definition fills, and the field below it.
type RemoteField struct {
	Name string
	// Arguments is an object of templates: strings that start with $ name left
	// fields.
	Arguments orderedjson.Value
	Field     *RemoteField
}

// RemoteBatch is the list lookup of a relationship. It extends v2's format.
type RemoteBatch struct {
	Field *RemoteField
	// Match pairs fields of the result's rows with left fields.
	Match Mapping
	// Kind is BatchList, or tells that there is no list field: BatchEntities asks
	// an Apollo subgraph for entities, BatchAliases asks for each key by itself.
	Kind BatchKind
	// Key is an entity's key, with templates for values; null: the arguments of
	// remote_field.
	Key orderedjson.Value
}

// BatchKind is how a relationship asks for many keys at once.
type BatchKind string

// The ways to ask for many keys.
const (
	BatchList     BatchKind = ""
	BatchEntities BatchKind = "entities"
	BatchAliases  BatchKind = "aliases"
)

// ParseRemoteRelationship reads one entry of remote_relationships; it is also
// the form of the commands' arguments, where the legacy keys stand beside the
// name.
func ParseRemoteRelationship(j orderedjson.Value, path string) (*RemoteRelationship, error) {
	d := &decoder{}
	r := d.remoteRelationship(j, path)
	return r, d.err()
}

// ParseRemoteRelationshipDefinition reads a definition alone, in any form.
func ParseRemoteRelationshipDefinition(j orderedjson.Value, path, name string) (*RemoteRelationship, error) {
	d := &decoder{}
	r := &RemoteRelationship{Name: name}
	d.remoteDefinition(j, path, r)
	return r, d.err()
}

func (d *decoder) remoteRelationship(j orderedjson.Value, path string) *RemoteRelationship {
	o := d.object(j, path, "RemoteRelationship")
	r := &RemoteRelationship{Name: o.nonEmpty("name")}
	definition, strict := o.get("definition")
	_, legacy := o.get("remote_schema")
	switch {
	case d.fault != nil:
	case strict == legacy:
		d.fail(path, "create_remote_relationship expects exactly one of: remote_schema, definition")
	case strict:
		d.remoteDefinition(definition, o.at("definition"), r)
	default:
		r.ToRemoteSchema = d.toRemoteSchema(o, "hasura_fields")
		r.ToRemoteSchema.Legacy = true
	}
	return r
}

func (d *decoder) remoteDefinition(j orderedjson.Value, path string, r *RemoteRelationship) {
	o := d.object(j, path, "RemoteRelationshipDefinition")
	source, isSource := o.get("to_source")
	schema, isSchema := o.get("to_remote_schema")
	_, isLegacy := o.get("remote_schema")
	switch {
	case d.fault != nil:
	case isLegacy && !isSource && !isSchema:
		r.ToRemoteSchema = d.toRemoteSchema(o, "hasura_fields")
		r.ToRemoteSchema.Legacy = true
	case isSource == isSchema:
		d.fail(path, "remote relationship definition (strict format) expects exactly one of: to_source, to_remote_schema")
	case isSource:
		r.ToSource = d.toSource(source, o.at("to_source"))
	default:
		r.ToRemoteSchema = d.toRemoteSchema(d.object(schema, o.at("to_remote_schema"), "ToSchemaRelationshipDef"), "lhs_fields")
	}
	if d.fault == nil {
		o.done()
	}
}

func (d *decoder) toSource(j orderedjson.Value, path string) *ToSource {
	o := d.object(j, path, "ToSourceRelationshipDef")
	s := &ToSource{}
	switch kind := o.text("relationship_type"); kind {
	case "array":
		s.Array = true
	case "object":
	default:
		d.fail(o.at("relationship_type"), "expected \"object\" or \"array\", but got %q", kind)
	}
	s.Source = o.nonEmpty("source")
	s.Table = o.need("table")
	o.need("field_mapping")
	s.FieldMapping = o.mapping("field_mapping")
	o.done()
	return s
}

func (d *decoder) toRemoteSchema(o *object, fieldsKey string) *ToRemoteSchema {
	s := &ToRemoteSchema{RemoteSchema: o.nonEmpty("remote_schema")}
	s.Fields = d.texts(o.need(fieldsKey), o.at(fieldsKey))
	s.Field = d.remoteField(o.need("remote_field"), o.at("remote_field"), 0)
	if v, ok := o.get("batch"); ok {
		s.Batch = d.remoteBatch(v, o.at("batch"))
	}
	if fieldsKey == "lhs_fields" {
		o.done()
	}
	return s
}

// remoteBatch reads "entities", "aliases", {"entities": {"key": …}} or a list
// field with what its rows are matched by.
func (d *decoder) remoteBatch(j orderedjson.Value, path string) *RemoteBatch {
	out := &RemoteBatch{}
	if j.Kind == orderedjson.String {
		switch out.Kind = BatchKind(j.Text); out.Kind {
		case BatchEntities, BatchAliases:
		case BatchList:
			d.fail(path, "expected \"entities\", \"aliases\" or an object")
		default:
			d.fail(path, "expected \"entities\", \"aliases\" or an object, but got %q", j.Text)
		}
		return out
	}
	b := d.object(j, path, "RemoteBatch")
	if v, ok := b.get("entities"); ok {
		out.Kind = BatchEntities
		e := d.object(v, b.at("entities"), "RemoteEntities")
		out.Key = d.object(e.need("key"), e.at("key"), "RemoteArguments").json
		d.template(out.Key, e.at("key"))
		if d.fault == nil && len(out.Key.Keys) == 0 {
			d.fail(e.at("key"), "expected at least one field of the entity's key")
		}
		e.done()
		b.done()
		return out
	}
	out.Field = d.remoteField(b.need("remote_field"), b.at("remote_field"), 0)
	b.need("match")
	out.Match = b.mapping("match")
	if d.fault == nil && len(out.Match) == 0 {
		d.fail(b.at("match"), "expected at least one field of the result to match by")
	}
	b.done()
	return out
}

// JSON is the list lookup as exported.
func (b *RemoteBatch) JSON() orderedjson.Value {
	switch {
	case b.Kind == BatchList:
		return newFields().add("remote_field", b.Field.JSON()).add("match", b.Match.JSON()).json
	case !b.Key.IsNull():
		return newFields().add("entities", newFields().add("key", b.Key).json).json
	}
	return orderedjson.Value{Kind: orderedjson.String, Text: string(b.Kind)}
}

const maxRemoteFieldDepth = 32

func (d *decoder) remoteField(j orderedjson.Value, path string, depth int) *RemoteField {
	o := d.object(j, path, "RemoteFields")
	switch n := len(o.json.Keys); {
	case d.fault != nil:
		return &RemoteField{}
	case n == 0:
		d.fail(path, "Expecting one single mapping, received none.")
		return &RemoteField{}
	case n > 1:
		d.fail(path, "Expecting one single mapping, received too many.")
		return &RemoteField{}
	case depth > maxRemoteFieldDepth:
		d.fail(path, "remote_field is nested deeper than %d levels", maxRemoteFieldDepth)
		return &RemoteField{}
	}
	name := o.json.Keys[0]
	f := &RemoteField{Name: name}
	d.checkName(name, path)
	call := d.object(o.json.Items[0], o.at(name), "FieldCall")
	arguments := d.object(call.need("arguments"), call.at("arguments"), "RemoteArguments")
	f.Arguments = arguments.json
	for i, key := range arguments.json.Keys {
		d.checkName(key, call.at("arguments"))
		d.template(arguments.json.Items[i], arguments.at(key))
	}
	if v, ok := call.get("field"); ok {
		f.Field = d.remoteField(v, call.at("field"), depth+1)
	}
	call.done()
	return f
}

// template checks the variables inside an argument's template.
func (d *decoder) template(j orderedjson.Value, path string) {
	switch j.Kind {
	case orderedjson.String:
		name, variable := strings.CutPrefix(j.Text, "$")
		switch {
		case !variable:
		case name == "":
			d.fail(path, "Empty variable name")
		case !IsGraphQLName(name):
			d.fail(path, "Invalid variable name '%s'", name)
		}
	case orderedjson.Array:
		for i, item := range j.Items {
			d.template(item, ItemPath(path, i))
		}
	case orderedjson.Object:
		for i, key := range j.Keys {
			d.checkName(key, ChildPath(path, key))
			d.template(j.Items[i], ChildPath(path, key))
		}
	case orderedjson.Null, orderedjson.Bool, orderedjson.Number:
	}
}

// JSON is the relationship as exported.
func (r *RemoteRelationship) JSON() orderedjson.Value {
	return newFields().text("name", r.Name).add("definition", r.DefinitionJSON()).json
}

// DefinitionJSON is the definition alone.
func (r *RemoteRelationship) DefinitionJSON() orderedjson.Value {
	switch {
	case r.ToSource != nil:
		return newFields().add("to_source", r.ToSource.JSON()).json
	case r.ToRemoteSchema != nil && r.ToRemoteSchema.Legacy:
		return r.ToRemoteSchema.JSON()
	case r.ToRemoteSchema != nil:
		return newFields().add("to_remote_schema", r.ToRemoteSchema.JSON()).json
	}
	return newFields().json
}

// JSON is the definition as exported.
func (s *ToSource) JSON() orderedjson.Value {
	kind := "object"
	if s.Array {
		kind = "array"
	}
	return newFields().text("relationship_type", kind).text("source", s.Source).
		add("table", s.Table).add("field_mapping", s.FieldMapping.JSON()).json
}

// JSON is the definition as exported.
func (s *ToRemoteSchema) JSON() orderedjson.Value {
	fieldsKey := "lhs_fields"
	if s.Legacy {
		fieldsKey = "hasura_fields"
	}
	f := newFields().text("remote_schema", s.RemoteSchema).add(fieldsKey, textsJSON(s.Fields)).add("remote_field", s.Field.JSON())
	if s.Batch != nil {
		f.add("batch", s.Batch.JSON())
	}
	return f.json
}

// JSON is the field as exported.
func (f *RemoteField) JSON() orderedjson.Value {
	call := newFields().add("arguments", f.Arguments)
	if f.Field != nil {
		call.add("field", f.Field.JSON())
	}
	return newFields().add(f.Name, call.json).json
}
