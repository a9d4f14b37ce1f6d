package plan

// Predicate is a condition on a row.
//
//sumtype:decl
type Predicate interface{ predicate() }

// And holds when all parts hold; empty is true.
type And struct{ Parts []Predicate }

// Or holds when one part holds; empty is false.
type Or struct{ Parts []Predicate }

// Not holds when Part is not true.
type Not struct{ Part Predicate }

// Const is always or never true.
type Const struct{ Value bool }

// Compare compares an operand of the row with a value.
type Compare struct {
	Left     Operand
	Operator Operator
	Right    Value
}

// CompareColumns compares two columns; Right may be a column of the root table
// of the predicate.
type CompareColumns struct {
	Left     Column
	Operator Operator
	Right    Column
	// RightRoot: Right belongs to the row the whole predicate is about, not to
	// the related row in scope.
	RightRoot bool
}

// IsNull tests for null (or, with Negate, for not null).
type IsNull struct {
	Left   Operand
	Negate bool
}

// Exists holds when a row of Target satisfies Target.Where (and Target.Permit).
// Target.On ties it to the row in scope; without On it is uncorrelated.
type Exists struct {
	Relationship string // empty for _exists
	Target       Rows
}

// CompareAggregate compares an aggregate over related rows.
type CompareAggregate struct {
	Relationship string
	Target       Rows // Where is the predicate's filter
	Function     string
	Arguments    []Column
	// Guards[i] nulls Arguments[i] unless it holds (inherited roles); empty, or
	// nil in a place: no guard.
	Guards   []Predicate
	Distinct bool
	// Having are comparisons of the aggregate's value, ANDed; Left of each is
	// ignored.
	Having []AggregateComparison
	Result Type
}

// Guard is the guard of an argument, nil for none.
func (c *CompareAggregate) Guard(i int) Predicate { return guardOf(c.Guards, i) }

// AggregateComparison is one comparison with an aggregate's value.
type AggregateComparison struct {
	Operator Operator
	Right    Value
	IsNull   *bool
}

// InKeys holds for rows whose columns are in a key set of the fragment, an index
// into its KeySets. It is never null: rows with a null among the columns are not
// in the set. Without columns it holds where the key set found a row.
type InKeys struct {
	Columns []Column
	KeySet  int
}

// RemoteCondition stands, in a catalog's filters, for a condition on another
// source, an index into the catalog's RemotePredicates. A planner puts InKeys in
// its place: a finished plan holds none.
type RemoteCondition struct{ Index int }

func (*And) predicate()              {}
func (*Or) predicate()               {}
func (*Not) predicate()              {}
func (*Const) predicate()            {}
func (*Compare) predicate()          {}
func (*CompareColumns) predicate()   {}
func (*IsNull) predicate()           {}
func (*Exists) predicate()           {}
func (*CompareAggregate) predicate() {}
func (*InKeys) predicate()           {}
func (*RemoteCondition) predicate()  {}

// Operand is the left side of a comparison.
//
//sumtype:decl
type Operand interface{ operand() }

// ColumnOperand is a column of the row in scope; Cast, when set, is the type it
// is cast to first (_cast).
type ColumnOperand struct {
	Column Column
	Cast   *Type
	Guard  Predicate
}

// ComputedOperand is a scalar function of the row in scope.
type ComputedOperand struct {
	Call  *FunctionCall
	Type  Type
	Guard Predicate
}

func (*ColumnOperand) operand()   {}
func (*ComputedOperand) operand() {}

// OperandType gives the type that an operand's right side is compared as.
func OperandType(o Operand) Type {
	switch o := o.(type) {
	case *ColumnOperand:
		if o.Cast != nil {
			return *o.Cast
		}
		return o.Column.Type
	case *ComputedOperand:
		return o.Type
	}
	return Type{}
}

// Operator is a comparison operator by its v2 name.
type Operator string

// The comparison operators.
const (
	Equal              Operator = "_eq"
	NotEqual           Operator = "_neq"
	Greater            Operator = "_gt"
	Less               Operator = "_lt"
	GreaterOrEqual     Operator = "_gte"
	LessOrEqual        Operator = "_lte"
	In                 Operator = "_in"
	NotIn              Operator = "_nin"
	Like               Operator = "_like"
	NotLike            Operator = "_nlike"
	ILike              Operator = "_ilike"
	NotILike           Operator = "_nilike"
	Similar            Operator = "_similar"
	NotSimilar         Operator = "_nsimilar"
	Regex              Operator = "_regex"
	NotRegex           Operator = "_nregex"
	IRegex             Operator = "_iregex"
	NotIRegex          Operator = "_niregex"
	Contains           Operator = "_contains"
	ContainedIn        Operator = "_contained_in"
	HasKey             Operator = "_has_key"
	HasKeysAny         Operator = "_has_keys_any"
	HasKeysAll         Operator = "_has_keys_all"
	Ancestor           Operator = "_ancestor"
	AncestorAny        Operator = "_ancestor_any"
	Descendant         Operator = "_descendant"
	DescendantAny      Operator = "_descendant_any"
	Matches            Operator = "_matches"
	MatchesAny         Operator = "_matches_any"
	MatchesFulltext    Operator = "_matches_fulltext"
	STContains         Operator = "_st_contains"
	STCrosses          Operator = "_st_crosses"
	STEquals           Operator = "_st_equals"
	STIntersects       Operator = "_st_intersects"
	ST3DIntersects     Operator = "_st_3d_intersects"
	STOverlaps         Operator = "_st_overlaps"
	STTouches          Operator = "_st_touches"
	STWithin           Operator = "_st_within"
	STDWithin          Operator = "_st_d_within"
	ST3DDWithin        Operator = "_st_3d_d_within"
	STIntersectsRast   Operator = "_st_intersects_rast"
	STIntersectsNBGeom Operator = "_st_intersects_nband_geom"
	STIntersectsGeomNB Operator = "_st_intersects_geom_nband"
)
