package executor

import (
	"fmt"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/internal/safe"
	"dovetail/joins"
	"dovetail/sources"
)

// mutations runs the root fields of a mutation one after another, as GraphQL
// demands. Neighbours that write the same database share a transaction. What is
// joined to their answers is fetched once it has been committed. Results are
// filled in as they come, so that a panic loses none.
func (r *run) mutations(fragments []*plan.Fragment, results []*joins.Batch) {
	for i := 0; i < len(fragments); {
		// What was looked up for one may be different after the next.
		r.forget()
		t, ok := r.transactor(fragments[i])
		if !ok {
			results[i] = r.root(fragments[i])
			i++
			continue
		}
		n := i + 1
		for n < len(fragments) && fragments[n].Source == fragments[i].Source {
			n++
		}
		copy(results[i:n], r.transact(t, fragments[i:n]))
		i = n
	}
}

// transactor gives the source of a fragment, if it writes in transactions.
func (r *run) transactor(f *plan.Fragment) (transactor, bool) {
	runner, ok := r.runners.Runner(f.Source)
	if !ok || !runner.Capabilities().Mutations {
		return transactor{}, false
	}
	t := runner.Extras().Transactor
	return transactor{Runner: runner, Transactor: t}, t != nil
}

// transactor is a runner that writes in transactions.
type transactor struct {
	Runner
	sources.Transactor
}

// transact runs root fragments in one transaction; without it being committed
// all of them have failed.
func (r *run) transact(t transactor, fragments []*plan.Fragment) []*joins.Batch {
	batches := make([]*joins.Batch, len(fragments))
	failed, err := r.commit(t, fragments, batches)
	if err != nil {
		for i, f := range fragments {
			if i == failed {
				r.fail(failure{fragment: f, err: err, mutation: true})
			} else {
				r.fail(failure{fragment: f, err: rolledBack(fragments[failed]), mutation: true, followsFrom: true})
			}
		}
		return make([]*joins.Batch, len(fragments))
	}
	r.written = true
	for _, batch := range batches {
		r.joins(batch)
	}
	return batches
}

func (r *run) commit(t transactor, fragments []*plan.Fragment, batches []*joins.Batch) (failed int, err error) {
	defer func() {
		if p := safe.Recovered(recover()); p != nil {
			err = internalError(p)
		}
	}()
	mutations := make([]sources.Mutation, len(fragments))
	for i, f := range fragments {
		args, err := r.arguments(f)
		if err != nil {
			return i, err
		}
		answer := r.answer(1)
		batches[i] = &joins.Batch{Fragment: f, Answers: []*jsonshape.Answer{answer}}
		mutations[i] = sources.Mutation{Statement: f.Statement, Args: args, Out: answer}
	}
	return t.Transact(r.ctx, mutations)
}

func rolledBack(by *plan.Fragment) error {
	name := ""
	if len(by.Path) > 0 {
		name = by.Path[len(by.Path)-1]
	}
	return &sources.Error{
		Code: sources.CodeUnexpected, Message: fmt.Sprintf("the transaction was rolled back because the field %q failed", name),
	}
}
