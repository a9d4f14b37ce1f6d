package planner

import (
	"slices"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/internal/schema"
)

// service answers what a subgraph says of itself.
func (p *planner) service(s *selected) (*plan.Static, error) {
	members, err := p.collect(s.set(), s.field.Type.Base(), s.path)
	if err != nil {
		return nil, err
	}
	out := []byte{'{'}
	for i, m := range members {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(orderedjson.AppendString(out, m.key), ':')
		if m.field == nil {
			out = orderedjson.AppendString(out, s.field.Type.Base().Name)
		} else {
			out = orderedjson.AppendString(out, p.schema.SDL())
		}
	}
	return &plan.Static{JSON: append(out, '}')}, nil
}

// rootEntities plans entities that a gateway asks for: one keyed fragment for
// each type that the representations name.
func (p *planner) rootEntities(s *selected, path []string) (plan.RootNode, error) {
	a, ok := argumentOf(s.field, schema.ArgRepresentations)
	if !ok {
		return nil, &Error{Code: CodeUnexpected, Path: s.path, Message: "'" + s.field.Name + "' takes no representations"}
	}
	list, err := p.representations(s, a)
	if err != nil {
		return nil, err
	}
	check := representationCheck(p.schema, list, s.path, under(s.path+".args", a.Name))
	if err := check(p.variables); err != nil {
		return nil, err
	}
	p.checks = append(p.checks, check)
	if err := p.checkAbstract(s); err != nil {
		return nil, err
	}
	given, err := (&plan.Arguments{Variables: p.variables}).Resolve(list)
	if err != nil {
		return nil, err
	}
	q := &plan.Representations{List: list}
	h := newHolder(path)
	for _, name := range representedTypes(given) {
		e, _ := p.schema.Entity(name)
		join, err := p.entity(s, e, newHolder(path))
		if err != nil {
			return nil, err
		}
		h.add(join)
		q.Entities = append(q.Entities, p.planEntity(e))
	}
	return &plan.Fetch{Fragment: p.fragment("", q, nil, h), NonNull: s.field.Type.NonNull}, nil
}

func (p *planner) planEntity(e *schema.Entity) plan.Entity {
	out := plan.Entity{Type: e.Type.Name}
	for _, k := range e.Key {
		key := plan.EntityKey{Name: k.Name, Kinds: []orderedjson.Kind{orderedjson.String}}
		if _, kind, every := jsonOf(k.Column.Info.Type); every {
			key.Kinds = nil
		} else if kind != orderedjson.String {
			key.Kinds = append(key.Kinds, kind)
		}
		if f, ok := e.Type.Field(k.Name); ok && isRespelled(f.Type.Base()) {
			key.Spelled = map[string]string{}
			for _, v := range f.Type.Base().Values() {
				key.Spelled[v.Name] = respell(f.Type.Base(), orderedjson.Value{Kind: orderedjson.String, Text: v.Name}).Text
			}
		}
		out.Key = append(out.Key, key)
	}
	return out
}

// entity plans the rows of an entity's table for a set of keys.
func (p *planner) entity(s *selected, e *schema.Entity, below *holder) (*plan.Join, error) {
	join := &plan.Join{Field: s.key, Relationship: e.Type.Name, OnNull: []byte("null")}
	err := p.within(below, func() error {
		rows, err := p.permitted(e.Table)
		if err != nil {
			return err
		}
		rows.PermitLimit = -1
		var bindings []plan.Binding
		for i, k := range e.Key {
			column := k.Column.Plan()
			rows.On = append(rows.On, plan.Correlation{Column: column, Binding: i})
			bindings = append(bindings, plan.Binding{Name: column.Name, Type: column.Type})
			// What can't be cast is left to the database.
			cast, _ := catalog.KeyCast(upstreamType(ast.NamedType("String", nil)), column.Type)
			join.Keys = append(join.Keys, plan.JoinKey{Name: k.Name, Cast: cast})
		}
		p.direct(&rows)
		fields, err := p.fields(s, s.set(), e.Type, below)
		if err != nil {
			return err
		}
		selection := &plan.Selection{Rows: rows, Fields: fields, Card: plan.One}
		join.Child = p.fragment(e.Table.Source.Name, selection, bindings, below)
		return nil
	})
	return join, err
}

// representations reads the list of representations. Which types it names shapes
// the plan, and so must be seen of the variables in it.
func (p *planner) representations(s *selected, a *schema.Input) (plan.Value, error) {
	path := under(s.path+".args", a.Name)
	v, err := p.loadAs(s.argument(a.Name), use{ref: a.Type, path: path, kind: entitiesInput}, false)
	if err != nil {
		return nil, err
	}
	if v.missing {
		return nil, invalid(path, "missing required field '%s'", a.Name)
	}
	if v.lit != nil && hasVariable(v.lit) {
		p.representationUses(v.lit, schema.Nullable(schema.Named(a.Type.Base())), path, false)
	}
	return p.symbolic(v, a.Type, path)
}

// representationUses notes the variables inside of a list of representations
// that say of which type they are.
func (p *planner) representationUses(v *ast.Value, ref schema.Ref, path string, typename bool) {
	if v.Kind == ast.Variable {
		p.use(use{name: v.Raw, ref: ref, path: path, kind: entitiesInput, exact: typename})
		return
	}
	for _, c := range v.Children {
		p.representationUses(c.Value, ref, path, c.Name == "__typename")
	}
}

// representedTypes are the names of the types that representations name, sorted.
func representedTypes(j orderedjson.Value) []string {
	var out []string
	for _, r := range plan.RepresentationsOf(j) {
		if name, ok := plan.RepresentationType(r); ok && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// entitiesOutline is equal for representations that lead to the same plan.
func entitiesOutline(j orderedjson.Value) string {
	var b strings.Builder
	for _, name := range representedTypes(j) {
		b.WriteString(strconv.Quote(name))
	}
	return b.String()
}

// representationCheck gives the check of the representations of a request, which
// are said to be wrong as v2 does.
func representationCheck(s *schema.Schema, list plan.Value, path, argument string) variableCheck {
	return func(variables map[string]orderedjson.Value) error {
		given, err := (&plan.Arguments{Variables: variables}).Resolve(list)
		if err != nil {
			return err
		}
		for i, r := range plan.RepresentationsOf(given) {
			here := indexed(argument, i)
			if r.Kind != orderedjson.Object {
				return invalid(here, "representations is expecting a list of objects only")
			}
			if named, ok := r.Get("__typename"); !ok {
				return invalid(here, "__typename key not found")
			} else if named.Kind != orderedjson.String {
				return invalid(here, "__typename can only be a string value")
			}
			name, _ := plan.RepresentationType(r)
			if !plan.IsName(name) {
				return invalid(here, "%s is not a valid graphql name", name)
			}
			e, ok := s.Entity(name)
			if !ok {
				return invalid(path, "%s is not found in selection set or apollo federation is not enabled for the type", name)
			}
			if err := checkEntityKey(e, r, path); err != nil {
				return err
			}
		}
		return nil
	}
}

// checkEntityKey refuses a representation without a part of its entity's key. One
// whose key is none of the column's values has no entity, and spoils no other.
func checkEntityKey(e *schema.Entity, r orderedjson.Value, path string) error {
	for _, k := range e.Key {
		if _, ok := r.Get(k.Name); !ok {
			return invalid(path, "cannot find %s in _Any type", k.Name)
		}
	}
	return nil
}
