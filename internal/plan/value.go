package plan

import (
	"errors"
	"fmt"
	"strings"

	"dovetail/internal/orderedjson"
)

// Value is the right side of a comparison or an argument: symbolic until a
// request's Arguments resolve it.
//
//sumtype:decl
type Value interface{ value() }

// Literal is a value written in the query or the metadata.
type Literal struct{ JSON orderedjson.Value }

// Variable is (a part of) a GraphQL variable; Path leads to a leaf inside of
// it: object keys, and list indices in decimal.
type Variable struct {
	Name string
	Path []string
}

// SessionVariable is a session variable by its lower-case name.
type SessionVariable struct{ Name string }

// ListValue is a list that holds symbolic parts.
type ListValue struct{ Items []Value }

// ObjectValue is an object that holds symbolic parts, in written order.
type ObjectValue struct {
	Keys   []string
	Values []Value
}

// BindingValue is a column of the fragment's binding set (remote schema
// arguments).
type BindingValue struct{ Index int }

func (*Literal) value()         {}
func (*Variable) value()        {}
func (*SessionVariable) value() {}
func (*ListValue) value()       {}
func (*ObjectValue) value()     {}
func (*BindingValue) value()    {}

// Arguments are the values of one request.
type Arguments struct {
	// Variables by name, already coerced to their declared types.
	Variables map[string]orderedjson.Value
	// Session variables by lower-case name; x-hasura-role is among them.
	Session map[string]string
	Role    string
	// Headers of the client's request, for sources that forward them.
	Headers map[string][]string
	// KeySets are the keys of the running fragment's KeySets.
	KeySets []Bindings
	// RequestID names the request in logs and query tags.
	RequestID string
	// Tag makes the comment of a statement from its source and the response key of
	// the root field it is for; nil: statements have none.
	Tag func(source, field string) Comment
	// Comment is the running statement's.
	Comment Comment
}

// Comment stands beside a statement for whoever reads a database's logs.
type Comment struct {
	// Text is a whole comment, /* … */; empty for none.
	Text string
	// First: it stands before the statement, not behind it.
	First bool
	// Unique: no other statement has it, so that preparing the statement is in
	// vain.
	Unique bool
}

// Beside gives a statement with the comment.
func (c Comment) Beside(statement string) string {
	switch {
	case c.Text == "":
		return statement
	case c.First:
		return c.Text + " " + statement
	}
	return statement + " " + c.Text
}

// MissingSessionVariableError says that a permission or preset names a session
// variable that the request doesn't carry.
type MissingSessionVariableError struct{ Name string }

func (e *MissingSessionVariableError) Error() string {
	return fmt.Sprintf("missing session variable: %q", e.Name)
}

var errBindingValue = errors.New("a binding value has no single value")

// Resolve gives the JSON of a symbolic value. An absent variable resolves to
// JSON null. Session variables resolve to JSON strings.
func (a *Arguments) Resolve(v Value) (orderedjson.Value, error) {
	switch v := v.(type) {
	case *Literal:
		return v.JSON, nil
	case *Variable:
		j, ok := a.Variables[v.Name]
		if !ok {
			return orderedjson.Value{}, nil
		}
		return j.At(v.Path), nil
	case *SessionVariable:
		s, ok := a.Session[v.Name]
		if !ok {
			return orderedjson.Value{}, &MissingSessionVariableError{Name: v.Name}
		}
		return orderedjson.Value{Kind: orderedjson.String, Text: s}, nil
	case *ListValue:
		out := orderedjson.Value{Kind: orderedjson.Array, Items: make([]orderedjson.Value, 0, len(v.Items))}
		for _, item := range v.Items {
			j, err := a.Resolve(item)
			if err != nil {
				return orderedjson.Value{}, err
			}
			out.Items = append(out.Items, j)
		}
		return out, nil
	case *ObjectValue:
		out := orderedjson.Value{Kind: orderedjson.Object, Keys: v.Keys, Items: make([]orderedjson.Value, 0, len(v.Values))}
		for _, item := range v.Values {
			j, err := a.Resolve(item)
			if err != nil {
				return orderedjson.Value{}, err
			}
			out.Items = append(out.Items, j)
		}
		return out, nil
	case *RemoteEnum:
		return orderedjson.Value{Kind: orderedjson.String, Text: v.Name}, nil
	case *Token:
		return a.resolveToken(v)
	case *BindingValue:
		return orderedjson.Value{}, errBindingValue
	}
	return orderedjson.Value{}, fmt.Errorf("unknown kind of value %T", v)
}

// Found tells whether a key set without columns found a row.
func (a *Arguments) Found(set int) (bool, error) {
	if set >= len(a.KeySets) {
		return false, fmt.Errorf("the keys of key set %d are missing", set)
	}
	return len(a.KeySets[set].Cells) > 0, nil
}

// IsSessionVariableName tells whether a string in a permission names a session
// variable rather than being a literal.
func IsSessionVariableName(s string) bool {
	return len(s) > 9 && strings.EqualFold(s[:9], "x-hasura-")
}

// Bindings is the binding set of one statement: distinct key tuples, never
// null, as text. Row i is Cells[i*Width : (i+1)*Width]; its ordinal is i.
type Bindings struct {
	Width int
	Cells []string
}

// Rows is the number of binding rows; a root fragment, which has no bindings,
// has one.
func (b Bindings) Rows() int {
	if b.Width == 0 {
		return 1
	}
	return len(b.Cells) / b.Width
}

// Row is the i-th key tuple.
func (b Bindings) Row(i int) []string { return b.Cells[i*b.Width : (i+1)*b.Width] }
