package remoteschemas_test

import (
	"net/http/httptest"
	"testing"

	"github.com/graph-gophers/graphql-go"
	"github.com/graph-gophers/graphql-go/relay"
)

const zoo = `
  schema { query: Query }
  interface Animal { id: ID! name: String! friends: [Animal!]! }
  interface Swimmer { depth: Int! }
  type Fish implements Animal & Swimmer { id: ID! name: String! friends: [Animal!]! depth: Int! keeper: Int }
  type Bird implements Animal { id: ID! name: String! friends: [Animal!]! wings: Int! keeper: String }
  union Resident = Fish | Bird | Plant
  type Plant { id: ID! latin: String! }
  type Query {
    animal(id: ID!): Animal
    resident(id: ID!): Resident
    residents(house: Int!): [Resident!]!
    swimmers: [Swimmer!]!
  }
`

type fish struct {
	Id, Name string //nolint:revive // the resolvers' package looks for it
	Depth    int32
	Keeper   *int32
	z        *zooRoot
}

type bird struct {
	Id, Name string //nolint:revive // the resolvers' package looks for it
	Wings    int32
	Keeper   *string
	z        *zooRoot
}

type plant struct{ Id, Latin string } //nolint:revive // the resolvers' package looks for it

func (f *fish) ID() graphql.ID   { return graphql.ID(f.Id) }
func (b *bird) ID() graphql.ID   { return graphql.ID(b.Id) }
func (p *plant) ID() graphql.ID  { return graphql.ID(p.Id) }
func (f *fish) Friends() []*any1 { return f.z.others(f.Id) }
func (b *bird) Friends() []*any1 { return b.z.others(b.Id) }

// any1 is a value of any of the zoo's types.
type any1 struct{ value any }

func (a *any1) ToFish() (*fish, bool)   { f, ok := a.value.(*fish); return f, ok }
func (a *any1) ToBird() (*bird, bool)   { b, ok := a.value.(*bird); return b, ok }
func (a *any1) ToPlant() (*plant, bool) { p, ok := a.value.(*plant); return p, ok }

func (a *any1) ID() graphql.ID {
	switch v := a.value.(type) {
	case *fish:
		return v.ID()
	case *bird:
		return v.ID()
	}
	return ""
}

func (a *any1) Name() string {
	switch v := a.value.(type) {
	case *fish:
		return v.Name
	case *bird:
		return v.Name
	}
	return ""
}

func (a *any1) Friends() []*any1 {
	switch v := a.value.(type) {
	case *fish:
		return v.Friends()
	case *bird:
		return v.Friends()
	}
	return nil
}

func (a *any1) Depth() int32 {
	if f, ok := a.value.(*fish); ok {
		return f.Depth
	}
	return 0
}

type zooRoot struct{ all []any }

func newZoo() *zooRoot {
	keeper, name := int32(1), "2"
	z := &zooRoot{}
	z.all = []any{
		&fish{"f1", "Finn", 10, &keeper, z}, &bird{"b1", "Bea", 2, &name, z}, &plant{"g1", "Hedera"}, &fish{"f2", "Fay", 3, nil, z},
	}
	return z
}

func idOf(v any) graphql.ID {
	switch v := v.(type) {
	case *fish:
		return v.ID()
	case *bird:
		return v.ID()
	case *plant:
		return v.ID()
	}
	return ""
}

func (z *zooRoot) others(id string) []*any1 {
	out := []*any1{}
	for _, v := range z.all {
		if _, green := v.(*plant); !green && idOf(v) != graphql.ID(id) {
			out = append(out, &any1{v})
		}
	}
	return out
}

func (z *zooRoot) find(id graphql.ID) *any1 {
	for _, v := range z.all {
		if idOf(v) == id {
			return &any1{v}
		}
	}
	return nil
}

func (z *zooRoot) Animal(a struct{ ID graphql.ID }) *any1   { return z.find(a.ID) }
func (z *zooRoot) Resident(a struct{ ID graphql.ID }) *any1 { return z.find(a.ID) }

func (z *zooRoot) Residents(a struct{ House int32 }) []*any1 {
	out := []*any1{}
	for i, v := range z.all {
		if i%2 == int(a.House)%2 {
			out = append(out, &any1{v})
		}
	}
	return out
}

func (z *zooRoot) Swimmers() []*any1 {
	out := []*any1{}
	for _, v := range z.all {
		if f, ok := v.(*fish); ok {
			out = append(out, &any1{f})
		}
	}
	return out
}

// startGophers serves the zoo with graph-gophers/graphql-go in this process.
func startGophers(t *testing.T) string {
	t.Helper()
	schema, err := graphql.ParseSchema(zoo, newZoo(), graphql.UseFieldResolvers())
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(&relay.Handler{Schema: schema})
	t.Cleanup(server.Close)
	return server.URL
}
