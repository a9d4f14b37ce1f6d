package planner

import (
	"fmt"
	"slices"
	"strings"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/internal/schema"
)

// rootMutation plans a root field that writes rows.
func (p *planner) rootMutation(s *selected, h *holder) (source string, query plan.Query, err error) {
	switch b := s.field.Binding.(type) {
	case *schema.RootInsert:
		query, err = p.rootInsert(s, b, h)
		return b.Table.Source.Name, query, err
	case *schema.RootUpdate:
		query, err = p.rootUpdate(s, b, h)
		return b.Table.Source.Name, query, err
	case *schema.RootUpdateMany:
		query, err = p.rootUpdates(s, b.Table, h)
		return b.Table.Source.Name, query, err
	case *schema.RootDelete:
		query, err = p.rootDelete(s, b, h)
		return b.Table.Source.Name, query, err
	}
	return "", nil, &Error{Code: CodeUnexpected, Path: s.path, Message: "field '" + s.field.Name + "' is not a root field"}
}

// output plans what a mutation answers.
func (p *planner) output(s *selected, of *catalog.Table, one bool, h *holder) (*plan.MutationOutput, error) {
	t := s.field.Type.Base()
	out := &plan.MutationOutput{One: one, Columns: setAside(of)}
	if one {
		var err error
		out.Row, err = p.fields(s, s.set(), t, h)
		return out, err
	}
	members, err := p.collect(s.set(), t, s.path)
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		if m.field == nil {
			out.Fields = append(out.Fields, &plan.MutationStatic{Key: m.key, JSON: orderedjson.AppendString(nil, t.Name)})
			continue
		}
		switch m.field.Binding.(type) {
		case *schema.AffectedRows:
			out.Fields = append(out.Fields, &plan.AffectedRows{Key: m.key})
		case *schema.ReturnedRows:
			fields, err := p.fieldsInside(m, h)
			if err != nil {
				return nil, err
			}
			out.Fields = append(out.Fields, &plan.Returning{Key: m.key, Fields: fields})
		default:
			return nil, &Error{Code: CodeUnexpected, Path: m.path, Message: "field '" + m.field.Name + "' is not a field of a mutation's answer"}
		}
	}
	return out, nil
}

// setAside are the columns of a table whose written rows are set aside.
func setAside(t *catalog.Table) []plan.Column {
	if !t.Source.Capabilities.SetsAside {
		return nil
	}
	out := make([]plan.Column, 0, len(t.Columns))
	for _, c := range t.Columns {
		out = append(out, c.Plan())
	}
	return out
}

// admin tells whether the role may do everything.
func (p *planner) admin() bool { return p.schema.Role == catalog.AdminRole }

func (p *planner) forbidden(kind string, t *catalog.Table) error {
	return &Error{Code: CodeUnexpected, Path: "$", Message: "no " + kind + " permission on table \"" + t.Name.Name + "\""}
}

// settled is a permission's condition, in terms of the fragment; none is true.
func (p *planner) settled(c plan.Predicate) (plan.Predicate, error) {
	if c == nil {
		return &plan.Const{Value: true}, nil
	}
	return p.settle(c)
}

// updatable gives the rows of a table that the role may update, and what must
// hold of them afterwards.
func (p *planner) updatable(t *catalog.Table) (rows plan.Rows, check plan.Predicate, presets []catalog.Preset, err error) {
	rows = plan.Rows{From: t.Relation(), PermitLimit: -1}
	if p.admin() {
		return rows, nil, nil, nil
	}
	permission, ok := t.Update[p.schema.Role]
	if !ok {
		return rows, nil, nil, p.forbidden("update", t)
	}
	rows.Restricted = true
	if rows.Permit, err = p.settled(permission.Filter); err != nil {
		return rows, nil, nil, err
	}
	check, err = p.settled(permission.Check)
	return rows, check, permission.Presets, err
}

func (p *planner) rootUpdate(s *selected, b *schema.RootUpdate, h *holder) (plan.Query, error) {
	rows, check, presets, err := p.updatable(b.Table)
	if err != nil {
		return nil, err
	}
	u := &plan.Update{Rows: rows, Check: check}
	set := &assigned{presets: presets, path: s.path + ".args"}
	keyed := false
	for _, a := range s.field.Args {
		path := under(s.path+".args", a.Name)
		v, err := p.load(s.argument(a.Name), a.Type, false, path)
		if err != nil {
			return nil, err
		}
		switch kind := a.Binding.(type) {
		case *schema.Assignments:
			err = p.assignments(v, a, kind.Operator, set, path)
		case *schema.Argument:
			if err = given(v, a, path); err != nil {
				return nil, err
			}
			if kind.Kind == schema.ArgKeyColumns {
				keyed = true
				u.Where, err = p.keyCondition(v, a.Type.Base(), path)
			} else {
				u.Where, err = p.where(v, a.Type.Base(), path)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	if b.One && !keyed {
		return nil, &Error{Code: CodeUnexpected, Path: s.path, Message: "the update has no key"}
	}
	if u.Set, err = set.finish(); err != nil {
		return nil, err
	}
	p.direct(&u.Rows)
	u.Output, err = p.output(s, b.Table, b.One, h)
	return u, err
}

// given refuses a missing or null value of an argument that must be there.
func given(v value, in *schema.Input, path string) error {
	switch {
	case !in.Type.NonNull:
		return nil
	case v.missing:
		return invalid(path, "missing required field '%s'", in.Name)
	case v.isNull():
		return invalid(path, "unexpected null value for type '%s'", schema.Nullable(in.Type).String())
	}
	return nil
}

func (p *planner) rootUpdates(s *selected, t *catalog.Table, h *holder) (plan.Query, error) {
	a, ok := argumentOf(s.field, schema.ArgUpdates)
	if !ok {
		return nil, &Error{Code: CodeUnexpected, Path: s.path, Message: "the field has no updates"}
	}
	path := under(s.path+".args", a.Name)
	v, err := p.load(s.argument(a.Name), a.Type, false, path)
	if err == nil {
		err = given(v, a, path)
	}
	if err != nil {
		return nil, err
	}
	output, err := p.output(s, t, false, h)
	if err != nil {
		return nil, err
	}
	items, err := p.list(v, *a.Type.List, path)
	if err != nil {
		return nil, err
	}
	out := &plan.Updates{Output: output}
	for i, item := range items {
		u, err := p.oneOfUpdates(item, a.Type.Base(), t, indexed(path, i))
		if err != nil {
			return nil, err
		}
		out.List = append(out.List, u)
	}
	return out, nil
}

func (p *planner) oneOfUpdates(v value, in *schema.Type, t *catalog.Table, path string) (*plan.Update, error) {
	if v.absent() {
		return nil, invalid(path, "unexpected null value for type '%s'", in.Name)
	}
	rows, check, presets, err := p.updatable(t)
	if err != nil {
		return nil, err
	}
	u := &plan.Update{Rows: rows, Check: check}
	set := &assigned{presets: presets, path: path}
	seen := false
	err = p.members(v, in, path, func(in *schema.Input, v value, path string) error {
		switch kind := in.Binding.(type) {
		case *schema.Assignments:
			return p.assignments(v, in, kind.Operator, set, path)
		default:
			seen = true
			if err := given(v, in, path); err != nil {
				return err
			}
			var err error
			u.Where, err = p.where(v, in.Type.Base(), path)
			return err
		}
	})
	if err != nil {
		return nil, err
	}
	if !seen {
		return nil, invalid(under(path, "where"), "missing required field 'where'")
	}
	u.Set, err = set.finish()
	p.direct(&u.Rows)
	return u, err
}

// keyCondition plans the columns of a primary key given as an object.
func (p *planner) keyCondition(v value, t *schema.Type, path string) (plan.Predicate, error) {
	where := &plan.And{}
	seen := map[string]bool{}
	err := p.members(v, t, path, func(in *schema.Input, v value, path string) error {
		b, ok := in.Binding.(*schema.KeyColumn)
		if !ok {
			return nil
		}
		if err := given(v, in, path); err != nil {
			return err
		}
		seen[in.Name] = true
		right, err := p.columnValue(v, in, path)
		where.Parts = append(where.Parts, keyEquals(b.Column, right))
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, in := range t.Inputs() {
		if !seen[in.Name] {
			return nil, invalid(under(path, in.Name), "missing required field '%s'", in.Name)
		}
	}
	return where, nil
}

func keyEquals(c *catalog.Column, right plan.Value) plan.Predicate {
	return &plan.Compare{Left: &plan.ColumnOperand{Column: c.Plan()}, Operator: plan.Equal, Right: right}
}

func (p *planner) rootDelete(s *selected, b *schema.RootDelete, h *holder) (plan.Query, error) {
	d := &plan.Delete{Rows: plan.Rows{From: b.Table.Relation(), PermitLimit: -1}}
	var err error
	if !p.admin() {
		permission, ok := b.Table.Delete[p.schema.Role]
		if !ok {
			return nil, p.forbidden("delete", b.Table)
		}
		d.Restricted = true
		if d.Permit, err = p.settled(permission.Filter); err != nil {
			return nil, err
		}
	}
	key := &plan.And{}
	for _, a := range s.field.Args {
		path := under(s.path+".args", a.Name)
		v, err := p.load(s.argument(a.Name), a.Type, false, path)
		if err == nil {
			err = given(v, a, path)
		}
		if err != nil {
			return nil, err
		}
		if c, ok := a.Binding.(*schema.KeyColumn); ok {
			right, err := p.columnValue(v, a, path)
			if err != nil {
				return nil, err
			}
			key.Parts = append(key.Parts, keyEquals(c.Column, right))
			continue
		}
		if d.Where, err = p.where(v, a.Type.Base(), path); err != nil {
			return nil, err
		}
	}
	if b.One {
		d.Where = key
	}
	p.direct(&d.Rows)
	d.Output, err = p.output(s, b.Table, b.One, h)
	return d, err
}

// assigned gathers what an update changes.
type assigned struct {
	presets []catalog.Preset
	set     []plan.Assignment
	path    string
}

// assignments plans the columns of one operator.
func (p *planner) assignments(v value, in *schema.Input, operator plan.AssignmentOperator, out *assigned, path string) error {
	if v.absent() {
		return nil
	}
	return p.members(v, in.Type.Base(), path, func(in *schema.Input, v value, path string) error {
		b, ok := in.Binding.(*schema.WriteColumn)
		if !ok || v.missing {
			return nil
		}
		if v.isNull() && operator != plan.AssignSet {
			return invalid(path, "unexpected null value for type '%s'", nullTypeName(in.Type))
		}
		right, err := p.columnValue(v, in, path)
		out.set = append(out.set, plan.Assignment{Column: b.Column.Plan(), Operator: operator, Value: right})
		return err
	})
}

// finish adds the presets and refuses columns that are changed twice.
func (a *assigned) finish() ([]plan.Assignment, error) {
	for _, preset := range a.presets {
		a.set = append(a.set, plan.Assignment{Column: preset.Column.Plan(), Operator: plan.AssignSet, Value: preset.Value})
	}
	var twice []string
	seen := map[string]int{}
	for _, s := range a.set {
		if seen[s.Column.Name]++; seen[s.Column.Name] == 2 {
			twice = append(twice, "'"+s.Column.Name+"'")
		}
	}
	if len(twice) > 0 {
		slices.Sort(twice)
		return nil, invalid(a.path, "Column found in multiple operators: [%s].", strings.Join(twice, ", "))
	}
	return a.set, nil
}

// columnValue plans the value that a column gets, or is compared with as a key.
func (p *planner) columnValue(v value, in *schema.Input, path string) (plan.Value, error) {
	if v.lit != nil && writtenAsText(in, v.lit.Kind) {
		return &plan.Literal{JSON: orderedjson.Value{Kind: orderedjson.String, Text: v.lit.Raw}}, nil
	}
	if v.lit != nil && !hasVariable(v.lit) {
		j, err := literalJSON(v.lit, path)
		if err != nil {
			return nil, err
		}
		if err := checkColumnValue(in, j, path); err != nil {
			return nil, err
		}
	}
	return p.symbolic(v, in.Type, path)
}

func unexpectedBinding(in *schema.Input, path string) error {
	return &Error{Code: CodeUnexpected, Path: path, Message: fmt.Sprintf("'%s' can't stand here", in.Name)}
}
