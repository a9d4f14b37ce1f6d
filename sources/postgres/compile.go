package postgres

import (
	"fmt"
	"slices"
	"strconv"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/sources"
	"dovetail/sources/sqlgen"
)

// session is what the encoding of values depends on besides their types.
type session struct {
	// utc: timestamps with time zone are shown in UTC.
	utc bool
	// shortestFloats: floats are shown with the fewest digits that identify them.
	shortestFloats bool
	// fewKeys: the key sets that the outermost rows are tested for are small.
	fewKeys bool
}

// Statement is a compiled fragment.
type Statement struct {
	text       string
	parameters []parameterSource
	// width is the number of binding columns; rows of a statement with bindings
	// start with their ordinal.
	width  int
	shape  *jsonshape.Shape
	layout *layout
	// gather: the rows become one, see gather.
	gather *gather
	// readsOnly: the statement calls no function of the user's, so running it
	// again does no harm.
	readsOnly bool
	// takesKeys: the statement has key sets, and is to be planned for those it gets.
	takesKeys bool
	// pages: a test for one column's keys stands above the first rows of an order.
	pages bool
	// zoned is the statement for sessions that don't show UTC, where that makes a
	// difference.
	zoned *Statement
	// few is the statement for small key sets, where that makes a difference.
	few *Statement
	// program is what runs instead of the text, where rows are written.
	program *program
}

// Text is the SQL text.
func (s *Statement) Text() string { return s.text }

// Compile turns a fragment into a statement.
func (s *Source) Compile(f *plan.Fragment) (plan.Statement, error) {
	settings := s.session()
	statement, err := compileZones(f, settings)
	if err != nil {
		return nil, err
	}
	if statement.pages && statement.takesKeys {
		settings.fewKeys = true
		if statement.few, err = compileZones(f, settings); err != nil {
			return nil, err
		}
	}
	return statement, nil
}

// compileZones makes a statement for sessions of any time zone.
func compileZones(f *plan.Fragment, settings session) (*Statement, error) {
	statement, zoned, err := compile(f, settings)
	if err == nil && zoned {
		settings.utc = false
		statement.zoned, _, err = compile(f, settings)
	}
	return statement, err
}

// compile makes the statement for one kind of session and tells whether it
// depends on timestamps being shown in UTC.
func compile(f *plan.Fragment, settings session) (*Statement, bool, error) {
	c := &compiler{index: sqlgen.NewParameterIndex(sqlgen.ValueKey), fragment: f, session: settings, readsOnly: true, uses: newParameterUses()}
	for i, b := range f.Bindings {
		cast, key, _ := keyOf(b.Type)
		c.parameters = append(c.parameters, parameterSource{form: formBinding, binding: i, cast: cast, key: key})
	}
	var (
		q     *query
		shape *jsonshape.Shape
		l     *layout
		err   error
	)
	switch root := f.Query.(type) {
	case *plan.Selection:
		q, shape, l, err = c.rootSelection(root)
	case *plan.Aggregation:
		q, shape, l, err = c.rootAggregation(root)
	case *plan.Connection:
		q, shape, l, err = c.rootConnection(root)
	case *plan.Insert, *plan.Update, *plan.Updates, *plan.Delete:
		statement, err := c.mutation(root)
		return statement, c.zoned, err
	case *plan.RemoteQuery:
		err = sources.NotSupported("a database can't answer a query of a remote schema")
	case *plan.Representations:
		err = sources.NotSupported("representations have no source")
	default:
		err = fmt.Errorf("unknown kind of query %T", root)
	}
	if err != nil {
		return nil, false, err
	}
	text, parameters := c.finished(q)
	return &Statement{
		text: text, parameters: parameters, width: len(f.Bindings), shape: shape, layout: l,
		readsOnly: c.readsOnly, takesKeys: c.takesKeys, pages: c.pages, gather: c.gather,
	}, c.zoned, nil
}

// compiler holds the state of one compilation.
type compiler struct {
	fragment   *plan.Fragment
	session    session
	parameters []parameterSource
	index      sqlgen.ParameterIndex
	uses       *parameterUses
	aliases    int
	readsOnly  bool
	zoned      bool
	takesKeys  bool
	pages      bool
	gather     *gather
	keyed      *keyedRows
	// gathers: the nodes of the aggregation may come as rows, which nodes then are.
	gathers bool
	nodes   *cells
}

// bindingsAlias names the binding set, ordinal its ordinal column.
const (
	bindingsAlias = "b"
	ordinal       = "ord"
)

func bindingKey(i int) string { return "k" + strconv.Itoa(i) }

func (c *compiler) alias() string {
	c.aliases++
	return "t" + strconv.Itoa(c.aliases-1)
}

// parameter registers a parameter, once for all of its uses.
func (c *compiler) parameter(source parameterSource) expression {
	value := func(i int) plan.Value { return c.parameters[i].value }
	if i, ok := c.index.Find(source.value, len(c.parameters), value, func(i int) bool { return c.parameters[i].same(&source) }); ok {
		return parameter{index: i, cast: source.cast, uses: c.uses}
	}
	c.parameters = append(c.parameters, source)
	return parameter{index: len(c.parameters) - 1, cast: source.cast, uses: c.uses}
}

// finished is the text of a statement and its parameters. Those of expressions
// that were compiled but not needed are left out: Postgres takes no others.
func (c *compiler) finished(statement expression) (string, []parameterSource) {
	text := dialect.SQL(statement)
	if len(c.uses.printed) == len(c.parameters) {
		return text, c.parameters
	}
	c.uses.numbers = make(map[int]int, len(c.uses.printed))
	used := make([]parameterSource, 0, len(c.uses.printed))
	for i := range c.parameters {
		if c.uses.printed[i] {
			used = append(used, c.parameters[i])
			c.uses.numbers[i] = len(used)
		}
	}
	return dialect.SQL(statement), used
}

// value is a parameter for a value compared as a type.
func (c *compiler) value(v plan.Value, t plan.Type) (expression, error) {
	if b, ok := v.(*plan.BindingValue); ok {
		if b.Index < 0 || b.Index >= len(c.fragment.Bindings) {
			return nil, fmt.Errorf("the fragment has no binding %d", b.Index)
		}
		return castTo{value: sqlgen.Column(bindingsAlias, bindingKey(b.Index)), to: castOf(t)}, nil
	}
	if v == nil {
		return nil, fmt.Errorf("a value of type %q is missing", t.Name)
	}
	source := parameterSource{form: formText, value: v, cast: castOf(t)}
	switch t = t.Underlying(); t.Class {
	case plan.ClassJSON, plan.ClassJSONB:
		source.form = formJSON
	case plan.ClassGeometry, plan.ClassGeography:
		source.cast = systemCast("text")
		return geometryFrom(c.parameter(source), t), nil
	case plan.ClassArray:
		source.form = arrayForm(t.Element)
	case plan.ClassInteger, plan.ClassNumber, plan.ClassText, plan.ClassBoolean, plan.ClassUUID, plan.ClassTime,
		plan.ClassBytes, plan.ClassEnum, plan.ClassComposite, plan.ClassRaster, plan.ClassLTree, plan.ClassOther:
	}
	return c.parameter(source), nil
}

// arrayForm is the form of lists of a type.
func arrayForm(element *plan.Type) form {
	if element != nil {
		switch element.Underlying().Class { //nolint:exhaustive // all others are texts
		case plan.ClassJSON, plan.ClassJSONB:
			return formJSONs
		}
	}
	return formArray
}

// geometryFrom reads GeoJSON, in which geometries are written in queries.
func geometryFrom(text expression, t plan.Type) expression {
	e := expression(&call{Schema: t.Schema, Name: "st_geomfromgeojson", Arguments: []expression{text}})
	if t.Class == plan.ClassGeography {
		e = castTo{value: e, to: castOf(t)}
	}
	return e
}

// bindings is the binding set as a member of FROM.
func (c *compiler) bindings() fromItem {
	unnest := sqlgen.Function("unnest")
	columns := make([]string, 0, len(c.fragment.Bindings)+1)
	for i := range c.fragment.Bindings {
		cast := arrayCast(c.parameters[i].cast)
		unnest.Arguments = append(unnest.Arguments, parameter{index: i, cast: cast, uses: c.uses})
		columns = append(columns, bindingKey(i))
	}
	return fromItem{
		Source: withOrdinality{unnest}, Alias: bindingsAlias, Columns: append(columns, ordinal),
	}
}

// scope is a row that expressions refer to.
type scope struct {
	alias string
	// inner is the query whose rows the alias names, when the rows stand in a
	// derived table; innerAlias is the table's own alias there.
	inner      *query
	innerAlias string
	rowColumn  bool
	// enclosed is the scope of a derived table inside of this one.
	enclosed *scope
	// native rows come of SQL whose column types are only declared.
	native bool
	// outermost: the rows are those of the statement itself.
	outermost bool
	// present holds unless the row is the row of nulls that an outer join makes;
	// nil: it always is.
	present expression
}

func (s *scope) column(name string) expression { return sqlgen.Column(s.alias, name) }

// wholeRowColumn is the name under which a derived table carries the row of
// its table, which functions take as an argument.
const wholeRowColumn = "~row"

func (s *scope) row() expression {
	if s.inner == nil {
		return wholeRow{s.alias}
	}
	if s.enclosed != nil {
		s.enclosed.row() // which is handed through with all other columns
		return sqlgen.Column(s.alias, wholeRowColumn)
	}
	if !s.rowColumn {
		s.inner.items = append(s.inner.items, item{Value: wholeRow{s.innerAlias}, Alias: wholeRowColumn})
		s.rowColumn = true
	}
	return sqlgen.Column(s.alias, wholeRowColumn)
}

// relation is a relation as a member of FROM; outer is the enclosing row.
func (c *compiler) relation(r plan.Relation, outer *scope) (expression, *scope, error) {
	s := &scope{alias: c.alias()}
	switch r := r.(type) {
	case *plan.Table:
		return sqlgen.Table(r.Schema, r.Name), s, nil
	case *plan.FunctionCall:
		f, err := c.functionCall(r, outer)
		if err != nil {
			return nil, nil, err
		}
		return f, s, nil
	case *plan.NativeQuery:
		c.readsOnly = false
		q, err := sqlgen.NativeQuery(r, c.value)
		s.native = true
		return q, s, err
	}
	return nil, nil, fmt.Errorf("unknown kind of relation %T", r)
}

// scalarCall is a function of a row as a value, null where there is no row.
func (c *compiler) scalarCall(f *plan.FunctionCall, s *scope) (expression, error) {
	value, err := c.functionCall(f, s)
	if err != nil || s.present == nil {
		return value, err
	}
	return sqlgen.CaseWhen(s.present, value), nil
}

func (c *compiler) functionCall(f *plan.FunctionCall, outer *scope) (*call, error) {
	c.readsOnly = false
	schema := f.Schema
	if schema == "" {
		schema = "public"
	}
	out := &call{Schema: schema, Name: f.Name}
	arguments := f.Arguments
	unnamed := func(a plan.FunctionArgument) bool { return a.Name == "" }
	if slices.ContainsFunc(arguments, unnamed) {
		// Arguments without a name go by their place, and so do those before them.
		arguments = slices.SortedStableFunc(slices.Values(arguments), func(a, b plan.FunctionArgument) int { return a.Position - b.Position })
	}
	positional := len(arguments)
	for positional > 0 && !unnamed(arguments[positional-1]) {
		positional--
	}
	for i, a := range arguments {
		value, err := c.functionArgument(a, outer)
		if err != nil {
			return nil, err
		}
		if i >= positional {
			value = namedArgument{a.Name, value}
		}
		out.Arguments = append(out.Arguments, value)
	}
	return out, nil
}

func (c *compiler) functionArgument(a plan.FunctionArgument, outer *scope) (expression, error) {
	switch {
	case a.Row && outer == nil:
		return nil, fmt.Errorf("function argument %q is a row, but no row encloses the call", a.Name)
	case a.Row:
		return outer.row(), nil
	case a.Session:
		cast := systemCast("json")
		if a.Type.Underlying().Class == plan.ClassJSONB {
			cast = systemCast("jsonb")
		}
		return c.parameter(parameterSource{form: formSession, cast: cast}), nil
	}
	return c.value(a.Value, a.Type)
}
