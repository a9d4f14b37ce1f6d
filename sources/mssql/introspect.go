package mssql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"dovetail/sources"
)

// Introspect reads what the database contains.
func (s *Source) Introspect(ctx context.Context) (*sources.Database, error) {
	database, err := introspect(ctx, s.pool)
	if err != nil && ctx.Err() == nil && retryableFailure(err) {
		s.forget()
		database, err = introspect(ctx, s.pool)
	}
	return database, err
}

// retryableFailure tells whether a failure was one of the connection alone.
func retryableFailure(err error) bool {
	var known *sources.Error
	return errors.As(err, &known) && known.Cause != nil && retryable(known.Cause)
}

func introspect(ctx context.Context, q querier) (database *sources.Database, err error) {
	rows, err := q.QueryContext(ctx, introspection)
	if err != nil {
		return nil, failure(ctx, err, introspection)
	}
	defer closeRows(rows, &err)
	i := &introspector{
		tables: map[int64]*sources.Table{}, functions: map[int64]*sources.Function{}, database: &sources.Database{},
	}
	if err := i.read(rows); err != nil {
		return nil, failure(ctx, err, introspection)
	}
	return i.database, nil
}

// introspector collects what the catalog says.
type introspector struct {
	database  *sources.Database
	tables    map[int64]*sources.Table
	functions map[int64]*sources.Function
}

func (i *introspector) read(rows *sql.Rows) error {
	readers := [resultCount]func(*sql.Rows) error{
		resultTables: i.readTable, resultColumns: i.readColumn, resultKeys: i.readKey,
		resultForeignKeys: i.readForeignKey, resultFunctions: i.readFunction, resultParameters: i.readParameter,
	}
	for at, read := range readers {
		for rows.Next() {
			if err := read(rows); err != nil {
				return fmt.Errorf("the database's catalog could not be read: %w", err)
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
		if at < resultCount-1 && !rows.NextResultSet() {
			return errors.Join(fmt.Errorf("the introspection gave %d results instead of %d", at+1, resultCount), rows.Err())
		}
	}
	return nil
}

func (i *introspector) readTable(rows *sql.Rows) error {
	t := &sources.Table{Kind: sources.KindTable, Insertable: true, Updatable: true, Deletable: true}
	var kind string
	var comment sql.NullString
	var estimate sql.NullInt64
	if err := rows.Scan(&t.ObjectID, &t.Schema, &t.Name, &kind, &comment, &estimate); err != nil {
		return err
	}
	t.EstimatedRows = estimate.Int64
	if strings.TrimSpace(kind) == "V" {
		t.Kind = sources.KindView
	}
	t.Comment = comment.String
	i.tables[t.ObjectID] = t
	i.database.Tables = append(i.database.Tables, t)
	return nil
}

// catalogType is a type as the catalog describes it.
type catalogType struct {
	name                     string
	length, precision, scale int
	collation                sql.NullString
}

// declared is the type as it would be declared.
func (c *catalogType) declared() sqlType {
	t := sqlType{base: strings.ToLower(c.name)}
	if s, ok := synonyms[t.base]; ok {
		t.base = s
	}
	t.collation = c.collation.String
	switch t.base {
	case typeNchar, typeNvarchar:
		t.length = c.length
		if t.length > 0 {
			t.length /= 2 // counted in bytes
		}
	case typeChar, typeVarchar, typeBinary, typeVarbinary:
		t.length = c.length
	case typeDecimal, typeNumeric:
		t.precision, t.scale = c.precision, c.scale
	case typeTime, typeDatetime2, typeDatetimeoffset:
		t.scale, t.scaled = c.scale, true
	}
	return t
}

func (i *introspector) readColumn(rows *sql.Rows) error {
	var table int64
	var t catalogType
	var comment sql.NullString
	var hasDefault, generated int
	c := &sources.Column{}
	err := rows.Scan(&table, &c.Position, &c.Name, &t.name, &t.length, &t.precision, &t.scale, &t.collation, &c.Nullable,
		&hasDefault, &generated, &comment)
	if err != nil {
		return err
	}
	c.HasDefault, c.Generated, c.Comment = hasDefault != 0, generated != 0, comment.String
	c.Type = typeOf(t.declared())
	if found, ok := i.tables[table]; ok {
		found.Columns = append(found.Columns, c)
	}
	return nil
}

func (i *introspector) readKey(rows *sql.Rows) error {
	var table int64
	var name, column string
	var primary bool
	if err := rows.Scan(&table, &name, &primary, &column); err != nil {
		return err
	}
	t, ok := i.tables[table]
	if !ok {
		return nil
	}
	var key *sources.Key
	switch last := len(t.UniqueKeys) - 1; {
	case primary:
		if t.PrimaryKey == nil {
			t.PrimaryKey = &sources.Key{Name: name}
		}
		key = t.PrimaryKey
	case last >= 0 && t.UniqueKeys[last].Name == name:
		key = t.UniqueKeys[last]
	default:
		key = &sources.Key{Name: name}
		t.UniqueKeys = append(t.UniqueKeys, key)
	}
	key.Columns = append(key.Columns, column)
	return nil
}

func (i *introspector) readForeignKey(rows *sql.Rows) error {
	var table int64
	var name, schema, target, column, targetColumn string
	if err := rows.Scan(&table, &name, &schema, &target, &column, &targetColumn); err != nil {
		return err
	}
	t, ok := i.tables[table]
	if !ok {
		return nil
	}
	last := len(t.ForeignKeys) - 1
	if last < 0 || t.ForeignKeys[last].Name != name {
		t.ForeignKeys = append(t.ForeignKeys, &sources.ForeignKey{Name: name, TargetSchema: schema, TargetTable: target})
		last++
	}
	key := t.ForeignKeys[last]
	key.Columns = append(key.Columns, column)
	key.TargetColumns = append(key.TargetColumns, targetColumn)
	return nil
}

func (i *introspector) readFunction(rows *sql.Rows) error {
	f := &sources.Function{Volatility: sources.Stable, ReturnsSet: true, Overloads: 1, Plain: true}
	var id int64
	var comment sql.NullString
	if err := rows.Scan(&id, &f.Schema, &f.Name, &comment); err != nil {
		return err
	}
	f.Comment = comment.String
	i.functions[id] = f
	i.database.Functions = append(i.database.Functions, f)
	return nil
}

func (i *introspector) readParameter(rows *sql.Rows) error {
	var function int64
	var name string
	var t catalogType
	if err := rows.Scan(&function, &name, &t.name, &t.length, &t.precision, &t.scale); err != nil {
		return err
	}
	if f, ok := i.functions[function]; ok {
		f.Arguments = append(f.Arguments, sources.FunctionParameter{Name: strings.TrimPrefix(name, "@"), Type: typeOf(t.declared())})
	}
	return nil
}
