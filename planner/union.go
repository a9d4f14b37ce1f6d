package planner

import (
	"errors"
	"slices"

	"dovetail/internal/plan"
	"dovetail/sources"
)

// Lookups of one query often read the same rows: the authors of albums, and the
// authors of those albums' reviews. Equal ones are one lookup (plan.Signature).
// Where they differ only in what they select, they share a statement that selects
// what any of them wants, so that a key is asked for once all the same.
//
// What a statement selects besides costs something for every key, though, wanted
// or not. Columns and the objects of object relationships of the same database
// cost little: they are united without asking. What may cost a lot (lists,
// aggregates, functions, columns of any size) is only asked for keys that somebody
// wants it of: lookups that want different costly things have statements of
// their own, and one that wants less is served by what a statement that selects
// more has been asked for.
//
// Services are left out: a field of theirs may cost anything, and one that fails
// makes the object around it null for all who asked for it.

// maxVariants bounds how many different lookups are held against each other.
const maxVariants = 256

// unite has the lookups of a plan share statements.
func (p *planner) unite(out *plan.Plan) error {
	bySignature := map[string][]*plan.Fragment{}
	var order []string
	for _, f := range out.Fragments {
		for _, j := range f.Joins {
			if j.KeysOnly || !unitable(j.Child) {
				continue
			}
			signature := plan.UniteSignature(j.Child)
			if bySignature[signature] == nil {
				order = append(order, signature)
			}
			bySignature[signature] = append(bySignature[signature], j.Child)
		}
	}
	for i, signature := range order {
		same := bySignature[signature]
		if slices.ContainsFunc(same, func(f *plan.Fragment) bool { return f.Lookup != same[0].Lookup }) {
			if err := p.uniteRows(out, same, i); err != nil {
				return err
			}
		}
	}
	return nil
}

// unitable tells whether a lookup may share a statement with others.
func unitable(f *plan.Fragment) bool {
	if len(f.Bindings) == 0 {
		return false
	}
	switch q := f.Query.(type) {
	case *plan.Selection:
		return unitableFields(q.Fields)
	case *plan.Aggregation:
		return unitableAggregates(q.Fields)
	case *plan.Connection, *plan.RemoteQuery, *plan.Representations, *plan.Insert, *plan.Update, *plan.Updates, *plan.Delete:
	}
	return false
}

func unitableFields(fields []plan.Field) bool {
	for _, f := range fields {
		united := true
		switch f := f.(type) {
		case *plan.NestedField:
			united = unitableFields(f.Selection.Fields)
		case *plan.NestedAggregateField:
			united = unitableAggregates(f.Aggregation.Fields)
		case *plan.NestedConnectionField, *plan.GroupField:
			united = false
		case *plan.ColumnField, *plan.ComputedField, *plan.HoleField, *plan.StaticField, *plan.NodeIDField:
		}
		if !united {
			return false
		}
	}
	return true
}

func unitableAggregates(fields []plan.AggregateField) bool {
	for _, f := range fields {
		if nodes, ok := f.(*plan.AggregateNodes); ok && !unitableFields(nodes.Fields) {
			return false
		}
	}
	return true
}

// uniteRows has lookups of the same rows share statements: one for each set of
// costly things that one of them wants.
func (p *planner) uniteRows(out *plan.Plan, same []*plan.Fragment, rows int) error {
	u := &united{root: &unitedObject{}, index: map[int]int{}}
	for _, f := range same {
		if u.add(f); len(u.variants) > maxVariants {
			return nil
		}
		if err := p.live(); err != nil {
			return err
		}
	}
	var made []*unionClass
	for _, c := range u.classes() {
		if c.alone() {
			continue
		}
		c.union.ID, c.union.Rows = len(out.Unions)+len(made), rows
		c.union.Fragment = u.fragment(c)
		if err := p.compile(c.union.Fragment); err != nil {
			if tooMuch(err) {
				return nil // each for itself
			}
			return err
		}
		made = append(made, c)
	}
	for _, c := range made {
		out.Unions = append(out.Unions, c.union)
		for _, f := range same {
			v := u.index[f.Lookup]
			if slices.Contains(c.members, v) {
				f.Union, f.Projection, f.Statement = c.union, u.variants[v].projection, c.union.Fragment.Statement
				f.SourceVersion = c.union.Fragment.SourceVersion
			}
		}
	}
	return nil
}

// tooMuch reports whether a source has refused a statement for what it can't do,
// such as so much of it: what lookups select together may be more than each of
// them. Anything else is a fault.
func tooMuch(err error) bool {
	e, ok := errors.AsType[*sources.Error](err)
	return ok && e.Code == sources.CodeNotSupported
}

// united gathers what lookups of the same rows select. Each different one is a
// variant.
type united struct {
	variants []variant
	// index finds the variant of a lookup.
	index map[int]int
	root  *unitedObject
	// costly is the number of costly slots.
	costly int
}

type variant struct {
	fragment   *plan.Fragment
	projection *plan.Projection
	// costs are the costly slots it wants.
	costs []int
}

// unitedObject is an object in the answer of a union; a slot's place is its
// number.
type unitedObject struct{ slots []*unitedSlot }

// unitedSlot is something that variants select of an object.
type unitedSlot struct {
	signature string
	// node is the field, aggregate or column, as a variant has it.
	node any
	// users are the variants that want it.
	users []int
	// costly numbers the slots that may cost a lot, from 1.
	costly int
	// inner is what is selected inside; nil for values.
	inner *unitedObject
}

func (u *united) add(f *plan.Fragment) {
	if _, ok := u.index[f.Lookup]; ok {
		return
	}
	u.index[f.Lookup] = len(u.variants)
	u.variants = append(u.variants, variant{fragment: f})
	var projection *plan.Projection
	switch q := f.Query.(type) {
	case *plan.Selection:
		projection = u.fields(q.Fields, u.root)
	case *plan.Aggregation:
		projection = u.aggregateFields(q.Fields, u.root)
	case *plan.Connection, *plan.RemoteQuery, *plan.Representations, *plan.Insert, *plan.Update, *plan.Updates, *plan.Delete:
	}
	u.variants[len(u.variants)-1].projection = projection
}

// slot finds or adds what the newest variant wants of an object.
func (u *united) slot(o *unitedObject, signature string, node any, costly bool) (int, *unitedSlot) {
	i := slices.IndexFunc(o.slots, func(s *unitedSlot) bool { return s.signature == signature })
	if i < 0 {
		i = len(o.slots)
		o.slots = append(o.slots, &unitedSlot{signature: signature, node: node})
		if costly {
			u.costly++
			o.slots[i].costly = u.costly
		}
	}
	s := o.slots[i]
	if v := len(u.variants) - 1; len(s.users) == 0 || s.users[len(s.users)-1] != v {
		s.users = append(s.users, v)
		if s.costly > 0 {
			u.variants[v].costs = append(u.variants[v].costs, s.costly)
		}
	}
	return i, s
}

// object is slot for something with members of its own, which project makes.
func (u *united) object(o *unitedObject, key, signature string, node any, costly bool, project func(*unitedObject) *plan.Projection) plan.ProjectedMember {
	i, s := u.slot(o, signature, node, costly)
	if s.inner == nil {
		s.inner = &unitedObject{}
	}
	m := plan.NewProjectedMember(key, i)
	m.Inner = project(s.inner)
	return m
}

func (u *united) value(o *unitedObject, key, signature string, node any, costly bool) plan.ProjectedMember {
	i, _ := u.slot(o, signature, node, costly)
	return plan.NewProjectedMember(key, i)
}

func static(key string, json []byte) plan.ProjectedMember {
	m := plan.NewProjectedMember(key, 0)
	m.JSON = json
	return m
}

func projection(members []plan.ProjectedMember) *plan.Projection {
	out := &plan.Projection{Members: members}
	for _, m := range members {
		if m.JSON == nil {
			out.Slots = max(out.Slots, m.Slot+1)
		}
	}
	return out
}

// fields unites a selection with what other variants select of the same object.
func (u *united) fields(fields []plan.Field, o *unitedObject) *plan.Projection {
	members := make([]plan.ProjectedMember, 0, len(fields))
	for _, f := range fields {
		signature := plan.FieldSignature(f)
		switch f := f.(type) {
		case *plan.StaticField:
			members = append(members, static(f.Key, f.JSON))
		case *plan.ColumnField:
			members = append(members, u.value(o, f.Key, signature, f, large(f.Column.Type)))
		case *plan.ComputedField:
			members = append(members, u.value(o, f.Key, signature, f, true))
		case *plan.NodeIDField:
			members = append(members, u.value(o, f.Key, signature, f, false))
		case *plan.HoleField:
			computed := slices.ContainsFunc(f.Join.Keys, func(k plan.JoinKey) bool { return k.Computed != nil })
			m := u.value(o, f.Key, signature, f, computed)
			m.Join = f.Join
			members = append(members, m)
		case *plan.NestedField:
			members = append(members, u.object(o, f.Key, signature, f, f.Selection.Card == plan.Many, func(inner *unitedObject) *plan.Projection {
				return u.fields(f.Selection.Fields, inner)
			}))
		case *plan.NestedAggregateField:
			members = append(members, u.object(o, f.Key, signature, f, true, func(inner *unitedObject) *plan.Projection {
				return u.aggregateFields(f.Aggregation.Fields, inner)
			}))
		case *plan.NestedConnectionField, *plan.GroupField: // unitable has left them out
		}
	}
	return projection(members)
}

func (u *united) aggregateFields(fields []plan.AggregateField, o *unitedObject) *plan.Projection {
	members := make([]plan.ProjectedMember, 0, len(fields))
	for _, f := range fields {
		switch f := f.(type) {
		case *plan.AggregateStatic:
			members = append(members, static(f.Key, f.JSON))
		case *plan.AggregateNodes:
			members = append(members, u.object(o, f.Key, "nodes", f, true, func(inner *unitedObject) *plan.Projection {
				return u.fields(f.Fields, inner)
			}))
		case *plan.AggregateGroup:
			members = append(members, u.object(o, f.Key, "aggregates", f, false, func(inner *unitedObject) *plan.Projection {
				return u.aggregateItems(f.Items, inner)
			}))
		}
	}
	return projection(members)
}

func (u *united) aggregateItems(items []plan.AggregateItem, o *unitedObject) *plan.Projection {
	members := make([]plan.ProjectedMember, 0, len(items))
	for _, item := range items {
		signature := plan.AggregateSignature(item)
		switch item := item.(type) {
		case *plan.AggregateItemStatic:
			members = append(members, static(item.Key, item.JSON))
		case *plan.Count:
			members = append(members, u.value(o, item.Key, signature, item, item.Distinct))
		case *plan.AggregateFunction:
			members = append(members, u.object(o, item.Key, signature, item, false, func(inner *unitedObject) *plan.Projection {
				return u.aggregateColumns(item.Columns, inner)
			}))
		}
	}
	return projection(members)
}

func (u *united) aggregateColumns(columns []plan.AggregateColumn, o *unitedObject) *plan.Projection {
	members := make([]plan.ProjectedMember, 0, len(columns))
	for _, c := range columns {
		if c.Static != nil {
			members = append(members, static(c.Key, c.Static))
			continue
		}
		members = append(members, u.value(o, c.Key, plan.AggregateColumnSignature(c), c, c.Computed != nil))
	}
	return projection(members)
}

// large tells whether values of a type may be of any size as a matter of course.
func large(t plan.Type) bool {
	switch t.Underlying().Class {
	case plan.ClassJSON, plan.ClassJSONB, plan.ClassBytes, plan.ClassArray, plan.ClassComposite, plan.ClassGeometry,
		plan.ClassGeography, plan.ClassRaster, plan.ClassOther:
		return true
	case plan.ClassInteger, plan.ClassNumber, plan.ClassText, plan.ClassBoolean, plan.ClassUUID, plan.ClassTime,
		plan.ClassEnum, plan.ClassLTree:
	}
	return false
}
