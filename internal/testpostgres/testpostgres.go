// Package testpostgres gives tests a real Postgres: the server that an
// environment variable names, or else a private one that lives as long as the
// test process.
package testpostgres

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// URLVariable names the environment variable that holds the superuser URL of a
// server to test with.
const URLVariable = "DOVETAIL_TEST_POSTGRES_URL"

// shared starts the process's server when the first test asks for one. It is
// never stopped by hand: its supervisor notices the end of the process.
//
//nolint:gochecknoglobals // one server per test process is the point
var shared = sync.OnceValues(func() (*Server, error) {
	return Start(context.Background())
})

// URL gives a superuser's URL of a server for tests. Without a server and the
// means to start one the test is skipped.
func URL(tb testing.TB) string {
	tb.Helper()
	if address := os.Getenv(URLVariable); address != "" {
		return address
	}
	server, err := shared()
	if errors.Is(err, ErrNoBinaries) {
		tb.Skipf("SKIPPED, NOT TESTED: this test needs a Postgres server. Set %s to a superuser's URL, install Postgres, or run `make test`: %v", URLVariable, err)
	}
	if err != nil {
		tb.Fatalf("start a Postgres server for tests: %v", err)
	}
	return server.URL()
}

// Database makes an empty database and gives its URL; it is dropped when the
// test ends, whoever is still connected.
func Database(tb testing.TB) string {
	tb.Helper()
	server := URL(tb)
	name := databaseName(tb)
	Execute(tb, server, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()+" TEMPLATE template0")
	tb.Cleanup(func() {
		Execute(tb, server, "DROP DATABASE IF EXISTS "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)")
	})
	address, err := url.Parse(server)
	if err != nil {
		tb.Fatalf("%s is not a URL: %v", URLVariable, err)
	}
	address.Path = "/" + name
	return address.String()
}

// databaseName shows which test left a database behind, should one.
func databaseName(tb testing.TB) string {
	tb.Helper()
	letters := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToLower(tb.Name()))
	random := make([]byte, 6)
	if _, err := rand.Read(random); err != nil {
		tb.Fatal(err)
	}
	return "test_" + letters[:min(len(letters), 40)] + "_" + hex.EncodeToString(random)
}

// Execute runs SQL, perhaps several statements, in the database of a URL.
func Execute(tb testing.TB, address, sql string) {
	tb.Helper()
	// Not the test's context: that one has ended when cleanups run.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), time.Minute)
	defer cancel()
	connection, err := pgx.Connect(ctx, address)
	if err != nil {
		tb.Fatalf("connect to the Postgres server for tests: %v", err)
	}
	defer func() {
		if err := connection.Close(ctx); err != nil {
			tb.Errorf("close the connection to the Postgres server for tests: %v", err)
		}
	}()
	if _, err := connection.Exec(ctx, sql); err != nil {
		tb.Fatalf("%s: %v", sql, err)
	}
}
