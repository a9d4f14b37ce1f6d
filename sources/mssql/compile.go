package mssql

import (
	"fmt"
	"strconv"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/sources"
	"dovetail/sources/sqlgen"
)

// Statement is a compiled fragment.
type Statement struct {
	text       string
	parameters []parameterSource
	// overflow are the values that travel in one JSON array, because a statement
	// may not have so many parameters.
	overflow []parameterSource
	// width is the number of binding columns; rows of a statement with bindings
	// start with their ordinal.
	width int
	kinds []kind
	shape *jsonshape.Shape
	// readsOnly: the statement calls no function and holds no SQL of the user's,
	// so running it again does no harm.
	readsOnly bool
	// program is what becomes of the results of a mutation; nil: the statement is
	// none.
	program *program
}

// Text is the SQL text. Its parameters are called @p1, @p2 and so on.
func (s *Statement) Text() string { return s.text }

// Compile turns a fragment into a statement.
func (s *Source) Compile(f *plan.Fragment) (plan.Statement, error) {
	statement, err := compile(f)
	if err != nil {
		return nil, err
	}
	return statement, nil
}

func compile(f *plan.Fragment) (*Statement, error) {
	c := &compiler{
		fragment: f, readsOnly: true, index: sqlgen.NewParameterIndex(valueKey), overflowIndex: sqlgen.NewParameterIndex(valueKey),
	}
	if len(f.Bindings) > 0 {
		source := parameterSource{form: formBindings}
		for _, b := range f.Bindings {
			source.keys = append(source.keys, declared(b.Type))
		}
		c.parameters = append(c.parameters, source)
	}
	var (
		l     *cells
		shape *jsonshape.Shape
		err   error
	)
	switch root := f.Query.(type) {
	case *plan.Insert, *plan.Update, *plan.Delete, *plan.Updates:
		return c.mutation(root)
	case *plan.Selection:
		l, shape, err = c.rootSelection(root)
	case *plan.Aggregation:
		l, shape, err = c.rootAggregation(root)
	case *plan.Connection:
		err = noRelay()
	case *plan.RemoteQuery:
		err = sources.NotSupported("a database can't answer a query of a remote schema")
	case *plan.Representations:
		err = sources.NotSupported("representations have no source")
	default:
		err = fmt.Errorf("unknown kind of query %T", root)
	}
	if err != nil {
		return nil, err
	}
	if len(c.parameters) > maxParameters {
		return nil, sources.NotSupported("the query has more than %d lists of values and limits", maxParameters-maxScalars)
	}
	return &Statement{
		text: c.prelude() + withClause(c.commonTables) + dialect.SQL(l.query), parameters: c.parameters, overflow: c.overflow, width: len(f.Bindings),
		kinds: l.layout.kinds, shape: shape, readsOnly: c.readsOnly,
	}, nil
}

// compiler holds the state of one compilation.
type compiler struct {
	fragment   *plan.Fragment
	parameters []parameterSource
	overflow   []parameterSource
	// index and overflowIndex find parameters that are the same.
	index, overflowIndex sqlgen.ParameterIndex
	// overflowing is the number of the parameter that holds overflow.
	overflowing int
	aliases     int
	readsOnly   bool
	// procedures are the calls that come before the statement.
	procedures []*procedureCall
	// keyed are the rows that are wanted for their keys; nil: none are.
	keyed *keyedRows
	// authored are the native queries, commonTables what they begin with.
	authored     []authoredText
	commonTables []commonTable
}

// bindingsAlias names the binding set, ordinal its ordinal column.
const (
	bindingsAlias = "b"
	keysAlias     = "k"
	ordinal       = "ord"
)

func bindingKey(i int) string { return "k" + strconv.Itoa(i) }

func (c *compiler) alias() string {
	c.aliases++
	return "t" + strconv.Itoa(c.aliases-1)
}

// A statement may have 2,100 parameters, two of which hold the statement itself.
// From maxScalars on, scalars share one; lists and limits can't.
const (
	maxParameters = 2098
	maxScalars    = 1800
)

// parameter registers a parameter, once for all of its uses.
func (c *compiler) parameter(source parameterSource) expression {
	value := func(i int) plan.Value { return c.parameters[i].value }
	if i, ok := c.index.Find(source.value, len(c.parameters), value, func(i int) bool { return c.parameters[i].same(&source) }); ok {
		return parameter{i + 1}
	}
	if len(c.parameters) < maxScalars || source.form != formScalar {
		c.parameters = append(c.parameters, source)
		return parameter{len(c.parameters)}
	}
	if c.overflowing == 0 {
		c.parameters = append(c.parameters, parameterSource{form: formOverflow})
		c.overflowing = len(c.parameters)
	}
	value = func(i int) plan.Value { return c.overflow[i].value }
	if i, ok := c.overflowIndex.Find(source.value, len(c.overflow), value, func(i int) bool { return c.overflow[i].same(&source) }); ok {
		return member{c.overflowing, i}
	}
	c.overflow = append(c.overflow, source)
	return member{c.overflowing, len(c.overflow) - 1}
}

// value is a parameter for a value compared as a type.
func (c *compiler) value(v plan.Value, t plan.Type) (expression, error) {
	if b, ok := v.(*plan.BindingValue); ok {
		if b.Index < 0 || b.Index >= len(c.fragment.Bindings) {
			return nil, fmt.Errorf("the fragment has no binding %d", b.Index)
		}
		return sqlgen.Column(bindingsAlias, bindingKey(b.Index)), nil
	}
	if v == nil {
		return nil, fmt.Errorf("a value of type %q is missing", t.Name)
	}
	return c.valueAs(v, declared(t))
}

// valueAs is the same for a type as it is declared.
func (c *compiler) valueAs(v plan.Value, as sqlType) (expression, error) {
	if b, ok := v.(*plan.BindingValue); ok {
		return c.value(b, typeOf(as))
	}
	if v == nil {
		return nil, fmt.Errorf("a value of the type %s is missing", as.name())
	}
	value := c.parameter(parameterSource{form: formScalar, value: v, as: as})
	if _, ok := value.(member); ok && as.collation != "" {
		// A parameter takes its collation from the other side, a column doesn't.
		value = collated{value, as.collation}
	}
	return received(value, as), nil
}

// received makes a value of a type from what a parameter (or a JSON array)
// holds of it.
func received(value expression, as sqlType) expression {
	switch as.base {
	case typeChar, typeVarchar, typeText, typeNchar, typeNvarchar, typeNtext:
		return value
	case typeBinary, typeVarbinary, typeImage, typeRowversion, typeTimestamp:
		const hexadecimal = 1
		return converted{value, asBytes, hexadecimal}
	case typeDatetime, typeSmalldatetime:
		// Only the newer types read a text alike under every language.
		return castTo{castTo{value, asDatetime2}, as}
	case typeGeometry, typeGeography:
		return method{static: as.base, name: "STGeomFromText", arguments: []expression{value, zero}}
	}
	if t, ok := travelling(as); ok {
		return castTo{value, t}
	}
	return value
}

// travelling is the type that values compared with a type are cast to; what has
// none is compared as text.
func travelling(as sqlType) (sqlType, bool) {
	switch as.base {
	case typeDecimal, typeNumeric:
		return widened(as), true
	case typeMoney, typeSmallmoney:
		return sqlType{base: typeDecimal, precision: 38, scale: 19}, true
	case typeBigint, typeInt, typeSmallint, typeTinyint, typeBit, typeFloat, typeReal, typeUUID, typeDate, typeHierarchy,
		typeTime, typeDatetime2, typeDatetimeoffset:
		return as, true
	}
	return sqlType{}, false
}

// widened leaves a decimal its digits before the point and gives it as many as
// possible behind, so that what it is compared with need not be rounded.
func widened(t sqlType) sqlType {
	scale := max(t.scale, min(38-(t.precision-t.scale), 19))
	return sqlType{base: typeDecimal, precision: 38, scale: scale}
}

// comparing gives a column in the form in which it is compared.
func comparing(value expression, t sqlType) expression {
	switch t.base {
	case typeText:
		return castTo{value, sqlType{base: typeVarchar, length: maxLength}}
	case typeNtext, typeXML:
		return castTo{value, asText}
	case typeImage:
		return castTo{value, asBytes}
	case typeVariant:
		return castTo{value, sqlType{base: typeNvarchar, length: 4000}}
	}
	if _, known := systemTypes[t.base]; !known {
		return castTo{value, asText}
	}
	return value
}

// scope is a row that expressions refer to.
type scope struct {
	alias string
	// present holds unless the row is the row of nulls that an outer join makes;
	// nil: it always is.
	present expression
	// taken collects the names of the columns that are referred to; nil: nobody
	// asks.
	taken map[string]bool
}

func (s *scope) column(name string) expression {
	if s.taken != nil {
		s.taken[name] = true
	}
	return sqlgen.Column(s.alias, name)
}

// relation is a relation as a member of FROM.
func (c *compiler) relation(r plan.Relation) (expression, *scope, error) {
	s := &scope{alias: c.alias()}
	switch r := r.(type) {
	case *plan.Table:
		return sqlgen.Table(r.Schema, r.Name), s, nil
	case *plan.FunctionCall:
		if len(r.Results) > 0 {
			rows, err := c.procedure(r)
			return rows, s, err
		}
		f, err := c.functionCall(r)
		if err != nil {
			return nil, nil, err
		}
		return f, s, nil
	case *plan.NativeQuery:
		q, err := c.authoredQuery(r)
		return q, s, err
	}
	return nil, nil, fmt.Errorf("unknown kind of relation %T", r)
}

// functionCall is a table-valued function. T-SQL passes arguments by position.
func (c *compiler) functionCall(f *plan.FunctionCall) (*call, error) {
	c.readsOnly = false
	schema := f.Schema
	if schema == "" {
		schema = defaultSchema
	}
	out := &call{Schema: schema, Name: f.Name}
	for _, a := range f.Arguments {
		switch {
		case a.Row:
			return nil, sources.NotSupported("SQL Server's functions take no rows (argument %q of %q)", a.Name, f.Name)
		case a.Session:
			out.Arguments = append(out.Arguments, c.parameter(parameterSource{form: formSession}))
		default:
			value, err := c.value(a.Value, a.Type)
			if err != nil {
				return nil, err
			}
			out.Arguments = append(out.Arguments, value)
		}
	}
	return out, nil
}

// noRelay refuses what only the Relay endpoint asks for.
func noRelay() error { return sources.NotSupported("SQL Server has no Relay connections and node ids") }

// computed refuses what SQL Server has no counterpart of.
func computed(f *plan.FunctionCall) error {
	return sources.NotSupported("SQL Server has no computed fields (%q)", f.Name)
}
