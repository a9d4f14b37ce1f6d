package plan

// Equality says which texts of a column its source takes for equal. Columns with the
// same word decide alike wherever they are, but for those that say EqualityOwn.
// Sources have words of their own for collations that are the same everywhere.
type Equality string

// The equalities that all sources share.
const (
	// EqualityBytes: texts are equal when their bytes are.
	EqualityBytes Equality = ""
	// EqualityPadded: spaces at the end don't count, and keys come without them.
	EqualityPadded Equality = "padded"
	// EqualityOwn: what is equal is known to the column's source alone.
	EqualityOwn Equality = "own"
)

// Alike reports whether what is equal under one is equal under the other.
func (e Equality) Alike(other Equality) bool { return e == other && e != EqualityOwn }

// Folds reports whether values that are equal may differ as the texts that
// keys travel as.
func (e Equality) Folds() bool { return e != EqualityBytes && e != EqualityPadded }
