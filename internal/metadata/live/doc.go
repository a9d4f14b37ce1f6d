// Package live owns what requests are served from: the metadata, the catalog
// built from it, and the connections to the sources it names. It is swapped as
// a whole; a request keeps what it started with.
package live
