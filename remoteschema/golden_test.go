package remoteschema

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"dovetail/internal/jsonshape"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/sources"
)

// TestGolden compiles fragments, checks the documents against the service's
// schema and runs them against the service itself. Commands: compile, and run
// with keys=(a,b) per binding row ("|" between columns), vars=<JSON>,
// session=(name=value).
func TestGolden(t *testing.T) {
	service := startService(t)
	schema := testSchema()
	datadriven.Walk(t, "testdata/statements", func(t *testing.T, path string) { //nolint:thelper // the test itself
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string { //nolint:thelper // the test itself
			config := Config{URL: service.URL}
			config.SkipNulls = d.HasArg("skip-nulls")
			source := openSource(t, config)
			source.UseSchema(schema)
			f, err := parseFragment(schema, d.Input)
			if err != nil {
				d.Fatalf(t, "%v", err)
			}
			compiled, err := source.Compile(f)
			if err != nil {
				return "error: " + err.Error() + "\n"
			}
			if problems := checkDocument(schema, compiled.Text()); problems != "" {
				return compiled.Text() + "\n" + problems
			}
			if d.Cmd == "compile" {
				return compiled.Text() + "\n"
			}
			before := service.requests.Load()
			out := runStatement(t, source, compiled, f, d)
			return out + fmt.Sprintf("requests: %d\n", service.requests.Load()-before)
		})
	})
}

func checkDocument(schema *ast.Schema, text string) string {
	document, err := parser.ParseQuery(&ast.Source{Input: text})
	if err != nil {
		return "invalid: " + err.Error() + "\n"
	}
	var out strings.Builder
	for _, e := range validator.ValidateWithRules(schema, document, rules.NewDefaultRules()) {
		fmt.Fprintf(&out, "invalid: %v\n", e)
	}
	return out.String()
}

func runStatement(t *testing.T, source *Source, compiled plan.Statement, f *plan.Fragment, d *datadriven.TestData) string {
	t.Helper()
	bindings := plan.Bindings{Width: len(f.Bindings)}
	args := &plan.Arguments{Variables: map[string]orderedjson.Value{}, Session: map[string]string{"x-hasura-role": "user"}}
	for _, a := range d.CmdArgs {
		switch a.Key {
		case "keys":
			for _, row := range a.Vals {
				if row != "" {
					bindings.Cells = append(bindings.Cells, strings.Split(row, "|")...)
				}
			}
		case "vars":
			j, err := orderedjson.Parse([]byte(strings.Join(a.Vals, ",")))
			if err != nil {
				d.Fatalf(t, "%v", err)
			}
			for i, k := range j.Keys {
				args.Variables[k] = j.Items[i]
			}
		case "session":
			name, value, _ := strings.Cut(a.Vals[0], "=")
			args.Session[name] = value
		}
	}
	rows := bindings.Rows()
	if len(f.Bindings) == 0 {
		query, _ := f.Query.(*plan.RemoteQuery)
		rows = len(query.Fields)
	}
	answer := jsonshape.NewAnswer(rows)
	st, _ := compiled.(*statement)
	var out strings.Builder
	if r, err := source.request(st, args, bindings); err == nil {
		fmt.Fprintf(&out, "%s\n", r.body)
	}
	err := source.Run(context.Background(), compiled, args, bindings, answer)
	if err == nil || isPartial(err) {
		out.WriteString(showAnswer(answer, f))
	}
	if err != nil {
		out.WriteString(showError(err))
	}
	return out.String()
}

func isPartial(err error) bool {
	var e *sources.Error
	return errors.As(err, &e) && e.Partial
}

func showError(err error) string {
	var e *sources.Error
	if !errors.As(err, &e) {
		return fmt.Sprintf("error: %v\n", err)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%s: %s (partial: %v)\n", e.Code, e.Error(), e.Partial)
	for _, u := range e.Upstream {
		fmt.Fprintf(&out, "  ordinal %d path %v: %s\n", u.Ordinal, u.Path, u.JSON)
	}
	return out.String()
}

// showAnswer writes values with holes as <join:key|key>.
func showAnswer(a *jsonshape.Answer, f *plan.Fragment) string {
	var out strings.Builder
	for i, v := range a.Values {
		fmt.Fprintf(&out, "%d: ", i)
		at := v.Start
		for _, h := range a.Holes {
			if h.Offset < v.Start || h.Offset > v.End {
				continue
			}
			out.Write(a.Bytes[at:h.Offset])
			at = h.Offset
			fmt.Fprintf(&out, "<%d", h.Join)
			var keys int
			for _, j := range f.Joins {
				if j.Index == h.Join {
					keys = len(j.Keys)
				}
			}
			for k := range keys {
				out.WriteString(map[bool]string{true: ":", false: "|"}[k == 0])
				out.Write(a.KeyPartText(h, k))
			}
			out.WriteString(">")
		}
		out.Write(a.Bytes[at:v.End])
		out.WriteString("\n")
	}
	return out.String()
}
