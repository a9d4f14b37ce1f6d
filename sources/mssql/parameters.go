package mssql

import (
	"fmt"
	"slices"
	"strconv"

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

// values are the parameters' values.
func (s *Statement) values(args *plan.Arguments, bindings plan.Bindings) ([]any, error) {
	values := make([]any, len(s.parameters))
	for i := range s.parameters {
		source := &s.parameters[i]
		if source.form == formOverflow {
			array, err := s.overflowing(args, bindings)
			if err != nil {
				return nil, err
			}
			values[i] = boundJSON(array).value()
			continue
		}
		b, err := source.resolve(args, bindings)
		if err != nil {
			return nil, err
		}
		values[i] = b.value()
	}
	return values, nil
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
