package mssql

import (
	"fmt"
	"slices"
	"strconv"

	"dovetail/internal/plan"
	"dovetail/sources"
	"dovetail/sources/sqlgen"
)

// rowsRequest says how rows are wanted.
type rowsRequest struct {
	outer *scope
	// bound: the rows are evaluated for every row of the binding set.
	bound bool
	// derive puts a limit into a derived table, so that what is joined to the
	// rows is joined to those that remain.
	derive bool
	// single: one row is enough.
	single bool
	// keys are what the rows are wanted for; nil: for themselves.
	keys *plan.Join
	// permitLimit applies the role's row limit.
	permitLimit bool
}

// rowsQuery is a query of rows, still without a select list.
type rowsQuery struct {
	query *query
	scope *scope
	// first is the number of leading items that are no cells.
	first int
}

// The names under which a derived table hands out what is no column of its
// rows.
const (
	rowNumberColumn = "~row"
	presentColumn   = "~present"
)

func orderColumn(i int) string { return "~order" + strconv.Itoa(i) }

// rows makes the query that reads rows.
func (c *compiler) rows(r *plan.Rows, request rowsRequest) (*rowsQuery, error) {
	source, s, err := c.relation(r.From)
	if err != nil {
		return nil, err
	}
	base := &query{from: []fromItem{{Source: source, Alias: s.alias}}}
	distinct := len(r.DistinctOn) > 0
	if table, ok := r.From.(*plan.Table); ok && request.keys != nil && request.outer == nil && !request.bound {
		distinct = distinctKeys(request.keys, r, base)
		c.keyed = &keyedRows{table: table, scope: s, query: base}
	}
	correlated, err := c.correlations(r.On, request.outer, s)
	if err != nil {
		return nil, err
	}
	if base.where, err = c.filter(r, s); err != nil {
		return nil, err
	}
	order, err := c.orderBy(r.OrderBy, s, base)
	if err != nil {
		return nil, err
	}
	limited := distinct || c.limits(r, request)
	apart := limited && (request.bound || request.derive)
	if request.bound && !apart {
		// The binding set comes first, so that what is joined may refer to it.
		base.from[0].Join = sqlgen.InnerJoin
		base.from[0].On = correlated
		base.from = slices.Insert(base.from, 0, c.bindings())
		return c.withOrdinal(base, s, order), nil
	}
	base.where = append(correlated, base.where...)
	if distinct {
		if base, s, order, err = c.distinct(base, s, r, order); err != nil {
			return nil, err
		}
	}
	base.orderBy = order
	c.limit(base, r, request)
	if !apart {
		return &rowsQuery{query: base, scope: s}, nil
	}
	join := ""
	if request.bound {
		join = crossApply
	}
	from, s, order := c.derived(base, s, order)
	from.Join = join
	if request.bound {
		return c.withOrdinal(&query{from: []fromItem{c.bindings(), from}}, s, order), nil
	}
	return &rowsQuery{query: &query{from: []fromItem{from}, orderBy: order}, scope: s}, nil
}

// limits tells whether rows are bounded.
func (c *compiler) limits(r *plan.Rows, request rowsRequest) bool {
	return r.Limit != nil || r.Offset != nil || request.single || request.permitLimit && r.PermitLimit >= 0
}

// withOrdinal orders rows by their binding's ordinal and selects it.
func (c *compiler) withOrdinal(q *query, s *scope, order []ordering) *rowsQuery {
	by := sqlgen.Column(bindingsAlias, ordinal)
	q.items = append(q.items, item{Value: by})
	q.orderBy = append([]ordering{{Value: by}}, order...)
	return &rowsQuery{query: q, scope: s, first: 1}
}

// derived puts a query of rows into FROM. What the rows are ordered by comes
// along, because only an ORDER BY of the outermost query counts.
func (c *compiler) derived(base *query, inner *scope, order []ordering) (fromItem, *scope, []ordering) {
	s := &scope{alias: c.alias()}
	base.star = inner.alias
	if !base.limited() {
		base.orderBy = nil
	}
	outer := make([]ordering, 0, len(order))
	for _, o := range order {
		if column, ok := o.Value.(columnOf); ok && column.Alias == inner.alias {
			o.Value = s.column(column.Name)
		} else {
			name := orderColumn(len(base.items))
			base.items = append(base.items, item{Value: o.Value, Alias: name})
			o.Value = s.column(name)
		}
		outer = append(outer, o)
	}
	return fromItem{Source: sqlgen.Subquery(base), Alias: s.alias}, s, outer
}

// distinct keeps the first row of each group of rows that are equal in columns.
func (c *compiler) distinct(base *query, inner *scope, r *plan.Rows, order []ordering) (*query, *scope, []ordering, error) {
	number := window{Function: "ROW_NUMBER", OrderBy: order}
	for i, column := range r.DistinctOn {
		t := declared(column.Type)
		value := comparing(inner.column(column.Name), t)
		if r.DistinctTexts && column.Equality.Folds() && t.isText() {
			value = keyBytes(inner.column(column.Name), t)
		}
		value, err := c.guarded(value, r.DistinctGuard(i), inner)
		if err != nil {
			return nil, nil, nil, err
		}
		number.PartitionBy = append(number.PartitionBy, value)
	}
	from, s, outer := c.derived(base, inner, order)
	base.items = append(base.items, item{Value: number, Alias: rowNumberColumn})
	first := sqlgen.Infix("=", s.column(rowNumberColumn), one)
	return &query{from: []fromItem{from}, where: []expression{first}}, s, outer, nil
}

// limit sets TOP, or OFFSET and FETCH.
func (c *compiler) limit(q *query, r *plan.Rows, request rowsRequest) {
	most := -1
	if request.permitLimit {
		most = r.PermitLimit
	}
	if request.single && (most < 0 || most > 1) {
		most = 1
	}
	if r.Offset == nil {
		switch {
		case r.Limit != nil:
			q.top = c.parameter(parameterSource{form: formLimit, value: r.Limit, most: most})
		case most >= 0:
			q.top = keyword(strconv.Itoa(most))
		}
		return
	}
	q.offset = c.parameter(parameterSource{form: formOffset, value: r.Offset})
	switch {
	case r.Limit != nil:
		// FETCH refuses to fetch no rows, so that case is a condition.
		limit := c.parameter(parameterSource{form: formLimit, value: r.Limit, most: most})
		q.where = append(q.where, sqlgen.Infix(">", limit, zero))
		q.fetch = c.parameter(parameterSource{form: formFetch, value: r.Limit, most: most})
	case most == 0:
		q.where = append(q.where, dialect.Never)
	case most > 0:
		q.fetch = keyword(strconv.Itoa(most))
	}
}

// correlations are the equalities that tie rows to what encloses them.
func (c *compiler) correlations(on []plan.Correlation, outer, s *scope) ([]expression, error) {
	out := make([]expression, 0, len(on))
	for _, pair := range on {
		left := declared(pair.Column.Type)
		if left.spatial() {
			return nil, sources.NotSupported("SQL Server can't join by the column %q of the type %q", pair.Column.Name, left.base)
		}
		value := comparing(s.column(pair.Column.Name), left)
		var right expression
		switch {
		case pair.Binding >= len(c.fragment.Bindings):
			return nil, fmt.Errorf("the fragment has no binding %d", pair.Binding)
		case pair.Binding >= 0:
			right = sqlgen.Column(bindingsAlias, bindingKey(pair.Binding))
		case outer == nil:
			return nil, fmt.Errorf("column %q refers to an enclosing row, but there is none", pair.Column.Name)
		default:
			right = underCollation(outer.column(pair.Outer.Name), left, declared(pair.Outer.Type))
		}
		out = append(out, sqlgen.Infix("=", value, right))
	}
	return out, nil
}

// databaseCollation stands for the collation of the database, which types
// don't state.
const databaseCollation = "DATABASE_DEFAULT"

// underCollation gives a column in the form in which it is compared with one of
// another type. Where their collations differ, that of the left side counts.
func underCollation(value expression, left, right sqlType) expression {
	value = comparing(value, right)
	if right.collation == left.collation || !left.isText() || !right.isText() {
		return value
	}
	if left.collation == "" {
		return collated{value, databaseCollation}
	}
	return collated{value, left.collation}
}

func (t sqlType) isText() bool {
	return systemTypes[t.base] == plan.ClassText || t.base == typeVariant || t.base == typeXML
}

// filter is what the user and the role's permission ask of a row.
func (c *compiler) filter(r *plan.Rows, s *scope) ([]expression, error) {
	return dialect.Filter(r, c.about(predicateScope{row: s, root: s}))
}
