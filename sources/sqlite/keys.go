package sqlite

import (
	"slices"
	"strings"

	zombiezen "zombiezen.com/go/sqlite"

	"dovetail/sources"
)

// tableKeys tell by what the rows of tables are known, by name in lower case.
type tableKeys map[string]*tableKey

// tableKey is what rows of a table are known by.
type tableKey struct {
	// columns are the rowid's name, or the primary key of a table without one.
	columns []string
	rowid   bool
	// constraints are the columns of unique constraints by name.
	constraints map[string][]string
}

const tablesSQL = `SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\'`

// withoutRowid lists the tables, and says which have no rowid.
func (c *connection) withoutRowid() (map[string]bool, error) {
	out := map[string]bool{}
	err := c.query(tablesSQL, nil, func(row *zombiezen.Stmt) error {
		out[row.ColumnText(0)] = row.ColumnBool(1)
		return nil
	})
	return out, err
}

// readKeys reads the keys of all tables.
func (c *connection) readKeys() (tableKeys, error) {
	without, err := c.withoutRowid()
	if err != nil {
		return nil, err
	}
	tables := make([]*sources.Table, 0, len(without))
	for name := range without {
		t := &sources.Table{Name: name, Kind: sources.KindTable}
		if err := c.introspectTable(t, without); err != nil {
			return nil, err
		}
		tables = append(tables, t)
	}
	return tableKeysOf(tables, without), nil
}

// tableKeysOf are the keys of tables that have been read; without says which of them have
// no rowid, and knows no views.
func tableKeysOf(tables []*sources.Table, without map[string]bool) tableKeys {
	out := tableKeys{}
	for _, t := range tables {
		withoutRowid, ok := without[t.Name]
		if !ok {
			continue
		}
		key := &tableKey{rowid: !withoutRowid, constraints: map[string][]string{}}
		if t.PrimaryKey != nil {
			key.constraints[t.PrimaryKey.Name] = t.PrimaryKey.Columns
		}
		for _, k := range t.UniqueKeys {
			key.constraints[k.Name] = k.Columns
		}
		if withoutRowid && t.PrimaryKey != nil {
			key.columns = t.PrimaryKey.Columns
		} else if name := rowidName(t); name != "" {
			key.columns = []string{name}
		}
		out[strings.ToLower(t.Name)] = key
	}
	return out
}

// rowidName is a name of the rowid that no column has; empty: there is none.
func rowidName(t *sources.Table) string {
	for _, name := range []string{"rowid", "_rowid_", "oid"} {
		if !slices.ContainsFunc(t.Columns, func(c *sources.Column) bool { return strings.EqualFold(c.Name, name) }) {
			return name
		}
	}
	return ""
}
