package postgres

import (
	"strconv"

	"dovetail/sources/sqlgen"
)

// The SQL that the compiler makes is a tree of what all dialects share and of
// the types below. Only their methods turn it into text. User data never stands
// in it: it is a parameter.
type (
	expression = sqlgen.Expression
	keyword    = sqlgen.Keyword
	columnOf   = sqlgen.ColumnOf
	call       = sqlgen.Call
	item       = sqlgen.Item
	ordering   = sqlgen.Ordering
	fromItem   = sqlgen.FromItem
	printer    = sqlgen.Printer
)

var dialect = &sqlgen.Dialect{Open: `"`, Close: `"`, Always: "true", Never: "false"} //nolint:gochecknoglobals // a constant

// crossJoinLateral joins rows that depend on those before them.
const crossJoinLateral = " CROSS JOIN LATERAL "

// sqlType is the name of a type, or of an array of it.
type sqlType struct {
	schema, name string
	array        bool
}

func (t sqlType) print(p *printer) {
	schema := t.schema
	if schema == "pg_catalog" {
		schema = "" // implicitly first in every search path
	}
	p.Qualified(schema, t.name)
	if t.array {
		p.Text("[]")
	}
}

// wholeRow is the row that an alias names, as one composite value.
type wholeRow struct{ alias string }

func (e wholeRow) Print(p *printer) { p.Text(e.alias) }

// parameter is a parameter of the statement, cast to its type.
type parameter struct {
	index int
	cast  sqlType
	uses  *parameterUses
}

// parameterUses are the parameters that the text of a statement has.
type parameterUses struct {
	printed map[int]bool
	// numbers of the parameters in the text; nil: they are counted from 1.
	numbers map[int]int
}

func newParameterUses() *parameterUses { return &parameterUses{printed: map[int]bool{}} }

// Print writes the parameter by its number.
func (e parameter) Print(p *printer) {
	number := e.index + 1
	if e.uses.numbers != nil {
		number = e.uses.numbers[e.index]
	}
	e.uses.printed[e.index] = true
	p.Text("($")
	p.Text(strconv.Itoa(number))
	p.Text(")::")
	e.cast.print(p)
}

// castTo is a cast.
type castTo struct {
	value expression
	to    sqlType
}

func (e castTo) Print(p *printer) {
	p.Text("(")
	e.value.Print(p)
	p.Text(")::")
	e.to.print(p)
}

// asText is a value as the text that keys travel as, of which only the same bytes
// are equal.
type asText struct{ value expression }

func (e asText) Print(p *printer) {
	castTo{value: e.value, to: systemCast("text")}.Print(p)
	p.Text(` COLLATE "C"`)
}

// quantified compares with any or all elements of an array or a subquery.
type quantified struct {
	operator   string
	left       expression
	quantifier string // ANY, ALL
	array      expression
	rows       *query
}

func (e quantified) Print(p *printer) {
	p.Text("(")
	e.left.Print(p)
	p.Text(" " + e.operator + " " + e.quantifier + " (")
	if e.rows != nil {
		e.rows.Print(p)
	} else {
		e.array.Print(p)
	}
	p.Text("))")
}

// namedArgument is an argument of a call that is passed by name.
type namedArgument struct {
	name  string
	value expression
}

func (e namedArgument) Print(p *printer) {
	p.Identifier(e.name)
	p.Text(" => ")
	e.value.Print(p)
}

// record is ROW(…).
type record struct{ items []expression }

func (e record) Print(p *printer) {
	p.Text("ROW(")
	p.Expressions(e.items)
	p.Text(")")
}

// withOrdinality is a function in FROM that numbers its rows.
type withOrdinality struct{ call *call }

func (e withOrdinality) Print(p *printer) {
	e.call.Print(p)
	p.Text(" WITH ORDINALITY")
}

// query is a SELECT.
type query struct {
	with []commonTable
	// distinct selects equal rows once.
	distinct   bool
	distinctOn []expression
	// star names the alias whose columns are all selected before items.
	star  string
	items []item
	// record selects one ROW of the items instead of the items.
	record  bool
	from    []fromItem
	where   []expression
	groupBy []expression
	having  []expression
	orderBy []ordering
	limit   expression
	offset  expression
}

// commonTable is a member of WITH.
type commonTable struct {
	name  string
	query *query
}

// Print writes the statement.
func (q *query) Print(p *printer) {
	for i, w := range q.with {
		if i == 0 {
			p.Text("WITH ")
		} else {
			p.Text(", ")
		}
		p.Text(w.name + " AS (")
		w.query.Print(p)
		p.Text(") ")
	}
	p.Text("SELECT ")
	if q.distinct {
		p.Text("DISTINCT ")
	}
	if len(q.distinctOn) > 0 {
		p.Text("DISTINCT ON (")
		p.Expressions(q.distinctOn)
		p.Text(") ")
	}
	if q.record {
		p.Text("ROW(")
	}
	p.Items(q.star, q.items)
	if q.record {
		p.Text(")")
	}
	p.From(q.from, q.where, q.groupBy)
	p.Conditions(" HAVING ", q.having)
	if len(q.orderBy) > 0 {
		p.Text(" ")
		p.OrderBy(q.orderBy)
	}
	if q.limit != nil {
		p.Text(" LIMIT ")
		q.limit.Print(p)
	}
	if q.offset != nil {
		p.Text(" OFFSET ")
		q.offset.Print(p)
	}
}
