package sqlite

import "dovetail/internal/plan"

// orderTerm compiles one ordering key. SQLite's own default for nulls differs
// from Postgres's, so their place is always said where there can be nulls.
func (c *compiler) orderTerm(o plan.Order, here *scope) orderTerm {
	term := orderTerm{expression: &builder{}, direction: &builder{}}
	nullable := c.orderKey(term.expression, o.By, here)
	nulls := o.Nulls
	if nulls == plan.NullsDefault {
		nulls = plan.NullsLast
		if o.Descending {
			nulls = plan.NullsFirst
		}
	}
	if o.Descending {
		term.direction.write(" DESC")
	} else {
		term.direction.write(" ASC")
	}
	if nullable {
		if nulls == plan.NullsFirst {
			term.direction.write(" NULLS FIRST")
		} else {
			term.direction.write(" NULLS LAST")
		}
	}
	return term
}

// orderKey writes what is ordered by and tells whether it can be null.
func (c *compiler) orderKey(b *builder, key plan.OrderKey, here *scope) bool {
	switch key := key.(type) {
	case *plan.OrderColumn:
		c.sortable(b, c.guarded(columnExpression(here.alias, key.Column.Name), key.Guard, here), key.Column.Type)
		return key.Column.Nullable || key.Guard != nil
	case *plan.OrderRelated:
		a := c.newAlias()
		b.write("(SELECT ")
		inner := &scope{alias: a}
		inner.root = inner
		c.orderKey(b, key.By, inner)
		c.related(b, &key.Target, a, here.alias)
		b.write(" LIMIT 1)")
		return true
	case *plan.OrderAggregate:
		if key.Computed != nil {
			c.refuse("SQLite has no computed fields")
		}
		c.orderAggregate(b, key, here)
		return key.Function != functionCount
	case *plan.OrderRanked:
		return c.orderRanked(b, key, here)
	case *plan.OrderComputed:
		c.refuse("SQLite has no computed fields")
	default:
		c.refuse("SQLite can't order by %T", key)
	}
	return true
}

func (c *compiler) orderAggregate(b *builder, key *plan.OrderAggregate, here *scope) {
	aggregate := func(b *builder, a alias) {
		if key.Function == functionCount {
			b.write("count(*)")
			return
		}
		inner := &scope{alias: a}
		inner.root = inner
		c.aggregateCall(b, key.Function, key.Column.Type, c.guarded(columnExpression(a, key.Column.Name), key.Guard, inner))
	}
	if c.sharesKey(&key.Target, here) {
		value := c.ofSharedKey(&key.Target, aggregate)
		if key.Function == functionCount {
			value = orZero(value)
		}
		b.append(value)
		return
	}
	a := c.newAlias()
	b.write("(SELECT ")
	aggregate(b, a)
	c.related(b, &key.Target, a, here.alias)
	b.write(")")
}

// related writes FROM and WHERE of rows tied to an enclosing row.
func (c *compiler) related(b *builder, rows *plan.Rows, a, enclosing alias) {
	b.write(" FROM ")
	c.relation(b, rows.From, a)
	for i, condition := range c.conditions(rows, a, outer{alias: enclosing}) {
		if i == 0 {
			b.write(" WHERE ")
		} else {
			b.write(" AND ")
		}
		b.append(condition)
	}
}

// sortable writes an expression so that it orders as its type's values do.
func (c *compiler) sortable(b *builder, expression *builder, t plan.Type) {
	if t.Scalar == scalarTimestampTZ {
		b.write(sqlTimestampTZ, "(")
		b.append(expression)
		b.write(")")
		return
	}
	b.append(expression)
}
