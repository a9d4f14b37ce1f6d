package remoteschema

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
)

// parseFragment reads a fragment from a GraphQL document with directives for
// what GraphQL can't say: on fields @hole(join, keys, null), @static(json),
// @names(Upstream: "Ours"); on the operation @bindings(types), @extract(path)
// and @batch(match, many). Argument strings "key:0", "session:x-hasura-a" and
// "variable:input.a" are symbolic.
func parseFragment(schema *ast.Schema, text string) (*plan.Fragment, error) {
	document, err := parser.ParseQuery(&ast.Source{Input: text})
	if err != nil {
		return nil, err
	}
	operation := document.Operations[0]
	query := &plan.RemoteQuery{Operation: plan.OperationKind(operation.Operation)}
	f := &plan.Fragment{Source: "music", Query: query}
	for _, v := range operation.VariableDefinitions {
		variable := plan.RemoteVariable{Name: v.Variable, Type: v.Type.String()}
		if v.DefaultValue != nil {
			variable.Default = &orderedjson.Value{Kind: orderedjson.String, Text: v.DefaultValue.Raw}
		}
		query.Variables = append(query.Variables, variable)
	}
	for _, d := range operation.Directives {
		switch d.Name {
		case "bindings":
			for i, t := range d.Arguments.ForName("types").Value.Children {
				name, class, _ := strings.Cut(t.Value.Raw, "|")
				f.Bindings = append(f.Bindings, plan.Binding{
					Name: strconv.Itoa(i), GraphQL: name, Type: plan.Type{Class: plan.TypeClass(class)},
				})
			}
		case "extract":
			query.Extract = texts(d.Arguments.ForName("path").Value)
		case "batch":
			query.Batch = &plan.RemoteBatch{Many: d.Arguments.ForName("many") != nil}
			for i, m := range texts(d.Arguments.ForName("match").Value) {
				query.Batch.Match = append(query.Batch.Match, plan.RemoteMatch{Field: m, Binding: i})
			}
		}
	}
	root := schema.Query
	if operation.Operation == ast.Mutation {
		root = schema.Mutation
	}
	nodes := parseNodes(schema, root, operation.SelectionSet, f)
	for _, n := range nodes {
		field, ok := n.(*plan.RemoteField)
		if !ok {
			return nil, fmt.Errorf("a %T at the root", n)
		}
		query.Fields = append(query.Fields, field)
	}
	return f, nil
}

func texts(v *ast.Value) []string {
	var out []string
	for _, c := range v.Children {
		out = append(out, c.Value.Raw)
	}
	return out
}

func parseNodes(schema *ast.Schema, parent *ast.Definition, set ast.SelectionSet, f *plan.Fragment) []plan.RemoteNode {
	var out []plan.RemoteNode
	for _, s := range set {
		switch s := s.(type) {
		case *ast.InlineFragment:
			out = append(out, &plan.RemoteInline{
				Type: s.TypeCondition, Fields: parseNodes(schema, schema.Types[s.TypeCondition], s.SelectionSet, f),
			})
		case *ast.Field:
			out = append(out, parseNode(schema, parent, s, f))
		}
	}
	return out
}

func parseNode(schema *ast.Schema, parent *ast.Definition, s *ast.Field, f *plan.Fragment) plan.RemoteNode {
	if d := s.Directives.ForName("hole"); d != nil {
		join := &plan.Join{Field: s.Alias, OnNull: []byte("null")}
		index, _ := strconv.Atoi(d.Arguments.ForName("join").Value.Raw)
		join.Index = index
		for _, k := range texts(d.Arguments.ForName("keys").Value) {
			join.Keys = append(join.Keys, plan.JoinKey{Name: k})
		}
		if null := d.Arguments.ForName("null"); null != nil {
			join.OnNull = []byte(null.Value.Raw)
		}
		f.Joins = append(f.Joins, join)
		return &plan.RemoteHole{Key: s.Alias, Join: join}
	}
	if d := s.Directives.ForName("static"); d != nil {
		return &plan.RemoteStatic{Key: s.Alias, JSON: []byte(d.Arguments.ForName("json").Value.Raw)}
	}
	if s.Name == "__typename" {
		n := &plan.RemoteTypename{Key: s.Alias}
		if d := s.Directives.ForName("names"); d != nil {
			n.Names = map[string]string{}
			for _, a := range d.Arguments {
				n.Names[a.Name] = a.Value.Raw
			}
		}
		return n
	}
	out := &plan.RemoteField{Key: s.Alias, Name: s.Name}
	var def *ast.FieldDefinition
	if parent != nil {
		def = parent.Fields.ForName(s.Name)
	}
	for _, a := range s.Arguments {
		argument := plan.RemoteArgument{Name: a.Name, Value: parseValue(a.Value)}
		if def != nil && def.Arguments.ForName(a.Name) != nil {
			argument.Type = def.Arguments.ForName(a.Name).Type.String()
		}
		out.Arguments = append(out.Arguments, argument)
	}
	if s.SelectionSet != nil {
		out.Object = true
		var child *ast.Definition
		if def != nil {
			child = schema.Types[def.Type.Name()]
		}
		out.Fields = parseNodes(schema, child, s.SelectionSet, f)
	}
	return out
}

func parseValue(v *ast.Value) plan.Value {
	switch v.Kind {
	case ast.Variable:
		return &plan.Variable{Name: v.Raw}
	case ast.EnumValue:
		return &plan.RemoteEnum{Name: v.Raw}
	case ast.StringValue, ast.BlockValue:
		kind, rest, _ := strings.Cut(v.Raw, ":")
		switch kind {
		case "key":
			index, _ := strconv.Atoi(rest)
			return &plan.BindingValue{Index: index}
		case "session":
			return &plan.SessionVariable{Name: rest}
		case "variable":
			path := strings.Split(rest, ".")
			return &plan.Variable{Name: path[0], Path: path[1:]}
		}
		return &plan.Literal{JSON: orderedjson.Value{Kind: orderedjson.String, Text: v.Raw}}
	case ast.ListValue:
		out := &plan.ListValue{}
		for _, c := range v.Children {
			out.Items = append(out.Items, parseValue(c.Value))
		}
		return out
	case ast.ObjectValue:
		out := &plan.ObjectValue{}
		for _, c := range v.Children {
			out.Keys = append(out.Keys, c.Name)
			out.Values = append(out.Values, parseValue(c.Value))
		}
		return out
	case ast.BooleanValue:
		return &plan.Literal{JSON: orderedjson.Value{Kind: orderedjson.Bool, Text: v.Raw}}
	case ast.IntValue, ast.FloatValue:
		return &plan.Literal{JSON: orderedjson.Value{Kind: orderedjson.Number, Text: v.Raw}}
	case ast.NullValue:
	}
	return &plan.Literal{}
}

// testSchema is the service's schema from its own text.
func testSchema() *ast.Schema {
	return gqlparser.MustLoadSchema(&ast.Source{Name: "service", Input: serviceSDL})
}
