package catalog

import (
	"errors"
	"fmt"
	"slices"

	"dovetail/internal/metadata/document"
	"dovetail/internal/plan"
	"dovetail/sources"
)

// function finds a function of the database by name.
func (s *sourceBuild) function(n TableName) (*sources.Function, error) {
	var found *sources.Function
	for _, f := range s.database.Database.Functions {
		if f.Schema != n.Schema || f.Name != n.Name {
			continue
		}
		if found != nil || f.Overloads > 1 {
			return nil, fmt.Errorf("function %q is overloaded. Overloaded functions are not supported", n)
		}
		found = f
	}
	if found == nil {
		return nil, fmt.Errorf("no such function exists: %q", n)
	}
	return found, nil
}

func (b *builder) functions(s *sourceBuild) {
	for _, doc := range s.document.Functions {
		f, err := trackedFunction(s, doc)
		if err != nil {
			b.inconsistent(functionObject(s.Name, doc), err)
			continue
		}
		s.Functions = append(s.Functions, f)
	}
}

func trackedFunction(s *sourceBuild, doc *document.Function) (*Function, error) {
	name := TableName(doc.Name)
	if !s.Capabilities.Functions {
		return nil, fmt.Errorf("functions of %s sources can't be tracked", s.Kind)
	}
	info, err := s.function(name)
	if err != nil {
		return nil, err
	}
	c := &doc.Configuration
	f := &Function{
		Source: s.Source, Info: info, GraphQLName: firstOf(c.CustomName, defaultGraphQLName(name)), CustomName: c.CustomName != "",
		RowsName: c.RootField, AggregateName: c.AggregateField, Description: info.Comment, SessionArgument: -1, Roles: map[string]bool{},
	}
	if doc.Comment != nil {
		f.Description = *doc.Comment
	}
	f.Mutation = c.ExposedAs == "mutation" || c.ExposedAs == "" && info.Volatility == sources.Volatile
	for _, p := range doc.Permissions {
		f.Roles[p.Role] = true
	}
	if faults := functionFaults(s, f, c); len(faults) > 0 {
		return nil, errors.New("the function " + quoted(name) + " cannot be tracked " + reasons(faults))
	}
	return f, nil
}

func firstOf(names ...string) string {
	i := slices.IndexFunc(names, func(n string) bool { return n != "" })
	if i < 0 {
		return ""
	}
	return names[i]
}

// functionFaults holds a function against v2's conditions and finds its table.
func functionFaults(s *sourceBuild, f *Function, c *document.FunctionConfiguration) []string {
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	info := f.Info
	if name := firstOf(f.RowsName, f.GraphQLName); !document.IsGraphQLName(name) {
		fault("function name %q is not a valid GraphQL identifier", name)
	}
	if info.Variadic {
		fault("function with \"VARIADIC\" parameters are not supported")
	}
	if !info.Plain {
		fault("aggregate and window functions are not supported")
	}
	switch {
	case info.ReturnsTable == "" && info.Returns.Underlying().Class != plan.ClassComposite:
		fault("the function does not return a \"COMPOSITE\" type")
	case info.ReturnsTable == "":
		fault("the function does not return a table")
	default:
		name := TableName{info.ReturnsTableSchema, info.ReturnsTable}
		var ok bool
		if f.Returns, ok = s.Table(name); !ok {
			fault("the table %q it returns is not tracked", name)
		}
	}
	if c.ExposedAs == "mutation" && info.Volatility != sources.Volatile {
		fault("the function was requested to be exposed as a mutation, but is not marked VOLATILE. " +
			"Maybe the function was given the wrong volatility when it was defined?")
	}
	for _, a := range info.Arguments {
		if a.Name != "" && !document.IsGraphQLName(a.Name) {
			fault("the function argument %q is not a valid GraphQL identifier", a.Name)
		}
	}
	if c.SessionArgument != "" {
		f.SessionArgument = slices.IndexFunc(info.Arguments, func(a sources.FunctionParameter) bool { return a.Name == c.SessionArgument })
		switch {
		case f.SessionArgument < 0:
			fault("given session argument %q not found in the input arguments", c.SessionArgument)
		case !isJSON(info.Arguments[f.SessionArgument].Type):
			fault("given session argument %q is not of type json", c.SessionArgument)
		}
	}
	return faults
}

func isJSON(t plan.Type) bool {
	class := t.Underlying().Class
	return class == plan.ClassJSON || class == plan.ClassJSONB
}

func (b *builder) computedFields(s *sourceBuild) {
	for _, t := range s.tables {
		for _, doc := range t.document.ComputedFields {
			if t.clash[doc.Name] {
				continue
			}
			c, err := computedField(s, t.Table, doc)
			if err != nil {
				b.inconsistent(computedFieldObject(s.Name, t.document, doc), err)
				continue
			}
			t.ComputedFields = append(t.ComputedFields, c)
		}
	}
}

func computedField(s *sourceBuild, t *Table, doc *document.ComputedField) (*ComputedField, error) {
	if !s.Capabilities.ComputedFields {
		return nil, fmt.Errorf("computed fields are not supported for %s sources", s.Kind)
	}
	info, err := s.function(TableName(doc.Function))
	if err != nil {
		return nil, err
	}
	c := &ComputedField{Name: doc.Name, Description: info.Comment, Function: info, TableArgument: -1, SessionArgument: -1}
	if doc.Comment != nil {
		c.Description, c.Commented = *doc.Comment, true
	}
	if faults := computedFaults(s, t, doc, c); len(faults) > 0 {
		return nil, fmt.Errorf("the computed field %q cannot be added to table %q %s", doc.Name, t.Name, reasons(faults))
	}
	return c, nil
}

// computedFaults holds a computed field against v2's conditions and finds its
// arguments and table.
func computedFaults(s *sourceBuild, t *Table, doc *document.ComputedField, c *ComputedField) []string {
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	f := c.Function
	name := TableName(doc.Function)
	if f.Volatility == sources.Volatile {
		fault("the function %q is of type VOLATILE; cannot be added as a computed field", name)
	}
	if f.Variadic || !f.Plain {
		fault("the function %q is variadic, an aggregate or a window function", name)
	}
	switch {
	case f.ReturnsSet && f.ReturnsTable != "":
		returned := TableName{f.ReturnsTableSchema, f.ReturnsTable}
		var ok bool
		if c.Returns, ok = s.Table(returned); !ok {
			fault("the function %q returning set of table %q is not tracked or not a table", name, returned)
		}
	case f.ReturnsSet || f.ReturnsTable != "" || f.Returns.Underlying().Class == plan.ClassComposite:
		fault("the function %q returning type %q is not a BASE type", name, typeText(f.Returns))
	}
	if len(f.Arguments) == 0 {
		fault("the function %q has no input arguments", name)
		return faults
	}
	c.TableArgument = 0
	if doc.TableArgument != "" {
		c.TableArgument = argumentIndex(f, doc.TableArgument)
	}
	switch {
	case c.TableArgument < 0:
		fault("%q is not an input argument of the function %q", doc.TableArgument, name)
	default:
		a := f.Arguments[c.TableArgument]
		which := "first argument"
		if doc.TableArgument != "" {
			which = fmt.Sprintf("%q argument", doc.TableArgument)
		}
		found := TableName{a.TableSchema, a.Table}
		if a.Table == "" {
			fault("%s of the function %q is not COMPOSITE type", which, name)
			found = TableName{a.Type.Schema, a.Type.Name}
		}
		if found != t.Name {
			fault("%s of the function %q of type %q is not the table to which the computed field is being added",
				which, name, found.Schema+"."+found.Name)
		}
	}
	if doc.SessionArgument != "" {
		c.SessionArgument = argumentIndex(f, doc.SessionArgument)
		switch {
		case c.SessionArgument < 0:
			fault("%q is not an input argument of the function %q", doc.SessionArgument, name)
		case !isJSON(f.Arguments[c.SessionArgument].Type):
			fault("%q argument of the function %q is not of type JSON", doc.SessionArgument, name)
		}
	}
	return faults
}

func argumentIndex(f *sources.Function, name string) int {
	return slices.IndexFunc(f.Arguments, func(a sources.FunctionParameter) bool { return a.Name == name })
}

// Scalar tells whether the field is a scalar that the row (and the session)
// alone decides, so that it can be compared and joined by.
func (c *ComputedField) Scalar() bool {
	given := 0
	if c.TableArgument >= 0 {
		given++
	}
	if c.SessionArgument >= 0 {
		given++
	}
	return c.Returns == nil && len(c.Function.Arguments)-given <= c.Function.Defaults
}

// Call is the call of the field's function for the row in scope, with what the
// engine itself passes.
func (c *ComputedField) Call() *plan.FunctionCall {
	call := &plan.FunctionCall{Schema: c.Function.Schema, Name: c.Function.Name}
	for i, a := range c.Function.Arguments {
		switch i {
		case c.TableArgument:
			call.Arguments = append(call.Arguments, plan.FunctionArgument{Name: a.Name, Position: i, Type: a.Type, Row: true})
		case c.SessionArgument:
			call.Arguments = append(call.Arguments, plan.FunctionArgument{Name: a.Name, Position: i, Type: a.Type, Session: true})
		}
	}
	return call
}
