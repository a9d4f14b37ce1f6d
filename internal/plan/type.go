package plan

// TypeClass groups a source's types by what can be done with them.
type TypeClass string

// The type classes.
const (
	ClassInteger   TypeClass = "integer"   // up to 64 bits
	ClassNumber    TypeClass = "number"    // exact decimals and floats
	ClassText      TypeClass = "text"      // character strings
	ClassBoolean   TypeClass = "boolean"   //
	ClassUUID      TypeClass = "uuid"      //
	ClassTime      TypeClass = "time"      // dates, times, timestamps, intervals
	ClassJSON      TypeClass = "json"      // JSON kept as text
	ClassJSONB     TypeClass = "jsonb"     // JSON with containment operators
	ClassBytes     TypeClass = "bytes"     //
	ClassEnum      TypeClass = "enum"      // a database enum type
	ClassArray     TypeClass = "array"     // Element says of what
	ClassComposite TypeClass = "composite" //
	ClassGeometry  TypeClass = "geometry"  //
	ClassGeography TypeClass = "geography" //
	ClassRaster    TypeClass = "raster"    //
	ClassLTree     TypeClass = "ltree"     //
	ClassOther     TypeClass = "other"     // compared and written as text
)

// Type is a column type of a source.
type Type struct {
	// Schema and Name identify the type in its source, as its catalog spells
	// them unquoted: "pg_catalog"."int8", "public"."mood", ""."INTEGER".
	Schema, Name string
	// Scalar is the GraphQL scalar the type appears as: Int, bigint, String …
	// For arrays it is the scalar of the innermost element.
	Scalar string
	// AlsoScalar is another scalar whose variables may stand where the type is
	// expected: clients may know the type by an older name. Empty for none.
	AlsoScalar string
	Class      TypeClass
	// Element is the element type of an array.
	Element *Type
	// Base is the type under a domain, nil for other types.
	Base *Type
}

// Underlying is the type with its domains taken off.
func (t Type) Underlying() Type {
	for t.Base != nil {
		t = *t.Base
	}
	return t
}

// IsName tells whether s is a name in GraphQL's sense.
func IsName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// Capabilities is what a source can do, as data: what is absent can't be done.
type Capabilities struct {
	// Kind is the metadata's word for the source: postgres, sqlite, mssql.
	Kind string `json:"kind"`
	// Operators lists the comparison operators of each type class besides
	// _is_null, which every class has.
	Operators map[TypeClass][]Operator `json:"operators"`
	// AggregateFunctions lists the aggregate functions of each type class.
	AggregateFunctions map[TypeClass][]string `json:"aggregate_functions"`
	DistinctOn         bool                   `json:"distinct_on"`
	Aggregates         bool                   `json:"aggregates"`
	AggregatePredicate bool                   `json:"aggregate_predicate"`
	ComputedFields     bool                   `json:"computed_fields"`
	Functions          bool                   `json:"functions"`
	ColumnComparison   bool                   `json:"column_comparison"`
	JSONPath           bool                   `json:"json_path"`
	// ComparisonSuffix ends the names of comparison types, so that kinds of
	// sources with other operators don't share them.
	ComparisonSuffix string `json:"comparison_suffix"`
	// Casts: conditions may cast a column (_cast).
	Casts bool `json:"casts"`
	// CountsOneColumn: count takes one column, not a list.
	CountsOneColumn bool `json:"counts_one_column"`
	// Correlations: aggregate predicates have corr and covar_samp.
	Correlations bool `json:"correlations"`
	// JSONUpdates: updates may change documents in place (_append, _delete_key …).
	JSONUpdates bool `json:"json_updates"`
	// NullsFirst: nulls are the least where an ordering says nothing of them.
	NullsFirst bool `json:"nulls_first"`
	// StoredProcedures: the results of stored procedures can be read like
	// tables.
	StoredProcedures bool `json:"stored_procedures"`
	// Relay: connections and node ids.
	Relay bool `json:"relay"`
	// Mutations: rows can be written.
	Mutations bool `json:"mutations"`
	// MatchedInserts: new rows that meet present ones are told by the columns in
	// which they are equal (if_matched), not by a constraint (on_conflict).
	MatchedInserts bool `json:"matched_inserts"`
	// SetsAside: mutations need the columns of the table that they write.
	SetsAside bool `json:"sets_aside"`
	// LoneUpdates: rows are updated once in a field.
	LoneUpdates bool `json:"lone_updates"`
	// Bindings: a fragment may be evaluated for a set of binding rows at once.
	Bindings bool `json:"bindings"`
	// KeySets: conditions and orderings may refer to key sets.
	KeySets bool `json:"key_sets"`
	// MaxKeys is the largest binding set of one statement (0: the default).
	MaxKeys int `json:"max_keys"`
}
