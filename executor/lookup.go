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
	// failed[chunk] tells that the chunk has no values.
	failed []bool
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

// lookup gives the values of a join's keys, fetching those that nobody has
// asked for yet.
func (r *run) lookup(parent *joins.Batch, join int, keys *joins.KeySet) []joins.Value {
	f := parent.Fragment.Joins[join].Child
	l := r.lookupOf(f)
	size := r.chunkSize(f)
	mine := &group{done: make(chan struct{})}
	entries := make([]entry, keys.Len())
	bindings := plan.Bindings{Width: len(f.Bindings)}
	fresh := 0 // keys nobody has asked for; a lookup without keys has one

	l.mu.Lock()
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
	l.mu.Unlock()

	if fresh > 0 {
		r.fetch(mine, f, parent, join, bindings, size)
	}
	values := make([]joins.Value, len(entries))
	absent := joins.Value{Literal: []byte("null")}
	for i, e := range entries {
		<-e.group.done
		if e.group.failed[e.chunk] {
			values[i] = absent
			continue
		}
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
// fills the holes of what came back: one round of joins for all chunks.
func (r *run) fetch(g *group, f *plan.Fragment, parent *joins.Batch, join int, all plan.Bindings, size int) {
	defer close(g.done)
	chunks := (all.Rows() + size - 1) / size
	g.failed = make([]bool, chunks)
	g.batch = &joins.Batch{Fragment: f, Answers: make([]*jsonshape.Answer, chunks)}
	r.mu.Lock()
	r.origins[g.batch] = origin{parent: parent, join: join}
	r.mu.Unlock()
	parallel(chunks, func(c int) {
		from, to := c*size*all.Width, min((c+1)*size*all.Width, len(all.Cells))
		bindings := plan.Bindings{Width: all.Width, Cells: all.Cells[from:to]}
		answer := r.answer(bindings.Rows())
		g.batch.Answers[c] = answer
		err := r.statement(f, bindings, answer)
		if err != nil && !r.partial(g.batch, c, err) {
			r.fail(failure{fragment: f, parent: parent, join: join, err: err})
			g.failed[c] = true
			g.batch.Answers[c] = jsonshape.NewAnswer(bindings.Rows())
		}
	})
	r.joins(g.batch)
}
