package schema

import (
	"slices"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/plan"
)

// aggregateFunctions in the order in which schemas list them.
func aggregateFunctions() []string {
	return []string{"avg", "max", "min", "stddev", "stddev_pop", "stddev_samp", "sum", "var_pop", "var_samp", "variance"}
}

// aggregateType is the object type of a table's aggregate.
func (s *Schema) aggregateType(t *catalog.Table) *Type {
	return s.object(t.TypeName("aggregate"), `aggregated selection of "`+t.Name.Name+`"`, func(x *Type) {
		x.fields = []*Field{{Name: "aggregate", Type: Named(s.aggregateFields(t)), Binding: &AggregateFields{}}}
		if row := s.tableType(t); len(row.Fields()) > 0 {
			x.fields = append(x.fields, &Field{
				Name: "nodes", Type: Required(List(Required(Named(row)))), Binding: &AggregateNodes{},
			})
		}
	})
}

func (s *Schema) aggregateFields(t *catalog.Table) *Type {
	n := namesOf(t.Source)
	return s.object(t.TypeName("aggregate_fields"), `aggregate fields of "`+t.Name.Name+`"`, func(x *Type) {
		a, ok := s.access(t)
		if !ok {
			return
		}
		count := &Field{Name: "count", Type: Required(Named(s.scalar("Int"))), Binding: &CountField{}}
		if len(a.columns()) > 0 {
			if t.Source.Capabilities.CountsOneColumn {
				count.Args = append(count.Args, &Input{
					Name: n.Word("column"), Type: Named(s.selectColumn(t)), Binding: &Argument{Kind: ArgColumns},
				})
			} else {
				count.Args = append(count.Args, &Input{
					Name: n.Word("columns"), Type: List(Required(Named(s.selectColumn(t)))), Binding: &Argument{Kind: ArgColumns},
				})
			}
		}
		count.Args = append(count.Args, &Input{
			Name: n.Word("distinct"), Type: Named(s.scalar("Boolean")), Binding: &Argument{Kind: ArgDistinct},
		})
		for _, function := range aggregateFunctions() {
			if function == "max" {
				x.fields = append(x.fields, count)
			}
			if len(s.functionColumns(a, function)) == 0 && len(s.functionComputed(a, function)) == 0 {
				continue
			}
			x.fields = append(x.fields, &Field{
				Name: n.Word(function), Type: Named(s.functionFields(t, function)),
				Binding: &FunctionFields{Function: function},
			})
		}
	})
}

// aggregatedColumns gives each aggregate function the columns that it takes.
func aggregatedColumns(source *catalog.Source, columns []visibleColumn) map[string][]visibleColumn {
	out := make(map[string][]visibleColumn, len(aggregateFunctions()))
	var known [][]visibleColumn
	for _, function := range aggregateFunctions() {
		var taken []visibleColumn
		for _, c := range columns {
			class := c.Info.Type.Underlying().Class
			if c.Enum == nil && slices.Contains(source.Capabilities.AggregateFunctions[class], function) {
				taken = append(taken, c)
			}
		}
		// Most functions take the same columns as another one.
		if i := slices.IndexFunc(known, func(k []visibleColumn) bool { return slices.EqualFunc(k, taken, sameColumn) }); i >= 0 {
			taken = known[i]
		} else {
			taken = slices.Clip(taken)
			known = append(known, taken)
		}
		out[function] = taken
	}
	return out
}

func sameColumn(a, b visibleColumn) bool { return a.Column == b.Column }

// functionColumns are the columns that an aggregate function takes.
func (s *Schema) functionColumns(a *access, function string) []visibleColumn {
	return a.aggregated[function]
}

// resultType is the type of an aggregate function's value.
func resultType(function string, t plan.Type) plan.Type {
	switch function {
	case "min", "max", "sum":
		return t
	}
	return plan.Type{Scalar: "Float", Class: plan.ClassNumber, Name: "float8"}
}

func (s *Schema) functionFields(t *catalog.Table, function string) *Type {
	n := namesOf(t.Source)
	return s.object(t.TypeName(function, "fields"), "aggregate "+function+" on columns", func(x *Type) {
		a, ok := s.access(t)
		if !ok {
			return
		}
		for _, c := range s.functionColumns(a, function) {
			x.fields = append(x.fields, &Field{
				Name: c.FieldName(n), Description: c.Description, Type: s.typeRef(resultType(function, c.Info.Type)),
				Binding: &FunctionColumn{Column: c.Column, Guard: c.guard},
			})
		}
		for _, c := range s.functionComputed(a, function) {
			guard, _ := a.computed(c)
			if f, ok := s.computedField(t, c, guard); ok {
				f.Binding = &FunctionComputed{Computed: c, Guard: guard}
				x.fields = append(x.fields, f)
			}
		}
	})
}

// functionComputed are the scalar computed fields that an aggregate function
// takes. What it gives for them has the type of the field, as in v2.
func (s *Schema) functionComputed(a *access, function string) []*catalog.ComputedField {
	var out []*catalog.ComputedField
	for _, c := range a.table.ComputedFields {
		if c.Returns != nil {
			continue
		}
		class := c.Function.Returns.Underlying().Class
		if _, ok := a.computed(c); ok && slices.Contains(a.table.Source.Capabilities.AggregateFunctions[class], function) {
			out = append(out, c)
		}
	}
	return out
}

// aggregateOrderBy is the input type that orders by aggregates of related rows.
func (s *Schema) aggregateOrderBy(t *catalog.Table) *Type {
	n := namesOf(t.Source)
	return s.input(t.TypeName("aggregate_order_by"), `order by aggregate values of table "`+t.Name.Name+`"`, func(x *Type) {
		a, ok := s.access(t)
		if !ok {
			return
		}
		direction := Named(s.ordering(t.Source))
		for _, function := range aggregateFunctions() {
			if function == "max" {
				x.inputs = append(x.inputs, &Input{Name: "count", Type: direction, Binding: &OrderCount{}})
			}
			columns := s.functionColumns(a, function)
			if len(columns) == 0 {
				continue
			}
			inner := s.input(t.TypeName(function, "order_by"),
				"order by "+function+`() on columns of table "`+t.Name.Name+`"`, func(y *Type) {
					for _, c := range columns {
						y.inputs = append(y.inputs, &Input{
							Name: c.FieldName(n), Type: direction, Binding: &OrderColumn{Column: c.Column, Guard: c.guard},
						})
					}
				})
			x.inputs = append(x.inputs, &Input{
				Name: n.Word(function), Type: Named(inner), Binding: &OrderFunction{Function: function},
			})
		}
	})
}

// predicateFunctions are the functions of aggregate predicates besides count.
func predicateFunctions() []string {
	return []string{"avg", "bool_and", "bool_or", "corr", "covar_samp", "max", "min", "stddev_samp", "sum", "var_samp"}
}

// ofTwo tells the functions that take two columns.
func ofTwo(function string) bool { return function == "corr" || function == "covar_samp" }

// aggregateBoolExp is the input type of conditions on an aggregate of related
// rows.
func (s *Schema) aggregateBoolExp(t *catalog.Table) *Type {
	n := namesOf(t.Source)
	base := t.TypeName("aggregate_bool_exp")
	return s.input(base, "", func(x *Type) {
		a, ok := s.access(t)
		if !ok {
			return
		}
		for _, function := range predicateFunctions() {
			if function == "max" {
				x.inputs = append(x.inputs, &Input{
					Name: "count", Type: Named(s.aggregatePredicate(t, "count", nil)), Binding: &AggregatePredicate{Function: "count"},
				})
			}
			columns := s.predicateColumns(a, function)
			if len(columns) == 0 {
				continue
			}
			x.inputs = append(x.inputs, &Input{
				Name: n.Word(function), Type: Named(s.aggregatePredicate(t, function, columns)),
				Binding: &AggregatePredicate{Function: function},
			})
		}
	})
}

func (s *Schema) predicateColumns(a *access, function string) []visibleColumn {
	switch function {
	case "bool_and", "bool_or":
	case "corr", "covar_samp":
		if !a.table.Source.Capabilities.Correlations {
			return nil
		}
		return s.functionColumns(a, "avg")
	default: // all of them are compared as numbers
		return s.functionColumns(a, "avg")
	}
	var out []visibleColumn
	for _, c := range a.columns() {
		if c.Info.Type.Underlying().Class == plan.ClassBoolean {
			out = append(out, c)
		}
	}
	return out
}

func (s *Schema) aggregatePredicate(t *catalog.Table, function string, columns []visibleColumn) *Type {
	n := namesOf(t.Source)
	return s.input(t.TypeName("aggregate_bool_exp", function), "", func(x *Type) {
		arguments := &Input{Name: n.Word("arguments"), Binding: &Argument{Kind: ArgArguments}}
		integer := plan.Type{Schema: "pg_catalog", Name: "int4", Scalar: "Int", Class: plan.ClassInteger}
		predicate := s.typeComparison(t.Source, integer)
		if function == "count" {
			arguments.Type = List(Required(Named(s.selectColumn(t))))
		} else {
			arguments.Type = Required(Named(s.predicateArguments(t, function, columns)))
			result := plan.Type{Schema: "pg_catalog", Name: "float8", Scalar: "float8", Class: plan.ClassNumber}
			if function == "bool_and" || function == "bool_or" {
				result = plan.Type{Schema: "pg_catalog", Name: "bool", Scalar: "Boolean", Class: plan.ClassBoolean}
			}
			predicate = s.typeComparison(t.Source, result)
		}
		x.inputs = []*Input{
			arguments,
			{Name: n.Word("distinct"), Type: Named(s.scalar("Boolean")), Binding: &Argument{Kind: ArgDistinct}},
			{Name: n.Word("filter"), Type: Named(s.boolExp(t)), Binding: &Argument{Kind: ArgFilter}},
			{Name: n.Word("predicate"), Type: Required(Named(predicate)), Binding: &Argument{Kind: ArgPredicate}},
		}
	})
}

// predicateArguments is the type of an aggregate predicate's arguments: an enum
// of columns, or for functions of two an object of two of them.
func (s *Schema) predicateArguments(t *catalog.Table, function string, columns []visibleColumn) *Type {
	n := namesOf(t.Source)
	name := t.TypeName("select_column") + "_" + t.GraphQLName + "_aggregate_bool_exp_" + function + "_arguments_columns"
	description := `select "` + t.TypeName("aggregate_bool_exp", function) + `_arguments_columns" columns of table "` + t.Name.Name + `"`
	enum := s.enum(name, description, func(x *Type) {
		for _, c := range columns {
			x.values = append(x.values, &EnumValue{
				Name: c.FieldName(n), Description: "column name", Column: c.Column, Guard: c.guard,
			})
		}
	})
	if !ofTwo(function) {
		return enum
	}
	return s.input(t.TypeName("aggregate_bool_exp", function, "arguments"), "", func(x *Type) {
		x.inputs = []*Input{
			{Name: "X", Type: Required(Named(enum)), Binding: &Argument{}},
			{Name: "Y", Type: Required(Named(enum)), Binding: &Argument{}},
		}
	})
}
