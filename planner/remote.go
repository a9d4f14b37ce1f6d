package planner

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/metadata/catalog"
	"dovetail/plan"
	"dovetail/schema"
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

// remoteArguments gives the arguments of a remote field: the user's, merged into
// what the metadata's templates and the role's presets give.
func (p *planner) remoteArguments(s *selected, def *ast.FieldDefinition, parent string, templates []catalog.RemoteTemplate, b *remoteBuilder) ([]plan.RemoteArgument, error) {
	var presets map[string]plan.Value
	if b.presets != nil {
		presets = b.presets.Presets[parent][def.Name]
	}
	var out []plan.RemoteArgument
	for _, a := range def.Arguments {
		var value plan.Value
		for _, t := range templates {
			if t.Name == a.Name {
				value = t.Value
			}
		}
		if preset, ok := presets[a.Name]; ok {
			value = overrideValues(value, preset)
		}
		in, open := (*schema.Input)(nil), false
		if s != nil {
			in, open = s.field.Arg(a.Name)
		}
		if open {
			path := under(s.path+".args", a.Name)
			v, err := p.load(s.argument(a.Name), in.Type, in.Default != "", path)
			if err != nil {
				return nil, err
			}
			if v.missing && value == nil && in.Type.NonNull && in.Default == "" {
				return nil, invalid(path, "missing required field '%s'", a.Name)
			}
			if !v.missing {
				given, err := p.remoteValue(v, in.Type, a.Type, path, b)
				if err != nil {
					return nil, err
				}
				value = mergeValues(value, given)
			}
		}
		if value = b.withPresets(value, a.Type, false); value != nil {
			out = append(out, plan.RemoteArgument{Name: a.Name, Type: a.Type.String(), Value: value})
		}
	}
	return out, nil
}

// mergeValues unites what the metadata gives with what the user gives: objects
// key by key, lists one after the other. A null takes nothing away.
func mergeValues(base, given plan.Value) plan.Value {
	if l, ok := given.(*plan.Literal); ok && base != nil && l.JSON.IsNull() {
		return base
	}
	switch base := base.(type) { //nolint:gochecksumtype // only these two hold parts
	case *plan.ObjectValue:
		object, ok := given.(*plan.ObjectValue)
		if !ok {
			return given
		}
		out := &plan.ObjectValue{Keys: slices.Clone(base.Keys), Values: slices.Clone(base.Values)}
		for i, key := range object.Keys {
			if at := slices.Index(out.Keys, key); at >= 0 {
				out.Values[at] = mergeValues(out.Values[at], object.Values[i])
				continue
			}
			out.Keys = append(out.Keys, key)
			out.Values = append(out.Values, object.Values[i])
		}
		return out
	case *plan.ListValue:
		if list, ok := given.(*plan.ListValue); ok {
			return &plan.ListValue{Items: append(slices.Clone(base.Items), list.Items...)}
		}
	}
	return given
}

// remoteValue turns an input for a remote schema into what the plan sends.
func (p *planner) remoteValue(v value, ref schema.Ref, upstream *ast.Type, path string, b *remoteBuilder) (plan.Value, error) {
	if v.lit == nil {
		if ref.Base().Kind == schema.InputObject && p.expands(ref, b) {
			return p.remoteStructure(v, ref, upstream, path, b)
		}
		if len(v.path) == 0 {
			b.variable(p.document.Operation.VariableDefinitions.ForName(v.name), upstream)
		}
		return &plan.Variable{Name: v.name, Path: v.path}, nil
	}
	if !hasVariable(v.lit) {
		if err := p.checkLiteral(ref, v.lit, path); err != nil {
			return nil, err
		}
	}
	switch v.lit.Kind {
	case ast.EnumValue:
		if ref.Base().Kind == schema.Enum {
			return &plan.RemoteEnum{Name: v.lit.Raw}, nil
		}
	case ast.ListValue, ast.ObjectValue:
		if ref.Base().Kind != schema.Scalar || hasVariable(v.lit) {
			return p.remoteStructure(v, ref, upstream, path, b)
		}
	case ast.Variable, ast.IntValue, ast.FloatValue, ast.StringValue, ast.BlockValue, ast.BooleanValue, ast.NullValue:
	}
	j, err := literalJSON(v.lit, path)
	return &plan.Literal{JSON: j}, err
}

// expands tells whether an input object has to be taken apart: the role's
// presets go into it, or its type is a narrowed one.
func (p *planner) expands(ref schema.Ref, b *remoteBuilder) bool {
	t := ref.Base()
	if t.Upstream != nil && len(t.Inputs()) < len(t.Upstream.Fields) {
		return true
	}
	return b.presets != nil && len(b.presets.InputPresets) > 0
}

// withPresets puts the role's presets into the input objects of a value. An
// argument that the user leaves out doesn't escape them, as long as its input
// object needs nothing else.
func (b *remoteBuilder) withPresets(v plan.Value, t *ast.Type, nested bool) plan.Value {
	if b.presets == nil || len(b.presets.InputPresets) == 0 {
		return v
	}
	switch value := v.(type) { //nolint:gochecksumtype // the rest have no parts
	case *plan.ListValue:
		if t.Elem == nil {
			return v
		}
		out := &plan.ListValue{Items: make([]plan.Value, 0, len(value.Items))}
		for _, item := range value.Items {
			out.Items = append(out.Items, b.withPresets(item, t.Elem, true))
		}
		return out
	case *plan.ObjectValue:
		return b.objectPresets(value, t)
	case *plan.Literal:
		if !value.JSON.IsNull() {
			return v
		}
	case nil:
	default:
		return v
	}
	presets := b.presets.InputPresets[t.NamedType]
	if nested || t.Elem != nil || len(presets) == 0 {
		return v
	}
	for _, f := range b.presets.Schema.Types[t.NamedType].Fields {
		if _, preset := presets[f.Name]; !preset && f.Type.NonNull && f.DefaultValue == nil {
			return v
		}
	}
	return b.objectPresets(&plan.ObjectValue{}, t)
}

func (b *remoteBuilder) objectPresets(value *plan.ObjectValue, t *ast.Type) plan.Value {
	def := b.presets.Schema.Types[t.Name()]
	if def == nil || def.Kind != ast.InputObject {
		return value
	}
	out := &plan.ObjectValue{}
	presets := b.presets.InputPresets[def.Name]
	for i, key := range value.Keys {
		if f := def.Fields.ForName(key); f != nil && presets[key] == nil {
			out.Keys, out.Values = append(out.Keys, key), append(out.Values, b.withPresets(value.Values[i], f.Type, true))
		}
	}
	for _, f := range def.Fields {
		if preset, ok := presets[f.Name]; ok {
			out.Keys, out.Values = append(out.Keys, f.Name), append(out.Values, preset)
		}
	}
	return out
}

// overrideValues puts a preset over what a relationship gives: objects key by
// key, anything else as a whole.
func overrideValues(base, preset plan.Value) plan.Value {
	object, ok := base.(*plan.ObjectValue)
	over, also := preset.(*plan.ObjectValue)
	if !ok || !also {
		return preset
	}
	out := &plan.ObjectValue{Keys: slices.Clone(object.Keys), Values: slices.Clone(object.Values)}
	for i, key := range over.Keys {
		if at := slices.Index(out.Keys, key); at >= 0 {
			out.Values[at] = overrideValues(out.Values[at], over.Values[i])
			continue
		}
		out.Keys, out.Values = append(out.Keys, key), append(out.Values, over.Values[i])
	}
	return out
}

func (p *planner) remoteStructure(v value, ref schema.Ref, upstream *ast.Type, path string, b *remoteBuilder) (plan.Value, error) {
	if v.isNull() {
		return &plan.Literal{}, nil
	}
	if ref.List != nil {
		element := upstream
		if upstream.Elem != nil {
			element = upstream.Elem
		}
		items, err := p.list(v, *ref.List, path)
		if err != nil {
			return nil, err
		}
		out := &plan.ListValue{}
		for i, item := range items {
			if item.missing {
				out.Items = append(out.Items, &plan.Literal{})
				continue
			}
			inner, err := p.remoteValue(item, *ref.List, element, indexed(path, i), b)
			if err != nil {
				return nil, err
			}
			out.Items = append(out.Items, inner)
		}
		return out, nil
	}
	t := ref.Named
	if t.Kind != schema.InputObject {
		return p.symbolic(v, ref, path)
	}
	members, err := v.object(t.Name, path)
	if err != nil {
		return nil, err
	}
	out := &plan.ObjectValue{}
	for _, m := range members {
		here := under(path, m.key)
		in, ok := t.Input(m.key)
		if !ok {
			return nil, invalid(here, "field '%s' not found in type: '%s'", m.key, t.Name)
		}
		inner, err := p.of(m, in.Type, in.Default != "", here)
		if err != nil {
			return nil, err
		}
		if inner.missing {
			continue
		}
		field := t.Upstream.Fields.ForName(m.key)
		converted, err := p.remoteValue(inner, in.Type, field.Type, here, b)
		if err != nil {
			return nil, err
		}
		out.Keys = append(out.Keys, m.key)
		out.Values = append(out.Values, converted)
	}
	for _, in := range t.Inputs() {
		if in.Type.NonNull && in.Default == "" && !slices.Contains(out.Keys, in.Name) {
			return nil, invalid(under(path, in.Name), "missing required field '%s'", in.Name)
		}
	}
	return out, nil
}

// joinRemote plans a remote relationship to a field of a remote schema.
func (p *planner) joinRemote(s *selected, binding *schema.RemoteLookup, h *holder) (*plan.Join, error) {
	r := binding.Relationship
	b := p.remoteBuilder(r.Remote)
	below := newHolder(h.path)
	steps := binding.Steps
	query := &plan.RemoteQuery{Operation: plan.OperationQuery}
	last := steps[len(steps)-1]
	if r.Batch != nil && len(binding.BatchSteps) > 0 && batchTakes(s, binding.BatchSteps) {
		steps = binding.BatchSteps
		query.Batch = &plan.RemoteBatch{Match: r.Batch.Match, Many: last.Field.Type.Elem != nil}
	}
	var field *plan.RemoteField
	var err error
	if binding.Entities && len(s.nodes[0].Arguments) == 0 {
		query.Batch = &plan.RemoteBatch{Entities: &plan.RemoteEntities{Type: r.Batch.Entities.Type, Key: r.Batch.Entities.Key}}
		field, err = p.entityField(s, b, below)
	} else {
		field, err = p.lookupField(s, steps, b, below)
		for _, step := range steps[1:] {
			query.Extract = append(query.Extract, step.Field.Name)
		}
	}
	if err != nil {
		return nil, err
	}
	query.Fields = []*plan.RemoteField{field}
	query.Variables = b.variables
	bindings := make([]plan.Binding, 0, len(r.Left))
	keys := make([]plan.JoinKey, 0, len(r.Left))
	for _, left := range r.Left {
		key := leftKey(left)
		keys = append(keys, key)
		binding := plan.Binding{Name: left.Name, Type: key.Type}
		if left.Argument != nil {
			binding.GraphQL = left.Argument.String()
		}
		bindings = append(bindings, binding)
	}
	onNull := "null"
	if last.Field.Type.Elem != nil {
		onNull = "[]"
	}
	child := p.fragment(RemoteSourcePrefix+r.Remote.Name, query, bindings, below)
	return h.add(&plan.Join{
		Field: s.key, Relationship: r.Name, Child: child, Keys: keys, OnNull: []byte(onNull),
	}), nil
}

// batchTakes tells whether the list lookup takes every argument that the user
// gives.
func batchTakes(s *selected, steps []catalog.RemoteStep) bool {
	last := steps[len(steps)-1]
	for _, a := range s.nodes[0].Arguments {
		if last.Field.Arguments.ForName(a.Name) == nil {
			return false
		}
	}
	return true
}

// entityField asks an Apollo subgraph for entities.
func (p *planner) entityField(s *selected, b *remoteBuilder, h *holder) (*plan.RemoteField, error) {
	f := &plan.RemoteField{Key: "_entities", Name: "_entities", Object: true}
	var err error
	f.Fields, err = p.remoteSelection(s.set(), s.field.Type.Base(), s.path, b, h)
	return f, err
}

// lookupField nests the steps of a remote relationship; the last one carries
// the user's arguments and selection.
func (p *planner) lookupField(s *selected, steps []catalog.RemoteStep, b *remoteBuilder, h *holder) (*plan.RemoteField, error) {
	last := steps[len(steps)-1]
	arguments, err := p.remoteArguments(s, last.Field, last.Parent.Name, last.Arguments, b)
	if err != nil {
		return nil, err
	}
	f := &plan.RemoteField{Key: last.Field.Name, Name: last.Field.Name, Arguments: arguments}
	if t := s.field.Type.Base(); t.IsComposite() {
		f.Object = true
		if f.Fields, err = p.remoteSelection(s.set(), t, s.path, b, h); err != nil {
			return nil, err
		}
	}
	for i := len(steps) - 2; i >= 0; i-- {
		step := steps[i]
		arguments, err := p.remoteArguments(nil, step.Field, step.Parent.Name, step.Arguments, b)
		if err != nil {
			return nil, err
		}
		f = &plan.RemoteField{
			Key: step.Field.Name, Name: step.Field.Name, Arguments: arguments, Object: true, Fields: []plan.RemoteNode{f},
		}
	}
	return f, nil
}
