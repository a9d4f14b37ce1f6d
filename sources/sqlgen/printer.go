package sqlgen

import "strings"

// Dialect is what printing depends on.
type Dialect struct {
	// Open and Close stand around a name; a Close within it is doubled.
	Open, Close string
	// Always is a condition that always holds, Never one that never does.
	Always, Never Keyword
}

// Quote quotes a name; names reach SQL text nowhere else.
func (d *Dialect) Quote(name string) string {
	return d.Open + strings.ReplaceAll(name, d.Close, d.Close+d.Close) + d.Close
}

// Printer writes SQL text.
type Printer struct {
	dialect *Dialect
	text    strings.Builder
}

// NewPrinter makes a printer of a dialect.
func NewPrinter(d *Dialect) *Printer { return &Printer{dialect: d} }

// SQL gives the text of a part of a statement.
func (d *Dialect) SQL(e Expression) string {
	p := NewPrinter(d)
	e.Print(p)
	return p.String()
}

// String gives what has been written.
func (p *Printer) String() string { return p.text.String() }

// Text appends SQL that the compiler knows.
func (p *Printer) Text(s string) { p.text.WriteString(s) }

// Identifier writes a quoted name.
func (p *Printer) Identifier(name string) {
	p.Text(p.dialect.Quote(name))
}

// Qualified quotes a name in a schema, or without one.
func (p *Printer) Qualified(schema, name string) {
	if schema != "" {
		p.Identifier(schema)
		p.Text(".")
	}
	p.Identifier(name)
}

// Commas prints the members of a comma-separated list.
func Commas[T any](p *Printer, members []T, member func(T)) {
	for i, m := range members {
		if i > 0 {
			p.Text(", ")
		}
		member(m)
	}
}

// Expressions prints a comma-separated list of expressions.
func (p *Printer) Expressions(values []Expression) {
	Commas(p, values, func(e Expression) { e.Print(p) })
}

// Conditions prints the conditions of a clause, if it has any.
func (p *Printer) Conditions(word string, parts []Expression) {
	for i, part := range parts {
		if i == 0 {
			p.Text(word)
		} else {
			p.Text(" AND ")
		}
		part.Print(p)
	}
}

// Items prints a select list: all columns of an alias, if there is one, and the
// items.
func (p *Printer) Items(star string, items []Item) {
	if star != "" {
		p.Text(star + ".*")
		if len(items) > 0 {
			p.Text(", ")
		}
	}
	Commas(p, items, func(i Item) {
		i.Value.Print(p)
		if i.Alias != "" {
			p.Text(" AS ")
			p.Identifier(i.Alias)
		}
	})
}

// From prints FROM, WHERE and GROUP BY.
func (p *Printer) From(from []FromItem, where, groupBy []Expression) {
	for i, f := range from {
		if i == 0 {
			p.Text(" FROM ")
		}
		f.print(p)
	}
	p.Conditions(" WHERE ", where)
	if len(groupBy) > 0 {
		p.Text(" GROUP BY ")
		p.Expressions(groupBy)
	}
}

// OrderBy prints ORDER BY. Some clauses demand an order where none is asked for.
func (p *Printer) OrderBy(order []Ordering) {
	p.Text("ORDER BY ")
	if len(order) == 0 {
		p.Text("(SELECT NULL)")
		return
	}
	Commas(p, order, func(o Ordering) {
		o.Value.Print(p)
		if o.Descending {
			p.Text(" DESC")
		}
		p.Text(o.Nulls)
	})
}
