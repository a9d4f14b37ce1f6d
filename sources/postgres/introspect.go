package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"dovetail/internal/plan"
	"dovetail/sources"
)

// Introspect reads what the database contains.
func (s *Source) Introspect(ctx context.Context) (*sources.Database, error) {
	results, err := s.catalogRows(ctx)
	if err != nil {
		return nil, s.failure(ctx, err, introspection, nil)
	}
	i, err := readCatalog(results)
	if err != nil {
		return nil, err
	}
	s.settings.Store(&session{utc: utcZones[i.database.TimeZone], shortestFloats: i.shortestFloats})
	return i.database, nil
}

// readCatalog reads the results of the introspection.
func readCatalog(results []*pgconn.Result) (*introspector, error) {
	i := &introspector{types: map[string]*typeRow{}, tables: map[string]*tableRow{}, database: &sources.Database{}}
	for _, step := range []struct {
		result int
		read   func(fields) error
	}{
		{resultSettings, i.readSettings},
		{resultTypes, i.readType},
		{resultTables, i.readTable},
		{resultColumns, i.readColumn},
		{resultConstraints, i.readConstraint},
		{resultFunctions, i.readFunction},
	} {
		for _, row := range results[step.result].Rows {
			if err := step.read(row); err != nil {
				return nil, &sources.Error{
					Code: sources.CodeUnexpected, Message: "the database's catalog could not be read", Internal: err.Error(), Cause: err,
				}
			}
		}
	}
	return i, nil
}

func (s *Source) catalogRows(ctx context.Context) ([]*pgconn.Result, error) {
	c, err := s.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Release()
	return catalogResults(ctx, c.Conn().PgConn(), introspection)
}

func catalogResults(ctx context.Context, c *pgconn.PgConn, query string) ([]*pgconn.Result, error) {
	results, err := c.Exec(ctx, query).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(results) != resultCount {
		return nil, fmt.Errorf("the introspection gave %d results instead of %d", len(results), resultCount)
	}
	return results, nil
}

// fields is a row of the catalog as text.
type fields [][]byte

func (f fields) text(i int) string { return string(f[i]) }
func (f fields) bool(i int) bool   { return string(f[i]) == "t" }
func (f fields) words(i int) []string {
	return strings.Fields(string(f[i]))
}

func (f fields) number(i int) (int, error) { return strconv.Atoi(string(f[i])) }

// typeRow is a row of pg_type; OIDs stay text.
type typeRow struct {
	schema, name, kind, category    string
	element, length, base, tableOID string
	notNull, resolving, isResolved  bool
	resolved                        plan.Type
}

// tableRow is a table with its columns by number.
type tableRow struct {
	table   *sources.Table
	columns map[string]*sources.Column
}

type introspector struct {
	database       *sources.Database
	types          map[string]*typeRow
	tables         map[string]*tableRow
	shortestFloats bool
}

func (i *introspector) readSettings(f fields) error {
	i.database.TimeZone = f.text(0)
	digits, err := f.number(1)
	i.shortestFloats = digits > 0
	return err
}

func (i *introspector) readType(f fields) error {
	i.types[f.text(0)] = &typeRow{
		schema: f.text(1), name: f.text(2), kind: f.text(3), category: f.text(4),
		element: f.text(5), length: f.text(6), base: f.text(7), tableOID: f.text(8), notNull: f.bool(9),
	}
	return nil
}

// typeOf describes a type by its OID.
func (i *introspector) typeOf(oid string) (plan.Type, error) {
	row, ok := i.types[oid]
	if !ok {
		return plan.Type{}, fmt.Errorf("the catalog lacks the type with the OID %s", oid)
	}
	if row.isResolved {
		return row.resolved, nil
	}
	if row.resolving {
		return plan.Type{}, fmt.Errorf("the type %q is made of itself", row.name)
	}
	row.resolving = true
	defer func() { row.resolving = false }()
	t := scalarType(row.schema, row.name)
	switch {
	case row.kind == "d":
		base, err := i.typeOf(row.base)
		if err != nil {
			return t, err
		}
		t.Class, t.Element, t.Base = base.Class, base.Element, &base
	case row.kind == "e":
		t.Class = plan.ClassEnum
	case row.kind == "c":
		t.Class, t.Scalar = plan.ClassComposite, row.name+"_scalar"
	case row.category == "A" && row.element != "0" && row.length == "-1":
		element, err := i.typeOf(row.element)
		if err != nil {
			return t, err
		}
		t.Class, t.Element, t.Scalar = plan.ClassArray, &element, element.Scalar
	}
	row.resolved, row.isResolved = t, true
	return t, nil
}

func (i *introspector) readTable(f fields) error {
	t := &sources.Table{Schema: f.text(1), Name: f.text(2), Comment: f.text(4)}
	bits, err := f.number(5)
	if err != nil {
		return err
	}
	if t.ObjectID, err = strconv.ParseInt(f.text(0), 10, 64); err != nil {
		return err
	}
	if t.EstimatedRows, err = strconv.ParseInt(f.text(6), 10, 64); err != nil {
		return err
	}
	t.Insertable, t.Updatable, t.Deletable = bits&insertableBit != 0, bits&updatableBit != 0, bits&deletableBit != 0
	switch f.text(3) {
	case "v":
		t.Kind = sources.KindView
	case "m":
		t.Kind = sources.KindMaterializedView
	case "f":
		t.Kind = sources.KindForeignTable
	default:
		t.Kind = sources.KindTable
		t.Insertable, t.Updatable, t.Deletable = true, true, true
	}
	i.tables[f.text(0)] = &tableRow{table: t, columns: map[string]*sources.Column{}}
	i.database.Tables = append(i.database.Tables, t)
	return nil
}

func (i *introspector) readColumn(f fields) error {
	row, ok := i.tables[f.text(0)]
	if !ok {
		return nil
	}
	t, err := i.typeOf(f.text(3))
	if err != nil {
		return err
	}
	identity, generated := f.text(6), f.text(7)
	c := &sources.Column{
		Name: f.text(2), Type: t, Equality: equalityOf(t, f.bool(9)), Comment: f.text(8),
		Nullable:   !f.bool(4) && !i.types[f.text(3)].notNull,
		HasDefault: f.bool(5) || identity != "",
		Generated:  identity == "a" || generated != "",
	}
	if c.Position, err = f.number(1); err != nil {
		return err
	}
	row.columns[f.text(1)] = c
	row.table.Columns = append(row.table.Columns, c)
	return nil
}

// equalityOf says which texts of a column are equal. Collations that don't
// compare bytes depend on the version of a library, citext on the database.
func equalityOf(t plan.Type, nondeterministic bool) plan.Equality {
	t = t.Underlying()
	name, system := systemName(t)
	switch {
	case t.Class != plan.ClassText:
		return plan.EqualityBytes
	case nondeterministic, !system && t.Name == "citext":
		return plan.EqualityOwn
	case system && name == "bpchar":
		return plan.EqualityPadded
	}
	return plan.EqualityBytes
}

func (i *introspector) readConstraint(f fields) error {
	row, ok := i.tables[f.text(0)]
	if !ok {
		return nil
	}
	columns, err := row.names(f.words(3))
	if err != nil {
		return err
	}
	key := &sources.Key{Name: f.text(1), Columns: columns}
	switch f.text(2) {
	case "p":
		row.table.PrimaryKey = key
	case "u":
		row.table.UniqueKeys = append(row.table.UniqueKeys, key)
	default:
		target, ok := i.tables[f.text(4)]
		if !ok {
			return nil // a table that isn't shown
		}
		targetColumns, err := target.names(f.words(5))
		if err != nil {
			return err
		}
		row.table.ForeignKeys = append(row.table.ForeignKeys, &sources.ForeignKey{
			Name: key.Name, Columns: columns,
			TargetSchema: target.table.Schema, TargetTable: target.table.Name, TargetColumns: targetColumns,
		})
	}
	return nil
}

func (r *tableRow) names(numbers []string) ([]string, error) {
	names := make([]string, len(numbers))
	for i, n := range numbers {
		c, ok := r.columns[n]
		if !ok {
			return nil, fmt.Errorf("the table %q lacks the column number %s", r.table.Name, n)
		}
		names[i] = c.Name
	}
	return names, nil
}

func (i *introspector) readFunction(f fields) error {
	out := &sources.Function{
		Schema: f.text(0), Name: f.text(1), Comment: f.text(2), ReturnsSet: f.bool(6), Variadic: f.text(8) != "0", Plain: f.text(4) == "f",
	}
	switch f.text(3) {
	case "i":
		out.Volatility = sources.Immutable
	case "s":
		out.Volatility = sources.Stable
	default:
		out.Volatility = sources.Volatile
	}
	var err error
	if out.Defaults, err = f.number(5); err != nil {
		return err
	}
	if out.Overloads, err = f.number(12); err != nil {
		return err
	}
	if out.Returns, err = i.typeOf(f.text(7)); err != nil {
		return err
	}
	out.ReturnsTableSchema, out.ReturnsTable = i.tableOf(f.text(7))
	var names []string
	if err := json.Unmarshal(f[11], &names); err != nil {
		return err
	}
	if out.Arguments, err = i.parameters(f.words(9), f.words(10), names); err != nil {
		return err
	}
	i.database.Functions = append(i.database.Functions, out)
	return nil
}

// parameters are a function's input arguments. Names and modes are listed for
// output arguments too, types here are not.
func (i *introspector) parameters(types, modes, names []string) ([]sources.FunctionParameter, error) {
	var inputs []string
	for at, name := range names {
		if at >= len(modes) || modes[at] == "i" || modes[at] == "b" || modes[at] == "v" {
			inputs = append(inputs, name)
		}
	}
	var out []sources.FunctionParameter
	for at, oid := range types {
		t, err := i.typeOf(oid)
		if err != nil {
			return nil, err
		}
		p := sources.FunctionParameter{Type: t}
		if at < len(inputs) {
			p.Name = inputs[at]
		}
		p.TableSchema, p.Table = i.tableOf(oid)
		out = append(out, p)
	}
	return out, nil
}

// tableOf names the table whose row type a type is.
func (i *introspector) tableOf(typeOID string) (schema, name string) {
	row, ok := i.types[typeOID]
	if !ok {
		return "", ""
	}
	t, ok := i.tables[row.tableOID]
	if !ok {
		return "", ""
	}
	return t.table.Schema, t.table.Name
}
