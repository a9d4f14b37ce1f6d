package plan

// OperationKind tells queries, mutations and subscriptions apart.
type OperationKind string

// The operation kinds of GraphQL.
const (
	OperationQuery        OperationKind = "query"
	OperationMutation     OperationKind = "mutation"
	OperationSubscription OperationKind = "subscription"
)

// Plan is one operation, ready to run. Roots stand in response order.
type Plan struct {
	Operation OperationKind
	Name      string
	Roots     []Root
	// Fragments lists every fragment of the plan, roots first, each before its
	// children; Fragment.ID is the index.
	Fragments []*Fragment
	// Unions are the statements that several of the fragments share.
	Unions []*Union
}

// Root is one response key directly under "data", or under a namespace.
type Root struct {
	Key  string
	Node RootNode
}

// RootNode is what stands behind a root's key.
//
//sumtype:decl
type RootNode interface{ rootNode() }

// Static is a root whose JSON is known when the plan is made: __typename and
// introspection.
type Static struct {
	JSON []byte
	// Render writes the JSON instead, piece by piece, where it is too large to be
	// kept. It always writes the same; a piece is good until it returns.
	Render func(write func(piece []byte))
}

// Namespace is an object that exists only to group root fields.
type Namespace struct{ Roots []Root }

// Fetch is a root that a fragment answers. One fragment may answer several
// roots (a remote schema is asked once for all of its root fields): Ordinal
// says which of the fragment's values this root is.
type Fetch struct {
	Fragment *Fragment
	Ordinal  int
	// NonNull roots that fail make the whole answer null, as GraphQL demands.
	NonNull bool
}

func (*Static) rootNode()    {}
func (*Namespace) rootNode() {}
func (*Fetch) rootNode()     {}

// Fragment is the part of an operation that one source answers in one round
// trip: a query evaluated once for every row of a binding set. Without bindings
// it is evaluated once.
type Fragment struct {
	ID     int
	Source string
	// SourceVersion changes whenever the source is reconnected or introspected
	// anew; compiled statements belong to one version.
	SourceVersion uint64
	Query         Query
	// Bindings are the columns of the binding set, in the order of the join's
	// keys; empty for a root fragment.
	Bindings []Binding
	// Joins are the holes that this fragment's answers contain. A hole refers
	// to its join by index.
	Joins []*Join
	// KeySets are fetched before the fragment runs; its predicates (InKeys) and
	// orderings (OrderRanked) refer to them by index.
	KeySets []*KeySet
	// Path is the response path of the fragment's value, names only.
	Path []string
	// Lookup is equal for fragments that ask the same thing of the same source
	// for a key, so that a key is fetched once per request.
	Lookup int
	// Union, when set, is asked in place of the fragment, and Projection makes the
	// fragment's values from the union's.
	Union      *Union
	Projection *Projection
	// Statement is what the source compiled the fragment to, or its union.
	Statement Statement
}

// Binding is one column of a fragment's binding set.
type Binding struct {
	Name string
	// Type is the type of the target the binding is compared with; the zero
	// value where the target is an argument of a remote schema.
	Type Type
	// GraphQL is the type of the argument the binding fills, "ID!", where the
	// target is a remote schema.
	GraphQL string
}

// Query is what a fragment asks its source.
//
//sumtype:decl
type Query interface{ query() }

func (*Selection) query()   {}
func (*Aggregation) query() {}
func (*RemoteQuery) query() {}

// Join is a place in a fragment's answer that another fragment fills.
type Join struct {
	// Index is the join's position in its parent's Joins.
	Index int
	// Field is the response key of the hole.
	Field string
	// Relationship is the relationship's name in the metadata.
	Relationship string
	Child        *Fragment
	// Keys name the left columns or fields in the order of Child.Bindings.
	Keys []JoinKey
	// OnNull is written where a key part is null: null, [] or an empty aggregate.
	OnNull []byte
	// KeysOnly: the holes are never filled, their keys are what is wanted.
	KeysOnly bool
}

// JoinKey is one left part of a join's key.
type JoinKey struct {
	// Name of the column (or the remote field) on the left.
	Name string
	Type Type
	// Computed is the scalar function that gives the key where it is no column.
	Computed *FunctionCall
	// Rank makes the key the dense rank of the row by this order key, ascending
	// from 1, or null where the order key is null.
	Rank OrderKey
	// Cast is how the left value's text becomes a value of the right type.
	Cast KeyCast
}

// KeyCast names how a key's text is turned into a value of the other side.
// Values whose text is not of the other side's form match nothing.
type KeyCast string

// The casts that the type matrix knows.
const (
	KeyCastNone    KeyCast = ""        // same family: sent as it is
	KeyCastText    KeyCast = "text"    // anything to text
	KeyCastInteger KeyCast = "integer" // text to a 64-bit (or narrower) integer
	KeyCastNumber  KeyCast = "number"  // text to a decimal number
	KeyCastUUID    KeyCast = "uuid"    // text to uuid
	KeyCastBoolean KeyCast = "boolean" // text to boolean
)

// Statement is a compiled fragment. Its concrete type belongs to the source.
type Statement interface {
	// Text is the SQL or GraphQL text as it is sent, for explain and logs.
	Text() string
}
