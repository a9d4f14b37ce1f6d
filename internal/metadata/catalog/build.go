package catalog

import (
	"errors"
	"maps"
	"slices"

	"dovetail/internal/kind"
	"dovetail/internal/metadata/document"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
)

// Build makes the catalog of a metadata document. It is pure and never fails:
// what doesn't fit is listed as an inconsistency and the rest serves.
func Build(in Input) *Catalog {
	if in.Metadata == nil {
		in.Metadata = &document.Metadata{}
	}
	b := &builder{in: in, catalog: &Catalog{
		Version: in.Version, ResourceVersion: in.ResourceVersion, Settings: in.Settings,
		InheritedRoles: map[string][]string{}, metadata: in.Metadata,
	}}
	for _, s := range in.Metadata.Sources {
		b.source(s)
	}
	b.remoteSchemas()
	b.typeConflicts()
	for _, s := range b.sources {
		b.enumColumns(s)
		b.fieldConflicts(s)
		b.functions(s)
		b.computedFields(s)
		b.relationships(s)
	}
	b.remoteRelationships()
	b.relationshipConflicts()
	b.logicalModels()
	b.nativeQueries()
	for _, s := range b.sources {
		b.selectPermissions(s)
		b.writePermissions(s)
	}
	b.roleConflicts()
	b.roles()
	b.inheritedRoles()
	b.rootConflicts()
	b.restEndpoints()
	return b.catalog
}

// builder holds what is known while a catalog is being built.
type builder struct {
	in      Input
	catalog *Catalog
	sources []*sourceBuild
	remotes []*remoteBuild
	// types are the names of GraphQL types that are taken.
	types *typeNames
	// known are the roles that some permission names.
	known map[string]bool
	// alike are the types of remote schemas by our names for them.
	alike map[string][]*remoteType
}

// sourceBuild is a source under construction, beside its document.
type sourceBuild struct {
	*Source
	document *document.Source
	database Introspected
	tables   []*tableBuild
	builds   map[TableName]*tableBuild
	// earlier is the source in the earlier catalog, if that is of use.
	earlier *Source
}

// tableBuild is a table under construction, beside its document.
type tableBuild struct {
	*Table
	// old is the same table in the earlier catalog. The columns are old's unless the
	// table has its own.
	old *Table
	own bool
	// changed: what others' filters say about the table may have another meaning
	// than in the earlier catalog.
	changed bool
	// clash holds names of fields that can't be told apart.
	clash map[string]bool
	// allColumns is what a permission for every column grants, shared by all of
	// them.
	allColumns map[string]plan.Predicate
	// tableFields are computed fields that return rows; their permission is that
	// of the table they return.
	tableFields map[string]plan.Predicate
}

type remoteBuild struct {
	*RemoteSchema
	document *document.RemoteSchema
}

var errNotIntrospected = errors.New("the source has not been introspected")

func (b *builder) source(doc *document.Source) {
	found, ok := b.in.Databases[doc.Name]
	switch {
	case !ok:
		found.Err = errNotIntrospected
	case found.Err == nil && found.Database == nil:
		found.Err = errNotIntrospected
	}
	if found.Err != nil {
		b.inconsistent(sourceObject(doc), found.Err)
		return
	}
	s := &Source{
		Name: doc.Name, Kind: doc.Kind, Version: found.Version, Capabilities: found.Capabilities, Compiler: found.Compiler,
		Customization: b.customization(doc), tables: map[TableName]*Table{},
	}
	build := &sourceBuild{Source: s, document: doc, database: found, builds: map[TableName]*tableBuild{}, earlier: b.comparable(s)}
	b.tables(build)
	b.sources = append(b.sources, build)
	b.catalog.Sources = append(b.catalog.Sources, s)
}

func (b *builder) customization(doc *document.Source) Customization {
	c := doc.Customization
	convention := c.NamingConvention
	if k, ok := kind.Named(doc.Kind); convention == "" && (k.NamingConvention || !ok) {
		convention = b.in.Settings.DefaultNamingConvention
	}
	return Customization{
		Namespace: c.Namespace, RootPrefix: c.RootPrefix, RootSuffix: c.RootSuffix,
		TypePrefix: c.TypePrefix, TypeSuffix: c.TypeSuffix,
		GraphQLDefaultNaming: convention == "graphql-default",
	}
}

// find gives the build of a source that can be used.
func (b *builder) find(name string) (*sourceBuild, bool) {
	i := slices.IndexFunc(b.sources, func(s *sourceBuild) bool { return s.Name == name })
	if i < 0 {
		return nil, false
	}
	return b.sources[i], true
}

// drop takes a table out of its source.
func (s *sourceBuild) drop(t *tableBuild) {
	delete(s.Source.tables, t.Name)
	delete(s.builds, t.Name)
	s.tables = slices.DeleteFunc(s.tables, func(other *tableBuild) bool { return other == t })
	s.Tables = slices.DeleteFunc(s.Tables, func(other *Table) bool { return other == t.Table })
}

// roles lists the roles that permissions of any kind name.
func (b *builder) roles() {
	known := map[string]bool{}
	for _, s := range b.in.Metadata.Sources {
		for _, t := range s.Tables {
			for _, p := range t.SelectPermissions {
				known[p.Role] = true
			}
			for _, list := range [][]*document.WritePermission{t.InsertPermissions, t.UpdatePermissions, t.DeletePermissions} {
				for _, p := range list {
					known[p.Role] = true
				}
			}
		}
		for _, f := range s.Functions {
			for _, p := range f.Permissions {
				known[p.Role] = true
			}
		}
		for _, m := range s.LogicalModels {
			for _, p := range m.SelectPermissions {
				known[p.Role] = true
			}
		}
	}
	for _, r := range b.in.Metadata.RemoteSchemas {
		for _, p := range r.Permissions {
			known[p.Role] = true
		}
	}
	for _, a := range b.in.Metadata.Actions {
		permissions, _ := a.Definition.Get("permissions")
		for _, p := range permissions.Items {
			if role, ok := p.Get("role"); ok && role.Kind == orderedjson.String {
				known[role.Text] = true
			}
		}
	}
	for _, s := range b.sources {
		for _, q := range s.NativeQueries { // models written inline
			for role := range q.Returns.Select {
				known[role] = true
			}
		}
	}
	delete(known, AdminRole)
	b.known = known
	b.catalog.Roles = slices.Sorted(maps.Keys(known))
}
