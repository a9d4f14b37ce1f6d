package catalog

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"dovetail/internal/metadata/document"
	"dovetail/internal/plan"
	"dovetail/sources"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

var (
	errNoForeignKey    = errors.New("no foreign constraint exists on the given column(s)")
	errManyForeignKeys = errors.New("more than one foreign key constraint exists on the given column(s)")
)

func errNoColumn(name string) error { return fmt.Errorf("column %q does not exist", name) }

// danglingError says that what an object rests on isn't there. As in v2 such a
// reason stands without the place of the object.
type danglingError struct{ reason string }

func (e *danglingError) Error() string { return e.reason }

// errUntracked is for a table that an object rests on but nobody tracks.
func errUntracked(n TableName) error {
	return &danglingError{fmt.Sprintf("table %q is not tracked", n)}
}

// errNoField is for a column that an object rests on.
func errNoField(t *Table, name string) error {
	return &danglingError{fmt.Sprintf("table %q has no field named %q", t.Name, name)}
}

func (b *builder) relationships(s *sourceBuild) {
	for _, t := range s.tables {
		for _, list := range [][]*document.Relationship{t.document.ObjectRelationships, t.document.ArrayRelationships} {
			for _, doc := range list {
				if t.clash[doc.Name] {
					continue
				}
				before, r := s.relationshipBefore(t, doc.Name)
				var err error
				if r == nil {
					r, err = relationship(s, t.Table, doc)
					t.changed = t.changed || (err == nil) != (before != nil)
				}
				if err != nil {
					b.inconsistent(relationshipObject(s.Name, t.document, doc), err)
					continue
				}
				t.Local = append(t.Local, r)
			}
		}
	}
}

func relationship(s *sourceBuild, t *Table, doc *document.Relationship) (*Relationship, error) {
	r := &Relationship{Name: doc.Name, Comment: doc.Comment, Array: doc.Array}
	var err error
	switch using := doc.Using; {
	case using.Manual != nil && using.Manual.NativeQuery != "":
		return nil, errors.New("a relationship from a table to a native query is not supported")
	case using.Manual != nil:
		err = manualRelationship(s, t, r, using.Manual)
	case using.ForeignKey == nil:
		err = errors.New("neither a foreign key nor a mapping of columns is given")
	case using.ForeignKey.Table == nil:
		err = forwardRelationship(s, t, r, using.ForeignKey.Columns)
	default:
		err = reverseRelationship(s, t, r, TableName(*using.ForeignKey.Table), using.ForeignKey.Columns)
	}
	return r, err
}

func manualRelationship(s *sourceBuild, t *Table, r *Relationship, using *document.ManualUsing) error {
	r.AfterParent = using.InsertionOrder == "after_parent"
	for _, p := range using.ColumnMapping {
		left, ok := t.Column(p.Key)
		if !ok {
			return errNoField(t, p.Key)
		}
		r.Left = append(r.Left, left)
	}
	target, ok := s.Table(TableName(using.RemoteTable))
	if !ok {
		return errUntracked(TableName(using.RemoteTable))
	}
	r.Target = target
	for _, p := range using.ColumnMapping {
		right, ok := target.Column(p.Value)
		if !ok {
			return errNoField(target, p.Value)
		}
		r.Right = append(r.Right, right)
	}
	return nil
}

// forwardRelationship follows a foreign key of the table itself.
func forwardRelationship(s *sourceBuild, t *Table, r *Relationship, columns []string) error {
	fk, err := foreignKey(t.Info, columns, nil)
	if err != nil {
		return err
	}
	name := TableName{fk.TargetSchema, fk.TargetTable}
	target, ok := s.Table(name)
	if !ok {
		return errUntracked(name)
	}
	r.Target = target
	r.NonNull = !r.Array
	for i := range fk.Columns {
		left, ok := t.Column(fk.Columns[i])
		if !ok {
			return errNoField(t, fk.Columns[i])
		}
		right, ok := target.Column(fk.TargetColumns[i])
		if !ok {
			return errNoField(target, fk.TargetColumns[i])
		}
		if left.Info.Nullable {
			r.NonNull = false
		}
		r.Left, r.Right = append(r.Left, left), append(r.Right, right)
	}
	return nil
}

// reverseRelationship follows a foreign key of another table to this one.
func reverseRelationship(s *sourceBuild, t *Table, r *Relationship, name TableName, columns []string) error {
	target, ok := s.Table(name)
	if !ok {
		return fmt.Errorf("table %q does not exist in source: %s", name, s.Name)
	}
	fk, err := foreignKey(target.Info, columns, &t.Name)
	if err != nil {
		return err
	}
	r.Target, r.AfterParent = target, true
	for i := range fk.Columns {
		left, ok := t.Column(fk.TargetColumns[i])
		if !ok {
			return errNoField(t, fk.TargetColumns[i])
		}
		right, ok := target.Column(fk.Columns[i])
		if !ok {
			return errNoField(target, fk.Columns[i])
		}
		r.Left, r.Right = append(r.Left, left), append(r.Right, right)
	}
	return nil
}

// foreignKey finds the foreign key over exactly the given columns (to a given
// table).
func foreignKey(t *sources.Table, columns []string, to *TableName) (*sources.ForeignKey, error) {
	var found *sources.ForeignKey
	wanted := slices.Sorted(slices.Values(columns))
	for _, fk := range t.ForeignKeys {
		if len(fk.Columns) != len(columns) || len(fk.TargetColumns) != len(fk.Columns) ||
			!slices.Equal(slices.Sorted(slices.Values(fk.Columns)), wanted) {
			continue
		}
		if to != nil && (TableName{fk.TargetSchema, fk.TargetTable}) != *to {
			continue
		}
		if found != nil {
			return nil, errManyForeignKeys
		}
		found = fk
	}
	if found == nil {
		return nil, errNoForeignKey
	}
	return found, nil
}

// Rows are the target's rows that belong to a row of the relationship's table.
func (r *Relationship) Rows() plan.Rows {
	rows := plan.Rows{From: r.Target.Relation(), PermitLimit: -1, On: make([]plan.Correlation, len(r.Left))}
	for i := range r.Left {
		rows.On[i] = plan.Correlation{Column: r.Right[i].Plan(), Outer: r.Left[i].Plan(), Binding: -1}
	}
	return rows
}
