package project

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"dovetail/internal/orderedjson"
)

// writer writes one project.
type writer struct {
	root    string
	written map[string]bool
}

// Write writes metadata as a project into a directory. Files of tables and
// functions that are no more are removed; other files are left alone.
func Write(folder string, metadata orderedjson.Value) error {
	w := &writer{root: folder, written: map[string]bool{}}
	version := orderedjson.Value{Kind: orderedjson.Object, Keys: []string{"version"}, Items: []orderedjson.Value{{Kind: orderedjson.Number, Text: "3"}}}
	if err := w.file("version.yaml", version); err != nil {
		return err
	}
	for _, p := range parts() {
		value, ok := metadata.Get(p.key)
		switch {
		case p.key == "sources":
			sources, err := w.sources(value)
			if err != nil {
				return err
			}
			value = sources
		case p.key == "remote_schemas" && ok:
			remotes, err := w.remoteSchemas(value)
			if err != nil {
				return err
			}
			value = remotes
		case !ok && slices.Contains([]string{"api_limits", "metrics_config", "graphql_schema_introspection", "network", "backend_configs", "opentelemetry"}, p.key):
			value = orderedjson.Value{Kind: orderedjson.Object}
		case !ok:
			value = orderedjson.Value{Kind: orderedjson.Array}
		}
		if err := w.file(p.file, value); err != nil {
			return err
		}
	}
	if err := w.actions(metadata); err != nil {
		return err
	}
	return w.removeOthers()
}

// sources writes the tables and functions of sources to files of their own, and
// gives what is left.
func (w *writer) sources(list orderedjson.Value) (orderedjson.Value, error) {
	out := orderedjson.Value{Kind: orderedjson.Array}
	for _, source := range list.Items {
		name, _ := source.Get("name")
		folder := fileName(name.Text)
		left := orderedjson.Value{Kind: orderedjson.Object}
		for i, key := range source.Keys {
			value := source.Items[i]
			if key == "tables" || key == "functions" {
				include, err := w.members(folder, key, value)
				if err != nil {
					return out, err
				}
				value = include
			}
			left.Keys, left.Items = append(left.Keys, key), append(left.Items, value)
		}
		out.Items = append(out.Items, left)
	}
	return out, nil
}

// members writes each table or function of a source to its file.
func (w *writer) members(folder, key string, list orderedjson.Value) (orderedjson.Value, error) {
	names := orderedjson.Value{Kind: orderedjson.Array}
	for _, item := range list.Items {
		identity, _ := item.Get(strings.TrimSuffix(key, "s"))
		var words []string
		for _, part := range []string{"schema", "name"} {
			if v, ok := identity.Get(part); ok {
				words = append(words, v.Text)
			}
		}
		if identity.Kind == orderedjson.String {
			words = append(words, identity.Text)
		}
		file := w.free(path.Join("databases", folder, key), strings.Join(words, "_"), ".yaml")
		if err := w.file(path.Join("databases", folder, key, file), item); err != nil {
			return names, err
		}
		names.Items = append(names.Items, orderedjson.Value{Kind: orderedjson.String, Text: "!include " + file})
	}
	if err := w.file(path.Join("databases", folder, key, key+".yaml"), names); err != nil {
		return names, err
	}
	return orderedjson.Value{Kind: orderedjson.String, Text: "!include " + path.Join(folder, key, key+".yaml")}, nil
}

// remoteSchemas writes what roles see of remote schemas to files of their own,
// and gives what is left.
func (w *writer) remoteSchemas(list orderedjson.Value) (orderedjson.Value, error) {
	out := orderedjson.Value{Kind: orderedjson.Array}
	for _, remote := range list.Items {
		name, _ := remote.Get("name")
		permissions, ok := remote.Get("permissions")
		if !ok {
			out.Items = append(out.Items, remote)
			continue
		}
		left := orderedjson.Value{Kind: orderedjson.Array}
		for _, permission := range permissions.Items {
			role, _ := permission.Get("role")
			definition, _ := permission.Get("definition")
			schema, _ := definition.Get("schema")
			folder := path.Join("remote_schemas", fileName(name.Text), "permissions")
			file := path.Join(folder, w.free(folder, role.Text, ".graphql"))
			if err := w.text(file, []byte(schema.Text)); err != nil {
				return out, err
			}
			left.Items = append(left.Items, replaced(permission, "definition", replaced(definition, "schema", jsonText("!include "+file))))
		}
		out.Items = append(out.Items, replaced(remote, "permissions", left))
	}
	return out, nil
}

// replaced gives an object with another value for a key that it has.
func replaced(o orderedjson.Value, key string, value orderedjson.Value) orderedjson.Value {
	out := orderedjson.Value{Kind: orderedjson.Object, Keys: o.Keys, Items: slices.Clone(o.Items)}
	if i := slices.Index(o.Keys, key); i >= 0 {
		out.Items[i] = value
	}
	return out
}

// free is a name for a file that no other has.
func (w *writer) free(folder, name, ending string) string {
	base := fileName(name)
	file := base + ending
	for n := 2; w.written[path.Join(folder, file)]; n++ {
		file = fmt.Sprintf("%s_%d%s", base, n, ending)
	}
	return file
}

// fileName makes a name safe to be a file's.
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) || r < ' ' {
			return '_'
		}
		return r
	}, strings.TrimLeft(name, "."))
}

func (w *writer) file(name string, value orderedjson.Value) error {
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(nodeOf(value)); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return w.text(name, out.Bytes())
}

func (w *writer) text(name string, text []byte) error {
	target := filepath.Join(w.root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil { // a project is for everyone to read
		return err
	}
	w.written[name] = true
	return os.WriteFile(target, text, 0o644) // a project is for everyone to read
}

func nodeOf(j orderedjson.Value) *yaml.Node {
	switch j.Kind {
	case orderedjson.Object:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for i, key := range j.Keys {
			n.Content = append(n.Content, text(key), nodeOf(j.Items[i]))
		}
		return n
	case orderedjson.Array:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for _, item := range j.Items {
			n.Content = append(n.Content, nodeOf(item))
		}
		return n
	case orderedjson.String:
		return text(j.Text)
	case orderedjson.Bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: j.Text}
	case orderedjson.Number:
		tag := "!!int"
		if strings.ContainsAny(j.Text, ".eE") {
			tag = "!!float"
		}
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: j.Text}
	case orderedjson.Null:
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
}

func text(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	if strings.HasPrefix(s, "!include ") {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// removeOthers removes the files of tables, functions and permissions that were
// not written.
func (w *writer) removeOthers() error {
	var faults []error
	for _, pattern := range []string{"databases/*/tables/*.yaml", "databases/*/functions/*.yaml", "remote_schemas/*/permissions/*.graphql"} {
		found, err := fs.Glob(os.DirFS(w.root), pattern)
		if err != nil {
			return err
		}
		for _, name := range found {
			if !w.written[name] {
				faults = append(faults, os.Remove(filepath.Join(w.root, filepath.FromSlash(name))))
			}
		}
	}
	return errors.Join(faults...)
}
