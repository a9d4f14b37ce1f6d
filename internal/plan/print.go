package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// String prints the plan as a tree: every fragment with what it reads, under
// which permission, and what hangs below it. Equal plans print equally.
func (p *Plan) String() string {
	w := &printer{}
	w.line("%s %s", p.Operation, p.Name)
	w.roots(p.Roots)
	w.unions(p.Unions)
	return w.b.String()
}

// Signature is equal for keyed fragments that ask the same of the same source
// and hang the same below: a key fetched for one need not be fetched for the
// other.
func Signature(f *Fragment) string {
	w := &printer{signature: true, numbered: true}
	w.fragment(f)
	return w.b.String()
}

// KeySetSignature is equal for key sets that ask the same.
func KeySetSignature(k *KeySet) string {
	w := &printer{numbered: true}
	w.line("keys ranked=%t", k.Ranked)
	if k.Candidates != nil {
		w.fragment(k.Candidates)
	}
	w.fragment(k.Fragment)
	return w.b.String()
}

type printer struct {
	b      strings.Builder
	indent int
	// signature: of what a remote schema is given, only the class of the left side's
	// type matters, which decides how it is written; unions are left out.
	signature bool
	// numbered: what hangs below is named by the numbers that equal ones share, so
	// that nothing is printed for each of those above it.
	numbered bool
}

func (w *printer) line(format string, args ...any) {
	for range w.indent {
		w.b.WriteString("  ")
	}
	fmt.Fprintf(&w.b, format, args...)
	w.b.WriteByte('\n')
}

func (w *printer) nested(f func()) {
	w.indent++
	f()
	w.indent--
}

func (w *printer) roots(roots []Root) {
	w.nested(func() {
		for _, r := range roots {
			switch n := r.Node.(type) {
			case *Static:
				if n.Render != nil {
					w.line("%s = written for each answer", r.Key)
					continue
				}
				w.line("%s = %s", r.Key, n.JSON)
			case *Namespace:
				w.line("%s {", r.Key)
				w.roots(n.Roots)
				w.line("}")
			case *Fetch:
				w.line("%s = value %d of", r.Key, n.Ordinal)
				w.nested(func() { w.fragment(n.Fragment) })
			}
		}
	})
}

func keySetText(k *KeySet) string {
	if len(k.Columns) == 0 {
		return "of " + k.Relationship + ": " + k.Why
	}
	return fmt.Sprintf("of %s for (%s): %s", k.Relationship, columnNames(k.Columns), k.Why)
}

func (w *printer) fragment(f *Fragment) {
	by := ""
	if f.Union != nil && !w.signature {
		by = fmt.Sprintf(" by union %d", f.Union.ID)
	}
	w.line("fragment source=%s bindings=(%s)%s", f.Source, w.bindings(f.Bindings), by)
	w.nested(func() {
		for i, k := range f.KeySets {
			w.line("key set %d %s", i, keySetText(k))
			if w.numbered {
				w.line("number %d", k.ID)
				continue
			}
			w.nested(func() {
				if k.Candidates != nil {
					w.line("candidates")
					w.fragment(k.Candidates)
				}
				w.fragment(k.Fragment)
			})
		}
		switch q := f.Query.(type) {
		case *Selection:
			w.selection(q)
		case *Aggregation:
			w.aggregation(q)
		case *Connection:
			w.connection(q)
		case *RemoteQuery:
			w.remote(q)
		case *Representations:
			w.representations(q)
		case *Insert:
			w.insert(q)
		case *Update:
			w.update(q)
		case *Updates:
			w.updates(q)
		case *Delete:
			w.delete(q)
		}
		for _, j := range f.Joins {
			if j.KeysOnly {
				w.line("wanted keys (%s)", keysText(j.Keys))
				continue
			}
			w.line("join %d %s keys=(%s) null=%s", j.Index, j.Relationship, keysText(j.Keys), j.OnNull)
			if w.numbered {
				w.line("number %d", j.Child.Lookup)
				continue
			}
			w.nested(func() { w.fragment(j.Child) })
		}
	})
}

func (w *printer) selection(s *Selection) {
	w.line("select %s from %s", s.Card, relationText(s.From))
	w.nested(func() {
		w.rows(&s.Rows)
		w.fields(s.Fields)
	})
}

func (w *printer) rows(r *Rows) {
	if len(r.On) > 0 {
		parts := make([]string, 0, len(r.On))
		for _, c := range r.On {
			outer := c.Outer.Name
			if c.Binding >= 0 {
				outer = "binding " + strconv.Itoa(c.Binding)
			}
			parts = append(parts, c.Column.Name+" = "+outer)
		}
		w.line("on %s", strings.Join(parts, " and "))
	}
	if r.Where != nil {
		w.line("where %s", PredicateText(r.Where))
	}
	if r.Restricted {
		w.line("permit %s", PredicateText(r.Permit))
	}
	if len(r.DistinctOn) > 0 {
		as := ""
		if r.DistinctTexts && slices.ContainsFunc(r.DistinctOn, func(c Column) bool { return c.Equality.Folds() }) {
			as = " as texts"
		}
		w.line("distinct on %s%s", guardedNames(r.DistinctOn, r.DistinctGuard), as)
	}
	if len(r.OrderBy) > 0 {
		parts := make([]string, 0, len(r.OrderBy))
		for _, o := range r.OrderBy {
			parts = append(parts, orderText(o))
		}
		w.line("order by %s", strings.Join(parts, ", "))
	}
	if r.Limit != nil {
		w.line("limit %s", ValueText(r.Limit))
	}
	if r.PermitLimit >= 0 {
		w.line("permit limit %d", r.PermitLimit)
	}
	if r.Offset != nil {
		w.line("offset %s", ValueText(r.Offset))
	}
}

func (w *printer) fields(fields []Field) {
	for _, f := range fields {
		switch f := f.(type) {
		case *ColumnField:
			upper := ""
			if f.UpperCase {
				upper = " in upper case"
			}
			w.line("%s = column %s%s%s", f.Key, f.Column.Name, upper, decoration(f.JSONPath, f.Stringify, f.Guard))
		case *ComputedField:
			w.line("%s = computed %s%s", f.Key, relationText(f.Call), decoration(f.JSONPath, f.Stringify, f.Guard))
		case *NestedField:
			w.line("%s = related %s%s", f.Key, f.Relationship, decoration(nil, false, f.Guard))
			w.nested(func() { w.selection(f.Selection) })
		case *NestedAggregateField:
			w.line("%s = aggregate of related %s%s", f.Key, f.Relationship, decoration(nil, false, f.Guard))
			w.nested(func() { w.aggregation(f.Aggregation) })
		case *NestedConnectionField:
			w.line("%s = page of related %s", f.Key, f.Relationship)
			w.nested(func() { w.connection(f.Connection) })
		case *NodeIDField:
			w.nodeID(f)
		case *HoleField:
			w.line("%s = join %d", f.Key, f.Join.Index)
		case *StaticField:
			w.line("%s = %s", f.Key, f.JSON)
		case *GroupField:
			w.line("%s = object", f.Key)
			w.nested(func() { w.fields(f.Fields) })
		}
	}
}

func decoration(path []string, stringify bool, guard Predicate) string {
	out := ""
	if len(path) > 0 {
		out += fmt.Sprintf(" at %q", path)
	}
	if stringify {
		out += " as string"
	}
	if guard != nil {
		out += " if " + PredicateText(guard)
	}
	return out
}

func (w *printer) aggregation(a *Aggregation) {
	w.line("aggregate from %s", relationText(a.From))
	w.nested(func() {
		w.rows(&a.Rows)
		for _, f := range a.Fields {
			switch f := f.(type) {
			case *AggregateStatic:
				w.line("%s = %s", f.Key, f.JSON)
			case *AggregateNodes:
				w.line("%s = nodes", f.Key)
				w.nested(func() { w.fields(f.Fields) })
			case *AggregateGroup:
				w.line("%s = aggregates", f.Key)
				w.nested(func() { w.aggregateItems(f.Items) })
			}
		}
	})
}

func (w *printer) aggregateItems(items []AggregateItem) {
	for _, item := range items {
		switch item := item.(type) {
		case *AggregateItemStatic:
			w.line("%s = %s", item.Key, item.JSON)
		case *Count:
			w.line("%s = count(%s) distinct=%t", item.Key, guardedNames(item.Columns, item.Guard), item.Distinct)
		case *AggregateFunction:
			w.line("%s = %s", item.Key, item.Name)
			w.nested(func() {
				for _, c := range item.Columns {
					switch {
					case c.Static != nil:
						w.line("%s = %s", c.Key, c.Static)
					case c.Computed != nil:
						w.line("%s = %s%s", c.Key, relationText(c.Computed), decoration(nil, c.Stringify, c.Guard))
					default:
						w.line("%s = %s%s", c.Key, c.Column.Name, decoration(nil, c.Stringify, c.Guard))
					}
				}
			})
		}
	}
}

func (w *printer) remote(q *RemoteQuery) {
	w.line("%s of remote schema", q.Operation)
	w.nested(func() {
		for _, v := range q.Variables {
			w.line("variable $%s: %s", v.Name, v.Type)
		}
		if len(q.Extract) > 0 {
			w.line("extract %s", strings.Join(q.Extract, "."))
		}
		if q.Batch != nil && q.Batch.Entities != nil {
			w.line("entities %s by %s", q.Batch.Entities.Type, ValueText(q.Batch.Entities.Key))
		} else if q.Batch != nil {
			parts := make([]string, 0, len(q.Batch.Match))
			for _, m := range q.Batch.Match {
				parts = append(parts, fmt.Sprintf("%s = binding %d", m.Field, m.Binding))
			}
			w.line("list lookup, match %s, many=%t", strings.Join(parts, " and "), q.Batch.Many)
		}
		for _, f := range q.Fields {
			w.remoteNode(f)
		}
	})
}

func (w *printer) remoteNode(n RemoteNode) {
	switch n := n.(type) {
	case *RemoteField:
		args := make([]string, 0, len(n.Arguments))
		for _, a := range n.Arguments {
			args = append(args, a.Name+": "+ValueText(a.Value))
		}
		w.line("%s = field %s(%s)", n.Key, n.Name, strings.Join(args, ", "))
		w.nested(func() {
			for _, f := range n.Fields {
				w.remoteNode(f)
			}
		})
	case *RemoteInline:
		w.line("on %s", n.Type)
		w.nested(func() {
			for _, f := range n.Fields {
				w.remoteNode(f)
			}
		})
	case *RemoteTypename:
		w.line("%s = type name", n.Key)
	case *RemoteStatic:
		w.line("%s = %s", n.Key, n.JSON)
	case *RemoteHole:
		w.line("%s = join %d", n.Key, n.Join.Index)
	}
}

func columnNames(columns []Column) string {
	out := make([]string, 0, len(columns))
	for _, c := range columns {
		out = append(out, c.Name)
	}
	return strings.Join(out, ", ")
}

// guardedNames names columns with the conditions under which they are seen.
func guardedNames(columns []Column, guard func(int) Predicate) string {
	out := make([]string, 0, len(columns))
	for i, c := range columns {
		out = append(out, c.Name+decoration(nil, false, guard(i)))
	}
	return strings.Join(out, ", ")
}

func relationText(r Relation) string {
	switch r := r.(type) {
	case *Table:
		if r.Schema == "" {
			return r.Name
		}
		return r.Schema + "." + r.Name
	case *FunctionCall:
		args := make([]string, 0, len(r.Arguments))
		for _, a := range r.Arguments {
			switch {
			case a.Row:
				args = append(args, a.Name+" => row")
			case a.Session:
				args = append(args, a.Name+" => session")
			default:
				args = append(args, a.Name+" => "+ValueText(a.Value))
			}
		}
		name := r.Schema + "." + r.Name
		if len(r.Results) > 0 {
			name = "procedure " + name
		}
		return name + "(" + strings.Join(args, ", ") + ")"
	case *NativeQuery:
		var b strings.Builder
		for _, part := range r.Parts {
			if part.Value != nil {
				b.WriteString(ValueText(part.Value))
			} else {
				b.WriteString(part.SQL)
			}
		}
		return "native query " + r.Name + " " + strconv.Quote(b.String())
	}
	return "?"
}

func orderText(o Order) string {
	out := orderKeyText(o.By)
	if o.Descending {
		out += " desc"
	}
	if o.Nulls != NullsDefault {
		out += " nulls " + string(o.Nulls)
	}
	return out
}

func orderKeyText(k OrderKey) string {
	switch k := k.(type) {
	case *OrderColumn:
		return k.Column.Name + decoration(nil, false, k.Guard)
	case *OrderComputed:
		return relationText(k.Call) + decoration(nil, false, k.Guard)
	case *OrderRelated:
		return k.Relationship + targetText(&k.Target) + "." + orderKeyText(k.By)
	case *OrderRanked:
		return fmt.Sprintf("rank of (%s) in key set %d, else %d", columnNames(k.Columns), k.KeySet, k.Missing)
	case *OrderAggregate:
		column := k.Column.Name
		if k.Computed != nil {
			column = relationText(k.Computed)
		}
		return k.Relationship + targetText(&k.Target) + "." + k.Function + "(" + column + decoration(nil, false, k.Guard) + ")"
	}
	return "?"
}

// targetText prints what narrows related rows besides the relationship itself.
func targetText(r *Rows) string {
	w := &printer{}
	w.rows(r)
	text := strings.ReplaceAll(strings.TrimSpace(w.b.String()), "\n", "; ")
	return "[" + relationText(r.From) + " " + text + "]"
}

// PredicateText prints a predicate on one line; nil is true.
func PredicateText(p Predicate) string {
	switch p := p.(type) {
	case nil:
		return "true"
	case *And:
		return junction(p.Parts, " and ", "true")
	case *Or:
		return junction(p.Parts, " or ", "false")
	case *Not:
		return "not " + PredicateText(p.Part)
	case *Const:
		return strconv.FormatBool(p.Value)
	case *Compare:
		return operandText(p.Left) + " " + string(p.Operator) + " " + ValueText(p.Right)
	case *CompareColumns:
		right := p.Right.Name
		if p.RightRoot {
			right = "$." + right
		}
		return p.Left.Name + " " + string(p.Operator) + " column " + right
	case *IsNull:
		if p.Negate {
			return operandText(p.Left) + " is not null"
		}
		return operandText(p.Left) + " is null"
	case *Exists:
		return "exists " + p.Relationship + targetText(&p.Target)
	case *CompareAggregate:
		having := make([]string, 0, len(p.Having))
		for _, h := range p.Having {
			if h.IsNull != nil {
				having = append(having, fmt.Sprintf("is null %t", *h.IsNull))
				continue
			}
			having = append(having, string(h.Operator)+" "+ValueText(h.Right))
		}
		return fmt.Sprintf("%s(%s%s distinct=%t) of %s %s", p.Function, guardedNames(p.Arguments, p.Guard), targetText(&p.Target),
			p.Distinct, p.Relationship, strings.Join(having, " and "))
	case *InKeys:
		if len(p.Columns) == 0 {
			return "key set " + strconv.Itoa(p.KeySet) + " found a row"
		}
		return "(" + columnNames(p.Columns) + ") in key set " + strconv.Itoa(p.KeySet)
	case *RemoteCondition:
		return "remote condition " + strconv.Itoa(p.Index)
	}
	return "?"
}

func junction(parts []Predicate, word, empty string) string {
	if len(parts) == 0 {
		return empty
	}
	out := make([]string, 0, len(parts))
	for _, p := range parts {
		out = append(out, PredicateText(p))
	}
	return "(" + strings.Join(out, word) + ")"
}

func operandText(o Operand) string {
	switch o := o.(type) {
	case *ColumnOperand:
		out := o.Column.Name
		if o.Cast != nil {
			out += "::" + o.Cast.Name
		}
		return out + decoration(nil, false, o.Guard)
	case *ComputedOperand:
		return relationText(o.Call) + decoration(nil, false, o.Guard)
	}
	return "?"
}

// ValueText prints a symbolic value.
func ValueText(v Value) string {
	switch v := v.(type) {
	case nil:
		return "none"
	case *Literal:
		return v.JSON.String()
	case *Variable:
		return "$" + strings.Join(append([]string{v.Name}, v.Path...), ".")
	case *SessionVariable:
		return "session " + v.Name
	case *ListValue:
		out := make([]string, 0, len(v.Items))
		for _, item := range v.Items {
			out = append(out, ValueText(item))
		}
		return "[" + strings.Join(out, ", ") + "]"
	case *ObjectValue:
		out := make([]string, 0, len(v.Values))
		for i, item := range v.Values {
			out = append(out, v.Keys[i]+": "+ValueText(item))
		}
		return "{" + strings.Join(out, ", ") + "}"
	case *Token:
		return "base64 " + ValueText(v.Text) + " at " + strings.Join(v.Path, ".")
	case *BindingValue:
		return "binding " + strconv.Itoa(v.Index)
	case *RemoteEnum:
		return v.Name
	}
	return "?"
}
