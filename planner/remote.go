package planner

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/plan"
	"dovetail/internal/schema"
)

// RemoteSourcePrefix tells the sources of remote schemas from databases in
// plans: the two have name spaces of their own.
const RemoteSourcePrefix = "remote_schema:"

// compiler finds the pure half of a fragment's source.
func (p *planner) compiler(source string) (catalog.Compiler, uint64, bool) {
	if len(source) > len(RemoteSourcePrefix) && source[:len(RemoteSourcePrefix)] == RemoteSourcePrefix {
		r, ok := p.schema.Catalog.RemoteSchema(source[len(RemoteSourcePrefix):])
		if !ok || r.Compiler == nil {
			return nil, 0, false
		}
		return r.Compiler, r.Version, true
	}
	s, ok := p.schema.Catalog.Source(source)
	if !ok || s.Compiler == nil {
		return nil, 0, false
	}
	return s.Compiler, s.Version, true
}

// remoteFragment is a fragment of root fields under construction.
type remoteFragment struct {
	fragment *plan.Fragment
	query    *plan.RemoteQuery
	holder   *holder
	remote   *remoteBuilder
}

// remoteBuilder gathers what one remote document needs while its selection is
// being planned.
type remoteBuilder struct {
	schema    *catalog.RemoteSchema
	presets   *catalog.RemotePermission
	variables []plan.RemoteVariable
}

func (p *planner) remoteBuilder(r *catalog.RemoteSchema) *remoteBuilder {
	b := &remoteBuilder{schema: r}
	if p.schema.Role != catalog.AdminRole && p.schema.Catalog.Settings.RemoteSchemaPermissions {
		b.presets = r.Permissions[p.schema.Role]
	}
	return b
}

// variable declares a client variable in the remote document, with its declared
// type in the remote schema's own names.
func (b *remoteBuilder) variable(def *ast.VariableDefinition, upstream *ast.Type) {
	for _, v := range b.variables {
		if v.Name == def.Variable {
			return
		}
	}
	b.variables = append(b.variables, plan.RemoteVariable{
		Name: def.Variable, Type: renamed(def.Type, upstream.Name()).String(),
	})
}

func renamed(t *ast.Type, name string) *ast.Type {
	out := *t
	if t.Elem != nil {
		out.Elem = renamed(t.Elem, name)
	} else {
		out.NamedType = name
	}
	return &out
}

// rootRemote plans a root field of a remote schema. All root fields of one
// remote schema share one fragment, and so one request.
func (p *planner) rootRemote(s *selected, b *schema.RootRemote, path []string) (plan.RootNode, error) {
	r, ok := p.remotes[b.Remote.Name]
	if !ok {
		if p.document.Operation.Operation == ast.Mutation {
			clear(p.remotes) // mutations of several remote schemas run in their order
		}
		r = &remoteFragment{
			query:  &plan.RemoteQuery{Operation: plan.OperationKind(p.document.Operation.Operation)},
			holder: newHolder(path), remote: p.remoteBuilder(b.Remote),
		}
		r.fragment = &plan.Fragment{Source: RemoteSourcePrefix + b.Remote.Name, Query: r.query, Path: path}
		p.remotes[b.Remote.Name] = r
	}
	r.holder.path = path
	f, err := p.remoteField(s, b.Field, p.rootType(b.Remote), r.remote, r.holder)
	if err != nil {
		return nil, err
	}
	r.query.Fields = append(r.query.Fields, f)
	r.query.Variables = r.remote.variables
	r.fragment.Joins = r.holder.joins
	return &plan.Fetch{Fragment: r.fragment, Ordinal: len(r.query.Fields) - 1, NonNull: s.field.Type.NonNull}, nil
}

// rootType is the upstream name of the operation's root type.
func (p *planner) rootType(r *catalog.RemoteSchema) string {
	root := r.Upstream.Query
	if p.document.Operation.Operation == ast.Mutation {
		root = r.Upstream.Mutation
	}
	if root == nil {
		return ""
	}
	return root.Name
}

// remoteField plans one field of a remote type, by the name of its parent type.
func (p *planner) remoteField(s *selected, def *ast.FieldDefinition, parent string, b *remoteBuilder, h *holder) (*plan.RemoteField, error) {
	arguments, err := p.remoteArguments(s, def, parent, nil, b)
	if err != nil {
		return nil, err
	}
	f := &plan.RemoteField{Key: s.key, Name: def.Name, Arguments: arguments}
	if t := s.field.Type.Base(); t.IsComposite() {
		f.Object = true
		if f.Fields, err = p.remoteSelection(s.set(), t, s.path, b, h); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// remoteSelection plans a selection set on a remote type.
func (p *planner) remoteSelection(set ast.SelectionSet, on *schema.Type, path string, b *remoteBuilder, h *holder) ([]plan.RemoteNode, error) {
	if on.Kind != schema.Object {
		return p.remoteAbstract(set, on, path, b, h)
	}
	members, err := p.collect(set, on, path)
	if err != nil {
		return nil, err
	}
	out := make([]plan.RemoteNode, 0, len(members))
	for _, m := range members {
		node, err := p.remoteMember(m, on, b, h)
		if err != nil {
			return nil, err
		}
		out = append(out, node)
	}
	return out, nil
}

func (p *planner) remoteMember(s *selected, on *schema.Type, b *remoteBuilder, h *holder) (plan.RemoteNode, error) {
	if s.field == nil {
		return &plan.RemoteTypename{Key: s.key, Names: b.schema.Customization.Types}, nil
	}
	var node plan.RemoteNode
	err := h.inside(s.key, func() error {
		var err error
		switch binding := s.field.Binding.(type) {
		case *schema.RemoteFieldOf:
			node, err = p.remoteField(s, binding.Field, on.Upstream.Name, b, h)
		case *schema.RemoteRows:
			var join *plan.Join
			join, err = p.joinRows(s, binding.Relationship, h)
			node = &plan.RemoteHole{Key: s.key, Join: join}
		case *schema.RemoteAggregate:
			var join *plan.Join
			join, err = p.joinAggregate(s, binding.Relationship, h)
			node = &plan.RemoteHole{Key: s.key, Join: join}
		case *schema.RemoteLookup:
			var join *plan.Join
			join, err = p.joinRemote(s, binding, h)
			node = &plan.RemoteHole{Key: s.key, Join: join}
		default:
			err = &Error{Code: CodeUnexpected, Path: s.path, Message: "field '" + s.field.Name + "' is not a field of a remote type"}
		}
		return err
	})
	return node, err
}

// abstractSet is a selection set on an interface or union, taken apart: what is
// asked of every type, and what of single ones.
type abstractSet struct {
	own     ast.SelectionSet
	types   []*schema.Type
	forType map[*schema.Type]ast.SelectionSet
	// order is where response keys and types first appeared.
	order []abstractPlace
}

// abstractPlace is a place for a response key, or for what is asked of a type.
type abstractPlace struct {
	key string
	on  *schema.Type
}

func (a *abstractSet) add(f *ast.Field) {
	a.own = append(a.own, f)
	key := f.Alias
	if key == "" {
		key = f.Name
	}
	if place := (abstractPlace{key: key}); !slices.Contains(a.order, place) {
		a.order = append(a.order, place)
	}
}

func (a *abstractSet) addTo(t *schema.Type, set ast.SelectionSet) {
	if _, known := a.forType[t]; !known {
		a.types = append(a.types, t)
		a.order = append(a.order, abstractPlace{on: t})
	}
	a.forType[t] = append(a.forType[t], set...)
}

// remoteAbstract plans a selection set on an interface or union: its own fields,
// and one inline fragment for each type that fragments name.
func (p *planner) remoteAbstract(set ast.SelectionSet, on *schema.Type, path string, b *remoteBuilder, h *holder) ([]plan.RemoteNode, error) {
	parts := &abstractSet{forType: map[*schema.Type]ast.SelectionSet{}}
	if err := p.takeApart(set, on, path, parts); err != nil {
		return nil, err
	}
	members, err := p.collect(parts.own, on, path)
	if err != nil {
		return nil, err
	}
	out := make([]plan.RemoteNode, 0, len(parts.order))
	for _, place := range parts.order {
		if place.on != nil {
			fields, err := p.remoteSelection(parts.forType[place.on], place.on, path, b, h)
			if err != nil {
				return nil, err
			}
			out = append(out, &plan.RemoteInline{Type: place.on.Upstream.Name, Fields: fields})
			continue
		}
		i := slices.IndexFunc(members, func(m *selected) bool { return m.key == place.key })
		if i < 0 {
			continue // a directive left it out
		}
		node, err := p.remoteMember(members[i], on, b, h)
		if err != nil {
			return nil, err
		}
		out = append(out, node)
	}
	return out, nil
}

func (p *planner) takeApart(set ast.SelectionSet, on *schema.Type, path string, parts *abstractSet) error {
	for _, item := range set {
		var err error
		switch item := item.(type) {
		case *ast.Field:
			parts.add(item)
		case *ast.InlineFragment:
			err = p.takeFragment(item.Directives, item.TypeCondition, item.SelectionSet, on, path, parts)
		case *ast.FragmentSpread:
			f := p.document.fragments[item.Name]
			err = p.takeFragment(item.Directives, f.TypeCondition, f.SelectionSet, on, path, parts)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// takeFragment adds a fragment to the types it applies to: one, or all that
// implement the interface it names.
func (p *planner) takeFragment(directives ast.DirectiveList, condition string, set ast.SelectionSet, on *schema.Type, path string, parts *abstractSet) error {
	keep, err := p.directives(directives, path, "fragment")
	if err != nil || !keep {
		return err
	}
	if condition == "" || condition == on.Name {
		return p.takeApart(set, on, path, parts)
	}
	for _, t := range on.Possible() {
		if !applies(condition, t) {
			continue
		}
		parts.addTo(t, set)
	}
	return nil
}
