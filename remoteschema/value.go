package remoteschema

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/jsonshape"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/sources"
)

const codeCoercionError = "coercion-error"

// errNoMatch says that a key's text is no value of the argument's type: no row
// can match it, and the service would refuse it.
var errNoMatch = errors.New("the key is no value of the argument's type")

// values writes the JSON of variables for one request.
type values struct {
	*statement
	args      *plan.Arguments
	bindings  plan.Bindings
	row       int // the binding row that BindingValue means; -1: all of them
	skipNulls bool
}

// append writes a value as JSON that fits a type (nil: unknown). An absent
// variable is reported as such and nothing is written.
func (v *values) append(dst []byte, value plan.Value, t *ast.Type) (out []byte, present bool, err error) {
	switch value := value.(type) { //nolint:gochecksumtype // the rest is refused below
	case *plan.Literal:
		return value.JSON.Append(dst), true, nil
	case *plan.RemoteEnum:
		return orderedjson.AppendString(dst, value.Name), true, nil
	case *plan.Variable:
		j, ok := lookUp(v.args, value)
		if !ok {
			return dst, false, nil
		}
		return j.Append(dst), true, nil
	case *plan.SessionVariable:
		out, err = v.session(dst, value.Name, t)
		return out, true, err
	case *plan.ListValue:
		return v.list(dst, value, element(t))
	case *plan.ObjectValue:
		return v.object(dst, value, t)
	case *plan.BindingValue:
		out, err = v.binding(dst, value.Index, t)
		return out, true, err
	}
	return dst, false, fmt.Errorf("unknown kind of value %T", value)
}

// lookUp finds (a part of) a client's variable, telling null from absent.
func lookUp(args *plan.Arguments, v *plan.Variable) (orderedjson.Value, bool) {
	j, ok := args.Variables[v.Name]
	if !ok || len(v.Path) == 0 {
		return j, ok
	}
	last := len(v.Path) - 1
	parent := j.At(v.Path[:last])
	if parent.Kind == orderedjson.Object {
		return parent.Get(v.Path[last])
	}
	if i, err := strconv.Atoi(v.Path[last]); err == nil && parent.Kind == orderedjson.Array && i >= 0 && i < len(parent.Items) {
		return parent.Items[i], true
	}
	if v.Path[last] == "0" && !parent.IsNull() && parent.Kind != orderedjson.Array {
		return parent, true
	}
	return orderedjson.Value{}, false
}

func (v *values) list(dst []byte, value *plan.ListValue, t *ast.Type) ([]byte, bool, error) {
	dst = append(dst, '[')
	for i, item := range value.Items {
		if i > 0 {
			dst = append(dst, ',')
		}
		out, present, err := v.append(dst, item, t)
		if err != nil {
			return dst, false, err
		}
		if dst = out; !present {
			dst = append(dst, "null"...)
		}
	}
	return append(dst, ']'), true, nil
}

func (v *values) object(dst []byte, value *plan.ObjectValue, t *ast.Type) ([]byte, bool, error) {
	dst = append(dst, '{')
	first := true
	for i, item := range value.Values {
		start := len(dst)
		if !first {
			dst = append(dst, ',')
		}
		dst = orderedjson.AppendString(dst, value.Keys[i])
		dst = append(dst, ':')
		out, present, err := v.append(dst, item, v.input.field(t, value.Keys[i]))
		if err != nil {
			return dst, false, err
		}
		if dst = out; !present {
			dst = dst[:start]
			continue
		}
		first = false
	}
	return append(dst, '}'), true, nil
}

// session writes a session variable in the JSON form of a type.
func (v *values) session(dst []byte, name string, t *ast.Type) ([]byte, error) {
	text, ok := v.args.Session[name]
	if !ok {
		return dst, &sources.Error{
			Code:    sources.CodeNotFound,
			Message: fmt.Sprintf("%q session variable expected, but not found", name),
			Cause:   &plan.MissingSessionVariableError{Name: name},
		}
	}
	out, err := v.scalar(dst, text, t, plan.ClassText)
	if errors.Is(err, errNoMatch) {
		return dst, &sources.Error{
			Code:    codeCoercionError,
			Message: fmt.Sprintf("%q cannot be coerced into %s value", text, withArticle(typeName(t))),
		}
	}
	return out, err
}

func withArticle(name string) string {
	if strings.ContainsAny(name[:1], "AEIOaeio") {
		return "an " + name
	}
	return "a " + name
}

func typeName(t *ast.Type) string {
	if t == nil {
		return "input"
	}
	return t.Name()
}

// binding writes the key of the current row, or the keys of all rows.
func (v *values) binding(dst []byte, index int, t *ast.Type) ([]byte, error) {
	b := v.statement.bindings[index]
	if b.typ != nil {
		t = b.typ
	}
	if v.row >= 0 {
		return v.scalar(dst, v.bindings.Row(v.row)[index], t, b.class)
	}
	t = element(t)
	dst = append(dst, '[')
	first := true
	seen := make(map[string]bool, v.bindings.Rows())
	for row := range v.bindings.Rows() {
		text := v.bindings.Row(row)[index]
		if seen[text] {
			continue
		}
		seen[text] = true
		start := len(dst)
		if !first {
			dst = append(dst, ',')
		}
		out, err := v.scalar(dst, text, t, b.class)
		if errors.Is(err, errNoMatch) {
			dst = dst[:start]
			continue
		}
		if err != nil {
			return dst, err
		}
		dst, first = out, false
	}
	return append(dst, ']'), nil
}

// scalar is appendScalar for texts that may have to be values of an enum, or
// are lists.
func (v *values) scalar(dst []byte, text string, t *ast.Type, class plan.TypeClass) ([]byte, error) {
	if class == plan.ClassArray {
		j, err := orderedjson.Parse([]byte(text))
		if err != nil || j.Kind != orderedjson.Array {
			return dst, errNoMatch
		}
		return v.listKey(dst, j, t)
	}
	if !v.input.takes(t, text) {
		return dst, errNoMatch
	}
	return appendScalar(dst, text, t, class)
}

// listKey writes a key that is a list, each element in the JSON form of the
// argument's. Null is left out where the argument takes none; an element that
// can't be a value of its type makes the whole list match nothing.
func (v *values) listKey(dst []byte, j orderedjson.Value, t *ast.Type) ([]byte, error) {
	if t == nil || t.Elem == nil { // a custom scalar, which takes any form
		return j.Append(dst), nil
	}
	dst = append(dst, '[')
	first := true
	for _, item := range j.Items {
		if item.IsNull() && t.Elem.NonNull {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		var err error
		switch item.Kind {
		case orderedjson.Null:
			dst = append(dst, "null"...)
		case orderedjson.Array:
			dst, err = v.listKey(dst, item, t.Elem)
		case orderedjson.Object:
			dst = item.Append(dst)
		case orderedjson.Bool:
			dst, err = v.scalar(dst, string(item.Append(nil)), t.Elem, plan.ClassBoolean)
		case orderedjson.Number:
			dst, err = v.scalar(dst, item.Text, t.Elem, plan.ClassNumber)
		case orderedjson.String:
			dst, err = v.scalar(dst, item.Text, t.Elem, plan.ClassText)
		}
		if err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

// appendScalar writes a text in the JSON form of a type: numbers for Int, Float
// and custom scalars that a numeric column is the key of, true and false for
// Boolean, and strings for the rest. Where a list is expected it is a list of
// one.
func appendScalar(dst []byte, text string, t *ast.Type, class plan.TypeClass) ([]byte, error) {
	if t != nil && t.Elem != nil {
		dst, err := appendScalar(append(dst, '['), text, t.Elem, class)
		return append(dst, ']'), err
	}
	if !utf8.ValidString(text) {
		return dst, errNoMatch // JSON can't hold it
	}
	name := ""
	if t != nil {
		name = t.NamedType
	}
	switch name {
	case "Int":
		if !isInt(text) {
			return dst, errNoMatch
		}
		return append(dst, text...), nil
	case "Float":
		if !jsonshape.IsNumber(text) {
			return dst, errNoMatch
		}
		return append(dst, text...), nil
	case "Boolean":
		b, ok := truth(text)
		if !ok {
			return dst, errNoMatch
		}
		return strconv.AppendBool(dst, b), nil
	case "ID", "String":
		return orderedjson.AppendString(dst, text), nil
	}
	switch class { //nolint:exhaustive // the other classes are strings
	case plan.ClassInteger, plan.ClassNumber:
		if jsonshape.IsNumber(text) {
			return append(dst, text...), nil
		}
	case plan.ClassBoolean:
		if b, ok := truth(text); ok {
			return strconv.AppendBool(dst, b), nil
		}
	case plan.ClassJSON, plan.ClassJSONB:
		if json.Valid([]byte(text)) {
			return append(dst, text...), nil
		}
	default:
	}
	return orderedjson.AppendString(dst, text), nil
}

// truth reads the ways in which sources write booleans as text.
func truth(text string) (value, ok bool) {
	switch text {
	case "true", "t", "1":
		return true, true
	case "false", "f", "0":
		return false, true
	}
	return false, false
}

// isInt reports whether a text is a value of GraphQL's Int: a JSON number without
// fraction or exponent, of 32 bits. A service refuses a request with another one,
// and with it all keys that are beside it.
func isInt(text string) bool {
	if !jsonshape.IsNumber(text) {
		return false
	}
	_, err := strconv.ParseInt(text, 10, 32)
	return err == nil
}
