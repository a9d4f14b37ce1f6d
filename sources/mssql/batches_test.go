package mssql

import (
	"fmt"
	"strings"
	"testing"
)

func TestBatchesOfScripts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ script, want string }{
		{"SELECT 1", `["SELECT 1"×1]`},
		{"SELECT 1\nGO\nSELECT 2", `["SELECT 1\n"×1 "SELECT 2"×1]`},
		{"SELECT 1\r\n  go 3 -- again\r\nSELECT 2\r\nGo", `["SELECT 1\r\n"×3 "SELECT 2\r\n"×1]`},
		{"GO\n\nGO\nSELECT 1\n/* end */ GO /* x */\n", `["SELECT 1\n"×1]`},
		{"SELECT '\nGO\n', [\nGO\n], \"\nGO\n\" /*\nGO\n*/\nGO", `["SELECT '\nGO\n', [\nGO\n], \"\nGO\n\" /*\nGO\n*/\n"×1]`},
		{"SELECT 1 AS GO\nGO x\nGO 1 2\nGOTO a", `["SELECT 1 AS GO\nGO x\nGO 1 2\nGOTO a"×1]`},
		{"-- GO\nSELECT 1 -- \nGO\nSELECT 2", `["-- GO\nSELECT 1 -- \n"×1 "SELECT 2"×1]`},
		{"SELECT 1\nGO 0\nSELECT 2", `["SELECT 1\n"×0 "SELECT 2"×1]`},
		{"", `[""×1]`},
	} {
		found, err := batches(c.script)
		if err != nil {
			t.Errorf("%q: %v", c.script, err)
		}
		var parts []string
		for _, b := range found {
			parts = append(parts, fmt.Sprintf("%q×%d", b.text, b.times))
		}
		if got := "[" + strings.Join(parts, " ") + "]"; got != c.want {
			t.Errorf("%q: got %s, want %s", c.script, got, c.want)
		}
	}
	if _, err := batches("SELECT 1\nGO 1000000"); err == nil {
		t.Error("a batch may run a million times")
	}
}
