package testengine

import (
	"errors"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// FillSQLite runs a script in a SQLite database, which is made if need be.
func FillSQLite(tb testing.TB, path, script string) {
	tb.Helper()
	connection, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenCreate)
	if err == nil {
		err = errors.Join(sqlitex.ExecuteScript(connection, script, nil), connection.Close())
	}
	if err != nil {
		tb.Fatal(err)
	}
}
