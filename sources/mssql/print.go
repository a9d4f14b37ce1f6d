package mssql

import (
	"strconv"
	"strings"
)

// printer writes T-SQL text.
type printer struct{ b strings.Builder }

// text appends SQL that the compiler knows.
func (p *printer) text(s string) { p.b.WriteString(s) }

// identifier quotes a name; names reach SQL text nowhere else.
func (p *printer) identifier(name string) {
	p.b.WriteByte('[')
	p.b.WriteString(strings.ReplaceAll(name, "]", "]]"))
	p.b.WriteByte(']')
}

func (p *printer) qualified(schema, name string) {
	if schema != "" {
		p.identifier(schema)
		p.text(".")
	}
	p.identifier(name)
}

// commaSeparated prints the members of a comma-separated list.
func commaSeparated[T any](p *printer, members []T, each func(T)) {
	for i, m := range members {
		if i > 0 {
			p.text(", ")
		}
		each(m)
	}
}

func (p *printer) expressions(values []expression) {
	commaSeparated(p, values, func(e expression) { e.print(p) })
}

func (p *printer) conditions(word string, parts []expression) {
	for i, part := range parts {
		if i == 0 {
			p.text(word)
		} else {
			p.text(" AND ")
		}
		part.print(p)
	}
}

func (p *printer) orderings(order []ordering) {
	p.text("ORDER BY ")
	if len(order) == 0 {
		// Some clauses demand an order where none is asked for.
		p.text("(SELECT NULL)")
		return
	}
	commaSeparated(p, order, func(o ordering) {
		o.value.print(p)
		if o.descending {
			p.text(" DESC")
		}
	})
}

// Aliases are the compiler's own short words, so they need no quotes.
func (e columnOf) print(p *printer) {
	p.text(e.alias)
	p.text(".")
	p.identifier(e.name)
}

func (e parameter) print(p *printer) { p.text(parameterName(e.number)) }

func parameterName(number int) string { return "@p" + strconv.Itoa(number) }

func (e member) print(p *printer) {
	p.text("(SELECT [value] FROM OPENJSON(" + parameterName(e.parameter) + ") WHERE [key] = N'" + strconv.Itoa(e.index) + "')")
}

func (e keyword) print(p *printer) { p.text(string(e)) }

func (e infix) print(p *printer) {
	p.text("(")
	e.left.print(p)
	p.text(" " + e.operator + " ")
	e.right.print(p)
	p.text(")")
}

func (e junction) print(p *printer) {
	p.text("(")
	for i, part := range e.parts {
		if i > 0 {
			p.text(" " + e.operator + " ")
		}
		part.print(p)
	}
	p.text(")")
}

func (e negation) print(p *printer) {
	p.text("(NOT ")
	e.part.print(p)
	p.text(")")
}

func (e nullTest) print(p *printer) {
	p.text("(")
	e.left.print(p)
	if e.negate {
		p.text(" IS NOT NULL)")
	} else {
		p.text(" IS NULL)")
	}
}

func (e inRows) print(p *printer) {
	p.text("(")
	e.left.print(p)
	if e.negate {
		p.text(" NOT")
	}
	p.text(" IN (")
	e.query.print(p)
	p.text("))")
}

func (e caseWhen) print(p *printer) {
	p.text("CASE WHEN ")
	e.condition.print(p)
	p.text(" THEN ")
	e.then.print(p)
	if e.otherwise != nil {
		p.text(" ELSE ")
		e.otherwise.print(p)
	}
	p.text(" END")
}

func (e castTo) print(p *printer) {
	p.text("CAST(")
	e.value.print(p)
	p.text(" AS " + e.to.declaration() + ")")
}

func (e converted) print(p *printer) {
	p.text("CONVERT(" + e.to.declaration() + ", ")
	e.value.print(p)
	p.text(", " + strconv.Itoa(e.style) + ")")
}

func (e collated) print(p *printer) {
	p.text("(")
	e.value.print(p)
	p.text(" COLLATE " + e.collation + ")")
}

func (e *call) print(p *printer) {
	if e.schema == "" {
		p.text(e.name)
	} else {
		p.qualified(e.schema, e.name)
	}
	p.text("(")
	if e.distinct {
		p.text("DISTINCT ")
	}
	if e.star {
		p.text("*")
	}
	p.expressions(e.arguments)
	p.text(")")
}

func (e method) print(p *printer) {
	if e.static != "" {
		p.text(e.static + "::" + e.name)
	} else {
		e.value.print(p)
		p.text("." + e.name)
	}
	if e.property {
		return
	}
	p.text("(")
	p.expressions(e.arguments)
	p.text(")")
}

func (e window) print(p *printer) {
	p.text(e.function + "() OVER (")
	if len(e.partitionBy) > 0 {
		p.text("PARTITION BY ")
		p.expressions(e.partitionBy)
		p.text(" ")
	}
	p.orderings(e.orderBy)
	p.text(")")
}

func (e subquery) print(p *printer) {
	p.text("(")
	e.query.print(p)
	p.text(")")
}

func (e exists) print(p *printer) {
	p.text("EXISTS (")
	e.query.print(p)
	p.text(")")
}

func (q *query) print(p *printer) {
	p.text("SELECT ")
	if q.top != nil {
		p.text("TOP (")
		q.top.print(p)
		p.text(") ")
	}
	if q.star != "" {
		p.text(q.star + ".*")
		if len(q.items) > 0 {
			p.text(", ")
		}
	}
	commaSeparated(p, q.items, func(i item) {
		i.value.print(p)
		if i.alias != "" {
			p.text(" AS ")
			p.identifier(i.alias)
		}
	})
	for i, f := range q.from {
		if i == 0 {
			p.text(" FROM ")
		}
		f.print(p)
	}
	p.conditions(" WHERE ", q.where)
	if len(q.groupBy) > 0 {
		p.text(" GROUP BY ")
		p.expressions(q.groupBy)
	}
	if len(q.orderBy) > 0 || q.offset != nil {
		p.text(" ")
		p.orderings(q.orderBy)
	}
	if q.offset != nil {
		p.text(" OFFSET ")
		q.offset.print(p)
		p.text(" ROWS")
		if q.fetch != nil {
			p.text(" FETCH NEXT ")
			q.fetch.print(p)
			p.text(" ROWS ONLY")
		}
	}
	if q.forJSON {
		p.text(" FOR JSON PATH, INCLUDE_NULL_VALUES")
	}
}

func (f fromItem) print(p *printer) {
	p.text(f.join)
	f.source.printSource(p)
	p.text(" AS " + f.alias)
	if len(f.on) > 0 {
		p.conditions(" ON ", f.on)
	} else if f.join == leftJoin || f.join == innerJoin {
		p.text(" ON " + string(always))
	}
}

func (t tableName) printSource(p *printer) { p.qualified(t.schema, t.name) }

func (t tableFunction) printSource(p *printer) { t.call.print(p) }

func (t derivedTable) printSource(p *printer) {
	p.text("(")
	t.query.print(p)
	p.text(")")
}

func (t openJSON) printSource(p *printer) {
	p.text("OPENJSON(")
	t.array.print(p)
	p.text(") WITH (")
	commaSeparated(p, t.columns, func(c jsonColumn) {
		p.identifier(c.name)
		p.text(" " + c.to.declaration() + " '" + c.path + "'")
	})
	p.text(")")
}

// The line break ends a comment that the author may have left at the end.
func (t authoredQuery) printSource(p *printer) {
	p.text("(")
	for _, part := range t.parts {
		if part.value != nil {
			part.value.print(p)
		} else {
			p.text(part.text)
		}
	}
	p.text("\n)")
}

func sqlText(e interface{ print(p *printer) }) string {
	var p printer
	e.print(&p)
	return p.b.String()
}
