package mssql

import (
	"strconv"

	"dovetail/internal/plan"
	"dovetail/sources/sqlgen"
)

// asideTable holds the rows that a mutation has written: OUTPUT may hand them to
// a client only where no trigger is, but to a table always. Those that are
// written along with others are in further ones, whose names end in a number.
const asideTable keyword = "@written"

// The columns of asideTable that are none of the written table's.
const (
	placeColumn  = "~place"
	actionColumn = "~action"
	stepColumn   = "~step"
)

// What OUTPUT calls the rows as they are after and before a change.
const (
	afterAlias  = "INSERTED"
	beforeAlias = "DELETED"
)

// aside is a place in a variable for written rows of a table.
type aside struct {
	variable keyword
	table    *plan.Table
	// columns are all of the table, kept those that are set aside.
	columns []plan.Column
	kept    []asideColumn
	// rows are the rows in it.
	rows *scope
	// stepped: the rows say which step has written them.
	stepped bool
}

// asideDeclaration declares a place for written rows.
type asideDeclaration struct{ *aside }

// asideColumn is a column that is set aside.
type asideColumn struct {
	name string
	// from is the type that the table's column has, to the one it has aside.
	from, to sqlType
}

func (d asideDeclaration) Print(p *printer) {
	p.Text("DECLARE " + string(d.variable) + " TABLE (")
	p.Identifier(placeColumn)
	p.Text(" int IDENTITY(1,1), ")
	p.Identifier(actionColumn)
	p.Text(" nvarchar(10)")
	if d.stepped {
		p.Text(", ")
		p.Identifier(stepColumn)
		p.Text(" int")
	}
	for _, c := range d.kept {
		p.Text(", ")
		p.Identifier(c.name)
		p.Text(" " + c.to.name())
	}
	p.Text(")")
}

// output is OUTPUT … INTO.
type output struct {
	// alias names the rows, action what has been done to them, in which step.
	alias  string
	action keyword
	step   int
	into   *aside
}

func (o *output) print(p *printer) {
	p.Text(" OUTPUT ")
	o.action.Print(p)
	if o.into.stepped {
		p.Text(", " + strconv.Itoa(o.step))
	}
	for _, c := range o.into.kept {
		p.Text(", ")
		value := expression(sqlgen.Column(o.alias, c.name))
		if c.from != c.to {
			to := c.to
			to.collation = ""
			value = castTo{value, to}
		}
		value.Print(p)
	}
	p.Text(" INTO ")
	o.into.variable.Print(p)
	p.Text(" (")
	p.Identifier(actionColumn)
	if o.into.stepped {
		p.Text(", ")
		p.Identifier(stepColumn)
	}
	for _, c := range o.into.kept {
		p.Text(", ")
		p.Identifier(c.name)
	}
	p.Text(")")
}

// keyVariable is a variable that holds a column of the row that a step has
// written (of several that an upsert met, the first).
type keyVariable struct {
	name   keyword
	column string
	as     sqlType
	of     *step
}

func (k keyVariable) Print(p *printer) {
	p.Text("DECLARE " + string(k.name) + " " + k.as.declaration() + " = ")
	sqlgen.Subquery(&query{
		items: []item{{Value: sqlgen.Column(writtenAlias, k.column)}}, top: one,
		from: []fromItem{{Source: k.of.into.variable, Alias: writtenAlias}}, where: k.of.own(),
		orderBy: []ordering{{Value: sqlgen.Column(writtenAlias, placeColumn)}},
	}).Print(p)
}

// identityInsert lets rows bring the numbers of an identity column along.
type identityInsert struct {
	table expression
	on    bool
}

func (s identityInsert) Print(p *printer) {
	p.Text("SET IDENTITY_INSERT ")
	s.table.Print(p)
	if s.on {
		p.Text(" ON")
	} else {
		p.Text(" OFF")
	}
}

// insertion is an INSERT.
type insertion struct {
	into    expression
	columns []string
	output  *output
	rows    *query
}

func (n *insertion) Print(p *printer) {
	p.Text("INSERT INTO ")
	n.into.Print(p)
	p.Text(" (")
	sqlgen.Commas(p, n.columns, p.Identifier)
	p.Text(")")
	n.output.print(p)
	p.Text(" ")
	n.rows.Print(p)
}

// setColumn is a column and its new value; nil is its default.
type setColumn struct {
	column string
	value  expression
}

func printSet(p *printer, set []setColumn) {
	p.Text(" SET ")
	sqlgen.Commas(p, set, func(s setColumn) {
		p.Identifier(s.column)
		p.Text(" = ")
		if s.value == nil {
			p.Text("DEFAULT")
			return
		}
		s.value.Print(p)
	})
}

// merge is a MERGE.
type merge struct {
	into  expression
	alias string
	using fromItem
	on    []expression
	// set is what present rows get under the conditions; empty: they stay.
	set        []setColumn
	conditions []expression
	// columns get the values of new rows; without any all have their defaults.
	columns []string
	values  []expression
	output  *output
}

func (m *merge) Print(p *printer) {
	p.Text("MERGE INTO ")
	m.into.Print(p)
	p.Text(" WITH (HOLDLOCK) AS " + m.alias + " USING ")
	m.using.Source.Print(p)
	p.Text(" AS " + m.using.Alias)
	p.Conditions(" ON ", m.on)
	if len(m.set) > 0 {
		p.Text(" WHEN MATCHED")
		p.Conditions(" AND ", m.conditions)
		p.Text(" THEN UPDATE")
		printSet(p, m.set)
	}
	p.Text(" WHEN NOT MATCHED THEN INSERT ")
	if len(m.columns) == 0 {
		p.Text("DEFAULT VALUES")
	} else {
		p.Text("(")
		sqlgen.Commas(p, m.columns, p.Identifier)
		p.Text(") VALUES (")
		p.Expressions(m.values)
		p.Text(")")
	}
	m.output.print(p)
}

// alteration is an UPDATE.
type alteration struct {
	table  expression
	alias  string
	set    []setColumn
	where  []expression
	output *output
}

func (u *alteration) Print(p *printer) {
	p.Text("UPDATE " + u.alias)
	printSet(p, u.set)
	u.output.print(p)
	p.From([]fromItem{{Source: u.table, Alias: u.alias}}, u.where, nil)
}

// removal is a DELETE.
type removal struct {
	table  expression
	alias  string
	where  []expression
	output *output
}

func (d *removal) Print(p *printer) {
	p.Text("DELETE " + d.alias)
	d.output.print(p)
	p.From([]fromItem{{Source: d.table, Alias: d.alias}}, d.where, nil)
}
