package schema

import (
	"slices"
	"strconv"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/plan"
	"dovetail/sources"
)

// argumentRef is the type of a function's argument.
func (s *Schema) argumentRef(p sources.FunctionParameter) Ref { return s.typeRef(p.Type) }

// functionArguments is the args argument of a function: none when it takes
// nothing from the user. skip names the arguments that the engine fills.
func (s *Schema) functionArguments(n *catalog.Customization, typeName string, f *sources.Function, skip map[int]bool) []*Input {
	var free []int
	for i := range f.Arguments {
		if !skip[i] {
			free = append(free, i)
		}
	}
	if len(free) == 0 {
		return nil
	}
	required := false
	t := s.input(typeName, "", func(x *Type) {
		unnamed := 0
		for _, i := range free {
			p := f.Arguments[i]
			name := p.Name
			if name == "" {
				unnamed++
				name = "arg_" + strconv.Itoa(unnamed)
			}
			x.inputs = append(x.inputs, &Input{
				Name: n.Word(name), Type: s.argumentRef(p), Binding: &FunctionArgument{Index: i},
			})
		}
	})
	for _, i := range free {
		if i < len(f.Arguments)-f.Defaults {
			required = true
		}
	}
	ref := Named(t)
	if required {
		ref = Required(ref)
	}
	return []*Input{{
		Name: n.Word("args"), Description: `input parameters for function "` + f.Name + `"`, Type: ref,
		Binding: &Argument{Kind: ArgArgs},
	}}
}

// functionVisible tells whether the role may call a tracked function.
func (s *Schema) functionVisible(f *catalog.Function) bool {
	if _, ok := s.access(f.Returns); !ok {
		return false
	}
	if s.Role == catalog.AdminRole || f.Roles[s.Role] {
		return true
	}
	return !f.Mutation && s.Catalog.Settings.InferFunctionPermissions
}

// functionRoots are the root fields of a tracked query function.
func (s *Schema) functionRoots(f *catalog.Function) []*Field {
	if f.Mutation {
		return nil
	}
	return s.trackedFunction(f)
}

// trackedFunction gives the root fields of a tracked function, if the role may
// call it.
func (s *Schema) trackedFunction(f *catalog.Function) []*Field {
	if !s.functionVisible(f) {
		return nil
	}
	a, _ := s.access(f.Returns)
	n := namesOf(f.Source)
	skip := map[int]bool{}
	if f.SessionArgument >= 0 {
		skip[f.SessionArgument] = true
	}
	args := s.functionArguments(n, f.ArgumentsType(), f.Info, skip)
	listArgs := append(slices.Clip(args), s.rowArguments(f.Returns)...)
	rows, aggregate := f.RootFieldNames()
	field := &Field{
		Name: rows, Description: f.Description, Args: args, Type: Named(s.tableType(f.Returns)),
		Binding: &RootFunction{Function: f},
	}
	if field.Description == "" {
		field.Description = `execute function "` + f.Info.Name + `" which returns "` + f.Returns.Name.Name + `"`
	}
	if f.Info.ReturnsSet {
		field.Type, field.Args = Required(List(Required(field.Type))), listArgs
	}
	if !a.aggregations() {
		return []*Field{field}
	}
	return []*Field{field, {
		Name: aggregate,
		Description: `execute function "` + f.Info.Name + `" and query aggregates on result of table type "` +
			f.Returns.Name.Name + `"`,
		Type: Required(Named(s.aggregateType(f.Returns))), Args: listArgs,
		Binding: &RootFunction{Function: f, Aggregate: true},
	}}
}

// qualified names something as messages do: without its source's usual schema.
func qualified(schema, name string) string {
	return catalog.TableName{Schema: schema, Name: name}.String()
}

func computedSkip(c *catalog.ComputedField) map[int]bool {
	skip := map[int]bool{}
	if c.TableArgument >= 0 {
		skip[c.TableArgument] = true
	}
	if c.SessionArgument >= 0 {
		skip[c.SessionArgument] = true
	}
	return skip
}

// computedField is the field of a computed field; false when the role can't see
// what it returns.
func (s *Schema) computedField(t *catalog.Table, c *catalog.ComputedField, guard plan.Predicate) (*Field, bool) {
	n := namesOf(t.Source)
	argsType := n.TypeName(n.Join(n.Word(c.Name), t.GraphQLName), "args")
	f := &Field{
		Name: n.Word(c.Name), Description: c.Description,
		Args:    s.functionArguments(n, argsType, c.Function, computedSkip(c)),
		Binding: &ComputedOf{Computed: c, Guard: guard},
	}
	if f.Description == "" && !c.Commented {
		f.Description = `A computed field, executes function "` + qualified(c.Function.Schema, c.Function.Name) + `"`
	}
	if c.Returns == nil {
		f.Type = s.typeRef(c.Function.Returns)
		if t.Source.Capabilities.JSONPath && isJSON(c.Function.Returns) {
			f.Args = append(f.Args, s.pathArgument(n))
		}
		return f, true
	}
	if _, ok := s.access(c.Returns); !ok {
		return nil, false
	}
	f.Type = List(Required(Named(s.tableType(c.Returns))))
	f.Args = append(f.Args, s.rowArguments(c.Returns)...)
	return f, true
}

// plain tells whether a computed field takes nothing from the user, so that it
// can be compared and ordered by.
func plain(c *catalog.ComputedField) bool {
	return len(c.Function.Arguments) == len(computedSkip(c))
}

func (s *Schema) computedPredicate(t *catalog.Table, a *access, c *catalog.ComputedField) (*Input, bool) {
	n := namesOf(t.Source)
	guard, ok := a.computed(c)
	if !ok || !plain(c) {
		return nil, false
	}
	if c.Returns != nil {
		if _, ok := s.access(c.Returns); !ok {
			return nil, false
		}
		return &Input{
			Name: n.Word(c.Name), Type: Named(s.boolExp(c.Returns)), Binding: &BoolComputed{Computed: c, Guard: guard},
		}, true
	}
	return &Input{
		Name: n.Word(c.Name), Type: Named(s.typeComparison(t.Source, c.Function.Returns)),
		Binding: &BoolComputed{Computed: c, Guard: guard},
	}, true
}

func (s *Schema) computedOrder(t *catalog.Table, a *access, c *catalog.ComputedField, direction Ref) (*Input, bool) {
	guard, ok := a.computed(c)
	if !ok || !plain(c) {
		return nil, false
	}
	n := namesOf(t.Source)
	if c.Returns == nil {
		return &Input{Name: n.Word(c.Name), Type: direction, Binding: &OrderComputed{Computed: c, Guard: guard}}, true
	}
	// An aggregate of rows that the role sees of some rows only can't be null.
	target, ok := s.access(c.Returns)
	if !ok || guard != nil || !target.aggregations() {
		return nil, false
	}
	return &Input{
		Name: n.Join(n.Word(c.Name), "aggregate"), Type: Named(s.aggregateOrderBy(c.Returns)),
		Binding: &OrderAggregate{Computed: c},
	}, true
}
