// Package server is the HTTP side of the engine: GraphQL, the admin API,
// health, errors and logs.
package server
