package plan

import (
	"slices"
	"strings"

	"dovetail/internal/orderedjson"
)

// Representations is a list of entities that the client names by their types and
// keys, as the gateway of a federation does. The fragment asks no source: its
// value is a list with a hole for each representation, and its joins, one for
// each of Entities, look the entities up.
type Representations struct {
	List     Value
	Entities []Entity
}

// Entity is a type of entities.
type Entity struct {
	Type string
	Key  []EntityKey
}

// EntityKey is a field of an entity's key.
type EntityKey struct {
	Name string
	// Spelled gives values as the database spells them, where the schema spells
	// them in another way; nil: as they are.
	Spelled map[string]string
	// Kinds are those of the JSON values that can be values of the key; nil: all.
	Kinds []orderedjson.Kind
}

// takes reports whether a JSON value can be a value of the key.
func (k *EntityKey) takes(j orderedjson.Value) bool {
	return !j.IsNull() && (k.Kinds == nil || slices.Contains(k.Kinds, j.Kind))
}

func (*Representations) query() {}

// Text is empty: nothing is sent.
func (*Representations) Text() string { return "" }

// RepresentationType is the name of the type of a representation's entity.
func RepresentationType(j orderedjson.Value) (string, bool) {
	name, ok := j.Get("__typename")
	return name.Text, ok && name.Kind == orderedjson.String
}

// RepresentationsOf are the elements of a list of representations; a single one
// is a list of one.
func RepresentationsOf(j orderedjson.Value) []orderedjson.Value {
	if j.Kind == orderedjson.Array {
		return j.Items
	}
	return []orderedjson.Value{j}
}

// Find finds the entity that a representation stands for, and the texts of its
// key; without key when a part of it can be no value of its column.
func (r *Representations) Find(j orderedjson.Value) (entity int, key []string, ok bool) {
	name, _ := RepresentationType(j)
	entity = slices.IndexFunc(r.Entities, func(e Entity) bool { return e.Type == name })
	if entity < 0 {
		return 0, nil, false
	}
	for i := range r.Entities[entity].Key {
		k := &r.Entities[entity].Key[i]
		v, _ := j.Get(k.Name)
		if !k.takes(v) {
			return entity, nil, true
		}
		text := v.TextOf()
		if spelled, ok := k.Spelled[text]; ok {
			text = spelled
		}
		key = append(key, text)
	}
	return entity, key, true
}

func (w *printer) representations(r *Representations) {
	w.line("entities of %s", ValueText(r.List))
	w.nested(func() {
		for i, e := range r.Entities {
			names := make([]string, 0, len(e.Key))
			for _, k := range e.Key {
				names = append(names, k.Name)
			}
			w.line("%s by (%s) = join %d", e.Type, strings.Join(names, ", "), i)
		}
	})
}
