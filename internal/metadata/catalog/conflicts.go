package catalog

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/metadata/document"
)

// typeNames are the names of GraphQL types and who defines them.
type typeNames struct {
	tables map[string]*tableBuild
	// places also has the types that come with a table's, and those of every
	// schema.
	places map[string]string
	// scalars are the scalars that columns have, and where.
	scalars map[string]string
	// composite are the names of remote types that aren't scalars.
	composite map[string]string
	// alike are the remote types of each name.
	alike map[string][]*remoteType
}

// typesPerTable is about how many types a table makes.
const typesPerTable = 10

// typeConflicts drops tables and remote schemas with types that others have
// already.
func (b *builder) typeConflicts() {
	tables := 0
	for _, s := range b.sources {
		tables += len(s.tables)
	}
	names := &typeNames{
		tables: make(map[string]*tableBuild, tables), places: make(map[string]string, typesPerTable*tables),
		composite: map[string]string{}, scalars: map[string]string{}, alike: map[string][]*remoteType{},
	}
	b.types = names
	for _, name := range []string{
		"query_root", "mutation_root", "subscription_root", "order_by", "cursor_ordering", "String", "Int", "Float", "Boolean", "ID",
	} {
		names.places[name] = builtInPlace
	}
	if b.catalog.Settings.ApolloFederation {
		names.places["_Entity"], names.places["_Service"] = federationPlace, federationPlace
	}
	b.updatesAside(tables)
	names.takeScalars(b.sources)
	for _, s := range b.sources {
		for _, t := range slices.Clone(s.tables) {
			if err := names.takeTable(t); err != nil {
				b.inconsistent(tableObject(s.Name, t.document), err)
				s.drop(t)
			}
		}
	}
	upstream := map[string]*remoteType{}
	b.remotes = slices.DeleteFunc(b.remotes, func(r *remoteBuild) bool {
		err := names.takeRemote(r, upstream)
		if err != nil {
			b.inconsistent(remoteSchemaObject(r.document), err)
			b.catalog.RemoteSchemas = slices.DeleteFunc(b.catalog.RemoteSchemas, func(s *RemoteSchema) bool { return s == r.RemoteSchema })
		}
		return err != nil
	})
	b.alike = names.alike
}

// updatesAside has input types of several updates step aside for tables that are
// called so.
func (b *builder) updatesAside(tables int) {
	rows := make(map[string]bool, tables)
	for _, s := range b.sources {
		for _, t := range s.tables {
			rows[t.TypeName()] = !t.Unnamed
		}
	}
	for _, s := range b.sources {
		for _, t := range s.tables {
			t.updatesAside = rows[t.TypeName(updatesPart)]
			if t.old != nil && t.old.updatesAside != t.updatesAside {
				t.typeNames = nil
			}
		}
	}
}

// builtInPlace is where the types are that every schema has.
const builtInPlace = "the built-in types"

// ownDirections are enums of ours that those of other engines are equal to.
func ownDirections(name string) bool { return name == "order_by" || name == "cursor_ordering" }

// federationPlace is what makes the schema that of a subgraph.
const federationPlace = "Apollo Federation"

// federationRoot tells whether a root field is there for gateways: those of
// remote schemas are hidden where the schema is a subgraph's itself.
func federationRoot(name string) bool { return name == "_service" || name == "_entities" }

// relationshipConflicts drops relationships that make types differ that are
// alike upstream: no type can have a relationship in one remote schema only.
func (b *builder) relationshipConflicts() {
	for _, name := range sortedKeys(b.alike) {
		group := b.alike[name]
		if len(group) < 2 {
			continue
		}
		for _, t := range group {
			for _, doc := range b.relationshipsOf(t) {
				other := slices.IndexFunc(group, func(o *remoteType) bool {
					return !slices.ContainsFunc(b.relationshipsOf(o), func(d *document.RemoteRelationship) bool {
						return d.JSON().String() == doc.JSON().String()
					})
				})
				if other >= 0 {
					r := b.remoteBuild(t.remote)
					b.inconsistent(typeRelationshipObject(r.document, t.definition.Name, doc),
						errTypeConflict(name, "remote schema "+t.remote.Name, "remote schema "+group[other].remote.Name))
					t.remote.Relationships[t.definition.Name].drop(doc.Name)
				}
			}
		}
	}
}

func (b *builder) remoteBuild(r *RemoteSchema) *remoteBuild {
	return b.remotes[slices.IndexFunc(b.remotes, func(x *remoteBuild) bool { return x.RemoteSchema == r })]
}

// relationshipsOf are the relationships that a remote type is to have, as
// written.
func (b *builder) relationshipsOf(t *remoteType) []*document.RemoteRelationship {
	if i := slices.IndexFunc(b.remotes, func(x *remoteBuild) bool { return x.RemoteSchema == t.remote }); i >= 0 {
		if types, ok := b.remotes[i].document.Type(t.definition.Name); ok {
			return types.Relationships
		}
	}
	return nil
}

func (r *Relationships) drop(name string) {
	if r == nil {
		return
	}
	r.ToSource = slices.DeleteFunc(r.ToSource, func(x *ToSource) bool { return x.Name == name })
	r.ToRemoteSchema = slices.DeleteFunc(r.ToRemoteSchema, func(x *ToRemoteSchema) bool { return x.Name == name })
}

// TypeConflict says that two types of one name differ, and where they are.
func TypeConflict(name, place, first string) error { return errTypeConflict(name, place, first) }

func errTypeConflict(name, place, first string) error {
	return fmt.Errorf("Found conflicting definitions for GraphQL type '%s'. The definition at %s differs from the definition at %s.", //nolint:staticcheck,revive // v2's words
		name, place, first)
}

// takeScalars claims the names of the scalars that columns of tracked tables have: a
// table of such a name would take the place of the scalar everywhere.
func (n *typeNames) takeScalars(sources []*sourceBuild) {
	for _, s := range sources {
		for _, t := range s.tables {
			for _, c := range t.Columns {
				if c.Info.Type.Scalar != "" {
					n.scalars[c.Info.Type.Scalar] = "column " + c.Info.Name + " of " + t.Describe()
				}
			}
		}
	}
}

// taken says who has a name already.
func (n *typeNames) taken(name string) (first string, taken bool) {
	if first, taken = n.scalars[name]; !taken {
		first, taken = n.places[name]
	}
	return first, taken
}

// takeTable claims the names of a table's types.
func (n *typeNames) takeTable(t *tableBuild) error {
	if t.Unnamed {
		return nil
	}
	name, place := t.TypeName(), t.Describe()
	if first, ok := n.tables[name]; ok {
		if rootPath(t.Table, RootSelect) == rootPath(first.Table, RootSelect) {
			return errRootConflict(t.RootFieldName(RootSelect), first.Describe(), place)
		}
		return errTypeConflict(name, place, first.Describe())
	}
	if t.typeNames == nil {
		t.typeNames = append([]string{name}, t.derivedTypeNames()...)
	}
	all := t.typeNames
	for _, derived := range all {
		if first, taken := n.taken(derived); taken {
			return errTypeConflict(derived, place, first)
		}
	}
	n.tables[name] = t
	for _, derived := range all {
		n.places[derived] = place
	}
	return nil
}

// takeModel claims the names of the types of a logical model.
func (n *typeNames) takeModel(m *LogicalModel, place string) error {
	all := append([]string{m.Rows.TypeName()}, m.Rows.derivedTypeNames()...)
	for _, name := range all {
		if first, taken := n.taken(name); taken {
			return errTypeConflict(name, place, first)
		}
	}
	for _, name := range all {
		n.places[name] = place
	}
	return nil
}

// takeRemote claims the names of a remote schema's types. Scalars, and types
// that are alike in two remote schemas, may share a name. Whether types that
// sources make are like those of a remote schema is seen in the schemas of roles
// only.
func (n *typeNames) takeRemote(r *remoteBuild, upstream map[string]*remoteType) error {
	mine := map[string]*remoteType{}
	place := "remote schema " + r.Name
	reachable := reachableRoots(r.Upstream)
	for _, typeName := range sortedKeys(r.Upstream.Types) {
		d := r.Upstream.Types[typeName]
		unseen := d == r.Upstream.Subscription || (d == r.Upstream.Query || d == r.Upstream.Mutation) && r.Customization.Namespace == ""
		if d.BuiltIn || isBuiltinScalar(typeName) && r.Customization.Types[typeName] == "" || strings.HasPrefix(typeName, "__") ||
			unseen && !reachable[typeName] || n.places[typeName] == federationPlace {
			continue
		}
		t := &remoteType{remote: r.RemoteSchema, definition: d}
		name := t.typeName(typeName)
		if d.Kind == ast.Scalar {
			if first, taken := n.composite[name]; taken {
				return errTypeConflict(name, place, first)
			}
			continue
		}
		if other, ok := upstream[name]; ok && !sameType(other, t) {
			return errTypeConflict(name, place, "remote schema "+other.remote.Name)
		}
		if first, taken := n.scalars[name]; taken {
			return errTypeConflict(name, place, first)
		}
		if n.places[name] == builtInPlace && !ownDirections(name) {
			return errTypeConflict(name, place, builtInPlace)
		}
		mine[name] = t
	}
	for name, t := range mine {
		n.alike[name] = append(n.alike[name], t)
		if _, taken := n.places[name]; !taken {
			n.places[name] = place
		}
		if upstream[name] == nil {
			n.composite[name], upstream[name] = place, t
		}
	}
	return nil
}

// reachableRoots are the root types that fields lead back to, as payloads do.
func reachableRoots(s *ast.Schema) map[string]bool {
	out := map[string]bool{}
	for _, d := range s.Types {
		for _, f := range d.Fields {
			out[f.Type.Name()] = true
		}
	}
	return out
}

// remoteType is a type of a remote schema, to be compared with another's.
type remoteType struct {
	remote     *RemoteSchema
	definition *ast.Definition
}

func (t *remoteType) typeName(upstream string) string {
	if custom, ok := t.remote.Customization.Types[upstream]; ok {
		return custom
	}
	return upstream
}

func (t *remoteType) ref(r *ast.Type) string {
	if r == nil {
		return ""
	}
	suffix := ""
	if r.NonNull {
		suffix = "!"
	}
	if r.Elem != nil {
		return "[" + t.ref(r.Elem) + "]" + suffix
	}
	return t.typeName(r.NamedType) + suffix
}

// members describes what makes a type the same as another: one text for each
// field, value, member and interface, sorted.
func (t *remoteType) members() []string {
	d := t.definition
	var out []string
	for _, name := range d.Interfaces {
		out = append(out, "implements "+t.typeName(name))
	}
	for _, name := range d.Types {
		out = append(out, "member "+t.typeName(name))
	}
	for _, v := range d.EnumValues {
		out = append(out, "value "+v.Name)
	}
	for _, f := range d.Fields {
		name := f.Name
		if custom, ok := t.remote.Customization.Fields[d.Name][name]; ok {
			name = custom
		}
		text := "field " + name + ": " + t.ref(f.Type) + defaultText(f.DefaultValue)
		var arguments []string
		for _, a := range f.Arguments {
			arguments = append(arguments, a.Name+": "+t.ref(a.Type)+defaultText(a.DefaultValue))
		}
		slices.Sort(arguments)
		out = append(out, text+" ("+strings.Join(arguments, ", ")+")")
	}
	slices.Sort(out)
	return out
}

func defaultText(v *ast.Value) string {
	if v == nil {
		return ""
	}
	return " = " + v.String()
}

// sameType tells whether two types of remote schemas can stand for each other.
func sameType(a, b *remoteType) bool {
	return a.definition.Kind == b.definition.Kind && slices.Equal(a.members(), b.members())
}

// Describe names the table and its source, for messages.
func (t *Table) Describe() string {
	return "table " + t.Name.String() + " in source " + t.Source.Name
}

func rootPath(t *Table, kind RootFieldKind) string {
	return t.Source.Customization.Namespace + "." + t.RootFieldName(kind)
}

func errRootConflict(name string, places ...string) error {
	return errConflictIn("query_root", name, places...)
}

func errConflictIn(root, name string, places ...string) error {
	return fmt.Errorf("Encountered conflicting definitions in the selection set for '%s' for field '%s' defined in [%s]. "+ //nolint:staticcheck // v2's words
		"Fields must not be defined more than once across all sources.", root, name, strings.Join(places, ", "))
}

// rootNames are the fields of a root type (or of a namespace in it) and who
// defines them.
type rootNames struct {
	root  string
	taken map[string]string
}

// take claims a name, or tells that it is taken.
func (r *rootNames) take(namespace, name, place string) error {
	key := namespace + "." + name
	if first, ok := r.taken[key]; ok {
		return errConflictIn(r.root, name, first, place)
	}
	r.taken[key] = place
	return nil
}

// rootConflicts hides root fields whose name another root field has already.
func (b *builder) rootConflicts() {
	names := &rootNames{root: "query_root", taken: map[string]string{}}
	if b.catalog.Settings.ApolloFederation {
		names.taken["._service"], names.taken["._entities"] = federationPlace, federationPlace
	}
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
			err := names.take(namespace, name, q.describe())
			if err != nil {
				b.inconsistent(s.nativeObject(q), err)
			}
			return err != nil
		})
	}
	mutations := &rootNames{root: "mutation_root", taken: map[string]string{}}
	for _, s := range b.sources {
		b.mutationConflicts(mutations, s)
	}
	for _, r := range b.remotes {
		r.HiddenRoots = b.remoteConflicts(names, r, r.Upstream.Query)
		if r.Upstream.Mutation != nil {
			r.HiddenMutations = b.remoteConflicts(mutations, r, r.Upstream.Mutation)
		}
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
	if t.Unnamed {
		return
	}
	kinds := []RootFieldKind{RootSelect}
	if s.Capabilities.Aggregates {
		kinds = append(kinds, RootSelectAggregate)
	}
	if t.Info.PrimaryKey != nil {
		kinds = append(kinds, RootSelectByPK)
	}
	for _, kind := range kinds {
		err := names.take(namespace, t.RootFieldName(kind), t.Describe())
		if err != nil {
			b.inconsistent(tableObject(s.Name, t.document), err)
			t.hideRoot(kind)
		}
	}
}

// mutationConflicts claims the names of the fields that write a source's tables.
func (b *builder) mutationConflicts(names *rootNames, s *sourceBuild) {
	if !s.Capabilities.Mutations {
		return
	}
	namespace := s.Customization.Namespace
	if namespace != "" {
		if err := names.take("", namespace, "source "+s.Name); err != nil {
			b.inconsistent(sourceObject(s.document), err)
			s.hideWrites()
			return
		}
		namespace = s.Name + "/" + namespace
	}
	for _, t := range s.tables {
		if t.Unnamed {
			continue
		}
		for _, kind := range t.writeRoots() {
			if err := names.take(namespace, t.RootFieldName(kind), t.Describe()); err != nil {
				b.inconsistent(tableObject(s.Name, t.document), err)
				t.hideRoot(kind)
			}
		}
	}
	s.Functions = slices.DeleteFunc(s.Functions, func(f *Function) bool {
		return f.Mutation && b.functionTaken(names, s, f, namespace)
	})
}

// hideWrites leaves a source's tables without root fields that write them.
func (s *sourceBuild) hideWrites() {
	for _, t := range s.tables {
		for _, kind := range t.writeRoots() {
			t.hideRoot(kind)
		}
	}
	s.Functions = slices.DeleteFunc(s.Functions, func(f *Function) bool { return f.Mutation })
}

// writeRoots are the root fields that write a table.
func (t *Table) writeRoots() []RootFieldKind {
	var out []RootFieldKind
	if t.Info.Insertable {
		out = append(out, RootInsert, RootInsertOne)
	}
	if t.Info.Updatable {
		out = append(out, RootUpdate)
		if !t.Source.Capabilities.LoneUpdates {
			out = append(out, RootUpdateMany)
		}
	}
	if t.Info.Deletable {
		out = append(out, RootDelete)
	}
	if t.Info.PrimaryKey != nil && t.Info.Updatable {
		out = append(out, RootUpdateByPK)
	}
	if t.Info.PrimaryKey != nil && t.Info.Deletable {
		out = append(out, RootDeleteByPK)
	}
	return out
}

func (b *builder) functionConflict(names *rootNames, s *sourceBuild, f *Function, namespace string) bool {
	return !f.Mutation && b.functionTaken(names, s, f, namespace)
}

// functionTaken claims the names of a function's root fields.
func (b *builder) functionTaken(names *rootNames, s *sourceBuild, f *Function, namespace string) bool {
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

// remoteConflicts gives the fields of a remote schema's root whose names are
// taken; they are hidden, but the schema stays the target of relationships.
func (b *builder) remoteConflicts(names *rootNames, r *remoteBuild, root *ast.Definition) map[string]bool {
	place := "remote schema " + r.Name
	hidden := map[string]bool{}
	for _, f := range root.Fields {
		if b.catalog.Settings.ApolloFederation && federationRoot(f.Name) {
			hidden[f.Name] = true
		}
	}
	if namespace := r.Customization.Namespace; namespace != "" {
		if err := names.take("", namespace, place); err != nil {
			b.inconsistent(remoteSchemaObject(r.document), err)
			for _, f := range root.Fields {
				hidden[f.Name] = true
			}
		}
		return hidden
	}
	var first error
	var also []string
	for _, f := range root.Fields {
		if strings.HasPrefix(f.Name, "__") || hidden[f.Name] {
			continue
		}
		name := f.Name
		if custom, ok := r.Customization.Fields[root.Name][f.Name]; ok {
			name = custom
		}
		err := names.take("", name, place)
		if err == nil {
			continue
		}
		if hidden[f.Name] = true; first == nil {
			first = err
		} else {
			also = append(also, "'"+name+"'")
		}
	}
	if len(also) > 0 {
		first = fmt.Errorf("%w The same holds for %s.", first, strings.Join(also, ", ")) //nolint:staticcheck,revive // sentences, as v2's words are
	}
	if first != nil {
		b.inconsistent(remoteSchemaObject(r.document), first)
	}
	return hidden
}
