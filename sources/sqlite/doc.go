// Package sqlite is the source over SQLite databases: introspection, the
// compilation of fragments into SQL, and running it. The driver is a
// translation of SQLite into Go, so the binary stays static.
//
// Rows come as rows. What SQLite has no lateral joins for (lists inside of
// rows, limits per binding) comes packed into one cell by the function
// dovetail_rows, which keeps every value exact and is faster than SQLite's own
// JSON functions.
//
// SQLite stores values loosely: each value carries its storage class, and a
// declared type is a hint. Values are therefore written by the declared type
// where they fit it, as Postgres would write them, and as what they are where
// they don't.
//
// Expressions in views have no declared type. They are Strings, because what a
// row holds mustn't decide a schema's types, and GraphQL has strings written as
// strings; but they sort and compare as what they hold. CAST(count(*) AS
// INTEGER) declares a type, of which the column then is.
package sqlite
