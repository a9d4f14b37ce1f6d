package oracle_test

import "slices"

// valid tells whether everything that a case names exists, may be used, and
// defines an answer.
func (x *example) valid() (ok bool) {
	// Cases with parts left out miss things anywhere.
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	w, r := x.World, x.Request
	for _, t := range w.Tables {
		if len(t.Columns) == 0 || len(t.Key) == 0 || slices.ContainsFunc(t.Key, func(k string) bool { return t.column(k) == nil }) {
			return false
		}
	}
	for _, rel := range w.Relationships {
		from, to := w.table(rel.From), w.table(rel.To)
		if from == nil || to == nil || len(rel.Pairs) == 0 || !rel.Array && len(rel.Pairs) != len(to.Key) {
			return false
		}
		for _, p := range rel.Pairs {
			if from.column(p.Left) == nil || to.column(p.Right) == nil || !rel.Array && !slices.Contains(to.Key, p.Right) {
				return false
			}
		}
	}
	for _, role := range w.Roles {
		for name, p := range role.Permissions {
			t := w.table(name)
			if t == nil || p == nil || len(p.Columns) == 0 || p.Limit != nil && !p.seesKey(t) {
				return false
			}
			if slices.ContainsFunc(p.Columns, func(c string) bool { return t.column(c) == nil }) {
				return false
			}
			v := &validator{world: w}
			if p.Filter != nil && !v.condition(t, p.Filter) {
				return false
			}
		}
	}
	for _, of := range scalars() {
		_, one := r.Session[sessionName(of, false)]
		_, list := r.Session[sessionName(of, true)]
		if r.Role != admin && (!one || !list && !of.textual()) {
			return false
		}
	}
	v := &validator{world: w, role: r.Role}
	if len(r.Fields) == 0 || !v.fields(nil, r.Fields) {
		return false
	}
	(&evaluator{world: w, role: r.Role, session: r.Session}).answer(r)
	return true
}

// validator checks a role's request, or without a role a permission.
type validator struct {
	world *world
	role  string
}

func (v *validator) sees(t *table, columns ...string) bool {
	if v.role == "" {
		return !slices.ContainsFunc(columns, func(c string) bool { return t.column(c) == nil })
	}
	p := v.world.access(v.role, t.Name)
	return p != nil && !slices.ContainsFunc(columns, func(c string) bool { return !slices.Contains(p.Columns, c) })
}

func (v *validator) aggregates(t *table) bool {
	return v.role == "" || v.world.access(v.role, t.Name).Aggregations
}

func (v *validator) fields(t *table, fields []*field) bool {
	for _, f := range fields {
		to := v.world.table(f.Table)
		switch {
		case f.Kind == "typename":
			continue
		case f.Kind == "column":
			if !v.sees(t, f.Column) {
				return false
			}
			continue
		case t != nil:
			rel := v.world.relationship(t.Name, f.Relationship)
			if rel.Array != (f.Kind != "object") {
				return false
			}
			to = v.world.table(rel.To)
		}
		if !v.sees(to) || !v.field(to, f) {
			return false
		}
	}
	return true
}

func (v *validator) field(t *table, f *field) bool {
	switch f.Kind {
	case "object":
		return len(f.Fields) > 0 && v.fields(t, f.Fields)
	case "key":
		return len(f.Key) == len(t.Key) && v.sees(t, t.Key...) && len(f.Fields) > 0 && v.fields(t, f.Fields)
	case "aggregate":
		if !v.aggregates(t) || len(f.Fields)+len(f.Items) == 0 {
			return false
		}
		for _, i := range f.Items {
			if !v.sees(t, i.Columns...) || i.Function != "count" && len(i.Columns) != 1 || i.Distinct && len(i.Columns) == 0 {
				return false
			}
		}
	default:
		if len(f.Fields) == 0 {
			return false
		}
	}
	return v.arguments(t, f.Arguments) && v.fields(t, f.Fields)
}

func (v *validator) arguments(t *table, a *arguments) bool {
	limit := v.world.access(v.role, t.Name).Limit != nil
	if a == nil {
		return !limit
	}
	if (limit || a.Limit != nil || a.Offset != nil || len(a.Distinct) > 0) && !a.total(t) {
		return false
	}
	for i, c := range a.Distinct {
		if i >= len(a.Order) || a.Order[i].Column != c || len(a.Order[i].Path) > 0 || a.Order[i].Function != "" {
			return false
		}
	}
	for _, o := range a.Order {
		if !v.order(t, o) {
			return false
		}
	}
	return v.sees(t, a.Distinct...) && (a.Where == nil || v.condition(t, a.Where))
}

func (v *validator) order(t *table, o *order) bool {
	for _, name := range o.Path {
		rel := v.world.relationship(t.Name, name)
		if t = v.world.table(rel.To); rel.Array || !v.sees(t) {
			return false
		}
	}
	if o.Function == "" {
		return v.sees(t, o.Column)
	}
	rel := v.world.relationship(t.Name, o.Relationship)
	t = v.world.table(rel.To)
	return rel.Array && v.sees(t) && v.aggregates(t) && (o.Function == "count" || v.sees(t, o.Column))
}

func (v *validator) condition(t *table, c *condition) bool {
	to := t
	switch c.Op {
	case "not", "related", "exists":
		if len(c.Parts) != 1 {
			return false
		}
	case "columns":
		return v.sees(t, c.Column) && (c.Root || v.sees(t, c.Other))
	case "compare":
		return v.sees(t, c.Column) && (c.Operator == "_in" || c.Operator == "_nin" || len(c.Values) == 1)
	case "null":
		return v.sees(t, c.Column)
	}
	switch c.Op {
	case "exists":
		to = v.world.table(c.Table)
	case "related", "aggregate":
		to = v.world.table(v.world.relationship(t.Name, c.Relationship).To)
		if !v.sees(to, c.Arguments...) || c.Op == "aggregate" && (!v.aggregates(to) || len(c.Parts) > 1 || len(c.Values) != 1) {
			return false
		}
		if c.Function != "count" && c.Op == "aggregate" && len(c.Arguments) != 1 || c.Distinct && len(c.Arguments) == 0 {
			return false
		}
	}
	return !slices.ContainsFunc(c.Parts, func(part *condition) bool { return !v.condition(to, part) })
}
