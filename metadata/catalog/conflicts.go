package catalog

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/metadata/document"
)

// typeNames are the names of GraphQL types and who defines them.
type typeNames struct {
	tables map[string]*tableBuild
	// places also has the types that come with a table's, and those of every
	// schema.
	places map[string]string
}

// typeConflicts drops tables and remote schemas with types that others have
// already.
func (b *builder) typeConflicts() {
	names := &typeNames{tables: map[string]*tableBuild{}, places: map[string]string{}}
	for _, name := range []string{
		"query_root", "mutation_root", "subscription_root", "order_by", "cursor_ordering", "String", "Int", "Float", "Boolean", "ID",
	} {
		names.places[name] = "the built-in types"
	}
	for _, s := range b.sources {
		for _, t := range slices.Clone(s.tables) {
			if err := names.takeTable(t); err != nil {
				b.inconsistent(tableObject(s.Name, t.document), err)
				s.drop(t)
			}
		}
	}
	upstream := map[string]*ast.Definition{}
	b.remotes = slices.DeleteFunc(b.remotes, func(r *remoteBuild) bool {
		err := names.takeRemote(r, upstream)
		if err != nil {
			b.inconsistent(remoteSchemaObject(r.document), err)
			b.catalog.RemoteSchemas = slices.DeleteFunc(b.catalog.RemoteSchemas, func(s *RemoteSchema) bool { return s == r.RemoteSchema })
		}
		return err != nil
	})
}

func errTypeConflict(name, place, first string) error {
	return fmt.Errorf("Found conflicting definitions for GraphQL type '%s'. The definition at %s differs from the definition at %s.", //nolint:staticcheck,revive // v2's words
		name, place, first)
}

// takeTable claims the names of a table's types.
func (n *typeNames) takeTable(t *tableBuild) error {
	name, place := t.TypeName(), describeTable(t.Table)
	if first, ok := n.tables[name]; ok {
		if rootPath(t.Table, RootSelect) == rootPath(first.Table, RootSelect) {
			return errRootConflict(t.RootFieldName(RootSelect), describeTable(first.Table), place)
		}
		return errTypeConflict(name, place, describeTable(first.Table))
	}
	all := append([]string{name}, t.derivedTypeNames()...)
	for _, derived := range all {
		if first, taken := n.places[derived]; taken {
			return errTypeConflict(derived, place, first)
		}
	}
	n.tables[name] = t
	for _, derived := range all {
		n.places[derived] = place
	}
	return nil
}

// takeRemote claims the names of a remote schema's types. Scalars, and types
// that are alike in two remote schemas, may share a name.
func (n *typeNames) takeRemote(r *remoteBuild, upstream map[string]*ast.Definition) error {
	mine := map[string]*ast.Definition{}
	place := "remote schema " + r.Name
	for _, typeName := range sortedKeys(r.Upstream.Types) {
		d := r.Upstream.Types[typeName]
		if d.BuiltIn || d.Kind == ast.Scalar || strings.HasPrefix(typeName, "__") ||
			d == r.Upstream.Query || d == r.Upstream.Mutation || d == r.Upstream.Subscription {
			continue
		}
		name := typeName
		if custom, ok := r.Customization.Types[typeName]; ok {
			name = custom
		}
		if first, taken := n.places[name]; taken {
			if other, ok := upstream[name]; !ok || !sameType(other, d) {
				return errTypeConflict(name, place, first)
			}
		}
		mine[name] = d
	}
	for name, d := range mine {
		n.places[name], upstream[name] = place, d
	}
	return nil
}

// sameType tells whether two types of remote schemas can stand for each other.
func sameType(a, b *ast.Definition) bool {
	if a.Kind != b.Kind || len(a.Fields) != len(b.Fields) || len(a.EnumValues) != len(b.EnumValues) ||
		!slices.Equal(slices.Sorted(slices.Values(a.Types)), slices.Sorted(slices.Values(b.Types))) {
		return false
	}
	for _, f := range a.Fields {
		g := b.Fields.ForName(f.Name)
		if g == nil || g.Type.String() != f.Type.String() || len(g.Arguments) != len(f.Arguments) {
			return false
		}
		for _, argument := range f.Arguments {
			if other := g.Arguments.ForName(argument.Name); other == nil || other.Type.String() != argument.Type.String() {
				return false
			}
		}
	}
	return !slices.ContainsFunc(a.EnumValues, func(v *ast.EnumValueDefinition) bool { return b.EnumValues.ForName(v.Name) == nil })
}

func describeTable(t *Table) string {
	return "table " + t.Name.String() + " in source " + t.Source.Name
}

func rootPath(t *Table, kind RootFieldKind) string {
	return t.Source.Customization.Namespace + "." + t.RootFieldName(kind)
}

func errRootConflict(name string, places ...string) error {
	return fmt.Errorf("Encountered conflicting definitions in the selection set for 'query_root' for field '%s' defined in [%s]. "+ //nolint:staticcheck // v2's words
		"Fields must not be defined more than once across all sources.", name, strings.Join(places, ", "))
}

// rootNames are the fields of the query root (or of a namespace) and who
// defines them.
type rootNames struct {
	taken map[string]string
}

// take claims a name, or tells that it is taken.
func (r *rootNames) take(namespace, name, place string) error {
	key := namespace + "." + name
	if first, ok := r.taken[key]; ok {
		return errRootConflict(name, first, place)
	}
	r.taken[key] = place
	return nil
}

// rootConflicts hides root fields whose name another root field has already.
func (b *builder) rootConflicts() {
	names := &rootNames{taken: map[string]string{}}
	for _, s := range b.sources {
		namespace := s.Customization.Namespace
		if namespace != "" {
			if err := names.take("", namespace, "source "+s.Name); err != nil {
				b.inconsistent(sourceObject(s.document), err)
				s.hideRoots()
				continue
			}
			namespace = s.Name + "/" + namespace
		}
		for _, t := range s.tables {
			b.tableConflicts(names, s, t, namespace)
		}
		s.Functions = slices.DeleteFunc(s.Functions, func(f *Function) bool { return b.functionConflict(names, s, f, namespace) })
		s.NativeQueries = slices.DeleteFunc(s.NativeQueries, func(q *NativeQuery) bool {
			name := s.Customization.RootName(q.Name)
			err := names.take(namespace, name, "native query "+q.Name+" in source "+s.Name)
			if err != nil {
				doc, _ := s.document.NativeQuery(q.Name)
				b.inconsistent(nativeQueryObject(s.Name, doc), err)
			}
			return err != nil
		})
	}
	for _, r := range b.remotes {
		b.remoteConflicts(names, r)
	}
}

// hideRoots leaves a source's tables reachable by relationships only.
func (s *sourceBuild) hideRoots() {
	for _, t := range s.tables {
		for _, kind := range []RootFieldKind{RootSelect, RootSelectAggregate, RootSelectByPK, RootSelectStream} {
			t.hideRoot(kind)
		}
	}
	s.Functions, s.NativeQueries = nil, nil
}

func (t *Table) hideRoot(kind RootFieldKind) {
	if t.RootFields == nil {
		t.RootFields = map[RootFieldKind]RootField{}
	}
	f := t.RootFields[kind]
	f.Hidden = true
	t.RootFields[kind] = f
}

func (b *builder) tableConflicts(names *rootNames, s *sourceBuild, t *tableBuild, namespace string) {
	kinds := []RootFieldKind{RootSelect}
	if s.Capabilities.Aggregates {
		kinds = append(kinds, RootSelectAggregate)
	}
	if t.Info.PrimaryKey != nil {
		kinds = append(kinds, RootSelectByPK)
	}
	for _, kind := range kinds {
		err := names.take(namespace, t.RootFieldName(kind), describeTable(t.Table))
		if err != nil {
			b.inconsistent(tableObject(s.Name, t.document), err)
			t.hideRoot(kind)
		}
	}
}

func (b *builder) functionConflict(names *rootNames, s *sourceBuild, f *Function, namespace string) bool {
	if f.Mutation {
		return false
	}
	rows, aggregate := f.RootFieldNames()
	name := TableName{f.Info.Schema, f.Info.Name}
	place := "function " + name.String() + " in source " + s.Name
	err := names.take(namespace, rows, place)
	if err == nil && aggregate != "" {
		err = names.take(namespace, aggregate, place)
	}
	if err == nil {
		return false
	}
	if doc, ok := s.document.Function(document.TableName(name)); ok {
		b.inconsistent(functionObject(s.Name, doc), err)
	}
	return true
}

// remoteConflicts hides the root fields of a remote schema whose names are
// taken; the schema stays the target of relationships.
func (b *builder) remoteConflicts(names *rootNames, r *remoteBuild) {
	place := "remote schema " + r.Name
	query := r.Upstream.Query
	hide := func(field string) {
		if r.HiddenRoots == nil {
			r.HiddenRoots = map[string]bool{}
		}
		r.HiddenRoots[field] = true
	}
	if namespace := r.Customization.Namespace; namespace != "" {
		if err := names.take("", namespace, place); err != nil {
			b.inconsistent(remoteSchemaObject(r.document), err)
			for _, f := range query.Fields {
				hide(f.Name)
			}
		}
		return
	}
	for _, f := range query.Fields {
		if strings.HasPrefix(f.Name, "__") {
			continue
		}
		name := f.Name
		if custom, ok := r.Customization.Fields[query.Name][f.Name]; ok {
			name = custom
		}
		if err := names.take("", name, place); err != nil {
			b.inconsistent(remoteSchemaObject(r.document), err)
			hide(f.Name)
		}
	}
}
