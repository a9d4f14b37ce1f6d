package postgres

import (
	"fmt"

	"dovetail/internal/plan"
	"dovetail/sources"
	"dovetail/sources/sqlgen"
)

// predicateScope is what a predicate is about: the row in scope and the row of
// the whole predicate.
type predicateScope struct {
	row, root *scope
	// joinable: the predicate is a condition of the outermost rows, ANDed with
	// others, so that a subquery of it can become a join.
	joinable bool
	negated  bool
}

func scopeOf(s *scope) predicateScope { return predicateScope{row: s, root: s} }

// below is the scope of a part that isn't a condition of its own.
func (s predicateScope) below() predicateScope {
	s.joinable = false
	return s
}

// about compiles predicates about a row.
func (c *compiler) about(s predicateScope) sqlgen.CompilePredicate {
	return func(p plan.Predicate) (expression, error) { return c.predicate(p, s) }
}

func (c *compiler) predicate(p plan.Predicate, s predicateScope) (expression, error) {
	switch p := p.(type) {
	case *plan.And:
		return dialect.All(p.Parts, c.about(s))
	case *plan.Or:
		return dialect.Any(p.Parts, c.about(s.below()))
	case *plan.Not:
		s = s.below()
		s.negated = true
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
		left, err := c.operand(p.Left, s)
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

func (c *compiler) operand(o plan.Operand, s predicateScope) (expression, error) {
	switch o := o.(type) {
	case *plan.ColumnOperand:
		e := s.row.column(o.Column.Name)
		if o.Guard != nil {
			guard, err := c.predicate(o.Guard, scopeOf(s.row))
			if err != nil {
				return nil, err
			}
			e = sqlgen.CaseWhen(guard, e)
		}
		if o.Cast != nil {
			e = castTo{value: e, to: castOf(*o.Cast)}
		}
		return e, nil
	case *plan.ComputedOperand:
		value, err := c.functionCall(o.Call, s.row)
		if err != nil {
			return nil, err
		}
		return c.guarded(value, o.Guard, s.row)
	}
	return nil, fmt.Errorf("unknown kind of operand %T", o)
}

func (c *compiler) compare(p *plan.Compare, s predicateScope) (expression, error) {
	left, err := c.operand(p.Left, s)
	if err != nil {
		return nil, err
	}
	return c.comparison(left, plan.OperandType(p.Left).Underlying(), p.Operator, p.Right)
}

// rightSide names how the right side of an operator is made.
type rightSide uint8

const (
	rightSame     rightSide = iota // a value of the left side's type
	rightPattern                   // text, for patterns
	rightText                      // text
	rightTexts                     // a list of texts
	rightList                      // a list of the left side's type
	rightLTree                     // of a type of the ltree extension
	rightLTrees                    // a list of a type of the ltree extension
	rightGeometry                  // PostGIS predicates, with arguments of their own
)

// operation is how an operator is written.
type operation struct {
	sql   string
	right rightSide
	// name of the ltree extension's type on the right.
	name string
}

var operations = map[plan.Operator]operation{
	plan.Equal:           {sql: "="},
	plan.NotEqual:        {sql: "<>"},
	plan.Greater:         {sql: ">"},
	plan.Less:            {sql: "<"},
	plan.GreaterOrEqual:  {sql: ">="},
	plan.LessOrEqual:     {sql: "<="},
	plan.In:              {sql: "=", right: rightList},
	plan.NotIn:           {sql: "<>", right: rightList},
	plan.Like:            {sql: "LIKE", right: rightPattern},
	plan.NotLike:         {sql: "NOT LIKE", right: rightPattern},
	plan.ILike:           {sql: "ILIKE", right: rightPattern},
	plan.NotILike:        {sql: "NOT ILIKE", right: rightPattern},
	plan.Similar:         {sql: "SIMILAR TO", right: rightPattern},
	plan.NotSimilar:      {sql: "NOT SIMILAR TO", right: rightPattern},
	plan.Regex:           {sql: "~", right: rightPattern},
	plan.NotRegex:        {sql: "!~", right: rightPattern},
	plan.IRegex:          {sql: "~*", right: rightPattern},
	plan.NotIRegex:       {sql: "!~*", right: rightPattern},
	plan.Contains:        {sql: "@>"},
	plan.ContainedIn:     {sql: "<@"},
	plan.HasKey:          {sql: "?", right: rightText},
	plan.HasKeysAny:      {sql: "?|", right: rightTexts},
	plan.HasKeysAll:      {sql: "?&", right: rightTexts},
	plan.Ancestor:        {sql: "@>"},
	plan.Descendant:      {sql: "<@"},
	plan.AncestorAny:     {sql: "@>", right: rightLTrees, name: "ltree"},
	plan.DescendantAny:   {sql: "<@", right: rightLTrees, name: "ltree"},
	plan.Matches:         {sql: "~", right: rightLTree, name: "lquery"},
	plan.MatchesAny:      {sql: "?", right: rightLTrees, name: "lquery"},
	plan.MatchesFulltext: {sql: "@", right: rightLTree, name: "ltxtquery"},
	plan.STContains:      {sql: "st_contains", right: rightGeometry},
	plan.STCrosses:       {sql: "st_crosses", right: rightGeometry},
	plan.STEquals:        {sql: "st_equals", right: rightGeometry},
	plan.STIntersects:    {sql: "st_intersects", right: rightGeometry},
	plan.ST3DIntersects:  {sql: "st_3dintersects", right: rightGeometry},
	plan.STOverlaps:      {sql: "st_overlaps", right: rightGeometry},
	plan.STTouches:       {sql: "st_touches", right: rightGeometry},
	plan.STWithin:        {sql: "st_within", right: rightGeometry},
	// These have members of an object as arguments.
	plan.STDWithin:          {sql: "st_dwithin", right: rightGeometry},
	plan.ST3DDWithin:        {sql: "st_3ddwithin", right: rightGeometry},
	plan.STIntersectsRast:   {sql: "st_intersects", right: rightGeometry},
	plan.STIntersectsNBGeom: {sql: "st_intersects", right: rightGeometry},
	plan.STIntersectsGeomNB: {sql: "st_intersects", right: rightGeometry},
}

// comparison compares an expression of a type with a value.
func (c *compiler) comparison(left expression, t plan.Type, operator plan.Operator, right plan.Value) (expression, error) {
	o, ok := operations[operator]
	if !ok {
		return nil, sources.NotSupported("the operator %q is not supported", operator)
	}
	if err := checkOperator(t, operator); err != nil {
		return nil, err
	}
	if opposite, ok := withoutInequality(t, operator); ok {
		e, err := c.comparison(left, t, opposite, right)
		return sqlgen.Not(e), err
	}
	scalar := func(form form, cast sqlType) (expression, error) {
		if right == nil {
			return nil, fmt.Errorf("operator %q has no right side", operator)
		}
		return sqlgen.Infix(o.sql, left, c.parameter(parameterSource{form: form, value: right, cast: cast})), nil
	}
	if o.right == rightSame || o.right == rightList {
		if wide, ok := widened(t); ok {
			return c.wideComparison(left, wide, o, right)
		}
	}
	switch o.right {
	case rightSame:
		value, err := c.value(right, t)
		return sqlgen.Infix(o.sql, left, value), err
	case rightPattern:
		cast := systemCast("text")
		if t.Name == "citext" {
			cast = castOf(t) // its own operators ignore case
		}
		return scalar(formText, cast)
	case rightText:
		return scalar(formText, systemCast("text"))
	case rightTexts:
		return scalar(formArray, arrayCast(systemCast("text")))
	case rightLTree:
		return scalar(formText, sqlType{schema: t.Schema, name: o.name})
	case rightLTrees:
		return scalar(formArray, sqlType{schema: t.Schema, name: o.name, array: true})
	case rightList:
		return c.inList(left, t, o.sql, right)
	case rightGeometry:
		return c.geometryTest(left, t, operator, o.sql, right)
	}
	return nil, fmt.Errorf("operator %q has an unknown right side", operator)
}

// widened is the type of what a small whole number is compared with: every
// whole number is less than, equal to or greater than an int2, whether or not an
// int2 can hold it. Indexes of the one serve comparisons with the other.
func widened(t plan.Type) (plan.Type, bool) {
	if name, ok := systemName(t.Underlying()); ok && name == "int2" {
		return systemType("int8"), true
	}
	return t, false
}

// wideComparison compares a small whole number with greater ones.
func (c *compiler) wideComparison(left expression, wide plan.Type, o operation, right plan.Value) (expression, error) {
	if _, bound := right.(*plan.BindingValue); bound {
		value, err := c.value(right, wide)
		return sqlgen.Infix(o.sql, left, value), err
	}
	if right == nil {
		return nil, fmt.Errorf("a value or a list is missing on the right side of %s", o.sql)
	}
	source := parameterSource{form: formText, value: right, cast: castOf(wide), clamped: true}
	if o.right == rightSame {
		return sqlgen.Infix(o.sql, left, c.parameter(source)), nil
	}
	source.form, source.cast = formArray, arrayCast(source.cast)
	out := quantified{operator: o.sql, left: left, quantifier: "ANY", array: c.parameter(source)}
	if o.sql != "=" {
		out.quantifier = "ALL"
	}
	return out, nil
}

// withoutInequality gives the operator to negate for types of PostGIS, which has
// no <>.
func withoutInequality(t plan.Type, operator plan.Operator) (plan.Operator, bool) {
	if !geometric(t) && t.Underlying().Class != plan.ClassRaster {
		return "", false
	}
	switch operator { //nolint:exhaustive // all others exist
	case plan.NotEqual:
		return plan.Equal, true
	case plan.NotIn:
		return plan.In, true
	}
	return "", false
}

// inList is = ANY or <> ALL. Elements that are no plain scalars travel as texts
// and are made what they are one by one.
func (c *compiler) inList(left expression, t plan.Type, operator string, right plan.Value) (expression, error) {
	if right == nil {
		return nil, fmt.Errorf("a list is missing on the right side of %s", operator)
	}
	out := quantified{operator: operator, left: left, quantifier: "ANY"}
	if operator != "=" {
		out.quantifier = "ALL"
	}
	source := parameterSource{form: arrayForm(&t), value: right, cast: arrayCast(castOf(t))}
	var element func(expression) expression
	switch t.Class { //nolint:exhaustive // all others are plain scalars
	case plan.ClassArray:
		source.form = formArrays
		element = func(e expression) expression { return castTo{value: e, to: castOf(t)} }
	case plan.ClassGeometry, plan.ClassGeography:
		element = func(e expression) expression { return geometryFrom(e, t) }
	}
	if element == nil {
		out.array = c.parameter(source)
		return out, nil
	}
	source.cast = arrayCast(systemCast("text"))
	alias := c.alias()
	texts := sqlgen.Function("unnest", c.parameter(source))
	out.rows = &query{
		items: []item{{Value: element(sqlgen.Column(alias, "v"))}},
		from:  []fromItem{{Source: texts, Alias: alias, Columns: []string{"v"}}},
	}
	return out, nil
}

// geometryTest is a predicate of PostGIS.
func (c *compiler) geometryTest(left expression, t plan.Type, operator plan.Operator, name string, right plan.Value) (expression, error) {
	if right == nil {
		return nil, fmt.Errorf("operator %q has no right side", operator)
	}
	member := func(name string, cast sqlType, fallback string) expression {
		return c.parameter(parameterSource{form: formText, value: right, member: name, cast: cast, fallback: fallback})
	}
	geometry := plan.Type{Schema: t.Schema, Name: "geometry", Class: plan.ClassGeometry}
	text := systemCast("text")
	var arguments []expression
	switch operator { //nolint:exhaustive // all others have one geometry
	case plan.STDWithin, plan.ST3DDWithin:
		arguments = []expression{geometryFrom(member("from", text, ""), t), member("distance", systemCast("float8"), "")}
		if t.Class == plan.ClassGeography {
			arguments = append(arguments, member("use_spheroid", systemCast("bool"), "true"))
		}
	case plan.STIntersectsNBGeom:
		arguments = []expression{member("nband", systemCast("int4"), ""), geometryFrom(member("geommin", text, ""), geometry)}
	case plan.STIntersectsGeomNB:
		arguments = []expression{geometryFrom(member("geommin", text, ""), geometry), member("nband", systemCast("int4"), "")}
	default:
		value, err := c.value(right, t)
		if err != nil {
			return nil, err
		}
		arguments = []expression{value}
	}
	return &call{Schema: t.Schema, Name: name, Arguments: append([]expression{left}, arguments...)}, nil
}

func (c *compiler) compareColumns(p *plan.CompareColumns, s predicateScope) (expression, error) {
	o, ok := operations[p.Operator]
	if !ok || o.right != rightSame && o.right != rightPattern {
		return nil, sources.NotSupported("the operator %q can't compare two columns", p.Operator)
	}
	if err := checkOperator(p.Left.Type, p.Operator); err != nil {
		return nil, err
	}
	right := s.row
	if p.RightRoot {
		right = s.root
	}
	return sqlgen.Infix(o.sql, s.row.column(p.Left.Name), right.column(p.Right.Name)), nil
}

// related is the query of the rows that an exists or an aggregate predicate is
// about. Their user-written part keeps the root of the whole predicate, their
// permission is about themselves.
func (c *compiler) related(r *plan.Rows, s predicateScope) (*query, *scope, error) {
	if !sqlgen.Plain(r) {
		return nil, nil, sources.NotSupported("a predicate about limited rows of %s is not supported", sqlgen.RelationName(r.From))
	}
	source, inner, err := c.relation(r.From, s.row)
	if err != nil {
		return nil, nil, err
	}
	where, err := c.correlations(r.On, s.row, inner)
	if err != nil {
		return nil, nil, err
	}
	if r.Where != nil {
		e, err := c.predicate(r.Where, predicateScope{row: inner, root: s.root})
		if err != nil {
			return nil, nil, err
		}
		where = append(where, dialect.Conjuncts(e)...)
	}
	rest := *r
	rest.Where = nil
	permit, err := c.filter(&rest, inner)
	if err != nil {
		return nil, nil, err
	}
	return &query{from: []fromItem{{Source: source, Alias: inner.alias}}, where: append(where, permit...)}, inner, nil
}

func (c *compiler) exists(p *plan.Exists, s predicateScope) (expression, error) {
	q, _, err := c.related(&p.Target, s)
	if err != nil {
		return nil, err
	}
	q.items = []item{{Value: keyword("1")}}
	return sqlgen.Exists(q), nil
}

// compareAggregate holds when the only group that an aggregate without GROUP BY
// makes satisfies HAVING.
func (c *compiler) compareAggregate(p *plan.CompareAggregate, s predicateScope) (expression, error) {
	if c.sharesKey(&p.Target, s.row) {
		return c.compareSharedKey(p, s)
	}
	q, inner, err := c.related(&p.Target, s)
	if err != nil {
		return nil, err
	}
	aggregate, result, err := c.predicateAggregate(p, inner)
	if err != nil {
		return nil, err
	}
	if q.having, err = c.having(p, aggregate, result); err != nil {
		return nil, err
	}
	q.items = []item{{Value: aggregate}}
	return sqlgen.Exists(q), nil
}

// having are the comparisons of an aggregate's value.
func (c *compiler) having(p *plan.CompareAggregate, aggregate expression, result plan.Type) ([]expression, error) {
	var out []expression
	for _, h := range p.Having {
		if h.IsNull != nil {
			out = append(out, sqlgen.NullTest(aggregate, !*h.IsNull))
			continue
		}
		e, err := c.comparison(aggregate, result, h.Operator, h.Right)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// predicateAggregate is the aggregate and the type its value is compared as.
func (c *compiler) predicateAggregate(p *plan.CompareAggregate, s *scope) (expression, plan.Type, error) {
	result := p.Result.Underlying()
	arguments := make([]expression, 0, len(p.Arguments))
	for i, a := range p.Arguments {
		value, err := c.guarded(s.column(a.Name), p.Guard(i), s)
		if err != nil {
			return nil, result, err
		}
		arguments = append(arguments, value)
	}
	if p.Function == "count" {
		if result.Name == "" {
			result = systemType("int8")
		}
		return countOf(arguments, p.Distinct), result, nil
	}
	name, ok := predicateFunctions[p.Function]
	if !ok {
		return nil, result, sources.NotSupported("the aggregate function %q is not supported in a predicate", p.Function)
	}
	if result.Name == "" {
		result = systemType("float8")
		if p.Function == "bool_and" || p.Function == "bool_or" {
			result = systemType("bool")
		}
	}
	return &call{Name: name, Distinct: p.Distinct, Arguments: arguments}, result, nil
}
