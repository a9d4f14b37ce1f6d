package project

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"dovetail/internal/metadata/document"
	"dovetail/internal/orderedjson"
)

// part is a file of a project, and the key of the metadata that it holds.
type part struct{ file, key string }

// parts are the files of a project in the order of their keys; actions stand in
// a file of their own form.
func parts() []part {
	return []part{
		{"databases/databases.yaml", "sources"},
		{"remote_schemas.yaml", "remote_schemas"},
		{"query_collections.yaml", "query_collections"},
		{"allow_list.yaml", "allowlist"},
		{"cron_triggers.yaml", "cron_triggers"},
		{"rest_endpoints.yaml", "rest_endpoints"},
		{"api_limits.yaml", "api_limits"},
		{"metrics_config.yaml", "metrics_config"},
		{"inherited_roles.yaml", "inherited_roles"},
		{"graphql_schema_introspection.yaml", "graphql_schema_introspection"},
		{"network.yaml", "network"},
		{"backend_configs.yaml", "backend_configs"},
		{"opentelemetry.yaml", "opentelemetry"},
	}
}

// Position is where something stands in a project.
type Position struct {
	File string
	Line int
}

// String is the position as editors take it.
func (p Position) String() string { return p.File + ":" + strconv.Itoa(p.Line) }

// Error is a fault in a project, with its place.
type Error struct {
	At    Position
	Cause error
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %v", e.At, e.Cause) }

func (e *Error) Unwrap() error { return e.Cause }

// Project is a project directory as read.
type Project struct {
	// JSON is the metadata in one piece.
	JSON      orderedjson.Value
	positions map[string]Position
}

// Metadata parses the project's metadata; faults name their file and line.
func (p *Project) Metadata() (*document.Metadata, []document.UnknownKeys, error) {
	m, unknown, err := document.ParseJSON(p.JSON, "$")
	if fault, ok := errors.AsType[*document.Error](err); ok {
		return nil, nil, &Error{At: p.Find(fault.Path), Cause: err}
	}
	return m, unknown, err
}

// Find gives the place of what a path leads to, or of the nearest thing around
// it.
func (p *Project) Find(path string) Position {
	for path != "" {
		if at, ok := p.positions[path]; ok {
			return at
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return p.positions["$"]
}

// reader reads one project.
type reader struct {
	root      string
	positions map[string]Position
	// open are the files being read, to notice those that include themselves.
	open map[string]bool
}

// Read reads the project in a directory.
func Read(folder string) (*Project, error) {
	r := &reader{root: folder, positions: map[string]Position{}, open: map[string]bool{}}
	r.positions["$"] = Position{File: filepath.Join(folder, "version.yaml"), Line: 1}
	version, err := r.file(filepath.Join(folder, "version.yaml"), "$.version")
	if err != nil {
		return nil, err
	}
	number, ok := version.Get("version")
	if !ok || number.Text != "3" {
		return nil, &Error{At: r.positions["$"], Cause: errors.New("expected version: 3; projects of other versions are not supported")}
	}
	out := orderedjson.Value{Kind: orderedjson.Object, Keys: []string{"version"}, Items: []orderedjson.Value{number}}
	for _, p := range parts() {
		value, err := r.file(filepath.Join(folder, filepath.FromSlash(p.file)), "$."+p.key)
		if errors.Is(err, os.ErrNotExist) && p.key != "sources" {
			continue
		}
		if err != nil {
			return nil, err
		}
		if len(value.Items) > 0 || p.key == "sources" {
			if value.IsNull() {
				value = orderedjson.Value{Kind: orderedjson.Array}
			}
			out.Keys, out.Items = append(out.Keys, p.key), append(out.Items, value)
		}
	}
	actions, types, err := r.actions()
	if err != nil {
		return nil, err
	}
	for _, f := range []struct {
		key   string
		value orderedjson.Value
	}{{"actions", actions}, {"custom_types", types}} {
		if len(f.value.Items) > 0 {
			out.Keys, out.Items = append(out.Keys, f.key), append(out.Items, f.value)
		}
	}
	return &Project{JSON: out, positions: r.positions}, nil
}

// file reads one file whose value stands at a path of the metadata.
func (r *reader) file(name, path string) (orderedjson.Value, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return orderedjson.Value{}, fmt.Errorf("reading the project: %w", err)
	}
	if r.open[name] {
		return orderedjson.Value{}, &Error{At: Position{name, 1}, Cause: errors.New("the file includes itself")}
	}
	r.open[name] = true
	defer delete(r.open, name)
	var node yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader(data)).Decode(&node); err != nil {
		if errors.Is(err, io.EOF) {
			return orderedjson.Value{}, nil
		}
		return orderedjson.Value{}, &Error{At: Position{name, 1}, Cause: err}
	}
	return r.node(&node, name, path)
}

func (r *reader) node(n *yaml.Node, file, path string) (orderedjson.Value, error) {
	fail := func(format string, args ...any) (orderedjson.Value, error) {
		return orderedjson.Value{}, &Error{At: Position{file, n.Line}, Cause: fmt.Errorf(format, args...)}
	}
	r.positions[path] = Position{File: file, Line: max(n.Line, 1)}
	switch n.Kind { //nolint:exhaustive // the other kinds are refused below
	case yaml.DocumentNode:
		return r.node(n.Content[0], file, path)
	case yaml.AliasNode:
		return fail("aliases are not supported")
	case yaml.SequenceNode:
		out := orderedjson.Value{Kind: orderedjson.Array}
		for i, item := range n.Content {
			value, err := r.node(item, file, fmt.Sprintf("%s[%d]", path, i))
			if err != nil {
				return orderedjson.Value{}, err
			}
			out.Items = append(out.Items, value)
		}
		return out, nil
	case yaml.MappingNode:
		return r.mapping(n, file, path)
	case yaml.ScalarNode:
		included, ok := strings.CutPrefix(n.Value, "!include ")
		if n.Tag == "!include" {
			included, ok = n.Value, true
		}
		if ok {
			return r.include(n, file, path, strings.TrimSpace(included))
		}
		return scalar(n, fail)
	}
	return fail("unexpected YAML")
}

func (r *reader) mapping(n *yaml.Node, file, path string) (orderedjson.Value, error) {
	out := orderedjson.Value{Kind: orderedjson.Object}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode || seen[key.Value] {
			return orderedjson.Value{}, &Error{At: Position{file, key.Line}, Cause: fmt.Errorf("the key %q is given twice, or is not plain", key.Value)}
		}
		seen[key.Value] = true
		at := document.ChildPath(path, key.Value)
		value, err := r.node(n.Content[i+1], file, at)
		if err != nil {
			return orderedjson.Value{}, err
		}
		if r.positions[at].File == file {
			r.positions[at] = Position{file, key.Line}
		}
		out.Keys, out.Items = append(out.Keys, key.Value), append(out.Items, value)
	}
	return out, nil
}

// include reads another file of the project: YAML, or text that stands for
// itself.
func (r *reader) include(n *yaml.Node, file, path, name string) (orderedjson.Value, error) {
	at := Position{file, n.Line}
	target := filepath.Join(filepath.Dir(file), filepath.FromSlash(name))
	if inside, err := filepath.Rel(r.root, target); err != nil || !filepath.IsLocal(inside) {
		return orderedjson.Value{}, &Error{At: at, Cause: fmt.Errorf("%q is not a file of the project", name)}
	}
	if ext := filepath.Ext(target); ext != ".yaml" && ext != ".yml" {
		text, err := os.ReadFile(target)
		if err != nil {
			return orderedjson.Value{}, &Error{At: at, Cause: err}
		}
		return orderedjson.Value{Kind: orderedjson.String, Text: string(text)}, nil
	}
	value, err := r.file(target, path)
	if errors.Is(err, os.ErrNotExist) {
		return orderedjson.Value{}, &Error{At: at, Cause: err}
	}
	return value, err
}

func scalar(n *yaml.Node, fail func(string, ...any) (orderedjson.Value, error)) (orderedjson.Value, error) {
	switch n.ShortTag() {
	case "!!null":
		return orderedjson.Value{}, nil
	case "!!str", "!!timestamp":
		return orderedjson.Value{Kind: orderedjson.String, Text: n.Value}, nil
	case "!!bool":
		var b bool
		if err := n.Decode(&b); err != nil {
			return fail("%w", err)
		}
		return orderedjson.Value{Kind: orderedjson.Bool, Text: strconv.FormatBool(b)}, nil
	case "!!int", "!!float":
		if json.Valid([]byte(n.Value)) {
			return orderedjson.Value{Kind: orderedjson.Number, Text: n.Value}, nil
		}
		var number float64
		if err := n.Decode(&number); err != nil {
			return fail("%w", err)
		}
		text, err := json.Marshal(number)
		if err != nil {
			return fail("the number %s can't be written as JSON", n.Value)
		}
		return orderedjson.Value{Kind: orderedjson.Number, Text: string(text)}, nil
	}
	return fail("the tag %s is not supported", n.Tag)
}
