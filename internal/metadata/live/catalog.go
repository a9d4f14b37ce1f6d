package live

import (
	"dovetail/internal/metadata/catalog"
	"dovetail/internal/metadata/document"
)

// catalog builds the catalog of a state, out of an earlier one where nothing has
// changed.
func (e *Metadata) catalog(s *State, earlier *catalog.Catalog) *catalog.Catalog {
	in := catalog.Input{
		Earlier: earlier, Metadata: s.Metadata, Version: e.versions.Add(1), ResourceVersion: s.ResourceVersion, Settings: e.settingsFor(s.Metadata),
		Databases:     make(map[string]catalog.Introspected, len(s.Metadata.Sources)),
		RemoteSchemas: make(map[string]catalog.IntrospectedRemote, len(s.Metadata.RemoteSchemas)),
		EnumValues:    make(map[string]map[catalog.TableName][]catalog.EnumValue),
	}
	for _, source := range s.Metadata.Sources {
		in.Databases[source.Name] = e.introspected(source, s.parts[source.Name])
		in.EnumValues[source.Name] = s.parts[source.Name].enums
	}
	for _, r := range s.Metadata.RemoteSchemas {
		in.RemoteSchemas[r.Name] = e.introspectedRemote(r, s.parts[RemotePrefix+r.Name])
	}
	out := e.withoutClashes(in)
	if e.factories.CheckQueries != nil {
		out.Inconsistencies = append(out.Inconsistencies, e.factories.CheckQueries(out, s.Metadata)...)
	}
	return out
}

// withoutClashes builds a catalog in which no remote schema has a type that
// differs from one of a source: those that have are inconsistent. Without them
// other types may differ, so it is built until none do.
func (e *Metadata) withoutClashes(in catalog.Input) *catalog.Catalog {
	for {
		out := catalog.Build(in)
		if e.factories.TypeClashes == nil {
			return out
		}
		clashes := e.factories.TypeClashes(out)
		for _, c := range clashes {
			r := in.RemoteSchemas[c.Remote]
			if c.Role == "" {
				r.Err = c.Cause
			} else {
				if r.RoleClashes == nil {
					r.RoleClashes = map[string]error{}
				}
				r.RoleClashes[c.Role] = c.Cause
			}
			in.RemoteSchemas[c.Remote] = r
		}
		if len(clashes) == 0 {
			return out
		}
	}
}

// settingsFor are the settings with what the metadata itself sets.
func (e *Metadata) settingsFor(m *document.Metadata) catalog.Settings {
	out := e.settings
	if roles, ok := m.Introspection.Get("disabled_for_roles"); ok {
		out.IntrospectionDisabledForRole = make(map[string]bool, len(roles.Items))
		for _, r := range roles.Items {
			out.IntrospectionDisabledForRole[r.Text] = true
		}
	}
	return out
}

func (e *Metadata) introspected(s *document.Source, p *part) catalog.Introspected {
	out := catalog.Introspected{Database: p.database, Version: p.version, Err: p.fault}
	if p.connection != nil {
		out.Compiler, out.Capabilities = p.connection.source, p.connection.source.Capabilities()
	}
	if e.factories.ParseType != nil {
		out.ParseType = e.factories.ParseType(s.Kind)
	}
	return out
}

func (e *Metadata) introspectedRemote(r *document.RemoteSchema, p *part) catalog.IntrospectedRemote {
	out := catalog.IntrospectedRemote{Version: p.version, Schema: p.schema}
	if p.stale {
		out.Stale = p.fault
	} else {
		out.Err = p.fault
	}
	if p.connection == nil || p.schema == nil {
		return out
	}
	out.Compiler, out.Capabilities = p.connection.source, p.connection.source.Capabilities()
	if r.Definition.Customization != nil && out.Err == nil {
		out.Customization, out.Err = e.factories.Customize(r, p.schema)
	}
	out.Permissions = make(map[string]*catalog.RemotePermission, len(r.Permissions))
	out.PermissionErrors = make(map[string]error)
	for _, permission := range r.Permissions {
		read, err := e.factories.Permission(permission, p.schema)
		if err != nil {
			out.PermissionErrors[permission.Role] = err
			continue
		}
		out.Permissions[permission.Role] = read
	}
	return out
}
