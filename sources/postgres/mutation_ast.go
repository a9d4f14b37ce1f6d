package postgres

import "dovetail/sources/sqlgen"

// insertion is an INSERT.
type insertion struct {
	into    expression
	alias   string
	columns []string
	// rows are given as values, of which nil is the column's default, or by a
	// query; neither is one row of defaults.
	values    [][]expression
	rows      *query
	conflict  *conflictClause
	returning []item
}

// conflictClause is ON CONFLICT ON CONSTRAINT; nothing to set is DO NOTHING.
type conflictClause struct {
	constraint string
	set        []setColumn
	where      []expression
}

// setColumn is a column and its new value.
type setColumn struct {
	column string
	value  expression
}

// change is an UPDATE.
type change struct {
	table     expression
	alias     string
	set       []setColumn
	where     []expression
	returning []item
}

// removal is a DELETE.
type removal struct {
	table     expression
	alias     string
	where     []expression
	returning []item
}

func (n *insertion) Print(p *printer) {
	p.Text("INSERT INTO ")
	n.into.Print(p)
	p.Text(" AS " + n.alias)
	if len(n.columns) > 0 {
		p.Text(" (")
		sqlgen.Commas(p, n.columns, p.Identifier)
		p.Text(")")
	}
	switch {
	case n.rows != nil:
		p.Text(" ")
		n.rows.Print(p)
	case len(n.values) > 0:
		p.Text(" VALUES ")
		sqlgen.Commas(p, n.values, func(row []expression) {
			p.Text("(")
			sqlgen.Commas(p, row, func(e expression) {
				if e == nil {
					p.Text("DEFAULT")
				} else {
					e.Print(p)
				}
			})
			p.Text(")")
		})
	default:
		p.Text(" DEFAULT VALUES")
	}
	if n.conflict != nil {
		n.conflict.Print(p)
	}
	printReturning(p, n.returning)
}

func (c *conflictClause) Print(p *printer) {
	p.Text(" ON CONFLICT ON CONSTRAINT ")
	p.Identifier(c.constraint)
	if len(c.set) == 0 {
		p.Text(" DO NOTHING")
		return
	}
	p.Text(" DO UPDATE")
	printSet(p, c.set)
	p.Conditions(" WHERE ", c.where)
}

func printSet(p *printer, set []setColumn) {
	p.Text(" SET ")
	sqlgen.Commas(p, set, func(s setColumn) {
		p.Identifier(s.column)
		p.Text(" = ")
		s.value.Print(p)
	})
}

func (u *change) Print(p *printer) {
	p.Text("UPDATE ")
	u.table.Print(p)
	p.Text(" AS " + u.alias)
	printSet(p, u.set)
	p.Conditions(" WHERE ", u.where)
	printReturning(p, u.returning)
}

func (d *removal) Print(p *printer) {
	p.Text("DELETE FROM ")
	d.table.Print(p)
	p.Text(" AS " + d.alias)
	p.Conditions(" WHERE ", d.where)
	printReturning(p, d.returning)
}

func printReturning(p *printer, items []item) {
	p.Text(" RETURNING ")
	sqlgen.Commas(p, items, func(i item) { i.Value.Print(p) })
}
