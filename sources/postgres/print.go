package postgres

import (
	"strconv"
	"strings"
)

// printer writes SQL text.
type printer struct{ b strings.Builder }

// text appends SQL that the compiler knows.
func (p *printer) text(s string) { p.b.WriteString(s) }

// identifier quotes a name; names reach SQL text nowhere else.
func (p *printer) identifier(name string) {
	p.b.WriteByte('"')
	p.b.WriteString(strings.ReplaceAll(name, `"`, `""`))
	p.b.WriteByte('"')
}

func (p *printer) qualified(schema, name string) {
	if schema != "" {
		p.identifier(schema)
		p.text(".")
	}
	p.identifier(name)
}

// commaSeparated prints the members of a comma-separated list.
func commaSeparated[T any](p *printer, members []T, printMember func(T)) {
	for i, m := range members {
		if i > 0 {
			p.text(", ")
		}
		printMember(m)
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

func (t sqlType) print(p *printer) {
	schema := t.schema
	if schema == "pg_catalog" {
		schema = "" // implicitly first in every search path
	}
	p.qualified(schema, t.name)
	if t.array {
		p.text("[]")
	}
}

// Aliases are the compiler's own short words, so they need no quotes.
func (e columnOf) print(p *printer) {
	p.text(e.alias)
	p.text(".")
	p.identifier(e.name)
}

func (e wholeRow) print(p *printer) { p.text(e.alias) }

func (e parameter) print(p *printer) {
	p.text("($")
	p.text(strconv.Itoa(e.number))
	p.text(")::")
	e.cast.print(p)
}

func (e keyword) print(p *printer) { p.text(string(e)) }

func (e infix) print(p *printer) {
	p.text("(")
	e.left.print(p)
	p.text(" " + e.operator + " ")
	e.right.print(p)
	p.text(")")
}

func (e quantified) print(p *printer) {
	p.text("(")
	e.left.print(p)
	p.text(" " + e.operator + " " + e.quantifier + " (")
	if e.rows != nil {
		e.rows.print(p)
	} else {
		e.array.print(p)
	}
	p.text("))")
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

func (e caseWhen) print(p *printer) {
	p.text("CASE WHEN ")
	e.condition.print(p)
	p.text(" THEN ")
	e.then.print(p)
	p.text(" END")
}

func (e castTo) print(p *printer) {
	p.text("(")
	e.value.print(p)
	p.text(")::")
	e.to.print(p)
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
	commaSeparated(p, e.arguments, func(a argument) {
		if a.name != "" {
			p.identifier(a.name)
			p.text(" => ")
		}
		a.value.print(p)
	})
	p.text(")")
	if e.filter != nil {
		p.text(" FILTER (WHERE ")
		e.filter.print(p)
		p.text(")")
	}
}

func (e window) print(p *printer) {
	e.call.print(p)
	p.text(" OVER (ORDER BY ")
	commaSeparated(p, e.orderBy, func(o ordering) { o.print(p) })
	p.text(")")
}

func (e record) print(p *printer) {
	p.text("ROW(")
	p.expressions(e.items)
	p.text(")")
}

func (e subquery) print(p *printer) {
	p.text("(")
	e.query.print(p)
	p.text(")")
}

func (e arrayOf) print(p *printer) {
	p.text("ARRAY(")
	e.query.print(p)
	p.text(")")
}

func (e exists) print(p *printer) {
	p.text("EXISTS (")
	e.query.print(p)
	p.text(")")
}

func (q *query) print(p *printer) {
	for i, w := range q.with {
		if i == 0 {
			p.text("WITH ")
		} else {
			p.text(", ")
		}
		p.text(w.name + " AS (")
		w.query.print(p)
		p.text(") ")
	}
	p.text("SELECT ")
	if q.distinct {
		p.text("DISTINCT ")
	}
	if len(q.distinctOn) > 0 {
		p.text("DISTINCT ON (")
		p.expressions(q.distinctOn)
		p.text(") ")
	}
	q.printItems(p)
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
	p.conditions(" HAVING ", q.having)
	if len(q.orderBy) > 0 {
		p.text(" ORDER BY ")
		commaSeparated(p, q.orderBy, func(o ordering) { o.print(p) })
	}
	if q.limit != nil {
		p.text(" LIMIT ")
		q.limit.print(p)
	}
	if q.offset != nil {
		p.text(" OFFSET ")
		q.offset.print(p)
	}
}

func (q *query) printItems(p *printer) {
	if q.star != "" {
		p.text(q.star + ".*")
		if len(q.items) > 0 {
			p.text(", ")
		}
	}
	if q.record {
		p.text("ROW(")
	}
	commaSeparated(p, q.items, func(i item) {
		i.value.print(p)
		if i.alias != "" {
			p.text(" AS ")
			p.identifier(i.alias)
		}
	})
	if q.record {
		p.text(")")
	}
}

func (o ordering) print(p *printer) {
	o.value.print(p)
	if o.descending {
		p.text(" DESC")
	}
	p.text(o.nulls)
}

func (f fromItem) print(p *printer) {
	p.text(f.join)
	f.source.printSource(p)
	p.text(" AS " + f.alias)
	if len(f.columns) > 0 {
		p.text("(" + strings.Join(f.columns, ", ") + ")")
	}
	if len(f.on) > 0 {
		p.conditions(" ON ", f.on)
	} else if f.join == leftJoin || f.join == innerJoin || f.join == leftJoinLateral {
		p.text(" ON true")
	}
}

// The ways rows are joined.
const (
	innerJoin       = " JOIN "
	leftJoin        = " LEFT JOIN "
	leftJoinLateral = " LEFT JOIN LATERAL "
	crossJoin       = " CROSS JOIN "
	crossJoinLat    = " CROSS JOIN LATERAL "
)

func (t tableName) printSource(p *printer) { p.qualified(t.schema, t.name) }

func (t tableFunction) printSource(p *printer) {
	t.call.print(p)
	if t.ordinality {
		p.text(" WITH ORDINALITY")
	}
}

func (t derivedTable) printSource(p *printer) {
	p.text("(")
	t.query.print(p)
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

func sqlText(q *query) string {
	var p printer
	q.print(&p)
	return p.b.String()
}
