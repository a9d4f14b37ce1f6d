package plan

// KeySet is a set of keys that a fragment needs before it runs: what is asked
// of another source so that a condition or an ordering can cross over to it.
type KeySet struct {
	// Relationship is the relationship's name in the metadata.
	Relationship string
	// ID is equal for key sets that ask the same, so that it is asked once per
	// request.
	ID int
	// Fragment answers rows that hold nothing but the hole of join 0: the wanted
	// keys are the keys of that join. It has no bindings, unless Candidates is set.
	Fragment *Fragment
	// Candidates, when set, turns the direction round: it is asked, of this side's
	// source, for the keys that may be wanted (as Fragment is otherwise), and
	// Fragment has bindings: of the candidates those are wanted that it answers
	// anything but null for. Where the set is ranked, it answers rows that hold
	// nothing but the hole of join 0, whose key is the rank; the least counts.
	// Keys of such a set are texts of this side's own, and compared as texts: what
	// its columns take for equal need not be equal over there.
	Candidates *Fragment
	// Max is the largest number of keys; more are an error, never a shorter answer.
	// Setting names what bounds them.
	Max     int
	Setting string
	// Ranked sets have the rank as the first part of each key.
	Ranked bool
	// Columns are the columns that the keys are compared with, on this side. A set
	// without columns only asks whether its fragment answers anything but null; it
	// has one key, FoundKey, if it does.
	Columns []Column
	// Why says why the keys are fetched in this direction, for explain.
	Why string
}

// Exact reports whether keys are compared with a column of this side as the texts
// they travel as, because its own equality would take others for equal.
func (s *KeySet) Exact(c Column) bool { return s.Candidates != nil && c.Equality.Folds() }

// FoundKey is the key of a key set without columns that found a row.
const FoundKey = "true"

// OrderRanked orders by something of another source: the rank that the key set
// gives the row's key. Keys that aren't in the set have the rank Missing, or
// null when it is negative.
type OrderRanked struct {
	Relationship string
	Columns      []Column
	// KeySet is an index into the KeySets of the fragment.
	KeySet  int
	Missing int
}

func (*OrderRanked) orderKey() {}

// KeysOnly makes the join that a key set's fragment has instead of a child: its
// holes are never filled, their keys are what is wanted. to are the types of the
// columns that the keys will be compared with.
func KeysOnly(relationship string, keys []JoinKey, to []Binding) *Join {
	return &Join{
		Field: relationship, Relationship: relationship, Keys: keys, OnNull: []byte("null"), KeysOnly: true,
		Child: &Fragment{Bindings: to},
	}
}
