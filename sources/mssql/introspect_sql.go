package mssql

import (
	"database/sql"
	"strings"
)

// catalogQuery is a batch that asks the catalog, and who reads its results, in
// the order of its statements.
type catalogQuery struct {
	text    string
	readers []func(*sql.Rows) error
	// undo forgets what was read before the batch failed; nil: nothing need be.
	undo func()
}

// essentials are what a source can't be served without. Servers that only speak
// T-SQL know no hidden columns.
func (i *introspector) essentials(hidden bool) catalogQuery {
	text := essentials
	if !hidden {
		text = strings.NewReplacer(" AND c.is_hidden = 0", "", " OR c.generated_always_type <> 0", "").Replace(text)
	}
	return catalogQuery{text: text, readers: []func(*sql.Rows) error{i.readTable, i.readColumn, i.readKey, i.readForeignKey}}
}

// extras are what a source is served without where the catalog lacks it, or
// where the login may not see it.
func (i *introspector) extras() []catalogQuery {
	return []catalogQuery{
		{text: functionsSQL, readers: []func(*sql.Rows) error{i.readFunction, i.readParameter}, undo: func() {
			clear(i.functions)
			i.database.Functions = nil
		}},
		{text: sizesSQL, readers: []func(*sql.Rows) error{i.readSize}},
		{text: commentsSQL, readers: []func(*sql.Rows) error{i.readComment}},
	}
}

// probeSQL fails in databases whose compatibility level hides OPENJSON, which
// sets of keys and lists are read with.
const probeSQL = "SELECT [value] FROM OPENJSON(N'[1]')"

// essentials reads tables, columns and keys. The types of columns are written
// as declarations; alias types are taken as what they stand for.
const essentials = `
SELECT CAST(o.object_id AS bigint), s.name, o.name, RTRIM(o.type)
FROM sys.objects AS o
JOIN sys.schemas AS s ON s.schema_id = o.schema_id
WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0
ORDER BY s.name, o.name;

SELECT CAST(c.object_id AS bigint), c.column_id, c.name,
  CASE WHEN t.is_user_defined = 1 AND t.is_assembly_type = 0 THEN TYPE_NAME(t.system_type_id) ELSE t.name END,
  CAST(c.max_length AS int), CAST(c.precision AS int), CAST(c.scale AS int),
  NULLIF(c.collation_name, CAST(DATABASEPROPERTYEX(DB_NAME(), 'Collation') AS nvarchar(128))), c.is_nullable,
  CASE WHEN c.default_object_id <> 0 OR c.is_identity = 1 THEN 1 ELSE 0 END,
  CASE WHEN c.is_computed = 1 OR c.generated_always_type <> 0 OR t.name = N'timestamp' THEN 1 ELSE 0 END,
  CAST(c.is_identity AS int), c.collation_name
FROM sys.columns AS c
JOIN sys.objects AS o ON o.object_id = c.object_id
JOIN sys.types AS t ON t.user_type_id = c.user_type_id
WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0 AND c.is_hidden = 0
ORDER BY c.object_id, c.column_id;

SELECT CAST(i.object_id AS bigint), i.name, i.is_primary_key, c.name
FROM sys.indexes AS i
JOIN sys.objects AS o ON o.object_id = i.object_id
JOIN sys.index_columns AS ic ON ic.object_id = i.object_id AND ic.index_id = i.index_id AND ic.is_included_column = 0 AND ic.key_ordinal > 0
JOIN sys.columns AS c ON c.object_id = ic.object_id AND c.column_id = ic.column_id
WHERE i.is_unique = 1 AND i.has_filter = 0 AND i.is_disabled = 0 AND i.is_hypothetical = 0 AND o.type IN ('U', 'V') AND o.is_ms_shipped = 0
ORDER BY i.object_id, i.is_primary_key DESC, i.index_id, ic.key_ordinal;

SELECT CAST(f.parent_object_id AS bigint), f.name, ts.name, t.name, c.name, tc.name
FROM sys.foreign_keys AS f
JOIN sys.foreign_key_columns AS fc ON fc.constraint_object_id = f.object_id
JOIN sys.columns AS c ON c.object_id = fc.parent_object_id AND c.column_id = fc.parent_column_id
JOIN sys.columns AS tc ON tc.object_id = fc.referenced_object_id AND tc.column_id = fc.referenced_column_id
JOIN sys.objects AS t ON t.object_id = f.referenced_object_id
JOIN sys.schemas AS ts ON ts.schema_id = t.schema_id
ORDER BY f.parent_object_id, f.name, f.object_id, fc.constraint_column_id;
`

const functionsSQL = `
SELECT CAST(o.object_id AS bigint), s.name, o.name
FROM sys.objects AS o
JOIN sys.schemas AS s ON s.schema_id = o.schema_id
WHERE o.type IN ('IF', 'TF', 'FT') AND o.is_ms_shipped = 0
ORDER BY s.name, o.name;

SELECT CAST(a.object_id AS bigint), a.name,
  CASE WHEN t.is_user_defined = 1 AND t.is_assembly_type = 0 THEN TYPE_NAME(t.system_type_id) ELSE t.name END,
  CAST(a.max_length AS int), CAST(a.precision AS int), CAST(a.scale AS int)
FROM sys.parameters AS a
JOIN sys.objects AS o ON o.object_id = a.object_id
JOIN sys.types AS t ON t.user_type_id = a.user_type_id
WHERE o.type IN ('IF', 'TF', 'FT') AND o.is_ms_shipped = 0 AND a.parameter_id > 0
ORDER BY a.object_id, a.parameter_id;
`

// sizesSQL estimates how many rows tables have.
const sizesSQL = `
SELECT CAST(p.object_id AS bigint), SUM(CAST(p.rows AS bigint))
FROM sys.partitions AS p
WHERE p.index_id IN (0, 1)
GROUP BY p.object_id;
`

const commentsSQL = `
SELECT CAST(p.major_id AS bigint), CAST(p.minor_id AS int), CAST(p.value AS nvarchar(max))
FROM sys.extended_properties AS p
WHERE p.class = 1 AND p.name = N'MS_Description';
`
