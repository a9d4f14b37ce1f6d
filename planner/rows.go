package planner

import (
	"math"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/internal/schema"
)

// permitted gives the rows of a table that the role may read, with nothing else
// asked of them yet.
func (p *planner) permitted(t *catalog.Table) (plan.Rows, error) {
	rows := plan.Rows{From: t.Relation(), PermitLimit: -1}
	if p.schema.Role == catalog.AdminRole {
		return rows, nil
	}
	permission, ok := t.SelectPermission(p.schema.Role)
	if !ok {
		return rows, &Error{Code: CodeUnexpected, Path: "$", Message: "no select permission on table \"" + t.Name.Name + "\""}
	}
	rows.Restricted = true
	rows.PermitLimit = permission.Limit
	if permission.Filter == nil {
		rows.Permit = &plan.Const{Value: true}
		return rows, nil
	}
	var err error
	rows.Permit, err = p.settle(permission.Filter)
	return rows, err
}

// related gives the permitted rows of a relationship's target.
func (p *planner) related(r *catalog.Relationship) (plan.Rows, error) {
	rows, err := p.permitted(r.Target)
	if err != nil {
		return rows, err
	}
	for i := range r.Left {
		rows.On = append(rows.On, plan.Correlation{Column: r.Right[i].Plan(), Outer: r.Left[i].Plan(), Binding: -1})
	}
	return rows, nil
}

// arguments fills where, order_by, limit, offset and distinct_on.
func (p *planner) arguments(s *selected, rows *plan.Rows) error {
	for _, a := range s.field.Args {
		b, ok := a.Binding.(*schema.Argument)
		if !ok {
			continue
		}
		path := under(s.path+".args", a.Name)
		u := use{ref: a.Type, path: path}
		switch b.Kind { //nolint:exhaustive // only these have rules of their own
		case schema.ArgLimit, schema.ArgFirst, schema.ArgLast:
			u.kind = limitInput
		case schema.ArgOffset:
			u.kind = offsetInput
		}
		v, err := p.loadAs(s.argument(a.Name), u, a.Default != "")
		if err != nil {
			return err
		}
		if v.missing || v.isNull() {
			continue
		}
		switch b.Kind { //nolint:exhaustive // the other arguments are read elsewhere
		case schema.ArgWhere:
			rows.Where, err = p.where(v, a.Type.Base(), path)
		case schema.ArgOrderBy:
			rows.OrderBy, err = p.orderBy(v, *a.Type.List, path)
		case schema.ArgLimit:
			rows.Limit, err = checked(v, path, checkLimit)
		case schema.ArgOffset:
			rows.Offset, err = checked(v, path, checkOffset)
		case schema.ArgDistinctOn:
			rows.DistinctOn, rows.DistinctGuards, err = p.guardedColumns(v, *a.Type.List, path)
		}
		if err != nil {
			return err
		}
	}
	p.direct(rows)
	return distinctMatchesOrder(rows, s.path+".args")
}

// distinctMatchesOrder holds distinct_on against order_by, whose first columns
// it must name.
func distinctMatchesOrder(rows *plan.Rows, path string) error {
	if len(rows.DistinctOn) == 0 || len(rows.OrderBy) == 0 {
		return nil
	}
	wanted := map[string]bool{}
	for _, c := range rows.DistinctOn {
		wanted[c.Name] = true
	}
	found := map[string]bool{}
	for _, o := range rows.OrderBy {
		if len(found) == len(wanted) {
			break
		}
		by, ok := o.By.(*plan.OrderColumn)
		if !ok || !wanted[by.Column.Name] {
			return invalid(path, `"distinct_on" columns must match initial "order_by" columns`)
		}
		found[by.Column.Name] = true
	}
	if len(found) != len(wanted) {
		return invalid(path, `"distinct_on" columns must match initial "order_by" columns`)
	}
	return nil
}

// checked gives a scalar that has rules of its own.
func checked(v value, path string, check func(orderedjson.Value, string) error) (plan.Value, error) {
	if v.lit == nil {
		return &plan.Variable{Name: v.name, Path: v.path}, nil
	}
	if v.lit.Kind == ast.EnumValue {
		return nil, invalid(path, "expected a non-negative 32-bit integer for type 'Int', but found an enum value")
	}
	j, err := literalJSON(v.lit, path)
	if err != nil {
		return nil, err
	}
	return &plan.Literal{JSON: j}, check(j, path)
}

// checkLimit takes a non-negative 32-bit integer.
func checkLimit(j orderedjson.Value, path string) error {
	if j.IsNull() {
		return nil
	}
	if j.Kind == orderedjson.Number {
		if i, err := strconv.ParseInt(j.Text, 10, 64); err == nil && i >= 0 && i <= math.MaxInt32 {
			return nil
		}
	}
	return invalid(path, "expected a non-negative 32-bit integer for type 'Int', but found %s", describe(j))
}

// checkOffset takes a non-negative integer of up to 64 bits, which may stand in
// a string.
func checkOffset(j orderedjson.Value, path string) error {
	if j.IsNull() {
		return nil
	}
	if j.Kind == orderedjson.Number || j.Kind == orderedjson.String {
		if i, err := strconv.ParseInt(j.Text, 10, 64); err == nil && i >= 0 {
			return nil
		}
	}
	return invalid(path, "expected a non-negative 64-bit integer for type 'Int', but found %s", describe(j))
}

// guardedColumns reads a list of column enum values with their guards.
func (p *planner) guardedColumns(v value, element schema.Ref, path string) ([]plan.Column, []plan.Predicate, error) {
	items, err := p.list(v, element, path)
	if err != nil {
		return nil, nil, err
	}
	var columns []plan.Column
	var guards []plan.Predicate
	for i, item := range items {
		c, guard, err := p.column(item, element, indexed(path, i))
		if err != nil {
			return nil, nil, err
		}
		columns, guards = append(columns, c), append(guards, guard)
	}
	return columns, guards, nil
}

// column reads one column enum value.
func (p *planner) column(v value, ref schema.Ref, path string) (plan.Column, plan.Predicate, error) {
	if v.lit != nil {
		if err := p.checkLiteral(schema.Required(ref), v.lit, path); err != nil {
			return plan.Column{}, nil, err
		}
	}
	j, err := v.literal(path)
	if err != nil {
		return plan.Column{}, nil, err
	}
	for _, e := range ref.Base().Values() {
		if e.Name == j.Text && e.Column != nil {
			guard, err := p.settle(e.Guard)
			return e.Column.Plan(), guard, err
		}
	}
	return plan.Column{}, nil, invalid(path, "erroneous column name")
}

// rootRows plans a list of a table's rows.
func (p *planner) rootRows(s *selected, t *catalog.Table, h *holder) (plan.Query, error) {
	rows, err := p.permitted(t)
	if err != nil {
		return nil, err
	}
	return p.selection(s, rows, plan.Many, h)
}

// selection plans the arguments and fields of rows of a table.
func (p *planner) selection(s *selected, rows plan.Rows, card plan.Cardinality, h *holder) (*plan.Selection, error) {
	if err := p.arguments(s, &rows); err != nil {
		return nil, err
	}
	fields, err := p.fields(s, s.set(), s.field.Type.Base(), h)
	if err != nil {
		return nil, err
	}
	return &plan.Selection{Rows: rows, Fields: fields, Card: card}, nil
}

// rootRow plans one row by its primary key. The role's row limit doesn't apply.
func (p *planner) rootRow(s *selected, t *catalog.Table, h *holder) (plan.Query, error) {
	rows, err := p.permitted(t)
	if err != nil {
		return nil, err
	}
	rows.PermitLimit = -1
	where := &plan.And{}
	for _, a := range s.field.Args {
		b, ok := a.Binding.(*schema.KeyColumn)
		if !ok {
			continue
		}
		path := under(s.path+".args", a.Name)
		v, err := p.load(s.argument(a.Name), a.Type, false, path)
		if err != nil {
			return nil, err
		}
		if v.missing {
			return nil, invalid(path, "missing required field '%s'", a.Name)
		}
		if v.isNull() {
			return nil, invalid(path, "unexpected null value for type '%s'", a.Type.Base().Name)
		}
		right, err := p.symbolic(v, a.Type, path)
		if err != nil {
			return nil, err
		}
		where.Parts = append(where.Parts, &plan.Compare{
			Left: &plan.ColumnOperand{Column: b.Column.Plan()}, Operator: plan.Equal, Right: right,
		})
	}
	rows.Where = where
	p.direct(&rows)
	fields, err := p.fields(s, s.set(), s.field.Type.Base(), h)
	if err != nil {
		return nil, err
	}
	return &plan.Selection{Rows: rows, Fields: fields, Card: plan.One}, nil
}
