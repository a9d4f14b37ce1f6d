package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/metadata/document"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
)

// EntityKeyDirective is the directive of Apollo Federation that names the key of
// an entity; remote schemas that are subgraphs have it on their types.
const EntityKeyDirective = "key"

// isSubgraph tells whether a remote schema answers for entities.
func isSubgraph(s *ast.Schema) bool {
	if s.Query == nil || s.Types["_Any"] == nil {
		return false
	}
	f := s.Query.Fields.ForName("_entities")
	return f != nil && f.Arguments.ForName("representations") != nil && f.Type.Elem != nil
}

// entityType is the type that a relationship's field answers with, if it is an
// entity.
func (l *lookup) entityType(steps []RemoteStep) (*ast.Definition, error) {
	if !isSubgraph(l.remote.Upstream) {
		return nil, fmt.Errorf("remote schema %q is no Apollo subgraph: it has no _entities", l.remote.Name)
	}
	result := steps[len(steps)-1].Field.Type
	d := l.remote.Upstream.Types[result.Name()]
	union := l.remote.Upstream.Types[l.remote.Upstream.Query.Fields.ForName("_entities").Type.Name()]
	if result.Elem != nil || d == nil || d.Kind != ast.Object || union == nil || !slices.Contains(union.Types, d.Name) {
		return nil, fmt.Errorf("the field answers with type %q, which is no single entity", result)
	}
	return d, nil
}

// entities resolves a lookup of entities that the metadata asks for.
func (l *lookup) entities(doc *document.RemoteBatch, steps []RemoteStep) (*RemoteBatch, error) {
	d, err := l.entityType(steps)
	if err != nil {
		return nil, err
	}
	var key *plan.ObjectValue
	if doc.Key.IsNull() {
		if key, err = argumentsKey(steps); err != nil {
			return nil, err
		}
		for i, name := range key.Keys {
			if f := d.Fields.ForName(name); f == nil {
				return nil, fmt.Errorf("the argument %q is no field of entity %q: name the key", key.Keys[i], d.Name)
			}
		}
	} else {
		if key, err = l.entityKey(d, doc.Key); err != nil {
			return nil, err
		}
	}
	if keys := entityKeys(d); len(keys) > 0 && !slices.Contains(keys, keyText(key)) {
		return nil, fmt.Errorf("entity %q has no key {%s}, only {%s}", d.Name, keyText(key), strings.Join(keys, "}, {"))
	}
	var used []int
	usedBindings(key, &used)
	for _, f := range l.found {
		if !slices.ContainsFunc(used, func(i int) bool { return l.found[i].Name == f.Name }) {
			return nil, fmt.Errorf("the key does not use the variable %q", f.Name)
		}
	}
	return &RemoteBatch{Entities: &RemoteEntities{Type: d.Name, Key: key}}, nil
}

// detectEntities finds out that a relationship's field can be asked for as
// entities: its arguments are a key of the type that it answers with.
func (l *lookup) detectEntities(steps []RemoteStep) *RemoteBatch {
	d, err := l.entityType(steps)
	if err != nil || len(l.found) == 0 {
		return nil
	}
	key, err := argumentsKey(steps)
	if err != nil || len(steps[0].Field.Arguments) != len(key.Keys) || !slices.Contains(entityKeys(d), keyText(key)) {
		return nil
	}
	for i, name := range key.Keys {
		b, ok := key.Values[i].(*plan.BindingValue)
		f := d.Fields.ForName(name)
		if !ok || f == nil || f.Type.Elem != nil || l.found[b.Index].Argument.Elem != nil || f.Type.Name() != l.found[b.Index].Argument.Name() {
			return nil
		}
	}
	return &RemoteBatch{Entities: &RemoteEntities{Type: d.Name, Key: key}}
}

// argumentsKey takes the arguments of the only step for a key.
func argumentsKey(steps []RemoteStep) (*plan.ObjectValue, error) {
	if len(steps) != 1 {
		return nil, errors.New("the key has to be named where remote_field is a path")
	}
	key := &plan.ObjectValue{}
	for _, t := range steps[0].Arguments {
		key.Keys, key.Values = append(key.Keys, t.Name), append(key.Values, t.Value)
	}
	if len(key.Keys) == 0 {
		return nil, errors.New("the key has to be named where remote_field has no arguments")
	}
	return key, nil
}

// entityKey reads the template of an entity's key.
func (l *lookup) entityKey(d *ast.Definition, j orderedjson.Value) (*plan.ObjectValue, error) {
	key := &plan.ObjectValue{}
	for i, name := range j.Keys {
		f := d.Fields.ForName(name)
		if f == nil {
			return nil, fmt.Errorf("entity %q has no field %q", d.Name, name)
		}
		var value plan.Value
		var err error
		below := l.remote.Upstream.Types[f.Type.NamedType]
		if j.Items[i].Kind == orderedjson.Object && below != nil && below.Kind == ast.Object {
			value, err = l.entityKey(below, j.Items[i])
		} else {
			value, err = l.template(f.Type, j.Items[i])
		}
		if err != nil {
			return nil, err
		}
		key.Keys, key.Values = append(key.Keys, name), append(key.Values, value)
	}
	return key, nil
}

// entityKeys are the keys of an entity, as keyText writes them.
func entityKeys(d *ast.Definition) []string {
	var out []string
	for _, k := range d.Directives.ForNames(EntityKeyDirective) {
		if r := k.Arguments.ForName("resolvable"); r != nil && r.Value.Raw == "false" {
			continue
		}
		if f := k.Arguments.ForName("fields"); f != nil {
			if text, ok := sortedFields(f.Value.Raw); ok {
				out = append(out, text)
			}
		}
	}
	return out
}

// keyText writes the fields of a key, sorted: bin depot{id}.
func keyText(key *plan.ObjectValue) string {
	parts := make([]string, 0, len(key.Keys))
	for i, name := range key.Keys {
		if o, ok := key.Values[i].(*plan.ObjectValue); ok {
			name += "{" + keyText(o) + "}"
		}
		parts = append(parts, name)
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

// sortedFields reads a set of fields as directives write it, and sorts it.
func sortedFields(text string) (string, bool) {
	tokens := strings.Fields(strings.NewReplacer("{", " { ", "}", " } ", ",", " ").Replace(text))
	sorted, rest, ok := sortFields(tokens, 0)
	return sorted, ok && len(rest) == 0
}

const maxKeyDepth = 16

func sortFields(tokens []string, depth int) (sorted string, rest []string, ok bool) {
	var parts []string
	for len(tokens) > 0 && tokens[0] != "}" {
		part := tokens[0]
		if part == "{" || depth > maxKeyDepth {
			return "", nil, false
		}
		if tokens = tokens[1:]; len(tokens) > 0 && tokens[0] == "{" {
			var below string
			if below, tokens, ok = sortFields(tokens[1:], depth+1); !ok || len(tokens) == 0 {
				return "", nil, false
			}
			part, tokens = part+"{"+below+"}", tokens[1:]
		}
		parts = append(parts, part)
	}
	slices.Sort(parts)
	return strings.Join(parts, " "), tokens, true
}

func usedBindings(v plan.Value, into *[]int) {
	switch v := v.(type) {
	case *plan.BindingValue:
		*into = append(*into, v.Index)
	case *plan.ListValue:
		for _, item := range v.Items {
			usedBindings(item, into)
		}
	case *plan.ObjectValue:
		for _, item := range v.Values {
			usedBindings(item, into)
		}
	case *plan.Literal, *plan.Variable, *plan.SessionVariable, *plan.RemoteEnum, *plan.Token:
	}
}
