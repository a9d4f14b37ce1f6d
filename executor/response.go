package executor

import (
	"context"
	"errors"
	"slices"
	"strings"

	"dovetail/internal/jsonshape"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/joins"
	"dovetail/sources"
)

// Response is what an operation answers: data, errors, or both.
type Response struct {
	// HasData is false when the operation as a whole failed.
	HasData bool
	Errors  []Error
	// Cookies are the values of Set-Cookie that the remote schemas of root fields
	// sent.
	Cookies []string
	roots   []rootValue
	answers []*jsonshape.Answer
}

// Release gives back the memory that the data stands in, for other operations to
// use. Nothing of the response may be used any more.
func (r *Response) Release() {
	for _, a := range r.answers {
		a.Release()
	}
	r.HasData, r.roots, r.answers = false, nil, nil
}

// rootValue is a member of the data object; members is set for namespaces.
type rootValue struct {
	key   string
	value joins.Value
	// render writes the value instead.
	render  func(write func(p []byte))
	members []rootValue
	object  bool
}

// Error is one entry of a response's errors.
type Error struct {
	Message string
	Code    string
	// Location is v2's path: $.selectionSet.a.selectionSet.b, or $.
	Location string
	// Path leads to the null in the data that the error explains; empty when
	// there is no data.
	Path []joins.Step
	// Source that failed, empty for errors of the request itself.
	Source string
	// Internal is detail for admins; nil for none.
	Internal any
	// Upstream is a remote schema's own error entry, to be passed on.
	Upstream []byte
	// Cause is what went wrong underneath, for the log.
	Cause error
}

// respond puts the response together from the batches of the root fragments.
func (r *run) respond(p *plan.Plan, batches map[*plan.Fragment]*joins.Batch) *Response {
	if r.panicked != nil && !r.written {
		return &Response{Errors: []Error{panicError(r.panicked)}, Cookies: r.cookies, answers: r.answers}
	}
	if f, ok := r.fatal(p); ok {
		return &Response{Errors: r.fatalErrors(p, f), Cookies: r.cookies, answers: r.answers}
	}
	out := &Response{HasData: true, Cookies: r.cookies, answers: r.answers}
	var ok bool
	if out.roots, ok = members(p.Roots, batches); !ok {
		out.HasData, out.roots = false, nil
	}
	if !r.written && slices.ContainsFunc(r.failures, func(f failure) bool { return f.mutation }) {
		// Nothing has been written: there is nothing to tell but why.
		out.HasData, out.roots = false, nil
	}
	out.Errors = r.allErrors(p, out.HasData)
	if r.panicked != nil {
		out.Errors = append(out.Errors, panicError(r.panicked))
	}
	return out
}

// panicError is the error of an operation in which something panicked.
func panicError(cause error) Error {
	return Error{Message: "internal error", Code: sources.CodeUnexpected, Location: "$", Cause: cause}
}

// allErrors describes the failures in the order of the fields they have spoilt,
// whichever came first.
func (r *run) allErrors(p *plan.Plan, data bool) []Error {
	all := make([]described, 0, len(r.failures))
	for _, f := range r.failures {
		if f.followsFrom && !data {
			continue
		}
		errs, at := r.errors(p, f, data)
		all = append(all, described{errors: errs, position: at.position})
	}
	slices.SortStableFunc(all, func(a, b described) int { return slices.Compare(a.position, b.position) })
	var out []Error
	for _, d := range all {
		out = append(out, d.errors...)
	}
	return out
}

// described is a failure as the user is told of it.
type described struct {
	errors   []Error
	position []int
}

// place is where a value stands in the response. Positions compare as the places
// do: the numbers of the root fields, then the hole of each value inside.
type place struct {
	path     []joins.Step
	position []int
}

// fatal finds a failure that refuses the operation as a whole: a missing session
// variable, or any failure in strict mode. Of a mutation that has written
// something, joins and missing variables refuse nothing.
func (r *run) fatal(p *plan.Plan) (failure, bool) {
	var missing, others []failure
	for _, f := range r.failures {
		switch _, ok := errors.AsType[*plan.MissingSessionVariableError](f.err); {
		case r.neverFatal(f), f.mutation && (r.written || f.followsFrom):
		case ok && !r.written:
			missing = append(missing, f)
		default:
			others = append(others, f)
		}
	}
	if len(missing) == 0 && r.settings.Strict {
		missing = r.reasons(others)
	}
	if len(missing) == 0 {
		return failure{}, false
	}
	return slices.MinFunc(missing, func(a, b failure) int {
		return slices.Compare(r.placeOf(p, a).position, r.placeOf(p, b).position)
	}), true
}

// reasons are the failures of which a strict operation may tell the first: those
// that only follow from its being given up after another one are left out, if there
// are others.
func (r *run) reasons(failures []failure) []failure {
	var out []failure
	for _, f := range failures {
		if !errors.Is(f.err, context.Canceled) {
			out = append(out, f)
		}
	}
	if len(out) == 0 {
		return failures
	}
	return out
}

func (r *run) fatalError(f failure) Error {
	e := describe(f.err)
	if e.Location = locationOf(f.err); e.Location == "" {
		e.Location = "$"
	}
	if _, ok := errors.AsType[*plan.MissingSessionVariableError](f.err); !ok {
		e.Source = f.fragment.Source
	}
	return e
}

// fatalErrors describes a failure that refuses the operation. What a remote
// schema says of root fields is passed on as it is.
func (r *run) fatalErrors(p *plan.Plan, f failure) []Error {
	e := r.fatalError(f)
	_, joined := r.origins[f.batch]
	var failed *sources.Error
	if joined || !errors.As(f.err, &failed) || len(failed.Upstream) == 0 {
		return []Error{e}
	}
	return upstreamErrors(p, f.fragment, e, failed)
}

// members gives the data object's members; false when a root that can't be
// null has failed.
func members(roots []plan.Root, batches map[*plan.Fragment]*joins.Batch) ([]rootValue, bool) {
	out := make([]rootValue, 0, len(roots))
	for _, root := range roots {
		v := rootValue{key: root.Key}
		switch n := root.Node.(type) {
		case *plan.Static:
			v.value, v.render = joins.Value{Literal: n.JSON}, n.Render
		case *plan.Namespace:
			inner, ok := members(n.Roots, batches)
			if !ok {
				return nil, false
			}
			v.members, v.object = inner, true
		case *plan.Fetch:
			batch := batches[n.Fragment]
			if batch == nil {
				if n.NonNull {
					return nil, false
				}
				v.value = joins.Value{Literal: []byte("null")}
				break
			}
			span := batch.Answers[0].Values[n.Ordinal]
			if n.NonNull && span.Start == span.End {
				return nil, false
			}
			v.value = joins.Value{Batch: batch, Ordinal: n.Ordinal}
		}
		out = append(out, v)
	}
	return out, true
}

func describe(err error) Error {
	e, coded := errors.AsType[*sources.Error](err)
	missing, ok := errors.AsType[*plan.MissingSessionVariableError](err)
	switch {
	case ok && coded && e.Code == sources.CodeNotFound:
		return Error{Message: e.Message, Code: e.Code} // as remote schemas put it
	case ok:
		return Error{Message: missing.Error(), Code: sources.CodeNotFound}
	case coded:
		return Error{Message: e.Message, Code: e.Code, Internal: e.Internal, Cause: e.Cause}
	}
	return Error{Message: "internal error", Code: sources.CodeUnexpected, Internal: err.Error(), Cause: err}
}

// errors describes a failure to the user, with the path to the first null it
// caused, and tells where that is.
func (r *run) errors(p *plan.Plan, f failure, data bool) ([]Error, place) {
	at := r.placeOf(p, f)
	e := describe(f.err)
	e.Source = f.fragment.Source
	e.Location = location(f.fragment.Path)
	if !data {
		e.Location = "$"
	}
	if at := locationOf(f.err); at != "" {
		e.Location = at
	}
	if f.upstream != nil {
		e.Upstream = f.upstream.JSON
		e.Path = at.path
		if len(at.path) > 0 && f.upstream.Ordinal >= 0 {
			for _, step := range f.upstream.Path {
				e.Path = append(e.Path, upstreamStep(step))
			}
		}
		return []Error{e}, at
	}
	var upstream *sources.Error
	if _, joined := r.origins[f.batch]; !joined {
		e.Path = namesOf(f.fragment.Path)
		if errors.As(f.err, &upstream) && len(upstream.Upstream) > 0 {
			return upstreamErrors(p, f.fragment, e, upstream), at
		}
		if !data {
			// Without data there is no null that a path could lead to, and v2's
			// shape has none.
			e.Path = nil
		}
		return []Error{e}, at
	}
	if errors.As(f.err, &upstream) && len(upstream.Upstream) > 0 {
		e.Internal = upstreamInternal(upstream)
	}
	e.Path = at.path
	if len(e.Path) == 0 {
		e.Path = namesOf(f.fragment.Path)
	}
	return []Error{e}, at
}

// upstreamErrors passes on the entries of a remote answer to root fields, with
// our paths.
func upstreamErrors(p *plan.Plan, f *plan.Fragment, e Error, upstream *sources.Error) []Error {
	out := make([]Error, 0, len(upstream.Upstream))
	for _, u := range upstream.Upstream {
		each := e
		each.Upstream, each.Path = u.JSON, nil
		if u.Ordinal >= 0 {
			at, _ := rootPlace(p.Roots, f, u.Ordinal, place{})
			each.Path = at.path
			for _, step := range u.Path {
				each.Path = append(each.Path, upstreamStep(step))
			}
		}
		out = append(out, each)
	}
	return out
}

// rawJSON is JSON text that marshals as it is.
type rawJSON []byte

// MarshalJSON gives the text.
func (r rawJSON) MarshalJSON() ([]byte, error) { return r, nil }

func upstreamInternal(e *sources.Error) any {
	entries := make([]rawJSON, 0, len(e.Upstream))
	for _, u := range e.Upstream {
		entries = append(entries, u.JSON)
	}
	return map[string]any{"errors": entries}
}

func upstreamStep(text string) joins.Step {
	j, err := orderedjson.Parse([]byte(text))
	if err != nil {
		return joins.Step{Name: text}
	}
	if j.Kind == orderedjson.Number {
		n := 0
		for _, c := range j.Text {
			if c < '0' || c > '9' {
				return joins.Step{Name: j.Text}
			}
			n = n*10 + int(c-'0')
		}
		return joins.Step{Index: n, List: true}
	}
	return joins.Step{Name: j.TextOf()}
}

// placeOf finds the first value of the response that a failure has spoilt.
func (r *run) placeOf(p *plan.Plan, f failure) place {
	v := joins.Value{Batch: f.batch, Chunk: f.chunk}
	if f.at.parent != nil {
		v.Ordinal = -1
		at, _ := r.holePlace(p, f.at, v)
		return at
	}
	switch {
	case f.batch == nil:
		v.Batch, v.Ordinal = &joins.Batch{Fragment: f.fragment}, -1
	case f.upstream != nil:
		v.Ordinal = f.upstream.Ordinal
	}
	at, _ := r.place(p, v)
	return at
}

// place finds where a value stands, following the first hole that holds it in
// each batch up to the root.
func (r *run) place(p *plan.Plan, v joins.Value) (place, bool) {
	at, ok := r.origins[v.Batch]
	if !ok {
		return rootPlace(p.Roots, v.Batch.Fragment, v.Ordinal, place{})
	}
	return r.holePlace(p, at, v)
}

// holePlace finds the first hole of some joins that holds a value; a negative
// ordinal is any of its chunk.
func (r *run) holePlace(p *plan.Plan, at origin, v joins.Value) (place, bool) {
	hole, ok := at.parent.FirstHole(v, at.joins...)
	if !ok {
		return place{}, false
	}
	out, ok := r.place(p, joins.Value{Batch: at.parent, Chunk: hole.Chunk, Ordinal: hole.Ordinal})
	return place{path: append(out.path, hole.Path...), position: append(out.position, hole.Hole)}, ok
}

// rootPlace finds the root field that has a value of a root fragment; a negative
// ordinal is the first of them.
func rootPlace(roots []plan.Root, f *plan.Fragment, ordinal int, above place) (place, bool) {
	for i, root := range roots {
		at := place{path: append(slices.Clip(above.path), joins.Step{Name: root.Key}), position: append(slices.Clip(above.position), i)}
		switch n := root.Node.(type) {
		case *plan.Static:
		case *plan.Namespace:
			if found, ok := rootPlace(n.Roots, f, ordinal, at); ok {
				return found, true
			}
		case *plan.Fetch:
			if n.Fragment == f && (n.Ordinal == ordinal || ordinal < 0) {
				return at, true
			}
		}
	}
	return place{}, false
}

func namesOf(path []string) []joins.Step {
	out := make([]joins.Step, 0, len(path))
	for _, name := range path {
		out = append(out, joins.Step{Name: name})
	}
	return out
}

// locationOf is where a source says that its error belongs.
func locationOf(err error) string {
	if e, ok := errors.AsType[*sources.Error](err); ok {
		return e.Location
	}
	return ""
}

func location(path []string) string {
	var b strings.Builder
	b.WriteByte('$')
	for _, name := range path {
		b.WriteString(".selectionSet.")
		b.WriteString(name)
	}
	return b.String()
}

// Size is the length of the data object, where it costs little to know: where
// nothing is spliced in.
func (r *Response) Size() (int, bool) {
	for _, a := range r.answers {
		if len(a.Holes) > 0 {
			return 0, false
		}
	}
	if slices.ContainsFunc(r.roots, func(v rootValue) bool { return v.render != nil }) {
		return 0, false
	}
	size := 0
	r.WriteData(func(p []byte) { size += len(p) })
	return size, r.HasData
}

// WriteData hands the stretches of the data object, in order, to write.
func (r *Response) WriteData(write func(p []byte)) {
	writeMembers(r.roots, write)
}

func writeMembers(members []rootValue, write func(p []byte)) {
	write([]byte{'{'})
	for i, m := range members {
		var key []byte
		if i > 0 {
			key = append(key, ',')
		}
		key = orderedjson.AppendString(key, m.key)
		write(append(key, ':'))
		switch {
		case m.object:
			writeMembers(m.members, write)
		case m.render != nil:
			m.render(write)
		default:
			m.value.WriteTo(write)
		}
	}
	write([]byte{'}'})
}

// Length is how many bytes the response holds, as near as can be told without
// writing it.
func (r *Response) Length() int {
	size := 0
	for _, a := range r.answers {
		size += a.Len()
	}
	return size
}
