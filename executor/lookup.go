package executor

import (
	"sync"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/joins"
)

// lookup remembers what has been asked of one keyed fragment during a request,
// so that a key is fetched once however often and however deep it is wanted.
type lookup struct {
	mu      sync.Mutex
	entries map[string]entry
}

// entry is where a key's value is, or will be once its group is done.
type entry struct {
	group *group
	// index is the key's place among those of the group.
	index int
}

// group is the fetching of a set of new keys for one fragment, together with
// what hangs below it.
type group struct {
	keys  wantedKeys
	done  chan struct{}
	batch *joins.Batch
	// failed[chunk] is why a chunk of the batch has no values; nil when all have.
	failed []error
	// Of a fragment with a union: the round of statements that the group itself
	// has to run, if any; which chunk of which round each chunk of the batch is made
	// of; and where each key's value stands in the batch.
	asks  *round
	parts []part
	slots []slot
}

// wantedKeys are keys to be asked for. A lookup without keys has one of no parts.
type wantedKeys struct {
	plan.Bindings
	count int
	// size is how many keys a statement gets.
	size int
}

// add appends a key and gives its index.
func (w *wantedKeys) add(tuple []string) int {
	w.Cells = append(w.Cells, tuple...)
	w.count++
	return w.count - 1
}

func (w *wantedKeys) chunks() int { return (w.count + w.size - 1) / w.size }

func (w *wantedKeys) chunk(c int) plan.Bindings {
	from, to := c*w.size*w.Width, min((c+1)*w.size*w.Width, len(w.Cells))
	return plan.Bindings{Width: w.Width, Cells: w.Cells[from:to]}
}

// slot is where a key's value stands in a batch, or in a round of statements.
type slot struct{ chunk, ordinal int }

func (w *wantedKeys) slot(i int) slot { return slot{chunk: i / w.size, ordinal: i % w.size} }

func (g *group) slot(i int) slot {
	if g.slots != nil {
		return g.slots[i]
	}
	return g.keys.slot(i)
}

// claim is what a join wants of a lookup: a value for each of its keys.
type claim struct {
	parent  *joins.Batch
	join    int
	entries []entry
	// mine is the group that this claim has to fetch; nil when others fetch all it
	// wants.
	mine *group
}

func (c *claim) fragment() *plan.Fragment { return c.parent.Fragment.Joins[c.join].Child }

func (r *run) lookupOf(f *plan.Fragment) *lookup {
	r.mu.Lock()
	defer r.mu.Unlock()
	l, ok := r.lookups[f.Lookup]
	if !ok {
		l = &lookup{}
		r.lookups[f.Lookup] = l
	}
	return l
}

// claims settles who asks for what before anything is asked: joins of one batch
// that want the same of the same source do so together.
func (r *run) claims(batch *joins.Batch, wanted []int, sets []*joins.KeySet) []claim {
	out := make([]claim, len(wanted))
	united := false
	for i, join := range wanted {
		f := batch.Fragment.Joins[join].Child
		var g *group
		for j := range out[:i] {
			if out[j].mine != nil && out[j].fragment().Lookup == f.Lookup {
				g = out[j].mine
			}
		}
		out[i] = r.claim(batch, join, sets[join], g)
		united = united || f.Union != nil && out[i].mine != nil
	}
	if united {
		r.claimRounds(out)
	}
	return out
}

// claim takes on the fetching of those of a join's keys that nobody has asked
// for yet: by the group that a sibling fetches, or else by its own.
func (r *run) claim(parent *joins.Batch, join int, keys *joins.KeySet, siblings *group) claim {
	c := claim{parent: parent, join: join, entries: make([]entry, keys.Len())}
	f := c.fragment()
	l := r.lookupOf(f)
	g := siblings
	if g == nil {
		g = &group{
			done: make(chan struct{}), batch: &joins.Batch{Fragment: f},
			keys: wantedKeys{Bindings: plan.Bindings{Width: len(f.Bindings)}, size: r.chunkSize(f)},
		}
	}
	before := g.keys.count

	l.mu.Lock()
	defer l.mu.Unlock()
	if l.entries == nil {
		l.entries = make(map[string]entry, len(c.entries))
	}
	if g.keys.Cells == nil && len(l.entries) == 0 {
		g.keys.Cells = make([]string, 0, len(c.entries)*g.keys.Width)
	}
	for i := range c.entries {
		tuple := keys.Tuple(i)
		identity := joins.Identity(tuple)
		e, ok := l.entries[identity]
		if !ok {
			e = entry{group: g, index: g.keys.add(tuple)}
			l.entries[identity] = e
		}
		c.entries[i] = e
	}
	if g.keys.count > before {
		r.mu.Lock()
		from := r.origins[g.batch]
		r.origins[g.batch] = origin{parent: parent, joins: append(from.joins, join)}
		r.mu.Unlock()
		if siblings == nil {
			c.mine = g
		}
	}
	return c
}

// lookup fetches the values that a join wants; false when the operation was given
// up meanwhile.
func (r *run) lookup(c claim) ([]joins.Value, bool) {
	if c.mine != nil {
		r.fetch(c)
	}
	values := make([]joins.Value, len(c.entries))
	spoilt := false
	for i, e := range c.entries {
		if !r.await(e.group.done) {
			return nil, false
		}
		at := e.group.slot(e.index)
		values[i] = joins.Value{Batch: e.group.batch, Chunk: at.chunk, Ordinal: at.ordinal}
		spoilt = spoilt || e.group.failed != nil && e.group != c.mine
	}
	if spoilt {
		r.report(c, false)
	}
	return values, true
}

func (r *run) chunkSize(f *plan.Fragment) int {
	size := r.settings.ChunkSize
	if runner, ok := r.runners.Runner(f.Source); ok {
		if n := runner.Capabilities().MaxKeys; n > 0 && n < size {
			size = n
		}
	}
	return size
}

// fetch asks for the new keys of a claim's group, chunk by chunk at the same time,
// then fills the holes of what came back: one round of joins for all chunks. The
// values of a chunk that failed are absent.
func (r *run) fetch(c claim) {
	g := c.mine
	defer close(g.done)
	if g.batch.Fragment.Union != nil {
		r.project(g)
	} else {
		r.ask(g)
	}
	if g.failed != nil {
		r.report(c, true)
	}
	r.joins(g.batch)
}

// ask sends the statements of a group.
func (r *run) ask(g *group) {
	chunks := g.keys.chunks()
	g.batch.Answers = make([]*jsonshape.Answer, chunks)
	if chunks > 1 {
		r.share(g.batch.Fragment.Source)
	}
	errs := parallelErrors(chunks, func(c int) error {
		bindings := g.keys.chunk(c)
		answer := r.answer(bindings.Rows())
		g.batch.Answers[c] = answer
		err := r.statement(g.batch.Fragment, bindings, answer)
		if err == nil || r.partial(g.batch, c, err) {
			return nil
		}
		g.batch.Answers[c] = jsonshape.NewAnswer(bindings.Rows())
		return err
	})
	g.failed = failedOf(errs)
}

// failedOf is nil when nothing has failed.
func failedOf(errs []error) []error {
	for _, err := range errs {
		if err != nil {
			return errs
		}
	}
	return nil
}

// report notes the failures that have spoilt values of a claim: those of its own
// group, one for each statement, or those of others, each reason once.
func (r *run) report(c claim, own bool) {
	type chunkOf struct {
		group *group
		chunk int
	}
	seen := map[chunkOf]bool{}
	reasons := map[string]bool{}
	for _, e := range c.entries {
		if e.group.failed == nil || (e.group == c.mine) != own {
			continue
		}
		at := chunkOf{group: e.group, chunk: e.group.slot(e.index).chunk}
		err := e.group.failed[at.chunk]
		if err == nil || seen[at] {
			continue
		}
		seen[at] = true
		if reason := err.Error(); !own || e.group.slots != nil {
			if reasons[reason] {
				continue
			}
			reasons[reason] = true
		}
		r.fail(failure{
			fragment: c.fragment(), batch: at.group.batch, chunk: at.chunk, err: err,
			at: origin{parent: c.parent, joins: []int{c.join}},
		})
	}
}
