package remoteschema

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/sources"
)

// isName tells whether a text is a GraphQL name. Names can't be quoted in
// GraphQL, so everything that is printed as one passes through here.
func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '_', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		case c >= '0' && c <= '9' && i > 0:
		default:
			return false
		}
	}
	return s != ""
}

// isBuiltinScalar tells the scalars that every GraphQL schema has.
func isBuiltinScalar(name string) bool {
	return slices.Contains([]string{"Int", "Float", "String", "Boolean", "ID"}, name)
}

// invalidName is the error for a name that can't stand in a document.
func invalidName(what, name string) error {
	return &sources.Error{
		Code:    sources.CodeRemoteSchemaError,
		Message: fmt.Sprintf("%s %q is not a GraphQL name", what, name),
	}
}

var errType = errors.New("not a GraphQL type")

const maxTypeDepth = 32

// parseType reads a type reference such as "[ID!]!".
func parseType(text string) (*ast.Type, error) {
	t, err := parseTypeReference(strings.TrimSpace(text), 0)
	if err != nil {
		return nil, fmt.Errorf("%q is %w", text, err)
	}
	return t, nil
}

func parseTypeReference(text string, depth int) (*ast.Type, error) {
	if depth > maxTypeDepth {
		return nil, errType
	}
	text, nonNull := strings.CutSuffix(text, "!")
	text = strings.TrimSpace(text)
	if element, ok := strings.CutPrefix(text, "["); ok {
		element, ok = strings.CutSuffix(element, "]")
		if !ok {
			return nil, errType
		}
		t, err := parseTypeReference(strings.TrimSpace(element), depth+1)
		if err != nil {
			return nil, err
		}
		return &ast.Type{Elem: t, NonNull: nonNull}, nil
	}
	if !isName(text) {
		return nil, errType
	}
	return &ast.Type{NamedType: text, NonNull: nonNull}, nil
}
