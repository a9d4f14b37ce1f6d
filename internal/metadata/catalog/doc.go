// Package catalog is what metadata documents mean, once held against what the
// sources really contain: tables, columns, relationships, permissions as
// predicates, remote schemas. It is built in one go, never changed afterwards,
// and can't express a relationship without a target or a permission on a column
// that isn't there; what doesn't fit is listed as an inconsistency instead.
package catalog
