// Package postgres reads from PostgreSQL: it introspects a database, compiles
// fragments to one statement each and runs them.
//
// Statements return plain typed rows in the binary format; the answer's JSON is
// written by the shape that is compiled along with the statement. Nested lists
// stand inside of a row as binary record arrays. A type whose binary form has no
// encoder here is fetched as the JSON text that the database makes of it.
package postgres
