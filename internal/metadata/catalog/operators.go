package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dovetail/internal/metadata/document"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
)

func parseTableName(j orderedjson.Value, kind string) (TableName, error) {
	n, err := document.ParseTableName(j, "$", kind)
	if err != nil {
		return TableName{}, errors.New(message(err))
	}
	return TableName(n), nil
}

// operators reads {"_op": value, …}, or a bare value that is short for _eq.
func (f *filter) operators(t *Table, left plan.Operand, value orderedjson.Value, nested bool) (plan.Predicate, error) {
	if value.Kind != orderedjson.Object {
		return f.comparison(t, left, string(plan.Equal), value, nested)
	}
	parts := make([]plan.Predicate, 0, len(value.Keys))
	for i, key := range value.Keys {
		p, err := f.comparison(t, left, key, value.Items[i], nested)
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	return and(parts), nil
}

func columnOperator(name string) (plan.Operator, bool) {
	switch name {
	case "_ceq":
		return plan.Equal, true
	case "_cne", "_cneq":
		return plan.NotEqual, true
	case "_cgt":
		return plan.Greater, true
	case "_clt":
		return plan.Less, true
	case "_cgte":
		return plan.GreaterOrEqual, true
	case "_clte":
		return plan.LessOrEqual, true
	}
	return "", false
}

func (f *filter) comparison(t *Table, left plan.Operand, key string, value orderedjson.Value, nested bool) (plan.Predicate, error) {
	name := key
	if rest, ok := strings.CutPrefix(key, "$"); ok {
		name = "_" + rest
	}
	if name == "_ne" {
		name = string(plan.NotEqual)
	}
	operandType := plan.OperandType(left).Underlying()
	switch name {
	case "_is_null":
		if value.Kind != orderedjson.Bool {
			return nil, fmt.Errorf("expected a boolean for _is_null, but found %s", value)
		}
		return &plan.IsNull{Left: left, Negate: value.Text == "false"}, nil
	case "_cast":
		return f.cast(t, left, value, nested)
	}
	capabilities := &t.Source.Capabilities
	if operator, ok := columnOperator(name); ok && capabilities.ColumnComparison {
		return f.compareColumns(t, left, operator, value, nested)
	}
	operator := plan.Operator(name)
	if !slices.Contains(capabilities.Operators[operandType.Class], operator) {
		return nil, fmt.Errorf("Unknown operator: %s", key) //nolint:staticcheck // v2's words
	}
	right, err := operandValue(operandType, operator, value)
	if err != nil {
		return nil, err
	}
	return &plan.Compare{Left: left, Operator: operator, Right: right}, nil
}

// cast reads _cast: {"String": {…}} of jsonb, and between geometry and
// geography.
func (f *filter) cast(t *Table, left plan.Operand, value orderedjson.Value, nested bool) (plan.Predicate, error) {
	column, ok := left.(*plan.ColumnOperand)
	if !ok || column.Cast != nil {
		return nil, errors.New("Unknown operator: _cast") //nolint:staticcheck // v2's words
	}
	if value.Kind != orderedjson.Object {
		return nil, fmt.Errorf("expected an object for _cast, but found %s", value)
	}
	parts := make([]plan.Predicate, 0, len(value.Keys))
	for i, key := range value.Keys {
		to, ok := castType(column.Column.Type.Underlying(), key)
		if !ok {
			return nil, fmt.Errorf("cannot cast column of type %q to type %q", typeText(column.Column.Type), key)
		}
		p, err := f.operators(t, &plan.ColumnOperand{Column: column.Column, Cast: &to}, value.Items[i], nested)
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	return and(parts), nil
}

func castType(from plan.Type, to string) (plan.Type, bool) {
	switch {
	case from.Class == plan.ClassJSONB && (to == "String" || to == "text"):
		return plan.Type{Schema: "pg_catalog", Name: "text", Scalar: "String", Class: plan.ClassText}, true
	case from.Class == plan.ClassGeometry && to == "geography":
		return plan.Type{Schema: from.Schema, Name: "geography", Scalar: "geography", Class: plan.ClassGeography}, true
	case from.Class == plan.ClassGeography && to == "geometry":
		return plan.Type{Schema: from.Schema, Name: "geometry", Scalar: "geometry", Class: plan.ClassGeometry}, true
	}
	return plan.Type{}, false
}

// compareColumns reads "col", ["col"] (this row) or ["$", "col"] (the root's).
func (f *filter) compareColumns(t *Table, left plan.Operand, operator plan.Operator, value orderedjson.Value, nested bool) (plan.Predicate, error) {
	column, ok := left.(*plan.ColumnOperand)
	if !ok || column.Cast != nil {
		return nil, errors.New("only columns can be compared with columns")
	}
	path := []string{value.Text}
	if value.Kind == orderedjson.Array {
		path = path[:0]
		for _, item := range value.Items {
			if item.Kind != orderedjson.String {
				return nil, fmt.Errorf("expected a column name, but found %s", item)
			}
			path = append(path, item.Text)
		}
	} else if value.Kind != orderedjson.String {
		return nil, fmt.Errorf("expected a column name, but found %s", value)
	}
	table, root := t, false
	if len(path) > 1 && path[0] == "$" {
		table, root, path = f.root, nested, path[1:]
	}
	if len(path) != 1 {
		return nil, errors.New("Relationship references are not supported in column comparison RHS")
	}
	if f.remote && root {
		return nil, errors.New("the root table of another source can't be compared with")
	}
	right, ok := table.Column(path[0])
	if !ok {
		return nil, errNoColumn(path[0])
	}
	a, b := column.Column.Type, right.Info.Type
	if isJSON(a) || isJSON(b) {
		return nil, fmt.Errorf("columns of type %q can't be compared with columns", typeText(a))
	}
	if typeText(a.Underlying()) != typeText(b.Underlying()) {
		return nil, fmt.Errorf("incompatible column types: column %q has type %q, but column %q has type %q",
			column.Column.Name, typeText(a), right.Info.Name, typeText(b))
	}
	return &plan.CompareColumns{Left: column.Column, Operator: operator, Right: right.Plan(), RightRoot: root}, nil
}

// operandValue reads the right side of an operator.
func operandValue(t plan.Type, operator plan.Operator, value orderedjson.Value) (plan.Value, error) {
	if session, ok := sessionVariable(value); ok {
		return session, nil
	}
	if value.IsNull() {
		return nil, fmt.Errorf("unexpected null value for operator %s", operator)
	}
	switch operand := plan.Operators[operator].Operand; operand {
	case plan.OperandList, plan.OperandStrings:
		return listValue(t, operator, operand, value)
	case plan.OperandDocument:
		if t.Class == plan.ClassJSONB || t.Class == plan.ClassJSON {
			return &plan.Literal{JSON: value}, nil
		}
	case plan.OperandObject:
		if value.Kind != orderedjson.Object {
			return nil, fmt.Errorf("expected an object for %s, but found %s", operator, value)
		}
		return symbolic(value), nil
	case plan.OperandString:
		if value.Kind != orderedjson.String {
			return nil, fmt.Errorf("expected a string for %s, but found %s", operator, value)
		}
		return &plan.Literal{JSON: value}, nil
	case plan.OperandSame:
	}
	if err := checkLiteral(t, value); err != nil {
		return nil, err
	}
	if t.Class == plan.ClassArray {
		return symbolic(value), nil
	}
	return &plan.Literal{JSON: value}, nil
}

func listValue(t plan.Type, operator plan.Operator, kind plan.OperandKind, value orderedjson.Value) (plan.Value, error) {
	if value.Kind != orderedjson.Array {
		return nil, fmt.Errorf("expected a list for %s, but found %s", operator, value)
	}
	for _, item := range value.Items {
		if _, ok := sessionVariable(item); ok {
			continue
		}
		if kind == plan.OperandStrings {
			if item.Kind != orderedjson.String {
				return nil, fmt.Errorf("expected strings for %s, but found %s", operator, item)
			}
			continue
		}
		if item.IsNull() {
			return nil, fmt.Errorf("unexpected null value for operator %s", operator)
		}
		if err := checkLiteral(t, item); err != nil {
			return nil, err
		}
	}
	return symbolic(value), nil
}

// sessionVariable reads a string that names a session variable.
func sessionVariable(j orderedjson.Value) (*plan.SessionVariable, bool) {
	switch {
	case j.Kind != orderedjson.String:
	case plan.IsSessionVariableName(j.Text):
		return &plan.SessionVariable{Name: strings.ToLower(j.Text)}, true
	case strings.EqualFold(j.Text, "REQ_USER_ID"):
		return &plan.SessionVariable{Name: "x-hasura-user-id"}, true
	}
	return nil, false
}

// symbolic turns session variables inside lists and objects into values of
// their own.
func symbolic(j orderedjson.Value) plan.Value {
	if session, ok := sessionVariable(j); ok {
		return session
	}
	if !holdsSession(j) {
		return &plan.Literal{JSON: j}
	}
	values := make([]plan.Value, len(j.Items))
	for i, item := range j.Items {
		values[i] = symbolic(item)
	}
	if j.Kind == orderedjson.Array {
		return &plan.ListValue{Items: values}
	}
	return &plan.ObjectValue{Keys: j.Keys, Values: values}
}

func holdsSession(j orderedjson.Value) bool {
	if _, ok := sessionVariable(j); ok {
		return true
	}
	return slices.ContainsFunc(j.Items, holdsSession)
}

// checkLiteral refuses literals that no value of a type can be equal to.
func checkLiteral(t plan.Type, value orderedjson.Value) error {
	fits := true
	switch t.Class {
	case plan.ClassInteger:
		switch value.Kind {
		case orderedjson.Number, orderedjson.String:
			_, err := strconv.ParseInt(strings.TrimSpace(value.Text), 10, 64)
			f, floatErr := strconv.ParseFloat(value.Text, 64)
			fits = err == nil || value.Kind == orderedjson.Number && floatErr == nil && f == float64(int64(f))
		case orderedjson.Null, orderedjson.Bool, orderedjson.Array, orderedjson.Object:
			fits = false
		}
	case plan.ClassNumber:
		switch value.Kind {
		case orderedjson.Number, orderedjson.String:
		case orderedjson.Null, orderedjson.Bool, orderedjson.Array, orderedjson.Object:
			fits = false
		}
	case plan.ClassText, plan.ClassUUID, plan.ClassTime, plan.ClassEnum, plan.ClassBytes, plan.ClassLTree, plan.ClassBoolean:
		fits = value.Kind != orderedjson.Array && value.Kind != orderedjson.Object
	case plan.ClassArray:
		fits = value.Kind == orderedjson.Array || value.Kind == orderedjson.String
	case plan.ClassJSON, plan.ClassJSONB, plan.ClassComposite, plan.ClassGeometry, plan.ClassGeography, plan.ClassRaster, plan.ClassOther:
	}
	if !fits {
		return fmt.Errorf("unexpected value for type %q: %s", typeText(t), value)
	}
	return nil
}
