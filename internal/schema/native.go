package schema

import "dovetail/internal/metadata/catalog"

// nativeRoot is the root field of a native query.
func (s *Schema) nativeRoot(q *catalog.NativeQuery) (*Field, bool) {
	if !s.nativeVisible(q) {
		return nil, false
	}
	n := namesOf(q.Source)
	return &Field{
		Name: n.RootName(q.Name), Description: q.Description,
		Type: Required(List(Required(Named(s.nativeType(q))))),
		Args: append(s.nativeArguments(q), s.rowArguments(q.Returns.Rows)...), Binding: &RootNativeQuery{Query: q},
	}, true
}

func (s *Schema) nativeVisible(q *catalog.NativeQuery) bool {
	if q.Returns == nil || q.Returns.Rows == nil {
		return false
	}
	a, ok := s.access(q.Returns.Rows)
	return ok && (len(a.columns()) > 0 || len(q.Relationships) > 0)
}

// nativeType is the object type of a native query's rows: the fields of its
// logical model, and its relationships. Queries with the same model have the
// same relationships, but each finds its rows in its own way.
func (s *Schema) nativeType(q *catalog.NativeQuery) *Type {
	t := q.Returns.Rows
	if len(q.Relationships) == 0 {
		return s.tableType(t)
	}
	name := t.TypeName()
	return s.intern("native query "+q.Source.Name+"."+q.Name, func() *Type {
		return &Type{Kind: Object, Name: name, Description: t.Description, Table: t, fill: func(x *Type) {
			x.fields = s.tableFields(t)
			for _, r := range q.Relationships {
				if s.nativeVisible(r.Target) {
					x.fields = append(x.fields, s.nativeRelationship(r))
				}
			}
		}}
	})
}

func (s *Schema) nativeRelationship(r *catalog.NativeRelationship) *Field {
	f := &Field{
		Name: r.Name, Description: "An object relationship", Type: Named(s.nativeType(r.Target)),
		Args: s.nativeArguments(r.Target), Binding: &NativeRelated{Relationship: r},
	}
	if r.Array {
		f.Description = "An array relationship"
		f.Type = Required(List(Required(f.Type)))
		f.Args = append(f.Args, s.rowArguments(r.Target.Returns.Rows)...)
	}
	if r.Comment != nil {
		f.Description = *r.Comment
	}
	return f
}

// nativeArguments is the args argument of a native query; none when it takes
// nothing.
func (s *Schema) nativeArguments(q *catalog.NativeQuery) []*Input {
	if len(q.Arguments) == 0 {
		return nil
	}
	n := namesOf(q.Source)
	description, of := q.Name+" Native Query Arguments", "Native query argument "
	if q.Procedure != nil {
		description, of = q.Name+" Stored Procedure Arguments", "Stored procedure argument "
	}
	args := s.input(n.WrapType(q.Name+"_arguments"), description, func(x *Type) {
		for i, a := range q.Arguments {
			in := &Input{
				Name: a.Name, Description: a.Description, Type: s.typeRef(a.Type), Binding: &FunctionArgument{Index: i},
			}
			if in.Description == "" {
				in.Description = of + a.Name
			}
			if !a.Nullable {
				in.Type = Required(in.Type)
			}
			x.inputs = append(x.inputs, in)
		}
	})
	return []*Input{{Name: "args", Description: description, Type: Required(Named(args)), Binding: &Argument{Kind: ArgArgs}}}
}
