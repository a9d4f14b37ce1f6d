package sqlite

import (
	"strconv"
	"strings"

	"dovetail/sources/sqlgen"
)

// constant is SQL text written in this package. Its own type keeps strings that
// come from outside from being written as SQL.
type constant string

// alias names a relation in a statement.
type alias int

var dialect = &sqlgen.Dialect{Open: `"`, Close: `"`} //nolint:gochecknoglobals // a constant

// builder collects SQL text.
type builder struct{ text strings.Builder }

func (b *builder) write(parts ...constant) {
	for _, p := range parts {
		b.text.WriteString(string(p))
	}
}

// identifier writes a quoted name. It is the only place where names become SQL.
func (b *builder) identifier(name string) { b.text.WriteString(dialect.Quote(name)) }

func (b *builder) alias(a alias) {
	b.text.WriteByte('t')
	b.text.WriteString(strconv.Itoa(int(a)))
}

func (b *builder) column(a alias, name string) {
	b.alias(a)
	b.text.WriteByte('.')
	b.identifier(name)
}

// numbered writes a name made of a constant and a number: c0, o1.
func (b *builder) numbered(prefix constant, n int) {
	b.text.WriteString(string(prefix))
	b.text.WriteString(strconv.Itoa(n))
}

func (b *builder) parameter(n int) { b.numbered("?", n) }

func (b *builder) integer(n int) { b.text.WriteString(strconv.Itoa(n)) }

// verbatim writes SQL that the metadata's author wrote (native queries).
func (b *builder) verbatim(sql string) { b.text.WriteString(sql) }

func (b *builder) append(o *builder) { b.text.WriteString(o.text.String()) }

func (b *builder) String() string { return b.text.String() }
