package schema

import (
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/plan"
)

// remoteView is what the role sees of a remote schema: the upstream schema, or
// the role's own document.
func (s *Schema) remoteView(r *catalog.RemoteSchema) (*ast.Schema, *catalog.RemotePermission, bool) {
	if r.Upstream == nil {
		return nil, nil, false
	}
	if s.Role == catalog.AdminRole || !s.Catalog.Settings.RemoteSchemaPermissions {
		return r.Upstream, nil, true
	}
	p, ok := r.Permissions[s.Role]
	if !ok {
		return nil, nil, false
	}
	return p.Schema, p, true
}

// mutable tells whether the role can change anything, in some remote schema.
func (s *Schema) mutable() bool {
	for _, r := range s.Catalog.RemoteSchemas {
		view, _, ok := s.remoteView(r)
		if !ok || view.Mutation == nil {
			continue
		}
		if slices.ContainsFunc(view.Mutation.Fields, func(f *ast.FieldDefinition) bool {
			return !strings.HasPrefix(f.Name, "__") && !r.HiddenMutations[f.Name]
		}) {
			return true
		}
	}
	return false
}

// remoteRoots are the fields that the remote schemas put into a root type.
func (s *Schema) remoteRoots(op operation) []*Field {
	var out []*Field
	for _, r := range s.Catalog.RemoteSchemas {
		view, _, ok := s.remoteView(r)
		if !ok {
			continue
		}
		root, hidden := view.Query, r.HiddenRoots
		if op == mutating {
			root, hidden = view.Mutation, r.HiddenMutations
		}
		if root == nil {
			continue
		}
		fields := s.remoteFields(r, root, func(f *ast.FieldDefinition) Binding {
			return &RootRemote{Remote: r, Field: f}
		})
		fields = slices.DeleteFunc(fields, func(f *Field) bool {
			root, ok := f.Binding.(*RootRemote)
			return ok && hidden[root.Field.Name]
		})
		if len(fields) == 0 {
			continue
		}
		if ns := r.Customization.Namespace; ns != "" {
			name := remoteTypeName(r, root.Name)
			t := s.intern("remote "+r.Name+" "+string(op)+" namespace "+ns, func() *Type {
				return &Type{Kind: Object, Name: name, fill: func(x *Type) { x.fields = fields }}
			})
			out = append(out, &Field{Name: ns, Type: Required(Named(t)), Binding: &RootNamespace{}})
			continue
		}
		out = append(out, fields...)
	}
	return out
}

func remoteTypeName(r *catalog.RemoteSchema, upstream string) string {
	if name, ok := r.Customization.Types[upstream]; ok {
		return name
	}
	return upstream
}

func remoteFieldName(r *catalog.RemoteSchema, parent, upstream string) string {
	if name, ok := r.Customization.Fields[parent][upstream]; ok {
		return name
	}
	return upstream
}

func (s *Schema) remoteFields(r *catalog.RemoteSchema, parent *ast.Definition, bind func(*ast.FieldDefinition) Binding) []*Field {
	_, permission, _ := s.remoteView(r)
	out := make([]*Field, 0, len(parent.Fields))
	for _, f := range parent.Fields {
		if len(f.Name) > 1 && f.Name[:2] == "__" {
			continue
		}
		var presets map[string]plan.Value
		if permission != nil {
			presets = permission.Presets[parent.Name][f.Name]
		}
		field := &Field{
			Name: remoteFieldName(r, parent.Name, f.Name), Description: f.Description,
			Type: s.remoteRef(r, f.Type), Binding: bind(f), Deprecation: deprecation(f.Directives),
		}
		for _, a := range f.Arguments {
			if _, preset := presets[a.Name]; !preset {
				field.Args = append(field.Args, s.remoteArgument(r, a))
			}
		}
		out = append(out, field)
	}
	return out
}

func (s *Schema) remoteArgument(r *catalog.RemoteSchema, a *ast.ArgumentDefinition) *Input {
	in := &Input{
		Name: a.Name, Description: a.Description, Type: s.remoteRef(r, a.Type),
		Binding: &RemoteArgument{Name: a.Name},
	}
	if a.DefaultValue != nil {
		in.Default = a.DefaultValue.String()
	}
	return in
}

func deprecation(directives ast.DirectiveList) *string {
	d := directives.ForName("deprecated")
	if d == nil {
		return nil
	}
	reason := "No longer supported"
	if a := d.Arguments.ForName("reason"); a != nil && a.Value != nil {
		reason = a.Value.Raw
	}
	return &reason
}

// remoteRef translates a use of an upstream type.
func (s *Schema) remoteRef(r *catalog.RemoteSchema, t *ast.Type) Ref {
	var ref Ref
	if t.Elem != nil {
		ref = List(s.remoteRef(r, t.Elem))
	} else {
		ref = Named(s.remoteType(r, t.NamedType))
	}
	ref.NonNull = t.NonNull
	return ref
}

// remoteType is our type for an upstream type.
func (s *Schema) remoteType(r *catalog.RemoteSchema, name string) *Type {
	if isBuiltinScalar(name) {
		return s.scalar(remoteTypeName(r, name))
	}
	view, _, ok := s.remoteView(r)
	if !ok || view.Types[name] == nil {
		return s.scalar(name)
	}
	def := view.Types[name]
	if def.Kind == ast.Scalar {
		return s.named(Scalar, remoteTypeName(r, name), def.Description, nil)
	}
	return s.intern("remote "+r.Name+" "+name, func() *Type {
		return &Type{
			Kind: remoteKind(def.Kind), Name: remoteTypeName(r, name), Description: def.Description,
			Upstream: def, Remote: r, fill: func(t *Type) { s.fillRemote(t, r, view, def) },
		}
	})
}

func remoteKind(k ast.DefinitionKind) Kind {
	switch k {
	case ast.Object:
		return Object
	case ast.Interface:
		return Interface
	case ast.Union:
		return Union
	case ast.Enum:
		return Enum
	case ast.InputObject:
		return InputObject
	case ast.Scalar:
	}
	return Scalar
}

func (s *Schema) fillRemote(t *Type, r *catalog.RemoteSchema, view *ast.Schema, def *ast.Definition) {
	_, permission, _ := s.remoteView(r)
	switch def.Kind {
	case ast.Object, ast.Interface:
		t.fields = s.remoteFields(r, def, func(f *ast.FieldDefinition) Binding {
			return &RemoteFieldOf{Remote: r, Field: f}
		})
		if rel := r.Relationships[def.Name]; rel != nil && def.Kind == ast.Object {
			for _, x := range rel.ToSource {
				t.fields = append(t.fields, s.toSourceFields(&catalog.Customization{}, x)...)
			}
			for _, x := range rel.ToRemoteSchema {
				if f, ok := s.toRemoteField(x.Name, x); ok {
					t.fields = append(t.fields, f)
				}
			}
		}
		for _, i := range def.Interfaces {
			t.interfaces = append(t.interfaces, s.remoteType(r, i))
		}
		if def.Kind == ast.Interface {
			s.fillPossible(t, r, view, def)
		}
		for _, of := range view.GetImplements(def) {
			if of.Kind == ast.Union {
				t.unions = append(t.unions, remoteTypeName(r, of.Name))
			}
		}
	case ast.Union:
		s.fillPossible(t, r, view, def)
	case ast.Enum:
		for _, v := range def.EnumValues {
			t.values = append(t.values, &EnumValue{Name: v.Name, Description: v.Description, Deprecation: deprecation(v.Directives)})
		}
	case ast.InputObject:
		for _, f := range def.Fields {
			if permission != nil {
				if _, preset := permission.InputPresets[def.Name][f.Name]; preset {
					continue
				}
			}
			in := &Input{
				Name: f.Name, Description: f.Description, Type: s.remoteRef(r, f.Type),
				Binding: &RemoteArgument{Name: f.Name},
			}
			if f.DefaultValue != nil {
				in.Default = f.DefaultValue.String()
			}
			t.inputs = append(t.inputs, in)
		}
	case ast.Scalar:
	}
}

func (s *Schema) fillPossible(t *Type, r *catalog.RemoteSchema, view *ast.Schema, def *ast.Definition) {
	for _, p := range view.GetPossibleTypes(def) {
		if p.Kind == ast.Object {
			t.possible = append(t.possible, s.remoteType(r, p.Name))
		}
	}
}

// toRemoteField is the field of a remote relationship to a remote schema. The
// arguments of its last step that the metadata leaves open are the user's; the
// outermost type is nullable unless joins are strict.
func (s *Schema) toRemoteField(name string, r *catalog.ToRemoteSchema) (*Field, bool) {
	view, permission, ok := s.remoteView(r.Remote)
	if !ok || len(r.Steps) == 0 {
		return nil, false
	}
	binding := &RemoteLookup{Relationship: r, Steps: r.Steps}
	if r.Batch != nil {
		binding.BatchSteps, binding.Entities = r.Batch.Steps, r.Batch.Entities != nil
	}
	if permission != nil {
		if binding.Steps, ok = allowedSteps(view, r.Steps); !ok {
			return nil, false
		}
		if binding.BatchSteps, ok = allowedSteps(view, binding.BatchSteps); !ok {
			binding.BatchSteps = nil
		}
		binding.Entities = binding.Entities && view.Query.Fields.ForName("_entities") != nil && len(permission.Presets[view.Query.Name]["_entities"]) == 0
	}
	last := binding.Steps[len(binding.Steps)-1]
	f := &Field{
		Name: name, Description: last.Field.Description, Type: s.remoteRef(r.Remote, last.Field.Type), Binding: binding,
		Deprecation: deprecation(last.Field.Directives),
	}
	if !s.Catalog.Settings.StrictRemoteJoins {
		f.Type = Nullable(f.Type)
	}
	var presets map[string]plan.Value
	if permission != nil {
		presets = permission.Presets[last.Parent.Name][last.Field.Name]
	}
	for _, a := range last.Field.Arguments {
		template, given := findTemplate(last.Arguments, a.Name)
		if _, preset := presets[a.Name]; preset {
			continue
		}
		if !given {
			f.Args = append(f.Args, s.remoteArgument(r.Remote, a))
			continue
		}
		if in, ok := s.partialArgument(r, a, template); ok {
			f.Args = append(f.Args, in)
		}
	}
	return f, true
}

func findTemplate(templates []catalog.RemoteTemplate, name string) (catalog.RemoteTemplate, bool) {
	for _, t := range templates {
		if t.Name == name {
			return t, true
		}
	}
	return catalog.RemoteTemplate{}, false
}

// allowedSteps are the steps as the role sees them: its document must have every
// field on the way, with the arguments that the metadata gives.
func allowedSteps(view *ast.Schema, steps []catalog.RemoteStep) ([]catalog.RemoteStep, bool) {
	out := make([]catalog.RemoteStep, 0, len(steps))
	for _, step := range steps {
		def := view.Types[step.Parent.Name]
		if def == nil {
			return nil, false
		}
		field := def.Fields.ForName(step.Field.Name)
		if field == nil {
			return nil, false
		}
		for _, t := range step.Arguments {
			a := field.Arguments.ForName(t.Name)
			if a == nil || !allowedValue(view, a.Type, t.Value) {
				return nil, false
			}
		}
		out = append(out, catalog.RemoteStep{Field: field, Parent: def, Arguments: step.Arguments})
	}
	return out, true
}

// allowedValue tells whether the role's document has the keys and enum values
// of a template.
func allowedValue(view *ast.Schema, t *ast.Type, v plan.Value) bool {
	def := view.Types[t.Name()]
	switch v := v.(type) {
	case *plan.ObjectValue:
		if def == nil || def.Kind == ast.Scalar {
			return def != nil
		}
		for i, key := range v.Keys {
			f := def.Fields.ForName(key)
			if f == nil || !allowedValue(view, f.Type, v.Values[i]) {
				return false
			}
		}
	case *plan.ListValue:
		for _, item := range v.Items {
			if !allowedValue(view, t, item) {
				return false
			}
		}
	case *plan.RemoteEnum:
		return def != nil && (def.Kind != ast.Enum || def.EnumValues.ForName(v.Name) != nil)
	case *plan.Literal, *plan.Variable, *plan.SessionVariable, *plan.BindingValue, *plan.Token:
	}
	return true
}

// partialArgument is an argument of which the metadata gives only some keys of
// an input object: the user may give the others.
func (s *Schema) partialArgument(r *catalog.ToRemoteSchema, a *ast.ArgumentDefinition, t catalog.RemoteTemplate) (*Input, bool) {
	object, ok := t.Value.(*plan.ObjectValue)
	if !ok || a.Type.Elem != nil {
		return nil, false
	}
	open := s.openInput(r, a.Type.NamedType, object)
	if open == nil {
		return nil, false
	}
	return &Input{Name: a.Name, Description: a.Description, Type: Named(open), Binding: &RemoteArgument{Name: a.Name}}, true
}

// openInput is an input object without the keys that the metadata gives; nil
// when none are left.
func (s *Schema) openInput(r *catalog.ToRemoteSchema, typeName string, given *plan.ObjectValue) *Type {
	base := s.remoteType(r.Remote, typeName)
	if base.Kind != InputObject {
		return nil
	}
	var inputs []*Input
	for _, in := range base.Inputs() {
		value, ok := lookupObject(given, in.Name)
		if !ok {
			inputs = append(inputs, in)
			continue
		}
		inner, ok := value.(*plan.ObjectValue)
		if !ok || in.Type.List != nil {
			continue
		}
		if open := s.openInput(r, in.Type.Named.Upstream.Name, inner); open != nil {
			copied := *in
			copied.Type = Named(open)
			inputs = append(inputs, &copied)
		}
	}
	if len(inputs) == 0 {
		return nil
	}
	name := base.Name + "_remote_rel_" + r.LeftName + r.Name
	return s.intern("remote "+r.Remote.Name+" for "+r.LeftName+"."+r.Name+" "+base.Name, func() *Type {
		return &Type{Kind: InputObject, Name: name, Upstream: base.Upstream, Remote: r.Remote, fill: func(t *Type) { t.inputs = inputs }}
	})
}

func lookupObject(o *plan.ObjectValue, key string) (plan.Value, bool) {
	for i, k := range o.Keys {
		if k == key {
			return o.Values[i], true
		}
	}
	return nil, false
}
