// Package jsonshape writes answers: rows into JSON by a shape compiled with the
// plan, and remote JSON through a scanner, both leaving holes where joins will
// splice in what other sources answer. A byte of an answer is written once here
// and copied once when the response is put together.
package jsonshape
