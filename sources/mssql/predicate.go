package mssql

import (
	"fmt"
	"slices"

	"dovetail/internal/plan"
	"dovetail/sources"
	"dovetail/sources/sqlgen"
)

// predicateScope is what a predicate is about: the row in scope and the row of
// the whole predicate.
type predicateScope struct{ row, root *scope }

// about compiles predicates about a row.
func (c *compiler) about(s predicateScope) sqlgen.CompilePredicate {
	return func(p plan.Predicate) (expression, error) { return c.predicate(p, s) }
}

func (c *compiler) predicate(p plan.Predicate, s predicateScope) (expression, error) {
	switch p := p.(type) {
	case *plan.And:
		return dialect.All(p.Parts, c.about(s))
	case *plan.Or:
		return dialect.Any(gathered(p.Parts), c.about(s))
	case *plan.Not:
		part, err := c.predicate(p.Part, s)
		return sqlgen.Not(part), err
	case *plan.Const:
		if p.Value {
			return dialect.Always, nil
		}
		return dialect.Never, nil
	case *plan.Compare:
		return c.compare(p, s)
	case *plan.CompareColumns:
		return c.compareColumns(p, s)
	case *plan.IsNull:
		left, _, err := c.operand(p.Left, s)
		return sqlgen.NullTest(left, p.Negate), err
	case *plan.Exists:
		return c.exists(p, s)
	case *plan.CompareAggregate:
		return c.compareAggregate(p, s)
	case *plan.InKeys:
		return c.inKeys(p, s)
	case *plan.RemoteCondition: // stands in catalogs only
	}
	return nil, fmt.Errorf("unknown kind of predicate %T", p)
}

// manyAlternatives is from how many on equalities of one column become a list.
const manyAlternatives = 16

// gathered makes one _in of the equalities of each column, if there are many: a
// statement can't have thousands of conditions.
func gathered(parts []plan.Predicate) []plan.Predicate {
	if len(parts) < manyAlternatives {
		return parts
	}
	lists := map[string]*plan.Compare{}
	var out []plan.Predicate
	for _, part := range parts {
		compare, ok := part.(*plan.Compare)
		column, plain := plainColumn(compare)
		if !ok || !plain || compare.Operator != plan.Equal {
			out = append(out, part)
			continue
		}
		list, known := lists[column.Name]
		if !known {
			list = &plan.Compare{Left: compare.Left, Operator: plan.In, Right: &plan.ListValue{}}
			lists[column.Name] = list
			out = append(out, list)
		}
		values := list.Right.(*plan.ListValue) //nolint:forcetypeassert // made above
		values.Items = append(values.Items, compare.Right)
	}
	return out
}

// plainColumn gives the column that a comparison is about, if it is nothing
// but a column.
func plainColumn(p *plan.Compare) (plan.Column, bool) {
	if p == nil {
		return plan.Column{}, false
	}
	o, ok := p.Left.(*plan.ColumnOperand)
	if !ok || o.Cast != nil || o.Guard != nil {
		return plan.Column{}, false
	}
	class := o.Column.Type.Underlying().Class
	return o.Column, class != plan.ClassGeometry && class != plan.ClassGeography
}

// operand is the left side of a comparison and its type.
func (c *compiler) operand(o plan.Operand, s predicateScope) (expression, plan.Type, error) {
	switch o := o.(type) {
	case *plan.ColumnOperand:
		if o.Cast != nil {
			return nil, plan.Type{}, sources.NotSupported("casts are not supported (column %q)", o.Column.Name)
		}
		e := s.row.column(o.Column.Name)
		if o.Guard != nil {
			guard, err := c.predicate(o.Guard, predicateScope{s.row, s.row})
			if err != nil {
				return nil, plan.Type{}, err
			}
			e = sqlgen.CaseWhen(guard, e)
		}
		return e, o.Column.Type, nil
	case *plan.ComputedOperand:
		return nil, plan.Type{}, computed(o.Call)
	}
	return nil, plan.Type{}, fmt.Errorf("unknown kind of operand %T", o)
}

func (c *compiler) compare(p *plan.Compare, s predicateScope) (expression, error) {
	left, t, err := c.operand(p.Left, s)
	if err != nil {
		return nil, err
	}
	return c.comparison(left, t, p.Operator, p.Right)
}

// rightSide names how the right side of an operator is made.
type rightSide uint8

const (
	rightSame    rightSide = iota // a value of the left side's type
	rightPattern                  // a pattern
	rightList                     // a list of the left side's type
	rightShape                    // a geometry or geography
)

// operation is how an operator is written.
type operation struct {
	sql   string
	right rightSide
}

var operations = map[plan.Operator]operation{
	plan.Equal:          {sql: "="},
	plan.NotEqual:       {sql: "<>"},
	plan.Greater:        {sql: ">"},
	plan.Less:           {sql: "<"},
	plan.GreaterOrEqual: {sql: ">="},
	plan.LessOrEqual:    {sql: "<="},
	plan.In:             {right: rightList},
	plan.NotIn:          {right: rightList},
	plan.Like:           {sql: "LIKE", right: rightPattern},
	plan.NotLike:        {sql: "NOT LIKE", right: rightPattern},
	plan.STContains:     {sql: "STContains", right: rightShape},
	plan.STCrosses:      {sql: "STCrosses", right: rightShape},
	plan.STEquals:       {sql: "STEquals", right: rightShape},
	plan.STIntersects:   {sql: "STIntersects", right: rightShape},
	plan.STOverlaps:     {sql: "STOverlaps", right: rightShape},
	plan.STTouches:      {sql: "STTouches", right: rightShape},
	plan.STWithin:       {sql: "STWithin", right: rightShape},
}

// comparison compares an expression of a type with a value.
func (c *compiler) comparison(left expression, t plan.Type, operator plan.Operator, right plan.Value) (expression, error) {
	o, ok := operations[operator]
	if !ok || !supportsOperator(t, operator) {
		return nil, sources.NotSupported("the operator %q is not supported for the type %q", operator, t.Name)
	}
	if right == nil {
		return nil, fmt.Errorf("operator %q has no right side", operator)
	}
	as := comparedAs(declared(t))
	switch o.right {
	case rightSame:
		value, err := c.valueAs(right, as)
		return sqlgen.Infix(o.sql, comparing(left, as), value), err
	case rightPattern:
		// A pattern may be longer than what it is compared with.
		as.length = maxLength
		pattern, err := c.value(right, typeOf(as))
		return sqlgen.Infix(o.sql, comparing(left, as), pattern), err
	case rightList:
		return c.inList(comparing(left, as), as, operator == plan.NotIn, right), nil
	case rightShape:
		return c.shapeTest(left, as, o.sql, right), nil
	}
	return nil, fmt.Errorf("operator %q has an unknown right side", operator)
}

// comparedAs is the type of what a value is compared with. Every whole number is
// less than, equal to or greater than a tinyint, whether or not a tinyint can
// hold it.
func comparedAs(t sqlType) sqlType {
	switch t.base {
	case typeTinyint, typeSmallint:
		return sqlType{base: typeBigint, small: true}
	}
	return t
}

// inList is IN or NOT IN of the elements of one JSON array.
func (c *compiler) inList(left expression, as sqlType, negate bool, right plan.Value) expression {
	const name = "v"
	alias := c.alias()
	array := c.parameter(parameterSource{form: formList, value: right, as: as})
	value, fits := element(sqlgen.Column(alias, name), as)
	q := &query{
		items: []item{{Value: value}},
		from: []fromItem{{
			Source: openJSON{array: array, columns: []jsonColumn{{name, elementType(as), "$"}}}, Alias: alias,
		}},
	}
	if fits != nil {
		// A null must stay: it makes the answer unknown.
		unknown := sqlgen.IsNull(sqlgen.Column(alias, name))
		q.where = []expression{sqlgen.Or(unknown, fits)}
	}
	return inRows{left: left, negate: negate, query: q}
}

// shapeTest is a predicate about two geometries, which must be of the same
// reference system.
func (c *compiler) shapeTest(left expression, as sqlType, name string, right plan.Value) expression {
	text := c.parameter(parameterSource{form: formScalar, value: right, as: sqlType{base: as.base}})
	if _, ok := left.(columnOf); !ok {
		left = sqlgen.And(left) // in parentheses
	}
	shape := method{static: as.base, name: "STGeomFromText", arguments: []expression{
		text, method{value: left, name: "STSrid", property: true},
	}}
	return sqlgen.Infix("=", method{value: left, name: name, arguments: []expression{shape}}, one)
}

func (c *compiler) compareColumns(p *plan.CompareColumns, s predicateScope) (expression, error) {
	o, ok := operations[p.Operator]
	if !ok || o.right != rightSame && o.right != rightPattern || !supportsOperator(p.Left.Type, p.Operator) {
		return nil, sources.NotSupported("the operator %q can't compare two columns of the type %q", p.Operator, p.Left.Type.Name)
	}
	row := s.row
	if p.RightRoot {
		row = s.root
	}
	left := declared(p.Left.Type)
	right := underCollation(row.column(p.Right.Name), left, declared(p.Right.Type))
	return sqlgen.Infix(o.sql, comparing(s.row.column(p.Left.Name), left), right), nil
}

// related is the query of the rows that an exists or an aggregate predicate is
// about. Their user-written part keeps the root of the whole predicate, their
// permission is about themselves.
func (c *compiler) related(r *plan.Rows, s predicateScope) (*rowsQuery, error) {
	if !sqlgen.Plain(r) {
		return nil, sources.NotSupported("a predicate about limited rows of %s is not supported", sqlgen.RelationName(r.From))
	}
	source, inner, err := c.relation(r.From)
	if err != nil {
		return nil, err
	}
	where, err := c.correlations(r.On, s.row, inner)
	if err != nil {
		return nil, err
	}
	if r.Where != nil {
		e, err := c.predicate(r.Where, predicateScope{row: inner, root: s.root})
		if err != nil {
			return nil, err
		}
		where = append(where, dialect.Conjuncts(e)...)
	}
	rest := *r
	rest.Where = nil
	permit, err := c.filter(&rest, inner)
	if err != nil {
		return nil, err
	}
	q := &query{from: []fromItem{{Source: source, Alias: inner.alias}}, where: slices.Concat(where, permit)}
	return &rowsQuery{query: q, scope: inner}, nil
}

func (c *compiler) exists(p *plan.Exists, s predicateScope) (expression, error) {
	rows, err := c.related(&p.Target, s)
	if err != nil {
		return nil, err
	}
	rows.query.items = []item{{Value: one}}
	return sqlgen.Exists(rows.query), nil
}

// compareAggregate holds when the row of an aggregate satisfies comparisons.
func (c *compiler) compareAggregate(p *plan.CompareAggregate, s predicateScope) (expression, error) {
	if tuples := p.Distinct && len(p.Arguments) > 1; !tuples && c.sharesKey(&p.Target, s.row) {
		return c.compareSharedKey(p)
	}
	rows, err := c.related(&p.Target, s)
	if err != nil {
		return nil, err
	}
	a := newAggregator(c, rows)
	aggregate, result, err := a.predicateAggregate(p)
	if err != nil {
		return nil, err
	}
	const name = "v"
	alias := c.alias()
	value := sqlgen.Column(alias, name)
	q := &query{
		items: []item{{Value: one}},
		from:  []fromItem{{Source: sqlgen.Subquery(a.query([]item{{Value: aggregate, Alias: name}})), Alias: alias}},
	}
	if q.where, err = c.having(p, value, result); err != nil {
		return nil, err
	}
	return sqlgen.Exists(q), nil
}

// predicateAggregate is the aggregate and the type its value is compared as.
func (a *aggregator) predicateAggregate(p *plan.CompareAggregate) (expression, plan.Type, error) {
	if p.Function == functionCount {
		values := a.counted(p.Arguments)
		for i := range values {
			var err error
			if values[i], err = a.compiler.guarded(values[i], p.Guard(i), a.scope); err != nil {
				return nil, plan.Type{}, err
			}
		}
		return a.countOf(values, p.Distinct), typeOf(asBigint), nil
	}
	if len(p.Arguments) != 1 {
		return nil, plan.Type{}, sources.NotSupported("the aggregate function %q of %d columns is not supported", p.Function, len(p.Arguments))
	}
	column := p.Arguments[0]
	t := declared(column.Type)
	x, err := a.compiler.guarded(comparing(a.scope.column(column.Name), t), p.Guard(0), a.scope)
	if err != nil {
		return nil, plan.Type{}, err
	}
	x = a.input(x)
	switch p.Function {
	case functionBoolAnd, functionBoolOr:
		if t.base != typeBit {
			return nil, plan.Type{}, sources.NotSupported("the aggregate function %q needs a column of the type bit", p.Function)
		}
		name := map[string]string{functionBoolAnd: functionMin, functionBoolOr: functionMax}[p.Function]
		value, result := aggregateOf(name, x, t)
		return value, typeOf(result), nil
	}
	if !supportsAggregate(column.Type, p.Function) {
		return nil, plan.Type{}, sources.NotSupported(
			"the aggregate function %q is not supported for the type %q", p.Function, column.Type.Name)
	}
	value, result := aggregateOf(p.Function, x, t)
	if !p.Distinct {
		return value, typeOf(result), nil
	}
	return distinctly(value), typeOf(result), nil
}

// distinctly makes an aggregate one of distinct values.
func distinctly(aggregate expression) expression {
	switch e := aggregate.(type) {
	case *call:
		e.Distinct = true
	case castTo:
		e.value = distinctly(e.value)
		return e
	}
	return aggregate
}
