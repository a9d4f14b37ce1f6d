package mssql

import (
	"fmt"
	"strconv"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/sources/sqlgen"
)

// maxItems keeps select lists below SQL Server's limit of 4,096 members.
const maxItems = 4000

// layout is what the cells of a row are.
type layout struct{ kinds []kind }

// cells is a select list under construction and what its cells are.
type cells struct {
	query *query
	scope *scope
	// first is the number of leading items that are no cells.
	first  int
	layout *layout
	// inJSON: the rows become JSON, so values travel as text.
	inJSON bool
	// known finds the cells of expressions that are wanted twice.
	known map[string]int
}

func newCells(rows *rowsQuery, inJSON bool) *cells {
	return &cells{query: rows.query, scope: rows.scope, first: rows.first, layout: &layout{}, inJSON: inJSON, known: map[string]int{}}
}

// in gives the same select list with another row in scope.
func (l *cells) in(s *scope) *cells {
	out := *l
	out.scope = s
	return &out
}

// add gives the cell of an expression, adding it the first time.
func (l *cells) add(value expression, k kind) int {
	text := dialect.SQL(value)
	if cell, ok := l.known[text]; ok && l.layout.kinds[cell] == k {
		return cell
	}
	cell := len(l.layout.kinds)
	l.query.items = append(l.query.items, item{Value: value})
	l.layout.kinds = append(l.layout.kinds, k)
	l.known[text] = cell
	return cell
}

// flag adds a cell that is null unless a condition holds.
func (l *cells) flag(condition expression) int {
	return l.add(sqlgen.CaseWhen(condition, one), kindInteger)
}

// close makes sure that the list isn't empty, and names its members where they
// become JSON.
func (l *cells) close() error {
	if len(l.query.items) == 0 || len(l.layout.kinds) == 0 && l.inJSON {
		l.add(one, kindInteger)
	}
	if len(l.query.items) > maxItems {
		return fmt.Errorf("more than %d values in a row", maxItems)
	}
	if l.inJSON {
		for i := range l.query.items {
			l.query.items[i].Alias = "c" + strconv.Itoa(i)
		}
		l.query.forJSON = true
	}
	return nil
}

// rootSelection compiles a fragment that reads rows.
func (c *compiler) rootSelection(s *plan.Selection) (*cells, *jsonshape.Shape, error) {
	l, object, err := c.selection(s, nil, len(c.fragment.Bindings) > 0)
	if err != nil {
		return nil, nil, err
	}
	return l, &jsonshape.Shape{List: s.Card == plan.Many, Object: object, Absent: sqlgen.Absent(s.Card)}, nil
}

// selection compiles rows and their fields; outer is the enclosing row.
func (c *compiler) selection(s *plan.Selection, outer *scope, bound bool) (*cells, *jsonshape.Object, error) {
	keys := sqlgen.KeysOnly(s)
	rows, err := c.rows(&s.Rows, rowsRequest{
		outer: outer, bound: bound, permitLimit: true,
		single: s.Card == plan.One && !sqlgen.Identifies(&s.Rows),
		derive: sqlgen.Derives(&s.Rows, s.Fields), keys: keys,
	})
	if err != nil {
		return nil, nil, err
	}
	if keys != nil && c.keyed != nil {
		// Ranks are those of the rows that have been made distinct.
		c.keyed.scope, c.keyed.query = rows.scope, rows.query
	}
	l := newCells(rows, outer != nil)
	object, err := c.object(s.Fields, l)
	if err != nil {
		return nil, nil, err
	}
	return l, object, l.close()
}

// object compiles the fields of a row.
func (c *compiler) object(fields []plan.Field, l *cells) (*jsonshape.Object, error) {
	return sqlgen.Object(fields, func(f plan.Field) (string, jsonshape.Node, error) { return c.field(f, l) })
}

func (c *compiler) field(f plan.Field, l *cells) (string, jsonshape.Node, error) {
	switch f := f.(type) {
	case *plan.ColumnField:
		node, err := c.columnField(f, l)
		return f.Key, node, err
	case *plan.ComputedField:
		return f.Key, nil, computed(f.Call)
	case *plan.NestedField:
		node, err := c.nestedField(f, l)
		return f.Key, node, err
	case *plan.NestedAggregateField:
		node, err := c.nestedAggregate(f, l)
		return f.Key, node, err
	case *plan.NestedConnectionField:
		return f.Key, nil, noRelay()
	case *plan.NodeIDField:
		return f.Key, nil, noRelay()
	case *plan.HoleField:
		node, err := c.hole(f.Join, l)
		return f.Key, node, err
	case *plan.StaticField:
		return f.Key, &jsonshape.Literal{JSON: f.JSON}, nil
	case *plan.GroupField:
		object, err := c.object(f.Fields, l)
		return f.Key, &jsonshape.Inline{Presence: -1, Object: object}, err
	}
	return "", nil, fmt.Errorf("unknown kind of field %T", f)
}

func (c *compiler) columnField(f *plan.ColumnField, l *cells) (jsonshape.Node, error) {
	if len(f.JSONPath) > 0 {
		return nil, notJSON(f.Column.Name)
	}
	value, k := selected(l.scope.column(f.Column.Name), declared(f.Column.Type), l.inJSON)
	value, err := c.guarded(value, f.Guard, l.scope)
	if err != nil {
		return nil, err
	}
	return &jsonshape.Scalar{Cell: l.add(value, k), Encode: jsonshape.InUpperCase(f.UpperCase, k.encoder())}, nil
}

// guarded nulls a value unless the guard holds.
func (c *compiler) guarded(value expression, guard plan.Predicate, s *scope) (expression, error) {
	if guard == nil {
		return value, nil
	}
	condition, err := c.predicate(guard, predicateScope{s, s})
	return sqlgen.CaseWhen(condition, value), err
}

// hole selects the key of a join. The key's cells are no fields.
func (c *compiler) hole(j *plan.Join, l *cells) (jsonshape.Node, error) {
	if j == nil {
		return nil, fmt.Errorf("a hole has no join")
	}
	node := &jsonshape.HoleNode{Join: j.Index, OnNull: j.OnNull}
	for _, key := range j.Keys {
		if key.Computed != nil {
			return nil, computed(key.Computed)
		}
		text := jsonshape.Encoder(copyText)
		if declared(key.Type).padded() {
			text = copyUnpadded
		}
		value, k := selected(l.scope.column(key.Name), declared(key.Type), l.inJSON)
		if key.Rank != nil {
			var err error
			if value, err = c.rankOf(key.Rank, l); err != nil {
				return nil, err
			}
			k = kindInteger
		}
		node.Keys = append(node.Keys, jsonshape.KeyCell{Cell: l.add(value, k), Text: text})
	}
	return node, nil
}

func (c *compiler) nestedField(f *plan.NestedField, l *cells) (jsonshape.Node, error) {
	if f.Selection.Card == plan.One {
		return c.nestedObject(f, l)
	}
	inner, object, err := c.selection(f.Selection, l.scope, false)
	if err != nil {
		return nil, err
	}
	node := &jsonshape.Nested{List: true, Object: object, Rows: jsonRows(inner.layout), Absent: []byte("[]")}
	value := sqlgen.Subquery(inner.query)
	if f.Guard != nil {
		// No rows are null, too, but must not look like a guard that doesn't hold.
		value = sqlgen.Function("ISNULL", value, keyword("N'[]'"))
		node.Absent = []byte("null")
	}
	if value, err = c.guarded(value, f.Guard, l.scope); err != nil {
		return nil, err
	}
	node.Cell = l.add(value, kindRows)
	return node, nil
}

// nestedObject joins the row of an object relationship, whose cells then stand
// flat among those of the enclosing row.
func (c *compiler) nestedObject(f *plan.NestedField, l *cells) (jsonshape.Node, error) {
	joined, err := c.joinOne(&f.Selection.Rows, l.scope, l.query)
	if err != nil {
		return nil, err
	}
	condition := joined.present
	if f.Guard != nil {
		guard, err := c.predicate(f.Guard, predicateScope{l.scope, l.scope})
		if err != nil {
			return nil, err
		}
		condition = sqlgen.And(append(dialect.Conjuncts(guard), condition)...)
	}
	presence := l.flag(condition)
	object, err := c.object(f.Selection.Fields, l.in(joined))
	if err != nil {
		return nil, err
	}
	return &jsonshape.Inline{Presence: presence, Object: object, Absent: []byte("null")}, nil
}
