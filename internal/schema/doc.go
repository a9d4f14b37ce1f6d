// Package schema is the GraphQL schema of a role: types made from the catalog
// when something first asks for them, each field bound to the catalog object it
// stands for. The planner reads the bindings; introspection reads the types.
package schema
