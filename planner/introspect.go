package planner

import (
	"slices"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/internal/schema"
)

// introspect answers __schema and __type while planning: the answer depends on
// the schema and the text only.
func (p *planner) introspect(s *selected) (*plan.Static, error) {
	if p.schema.Catalog.Settings.IntrospectionDisabledForRole[p.schema.Role] {
		return nil, &Error{
			Code: CodeNotSupported, Path: s.path,
			Message: `introspection is disabled for role: "` + p.schema.Role + `"`,
		}
	}
	if s.introspection == "__schema" {
		below, err := p.metaSelect(s.set(), p.schema.MetaSchema(), s.path)
		if err != nil {
			return nil, err
		}
		if !p.schema.Large() {
			return p.described(s, below, p.schema)
		}
		if err := below.bounded(s.path); err != nil {
			return nil, err
		}
		role := p.schema
		return &plan.Static{Render: func(write func(piece []byte)) { below.render(role.Transient(), write) }}, nil
	}
	name := &schema.Input{Name: "name", Type: schema.Required(schema.Named(p.metaString()))}
	for _, a := range s.nodes[0].Arguments {
		if a.Name != "name" {
			return nil, invalid(s.path, "'__type' has no argument named '%s'", a.Name)
		}
	}
	path := under(s.path+".args", "name")
	v, err := p.load(s.argument("name"), name.Type, false, path)
	if err != nil {
		return nil, err
	}
	if v.missing {
		return nil, invalid(path, "missing required field 'name'")
	}
	if v.lit == nil {
		p.use(use{name: v.name, ref: name.Type, path: path, exact: true})
	}
	j, err := v.literal(path)
	if err != nil {
		return nil, err
	}
	if err := check(name.Type, j, path); err != nil {
		return nil, err
	}
	below, err := p.metaSelect(s.set(), p.schema.MetaType(), s.path)
	if err != nil {
		return nil, err
	}
	all := p.schema
	if all.Large() {
		all = all.Transient()
	}
	t, ok := all.TypeByName(j.Text)
	if !ok {
		return &plan.Static{JSON: []byte("null")}, nil
	}
	return p.described(s, below, schema.Named(t))
}

// maxIntrospection bounds the bytes that an operation's introspection answers,
// unless its schema is so large that the answer is written in pieces.
const maxIntrospection = 32 << 20

// described answers what is asked of the schema or of a type of it.
func (p *planner) described(s *selected, asked *metaSelection, of any) (*plan.Static, error) {
	w := &metaWriter{most: maxIntrospection - p.introspected, live: p.live}
	w.object(asked, of)
	if w.stopped != nil {
		return nil, w.stopped
	}
	if w.full() {
		return nil, invalid(s.path, "the answer to the introspection of one operation would be longer than %d bytes", maxIntrospection)
	}
	p.introspected += len(w.out)
	return &plan.Static{JSON: slices.Clip(w.out)}, nil
}

// Bounds of what is asked of a large schema, whose answer is written in pieces and
// so can't be refused for its length: types are listed once, with their members,
// and not with the members of the types of those again.
const (
	maxLargeMembers = 1000
	maxLargeLists   = 1
)

// bounded refuses what a large schema had better not be asked.
func (m *metaSelection) bounded(path string) error {
	members := 0
	var walk func(m *metaSelection, lists int) error
	walk = func(m *metaSelection, lists int) error {
		for i := range m.members {
			below := &m.members[i]
			if members++; members > maxLargeMembers {
				return invalid(path, "introspection of a schema with so many types may not select more than %d fields", maxLargeMembers)
			}
			inner := lists
			switch below.name {
			case "fields", "inputFields", "interfaces", "possibleTypes":
				if inner++; inner > maxLargeLists {
					return invalid(path, "introspection of a schema with so many types may not list the members of types within those of others")
				}
			}
			if below.below != nil {
				if err := walk(below.below, inner); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return walk(m, 0)
}

func (p *planner) metaString() *schema.Type {
	f, _ := p.schema.MetaType().Field("name")
	return f.Type.Base()
}

// metaSelection is what is asked of an introspection object.
type metaSelection struct {
	typeName string
	members  []metaMember
}

type metaMember struct {
	// key is the member's key as it is written; name the field's, empty for
	// __typename.
	key, name string
	// deprecated: what is deprecated is listed too.
	deprecated bool
	below      *metaSelection
}

// metaSelect resolves a selection on an introspection type.
func (p *planner) metaSelect(set ast.SelectionSet, on *schema.Type, path string) (*metaSelection, error) {
	fields, err := p.collect(set, on, path)
	if err != nil {
		return nil, err
	}
	out := &metaSelection{typeName: on.Name, members: make([]metaMember, len(fields))}
	for i, f := range fields {
		m := &out.members[i]
		m.key = string(appendKey(nil, f.key))
		if f.field == nil {
			continue
		}
		m.name = f.field.Name
		if m.deprecated, err = p.includeDeprecated(f); err != nil {
			return nil, err
		}
		if base := f.field.Type.Base(); base.IsComposite() {
			if m.below, err = p.metaSelect(f.set(), base, f.path); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

func (p *planner) includeDeprecated(s *selected) (bool, error) {
	a, ok := s.field.Arg("includeDeprecated")
	if !ok {
		return true, nil
	}
	path := under(s.path+".args", a.Name)
	v, err := p.load(s.argument(a.Name), a.Type, true, path)
	if err != nil || v.missing || v.isNull() {
		return false, err
	}
	return boolean(v, a, path)
}

// pieceSize is about how long the pieces are that a schema is written in.
const pieceSize = 32 << 10

// render writes what is asked of a schema in pieces, and has its types forget
// their members once they are written.
func (m *metaSelection) render(s *schema.Schema, write func(piece []byte)) {
	w := &metaWriter{write: write}
	w.object(m, s)
	write(w.out)
}

// metaWriter writes introspection objects; write takes what has been written so
// far, nil: it stays.
type metaWriter struct {
	out   []byte
	write func(piece []byte)
	// most bounds what stays.
	most int
	// live fails when the operation has been given up, which stopped then says.
	live    func() error
	stopped error
	objects int
}

// full reports whether more has been written than may stay.
func (w *metaWriter) full() bool { return w.write == nil && len(w.out) > w.most }

// ended reports whether there is no point in going on.
func (w *metaWriter) ended() bool {
	if w.write != nil {
		return false
	}
	if w.objects++; w.objects%checkEvery == 0 && w.stopped == nil {
		w.stopped = w.live()
	}
	return w.stopped != nil || w.full()
}

func (w *metaWriter) object(asked *metaSelection, of any) {
	if w.ended() {
		return
	}
	w.out = append(w.out, '{')
	for i := range asked.members {
		m := &asked.members[i]
		if i > 0 {
			w.out = append(w.out, ',')
		}
		w.out = append(w.out, m.key...)
		if m.name == "" {
			w.out = orderedjson.AppendString(w.out, asked.typeName)
			continue
		}
		w.value(m, metaField(of, m.name, m.deprecated))
	}
	w.out = append(w.out, '}')
}

// value writes a value of an introspection field: nil, a string, a bool, a list,
// or something with fields of its own.
func (w *metaWriter) value(m *metaMember, v any) {
	switch v := v.(type) {
	case nil:
		w.out = append(w.out, "null"...)
	case string:
		w.out = orderedjson.AppendString(w.out, v)
	case bool:
		w.out = strconv.AppendBool(w.out, v)
	case []any:
		w.out = append(w.out, '[')
		for i, item := range v {
			if i > 0 {
				w.out = append(w.out, ',')
			}
			w.value(m, item)
		}
		w.out = append(w.out, ']')
	case []*schema.Type:
		w.out = append(w.out, '[')
		for i, t := range v {
			if i > 0 {
				w.out = append(w.out, ',')
			}
			w.value(m, schema.Named(t))
			t.Forget()
			w.pass()
		}
		w.out = append(w.out, ']')
	default:
		w.object(m.below, v)
	}
}

// pass hands on what has been written, if it is enough.
func (w *metaWriter) pass() {
	if w.write != nil && len(w.out) >= pieceSize {
		w.write(w.out)
		w.out = w.out[:0]
	}
}

func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// sorted lists fields and inputs by name, as v2 does.
func sorted[T any](items []T, name func(T) string, keep func(T) bool) []any {
	items = slices.Clone(items)
	slices.SortStableFunc(items, func(a, b T) int { return strings.Compare(name(a), name(b)) })
	return anyList(items, keep)
}

func fieldName(f *schema.Field) string     { return f.Name }
func inputName(f *schema.Input) string     { return f.Name }
func valueName(v *schema.EnumValue) string { return v.Name }

func anyList[T any](items []T, keep func(T) bool) []any {
	out := make([]any, 0, len(items))
	for _, item := range items {
		if keep == nil || keep(item) {
			out = append(out, item)
		}
	}
	return out
}

func typeList(types []*schema.Type) []any {
	out := make([]any, 0, len(types))
	for _, t := range types {
		out = append(out, schema.Named(t))
	}
	return out
}

// metaField evaluates one field of an introspection object.
func metaField(of any, name string, deprecated bool) any {
	switch of := of.(type) {
	case *schema.Schema:
		return metaSchema(of, name)
	case schema.Ref:
		return metaType(of, name, deprecated)
	case *schema.Field:
		return metaFieldOf(of, name)
	case *schema.Input:
		switch name {
		case "name":
			return of.Name
		case "description":
			return text(of.Description)
		case "type":
			return of.Type
		case "defaultValue":
			return text(of.Default)
		case "isDeprecated":
			return false
		}
	case *schema.EnumValue:
		switch name {
		case "name":
			return of.Name
		case "description":
			return text(of.Description)
		case "isDeprecated":
			return of.Deprecation != nil
		case "deprecationReason":
			return reason(of.Deprecation)
		}
	case schema.Directive:
		switch name {
		case "name":
			return of.Name
		case "description":
			return text(of.Description)
		case "locations":
			return anyList(of.Locations, nil)
		case "args":
			return anyList(of.Args, nil)
		case "isRepeatable":
			return false
		}
	}
	return nil
}

func reason(r *string) any {
	if r == nil {
		return nil
	}
	return *r
}

func metaSchema(s *schema.Schema, name string) any {
	switch name {
	case "types":
		return s.Types()
	case "queryType":
		return schema.Named(s.Query)
	case "mutationType":
		if s.Mutation != nil {
			return schema.Named(s.Mutation)
		}
	case "subscriptionType":
		if len(s.Subscription.Fields()) > 0 {
			return schema.Named(s.Subscription)
		}
	case "directives":
		return anyList(s.Directives(), nil)
	}
	return nil
}

func metaFieldOf(f *schema.Field, name string) any {
	switch name {
	case "name":
		return f.Name
	case "description":
		return text(f.Description)
	case "args":
		return sorted(f.Args, inputName, nil)
	case "type":
		return f.Type
	case "isDeprecated":
		return f.Deprecation != nil
	case "deprecationReason":
		return reason(f.Deprecation)
	}
	return nil
}

func metaType(r schema.Ref, name string, deprecated bool) any {
	if r.NonNull || r.List != nil {
		switch {
		case name == "kind" && r.NonNull:
			return "NON_NULL"
		case name == "kind":
			return "LIST"
		case name == "ofType" && r.NonNull:
			return schema.Nullable(r)
		case name == "ofType":
			return *r.List
		}
		return nil
	}
	t := r.Named
	switch name {
	case "kind":
		return string(t.Kind)
	case "name":
		return t.Name
	case "description":
		return text(t.Description)
	case "fields":
		if t.Kind == schema.Object || t.Kind == schema.Interface {
			return sorted(t.Fields(), fieldName, func(f *schema.Field) bool { return deprecated || f.Deprecation == nil })
		}
	case "interfaces":
		if t.Kind == schema.Object || t.Kind == schema.Interface {
			return typeList(t.Interfaces())
		}
	case "possibleTypes":
		if t.Kind == schema.Interface || t.Kind == schema.Union {
			return typeList(t.Possible())
		}
	case "enumValues":
		if t.Kind == schema.Enum {
			return sorted(t.Values(), valueName, func(v *schema.EnumValue) bool { return deprecated || v.Deprecation == nil })
		}
	case "inputFields":
		if t.Kind == schema.InputObject {
			return sorted(t.Inputs(), inputName, nil)
		}
	case "isOneOf":
		if t.Kind == schema.InputObject {
			return false
		}
	}
	return nil
}
