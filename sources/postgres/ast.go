package postgres

// The types below are the SQL that the compiler makes. Only print.go turns
// them into text. User data never stands in them: it is a parameter.

// expression is a piece of SQL that yields a value.
type expression interface{ print(p *printer) }

// columnOf is a column of the rows that an alias names.
type columnOf struct{ alias, name string }

// wholeRow is the row that an alias names, as one composite value.
type wholeRow struct{ alias string }

// parameter is a parameter of the statement, cast to its type.
type parameter struct {
	number int
	cast   sqlType
}

// keyword is constant SQL: true, null, a number known to the compiler.
type keyword string

// infix is a binary operator.
type infix struct {
	operator    string
	left, right expression
}

// quantified compares with any or all elements of an array or a subquery.
type quantified struct {
	operator   string
	left       expression
	quantifier string // ANY, ALL
	array      expression
	rows       *query
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

// caseWhen is a value that is null unless the condition holds.
type caseWhen struct{ condition, then expression }

// castTo is a cast.
type castTo struct {
	value expression
	to    sqlType
}

// argument is an argument of a call; with a name it is passed by name.
type argument struct {
	name  string
	value expression
}

// call is a function or an aggregate. Calls without a schema are the
// database's own functions.
type call struct {
	schema, name string
	arguments    []argument
	star         bool // count(*)
	distinct     bool
	filter       expression
}

// window is a window function over all rows.
type window struct {
	call    *call
	orderBy []ordering
}

// record is ROW(…).
type record struct{ items []expression }

// subquery is a query as a value.
type subquery struct{ query *query }

// arrayOf is ARRAY(query).
type arrayOf struct{ query *query }

// exists is EXISTS (query).
type exists struct{ query *query }

// sqlType is the name of a type, or of an array of it.
type sqlType struct {
	schema, name string
	array        bool
}

// item is a member of a select list.
type item struct {
	value expression
	alias string
}

// ordering is a member of an ORDER BY list.
type ordering struct {
	value      expression
	descending bool
	nulls      string // NULLS FIRST, NULLS LAST or nothing
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

// fromItem is a member of FROM. All but the first have a join.
type fromItem struct {
	join    string
	source  fromSource
	alias   string
	columns []string
	on      []expression
}

// fromSource is what rows are read from.
type fromSource interface{ printSource(p *printer) }

// tableName is a table or view, or a member of WITH when the schema is empty.
type tableName struct{ schema, name string }

// tableFunction is a function in FROM.
type tableFunction struct {
	call       *call
	ordinality bool
}

// derivedTable is a query in FROM.
type derivedTable struct{ query *query }

// authoredQuery is SQL that the metadata's author wrote, with parameters.
type authoredQuery struct{ parts []authoredPart }

// authoredPart is text, or a parameter.
type authoredPart struct {
	text  string
	value expression
}
