package plan

// Cardinality says whether a selection yields at most one row or a list.
type Cardinality string

// The cardinalities.
const (
	One  Cardinality = "one"
	Many Cardinality = "many"
)

// Selection reads rows of a relation in one source. As a fragment's query its
// value is a JSON object (or null) for One and a JSON array for Many.
type Selection struct {
	Rows
	Fields []Field
	Card   Cardinality
}

// Rows says which rows are read and in which order.
type Rows struct {
	From Relation
	// On ties the rows to the enclosing selection (nested) or to the fragment's
	// binding set; all pairs are ANDed.
	On []Correlation
	// Where is what the user asked for; nil is true.
	Where Predicate
	// Permit is the role's row filter, always present for a restricted role.
	// It is kept apart from Where so that explain and tests can show it.
	Permit Predicate
	// Restricted tells that a role other than admin reads: Permit must be set.
	Restricted bool
	OrderBy    []Order
	DistinctOn []Column
	// DistinctTexts tells values apart by the texts that keys travel as, where
	// the columns of DistinctOn would take different texts for equal.
	DistinctTexts bool
	// DistinctGuards[i] nulls DistinctOn[i] unless it holds (inherited roles);
	// empty, or nil in a place: no guard.
	DistinctGuards []Predicate
	Limit          Value // nil: none
	Offset         Value // nil: none
	// PermitLimit is the role's row limit; the smaller of it and Limit holds.
	// Negative: none.
	PermitLimit int
}

// DistinctGuard is the guard of a distinct column, nil for none.
func (r *Rows) DistinctGuard(i int) Predicate { return guardOf(r.DistinctGuards, i) }

// guardOf is the guard at a place of a list that may be shorter.
func guardOf(guards []Predicate, i int) Predicate {
	if i < len(guards) {
		return guards[i]
	}
	return nil
}

// Correlation is one equality between a column of the rows and either a column
// of the enclosing selection or a column of the binding set.
type Correlation struct {
	Column Column
	// Outer is the enclosing selection's column; used when Binding is negative.
	Outer Column
	// Binding is an index into Fragment.Bindings, or -1.
	Binding int
}

// Relation is what rows are read from.
//
//sumtype:decl
type Relation interface{ relation() }

// Table is a table or view.
type Table struct {
	Schema, Name string
	// UniqueKeys are the column sets (primary key first) that identify a row;
	// sources use them to join instead of to look up.
	UniqueKeys [][]string
	// PrimaryKey columns in key order, empty without one.
	PrimaryKey []Column
}

// FunctionCall is a set-returning function read as a relation.
type FunctionCall struct {
	Schema, Name string
	Arguments    []FunctionArgument
	// SingleRow functions return one composite value instead of a set.
	SingleRow bool
	// Results are the columns that a stored procedure answers with, in order;
	// empty for functions. Arguments of a procedure are passed by name.
	Results []Column
}

// FunctionArgument is one argument of a function call: a value, or (when
// Row is set) the enclosing selection's whole row.
type FunctionArgument struct {
	Name string // empty: positional
	// Position is the argument's place among those that the function declares.
	Position int
	Type     Type
	Row      bool
	// Session passes all session variables as one JSON object.
	Session bool
	Value   Value
}

// NativeQuery is SQL written by the metadata's author; Parts alternates text
// and arguments, so user data is only ever a parameter.
type NativeQuery struct {
	Name  string
	Parts []NativeQueryPart
}

// NativeQueryPart is SQL text, or an argument when Value is set.
type NativeQueryPart struct {
	SQL   string
	Type  Type
	Value Value
}

func (*Table) relation()        {}
func (*FunctionCall) relation() {}
func (*NativeQuery) relation()  {}

// Column is a column as a source knows it.
type Column struct {
	Name     string
	Type     Type
	Nullable bool
	// Equality says which of its texts are equal.
	Equality Equality
}

// Field is one response field of a selection, in response order.
//
//sumtype:decl
type Field interface{ field() }

// ColumnField writes a column's value.
type ColumnField struct {
	Key    string
	Column Column
	// JSONPath digs into a json or jsonb column; empty is the whole value.
	JSONPath []string
	// Stringify writes numbers as JSON strings.
	Stringify bool
	// UpperCase writes text in upper case: values of enum tables, which are ASCII
	// names, under the naming convention graphql-default.
	UpperCase bool
	// Guard nulls the cell unless it holds (inherited roles); nil: no guard.
	Guard Predicate
}

// ComputedField writes the scalar that a function computes of the row.
type ComputedField struct {
	Key       string
	Call      *FunctionCall
	Type      Type
	JSONPath  []string
	Stringify bool
	Guard     Predicate
}

// NestedField writes related rows of the same source: a list for Many, an
// object or null for One. Fields of a One relation that must exist may be
// nulled by the target's permission all the same.
type NestedField struct {
	Key          string
	Relationship string
	Selection    *Selection
	Guard        Predicate
}

// NestedAggregateField writes an aggregation over related rows.
type NestedAggregateField struct {
	Key          string
	Relationship string
	Aggregation  *Aggregation
	Guard        Predicate
}

// HoleField leaves a hole that a join fills.
type HoleField struct {
	Key  string
	Join *Join
}

// StaticField writes JSON known when the plan is made (__typename).
type StaticField struct {
	Key  string
	JSON []byte
}

// GroupField writes an object made of fields of the same row (relay's edges
// and nodes, namespaces of columns).
type GroupField struct {
	Key    string
	Fields []Field
}

func (*ColumnField) field()          {}
func (*ComputedField) field()        {}
func (*NestedField) field()          {}
func (*NestedAggregateField) field() {}
func (*HoleField) field()            {}
func (*StaticField) field()          {}
func (*GroupField) field()           {}

// Aggregation reads aggregates (and rows) of a relation. Its value is one
// object per binding row. PermitLimit applies to nodes only; Limit, Offset,
// DistinctOn and OrderBy apply to aggregates and nodes.
type Aggregation struct {
	Rows
	Fields []AggregateField
}

// AggregateField is one response field of an aggregation.
//
//sumtype:decl
type AggregateField interface{ aggregateField() }

// AggregateGroup writes the object of aggregate functions.
type AggregateGroup struct {
	Key   string
	Items []AggregateItem
}

// AggregateNodes writes the rows themselves as a list.
type AggregateNodes struct {
	Key    string
	Fields []Field
}

// AggregateStatic writes JSON known when the plan is made (__typename).
type AggregateStatic struct {
	Key  string
	JSON []byte
}

func (*AggregateGroup) aggregateField()  {}
func (*AggregateNodes) aggregateField()  {}
func (*AggregateStatic) aggregateField() {}

// AggregateItem is one field of an AggregateGroup.
//
//sumtype:decl
type AggregateItem interface{ aggregateItem() }

// Count counts rows, or rows in which every one of Columns is not null, or
// distinct tuples of Columns.
type Count struct {
	Key      string
	Columns  []Column
	Distinct bool
	// Guards[i] nulls Columns[i] unless it holds (inherited roles); empty, or nil
	// in a place: no guard.
	Guards []Predicate
}

// Guard is the guard of a column, nil for none.
func (c *Count) Guard(i int) Predicate { return guardOf(c.Guards, i) }

// AggregateFunction writes an object with one value per column, null without
// rows: sum, avg, min, max, stddev, stddev_pop, stddev_samp, var_pop, var_samp,
// variance.
type AggregateFunction struct {
	Key     string
	Name    string
	Columns []AggregateColumn
}

// AggregateColumn is one value of an AggregateFunction. Exactly one of Column
// (by name), Computed and Static is used.
type AggregateColumn struct {
	Key       string
	Column    Column
	Computed  *FunctionCall
	Static    []byte
	Result    Type
	Stringify bool
	Guard     Predicate
}

// AggregateItemStatic writes JSON known when the plan is made (__typename).
type AggregateItemStatic struct {
	Key  string
	JSON []byte
}

func (*Count) aggregateItem()               {}
func (*AggregateFunction) aggregateItem()   {}
func (*AggregateItemStatic) aggregateItem() {}

// Order is one ordering key.
type Order struct {
	By         OrderKey
	Descending bool
	// Nulls places nulls; empty is the source kind's v2 default (Postgres: last
	// for ascending, first for descending).
	Nulls NullsOrder
}

// NullsOrder places nulls in an ordering.
type NullsOrder string

// The null placements.
const (
	NullsDefault NullsOrder = ""
	NullsFirst   NullsOrder = "first"
	NullsLast    NullsOrder = "last"
)

// OrderKey is what rows are ordered by.
//
//sumtype:decl
type OrderKey interface{ orderKey() }

// OrderColumn orders by a column of the rows.
type OrderColumn struct {
	Column Column
	// Guard nulls the column unless it holds (inherited roles); nil: no guard.
	Guard Predicate
}

// OrderComputed orders by a scalar function of the row.
type OrderComputed struct {
	// Name of the computed field.
	Name string
	Call *FunctionCall
	Type Type
	// Guard nulls the value unless it holds (inherited roles); nil: no guard.
	Guard Predicate
}

// OrderRelated orders by something of an object relationship's row.
type OrderRelated struct {
	Relationship string
	Target       Rows // From, On, Permit
	By           OrderKey
}

// OrderAggregate orders by an aggregate over related rows: Function is "count"
// (no column) or an aggregate function's name.
type OrderAggregate struct {
	Relationship string
	Target       Rows // From, On, Permit
	Function     string
	Column       Column
	Computed     *FunctionCall
	// Guard nulls the column unless it holds (inherited roles); nil: no guard.
	Guard Predicate
}

func (*OrderColumn) orderKey()    {}
func (*OrderComputed) orderKey()  {}
func (*OrderRelated) orderKey()   {}
func (*OrderAggregate) orderKey() {}
