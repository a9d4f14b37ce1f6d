package remoteschema

import (
	"context"
	"errors"
	"fmt"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/jsonshape"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/sources"
)

// Run asks the service and scans its answer. Keys that can't be values of their
// argument's type match nothing and aren't sent.
func (s *Source) Run(ctx context.Context, compiled plan.Statement, args *plan.Arguments, bindings plan.Bindings, out *jsonshape.Answer) error {
	st, ok := compiled.(*statement)
	if !ok {
		return &sources.Error{Code: sources.CodeUnexpected, Message: fmt.Sprintf("a remote schema can't run a %T", compiled)}
	}
	if err := st.check(bindings, out); err != nil {
		return err
	}
	request, err := s.request(st, args, bindings)
	if err != nil {
		return err
	}
	a := &answer{statement: st, bindings: bindings, out: out, asked: request.asked}
	if request.body == nil {
		a.fill(false)
		return nil
	}
	response, err := s.send(ctx, request.body, args)
	if err != nil {
		return err
	}
	defer s.letGo(response)
	err = a.read(response)
	if failed := (*sources.Error)(nil); err != nil && (!errors.As(err, &failed) || !failed.Partial) {
		*out = *jsonshape.NewAnswer(len(out.Values))
		out.Cookies = response.cookies
		return s.answerError(response, err)
	}
	out.Cookies = response.cookies
	a.fill(err != nil)
	return err
}

func (st *statement) check(bindings plan.Bindings, out *jsonshape.Answer) error {
	want := len(st.shapes)
	if st.aliases == nil {
		want = bindings.Rows()
	}
	if bindings.Width != len(st.bindings) || len(out.Values) != want {
		return &sources.Error{
			Code: sources.CodeUnexpected,
			Message: fmt.Sprintf("a remote statement of %d bindings was run with %d, for %d values instead of %d",
				len(st.bindings), bindings.Width, len(out.Values), want),
		}
	}
	return nil
}

// request is the body of a request; asked are the binding rows it asks for, in
// the order of its aliases.
type request struct {
	body  []byte
	asked []int
}

func (s *Source) request(st *statement, args *plan.Arguments, bindings plan.Bindings) (*request, error) {
	if args == nil {
		args = &plan.Arguments{}
	}
	v := &values{statement: st, args: args, bindings: bindings, row: -1, skipNulls: s.config.SkipNulls}
	var variables []byte
	for _, c := range st.document.client {
		var err error
		if variables, err = v.variable(variables, c.name, &plan.Variable{Name: c.name}, nil); err != nil {
			return nil, err
		}
	}
	for i, slot := range st.document.shared {
		if slot.perKey {
			continue
		}
		var err error
		if variables, err = v.variable(variables, st.document.sharedName(i), slot.value, slot.typ); err != nil {
			return nil, err
		}
	}
	r := &request{}
	if st.aliases == nil {
		var err error
		if variables, err = v.rows(variables, r); err != nil {
			return nil, err
		}
		if len(r.asked) == 0 {
			return r, nil
		}
	}
	for i, slot := range st.document.shared {
		if !slot.perKey {
			continue
		}
		var err error
		if variables, err = v.perKey(variables, st.document.sharedName(i), slot, r.asked); err != nil {
			return nil, err
		}
	}
	r.body = append(r.body, `{"query":`...)
	r.body = orderedjson.AppendString(r.body, st.document.text(max(1, len(r.asked))))
	if len(variables) > 0 {
		r.body = append(r.body, `,"variables":{`...)
		r.body = append(r.body, variables...)
		r.body = append(r.body, '}')
	}
	r.body = append(r.body, '}')
	return r, nil
}

// rows writes the variables of the binding rows and notes which are asked.
func (v *values) rows(variables []byte, r *request) ([]byte, error) {
	r.asked = make([]int, 0, v.bindings.Rows())
	for row := range v.bindings.Rows() {
		if v.batch != nil {
			if v.keyFits(row) {
				r.asked = append(r.asked, row)
			}
			continue
		}
		v.row = row
		start := len(variables)
		fits := true
		for i, slot := range v.document.keyed {
			name := string(v.document.appendKeyed(nil, len(r.asked), i))
			out, err := v.variable(variables, name, slot.value, slot.typ)
			if errors.Is(err, errNoMatch) {
				fits = false
				break
			}
			if err != nil {
				return nil, err
			}
			variables = out
		}
		if !fits {
			variables = variables[:start]
			continue
		}
		r.asked = append(r.asked, row)
	}
	return variables, nil
}

// perKey writes a variable that is a list of one value for each key.
func (v *values) perKey(variables []byte, name string, s slot, asked []int) ([]byte, error) {
	if len(variables) > 0 {
		variables = append(variables, ',')
	}
	variables = orderedjson.AppendString(variables, name)
	variables = append(variables, ':', '[')
	for i, row := range asked {
		if i > 0 {
			variables = append(variables, ',')
		}
		v.row = row
		var err error
		if variables, _, err = v.append(variables, s.value, s.typ); err != nil {
			return variables, err
		}
	}
	v.row = -1
	return append(variables, ']'), nil
}

// keyFits tells whether every part of a row's key is a value of its type.
func (v *values) keyFits(row int) bool {
	for i, b := range v.statement.bindings {
		t := b.typ
		for t != nil && t.Elem != nil {
			t = t.Elem
		}
		if _, err := v.scalar(nil, v.bindings.Row(row)[i], t, b.class); err != nil {
			return false
		}
	}
	return true
}

// variable writes one member of the variables object, unless it is absent.
func (v *values) variable(dst []byte, name string, value plan.Value, t *ast.Type) ([]byte, error) {
	start := len(dst)
	if start > 0 {
		dst = append(dst, ',')
	}
	dst = orderedjson.AppendString(dst, name)
	dst = append(dst, ':')
	from := len(dst)
	dst, present, err := v.append(dst, value, t)
	if err != nil {
		return dst, err
	}
	if !present || (v.skipNulls && string(dst[from:]) == "null") {
		return dst[:start], nil
	}
	return dst, nil
}
