package plan

import "fmt"

// Validate checks what a plan must never get wrong, whatever made it: rows that
// a restricted role reads carry its permission, keys fit their bindings, and no
// condition on another source is left without its key set. The error names the
// path of the fault.
func (p *Plan) Validate() error {
	for _, f := range p.Fragments {
		if err := f.validate(); err != nil {
			return fmt.Errorf("fragment %d at %v: %w", f.ID, f.Path, err)
		}
	}
	for _, u := range p.Unions {
		if err := u.Fragment.validate(); err != nil {
			return fmt.Errorf("union %d: %w", u.ID, err)
		}
	}
	return nil
}

func (f *Fragment) validate() error {
	for i, j := range f.Joins {
		if j.Index != i {
			return fmt.Errorf("join %s stands at %d but is numbered %d", j.Relationship, i, j.Index)
		}
		if len(j.Keys) != len(j.Child.Bindings) {
			return fmt.Errorf("join %s has %d keys for %d bindings", j.Relationship, len(j.Keys), len(j.Child.Bindings))
		}
		for _, k := range j.Keys {
			if err := validateOrderKey(k.Rank); err != nil {
				return fmt.Errorf("join %s: %w", j.Relationship, err)
			}
		}
	}
	switch q := f.Query.(type) {
	case *Selection:
		return q.validate(len(f.Bindings))
	case *Aggregation:
		return q.validate(len(f.Bindings))
	case *Connection:
		return q.validate(len(f.Bindings))
	case *RemoteQuery:
		if len(f.Bindings) > 0 && len(q.Fields) != 1 {
			return fmt.Errorf("a remote lookup has %d fields", len(q.Fields))
		}
	case *Representations:
		if len(q.Entities) != len(f.Joins) {
			return fmt.Errorf("%d joins look up %d types of entities", len(f.Joins), len(q.Entities))
		}
	case *Insert:
		if err := q.Output.validate(); err != nil {
			return err
		}
		return q.validate()
	case *Update:
		if err := q.Output.validate(); err != nil {
			return err
		}
		return q.validate()
	case *Updates:
		for _, u := range q.List {
			if err := u.validate(); err != nil {
				return err
			}
		}
		return q.Output.validate()
	case *Delete:
		if err := q.validate(); err != nil {
			return err
		}
		return q.Output.validate()
	}
	return nil
}

func (r *Rows) validate(bindings int) error {
	if r.Restricted && r.Permit == nil {
		return fmt.Errorf("a restricted role reads %s without a permission", relationText(r.From))
	}
	bound := map[int]bool{}
	for _, c := range r.On {
		if c.Binding >= bindings {
			return fmt.Errorf("rows of %s are tied to binding %d of %d", relationText(r.From), c.Binding, bindings)
		}
		if c.Binding >= 0 {
			bound[c.Binding] = true
		}
	}
	if len(bound) != bindings {
		return fmt.Errorf("rows of %s use %d of %d bindings", relationText(r.From), len(bound), bindings)
	}
	return r.validateConditions()
}

func (s *Selection) validate(bindings int) error {
	if err := s.Rows.validate(bindings); err != nil {
		return err
	}
	return validateFields(s.Fields)
}

func (a *Aggregation) validate(bindings int) error {
	if err := a.Rows.validate(bindings); err != nil {
		return err
	}
	for _, f := range a.Fields {
		var err error
		key := ""
		switch f := f.(type) {
		case *AggregateNodes:
			key, err = f.Key, validateFields(f.Fields)
		case *AggregateGroup:
			key, err = f.Key, f.validate()
		case *AggregateStatic:
		}
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

func validateFields(fields []Field) error {
	for _, f := range fields {
		var err error
		key := ""
		switch f := f.(type) {
		case *ColumnField:
			key, err = f.Key, validateCondition(f.Guard)
		case *ComputedField:
			key, err = f.Key, validateCondition(f.Guard)
		case *NestedField:
			if key, err = f.Key, validateCondition(f.Guard); err == nil {
				err = f.Selection.validate(0)
			}
		case *NestedAggregateField:
			if key, err = f.Key, validateCondition(f.Guard); err == nil {
				err = f.Aggregation.validate(0)
			}
		case *NestedConnectionField:
			key, err = f.Key, f.Connection.validate(0)
		case *GroupField:
			key, err = f.Key, validateFields(f.Fields)
		case *HoleField, *StaticField, *NodeIDField:
		}
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}
