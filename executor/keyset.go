package executor

import (
	"bytes"
	"fmt"
	"sort"
	"strconv"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/joins"
	"dovetail/sources"
)

// keyFetch is a key set being asked for, once per request.
type keyFetch struct {
	done chan struct{}
	keys plan.Bindings
	err  error
}

// keySets gives the keys that a fragment needs before it runs, asked for at the
// same time.
func (r *run) keySets(f *plan.Fragment) ([]plan.Bindings, error) {
	out := make([]plan.Bindings, len(f.KeySets))
	errs := parallelErrors(len(f.KeySets), func(i int) (err error) {
		out[i], err = r.keySet(f.KeySets[i])
		return err
	})
	for _, err := range errs {
		if err != nil {
			// A condition that can't be fetched must not let anything through.
			return nil, err
		}
	}
	return out, nil
}

func (r *run) keySet(set *plan.KeySet) (plan.Bindings, error) {
	r.mu.Lock()
	fetch, ok := r.keys[set.ID]
	if !ok {
		fetch = &keyFetch{done: make(chan struct{})}
		r.keys[set.ID] = fetch
	}
	r.mu.Unlock()
	if ok {
		if !r.await(fetch.done) {
			return plan.Bindings{}, internalError(r.panicked)
		}
		return fetch.keys, fetch.err
	}
	defer close(fetch.done)
	// Others that wait for it must see a panic as an error, too, not as no keys.
	fetch.err = parallelErrors(1, func(int) (err error) {
		fetch.keys, err = r.fetchKeys(set)
		return err
	})[0]
	return fetch.keys, fetch.err
}

func (r *run) fetchKeys(set *plan.KeySet) (plan.Bindings, error) {
	switch {
	case len(set.Columns) == 0:
		return r.found(set)
	case set.Candidates != nil && set.Ranked:
		return r.ranks(set)
	case set.Candidates != nil:
		return r.probed(set)
	}
	return r.sent(set)
}

// found tells whether the other side has a row at all.
func (r *run) found(set *plan.KeySet) (plan.Bindings, error) {
	out := plan.Bindings{Width: 1}
	answer := jsonshape.NewAnswer(1)
	if err := r.statement(set.Fragment, plan.Bindings{}, answer); err != nil {
		return out, err
	}
	if present(answer, 0) {
		out.Cells = []string{plan.FoundKey}
	}
	return out, nil
}

// present tells whether the value of an ordinal is there and not null.
func present(answer *jsonshape.Answer, ordinal int) bool {
	span := answer.Values[ordinal]
	value := answer.Bytes[span.Start:span.End]
	return len(value) > 0 && string(value) != "null"
}

// sent gives the keys that hold on the other side.
func (r *run) sent(set *plan.KeySet) (plan.Bindings, error) {
	keys, err := r.wanted(set, set.Fragment)
	if err != nil {
		return plan.Bindings{}, err
	}
	width := len(set.Columns)
	if set.Ranked {
		width++
	}
	out := plan.Bindings{Width: width, Cells: make([]string, 0, keys.Len()*width)}
	for i := range keys.Len() {
		out.Cells = append(out.Cells, keys.Tuple(i)...)
	}
	return out, nil
}

// wanted runs a fragment that answers nothing but keys.
func (r *run) wanted(set *plan.KeySet, f *plan.Fragment) (*joins.KeySet, error) {
	answer := jsonshape.NewAnswer(1)
	if err := r.statement(f, plan.Bindings{}, answer); err != nil {
		return nil, err
	}
	batch := &joins.Batch{Fragment: f, Answers: []*jsonshape.Answer{answer}}
	// Rows without a key that can be one count, too: the statement stops at the
	// bound with them.
	if rows := bytes.Count(answer.Bytes, []byte{'{'}); rows > set.Max {
		return nil, &sources.Error{
			Code: sources.CodeBadRequest,
			Message: fmt.Sprintf("the relationship %q takes more than %d keys of %s; %s allows %d",
				set.Relationship, set.Max, f.Source, set.Setting, set.Max),
		}
	}
	return batch.Collect()[0], nil
}

// probed gives those of the keys that may be wanted for which the other side
// says that the condition holds.
func (r *run) probed(set *plan.KeySet) (plan.Bindings, error) {
	width := len(set.Columns)
	out := plan.Bindings{Width: width}
	candidates, err := r.wanted(set, set.Candidates)
	if err != nil || candidates.Len() == 0 {
		return out, err
	}
	size := r.chunkSize(set.Fragment)
	chunks := (candidates.Len() + size - 1) / size
	answers := make([]*jsonshape.Answer, chunks)
	if chunks > 1 {
		r.share(set.Fragment.Source)
	}
	errs := parallelErrors(chunks, func(c int) error {
		bindings := plan.Bindings{Width: width}
		for i := c * size; i < min((c+1)*size, candidates.Len()); i++ {
			bindings.Cells = append(bindings.Cells, candidates.Tuple(i)...)
		}
		answers[c] = jsonshape.NewAnswer(bindings.Rows())
		return r.statement(set.Fragment, bindings, answers[c])
	})
	for c, answer := range answers {
		if errs[c] != nil {
			return out, errs[c]
		}
		for o := range answer.Values {
			if present(answer, o) {
				out.Cells = append(out.Cells, candidates.Original(c*size+o)...)
			}
		}
	}
	return out, nil
}

// ranks gives the keys that may be wanted with the ranks that the other side says
// they have. They are asked for by one statement: ranks of several don't compare.
func (r *run) ranks(set *plan.KeySet) (plan.Bindings, error) {
	width := len(set.Columns)
	out := plan.Bindings{Width: width + 1}
	candidates, err := r.wanted(set, set.Candidates)
	if err != nil || candidates.Len() == 0 {
		return out, err
	}
	bindings := plan.Bindings{Width: width}
	for i := range candidates.Len() {
		bindings.Cells = append(bindings.Cells, candidates.Tuple(i)...)
	}
	answer := jsonshape.NewAnswer(bindings.Rows())
	if err := r.statement(set.Fragment, bindings, answer); err != nil {
		return out, err
	}
	for ordinal, span := range answer.Values {
		from := sort.Search(len(answer.Holes), func(i int) bool { return answer.Holes[i].Offset >= span.Start })
		least := int64(0)
		for _, hole := range answer.Holes[from:] {
			if hole.Offset > span.End {
				break
			}
			rank, err := strconv.ParseInt(string(answer.KeyPartText(hole, 0)), 10, 64)
			if err != nil {
				return out, fmt.Errorf("%s answered no rank: %w", set.Fragment.Source, err)
			}
			if least == 0 || rank < least {
				least = rank
			}
		}
		if least > 0 {
			out.Cells = append(append(out.Cells, strconv.FormatInt(least, 10)), candidates.Original(ordinal)...)
		}
	}
	return out, nil
}
