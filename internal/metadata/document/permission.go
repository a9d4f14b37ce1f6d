package document

import (
	"slices"

	"dovetail/internal/orderedjson"
)

// PermissionKind is one of v2's four kinds of permissions.
type PermissionKind string

// The kinds of permissions.
const (
	PermissionInsert PermissionKind = "insert"
	PermissionSelect PermissionKind = "select"
	PermissionUpdate PermissionKind = "update"
	PermissionDelete PermissionKind = "delete"
)

// PermissionColumns is "*" or a list of columns.
type PermissionColumns struct {
	All   bool
	Names []string
}

// JSON is the columns as exported.
func (c PermissionColumns) JSON() orderedjson.Value {
	if c.All {
		return textJSON("*")
	}
	return textsJSON(c.Names)
}

func (d *decoder) columns(j orderedjson.Value, path string) PermissionColumns {
	if j.Kind == orderedjson.String {
		if j.Text != "*" {
			d.fail(path, "expected \"*\" or a list of columns, but got %q", j.Text)
		}
		return PermissionColumns{All: true}
	}
	return PermissionColumns{Names: d.texts(j, path)}
}

// SelectPermission is what a role may read, as written.
type SelectPermission struct {
	Role           string
	Columns        PermissionColumns
	ComputedFields []string
	// Filter is a boolean expression.
	Filter            orderedjson.Value
	Limit             *int
	AllowAggregations bool
	// QueryRootFields and SubscriptionRootFields are nil where all are allowed.
	QueryRootFields        []string
	SubscriptionRootFields []string
	ValidateInput          orderedjson.Value
	Comment                *string
}

// WritePermission is what a role may insert, update or delete, as written.
type WritePermission struct {
	Kind PermissionKind
	Role string
	// Columns is nil where none were given (insert: all).
	Columns *PermissionColumns
	// Filter (update, delete) and Check (insert, update) are boolean
	// expressions, null when absent.
	Filter, Check orderedjson.Value
	// Set is an object of presets, null when absent.
	Set           orderedjson.Value
	BackendOnly   bool
	ValidateInput orderedjson.Value
	Comment       *string
}

// ParseSelectPermission reads one entry of select_permissions.
func ParseSelectPermission(j orderedjson.Value, path string) (*SelectPermission, error) {
	d := &decoder{}
	p := d.selectPermission(j, path)
	return p, d.err()
}

// ParseWritePermission reads one entry of insert_, update_ or
// delete_permissions.
func ParseWritePermission(j orderedjson.Value, path string, kind PermissionKind) (*WritePermission, error) {
	d := &decoder{}
	p := d.writePermission(j, path, kind)
	return p, d.err()
}

// permissionEntry opens {"role", "permission", "comment"}.
func (d *decoder) permissionEntry(j orderedjson.Value, path, what string) (role string, comment *string, permission *object) {
	o := d.object(j, path, "PermDef")
	role, comment = o.nonEmpty("role"), o.textPointer("comment")
	permission = d.object(o.need("permission"), o.at("permission"), what)
	o.done()
	return role, comment, permission
}

func (d *decoder) selectPermission(j orderedjson.Value, path string) *SelectPermission {
	role, comment, o := d.permissionEntry(j, path, "SelPerm")
	p := &SelectPermission{Role: role, Comment: comment}
	p.Columns = d.columns(o.need("columns"), o.at("columns"))
	p.ComputedFields = o.texts("computed_fields")
	p.Filter = d.expression(o.need("filter"), o.at("filter"))
	p.Limit = o.integer("limit")
	if p.Limit != nil && *p.Limit < 0 {
		d.fail(o.at("limit"), "unexpected negative value")
	}
	p.AllowAggregations = o.boolean("allow_aggregations", false)
	p.QueryRootFields = o.rootFieldList("query_root_fields", "select", "select_by_pk", "select_aggregate")
	p.SubscriptionRootFields = o.rootFieldList("subscription_root_fields", "select", "select_by_pk", "select_aggregate", "select_stream")
	p.ValidateInput = o.optional("validate_input")
	o.done()
	return p
}

func (o *object) rootFieldList(key string, allowed ...string) []string {
	out := o.texts(key)
	for _, f := range out {
		if !slices.Contains(allowed, f) {
			o.d.fail(o.at(key), "unexpected root field %q, expected one of %s", f, textsJSON(allowed))
		}
	}
	return out
}

// expression checks that a boolean expression is an object.
func (d *decoder) expression(j orderedjson.Value, path string) orderedjson.Value {
	if d.fault == nil && j.Kind != orderedjson.Object {
		d.mismatch("BoolExp", path, orderedjson.Object, j)
	}
	return j
}

func (d *decoder) writePermission(j orderedjson.Value, path string, kind PermissionKind) *WritePermission {
	role, comment, o := d.permissionEntry(j, path, "Perm")
	p := &WritePermission{Kind: kind, Role: role, Comment: comment}
	switch kind {
	case PermissionInsert:
		p.Check = d.expression(o.need("check"), o.at("check"))
	case PermissionUpdate:
		o.need("columns")
		p.Filter = d.expression(o.need("filter"), o.at("filter"))
		if v, ok := o.get("check"); ok {
			p.Check = d.expression(v, o.at("check"))
		}
	case PermissionDelete:
		p.Filter = d.expression(o.need("filter"), o.at("filter"))
	case PermissionSelect:
		d.fail(path, "a select permission is not a write permission")
	}
	if kind != PermissionDelete {
		if v, ok := o.get("columns"); ok {
			c := d.columns(v, o.at("columns"))
			p.Columns = &c
		}
		if v, ok := o.get("set"); ok {
			p.Set = d.object(v, o.at("set"), "ColumnValues").json
		}
	}
	p.BackendOnly = o.boolean("backend_only", false)
	p.ValidateInput = o.optional("validate_input")
	o.done()
	return p
}

func permissionJSON(role string, permission orderedjson.Value, comment *string) orderedjson.Value {
	return newFields().text("role", role).add("permission", permission).pointer("comment", comment).json
}

// JSON is the permission as exported.
func (p *SelectPermission) JSON() orderedjson.Value {
	return permissionJSON(p.Role, p.PermissionJSON(), p.Comment)
}

// PermissionJSON is the permission without its role and comment.
func (p *SelectPermission) PermissionJSON() orderedjson.Value {
	f := newFields().add("columns", p.Columns.JSON())
	f.list("computed_fields", textsJSON(p.ComputedFields)).add("filter", p.Filter)
	if p.Limit != nil {
		f.add("limit", intJSON(*p.Limit))
	}
	f.flag("allow_aggregations", p.AllowAggregations)
	if p.QueryRootFields != nil {
		f.add("query_root_fields", textsJSON(p.QueryRootFields))
	}
	if p.SubscriptionRootFields != nil {
		f.add("subscription_root_fields", textsJSON(p.SubscriptionRootFields))
	}
	return f.optional("validate_input", p.ValidateInput).json
}

// JSON is the permission as exported.
func (p *WritePermission) JSON() orderedjson.Value {
	return permissionJSON(p.Role, p.PermissionJSON(), p.Comment)
}

// PermissionJSON is the permission without its role and comment. An update's
// check is written even when it is null.
func (p *WritePermission) PermissionJSON() orderedjson.Value {
	f := newFields()
	columns := orderedjson.Value{}
	if p.Columns != nil {
		columns = p.Columns.JSON()
	}
	switch p.Kind {
	case PermissionInsert:
		f.add("check", p.Check).list("set", p.Set).optional("columns", columns)
	case PermissionUpdate:
		f.optional("columns", columns).add("filter", p.Filter).add("check", p.Check).list("set", p.Set)
	case PermissionDelete, PermissionSelect:
		f.add("filter", p.Filter)
	}
	return f.flag("backend_only", p.BackendOnly).optional("validate_input", p.ValidateInput).json
}
