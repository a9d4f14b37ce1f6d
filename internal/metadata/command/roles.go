package command

import (
	"slices"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/metadata/document"
)

func roleCommands() map[string]command {
	return map[string]command{
		"add_inherited_role":  {edit: addInheritedRole},
		"drop_inherited_role": {edit: dropInheritedRole},
	}
}

func addInheritedRole(c *call, m *document.Metadata) (subject, error) {
	o := c.object()
	name, roles := o.nonEmpty("role_name"), o.texts("role_set")
	if err := o.err(); err != nil {
		return subject{}, err
	}
	switch {
	case name == catalog.AdminRole:
		return subject{}, fail(CodeInvalidParams, "role name cannot be admin")
	case len(roles) == 0:
		o.failAt(argsPath+".role_set", "an inherited role must be made of one role at least")
		return subject{}, o.err()
	case slices.Contains(roles, name):
		return subject{}, fail(CodeInvalidParams, "an inherited role name cannot be in the role combination")
	}
	role := &document.InheritedRole{Name: name, Roles: roles}
	// As in v2 a role that is there is made anew.
	if i := slices.IndexFunc(m.InheritedRoles, func(r *document.InheritedRole) bool { return r.Name == name }); i >= 0 {
		m.InheritedRoles[i] = role
	} else {
		m.InheritedRoles = append(m.InheritedRoles, role)
	}
	return subject{kind: "inherited_role", name: name}, nil
}

func dropInheritedRole(c *call, m *document.Metadata) (subject, error) {
	o := c.object()
	name := o.nonEmpty("role_name")
	if err := o.err(); err != nil {
		return subject{}, err
	}
	if !removeAll(&m.InheritedRoles, func(r *document.InheritedRole) bool { return r.Name == name }) {
		return subject{}, fail(CodeNotExists, "%q inherited role doesn't exist", name)
	}
	return subject{}, nil
}
