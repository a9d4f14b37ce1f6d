package command

import (
	"slices"
	"strconv"
	"strings"

	"dovetail/internal/metadata/document"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/sources"
)

// refuseChanges refuses changes of columns and functions that the metadata can't
// follow, in v2's words: another type of a column that permissions compare, and
// functions that are tracked, or stand behind computed fields, and become
// overloaded, volatile or another name.
func refuseChanges(m *document.Metadata, s *document.Source, n *names, c changes, cascade bool) error {
	for _, column := range c.retyped {
		if users := n.comparing(m, s, column); len(users) > 0 {
			return fail(CodeDependencyError, "cannot change type of column %q in table %q because of the following dependencies: %s",
				column.name, column.table, strings.Join(users, ", "))
		}
	}
	var overloaded []string
	for _, change := range c.functions {
		name := functionName(change.before)
		if _, tracked := s.Function(name); tracked {
			switch {
			case change.renamed != nil && !cascade:
				return fail(CodeDependencyError, "cannot drop due to the following dependent objects: function %s in source %q", name, s.Name)
			case becomes(change, isOverloaded):
				overloaded = append(overloaded, strconv.Quote(name.String()))
			case becomes(change, isVolatile):
				return fail(CodeDependencyError, `type of function %q is altered to "VOLATILE" which is not supported now`, name)
			}
		}
		if err := refuseComputed(s, change); err != nil {
			return err
		}
	}
	if len(overloaded) > 0 {
		return fail(CodeDependencyError, "the following tracked function(s) cannot be overloaded: %s", strings.Join(overloaded, ", "))
	}
	return nil
}

func isOverloaded(f *sources.Function) bool { return f.Overloads > 1 }

func isVolatile(f *sources.Function) bool { return f.Volatility == sources.Volatile }

// becomes reports whether something holds for a function that did not before.
func becomes(c functionChange, is func(*sources.Function) bool) bool {
	return c.now != nil && is(c.now) && !is(c.before)
}

// refuseComputed refuses what the functions of computed fields can't become.
func refuseComputed(s *document.Source, change functionChange) error {
	name := functionName(change.before)
	for _, t := range s.Tables {
		for _, field := range t.ComputedFields {
			switch {
			case field.Function != name:
			case becomes(change, isOverloaded):
				return fail(CodeDependencyError, "The function %q associated with computed field %q of table %q is being overloaded",
					name, field.Name, t.Name)
			case becomes(change, isVolatile):
				return fail(CodeDependencyError, `The type of function %q associated with computed field %q of table %q is being altered to "VOLATILE"`,
					name, field.Name, t.Name)
			}
		}
	}
	return nil
}

// elsewhere is a name that no column has.
const elsewhere = "\x00"

// comparing names the permissions whose conditions compare a column with a value
// or another column. They are found by giving the column another name. Session
// variables are values of whatever type the column has.
func (n *names) comparing(m *document.Metadata, s *document.Source, column columnName) []string {
	renamed := m.Clone()
	n.renameInFilters(renamed, renaming{of: place{s.Name, column.table}, from: column.name, to: elsewhere})
	var out []string
	for _, source := range m.Sources {
		other, ok := renamed.Source(source.Name)
		if !ok {
			continue
		}
		for _, t := range source.Tables {
			if changed, ok := other.Table(t.Name); ok {
				for _, p := range permissionsThat(changed, comparesElsewhere) {
					out = append(out, "permission "+t.Name.String()+"."+p+` in source "`+source.Name+`"`)
				}
			}
		}
	}
	return out
}

// permissionsThat names the permissions of a table of whose conditions something
// holds.
func permissionsThat(t *document.Table, holds func(orderedjson.Value) bool) []string {
	var out []string
	for _, p := range t.SelectPermissions {
		if holds(p.Filter) {
			out = append(out, p.Role+".select")
		}
	}
	writes := func(kind string, list []*document.WritePermission) {
		for _, p := range list {
			if holds(p.Filter) || holds(p.Check) {
				out = append(out, p.Role+"."+kind)
			}
		}
	}
	writes("insert", t.InsertPermissions)
	writes("update", t.UpdatePermissions)
	writes("delete", t.DeletePermissions)
	return out
}

// comparesElsewhere reports whether a condition compares the column with the name
// elsewhere with something that has a type of its own.
func comparesElsewhere(e orderedjson.Value) bool {
	if e.Kind == orderedjson.String {
		return e.Text == elsewhere // the right side of a comparison of columns
	}
	for i, item := range e.Items {
		if e.Kind == orderedjson.Object && e.Keys[i] == elsewhere && typed(item) || comparesElsewhere(item) {
			return true
		}
	}
	return false
}

// typed reports whether there is a value among the right sides of operators that is
// no session variable.
func typed(comparison orderedjson.Value) bool {
	switch comparison.Kind { //nolint:exhaustive // all others are values
	case orderedjson.String:
		return !plan.IsSessionVariableName(comparison.Text) && !strings.EqualFold(comparison.Text, "REQ_USER_ID")
	case orderedjson.Array:
		return slices.ContainsFunc(comparison.Items, typed)
	case orderedjson.Object:
		for i, item := range comparison.Items {
			operator := strings.TrimLeft(comparison.Keys[i], "_$")
			if operator != "is_null" && !comparesColumns(operator) && typed(item) {
				return true
			}
		}
		return false
	}
	return true
}
