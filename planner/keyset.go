package planner

import (
	"math"
	"slices"
	"strconv"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
)

// DefaultMaxKeys bounds the keys that a condition or an ordering through a
// remote relationship may take.
const DefaultMaxKeys = 100_000

// Names of the settings that bound key sets.
const (
	filterSetting = "DOVETAIL_REMOTE_FILTER_MAX_KEYS"
	orderSetting  = "DOVETAIL_REMOTE_ORDER_MAX_KEYS"
)

// within plans something that belongs to a fragment: key sets that its
// conditions need are hung below that fragment.
func (p *planner) within(h *holder, f func() error) error {
	outer := p.scope
	p.scope = h
	defer func() { p.scope = outer }()
	return f()
}

// keyRows are rows of a remote relationship's target whose keys are wanted.
type keyRows struct {
	relationship *catalog.ToSource
	// permitted: the target's permission for the role applies. It does to all
	// that the user writes, and not to what a permission's own filter says.
	permitted bool
	where     func() (plan.Predicate, error)
	// rank orders the keys; nil for conditions.
	rank func() (plan.OrderKey, error)
}

// keySet has the keys of rows of another source fetched before the fragment
// that is being planned, and gives the key set's index in it.
func (p *planner) keySet(k keyRows) (int, error) {
	r := k.relationship
	outer := p.scope
	h := newHolder(append(slices.Clip(outer.path), r.Name))
	selection := &plan.Selection{Card: plan.Many}
	var rank plan.OrderKey
	err := p.within(h, func() error {
		var err error
		if selection.Rows, err = p.target(r.Target, k.permitted); err != nil {
			return err
		}
		if k.where != nil {
			if selection.Where, err = k.where(); err != nil {
				return err
			}
		}
		if k.rank != nil {
			rank, err = k.rank()
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	set := &plan.KeySet{
		Relationship: r.Name, Ranked: rank != nil, Why: "the keys of the rows that hold are sent over",
		Max: p.maxKeys(rank != nil), Setting: filterSetting,
	}
	if rank != nil {
		set.Setting, set.Why = orderSetting, "the keys are sent over with their rank"
	}
	left, right := r.LeftColumns(), make([]plan.Column, 0, len(r.Pairs))
	conditions := plan.Conjuncts(selection.Where)
	for _, pair := range r.Pairs {
		right = append(right, pair.Right.Plan())
		conditions = append(conditions, notNull(pair.Right, rank != nil)...)
	}
	if len(conditions) > 0 {
		selection.Where = all(conditions)
	}
	set.Columns = left
	h.add(p.wantKeys(selection, r.Name, right, left, rank, set.Max))
	set.Fragment = p.fragment(r.Target.Source.Name, selection, nil, h)
	outer.keySets = append(outer.keySets, set)
	index := len(outer.keySets) - 1
	forced := rank == nil && r.Casts() || rank != nil && !r.Ranks()
	p.pending[set] = pendingKeys{relationship: r, forced: forced}
	if forced {
		p.reverse(set, r, nil)
	}
	return index, nil
}

// notNull leaves out rows without a key, which must not count as keys. always
// says so even of a column that has a value in every row.
func notNull(c *catalog.Column, always bool) []plan.Predicate {
	if !c.Info.Nullable && !always {
		return nil
	}
	return []plan.Predicate{&plan.IsNull{Left: &plan.ColumnOperand{Column: c.Plan()}, Negate: true}}
}

// target gives the rows of a table, under the role's permission or without.
func (p *planner) target(t *catalog.Table, permitted bool) (plan.Rows, error) {
	if !permitted {
		return plan.Rows{From: t.Relation(), PermitLimit: -1}, nil
	}
	rows, err := p.permitted(t)
	rows.PermitLimit = -1
	return rows, err
}

func (p *planner) maxKeys(ordering bool) int {
	n := p.schema.Catalog.Settings.RemoteFilterMaxKeys
	if ordering {
		n = p.schema.Catalog.Settings.RemoteOrderMaxKeys
	}
	if n <= 0 {
		return DefaultMaxKeys
	}
	return n
}

// wantKeys makes a selection answer nothing but distinct keys: the values of
// its columns from, to be compared with the columns to of another source. One
// more than the bound is asked for, so that too many are noticed.
func (p *planner) wantKeys(s *plan.Selection, relationship string, from, to []plan.Column, rank plan.OrderKey, most int) *plan.Join {
	var keys []plan.JoinKey
	var bindings []plan.Binding
	if rank != nil {
		integer := plan.Type{Name: "bigint", Class: plan.ClassInteger}
		keys = append(keys, plan.JoinKey{Name: "rank", Type: integer, Rank: rank})
		bindings = append(bindings, plan.Binding{Name: "rank", Type: integer})
	}
	for i, c := range from {
		cast, _ := catalog.KeyCast(c.Type, to[i].Type)
		keys = append(keys, plan.JoinKey{Name: c.Name, Type: c.Type, Cast: cast})
		bindings = append(bindings, plan.Binding{Name: to[i].Name, Type: to[i].Type})
	}
	s.DistinctOn = from
	s.Limit = &plan.Literal{JSON: orderedjson.Value{Kind: orderedjson.Number, Text: strconv.Itoa(most + 1)}}
	join := plan.KeysOnly(relationship, keys, bindings)
	s.Fields = []plan.Field{&plan.HoleField{Key: "key", Join: join}}
	return join
}

// pendingKeys is a key set whose direction may still be turned.
type pendingKeys struct {
	relationship *catalog.ToSource
	// forced: the direction is given by the types of the keys.
	forced bool
}

// reverse turns a key set's direction: candidate keys are fetched from the near
// source, under the conditions of local, and sent to the target, which returns
// those for which the condition holds, or ranks them.
func (p *planner) reverse(set *plan.KeySet, r *catalog.ToSource, local []plan.Predicate) {
	if set.Candidates == nil {
		probe := set.Fragment.Query.(*plan.Selection) //nolint:forcetypeassert // keySet makes nothing else
		probe.DistinctOn, probe.Limit = nil, nil
		if set.Ranked {
			rank := set.Fragment.Joins[0]
			join := plan.KeysOnly(r.Name, rank.Keys[:1], rank.Child.Bindings[:1])
			probe.Fields, set.Fragment.Joins = []plan.Field{&plan.HoleField{Key: "key", Join: join}}, []*plan.Join{join}
		} else {
			probe.Card = plan.One
			probe.Fields, set.Fragment.Joins = []plan.Field{&plan.StaticField{Key: "found", JSON: []byte("true")}}, nil
		}
		for i, pair := range r.Pairs {
			c := pair.Right.Plan()
			probe.On = append(probe.On, plan.Correlation{Column: c, Binding: i})
			set.Fragment.Bindings = append(set.Fragment.Bindings, plan.Binding{Name: c.Name, Type: c.Type})
		}
	}
	set.Candidates = p.candidates(r, set.Columns, columnsOf(set.Fragment.Bindings), local, set.Max, set.Fragment.Path)
	set.Why = "candidate keys are sent to the other source, which returns the matching ones"
	if set.Ranked {
		set.Why = "candidate keys are sent to the other source, which ranks them"
	}
}

// candidates fetches from the near source the keys of the rows that satisfy local, which
// are copies of conditions that also stand in the fragment itself.
func (p *planner) candidates(r *catalog.ToSource, from, to []plan.Column, local []plan.Predicate, most int, path []string) *plan.Fragment {
	selection := &plan.Selection{Card: plan.Many, Rows: plan.Rows{From: r.From.Relation(), PermitLimit: -1}}
	conditions := slices.Clone(local)
	for _, pair := range r.Pairs {
		conditions = append(conditions, notNull(pair.Left.Column, false)...)
	}
	if len(conditions) > 0 {
		selection.Where = all(conditions)
	}
	h := newHolder(path)
	h.add(p.wantKeys(selection, r.Name, from, to, nil, most))
	selection.DistinctTexts = true
	return p.fragment(r.From.Source.Name, selection, nil, h)
}

// sharesKeys tells whether the rows that are aggregated for a row are of the
// same table and have the same key.
func sharesKeys(rows, aggregated *plan.Rows, key []plan.Column) bool {
	t, ok := rows.From.(*plan.Table)
	of, same := aggregated.From.(*plan.Table)
	if !ok || !same || t.Schema != of.Schema || t.Name != of.Name {
		return false
	}
	for _, c := range key {
		if !slices.ContainsFunc(aggregated.On, func(on plan.Correlation) bool {
			return on.Binding < 0 && on.Column.Name == c.Name && on.Outer.Name == c.Name
		}) {
			return false
		}
	}
	return true
}

func columnsOf(bindings []plan.Binding) []plan.Column {
	out := make([]plan.Column, 0, len(bindings))
	for _, b := range bindings {
		out = append(out, plan.Column{Name: b.Name, Type: b.Type})
	}
	return out
}

// direct chooses the direction of the key sets that conditions and orderings of
// rows need: where the other conditions leave few rows, those rows' keys are sent
// over rather than all keys of the other side.
func (p *planner) direct(rows *plan.Rows) {
	t, ok := rows.From.(*plan.Table)
	if !ok || len(p.pending) == 0 {
		return
	}
	all := append(plan.Conjuncts(rows.Where), plan.Conjuncts(rows.Permit)...)
	var local []plan.Predicate
	for _, c := range all {
		if !plan.UsesKeys(c) {
			local = append(local, c)
		}
	}
	for _, c := range all {
		if in, ok := c.(*plan.InKeys); ok {
			p.directSet(p.scope.keySets[in.KeySet], t, local)
		}
	}
	for _, o := range rows.OrderBy {
		if ranked, ok := o.By.(*plan.OrderRanked); ok {
			p.directSet(p.scope.keySets[ranked.KeySet], t, local)
		}
	}
}

func (p *planner) directSet(set *plan.KeySet, t *plan.Table, local []plan.Predicate) {
	pending, ok := p.pending[set]
	if !ok {
		return
	}
	delete(p.pending, set)
	near := estimate(t, p.estimatedRows(pending.relationship.From), local)
	far := set.Fragment.Query.(*plan.Selection) //nolint:forcetypeassert // keySet makes nothing else
	target := pending.relationship.Target
	other := estimate(target.Relation(), p.estimatedRows(target), append(plan.Conjuncts(far.Where), plan.Conjuncts(far.Permit)...))
	few := len(local) > 0 && near*2 < other
	switch {
	case set.Ranked && pending.forced:
		p.reverse(set, pending.relationship, local)
	case set.Ranked && few:
		p.narrow(set, pending.relationship, local)
	case set.Ranked:
		return
	case pending.forced || few:
		p.reverse(set, pending.relationship, local)
	default:
		return
	}
	set.Why += " (about " + rounded(near) + " rows here, " + rounded(other) + " there)"
}

// narrow has only those keys ranked that may be wanted: a key set of the ranking
// fragment itself, asked of this side under the conditions of local.
func (p *planner) narrow(set *plan.KeySet, r *catalog.ToSource, local []plan.Predicate) {
	columns := make([]plan.Column, 0, len(r.Pairs))
	for _, pair := range r.Pairs {
		columns = append(columns, pair.Right.Plan())
	}
	most := p.maxKeys(false)
	candidates := &plan.KeySet{
		Relationship: r.Name, Columns: columns, Max: most, Setting: filterSetting,
		Fragment: p.candidates(r, set.Columns, columns, local, most, set.Fragment.Path),
		Why:      "the keys that may be wanted",
	}
	rank := set.Fragment.Query.(*plan.Selection) //nolint:forcetypeassert // keySet makes nothing else
	in := &plan.InKeys{Columns: columns, KeySet: len(set.Fragment.KeySets)}
	set.Fragment.KeySets = append(set.Fragment.KeySets, candidates)
	rank.Where = all(append(plan.Conjuncts(rank.Where), in))
	if a, ok := set.Fragment.Joins[0].Keys[0].Rank.(*plan.OrderAggregate); ok && sharesKeys(&rank.Rows, &a.Target, columns) {
		a.Target.Where = all(append(plan.Conjuncts(a.Target.Where), in))
	}
	set.Why = "candidate keys are sent to the other source, which returns their ranks"
}

func rounded(f float64) string { return strconv.FormatFloat(f, 'f', 0, 64) }

// assumedRows is the size of a table that nothing is known of.
const assumedRows = 10_000

func (p *planner) estimatedRows(t *catalog.Table) float64 {
	if n := t.Info.EstimatedRows; n > 0 {
		return float64(n)
	}
	return assumedRows
}

// estimate guesses how many rows of a table satisfy all of some conditions.
func estimate(t *plan.Table, rows float64, conditions []plan.Predicate) float64 {
	for _, c := range conditions {
		rows *= selectivity(t, rows, c)
	}
	return max(rows, 1)
}

// selectivity guesses the share of rows that satisfy a condition.
func selectivity(t *plan.Table, rows float64, c plan.Predicate) float64 {
	if null, ok := c.(*plan.IsNull); ok && null.Negate {
		return 1
	}
	compare, ok := c.(*plan.Compare)
	if !ok {
		return 0.5
	}
	operand, ok := compare.Left.(*plan.ColumnOperand)
	if !ok {
		return 0.5
	}
	values := 1.0
	if share := plan.Operators[compare.Operator].Share; share > 0 {
		return share
	}
	if compare.Operator == plan.In {
		values = 10
		if l, ok := compare.Right.(*plan.Literal); ok {
			values = float64(len(l.JSON.Items))
		}
	}
	unique := slices.ContainsFunc(t.UniqueKeys, func(k []string) bool { return len(k) == 1 && k[0] == operand.Column.Name })
	if unique {
		return min(1, values/rows)
	}
	// The more rows, the more different values a column tends to have.
	return min(1, values/math.Sqrt(rows))
}

// existence asks another source whether a row of a table satisfies a condition,
// before the fragment that is being planned.
func (p *planner) existence(remote *catalog.RemotePredicate) (int, error) {
	outer := p.scope
	h := newHolder(outer.path)
	selection := &plan.Selection{
		Card:   plan.One,
		Fields: []plan.Field{&plan.StaticField{Key: "found", JSON: []byte("true")}},
	}
	err := p.within(h, func() error {
		var err error
		if selection.Rows, err = p.target(remote.Target, false); err != nil {
			return err
		}
		selection.Limit = &plan.Literal{JSON: orderedjson.Value{Kind: orderedjson.Number, Text: "1"}}
		if selection.Where, err = p.settle(remote.Where); err != nil {
			return err
		}
		p.direct(&selection.Rows)
		return nil
	})
	if err != nil {
		return 0, err
	}
	outer.keySets = append(outer.keySets, &plan.KeySet{
		Relationship: "_exists", Fragment: p.fragment(remote.Target.Source.Name, selection, nil, h),
		Why: "whether there is a row is looked up first",
	})
	return len(outer.keySets) - 1, nil
}

// settle replaces the conditions on other sources in a permission's filter by
// key sets of the fragment.
func (p *planner) settle(c plan.Predicate) (plan.Predicate, error) {
	return plan.RewriteRemoteConditions(c, func(condition *plan.RemoteCondition) (plan.Predicate, error) {
		remote := p.schema.Catalog.RemotePredicates[condition.Index]
		if remote.Relationship == nil {
			index, err := p.existence(remote)
			return &plan.InKeys{KeySet: index}, err
		}
		index, err := p.keySet(keyRows{
			relationship: remote.Relationship,
			where:        func() (plan.Predicate, error) { return p.settle(remote.Where) },
		})
		return &plan.InKeys{Columns: remote.Relationship.LeftColumns(), KeySet: index}, err
	})
}
