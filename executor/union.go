package executor

import (
	"slices"
	"sync"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/joins"
	"dovetail/sources"
)

// Lookups that differ only in what they select of the same rows are asked by one
// statement, their union. What is fetched is kept per union: a lookup asks for
// the keys that no union which selects enough has been asked for, waits for those
// that others are asking for, and makes its own values of what came back. A round
// of statements waits for nothing but its source, so that no two can wait for each
// other, however the lookups stand inside of one another.

// shared remembers which keys of the same rows have been asked for during a
// request.
type shared struct {
	mu    sync.Mutex
	asked map[*plan.Union]map[string]asked
}

// asked is the place of a key's value in a round.
type asked struct {
	round *round
	index int
}

// round is one round of a union's statements, for a set of new keys.
type round struct {
	union *plan.Union
	keys  wantedKeys
	done  chan struct{}
	// answers and errs are there once done is closed.
	answers []*jsonshape.Answer
	errs    []error
}

// part is the chunk of a round that a chunk of a group's batch is made of.
type part struct {
	round *round
	chunk int
	// ordinals are those of the chunk's answer that are wanted.
	ordinals []int
}

func (r *run) sharedOf(u *plan.Union) *shared {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, ok := r.shared[u.Rows]
	if !ok {
		s = &shared{asked: map[*plan.Union]map[string]asked{}}
		r.shared[u.Rows] = s
	}
	return s
}

// claimRounds settles which rounds the groups of sibling claims are fetched by.
// Those that select more go first: what they ask for serves the others as well.
func (r *run) claimRounds(claims []claim) {
	var groups []*group
	for _, c := range claims {
		if c.mine != nil && c.mine.batch.Fragment.Union != nil {
			groups = append(groups, c.mine)
		}
	}
	slices.SortStableFunc(groups, func(a, b *group) int {
		return len(a.batch.Fragment.Union.Wider) - len(b.batch.Fragment.Union.Wider)
	})
	for i, g := range groups {
		var siblings *round
		for _, other := range groups[:i] {
			if other.asks != nil && other.asks.union == g.batch.Fragment.Union {
				siblings = other.asks
			}
		}
		r.claimRound(g, siblings)
	}
}

// claimRound finds the rounds that fetch a group's keys; those that nobody has
// asked for go into the round that a sibling runs, or else into one of its own.
func (r *run) claimRound(g *group, siblings *round) {
	u := g.batch.Fragment.Union
	mine := siblings
	if mine == nil {
		mine = &round{union: u, done: make(chan struct{}), keys: wantedKeys{Bindings: plan.Bindings{Width: g.keys.Width}, size: g.keys.size}}
	}
	s := r.sharedOf(u)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked[u] == nil {
		s.asked[u] = make(map[string]asked, g.keys.count)
	}
	g.slots = make([]slot, g.keys.count)
	for i := range g.slots {
		tuple := g.keys.Row(i)
		identity := joins.Identity(tuple)
		at, ok := s.find(u, identity)
		if !ok {
			at = asked{round: mine, index: mine.keys.add(tuple)}
			s.asked[u][identity] = at
		}
		g.slots[i] = g.take(at)
	}
	if siblings == nil && mine.keys.count > 0 {
		g.asks = mine
	}
}

// find finds a key in what a union, or a wider one, has been asked for.
func (s *shared) find(u *plan.Union, identity string) (asked, bool) {
	if at, ok := s.asked[u][identity]; ok {
		return at, true
	}
	for _, wider := range u.Wider {
		if at, ok := s.asked[wider][identity]; ok {
			return at, true
		}
	}
	return asked{}, false
}

// take adds a value of a round to what a group's batch is made of.
func (g *group) take(at asked) slot {
	from := at.round.keys.slot(at.index)
	i := slices.IndexFunc(g.parts, func(p part) bool { return p.round == at.round && p.chunk == from.chunk })
	if i < 0 {
		i = len(g.parts)
		g.parts = append(g.parts, part{round: at.round, chunk: from.chunk})
	}
	p := &g.parts[i]
	p.ordinals = append(p.ordinals, from.ordinal)
	return slot{chunk: i, ordinal: len(p.ordinals) - 1}
}

// project runs the round that a group has taken on, if any, and makes the group's
// values of what its rounds have fetched.
func (r *run) project(g *group) {
	if g.asks != nil {
		r.askRound(g.asks)
	}
	g.batch.Answers = make([]*jsonshape.Answer, len(g.parts))
	errs := parallelErrors(len(g.parts), func(i int) error {
		p := &g.parts[i]
		g.batch.Answers[i] = jsonshape.NewAnswer(len(p.ordinals)) // unless all goes well
		answer := r.answer(len(p.ordinals))
		if err := r.projectPart(p, g.batch.Fragment.Projection, answer); err != nil {
			return err
		}
		g.batch.Answers[i] = answer
		return nil
	})
	g.failed = failedOf(errs)
}

// projectPart makes values of a part of a round.
func (r *run) projectPart(p *part, projection *plan.Projection, to *jsonshape.Answer) error {
	if !r.await(p.round.done) {
		return internalError(r.panicked)
	}
	if err := p.round.errs[p.chunk]; err != nil {
		return err
	}
	projector := jsonshape.NewProjector(p.round.answers[p.chunk], to)
	for i, ordinal := range p.ordinals {
		if err := projector.Value(projection, ordinal, i); err != nil {
			return &sources.Error{Code: sources.CodeUnexpected, Message: "internal error", Cause: err}
		}
	}
	return nil
}

// askRound sends the statements of a round.
func (r *run) askRound(n *round) {
	defer close(n.done)
	chunks := n.keys.chunks()
	if chunks > 1 {
		r.share(n.union.Fragment.Source)
	}
	n.answers = make([]*jsonshape.Answer, chunks)
	n.errs = parallelErrors(chunks, func(c int) error {
		bindings := n.keys.chunk(c)
		n.answers[c] = r.answer(bindings.Rows())
		return r.statement(n.union.Fragment, bindings, n.answers[c])
	})
}
