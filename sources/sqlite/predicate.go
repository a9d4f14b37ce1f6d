package sqlite

import (
	"slices"

	"dovetail/internal/plan"
)

// scope is the row that a predicate is about; root is the row that the whole
// predicate is about.
type scope struct {
	alias alias
	root  *scope
}

// predicate writes a condition in parentheses.
func (c *compiler) predicate(b *builder, p plan.Predicate, here *scope) {
	switch p := p.(type) {
	case *plan.And:
		c.joined(b, p.Parts, " AND ", "1", here)
	case *plan.Or:
		c.joined(b, p.Parts, " OR ", "0", here)
	case *plan.Not:
		b.write("(NOT ")
		c.predicate(b, p.Part, here)
		b.write(")")
	case *plan.Const:
		if p.Value {
			b.write("(1)")
		} else {
			b.write("(0)")
		}
	case *plan.Compare:
		expression, t := c.operand(p.Left, here)
		c.compare(b, expression, t, p.Operator, p.Right)
	case *plan.CompareColumns:
		c.compareColumns(b, p, here)
	case *plan.IsNull:
		expression, _ := c.operand(p.Left, here)
		b.write("(")
		b.append(expression)
		b.write(" IS ")
		if p.Negate {
			b.write("NOT ")
		}
		b.write("NULL)")
	case *plan.Exists:
		c.exists(b, &p.Target, here)
	case *plan.CompareAggregate:
		c.compareAggregate(b, p, here)
	case *plan.InKeys:
		c.inKeys(b, p, here)
	case *plan.RemoteCondition:
		c.refuse("conditions on another source stand in catalogs only")
	default:
		c.refuse("SQLite can't test conditions of kind %T", p)
	}
}

// joined writes parts with AND or OR between them, halved again and again:
// SQLite bounds the depth of expressions, and a chain is as deep as it is long.
func (c *compiler) joined(b *builder, parts []plan.Predicate, operator, empty constant, here *scope) {
	switch len(parts) {
	case 0:
		b.write("(", empty, ")")
	case 1:
		c.predicate(b, parts[0], here)
	default:
		half := len(parts) / 2
		b.write("(")
		c.joined(b, parts[:half], operator, empty, here)
		b.write(operator)
		c.joined(b, parts[half:], operator, empty, here)
		b.write(")")
	}
}

// operand gives the left side of a comparison and its type.
func (c *compiler) operand(o plan.Operand, here *scope) (*builder, plan.Type) {
	column, ok := o.(*plan.ColumnOperand)
	if !ok {
		c.refuse("SQLite has no computed fields")
		return &builder{}, plan.Type{}
	}
	if column.Cast != nil {
		c.refuse("SQLite can't cast the column %q", column.Column.Name)
	}
	return c.guarded(columnExpression(here.alias, column.Column.Name), column.Guard, here), column.Column.Type
}

// guarded makes an expression null where a guard doesn't hold.
func (c *compiler) guarded(expression *builder, guard plan.Predicate, here *scope) *builder {
	if guard == nil {
		return expression
	}
	b := &builder{}
	b.write("CASE WHEN ")
	c.predicate(b, guard, &scope{alias: here.alias, root: here.root})
	b.write(" THEN ")
	b.append(expression)
	b.write(" END")
	return b
}

// sqlOperator gives the SQL of the plain comparison operators.
func sqlOperator(o plan.Operator) (constant, bool) {
	switch o { //nolint:exhaustive // the others are no plain comparisons
	case plan.Equal:
		return " = ", true
	case plan.NotEqual:
		return " <> ", true
	case plan.Greater:
		return " > ", true
	case plan.Less:
		return " < ", true
	case plan.GreaterOrEqual:
		return " >= ", true
	case plan.LessOrEqual:
		return " <= ", true
	}
	return "", false
}

// compare writes the comparison of an expression with a value.
func (c *compiler) compare(b *builder, left *builder, t plan.Type, operator plan.Operator, right plan.Value) {
	if !slices.Contains(declared.Operators[t.Class], operator) {
		c.refuse("SQLite has no operator %s for the type %q", operator, t.Name)
		return
	}
	switch operator { //nolint:exhaustive // the rest are plain comparisons
	case plan.In:
		c.inList(b, left, t, right, " IN ")
		return
	case plan.NotIn:
		c.inList(b, left, t, right, " NOT IN ")
		return
	case plan.Like:
		c.like(b, left, t, right, " GLOB ", convertLike)
		return
	case plan.NotLike:
		c.like(b, left, t, right, " NOT GLOB ", convertLike)
		return
	case plan.ILike:
		c.like(b, left, t, right, " GLOB ", convertILike)
		return
	case plan.NotILike:
		c.like(b, left, t, right, " NOT GLOB ", convertILike)
		return
	}
	value := &builder{}
	value.parameter(c.parameter(parameter{convert: convertScalar, value: right, typ: t}))
	switch {
	case operator == plan.Equal:
		b.write("(")
		c.equals(b, left, t, value)
		b.write(")")
	case operator == plan.NotEqual && t.Class == plan.ClassUUID:
		b.write("(NOT ")
		c.equals(b, left, t, value)
		b.write(")")
	case untyped(t) && operator != plan.NotEqual:
		symbol, _ := sqlOperator(operator)
		number := c.parameter(parameter{convert: convertNumber, value: right, typ: t})
		b.write("(CASE WHEN typeof(")
		b.append(left)
		b.write(") IN ('integer', 'real') THEN ")
		b.append(left)
		b.write(symbol)
		b.parameter(number)
		b.write(" ELSE ")
		c.comparand(b, left, t)
		b.write(symbol)
		b.append(value)
		b.write(" END)")
	default:
		symbol, _ := sqlOperator(operator)
		b.write("(")
		c.comparand(b, left, t)
		b.write(symbol)
		b.append(value)
		b.write(")")
	}
}

// comparand writes the left side so that it compares as its type's values do.
// Where it can it leaves the column bare, so that indexes are used.
func (c *compiler) comparand(b *builder, expression *builder, t plan.Type) {
	switch {
	case t.Scalar == scalarTimestamp && t.Class == plan.ClassTime:
		b.write(sqlTimestamp, "(")
	case t.Scalar == scalarTimestampTZ && t.Class == plan.ClassTime:
		b.write(sqlTimestampTZ, "(")
	case t.Scalar == scalarTime && t.Class == plan.ClassTime:
		b.write(sqlTime, "(")
	case t.Class == plan.ClassJSONB:
		b.write(sqlJSON, "(")
	case untyped(t):
		b.write("CAST(")
		b.append(expression)
		b.write(" AS TEXT)")
		return
	default:
		b.append(expression)
		return
	}
	b.append(expression)
	b.write(")")
}

// bare tells whether comparand leaves a column of the type as it is.
func bare(t plan.Type) bool {
	return t.Class != plan.ClassJSONB && !untyped(t) &&
		(t.Class != plan.ClassTime || t.Scalar == scalarDate)
}

// equals writes that an expression equals a value. A uuid may be stored as text
// in either case or as 16 bytes.
func (c *compiler) equals(b *builder, left *builder, t plan.Type, value *builder) {
	c.comparand(b, left, t)
	if t.Class != plan.ClassUUID {
		b.write(" = ")
		b.append(value)
		return
	}
	b.write(" IN (")
	b.append(value)
	b.write(", upper(")
	b.append(value)
	b.write("), unhex(replace(")
	b.append(value)
	b.write(", '-', '')))")
}

func (c *compiler) inList(b *builder, left *builder, t plan.Type, right plan.Value, operator constant) {
	list := &builder{}
	list.write("json_each(")
	list.parameter(c.parameter(parameter{convert: convertList, value: right, typ: t}))
	list.write(")")
	b.write("(")
	c.comparand(b, left, t)
	b.write(operator)
	writeMembers(b, t, list)
	b.write(")")
}

func (c *compiler) like(b *builder, left *builder, t plan.Type, right plan.Value, operator constant, convert conversion) {
	b.write("(")
	if convert == convertILike {
		b.write(sqlLower, "(")
		b.append(left)
		b.write(")")
	} else {
		b.append(left)
	}
	b.write(operator)
	b.parameter(c.parameter(parameter{convert: convert, value: right, typ: t}))
	b.write(")")
}

func (c *compiler) compareColumns(b *builder, p *plan.CompareColumns, here *scope) {
	symbol, ok := sqlOperator(p.Operator)
	if !ok || p.Left.Type.Class == plan.ClassJSON || p.Right.Type.Class == plan.ClassJSON {
		c.refuse("SQLite can't compare the columns %q and %q with %s", p.Left.Name, p.Right.Name, p.Operator)
		return
	}
	right := here.alias
	if p.RightRoot {
		right = here.root.alias
	}
	b.write("(")
	c.comparand(b, columnExpression(here.alias, p.Left.Name), p.Left.Type)
	b.write(symbol)
	c.comparand(b, columnExpression(right, p.Right.Name), p.Right.Type)
	b.write(")")
}

// exists writes that a related row satisfies a condition. The conditions of the
// target may refer to the root of the whole predicate.
func (c *compiler) exists(b *builder, rows *plan.Rows, here *scope) {
	a := c.newAlias()
	b.write("(EXISTS (SELECT 1")
	c.target(b, rows, a, here)
	b.write("))")
}

// target writes FROM and WHERE of rows that a predicate speaks of.
func (c *compiler) target(b *builder, rows *plan.Rows, a alias, here *scope) {
	b.write(" FROM ")
	c.relation(b, rows.From, a)
	inner := &scope{alias: a, root: here.root}
	bare := *rows
	where := bare.Where
	bare.Where = nil
	conditions := c.conditions(&bare, a, outer{alias: here.alias})
	if where != nil {
		condition := &builder{}
		c.predicate(condition, where, inner)
		conditions = append(conditions, condition)
	}
	for i, condition := range conditions {
		if i == 0 {
			b.write(" WHERE ")
		} else {
			b.write(" AND ")
		}
		b.append(condition)
	}
}

func (c *compiler) compareAggregate(b *builder, p *plan.CompareAggregate, here *scope) {
	value := c.comparedAggregate(p, here)
	parts := make([]*builder, 0, len(p.Having))
	for _, having := range p.Having {
		part := &builder{}
		if having.IsNull != nil {
			part.append(value)
			if *having.IsNull {
				part.write(" IS NULL")
			} else {
				part.write(" IS NOT NULL")
			}
		} else {
			c.compare(part, c.aggregateComparand(value, p), p.Result, having.Operator, having.Right)
		}
		parts = append(parts, part)
	}
	// Never null, so that its negation holds where there is nothing to compare.
	b.write("ifnull(1")
	for _, part := range parts {
		b.write(" AND ")
		b.append(part)
	}
	b.write(", 0)")
}

// comparedAggregate is the value of an aggregate predicate.
func (c *compiler) comparedAggregate(p *plan.CompareAggregate, here *scope) *builder {
	aggregate := func(b *builder, a alias) {
		inner := &scope{alias: a}
		inner.root = inner
		if p.Function == functionCount {
			expressions := make([]*builder, 0, len(p.Arguments))
			for i, column := range p.Arguments {
				expressions = append(expressions, c.guarded(columnExpression(a, column.Name), p.Guard(i), inner))
			}
			writeCount(b, expressions, p.Distinct)
			return
		}
		if len(p.Arguments) != 1 {
			c.refuse("SQLite can't compare the aggregate %s of %d columns", p.Function, len(p.Arguments))
			return
		}
		argument := &builder{}
		if p.Distinct {
			argument.write("DISTINCT ")
		}
		argument.append(c.guarded(columnExpression(a, p.Arguments[0].Name), p.Guard(0), inner))
		c.aggregateCall(b, p.Function, p.Arguments[0].Type, argument)
	}
	if c.sharesKey(&p.Target, here) {
		value := c.ofSharedKey(&p.Target, aggregate)
		if p.Function == functionCount {
			return orZero(value)
		}
		return value
	}
	a := c.newAlias()
	value := &builder{}
	value.write("(SELECT ")
	aggregate(value, a)
	c.target(value, &p.Target, a, here)
	value.write(")")
	return value
}

// aggregateComparand gives an aggregate's value the affinity of a number: our
// exact aggregates may yield their digits as text.
func (c *compiler) aggregateComparand(value *builder, p *plan.CompareAggregate) *builder {
	if p.Result.Class != plan.ClassNumber && p.Result.Class != plan.ClassInteger {
		return value
	}
	b := &builder{}
	b.write("CAST(")
	b.append(value)
	b.write(" AS NUMERIC)")
	return b
}
