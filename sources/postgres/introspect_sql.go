package postgres

// introspection is sent at once and answers with one result per statement. The
// transaction makes them see the same state of the catalog.
const introspection = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
` + introspectionBody + `
COMMIT`

// introspectionInside is the same inside of a transaction that has begun.
const introspectionInside = `SELECT 1;
` + introspectionBody + `
SELECT 1`

// introspectionBody leaves out the rows that a foreign key to a partitioned table
// has for each partition: the key is the one that they belong to. The keys of a
// partition itself belong to those of another table.
const introspectionBody = `SELECT current_setting('TimeZone'), current_setting('extra_float_digits');
SELECT t.oid, n.nspname, t.typname, t.typtype, t.typcategory, t.typelem, t.typlen, t.typbasetype, t.typrelid, t.typnotnull
FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace;
SELECT c.oid, n.nspname, c.relname, c.relkind, coalesce(d.description, ''),
	CASE WHEN c.relkind IN ('v', 'f') THEN pg_catalog.pg_relation_is_updatable(c.oid, true) ELSE 0 END,
	CASE WHEN c.relkind IN ('r', 'm', 'f', 'p') THEN c.reltuples::int8 ELSE -1 END
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_description d ON d.objoid = c.oid AND d.classoid = 'pg_catalog.pg_class'::regclass AND d.objsubid = 0
WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') AND ` + userSchema + `
ORDER BY n.nspname, c.relname;
SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.attnotnull, a.atthasdef, a.attidentity, a.attgenerated, coalesce(d.description, ''),
	coalesce((pg_catalog.to_jsonb(co) ->> 'collisdeterministic') = 'false', false)
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_description d ON d.objoid = c.oid AND d.classoid = 'pg_catalog.pg_class'::regclass AND d.objsubid = a.attnum
LEFT JOIN pg_catalog.pg_collation co ON co.oid = a.attcollation
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'v', 'm', 'f', 'p') AND ` + userSchema + `
ORDER BY a.attrelid, a.attnum;
SELECT k.conrelid, k.conname, k.contype, array_to_string(k.conkey, ' '), k.confrelid, array_to_string(k.confkey, ' ')
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype IN ('p', 'u', 'f') AND ` + userSchema + ` AND NOT EXISTS (
	SELECT FROM pg_catalog.pg_constraint w WHERE w.oid = k.conparentid AND w.conrelid = k.conrelid)
ORDER BY k.conrelid, k.conname;
SELECT n.nspname, p.proname, coalesce(d.description, ''), p.provolatile, p.prokind, p.pronargdefaults, p.proretset, p.prorettype,
	p.provariadic, array_to_string(p.proargtypes::oid[], ' '), coalesce(array_to_string(p.proargmodes, ' '), ''),
	coalesce(to_json(p.proargnames)::text, '[]'),
	count(*) OVER (PARTITION BY p.pronamespace, p.proname)
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
LEFT JOIN pg_catalog.pg_description d ON d.objoid = p.oid AND d.classoid = 'pg_catalog.pg_proc'::regclass AND d.objsubid = 0
WHERE p.prokind <> 'p' AND ` + userSchema + ` AND NOT EXISTS (
	SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 'pg_catalog.pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e')
ORDER BY n.nspname, p.proname, p.oid;`

// userSchema leaves out the schemas that belong to the database itself and to
// the engine's own bookkeeping.
const userSchema = `n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'hdb_catalog')`

// The positions of the results of the introspection.
const (
	resultSettings = iota + 1
	resultTypes
	resultTables
	resultColumns
	resultConstraints
	resultFunctions
	resultCount = resultFunctions + 2
)

// The bits of pg_relation_is_updatable.
const (
	updatableBit  = 1 << 2
	insertableBit = 1 << 3
	deletableBit  = 1 << 4
)
