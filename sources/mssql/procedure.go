package mssql

import (
	"strconv"

	"dovetail/internal/plan"
	"dovetail/sources"
	"dovetail/sources/sqlgen"
)

// procedureCall runs a stored procedure before the statement that reads its
// rows, and keeps them in a table variable.
type procedureCall struct {
	schema, name string
	number       int
	columns      []plan.Column
	arguments    []procedureArgument
}

// procedureArgument is an argument that goes by name.
type procedureArgument struct {
	name  string
	value expression
	as    sqlType
}

// rowsVariable is the table variable of a call's rows.
type rowsVariable struct{ number int }

func (v rowsVariable) Print(p *printer) { p.Text(v.name()) }

func (v rowsVariable) name() string { return "@rows" + strconv.Itoa(v.number) }

// procedure compiles the call of a procedure, whose rows are then those of the
// variable.
func (c *compiler) procedure(f *plan.FunctionCall) (rowsVariable, error) {
	variable := rowsVariable{number: len(c.procedures)}
	if len(c.fragment.Bindings) > 0 {
		return variable, sources.NotSupported("the stored procedure %q can't be run for each of several rows", f.Name)
	}
	c.readsOnly = false
	out := &procedureCall{schema: f.Schema, name: f.Name, number: variable.number, columns: f.Results}
	if out.schema == "" {
		out.schema = defaultSchema
	}
	for _, a := range f.Arguments {
		if a.Row || a.Session || !validParameter(a.Name) {
			return variable, sources.NotSupported("the argument %q of the stored procedure %q can't be passed", a.Name, f.Name)
		}
		value, err := c.value(a.Value, a.Type)
		if err != nil {
			return variable, err
		}
		out.arguments = append(out.arguments, procedureArgument{name: a.Name, value: value, as: local(declared(a.Type))})
	}
	c.procedures = append(c.procedures, out)
	return variable, nil
}

// validParameter tells whether a name can be that of a parameter, which has no
// quotes.
func validParameter(name string) bool { return validCollation(name) }

// local is the type of a variable that holds a value: the oldest types of long
// values have none.
func local(t sqlType) sqlType {
	switch t.base {
	case typeText:
		return sqlType{base: typeVarchar, length: maxLength}
	case typeNtext:
		return asText
	case typeImage:
		return asBytes
	case typeRowversion, typeTimestamp:
		return sqlType{base: typeVarbinary, length: 8}
	}
	return t
}

// print writes what comes before the statement. Values of arguments go through
// variables, because EXECUTE takes no expressions.
func (c *procedureCall) Print(p *printer) {
	variable := rowsVariable{number: c.number}.name()
	p.Text("DECLARE " + variable + " TABLE (")
	sqlgen.Commas(p, c.columns, func(column plan.Column) {
		p.Identifier(column.Name)
		p.Text(" " + local(declared(column.Type)).declaration() + " NULL")
	})
	p.Text(");\n")
	for i, a := range c.arguments {
		p.Text("DECLARE " + c.argument(i) + " " + a.as.declaration() + " = ")
		a.value.Print(p)
		p.Text(";\n")
	}
	p.Text("INSERT INTO " + variable + " EXECUTE ")
	p.Qualified(c.schema, c.name)
	for i, a := range c.arguments {
		if i > 0 {
			p.Text(",")
		}
		p.Text(" @" + a.name + " = " + c.argument(i))
	}
	p.Text(";\n")
}

func (c *procedureCall) argument(i int) string {
	return "@a" + strconv.Itoa(c.number) + "_" + strconv.Itoa(i)
}

// prelude is the batch that comes before the statement; empty without calls.
func (c *compiler) prelude() string {
	if len(c.procedures) == 0 {
		return ""
	}
	p := sqlgen.NewPrinter(dialect)
	p.Text("SET NOCOUNT ON;\n")
	for _, call := range c.procedures {
		call.Print(p)
	}
	return p.String()
}
