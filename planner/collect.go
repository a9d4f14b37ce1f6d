package planner

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/orderedjson"
	"dovetail/internal/schema"
)

// selected is a response field: all selections of one response key, merged.
type selected struct {
	key  string
	path string
	// field is nil for __typename.
	field *schema.Field
	nodes []*ast.Field
	// introspection is "__schema" or "__type" on the query root.
	introspection string
}

// set is the merged selection set below the field.
func (s *selected) set() ast.SelectionSet {
	if len(s.nodes) == 1 {
		return s.nodes[0].SelectionSet
	}
	var out ast.SelectionSet
	for _, n := range s.nodes {
		out = append(out, n.SelectionSet...)
	}
	return out
}

// argument gives the literal of an argument, nil when it isn't given.
func (s *selected) argument(name string) *ast.Value {
	if a := s.nodes[0].Arguments.ForName(name); a != nil {
		return a.Value
	}
	return nil
}

// collect merges a selection set on an object type into its response fields, in
// order of first appearance, following fragments and @include and @skip.
func (p *planner) collect(set ast.SelectionSet, on *schema.Type, path string) ([]*selected, error) {
	var out []*selected
	byKey := map[string]*selected{}
	err := p.walk(set, on, path, map[string]bool{}, func(f *ast.Field) error {
		key := f.Alias
		if key == "" {
			key = f.Name
		}
		here := under(path+".selectionSet", key)
		if old, ok := byKey[key]; ok {
			return p.merge(old, f, here)
		}
		s := &selected{key: key, path: here, nodes: []*ast.Field{f}}
		switch f.Name {
		case "__typename":
		case "__schema", "__type":
			if on != p.schema.Query {
				return invalid(here, "field '%s' not found in type: '%s'", f.Name, on.Name)
			}
			s.introspection = f.Name
		default:
			field, ok := on.Field(f.Name)
			if !ok {
				return invalid(under(path+".selectionSet", f.Name), "field '%s' not found in type: '%s'", f.Name, on.Name)
			}
			s.field = field
			if err := p.checkField(s); err != nil {
				return err
			}
		}
		byKey[key] = s
		out = append(out, s)
		return nil
	})
	return out, err
}

func (p *planner) checkField(s *selected) error {
	f := s.nodes[0]
	for _, a := range f.Arguments {
		if _, ok := s.field.Arg(a.Name); !ok {
			return invalid(s.path, "'%s' has no argument named '%s'", f.Name, a.Name)
		}
	}
	composite := s.field.Type.Base().IsComposite()
	if composite && len(f.SelectionSet) == 0 {
		return invalid(s.path, "missing selection set for '%s'", f.Name)
	}
	if !composite && len(f.SelectionSet) > 0 {
		return invalid(s.path, "unexpected subselection set for non-object field")
	}
	return nil
}

func (p *planner) merge(old *selected, f *ast.Field, path string) error {
	first := old.nodes[0]
	if first.Name != f.Name {
		return invalid(path, "selection of both '%s' and '%s' specified for the same response name, '%s'", first.Name, f.Name, old.key)
	}
	same, err := p.sameArguments(first.Arguments, f.Arguments, path)
	if err != nil {
		return err
	}
	if !same {
		return invalid(path, "inconsistent arguments between multiple selections of field '%s'", f.Name)
	}
	old.nodes = append(old.nodes, f)
	return nil
}

// sameArguments reports whether two fields are given the same.
func (p *planner) sameArguments(a, b ast.ArgumentList, path string) (bool, error) {
	if len(a) != len(b) {
		return false, nil
	}
	for _, x := range a {
		y := b.ForName(x.Name)
		if y == nil {
			return false, nil
		}
		if same, err := p.sameLiteral(x.Value, y.Value, path); err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

// sameLiteral reports whether two literals are written alike; what is compared
// counts, since a field may be selected any number of times.
func (p *planner) sameLiteral(a, b *ast.Value, path string) (bool, error) {
	if a == b {
		return true, nil
	}
	if err := p.spend(1, path); err != nil {
		return false, err
	}
	if a.Kind != b.Kind || a.Raw != b.Raw || len(a.Children) != len(b.Children) {
		return false, nil
	}
	for i, x := range a.Children {
		if x.Name != b.Children[i].Name {
			return false, nil
		}
		if same, err := p.sameLiteral(x.Value, b.Children[i].Value, path); err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

// walk visits the fields of a selection set that apply to an object type. A
// fragment that was spread before adds nothing.
func (p *planner) walk(set ast.SelectionSet, on *schema.Type, path string, spread map[string]bool, visit func(*ast.Field) error) error {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			keep, err := p.directives(s.Directives, path, "field")
			if err != nil {
				return err
			}
			if keep {
				if err := p.spend(1, path); err != nil {
					return err
				}
				if err := visit(s); err != nil {
					return err
				}
			}
		case *ast.InlineFragment:
			keep, err := p.directives(s.Directives, path, "inline fragment")
			if err != nil {
				return err
			}
			if keep && applies(s.TypeCondition, on) {
				if err := p.walk(s.SelectionSet, on, path, spread, visit); err != nil {
					return err
				}
			}
		case *ast.FragmentSpread:
			keep, err := p.directives(s.Directives, path, "fragment spread")
			if err != nil {
				return err
			}
			f := p.document.fragments[s.Name]
			if keep && applies(f.TypeCondition, on) && !spread[s.Name] {
				spread[s.Name] = true
				if err := p.walk(f.SelectionSet, on, path, spread, visit); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// applies tells whether a fragment's type condition takes in an object type.
func applies(condition string, on *schema.Type) bool {
	if condition == "" || condition == on.Name {
		return true
	}
	for _, i := range on.Interfaces() {
		if i.Name == condition {
			return true
		}
	}
	return slices.Contains(on.Unions(), condition) || condition == schema.EntityUnion && on.IsEntity()
}

// directives evaluates @include and @skip.
func (p *planner) directives(list ast.DirectiveList, path, where string) (bool, error) {
	keep := true
	seen := map[string]bool{}
	for _, d := range list {
		if seen[d.Name] {
			return false, invalid(path, "the following directives are used more than once: '%s'", d.Name)
		}
		seen[d.Name] = true
		switch d.Name {
		case "include", "skip":
			condition, err := p.condition(d, path)
			if err != nil {
				return false, err
			}
			keep = keep && condition == (d.Name == "include")
		case "cached":
			return false, invalid(path, "directive '%s' is not allowed on a %s", d.Name, where)
		default:
			return false, invalid(path, "directive '%s' is not defined in the schema", d.Name)
		}
	}
	return keep, nil
}

func (p *planner) condition(d *ast.Directive, path string) (bool, error) {
	a := d.Arguments.ForName("if")
	here := path + ".directives." + d.Name + ".if"
	if a == nil {
		return false, invalid(here, "missing required field 'if'")
	}
	v, err := p.load(a.Value, schema.Required(schema.Named(p.boolean)), false, here)
	if err != nil {
		return false, err
	}
	j, err := v.literal(here)
	if err != nil {
		return false, err
	}
	if j.Kind != orderedjson.Bool {
		return false, invalid(here, "expected a boolean for type 'Boolean', but found %s", describe(j))
	}
	return j.Text == "true", nil
}
