package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pmezard/go-difflib/difflib"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/metadata/document"
	"dovetail/internal/metadata/live"
	"dovetail/internal/metadata/store"
	"dovetail/internal/orderedjson"
)

// exitError is an error that the process ends with another code than 1 for.
type exitError struct {
	error

	code int
}

// Unwrap gives the error itself.
func (e exitError) Unwrap() error { return e.error }

// codeTrouble is what "metadata diff" ends with when it can't compare, as diff
// does; 1 says that there are differences.
const codeTrouble = 2

// errDifferent says that a project and what is served differ.
var errDifferent = errors.New("the project is not what is served")

// exitCode is what the process ends with.
func exitCode(err error) int {
	if e := (exitError{}); errors.As(err, &e) {
		return e.code
	}
	return 1
}

// diffProject shows how the project differs from what is served. Like diff it fails
// if it does, and with another code if that can't be found out.
func diffProject(ctx context.Context, s *settings, output io.Writer) error {
	text, err := difference(ctx, s, output)
	if err != nil {
		return exitError{err, codeTrouble}
	}
	if text == "" {
		return say(output, "no difference")
	}
	if err := say(output, "%s", strings.TrimSuffix(text, "\n")); err != nil {
		return exitError{err, codeTrouble}
	}
	return errDifferent
}

// difference is the unified diff of what is served and the project.
func difference(ctx context.Context, s *settings, output io.Writer) (string, error) {
	here, err := readProject(s, output)
	if err != nil {
		return "", err
	}
	there, err := served(ctx, s)
	if err != nil {
		return "", err
	}
	project, err := orderedjson.Parse(here.Normalized().Marshal())
	if err != nil {
		return "", err
	}
	engine, err := orderedjson.Parse(there.Normalized().Marshal())
	if err != nil {
		return "", err
	}
	return difflib.GetUnifiedDiffString(difflib.UnifiedDiff{
		A: difflib.SplitLines(indented(engine.Append(nil))), B: difflib.SplitLines(indented(inOrderOf(project, engine).Append(nil))),
		FromFile: "served", ToFile: "project", Context: 3,
	})
}

// inOrderOf puts the keys of a value's objects into the order that another value
// has them in: the order of keys means nothing, that of lists does.
func inOrderOf(value, other orderedjson.Value) orderedjson.Value {
	if value.Kind != other.Kind || (value.Kind != orderedjson.Object && value.Kind != orderedjson.Array) {
		return value
	}
	out := orderedjson.Value{Kind: value.Kind}
	if value.Kind == orderedjson.Array {
		for i, item := range value.Items {
			if i < len(other.Items) {
				item = inOrderOf(item, other.Items[i])
			}
			out.Items = append(out.Items, item)
		}
		return out
	}
	for i, key := range other.Keys {
		if item, ok := value.Get(key); ok && !slices.Contains(out.Keys, key) {
			out.Keys, out.Items = append(out.Keys, key), append(out.Items, inOrderOf(item, other.Items[i]))
		}
	}
	for i, key := range value.Keys {
		if _, ok := other.Get(key); !ok {
			out.Keys, out.Items = append(out.Keys, key), append(out.Items, value.Items[i])
		}
	}
	return out
}

// validateProject says what is wrong with a project: its files alone, or held
// against its databases and services as well.
func validateProject(ctx context.Context, s *settings, output io.Writer) error {
	m, err := readProject(s, output)
	if err != nil {
		return err
	}
	for _, w := range live.Unserved(m) {
		if err := say(output, "warning: %s", w); err != nil {
			return err
		}
	}
	if !s.online {
		return say(output, "valid: %s\nnot looked at: whether databases and remote schemas can be reached and have the tables, columns, functions "+
			"and fields that are named (--online does)", summary(m))
	}
	faults, err := inconsistencies(ctx, s, m)
	if err != nil {
		return err
	}
	for _, i := range faults {
		text := i.Name + ": " + i.Reason
		if i.Message != "" {
			text += ": " + i.Message
		}
		if err := say(output, "inconsistent: %s", text); err != nil {
			return err
		}
	}
	if len(faults) > 0 {
		return fmt.Errorf("%d object(s) of the project are inconsistent with its databases and services", len(faults))
	}
	return say(output, "valid, as its databases and services are now: %s", summary(m))
}

// inconsistencies are the objects that can't be served. They are found as an
// engine does that starts with the metadata, in a store of its own.
func inconsistencies(ctx context.Context, s *settings, m *document.Metadata) (faults []catalog.Inconsistency, err error) {
	folder, err := os.MkdirTemp("", "dovetail-validate-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	keeper, err := store.OpenSQLite(ctx, filepath.Join(folder, "metadata.db"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, keeper.Close()) }()
	engine, err := live.Open(ctx, live.Config{
		Store: keeper, Factories: factories(s), Settings: s.catalog, Logger: slog.New(slog.DiscardHandler), Timeout: s.sourceTimeout, Initial: m,
	})
	if err != nil {
		return nil, err
	}
	defer engine.Close()
	state, done := engine.Acquire()
	defer done()
	return state.Faulty(), nil
}
