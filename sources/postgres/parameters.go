package postgres

import (
	"fmt"
	"slices"
	"strconv"

	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/sources"
	"dovetail/sources/sqlgen"
)

// form is how a value becomes the text of a parameter.
type form uint8

const (
	formText     form = iota // a scalar's text
	formJSON                 // JSON text; what a session variable holds is JSON text already
	formArray                // an array literal
	formJSONs                // an array literal of JSON texts
	formArrays               // an array literal of array literals
	formSession              // all session variables as one JSON object
	formPath                 // an array literal of known texts
	formFound                // whether a key set without columns found a row
	formBinding              // a column of the binding set as an array literal
	formKeySet               // a part of the keys of a key set as an array literal
	formColumn               // an array literal of a column's values
	formRegister             // what an earlier statement of a mutation has returned
	formRows                 // an array literal of the rows that a mutation has written
)

// parameterSource says where a parameter's text comes from.
type parameterSource struct {
	form  form
	value plan.Value
	// member digs a member out of the value, which is an object.
	member string
	// fallback is the text of an absent member.
	fallback string
	path     []string
	// binding is an index: of a binding, or of a register.
	binding int
	// element is the form of the values of formColumn.
	element form
	key     keyForm
	cast    sqlType
	// tuple and part say which part of the keys of a key set it is.
	tuple *keyTuple
	part  int
	// set is the key set of formFound.
	set int
	// clamped: whole numbers beyond 64 bits become the nearest ones.
	clamped bool
}

// same tells whether two parameters can be one.
func (s *parameterSource) same(o *parameterSource) bool {
	if s.form != o.form || s.cast != o.cast || s.member != o.member || s.binding != o.binding ||
		s.fallback != o.fallback || s.tuple != o.tuple || s.part != o.part || s.set != o.set || s.element != o.element || s.clamped != o.clamped ||
		!slices.Equal(s.path, o.path) {
		return false
	}
	return sqlgen.SameValue(s.value, o.value)
}

// text gives the parameter's text for a request; nil is null.
func (s *parameterSource) text(args *plan.Arguments, bindings plan.Bindings) ([]byte, error) {
	switch s.form {
	case formBinding:
		return bindingArray(bindings, s.binding, s.key), nil
	case formKeySet:
		return s.tuple.text(args.KeySets, s.part)
	case formFound:
		found, err := args.Found(s.set)
		return strconv.AppendBool(nil, found), err
	case formPath:
		return textArray(s.path), nil
	case formSession:
		return sqlgen.SessionJSON(args), nil
	case formColumn:
		return s.columnText(args)
	case formRegister, formRows:
		return nil, errNoRegister
	case formText, formJSON, formArray, formJSONs, formArrays:
	}
	j, err := args.Resolve(s.value)
	if err != nil {
		return nil, err
	}
	if s.member != "" {
		if j, err = s.dig(j); err != nil {
			return nil, err
		}
	}
	_, session := s.value.(*plan.SessionVariable)
	return s.encode(j, session && s.member == "")
}

func (s *parameterSource) encode(j orderedjson.Value, session bool) ([]byte, error) {
	if j.IsNull() {
		if s.fallback != "" {
			return []byte(s.fallback), nil
		}
		return nil, nil
	}
	if s.clamped {
		j = clamped(j)
	}
	switch s.form {
	case formJSON:
		if session {
			return []byte(j.Text), nil
		}
		return j.Append(nil), nil
	case formArray, formJSONs:
		if j.Kind == orderedjson.String && session {
			return []byte(j.Text), nil
		}
		return appendArray(nil, j, s.form == formJSONs), nil
	case formArrays:
		return arrayOfArrays(j), nil
	case formText, formSession, formPath, formBinding, formKeySet, formFound, formColumn, formRegister, formRows:
	}
	return []byte(j.TextOf()), nil
}

// clamped gives whole numbers, or a list of them, as numbers of 64 bits.
func clamped(j orderedjson.Value) orderedjson.Value {
	switch j.Kind {
	case orderedjson.Array:
		items := make([]orderedjson.Value, len(j.Items))
		for i, item := range j.Items {
			items[i] = clamped(item)
		}
		j.Items = items
	case orderedjson.Number, orderedjson.String:
		j.Text = sqlgen.ClampedInteger(j.Text)
	case orderedjson.Null, orderedjson.Bool, orderedjson.Object:
	}
	return j
}

// dig takes the member; an object in a session variable is JSON text.
func (s *parameterSource) dig(j orderedjson.Value) (orderedjson.Value, error) {
	if j.Kind == orderedjson.String {
		parsed, err := orderedjson.Parse([]byte(j.Text))
		if err != nil {
			return orderedjson.Value{}, &sources.Error{
				Code:    sources.CodeDataException,
				Message: fmt.Sprintf("expected a JSON object with the member %q", s.member),
				Cause:   err,
			}
		}
		j = parsed
	}
	m, _ := j.Get(s.member)
	return m, nil
}

// appendArray appends a list as an array literal; asJSON makes every element
// JSON text instead of going into lists.
func appendArray(dst []byte, j orderedjson.Value, asJSON bool) []byte {
	if j.Kind != orderedjson.Array { // a single value stands for a list of one
		if j.Kind == orderedjson.String && !asJSON && len(j.Text) > 1 && j.Text[0] == '{' {
			return append(dst, j.Text...) // an array literal as its author wrote it
		}
		j = orderedjson.Value{Kind: orderedjson.Array, Items: []orderedjson.Value{j}}
	}
	dst = append(dst, '{')
	for i, item := range j.Items {
		if i > 0 {
			dst = append(dst, ',')
		}
		switch {
		case item.IsNull():
			dst = append(dst, "NULL"...)
		case asJSON:
			dst = appendArrayElement(dst, item.String())
		case item.Kind == orderedjson.Array:
			dst = appendArray(dst, item, false)
		default:
			dst = appendArrayElement(dst, item.TextOf())
		}
	}
	return append(dst, '}')
}

// arrayOfArrays makes an array literal whose elements are the texts of arrays.
func arrayOfArrays(j orderedjson.Value) []byte {
	if j.Kind != orderedjson.Array {
		return []byte(j.TextOf())
	}
	texts := make([]string, 0, len(j.Items))
	for _, item := range j.Items {
		if item.Kind == orderedjson.Array {
			texts = append(texts, string(appendArray(nil, item, false)))
		} else {
			texts = append(texts, item.TextOf())
		}
	}
	return textArray(texts)
}

// appendArrayElement quotes an element of an array literal.
func appendArrayElement(dst []byte, text string) []byte {
	dst = append(dst, '"')
	for i := range len(text) {
		if c := text[i]; c == '"' || c == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, text[i])
	}
	return append(dst, '"')
}

func textArray(texts []string) []byte {
	b := []byte{'{'}
	for i, t := range texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendArrayElement(b, t)
	}
	return append(b, '}')
}

func bindingArray(bindings plan.Bindings, column int, key keyForm) []byte {
	rows := bindings.Rows()
	b := make([]byte, 0, 2+rows*12)
	b = append(b, '{')
	for i := range rows {
		if i > 0 {
			b = append(b, ',')
		}
		if text, ok := key(bindings.Cells[i*bindings.Width+column]); ok {
			b = appendArrayElement(b, text)
		} else {
			b = append(b, "NULL"...)
		}
	}
	return append(b, '}')
}
