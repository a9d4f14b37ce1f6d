package catalog

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"dovetail/internal/metadata/document"
	"dovetail/internal/plan"
)

func (b *builder) selectPermissions(s *sourceBuild) {
	for _, t := range s.tables {
		var same bool
		if t.Select, same = b.permissionsAgain(s, t); same {
			continue
		}
		t.Select = make(map[string]*SelectPermission, len(t.document.SelectPermissions))
		for _, doc := range t.document.SelectPermissions {
			if p, same := s.permissionAgain(t, doc); same {
				t.Select[doc.Role] = p
				continue
			}
			p, err := b.selectPermission(t, doc)
			if err != nil {
				b.inconsistent(selectPermissionObject(s.Name, t.document, doc), err)
				continue
			}
			t.Select[doc.Role] = p
		}
	}
}

var errAdminPermission = errors.New("the role \"admin\" has every permission; none can be defined for it")

func (b *builder) selectPermission(t *tableBuild, doc *document.SelectPermission) (*SelectPermission, error) {
	if doc.Role == AdminRole {
		return nil, errAdminPermission
	}
	p := &SelectPermission{Limit: -1, AllowAggregations: doc.AllowAggregations, document: doc}
	var err error
	if p.Columns, err = t.granted(&doc.Columns); err != nil {
		return nil, err
	}
	if p.ComputedFields, err = t.grantedComputed(doc.ComputedFields); err != nil {
		return nil, err
	}
	f := &filter{builder: b, root: t.Table}
	if p.Filter, err = f.parse(t.Table, doc.Filter, false); err != nil {
		return nil, err
	}
	p.reads, p.wide = f.reads, f.wide
	if doc.Limit != nil {
		p.Limit = *doc.Limit
	}
	if p.QueryRootFields, err = t.rootFields(p, doc.Role, doc.QueryRootFields); err != nil {
		return nil, err
	}
	p.SubscriptionRootFields, err = t.rootFields(p, doc.Role, doc.SubscriptionRootFields)
	return p, err
}

// granted resolves the columns of a permission.
func (t *tableBuild) granted(c *document.PermissionColumns) (map[string]plan.Predicate, error) {
	if c.All {
		if t.allColumns == nil {
			t.allColumns = make(map[string]plan.Predicate, len(t.Columns))
			for _, column := range t.Columns {
				t.allColumns[column.Info.Name] = nil
			}
		}
		return t.allColumns, nil
	}
	out := make(map[string]plan.Predicate, len(c.Names))
	for _, name := range c.Names {
		if _, ok := t.Column(name); !ok {
			return nil, errNoColumn(name)
		}
		out[name] = nil
	}
	return out, nil
}

// grantedComputed resolves the computed fields of a permission. Those that
// return rows are granted always: the table they return has permissions of its
// own.
func (t *tableBuild) grantedComputed(names []string) (map[string]plan.Predicate, error) {
	if t.tableFields == nil {
		t.tableFields = map[string]plan.Predicate{}
		for _, c := range t.ComputedFields {
			if c.Returns != nil {
				t.tableFields[c.Name] = nil
			}
		}
	}
	if len(names) == 0 {
		return t.tableFields, nil
	}
	out := maps.Clone(t.tableFields)
	for _, name := range names {
		c, ok := t.ComputedField(name)
		if !ok {
			return nil, fmt.Errorf("computed field %q does not exist", name)
		}
		if c.Returns != nil {
			return nil, fmt.Errorf("select permissions on computed field %q are auto-derived from the permissions on its returning table %q "+
				"and cannot be specified manually", name, c.Returns.Name)
		}
		out[name] = nil
	}
	return out, nil
}

func (t *tableBuild) rootFields(p *SelectPermission, role string, names []string) (map[RootFieldKind]bool, error) {
	if names == nil {
		return nil, nil
	}
	out := make(map[RootFieldKind]bool, len(names))
	for _, name := range names {
		kind := RootFieldKind(name)
		out[kind] = true
		switch {
		case kind == RootSelectByPK && !t.seesPrimaryKey(p):
			return nil, fmt.Errorf("The \"select_by_pk\" field cannot be included in the query_root_fields or subscription_root_fields "+ //nolint:staticcheck // v2's words
				"because the role %q does not have access to the primary key of the table %q in the source %q", role, t.Name, t.Source.Name)
		case kind == RootSelectAggregate && !p.AllowAggregations:
			return nil, errors.New("The \"select_aggregate\" root field can only be enabled in the query_root_fields or " + //nolint:staticcheck // v2's words
				" the subscription_root_fields when \"allow_aggregations\" is set to true")
		}
	}
	return out, nil
}

func (t *tableBuild) seesPrimaryKey(p *SelectPermission) bool {
	if t.Info.PrimaryKey == nil {
		return false
	}
	return !slices.ContainsFunc(t.Info.PrimaryKey.Columns, func(name string) bool {
		_, ok := p.Columns[name]
		return !ok
	})
}
