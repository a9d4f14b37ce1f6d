// Package remoteschema is a source over a GraphQL service: it reads the
// service's schema by introspection, compiles fragments to GraphQL documents and
// scans the answers into ours. What the user or a join supplies only ever
// becomes a variable of a document or a printed literal of the query itself;
// answers are matched to keys by alias, and never decoded.
package remoteschema
