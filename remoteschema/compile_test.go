package remoteschema

import (
	"errors"
	"strings"
	"testing"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/sources"
)

// TestCompileRefuses feeds plans that no planner should make: they are refused,
// never printed into a document.
func TestCompileRefuses(t *testing.T) {
	source := openSource(t, Config{URL: "http://localhost/graphql"})
	field := func(f plan.RemoteField) []*plan.RemoteField { return []*plan.RemoteField{&f} }
	argument := func(a plan.RemoteArgument) []*plan.RemoteField {
		return field(plan.RemoteField{Key: "a", Name: "a", Arguments: []plan.RemoteArgument{a}})
	}
	nodes := func(n ...plan.RemoteNode) []*plan.RemoteField {
		return field(plan.RemoteField{Key: "a", Name: "a", Object: true, Fields: n})
	}
	key := []plan.Binding{{Name: "k", GraphQL: "ID!"}}
	query := func(fields []*plan.RemoteField) *plan.RemoteQuery {
		return &plan.RemoteQuery{Operation: plan.OperationQuery, Fields: fields}
	}
	one := field(plan.RemoteField{Key: "a", Name: "a"})
	for name, test := range map[string]struct {
		query    plan.Query
		bindings []plan.Binding
		want     string
	}{
		"SQL":             {&plan.Selection{}, nil, "can't answer"},
		"no operation":    {&plan.RemoteQuery{Fields: one}, nil, "no operation"},
		"no field":        {query(nil), nil, "needs a field"},
		"two lookups":     {query(append(one, one...)), key, "has one field"},
		"mutation lookup": {&plan.RemoteQuery{Operation: plan.OperationMutation, Fields: one}, key, "can't be a mutation"},
		"field name":      {query(field(plan.RemoteField{Key: "a", Name: "a } b"})), nil, "not a GraphQL name"},
		"response key":    {query(field(plan.RemoteField{Key: "a b", Name: "a"})), nil, "not a GraphQL name"},
		"no name":         {query(field(plan.RemoteField{Key: "a"})), nil, "not a GraphQL name"},
		"argument name":   {query(argument(plan.RemoteArgument{Name: "a:1", Value: &plan.Literal{}})), nil, "not a GraphQL name"},
		"argument type":   {query(argument(plan.RemoteArgument{Name: "a", Type: "Int) { x }", Value: &plan.SessionVariable{Name: "x"}})), nil, "not a GraphQL type"},
		"no type":         {query(argument(plan.RemoteArgument{Name: "a", Value: &plan.SessionVariable{Name: "x"}})), nil, "not a GraphQL type"},
		"enum":            {query(argument(plan.RemoteArgument{Name: "a", Value: &plan.RemoteEnum{Name: "A, b: 1"}})), nil, "not a GraphQL type"},
		"unbound":         {query(argument(plan.RemoteArgument{Name: "a", Type: "Int", Value: &plan.BindingValue{}})), nil, "binding 0 of 0"},
		"unbalanced":      {query(argument(plan.RemoteArgument{Name: "a", Type: "I", Value: &plan.ObjectValue{Keys: []string{"a"}}})), nil, "1 keys and 0 values"},
		"binding type":    {query(one), []plan.Binding{{GraphQL: "[Int"}}, "not a GraphQL type"},
		"inline type":     {query(nodes(&plan.RemoteInline{Type: "A {", Fields: nil})), nil, "not a GraphQL name"},
		"typename key":    {query(nodes(&plan.RemoteTypename{Key: "a b"})), nil, "not a GraphQL name"},
		"hole key":        {query(nodes(&plan.RemoteHole{Key: "a b", Join: &plan.Join{Keys: []plan.JoinKey{{Name: "a"}}}})), nil, "not a GraphQL name"},
		"hole field":      {query(nodes(&plan.RemoteHole{Key: "a", Join: &plan.Join{Keys: []plan.JoinKey{{Name: "a(x:1)"}}}})), nil, "not a GraphQL name"},
		"hole of nothing": {query(nodes(&plan.RemoteHole{Key: "a", Join: &plan.Join{}})), nil, "has no key"},
		"no join":         {query(nodes(&plan.RemoteHole{Key: "a"})), nil, "has no key"},
		"fields of none":  {query(field(plan.RemoteField{Key: "a", Name: "a", Fields: []plan.RemoteNode{&plan.RemoteTypename{Key: "t"}}})), nil, "no fields of its own"},
		"extract":         {&plan.RemoteQuery{Operation: plan.OperationQuery, Fields: one, Extract: []string{"b"}}, key, "doesn't stand in its selection"},
		"root extract":    {&plan.RemoteQuery{Operation: plan.OperationQuery, Fields: one, Extract: []string{"b"}}, nil, "doesn't stand in its selection"},
		"root batch":      {&plan.RemoteQuery{Operation: plan.OperationQuery, Fields: one, Batch: &plan.RemoteBatch{}}, nil, "no list lookup"},
		"variable type": {
			&plan.RemoteQuery{
				Operation: plan.OperationQuery, Variables: []plan.RemoteVariable{{Name: "v", Type: "Int = 3"}},
				Fields: argument(plan.RemoteArgument{Name: "a", Type: "Int", Value: &plan.Variable{Name: "v"}}),
			}, nil, "not a GraphQL type",
		},
		"unmatched batch": {
			&plan.RemoteQuery{Operation: plan.OperationQuery, Fields: nodes(&plan.RemoteTypename{Key: "t"}), Batch: &plan.RemoteBatch{}},
			key, "must match every part",
		},
		"batch of scalars": {
			&plan.RemoteQuery{Operation: plan.OperationQuery, Fields: one, Batch: &plan.RemoteBatch{}},
			key, "doesn't yield objects",
		},
		"batch binding": {
			&plan.RemoteQuery{Operation: plan.OperationQuery, Fields: nodes(), Batch: &plan.RemoteBatch{Match: []plan.RemoteMatch{{Field: "a", Binding: 1}}}},
			key, "binding 1 of 1",
		},
		"batch argument": {
			&plan.RemoteQuery{
				Operation: plan.OperationQuery, Batch: &plan.RemoteBatch{Match: []plan.RemoteMatch{{Field: "id"}}},
				Fields: field(plan.RemoteField{
					Key: "a", Name: "a", Object: true, Arguments: []plan.RemoteArgument{{Name: "id", Type: "ID!", Value: &plan.BindingValue{}}},
				}),
			}, key, "which is no list",
		},
	} {
		compiled, err := source.Compile(&plan.Fragment{Query: test.query, Bindings: test.bindings})
		var failed *sources.Error
		if !errors.As(err, &failed) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v %v, want %s", name, compiled, err, test.want)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, config := range map[string]Config{
		"no URL":    {},
		"file":      {URL: "file:///etc/passwd"},
		"no host":   {URL: "http:///graphql"},
		"negative":  {URL: "http://h", MaxKeys: -1},
		"control":   {URL: "http://h/\x7f"},
		"negative2": {URL: "http://h", Timeout: -1},
	} {
		if _, err := Open(config); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

type otherStatement struct{}

func (otherStatement) Text() string { return "" }

func TestRunRefuses(t *testing.T) {
	source := openSource(t, Config{URL: "http://127.0.0.1:1/"})
	f, err := parseFragment(testSchema(), `query @bindings(types: ["ID!"]) { album(id: "key:0") { title } }`)
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := source.Compile(f)
	if err != nil {
		t.Fatal(err)
	}
	one := plan.Bindings{Width: 1, Cells: []string{"a"}}
	for name, err := range map[string]error{
		"another's statement": source.Run(t.Context(), otherStatement{}, nil, one, jsonshape.NewAnswer(1)),
		"no bindings":         source.Run(t.Context(), compiled, nil, plan.Bindings{}, jsonshape.NewAnswer(1)),
		"too many ordinals":   source.Run(t.Context(), compiled, nil, one, jsonshape.NewAnswer(2)),
	} {
		var failed *sources.Error
		if !errors.As(err, &failed) || failed.Code != sources.CodeUnexpected {
			t.Errorf("%s: %v", name, err)
		}
	}
}
