package plan_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"

	"dovetail/internal/plan"
)

// Every declared operator stands in the table: a forgotten one would be served
// without a description and with the operand of most.
func TestEveryOperatorIsInTheTable(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "predicate.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if of, ok := spec.Type.(*ast.Ident); !ok || of.Name != "Operator" {
			return true
		}
		name, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		declared++
		if _, ok := plan.Operators[plan.Operator(name)]; !ok {
			t.Errorf("%s is not in plan.Operators", name)
		}
		return true
	})
	if declared != len(plan.Operators) {
		t.Errorf("%d operators are declared, %d stand in the table", declared, len(plan.Operators))
	}
}
