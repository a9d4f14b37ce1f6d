package mssql

import (
	"strconv"

	"dovetail/sources/sqlgen"
)

// The T-SQL that the compiler makes is a tree of what all dialects share and of
// the types below. Only their methods turn it into text. User data never stands
// in it: it is a parameter.
//
// T-SQL keeps conditions and values apart. Both are expressions here; what is
// a condition (an operator, AND, OR, NOT, IS NULL, EXISTS, inRows and the
// dialect's Always and Never) only ever stands where one is asked for.
type (
	expression = sqlgen.Expression
	keyword    = sqlgen.Keyword
	columnOf   = sqlgen.ColumnOf
	call       = sqlgen.Call
	window     = sqlgen.Window
	item       = sqlgen.Item
	ordering   = sqlgen.Ordering
	fromItem   = sqlgen.FromItem
	printer    = sqlgen.Printer
)

var dialect = &sqlgen.Dialect{Open: "[", Close: "]", Always: "(1 = 1)", Never: "(1 = 0)"} //nolint:gochecknoglobals // a constant

const (
	one  keyword = "1"
	zero keyword = "0"
)

// The ways of joining rows that depend on those before them.
const (
	crossApply = " CROSS APPLY "
	outerApply = " OUTER APPLY "
)

// parameter is a parameter of the statement.
type parameter struct{ number int }

func (e parameter) Print(p *printer) { p.Text(parameterName(e.number)) }

func parameterName(number int) string { return "@p" + strconv.Itoa(number) }

// member is a member of the JSON array that holds the parameters beyond those
// that a statement may have.
type member struct{ parameter, index int }

func (e member) Print(p *printer) {
	p.Text("(SELECT [value] FROM OPENJSON(" + parameterName(e.parameter) + ") WHERE [key] = N'" + strconv.Itoa(e.index) + "')")
}

// inRows is IN or NOT IN of a query's only column.
type inRows struct {
	left   expression
	negate bool
	query  *query
}

func (e inRows) Print(p *printer) {
	p.Text("(")
	e.left.Print(p)
	if e.negate {
		p.Text(" NOT")
	}
	p.Text(" IN (")
	e.query.Print(p)
	p.Text("))")
}

// castTo is CAST.
type castTo struct {
	value expression
	to    sqlType
}

func (e castTo) Print(p *printer) {
	p.Text("CAST(")
	e.value.Print(p)
	p.Text(" AS " + e.to.declaration() + ")")
}

// converted is CONVERT with a style.
type converted struct {
	value expression
	to    sqlType
	style int
}

func (e converted) Print(p *printer) {
	p.Text("CONVERT(" + e.to.declaration() + ", ")
	e.value.Print(p)
	p.Text(", " + strconv.Itoa(e.style) + ")")
}

// collated is a value under a collation.
type collated struct {
	value     expression
	collation string
}

func (e collated) Print(p *printer) {
	p.Text("(")
	e.value.Print(p)
	p.Text(" COLLATE " + e.collation + ")")
}

// method is a method or a property of a CLR type's value, or of the type itself
// (geometry::STGeomFromText).
type method struct {
	value     expression
	static    string
	name      string
	arguments []expression
	property  bool
}

func (e method) Print(p *printer) {
	if e.static != "" {
		p.Text(e.static + "::" + e.name)
	} else {
		e.value.Print(p)
		p.Text("." + e.name)
	}
	if e.property {
		return
	}
	p.Text("(")
	p.Expressions(e.arguments)
	p.Text(")")
}

// openJSON reads the rows of a JSON array.
type openJSON struct {
	array   expression
	columns []jsonColumn
}

// jsonColumn is a column of openJSON: the value at a path inside of an element.
type jsonColumn struct {
	name string
	to   sqlType
	path string
}

func (t openJSON) Print(p *printer) {
	p.Text("OPENJSON(")
	t.array.Print(p)
	p.Text(") WITH (")
	sqlgen.Commas(p, t.columns, func(c jsonColumn) {
		p.Identifier(c.name)
		p.Text(" " + c.to.declaration() + " '" + c.path + "'")
	})
	p.Text(")")
}

// query is a SELECT.
type query struct {
	// top bounds the rows; not together with offset.
	top expression
	// distinct leaves one of equal rows.
	distinct bool
	// star names the alias whose columns are all selected before items.
	star    string
	items   []item
	from    []fromItem
	where   []expression
	groupBy []expression
	orderBy []ordering
	offset  expression
	fetch   expression // only with offset
	// forJSON makes one JSON array of the rows.
	forJSON bool
}

// limited tells whether the query bounds its rows, which is what an ORDER BY
// inside of another query needs.
func (q *query) limited() bool { return q.top != nil || q.offset != nil }

// Print writes the statement.
func (q *query) Print(p *printer) {
	p.Text("SELECT ")
	if q.distinct {
		p.Text("DISTINCT ")
	}
	if q.top != nil {
		p.Text("TOP (")
		q.top.Print(p)
		p.Text(") ")
	}
	p.Items(q.star, q.items)
	p.From(q.from, q.where, q.groupBy)
	if len(q.orderBy) > 0 || q.offset != nil {
		p.Text(" ")
		p.OrderBy(q.orderBy)
	}
	if q.offset != nil {
		p.Text(" OFFSET ")
		q.offset.Print(p)
		p.Text(" ROWS")
		if q.fetch != nil {
			p.Text(" FETCH NEXT ")
			q.fetch.Print(p)
			p.Text(" ROWS ONLY")
		}
	}
	if q.forJSON {
		p.Text(" FOR JSON PATH, INCLUDE_NULL_VALUES")
	}
}
