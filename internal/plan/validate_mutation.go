package plan

import (
	"errors"
	"fmt"
)

var errNoOutput = errors.New("a mutation has no output")

func (n *Insert) validate() error {
	if n.Restricted && n.Check == nil {
		return fmt.Errorf("a restricted role inserts into %s without a check", relationText(n.Into))
	}
	if n.Each != nil && (len(n.Rows) > 0 || len(n.Each.Members) != len(n.Columns)) {
		return fmt.Errorf("rows of %s are made of a list and given as well", relationText(n.Into))
	}
	if c := n.Conflict; n.Restricted && c != nil && len(c.Set) > 0 && c.Permit == nil {
		return fmt.Errorf("a restricted role updates %s on conflict without a permission", relationText(n.Into))
	}
	conditions := []Predicate{n.Check}
	if c := n.Conflict; c != nil {
		conditions = append(conditions, c.Where, c.Permit, c.Check)
	}
	if err := validateCondition(conditions...); err != nil {
		return fmt.Errorf("new rows of %s: %w", relationText(n.Into), err)
	}
	for _, r := range n.Rows {
		if len(r.Values) != len(n.Columns) {
			return fmt.Errorf("a row of %s has %d values for %d columns", relationText(n.Into), len(r.Values), len(n.Columns))
		}
		for _, nested := range [][]*NestedInsert{r.Before, r.After} {
			for _, x := range nested {
				if err := x.Insert.validate(); err != nil {
					return fmt.Errorf("%s: %w", x.Relationship, err)
				}
			}
		}
	}
	return nil
}

func (u *Update) validate() error {
	if u.Restricted && u.Check == nil {
		return fmt.Errorf("a restricted role updates %s without a check", relationText(u.From))
	}
	if err := validateCondition(u.Check); err != nil {
		return fmt.Errorf("changed rows of %s: %w", relationText(u.From), err)
	}
	return u.Rows.validate(0)
}

func (d *Delete) validate() error { return d.Rows.validate(0) }

func (o *MutationOutput) validate() error {
	if o == nil {
		return errNoOutput
	}
	if err := validateFields(o.Row); err != nil {
		return err
	}
	for _, f := range o.Fields {
		if r, ok := f.(*Returning); ok {
			if err := validateFields(r.Fields); err != nil {
				return fmt.Errorf("%s: %w", r.Key, err)
			}
		}
	}
	return nil
}
