package remoteschema

import (
	"errors"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/plan"
)

// TestKeysOfInt holds which texts are values of Int: one that is none would have
// the service refuse the keys beside it.
func TestKeysOfInt(t *testing.T) {
	for text, fits := range map[string]bool{
		"0": true, "2147483647": true, "-2147483648": true,
		"2147483648": false, "-2147483649": false, "3000000000": false, "99999999999999999999": false,
		"1.0": false, "1e3": false, "x": false, "": false, "+1": false, "007": false, "0x1": false, "1_0": false,
	} {
		for _, in := range []*ast.Type{ast.NamedType("Int", nil), ast.NonNullNamedType("Int", nil), ast.ListType(ast.NamedType("Int", nil), nil)} {
			out, err := appendScalar(nil, text, in, plan.ClassInteger)
			if fits != (err == nil) || err != nil && !errors.Is(err, errNoMatch) {
				t.Errorf("%q as %s is %s: %v", text, in, out, err)
			}
		}
	}
}
