package command

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode"

	"dovetail/internal/orderedjson"
)

// object reads the fields of a JSON object; the first fault is kept and ends
// the reading, so callers check it once.
type object struct {
	value orderedjson.Value
	path  string
	fault *fault
}

// fault holds the first error of an object and of those inside of it.
type fault struct{ err *Error }

// readObject starts reading arguments.
func readObject(value orderedjson.Value, what, path string) *object {
	o := &object{value: value, path: path, fault: &fault{}}
	if value.Kind != orderedjson.Object {
		o.fail("parsing %s failed, expected Object, but encountered %s", what, value.Kind)
	}
	return o
}

// child is the path of a field.
func child(path, key string) string {
	plain := key != ""
	for i, r := range key {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			plain = false
		}
	}
	if plain {
		return path + "." + key
	}
	return path + "['" + key + "']"
}

func (o *object) fail(format string, args ...any) {
	o.failAt(o.path, format, args...)
}

func (o *object) failAt(path, format string, args ...any) {
	if o.fault.err == nil {
		o.fault.err = &Error{Status: http.StatusBadRequest, Code: CodeParseFailed, Path: path, Message: fmt.Sprintf(format, args...), parsing: true}
	}
}

// err is the first fault, nil for none.
func (o *object) err() error {
	if o.fault.err == nil {
		return nil
	}
	return o.fault.err
}

// required gives a field that must be there.
func (o *object) required(key string) orderedjson.Value {
	v, ok := o.value.Get(key)
	if !ok {
		o.fail("key %q not found", key)
	}
	return v
}

// optional gives a field, and whether it is there and not null.
func (o *object) optional(key string) (orderedjson.Value, bool) {
	v, ok := o.value.Get(key)
	return v, ok && !v.IsNull()
}

func (o *object) textOf(key string, v orderedjson.Value) string {
	if v.Kind != orderedjson.String {
		o.failAt(child(o.path, key), "parsing Text failed, expected String, but encountered %s", v.Kind)
	}
	return v.Text
}

// text is a string that must be there.
func (o *object) text(key string) string { return o.textOf(key, o.required(key)) }

// nonEmpty is a string that must be there and say something.
func (o *object) nonEmpty(key string) string {
	s := o.text(key)
	if s == "" {
		o.failAt(child(o.path, key), "empty string not allowed")
	}
	return s
}

// textOr is a string that may be left out.
func (o *object) textOr(key, otherwise string) string {
	v, ok := o.optional(key)
	if !ok {
		return otherwise
	}
	return o.textOf(key, v)
}

// comment is a string that may be left out or null.
func (o *object) comment() *string {
	v, ok := o.optional("comment")
	if !ok {
		return nil
	}
	s := o.textOf("comment", v)
	return &s
}

// boolean is a truth value that may be left out.
func (o *object) boolean(key string, otherwise bool) bool {
	v, ok := o.optional(key)
	if !ok {
		return otherwise
	}
	if v.Kind != orderedjson.Bool {
		o.failAt(child(o.path, key), "expected Bool, but encountered %s", v.Kind)
	}
	return v.Text == "true"
}

// list is an array that must be there.
func (o *object) list(key string) []orderedjson.Value {
	v := o.required(key)
	if v.Kind != orderedjson.Array {
		o.failAt(child(o.path, key), "parsing [] failed, expected Array, but encountered %s", v.Kind)
	}
	return v.Items
}

// texts is an array of strings that must be there.
func (o *object) texts(key string) []string {
	items := o.list(key)
	out := make([]string, 0, len(items))
	for i, item := range items {
		if item.Kind != orderedjson.String {
			o.failAt(child(o.path, key)+"["+strconv.Itoa(i)+"]", "parsing Text failed, expected String, but encountered %s", item.Kind)
		}
		out = append(out, item.Text)
	}
	return out
}

// source is the source that arguments name, default when they don't.
func (o *object) source() string { return o.textOr("source", defaultSourceName) }

// jsonText makes a JSON string.
func jsonText(s string) orderedjson.Value {
	return orderedjson.Value{Kind: orderedjson.String, Text: s}
}

// jsonBool makes a JSON truth value.
func jsonBool(b bool) orderedjson.Value {
	return orderedjson.Value{Kind: orderedjson.Bool, Text: strconv.FormatBool(b)}
}

// jsonObject makes an object of keys and values in turn.
func jsonObject(fields ...field) orderedjson.Value {
	out := orderedjson.Value{Kind: orderedjson.Object}
	for _, f := range fields {
		out.Keys, out.Items = append(out.Keys, f.key), append(out.Items, f.value)
	}
	return out
}

type field struct {
	key   string
	value orderedjson.Value
}

// without gives an object less some of its fields.
func without(o orderedjson.Value, keys ...string) orderedjson.Value {
	out := orderedjson.Value{Kind: orderedjson.Object}
next:
	for i, k := range o.Keys {
		for _, drop := range keys {
			if k == drop {
				continue next
			}
		}
		out.Keys, out.Items = append(out.Keys, k), append(out.Items, o.Items[i])
	}
	return out
}

// joinNames is names as messages list them.
func joinNames(names []string) string { return strings.Join(names, ", ") }
