package plan

import "fmt"

// validateConditions checks the conditions and the ordering of rows.
func (r *Rows) validateConditions() error {
	if err := validateCondition(append([]Predicate{r.Where, r.Permit}, r.DistinctGuards...)...); err != nil {
		return fmt.Errorf("rows of %s: %w", relationText(r.From), err)
	}
	for _, o := range r.OrderBy {
		if err := validateOrderKey(o.By); err != nil {
			return fmt.Errorf("order of %s: %w", relationText(r.From), err)
		}
	}
	return nil
}

// validateOrderKey checks the conditions inside an ordering; nil is none.
func validateOrderKey(k OrderKey) error {
	switch k := k.(type) {
	case *OrderColumn:
		return validateCondition(k.Guard)
	case *OrderComputed:
		return validateCondition(k.Guard)
	case *OrderRelated:
		if err := k.Target.validateConditions(); err != nil {
			return err
		}
		return validateOrderKey(k.By)
	case *OrderAggregate:
		if err := k.Target.validateConditions(); err != nil {
			return err
		}
		return validateCondition(k.Guard)
	case *OrderRanked, nil:
	}
	return nil
}

// validate checks the guards of what is aggregated.
func (g *AggregateGroup) validate() error {
	for _, item := range g.Items {
		switch item := item.(type) {
		case *Count:
			if err := validateCondition(item.Guards...); err != nil {
				return fmt.Errorf("%s: %w", item.Key, err)
			}
		case *AggregateFunction:
			for _, c := range item.Columns {
				if err := validateCondition(c.Guard); err != nil {
					return fmt.Errorf("%s.%s: %w", item.Key, c.Key, err)
				}
			}
		case *AggregateItemStatic:
		}
	}
	return nil
}

// validateCondition refuses conditions that only stand in a catalog; nil is true.
func validateCondition(conditions ...Predicate) error {
	for _, c := range conditions {
		if UsesRemoteConditions(c) {
			return fmt.Errorf("a condition on another source has no key set: %s", PredicateText(c))
		}
	}
	return nil
}
