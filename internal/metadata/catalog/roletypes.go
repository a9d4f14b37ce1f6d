package catalog

import (
	"errors"
	"fmt"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/metadata/document"
	"dovetail/internal/orderedjson"
)

// roleConflicts takes permissions on remote schemas away whose documents make
// types differ that are alike upstream: a role can't have two types of one name.
func (b *builder) roleConflicts() {
	for _, r := range b.remotes {
		for _, p := range r.document.Permissions {
			if err := b.roleConflict(r, p.Role); err != nil {
				delete(r.Permissions, p.Role)
				b.inconsistent(remotePermissionObject(r.document, p), err)
			}
		}
	}
}

// inheritedConflicts is roleConflicts for what a role inherits.
func (b *builder) inheritedConflicts(role *document.InheritedRole) {
	for _, r := range b.remotes {
		if slices.ContainsFunc(r.document.Permissions, func(p *document.RemoteSchemaPermission) bool { return p.Role == role.Name }) {
			continue
		}
		if err := b.roleConflict(r, role.Name); err != nil {
			delete(r.Permissions, role.Name)
			b.notInherited(r, role, err)
		}
	}
}

// notInherited notes that a role could not inherit a permission on a remote
// schema.
func (b *builder) notInherited(r *remoteBuild, role *document.InheritedRole, cause error) {
	reason := fmt.Sprintf("Could not inherit permission for the role '%s' for the entity: 'remote schema: '%s''", role.Name, r.Name)
	if cause != nil {
		reason += ": " + cause.Error()
	}
	b.catalog.Inconsistencies = append(b.catalog.Inconsistencies, Inconsistency{
		Type: ObjectInheritedPermission, Name: role.Name,
		Definition: orderedjson.Value{Kind: orderedjson.Object, Keys: []string{"remote_schema"}, Items: []orderedjson.Value{jsonText(r.Name)}},
		Reason:     reason,
		Path:       ObjectPath{RemoteSchema: r.Name, Kind: ObjectRemoteSchemaPermission, Role: role.Name},
	})
}

// roleConflict finds a type of a role that a source or an earlier remote schema
// has in another form.
func (b *builder) roleConflict(r *remoteBuild, role string) error {
	if r.Permissions[role] == nil {
		return nil
	}
	if err := b.in.RemoteSchemas[r.Name].RoleClashes[role]; err != nil {
		return err
	}
	for _, name := range sortedKeys(b.alike) {
		group := b.alike[name]
		own := slices.IndexFunc(group, func(t *remoteType) bool { return t.remote == r.RemoteSchema })
		if own < 0 {
			continue
		}
		mine := group[own].forRole(role)
		for _, other := range group[:own] {
			if theirs := other.forRole(role); mine != nil && theirs != nil && !sameType(mine, theirs) {
				return errors.New(errTypeConflict(name, "remote schema "+r.Name, "remote schema "+other.remote.Name).Error() +
					fmt.Sprintf(" They are alike without the documents of role %q.", role))
			}
		}
	}
	return nil
}

// forRole is the type as a role sees it; nil when it doesn't.
func (t *remoteType) forRole(role string) *remoteType {
	p := t.remote.Permissions[role]
	if p == nil || p.Schema.Types[t.definition.Name] == nil {
		return nil
	}
	d := *p.Schema.Types[t.definition.Name]
	fields := d.Fields
	d.Fields = make(ast.FieldList, 0, len(fields))
	for _, f := range fields {
		if _, preset := p.InputPresets[d.Name][f.Name]; preset {
			continue
		}
		own := *f
		own.Arguments = slices.DeleteFunc(slices.Clone(f.Arguments), func(a *ast.ArgumentDefinition) bool {
			_, preset := p.Presets[d.Name][f.Name][a.Name]
			return preset
		})
		d.Fields = append(d.Fields, &own)
	}
	return &remoteType{remote: t.remote, definition: &d}
}
