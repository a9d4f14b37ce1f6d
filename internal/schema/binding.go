package schema

import (
	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/plan"
)

// Binding is what a field of an output type stands for. Which of them may stand
// where depends on the type; whoever reads them refuses the others.
type Binding interface{ binding() }

// The bindings of output fields.
type (
	// RootRows selects rows of a table.
	RootRows struct{ Table *catalog.Table }
	// RootRow selects one row by its primary key.
	RootRow struct{ Table *catalog.Table }
	// RootAggregate aggregates rows of a table.
	RootAggregate struct{ Table *catalog.Table }
	// RootFunction calls a tracked function; Aggregate aggregates its rows.
	RootFunction struct {
		Function  *catalog.Function
		Aggregate bool
	}
	// RootNativeQuery reads a native query.
	RootNativeQuery struct{ Query *catalog.NativeQuery }
	// RootNamespace groups root fields; its type's fields are root fields.
	RootNamespace struct{}
	// RootRemote is a root field of a remote schema.
	RootRemote struct {
		Remote *catalog.RemoteSchema
		Field  *ast.FieldDefinition
	}
	// NoQueries is the placeholder of an empty schema.
	NoQueries struct{}

	// RootInsert inserts rows into a table, or one row.
	RootInsert struct {
		Table *catalog.Table
		One   bool
	}
	// RootUpdate updates rows of a table, or one row by its primary key.
	RootUpdate struct {
		Table *catalog.Table
		One   bool
	}
	// RootUpdateMany runs several updates of a table.
	RootUpdateMany struct{ Table *catalog.Table }
	// RootDelete deletes rows of a table, or one row by its primary key.
	RootDelete struct {
		Table *catalog.Table
		One   bool
	}
	// AffectedRows is the number of rows that a mutation wrote.
	AffectedRows struct{}
	// ReturnedRows are the rows that a mutation wrote.
	ReturnedRows struct{}

	// ColumnOf is a column of the row.
	ColumnOf struct {
		Column *catalog.Column
		Guard  plan.Predicate
	}
	// RelatedRows follows a relationship of the same source.
	RelatedRows struct{ Relationship *catalog.Relationship }
	// RelatedAggregate aggregates over a relationship of the same source.
	RelatedAggregate struct{ Relationship *catalog.Relationship }
	// RemoteRows follows a remote relationship to a table.
	RemoteRows struct{ Relationship *catalog.ToSource }
	// RemoteAggregate aggregates over a remote relationship to a table.
	RemoteAggregate struct{ Relationship *catalog.ToSource }
	// RemoteLookup follows a remote relationship to a remote schema.
	RemoteLookup struct {
		Relationship *catalog.ToRemoteSchema
		// Steps, and those of the list lookup, are as the role sees them; there may
		// be none of the latter.
		Steps, BatchSteps []catalog.RemoteStep
		// Entities tells that the role may ask for entities instead.
		Entities bool
	}
	// ComputedOf is a computed field of the row: a scalar, or rows.
	ComputedOf struct {
		Computed *catalog.ComputedField
		Guard    plan.Predicate
	}
	// NativeRelated follows a relationship between native queries.
	NativeRelated struct{ Relationship *catalog.NativeRelationship }

	// AggregateFields is the object of aggregate functions.
	AggregateFields struct{}
	// AggregateNodes is the list of rows of an aggregate.
	AggregateNodes struct{}
	// CountField counts.
	CountField struct{}
	// FunctionFields is the object of one aggregate function.
	FunctionFields struct{ Function string }
	// FunctionColumn is a column under an aggregate function.
	FunctionColumn struct {
		Column *catalog.Column
		Guard  plan.Predicate
	}

	// FunctionComputed is a scalar computed field under an aggregate function.
	FunctionComputed struct {
		Computed *catalog.ComputedField
		Guard    plan.Predicate
	}

	// RemoteFieldOf is a field of a remote type.
	RemoteFieldOf struct {
		Remote *catalog.RemoteSchema
		Field  *ast.FieldDefinition
	}
)

func (*RootRows) binding()         {}
func (*RootRow) binding()          {}
func (*RootAggregate) binding()    {}
func (*RootFunction) binding()     {}
func (*RootNativeQuery) binding()  {}
func (*RootNamespace) binding()    {}
func (*RootRemote) binding()       {}
func (*NoQueries) binding()        {}
func (*RootInsert) binding()       {}
func (*RootUpdate) binding()       {}
func (*RootUpdateMany) binding()   {}
func (*RootDelete) binding()       {}
func (*AffectedRows) binding()     {}
func (*ReturnedRows) binding()     {}
func (*ColumnOf) binding()         {}
func (*RelatedRows) binding()      {}
func (*RelatedAggregate) binding() {}
func (*RemoteRows) binding()       {}
func (*RemoteAggregate) binding()  {}
func (*RemoteLookup) binding()     {}
func (*ComputedOf) binding()       {}
func (*NativeRelated) binding()    {}
func (*AggregateFields) binding()  {}
func (*AggregateNodes) binding()   {}
func (*CountField) binding()       {}
func (*FunctionFields) binding()   {}
func (*FunctionColumn) binding()   {}
func (*FunctionComputed) binding() {}
func (*RemoteFieldOf) binding()    {}

// InputBinding is what an argument or a field of an input object stands for. As
// with bindings, where one stands tells which may come.
type InputBinding interface{ inputBinding() }

// The bindings of inputs.
type (
	// Argument is a named argument whose meaning its field knows.
	Argument struct{ Kind ArgumentKind }
	// BoolAnd is _and, BoolOr _or, BoolNot _not.
	BoolAnd struct{}
	// BoolOr is _or.
	BoolOr struct{}
	// BoolNot is _not.
	BoolNot struct{}
	// BoolColumn compares a column.
	BoolColumn struct {
		Column *catalog.Column
		Guard  plan.Predicate
	}
	// BoolComputed compares a computed field, or is a condition on its rows.
	BoolComputed struct {
		Computed *catalog.ComputedField
		Guard    plan.Predicate
	}
	// BoolRelated is a condition on related rows.
	BoolRelated struct{ Relationship *catalog.Relationship }
	// BoolAggregate is a condition on an aggregate of related rows.
	BoolAggregate struct{ Relationship *catalog.Relationship }
	// BoolRemote is a condition on the rows of a remote relationship.
	BoolRemote struct{ Relationship *catalog.ToSource }
	// BoolRemoteAggregate is a condition on an aggregate of a remote
	// relationship's rows.
	BoolRemoteAggregate struct{ Relationship *catalog.ToSource }
	// AggregatePredicate is one function of a BoolAggregate.
	AggregatePredicate struct{ Function string }
	// Compare is a comparison operator.
	Compare struct{ Operator plan.Operator }
	// CompareNull is _is_null.
	CompareNull struct{}
	// CompareCast is a cast of the column before comparing.
	CompareCast struct{ Type plan.Type }
	// OrderColumn orders by a column.
	OrderColumn struct {
		Column *catalog.Column
		Guard  plan.Predicate
	}
	// OrderComputed orders by a computed field.
	OrderComputed struct {
		Computed *catalog.ComputedField
		Guard    plan.Predicate
	}
	// OrderRelated orders by an object relationship's row.
	OrderRelated struct{ Relationship *catalog.Relationship }
	// OrderAggregate orders by an aggregate of an array relationship, or of a
	// computed field's rows.
	OrderAggregate struct {
		Relationship *catalog.Relationship
		Computed     *catalog.ComputedField
		// Remote: the rows that share a key of the relationship's target.
		Remote *catalog.ToSource
	}
	// OrderRemote orders by the row of a remote object relationship.
	OrderRemote struct{ Relationship *catalog.ToSource }
	// OrderRemoteAggregate orders by an aggregate of a remote relationship's rows.
	OrderRemoteAggregate struct{ Relationship *catalog.ToSource }
	// OrderCount orders by the count.
	OrderCount struct{}
	// OrderFunction orders by an aggregate function's column.
	OrderFunction struct{ Function string }
	// KeyColumn is a primary key argument.
	KeyColumn struct{ Column *catalog.Column }
	// FunctionArgument is an argument of a function, by index.
	FunctionArgument struct{ Index int }
	// WriteColumn is the new value of a column.
	WriteColumn struct{ Column *catalog.Column }
	// InsertRelated are related rows to insert along with a row.
	InsertRelated struct{ Relationship *catalog.Relationship }
	// Assignments are the columns that an operator changes.
	Assignments struct{ Operator plan.AssignmentOperator }
	// RemoteArgument is an argument or input field of a remote schema, by its
	// upstream definition.
	RemoteArgument struct{ Name string }
)

// ArgumentKind names the arguments of fields.
type ArgumentKind string

// The arguments of fields.
const (
	ArgWhere      ArgumentKind = "where"
	ArgOrderBy    ArgumentKind = "order_by"
	ArgLimit      ArgumentKind = "limit"
	ArgOffset     ArgumentKind = "offset"
	ArgDistinctOn ArgumentKind = "distinct_on"
	ArgColumns    ArgumentKind = "columns"
	ArgDistinct   ArgumentKind = "distinct"
	ArgPath       ArgumentKind = "path"
	ArgArgs       ArgumentKind = "args"
	ArgFilter     ArgumentKind = "filter"
	ArgPredicate  ArgumentKind = "predicate"
	ArgArguments  ArgumentKind = "arguments"

	ArgObjects       ArgumentKind = "objects"
	ArgObject        ArgumentKind = "object"
	ArgOnConflict    ArgumentKind = "on_conflict"
	ArgIfMatched     ArgumentKind = "if_matched"
	ArgMatchColumns  ArgumentKind = "match_columns"
	ArgConstraint    ArgumentKind = "constraint"
	ArgUpdateColumns ArgumentKind = "update_columns"
	ArgKeyColumns    ArgumentKind = "pk_columns"
	ArgUpdates       ArgumentKind = "updates"
	ArgData          ArgumentKind = "data"
)

func (*Argument) inputBinding()             {}
func (*BoolAnd) inputBinding()              {}
func (*BoolOr) inputBinding()               {}
func (*BoolNot) inputBinding()              {}
func (*BoolColumn) inputBinding()           {}
func (*BoolComputed) inputBinding()         {}
func (*BoolRelated) inputBinding()          {}
func (*BoolAggregate) inputBinding()        {}
func (*AggregatePredicate) inputBinding()   {}
func (*BoolRemote) inputBinding()           {}
func (*BoolRemoteAggregate) inputBinding()  {}
func (*OrderRemote) inputBinding()          {}
func (*OrderRemoteAggregate) inputBinding() {}
func (*Compare) inputBinding()              {}
func (*CompareNull) inputBinding()          {}
func (*CompareCast) inputBinding()          {}
func (*OrderColumn) inputBinding()          {}
func (*OrderComputed) inputBinding()        {}
func (*OrderRelated) inputBinding()         {}
func (*OrderAggregate) inputBinding()       {}
func (*OrderCount) inputBinding()           {}
func (*OrderFunction) inputBinding()        {}
func (*KeyColumn) inputBinding()            {}
func (*FunctionArgument) inputBinding()     {}
func (*RemoteArgument) inputBinding()       {}
func (*WriteColumn) inputBinding()          {}
func (*InsertRelated) inputBinding()        {}
func (*Assignments) inputBinding()          {}
