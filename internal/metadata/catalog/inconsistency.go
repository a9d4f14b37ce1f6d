package catalog

import (
	"errors"
	"fmt"

	"dovetail/internal/metadata/document"
	"dovetail/internal/orderedjson"
	"dovetail/sources"
)

// The words for kinds of metadata objects, as v2 has them.
const (
	ObjectSource                   = "source"
	ObjectTable                    = "table"
	ObjectObjectRelation           = "object_relation"
	ObjectArrayRelation            = "array_relation"
	ObjectRemoteRelationship       = "remote_relationship"
	ObjectSelectPermission         = "select_permission"
	ObjectComputedField            = "computed_field"
	ObjectFunction                 = "function"
	ObjectFunctionPermission       = "function_permission"
	ObjectNativeQuery              = "native_query"
	ObjectStoredProcedure          = "stored_procedure"
	ObjectLogicalModel             = "logical_model"
	ObjectRemoteSchema             = "remote_schema"
	ObjectRemoteSchemaPermission   = "remote_schema_permission"
	ObjectRemoteSchemaRelationship = "remote_schema_remote_relationship"
	ObjectInheritedRole            = "inherited_role"
	ObjectRestEndpoint             = "rest_endpoint"
	ObjectQueryCollections         = "query_collections"
	// ObjectInheritedPermission marks what inherited roles could not inherit; it
	// doesn't make metadata inconsistent.
	ObjectInheritedPermission = "inherited role permission inconsistency"
)

// Informational tells notes from faults: they don't make metadata inconsistent.
func (i *Inconsistency) Informational() bool { return i.Type == ObjectInheritedPermission }

// object identifies a metadata object in inconsistencies.
type object struct {
	kind string
	// name as in "select_permission user in table t in source s".
	name       string
	definition func() any
	// context is put before messages: in table "t": in permission for role "r":
	context string
	path    ObjectPath
}

func (b *builder) inconsistent(o object, err error) {
	context := o.context
	if _, dangling := errors.AsType[*danglingError](err); dangling {
		context = ""
	}
	b.report(o, "Inconsistent object: "+context+message(err), err)
}

// conflicting reports an object of which there is another by the same name.
func (b *builder) conflicting(o object, format string, args ...any) {
	b.report(o, "Conflicting objects: "+fmt.Sprintf(format, args...), nil)
}

func (b *builder) report(o object, reason string, cause error) {
	i := Inconsistency{Type: o.kind, Name: o.name, Definition: o.definition(), Reason: reason, Path: o.path}
	if s, ok := errors.AsType[*sources.Error](cause); ok && s.Cause != nil {
		i.Message = s.Cause.Error()
	}
	b.catalog.Inconsistencies = append(b.catalog.Inconsistencies, i)
}

// message is the part of an error that is meant for the user.
func message(err error) string {
	if s, ok := errors.AsType[*sources.Error](err); ok {
		return s.Message
	}
	if d, ok := errors.AsType[*document.Error](err); ok {
		return d.Message
	}
	return err.Error()
}

func sourceObject(s *document.Source) object {
	return object{
		kind: ObjectSource, name: "source " + s.Name,
		definition: func() any { return s.Name },
		path:       ObjectPath{Source: s.Name, Kind: ObjectSource},
	}
}

func tableObject(source string, t *document.Table) object {
	name := TableName(t.Name)
	return object{
		kind: ObjectTable, name: "table " + name.String() + " in source " + source,
		definition: func() any { return t.Name.JSON() },
		path:       ObjectPath{Source: source, Table: &name, Kind: ObjectTable},
	}
}

// inTable is an object that belongs to a table.
func inTable(source string, t *document.Table, kind, name, context string, definition func() orderedjson.Value) object {
	o := tableObject(source, t)
	o.name = kind + " " + name + " in " + o.name
	o.kind, o.path.Kind, o.path.Name = kind, kind, name
	o.context = fmt.Sprintf("in table %q: in %s: ", TableName(t.Name), context)
	o.definition = func() any {
		d := orderedjson.Value{Kind: orderedjson.Object, Keys: []string{"source", "table"}, Items: []orderedjson.Value{jsonText(source), t.Name.JSON()}}
		own := definition()
		d.Keys = append(d.Keys, own.Keys...)
		d.Items = append(d.Items, own.Items...)
		return d
	}
	return o
}

func jsonText(s string) orderedjson.Value {
	return orderedjson.Value{Kind: orderedjson.String, Text: s}
}

func relationshipObject(source string, t *document.Table, r *document.Relationship) object {
	kind := ObjectObjectRelation
	if r.Array {
		kind = ObjectArrayRelation
	}
	return inTable(source, t, kind, r.Name, fmt.Sprintf("relationship %q", r.Name), r.JSON)
}

func remoteRelationshipObject(source string, t *document.Table, r *document.RemoteRelationship) object {
	return inTable(source, t, ObjectRemoteRelationship, r.Name, fmt.Sprintf("remote relationship %q", r.Name), r.JSON)
}

func computedFieldObject(source string, t *document.Table, c *document.ComputedField) object {
	return inTable(source, t, ObjectComputedField, c.Name, fmt.Sprintf("computed field %q", c.Name), c.JSON)
}

func selectPermissionObject(source string, t *document.Table, p *document.SelectPermission) object {
	o := inTable(source, t, ObjectSelectPermission, p.Role, fmt.Sprintf("permission for role %q", p.Role), p.JSON)
	o.path.Role = p.Role
	return o
}

func writePermissionObject(source string, t *document.Table, p *document.WritePermission) object {
	o := inTable(source, t, string(p.Kind)+"_permission", p.Role, fmt.Sprintf("permission for role %q", p.Role), p.JSON)
	o.path.Role = p.Role
	return o
}

func functionObject(source string, f *document.Function) object {
	name := TableName(f.Name)
	return object{
		kind: ObjectFunction, name: "function " + name.String() + " in source " + source,
		definition: func() any { return f.Name.JSON() },
		context:    fmt.Sprintf("in function %q: ", name),
		path:       ObjectPath{Source: source, Table: &name, Kind: ObjectFunction, Name: name.String()},
	}
}

func nativeQueryObject(source string, q *document.NativeQuery) object {
	return object{
		kind: ObjectNativeQuery, name: "native_query " + q.Name + " in source " + source,
		definition: func() any { return q.JSON() },
		path:       ObjectPath{Source: source, Kind: ObjectNativeQuery, Name: q.Name},
	}
}

func storedProcedureObject(source string, p *document.StoredProcedure) object {
	name := TableName(p.Procedure).String()
	return object{
		kind: ObjectStoredProcedure, name: "stored_procedure " + name + " in source " + source,
		definition: func() any { return p.JSON() },
		path:       ObjectPath{Source: source, Kind: ObjectStoredProcedure, Name: name},
	}
}

// nativeObject is the object that the metadata describes a query by.
func (s *sourceBuild) nativeObject(q *NativeQuery) object {
	if q.Procedure != nil {
		doc, _ := s.document.StoredProcedure(document.TableName(*q.Procedure))
		return storedProcedureObject(s.Name, doc)
	}
	doc, _ := s.document.NativeQuery(q.Name)
	return nativeQueryObject(s.Name, doc)
}

// describe names a native query or stored procedure in messages.
func (q *NativeQuery) describe() string {
	if q.Procedure != nil {
		return "stored procedure " + q.Procedure.String() + " in source " + q.Source.Name
	}
	return "native query " + q.Name + " in source " + q.Source.Name
}

func logicalModelObject(source string, m *document.LogicalModel) object {
	return object{
		kind: ObjectLogicalModel, name: "logical_model " + m.Name + " in source " + source,
		definition: func() any { return m.JSON() },
		path:       ObjectPath{Source: source, Kind: ObjectLogicalModel, Name: m.Name},
	}
}

func logicalPermissionObject(source string, m *document.LogicalModel, p *document.SelectPermission) object {
	return object{
		kind: ObjectSelectPermission, name: "select_permission " + p.Role + " in logical model " + m.Name + " in source " + source,
		definition: func() any { return p.JSON() },
		context:    fmt.Sprintf("in logical model %q: in permission for role %q: ", m.Name, p.Role),
		path:       ObjectPath{Source: source, Kind: ObjectLogicalModel, Name: m.Name, Role: p.Role},
	}
}

func remoteSchemaObject(r *document.RemoteSchema) object {
	return object{
		kind: ObjectRemoteSchema, name: "remote_schema " + r.Name,
		definition: func() any { return r.Definition.JSON() },
		path:       ObjectPath{RemoteSchema: r.Name, Kind: ObjectRemoteSchema},
	}
}

func remotePermissionObject(r *document.RemoteSchema, p *document.RemoteSchemaPermission) object {
	return object{
		kind: ObjectRemoteSchemaPermission, name: p.Role + " permission in remote schema " + r.Name,
		definition: func() any { return p.Definition() },
		context:    fmt.Sprintf("in remote schema permission for role %q: ", p.Role),
		path:       ObjectPath{RemoteSchema: r.Name, Kind: ObjectRemoteSchemaPermission, Role: p.Role},
	}
}

func typeRelationshipObject(r *document.RemoteSchema, typeName string, rel *document.RemoteRelationship) object {
	return object{
		kind:       ObjectRemoteSchemaRelationship,
		name:       "remote_relationship " + rel.Name + " in type " + typeName + " in remote schema " + r.Name,
		definition: func() any { return rel.JSON() },
		context:    fmt.Sprintf("in remote relationship %q: ", rel.Name),
		path:       ObjectPath{RemoteSchema: r.Name, Type: typeName, Kind: ObjectRemoteSchemaRelationship, Name: rel.Name},
	}
}

func inheritedRoleObject(r *document.InheritedRole) object {
	return object{
		kind: ObjectInheritedRole, name: "inherited role " + r.Name,
		definition: func() any { return r.JSON() },
		path:       ObjectPath{Kind: ObjectInheritedRole, Role: r.Name, Name: r.Name},
	}
}
