package executor

import (
	"sync"

	"dovetail/joins"
	"dovetail/jsonshape"
	"dovetail/plan"
)

// lookup remembers what has been asked of one keyed fragment during a request,
// so that a key is fetched once however often and however deep it is wanted.
type lookup struct {
	mu      sync.Mutex
	entries map[string]entry
}

// entry is where a key's value is, or will be once its group is done.
type entry struct {
	group          *group
	chunk, ordinal int
}

// group is one fetch of a set of new keys.
type group struct {
	done  chan struct{}
	batch *joins.Batch
}

// claim is what a join wants of a lookup: a value for each of its keys, some of
// which it has to fetch itself.
type claim struct {
	entries []entry
	mine    *group
	// bindings are the keys that nobody else has asked for, fresh their number: a
	// lookup without keys has one.
	bindings plan.Bindings
	fresh    int
	size     int
}

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

// claim takes on the fetching of those of a join's keys that nobody has asked
// for yet.
func (r *run) claim(parent *joins.Batch, join int, keys *joins.KeySet) claim {
	f := parent.Fragment.Joins[join].Child
	l := r.lookupOf(f)
	size := r.chunkSize(f)
	mine := &group{done: make(chan struct{}), batch: &joins.Batch{Fragment: f}}
	entries := make([]entry, keys.Len())
	bindings := plan.Bindings{Width: len(f.Bindings)}
	fresh := 0

	l.mu.Lock()
	defer l.mu.Unlock()
	if l.entries == nil {
		l.entries = make(map[string]entry, len(entries))
		bindings.Cells = make([]string, 0, len(entries)*bindings.Width)
	}
	for i := range entries {
		tuple := keys.Tuple(i)
		identity := joins.Identity(tuple)
		e, ok := l.entries[identity]
		if !ok {
			e = entry{group: mine, chunk: fresh / size, ordinal: fresh % size}
			fresh++
			l.entries[identity] = e
			bindings.Cells = append(bindings.Cells, tuple...)
		}
		entries[i] = e
	}
	if fresh > 0 {
		r.mu.Lock()
		r.origins[mine.batch] = origin{parent: parent, join: join}
		r.mu.Unlock()
	}
	return claim{entries: entries, mine: mine, bindings: bindings, fresh: fresh, size: size}
}

// lookup gives the values that a join wants.
func (r *run) lookup(c claim) []joins.Value {
	if c.fresh > 0 {
		r.fetch(c.mine, c.bindings, c.size)
	}
	values := make([]joins.Value, len(c.entries))
	for i, e := range c.entries {
		<-e.group.done
		values[i] = joins.Value{Batch: e.group.batch, Chunk: e.chunk, Ordinal: e.ordinal}
	}
	return values
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

// fetch asks for the new keys of a group, chunk by chunk at the same time, then
// fills the holes of what came back: one round of joins for all chunks. The values
// of a chunk that failed are absent.
func (r *run) fetch(g *group, all plan.Bindings, size int) {
	defer close(g.done)
	f := g.batch.Fragment
	chunks := (all.Rows() + size - 1) / size
	g.batch.Answers = make([]*jsonshape.Answer, chunks)
	if chunks > 1 {
		r.share(f.Source)
	}
	parallel(chunks, func(c int) {
		from, to := c*size*all.Width, min((c+1)*size*all.Width, len(all.Cells))
		bindings := plan.Bindings{Width: all.Width, Cells: all.Cells[from:to]}
		answer := r.answer(bindings.Rows())
		g.batch.Answers[c] = answer
		err := r.statement(f, bindings, answer)
		if err != nil && !r.partial(g.batch, c, err) {
			r.fail(failure{fragment: f, batch: g.batch, chunk: c, err: err})
			g.batch.Answers[c] = jsonshape.NewAnswer(bindings.Rows())
		}
	})
	r.joins(g.batch)
}
