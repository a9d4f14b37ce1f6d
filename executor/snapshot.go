package executor

import (
	"context"
	"sync"

	"dovetail/internal/plan"
	"dovetail/sources"
)

// snapshot is the snapshot that the statements of a run read in one source.
type snapshot struct {
	once   sync.Once
	opened sources.Snapshot // nil: the source has none
	err    error
}

// share has all further statements of a source read one snapshot.
func (r *run) share(source string) {
	if r.snapshots == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.snapshots[source]; !ok {
		r.snapshots[source] = &snapshot{}
	}
}

// shareSources has the sources that a plan sends several statements to read one
// snapshot each. A single statement always does.
func (r *run) shareSources(p *plan.Plan) {
	r.snapshots = map[string]*snapshot{}
	statements := map[string]int{}
	for _, f := range p.Fragments {
		if statements[f.Source]++; statements[f.Source] == 2 {
			r.share(f.Source)
		}
	}
}

// snapshotOf returns what runs the statements of a source.
func (r *run) snapshotOf(ctx context.Context, source string, runner Runner) (statementRunner, error) {
	able := runner.Extras().Snapshots
	if able == nil || r.snapshots == nil {
		return runner, nil
	}
	r.mu.Lock()
	s, ok := r.snapshots[source]
	r.mu.Unlock()
	if !ok {
		return runner, nil
	}
	s.once.Do(func() { s.opened, s.err = able.Snapshot(ctx) })
	switch {
	case s.err != nil:
		return nil, s.err
	case s.opened == nil:
		return runner, nil
	}
	return s.opened, nil
}

// endSnapshots gives the snapshots up, once all statements have run.
func (r *run) endSnapshots() {
	for _, s := range r.snapshots {
		if s.opened != nil {
			s.opened.End()
		}
	}
}
