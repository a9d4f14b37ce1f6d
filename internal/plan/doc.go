// Package plan holds the words that every other package shares: the plan of an
// operation, its fragments, joins, selections and predicates, the values they
// are made of, and what a source declares of itself.
//
// A plan is immutable and symbolic: it names variables and session variables
// and never holds the values of one request, so one plan serves every request
// with the same text, role and shape of variables. The package does no I/O and
// imports the standard library only.
package plan
