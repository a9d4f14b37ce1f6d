// Package integration tests the engine from outside, through HTTP, against real
// databases and GraphQL servers that aren't ours.
//
// A case is a folder below testdata/cases: the metadata as one would write it,
// one SQL file per source, what the case needs beyond that (case.json), and
// requests with their exact answers (requests.txt). Every case runs with its
// sources spread over databases of several kinds, with the smallest chunks of
// keys, and with all tables in a single Postgres, where remote relationships are
// rewritten as local ones: the answers must be the same.
package integration
