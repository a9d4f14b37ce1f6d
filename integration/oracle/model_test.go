package oracle_test

import (
	"encoding/json"
	"slices"
	"strings"
)

// scalar is a column type by its Postgres name.
type scalar string

const (
	integerType   scalar = "integer"
	bigintType    scalar = "bigint"
	textType      scalar = "text"
	numericType   scalar = "numeric"
	booleanType   scalar = "boolean"
	timestampType scalar = "timestamp"
	dateType      scalar = "date"
	uuidType      scalar = "uuid"
	// Texts that are equal when more than their bytes are: blanks at the end don't
	// count in paddedType, the case of ASCII letters in citextType, that of all
	// letters in foldedType, whose order no two databases share.
	paddedType scalar = "char"
	citextType scalar = "citext"
	foldedType scalar = "folded"
)

func scalars() []scalar {
	return []scalar{
		integerType, bigintType, textType, numericType, booleanType, timestampType, dateType, uuidType, paddedType, citextType, foldedType,
	}
}

// textual reports whether values are texts.
func (s scalar) textual() bool {
	return s == textType || s == paddedType || s == citextType || s == foldedType
}

// paddedLength is the length of all values of paddedType.
const paddedLength = 8

// folding is the collation of foldedType in Postgres, which ignores case.
const folding = `public.folding`

// inPostgres is the type in Postgres.
func (s scalar) inPostgres() string {
	switch s {
	case numericType:
		return "numeric(10, 2)"
	case textType:
		return `text COLLATE "C"`
	case paddedType:
		return `char(8) COLLATE "C"`
	case foldedType:
		return "text COLLATE " + folding
	case integerType, bigintType, booleanType, timestampType, dateType, uuidType, citextType:
	}
	return string(s)
}

// inSQLite is the type in SQLite, where nothing is padded and no collation knows
// letters beyond ASCII.
func (s scalar) inSQLite() string {
	switch s {
	case numericType:
		return "numeric(10, 2)"
	case paddedType:
		return "text COLLATE RTRIM"
	case citextType:
		return "text COLLATE NOCASE"
	case integerType, bigintType, textType, booleanType, timestampType, dateType, uuidType, foldedType:
	}
	return string(s)
}

// inServer is the type in SQL Server. Texts compare there by their code units,
// but for spaces at the end.
func (s scalar) inServer() string {
	switch s {
	case integerType:
		return "int"
	case textType:
		return "nvarchar(60) COLLATE Latin1_General_100_BIN2"
	case numericType:
		return "decimal(10, 2)"
	case booleanType:
		return "bit"
	case timestampType:
		return "datetime2"
	case uuidType:
		return "uniqueidentifier"
	case paddedType:
		return "nchar(8) COLLATE Latin1_General_100_BIN2"
	case citextType, foldedType:
		return "nvarchar(60) COLLATE Latin1_General_100_CI_AS"
	case bigintType, dateType:
	}
	return string(s)
}

// graphQLInServer is the type's name in the schema of SQL Server.
func (s scalar) graphQLInServer() string {
	switch s {
	case numericType:
		return "Float"
	case timestampType:
		return "datetime2"
	case uuidType:
		return "uniqueidentifier"
	case paddedType, citextType, foldedType:
		return "String"
	case integerType, bigintType, textType, booleanType, dateType:
	}
	return s.graphQL()
}

// graphQLInSQLite is the type's name in the schema of SQLite.
func (s scalar) graphQLInSQLite() string {
	if s.textual() {
		return "String"
	}
	return s.graphQL()
}

// number tells whether values are numbers, which compare with each other.
func (s scalar) number() bool { return s == integerType || s == bigintType || s == numericType }

// graphQL is the type's name in the schema.
func (s scalar) graphQL() string {
	switch s {
	case integerType:
		return "Int"
	case textType, foldedType:
		return "String"
	case paddedType:
		return "bpchar"
	case booleanType:
		return "Boolean"
	case citextType, bigintType, numericType, timestampType, dateType, uuidType:
		return string(s)
	}
	return string(s)
}

// bare tells whether a value stands in JSON without quotes.
func (s scalar) bare() bool { return s.number() || s == booleanType }

// literal is a value as JSON, and as GraphQL.
func (s scalar) literal(text string) string {
	if s.bare() {
		return text
	}
	return quoted(text)
}

func quoted(text string) string {
	out, err := json.Marshal(text)
	if err != nil {
		panic(err) // strings always have a form
	}
	return string(out)
}

// world is everything but the query. Things refer to each other by name, so
// that removing one leaves the others as they are. A value is its text, null
// is nil.
type world struct {
	Tables        []*table
	Relationships []*relationship
	Roles         []*role
}

type table struct {
	Name    string
	Source  string
	Columns []*column
	Key     []string
	Rows    []row
}

type row map[string]*string

type column struct {
	Name     string
	Type     scalar
	Nullable bool
}

type relationship struct {
	Name, From, To string
	Array          bool
	Pairs          []pair
}

type pair struct{ Left, Right string }

type role struct {
	Name        string
	Permissions map[string]*permission
}

type permission struct {
	Columns      []string
	Filter       *condition
	Limit        *int
	Aggregations bool
}

// condition is a boolean expression of a query or of a permission.
type condition struct {
	Op    string // and, or, not, compare, null, columns, related, aggregate, exists
	Parts []*condition
	// Column is the left side of compare, null and columns.
	Column   string
	Operator string
	Values   []operand
	IsNull   bool
	// Other is the right column of columns; Root: it is the root row's.
	Other string
	Root  bool
	// Relationship of related and aggregate; Table of exists.
	Relationship, Table string
	Function            string
	Arguments           []string
	Distinct            bool
}

// operand is a value: a text, or what a session variable says.
type operand struct {
	Text string
	// Session variable of that name; of _in and _nin it holds the list.
	Session string
	// Variable: the query has it as a variable.
	Variable bool
}

// request is a query and who asks it.
type request struct {
	Role    string
	Session map[string]string
	Fields  []*field
}

// field is a selected field: column, typename, object, array, aggregate, and
// at the root array, aggregate, key (by primary key).
type field struct {
	Alias, Kind                 string
	Column, Relationship, Table string
	Key                         []operand
	Arguments                   *arguments
	Fields                      []*field
	Items                       []*item
}

// item is an aggregate.
type item struct {
	Alias, Function string
	Columns         []string
	Distinct        bool
}

type arguments struct {
	Where         *condition
	Order         []*order
	Limit, Offset *int
	Distinct      []string
	// Variable: where is a variable as a whole.
	Variable bool
}

// order is one key of an ordering: a column of the row or (Path) of a related
// object, or (Function) an aggregate over Relationship.
type order struct {
	Path                   []string
	Relationship, Function string
	Column, Direction      string
}

// server is the source in SQL Server, lite that in SQLite.
const (
	server = "server"
	lite   = "lite"
)

// orders reports whether all databases order a column's values alike.
func (t *table) orders(c *column) bool {
	return c.Type != foldedType && (c.Type != citextType || !t.inServer())
}

func (t *table) inServer() bool { return t.Source == server }

func (w *world) table(name string) *table {
	for _, t := range w.Tables {
		if t.Name == name {
			return t
		}
	}
	return nil
}

func (w *world) relationship(from, name string) *relationship {
	for _, r := range w.Relationships {
		if r.From == from && r.Name == name {
			return r
		}
	}
	return nil
}

func (w *world) from(t string) []*relationship {
	var out []*relationship
	for _, r := range w.Relationships {
		if r.From == t {
			out = append(out, r)
		}
	}
	return out
}

func (w *world) role(name string) *role {
	for _, r := range w.Roles {
		if r.Name == name {
			return r
		}
	}
	return nil
}

func (t *table) column(name string) *column {
	for _, c := range t.Columns {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// cast tells whether a relationship joins columns of types that SQL doesn't
// compare: it is never a local one.
func (w *world) cast(r *relationship) bool {
	for _, p := range r.Pairs {
		left, right := w.table(r.From).column(p.Left).Type, w.table(r.To).column(p.Right).Type
		if left != right && (!left.number() || !right.number()) {
			return true
		}
	}
	return false
}

// remote tells whether a relationship is to another source.
func (w *world) remote(r *relationship) bool {
	return w.table(r.From).Source != w.table(r.To).Source || w.cast(r)
}

const admin = "admin"

// access is what a role may do with a table; nil: nothing.
func (w *world) access(roleName, tableName string) *permission {
	t := w.table(tableName)
	if roleName == admin {
		p := &permission{Aggregations: true}
		for _, c := range t.Columns {
			p.Columns = append(p.Columns, c.Name)
		}
		return p
	}
	r := w.role(roleName)
	if r == nil {
		return nil
	}
	return r.Permissions[tableName]
}

// seesKey tells whether all columns of the primary key may be selected.
func (p *permission) seesKey(t *table) bool {
	return !slices.ContainsFunc(t.Key, func(c string) bool { return !slices.Contains(p.Columns, c) })
}

// total tells whether an ordering leaves no two rows equal.
func (a *arguments) total(t *table) bool {
	if a == nil {
		return false
	}
	return !slices.ContainsFunc(t.Key, func(key string) bool {
		return !slices.ContainsFunc(a.Order, func(o *order) bool {
			return o.Column == key && len(o.Path) == 0 && o.Function == ""
		})
	})
}

// sessionName is the session variable with values of a type.
func sessionName(s scalar, list bool) string {
	name := "x-hasura-any-" + string(s)
	if list {
		name += "-list"
	}
	return name
}

func listText(values []string) string { return "{" + strings.Join(values, ",") + "}" }
