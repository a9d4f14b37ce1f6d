package remoteschema

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/sources"
)

const codeRemoteSchemaConflicts = "remote-schema-conflicts"

// Customization is how a remote schema's names are changed, as the metadata
// says.
type Customization struct {
	// Namespace is the root_fields_namespace, empty for none.
	Namespace string
	TypeNames TypeNames
	// FieldNames by their order in the metadata.
	FieldNames []FieldNames
}

// TypeNames renames types: by mapping, else by prefix and suffix.
type TypeNames struct {
	Prefix, Suffix string
	Mapping        map[string]string
}

// FieldNames renames the fields of a type: by mapping, else by prefix and
// suffix.
type FieldNames struct {
	ParentType     string
	Prefix, Suffix string
	Mapping        map[string]string
}

// CustomNames are the names that a customization changes.
type CustomNames struct {
	// Types maps upstream type names to ours.
	Types map[string]string
	// Fields maps upstream type and field names to our field names.
	Fields map[string]map[string]string
}

// Customize works out which names change. Prefixes and suffixes don't go to root
// types, unless there is a namespace, nor to GraphQL's own scalars; mappings go
// to all but the types of introspection.
func Customize(def Customization, upstream *ast.Schema) (*CustomNames, error) {
	if def.Namespace != "" && !isName(def.Namespace) {
		return nil, customizationError("root_fields_namespace %q is not a GraphQL name", def.Namespace)
	}
	out := &CustomNames{Types: map[string]string{}, Fields: map[string]map[string]string{}}
	if err := customizeTypes(def, upstream, out); err != nil {
		return nil, err
	}
	for _, names := range def.FieldNames {
		if err := customizeFields(names, upstream, out); err != nil {
			return nil, err
		}
	}
	if err := checkInterfaces(upstream, out); err != nil {
		return nil, err
	}
	return out, nil
}

func customizationError(format string, args ...any) error {
	return &sources.Error{Code: codeRemoteSchemaConflicts, Message: fmt.Sprintf(format, args...)}
}

func customizeTypes(def Customization, upstream *ast.Schema, out *CustomNames) error {
	if err := checkMapping(def.TypeNames.Mapping); err != nil {
		return err
	}
	protected := map[string]bool{}
	if def.Namespace == "" {
		for _, root := range []*ast.Definition{upstream.Query, upstream.Mutation, upstream.Subscription} {
			if root != nil {
				protected[root.Name] = true
			}
		}
	}
	used := map[string][]string{}
	for _, name := range sortedKeys(upstream.Types) {
		final := name
		if to, ok := def.TypeNames.Mapping[name]; ok {
			final = to
		} else if !protected[name] && !isBuiltinScalar(name) && !strings.HasPrefix(name, "__") {
			final = def.TypeNames.Prefix + name + def.TypeNames.Suffix
		}
		if !isName(final) {
			return customizationError("type name %q, customized to %q, is not a GraphQL name", name, final)
		}
		if strings.HasPrefix(final, "__") && final != name {
			return customizationError("attempt to customize type name %q to the reserved name %q", name, final)
		}
		used[final] = append(used[final], name)
		if final != name {
			out.Types[name] = final
		}
	}
	if twice := repeated(used); len(twice) > 0 {
		return customizationError("Type name mappings are not distinct; the following types appear more than once: %s", quoted(twice))
	}
	return nil
}

func customizeFields(names FieldNames, upstream *ast.Schema, out *CustomNames) error {
	if err := checkMapping(names.Mapping); err != nil {
		return err
	}
	parent := upstream.Types[names.ParentType]
	if parent == nil || (parent.Kind != ast.Object && parent.Kind != ast.Interface) {
		return nil // as v2 does: what isn't there isn't renamed
	}
	if out.Fields[parent.Name] != nil {
		return customizationError("field names of type %q are customized twice", parent.Name)
	}
	fields := map[string]string{}
	used := map[string][]string{}
	for _, f := range parent.Fields {
		final := f.Name
		if !strings.HasPrefix(f.Name, "__") {
			final = renamed(f.Name, names.Prefix, names.Suffix, names.Mapping)
		}
		if !isName(final) || (strings.HasPrefix(final, "__") && final != f.Name) {
			return customizationError("field name %q of type %q can't be customized to %q", f.Name, parent.Name, final)
		}
		used[final] = append(used[final], f.Name)
		if final != f.Name {
			fields[f.Name] = final
		}
	}
	if twice := repeated(used); len(twice) > 0 {
		return customizationError("Field name mappings for object type %q are not distinct; the following fields appear more than once: %s",
			parent.Name, quoted(twice))
	}
	out.Fields[parent.Name] = fields
	return nil
}

// checkInterfaces makes sure that types name the fields of their interfaces as
// these do.
func checkInterfaces(upstream *ast.Schema, out *CustomNames) error {
	for _, name := range sortedKeys(upstream.Types) {
		t := upstream.Types[name]
		if t.Kind != ast.Object && t.Kind != ast.Interface {
			continue
		}
		for _, i := range t.Interfaces {
			face := upstream.Types[i]
			if face == nil {
				continue
			}
			for _, f := range face.Fields {
				ours, theirs := finalField(out, t.Name, f.Name), finalField(out, i, f.Name)
				if ours != theirs {
					return customizationError("field %q of interface %q is customized to %q, but to %q in its implementation %q",
						f.Name, i, theirs, ours, t.Name)
				}
			}
		}
	}
	return nil
}

func finalField(out *CustomNames, parent, field string) string {
	if final, ok := out.Fields[parent][field]; ok {
		return final
	}
	return field
}

func renamed(name, prefix, suffix string, mapping map[string]string) string {
	if to, ok := mapping[name]; ok {
		return to
	}
	return prefix + name + suffix
}

func checkMapping(mapping map[string]string) error {
	for _, from := range sortedKeys(mapping) {
		if strings.HasPrefix(from, "__") {
			return customizationError("attempt to customize reserved field name %q", from)
		}
	}
	return nil
}

// repeated lists the final names that several names have got.
func repeated(used map[string][]string) []string {
	var out []string
	for final, names := range used {
		if len(names) > 1 {
			out = append(out, final)
		}
	}
	sort.Strings(out)
	return out
}

func quoted(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = fmt.Sprintf("%q", n)
	}
	return strings.Join(out, ", ")
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
