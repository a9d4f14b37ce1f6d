package plan

import (
	"fmt"
	"strconv"
	"strings"

	"dovetail/internal/orderedjson"
)

// Union is one statement for several lookups: for fragments that read the same
// rows for a key and differ only in what they select of them. A key is asked for
// once, and each fragment picks its own value from what comes back.
type Union struct {
	// ID is the union's position in Plan.Unions.
	ID int
	// Fragment is what is asked: everything that its lookups select. Its fields
	// have numbers for keys, which Projections name; its joins are KeysOnly.
	Fragment *Fragment
	// Rows is equal for unions of the same rows.
	Rows int
	// Wider are the unions of the same rows that select all this one does and
	// something costly besides: what they have been asked for serves this one's
	// lookups, too.
	Wider []*Union
}

// Projection makes an object of a lookup from one of its union's. It holds for
// every object of a list, too; null stays null.
type Projection struct {
	// Slots is one more than the greatest number of a field that is read.
	Slots   int
	Members []ProjectedMember
}

// ProjectedMember is one member of a lookup's object.
type ProjectedMember struct {
	// Prefix is the quoted key and a colon.
	Prefix []byte
	// JSON is written when it is set.
	JSON []byte
	// Slot is the number of the field whose value is written.
	Slot int
	// Join is what the field's hole is filled by; nil where it is no hole.
	Join *Join
	// Inner projects objects; nil copies the value.
	Inner *Projection
}

// NewProjectedMember makes a member that copies a field of the union.
func NewProjectedMember(key string, slot int) ProjectedMember {
	return ProjectedMember{Prefix: append(orderedjson.AppendString(nil, key), ':'), Slot: slot}
}

// UniteSignature is equal for keyed fragments that read the same rows of the
// same source, whatever they select of them.
func UniteSignature(f *Fragment) string {
	w := &printer{signature: true}
	w.line("%s (%s)", f.Source, w.bindings(f.Bindings))
	for _, k := range f.KeySets {
		w.b.WriteString(KeySetSignature(k))
	}
	switch q := f.Query.(type) {
	case *Selection:
		w.selection(&Selection{Rows: q.Rows, Card: q.Card})
	case *Aggregation:
		w.aggregation(&Aggregation{Rows: q.Rows})
	case *Connection, *RemoteQuery, *Representations, *Insert, *Update, *Updates, *Delete:
		w.fragment(f)
	}
	return w.b.String()
}

// FieldSignature is equal for fields that have the same value, but for what is
// selected inside of it.
func FieldSignature(f Field) string {
	w := &printer{}
	switch f := f.(type) {
	case *NestedField:
		w.line("related %s%s", f.Relationship, decoration(nil, false, f.Guard))
		w.selection(&Selection{Rows: f.Selection.Rows, Card: f.Selection.Card})
	case *NestedAggregateField:
		w.line("aggregate of related %s%s", f.Relationship, decoration(nil, false, f.Guard))
		w.aggregation(&Aggregation{Rows: f.Aggregation.Rows})
	case *ColumnField:
		column := *f
		column.Key = ""
		w.fields([]Field{&column})
	case *ComputedField:
		computed := *f
		computed.Key = ""
		w.fields([]Field{&computed})
	case *NodeIDField:
		id := *f
		id.Key = ""
		w.fields([]Field{&id})
	case *HoleField:
		for _, k := range f.Join.Keys {
			w.line("key %s", k.Name)
			if k.Computed != nil {
				w.line("computed %s", relationText(k.Computed))
			}
		}
	case *StaticField, *GroupField, *NestedConnectionField:
		w.fields([]Field{f})
	}
	return w.b.String()
}

// AggregateSignature is equal for aggregates that have the same value, but for
// the columns of a function.
func AggregateSignature(item AggregateItem) string {
	w := &printer{}
	switch item := item.(type) {
	case *Count:
		count := *item
		count.Key = ""
		w.aggregateItems([]AggregateItem{&count})
	case *AggregateFunction:
		w.aggregateItems([]AggregateItem{&AggregateFunction{Name: item.Name}})
	case *AggregateItemStatic:
		w.aggregateItems([]AggregateItem{item})
	}
	return w.b.String()
}

// AggregateColumnSignature is equal for columns of a function that have the same
// value.
func AggregateColumnSignature(c AggregateColumn) string {
	w := &printer{}
	c.Key = ""
	w.aggregateItems([]AggregateItem{&AggregateFunction{Columns: []AggregateColumn{c}}})
	return w.b.String()
}

func (w *printer) bindings(bindings []Binding) string {
	out := make([]string, 0, len(bindings))
	for _, b := range bindings {
		name, left := b.Name, b.Type.Name
		if w.signature && b.GraphQL != "" {
			name, left = "", string(b.Type.Underlying().Class)
		}
		out = append(out, fmt.Sprintf("%s %s%s", name, left, b.GraphQL))
	}
	return strings.Join(out, ", ")
}

func keysText(keys []JoinKey) string {
	out := make([]string, 0, len(keys))
	for _, k := range keys {
		name := k.Name
		if k.Rank != nil {
			name = "rank by " + orderKeyText(k.Rank)
		}
		out = append(out, strings.TrimSpace(name+" "+string(k.Cast)))
	}
	return strings.Join(out, ", ")
}

// unions prints what several of the plan's lookups are asked by.
func (w *printer) unions(unions []*Union) {
	for _, u := range unions {
		wider := ""
		if len(u.Wider) > 0 {
			ids := make([]string, 0, len(u.Wider))
			for _, v := range u.Wider {
				ids = append(ids, strconv.Itoa(v.ID))
			}
			wider = ", or keys fetched by union " + strings.Join(ids, ", ")
		}
		w.line("union %d%s", u.ID, wider)
		w.nested(func() { w.fragment(u.Fragment) })
	}
}
