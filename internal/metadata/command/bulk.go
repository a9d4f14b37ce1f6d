package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"golang.org/x/sync/errgroup"

	"dovetail/internal/metadata/live"
	"dovetail/internal/orderedjson"
)

func bulkCommands() map[string]command {
	everywhere := []API{V1Metadata, V1Query, V2Query}
	return map[string]command{
		"bulk":            {apis: everywhere, run: bulk},
		"bulk_keep_going": {run: bulkKeepGoing},
		"bulk_atomic":     {run: bulkAtomic},
		"concurrent_bulk": {apis: []API{V1Query, V2Query}, run: concurrentBulk},
	}
}

// list gives the commands of a bulk.
func (c *call) list() ([]orderedjson.Value, error) {
	if c.args.Kind != orderedjson.Array {
		return nil, parseError(errors.New("parsing [] failed, expected Array, but encountered "+c.args.Kind.String()), argsPath)
	}
	return c.args.Items, nil
}

// carryOut carries out the i-th command of a bulk.
func (c *call) carryOut(ctx context.Context, i int, value orderedjson.Value) ([]byte, error) {
	req, err := readRequest(value, c.api)
	if err != nil {
		return nil, err
	}
	item := *c
	item.place += "/" + strconv.Itoa(i)
	return c.runner.dispatch(ctx, &item, req)
}

func join(answers [][]byte) []byte {
	var out bytes.Buffer
	out.WriteByte('[')
	for i, a := range answers {
		if i > 0 {
			out.WriteByte(',')
		}
		out.Write(a)
	}
	out.WriteByte(']')
	return out.Bytes()
}

func bulk(ctx context.Context, c *call) ([]byte, error) {
	return c.eachOf(ctx, func(err error) ([]byte, error) { return nil, err })
}

// bulkKeepGoing goes on after errors: a command that fails changes nothing.
func bulkKeepGoing(ctx context.Context, c *call) ([]byte, error) {
	return c.eachOf(ctx, func(err error) ([]byte, error) {
		if ctx.Err() != nil {
			return nil, err
		}
		return json.Marshal(err)
	})
}

// eachOf carries out a list of commands; failed gives the answer of one that
// failed, or the error that ends the list.
func (c *call) eachOf(ctx context.Context, failed func(error) ([]byte, error)) ([]byte, error) {
	list, err := c.list()
	if err != nil {
		return nil, err
	}
	answers := make([][]byte, 0, len(list))
	for i, value := range list {
		answer, err := c.carryOut(ctx, i, value)
		if errors.Is(err, live.ErrConflict) {
			return nil, err // the whole request is carried out again
		}
		if err != nil {
			if answer, err = failed(underIndex(err, i)); err != nil {
				return nil, err
			}
		}
		answers = append(answers, answer)
	}
	return join(answers), nil
}

// atomic reports which commands bulk_atomic takes.
func atomic(name string) bool {
	switch name {
	case "create_object_relationship", "create_array_relationship", "drop_relationship", "delete_remote_relationship",
		"track_native_query", "untrack_native_query", "track_logical_model", "untrack_logical_model",
		"track_stored_procedure", "untrack_stored_procedure":
		return true
	}
	return false
}

// bulkAtomic makes all changes to the document first, and looks at what comes of
// them once.
func bulkAtomic(ctx context.Context, c *call) ([]byte, error) {
	list, err := c.list()
	if err != nil {
		return nil, err
	}
	if err := c.writable(); err != nil {
		return nil, err
	}
	m := c.metadata().Clone()
	for i, value := range list {
		req, err := readRequest(value, c.api)
		if err != nil {
			return nil, underIndex(err, i)
		}
		found, name, kind, err := c.runner.find(c.api, req.name)
		if err != nil {
			return nil, underIndex(err, i)
		}
		e := found.edit
		if plain, ok := atomicEdits()[name]; ok {
			e = plain
		}
		if !atomic(name) || e == nil {
			return nil, underIndex(fail(CodeUnexpected, "Bulk atomic does not support this command").
				serious(), i)
		}
		inner := *c
		inner.name, inner.kind, inner.args, inner.version = name, kind, req.args, req.version
		if _, err := e(&inner, m); err != nil {
			return nil, underIndex(err, i)
		}
	}
	err = c.tx.Apply(ctx, m, live.Reload{}, func(before, after *live.State) error {
		if broken := newInconsistencies(before, after); len(broken) > 0 {
			return fail(CodeBadRequest, "Schema inconsistency").with(inconsistenciesJSON(broken))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return success(), nil
}

// maxConcurrent bounds the commands of a concurrent bulk that run at once.
const maxConcurrent = 8

// concurrentBulk carries out commands that leave the metadata as it is: side by
// side, but for those after which a database is read anew.
func concurrentBulk(ctx context.Context, c *call) ([]byte, error) {
	list, err := c.list()
	if err != nil {
		return nil, err
	}
	alone := make([]bool, len(list))
	for i, value := range list {
		changes, apart, err := c.effects(value)
		if err != nil {
			return nil, underIndex(err, i)
		}
		if changes {
			return nil, (&Error{Status: http.StatusInternalServerError, Code: CodeUnexpected, Path: "$"}).
				message("Only read-only queries are allowed in a concurrent_bulk")
		}
		alone[i] = apart
	}
	answers, failures := make([][]byte, len(list)), make([]error, len(list))
	group := errgroup.Group{}
	group.SetLimit(maxConcurrent)
	for i, value := range list {
		if !alone[i] {
			group.Go(func() error {
				answers[i], failures[i] = c.carryOut(ctx, i, value)
				return nil
			})
		}
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i, value := range list {
		if alone[i] {
			answers[i], failures[i] = c.carryOut(ctx, i, value)
		}
		if errors.Is(failures[i], live.ErrConflict) {
			return nil, failures[i]
		}
		if failures[i] != nil {
			return nil, underIndex(failures[i], i)
		}
	}
	return join(answers), nil
}

// effects reports whether a command of a concurrent bulk may change what the
// metadata rests on, and whether it changes the transaction, which one at a time
// may do.
func (c *call) effects(value orderedjson.Value) (changes, alone bool, err error) {
	req, err := readRequest(value, c.api)
	if err != nil {
		return false, false, err
	}
	_, name, _, err := c.runner.find(c.api, req.name)
	if err != nil {
		return false, false, err
	}
	inner := *c
	inner.args = req.args
	switch name {
	case "select", "count", "insert", "update", "delete":
		return false, false, nil
	case "run_sql":
		a, err := readSQL(&inner)
		if err != nil {
			return false, false, err
		}
		return a.check && !a.readOnly, !a.readOnly && createWords.MatchString(a.sql), nil
	case "bulk", "concurrent_bulk":
		list, err := inner.list()
		if err != nil {
			return false, false, err
		}
		for _, item := range list {
			changes, _, err := inner.effects(item)
			if err != nil || changes {
				return changes, true, err
			}
		}
		return false, true, nil
	}
	return true, true, nil
}
