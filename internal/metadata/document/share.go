package document

import (
	"reflect"
	"slices"

	"dovetail/internal/orderedjson"
)

// Share makes the tables of the document that say what those of an earlier one do
// the earlier one's own, so that a table that has not changed is known by its
// address. The document may not be changed afterwards.
func (m *Metadata) Share(earlier *Metadata) {
	for _, s := range m.Sources {
		if before, ok := earlier.Source(s.Name); ok && before != s && before.Kind == s.Kind {
			s.share(before)
		}
	}
}

func (s *Source) share(before *Source) {
	known := make(map[TableName]*Table, len(before.Tables))
	for _, t := range before.Tables {
		known[t.Name] = t
	}
	for i, t := range s.Tables {
		if old, ok := known[t.Name]; ok && (old == t || old.equal(t)) {
			s.Tables[i] = old
		}
	}
}

// equal tells whether two tables are written alike. Most of what a copy of a
// document says is not even copied, which is quick to tell.
func (t *Table) equal(o *Table) bool {
	return t.Name == o.Name && t.IsEnum == o.IsEnum && t.LogicalModel == o.LogicalModel &&
		reflect.DeepEqual(t.Configuration, o.Configuration) && equalJSON(t.ApolloFederation, o.ApolloFederation) &&
		equalList(t.SelectPermissions, o.SelectPermissions, equalSelect) &&
		equalList(t.ObjectRelationships, o.ObjectRelationships, equalRelationship) &&
		equalList(t.ArrayRelationships, o.ArrayRelationships, equalRelationship) &&
		equalList(t.ComputedFields, o.ComputedFields, deeplyEqual) && equalList(t.RemoteRelationships, o.RemoteRelationships, deeplyEqual) &&
		equalList(t.InsertPermissions, o.InsertPermissions, deeplyEqual) && equalList(t.UpdatePermissions, o.UpdatePermissions, deeplyEqual) &&
		equalList(t.DeletePermissions, o.DeletePermissions, deeplyEqual) && equalList(t.EventTriggers, o.EventTriggers, deeplyEqual)
}

func equalList[T any](a, b []*T, equal func(a, b *T) bool) bool {
	return slices.EqualFunc(a, b, func(a, b *T) bool { return a == b || equal(a, b) })
}

func deeplyEqual[T any](a, b *T) bool { return reflect.DeepEqual(a, b) }

func equalText(a, b *string) bool { return a == b || a != nil && b != nil && *a == *b }

func equalRelationship(a, b *Relationship) bool {
	return a.Name == b.Name && a.Array == b.Array && equalText(a.Comment, b.Comment) &&
		(a.Using == b.Using || reflect.DeepEqual(a.Using, b.Using))
}

func equalSelect(a, b *SelectPermission) bool {
	return a.Role == b.Role && a.AllowAggregations == b.AllowAggregations && a.Columns.All == b.Columns.All &&
		slices.Equal(a.Columns.Names, b.Columns.Names) && slices.Equal(a.ComputedFields, b.ComputedFields) &&
		equalJSON(a.Filter, b.Filter) && reflect.DeepEqual(a.Limit, b.Limit) &&
		reflect.DeepEqual(a.QueryRootFields, b.QueryRootFields) && reflect.DeepEqual(a.SubscriptionRootFields, b.SubscriptionRootFields) &&
		equalJSON(a.ValidateInput, b.ValidateInput) && equalText(a.Comment, b.Comment)
}

// equalJSON tells whether two values are written alike, the order of keys
// included.
func equalJSON(a, b orderedjson.Value) bool {
	return a.Kind == b.Kind && a.Text == b.Text && slices.Equal(a.Keys, b.Keys) && slices.EqualFunc(a.Items, b.Items, equalJSON)
}

// Encoded is the text of a document, with the places of its tables in it.
type Encoded struct {
	text   []byte
	tables map[*Table]span
}

type span struct{ start, end int }

// Text is what Marshal gives.
func (e *Encoded) Text() []byte { return e.text }

// Encode writes the document as Marshal does. What an earlier text holds of
// tables that both documents share is taken from there; nil: there is none.
func (m *Metadata) Encode(earlier *Encoded) *Encoded {
	e := &Encoded{tables: map[*Table]span{}}
	if earlier != nil {
		e.text = make([]byte, 0, len(earlier.text)+len(earlier.text)/16)
	}
	whole := m.fields()
	for i, key := range whole.json.Keys {
		e.key(i, key)
		if key != sourcesKey {
			e.text = whole.json.Items[i].Append(e.text)
			continue
		}
		e.text = append(e.text, '[')
		for i, s := range sorted(m.Sources, sourceName) {
			if i > 0 {
				e.text = append(e.text, ',')
			}
			e.source(s, earlier)
		}
		e.text = append(e.text, ']')
	}
	e.text = append(e.text, '}')
	return e
}

// key starts a member of an object.
func (e *Encoded) key(i int, key string) {
	if i == 0 {
		e.text = append(e.text, '{')
	} else {
		e.text = append(e.text, ',')
	}
	e.text = append(orderedjson.AppendString(e.text, key), ':')
}

func (e *Encoded) source(s *Source, earlier *Encoded) {
	whole := s.fields()
	for i, key := range whole.json.Keys {
		e.key(i, key)
		if key != tablesKey {
			e.text = whole.json.Items[i].Append(e.text)
			continue
		}
		e.text = append(e.text, '[')
		for i, t := range sortedTables(s.Tables) {
			if i > 0 {
				e.text = append(e.text, ',')
			}
			start := len(e.text)
			if known, ok := earlier.table(t); ok {
				e.text = append(e.text, known...)
			} else {
				e.text = t.JSON().Append(e.text)
			}
			e.tables[t] = span{start, len(e.text)}
		}
		e.text = append(e.text, ']')
	}
	e.text = append(e.text, '}')
}

func (e *Encoded) table(t *Table) ([]byte, bool) {
	if e == nil {
		return nil, false
	}
	at, ok := e.tables[t]
	return e.text[at.start:at.end], ok
}
