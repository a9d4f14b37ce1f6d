// Package sqlgen is what the compilers of the SQL databases share: the parts of
// a statement that all dialects write alike, as a tree with its printer, and
// what a compiler asks of a plan before it writes any of them. What a dialect
// writes in its own way stays with its source, which adds types of its own to
// the tree.
package sqlgen
