package mssql

import (
	"fmt"
	"testing"
)

func TestCommonTables(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"SELECT 1":                              `"" SELECT 1`,
		"SELECT 1 ; -- the end\n;":              `"" SELECT 1`,
		"SELECT ';' --":                         `"" SELECT ';'`,
		"/* WITH /* a */ */ SELECT 1":           `"" /* WITH /* a */ */ SELECT 1`,
		"with a as (select 1) select * from a;": `"WITH a as (select 1)\n" select * from a`,
		"WITH [a]]b] (x, y) AS (SELECT ')', [)] FROM \"(\"), c AS (SELECT N'(''' /* ) /* */ ( */)\n-- x\nSELECT 1": `"WITH [a]]b] (x, y) AS (SELECT ')', [)] FROM \"(\"),` +
			`\nc AS (SELECT N'(''' /* ) /* */ ( */)\n" SELECT 1`,
		// What is no list of common tables is left to the database.
		"WITH XMLNAMESPACES ('u' AS n) SELECT 1": `"" WITH XMLNAMESPACES ('u' AS n) SELECT 1`,
		"WITH a AS (SELECT 1":                    `"" WITH a AS (SELECT 1`,
		"WITH":                                   `"" WITH`,
		"WITHOUT a":                              `"" WITHOUT a`,
		"":                                       `"" `,
		"'":                                      `"" '`,
		"/*":                                     `"" `,
		"WITH č AS (SELECT 1) SELECT * FROM č":   `"WITH č AS (SELECT 1)\n" SELECT * FROM č`,
	} {
		before, derived := (&Source{}).DerivedSQL(query)
		if got := fmt.Sprintf("%q %s", before, derived); got != want {
			t.Errorf("%q: got  %s\nwant %s", query, got, want)
		}
	}
}

// FuzzCommonTables takes any text apart without losing its tokens.
func FuzzCommonTables(f *testing.F) {
	for _, seed := range []string{"WITH a AS (SELECT 1) SELECT 2", "[", "'", "/*", "--", "N'", "\xff", "WITH a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for at := 0; at < len(text); {
			_, end := token(text, at)
			if end <= at || end > len(text) {
				t.Fatalf("%q: a token from %d to %d", text, at, end)
			}
			at = end
		}
		tables, rest := splitWith(trimEnd(text))
		if len(tables) == 0 && rest != trimEnd(text) {
			t.Fatalf("%q became %q", text, rest)
		}
	})
}
