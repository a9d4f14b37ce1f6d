package executor

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/internal/safe"
	"dovetail/joins"
	"dovetail/sources"
)

// DefaultChunkSize is how many keys one statement gets unless a source wants
// fewer.
const DefaultChunkSize = 5000

// Runner is the half of a source that the executor needs.
type Runner interface {
	Capabilities() plan.Capabilities
	Extras() sources.Extras
	statementRunner
}

// statementRunner is a source, or a snapshot of it.
type statementRunner interface {
	Run(ctx context.Context, s plan.Statement, args *plan.Arguments, bindings plan.Bindings, out *jsonshape.Answer) error
}

// Runners finds the runner of a fragment's source.
type Runners interface {
	Runner(source string) (Runner, bool)
}

// Settings bound what one operation may do.
type Settings struct {
	// ChunkSize is the largest number of keys per statement; 0 is the default.
	ChunkSize int
	// Snapshot lets the statements of one query on one source read one moment, where
	// the source can.
	Snapshot bool
	// Strict makes any failed fetch fail the whole operation, as v2 does.
	Strict bool
}

// Executor runs plans. It is safe for concurrent use.
type Executor struct{ settings Settings }

// New makes an executor.
func New(settings Settings) *Executor {
	if settings.ChunkSize <= 0 {
		settings.ChunkSize = DefaultChunkSize
	}
	return &Executor{settings: settings}
}

// run is one operation being executed.
type run struct {
	settings Settings
	runners  Runners
	args     *plan.Arguments
	ctx      context.Context //nolint:containedctx // a run lives as long as its context
	cancel   context.CancelFunc
	mutation bool
	// written: a root field of a mutation has been carried out.
	written bool

	mu sync.Mutex
	// snapshots by source; nil: every statement reads its own moment.
	snapshots map[string]*snapshot
	lookups   map[int]*lookup
	shared    map[int]*shared
	keys      map[int]*keyFetch
	failures  []failure
	origins   map[*joins.Batch]origin
	// cookies that the remote schemas of root fields sent.
	cookies []string
	answers []*jsonshape.Answer

	// abandoned is closed once something has panicked, with panicked set before.
	abandoned  chan struct{}
	abandoning sync.Once
	panicked   error
}

// origin is where a batch's values belong: in joins of another batch.
type origin struct {
	parent *joins.Batch
	joins  []int
}

// failure is a fetch that failed, or a part of an answer that did.
type failure struct {
	// fragment is the one whose fetch failed; batch and chunk say which of its
	// fetches (batch nil: a root, which has but one).
	fragment *plan.Fragment
	batch    *joins.Batch
	chunk    int
	// at is the join whose values a failed chunk has spoilt.
	at origin
	// upstream is the part of an answer that failed; nil when all of it did.
	upstream *sources.UpstreamError
	err      error
	// mutation: the fragment writes rows; followsFrom tells that it failed because
	// another one of its transaction did.
	mutation    bool
	followsFrom bool
}

// Execute runs a plan and gives its response. The response holds errors rather
// than Execute returning them; the context bounds the whole of it.
func (e *Executor) Execute(ctx context.Context, p *plan.Plan, runners Runners, args *plan.Arguments) *Response {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &run{
		settings: e.settings, runners: runners, args: args, ctx: ctx, cancel: cancel, mutation: p.Operation == plan.OperationMutation,
		abandoned: make(chan struct{}), origins: map[*joins.Batch]origin{},
	}
	r.forget()
	if e.settings.Snapshot && !r.mutation {
		r.shareSources(p)
		defer r.endSnapshots()
	}
	fragments := p.RootFragments()
	batches := make(map[*plan.Fragment]*joins.Batch, len(fragments))
	results := make([]*joins.Batch, len(fragments))
	if r.mutation {
		// In order, on one goroutine, which a panic must not leave either.
		r.parallel(1, func(int) { r.mutations(fragments, results) })
	} else {
		r.parallel(len(fragments), func(i int) { results[i] = r.root(fragments[i]) })
	}
	for i, f := range fragments {
		batches[f] = results[i]
	}
	return r.respond(p, batches)
}

// forget gives up what has been read so far.
func (r *run) forget() {
	r.lookups, r.shared, r.keys = map[int]*lookup{}, map[int]*shared{}, map[int]*keyFetch{}
}

// parallel calls f for 0..n-1 at the same time. A panic in one of them gives up
// the operation.
func (r *run) parallel(n int, f func(i int)) {
	safe.Parallel(n, f, func(_ int, err error) { r.abandon(err) })
}

// parallelErrors calls f for 0..n-1 at the same time. A panic is an internal error
// of its call.
func parallelErrors(n int, f func(i int) error) []error {
	errs := make([]error, n)
	safe.Parallel(n, func(i int) { errs[i] = f(i) }, func(i int, err error) { errs[i] = internalError(err) })
	return errs
}

// abandon gives up an operation in which something panicked: what others are
// waiting for may never come.
func (r *run) abandon(err error) {
	r.abandoning.Do(func() {
		r.panicked = err
		close(r.abandoned)
		r.cancel()
	})
}

// await waits for what another goroutine fetches; false when it never comes.
func (r *run) await(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	case <-r.abandoned:
		return false
	}
}

// root runs a root fragment; nil when it failed.
func (r *run) root(f *plan.Fragment) *joins.Batch {
	answer := r.answer(rootOrdinals(f))
	batch := &joins.Batch{Fragment: f, Answers: []*jsonshape.Answer{answer}}
	var err error
	if q, ok := f.Query.(*plan.Representations); ok {
		err = represent(q, r.args, answer)
	} else {
		err = r.statement(f, plan.Bindings{}, answer)
	}
	if len(answer.Cookies) > 0 {
		r.mu.Lock()
		r.cookies = append(r.cookies, answer.Cookies...)
		r.mu.Unlock()
	}
	if err != nil {
		if !r.partial(batch, 0, err) {
			r.fail(failure{fragment: f, err: err})
			return nil
		}
	}
	if r.mutation {
		r.written = true
	}
	r.joins(batch)
	return batch
}

// answer makes an answer whose memory the response gives back.
func (r *run) answer(ordinals int) *jsonshape.Answer {
	a := jsonshape.Borrow(ordinals)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers = append(r.answers, a)
	return a
}

// rootOrdinals is the number of values a root fragment answers.
func rootOrdinals(f *plan.Fragment) int {
	if q, ok := f.Query.(*plan.RemoteQuery); ok {
		return len(q.Fields)
	}
	return 1
}

// statement sends one statement, within the source's bound of concurrent ones.
func (r *run) statement(f *plan.Fragment, bindings plan.Bindings, out *jsonshape.Answer) (err error) {
	defer func() {
		if p := safe.Recovered(recover()); p != nil {
			err = internalError(p)
		}
	}()
	runner, ok := r.runners.Runner(f.Source)
	if !ok {
		return &sources.Error{Code: sources.CodeUnexpected, Message: fmt.Sprintf("source %q is not connected", f.Source)}
	}
	args, err := r.arguments(f)
	if err != nil {
		return err
	}
	at, err := r.snapshotOf(r.ctx, f.Source, runner)
	if err != nil {
		return err
	}
	return at.Run(r.ctx, f.Statement, args, bindings, out)
}

// arguments are the arguments of a fragment's statement, its key sets and comment
// included.
func (r *run) arguments(f *plan.Fragment) (*plan.Arguments, error) {
	tagged := r.args.Tag != nil && len(f.Path) > 0
	if len(f.KeySets) == 0 && !tagged {
		return r.args, nil
	}
	copied := *r.args
	if len(f.KeySets) > 0 {
		var err error
		if copied.KeySets, err = r.keySets(f); err != nil {
			return nil, err
		}
	}
	if tagged {
		copied.Comment = copied.Tag(f.Source, f.Path[0])
	}
	return &copied, nil
}

// fail notes a failure; in strict mode the rest of the operation is given up.
func (r *run) fail(f failure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, f)
	if r.settings.Strict && !r.neverFatal(f) {
		r.cancel()
	}
}

// neverFatal reports whether a failure must not fail the whole operation: what
// a mutation has written must not be hidden by what is joined to it.
func (r *run) neverFatal(f failure) bool {
	_, joined := r.origins[f.batch]
	return r.mutation && joined
}

// partial notes the errors of an answer that holds usable values all the same,
// and tells whether it is one.
func (r *run) partial(batch *joins.Batch, chunk int, err error) bool {
	var e *sources.Error
	if !errors.As(err, &e) || !e.Partial {
		return false
	}
	for i := range e.Upstream {
		r.fail(failure{fragment: batch.Fragment, batch: batch, chunk: chunk, upstream: &e.Upstream[i], err: err})
	}
	if len(e.Upstream) == 0 {
		r.fail(failure{fragment: batch.Fragment, batch: batch, chunk: chunk, err: err})
	}
	return true
}

// joins fills the holes of a batch, sibling joins at the same time; after a panic
// some stay empty, which is null.
func (r *run) joins(batch *joins.Batch) {
	// What the batch itself holds stays, above all what a mutation has written.
	defer func() {
		if err := safe.Recovered(recover()); err != nil {
			r.abandon(err)
		}
	}()
	sets := batch.Collect()
	var wanted []int
	for i, set := range sets {
		if set.Len() > 0 {
			wanted = append(wanted, i)
		}
	}
	if len(wanted) == 0 || r.ctx.Err() != nil {
		return
	}
	// Who asks for a key that several want is settled before any of them runs, so
	// that one query fails in one way.
	claims := r.claims(batch, wanted, sets)
	r.parallel(len(wanted), func(i int) {
		if values, ok := r.lookup(claims[i]); ok {
			batch.Fill(wanted[i], values)
		}
	})
}

// internalError is an error whose cause is for the log alone.
func internalError(cause error) error {
	return &sources.Error{Code: sources.CodeUnexpected, Message: "internal error", Cause: cause}
}
