package plan

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"dovetail/internal/orderedjson"
)

// Connection reads one page of rows, each with a cursor, as Relay's clients
// want it. Its value is one object per binding row. OrderBy tells all rows
// apart, because it ends with the primary key; Limit is the size of the page and
// so is PermitLimit; Offset is not used.
type Connection struct {
	Rows
	// Cursor gives each key of OrderBy its place in the cursor's JSON.
	Cursor []CursorPath
	// Backward pages end where the rows (or those before Bound) end.
	Backward bool
	// Bound leaves out the rows on one side of a cursor; nil: none.
	Bound  *CursorBound
	Fields []ConnectionField
}

// CursorPath leads to a key's value in the JSON of a cursor.
type CursorPath []string

// CursorBound is a cursor between rows.
type CursorBound struct {
	// After keeps what comes after the cursor, otherwise what comes before it.
	After bool
	// Values of the keys of OrderBy.
	Values []Value
}

// ConnectionField is one response field of a connection.
//
//sumtype:decl
type ConnectionField interface{ connectionField() }

// ConnectionEdges writes the list of the page's rows with their cursors.
type ConnectionEdges struct {
	Key    string
	Fields []EdgeField
}

// ConnectionPageInfo writes an object that tells where the page stands.
type ConnectionPageInfo struct {
	Key   string
	Items []PageInfoItem
}

// ConnectionStatic writes JSON known when the plan is made (__typename).
type ConnectionStatic struct {
	Key  string
	JSON []byte
}

func (*ConnectionEdges) connectionField()    {}
func (*ConnectionPageInfo) connectionField() {}
func (*ConnectionStatic) connectionField()   {}

// EdgeField is one response field of an edge.
//
//sumtype:decl
type EdgeField interface{ edgeField() }

// EdgeCursor writes the cursor of the row.
type EdgeCursor struct{ Key string }

// EdgeNode writes the row.
type EdgeNode struct {
	Key    string
	Fields []Field
}

// EdgeStatic writes JSON known when the plan is made (__typename).
type EdgeStatic struct {
	Key  string
	JSON []byte
}

func (*EdgeCursor) edgeField() {}
func (*EdgeNode) edgeField()   {}
func (*EdgeStatic) edgeField() {}

// PageInfoItem is one response field of a page's information.
type PageInfoItem struct {
	Key  string
	Kind PageInfoKind
	// JSON is written where Kind is PageInfoStatic.
	JSON []byte
}

// PageInfoKind names what can be known of a page.
type PageInfoKind string

// The fields of a page's information. The cursors of an empty page are empty.
const (
	PageInfoStatic  PageInfoKind = "static"
	StartCursor     PageInfoKind = "startCursor"
	EndCursor       PageInfoKind = "endCursor"
	HasNextPage     PageInfoKind = "hasNextPage"
	HasPreviousPage PageInfoKind = "hasPreviousPage"
)

// NestedConnectionField writes a page of related rows of the same source.
type NestedConnectionField struct {
	Key          string
	Relationship string
	Connection   *Connection
}

// NodeIDField writes the globally unique id of a row of a table.
type NodeIDField struct {
	Key    string
	Schema string
	Table  string
	// Columns of the primary key.
	Columns []Column
}

func (*Connection) query()            {}
func (*NestedConnectionField) field() {}
func (*NodeIDField) field()           {}

// Token is a part of JSON that a text holds in base64: a cursor or a node's id.
type Token struct {
	Text Value
	Path []string
}

func (*Token) value() {}

// ParseToken decodes JSON in base64.
func ParseToken(text string) (orderedjson.Value, error) {
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return orderedjson.Value{}, fmt.Errorf("not a base64 text: %w", err)
	}
	return orderedjson.Parse(decoded)
}

func (a *Arguments) resolveToken(t *Token) (orderedjson.Value, error) {
	text, err := a.Resolve(t.Text)
	if err != nil {
		return orderedjson.Value{}, err
	}
	j, err := ParseToken(text.TextOf())
	if err != nil {
		return orderedjson.Value{}, err
	}
	return j.At(t.Path), nil
}

// Selects reports whether the connection's page information has one of the kinds.
func (c *Connection) Selects(kinds ...PageInfoKind) bool {
	for _, f := range c.Fields {
		info, ok := f.(*ConnectionPageInfo)
		if ok && slices.ContainsFunc(info.Items, func(i PageInfoItem) bool { return slices.Contains(kinds, i.Kind) }) {
			return true
		}
	}
	return false
}

// NeedsOppositePage reports whether hasPreviousPage (hasNextPage when the page ends
// at the cursor) is selected: whether there are rows beyond the cursor.
func (c *Connection) NeedsOppositePage() bool {
	if c.Bound == nil {
		return false
	}
	if c.Bound.After {
		return c.Selects(HasPreviousPage)
	}
	return c.Selects(HasNextPage)
}

// NeedsNextPage reports whether it is selected that there are rows beyond the page.
func (c *Connection) NeedsNextPage() bool {
	if c.Limit == nil && c.PermitLimit < 0 {
		return false
	}
	if c.Backward {
		return c.Selects(HasPreviousPage)
	}
	return c.Selects(HasNextPage)
}

func (c *Connection) validate(bindings int) error {
	if err := c.Rows.validate(bindings); err != nil {
		return err
	}
	if len(c.OrderBy) == 0 || len(c.Cursor) != len(c.OrderBy) {
		return fmt.Errorf("a connection to %s has %d cursor values for %d keys of order", relationText(c.From), len(c.Cursor), len(c.OrderBy))
	}
	if c.Bound != nil && len(c.Bound.Values) != len(c.OrderBy) {
		return fmt.Errorf("a connection to %s is bound by %d values of %d", relationText(c.From), len(c.Bound.Values), len(c.OrderBy))
	}
	for _, f := range c.Fields {
		edges, ok := f.(*ConnectionEdges)
		if !ok {
			continue
		}
		for _, e := range edges.Fields {
			if node, ok := e.(*EdgeNode); ok {
				if err := validateFields(node.Fields); err != nil {
					return fmt.Errorf("%s.%s: %w", edges.Key, node.Key, err)
				}
			}
		}
	}
	return nil
}

func (w *printer) connection(c *Connection) {
	direction := "forward"
	if c.Backward {
		direction = "backward"
	}
	w.line("connection %s from %s", direction, relationText(c.From))
	w.nested(func() {
		w.rows(&c.Rows)
		paths := make([]string, 0, len(c.Cursor))
		for _, path := range c.Cursor {
			paths = append(paths, strings.Join(path, "."))
		}
		w.line("cursor (%s)", strings.Join(paths, ", "))
		if c.Bound != nil {
			values := make([]string, 0, len(c.Bound.Values))
			for _, v := range c.Bound.Values {
				values = append(values, ValueText(v))
			}
			side := "before"
			if c.Bound.After {
				side = "after"
			}
			w.line("%s (%s)", side, strings.Join(values, ", "))
		}
		w.connectionFields(c.Fields)
	})
}

func (w *printer) connectionFields(fields []ConnectionField) {
	for _, f := range fields {
		switch f := f.(type) {
		case *ConnectionStatic:
			w.line("%s = %s", f.Key, f.JSON)
		case *ConnectionPageInfo:
			w.line("%s = page", f.Key)
			w.nested(func() {
				for _, i := range f.Items {
					w.line("%s = %s%s", i.Key, i.Kind, i.JSON)
				}
			})
		case *ConnectionEdges:
			w.line("%s = edges", f.Key)
			w.nested(func() {
				for _, e := range f.Fields {
					switch e := e.(type) {
					case *EdgeStatic:
						w.line("%s = %s", e.Key, e.JSON)
					case *EdgeCursor:
						w.line("%s = cursor", e.Key)
					case *EdgeNode:
						w.line("%s = node", e.Key)
						w.nested(func() { w.fields(e.Fields) })
					}
				}
			})
		}
	}
}

func (w *printer) nodeID(f *NodeIDField) {
	w.line("%s = node id of %s (%s)", f.Key, relationText(&Table{Schema: f.Schema, Name: f.Table}), columnNames(f.Columns))
}
