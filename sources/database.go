package sources

import "dovetail/internal/plan"

// Database is what introspection finds in a source.
type Database struct {
	Tables    []*Table
	Functions []*Function
	// TimeZone is the zone in which the database shows timestamps with time
	// zone.
	TimeZone string
}

// RelationKind tells tables, views and their likes apart.
type RelationKind string

// The kinds of relations.
const (
	KindTable            RelationKind = "table"
	KindView             RelationKind = "view"
	KindMaterializedView RelationKind = "materialized view"
	KindForeignTable     RelationKind = "foreign table"
)

// Table is a table or view as introspected. Names are unquoted.
type Table struct {
	Schema, Name string
	// ObjectID stays the same when the table is renamed; 0 when the database has
	// no such thing.
	ObjectID int64
	Kind     RelationKind
	Comment  string
	Columns  []*Column
	// EstimatedRows is what the database's statistics say; 0 or less: unknown.
	EstimatedRows int64
	// PrimaryKey is nil without one.
	PrimaryKey *Key
	// UniqueKeys are unique constraints other than the primary key.
	UniqueKeys  []*Key
	ForeignKeys []*ForeignKey
	// Insertable, Updatable and Deletable tell what a view lets through; true
	// for tables.
	Insertable, Updatable, Deletable bool
}

// Column is a column as introspected.
type Column struct {
	Name string
	// Position stays the same when the column is renamed; 0 when the database
	// can't tell.
	Position int
	Type     plan.Type
	// Equality says which texts of the column are equal.
	Equality plan.Equality
	Nullable bool
	Comment  string
	// HasDefault: an insert may leave the column out.
	HasDefault bool
	// Generated columns (computed, identity always) can't be written.
	Generated bool
	// Identity columns number the rows; new rows may bring their number along,
	// but updates can't change it.
	Identity bool
}

// Key is a primary key or unique constraint.
type Key struct {
	Name    string
	Columns []string
}

// ForeignKey is a foreign key constraint; Columns[i] references
// TargetColumns[i].
type ForeignKey struct {
	Name          string
	Columns       []string
	TargetSchema  string
	TargetTable   string
	TargetColumns []string
}

// Column finds a column by name.
func (t *Table) Column(name string) (*Column, bool) {
	for _, c := range t.Columns {
		if c.Name == name {
			return c, true
		}
	}
	return nil, false
}

// Volatility of a function as its database declares it.
type Volatility string

// The volatilities.
const (
	Immutable Volatility = "immutable"
	Stable    Volatility = "stable"
	Volatile  Volatility = "volatile"
)

// Function is a function as introspected.
type Function struct {
	Schema, Name string
	Comment      string
	Volatility   Volatility
	Arguments    []FunctionParameter
	// Defaults is the number of trailing arguments that may be left out.
	Defaults   int
	ReturnsSet bool
	// Returns is the result's type; ReturnsTable names the table whose row type
	// it is, when it is one.
	Returns            plan.Type
	ReturnsTableSchema string
	ReturnsTable       string
	// Overloads is the number of functions that share the name.
	Overloads int
	Variadic  bool
	// Aggregate and window functions can't be tracked.
	Plain bool
}

// FunctionParameter is an input argument; Table names the table whose row type
// it is, when it is one.
type FunctionParameter struct {
	Name        string
	Type        plan.Type
	TableSchema string
	Table       string
}
