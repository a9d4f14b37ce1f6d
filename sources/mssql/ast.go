package mssql

// The types below are the T-SQL that the compiler makes. Only print.go turns
// them into text. User data never stands in them: it is a parameter.
//
// T-SQL keeps conditions and values apart. Both are expressions here; what is
// a condition (infix, junction, negation, nullTest, exists, inRows and the
// keywords always and never) only ever stands where one is asked for.

// expression is a piece of T-SQL.
type expression interface{ print(p *printer) }

// columnOf is a column of the rows that an alias names.
type columnOf struct{ alias, name string }

// parameter is a parameter of the statement.
type parameter struct{ number int }

// member is a member of the JSON array that holds the parameters beyond those
// that a statement may have.
type member struct{ parameter, index int }

// keyword is constant SQL: a number known to the compiler, a condition that
// always holds.
type keyword string

const (
	always  keyword = "(1 = 1)"
	never   keyword = "(1 = 0)"
	nothing keyword = "NULL"
	one     keyword = "1"
	zero    keyword = "0"
)

// infix is a binary operator.
type infix struct {
	operator    string
	left, right expression
}

// junction is a list of conditions that AND or OR joins.
type junction struct {
	operator string
	parts    []expression
}

// negation is NOT.
type negation struct{ part expression }

// nullTest is IS NULL or IS NOT NULL.
type nullTest struct {
	left   expression
	negate bool
}

// inRows is IN or NOT IN of a query's only column.
type inRows struct {
	left   expression
	negate bool
	query  *query
}

// caseWhen is a value where the condition holds, otherwise another or null.
type caseWhen struct{ condition, then, otherwise expression }

// castTo is CAST.
type castTo struct {
	value expression
	to    sqlType
}

// converted is CONVERT with a style.
type converted struct {
	value expression
	to    sqlType
	style int
}

// collated is a value under a collation.
type collated struct {
	value     expression
	collation string
}

// call is a function or an aggregate. Calls without a schema are the
// database's own functions.
type call struct {
	schema, name string
	arguments    []expression
	star         bool // COUNT_BIG(*)
	distinct     bool
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

// window is a ranking function with OVER.
type window struct {
	function    string
	partitionBy []expression
	orderBy     []ordering
}

// subquery is a query as a value.
type subquery struct{ query *query }

// exists is EXISTS (query).
type exists struct{ query *query }

// item is a member of a select list.
type item struct {
	value expression
	alias string
}

// ordering is a member of an ORDER BY list.
type ordering struct {
	value      expression
	descending bool
}

// query is a SELECT.
type query struct {
	// top bounds the rows; not together with offset.
	top expression
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

// The ways rows are joined.
const (
	innerJoin  = " JOIN "
	leftJoin   = " LEFT JOIN "
	crossApply = " CROSS APPLY "
	outerApply = " OUTER APPLY "
)

// fromItem is a member of FROM. All but the first have a join.
type fromItem struct {
	join   string
	source fromSource
	alias  string
	on     []expression
}

// fromSource is what rows are read from.
type fromSource interface{ printSource(p *printer) }

// tableName is a table or view.
type tableName struct{ schema, name string }

// tableFunction is a table-valued function.
type tableFunction struct{ call *call }

// derivedTable is a query in FROM.
type derivedTable struct{ query *query }

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

// authoredQuery is SQL that the metadata's author wrote, with parameters.
type authoredQuery struct{ parts []authoredPart }

// authoredPart is text, or a parameter.
type authoredPart struct {
	text  string
	value expression
}
