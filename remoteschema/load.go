package remoteschema

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"

	"dovetail/sources"
)

// The answer to an introspection query.
type introspected struct {
	QueryType        *introspectedName       `json:"queryType"`
	MutationType     *introspectedName       `json:"mutationType"`
	SubscriptionType *introspectedName       `json:"subscriptionType"`
	Types            []introspectedType      `json:"types"`
	Directives       []introspectedDirective `json:"directives"`
}

type introspectedName struct {
	Name string `json:"name"`
}

type introspectedType struct {
	Kind           string              `json:"kind"`
	Name           string              `json:"name"`
	Description    string              `json:"description"`
	SpecifiedByURL string              `json:"specifiedByURL"`
	IsOneOf        bool                `json:"isOneOf"`
	Fields         []introspectedField `json:"fields"`
	InputFields    []introspectedInput `json:"inputFields"`
	Interfaces     []introspectedRef   `json:"interfaces"`
	EnumValues     []introspectedEnum  `json:"enumValues"`
	PossibleTypes  []introspectedRef   `json:"possibleTypes"`
}

type introspectedField struct {
	Name        string              `json:"name"`
	Description string              `json:"description"`
	Args        []introspectedInput `json:"args"`
	Type        introspectedRef     `json:"type"`
	deprecation
}

type introspectedInput struct {
	Name         string          `json:"name"`
	Description  string          `json:"description"`
	Type         introspectedRef `json:"type"`
	DefaultValue *string         `json:"defaultValue"`
	deprecation
}

type introspectedEnum struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	deprecation
}

type deprecation struct {
	IsDeprecated      bool   `json:"isDeprecated"`
	DeprecationReason string `json:"deprecationReason"`
}

type introspectedRef struct {
	Kind   string           `json:"kind"`
	Name   string           `json:"name"`
	OfType *introspectedRef `json:"ofType"`
}

type introspectedDirective struct {
	Name         string              `json:"name"`
	Description  string              `json:"description"`
	IsRepeatable bool                `json:"isRepeatable"`
	Locations    []string            `json:"locations"`
	Args         []introspectedInput `json:"args"`
}

// LoadIntrospection makes a schema of the answer to an introspection query,
// with or without the "data" around it.
func LoadIntrospection(raw []byte) (*ast.Schema, error) {
	var envelope struct {
		Data *struct {
			Schema *introspected `json:"__schema"`
		} `json:"data"`
		Schema     *introspected `json:"__schema"`
		Extensions struct {
			SDL string `json:"sdl"`
		} `json:"extensions"`
	}
	if err := json.Unmarshal(raw, &envelope); err != nil {
		return nil, &sources.Error{
			Code:    sources.CodeRemoteSchemaError,
			Message: "the introspection of the remote schema can't be read: " + err.Error(),
			Cause:   err,
		}
	}
	schema := envelope.Schema
	if envelope.Data != nil && envelope.Data.Schema != nil {
		schema = envelope.Data.Schema
	}
	if schema == nil {
		return nil, fail("the introspection of the remote schema lacks \"__schema\"")
	}
	if schema.QueryType == nil || schema.QueryType.Name == "" {
		return nil, fail("query root does not exist in the remote schema")
	}
	document, err := schema.document()
	if err != nil {
		return nil, err
	}
	loaded, err := validator.ValidateSchemaDocument(document)
	if err != nil {
		return nil, &sources.Error{
			Code:    sources.CodeRemoteSchemaError,
			Message: "the remote schema is not valid: " + err.Error(),
			Cause:   err,
		}
	}
	addKeys(loaded, envelope.Extensions.SDL)
	return loaded, nil
}

// addKeys gives entities the keys that a subgraph's schema document names.
func addKeys(schema *ast.Schema, document string) {
	if document == "" {
		return
	}
	parsed, err := parser.ParseSchema(&ast.Source{Name: "subgraph", Input: document})
	if err != nil {
		return // the keys are a help, not needed
	}
	for _, d := range append(parsed.Definitions, parsed.Extensions...) {
		if of := schema.Types[d.Name]; of != nil && of.Kind == ast.Object {
			of.Directives = append(of.Directives, d.Directives.ForNames("key")...)
		}
	}
}

// document makes a schema document, GraphQL's own types included.
func (s *introspected) document() (*ast.SchemaDocument, error) {
	out := validator.PreludeDocument()
	l := loader{types: map[string]*ast.Definition{}}
	known := map[string]bool{}
	for _, d := range out.Definitions {
		known[d.Name] = true
	}
	for i := range s.Types {
		t := &s.Types[i]
		if known[t.Name] || strings.HasPrefix(t.Name, "__") {
			continue
		}
		d, err := l.definition(t)
		if err != nil {
			return nil, err
		}
		out.Definitions = append(out.Definitions, d)
		l.types[d.Name] = d
	}
	for i := range s.Types {
		if err := l.possibleTypes(&s.Types[i]); err != nil {
			return nil, err
		}
	}
	ours := map[string]bool{}
	for _, d := range out.Directives {
		ours[d.Name] = true
	}
	for i := range s.Directives {
		if ours[s.Directives[i].Name] {
			continue
		}
		d, err := l.directive(&s.Directives[i])
		if err != nil {
			return nil, err
		}
		out.Directives = append(out.Directives, d)
	}
	root := &ast.SchemaDefinition{}
	for _, r := range []struct {
		operation ast.Operation
		name      *introspectedName
	}{{ast.Query, s.QueryType}, {ast.Mutation, s.MutationType}, {ast.Subscription, s.SubscriptionType}} {
		if r.name != nil && r.name.Name != "" {
			root.OperationTypes = append(root.OperationTypes, &ast.OperationTypeDefinition{Operation: r.operation, Type: r.name.Name})
		}
	}
	out.Schema = append(out.Schema, root)
	return out, nil
}

// loader turns introspected types into definitions.
type loader struct{ types map[string]*ast.Definition }

func (l *loader) definition(t *introspectedType) (*ast.Definition, error) {
	if !isName(t.Name) {
		return nil, invalidName("type", t.Name)
	}
	d := &ast.Definition{Kind: ast.DefinitionKind(t.Kind), Name: t.Name, Description: t.Description}
	switch d.Kind {
	case ast.Scalar:
		if t.SpecifiedByURL != "" {
			d.Directives = ast.DirectiveList{directive("specifiedBy", "url", t.SpecifiedByURL)}
		}
	case ast.Object, ast.Interface:
		for _, i := range t.Interfaces {
			d.Interfaces = append(d.Interfaces, i.Name)
		}
		for i := range t.Fields {
			f, err := l.field(t.Name, &t.Fields[i])
			if err != nil {
				return nil, err
			}
			d.Fields = append(d.Fields, f)
		}
	case ast.Union:
		for _, p := range t.PossibleTypes {
			d.Types = append(d.Types, p.Name)
		}
	case ast.Enum:
		for _, v := range t.EnumValues {
			if !isName(v.Name) {
				return nil, invalidName("enum value of "+t.Name, v.Name)
			}
			d.EnumValues = append(d.EnumValues, &ast.EnumValueDefinition{
				Name: v.Name, Description: v.Description, Directives: v.directives(),
			})
		}
	case ast.InputObject:
		if t.IsOneOf {
			d.Directives = ast.DirectiveList{{Name: "oneOf"}}
		}
		for i := range t.InputFields {
			in := &t.InputFields[i]
			typ, value, err := l.input(t.Name+"."+in.Name, in)
			if err != nil {
				return nil, err
			}
			d.Fields = append(d.Fields, &ast.FieldDefinition{
				Name: in.Name, Description: in.Description, Type: typ, DefaultValue: value, Directives: in.directives(),
			})
		}
	default:
		return nil, fail("type %q of the remote schema has the unknown kind %q", t.Name, t.Kind)
	}
	return d, nil
}

// possibleTypes makes sure that union members exist, and that objects know the
// interfaces that claim them: some servers list one direction only.
func (l *loader) possibleTypes(t *introspectedType) error {
	if t.Kind != string(ast.Union) && t.Kind != string(ast.Interface) {
		return nil
	}
	for _, p := range t.PossibleTypes {
		d, ok := l.types[p.Name]
		if !ok {
			return fail("type %q of the remote schema may be %q, which doesn't exist", t.Name, p.Name)
		}
		if t.Kind == string(ast.Interface) && d.Kind == ast.Object && !slices.Contains(d.Interfaces, t.Name) {
			d.Interfaces = append(d.Interfaces, t.Name)
		}
	}
	return nil
}

func (l *loader) field(parent string, f *introspectedField) (*ast.FieldDefinition, error) {
	if !isName(f.Name) {
		return nil, invalidName("field of "+parent, f.Name)
	}
	t, err := f.Type.typ(parent+"."+f.Name, 0)
	if err != nil {
		return nil, err
	}
	arguments, err := l.arguments(parent+"."+f.Name, f.Args)
	if err != nil {
		return nil, err
	}
	return &ast.FieldDefinition{
		Name: f.Name, Description: f.Description, Type: t, Arguments: arguments, Directives: f.directives(),
	}, nil
}

func (l *loader) arguments(parent string, args []introspectedInput) (ast.ArgumentDefinitionList, error) {
	var out ast.ArgumentDefinitionList
	for i := range args {
		in := &args[i]
		t, value, err := l.input(parent+"."+in.Name, in)
		if err != nil {
			return nil, err
		}
		out = append(out, &ast.ArgumentDefinition{
			Name: in.Name, Description: in.Description, Type: t, DefaultValue: value, Directives: in.directives(),
		})
	}
	return out, nil
}

func (l *loader) input(place string, in *introspectedInput) (*ast.Type, *ast.Value, error) {
	if !isName(in.Name) {
		return nil, nil, invalidName("input value "+place, in.Name)
	}
	t, err := in.Type.typ(place, 0)
	if err != nil {
		return nil, nil, err
	}
	if in.DefaultValue == nil {
		return t, nil, nil
	}
	value, err := parseConstant(*in.DefaultValue)
	if err != nil {
		return nil, nil, fail("the default value of %s in the remote schema can't be read: %s", place, *in.DefaultValue)
	}
	return t, value, nil
}

// typ reads a type reference, whose wrappers are nested.
func (r *introspectedRef) typ(place string, depth int) (*ast.Type, error) {
	if depth > maxTypeDepth {
		return nil, fail("the type of %s in the remote schema is nested too deep", place)
	}
	switch r.Kind {
	case "NON_NULL", "LIST":
		if r.OfType == nil || (r.Kind == "NON_NULL" && r.OfType.Kind == "NON_NULL") {
			return nil, fail("the type of %s in the remote schema is incomplete", place)
		}
		t, err := r.OfType.typ(place, depth+1)
		if err != nil {
			return nil, err
		}
		if r.Kind == "LIST" {
			return ast.ListType(t, nil), nil
		}
		t.NonNull = true
		return t, nil
	}
	if !isName(r.Name) {
		return nil, fail("the type of %s in the remote schema has no name", place)
	}
	return ast.NamedType(r.Name, nil), nil
}

func (l *loader) directive(d *introspectedDirective) (*ast.DirectiveDefinition, error) {
	if !isName(d.Name) {
		return nil, invalidName("directive", d.Name)
	}
	arguments, err := l.arguments("@"+d.Name, d.Args)
	if err != nil {
		return nil, err
	}
	out := &ast.DirectiveDefinition{
		Name: d.Name, Description: d.Description, Arguments: arguments, IsRepeatable: d.IsRepeatable,
		Position: &ast.Position{Src: &ast.Source{Name: "introspection"}},
	}
	for _, location := range d.Locations {
		out.Locations = append(out.Locations, ast.DirectiveLocation(location))
	}
	return out, nil
}

func (d deprecation) directives() ast.DirectiveList {
	if !d.IsDeprecated {
		return nil
	}
	if d.DeprecationReason == "" {
		return ast.DirectiveList{{Name: "deprecated"}}
	}
	return ast.DirectiveList{directive("deprecated", "reason", d.DeprecationReason)}
}

func directive(name, argument, value string) *ast.Directive {
	return &ast.Directive{Name: name, Arguments: ast.ArgumentList{
		{Name: argument, Value: &ast.Value{Kind: ast.StringValue, Raw: value}},
	}}
}

// parseConstant reads a constant value as GraphQL writes it.
func parseConstant(text string) (*ast.Value, error) {
	document, err := parser.ParseSchema(&ast.Source{Name: "default value", Input: "input I { f: T = " + text + "\n}"})
	if err != nil {
		return nil, err
	}
	if len(document.Definitions) != 1 || len(document.Definitions[0].Fields) != 1 || len(document.Extensions) != 0 ||
		len(document.Directives) != 0 || len(document.Schema) != 0 || len(document.SchemaExtension) != 0 {
		return nil, fmt.Errorf("%q is more than a value", text)
	}
	f := document.Definitions[0].Fields[0]
	if f.DefaultValue == nil || len(f.Directives) > 0 {
		return nil, fmt.Errorf("%q is not a value", text)
	}
	return f.DefaultValue, nil
}
