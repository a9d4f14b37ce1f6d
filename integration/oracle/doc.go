// Package oracle holds a property test: random tables, permissions and queries
// are answered with the tables in one Postgres, with the tables spread over
// several databases, and by a plain evaluator over the rows. All three must
// agree.
package oracle
