package schema

import (
	"dovetail/internal/metadata/catalog"
	"dovetail/internal/plan"
)

// boolExp is the input type of conditions on a table's rows.
func (s *Schema) boolExp(t *catalog.Table) *Type {
	n := namesOf(t.Source)
	name := t.TypeName("bool_exp")
	what := "table "
	if t.LogicalModel {
		what = "logical model for "
	}
	description := "Boolean expression to filter rows from the " + what + `"` + t.Name.Name + `". All fields are combined with a logical 'AND'.`
	return s.input(name, description, func(x *Type) {
		self := Named(x)
		x.inputs = []*Input{
			{Name: n.Word("_and"), Type: List(Required(self)), Binding: &BoolAnd{}},
			{Name: n.Word("_not"), Type: self, Binding: &BoolNot{}},
			{Name: n.Word("_or"), Type: List(Required(self)), Binding: &BoolOr{}},
		}
		a, ok := s.access(t)
		if !ok {
			return
		}
		for _, c := range a.columns() {
			x.inputs = append(x.inputs, &Input{
				Name: c.FieldName(n), Type: Named(s.comparison(t.Source, c.Column)),
				Binding: &BoolColumn{Column: c.Column, Guard: c.guard},
			})
		}
		for _, c := range t.ComputedFields {
			if in, ok := s.computedPredicate(t, a, c); ok {
				x.inputs = append(x.inputs, in)
			}
		}
		for _, r := range t.Local {
			target, ok := s.access(r.Target)
			if !ok {
				continue
			}
			x.inputs = append(x.inputs, &Input{
				Name: n.Word(r.Name), Type: Named(s.boolExp(r.Target)), Binding: &BoolRelated{Relationship: r},
			})
			if r.Array && t.Source.Capabilities.AggregatePredicate && target.aggregations() {
				x.inputs = append(x.inputs, &Input{
					Name: n.Join(n.Word(r.Name), "aggregate"), Type: Named(s.aggregateBoolExp(r.Target)),
					Binding: &BoolAggregate{Relationship: r},
				})
			}
		}
		for _, r := range t.ToSource {
			x.inputs = append(x.inputs, s.remoteConditions(n, t, r)...)
		}
	})
}

// remoteConditions are the conditions on a relationship to another source: those
// of a local one.
func (s *Schema) remoteConditions(n *catalog.Customization, t *catalog.Table, r *catalog.ToSource) []*Input {
	target, ok := s.access(r.Target)
	if !ok || !crosses(t, r) {
		return nil
	}
	out := []*Input{{Name: n.Word(r.Name), Type: Named(s.boolExp(r.Target)), Binding: &BoolRemote{Relationship: r}}}
	if r.Array && r.Target.Source.Capabilities.AggregatePredicate && target.aggregations() {
		out = append(out, &Input{
			Name: n.Join(n.Word(r.Name), "aggregate"), Type: Named(s.aggregateBoolExp(r.Target)),
			Binding: &BoolRemoteAggregate{Relationship: r},
		})
	}
	return out
}

// remoteOrders are the orderings by a relationship to another source.
func (s *Schema) remoteOrders(n *catalog.Customization, t *catalog.Table, r *catalog.ToSource) []*Input {
	target, ok := s.access(r.Target)
	switch {
	case !ok || !crosses(t, r):
		return nil
	case !r.Array:
		return []*Input{{Name: n.Word(r.Name), Type: Named(s.orderBy(r.Target)), Binding: &OrderRemote{Relationship: r}}}
	case target.aggregations():
		return []*Input{{
			Name: n.Join(n.Word(r.Name), "aggregate"), Type: Named(s.aggregateOrderBy(r.Target)),
			Binding: &OrderRemoteAggregate{Relationship: r},
		}}
	}
	return nil
}

// crosses tells whether conditions and orderings can be sent over a
// relationship: the near side takes key sets, and its keys are columns.
func crosses(t *catalog.Table, r *catalog.ToSource) bool {
	for _, pair := range r.Pairs {
		if pair.Left.Column == nil {
			return false
		}
	}
	return t.Source.Capabilities.KeySets && r.Target.Source.Capabilities.Bindings
}

// sharedNames makes the names of types that sources of one kind share, whatever
// prefixes and suffixes the names of their own types have.
func sharedNames(source *catalog.Source) *catalog.Customization {
	return &catalog.Customization{GraphQLDefaultNaming: source.Customization.GraphQLDefaultNaming}
}

// comparison is the input type of comparisons with a column.
func (s *Schema) comparison(source *catalog.Source, c *catalog.Column) *Type {
	if c.Enum != nil {
		return s.enumComparison(source, c.Enum)
	}
	return s.typeComparison(source, c.Info.Type)
}

func (s *Schema) enumComparison(source *catalog.Source, t *catalog.Table) *Type {
	n := namesOf(source)
	return s.input(t.TypeName("enum", "comparison_exp"),
		`Boolean expression to compare columns of type "`+t.TypeName("enum")+`". All fields are combined with logical 'AND'.`,
		func(x *Type) {
			value := Named(s.enumType(t))
			x.inputs = []*Input{
				{Name: n.Word("_eq"), Type: value, Binding: &Compare{Operator: plan.Equal}},
				{Name: n.Word("_in"), Type: List(Required(value)), Binding: &Compare{Operator: plan.In}},
				{Name: n.Word("_is_null"), Type: Named(s.scalar("Boolean")), Binding: &CompareNull{}},
				{Name: n.Word("_neq"), Type: value, Binding: &Compare{Operator: plan.NotEqual}},
				{Name: n.Word("_nin"), Type: List(Required(value)), Binding: &Compare{Operator: plan.NotIn}},
			}
		})
}

func (s *Schema) typeComparison(source *catalog.Source, t plan.Type) *Type {
	n := sharedNames(source)
	u := t.Underlying()
	scalar := t.Scalar
	parts := []string{"comparison_exp"}
	if u.Element != nil {
		parts = []string{"array", "comparison_exp"}
	}
	name := n.TypeName(scalar+source.Capabilities.ComparisonSuffix, parts...)
	description := `Boolean expression to compare columns of type "` + scalar + `". All fields are combined with logical 'AND'.`
	return s.input(name, description, func(x *Type) {
		for _, op := range source.Capabilities.Operators[u.Class] {
			x.inputs = append(x.inputs, &Input{
				Name: n.Word(string(op)), Description: operatorDescription(u.Class, op),
				Type: s.operatorValue(t, op), Binding: &Compare{Operator: op},
			})
		}
		x.inputs = append(x.inputs, &Input{
			Name: n.Word("_is_null"), Type: Named(s.scalar("Boolean")), Binding: &CompareNull{},
		})
		x.inputs = append(x.inputs, s.castInputs(source, u)...)
	})
}

// castInputs is the _cast field of types that have one.
func (s *Schema) castInputs(source *catalog.Source, t plan.Type) []*Input {
	if !source.Capabilities.Casts {
		return nil
	}
	var target plan.Type
	switch t.Class {
	case plan.ClassJSONB:
		target = plan.Type{Schema: "pg_catalog", Name: "text", Scalar: "String", Class: plan.ClassText}
	case plan.ClassGeometry:
		target = plan.Type{Schema: t.Schema, Name: "geography", Scalar: "geography", Class: plan.ClassGeography}
	case plan.ClassGeography:
		target = plan.Type{Schema: t.Schema, Name: "geometry", Scalar: "geometry", Class: plan.ClassGeometry}
	case plan.ClassInteger, plan.ClassNumber, plan.ClassText, plan.ClassBoolean, plan.ClassUUID, plan.ClassTime,
		plan.ClassJSON, plan.ClassBytes, plan.ClassEnum, plan.ClassArray, plan.ClassComposite, plan.ClassRaster,
		plan.ClassLTree, plan.ClassOther:
		return nil
	}
	n := sharedNames(source)
	cast := s.input(n.TypeName(t.Scalar, "cast_exp"), "", func(x *Type) {
		x.inputs = []*Input{{
			Name: target.Scalar, Type: Named(s.typeComparison(source, target)), Binding: &CompareCast{Type: target},
		}}
	})
	return []*Input{{Name: n.Word("_cast"), Type: Named(cast), Binding: &CompareCast{}}}
}

func (s *Schema) withinInput(name string, t plan.Type, spheroid bool) *Type {
	return s.input(name, "", func(x *Type) {
		x.inputs = []*Input{
			{Name: "distance", Type: Required(Named(s.scalar("Float"))), Binding: &Argument{}},
			{Name: "from", Type: Required(s.typeRef(t)), Binding: &Argument{}},
		}
		if spheroid {
			x.inputs = append(x.inputs, &Input{
				Name: "use_spheroid", Type: Named(s.scalar("Boolean")), Default: "true", Binding: &Argument{},
			})
		}
	})
}

func (s *Schema) bandInput(name string, bandRequired bool) *Type {
	return s.input(name, "", func(x *Type) {
		band := Named(s.scalar("Int"))
		if bandRequired {
			band = Required(band)
		}
		x.inputs = []*Input{
			{Name: "geommin", Type: Required(Named(s.scalar("geometry"))), Binding: &Argument{}},
			{Name: "nband", Type: band, Binding: &Argument{}},
		}
	})
}

// ordering is the enum of directions.
func (s *Schema) ordering(source *catalog.Source) *Type {
	n := sharedNames(source)
	return s.enum(n.TypeName("order_by"), "column ordering options", func(x *Type) {
		for _, v := range []struct{ name, description string }{
			{"asc", "in ascending order, nulls last"},
			{"asc_nulls_first", "in ascending order, nulls first"},
			{"asc_nulls_last", "in ascending order, nulls last"},
			{"desc", "in descending order, nulls first"},
			{"desc_nulls_first", "in descending order, nulls first"},
			{"desc_nulls_last", "in descending order, nulls last"},
		} {
			x.values = append(x.values, &EnumValue{Name: n.EnumValue(v.name), Description: v.description})
		}
	})
}

// orderBy is the input type that orders a table's rows.
func (s *Schema) orderBy(t *catalog.Table) *Type {
	n := namesOf(t.Source)
	return s.input(t.TypeName("order_by"), `Ordering options when selecting data from "`+t.Name.Name+`".`, func(x *Type) {
		a, ok := s.access(t)
		if !ok {
			return
		}
		direction := Named(s.ordering(t.Source))
		for _, c := range a.columns() {
			x.inputs = append(x.inputs, &Input{
				Name: c.FieldName(n), Type: direction, Binding: &OrderColumn{Column: c.Column, Guard: c.guard},
			})
		}
		for _, c := range t.ComputedFields {
			if in, ok := s.computedOrder(t, a, c, direction); ok {
				x.inputs = append(x.inputs, in)
			}
		}
		for _, r := range t.Local {
			target, ok := s.access(r.Target)
			switch {
			case !ok:
			case !r.Array:
				x.inputs = append(x.inputs, &Input{
					Name: n.Word(r.Name), Type: Named(s.orderBy(r.Target)), Binding: &OrderRelated{Relationship: r},
				})
			case target.aggregations():
				x.inputs = append(x.inputs, &Input{
					Name: n.Join(n.Word(r.Name), "aggregate"), Type: Named(s.aggregateOrderBy(r.Target)),
					Binding: &OrderAggregate{Relationship: r},
				})
			}
		}
		for _, r := range t.ToSource {
			x.inputs = append(x.inputs, s.remoteOrders(n, t, r)...)
		}
	})
}
