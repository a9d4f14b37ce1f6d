// Package mssql reads from Microsoft SQL Server and Azure SQL: it introspects
// databases, compiles a fragment to one T-SQL statement and runs it.
//
// The rows of a statement come as typed rows. Objects of the same database are
// joined, so that their columns stand flat among those of the enclosing row;
// lists stand inside of a cell as the JSON that FOR JSON makes of rows whose
// columns have short fixed names. Every value in there that FOR JSON would
// write in a form of its own is converted to text first, so that a value reads
// the same wherever it stands.
package mssql
