// Package remoteschemas tests remote schemas and the relationships from and to
// them from outside, through HTTP, against GraphQL servers that aren't ours:
// Apollo Server, one of its subgraphs, GraphQL Yoga and graph-gophers.
package remoteschemas
