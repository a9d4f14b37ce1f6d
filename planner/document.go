package planner

import (
	"errors"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
)

// maxTokens bounds the size of a document, maxDepth its nesting: a parser that
// recurses must not be led arbitrarily deep.
const (
	maxTokens = 200_000
	maxDepth  = 500
)

// Document is a parsed and chosen operation.
type Document struct {
	Operation *ast.OperationDefinition
	fragments map[string]*ast.FragmentDefinition
	// definitions finds the variables' definitions: the first of each name.
	definitions map[string]*ast.VariableDefinition
}

// definition finds what a variable is declared as; nil for none.
func (d *Document) definition(name string) *ast.VariableDefinition { return d.definitions[name] }

// Fragment finds a fragment by its name.
func (d *Document) Fragment(name string) (*ast.FragmentDefinition, bool) {
	f, ok := d.fragments[name]
	return f, ok
}

// Parse parses a query text and chooses the operation to run.
func Parse(text, operationName string) (*Document, error) {
	if nesting(text) > maxDepth {
		return nil, &Error{Code: CodeValidationFailed, Path: "$.query", Message: "the query is nested too deeply"}
	}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, maxTokens)
	if err != nil {
		var e *gqlerror.Error
		message := "not a valid graphql query"
		if errors.As(err, &e) && strings.Contains(e.Message, "token limit") {
			message = "the query is too long"
		}
		return nil, &Error{Code: CodeValidationFailed, Path: "$.query", Message: message}
	}
	d := &Document{fragments: make(map[string]*ast.FragmentDefinition, len(doc.Fragments))}
	for _, f := range doc.Fragments {
		if _, twice := d.fragments[f.Name]; twice {
			return nil, invalid("$", "multiple definitions for fragment %q", f.Name)
		}
		d.fragments[f.Name] = f
	}
	if d.Operation, err = choose(doc.Operations, operationName); err != nil {
		return nil, err
	}
	d.definitions = make(map[string]*ast.VariableDefinition, len(d.Operation.VariableDefinitions))
	for _, v := range d.Operation.VariableDefinitions {
		if d.definitions[v.Variable] == nil {
			d.definitions[v.Variable] = v
		}
	}
	if _, err := d.check(d.Operation.SelectionSet, "$", 0, nil, map[string]int{}); err != nil {
		return nil, err
	}
	return d, nil
}

// nesting is the deepest bracket nesting of a text; brackets in strings count,
// which makes the bound stricter only.
func nesting(text string) int {
	depth, deepest := 0, 0
	for i := range len(text) {
		switch text[i] {
		case '{', '[', '(':
			depth++
			deepest = max(deepest, depth)
		case '}', ']', ')':
			depth--
		}
	}
	return deepest
}

func choose(operations ast.OperationList, name string) (*ast.OperationDefinition, error) {
	if name != "" {
		for _, o := range operations {
			if o.Name == name {
				return o, nil
			}
		}
		return nil, invalid("$", "no such operation found in the document: %q", name)
	}
	switch len(operations) {
	case 0:
		return nil, invalid("$", "exactly one operation has to be present in the document when operationName is not specified")
	case 1:
		return operations[0], nil
	}
	return nil, invalid("$", "exactly one operation has to be present in the document when operationName is not specified")
}

// check finds undefined fragments, fragments that spread themselves, and what is
// nested too deeply once they are spread, before anything walks the document. It
// gives how deep the set is; depth is how deep it stands.
//
// Fragments in sound are known to be well, with how deep they are: each is looked
// at once, however often it is spread.
func (d *Document) check(set ast.SelectionSet, path string, depth int, chain []string, sound map[string]int) (int, error) {
	if depth > maxDepth {
		return 0, &Error{Code: CodeValidationFailed, Path: "$.query", Message: "the query is nested too deeply"}
	}
	deepest := 0
	for _, s := range set {
		var inner int
		var err error
		switch s := s.(type) {
		case *ast.Field:
			if len(s.SelectionSet) > 0 {
				inner, err = d.check(s.SelectionSet, path+".selectionSet."+s.Name, depth+1, chain, sound)
			}
		case *ast.InlineFragment:
			inner, err = d.check(s.SelectionSet, path, depth+1, chain, sound)
		case *ast.FragmentSpread:
			inner, err = d.checkSpread(s.Name, path, depth, chain, sound)
		}
		if err != nil {
			return 0, err
		}
		deepest = max(deepest, inner+1)
	}
	return deepest, nil
}

// checkSpread is check for a fragment that is spread.
func (d *Document) checkSpread(name, path string, depth int, chain []string, sound map[string]int) (int, error) {
	here := path + ".selectionSet." + name
	f, ok := d.fragments[name]
	if !ok {
		return 0, invalid(here, "reference to undefined fragment %q", name)
	}
	if at := slices.Index(chain, name); at >= 0 {
		return 0, invalid(path+".selectionSet", "the fragment definition(s) %s form a cycle", englishList(chain[at:]))
	}
	known, ok := sound[name]
	if !ok {
		var err error
		if known, err = d.check(f.SelectionSet, here, depth+1, append(slices.Clip(chain), name), sound); err != nil {
			return 0, err
		}
		sound[name] = known
	}
	if depth+1+known > maxDepth {
		return 0, invalid(here, "the query is nested too deeply")
	}
	return known, nil
}

func englishList(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
