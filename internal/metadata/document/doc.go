// Package document holds metadata documents as written: version 3 as Hasura v2
// imports and exports it. Parsing checks a document's own form only; whether it
// fits the databases is the catalog's concern. Parts that the engine doesn't
// use are kept as ordered JSON and exported as they came.
package document
