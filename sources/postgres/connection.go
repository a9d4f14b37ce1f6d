package postgres

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	"dovetail/internal/jsonshape"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/sources/sqlgen"
)

// rootConnection compiles a fragment that reads a page: one row per binding. A
// page that may be long comes as rows of its own instead, which are gathered.
func (c *compiler) rootConnection(n *plan.Connection) (*query, *jsonshape.Shape, *layout, error) {
	l := &cells{query: &query{}, layout: &layout{}, known: map[knownCell]knownCodec{}}
	if len(c.fragment.Bindings) == 0 && !n.NeedsOppositePage() {
		return c.gatheredConnection(n, l)
	}
	object, err := c.connection(n, nil, l)
	if err != nil {
		return nil, nil, nil, err
	}
	l.close()
	if len(c.fragment.Bindings) > 0 {
		l = c.boundAggregation(l)
	}
	return l.query, &jsonshape.Shape{Object: object, Absent: []byte("null")}, l.layout, nil
}

// gatheredConnection reads a page as rows, each of which has the page's size.
func (c *compiler) gatheredConnection(n *plan.Connection, l *cells) (*query, *jsonshape.Shape, *layout, error) {
	p, size, err := c.page(n, nil)
	if err != nil {
		return nil, nil, nil, err
	}
	c.gather = &gather{}
	p.shape = &jsonshape.Page{Cell: 0, Rows: jsonshape.GatheredRows, Backward: n.Backward}
	if n.NeedsNextPage() {
		c.gather.outer = []int{p.rows.add(sizeCell(size), oidInt8)}
		p.shape.Size = &jsonshape.PageSize{Cell: 1, Read: readSize}
	}
	object, err := p.fields()
	if err != nil {
		return nil, nil, nil, err
	}
	if !p.needed() {
		c.gather = nil
		l.close()
		return l.query, &jsonshape.Shape{Object: object, Absent: []byte("null")}, l.layout, nil
	}
	p.rows.close()
	return p.rows.query, &jsonshape.Shape{Object: object, Absent: []byte("null")}, p.rows.layout, nil
}

// gather says that the rows of a statement are gathered, with cells of the first.
type gather struct{ outer []int }

func (c *compiler) nestedConnection(f *plan.NestedConnectionField, l *cells) (jsonshape.Node, error) {
	object, err := c.connection(f.Connection, l.scope, l)
	return &jsonshape.Inline{Presence: -1, Object: object}, err
}

// page is a connection under compilation.
type page struct {
	*compiler
	plan *plan.Connection
	// rows are the cells of a row of the page.
	rows *cells
	// keys are what the rows are ordered by, in terms of rows.
	keys   []ordering
	cursor *jsonshape.Token
	shape  *jsonshape.Page
	// behind is the cell that tells of rows on the other side of the cursor.
	behind int
}

// page begins a connection: its rows, still without fields, and its size.
func (c *compiler) page(n *plan.Connection, outer *scope) (*page, expression, error) {
	p := &page{compiler: c, plan: n, behind: -1}
	rows, err := c.pageRows(n, outer)
	if err != nil {
		return nil, nil, err
	}
	size, err := c.pageSize(n)
	if err != nil {
		return nil, nil, err
	}
	rows = p.limited(rows, size)
	p.rows, p.keys = newCells(rows), rows.order
	return p, size, nil
}

// connection adds the cells of a page to l: its rows as an array, its size, and
// whether there are rows behind it, each only if it is asked for.
func (c *compiler) connection(n *plan.Connection, outer *scope, l *cells) (*jsonshape.Object, error) {
	p, size, err := c.page(n, outer)
	if err != nil {
		return nil, err
	}
	p.shape = &jsonshape.Page{Backward: n.Backward, Rows: recordArray(p.rows.layout)}
	if n.NeedsNextPage() {
		p.shape.Size = &jsonshape.PageSize{Cell: l.add(sizeCell(size), oidInt8), Read: readSize}
	}
	if n.NeedsOppositePage() {
		value, err := c.rowsBehind(n, outer)
		if err != nil {
			return nil, err
		}
		p.behind = l.add(value, oidBool)
	}
	object, err := p.fields()
	if err != nil || !p.needed() {
		return object, err
	}
	p.rows.close()
	p.rows.query.record = true
	p.shape.Cell = l.add(sqlgen.Array(p.rows.query), 0)
	return object, nil
}

// needed tells whether the rows themselves are.
func (p *page) needed() bool {
	return p.plan.NeedsNextPage() || p.plan.Selects(plan.StartCursor, plan.EndCursor) ||
		slices.ContainsFunc(p.plan.Fields, func(f plan.ConnectionField) bool {
			_, ok := f.(*plan.ConnectionEdges)
			return ok
		})
}

func sizeCell(size expression) expression {
	if _, plain := size.(keyword); plain {
		return castTo{value: size, to: systemCast("int8")}
	}
	return size
}

func readSize(cell []byte) (int, error) {
	if len(cell) != 8 {
		return 0, sizeError("the size of a page", cell)
	}
	return int(binary.BigEndian.Uint64(cell)), nil
}

func isTrue(cell []byte) bool { return len(cell) == 1 && cell[0] != 0 }

// allRows is the query of all rows in their order. What they are ordered by is
// made a column when it is none, or when only some of the rows are distinct.
func (c *compiler) allRows(n *plan.Connection, outer *scope) (*rowsQuery, error) {
	source, s, err := c.relation(n.From, outer)
	if err != nil {
		return nil, err
	}
	base := &query{from: []fromItem{{Source: source, Alias: s.alias}}}
	correlated, err := c.correlations(n.On, outer, s)
	if err != nil {
		return nil, err
	}
	filter, err := c.filter(&n.Rows, s)
	if err != nil {
		return nil, err
	}
	order, err := c.orderBy(n.OrderBy, s, base)
	if err != nil {
		return nil, err
	}
	base.where = append(correlated, filter...)
	plain := true
	for _, o := range order {
		_, column := o.Value.(columnOf)
		plain = plain && column
	}
	if base.distinctOn, err = c.distinctOn(&n.Rows, s, order); err != nil {
		return nil, err
	}
	if len(base.distinctOn) > 0 {
		base.orderBy = distinctOrder(base.distinctOn, order)
	} else if plain {
		return &rowsQuery{query: base, scope: s, order: order}, nil
	}
	return c.derived(base, s, order, false), nil
}

// distinctOn are the expressions that DISTINCT ON compares: those of ORDER BY
// where it has the column too.
func (c *compiler) distinctOn(r *plan.Rows, s *scope, order []ordering) ([]expression, error) {
	out := make([]expression, 0, len(r.DistinctOn))
	for n, column := range r.DistinctOn {
		if r.DistinctTexts && column.Equality.Folds() {
			out = append(out, asText{s.column(column.Name)})
			continue
		}
		i := slices.IndexFunc(r.OrderBy, func(o plan.Order) bool {
			by, ok := o.By.(*plan.OrderColumn)
			return ok && by.Column.Name == column.Name
		})
		if i >= 0 {
			out = append(out, order[i].Value)
			continue
		}
		value, err := c.guarded(s.column(column.Name), r.DistinctGuard(n), s)
		if err != nil {
			return nil, err
		}
		out = append(out, value)
	}
	return out, nil
}

// distinctOrder is an order that begins with what is distinct, as Postgres
// demands: the wanted order, unless it is only about the primary key.
func distinctOrder(distinct []expression, order []ordering) []ordering {
	matches := len(order) >= len(distinct)
	for i := 0; matches && i < len(distinct); i++ {
		matches = containsExpression(distinct, order[i].Value)
	}
	if matches {
		return order
	}
	out := make([]ordering, 0, len(distinct)+len(order))
	for _, d := range distinct {
		out = append(out, ordering{Value: d})
	}
	return append(out, order...)
}

// containsExpression finds an expression that shows the same column.
func containsExpression(list []expression, e expression) bool {
	for _, l := range list {
		a, known := sqlgen.ShownColumn(l)
		b, ok := sqlgen.ShownColumn(e)
		if known && ok && a == b {
			return true
		}
	}
	return false
}

// pageRows is the query of the rows that the cursor leaves over, ordered from
// the end at which the page begins.
func (c *compiler) pageRows(n *plan.Connection, outer *scope) (*rowsQuery, error) {
	rows, err := c.allRows(n, outer)
	if err != nil {
		return nil, err
	}
	if n.Bound != nil {
		condition, err := c.keyset(n, rows.order, n.Bound.After, false)
		if err != nil {
			return nil, err
		}
		rows.query.where = append(rows.query.where, dialect.Conjuncts(condition)...)
	}
	if n.Backward {
		rows.order = reversed(rows.order)
	}
	rows.query.orderBy = rows.order
	return rows, nil
}

func reversed(order []ordering) []ordering {
	out := make([]ordering, 0, len(order))
	for _, o := range order {
		o.Descending = !o.Descending
		switch o.Nulls {
		case nullsFirst:
			o.Nulls = nullsLast
		case nullsLast:
			o.Nulls = nullsFirst
		}
		out = append(out, o)
	}
	return out
}

// rowsBehind tells whether there are rows on the other side of the cursor; the
// row of the cursor itself is one of them.
func (c *compiler) rowsBehind(n *plan.Connection, outer *scope) (expression, error) {
	rows, err := c.allRows(n, outer)
	if err != nil {
		return nil, err
	}
	condition, err := c.keyset(n, rows.order, !n.Bound.After, true)
	if err != nil {
		return nil, err
	}
	rows.query.where = append(rows.query.where, dialect.Conjuncts(condition)...)
	rows.query.orderBy = nil
	rows.query.items = []item{{Value: keyword("1")}}
	return sqlgen.Exists(rows.query), nil
}

// pageSize is how many rows the page may hold; nil: all.
func (c *compiler) pageSize(n *plan.Connection) (expression, error) {
	var size expression
	if n.Limit != nil {
		var err error
		if size, err = c.value(n.Limit, systemType("int8")); err != nil {
			return nil, err
		}
	}
	if n.PermitLimit < 0 {
		return size, nil
	}
	most := keyword(strconv.Itoa(n.PermitLimit))
	if size == nil {
		return most, nil
	}
	return sqlgen.Function("least", size, most), nil
}

// limited limits rows to those of the page, and one more when it matters that
// there are more. What is joined to rows is joined to those that remain.
func (p *page) limited(rows *rowsQuery, size expression) *rowsQuery {
	if size == nil {
		return rows
	}
	rows.query.limit = size
	if p.plan.NeedsNextPage() {
		rows.query.limit = sqlgen.Infix("+", size, keyword("1"))
	}
	if !p.derives() {
		return rows
	}
	out := p.derived(rows.query, rows.scope, rows.order, false)
	if rows.scope.inner != nil {
		out.scope.enclosed = rows.scope
	}
	return out
}

func (p *page) derives() bool {
	for _, f := range p.plan.Fields {
		edges, ok := f.(*plan.ConnectionEdges)
		if !ok {
			continue
		}
		for _, e := range edges.Fields {
			if node, ok := e.(*plan.EdgeNode); ok && sqlgen.Derives(&p.plan.Rows, node.Fields) {
				return true
			}
		}
	}
	return false
}

func (p *page) fields() (*jsonshape.Object, error) {
	return sqlgen.Object(p.plan.Fields, func(f plan.ConnectionField) (string, jsonshape.Node, error) {
		switch f := f.(type) {
		case *plan.ConnectionStatic:
			return f.Key, &jsonshape.Literal{JSON: f.JSON}, nil
		case *plan.ConnectionEdges:
			object, err := sqlgen.Object(f.Fields, p.edgeField)
			return f.Key, &jsonshape.Edges{Page: p.shape, Object: object}, err
		case *plan.ConnectionPageInfo:
			object, err := sqlgen.Object(f.Items, func(i plan.PageInfoItem) (string, jsonshape.Node, error) {
				node, err := p.pageInfoItem(i)
				return i.Key, node, err
			})
			return f.Key, &jsonshape.Inline{Presence: -1, Object: object}, err
		}
		return "", nil, fmt.Errorf("unknown kind of connection field %T", f)
	})
}

func (p *page) edgeField(f plan.EdgeField) (string, jsonshape.Node, error) {
	switch f := f.(type) {
	case *plan.EdgeStatic:
		return f.Key, &jsonshape.Literal{JSON: f.JSON}, nil
	case *plan.EdgeCursor:
		token, err := p.cursorToken()
		return f.Key, token, err
	case *plan.EdgeNode:
		object, err := p.object(f.Fields, p.rows)
		return f.Key, &jsonshape.Inline{Presence: -1, Object: object}, err
	}
	return "", nil, fmt.Errorf("unknown kind of edge field %T", f)
}

func (p *page) pageInfoItem(i plan.PageInfoItem) (jsonshape.Node, error) {
	switch i.Kind {
	case plan.PageInfoStatic:
		return &jsonshape.Literal{JSON: i.JSON}, nil
	case plan.StartCursor, plan.EndCursor:
		token, err := p.cursorToken()
		return &jsonshape.PageCursor{Page: p.shape, Last: i.Kind == plan.EndCursor, Cursor: token}, err
	case plan.HasNextPage:
		bound := p.plan.Bound
		return p.more(!p.plan.Backward, bound != nil && !bound.After), nil
	case plan.HasPreviousPage:
		bound := p.plan.Bound
		return p.more(p.plan.Backward, bound != nil && bound.After), nil
	}
	return nil, fmt.Errorf("nothing is known of a page's %q", i.Kind)
}

// more tells of rows beyond the end that the page's size cuts off, or beyond the
// one that its cursor does.
func (p *page) more(bySize, byCursor bool) *jsonshape.PageMore {
	out := &jsonshape.PageMore{Behind: -1, True: isTrue}
	if bySize && p.plan.NeedsNextPage() {
		out.Page = p.shape
	}
	if byCursor {
		out.Behind = p.behind
	}
	return out
}

// cursorToken is the cursor of a row: the values it is ordered by.
func (p *page) cursorToken() (*jsonshape.Token, error) {
	if p.cursor != nil {
		return p.cursor, nil
	}
	cells := make([]jsonshape.TokenPart, 0, len(p.keys))
	for i, key := range p.keys {
		by := p.plan.OrderBy[i].By
		if column, ok := by.(*plan.OrderColumn); ok && key.Value == p.rows.scope.column(column.Column.Name) {
			cell, k := p.columnCell(p.rows, column.Column, false, false)
			cells = append(cells, jsonshape.TokenPart{Cell: cell, Encode: k.json})
			continue
		}
		t, err := keyType(by)
		if err != nil {
			return nil, err
		}
		value, k := p.encoded(key.Value, t, false, p.rows.scope.native || !isColumnType(by))
		cells = append(cells, jsonshape.TokenPart{Cell: p.rows.add(value, k.oid), Encode: k.json})
	}
	p.cursor = jsonshape.CursorToken(p.plan.Cursor, func(i int) (int, jsonshape.Encoder) { return cells[i].Cell, cells[i].Encode })
	return p.cursor, nil
}

// nodeID is the global id of a row: the table and the values of its primary key.
func (c *compiler) nodeID(f *plan.NodeIDField, l *cells) jsonshape.Node {
	text := append([]byte("[1, "), orderedjson.AppendString(nil, f.Schema)...)
	text = orderedjson.AppendString(append(text, ", "...), f.Table)
	token := &jsonshape.Token{}
	for _, column := range f.Columns {
		cell, k := c.columnCell(l, column, false, false)
		token.Parts = append(token.Parts, jsonshape.TokenPart{Text: append(text, ", "...), Cell: cell, Encode: k.json})
		text = nil
	}
	token.Parts = append(token.Parts, jsonshape.TokenPart{Text: append(text, ']'), Cell: -1})
	return token
}
