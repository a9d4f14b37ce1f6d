package schema

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/metadata/catalog"
	"dovetail/plan"
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

// remoteRoots are the query fields of the remote schemas.
func (s *Schema) remoteRoots() []*Field {
	var out []*Field
	for _, r := range s.Catalog.RemoteSchemas {
		view, _, ok := s.remoteView(r)
		if !ok || view.Query == nil {
			continue
		}
		fields := s.remoteFields(r, view.Query, func(f *ast.FieldDefinition) Binding {
			return &RootRemote{Remote: r, Field: f}
		})
		fields = slices.DeleteFunc(fields, func(f *Field) bool {
			root, ok := f.Binding.(*RootRemote)
			return ok && r.HiddenRoots[root.Field.Name]
		})
		if ns := r.Customization.Namespace; ns != "" {
			name := remoteTypeName(r, view.Query.Name)
			t := s.intern("remote "+r.Name+" namespace "+ns, func() *Type {
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
	switch name {
	case "Int", "Float", "String", "Boolean", "ID":
		return s.scalar(name)
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
	last := r.Steps[len(r.Steps)-1]
	if permission != nil && !allowedSteps(view, r.Steps) {
		return nil, false
	}
	f := &Field{
		Name: name, Description: last.Field.Description, Type: s.remoteRef(r.Remote, last.Field.Type),
		Binding: &RemoteLookup{Relationship: r},
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
		if in, ok := s.partialArgument(r, a, template, name); ok {
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

// allowedSteps tells whether the role's document has every field on the way.
func allowedSteps(view *ast.Schema, steps []catalog.RemoteStep) bool {
	for _, step := range steps {
		def := view.Types[step.Parent.Name]
		if def == nil || def.Fields.ForName(step.Field.Name) == nil {
			return false
		}
	}
	return true
}

// partialArgument is an argument of which the metadata gives only some keys of
// an input object: the user may give the others.
func (s *Schema) partialArgument(r *catalog.ToRemoteSchema, a *ast.ArgumentDefinition, t catalog.RemoteTemplate, field string) (*Input, bool) {
	object, ok := t.Value.(*plan.ObjectValue)
	if !ok || a.Type.Elem != nil {
		return nil, false
	}
	open := s.openInput(r.Remote, a.Type.NamedType, object, field)
	if open == nil {
		return nil, false
	}
	return &Input{Name: a.Name, Description: a.Description, Type: Named(open), Binding: &RemoteArgument{Name: a.Name}}, true
}

// openInput is an input object without the keys that the metadata gives; nil
// when none are left.
func (s *Schema) openInput(r *catalog.RemoteSchema, typeName string, given *plan.ObjectValue, field string) *Type {
	base := s.remoteType(r, typeName)
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
		if open := s.openInput(r, in.Type.Named.Upstream.Name, inner, field); open != nil {
			copied := *in
			copied.Type = Named(open)
			inputs = append(inputs, &copied)
		}
	}
	if len(inputs) == 0 {
		return nil
	}
	name := base.Name + "_remote_rel_" + r.Name + field
	return s.intern("remote "+r.Name+" "+name, func() *Type {
		return &Type{Kind: InputObject, Name: name, Upstream: base.Upstream, Remote: r, fill: func(t *Type) { t.inputs = inputs }}
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
