package planner

import (
	"fmt"
	"slices"

	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/internal/schema"
)

// cursorPaths gives each key of an order its place in cursors: by column, by
// relationship and column, or by relationship, function and column.
func cursorPaths(order []plan.Order, path string) ([]plan.CursorPath, error) {
	out := make([]plan.CursorPath, 0, len(order))
	for _, o := range order {
		steps, err := cursorPath(o.By, path)
		if err != nil {
			return nil, err
		}
		// A column may be called like a relationship whose field is called otherwise.
		for slices.ContainsFunc(out, func(known plan.CursorPath) bool { return inside(known, steps) || inside(steps, known) }) {
			steps[0] += "~"
		}
		out = append(out, steps)
	}
	return out, nil
}

// inside tells whether a path goes on where another one ends.
func inside(outer, path plan.CursorPath) bool {
	return len(outer) < len(path) && slices.Equal(outer, path[:len(outer)])
}

func cursorPath(by plan.OrderKey, path string) (plan.CursorPath, error) {
	switch by := by.(type) {
	case *plan.OrderColumn:
		return plan.CursorPath{by.Column.Name}, nil
	case *plan.OrderComputed:
		return plan.CursorPath{by.Name}, nil
	case *plan.OrderRelated:
		inner, err := cursorPath(by.By, path)
		return append(plan.CursorPath{by.Relationship}, inner...), err
	case *plan.OrderAggregate:
		out := plan.CursorPath{by.Relationship + "_aggregate", by.Function}
		switch {
		case by.Computed != nil:
			out = append(out, by.Computed.Name)
		case by.Function != "count":
			out = append(out, by.Column.Name)
		}
		return out, nil
	case *plan.OrderRanked:
		// A rank holds within one request, but a cursor outlives it.
		return nil, &Error{Code: CodeNotSupported, Path: path, Message: "connections can't be ordered by a remote relationship"}
	}
	return nil, &Error{Code: CodeUnexpected, Path: path, Message: fmt.Sprintf("unknown kind of order key %T", by)}
}

// cursorBound reads after and before.
func (p *planner) cursorBound(s *selected, c *plan.Connection) error {
	a, v, err := p.oneOf(s, schema.ArgAfter, schema.ArgBefore)
	if err != nil || a == nil {
		return err
	}
	if v.lit != nil {
		if err := p.checkLiteral(a.Type, v.lit, under(s.path+".args", a.Name)); err != nil {
			return err
		}
	}
	text, err := v.literal(s.path)
	if err != nil {
		return err
	}
	check := cursorCheck(c.OrderBy, c.Cursor, s.path+".args")
	if err := check(text); err != nil {
		return err
	}
	c.Bound = &plan.CursorBound{After: a.Name == string(schema.ArgAfter)}
	c.Bound.Values, err = p.tokens(v, text, c.Cursor, check)
	return err
}

// tokens are the parts of a base64 text: known ones of a literal, and symbolic
// ones of a variable, whose value is checked again whenever the plan is used.
func (p *planner) tokens(v value, text orderedjson.Value, paths []plan.CursorPath, check func(orderedjson.Value) error) ([]plan.Value, error) {
	out := make([]plan.Value, 0, len(paths))
	if v.lit == nil {
		p.checks = append(p.checks, func(variables map[string]orderedjson.Value) error { return check(variables[v.name].At(v.path)) })
		whole := &plan.Variable{Name: v.name, Path: v.path}
		for _, path := range paths {
			out = append(out, &plan.Token{Text: whole, Path: path})
		}
		return out, nil
	}
	j, err := plan.ParseToken(text.TextOf())
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		out = append(out, &plan.Literal{JSON: j.At(path)})
	}
	return out, nil
}

// variableCheck is a check of the variables' values that a plan relies on.
type variableCheck func(variables map[string]orderedjson.Value) error

func runChecks(checks []variableCheck, variables map[string]orderedjson.Value) error {
	for _, c := range checks {
		if err := c(variables); err != nil {
			return err
		}
	}
	return nil
}

// cursorCheck checks that a cursor holds a value for every key of an order.
func cursorCheck(order []plan.Order, paths []plan.CursorPath, path string) func(orderedjson.Value) error {
	return func(text orderedjson.Value) error {
		broken := invalid(path, `the "after" or "before" cursor is invalid`)
		j, err := plan.ParseToken(text.TextOf())
		if err != nil {
			return broken
		}
		for i, steps := range paths {
			v, ok := memberAt(j, steps)
			if !ok {
				return broken
			}
			if fault := columnFault(cursorType(order[i].By), v); fault != "" {
				return &Error{Code: CodeParseFailed, Path: path, Message: fault}
			}
		}
		return nil
	}
}

func memberAt(j orderedjson.Value, path []string) (orderedjson.Value, bool) {
	for _, step := range path {
		if j.Kind != orderedjson.Object {
			return orderedjson.Value{}, false
		}
		var ok bool
		if j, ok = j.Get(step); !ok {
			return orderedjson.Value{}, false
		}
	}
	return j, true
}

// cursorType is the type of a key's value; aggregates have types that their
// databases choose.
func cursorType(by plan.OrderKey) plan.Type {
	switch by := by.(type) {
	case *plan.OrderColumn:
		return by.Column.Type
	case *plan.OrderComputed:
		return by.Type
	case *plan.OrderRelated:
		return cursorType(by.By)
	case *plan.OrderAggregate:
		if by.Function == "count" {
			return plan.Type{Scalar: "Int", Class: plan.ClassInteger}
		}
		if by.Computed == nil && (by.Function == "min" || by.Function == "max") {
			return by.Column.Type
		}
	case *plan.OrderRanked:
	}
	return plan.Type{}
}

// columnFault says, as v2 does, why a JSON value is none of a column's type;
// empty when it is. A text may stand for a value of any type.
func columnFault(t plan.Type, j orderedjson.Value) string {
	if j.IsNull() || j.Kind == orderedjson.String {
		return ""
	}
	wanted, expected, every := jsonOf(t)
	switch {
	case every:
		return ""
	case wanted == "Integer" && j.Kind == orderedjson.Number && !isWhole(j.Text):
		return "The value " + scientific(j.Text) + " lies outside the bounds or is not an integer. Maybe it is a float, or is there integer overflow?"
	case j.Kind == expected:
		return ""
	}
	return "parsing " + wanted + " failed, expected " + expected.String() + ", but encountered " + j.Kind.String()
}

// jsonOf is the kind of JSON that values of a type are, besides texts, and what v2
// calls them; every: of any kind.
func jsonOf(t plan.Type) (wanted string, expected orderedjson.Kind, every bool) {
	switch t.Underlying().Class {
	case plan.ClassInteger:
		return "Integer", orderedjson.Number, false
	case plan.ClassNumber:
		return "Double", orderedjson.Number, false
	case plan.ClassBoolean:
		return "Bool", orderedjson.Bool, false
	case plan.ClassUUID:
		return "UUID", orderedjson.String, false
	case plan.ClassText, plan.ClassTime, plan.ClassBytes, plan.ClassEnum, plan.ClassLTree:
	case plan.ClassJSON, plan.ClassJSONB, plan.ClassArray, plan.ClassComposite, plan.ClassGeometry, plan.ClassGeography,
		plan.ClassRaster, plan.ClassOther, "":
		return "", orderedjson.Null, true
	}
	return "Text", orderedjson.String, false
}

func isWhole(text string) bool {
	return !slices.ContainsFunc([]byte(text), func(c byte) bool { return c == '.' || c == 'e' || c == 'E' })
}
