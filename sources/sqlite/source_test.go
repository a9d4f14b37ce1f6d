package sqlite_test

import (
	"path/filepath"
	"testing"

	"dovetail/sources/sourcetest"
	"dovetail/sources/sqlite"
)

func open(t *testing.T, config sqlite.Config) *sqlite.Source {
	t.Helper()
	if config.Path == "" {
		config.Path, config.Create = filepath.Join(t.TempDir(), "test.db"), true
	}
	s, err := sqlite.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

var portableTypes = map[sourcetest.Logical]string{
	sourcetest.Smallint: "SMALLINT", sourcetest.Integer: "INTEGER", sourcetest.Bigint: "BIGINT", sourcetest.Numeric: "NUMERIC(12, 2)",
	sourcetest.Double: "DOUBLE PRECISION", sourcetest.Text: "TEXT", sourcetest.Boolean: "BOOLEAN",
	sourcetest.Timestamp: "TIMESTAMP", sourcetest.TimestampTZ: "TIMESTAMPTZ", sourcetest.Date: "DATE",
	sourcetest.Time: "TIME", sourcetest.UUID: "UUID", sourcetest.JSON: "JSON", sourcetest.JSONB: "JSONB",
}

const slowSQL = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) SELECT max(i) AS id FROM n`

func TestSource(t *testing.T) {
	sourcetest.Run(t, sourcetest.Harness{
		Open: func(t *testing.T) sourcetest.Database {
			t.Helper()
			return open(t, sqlite.Config{})
		},
		Types: portableTypes, SlowSQL: slowSQL,
	})
}
