package catalog

import (
	"reflect"
	"slices"

	"dovetail/internal/metadata/document"
	"dovetail/sources"
)

// A catalog is immutable and its tables point to each other, so that each build
// makes new tables. What they are made of doesn't change with others, though, and
// costs the most: columns, relationships, and above all the filters of
// permissions. A table whose document and contents are those of an earlier
// catalog, by their addresses, takes them from there.

// comparable gives the source as the earlier catalog has it, if its tables may be
// taken from there.
func (b *builder) comparable(s *Source) *Source {
	if b.in.Earlier == nil {
		return nil
	}
	old, ok := b.in.Earlier.Source(s.Name)
	if !ok || old.Kind != s.Kind || old.Customization != s.Customization ||
		!reflect.DeepEqual(old.Capabilities, s.Capabilities) || !reflect.DeepEqual(b.in.Earlier.Settings, b.in.Settings) {
		return nil
	}
	return old
}

// again makes a table that the earlier catalog has, nil if it isn't the same.
// Enum tables have contents besides.
func (s *sourceBuild) again(doc *document.Table, info *sources.Table) *tableBuild {
	if s.earlier == nil || doc.IsEnum {
		return nil
	}
	old, ok := s.earlier.Table(TableName(doc.Name))
	if !ok || old.document != doc || old.Info != info {
		return nil
	}
	t := &tableBuild{old: old, Table: &Table{
		Source: s.Source, Name: old.Name, Info: info, document: doc,
		GraphQLName: old.GraphQLName, CustomName: old.CustomName, Unnamed: old.Unnamed,
		Description: old.Description, Commented: old.Commented, RootFields: rootFieldsOf(doc),
		Columns: old.Columns, columns: old.columns, relation: old.relation, typeNames: old.typeNames, ApolloFederation: old.ApolloFederation,
	}}
	if slices.ContainsFunc(t.Columns, func(c *Column) bool { return c.Enum != nil }) {
		t.ownColumns()
	}
	return t
}

// ownColumns gives the table columns that it doesn't share with an earlier
// catalog's, free to point to an enum table.
func (t *tableBuild) ownColumns() {
	if t.old == nil || t.own {
		return
	}
	t.own = true
	t.Columns = make([]*Column, len(t.old.Columns))
	t.columns = make(map[string]*Column, len(t.old.Columns))
	for i, c := range t.old.Columns {
		copied := *c
		copied.Enum = nil
		t.Columns[i], t.columns[c.Info.Name] = &copied, &copied
	}
}

// sharesColumns tells whether the table has the columns of an earlier catalog's.
func (t *tableBuild) sharesColumns() bool { return t.old != nil && !t.own }

// relationshipBefore finds a relationship in the earlier catalog. Again is it for
// this one, nil if what it rests on isn't the same.
func (s *sourceBuild) relationshipBefore(t *tableBuild, name string) (before, again *Relationship) {
	if t.old == nil {
		return nil, nil
	}
	before, ok := t.old.Relationship(name)
	if !ok || !t.sharesColumns() {
		return before, nil
	}
	target, ok := s.builds[before.Target.Name]
	if !ok || target.old != before.Target || !target.sharesColumns() {
		return before, nil
	}
	copied := *before
	copied.Target = target.Table
	return before, &copied
}

// permissionAgain gives a permission of the earlier catalog, if everything that
// its filter is about is the same.
func (s *sourceBuild) permissionAgain(t *tableBuild, doc *document.SelectPermission) (*SelectPermission, bool) {
	if t.old == nil || t.changed || len(doc.ComputedFields) > 0 || len(t.document.ComputedFields) > 0 {
		return nil, false
	}
	// Under the role's name may stand what it inherits.
	p, ok := t.old.Select[doc.Role]
	if !ok || p.document != doc || p.wide {
		return nil, false
	}
	return p, !slices.ContainsFunc(p.reads, func(name TableName) bool {
		other, ok := s.builds[name]
		return !ok || other.changed
	})
}

// permissionsAgain gives all of a table's permissions as the earlier catalog has
// them, if none is other.
func (b *builder) permissionsAgain(s *sourceBuild, t *tableBuild) (map[string]*SelectPermission, bool) {
	if t.old == nil || len(t.old.Select) != len(t.document.SelectPermissions) ||
		len(b.in.Metadata.InheritedRoles) > 0 || len(b.in.Earlier.InheritedRoles) > 0 {
		return nil, false // inheriting roles adds to the map
	}
	for _, doc := range t.document.SelectPermissions {
		if _, ok := s.permissionAgain(t, doc); !ok {
			return nil, false
		}
	}
	return t.old.Select, true
}
