package catalog

import (
	"errors"
	"fmt"
	"slices"

	"dovetail/internal/metadata/document"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
)

// InsertPermission is what a role may insert into a table.
type InsertPermission struct {
	// Columns that the role may give values for; presets are not among them.
	Columns map[string]bool
	Presets []Preset
	// Check must hold of every new row.
	Check plan.Predicate
	writeOptions
}

// UpdatePermission is what a role may update in a table.
type UpdatePermission struct {
	Columns map[string]bool
	Presets []Preset
	Filter  plan.Predicate
	// Check must hold of every changed row; nil: none.
	Check plan.Predicate
	writeOptions
}

// DeletePermission is what a role may delete from a table.
type DeletePermission struct {
	Filter plan.Predicate
	writeOptions
}

// Preset is a column that the engine fills.
type Preset struct {
	Column *Column
	Value  plan.Value
}

// writeOptions are what permissions of all kinds of writing share.
type writeOptions struct {
	// BackendOnly: only trusted callers that ask for it have the permission.
	BackendOnly bool
	// definition tells whether two permissions are the same.
	definition string
}

func (o *writeOptions) text() string { return o.definition }

func (b *builder) writePermissions(s *sourceBuild) {
	for _, t := range s.tables {
		t.Insert, t.Update, t.Delete = map[string]*InsertPermission{}, map[string]*UpdatePermission{}, map[string]*DeletePermission{}
		for _, kind := range []document.PermissionKind{document.PermissionInsert, document.PermissionUpdate, document.PermissionDelete} {
			for _, doc := range *t.document.WritePermissions(kind) {
				if err := b.writePermission(t, doc); err != nil {
					b.inconsistent(writePermissionObject(s.Name, t.document, doc), err)
				}
			}
		}
	}
}

func (b *builder) writePermission(t *tableBuild, doc *document.WritePermission) error {
	if doc.Role == AdminRole {
		return errAdminPermission
	}
	if !doc.ValidateInput.IsNull() {
		return errors.New("validate_input is not supported; without it the permission would let more through than it says")
	}
	options := writeOptions{BackendOnly: doc.BackendOnly, definition: doc.PermissionJSON().String()}
	columns, presets, err := t.writable(doc)
	if err != nil {
		return err
	}
	existing, err := b.condition(t, doc.Filter, false)
	if err != nil {
		return err
	}
	written, err := b.condition(t, doc.Check, true)
	if err != nil {
		return err
	}
	switch doc.Kind {
	case document.PermissionInsert:
		t.Insert[doc.Role] = &InsertPermission{Columns: columns, Presets: presets, Check: written, writeOptions: options}
	case document.PermissionUpdate:
		t.Update[doc.Role] = &UpdatePermission{Columns: columns, Presets: presets, Filter: existing, Check: written, writeOptions: options}
	case document.PermissionDelete:
		t.Delete[doc.Role] = &DeletePermission{Filter: existing, writeOptions: options}
	case document.PermissionSelect:
	}
	return nil
}

// condition reads a filter or a check, which may be absent. Checks are about new
// rows.
func (b *builder) condition(t *tableBuild, j orderedjson.Value, newRows bool) (plan.Predicate, error) {
	if j.IsNull() {
		return nil, nil
	}
	f := &filter{builder: b, root: t.Table, newRows: newRows}
	return f.parse(t.Table, j, false)
}

// writable resolves the columns and presets of a permission.
func (t *tableBuild) writable(doc *document.WritePermission) (map[string]bool, []Preset, error) {
	columns := map[string]bool{}
	names := make([]string, 0, len(t.Columns))
	if doc.Columns == nil || doc.Columns.All {
		for _, c := range t.Columns {
			names = append(names, c.Info.Name)
		}
	} else {
		names = doc.Columns.Names
	}
	for _, name := range names {
		if _, ok := t.Column(name); !ok {
			return nil, nil, errNoColumn(name)
		}
		columns[name] = true
	}
	var presets []Preset
	for i, name := range doc.Set.Keys {
		c, ok := t.Column(name)
		if !ok {
			return nil, nil, errNoColumn(name)
		}
		value, err := presetValue(c.Info.Type, doc.Set.Items[i])
		if err != nil {
			return nil, nil, fmt.Errorf("in the preset of column %q: %w", name, err)
		}
		presets = append(presets, Preset{Column: c, Value: value})
		delete(columns, name)
	}
	slices.SortFunc(presets, func(a, b Preset) int { return t.place(a.Column) - t.place(b.Column) })
	return columns, presets, nil
}

func presetValue(t plan.Type, j orderedjson.Value) (plan.Value, error) {
	u := t.Underlying()
	if session, ok := sessionVariable(j); ok {
		return session, nil
	}
	if j.IsNull() {
		return &plan.Literal{JSON: j}, nil
	}
	if u.Class == plan.ClassJSON || u.Class == plan.ClassJSONB {
		return &plan.Literal{JSON: j}, nil
	}
	if err := checkLiteral(u, j); err != nil {
		return nil, err
	}
	return symbolic(j), nil
}

func (t *tableBuild) place(c *Column) int { return slices.Index(t.Columns, c) }

// inheritWrites gives a role the permissions to write of its parents, where all
// that have one have the same.
func (b *builder) inheritWrites(s *Source, t *Table, r *document.InheritedRole) {
	conflict := func(kind document.PermissionKind) {
		entity := fmt.Sprintf("%s permission, table: %s, source: '%s'", kind, t.Name, s.Name)
		b.catalog.Inconsistencies = append(b.catalog.Inconsistencies, Inconsistency{
			Type: ObjectInheritedPermission, Name: r.Name,
			Definition: orderedjson.Value{
				Kind: orderedjson.Object, Keys: []string{"permission_type", "source", "table"},
				Items: []orderedjson.Value{jsonText(string(kind)), jsonText(s.Name), jsonText(t.Name.String())},
			},
			Reason: fmt.Sprintf("Could not inherit permission for the role '%s' for the entity: '%s'", r.Name, entity),
			Path:   ObjectPath{Source: s.Name, Table: &t.Name, Kind: ObjectInheritedPermission, Role: r.Name},
		})
	}
	if !inheritWrite(t.Insert, r) {
		conflict(document.PermissionInsert)
	}
	if !inheritWrite(t.Update, r) {
		conflict(document.PermissionUpdate)
	}
	if !inheritWrite(t.Delete, r) {
		conflict(document.PermissionDelete)
	}
}

// inheritWrite tells whether the parents' permissions agree.
func inheritWrite[P interface{ text() string }](permissions map[string]P, r *document.InheritedRole) bool {
	if _, own := permissions[r.Name]; own {
		return true
	}
	var found P
	inherits := false
	for _, role := range r.Roles {
		p, ok := permissions[role]
		switch {
		case !ok:
		case !inherits:
			found, inherits = p, true
		case p.text() != found.text():
			return false
		}
	}
	if inherits {
		permissions[r.Name] = found
	}
	return true
}
