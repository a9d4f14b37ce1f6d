package mssql

import (
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf16"

	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/sources/sqlgen"
)

// form is how a value becomes a parameter.
type form uint8

const (
	formScalar   form = iota // a value of a type
	formList                 // a JSON array of values of a type
	formLimit                // a number of rows, at most so many
	formFetch                // the same, but at least one
	formOffset               // a number of rows to pass over
	formKeySet               // a key set as a JSON array
	formFound                // whether a key set without columns found a row, as 1 or 0
	formSession              // all session variables as one JSON object
	formBindings             // the binding set as a JSON array
	formOverflow             // the parameters beyond those a statement may have
	formNewRows              // new rows as a JSON array
)

// noLimit stands for an absent limit. It leaves room for an offset.
const noLimit = 1_000_000_000_000_000_000

// parameterSource says where a parameter's value comes from.
type parameterSource struct {
	form  form
	value plan.Value
	as    sqlType
	// most bounds a limit; negative: nothing does.
	most int
	// keys are the types of the binding set or of a key set.
	keys []sqlType
	// set is an index into the fragment's key sets.
	set int
	// rows are new rows, whose columns have the types keys.
	rows *newRows
}

// literalKey is equal for literals that can be one parameter.
type literalKey struct {
	kind orderedjson.Kind
	text string
}

// valueKey is equal for values that can be one parameter.
func valueKey(v plan.Value) any {
	if literal, ok := v.(*plan.Literal); ok {
		return literalKey{literal.JSON.Kind, literal.JSON.String()}
	}
	return sqlgen.ValueKey(v)
}

// same tells whether two parameters can be one.
func (s *parameterSource) same(o *parameterSource) bool {
	if s.form != o.form || s.as != o.as || s.most != o.most || s.set != o.set || s.rows != o.rows || !slices.Equal(s.keys, o.keys) {
		return false
	}
	if a, ok := s.value.(*plan.Literal); ok {
		b, ok := o.value.(*plan.Literal)
		return ok && a.JSON.Kind == b.JSON.Kind && a.JSON.String() == b.JSON.String()
	}
	return sqlgen.SameValue(s.value, o.value)
}

// resolve gives the parameter's value for a request; nil is null.
func (s *parameterSource) resolve(args *plan.Arguments, bindings plan.Bindings) (bound, error) {
	switch s.form {
	case formBindings:
		return boundJSON(keysJSON(bindings, s.keys)), nil
	case formKeySet:
		return s.keySetJSON(args)
	case formFound:
		found, err := args.Found(s.set)
		if found {
			return boundInteger(1), err
		}
		return boundInteger(0), err
	case formSession:
		return boundJSON(sqlgen.SessionJSON(args)), nil
	case formNewRows:
		return s.rows.json(args, s.keys)
	case formScalar, formList, formLimit, formFetch, formOffset, formOverflow:
	}
	j, err := args.Resolve(s.value)
	if err != nil {
		return bound{}, err
	}
	switch s.form {
	case formScalar:
		return boundScalar(j, s.as)
	case formList:
		_, session := s.value.(*plan.SessionVariable)
		return listValue(j, s.as, session)
	case formLimit, formFetch, formOffset:
		return s.count(j)
	case formSession, formBindings, formKeySet, formFound, formOverflow, formNewRows:
	}
	return bound{}, fmt.Errorf("a parameter has the unknown form %d", s.form)
}

// boundScalar is a value of a type.
func boundScalar(j orderedjson.Value, as sqlType) (bound, error) {
	if j.IsNull() {
		return bound{}, nil
	}
	if as.spatial() {
		text, err := shapeText(j)
		return boundText(text), err
	}
	return scalarValue(j.TextOf(), as)
}

// count resolves a limit or an offset.
func (s *parameterSource) count(j orderedjson.Value) (bound, error) {
	n := int64(noLimit)
	if s.form == formOffset {
		n = 0
	}
	if !j.IsNull() {
		var err error
		if n, err = strconv.ParseInt(j.TextOf(), 10, 64); err != nil {
			return bound{}, dataException("expected a whole number of rows, but found %s", j)
		}
		if n < 0 {
			return bound{}, dataException("a number of rows must not be negative, but found %d", n)
		}
		n = min(n, noLimit)
	}
	if s.form != formOffset && s.most >= 0 {
		n = min(n, int64(s.most))
	}
	if s.form == formFetch {
		n = max(n, 1)
	}
	return boundInteger(n), nil
}

// asCall gives a statement with parameters as the driver runs it: as a call of the
// procedure for that, whose first argument it is. The driver itself would declare
// each text by its length, and the server keep a plan for every length.
func asCall(text string, arguments []any) (string, []any) {
	if len(arguments) == 0 {
		return text, nil
	}
	arguments[0] = text
	return "sp_executesql", arguments
}

// arguments are those of asCall: room for the statement, the declarations of the
// parameters, and their values. A statement without parameters has none.
func (s *Statement) arguments(args *plan.Arguments, bindings plan.Bindings) ([]any, error) {
	if len(s.parameters) == 0 {
		return nil, nil
	}
	const before = 2
	out := make([]any, before, before+len(s.parameters))
	declarations := make([]byte, 0, 24*len(s.parameters))
	for i := range s.parameters {
		source := &s.parameters[i]
		var b bound
		var err error
		if source.form == formOverflow {
			var array []byte
			array, err = s.overflowing(args, bindings)
			b = boundJSON(array)
		} else {
			b, err = source.resolve(args, bindings)
		}
		if err != nil {
			return nil, err
		}
		name := parameterName(i + 1)
		if i > 0 {
			declarations = append(declarations, ',')
		}
		declarations = append(append(append(declarations, name...), ' '), source.declares(b)...)
		out = append(out, sql.Named(name[1:], b.value()))
	}
	out[1] = string(declarations)
	return out, nil
}

// The longest texts of a length that is stated.
const (
	mostNational = 4000
	mostNarrow   = 8000
)

// declares is the type that a parameter is declared with for a value. It follows
// the column, so that the server makes one plan for all values; only a text that
// is longer than the column's may be has the next step.
func (s *parameterSource) declares(b bound) string {
	switch b.kind {
	case kindOfInteger:
		return typeBigint
	case kindOfFloat:
		return typeFloat
	case kindOfText:
		return textStep(typeNvarchar, s.as, utf16Length(b.text), mostNational)
	case kindOfNarrow:
		return textStep(typeVarchar, s.as, len(b.text), mostNarrow)
	case boundNull, kindOfLong:
	}
	return s.declaration()
}

// textStep is the least of the steps in which texts compared with a type are
// declared that holds a length.
func textStep(name string, as sqlType, length, most int) string {
	switch {
	case as.isText() && as.length > 0 && as.length <= most && length <= as.length:
		most = as.length
	case !as.isText() && length <= shortText:
		most = shortText
	case length > most:
		return name + "(max)"
	}
	return name + "(" + strconv.Itoa(most) + ")"
}

// shortText is enough for numbers, dates, and all but long bytes and shapes.
const shortText = 100

// utf16Length is the number of UTF-16 units of a text.
func utf16Length(text string) int {
	n := 0
	for _, r := range text {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}

// overflowing is the JSON array of the values that are no parameters.
func (s *Statement) overflowing(args *plan.Arguments, bindings plan.Bindings) ([]byte, error) {
	out := []byte{'['}
	for i := range s.overflow {
		if i > 0 {
			out = append(out, ',')
		}
		b, err := s.overflow[i].resolve(args, bindings)
		if err != nil {
			return nil, err
		}
		out = b.appendJSON(out)
	}
	return append(out, ']'), nil
}
