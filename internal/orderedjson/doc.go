// Package orderedjson holds JSON as a tree that keeps the order of keys and the
// digits of numbers: metadata documents, variables and literals are made of it.
// It is a leaf.
package orderedjson
