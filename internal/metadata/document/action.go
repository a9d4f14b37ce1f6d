package document

import (
	"slices"

	"dovetail/internal/orderedjson"
)

// Normalized gives the document with its actions and custom types, which are
// otherwise kept as they are written, in one form: keys in v2's order, what says
// nothing left out. Two ways to write the same action have the same form.
func (m *Metadata) Normalized() *Metadata {
	out := m.Clone()
	out.Actions = make([]*Entry, 0, len(m.Actions))
	for _, a := range m.Actions {
		out.Actions = append(out.Actions, &Entry{Name: a.Name, Definition: actionJSON(a.Definition)})
	}
	out.CustomTypes = customTypesJSON(m.CustomTypes)
	return out
}

// actionJSON is an action in its one form.
func actionJSON(action orderedjson.Value) orderedjson.Value {
	out := inOrder(action, "name", "definition", "comment", "permissions")
	definition, ok := out.Get("definition")
	if !ok || definition.Kind != orderedjson.Object {
		return out
	}
	kind, ok := definition.Get("type")
	if !ok {
		kind = textJSON("mutation")
		definition = with(definition, "type", kind)
	}
	if _, ok := definition.Get("kind"); !ok {
		definition = with(definition, "kind", textJSON("synchronous"))
	}
	definition = inOrder(definition, "handler", "output_type", "type", "kind", "headers", "forward_client_headers",
		"ignored_client_headers", "arguments", "timeout", "request_transform", "response_transform")
	if kind.Text == "query" {
		definition = less(definition, func(key string, _ orderedjson.Value) bool { return key == "kind" })
	}
	return replaced(out, "definition", replaced(definition, "arguments", each(definition, "arguments", "name", "type", "description")))
}

// customTypesJSON are custom types in their one form.
func customTypesJSON(types orderedjson.Value) orderedjson.Value {
	if types.Kind != orderedjson.Object {
		return types
	}
	out := inOrder(types, "input_objects", "objects", "scalars", "enums")
	for i, key := range out.Keys {
		switch key {
		case "scalars":
			out.Items[i] = each(out, key, "name", "description")
		case "enums":
			enums := each(out, key, "name", "description", "values")
			for j := range enums.Items {
				values := each(enums.Items[j], "values", "value", "description", "is_deprecated")
				for k := range values.Items {
					values.Items[k] = less(values.Items[k], func(key string, v orderedjson.Value) bool { return key == "is_deprecated" && v.Text == "false" })
				}
				enums.Items[j] = replaced(enums.Items[j], "values", values)
			}
			out.Items[i] = enums
		case "input_objects", "objects":
			objects := each(out, key, "name", "description", "fields", "relationships")
			for j := range objects.Items {
				fields := each(objects.Items[j], "fields", "name", "type", "description", "arguments")
				objects.Items[j] = replaced(objects.Items[j], "fields", fields)
			}
			out.Items[i] = objects
		}
	}
	return out
}

// each gives a list in an object with the keys of its objects in order.
func each(o orderedjson.Value, key string, keys ...string) orderedjson.Value {
	list, _ := o.Get(key)
	out := orderedjson.Value{Kind: list.Kind, Text: list.Text, Keys: list.Keys, Items: slices.Clone(list.Items)}
	if list.Kind == orderedjson.Array {
		for i, item := range out.Items {
			out.Items[i] = inOrder(item, keys...)
		}
	}
	return out
}

// inOrder gives an object with some of its keys first, without nulls, empty
// lists and empty descriptions.
func inOrder(o orderedjson.Value, keys ...string) orderedjson.Value {
	if o.Kind != orderedjson.Object {
		return o
	}
	out := orderedjson.Value{Kind: orderedjson.Object}
	for _, key := range keys {
		if v, ok := o.Get(key); ok {
			out.Keys, out.Items = append(out.Keys, key), append(out.Items, v)
		}
	}
	for i, key := range o.Keys {
		if !slices.Contains(keys, key) {
			out.Keys, out.Items = append(out.Keys, key), append(out.Items, o.Items[i])
		}
	}
	return less(out, func(key string, v orderedjson.Value) bool {
		return v.IsNull() || v.Kind == orderedjson.Array && len(v.Items) == 0 || key == "description" && v.Kind == orderedjson.String && v.Text == ""
	})
}

// less gives an object without some of its fields.
func less(o orderedjson.Value, drop func(key string, v orderedjson.Value) bool) orderedjson.Value {
	if o.Kind != orderedjson.Object {
		return o
	}
	out := orderedjson.Value{Kind: orderedjson.Object}
	for i, key := range o.Keys {
		if !drop(key, o.Items[i]) {
			out.Keys, out.Items = append(out.Keys, key), append(out.Items, o.Items[i])
		}
	}
	return out
}

// with gives an object with one more field.
func with(o orderedjson.Value, key string, value orderedjson.Value) orderedjson.Value {
	return orderedjson.Value{Kind: orderedjson.Object, Keys: append(slices.Clone(o.Keys), key), Items: append(slices.Clone(o.Items), value)}
}

// replaced gives an object with another value for a key that it has.
func replaced(o orderedjson.Value, key string, value orderedjson.Value) orderedjson.Value {
	i := slices.Index(o.Keys, key)
	if i < 0 {
		return o
	}
	out := orderedjson.Value{Kind: orderedjson.Object, Keys: o.Keys, Items: slices.Clone(o.Items)}
	out.Items[i] = value
	return out
}
