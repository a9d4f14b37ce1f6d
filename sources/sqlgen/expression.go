package sqlgen

// Expression is a part of a statement: a value, a condition, a query, or what
// rows are read from. User data never stands in it: it is a parameter.
type Expression interface{ Print(p *Printer) }

// Keyword is constant SQL: null, a number known to the compiler.
type Keyword string

// Print writes it as it is.
func (e Keyword) Print(p *Printer) { p.Text(string(e)) }

// ColumnOf is a column of the rows that an alias names. Aliases are the
// compiler's own short words, so they need no quotes.
type ColumnOf struct{ Alias, Name string }

// Column gives a column of the rows that an alias names.
func Column(alias, name string) ColumnOf { return ColumnOf{Alias: alias, Name: name} }

// Print writes alias.column.
func (e ColumnOf) Print(p *Printer) {
	p.Text(e.Alias)
	p.Text(".")
	p.Identifier(e.Name)
}

type infix struct {
	operator    string
	left, right Expression
}

// Infix is a binary operator.
func Infix(operator string, left, right Expression) Expression { return infix{operator, left, right} }

func (e infix) Print(p *Printer) {
	p.Text("(")
	e.left.Print(p)
	p.Text(" " + e.operator + " ")
	e.right.Print(p)
	p.Text(")")
}

// The operators of junctions.
const (
	and = "AND"
	or  = "OR"
)

type junction struct {
	operator string
	parts    []Expression
}

// And holds where all parts hold. A single part stands in parentheses.
func And(parts ...Expression) Expression { return junction{and, parts} }

// Or holds where one of the parts holds.
func Or(parts ...Expression) Expression { return junction{or, parts} }

func (e junction) Print(p *Printer) {
	p.Text("(")
	for i, part := range e.parts {
		if i > 0 {
			p.Text(" " + e.operator + " ")
		}
		part.Print(p)
	}
	p.Text(")")
}

type negation struct{ part Expression }

// Not is NOT.
func Not(part Expression) Expression { return negation{part} }

func (e negation) Print(p *Printer) {
	p.Text("(NOT ")
	e.part.Print(p)
	p.Text(")")
}

type nullTest struct {
	left   Expression
	negate bool
}

// NullTest is IS NULL or, negated, IS NOT NULL.
func NullTest(left Expression, negate bool) Expression { return nullTest{left, negate} }

// IsNull is IS NULL.
func IsNull(left Expression) Expression { return nullTest{left, false} }

// IsNotNull is IS NOT NULL.
func IsNotNull(left Expression) Expression { return nullTest{left, true} }

func (e nullTest) Print(p *Printer) {
	p.Text("(")
	e.left.Print(p)
	if e.negate {
		p.Text(" IS NOT NULL)")
	} else {
		p.Text(" IS NULL)")
	}
}

type caseWhen struct{ condition, then, otherwise Expression }

// CaseWhen is a value that is null unless the condition holds.
func CaseWhen(condition, then Expression) Expression {
	return caseWhen{condition: condition, then: then}
}

// CaseElse is a value where the condition holds, another where it doesn't.
func CaseElse(condition, then, otherwise Expression) Expression {
	return caseWhen{condition, then, otherwise}
}

func (e caseWhen) Print(p *Printer) {
	p.Text("CASE WHEN ")
	e.condition.Print(p)
	p.Text(" THEN ")
	e.then.Print(p)
	if e.otherwise != nil {
		p.Text(" ELSE ")
		e.otherwise.Print(p)
	}
	p.Text(" END")
}

// ShownColumn is the column that an expression shows where a condition holds or
// everywhere, if it shows one.
func ShownColumn(e Expression) (ColumnOf, bool) {
	if guarded, ok := e.(caseWhen); ok {
		e = guarded.then
	}
	column, ok := e.(ColumnOf)
	return column, ok
}

// Call is a function or an aggregate. Calls without a schema are the database's
// own functions.
type Call struct {
	Schema, Name string
	Arguments    []Expression
	Star         bool // count(*)
	Distinct     bool
	Filter       Expression
}

// Function calls a function of the database's own.
func Function(name string, arguments ...Expression) *Call {
	return &Call{Name: name, Arguments: arguments}
}

// Print writes name(arguments).
func (e *Call) Print(p *Printer) {
	if e.Schema == "" {
		p.Text(e.Name)
	} else {
		p.Qualified(e.Schema, e.Name)
	}
	p.Text("(")
	if e.Distinct {
		p.Text("DISTINCT ")
	}
	if e.Star {
		p.Text("*")
	}
	p.Expressions(e.Arguments)
	p.Text(")")
	if e.Filter != nil {
		p.Text(" FILTER (WHERE ")
		e.Filter.Print(p)
		p.Text(")")
	}
}

// Window is a ranking function with OVER.
type Window struct {
	Function    string
	PartitionBy []Expression
	OrderBy     []Ordering
}

// Print writes function() OVER (…).
func (e Window) Print(p *Printer) {
	p.Text(e.Function + "() OVER (")
	if len(e.PartitionBy) > 0 {
		p.Text("PARTITION BY ")
		p.Expressions(e.PartitionBy)
		p.Text(" ")
	}
	p.OrderBy(e.OrderBy)
	p.Text(")")
}

type wrapped struct {
	before string
	query  Expression
}

// Subquery is a query as a value or as rows to read from.
func Subquery(query Expression) Expression { return wrapped{"(", query} }

// Exists is EXISTS (query).
func Exists(query Expression) Expression { return wrapped{"EXISTS (", query} }

// Array is ARRAY(query).
func Array(query Expression) Expression { return wrapped{"ARRAY(", query} }

func (e wrapped) Print(p *Printer) {
	p.Text(e.before)
	e.query.Print(p)
	p.Text(")")
}
