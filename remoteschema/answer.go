package remoteschema

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"slices"
	"strconv"
	"strings"

	"dovetail/internal/jsonshape"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/sources"
)

// answer scans one answer of the service.
type answer struct {
	*statement
	bindings plan.Bindings
	out      *jsonshape.Answer
	asked    []int // binding rows in the order of aliases
	scanner  *jsonshape.Scanner
	// rows tells, for a list lookup, where each row of the list went.
	rows   []batchRow
	listed bool // the list was there

	data, errs jsonshape.Span
	dataKind   orderedjson.Kind
	errorsKind orderedjson.Kind
}

// fail is the error for an answer that isn't what GraphQL or the query demands.
func fail(format string, args ...any) error {
	return &sources.Error{Code: sources.CodeRemoteSchemaError, Message: fmt.Sprintf(format, args...)}
}

// read scans the envelope, writes the values, and turns errors into ours.
func (a *answer) read(r *response) error {
	scanner, err := jsonshape.NewScanner(r.body)
	if err != nil {
		return err
	}
	a.scanner = scanner
	a.out.Bytes = slices.Grow(a.out.Bytes, len(r.body))
	kind, err := scanner.Kind()
	if err != nil {
		return err
	}
	if kind != orderedjson.Object {
		return fail("Remote server response is not a JSON object")
	}
	if err := scanner.Object(a.member); err != nil {
		return err
	}
	if err := scanner.End(); err != nil {
		return err
	}
	upstream, err := a.errors()
	if err != nil {
		return err
	}
	switch {
	case a.dataKind == orderedjson.Object && len(upstream) == 0:
		return a.complete()
	case a.dataKind == orderedjson.Object:
		return a.failed(upstream, true)
	case len(upstream) > 0:
		return a.failed(upstream, false)
	case a.errorsKind == orderedjson.Array:
		return fail("Empty \"errors\" field in response from remote")
	case a.data.End == 0:
		return fail("Missing \"data\" field with no errors in response from remote")
	}
	return fail("Received null \"data\" field with no errors in response from remote")
}

// member reads one member of the envelope.
func (a *answer) member(key []byte) error {
	kind, err := a.scanner.Kind()
	if err != nil {
		return err
	}
	switch string(key) {
	case "data":
		if a.data.End != 0 {
			return fail("Second \"data\" field in response from remote")
		}
		a.data.End, a.dataKind = 1, kind
		switch kind {
		case orderedjson.Object:
			return a.scanner.Object(a.root)
		case orderedjson.Null:
			return nil
		case orderedjson.Bool, orderedjson.Number, orderedjson.String, orderedjson.Array:
		}
		return fail("Invalid \"data\" field in response from remote")
	case "errors":
		a.errorsKind = kind
		a.errs, err = a.scanner.Skip()
		return err
	}
	return nil
}

// root reads one root field.
func (a *answer) root(key []byte) error {
	if a.batch != nil {
		if string(key) != a.document.prefix+"0" {
			return nil
		}
		return a.batchValue()
	}
	ordinal := a.ordinal(string(key))
	if ordinal < 0 {
		return nil
	}
	if a.out.Values[ordinal].End != 0 {
		return fail("second field %q in response from remote", key)
	}
	shape := a.shapes[0]
	if a.aliases != nil {
		shape = a.shapes[ordinal]
	}
	start := len(a.out.Bytes)
	err := a.at(a.extract, func() error { return a.scanner.Write(shape, a.out) })
	if err != nil {
		return err
	}
	a.out.Values[ordinal] = jsonshape.Span{Start: start, End: len(a.out.Bytes)}
	return nil
}

// ordinal finds whose value stands under a root key, -1: nobody's.
func (a *answer) ordinal(key string) int {
	if a.aliases != nil {
		if i, ok := a.aliases[key]; ok {
			return i
		}
		return -1
	}
	digits, ok := strings.CutPrefix(key, a.document.prefix)
	if !ok {
		return -1
	}
	i, err := strconv.Atoi(digits)
	if err != nil || i < 0 || i >= len(a.asked) {
		return -1
	}
	return a.asked[i]
}

// at follows a path of keys from the value that the scanner stands before and
// calls read there. A null on the way is the value.
func (a *answer) at(path []string, read func() error) error {
	if len(path) == 0 {
		return read()
	}
	kind, err := a.scanner.Kind()
	if err != nil {
		return err
	}
	switch kind {
	case orderedjson.Null:
		return read()
	case orderedjson.Object:
	case orderedjson.Bool, orderedjson.Number, orderedjson.String, orderedjson.Array:
		return fail("unexpected non-object json value found while path not empty: %s", strings.Join(path, "."))
	}
	found := false
	err = a.scanner.Object(func(key []byte) error {
		if string(key) != path[0] {
			return nil
		}
		if found {
			return fail("second field %q in response from remote", key)
		}
		found = true
		return a.at(path[1:], read)
	})
	if err == nil && !found {
		return fail("failed to lookup key '%s' in response", path[0])
	}
	return err
}

// complete makes sure that every value is there.
func (a *answer) complete() error {
	if a.batch != nil {
		if a.rows == nil {
			return fail("expecting key %s0", a.document.prefix)
		}
		return nil
	}
	for key, ordinal := range a.aliases {
		if a.out.Values[ordinal].End == 0 {
			return fail("expecting key %s", key)
		}
	}
	if a.aliases == nil {
		for i, ordinal := range a.asked {
			if a.out.Values[ordinal].End == 0 {
				return fail("expecting key %s%d", a.document.prefix, i)
			}
		}
	}
	return nil
}

// fill writes what stands for values that the service has nothing for. A list
// that it failed to give is null rather than empty.
func (a *answer) fill(failed bool) {
	absent := "null"
	if a.batch != nil && a.batch.many && (a.listed || !failed) {
		absent = "[]"
	}
	at := jsonshape.Span{}
	for i, v := range a.out.Values {
		if v.End != 0 {
			continue
		}
		if at.End == 0 {
			at.Start = len(a.out.Bytes)
			a.out.Bytes = append(a.out.Bytes, absent...)
			at.End = len(a.out.Bytes)
		}
		a.out.Values[i] = at
	}
}

// failed is the error for an answer with errors, partial when it has values
// too.
func (a *answer) failed(upstream []sources.UpstreamError, partial bool) error {
	raw := a.scanner.Bytes(a.errs)
	internal := make([]byte, 0, len(raw)+len(`{"errors":}`))
	internal = append(internal, `{"errors":`...)
	internal = append(internal, raw...)
	internal = append(internal, '}')
	return &sources.Error{
		Code:     sources.CodeUnexpected,
		Message:  "Errors from remote server",
		Internal: json.RawMessage(internal),
		Upstream: upstream,
		Partial:  partial,
	}
}

// answerError completes the error for an answer that couldn't be used.
func (s *Source) answerError(r *response, err error) error {
	if ours, ok := errors.AsType[*sources.Error](err); ok {
		if ours.Internal == nil {
			ours.Internal = r.internal()
		}
		return ours
	}
	message := err.Error()
	if _, syntax := errors.AsType[*jsonshape.ScanError](err); syntax {
		message = fmt.Sprintf("Remote server response is not valid JSON: HTTP status %d, content type %q: %v",
			r.status, r.mediaType(), err)
	} else {
		message = fmt.Sprintf("unexpected response from remote schema %q: %s", s.config.Name, message)
	}
	return &sources.Error{Code: sources.CodeRemoteSchemaError, Message: message, Internal: r.internal()}
}

func (r *response) mediaType() string {
	if media, _, err := mime.ParseMediaType(r.contentType); err == nil {
		return media
	}
	return r.contentType
}

const maxShownBody = 1024

func (r *response) internal() map[string]any {
	shown := r.body[:min(len(r.body), maxShownBody)]
	return map[string]any{"response": map[string]any{
		"status": r.status, "content_type": r.contentType, "body": strings.ToValidUTF8(string(shown), "\uFFFD"),
	}}
}
