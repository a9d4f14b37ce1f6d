package plan

// Insert writes new rows. Rows that bring rows of related tables along are
// written one by one, with what belongs to them; all others at once.
type Insert struct {
	Into *Table
	// Restricted tells that a role other than admin writes: Check must be set.
	Restricted bool
	// Columns that any row gives a value for, presets included.
	Columns []Column
	// Rows are the new rows, unless Each is set.
	Rows []*InsertRow
	// Each makes a row of every object of a list whose objects all have the same
	// members.
	Each *InsertEach
	// Identity is the column that numbers the rows otherwise, if the rows or what
	// they come along with give values for it; else it is empty.
	Identity string
	// Check must hold of every new row; nil is true.
	Check    Predicate
	Conflict *Conflict
	// Output is nil for rows that are written along with others. Aside are all
	// columns of their table then, for databases that set written rows aside.
	Output *MutationOutput
	Aside  []Column
	// Location is where the rows stand in the operation, for errors:
	// $.selectionSet.insert_author.args.objects.
	Location string
}

// InsertRow is one new row.
type InsertRow struct {
	// Values are in the order of the insert's Columns; nil is the column's default.
	Values []Value
	// Before are rows that the row refers to, After rows that refer to it.
	Before, After []*NestedInsert
	Location      string
}

// InsertEach makes rows of a list in a variable.
type InsertEach struct {
	List Value
	// Members are in the order of the insert's Columns. Columns without one, which
	// are presets, have the same value in every row.
	Members []InsertMember
}

// InsertMember is a member of each object of a list, or (without a name) a
// value.
type InsertMember struct {
	Name  string
	Value Value
}

// NestedInsert writes related rows along with a row.
type NestedInsert struct {
	Relationship string
	// Keys pair the row's columns with those of the related rows.
	Keys   []KeyPair
	Insert *Insert
	// Missing is the message if the rows that this depends on were not written;
	// Location is where it belongs.
	Missing, Location string
}

// KeyPair is a column of a row and the column of the related rows that equals
// it.
type KeyPair struct{ Row, Related Column }

// Conflict says what becomes of new rows that violate a constraint.
type Conflict struct {
	Constraint string
	// Match are the columns in which a new row equals the present one that it
	// meets, where there is no constraint; without any it meets none.
	Match []Column
	// Set is what the present row gets instead; empty: the new row is dropped.
	Set []ConflictColumn
	// Where and Permit tell which present rows are updated, the user's and the
	// role's; Check must hold of the updated row.
	Where, Permit, Check Predicate
}

// ConflictColumn gets the value that the new row has, or (when set) Value.
type ConflictColumn struct {
	Column Column
	Value  Value
}

// Update changes rows.
type Update struct {
	Rows
	// Set may be empty: nothing is changed then.
	Set []Assignment
	// Check must hold of every changed row; nil is true.
	Check  Predicate
	Output *MutationOutput
}

// Updates are updates that run one after another; the value is the list of
// their outputs.
type Updates struct {
	List []*Update
	// Output is that of all of them.
	Output *MutationOutput
}

// Assignment changes one column.
type Assignment struct {
	Column   Column
	Operator AssignmentOperator
	Value    Value
}

// AssignmentOperator says how a column's new value is made.
type AssignmentOperator string

// The assignment operators, by v2's names.
const (
	AssignSet          AssignmentOperator = "_set"
	AssignIncrement    AssignmentOperator = "_inc"
	AssignAppend       AssignmentOperator = "_append"
	AssignPrepend      AssignmentOperator = "_prepend"
	AssignDeleteKey    AssignmentOperator = "_delete_key"
	AssignDeleteElem   AssignmentOperator = "_delete_elem"
	AssignDeleteAtPath AssignmentOperator = "_delete_at_path"
)

// Delete removes rows.
type Delete struct {
	Rows
	Output *MutationOutput
}

func (*Insert) query()  {}
func (*Update) query()  {}
func (*Updates) query() {}
func (*Delete) query()  {}

// MutationOutput is what a mutation answers: an object about all rows, or the
// one row itself (null without any).
type MutationOutput struct {
	// One: Row are the fields of the row.
	One    bool
	Row    []Field
	Fields []MutationField
	// Columns are all columns of the table, for databases that set written rows
	// aside.
	Columns []Column
}

// MutationField is one response field of a mutation.
//
//sumtype:decl
type MutationField interface{ mutationField() }

// AffectedRows writes the number of rows written.
type AffectedRows struct{ Key string }

// Returning writes the rows as they are after the mutation.
type Returning struct {
	Key    string
	Fields []Field
}

// MutationStatic writes JSON known when the plan is made (__typename).
type MutationStatic struct {
	Key  string
	JSON []byte
}

func (*AffectedRows) mutationField()   {}
func (*Returning) mutationField()      {}
func (*MutationStatic) mutationField() {}
