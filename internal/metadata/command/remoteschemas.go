package command

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"dovetail/internal/metadata/document"
	"dovetail/internal/metadata/live"
)

func remoteSchemaCommands() map[string]command {
	return map[string]command{
		"add_remote_schema":                        {edit: addRemoteSchema},
		"update_remote_schema":                     {edit: updateRemoteSchema},
		"remove_remote_schema":                     {run: removeRemoteSchema},
		"reload_remote_schema":                     {run: reloadRemoteSchema},
		"introspect_remote_schema":                 {run: introspectRemoteSchema},
		"add_remote_schema_permissions":            {edit: addRemotePermission},
		"drop_remote_schema_permissions":           {edit: dropRemotePermission},
		"create_remote_schema_remote_relationship": {edit: createSchemaRelationship},
		"update_remote_schema_remote_relationship": {edit: updateSchemaRelationship},
		"delete_remote_schema_remote_relationship": {run: deleteSchemaRelationship},
	}
}

func (c *call) parseRemoteSchema() (*document.RemoteSchema, error) {
	r, err := document.ParseRemoteSchema(c.args, argsPath)
	if err != nil {
		return nil, parseError(err, argsPath)
	}
	return r, nil
}

// remoteIn finds the remote schema that arguments name under a key.
func (c *call) remoteIn(m *document.Metadata, key string) (*document.RemoteSchema, error) {
	return c.remoteSaying(m, key, "remote schema with name %q does not exist")
}

// remoteSaying is remoteIn for commands that have words of their own for one
// that isn't there.
func (c *call) remoteSaying(m *document.Metadata, key, message string) (*document.RemoteSchema, error) {
	o := c.object()
	name := o.nonEmpty(key)
	if err := o.err(); err != nil {
		return nil, err
	}
	r, ok := m.RemoteSchema(name)
	if !ok {
		if strings.Contains(message, "%q") {
			message = fmt.Sprintf(message, name)
		}
		return nil, fail(CodeNotExists, "%s", message)
	}
	return r, nil
}

func addRemoteSchema(c *call, m *document.Metadata) (subject, error) {
	r, err := c.parseRemoteSchema()
	if err != nil {
		return subject{}, err
	}
	if _, ok := m.RemoteSchema(r.Name); ok {
		return subject{}, fail(CodeAlreadyExists, "remote schema with name %q already exists", r.Name)
	}
	m.RemoteSchemas = append(m.RemoteSchemas, r)
	return subject{kind: "remote_schema", remote: r.Name}, nil
}

func updateRemoteSchema(c *call, m *document.Metadata) (subject, error) {
	changed, err := c.parseRemoteSchema()
	if err != nil {
		return subject{}, err
	}
	r, ok := m.RemoteSchema(changed.Name)
	if !ok {
		return subject{}, fail(CodeNotExists, "remote schema with name %q does not exist", changed.Name)
	}
	r.Definition, r.Comment = changed.Definition, changed.Comment
	return subject{kind: "remote_schema", remote: r.Name}, nil
}

func removeRemoteSchema(ctx context.Context, c *call) ([]byte, error) {
	return c.drop(ctx, false, func(c *call, m *document.Metadata) (subject, error) {
		r, err := c.remoteSaying(m, "name", "no such remote schema")
		if err != nil {
			return subject{}, err
		}
		removeAll(&m.RemoteSchemas, func(x *document.RemoteSchema) bool { return x == r })
		return subject{}, nil
	})
}

func reloadRemoteSchema(ctx context.Context, c *call) ([]byte, error) {
	r, err := c.remoteIn(c.metadata(), "name")
	if err != nil {
		return nil, err
	}
	name := r.Name
	if err := c.writable(); err != nil {
		return nil, err
	}
	err = c.tx.Apply(ctx, c.metadata(), live.Reload{Remotes: map[string]bool{name: true}}, func(before, after *live.State) error {
		if f, ok := after.Faults()[live.RemotePrefix+name]; ok {
			return fail(CodeUnexpected, "cannot continue due to newly found inconsistent metadata").serious().
				with([]map[string]any{{"type": "remote_schema", "name": "remote_schema " + name, "reason": f.Err.Error()}})
		}
		return judgeFor(subject{})(before, after)
	})
	if err != nil {
		return nil, err
	}
	return success(), nil
}

func introspectRemoteSchema(_ context.Context, c *call) ([]byte, error) {
	r, err := c.remoteSaying(c.metadata(), "name", "remote schema: %q not found")
	if err != nil {
		return nil, err
	}
	introspection, ok := c.tx.State().Introspection(r.Name)
	if !ok {
		return nil, fail(CodeNotExists, "remote schema with name %q has not been introspected", r.Name)
	}
	return introspection, nil
}

func addRemotePermission(c *call, m *document.Metadata) (subject, error) {
	if !c.tx.State().Catalog.Settings.RemoteSchemaPermissions {
		return subject{}, fail(CodeConstraintViolation,
			"remote schema permissions can only be added when remote schema permissions are enabled in the graphql-engine")
	}
	r, err := c.remoteSaying(m, "remote_schema", "remote schema %q doesn't exist")
	if err != nil {
		return subject{}, err
	}
	p, err := document.ParseRemoteSchemaPermission(without(c.args, "remote_schema"), argsPath)
	if err != nil {
		return subject{}, parseError(err, argsPath)
	}
	for _, x := range r.Permissions {
		if x.Role == p.Role {
			return subject{}, fail(CodeAlreadyExists, "permissions for role: %q for remote schema:%q already exists", p.Role, r.Name)
		}
	}
	r.Permissions = append(r.Permissions, p)
	return subject{kind: "remote_schema_permission", remote: r.Name, name: p.Role}, nil
}

func dropRemotePermission(c *call, m *document.Metadata) (subject, error) {
	r, err := c.remoteSaying(m, "remote_schema", "remote schema %q doesn't exist")
	if err != nil {
		return subject{}, err
	}
	o := c.object()
	role := o.nonEmpty("role")
	if err := o.err(); err != nil {
		return subject{}, err
	}
	if !removeAll(&r.Permissions, func(p *document.RemoteSchemaPermission) bool { return p.Role == role }) {
		return subject{}, fail(CodeNotExists, "permissions for role: %q for remote schema:%q doesn't exist", role, r.Name)
	}
	return subject{}, nil
}

// schemaRelationship reads the arguments of a relationship of a remote schema's
// type.
func (c *call) schemaRelationship(m *document.Metadata) (*document.RemoteSchema, string, *document.RemoteRelationship, error) {
	r, err := c.remoteIn(m, "remote_schema")
	if err != nil {
		return nil, "", nil, err
	}
	o := c.object()
	typeName, name, definition := o.nonEmpty("type_name"), o.nonEmpty("name"), o.required("definition")
	if err := o.err(); err != nil {
		return nil, "", nil, err
	}
	relationship, err := document.ParseRemoteRelationshipDefinition(definition, argsPath+".definition", name)
	if err != nil {
		return nil, "", nil, parseError(err, argsPath)
	}
	return r, typeName, relationship, nil
}

func schemaSubject(r *document.RemoteSchema, typeName, name string) subject {
	return subject{kind: "remote_schema_remote_relationship", remote: r.Name, remoteType: typeName, name: name}
}

func createSchemaRelationship(c *call, m *document.Metadata) (subject, error) {
	r, typeName, relationship, err := c.schemaRelationship(m)
	if err != nil {
		return subject{}, err
	}
	t, ok := r.Type(typeName)
	if !ok {
		t = &document.TypeRelationships{TypeName: typeName}
		r.Relationships = append(r.Relationships, t)
	}
	if _, ok := t.Relationship(relationship.Name); ok {
		return subject{}, fail(CodeAlreadyExists, "relationship with name %q already exists on the type %q of remote schema %q",
			relationship.Name, typeName, r.Name)
	}
	t.Relationships = append(t.Relationships, relationship)
	return schemaSubject(r, typeName, relationship.Name), nil
}

func noSchemaRelationship(r *document.RemoteSchema, typeName, name string) error {
	return fail(CodeNotExists, "no relationship defined on remote schema %q type %q with name %q", r.Name, typeName, name)
}

func updateSchemaRelationship(c *call, m *document.Metadata) (subject, error) {
	r, typeName, relationship, err := c.schemaRelationship(m)
	if err != nil {
		return subject{}, err
	}
	t, ok := r.Type(typeName)
	if !ok {
		return subject{}, noSchemaRelationship(r, typeName, relationship.Name)
	}
	i := slices.IndexFunc(t.Relationships, func(x *document.RemoteRelationship) bool { return x.Name == relationship.Name })
	if i < 0 {
		return subject{}, noSchemaRelationship(r, typeName, relationship.Name)
	}
	t.Relationships[i] = relationship
	return schemaSubject(r, typeName, relationship.Name), nil
}

func deleteSchemaRelationship(ctx context.Context, c *call) ([]byte, error) {
	return c.drop(ctx, false, func(c *call, m *document.Metadata) (subject, error) {
		r, err := c.remoteIn(m, "remote_schema")
		if err != nil {
			return subject{}, err
		}
		o := c.object()
		typeName, name := o.nonEmpty("type_name"), o.nonEmpty("name")
		if err := o.err(); err != nil {
			return subject{}, err
		}
		t, ok := r.Type(typeName)
		if !ok || !removeAll(&t.Relationships, func(x *document.RemoteRelationship) bool { return x.Name == name }) {
			return subject{}, noSchemaRelationship(r, typeName, name)
		}
		if len(t.Relationships) == 0 {
			removeAll(&r.Relationships, func(x *document.TypeRelationships) bool { return x == t })
		}
		return subject{}, nil
	})
}
