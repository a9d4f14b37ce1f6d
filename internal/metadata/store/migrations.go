package store

import "fmt"

// migration is the statements that lead from one version of a store's schema to
// the next. What has been released is never changed: a change is a migration
// more.
type migration []string

// pending gives the migrations that a store still lacks whose schema has a
// version, which is how many have been run. A store of a newer Dovetail is
// refused: what its tables mean is not known here.
func pending(version int64, migrations []migration) ([]migration, error) {
	known := int64(len(migrations))
	switch {
	case version > known:
		return nil, fmt.Errorf("%w: its schema has version %d, this Dovetail knows versions up to %d; start the Dovetail that made it, or a newer one",
			ErrNewer, version, known)
	case version < 0:
		return nil, fmt.Errorf("the version of the metadata store's schema is %d", version)
	}
	return migrations[version:], nil
}
