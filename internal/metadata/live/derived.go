package live

// Derived is something made of a state when it is first wanted, which lives as
// long as the state: schemas of roles, plans.
type Derived[T any] struct{ derive func(*State) T }

// NewDerived says how it is made. Of several made at the same time one is kept.
func NewDerived[T any](derive func(*State) T) *Derived[T] { return &Derived[T]{derive} }

// Of is what a state has of it.
func (d *Derived[T]) Of(s *State) T {
	v, ok := s.derived.Load(d)
	if !ok {
		v, _ = s.derived.LoadOrStore(d, d.derive(s))
	}
	return v.(T) //nolint:forcetypeassert // nothing else is kept under d
}
