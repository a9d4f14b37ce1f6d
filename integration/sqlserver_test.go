package integration_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	_ "github.com/microsoft/go-mssqldb" // the driver "sqlserver"
)

const serverVariable = "DOVETAIL_TEST_MSSQL_URL"

// needServer skips, loudly, what runs in SQL Server only.
func needServer(t *testing.T) string {
	t.Helper()
	address := os.Getenv(serverVariable)
	if address == "" {
		t.Skipf("SKIPPED: set %s to a sqlserver:// URL of a login that may create databases to run the cases in SQL Server", serverVariable)
	}
	return address
}

var serverDatabases atomic.Int64 //nolint:gochecknoglobals // numbers the databases of a test run

// newServerDatabase makes a database in SQL Server, filled by a script for
// Postgres, and gives its URL.
func newServerDatabase(t *testing.T, script string) string {
	t.Helper()
	address := needServer(t)
	name := fmt.Sprintf("dovetail_integration_%d_%d", os.Getpid(), serverDatabases.Add(1))
	whole := context.WithoutCancel(t.Context())
	if err := runBatches(whole, address, "CREATE DATABASE ["+name+"]"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := runBatches(whole, address, "ALTER DATABASE ["+name+"] SET SINGLE_USER WITH ROLLBACK IMMEDIATE", "DROP DATABASE ["+name+"]"); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set("database", name)
	u.RawQuery = query.Encode()
	if err := runBatches(t.Context(), u.String(), translated(script)); err != nil {
		t.Fatal(err)
	}
	return u.String()
}

func runBatches(ctx context.Context, address string, batches ...string) error {
	pool, err := sql.Open("sqlserver", address)
	if err != nil {
		return err
	}
	for _, batch := range batches {
		if _, err := pool.ExecContext(ctx, batch); err != nil {
			return errors.Join(fmt.Errorf("%w in %s", err, batch), pool.Close())
		}
	}
	return pool.Close()
}

var (
	sqlText  = regexp.MustCompile(`'(?:[^']|'')*'`)
	sqlWords = regexp.MustCompile(`\b(?:text|boolean|timestamp|uuid|true|false)\b`)
)

// translated is a case's script as T-SQL. Texts compare by their code units, so
// that letter case counts as it does elsewhere.
func translated(script string) string {
	words := map[string]string{
		"text": "nvarchar(100) COLLATE Latin1_General_100_BIN2", "boolean": "bit", "timestamp": "datetime2", "uuid": "uniqueidentifier",
		"true": "1", "false": "0",
	}
	plain := func(text string) string {
		return sqlWords.ReplaceAllStringFunc(text, func(word string) string { return words[word] })
	}
	var out strings.Builder
	at := 0
	for _, place := range sqlText.FindAllStringIndex(script, -1) {
		out.WriteString(plain(script[at:place[0]]) + "N" + script[place[0]:place[1]])
		at = place[1]
	}
	return out.String() + plain(script[at:])
}

func TestScriptsAreTranslated(t *testing.T) {
	t.Parallel()
	got := translated(`CREATE TABLE a (b text, c boolean); INSERT INTO a VALUES ('it''s text', true), ('', false);`)
	want := `CREATE TABLE a (b nvarchar(100) COLLATE Latin1_General_100_BIN2, c bit); INSERT INTO a VALUES (N'it''s text', 1), (N'', 0);`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
