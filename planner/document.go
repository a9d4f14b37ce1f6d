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
}

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
	if err := d.check(d.Operation.SelectionSet, "$", nil, map[string]bool{}); err != nil {
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

// check finds undefined fragments, and fragments that spread themselves, before
// anything walks the document.
//
// Fragments in sound are known to be well: each is looked at once, however often
// it is spread.
func (d *Document) check(set ast.SelectionSet, path string, chain []string, sound map[string]bool) error {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			if err := d.check(s.SelectionSet, path+".selectionSet."+s.Name, chain, sound); err != nil {
				return err
			}
		case *ast.InlineFragment:
			if err := d.check(s.SelectionSet, path, chain, sound); err != nil {
				return err
			}
		case *ast.FragmentSpread:
			here := path + ".selectionSet." + s.Name
			f, ok := d.fragments[s.Name]
			if !ok {
				return invalid(here, "reference to undefined fragment %q", s.Name)
			}
			if at := slices.Index(chain, s.Name); at >= 0 {
				return invalid(path+".selectionSet", "the fragment definition(s) %s form a cycle", englishList(chain[at:]))
			}
			if len(chain) > maxDepth {
				return invalid(here, "the query is nested too deeply")
			}
			if sound[s.Name] {
				continue
			}
			if err := d.check(f.SelectionSet, here, append(slices.Clip(chain), s.Name), sound); err != nil {
				return err
			}
			sound[s.Name] = true
		}
	}
	return nil
}

func englishList(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
