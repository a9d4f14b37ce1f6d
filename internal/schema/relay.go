package schema

import (
	"strings"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/plan"
)

// idName is the name of the field of global ids, as Relay prescribes it.
const idName = "id"

// ForRelay makes the Relay schema of a role: connections instead of lists at
// the root, and global ids.
func ForRelay(c *catalog.Catalog, role string, options ...Option) *Schema {
	return forRelay(newSchema(c, role, options))
}

func forRelay(s *Schema) *Schema {
	s.relay = true
	forRole(s)
	if !s.writable() {
		s.Mutation = nil // remote schemas have no part in Relay's
	}
	return s
}

// Relay tells whether this is a Relay schema.
func (s *Schema) Relay() bool { return s.relay }

// HasNodeID tells whether the rows of a table have a global id: a Relay schema
// identifies rows by their primary keys.
func (s *Schema) HasNodeID(t *catalog.Table) bool {
	return s.relay && t.Source.Capabilities.Relay && len(t.Relation().PrimaryKey) > 0
}

// relayType is a type whose name Relay prescribes; it is never mixed up with a
// table's type of that name.
func (s *Schema) relayType(kind Kind, name, description string, fill func(*Type)) *Type {
	return s.intern("relay "+name, func() *Type {
		return &Type{Kind: kind, Name: name, Description: description, fill: fill}
	})
}

// node is the interface of all rows that have a global id.
func (s *Schema) node() *Type {
	return s.relayType(Interface, "Node", "An object with globally unique ID", func(t *Type) {
		t.fields = []*Field{{
			Name: idName, Description: "A globally unique identifier", Type: Required(Named(s.scalar("ID"))), Binding: &NodeID{},
		}}
		for _, source := range s.Catalog.Sources {
			for _, table := range source.Tables {
				if s.isNode(table) {
					t.possible = append(t.possible, s.tableType(table))
				}
			}
		}
	})
}

// isNode tells whether the role may ask for rows of a table by their global id.
func (s *Schema) isNode(t *catalog.Table) bool {
	if !s.HasNodeID(t) {
		return false
	}
	a, ok := s.access(t)
	return ok && (a.root(querying, catalog.RootSelect) || a.root(querying, catalog.RootSelectByPK))
}

// NodeTable finds the tables whose rows a global id may name.
func (s *Schema) NodeTable(name catalog.TableName) []*catalog.Table {
	var out []*catalog.Table
	for _, source := range s.Catalog.Sources {
		for _, t := range source.Tables {
			if t.Name == name && s.isNode(t) {
				out = append(out, t)
			}
		}
	}
	return out
}

// RowType is the object type of a table's rows.
func (s *Schema) RowType(t *catalog.Table) *Type { return s.tableType(t) }

// nodeRoot is the root field that finds a row by its global id; none while no
// row has one.
func (s *Schema) nodeRoot() []*Field {
	node := s.node()
	if len(node.Possible()) == 0 {
		return nil
	}
	return []*Field{{
		Name: "node", Type: Named(node), Binding: &RootNode{},
		Args: []*Input{{
			Name: idName, Description: "A globally unique id", Type: Required(Named(s.scalar("ID"))), Binding: &Argument{Kind: ArgID},
		}},
	}}
}

// relayRoots are the root fields of a source in a Relay schema.
func (s *Schema) relayRoots(source *catalog.Source, op operation) []*Field {
	var fields []*Field
	n := namesOf(source)
	for _, t := range source.Tables {
		a, ok := s.access(t)
		if !ok || !s.HasNodeID(t) || !a.root(op, catalog.RootSelect) {
			continue
		}
		fields = append(fields, &Field{
			Name: n.RootName(n.Join(t.FieldName(), "connection")), Description: `fetch data from the table: "` + t.Name.String() + `"`,
			Type: Required(Named(s.connectionType(t))), Args: s.connectionArguments(t), Binding: &RootConnection{Table: t},
		})
	}
	if op != querying {
		return fields
	}
	for _, f := range source.Functions {
		if f.Mutation || !f.Info.ReturnsSet || !s.HasNodeID(f.Returns) || !s.functionVisible(f) {
			continue
		}
		skip := map[int]bool{}
		if f.SessionArgument >= 0 {
			skip[f.SessionArgument] = true
		}
		args := s.functionArguments(n, f.ArgumentsType(), f.Info, skip)
		fields = append(fields, &Field{
			Name:        f.ConnectionName(),
			Description: `execute function "` + f.Info.Name + `" which returns "` + f.Returns.Name.Name + `"`,
			Type:        Required(Named(s.connectionType(f.Returns))), Args: append(args, s.connectionArguments(f.Returns)...),
			Binding: &RootFunctionConnection{Function: f},
		})
	}
	return fields
}

// nodeID makes a table's object type a Node: its global id takes the place of a
// column called id.
func (s *Schema) nodeID(t *catalog.Table, x *Type) {
	if !s.HasNodeID(t) {
		return
	}
	fields := make([]*Field, 0, len(x.fields)+1)
	for _, f := range x.fields {
		if f.Name != idName {
			fields = append(fields, f)
		}
	}
	x.fields = append(fields, &Field{
		Name: idName, Description: "A globally unique identifier", Type: Required(Named(s.scalar("ID"))),
		Binding: &NodeID{Table: t},
	})
	x.interfaces = []*Type{s.node()}
}

// connectionArguments are the arguments of a connection.
func (s *Schema) connectionArguments(t *catalog.Table) []*Input {
	text, integer := Named(s.scalar("String")), Named(s.scalar("Int"))
	args := []*Input{
		{Name: "after", Type: text, Binding: &Argument{Kind: ArgAfter}},
		{Name: "before", Type: text, Binding: &Argument{Kind: ArgBefore}},
		{Name: "first", Type: integer, Binding: &Argument{Kind: ArgFirst}},
		{Name: "last", Type: integer, Binding: &Argument{Kind: ArgLast}},
	}
	for _, a := range s.rowArguments(t) {
		if b, ok := a.Binding.(*Argument); !ok || b.Kind != ArgLimit && b.Kind != ArgOffset {
			args = append(args, a)
		}
	}
	return args
}

// relatedConnection is the connection of an array relationship.
func (s *Schema) relatedConnection(n *catalog.Customization, name string, target *catalog.Table, nullable bool, b Binding) []*Field {
	if !s.HasNodeID(target) {
		return nil
	}
	ref := Named(s.connectionType(target))
	if !nullable {
		ref = Required(ref)
	}
	return []*Field{{
		Name: n.Join(n.Word(name), "connection"), Description: "An array relationship connection", Type: ref,
		Args: s.connectionArguments(target), Binding: b,
	}}
}

// connectionType is the object type of a page of a table's rows.
func (s *Schema) connectionType(t *catalog.Table) *Type {
	return s.object(relayTypeName(t, "Connection"), `A Relay connection object on "`+t.Name.Name+`"`, func(x *Type) {
		x.fields = []*Field{
			{Name: "edges", Type: Required(List(Required(Named(s.edgeType(t))))), Binding: &Edges{}},
			{Name: "pageInfo", Type: Required(Named(s.pageInfo())), Binding: &PageInfo{}},
		}
	})
}

func (s *Schema) edgeType(t *catalog.Table) *Type {
	return s.object(relayTypeName(t, "Edge"), "", func(x *Type) {
		x.fields = []*Field{
			{Name: "cursor", Type: Required(Named(s.scalar("String"))), Binding: &EdgeCursor{}},
			{Name: "node", Type: Required(Named(s.tableType(t))), Binding: &EdgeNode{}},
		}
	})
}

// relayTypeName appends a word to the name of a table's type as Relay spells it.
func relayTypeName(t *catalog.Table, word string) string {
	c := &t.Source.Customization
	name := strings.TrimSuffix(strings.TrimPrefix(t.TypeName(), c.TypePrefix), c.TypeSuffix)
	return c.TypePrefix + name + word + c.TypeSuffix
}

func (s *Schema) pageInfo() *Type {
	return s.relayType(Object, "PageInfo", "", func(t *Type) {
		text, boolean := Required(Named(s.scalar("String"))), Required(Named(s.scalar("Boolean")))
		t.fields = []*Field{
			{Name: "startCursor", Type: text, Binding: &PageInfoField{Kind: plan.StartCursor}},
			{Name: "endCursor", Type: text, Binding: &PageInfoField{Kind: plan.EndCursor}},
			{Name: "hasNextPage", Type: boolean, Binding: &PageInfoField{Kind: plan.HasNextPage}},
			{Name: "hasPreviousPage", Type: boolean, Binding: &PageInfoField{Kind: plan.HasPreviousPage}},
		}
	})
}

// The bindings of Relay's fields.
type (
	// RootConnection reads a page of a table's rows.
	RootConnection struct{ Table *catalog.Table }
	// RootFunctionConnection reads a page of a tracked function's rows.
	RootFunctionConnection struct{ Function *catalog.Function }
	// RootNode finds a row by its global id.
	RootNode struct{}
	// NodeID is the global id of the row; the interface has no table.
	NodeID struct{ Table *catalog.Table }
	// RelatedConnection reads a page of the rows of a relationship of the same
	// source.
	RelatedConnection struct{ Relationship *catalog.Relationship }
	// RemoteConnection reads a page of the rows of a remote relationship.
	RemoteConnection struct{ Relationship *catalog.ToSource }
	// Edges is the list of the rows of a page, with their cursors.
	Edges struct{}
	// EdgeCursor is the cursor of a row.
	EdgeCursor struct{}
	// EdgeNode is the row itself.
	EdgeNode struct{}
	// PageInfo tells where a page stands.
	PageInfo struct{}
	// PageInfoField is a field of a page's information, by its name.
	PageInfoField struct{ Kind plan.PageInfoKind }
)

func (*RootConnection) binding()         {}
func (*RootFunctionConnection) binding() {}
func (*RootNode) binding()               {}
func (*NodeID) binding()                 {}
func (*RelatedConnection) binding()      {}
func (*RemoteConnection) binding()       {}
func (*Edges) binding()                  {}
func (*EdgeCursor) binding()             {}
func (*EdgeNode) binding()               {}
func (*PageInfo) binding()               {}
func (*PageInfoField) binding()          {}

// The arguments of Relay's fields.
const (
	ArgID     ArgumentKind = "id"
	ArgAfter  ArgumentKind = "after"
	ArgBefore ArgumentKind = "before"
	ArgFirst  ArgumentKind = "first"
	ArgLast   ArgumentKind = "last"
)
