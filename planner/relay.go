package planner

import (
	"slices"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/internal/schema"
)

// rootConnection plans a page of a table's rows.
func (p *planner) rootConnection(s *selected, t *catalog.Table, h *holder) (plan.Query, error) {
	rows, err := p.permitted(t)
	if err != nil {
		return nil, err
	}
	return p.connection(s, t, rows, h)
}

// rootFunctionConnection plans a page of a tracked function's rows.
func (p *planner) rootFunctionConnection(s *selected, f *catalog.Function, h *holder) (plan.Query, error) {
	rows, err := p.permitted(f.Returns)
	if err != nil {
		return nil, err
	}
	if rows.From, err = p.functionCall(s, f); err != nil {
		return nil, err
	}
	return p.connection(s, f.Returns, rows, h)
}

// relatedConnection plans a page of a relationship's rows.
func (p *planner) relatedConnection(s *selected, r *catalog.Relationship, h *holder) (plan.Field, error) {
	rows, err := p.related(r)
	if err != nil {
		return nil, err
	}
	connection, err := p.connection(s, r.Target, rows, h)
	return &plan.NestedConnectionField{Key: s.key, Relationship: r.Name, Connection: connection}, err
}

// joinConnection plans a page of the rows of a remote relationship to a table.
func (p *planner) joinConnection(s *selected, r *catalog.ToSource, h *holder) (*plan.Join, error) {
	below := newHolder(h.path)
	var join *plan.Join
	err := p.within(below, func() error {
		rows, bindings, keys, err := p.keyed(r)
		if err != nil {
			return err
		}
		connection, err := p.connection(s, r.Target, rows, below)
		if err != nil {
			return err
		}
		child := p.fragment(r.Target.Source.Name, connection, bindings, below)
		join = &plan.Join{Field: s.key, Relationship: r.Name, Child: child, Keys: keys, OnNull: p.onNull(string(emptyConnection(connection)))}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return h.add(join), nil
}

// connection plans the arguments and fields of a page of rows of a table.
func (p *planner) connection(s *selected, t *catalog.Table, rows plan.Rows, h *holder) (*plan.Connection, error) {
	if err := p.arguments(s, &rows); err != nil {
		return nil, err
	}
	c := &plan.Connection{Rows: rows}
	withPrimaryKey(&c.Rows, t)
	var err error
	if c.Cursor, err = cursorPaths(c.OrderBy, s.path+".args"); err != nil {
		return nil, err
	}
	if err := p.cursorBound(s, c); err != nil {
		return nil, err
	}
	if err := p.pageSize(s, c); err != nil {
		return nil, err
	}
	if c.Fields, err = p.connectionFields(s, h); err != nil {
		return nil, err
	}
	return c, nil
}

// withPrimaryKey makes an order tell all rows apart.
func withPrimaryKey(rows *plan.Rows, t *catalog.Table) {
	for _, c := range t.Relation().PrimaryKey {
		if !slices.ContainsFunc(rows.OrderBy, func(o plan.Order) bool {
			by, ok := o.By.(*plan.OrderColumn)
			return ok && by.Column.Name == c.Name && by.Guard == nil
		}) {
			rows.OrderBy = append(slices.Clip(rows.OrderBy), plan.Order{By: &plan.OrderColumn{Column: c}})
		}
	}
}

// oneOf loads two arguments of which only one may be given.
func (p *planner) oneOf(s *selected, first, second schema.ArgumentKind) (*schema.Input, value, error) {
	var given *schema.Input
	out := value{missing: true}
	for _, kind := range []schema.ArgumentKind{first, second} {
		a, ok := argumentOf(s.field, kind)
		if !ok {
			continue
		}
		v, err := p.load(s.argument(a.Name), a.Type, false, under(s.path+".args", a.Name))
		if err != nil {
			return nil, out, err
		}
		if v.missing || v.isNull() {
			continue
		}
		if given != nil {
			return nil, out, invalid(s.path+".args", "%q and %q are not allowed at once", first, second)
		}
		given, out = a, v
	}
	return given, out, nil
}

// pageSize reads first and last.
func (p *planner) pageSize(s *selected, c *plan.Connection) error {
	a, v, err := p.oneOf(s, schema.ArgFirst, schema.ArgLast)
	if err != nil || a == nil {
		return err
	}
	c.Backward = a.Name == string(schema.ArgLast)
	c.Limit, err = checked(v, under(s.path+".args", a.Name), checkLimit)
	return err
}

func (p *planner) connectionFields(s *selected, h *holder) ([]plan.ConnectionField, error) {
	on := s.field.Type.Base()
	members, err := p.collect(s.set(), on, s.path)
	if err != nil {
		return nil, err
	}
	out := make([]plan.ConnectionField, 0, len(members))
	for _, m := range members {
		if m.field == nil {
			out = append(out, &plan.ConnectionStatic{Key: m.key, JSON: orderedjson.AppendString(nil, on.Name)})
			continue
		}
		var f plan.ConnectionField
		switch m.field.Binding.(type) {
		case *schema.PageInfo:
			f, err = p.pageInfo(m)
		case *schema.Edges:
			err = h.inside(m.key, func() error {
				f, err = p.edges(m, h)
				return err
			})
		default:
			err = &Error{Code: CodeUnexpected, Path: m.path, Message: "'" + m.field.Name + "' is not part of a connection"}
		}
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

func (p *planner) pageInfo(s *selected) (*plan.ConnectionPageInfo, error) {
	on := s.field.Type.Base()
	members, err := p.collect(s.set(), on, s.path)
	if err != nil {
		return nil, err
	}
	out := &plan.ConnectionPageInfo{Key: s.key}
	for _, m := range members {
		item := plan.PageInfoItem{Key: m.key, Kind: plan.PageInfoStatic}
		if m.field == nil {
			item.JSON = orderedjson.AppendString(nil, on.Name)
		} else if b, ok := m.field.Binding.(*schema.PageInfoField); ok {
			item.Kind = b.Kind
		} else {
			return nil, &Error{Code: CodeUnexpected, Path: m.path, Message: "'" + m.field.Name + "' is not known of a page"}
		}
		out.Items = append(out.Items, item)
	}
	return out, nil
}

func (p *planner) edges(s *selected, h *holder) (*plan.ConnectionEdges, error) {
	on := s.field.Type.Base()
	members, err := p.collect(s.set(), on, s.path)
	if err != nil {
		return nil, err
	}
	out := &plan.ConnectionEdges{Key: s.key}
	for _, m := range members {
		if m.field == nil {
			out.Fields = append(out.Fields, &plan.EdgeStatic{Key: m.key, JSON: orderedjson.AppendString(nil, on.Name)})
			continue
		}
		switch m.field.Binding.(type) {
		case *schema.EdgeCursor:
			out.Fields = append(out.Fields, &plan.EdgeCursor{Key: m.key})
		case *schema.EdgeNode:
			node := &plan.EdgeNode{Key: m.key}
			err := h.inside(m.key, func() error {
				node.Fields, err = p.fields(m, m.set(), m.field.Type.Base(), h)
				return err
			})
			if err != nil {
				return nil, err
			}
			out.Fields = append(out.Fields, node)
		default:
			return nil, &Error{Code: CodeUnexpected, Path: m.path, Message: "'" + m.field.Name + "' is not part of an edge"}
		}
	}
	return out, nil
}

// emptyConnection is the value of a connection to no rows.
func emptyConnection(c *plan.Connection) []byte {
	out := []byte{'{'}
	for i, f := range c.Fields {
		if i > 0 {
			out = append(out, ',')
		}
		switch f := f.(type) {
		case *plan.ConnectionStatic:
			out = append(appendKey(out, f.Key), f.JSON...)
		case *plan.ConnectionEdges:
			out = append(appendKey(out, f.Key), "[]"...)
		case *plan.ConnectionPageInfo:
			out = append(appendKey(out, f.Key), '{')
			for j, item := range f.Items {
				if j > 0 {
					out = append(out, ',')
				}
				out = append(appendKey(out, item.Key), emptyPage(item)...)
			}
			out = append(out, '}')
		}
	}
	return append(out, '}')
}

func emptyPage(item plan.PageInfoItem) string {
	switch item.Kind {
	case plan.PageInfoStatic:
		return string(item.JSON)
	case plan.StartCursor, plan.EndCursor:
		return `""`
	case plan.HasNextPage, plan.HasPreviousPage:
	}
	return "false"
}
