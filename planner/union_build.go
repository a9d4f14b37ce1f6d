package planner

import (
	"slices"
	"strconv"

	"dovetail/internal/plan"
)

// unionClass is a set of costly things, and the statement that selects them
// together with all that can be had without more.
type unionClass struct {
	union *plan.Union
	costs []int
	// members are the variants that want just these costs.
	members []int
	// served[variant]: it wants no others; count is how many do so.
	served []bool
	count  int
}

// alone tells whether a class has nothing to share.
func (c *unionClass) alone() bool { return c.count == 1 && len(c.union.Wider) == 0 }

// classes sorts the variants by the costly things they want.
func (u *united) classes() []*unionClass {
	var out []*unionClass
	for i, v := range u.variants {
		slices.Sort(u.variants[i].costs)
		at := slices.IndexFunc(out, func(c *unionClass) bool { return slices.Equal(c.costs, v.costs) })
		if at < 0 {
			at = len(out)
			out = append(out, &unionClass{union: &plan.Union{}, costs: v.costs, served: make([]bool, len(u.variants))})
		}
		out[at].members = append(out[at].members, i)
	}
	for _, c := range out {
		for _, wider := range out {
			if wider == c || !within(c.costs, wider.costs) {
				continue
			}
			c.union.Wider = append(c.union.Wider, wider.union)
			wider.serve(c.members)
		}
		c.serve(c.members)
	}
	return out
}

func (c *unionClass) serve(variants []int) {
	for _, v := range variants {
		c.served[v] = true
	}
	c.count += len(variants)
}

// within tells whether all of a are among b.
func within(a, b []int) bool {
	return !slices.ContainsFunc(a, func(n int) bool { return !slices.Contains(b, n) })
}

// fragment is what a class asks.
func (u *united) fragment(c *unionClass) *plan.Fragment {
	first := u.variants[c.members[0]].fragment
	out := &plan.Fragment{
		Source: first.Source, Bindings: first.Bindings, KeySets: first.KeySets, Path: first.Path,
	}
	b := &unionBuilder{served: c.served}
	switch q := first.Query.(type) {
	case *plan.Selection:
		selection := *q
		selection.Fields = b.fields(u.root)
		out.Query = &selection
	case *plan.Aggregation:
		aggregation := *q
		aggregation.Fields = b.aggregateFields(u.root)
		out.Query = &aggregation
	case *plan.Connection, *plan.RemoteQuery, *plan.Representations, *plan.Insert, *plan.Update, *plan.Updates, *plan.Delete:
	}
	out.Joins = b.joins
	return out
}

// unionBuilder makes the selection of a union from what the variants it serves
// want.
type unionBuilder struct {
	served []bool
	joins  []*plan.Join
}

// filler is the key of what is selected so that something is.
const filler = "-"

// each calls f for the slots of an object that are selected.
func (b *unionBuilder) each(o *unitedObject, f func(key string, s *unitedSlot)) {
	for i, s := range o.slots {
		if slices.ContainsFunc(s.users, func(v int) bool { return b.served[v] }) {
			f(strconv.Itoa(i), s)
		}
	}
}

func (b *unionBuilder) fields(o *unitedObject) []plan.Field {
	var out []plan.Field
	holes := 0
	b.each(o, func(key string, s *unitedSlot) {
		switch node := s.node.(type) {
		case *plan.ColumnField:
			column := *node
			column.Key = key
			out = append(out, &column)
		case *plan.ComputedField:
			computed := *node
			computed.Key = key
			out = append(out, &computed)
		case *plan.NodeIDField:
			id := *node
			id.Key = key
			out = append(out, &id)
		case *plan.HoleField:
			holes++
			out = append(out, b.hole(key, node.Join))
		case *plan.NestedField:
			nested, selection := *node, *node.Selection
			selection.Fields = b.fields(s.inner)
			nested.Key, nested.Selection = key, &selection
			out = append(out, &nested)
		case *plan.NestedAggregateField:
			nested, aggregation := *node, *node.Aggregation
			aggregation.Fields = b.aggregateFields(s.inner)
			nested.Key, nested.Aggregation = key, &aggregation
			out = append(out, &nested)
		}
	})
	// Rows of one hole and nothing else would be read as a set of keys.
	if len(out) == 0 || len(out) == 1 && holes == 1 {
		out = append(out, &plan.StaticField{Key: filler, JSON: []byte("0")})
	}
	return out
}

func (b *unionBuilder) hole(key string, j *plan.Join) plan.Field {
	join := plan.KeysOnly(j.Relationship, j.Keys, j.Child.Bindings)
	join.Index, join.Field = len(b.joins), key
	b.joins = append(b.joins, join)
	return &plan.HoleField{Key: key, Join: join}
}

func (b *unionBuilder) aggregateFields(o *unitedObject) []plan.AggregateField {
	var out []plan.AggregateField
	b.each(o, func(key string, s *unitedSlot) {
		switch s.node.(type) {
		case *plan.AggregateNodes:
			out = append(out, &plan.AggregateNodes{Key: key, Fields: b.fields(s.inner)})
		case *plan.AggregateGroup:
			out = append(out, &plan.AggregateGroup{Key: key, Items: b.aggregateItems(s.inner)})
		}
	})
	if len(out) == 0 {
		out = append(out, &plan.AggregateStatic{Key: filler, JSON: []byte("0")})
	}
	return out
}

func (b *unionBuilder) aggregateItems(o *unitedObject) []plan.AggregateItem {
	var out []plan.AggregateItem
	b.each(o, func(key string, s *unitedSlot) {
		switch node := s.node.(type) {
		case *plan.Count:
			count := *node
			count.Key = key
			out = append(out, &count)
		case *plan.AggregateFunction:
			out = append(out, &plan.AggregateFunction{Key: key, Name: node.Name, Columns: b.aggregateColumns(s.inner)})
		}
	})
	if len(out) == 0 {
		out = append(out, &plan.AggregateItemStatic{Key: filler, JSON: []byte("0")})
	}
	return out
}

func (b *unionBuilder) aggregateColumns(o *unitedObject) []plan.AggregateColumn {
	var out []plan.AggregateColumn
	b.each(o, func(key string, s *unitedSlot) {
		if column, ok := s.node.(plan.AggregateColumn); ok {
			column.Key = key
			out = append(out, column)
		}
	})
	if len(out) == 0 {
		out = append(out, plan.AggregateColumn{Key: filler, Static: []byte("0")})
	}
	return out
}
