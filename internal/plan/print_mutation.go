package plan

import (
	"strings"
)

func (w *printer) insert(n *Insert) {
	w.line("insert into %s (%s)", relationText(n.Into), columnNames(n.Columns))
	w.nested(func() {
		if n.Each != nil {
			w.line("a row of each of %s: %s", ValueText(n.Each.List), membersText(n.Each.Members))
		}
		for _, r := range n.Rows {
			w.insertRow(r)
		}
		if n.Identity != "" {
			w.line("the number of a row is %s", n.Identity)
		}
		if n.Conflict != nil {
			w.conflict(n.Conflict)
		}
		if n.Restricted {
			w.line("check %s", PredicateText(n.Check))
		}
		w.output(n.Output)
	})
}

func membersText(members []InsertMember) string {
	out := make([]string, 0, len(members))
	for _, m := range members {
		if m.Name == "" {
			out = append(out, ValueText(m.Value))
		} else {
			out = append(out, m.Name)
		}
	}
	return strings.Join(out, ", ")
}

func (w *printer) insertRow(r *InsertRow) {
	for _, b := range r.Before {
		w.nestedInsert("before", b)
	}
	values := make([]string, 0, len(r.Values))
	for _, v := range r.Values {
		if v == nil {
			values = append(values, "default")
		} else {
			values = append(values, ValueText(v))
		}
	}
	w.line("row (%s)", strings.Join(values, ", "))
	for _, a := range r.After {
		w.nestedInsert("after", a)
	}
}

func (w *printer) nestedInsert(when string, n *NestedInsert) {
	pairs := make([]string, 0, len(n.Keys))
	for _, k := range n.Keys {
		pairs = append(pairs, k.Row.Name+" = "+k.Related.Name)
	}
	w.line("%s it %s on %s", when, n.Relationship, strings.Join(pairs, " and "))
	w.nested(func() { w.insert(n.Insert) })
}

func (w *printer) conflict(c *Conflict) {
	set := make([]string, 0, len(c.Set))
	for _, s := range c.Set {
		if s.Value == nil {
			set = append(set, s.Column.Name)
		} else {
			set = append(set, s.Column.Name+" = "+ValueText(s.Value))
		}
	}
	if c.Constraint == "" {
		w.line("on match of (%s) update (%s)", columnNames(c.Match), strings.Join(set, ", "))
	} else {
		w.line("on conflict with %s update (%s)", c.Constraint, strings.Join(set, ", "))
	}
	w.nested(func() {
		for _, p := range []struct {
			word string
			part Predicate
		}{{"where", c.Where}, {"permit", c.Permit}, {"check", c.Check}} {
			if p.part != nil {
				w.line("%s %s", p.word, PredicateText(p.part))
			}
		}
	})
}

func (w *printer) update(u *Update) {
	w.line("update %s", relationText(u.From))
	w.nested(func() {
		w.rows(&u.Rows)
		for _, a := range u.Set {
			w.line("%s %s %s", a.Operator, a.Column.Name, ValueText(a.Value))
		}
		if u.Restricted {
			w.line("check %s", PredicateText(u.Check))
		}
		w.output(u.Output)
	})
}

func (w *printer) updates(q *Updates) {
	w.line("updates, in order")
	w.nested(func() {
		for _, u := range q.List {
			w.update(u)
		}
		w.output(q.Output)
	})
}

func (w *printer) delete(d *Delete) {
	w.line("delete from %s", relationText(d.From))
	w.nested(func() {
		w.rows(&d.Rows)
		w.output(d.Output)
	})
}

func (w *printer) output(o *MutationOutput) {
	if o == nil {
		return
	}
	if o.One {
		w.line("the row")
		w.nested(func() { w.fields(o.Row) })
		return
	}
	for _, f := range o.Fields {
		switch f := f.(type) {
		case *AffectedRows:
			w.line("%s = affected rows", f.Key)
		case *Returning:
			w.line("%s = rows", f.Key)
			w.nested(func() { w.fields(f.Fields) })
		case *MutationStatic:
			w.line("%s = %s", f.Key, f.JSON)
		}
	}
}
