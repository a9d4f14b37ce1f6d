package document

import "slices"

// Source finds a source by name.
func (m *Metadata) Source(name string) (*Source, bool) {
	return find(m.Sources, func(s *Source) bool { return s.Name == name })
}

// RemoteSchema finds a remote schema by name.
func (m *Metadata) RemoteSchema(name string) (*RemoteSchema, bool) {
	return find(m.RemoteSchemas, func(r *RemoteSchema) bool { return r.Name == name })
}

// Table finds a tracked table.
func (s *Source) Table(name TableName) (*Table, bool) {
	return find(s.Tables, func(t *Table) bool { return t.Name == name })
}

// Function finds a tracked function.
func (s *Source) Function(name TableName) (*Function, bool) {
	return find(s.Functions, func(f *Function) bool { return f.Name == name })
}

// StoredProcedure finds a stored procedure.
func (s *Source) StoredProcedure(name TableName) (*StoredProcedure, bool) {
	return find(s.StoredProcedures, func(p *StoredProcedure) bool { return p.Procedure == name })
}

// NativeQuery finds a native query.
func (s *Source) NativeQuery(name string) (*NativeQuery, bool) {
	return find(s.NativeQueries, func(q *NativeQuery) bool { return q.Name == name })
}

// LogicalModel finds a logical model.
func (s *Source) LogicalModel(name string) (*LogicalModel, bool) {
	return find(s.LogicalModels, func(m *LogicalModel) bool { return m.Name == name })
}

// Relationship finds an object or array relationship of the table.
func (t *Table) Relationship(name string) (*Relationship, bool) {
	named := func(r *Relationship) bool { return r.Name == name }
	if r, ok := find(t.ObjectRelationships, named); ok {
		return r, true
	}
	return find(t.ArrayRelationships, named)
}

// RemoteRelationship finds a remote relationship of the table.
func (t *Table) RemoteRelationship(name string) (*RemoteRelationship, bool) {
	return find(t.RemoteRelationships, func(r *RemoteRelationship) bool { return r.Name == name })
}

// ComputedField finds a computed field of the table.
func (t *Table) ComputedField(name string) (*ComputedField, bool) {
	return find(t.ComputedFields, func(c *ComputedField) bool { return c.Name == name })
}

// SelectPermission finds the permission of a role.
func (t *Table) SelectPermission(role string) (*SelectPermission, bool) {
	return find(t.SelectPermissions, func(p *SelectPermission) bool { return p.Role == role })
}

// WritePermissions gives the table's list of permissions of one kind, to read
// or to replace; nil for select.
func (t *Table) WritePermissions(kind PermissionKind) *[]*WritePermission {
	switch kind {
	case PermissionInsert:
		return &t.InsertPermissions
	case PermissionUpdate:
		return &t.UpdatePermissions
	case PermissionDelete:
		return &t.DeletePermissions
	case PermissionSelect:
	}
	return nil
}

// WritePermission finds the permission of a role.
func (t *Table) WritePermission(kind PermissionKind, role string) (*WritePermission, bool) {
	list := t.WritePermissions(kind)
	if list == nil {
		return nil, false
	}
	return find(*list, func(p *WritePermission) bool { return p.Role == role })
}

// Type finds the relationships of an upstream type.
func (r *RemoteSchema) Type(name string) (*TypeRelationships, bool) {
	return find(r.Relationships, func(t *TypeRelationships) bool { return t.TypeName == name })
}

// Relationship finds a remote relationship of the type.
func (t *TypeRelationships) Relationship(name string) (*RemoteRelationship, bool) {
	return find(t.Relationships, func(r *RemoteRelationship) bool { return r.Name == name })
}

func find[T any](items []*T, match func(*T) bool) (*T, bool) {
	i := slices.IndexFunc(items, match)
	if i < 0 {
		return nil, false
	}
	return items[i], true
}

// Clone copies the document deep enough to change it: every list, source,
// table, function and remote schema is the copy's own; what else hangs in the
// lists is shared and must be replaced, not changed.
func (m *Metadata) Clone() *Metadata {
	c := *m
	c.Sources = cloneAll(m.Sources, (*Source).Clone)
	c.RemoteSchemas = cloneAll(m.RemoteSchemas, (*RemoteSchema).Clone)
	c.QueryCollections = cloneAll(m.QueryCollections, func(q *QueryCollection) *QueryCollection {
		return &QueryCollection{Name: q.Name, Comment: q.Comment, Queries: slices.Clone(q.Queries)}
	})
	c.Allowlist = cloneAll(m.Allowlist, copyOf)
	c.Actions = slices.Clone(m.Actions)
	c.CronTriggers = slices.Clone(m.CronTriggers)
	c.RestEndpoints = cloneAll(m.RestEndpoints, copyOf)
	c.InheritedRoles = cloneAll(m.InheritedRoles, copyOf)
	return &c
}

func copyOf[T any](v *T) *T {
	c := *v
	return &c
}

func cloneAll[T any](items []*T, clone func(*T) *T) []*T {
	if items == nil {
		return nil
	}
	out := make([]*T, len(items))
	for i, item := range items {
		out[i] = clone(item)
	}
	return out
}

// Clone copies the source as Metadata.Clone does.
func (s *Source) Clone() *Source {
	c := *s
	c.Tables = cloneAll(s.Tables, (*Table).Clone)
	c.Functions = cloneAll(s.Functions, func(f *Function) *Function {
		c := *f
		c.Permissions = slices.Clone(f.Permissions)
		return &c
	})
	c.NativeQueries = cloneAll(s.NativeQueries, copyOf)
	c.StoredProcedures = slices.Clone(s.StoredProcedures)
	c.LogicalModels = cloneAll(s.LogicalModels, func(m *LogicalModel) *LogicalModel {
		c := *m
		c.SelectPermissions = slices.Clone(m.SelectPermissions)
		return &c
	})
	return &c
}

// Clone copies the table as Metadata.Clone does.
func (t *Table) Clone() *Table {
	c := *t
	c.ObjectRelationships = cloneAll(t.ObjectRelationships, copyOf)
	c.ArrayRelationships = cloneAll(t.ArrayRelationships, copyOf)
	c.ComputedFields = slices.Clone(t.ComputedFields)
	c.RemoteRelationships = slices.Clone(t.RemoteRelationships)
	c.InsertPermissions = slices.Clone(t.InsertPermissions)
	c.SelectPermissions = slices.Clone(t.SelectPermissions)
	c.UpdatePermissions = slices.Clone(t.UpdatePermissions)
	c.DeletePermissions = slices.Clone(t.DeletePermissions)
	c.EventTriggers = slices.Clone(t.EventTriggers)
	return &c
}

// Clone copies the remote schema as Metadata.Clone does.
func (r *RemoteSchema) Clone() *RemoteSchema {
	c := *r
	c.Permissions = slices.Clone(r.Permissions)
	c.Relationships = cloneAll(r.Relationships, func(t *TypeRelationships) *TypeRelationships {
		return &TypeRelationships{TypeName: t.TypeName, Relationships: slices.Clone(t.Relationships)}
	})
	return &c
}
