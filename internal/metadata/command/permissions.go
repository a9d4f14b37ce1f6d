package command

import (
	"context"
	"slices"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/metadata/document"
	"dovetail/internal/orderedjson"
)

func permissionCommands() map[string]command {
	out := map[string]command{"set_permission_comment": prefixedEdit(setPermissionComment)}
	for _, kind := range []document.PermissionKind{
		document.PermissionInsert, document.PermissionSelect, document.PermissionUpdate, document.PermissionDelete,
	} {
		out["create_"+string(kind)+"_permission"] = prefixedEdit(createPermission(kind))
		out["drop_"+string(kind)+"_permission"] = prefixedRun(dropPermission(kind))
	}
	return out
}

func hasPermission(t *document.Table, kind document.PermissionKind, role string) bool {
	if kind == document.PermissionSelect {
		_, ok := t.SelectPermission(role)
		return ok
	}
	_, ok := t.WritePermission(kind, role)
	return ok
}

func createPermission(kind document.PermissionKind) edit {
	return func(c *call, m *document.Metadata) (subject, error) {
		o := c.object()
		s, t, err := c.tableIn(m, o)
		if err != nil {
			return subject{}, err
		}
		role := o.nonEmpty("role")
		if err := o.err(); err != nil {
			return subject{}, err
		}
		if role == catalog.AdminRole || hasPermission(t, kind, role) {
			return subject{}, fail(CodeAlreadyExists, "%s permission already defined on table %q with role %q", kind, t.Name, role)
		}
		entry := without(c.args, "source", "table")
		if kind == document.PermissionSelect {
			p, err := document.ParseSelectPermission(entry, argsPath)
			if err != nil {
				return subject{}, parseError(err, argsPath)
			}
			t.SelectPermissions = append(t.SelectPermissions, p)
		} else {
			p, err := document.ParseWritePermission(entry, argsPath, kind)
			if err != nil {
				return subject{}, parseError(err, argsPath)
			}
			list := t.WritePermissions(kind)
			*list = append(*list, p)
		}
		return subject{kind: string(kind) + "_permission", source: s.Name, table: &t.Name, name: role}, nil
	}
}

func dropPermission(kind document.PermissionKind) run {
	return func(ctx context.Context, c *call) ([]byte, error) {
		remove := func(c *call, m *document.Metadata) (subject, error) {
			o := c.object()
			_, t, err := c.tableIn(m, o)
			if err != nil {
				return subject{}, err
			}
			role := o.nonEmpty("role")
			if err := o.err(); err != nil {
				return subject{}, err
			}
			if !hasPermission(t, kind, role) {
				return subject{}, fail(CodePermissionDenied, "%s permission on %q for role %q does not exist", kind, t.Name, role)
			}
			if kind == document.PermissionSelect {
				removeAll(&t.SelectPermissions, func(p *document.SelectPermission) bool { return p.Role == role })
			} else {
				removeAll(t.WritePermissions(kind), func(p *document.WritePermission) bool { return p.Role == role })
			}
			return subject{}, nil
		}
		return c.drop(ctx, false, remove)
	}
}

func setPermissionComment(c *call, m *document.Metadata) (subject, error) {
	o := c.object()
	_, t, err := c.tableIn(m, o)
	if err != nil {
		return subject{}, err
	}
	role, kind, comment := o.nonEmpty("role"), document.PermissionKind(o.text("permission")), o.comment()
	if kinds := []document.PermissionKind{"insert", "select", "update", "delete"}; !slices.Contains(kinds, kind) {
		o.failAt(argsPath+".permission", "unexpected permission %q, expected one of insert, select, update, delete", kind)
	}
	if err := o.err(); err != nil {
		return subject{}, err
	}
	if !hasPermission(t, kind, role) {
		return subject{}, fail(CodePermissionDenied, "%s permission on %q for role %q does not exist", kind, t.Name, role)
	}
	for i, p := range t.SelectPermissions {
		if kind == document.PermissionSelect && p.Role == role {
			changed := *p
			changed.Comment = comment
			t.SelectPermissions[i] = &changed
		}
	}
	if list := t.WritePermissions(kind); list != nil {
		for i, p := range *list {
			if p.Role == role {
				changed := *p
				changed.Comment = comment
				(*list)[i] = &changed
			}
		}
	}
	return subject{}, nil
}

// modelPermission reads the arguments of a logical model's permission.
func (c *call) modelIn(m *document.Metadata) (*document.Source, *document.LogicalModel, string, error) {
	o := c.object()
	sourceName, name, role := o.source(), o.nonEmpty("name"), o.nonEmpty("role")
	if err := o.err(); err != nil {
		return nil, nil, "", err
	}
	s, err := c.sourceIn(m, sourceName)
	if err != nil {
		return nil, nil, "", err
	}
	l, ok := s.LogicalModel(name)
	if !ok {
		return nil, nil, "", fail(CodeNotFound, "Logical model %q not found.", name)
	}
	return s, l, role, nil
}

func createModelPermission(c *call, m *document.Metadata) (subject, error) {
	s, l, role, err := c.modelIn(m)
	if err != nil {
		return subject{}, err
	}
	for _, p := range l.SelectPermissions {
		if p.Role == role {
			return subject{}, fail(CodeAlreadyExists, "select permission already defined on logical model %q with role %q", l.Name, role)
		}
	}
	p, err := document.ParseSelectPermission(without(c.args, "source", "name"), argsPath)
	if err != nil {
		return subject{}, parseError(err, argsPath)
	}
	l.SelectPermissions = append(l.SelectPermissions, p)
	return subject{kind: "select_permission", source: s.Name, name: l.Name}, nil
}

func dropModelPermission(c *call, m *document.Metadata) (subject, error) {
	_, l, role, err := c.modelIn(m)
	if err != nil {
		return subject{}, err
	}
	if !removeAll(&l.SelectPermissions, func(p *document.SelectPermission) bool { return p.Role == role }) {
		return subject{}, fail(CodePermissionDenied, "select permission on logical model %q for role %q does not exist", l.Name, role)
	}
	return subject{}, nil
}

// entryOf makes a kept entry of arguments that hold a name.
func entryOf(name string, definition orderedjson.Value) *document.Entry {
	return &document.Entry{Name: name, Definition: definition}
}
