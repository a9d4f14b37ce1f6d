package document

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dovetail/internal/orderedjson"
)

// decoder keeps the first fault; after it every reading yields zero values, so
// that parsers read straight down and check once.
type decoder struct {
	fault   *Error
	unknown []UnknownKeys
}

func (d *decoder) fail(path, format string, args ...any) {
	d.failCode(path, CodeParseFailed, format, args...)
}

func (d *decoder) failCode(path, code, format string, args ...any) {
	if d.fault == nil {
		d.fault = &Error{Path: path, Code: code, Message: fmt.Sprintf(format, args...)}
	}
}

// err is the fault as an error.
func (d *decoder) err() error {
	if d.fault == nil {
		return nil
	}
	return d.fault
}

// object is an object being read; it remembers which keys were asked for.
type object struct {
	d     *decoder
	path  string
	json  orderedjson.Value
	known []string
}

func (d *decoder) mismatch(what, path string, want orderedjson.Kind, got orderedjson.Value) {
	d.fail(path, "parsing %s failed, expected %s, but encountered %s", what, want, got.Kind)
}

func (d *decoder) object(j orderedjson.Value, path, what string) *object {
	if j.Kind != orderedjson.Object {
		d.mismatch(what, path, orderedjson.Object, j)
		j = orderedjson.Value{}
	}
	return &object{d: d, path: path, json: j}
}

func (o *object) at(key string) string { return ChildPath(o.path, key) }

// raw gives the value under a key, null included.
func (o *object) raw(key string) (orderedjson.Value, bool) {
	o.known = append(o.known, key)
	return o.json.Get(key)
}

// get gives the value under a key unless it is absent or null.
func (o *object) get(key string) (orderedjson.Value, bool) {
	v, ok := o.raw(key)
	return v, ok && !v.IsNull()
}

// need gives the value under a key that must be there.
func (o *object) need(key string) orderedjson.Value {
	v, ok := o.raw(key)
	if !ok {
		o.d.fail(o.path, "key %q not found", key)
	}
	return v
}

// optional gives the value under a key, or null.
func (o *object) optional(key string) orderedjson.Value {
	v, _ := o.raw(key)
	return v
}

func (o *object) text(key string) string { return o.d.text(o.need(key), o.at(key)) }

func (d *decoder) text(j orderedjson.Value, path string) string {
	if j.Kind != orderedjson.String {
		d.mismatch("Text", path, orderedjson.String, j)
		return ""
	}
	return j.Text
}

func (o *object) nonEmpty(key string) string {
	s := o.text(key)
	if s == "" {
		o.d.fail(o.at(key), "empty string not allowed")
	}
	return s
}

// optionalText gives the string under a key, or "".
func (o *object) optionalText(key string) string {
	if s := o.textPointer(key); s != nil {
		return *s
	}
	return ""
}

// textPointer tells an absent (or null) string from an empty one.
func (o *object) textPointer(key string) *string {
	v, ok := o.get(key)
	if !ok {
		return nil
	}
	s := o.d.text(v, o.at(key))
	return &s
}

// name reads an optional GraphQL name.
func (o *object) name(key string) string {
	s := o.textPointer(key)
	if s == nil {
		return ""
	}
	o.d.checkName(*s, o.at(key))
	return *s
}

func (d *decoder) checkName(s, path string) {
	if !IsGraphQLName(s) {
		d.fail(path, "%s is not a valid GraphQL name", s)
	}
}

func (o *object) boolean(key string, missing bool) bool {
	v, ok := o.get(key)
	if !ok {
		return missing
	}
	if v.Kind != orderedjson.Bool {
		o.d.mismatch("Bool", o.at(key), orderedjson.Bool, v)
		return missing
	}
	return v.Text == "true"
}

// integer reads an optional whole number.
func (o *object) integer(key string) *int {
	v, ok := o.get(key)
	if !ok {
		return nil
	}
	if v.Kind != orderedjson.Number {
		o.d.mismatch("Int", o.at(key), orderedjson.Number, v)
		return nil
	}
	n, ok := wholeNumber(v.Text)
	if !ok {
		o.d.fail(o.at(key), "parsing Int failed, value is not a whole number of 32 bits: %s", v.Text)
		return nil
	}
	return &n
}

func wholeNumber(text string) (int, bool) {
	if n, err := strconv.ParseInt(text, 10, 32); err == nil {
		return int(n), true
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f != float64(int32(f)) {
		return 0, false
	}
	return int(f), true
}

// list reads an optional list, item by item.
func (o *object) list(key string, item func(j orderedjson.Value, path string)) {
	v, ok := o.get(key)
	if ok {
		o.d.list(v, o.at(key), item)
	}
}

func (d *decoder) list(j orderedjson.Value, path string, item func(j orderedjson.Value, path string)) {
	if j.Kind != orderedjson.Array {
		d.mismatch("List", path, orderedjson.Array, j)
		return
	}
	for i, v := range j.Items {
		item(v, ItemPath(path, i))
		if d.fault != nil {
			return
		}
	}
}

// texts reads a list of strings; nil when absent.
func (o *object) texts(key string) []string {
	v, ok := o.get(key)
	if !ok {
		return nil
	}
	return o.d.texts(v, o.at(key))
}

func (d *decoder) texts(j orderedjson.Value, path string) []string {
	out := []string{}
	d.list(j, path, func(j orderedjson.Value, path string) { out = append(out, d.text(j, path)) })
	return out
}

// entries walks an optional object's members in written order.
func (o *object) entries(key string, entry func(name string, j orderedjson.Value, path string)) {
	v, ok := o.get(key)
	if !ok {
		return
	}
	m := o.d.object(v, o.at(key), "Object")
	for i, name := range m.json.Keys {
		entry(name, m.json.Items[i], m.at(name))
	}
}

// mapping reads an optional object of strings.
func (o *object) mapping(key string) Mapping {
	var out Mapping
	o.entries(key, func(name string, j orderedjson.Value, path string) {
		out = append(out, Pair{Key: name, Value: o.d.text(j, path)})
	})
	return out
}

// unexpected lists the object's keys that nobody asked for.
func (o *object) unexpected() []string {
	var out []string
	for _, k := range o.json.Keys {
		if !slices.Contains(o.known, k) {
			out = append(out, k)
		}
	}
	return out
}

// done reports the keys that nobody asked for.
func (o *object) done() {
	if keys := o.unexpected(); len(keys) > 0 {
		o.d.unknown = append(o.d.unknown, UnknownKeys{Path: o.path, Keys: keys})
	}
}

// unique refuses a list in which two items share a name.
func unique[T any](d *decoder, path, things string, items []T, name func(T) string) {
	seen := make(map[string]int, len(items))
	var twice []string
	for _, item := range items {
		n := name(item)
		seen[n]++
		if seen[n] == 2 {
			twice = append(twice, n)
		}
	}
	if len(twice) > 0 {
		d.fail(path, "multiple declarations exist for the following %s: %s", things, strings.Join(twice, ", "))
	}
}

// namedList reads an optional list whose items have unique names.
func namedList[T any](o *object, key, things string, parse func(d *decoder, j orderedjson.Value, path string) T, name func(T) string) []T {
	var out []T
	o.list(key, func(j orderedjson.Value, path string) { out = append(out, parse(o.d, j, path)) })
	if o.d.fault == nil {
		unique(o.d, o.at(key), things, out, name)
	}
	return out
}
