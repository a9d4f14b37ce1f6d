package document

import (
	"cmp"
	"slices"
	"strconv"

	"dovetail/internal/orderedjson"
)

// fields builds an object key by key.
type fields struct{ json orderedjson.Value }

func newFields() *fields { return &fields{json: orderedjson.Value{Kind: orderedjson.Object}} }

func (f *fields) add(key string, v orderedjson.Value) *fields {
	f.json.Keys = append(f.json.Keys, key)
	f.json.Items = append(f.json.Items, v)
	return f
}

func (f *fields) text(key, s string) *fields { return f.add(key, textJSON(s)) }

// optional adds a value unless it is null.
func (f *fields) optional(key string, v orderedjson.Value) *fields {
	if v.IsNull() {
		return f
	}
	return f.add(key, v)
}

func (f *fields) optionalText(key, s string) *fields {
	if s == "" {
		return f
	}
	return f.text(key, s)
}

func (f *fields) pointer(key string, s *string) *fields {
	if s == nil {
		return f
	}
	return f.text(key, *s)
}

// flag adds true, and leaves false out.
func (f *fields) flag(key string, b bool) *fields {
	if !b {
		return f
	}
	return f.add(key, boolJSON(true))
}

// list adds a list unless it is empty.
func (f *fields) list(key string, v orderedjson.Value) *fields {
	if len(v.Items) == 0 {
		return f
	}
	return f.add(key, v)
}

func textJSON(s string) orderedjson.Value {
	return orderedjson.Value{Kind: orderedjson.String, Text: s}
}

func boolJSON(b bool) orderedjson.Value {
	return orderedjson.Value{Kind: orderedjson.Bool, Text: strconv.FormatBool(b)}
}

func intJSON(n int) orderedjson.Value {
	return orderedjson.Value{Kind: orderedjson.Number, Text: strconv.Itoa(n)}
}

func textsJSON(s []string) orderedjson.Value {
	out := orderedjson.Value{Kind: orderedjson.Array}
	for _, t := range s {
		out.Items = append(out.Items, textJSON(t))
	}
	return out
}

func listJSON[T interface{ JSON() orderedjson.Value }](items []T) orderedjson.Value {
	out := orderedjson.Value{Kind: orderedjson.Array}
	for _, item := range items {
		out.Items = append(out.Items, item.JSON())
	}
	return out
}

// sortedJSON is the list in the order of its names, as exports have it.
func sortedJSON[T interface{ JSON() orderedjson.Value }](items []T, name func(T) string) orderedjson.Value {
	return listJSON(sorted(items, name))
}

func sorted[T any](items []T, name func(T) string) []T {
	out := slices.Clone(items)
	slices.SortStableFunc(out, func(a, b T) int { return cmp.Compare(name(a), name(b)) })
	return out
}

// Pair is one entry of a Mapping.
type Pair struct{ Key, Value string }

// Mapping is an object of strings in written order.
type Mapping []Pair

// Get finds the value of a key.
func (m Mapping) Get(key string) (string, bool) {
	for _, p := range m {
		if p.Key == key {
			return p.Value, true
		}
	}
	return "", false
}

// JSON is the mapping as an object.
func (m Mapping) JSON() orderedjson.Value {
	f := newFields()
	for _, p := range m {
		f.text(p.Key, p.Value)
	}
	return f.json
}

// Entry is a named object that is kept as it was written.
type Entry struct {
	Name       string
	Definition orderedjson.Value
}

// JSON is the entry as it was written.
func (e *Entry) JSON() orderedjson.Value { return e.Definition }

func entryName(e *Entry) string { return e.Name }

func parseEntry(d *decoder, j orderedjson.Value, path string) *Entry {
	o := d.object(j, path, "Object")
	return &Entry{Name: o.text("name"), Definition: j}
}
