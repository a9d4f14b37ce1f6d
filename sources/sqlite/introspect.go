package sqlite

import (
	"context"
	"strconv"
	"strings"

	zombiezen "zombiezen.com/go/sqlite"

	"dovetail/sources"
)

const relationsSQL = `SELECT name, CASE WHEN name IN (SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'virtual')
THEN 'virtual' ELSE type END FROM sqlite_schema
WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\_%' ESCAPE '\'
AND NOT (type = 'table' AND name IN (SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow'))
ORDER BY name`

const columnsSQL = `SELECT name, type, "notnull", dflt_value IS NOT NULL, pk, hidden FROM pragma_table_xinfo(?1) ORDER BY cid`

const uniqueSQL = `SELECT l.name, i.name, l.origin = 'u' FROM pragma_index_list(?1) AS l CROSS JOIN pragma_index_info(l.name) AS i
WHERE l."unique" = 1 AND l.origin <> 'pk' AND l.partial = 0
AND NOT EXISTS (SELECT 1 FROM pragma_index_info(l.name) AS e WHERE e.name IS NULL)
ORDER BY l.seq DESC, i.seqno`

const foreignKeysSQL = `SELECT id, "table", "from", "to" FROM pragma_foreign_key_list(?1) ORDER BY id DESC, seq`

// statisticsSQL reads what ANALYZE found; the table exists only after one.
const statisticsSQL = `SELECT lower(tbl), max(CAST(stat AS INTEGER)) FROM sqlite_stat1 GROUP BY 1`

const analyzedSQL = `SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'`

// The values of table_xinfo's "hidden" column.
const (
	hiddenVirtualTable     = 1
	hiddenGeneratedVirtual = 2
	hiddenGeneratedStored  = 3
)

// Introspect reads the tables and views of the database.
func (s *Source) Introspect(ctx context.Context) (*sources.Database, error) {
	c, err := s.take(ctx)
	if err != nil {
		return nil, err
	}
	defer s.put(c)
	return s.introspect(c)
}

func (s *Source) introspect(c *connection) (*sources.Database, error) {
	out := &sources.Database{TimeZone: "UTC"}
	err := c.query(relationsSQL, nil, func(row *zombiezen.Stmt) error {
		kind := sources.KindTable
		if row.ColumnText(1) == "view" {
			kind = sources.KindView
		}
		// RETURNING is not for virtual tables.
		writable := row.ColumnText(1) == "table"
		out.Tables = append(out.Tables, &sources.Table{
			Name: row.ColumnText(0), Kind: kind, EstimatedRows: -1, Insertable: writable, Updatable: writable, Deletable: writable,
		})
		return nil
	})
	if err != nil {
		return nil, err
	}
	// pragma_table_list lists all tables whatever its condition says: it is read
	// once, not for each table.
	without, err := c.withoutRowid()
	if err != nil {
		return nil, err
	}
	for _, table := range out.Tables {
		if err := c.introspectTable(table, without); err != nil {
			return nil, err
		}
		if err := c.readEqualities(table); err != nil {
			return nil, err
		}
	}
	keys := tableKeysOf(out.Tables, without)
	resolveForeignKeys(out)
	if err := c.estimateRows(out); err != nil {
		return nil, err
	}
	return out, s.rememberIndexes(c, keys)
}

// estimateRows notes how many rows tables had when they were last analyzed.
func (c *connection) estimateRows(d *sources.Database) error {
	analyzed := false
	err := c.query(analyzedSQL, nil, func(*zombiezen.Stmt) error {
		analyzed = true
		return nil
	})
	if err != nil || !analyzed {
		return err
	}
	estimates := map[string]int64{}
	err = c.query(statisticsSQL, nil, func(row *zombiezen.Stmt) error {
		if row.ColumnType(1) != zombiezen.TypeNull {
			estimates[row.ColumnText(0)] = row.ColumnInt64(1)
		}
		return nil
	})
	for _, table := range d.Tables {
		if rows, ok := estimates[asciiLower(table.Name)]; ok {
			table.EstimatedRows = rows
		}
	}
	return err
}

// asciiLower is what SQLite's lower makes of a name.
func asciiLower(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r - 'A' + 'a'
		}
		return r
	}, name)
}

const indexesSQL = `SELECT m.name, i.name FROM sqlite_schema AS m CROSS JOIN pragma_index_list(m.name) AS l
CROSS JOIN pragma_index_info(l.name) AS i WHERE m.type = 'table' AND l.partial = 0 AND i.seqno = 0 AND i.name IS NOT NULL
UNION ALL SELECT m.name, c.name FROM sqlite_schema AS m CROSS JOIN pragma_table_info(m.name) AS c
WHERE m.type = 'table' AND c.pk = 1 AND c.type = 'INTEGER' COLLATE NOCASE`

// indexes are the tables' columns that an index begins with, in lower case.
type indexes map[[2]string]bool

func (i indexes) leads(table, column string) bool {
	return i[[2]string{strings.ToLower(table), strings.ToLower(column)}]
}

// readIndexes notes the indexes, by which Compile chooses how to look keys up.
func (s *Source) readIndexes(c *connection) error {
	keys, err := c.readKeys()
	if err != nil {
		return err
	}
	return s.rememberIndexes(c, keys)
}

// rememberIndexes reads the indexes and keeps them with the keys of the tables.
func (s *Source) rememberIndexes(c *connection, keys tableKeys) error {
	known := indexes{}
	err := c.query(indexesSQL, nil, func(row *zombiezen.Stmt) error {
		known[[2]string{strings.ToLower(row.ColumnText(0)), strings.ToLower(row.ColumnText(1))}] = true
		return nil
	})
	if err != nil {
		return err
	}
	s.known.Store(&known)
	s.keys.Store(&keys)
	return nil
}

// query runs SQL of this package.
func (c *connection) query(sql constant, arguments []string, yield func(row *zombiezen.Stmt) error) error {
	statement, err := c.statement(string(sql))
	if err != nil {
		return databaseError(err, string(sql))
	}
	defer func() { _ = statement.Reset() }() // reports the step's failure again
	for i, argument := range arguments {
		statement.BindText(i+1, argument)
	}
	for {
		more, err := statement.Step()
		if err != nil {
			return databaseError(err, string(sql))
		}
		if !more {
			return nil
		}
		if err := yield(statement); err != nil {
			return err
		}
	}
}

// introspectTable reads a table; without says which tables have no rowid.
func (c *connection) introspectTable(t *sources.Table, without map[string]bool) error {
	name := []string{t.Name}
	if err := c.introspectColumns(t, without); err != nil {
		// A view over a table that is gone, say, or a virtual table without
		// its module: the rest of the database can be served.
		if t.Kind == sources.KindView {
			t.Columns = nil
			return nil
		}
		return err
	}
	last, declared := "", map[string]bool{}
	err := c.query(uniqueSQL, name, func(row *zombiezen.Stmt) error {
		index, column := row.ColumnText(0), row.ColumnText(1)
		if n := len(t.UniqueKeys); n > 0 && index == last {
			t.UniqueKeys[n-1].Columns = append(t.UniqueKeys[n-1].Columns, column)
			return nil
		}
		last, declared[index] = index, row.ColumnBool(2)
		t.UniqueKeys = append(t.UniqueKeys, &sources.Key{Name: index, Columns: []string{column}})
		return nil
	})
	if err != nil {
		return err
	}
	nameConstraints(t, declared)
	reference := int64(-1)
	return c.query(foreignKeysSQL, name, func(row *zombiezen.Stmt) error {
		if id := row.ColumnInt64(0); id != reference {
			reference = id
			t.ForeignKeys = append(t.ForeignKeys, &sources.ForeignKey{TargetTable: row.ColumnText(1)})
		}
		key := t.ForeignKeys[len(t.ForeignKeys)-1]
		key.Columns = append(key.Columns, row.ColumnText(2))
		if !row.ColumnIsNull(3) {
			key.TargetColumns = append(key.TargetColumns, row.ColumnText(3))
		}
		return nil
	})
}

// nameConstraints names unique constraints of tables as Postgres does; SQLite
// has but numbers for them.
func nameConstraints(t *sources.Table, declared map[string]bool) {
	taken := map[string]bool{t.Name + "_pkey": true}
	for _, key := range t.UniqueKeys {
		taken[key.Name] = true
	}
	for _, key := range t.UniqueKeys {
		if !declared[key.Name] {
			continue
		}
		name := t.Name + "_" + strings.Join(key.Columns, "_") + "_key"
		for n := 1; taken[name]; n++ {
			name = t.Name + "_" + strings.Join(key.Columns, "_") + "_key" + strconv.Itoa(n)
		}
		key.Name, taken[name] = name, true
	}
}

func (c *connection) introspectColumns(t *sources.Table, without map[string]bool) error {
	var primary []string // by position in the key
	err := c.query(columnsSQL, []string{t.Name}, func(row *zombiezen.Stmt) error {
		hidden := row.ColumnInt(5)
		if hidden == hiddenVirtualTable {
			return nil
		}
		declared := row.ColumnText(1)
		generated := hidden == hiddenGeneratedVirtual || hidden == hiddenGeneratedStored
		if generated {
			declared = strings.TrimSuffix(strings.ToUpper(declared), "GENERATED ALWAYS")
		}
		position := row.ColumnInt(4)
		for len(primary) < position {
			primary = append(primary, "")
		}
		if position > 0 {
			primary[position-1] = row.ColumnText(0)
		}
		t.Columns = append(t.Columns, &sources.Column{
			Name: row.ColumnText(0), Type: typeOf(declared),
			Nullable:   !row.ColumnBool(2) && position == 0,
			HasDefault: row.ColumnBool(3) || generated, Generated: generated,
		})
		return nil
	})
	if err != nil || len(primary) == 0 {
		return err
	}
	t.PrimaryKey = &sources.Key{Name: t.Name + "_pkey", Columns: primary}
	if len(primary) > 1 {
		return nil
	}
	// INTEGER PRIMARY KEY is the rowid under another name: SQLite fills it in.
	if column, ok := t.Column(primary[0]); ok && !without[t.Name] && column.Type.Name == "INTEGER" {
		column.HasDefault = true
	}
	return nil
}

// resolveForeignKeys names keys and spells names as they were declared: SQLite
// compares them without regard to case, and a foreign key that names no columns
// means the primary key.
func resolveForeignKeys(d *sources.Database) {
	tables := make(map[string]*sources.Table, len(d.Tables))
	for _, t := range d.Tables {
		tables[strings.ToLower(t.Name)] = t
	}
	for _, t := range d.Tables {
		kept := t.ForeignKeys[:0]
		for _, key := range t.ForeignKeys {
			key.Columns = spelled(t, key.Columns)
			key.Name = t.Name + "_" + strings.Join(key.Columns, "_") + "_fkey"
			target, ok := tables[strings.ToLower(key.TargetTable)]
			if !ok {
				continue // dangling: SQLite lets the table be missing
			}
			key.TargetTable = target.Name
			if len(key.TargetColumns) == 0 && target.PrimaryKey != nil {
				key.TargetColumns = append(key.TargetColumns, target.PrimaryKey.Columns...)
			}
			key.TargetColumns = spelled(target, key.TargetColumns)
			if len(key.TargetColumns) == len(key.Columns) {
				kept = append(kept, key)
			}
		}
		t.ForeignKeys = kept
	}
}

func spelled(t *sources.Table, names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = name
		for _, column := range t.Columns {
			if strings.EqualFold(column.Name, name) {
				out[i] = column.Name
			}
		}
	}
	return out
}
