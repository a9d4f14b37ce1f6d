package document

import (
	"slices"
	"strings"

	"dovetail/internal/orderedjson"
)

// CheckAction holds what create_action says of an action against v2's format.
// Actions are kept as they are written, so nothing else would notice.
func CheckAction(action orderedjson.Value, path string) error {
	d := &decoder{}
	d.action(action, path)
	return d.err()
}

// CheckCustomTypes holds the types of actions against v2's format.
func CheckCustomTypes(types orderedjson.Value, path string) error {
	d := &decoder{}
	d.customTypes(types, path)
	return d.err()
}

// CheckActions holds the actions and custom types of a document against v2's
// format; path is the document's.
func (m *Metadata) CheckActions(path string) error {
	d := &decoder{}
	for i, a := range m.Actions {
		d.action(a.Definition, ItemPath(ChildPath(path, "actions"), i))
	}
	if !m.CustomTypes.IsNull() {
		d.customTypes(m.CustomTypes, ChildPath(path, "custom_types"))
	}
	return d.err()
}

func (d *decoder) action(j orderedjson.Value, path string) {
	o := d.object(j, path, "CreateAction")
	d.checkName(o.text("name"), o.at("name"))
	o.textPointer("comment")
	definition := d.object(o.need("definition"), o.at("definition"), "ActionDefinition")
	definition.nonEmpty("handler")
	definition.graphQLType("output_type")
	definition.oneOf("type", "mutation", "query")
	definition.oneOf("kind", "synchronous", "asynchronous")
	definition.list("arguments", func(j orderedjson.Value, path string) { d.typedName(j, path, "ArgumentDefinition") })
	definition.list("headers", func(j orderedjson.Value, path string) {
		h := d.object(j, path, "HeaderConf")
		h.nonEmpty("name")
		_, value := h.get("value")
		if _, variable := h.get("value_from_env"); value == variable {
			d.fail(path, "expecting either value or value_from_env for a header")
		}
		h.optionalText("value")
		h.optionalText("value_from_env")
	})
	definition.boolean("forward_client_headers", false)
	definition.texts("ignored_client_headers")
	definition.integer("timeout")
	for _, key := range []string{"request_transform", "response_transform"} {
		if v, ok := definition.get(key); ok {
			d.object(v, definition.at(key), "MetadataTransform")
		}
	}
	o.list("permissions", func(j orderedjson.Value, path string) {
		d.object(j, path, "ActionPermissionMetadata").nonEmpty("role")
	})
}

func (d *decoder) customTypes(j orderedjson.Value, path string) {
	o := d.object(j, path, "CustomTypes")
	typed := func(what string) func(orderedjson.Value, string) {
		return func(j orderedjson.Value, path string) {
			t := d.named(j, path, what)
			d.list(t.need("fields"), t.at("fields"), func(j orderedjson.Value, path string) { d.typedName(j, path, what) })
		}
	}
	o.list("input_objects", typed("InputObjectTypeDefinition"))
	o.list("objects", typed("ObjectTypeDefinition"))
	o.list("scalars", func(j orderedjson.Value, path string) { d.named(j, path, "ScalarTypeDefinition") })
	o.list("enums", func(j orderedjson.Value, path string) {
		e := d.named(j, path, "EnumTypeDefinition")
		d.list(e.need("values"), e.at("values"), func(j orderedjson.Value, path string) {
			v := d.object(j, path, "EnumValueDefinition")
			d.checkName(v.text("value"), v.at("value"))
			v.boolean("is_deprecated", false)
			v.optionalText("description")
		})
	})
}

// named reads an object with a GraphQL name and a description.
func (d *decoder) named(j orderedjson.Value, path, what string) *object {
	o := d.object(j, path, what)
	d.checkName(o.text("name"), o.at("name"))
	o.optionalText("description")
	return o
}

// typedName reads a field or an argument: a name and its type.
func (d *decoder) typedName(j orderedjson.Value, path, what string) {
	d.named(j, path, what).graphQLType("type")
}

// graphQLType reads the text of a GraphQL type: [Int!]!.
func (o *object) graphQLType(key string) {
	text := o.text(key)
	name := strings.TrimSuffix(text, "!")
	for strings.HasPrefix(name, "[") && strings.HasSuffix(name, "]") {
		name = strings.TrimSuffix(name[1:len(name)-1], "!")
	}
	if !IsGraphQLName(name) {
		o.d.fail(o.at(key), "not a valid GraphQL type: %s", text)
	}
}

// oneOf reads an optional word.
func (o *object) oneOf(key string, words ...string) {
	if s := o.textPointer(key); s != nil && !slices.Contains(words, *s) {
		o.d.fail(o.at(key), "expected %s %s, but got %q", key, strings.Join(words, " or "), *s)
	}
}
