package demo

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// makeDatabase makes a database unless the file exists. It becomes visible only
// when it is complete, whatever interrupts the work and whoever else does it at
// the same time.
func makeDatabase(ctx context.Context, path, script string) (err error) {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	unfinished := file.Name()
	defer func() {
		if removed := os.Remove(unfinished); !errors.Is(removed, fs.ErrNotExist) {
			err = errors.Join(err, removed)
		}
	}()
	if err := errors.Join(file.Chmod(0o644), file.Close()); err != nil {
		return err
	}
	if err := runScript(ctx, unfinished, script); err != nil {
		return err
	}
	return os.Rename(unfinished, path)
}

func runScript(ctx context.Context, path, script string) (err error) {
	connection, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, connection.Close()) }()
	connection.SetInterrupt(ctx.Done())
	return sqlitex.ExecuteScript(connection, script, nil)
}
