package command

import (
	"slices"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/metadata/document"
)

// remove takes the object at a path out of a document; it tells whether there
// was one.
func remove(m *document.Metadata, p catalog.ObjectPath) bool {
	switch p.Kind {
	case "source":
		return removeAll(&m.Sources, func(s *document.Source) bool { return s.Name == p.Source || s.Name == p.Name })
	case "remote_schema":
		return removeAll(&m.RemoteSchemas, func(r *document.RemoteSchema) bool { return r.Name == p.RemoteSchema || r.Name == p.Name })
	case "inherited_role":
		return removeAll(&m.InheritedRoles, func(r *document.InheritedRole) bool { return r.Name == p.Name || r.Name == p.Role })
	case "rest_endpoint":
		return removeAll(&m.RestEndpoints, func(r *document.RestEndpoint) bool { return r.Name == p.Name })
	case catalog.ObjectQueryCollections:
		c, ok := collection(m, p.Collection)
		return ok && removeAll(&c.Queries, func(q document.ListedQuery) bool { return q.Name == p.Name })
	case "action":
		return removeAll(&m.Actions, func(a *document.Entry) bool { return a.Name == p.Name })
	case "cron_trigger":
		return removeAll(&m.CronTriggers, func(a *document.Entry) bool { return a.Name == p.Name })
	}
	if p.RemoteSchema != "" {
		r, ok := m.RemoteSchema(p.RemoteSchema)
		return ok && removeFromRemote(r, p)
	}
	s, ok := m.Source(p.Source)
	if !ok {
		return false
	}
	if p.Table != nil {
		return removeFromTable(s, document.TableName(*p.Table), p)
	}
	return removeFromSource(s, p)
}

// removeAll takes the matching items out of a list, and tells whether there were
// any.
func removeAll[T any](list *[]T, match func(T) bool) bool {
	before := len(*list)
	*list = slices.DeleteFunc(slices.Clone(*list), match)
	return len(*list) < before
}

func removeFromRemote(r *document.RemoteSchema, p catalog.ObjectPath) bool {
	switch p.Kind {
	case "remote_schema_permission":
		return removeAll(&r.Permissions, func(x *document.RemoteSchemaPermission) bool { return x.Role == p.Role || x.Role == p.Name })
	case "remote_schema_remote_relationship":
		t, ok := r.Type(p.Type)
		if !ok || !removeAll(&t.Relationships, func(x *document.RemoteRelationship) bool { return x.Name == p.Name }) {
			return false
		}
		if len(t.Relationships) == 0 {
			removeAll(&r.Relationships, func(x *document.TypeRelationships) bool { return x == t })
		}
		return true
	}
	return false
}

func removeFromSource(s *document.Source, p catalog.ObjectPath) bool {
	named := func(n document.TableName) bool { return n.String() == p.Name || n.Name == p.Name }
	switch p.Kind {
	case "function":
		return removeAll(&s.Functions, func(f *document.Function) bool { return named(f.Name) })
	case "function_permission":
		for _, f := range s.Functions {
			if named(f.Name) {
				return removeAll(&f.Permissions, func(x *document.FunctionPermission) bool { return x.Role == p.Role })
			}
		}
	case "native_query":
		return removeAll(&s.NativeQueries, func(q *document.NativeQuery) bool { return q.Name == p.Name })
	case "logical_model":
		return removeAll(&s.LogicalModels, func(l *document.LogicalModel) bool { return l.Name == p.Name })
	case "stored_procedure":
		return removeAll(&s.StoredProcedures, func(x *document.StoredProcedure) bool { return named(x.Procedure) })
	case "select_permission":
		if l, ok := s.LogicalModel(p.Name); ok {
			return removeAll(&l.SelectPermissions, func(x *document.SelectPermission) bool { return x.Role == p.Role })
		}
	}
	return false
}

func removeFromTable(s *document.Source, name document.TableName, p catalog.ObjectPath) bool {
	if p.Kind == "table" {
		return removeAll(&s.Tables, func(t *document.Table) bool { return t.Name == name })
	}
	t, ok := s.Table(name)
	if !ok {
		return false
	}
	relationship := func(r *document.Relationship) bool { return r.Name == p.Name }
	role := func(r string) bool { return r == p.Role || p.Role == "" && r == p.Name }
	write := func(x *document.WritePermission) bool { return role(x.Role) }
	switch p.Kind {
	case "object_relation":
		return removeAll(&t.ObjectRelationships, relationship)
	case "array_relation":
		return removeAll(&t.ArrayRelationships, relationship)
	case "remote_relationship":
		return removeAll(&t.RemoteRelationships, func(r *document.RemoteRelationship) bool { return r.Name == p.Name })
	case "computed_field":
		return removeAll(&t.ComputedFields, func(f *document.ComputedField) bool { return f.Name == p.Name })
	case "select_permission":
		return removeAll(&t.SelectPermissions, func(x *document.SelectPermission) bool { return role(x.Role) })
	case "insert_permission":
		return removeAll(&t.InsertPermissions, write)
	case "update_permission":
		return removeAll(&t.UpdatePermissions, write)
	case "delete_permission":
		return removeAll(&t.DeletePermissions, write)
	case "event_trigger":
		return removeAll(&t.EventTriggers, func(e *document.Entry) bool { return e.Name == p.Name })
	}
	return false
}
