package remoteschema

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"

	"dovetail/internal/plan"
	"dovetail/sources"
)

// Permission is a role's view of a service.
type Permission struct {
	// Schema holds the types that the role sees. Arguments and input fields with
	// presets are still in it.
	Schema *ast.Schema
	// Presets fill arguments that the role doesn't see: type, field, argument.
	Presets map[string]map[string]map[string]plan.Value
	// InputPresets fill fields of input objects: type, field.
	InputPresets map[string]map[string]plan.Value
}

const codeValidationFailed = "validation-failed"

// maxPermissionBytes bounds a role's document.
const maxPermissionBytes = 4 << 20

// ParsePermission reads a role's document: a part of the service's own schema,
// in GraphQL's schema language, with @preset on arguments and input fields.
func ParsePermission(document string, upstream *ast.Schema) (*Permission, error) {
	if len(document) > maxPermissionBytes {
		return nil, &sources.Error{Code: "parse-failed", Message: fmt.Sprintf("the role's schema document exceeds %d bytes", maxPermissionBytes)}
	}
	doc, err := parser.ParseSchema(&ast.Source{Name: "permission", Input: document})
	if err != nil {
		message := err.Error()
		if e, ok := errors.AsType[*gqlerror.Error](err); ok {
			message = e.Message
			if len(e.Locations) > 0 {
				message = fmt.Sprintf("line %d: %s", e.Locations[0].Line, message)
			}
		}
		return nil, &sources.Error{Code: "parse-failed", Message: "the role's schema document is not valid: " + message, Cause: err}
	}
	r := &permissionReader{
		upstream: upstream, doc: doc,
		out: &Permission{
			Schema: &ast.Schema{
				Types: map[string]*ast.Definition{}, Directives: upstream.Directives,
				PossibleTypes: map[string][]*ast.Definition{}, Implements: map[string][]*ast.Definition{},
			},
			Presets: map[string]map[string]map[string]plan.Value{}, InputPresets: map[string]map[string]plan.Value{},
		},
	}
	r.read()
	message := "validation for the given role-based schema failed "
	switch len(r.faults) {
	case 0:
		return r.out, nil
	case 1:
		message += "because " + r.faults[0]
	default:
		message += "for the following reasons:\n • " + strings.Join(r.faults, "\n • ") + "\n"
	}
	return nil, &sources.Error{Code: codeValidationFailed, Message: message}
}

// permissionReader holds a role's document against the service's schema.
type permissionReader struct {
	upstream *ast.Schema
	doc      *ast.SchemaDocument
	out      *Permission
	faults   []string
}

func (r *permissionReader) fault(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(r.faults, text) {
		r.faults = append(r.faults, text)
	}
}

// kindWord is v2's word for a kind of types.
func kindWord(k ast.DefinitionKind) string {
	switch k {
	case ast.Object:
		return "Object"
	case ast.Interface:
		return "Interface"
	case ast.Union:
		return "Union"
	case ast.Enum:
		return "Enum"
	case ast.InputObject:
		return "Input object"
	case ast.Scalar:
	}
	return "Scalar"
}

func quotedList(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = `"` + n + `"`
	}
	if len(quoted) < 2 {
		return strings.Join(quoted, "")
	}
	return strings.Join(quoted[:len(quoted)-1], ", ") + " and " + quoted[len(quoted)-1]
}

func (r *permissionReader) read() {
	for name, d := range r.upstream.Types {
		if d.BuiltIn || strings.HasPrefix(name, "__") || isBuiltinScalar(name) {
			r.out.Schema.Types[name] = d
		}
	}
	names := make([]string, 0, len(r.doc.Definitions))
	for _, d := range r.doc.Definitions {
		names = append(names, d.Name)
	}
	if again := twice(names); len(again) > 0 {
		r.fault("duplicate type names found: %s", quotedList(again))
		return
	}
	if len(r.doc.Extensions) > 0 || len(r.doc.SchemaExtension) > 0 || len(r.doc.Directives) > 0 {
		if slices.ContainsFunc(r.doc.Directives, func(d *ast.DirectiveDefinition) bool { return d.Name != "preset" }) ||
			len(r.doc.Extensions) > 0 || len(r.doc.SchemaExtension) > 0 {
			r.fault("only type definitions are allowed in the document, neither extensions nor directive definitions")
		}
	}
	for _, d := range r.doc.Definitions {
		if !isBuiltinScalar(d.Name) {
			r.definition(d)
		}
	}
	r.roots()
	if len(r.faults) > 0 {
		return
	}
	r.possible()
	r.references()
}

// roots finds the root types.
func (r *permissionReader) roots() {
	names := map[ast.Operation]string{ast.Query: "Query", ast.Mutation: "Mutation", ast.Subscription: "Subscription"}
	switch len(r.doc.Schema) {
	case 0:
	case 1:
		clear(names)
		for _, o := range r.doc.Schema[0].OperationTypes {
			names[o.Operation] = o.Type
		}
	default:
		r.fault("multiple schema definitions found")
		return
	}
	for _, root := range []struct {
		operation ast.Operation
		upstream  *ast.Definition
		into      **ast.Definition
	}{
		{ast.Query, r.upstream.Query, &r.out.Schema.Query},
		{ast.Mutation, r.upstream.Mutation, &r.out.Schema.Mutation},
		{ast.Subscription, r.upstream.Subscription, &r.out.Schema.Subscription},
	} {
		name := names[root.operation]
		d := r.doc.Definitions.ForName(name)
		switch {
		case name == "":
		case d == nil && len(r.doc.Schema) == 1 && root.operation != ast.Query:
			r.fault("Object: %q is the %s root, but the document does not define it", name, root.operation)
		case d == nil:
		case root.upstream == nil || root.upstream.Name != name:
			r.fault("Object: %q is not the %s root of the upstream remote schema", name, root.operation)
		default:
			*root.into = r.out.Schema.Types[name]
		}
	}
	if r.doc.Definitions.ForName(names[ast.Query]) == nil {
		r.fault("query root does not exist in the schema definition")
	}
}

// definition checks one type and takes it over.
func (r *permissionReader) definition(d *ast.Definition) {
	up := r.upstream.Types[d.Name]
	if up == nil || up.Kind != d.Kind {
		r.fault("%q: %q does not exist in the upstream remote schema", kindWord(d.Kind), d.Name)
		return
	}
	r.directives(d.Directives, up.Directives)
	copied := *d
	copied.Description = either(d.Description, up.Description)
	switch d.Kind {
	case ast.Object, ast.Interface:
		r.interfaces(d, up)
		r.fields(&copied, d, up)
	case ast.Union:
		if missing := without(d.Types, up.Types); len(missing) > 0 {
			r.fault("union %q contains members which do not exist in the members of the remote schema union :%s", d.Name, quotedList(missing))
		}
	case ast.Enum:
		r.enum(&copied, d, up)
	case ast.InputObject:
		r.inputFields(&copied, d, up)
	case ast.Scalar:
		copied.Directives = up.Directives
	}
	r.out.Schema.Types[d.Name] = &copied
}

func either(first, second string) string {
	if first != "" {
		return first
	}
	return second
}

func without(names, known []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(known, n) })
}

// twice lists the names that are there more than once.
func twice(names []string) []string {
	var out []string
	for i, name := range names {
		if slices.Contains(names[:i], name) && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

func (r *permissionReader) interfaces(d, up *ast.Definition) {
	var custom, missing []string
	for _, name := range without(d.Interfaces, up.Interfaces) {
		if i := r.doc.Definitions.ForName(name); i != nil && i.Kind == ast.Interface {
			custom = append(custom, name)
		} else {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		r.fault("object %q is trying to implement the following interfaces that do not exist in the corresponding upstream remote object: %s",
			d.Name, quotedList(missing))
	}
	if len(custom) > 0 {
		r.fault("custom interfaces are not supported. Object%q implements the following custom interfaces: %s", d.Name, quotedList(custom))
	}
}

func (r *permissionReader) fields(copied, d, up *ast.Definition) {
	copied.Fields = nil
	if names := twice(fieldNames(d.Fields)); len(names) > 0 {
		r.fault("duplicate fields: %sfound in the %q %q", quotedList(names), kindWord(d.Kind), d.Name)
		return
	}
	for _, f := range d.Fields {
		field := up.Fields.ForName(f.Name)
		if field == nil {
			r.fault("field %q does not exist in the %q: %q", f.Name, kindWord(d.Kind), d.Name)
			continue
		}
		r.directives(f.Directives, field.Directives)
		if f.Type.String() != field.Type.String() {
			r.fault("expected type of %q(%q) to be %s but received %s", f.Name, kindWord(d.Kind)+" field", field.Type, f.Type)
		}
		own := *f
		own.Description = either(f.Description, field.Description)
		if own.Directives.ForName("deprecated") == nil {
			own.Directives = field.Directives
		}
		own.Arguments = r.arguments(d.Name, f, field)
		copied.Fields = append(copied.Fields, &own)
	}
}

func fieldNames(fields ast.FieldList) []string {
	names := make([]string, 0, len(fields))
	for _, f := range fields {
		names = append(names, f.Name)
	}
	return names
}

func (r *permissionReader) arguments(typeName string, f, up *ast.FieldDefinition) ast.ArgumentDefinitionList {
	given := make([]string, 0, len(f.Arguments))
	for _, a := range f.Arguments {
		given = append(given, a.Name)
	}
	var needed []string
	for _, a := range up.Arguments {
		if a.Type.NonNull && a.DefaultValue == nil {
			needed = append(needed, a.Name)
		}
	}
	if !r.complete(f.Name, given, needed) {
		return nil
	}
	out := make(ast.ArgumentDefinitionList, 0, len(f.Arguments))
	for _, a := range f.Arguments {
		argument := up.Arguments.ForName(a.Name)
		if argument == nil {
			r.fault("input argument %q does not exist in the input object:%q", a.Name, f.Name)
			continue
		}
		r.input(f.Name, a.Name, a.Type, argument.Type, a.DefaultValue, argument.DefaultValue)
		own := *a
		own.Description = either(a.Description, argument.Description)
		out = append(out, &own)
		if value, ok := r.preset(f.Name, a.Name, a.Type, a.Directives); ok {
			if r.out.Presets[typeName] == nil {
				r.out.Presets[typeName] = map[string]map[string]plan.Value{}
			}
			if r.out.Presets[typeName][f.Name] == nil {
				r.out.Presets[typeName][f.Name] = map[string]plan.Value{}
			}
			r.out.Presets[typeName][f.Name][a.Name] = value
		}
	}
	return out
}

// complete tells whether inputs are there once, and all that are needed.
func (r *permissionReader) complete(name string, given, needed []string) bool {
	if names := twice(given); len(names) > 0 {
		r.fault("duplicate arguments: %sfound in the field: %q", quotedList(names), name)
		return false
	}
	if names := without(needed, given); len(names) > 0 {
		r.fault("field: %q expects the following non nullable arguments to be present: %s", name, quotedList(names))
		return false
	}
	return true
}

// input holds an argument or input field against the upstream one.
func (r *permissionReader) input(of, name string, given, want *ast.Type, givenDefault, wantDefault *ast.Value) {
	if given.String() != want.String() {
		r.fault("expected type of %q(%q) to be %s but received %s", name, argumentWord, want, given)
	}
	if g, w := valueText(givenDefault), valueText(wantDefault); givenDefault != nil && g != w {
		r.fault("expected default value of input value: %qof input object %q to be %s but received %s", name, of, w, g)
	}
}

func valueText(v *ast.Value) string {
	if v == nil {
		return ""
	}
	return v.String()
}

func (r *permissionReader) inputFields(copied, d, up *ast.Definition) {
	copied.Fields = nil
	var needed []string
	for _, f := range up.Fields {
		if f.Type.NonNull && f.DefaultValue == nil {
			needed = append(needed, f.Name)
		}
	}
	if !r.complete(d.Name, fieldNames(d.Fields), needed) {
		return
	}
	for _, f := range d.Fields {
		field := up.Fields.ForName(f.Name)
		if field == nil {
			r.fault("input argument %q does not exist in the input object:%q", f.Name, d.Name)
			continue
		}
		r.input(d.Name, f.Name, f.Type, field.Type, f.DefaultValue, field.DefaultValue)
		own := *f
		own.Description = either(f.Description, field.Description)
		copied.Fields = append(copied.Fields, &own)
		if value, ok := r.preset(d.Name, f.Name, f.Type, f.Directives); ok {
			if r.out.InputPresets[d.Name] == nil {
				r.out.InputPresets[d.Name] = map[string]plan.Value{}
			}
			r.out.InputPresets[d.Name][f.Name] = value
		}
	}
}

func (r *permissionReader) enum(copied, d, up *ast.Definition) {
	copied.EnumValues = nil
	names := make([]string, 0, len(d.EnumValues))
	for _, v := range d.EnumValues {
		names = append(names, v.Name)
	}
	if again := twice(names); len(again) > 0 {
		r.fault("duplicate enum values: %s found in the %q enum", quotedList(again), d.Name)
		return
	}
	var missing []string
	for _, v := range d.EnumValues {
		value := up.EnumValues.ForName(v.Name)
		if value == nil {
			missing = append(missing, v.Name)
			continue
		}
		own := *v
		own.Description = either(v.Description, value.Description)
		copied.EnumValues = append(copied.EnumValues, &own)
	}
	if len(missing) > 0 {
		r.fault("enum %q contains the following enum values that do not exist in the corresponding upstream remote enum: %s", d.Name, quotedList(missing))
	}
}

// possible notes which types interfaces and unions may turn out to be, as far
// as the role sees them.
func (r *permissionReader) possible() {
	schema := r.out.Schema
	for _, d := range r.doc.Definitions {
		own := schema.Types[d.Name]
		switch d.Kind { //nolint:exhaustive // the others have no possible types
		case ast.Object:
			schema.AddPossibleType(own.Name, own)
			for _, i := range own.Interfaces {
				schema.AddPossibleType(i, own)
				if up := schema.Types[i]; up != nil {
					schema.AddImplements(own.Name, up)
				}
			}
		case ast.Union:
			for _, name := range own.Types {
				if member := schema.Types[name]; member != nil {
					schema.AddPossibleType(own.Name, member)
					schema.AddImplements(member.Name, own)
				}
			}
		}
	}
}

// references demands that what the document uses is in it.
func (r *permissionReader) references() {
	need := func(name string) {
		if r.out.Schema.Types[name] == nil {
			r.fault("Could not find type with name %q in the document", name)
		}
	}
	for _, d := range r.doc.Definitions {
		own := r.out.Schema.Types[d.Name]
		for _, i := range own.Interfaces {
			need(i)
		}
		for _, member := range own.Types {
			need(member)
		}
		for _, f := range own.Fields {
			need(f.Type.Name())
			for _, a := range f.Arguments {
				need(a.Type.Name())
			}
		}
	}
}
