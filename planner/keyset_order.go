package planner

import (
	"math"
	"strconv"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/internal/schema"
)

// ownRows gives the permitted rows of a remote relationship's target that share
// a key with the row in scope, which is of the same table.
func (p *planner) ownRows(r *catalog.ToSource) (plan.Rows, error) {
	rows, err := p.target(r.Target, true)
	for _, pair := range r.Pairs {
		c := pair.Right.Plan()
		rows.On = append(rows.On, plan.Correlation{Column: c, Outer: c, Binding: -1})
	}
	return rows, err
}

// orderRemote plans an ordering by the row of a remote object relationship: the
// keys come over with their rank.
func (p *planner) orderRemote(v value, t *schema.Type, r *catalog.ToSource, path string) ([]plan.Order, error) {
	return p.ranked(r, func() ([]plan.Order, error) { return p.orders(v, t, path) })
}

// orderRemoteAggregate plans an ordering by an aggregate of a remote
// relationship's rows. Without rows a count is 0, which is before every other.
func (p *planner) orderRemoteAggregate(v value, t *schema.Type, r *catalog.ToSource, path string) ([]plan.Order, error) {
	return p.ranked(r, func() ([]plan.Order, error) {
		return p.orderAggregate(v, t, &schema.OrderAggregate{Remote: r}, path)
	})
}

// ranked turns orderings by something of another source into orderings by the
// ranks that it gives its keys: a key set for each. The orderings are planned
// in the scope of the other side, one at a time.
func (p *planner) ranked(r *catalog.ToSource, orders func() ([]plan.Order, error)) ([]plan.Order, error) {
	var out []plan.Order
	for i := 0; ; i++ {
		var keys []plan.Order
		index, err := p.keySet(keyRows{relationship: r, permitted: true, rank: func() (plan.OrderKey, error) {
			var err error
			if keys, err = orders(); err != nil || i >= len(keys) {
				return nil, err
			}
			return keys[i].By, nil
		}})
		if err != nil {
			return nil, err
		}
		if i >= len(keys) {
			// Nothing was left to rank: the key set is not needed.
			p.scope.keySets = p.scope.keySets[:index]
			return out, nil
		}
		order := keys[i]
		ranked := &plan.OrderRanked{Relationship: r.Name, Columns: r.LeftColumns(), KeySet: index, Missing: -1}
		if a, ok := order.By.(*plan.OrderAggregate); ok && a.Function == "count" && r.Array {
			// The count of an object's rows is null where there is no object.
			ranked.Missing = 0
		}
		order.By = ranked
		out = append(out, order)
		if len(keys) == i+1 {
			return out, nil
		}
	}
}

// remoteAggregatePredicate plans a condition on an aggregate of a remote
// relationship's rows. The groups that satisfy it are asked for by key; rows
// without a group count nothing, and are taken in when nothing satisfies it.
func (p *planner) remoteAggregatePredicate(v value, t *schema.Type, r *catalog.ToSource, path string) (plan.Predicate, error) {
	compare := &plan.CompareAggregate{Relationship: r.Name}
	groups := func(not bool) func() (plan.Predicate, error) {
		return func() (plan.Predicate, error) {
			rows, err := p.ownRows(r)
			if err != nil {
				return nil, err
			}
			*compare = plan.CompareAggregate{Relationship: r.Name, Target: rows}
			if err := p.aggregatePredicate(v, t, compare, path); err != nil {
				return nil, err
			}
			copied := *compare
			if not {
				return &plan.Not{Part: &copied}, nil
			}
			return &copied, nil
		}
	}
	in := func(where func() (plan.Predicate, error)) (*plan.InKeys, error) {
		index, err := p.keySet(keyRows{relationship: r, permitted: true, where: where})
		return &plan.InKeys{Columns: r.LeftColumns(), KeySet: index}, err
	}
	satisfied, err := in(groups(false))
	if err != nil {
		return nil, err
	}
	empty, err := p.emptySatisfies(compare, path)
	if err != nil || !empty {
		return satisfied, err
	}
	if compare.Function == "count" {
		// A count is never null: the groups that fail are all that is left out.
		p.scope.keySets = p.scope.keySets[:satisfied.KeySet]
		failing, err := in(groups(true))
		return &plan.Not{Part: failing}, err
	}
	filled, err := in(func() (plan.Predicate, error) {
		rows, err := p.ownRows(r)
		if err != nil {
			return nil, err
		}
		// Planned anew: its key sets hang below this key set's fragment.
		rows.Where, err = p.aggregateFilter(v, t, path)
		return &plan.Exists{Relationship: r.Name, Target: rows}, err
	})
	return &plan.Or{Parts: []plan.Predicate{satisfied, &plan.Not{Part: filled}}}, err
}

// emptySatisfies tells whether no rows at all satisfy a condition on their
// aggregate: a count is 0 then, anything else null. The plan depends on the
// values compared with.
func (p *planner) emptySatisfies(c *plan.CompareAggregate, path string) (bool, error) {
	for _, h := range c.Having {
		if h.IsNull != nil {
			if *h.IsNull == (c.Function == "count") {
				return false, nil
			}
			continue
		}
		if c.Function != "count" {
			return false, nil
		}
		j, err := p.now(h.Right, path)
		if err != nil {
			return false, err
		}
		if !zeroIs(h.Operator, j) {
			return false, nil
		}
	}
	return true, nil
}

// now is the value that a comparison has in this request; the plan is good for
// requests with the same one only.
func (p *planner) now(v plan.Value, path string) (orderedjson.Value, error) {
	for i := range p.uses {
		if variable, ok := v.(*plan.Variable); ok && p.uses[i].name == variable.Name {
			p.uses[i].exact = true
		}
	}
	args := &plan.Arguments{Variables: p.variables}
	j, err := args.Resolve(v)
	if err != nil {
		return orderedjson.Value{}, invalid(path, "a count can't be compared with this")
	}
	return j, nil
}

// zeroIs compares 0 with a value.
func zeroIs(op plan.Operator, j orderedjson.Value) bool {
	if j.Kind == orderedjson.Array {
		found := false
		for _, item := range j.Items {
			found = found || zeroIs(plan.Equal, item)
		}
		return found == (op == plan.In)
	}
	f, err := strconv.ParseFloat(j.TextOf(), 64)
	if err != nil || math.IsNaN(f) {
		return false
	}
	switch op { //nolint:exhaustive // the comparisons of numbers
	case plan.Equal, plan.In:
		return f == 0
	case plan.NotEqual, plan.NotIn:
		return f != 0
	case plan.Greater:
		return f < 0
	case plan.Less:
		return f > 0
	case plan.GreaterOrEqual:
		return f <= 0
	case plan.LessOrEqual:
		return f >= 0
	}
	return false
}
