package schema

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"dovetail/internal/metadata/catalog"
)

// TypeClash is a type of a remote schema that a role can't have beside our own
// type of the same name.
type TypeClash struct {
	// Remote is the remote schema, Role the role whose document of it makes the
	// type what it is; empty: it is so for everybody.
	Remote, Role string
	Cause        error
}

// TypeClashes finds the types of remote schemas that differ from those which the
// sources make under the same names. Types that are equal are one type to
// clients, so that an engine can have another one, whose order_by and comparisons
// are its own, for a remote schema.
func TypeClashes(c *catalog.Catalog) []TypeClash {
	if len(c.RemoteSchemas) == 0 {
		return nil
	}
	wanted := map[string]bool{}
	for _, r := range c.RemoteSchemas {
		for name := range r.Upstream.Types {
			wanted[remoteTypeName(r, name)] = true
		}
	}
	var tables []*catalog.Table
	for _, source := range c.Sources {
		for _, t := range source.Tables {
			if slices.ContainsFunc(t.TypeNames(), func(name string) bool { return wanted[name] }) {
				tables = append(tables, t)
			}
		}
	}
	out := clashesOf(ForRole(c, catalog.AdminRole), tables)
	if len(tables) == 0 && !c.Settings.RemoteSchemaPermissions {
		return out // what the sources share is the same for every role
	}
	for _, role := range slices.Concat(c.Roles, slices.Sorted(maps.Keys(c.InheritedRoles))) {
		for _, clash := range clashesOf(ForRole(c, role, WithBackendOnly), tables) {
			known := slices.ContainsFunc(out, func(o TypeClash) bool {
				return o.Remote == clash.Remote && (o.Role == "" || o.Role == clash.Role)
			})
			if !known {
				out = append(out, clash)
			}
		}
	}
	return out
}

// ownTypes are types that sources make, by name.
type ownTypes struct {
	types map[string]*Type
	// tables are the tables that the types come with; others are shared.
	tables map[string]*catalog.Table
}

// clashesOf finds the first type of each remote schema that differs, for a role,
// from one that comes with the tables or that all of them share.
func clashesOf(s *Schema, tables []*catalog.Table) []TypeClash {
	var own *ownTypes
	var out []TypeClash
	for _, r := range s.Catalog.RemoteSchemas {
		view, permission, ok := s.remoteView(r)
		if !ok {
			continue
		}
		if own == nil {
			own = s.ownTypes(tables)
		}
		for _, name := range slices.Sorted(maps.Keys(view.Types)) {
			final := remoteTypeName(r, name)
			ours, taken := own.types[final]
			if !taken || strings.HasPrefix(name, "__") || isBuiltinScalar(name) && final == name {
				continue
			}
			difference := ""
			if theirs := view.Types[name]; ours.Kind != remoteKind(theirs.Kind) {
				difference = fmt.Sprintf("kind %s", remoteKind(theirs.Kind))
			} else if ours.Kind != Scalar {
				difference = differs(s.remoteType(r, name), ours)
			}
			if difference == "" {
				continue
			}
			place := "the built-in types"
			if t := own.tables[final]; t != nil {
				place = t.Describe()
			}
			cause := catalog.TypeConflict(final, "remote schema "+r.Name, place)
			text := " What differs: " + difference
			clash := TypeClash{Remote: r.Name}
			if s.Role != catalog.AdminRole {
				text += fmt.Sprintf(", for role %q", s.Role)
				if permission != nil {
					clash.Role = s.Role
				}
			}
			clash.Cause = fmt.Errorf("%w%s.", cause, text) //nolint:staticcheck,revive // sentences, as v2's words are
			out = append(out, clash)
			break
		}
	}
	return out
}

// ownTypes gathers the types that come with tables, and those that the tables of
// all sources share: scalars, comparisons, directions.
func (s *Schema) ownTypes(tables []*catalog.Table) *ownTypes {
	own := &ownTypes{types: map[string]*Type{}, tables: map[string]*catalog.Table{}}
	for _, t := range tables {
		own.takeTable(s, t)
	}
	type columnType struct {
		source *catalog.Source
		scalar string
		list   bool
	}
	seen := map[columnType]bool{}
	for _, source := range s.Catalog.Sources {
		for _, t := range source.Tables {
			a, ok := s.access(t)
			if !ok {
				continue
			}
			own.take(s.ordering(source), nil)
			for _, c := range a.columns() {
				key := columnType{source, c.Info.Type.Scalar, c.Info.Type.Underlying().Element != nil}
				if seen[key] || c.Enum != nil {
					continue
				}
				seen[key] = true
				own.take(s.columnRef(c.Column).Base(), nil)
				own.take(s.comparison(source, c.Column), nil)
			}
		}
	}
	return own
}

// takeTable gathers the types that come with a table: from its root fields down,
// as far as they are its own.
func (o *ownTypes) takeTable(s *Schema, t *catalog.Table) {
	var fields []*Field
	if a, ok := s.access(t); ok {
		fields = s.tableRoots(a, querying)
		o.take(s.tableType(t), t) // it may have no root field
	}
	for _, f := range append(fields, s.tableMutations(t)...) {
		o.takeField(f, t)
	}
}

func (o *ownTypes) takeField(f *Field, of *catalog.Table) {
	o.take(f.Type.Base(), of)
	for _, a := range f.Args {
		o.take(a.Type.Base(), of)
	}
}

// take gathers a type and what it is made of. From the types of a table it goes
// no further than to those whose names begin with the table's; types that are
// shared (of no table) are made of nothing else.
func (o *ownTypes) take(t *Type, of *catalog.Table) {
	if _, known := o.types[t.Name]; known || t.Remote != nil || of != nil && !strings.HasPrefix(t.Name, of.TypeName()) && !slices.Contains(of.TypeNames(), t.Name) {
		return
	}
	o.types[t.Name] = t
	if of != nil {
		o.tables[t.Name] = of
	}
	for _, f := range t.Fields() {
		o.takeField(f, of)
	}
	for _, in := range t.Inputs() {
		o.take(in.Type.Base(), of)
	}
}

// differs names a member that one of two types of a kind has and the other has
// not, in the words of the first where it has it; empty when they are equal.
func differs(a, b *Type) string {
	first, second := members(a), members(b)
	for _, m := range first {
		if !slices.Contains(second, m) {
			return m
		}
	}
	for _, m := range second {
		if !slices.Contains(first, m) {
			return "no " + m
		}
	}
	return ""
}

// members describes what makes a type equal to another: one text for each field,
// value, interface and possible type.
func members(t *Type) []string {
	var out []string
	for _, f := range t.Fields() {
		arguments := make([]string, len(f.Args))
		for i, a := range f.Args {
			arguments[i] = a.describe()
		}
		slices.Sort(arguments)
		out = append(out, fmt.Sprintf("field %s(%s): %s", f.Name, strings.Join(arguments, ", "), f.Type))
	}
	for _, in := range t.Inputs() {
		out = append(out, "field "+in.describe())
	}
	for _, v := range t.Values() {
		out = append(out, "value "+v.Name)
	}
	for _, i := range t.Interfaces() {
		out = append(out, "interface "+i.Name)
	}
	for _, p := range t.Possible() {
		out = append(out, "possible type "+p.Name)
	}
	return out
}

// describe writes the input as GraphQL does.
func (in *Input) describe() string {
	if in.Default == "" {
		return in.Name + ": " + in.Type.String()
	}
	return in.Name + ": " + in.Type.String() + " = " + in.Default
}
