package rest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/schema"
	"dovetail/planner"
)

// Outline is what an operation asks for.
type Outline struct {
	// Fields of the root, in order of appearance.
	Fields    []*Field
	Variables ast.VariableDefinitionList
	// Faults say what the schema doesn't have: "$.author.nme: field 'nme' not found
	// in object 'author'".
	Faults []string
}

// Field is a field of an answer: the selections of one response key, merged.
type Field struct {
	Key    string
	Type   schema.Ref
	Fields []*Field
}

// Analyse holds a query's text against a schema. A text that can't be run by
// itself is an error.
func Analyse(s *schema.Schema, text string) (*Outline, error) {
	document, err := planner.Parse(text, "")
	if err != nil {
		if refusal, ok := errors.AsType[*planner.Error](err); ok {
			return nil, errors.New(refusal.Message)
		}
		return nil, err
	}
	a := &analysis{schema: s, document: document, outline: &Outline{Variables: document.Operation.VariableDefinitions}}
	root := s.Query
	switch document.Operation.Operation {
	case ast.Query:
	case ast.Mutation:
		root = s.Mutation
	case ast.Subscription:
		root = s.Subscription
	}
	if root != nil {
		a.outline.Fields = a.selection(nil, document.Operation.SelectionSet, root, "$")
	}
	return a.outline, nil
}

type analysis struct {
	schema   *schema.Schema
	document *planner.Document
	outline  *Outline
}

// selection adds the fields of a selection set on a type to those that are
// there.
func (a *analysis) selection(known []*Field, set ast.SelectionSet, on *schema.Type, path string) []*Field {
	for _, selection := range set {
		switch n := selection.(type) {
		case *ast.Field:
			known = a.field(known, n, on, path)
		case *ast.InlineFragment:
			if t := narrowed(on, n.TypeCondition); t != nil {
				known = a.selection(known, n.SelectionSet, t, path)
			}
		case *ast.FragmentSpread:
			f, ok := a.document.Fragment(n.Name)
			if !ok { // parsing has refused it
				continue
			}
			if t := narrowed(on, f.TypeCondition); t != nil {
				known = a.selection(known, f.SelectionSet, t, path)
			}
		}
	}
	return known
}

func (a *analysis) field(known []*Field, n *ast.Field, on *schema.Type, path string) []*Field {
	here := path + "." + n.Name
	declared := a.declaration(n.Name, on)
	if declared == nil {
		// Writing to databases is not served yet: a mutation that would be is not
		// held against its collection.
		if on != a.schema.Mutation {
			a.outline.Faults = append(a.outline.Faults, fmt.Sprintf("%s: field '%s' not found in object '%s'", here, n.Name, on.Name))
		}
		return known
	}
	key := n.Alias
	if key == "" {
		key = n.Name
	}
	i := slices.IndexFunc(known, func(f *Field) bool { return f.Key == key })
	if i < 0 {
		i, known = len(known), append(known, &Field{Key: key, Type: *declared})
	}
	known[i].Fields = a.selection(known[i].Fields, n.SelectionSet, declared.Base(), here)
	return known
}

// declaration is the type of a field; nil if there is none of that name.
func (a *analysis) declaration(name string, on *schema.Type) *schema.Ref {
	switch {
	case name == "__typename":
		ref := schema.Required(schema.Named(a.schema.StringType()))
		return &ref
	case on == a.schema.Query && name == "__schema":
		ref := schema.Required(schema.Named(a.schema.MetaSchema()))
		return &ref
	case on == a.schema.Query && name == "__type":
		ref := schema.Named(a.schema.MetaType())
		return &ref
	}
	if f, ok := on.Field(name); ok {
		return &f.Type
	}
	return nil
}

// narrowed is the type that a fragment's condition leaves of a type; nil for
// one that has nothing to do with it.
func narrowed(on *schema.Type, condition string) *schema.Type {
	if condition == "" || condition == on.Name {
		return on
	}
	for _, t := range on.Possible() {
		if t.Name == condition {
			return t
		}
	}
	for _, t := range on.Interfaces() {
		if t.Name == condition {
			return on
		}
	}
	return nil
}
