package testpostgres_test

import (
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"dovetail/internal/testpostgres"
)

func TestDatabaseIsFreshAndDropped(t *testing.T) {
	var address string
	t.Run("inner", func(t *testing.T) {
		address = testpostgres.Database(t)
		connection, err := pgx.Connect(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		// Left open on purpose: dropping must not mind.
		if _, err := connection.Exec(t.Context(), "CREATE TABLE a (b int)"); err != nil {
			t.Fatal(err)
		}
	})
	parsed, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	connection, err := pgx.Connect(t.Context(), testpostgres.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := connection.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	var count int
	row := connection.QueryRow(t.Context(), "SELECT count(*) FROM pg_database WHERE datname = $1", strings.TrimPrefix(parsed.Path, "/"))
	if err := row.Scan(&count); err != nil {
		t.Fatal(err)
	}
	if count != 0 {
		t.Errorf("database %s is still there", parsed.Path)
	}
}

func TestStopLeavesNothing(t *testing.T) {
	folder := t.TempDir()
	if os.Geteuid() == 0 {
		// The server runs as another user and must be able to reach its folder.
		var err error
		if folder, err = os.MkdirTemp("", "testpostgres-"); err != nil { //nolint:usetesting // t.TempDir is closed to other users
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := os.RemoveAll(folder); err != nil {
				t.Error(err)
			}
		})
		if err := os.Chmod(folder, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("TMPDIR", folder)
	begin := time.Now()
	server, err := testpostgres.Start(t.Context())
	if err != nil {
		if strings.Contains(err.Error(), testpostgres.ErrNoBinaries.Error()) {
			t.Skipf("SKIPPED, NOT TESTED: %v", err)
		}
		t.Fatal(err)
	}
	t.Logf("started in %s", time.Since(begin))
	connection, err := pgx.Connect(t.Context(), server.URL())
	if err != nil {
		t.Fatal(err)
	}
	if err := connection.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if err := server.Stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	left, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}
