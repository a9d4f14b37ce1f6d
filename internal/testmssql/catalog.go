package testmssql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sqlc-dev/teesql/ast"
	"github.com/sqlc-dev/teesql/parser"

	"dovetail/internal/plan"
	"dovetail/sources"
)

// Catalog is what a database contains after the definitions it was given. It
// knows the statements that make, change, rename and drop tables; all others
// change nothing.
type Catalog struct {
	// ParseType reads the declaration of a type; nil takes it for the type's name.
	ParseType func(string) plan.Type

	tables []*sources.Table
	id     int64
	text   string
}

// ServerError is an error as a server numbers it.
type ServerError struct {
	Number  int32
	Message string
}

func (e *ServerError) Error() string { return fmt.Sprintf("%d: %s", e.Number, e.Message) }

// Database is what the catalog holds, in the order in which it was made.
func (c *Catalog) Database() *sources.Database { return &sources.Database{Tables: c.tables} }

// Run runs the definitions of a batch.
func (c *Catalog) Run(ctx context.Context, batch string) error {
	script, err := parser.Parse(ctx, strings.NewReader(batch))
	if err != nil {
		return err
	}
	c.text = batch
	for _, b := range script.Batches {
		for _, statement := range b.Statements {
			if err := c.statement(statement); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Catalog) statement(statement ast.Statement) error {
	switch s := statement.(type) {
	case *ast.CreateTableStatement:
		return c.create(s)
	case *ast.CreateIndexStatement:
		return c.index(s)
	case *ast.AlterTableAddTableElementStatement:
		t, err := c.table(s.SchemaObjectName)
		if err != nil {
			return err
		}
		return c.define(t, s.Definition)
	case *ast.AlterTableDropTableElementStatement:
		return c.dropColumns(s)
	case *ast.DropTableStatement:
		return c.drop(s)
	case *ast.ExecuteStatement:
		return c.rename(s)
	}
	return nil
}

func nameOf(n *ast.SchemaObjectName) (schema, name string) {
	schema = "dbo"
	if n.SchemaIdentifier != nil {
		schema = n.SchemaIdentifier.Value
	}
	return schema, n.BaseIdentifier.Value
}

func (c *Catalog) find(schema, name string) (*sources.Table, bool) {
	for _, t := range c.tables {
		if t.Schema == schema && t.Name == name {
			return t, true
		}
	}
	return nil, false
}

func (c *Catalog) table(n *ast.SchemaObjectName) (*sources.Table, error) {
	schema, name := nameOf(n)
	if t, ok := c.find(schema, name); ok {
		return t, nil
	}
	return nil, &ServerError{4902, fmt.Sprintf("Cannot find the object %q because it does not exist or you do not have permissions.", name)}
}

func (c *Catalog) create(s *ast.CreateTableStatement) error {
	schema, name := nameOf(s.SchemaObjectName)
	if _, ok := c.find(schema, name); ok {
		return &ServerError{2714, "There is already an object named '" + name + "' in the database."}
	}
	c.id++
	t := &sources.Table{Schema: schema, Name: name, ObjectID: c.id, Kind: sources.KindTable, Insertable: true, Updatable: true, Deletable: true}
	c.tables = append(c.tables, t)
	return c.define(t, s.Definition)
}

func (c *Catalog) define(t *sources.Table, d *ast.TableDefinition) error {
	for _, column := range d.ColumnDefinitions {
		if err := c.column(t, column); err != nil {
			return err
		}
	}
	for _, constraint := range d.TableConstraints {
		if node, ok := constraint.(ast.Node); ok {
			c.constraint(t, "", node)
		}
	}
	return nil
}

func (c *Catalog) column(t *sources.Table, d *ast.ColumnDefinition) error {
	column := &sources.Column{Name: d.ColumnIdentifier.Value, Position: 1, Nullable: true}
	if n := len(t.Columns); n > 0 {
		column.Position = t.Columns[n-1].Position + 1
	}
	t.Columns = append(t.Columns, column)
	column.HasDefault = d.DefaultConstraint != nil || d.IdentityOptions != nil
	column.Generated, column.Identity = d.ComputedColumnExpression != nil, d.IdentityOptions != nil
	if d.DataType == nil {
		column.Type = c.typed("int") // a computed one
	} else {
		located, ok := d.DataType.(interface{ Frag() *ast.Fragment })
		if !ok {
			return errors.New("the type of the column " + column.Name + " has no place")
		}
		f := located.Frag()
		declaration := c.text[f.StartOffset : f.StartOffset+f.FragmentLength]
		if d.Collation != nil {
			declaration += " COLLATE " + d.Collation.Value
		}
		column.Type = c.typed(declaration)
	}
	column.Generated = column.Generated || column.Type.Name == "timestamp" || column.Type.Name == "rowversion"
	for _, constraint := range d.Constraints {
		if n, ok := constraint.(*ast.NullableConstraintDefinition); ok {
			column.Nullable = n.Nullable
			continue
		}
		c.constraint(t, column.Name, constraint)
	}
	return nil
}

func (c *Catalog) typed(declaration string) plan.Type {
	if c.ParseType == nil {
		return plan.Type{Name: declaration}
	}
	return c.ParseType(declaration)
}

func (c *Catalog) constraint(t *sources.Table, column string, node ast.Node) {
	switch d := node.(type) {
	case *ast.UniqueConstraintDefinition:
		key := &sources.Key{Name: t.Name + "_key", Columns: sorted(d.Columns)}
		if column != "" {
			key.Columns = []string{column}
		}
		if !d.IsPrimaryKey {
			t.UniqueKeys = append(t.UniqueKeys, key)
			return
		}
		t.PrimaryKey = key
		for _, name := range key.Columns {
			if found, ok := t.Column(name); ok {
				found.Nullable = false
			}
		}
	case *ast.ForeignKeyConstraintDefinition:
		schema, name := nameOf(d.ReferenceTableName)
		key := &sources.ForeignKey{
			Name: fmt.Sprintf("%s_fk%d", t.Name, len(t.ForeignKeys)), TargetSchema: schema, TargetTable: name,
			Columns: identifiers(d.Columns), TargetColumns: identifiers(d.ReferencedColumns),
		}
		if column != "" {
			key.Columns = []string{column}
		}
		t.ForeignKeys = append(t.ForeignKeys, key)
	}
}

func sorted(columns []*ast.ColumnWithSortOrder) []string {
	var out []string
	for _, c := range columns {
		parts := c.Column.MultiPartIdentifier.Identifiers
		out = append(out, parts[len(parts)-1].Value)
	}
	return out
}

func identifiers(all []*ast.Identifier) []string {
	var out []string
	for _, i := range all {
		out = append(out, i.Value)
	}
	return out
}

func (c *Catalog) index(s *ast.CreateIndexStatement) error {
	t, err := c.table(s.OnName)
	if err != nil || !s.Unique || s.FilterPredicate != nil {
		return err
	}
	t.UniqueKeys = append(t.UniqueKeys, &sources.Key{Name: s.Name.Value, Columns: sorted(s.Columns)})
	return nil
}

func (c *Catalog) dropColumns(s *ast.AlterTableDropTableElementStatement) error {
	t, err := c.table(s.SchemaObjectName)
	if err != nil {
		return err
	}
	for _, e := range s.AlterTableDropTableElements {
		at := slices.IndexFunc(t.Columns, func(x *sources.Column) bool { return x.Name == e.Name.Value })
		switch {
		case e.TableElementType == "Constraint":
		case at < 0:
			return &ServerError{4924, "ALTER TABLE DROP COLUMN failed because column '" + e.Name.Value + "' does not exist in table '" + t.Name + "'."}
		default:
			t.Columns = slices.Delete(t.Columns, at, at+1)
		}
	}
	return nil
}

func (c *Catalog) drop(s *ast.DropTableStatement) error {
	for _, object := range s.Objects {
		schema, name := nameOf(object)
		found, ok := c.find(schema, name)
		if !ok && !s.IsIfExists {
			return &ServerError{3701, "Cannot drop the table '" + name + "', because it does not exist or you do not have permission."}
		}
		c.tables = slices.DeleteFunc(c.tables, func(t *sources.Table) bool { return t == found })
	}
	return nil
}

// rename follows EXEC sp_rename 'schema.old', 'new', of tables and, with a third
// argument, of columns.
func (c *Catalog) rename(s *ast.ExecuteStatement) error {
	call, ok := s.ExecuteSpecification.ExecutableEntity.(*ast.ExecutableProcedureReference)
	if !ok || call.ProcedureReference.ProcedureReference == nil {
		return nil
	}
	if _, name := nameOf(call.ProcedureReference.ProcedureReference.Name); name != "sp_rename" || len(call.Parameters) < 2 {
		return nil
	}
	var words []string
	for _, p := range call.Parameters {
		literal, ok := p.ParameterValue.(*ast.StringLiteral)
		if !ok {
			return errors.New("sp_rename takes texts here")
		}
		words = append(words, literal.Value)
	}
	parts := strings.Split(words[0], ".")
	column := ""
	if len(words) == 3 && strings.EqualFold(words[2], "COLUMN") {
		column, parts = parts[len(parts)-1], parts[:len(parts)-1]
	}
	if len(parts) == 1 {
		parts = append([]string{"dbo"}, parts...)
	}
	t, ok := c.find(parts[0], parts[1])
	if !ok {
		return &ServerError{15225, "No item by the name of '" + words[0] + "' could be found in the current database."}
	}
	if column == "" {
		t.Name = words[1]
		return nil
	}
	if found, ok := t.Column(column); ok {
		found.Name = words[1]
	}
	return nil
}

// clone is a copy that further definitions leave as it is.
func (c *Catalog) clone() *Catalog {
	out := *c
	out.tables = nil
	for _, t := range c.tables {
		table := *t
		table.Columns = nil
		for _, column := range t.Columns {
			copied := *column
			table.Columns = append(table.Columns, &copied)
		}
		table.UniqueKeys, table.ForeignKeys = slices.Clone(t.UniqueKeys), slices.Clone(t.ForeignKeys)
		out.tables = append(out.tables, &table)
	}
	return &out
}
