package sqlite

import (
	"errors"

	"dovetail/internal/plan"
	"dovetail/sources"
)

// The collations of SQLite, which are the same in all of its databases.
const (
	equalityNoCase plan.Equality = "sqlite nocase"
	equalityRTrim  plan.Equality = "sqlite rtrim"
)

// readEqualities finds out under which collations the texts of a table or view are
// compared. The catalog doesn't say, least of all for views: so texts are put in
// the place of the columns and compared.
func (c *connection) readEqualities(t *sources.Table) error {
	var texts []*sources.Column
	for _, column := range t.Columns {
		if column.Type.Class == plan.ClassText {
			texts = append(texts, column)
		}
	}
	// A statement selects no more than 2,000 columns.
	const most = 500
	for len(texts) > 0 {
		n := min(len(texts), most)
		if err := c.compareTexts(t.Name, texts[:n]); err != nil {
			return err
		}
		texts = texts[n:]
	}
	return nil
}

// compareTexts finds out which texts are equal in some columns of a table.
func (c *connection) compareTexts(table string, columns []*sources.Column) error {
	names, values, comparisons := &builder{}, &builder{}, &builder{}
	b := &builder{}
	b.write("WITH v(")
	for i, column := range columns {
		if i > 0 {
			b.write(", ")
			names.write(", ")
			values.write(", ")
			comparisons.write(", ")
		}
		b.numbered("x", i)
		names.identifier(column.Name)
		values.write("'a'")
		comparisons.numbered("x", i)
		comparisons.write(" = 'A', ")
		comparisons.numbered("x", i)
		comparisons.write(" = 'a '")
	}
	b.write(") AS MATERIALIZED (SELECT ")
	b.append(names)
	b.write(" FROM main.")
	b.identifier(table)
	b.write(" WHERE 0 UNION ALL SELECT ")
	b.append(values)
	b.write(") SELECT ")
	b.append(comparisons)
	b.write(" FROM v")
	statement, _, err := c.conn.PrepareTransient(b.String())
	if err != nil {
		return databaseError(err, b.String())
	}
	row, err := statement.Step()
	if row {
		for i, column := range columns {
			column.Equality = equalityOf(statement.ColumnBool(2*i), statement.ColumnBool(2*i+1))
		}
	}
	if err := errors.Join(err, statement.Finalize()); err != nil {
		return databaseError(err, b.String())
	}
	return nil
}

// equalityOf is the equality of a column by what it passes over.
func equalityOf(letterCase, spaces bool) plan.Equality {
	switch {
	case letterCase && spaces:
		return plan.EqualityOwn
	case letterCase:
		return equalityNoCase
	case spaces:
		return equalityRTrim
	}
	return plan.EqualityBytes
}
