package schema

import (
	"strings"

	"dovetail/internal/metadata/catalog"
)

// EntityUnion is the union of all entities, as Apollo Federation names it.
const EntityUnion = "_Entity"

// Entity is a table whose rows a federation's gateway may ask for by their
// primary key.
type Entity struct {
	Table *catalog.Table
	Type  *Type
	Key   []EntityKey
}

// EntityKey is a field of an entity's key.
type EntityKey struct {
	Name   string
	Column *catalog.Column
}

// federated tells whether the schema is that of a subgraph.
func (s *Schema) federated() bool { return s.Catalog.Settings.ApolloFederation && !s.relay }

// entityKey names the fields of a table's key; false when the role doesn't see
// all of it, or the table isn't to be an entity.
func (s *Schema) entityKey(t *catalog.Table) ([]EntityKey, bool) {
	if !t.ApolloFederation || !s.federated() {
		return nil, false
	}
	a, ok := s.access(t)
	if !ok {
		return nil, false
	}
	columns, ok := a.primaryKey()
	if !ok {
		return nil, false
	}
	n := namesOf(t.Source)
	key := make([]EntityKey, 0, len(columns))
	for _, c := range columns {
		key = append(key, EntityKey{Name: c.FieldName(n), Column: c})
	}
	return key, true
}

// Entity finds an entity by the name of its type.
func (s *Schema) Entity(typeName string) (*Entity, bool) {
	s.federation.Do(func() {
		s.entities = map[string]*Entity{}
		for _, source := range s.Catalog.Sources {
			for _, t := range source.Tables {
				if key, ok := s.entityKey(t); ok {
					e := &Entity{Table: t, Type: s.tableType(t), Key: key}
					s.entities[e.Type.Name] = e
					s.entityTypes = append(s.entityTypes, e.Type)
				}
			}
		}
	})
	e, ok := s.entities[typeName]
	return e, ok
}

// federationRoots are the root fields that make the schema a subgraph's.
func (s *Schema) federationRoots() []*Field {
	if !s.federated() {
		return nil
	}
	service := s.object("_Service", "", func(t *Type) {
		t.fields = []*Field{{
			Name: "sdl", Description: "SDL representation of schema", Type: Required(Named(s.scalar("String"))), Binding: &ServiceSDL{},
		}}
	})
	fields := []*Field{{Name: "_service", Type: Required(Named(service)), Binding: &RootService{}}}
	if s.Entity(""); len(s.entityTypes) == 0 {
		return fields
	}
	union := s.named(Union, EntityUnion, "A union of all types that use the @key directive", func(t *Type) { t.possible = s.entityTypes })
	return append(fields, &Field{
		Name: "_entities", Description: "query _Entity union", Type: Required(List(Named(union))), Binding: &RootEntities{},
		Args: []*Input{{
			Name: "representations", Type: Required(List(Required(Named(s.named(Scalar, "_Any", "Scalar _Any", nil))))),
			Binding: &Argument{Kind: ArgRepresentations},
		}},
	})
}

// keyFields writes an entity's key as directives do: upc sku.
func keyFields(key []EntityKey) string {
	names := make([]string, 0, len(key))
	for _, k := range key {
		names = append(names, k.Name)
	}
	return strings.Join(names, " ")
}

// The bindings of the fields of a subgraph.
type (
	// RootService tells about the subgraph.
	RootService struct{}
	// ServiceSDL is the subgraph's schema as a document.
	ServiceSDL struct{}
	// RootEntities finds entities by their representations.
	RootEntities struct{}
)

func (*RootService) binding()  {}
func (*ServiceSDL) binding()   {}
func (*RootEntities) binding() {}

// ArgRepresentations names the entities that are wanted.
const ArgRepresentations ArgumentKind = "representations"
