package oracle_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// node is a JSON value whose order and numbers are kept. Text is a scalar's
// JSON.
type node struct {
	kind  byte // { [ or s
	text  string
	keys  []string
	items []*node
}

func leaf(text string) *node { return &node{kind: 's', text: text} }

func (n *node) set(key string, value *node) {
	n.keys = append(n.keys, key)
	n.items = append(n.items, value)
}

func (n *node) get(key string) *node {
	if i := slices.Index(n.keys, key); i >= 0 {
		return n.items[i]
	}
	return nil
}

func (n *node) String() string {
	if n.kind == 's' {
		return n.text
	}
	parts := []string{}
	for i, item := range n.items {
		if n.kind == '{' {
			parts = append(parts, quoted(n.keys[i])+":"+item.String())
		} else {
			parts = append(parts, item.String())
		}
	}
	return string(n.kind) + strings.Join(parts, ",") + map[byte]string{'{': "}", '[': "]"}[n.kind]
}

// read parses JSON. Strings stay as they are written.
func read(text []byte) (*node, error) {
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return nil, fmt.Errorf("nothing where JSON was expected")
	}
	switch text[0] {
	case '{', '[':
		return readMany(text)
	}
	if !json.Valid(text) {
		return nil, fmt.Errorf("not JSON: %s", text)
	}
	return leaf(string(text)), nil
}

func readMany(text []byte) (*node, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if _, err := decoder.Token(); err != nil {
		return nil, err
	}
	out := &node{kind: text[0]}
	for decoder.More() {
		key := ""
		if out.kind == '{' {
			token, err := decoder.Token()
			if err != nil {
				return nil, err
			}
			key = fmt.Sprint(token)
		}
		var raw json.RawMessage
		if err := decoder.Decode(&raw); err != nil {
			return nil, err
		}
		item, err := read(raw)
		if err != nil {
			return nil, err
		}
		if out.kind == '{' {
			out.set(key, item)
		} else {
			out.items = append(out.items, item)
		}
	}
	_, err := decoder.Token()
	return out, err
}

// answer evaluates a request.
func (e *evaluator) answer(r *request) *node {
	data := &node{kind: '{'}
	for _, f := range r.Fields {
		t := e.world.table(f.Table)
		switch f.Kind {
		case "key":
			found := leaf("null")
			for _, x := range e.rows(t, true) {
				if e.isKey(t, x, f.Key) {
					found = e.object(t, x, f.Fields)
				}
			}
			data.set(f.Alias, found)
		case "aggregate":
			data.set(f.Alias, e.aggregate(t, e.rows(t, true), f))
		default:
			data.set(f.Alias, e.list(t, e.chosen(t, e.rows(t, true), f.Arguments, true), f.Fields))
		}
	}
	out := &node{kind: '{'}
	out.set("data", data)
	return out
}

func (e *evaluator) isKey(t *table, r row, key []operand) bool {
	for i, name := range t.Key {
		if compareValues(t.column(name).Type, *r[name], key[i].Text) != 0 {
			return false
		}
	}
	return true
}

func (e *evaluator) list(t *table, rows []row, fields []*field) *node {
	out := &node{kind: '['}
	for _, r := range rows {
		out.items = append(out.items, e.object(t, r, fields))
	}
	return out
}

func (e *evaluator) object(t *table, r row, fields []*field) *node {
	out := &node{kind: '{'}
	for _, f := range fields {
		switch f.Kind {
		case "column":
			out.set(f.Alias, literalNode(t.column(f.Column).Type, r[f.Column]))
			continue
		case "typename":
			out.set(f.Alias, leaf(quoted(t.Name)))
			continue
		}
		rel := e.world.relationship(t.Name, f.Relationship)
		to := e.world.table(rel.To)
		rows := e.related(rel, r, true)
		switch {
		case f.Kind == "aggregate":
			out.set(f.Alias, e.aggregate(to, rows, f))
		case f.Kind == "array":
			out.set(f.Alias, e.list(to, e.chosen(to, rows, f.Arguments, true), f.Fields))
		case len(rows) == 0:
			out.set(f.Alias, leaf("null"))
		default:
			out.set(f.Alias, e.object(to, rows[0], f.Fields))
		}
	}
	return out
}

func literalNode(s scalar, value *string) *node {
	if value == nil {
		return leaf("null")
	}
	return leaf(s.literal(*value))
}

// chosen applies arguments to rows, and the permission's limit when limited.
func (e *evaluator) chosen(t *table, rows []row, a *arguments, limited bool) []row {
	if a == nil {
		a = &arguments{}
	}
	if a.Where != nil {
		rows = slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return e.holds(t, r, a.Where, true, nil) != yes })
	}
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(x, y row) int { return e.order(t, x, y, a.Order) })
	if len(a.Distinct) > 0 {
		seen := map[string]bool{}
		rows = slices.DeleteFunc(rows, func(r row) bool {
			key := ""
			for _, c := range a.Distinct {
				if r[c] != nil {
					key += "=" + canonical(t.column(c).Type, *r[c])
				}
				key += "\x00"
			}
			defer func() { seen[key] = true }()
			return seen[key]
		})
	}
	if a.Offset != nil {
		rows = rows[min(*a.Offset, len(rows)):]
	}
	if a.Limit != nil {
		rows = rows[:min(*a.Limit, len(rows))]
	}
	if most := e.world.access(e.role, t.Name).Limit; limited && most != nil {
		rows = rows[:min(*most, len(rows))]
	}
	return rows
}

func (e *evaluator) order(t *table, x, y row, keys []*order) int {
	for _, o := range keys {
		a, s := e.orderValue(t, x, o)
		b, _ := e.orderValue(t, y, o)
		descending := strings.HasPrefix(o.Direction, "desc")
		first := descending && !strings.HasSuffix(o.Direction, "last") || strings.HasSuffix(o.Direction, "first")
		n := 0
		switch {
		case a == nil && b == nil:
			continue
		case a == nil || b == nil:
			n = 1
			if (a == nil) == first {
				n = -1
			}
		default:
			n = compareValues(s, *a, *b)
			if descending {
				n = -n
			}
		}
		if n != 0 {
			return n
		}
	}
	return 0
}

func (e *evaluator) orderValue(t *table, r row, o *order) (*string, scalar) {
	for _, name := range o.Path {
		rel := e.world.relationship(t.Name, name)
		t = e.world.table(rel.To)
		rows := e.related(rel, r, true)
		if len(rows) == 0 {
			r = nil
			break
		}
		r = rows[0]
	}
	if r == nil {
		return nil, integerType
	}
	if o.Function == "" {
		return r[o.Column], t.column(o.Column).Type
	}
	rel := e.world.relationship(t.Name, o.Relationship)
	to := e.world.table(rel.To)
	value := fold(to, e.related(rel, r, true), o.Function, []string{o.Column}, false)
	if o.Function == "count" {
		value = fold(to, e.related(rel, r, true), o.Function, nil, false)
		return value, integerType
	}
	return value, to.column(o.Column).Type
}

// anything stands for what only the databases compute.
const anything = `"?"`

func (e *evaluator) aggregate(t *table, rows []row, f *field) *node {
	out := &node{kind: '{'}
	over := e.chosen(t, rows, f.Arguments, false)
	if len(f.Items) > 0 {
		group := &node{kind: '{'}
		for _, i := range f.Items {
			value := fold(t, over, i.Function, i.Columns, i.Distinct)
			if i.Function == "count" {
				group.set(i.Alias, leaf(*value))
				continue
			}
			inner := &node{kind: '{'}
			if i.Function == "avg" && value != nil {
				inner.set(i.Columns[0], leaf(anything))
			} else {
				inner.set(i.Columns[0], literalNode(t.column(i.Columns[0]).Type, value))
			}
			group.set(i.Alias, inner)
		}
		out.set("aggregate", group)
	}
	if len(f.Fields) > 0 {
		out.set("nodes", e.list(t, e.chosen(t, rows, f.Arguments, true), f.Fields))
	}
	return out
}

// normal brings lists without a total order into one, so that only what is
// defined is compared. Loose also hides what the evaluator doesn't compute.
func (w *world) normal(answer *node, r *request, loose bool) {
	data := answer.get("data")
	if data == nil || data.kind != '{' {
		return
	}
	for _, f := range r.Fields {
		w.normalField(w.table(f.Table), data.get(f.Alias), f, loose)
	}
}

func (w *world) normalField(t *table, n *node, f *field, loose bool) {
	if n == nil {
		return
	}
	switch f.Kind {
	case "object", "key":
		w.normalObject(t, n, f.Fields, loose)
	case "array":
		w.normalList(t, n, f, loose)
	case "aggregate":
		if group := n.get("aggregate"); group != nil && loose {
			for _, i := range f.Items {
				if inner := group.get(i.Alias); i.Function == "avg" && inner != nil && len(inner.items) == 1 && inner.items[0].text != "null" {
					inner.items[0] = leaf(anything)
				}
			}
		}
		if nodes := n.get("nodes"); nodes != nil {
			w.normalList(t, nodes, f, loose)
		}
	}
}

func (w *world) normalList(t *table, n *node, f *field, loose bool) {
	for _, item := range n.items {
		w.normalObject(t, item, f.Fields, loose)
	}
	if !f.Arguments.total(t) {
		slices.SortFunc(n.items, func(a, b *node) int { return strings.Compare(a.String(), b.String()) })
	}
}

func (w *world) normalObject(t *table, n *node, fields []*field, loose bool) {
	for _, f := range fields {
		switch value := n.get(f.Alias); f.Kind {
		case "typename":
		case "column":
			if loose && value != nil && value.kind == 's' && strings.HasPrefix(value.text, `"`) {
				// One way of writing strings for both.
				var text string
				if json.Unmarshal([]byte(value.text), &text) == nil {
					value.text = quoted(text)
				}
			}
		default:
			w.normalField(w.table(w.relationship(t.Name, f.Relationship).To), value, f, loose)
		}
	}
}
