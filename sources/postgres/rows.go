package postgres

import (
	"fmt"
	"slices"
	"strconv"

	"dovetail/internal/plan"
	"dovetail/sources/sqlgen"
)

// rowsRequest says how rows are wanted.
type rowsRequest struct {
	outer *scope
	// bound: the rows are evaluated for every row of the binding set.
	bound bool
	// derive puts a limit (or distinct) into a derived table, so that what is
	// joined to the rows is joined to those that remain.
	derive bool
	// single: one row is enough.
	single bool
	// permitLimit applies the role's row limit.
	permitLimit bool
	// keys: the rows are wanted for their keys.
	keys bool
}

// rowsQuery is a query of rows, still without a select list.
type rowsQuery struct {
	query *query
	scope *scope
	// first is the number of leading items that are no cells.
	first int
	// order is how the rows are ordered, in terms of scope.
	order []ordering
}

// rows makes the query that reads rows.
func (c *compiler) rows(r *plan.Rows, request rowsRequest) (*rowsQuery, error) {
	source, s, err := c.relation(r.From, request.outer)
	if err != nil {
		return nil, err
	}
	base := &query{from: []fromItem{{Source: source, Alias: s.alias}}}
	s.outermost = request.outer == nil && !request.bound
	if t, ok := r.From.(*plan.Table); ok && request.keys && s.outermost {
		c.keyed = &keyedRows{table: t, scope: s, query: base}
	}
	correlated, err := c.correlations(r.On, request.outer, s)
	if err != nil {
		return nil, err
	}
	filter, err := c.filter(r, s)
	if err != nil {
		return nil, err
	}
	order, err := c.orderBy(r.OrderBy, s, base)
	if err != nil {
		return nil, err
	}
	if base.distinctOn, err = c.distinctOn(r, s, order); err != nil {
		return nil, err
	}
	if err := c.limits(base, r, request); err != nil {
		return nil, err
	}
	limited := base.limit != nil || base.offset != nil || len(base.distinctOn) > 0
	base.where = filter
	if limited && (request.bound || request.derive) {
		base.where = append(correlated, filter...)
		base.orderBy = order
		return c.derived(base, s, order, request.bound), nil
	}
	if !request.bound {
		base.where = append(correlated, filter...)
		base.orderBy = order
		return &rowsQuery{query: base, scope: s, order: order}, nil
	}
	// The binding set comes first, so that what is joined may refer to it.
	base.from[0].Join = sqlgen.InnerJoin
	base.from[0].On = correlated
	base.from = slices.Insert(base.from, 0, c.bindings())
	return c.withOrdinal(base, s, order), nil
}

// withOrdinal orders rows by their binding's ordinal and selects it.
func (c *compiler) withOrdinal(q *query, s *scope, order []ordering) *rowsQuery {
	by := sqlgen.Column(bindingsAlias, ordinal)
	q.items = append(q.items, item{Value: by})
	q.orderBy = append([]ordering{{Value: by}}, order...)
	return &rowsQuery{query: q, scope: s, first: 1, order: order}
}

// derived puts a query of limited rows into FROM. What the rows are ordered by
// comes along, because only an ORDER BY of the outermost query counts.
func (c *compiler) derived(base *query, inner *scope, order []ordering, bound bool) *rowsQuery {
	s := &scope{alias: c.alias(), inner: base, innerAlias: inner.alias, native: inner.native}
	base.star = inner.alias
	outer := make([]ordering, 0, len(order))
	for i, o := range order {
		if column, ok := o.Value.(columnOf); ok && column.Alias == inner.alias {
			o.Value = s.column(column.Name)
		} else {
			name := "~order" + strconv.Itoa(i)
			base.items = append(base.items, item{Value: o.Value, Alias: name})
			o.Value = s.column(name)
		}
		outer = append(outer, o)
	}
	from := fromItem{Source: sqlgen.Subquery(base), Alias: s.alias}
	if !bound {
		q := &query{from: []fromItem{from}, orderBy: outer}
		return &rowsQuery{query: q, scope: s, order: outer}
	}
	from.Join = crossJoinLateral
	return c.withOrdinal(&query{from: []fromItem{c.bindings(), from}}, s, outer)
}

// correlations are the equalities that tie rows to what encloses them.
func (c *compiler) correlations(on []plan.Correlation, outer, s *scope) ([]expression, error) {
	out := make([]expression, 0, len(on))
	for _, pair := range on {
		left, right := s.column(pair.Column.Name), expression(nil)
		switch {
		case pair.Binding >= len(c.fragment.Bindings):
			return nil, fmt.Errorf("the fragment has no binding %d", pair.Binding)
		case pair.Binding >= 0:
			right = sqlgen.Column(bindingsAlias, bindingKey(pair.Binding))
			t := c.fragment.Bindings[pair.Binding].Type.Underlying()
			if _, _, native := keyOf(t); native {
				break
			}
			if t.Class == plan.ClassGeometry || t.Class == plan.ClassGeography {
				right = geometryFrom(right, t)
			} else {
				left = castTo{value: left, to: systemCast("text")}
			}
		case outer == nil:
			return nil, fmt.Errorf("column %q refers to an enclosing row, but there is none", pair.Column.Name)
		default:
			right = outer.column(pair.Outer.Name)
		}
		out = append(out, sqlgen.Infix("=", left, right))
	}
	return out, nil
}

// filter is what the user and the role's permission ask of a row.
func (c *compiler) filter(r *plan.Rows, s *scope) ([]expression, error) {
	out, err := dialect.Filter(r, c.about(predicateScope{row: s, root: s, joinable: s.outermost}))
	if f, ok := r.From.(*plan.FunctionCall); ok && f.SingleRow {
		// A function that returns no row returns a row of nulls instead.
		out = append(out, sqlgen.Not(sqlgen.IsNull(wholeRow{s.alias})))
	}
	return out, err
}

// limits sets LIMIT and OFFSET.
func (c *compiler) limits(q *query, r *plan.Rows, request rowsRequest) error {
	bigint := systemType("int8")
	if r.Limit != nil {
		limit, err := c.value(r.Limit, bigint)
		if err != nil {
			return err
		}
		q.limit = limit
	}
	most := -1
	if request.permitLimit {
		most = r.PermitLimit
	}
	if request.single && (most < 0 || most > 1) {
		most = 1
	}
	if most >= 0 {
		number := keyword(strconv.Itoa(most))
		if q.limit == nil {
			q.limit = number
		} else {
			// A null limit is no limit, and least passes over nulls.
			q.limit = sqlgen.Function("least", q.limit, number)
		}
	}
	if r.Offset != nil {
		offset, err := c.value(r.Offset, bigint)
		if err != nil {
			return err
		}
		q.offset = offset
	}
	return nil
}
