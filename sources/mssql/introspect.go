package mssql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"dovetail/internal/plan"
	"dovetail/sources"
)

// Introspect reads what the database contains.
func (s *Source) Introspect(ctx context.Context) (*sources.Database, error) {
	database, err := s.probed(ctx)
	if err != nil && ctx.Err() == nil && retryableFailure(err) {
		s.forget()
		database, err = s.probed(ctx)
	}
	return database, err
}

// retryableFailure tells whether a failure was one of the connection alone.
func retryableFailure(err error) bool {
	var known *sources.Error
	return errors.As(err, &known) && known.Cause != nil && retryable(known.Cause)
}

// probed reads the catalog of a database that statements can run in.
func (s *Source) probed(ctx context.Context) (*sources.Database, error) {
	err := ask(ctx, s.pool, catalogQuery{text: probeSQL, readers: []func(*sql.Rows) error{func(*sql.Rows) error { return nil }}})
	if server, answered := serverError(err); answered && !connectionNumbers[server.Number] {
		return nil, &sources.Error{
			Code: sources.CodeNotSupported, Cause: err, Internal: detail(server, probeSQL),
			Message: "the database has no OPENJSON: SQL Server 2017 or later is needed, and a compatibility level of 130 or more " +
				"(ALTER DATABASE CURRENT SET COMPATIBILITY_LEVEL = 130)",
		}
	}
	if err != nil {
		return nil, failure(ctx, err, probeSQL)
	}
	return s.introspect(ctx, s.pool)
}

// What a server was found to lack is not asked of it again, least of all inside
// of a transaction.
const (
	lacksHiddenColumns uint32 = 1 << iota
	lacksExtra                // and the following bits
)

// introspect reads the catalog by a connection of the pool or in a transaction.
func (s *Source) introspect(ctx context.Context, q querier) (*sources.Database, error) {
	lacks := s.lacks.Load()
	i := newIntrospector()
	all := i.essentials(lacks&lacksHiddenColumns == 0)
	err := ask(ctx, q, all)
	if server, answered := serverError(err); answered && server.Number == noSuchColumn && lacks&lacksHiddenColumns == 0 {
		s.lacks.Or(lacksHiddenColumns)
		i = newIntrospector()
		all = i.essentials(false)
		err = ask(ctx, q, all)
	}
	if err != nil {
		return nil, failure(ctx, err, all.text)
	}
	for n, extra := range i.extras() {
		bit := lacksExtra << n
		if lacks&bit != 0 {
			continue
		}
		err := ask(ctx, q, extra)
		if server, answered := serverError(err); answered && ctx.Err() == nil && !connectionNumbers[server.Number] && !conflictNumbers[server.Number] {
			s.lacks.Or(bit)
			if extra.undo != nil {
				extra.undo()
			}
			continue
		}
		if err != nil {
			return nil, failure(ctx, err, extra.text)
		}
	}
	return i.database, nil
}

// noSuchColumn is the number of the error about a column that doesn't exist.
const noSuchColumn = 207

// ask reads the results of a batch.
func ask(ctx context.Context, q querier, c catalogQuery) (err error) {
	rows, err := q.QueryContext(ctx, c.text)
	if err != nil {
		return err
	}
	defer closeRows(rows, &err)
	for at, read := range c.readers {
		for rows.Next() {
			if err := read(rows); err != nil {
				return fmt.Errorf("the database's catalog could not be read: %w", err)
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
		if at < len(c.readers)-1 && !rows.NextResultSet() {
			return errors.Join(fmt.Errorf("the introspection gave %d results instead of %d", at+1, len(c.readers)), rows.Err())
		}
	}
	return nil
}

// introspector collects what the catalog says.
type introspector struct {
	database  *sources.Database
	tables    map[int64]*sources.Table
	functions map[int64]*sources.Function
}

func newIntrospector() *introspector {
	return &introspector{tables: map[int64]*sources.Table{}, functions: map[int64]*sources.Function{}, database: &sources.Database{}}
}

func (i *introspector) readTable(rows *sql.Rows) error {
	t := &sources.Table{Kind: sources.KindTable, Insertable: true, Updatable: true, Deletable: true}
	var kind string
	if err := rows.Scan(&t.ObjectID, &t.Schema, &t.Name, &kind); err != nil {
		return err
	}
	if strings.TrimSpace(kind) == "V" {
		t.Kind = sources.KindView
	}
	i.tables[t.ObjectID] = t
	i.database.Tables = append(i.database.Tables, t)
	return nil
}

func (i *introspector) readSize(rows *sql.Rows) error {
	var table int64
	var estimate sql.NullInt64
	if err := rows.Scan(&table, &estimate); err != nil {
		return err
	}
	if found, ok := i.tables[table]; ok {
		found.EstimatedRows = max(estimate.Int64, 0)
	}
	return nil
}

// readComment reads the description of a table, a column or a function.
func (i *introspector) readComment(rows *sql.Rows) error {
	var object int64
	var column int
	var comment sql.NullString
	if err := rows.Scan(&object, &column, &comment); err != nil {
		return err
	}
	if f, ok := i.functions[object]; ok && column == 0 {
		f.Comment = comment.String
	}
	t, ok := i.tables[object]
	switch {
	case !ok:
	case column == 0:
		t.Comment = comment.String
	default:
		for _, c := range t.Columns {
			if c.Position == column {
				c.Comment = comment.String
			}
		}
	}
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

// equalityOf says which texts of a column are equal: none compares bytes alone, since
// spaces at the end never count. A collation is the same in every server, but may
// have other rules for texts of code pages.
func equalityOf(t sqlType, collation string) plan.Equality {
	switch t.base {
	case typeChar, typeVarchar, typeText:
		if collation != "" {
			return plan.Equality("mssql code page " + collation)
		}
	case typeNchar, typeNvarchar, typeNtext:
		if collation != "" {
			return plan.Equality("mssql " + collation)
		}
	default:
		return plan.EqualityBytes
	}
	return plan.EqualityOwn
}

func (i *introspector) readColumn(rows *sql.Rows) error {
	var table int64
	var t catalogType
	var hasDefault, generated, identity int
	var collation sql.NullString
	c := &sources.Column{}
	err := rows.Scan(&table, &c.Position, &c.Name, &t.name, &t.length, &t.precision, &t.scale, &t.collation, &c.Nullable,
		&hasDefault, &generated, &identity, &collation)
	if err != nil {
		return err
	}
	c.HasDefault, c.Generated, c.Identity = hasDefault != 0, generated != 0, identity != 0
	c.Type, c.Equality = typeOf(t.declared()), equalityOf(t.declared(), collation.String)
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
	if err := rows.Scan(&id, &f.Schema, &f.Name); err != nil {
		return err
	}
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
