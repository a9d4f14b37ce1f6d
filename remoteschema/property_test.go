package remoteschema

import (
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"dovetail/internal/jsonshape"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
)

// Random selections with holes, renamed types and static members inside of
// overlapping inline fragments are compiled, checked against the service's
// schema, run against the service and held against a direct evaluation.

// offer is what a type's response key stands for in the test. One key is the
// same thing wherever two fragments may both apply, as a client's query must
// have it, but differs between types.
type offer struct {
	field  string   // an upstream field
	object string   // its type, for objects
	hole   []string // or the keys of a hole
	static string   // or static JSON
}

func offers(typ string) map[string]offer {
	switch typ {
	case "Album":
		return map[string]offer{
			"id": {field: "id"}, "title": {field: "title"}, "n": {field: "plays"}, "artistId": {field: "artistId"},
			"artist": {field: "artist", object: "Artist"}, "x": {hole: []string{"artistId"}}, "y": {hole: []string{"id", "genre"}},
			"s": {static: `"shared"`}, "z": {static: `"album"`},
		}
	case "Artist":
		return map[string]offer{
			"id": {field: "id"}, "title": {field: "name"}, "n": {hole: []string{"number"}}, "artist": {hole: []string{"id", "number"}},
			"x": {field: "albums", object: "Album"}, "s": {static: `"shared"`}, "y": {static: `{"a":1}`},
		}
	case "Node":
		return map[string]offer{"id": {field: "id"}, "s": {static: `"shared"`}}
	}
	return map[string]offer{"s": {static: `"shared"`}}
}

func typeNames() map[string]string { return map[string]string{"Album": "OurAlbum"} }

// fragmentTypes are types that fragments inside of a type may have. The test's
// server can't answer fragments on objects inside of those on interfaces.
func fragmentTypes(typ string) []string {
	switch typ {
	case "Album", "Artist":
		return []string{typ, "Node"}
	case "Node":
		return []string{"Node"}
	}
	return []string{"Album", "Artist", "Node"}
}

func drawNodes(t *rapid.T, typ string, depth int, joins *[]*plan.Join) []plan.RemoteNode {
	var out []plan.RemoteNode
	for range rapid.IntRange(1, 5).Draw(t, "nodes") {
		switch kind := rapid.IntRange(0, 9).Draw(t, "kind"); {
		case kind == 0:
			n := &plan.RemoteTypename{Key: "__typename", Names: typeNames()}
			out = append(out, n)
		case kind < 4 && depth > 0:
			on := rapid.SampledFrom(fragmentTypes(typ)).Draw(t, "on")
			out = append(out, &plan.RemoteInline{Type: on, Fields: drawNodes(t, on, depth-1, joins)})
		default:
			available := offers(typ)
			key := rapid.SampledFrom(sortedKeys(available)).Draw(t, "key")
			if n := drawOffer(t, key, available[key], depth, joins); n != nil {
				out = append(out, n)
			}
		}
	}
	if len(out) == 0 {
		out = append(out, &plan.RemoteTypename{Key: "__typename", Names: typeNames()})
	}
	return out
}

func drawOffer(t *rapid.T, key string, o offer, depth int, joins *[]*plan.Join) plan.RemoteNode {
	switch {
	case o.static != "":
		return &plan.RemoteStatic{Key: key, JSON: []byte(o.static)}
	case o.hole != nil:
		for _, j := range *joins {
			if j.Field == key && j.Keys[0].Name == o.hole[0] {
				return &plan.RemoteHole{Key: key, Join: j}
			}
		}
		j := &plan.Join{Index: len(*joins), Field: key, OnNull: []byte(`"none"`)}
		for _, k := range o.hole {
			j.Keys = append(j.Keys, plan.JoinKey{Name: k})
		}
		*joins = append(*joins, j)
		return &plan.RemoteHole{Key: key, Join: j}
	case o.object != "":
		if depth == 0 {
			return nil
		}
		return &plan.RemoteField{Key: key, Name: o.field, Object: true, Fields: drawNodes(t, o.object, depth-1, joins)}
	}
	return &plan.RemoteField{Key: key, Name: o.field}
}

// thing is an object of the service.
type thing struct {
	typ     string
	scalars map[string]orderedjson.Value
	objects map[string][]*thing
	list    map[string]bool
}

func text(s string) orderedjson.Value { return orderedjson.Value{Kind: orderedjson.String, Text: s} }

func integer(i int32) orderedjson.Value {
	return orderedjson.Value{Kind: orderedjson.Number, Text: strconv.Itoa(int(i))}
}

func things() []*thing {
	var albums, artists []*thing
	for _, row := range artistRows() {
		artists = append(artists, &thing{
			typ: "Artist", scalars: map[string]orderedjson.Value{"id": text("r" + strconv.Itoa(int(row.number))), "number": integer(row.number), "name": text(row.name)},
			objects: map[string][]*thing{}, list: map[string]bool{"albums": true},
		})
	}
	for _, row := range albumRows() {
		a := &thing{
			typ:     "Album",
			scalars: map[string]orderedjson.Value{"id": text(row.id), "title": text(row.title), "genre": text(row.genre), "plays": integer(row.plays), "artistId": {}},
			objects: map[string][]*thing{},
		}
		if row.artist != nil {
			a.scalars["artistId"] = integer(*row.artist)
			by := artists[*row.artist-1]
			a.objects["artist"] = []*thing{by}
			by.objects["albums"] = append(by.objects["albums"], a)
		}
		albums = append(albums, a)
	}
	return append(albums, artists...)
}

// evaluate collects a selection of an object the plain way: fields with the
// same key are merged.
func evaluate(o *thing, nodes []plan.RemoteNode) orderedjson.Value {
	out := orderedjson.Value{Kind: orderedjson.Object}
	put := func(key string, value orderedjson.Value) {
		if _, ok := out.Get(key); !ok {
			out.Keys = append(out.Keys, key)
			out.Items = append(out.Items, value)
		}
	}
	for _, n := range collect(o, nodes) {
		switch n := n.(type) {
		case *plan.RemoteStatic:
			value, _ := orderedjson.Parse(n.JSON)
			put(n.Key, value)
		case *plan.RemoteTypename:
			name := o.typ
			if ours, ok := n.Names[name]; ok {
				name = ours
			}
			put(n.Key, text(name))
		case *plan.RemoteHole:
			put(n.Key, holeText(o, n))
		case *plan.RemoteField:
			put(n.Key, evaluateField(o, n, nodes))
		case *plan.RemoteInline:
		}
	}
	return out
}

// holeText is what the test writes into a hole.
func holeText(o *thing, n *plan.RemoteHole) orderedjson.Value {
	key := strconv.Itoa(n.Join.Index)
	for _, k := range n.Join.Keys {
		value := o.scalars[k.Name]
		if value.IsNull() {
			return text("none")
		}
		key += "|" + value.TextOf()
	}
	return text(key)
}

func evaluateField(o *thing, n *plan.RemoteField, nodes []plan.RemoteNode) orderedjson.Value {
	if !n.Object {
		return o.scalars[n.Name]
	}
	var merged []plan.RemoteNode
	for _, other := range collect(o, nodes) {
		if f, ok := other.(*plan.RemoteField); ok && f.Key == n.Key {
			merged = append(merged, f.Fields...)
		}
	}
	list := orderedjson.Value{Kind: orderedjson.Array}
	for _, child := range o.objects[n.Name] {
		list.Items = append(list.Items, evaluate(child, merged))
	}
	switch {
	case o.list[n.Name]:
		return list
	case len(list.Items) == 0:
		return orderedjson.Value{}
	}
	return list.Items[0]
}

func collect(o *thing, nodes []plan.RemoteNode) []plan.RemoteNode {
	var out []plan.RemoteNode
	for _, n := range nodes {
		if inline, ok := n.(*plan.RemoteInline); ok {
			if inline.Type == o.typ || inline.Type == "Node" {
				out = append(out, collect(o, inline.Fields)...)
			}
			continue
		}
		out = append(out, n)
	}
	return out
}

// sorted orders keys, which may differ where fragments order them differently.
func sorted(j orderedjson.Value) orderedjson.Value {
	out := orderedjson.Value{Kind: j.Kind, Text: j.Text}
	if j.Kind == orderedjson.Array {
		for _, item := range j.Items {
			out.Items = append(out.Items, sorted(item))
		}
	}
	if j.Kind == orderedjson.Object {
		out.Keys = slices.Sorted(slices.Values(j.Keys))
		for _, k := range out.Keys {
			item, _ := j.Get(k)
			out.Items = append(out.Items, sorted(item))
		}
	}
	return out
}

func TestRandomSelections(t *testing.T) {
	service := startService(t)
	source := openSource(t, Config{URL: service.URL})
	schema := testSchema()
	all := things()
	rapid.Check(t, func(t *rapid.T) {
		f := &plan.Fragment{}
		nodes := drawNodes(t, "SearchResult", 3, &f.Joins)
		f.Query = &plan.RemoteQuery{Operation: plan.OperationQuery, Fields: []*plan.RemoteField{
			{Key: "search", Name: "search", Object: true, Fields: nodes},
		}}
		compiled, err := source.Compile(f)
		if err != nil {
			t.Fatal(err)
		}
		if problems := checkDocument(schema, compiled.Text()); problems != "" {
			t.Fatalf("%s\n%s", compiled.Text(), problems)
		}
		answer := jsonshape.NewAnswer(1)
		if err := source.Run(t.Context(), compiled, &plan.Arguments{}, plan.Bindings{}, answer); err != nil {
			t.Fatalf("%s\n%v", compiled.Text(), showError(err))
		}
		got, err := orderedjson.Parse(fillHoles(answer, f))
		if err != nil {
			t.Fatalf("%s\n%s\n%v", compiled.Text(), answer.Bytes, err)
		}
		want := orderedjson.Value{Kind: orderedjson.Array}
		for _, o := range all {
			want.Items = append(want.Items, evaluate(o, nodes))
		}
		if g, w := sorted(got).String(), sorted(want).String(); g != w {
			t.Fatalf("%s\ngot  %s\nwant %s", compiled.Text(), g, w)
		}
	})
}

// fillHoles writes the join and key of every hole into it.
func fillHoles(a *jsonshape.Answer, f *plan.Fragment) []byte {
	var out []byte
	at := 0
	for _, h := range a.Holes {
		out = append(out, a.Bytes[at:h.Offset]...)
		at = h.Offset
		key := strconv.Itoa(h.Join)
		for i := range f.Joins[h.Join].Keys {
			key += "|" + string(a.KeyPartText(h, i))
		}
		out = orderedjson.AppendString(out, key)
	}
	return append(out, a.Bytes[at:]...)
}
