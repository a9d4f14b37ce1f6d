package postgres

import (
	"testing"

	"dovetail/sources/sourcetest"
)

func suite(config Config) sourcetest.Harness {
	return sourcetest.Harness{
		Open: func(t *testing.T) sourcetest.Database {
			t.Helper()
			config.URL = newDatabase(t)
			return open(t, config)
		},
		Schema: "public",
		Types: map[sourcetest.Logical]string{
			sourcetest.Smallint: "smallint", sourcetest.Integer: "integer", sourcetest.Bigint: "bigint", sourcetest.Numeric: "numeric(12, 2)", sourcetest.Double: "double precision",
			sourcetest.Text: "text", sourcetest.Boolean: "boolean", sourcetest.Timestamp: "timestamp", sourcetest.TimestampTZ: "timestamptz",
			sourcetest.Date: "date", sourcetest.Time: "time", sourcetest.UUID: "uuid", sourcetest.JSON: "json", sourcetest.JSONB: "jsonb",
		},
		SlowSQL: "SELECT 1 AS id, pg_sleep(30)",
	}
}

func TestSource(t *testing.T) { sourcetest.Run(t, suite(Config{})) }

// TestSourceWithoutPreparedStatements is how it runs behind a pooler of
// transactions.
func TestSourceWithoutPreparedStatements(t *testing.T) {
	sourcetest.Run(t, suite(Config{Preparing: PrepareNever}))
}
