package schema

import (
	"sync"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/plan"
)

// Schema is the GraphQL schema of one role. It is safe for concurrent use.
type Schema struct {
	Role    string
	Catalog *catalog.Catalog
	Query   *Type
	// Mutation is nil while the role can't write anything.
	Mutation     *Type
	Subscription *Type

	// relay: the schema is Relay's.
	relay bool
	// transient: types can forget their members.
	transient bool
	// backend: permissions for backends only count.
	backend bool

	mu       sync.Mutex
	types    map[string]*Type
	accesses map[*catalog.Table]*access

	federation  sync.Once
	entities    map[string]*Entity
	entityTypes []*Type
	document    sync.Once
	sdl         string

	introspection sync.Once
	byName        map[string]*Type
	sorted        []*Type
}

// Option changes what a schema holds.
type Option func(*Schema)

// WithBackendOnly has permissions for backends only count.
func WithBackendOnly(s *Schema) { s.backend = true }

// ForRole makes the schema of a role. Types are built when first used.
func ForRole(c *catalog.Catalog, role string, options ...Option) *Schema {
	return forRole(newSchema(c, role, options))
}

func newSchema(c *catalog.Catalog, role string, options []Option) *Schema {
	s := &Schema{Role: role, Catalog: c}
	for _, o := range options {
		o(s)
	}
	return s
}

func forRole(s *Schema) *Schema {
	s.types, s.accesses = map[string]*Type{}, map[*catalog.Table]*access{}
	s.Query = s.root("query_root", querying)
	if s.mutable() || s.writable() {
		s.Mutation = s.root("mutation_root", mutating)
	}
	s.Subscription = s.root("subscription_root", subscribing)
	return s
}

// intern gives the type of a key, making it on first use. The key is the type's
// name for all but remote types, which may clash in name.
func (s *Schema) intern(key string, create func() *Type) *Type {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, ok := s.types[key]; ok {
		return t
	}
	t := create()
	t.transient = s.transient
	s.types[key] = t
	return t
}

func (s *Schema) named(kind Kind, name, description string, fill func(*Type)) *Type {
	return s.intern(name, func() *Type {
		return &Type{Kind: kind, Name: name, Description: description, fill: fill}
	})
}

func (s *Schema) object(name, description string, fill func(*Type)) *Type {
	return s.named(Object, name, description, fill)
}

func (s *Schema) input(name, description string, fill func(*Type)) *Type {
	return s.named(InputObject, name, description, fill)
}

func (s *Schema) enum(name, description string, fill func(*Type)) *Type {
	return s.named(Enum, name, description, fill)
}

func (s *Schema) scalar(name string) *Type {
	return s.named(Scalar, name, "", nil)
}

// access is what the role may read of a table.
type access struct {
	table      *catalog.Table
	admin      bool
	permission *catalog.SelectPermission
	// visible are the columns that the role sees, aggregated those of them that
	// each aggregate function takes.
	visible    []visibleColumn
	aggregated map[string][]visibleColumn
}

// access is what a role may read of a table; false when it may read nothing.
func (s *Schema) access(t *catalog.Table) (*access, bool) {
	if t.Unnamed {
		return nil, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.accesses[t]
	if !ok {
		a = &access{table: t, admin: s.Role == catalog.AdminRole}
		if !a.admin {
			a.permission, _ = t.SelectPermission(s.Role)
		}
		if a.admin || a.permission != nil {
			a.visible = a.visibleColumns()
			a.aggregated = aggregatedColumns(t.Source, a.visible)
		}
		s.accesses[t] = a
	}
	return a, a.admin || a.permission != nil
}

// column tells whether the role sees a column, and the guard of its cells.
func (a *access) column(c *catalog.Column) (plan.Predicate, bool) {
	if c.Hidden {
		return nil, false
	}
	if a.admin {
		return nil, true
	}
	guard, ok := a.permission.Columns[c.Info.Name]
	return guard, ok
}

func (a *access) computed(c *catalog.ComputedField) (plan.Predicate, bool) {
	if a.admin {
		return nil, true
	}
	guard, ok := a.permission.ComputedFields[c.Name]
	return guard, ok
}

func (a *access) aggregations() bool {
	return a.table.Source.Capabilities.Aggregates && (a.admin || a.permission.AllowAggregations)
}

// visibleColumn is a column the role sees.
type visibleColumn struct {
	*catalog.Column
	guard plan.Predicate
}

func (a *access) columns() []visibleColumn { return a.visible }

func (a *access) visibleColumns() []visibleColumn {
	out := make([]visibleColumn, 0, len(a.table.Columns))
	for _, c := range a.table.Columns {
		if guard, ok := a.column(c); ok {
			out = append(out, visibleColumn{c, guard})
		}
	}
	return out
}

// selectable tells whether the role sees anything of the rows.
func (a *access) selectable() bool {
	return len(a.columns()) > 0 || len(a.table.ComputedFields) > 0 || len(a.table.Local) > 0 ||
		len(a.table.ToSource) > 0 || len(a.table.ToRemoteSchema) > 0
}

// primaryKey is the table's primary key; false when there is none or the role
// doesn't see all of it.
func (a *access) primaryKey() ([]*catalog.Column, bool) {
	if a.table.Info.PrimaryKey == nil {
		return nil, false
	}
	var out []*catalog.Column
	for _, name := range a.table.Info.PrimaryKey.Columns {
		c, ok := a.table.Column(name)
		if !ok {
			return nil, false
		}
		if guard, ok := a.column(c); !ok || guard != nil {
			return nil, false
		}
		out = append(out, c)
	}
	return out, true
}

// operation is what a root type is for.
type operation string

const (
	querying    operation = "query"
	mutating    operation = "mutation"
	subscribing operation = "subscription"
)

func (a *access) root(op operation, kind catalog.RootFieldKind) bool {
	if a.admin {
		return true
	}
	allowed := a.permission.QueryRootFields
	if op == subscribing {
		allowed = a.permission.SubscriptionRootFields
	}
	return allowed == nil || allowed[kind]
}

// root makes a root type. What a query asks for is looked for by name, as an
// operation names few of the fields that many tables make.
func (s *Schema) root(name string, op operation) *Type {
	return s.intern(name, func() *Type {
		t := &Type{Kind: Object, Name: name, fill: func(t *Type) { t.fields = s.roots(op, true) }}
		if op == mutating || s.relay {
			return t
		}
		others := sync.OnceValue(func() map[string]*Field {
			out := map[string]*Field{}
			for _, f := range s.roots(op, false) {
				out[f.Name] = f
			}
			return out
		})
		t.seek = func(name string) (*Field, bool) {
			if f, ok := others()[name]; ok {
				return f, true
			}
			return s.tableRoot(op, name)
		}
		return t
	})
}

// tableRoot finds a root field of a table whose source has no namespace. Looking
// for it again makes an equal one.
func (s *Schema) tableRoot(op operation, name string) (*Field, bool) {
	for _, t := range s.Catalog.RootTables(name) {
		a, ok := s.access(t)
		if !ok {
			continue
		}
		if f, ok := find(s.tableRoots(a, op), func(f *Field) bool { return f.Name == name }); ok {
			return f, true
		}
	}
	return nil, false
}

// roots makes the fields of a root type, with or without those of the tables of
// sources without a namespace.
func (s *Schema) roots(op operation, tables bool) []*Field {
	var fields []*Field
	for _, source := range s.Catalog.Sources {
		inside := s.sourceRoots(source, op, tables || source.Customization.Namespace != "")
		ns := source.Customization.Namespace
		if ns == "" || len(inside) == 0 {
			fields = append(fields, inside...)
			continue
		}
		n := namesOf(source)
		suffix := "query"
		switch {
		case op == subscribing:
			suffix = "subscription"
		case op == mutating && s.backend:
			suffix = "mutation_backend"
		case op == mutating:
			suffix = "mutation_frontend"
		}
		t := s.object(n.TypeName(ns, suffix), "", func(t *Type) { t.fields = inside })
		fields = append(fields, &Field{Name: ns, Type: Required(Named(t)), Binding: &RootNamespace{}})
	}
	switch {
	case s.relay && op == mutating: // remote schemas have no part in Relay's
	case s.relay:
		fields = append(fields, s.nodeRoot()...)
	case op != subscribing:
		fields = append(fields, s.remoteRoots(op)...)
	}
	if len(fields) == 0 && op == querying && (tables || !s.readsTables()) {
		fields = append(fields, &Field{
			Name: "no_queries_available", Type: Named(s.scalar("String")),
			Description: "There are no queries available to the current role. Either there are no sources or remote schemas configured, or the current role doesn't have the required permissions.",
			Binding:     &NoQueries{},
		})
	}
	if op == querying {
		fields = append(fields, s.federationRoots()...)
	}
	return fields
}

// readsTables tells whether the role may read any table.
func (s *Schema) readsTables() bool {
	for _, source := range s.Catalog.Sources {
		for _, t := range source.Tables {
			if a, ok := s.access(t); ok && len(s.tableRoots(a, querying)) > 0 {
				return true
			}
		}
	}
	return false
}

func (s *Schema) sourceRoots(source *catalog.Source, op operation, tables bool) []*Field {
	if op == mutating {
		return s.mutationRoots(source)
	}
	if s.relay {
		return s.relayRoots(source, op)
	}
	var fields []*Field
	if tables {
		for _, t := range source.Tables {
			if a, ok := s.access(t); ok {
				fields = append(fields, s.tableRoots(a, op)...)
			}
		}
	}
	if op == querying {
		for _, f := range source.Functions {
			fields = append(fields, s.functionRoots(f)...)
		}
		for _, q := range source.NativeQueries {
			if f, ok := s.nativeRoot(q); ok {
				fields = append(fields, f)
			}
		}
	}
	return fields
}

func (s *Schema) tableRoots(a *access, op operation) []*Field {
	t := a.table
	n := namesOf(t.Source)
	row := s.tableType(t)
	var fields []*Field
	add := func(kind catalog.RootFieldKind, fallback string, f *Field) {
		if !a.root(op, kind) || t.RootFields[kind].Hidden {
			return
		}
		f.Name = t.RootFieldName(kind)
		f.Description = fallback
		if comment := t.RootFields[kind].Comment; comment != nil {
			f.Description = *comment
		}
		fields = append(fields, f)
	}
	quoted := quotedName(t)
	// A role that sees nothing of the rows may still be allowed to count them.
	if a.selectable() {
		add(catalog.RootSelect, "fetch data from the table: "+quoted, &Field{
			Type: Required(List(Required(Named(row)))), Args: s.rowArguments(t), Binding: &RootRows{Table: t},
		})
	}
	if a.aggregations() {
		add(catalog.RootSelectAggregate, "fetch aggregated fields from the table: "+quoted, &Field{
			Type: Required(Named(s.aggregateType(t))), Args: s.rowArguments(t), Binding: &RootAggregate{Table: t},
		})
	}
	if key, ok := a.primaryKey(); ok {
		f := &Field{Type: Named(row), Args: s.keyArguments(n, key), Binding: &RootRow{Table: t}}
		add(catalog.RootSelectByPK, "fetch data from the table: "+quoted+" using primary key columns", f)
	}
	return fields
}
