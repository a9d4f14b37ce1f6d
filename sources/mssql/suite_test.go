package mssql

import (
	"strings"
	"testing"

	"dovetail/sources/sourcetest"
)

// slowSQL counts for hours.
const slowSQL = `SELECT COUNT_BIG(*) AS [id] FROM sys.all_columns AS a CROSS JOIN sys.all_columns AS b CROSS JOIN sys.all_columns AS c CROSS JOIN sys.all_columns AS d`

// TestSource runs the suite of all sources. It knows no uniqueidentifier, whose
// digits SQL Server writes in capitals as v2 does, no datetimeoffset, which
// keeps its offset, and no JSON.
func TestSource(t *testing.T) {
	t.Parallel()
	serverURL(t)
	sourcetest.Run(t, sourcetest.Harness{
		Open: func(t *testing.T) sourcetest.Database {
			t.Helper()
			return openDatabase(t)
		},
		Types: map[sourcetest.Logical]string{
			sourcetest.Smallint: "tinyint", sourcetest.Integer: "int", sourcetest.Bigint: "bigint", sourcetest.Numeric: "decimal(12,2)", sourcetest.Double: "float",
			sourcetest.Text: "nvarchar(200) COLLATE Latin1_General_100_BIN2", sourcetest.Boolean: "bit",
			sourcetest.Timestamp: "datetime2", sourcetest.Date: "date", sourcetest.Time: "time",
		},
		Schema:     defaultSchema,
		Quote:      func(text string) string { return "N'" + strings.ReplaceAll(text, "'", "''") + "'" },
		PaddedText: true, PlainBackslash: true,
		SlowSQL: slowSQL,
	})
}
