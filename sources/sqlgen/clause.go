package sqlgen

import (
	"strings"

	"dovetail/internal/plan"
)

// Item is a member of a select list.
type Item struct {
	Value Expression
	Alias string
}

// Ordering is a member of an ORDER BY list.
type Ordering struct {
	Value      Expression
	Descending bool
	Nulls      string // NULLS FIRST, NULLS LAST or nothing
}

// The ways of joining rows that have conditions.
const (
	InnerJoin = " JOIN "
	LeftJoin  = " LEFT JOIN "
)

// FromItem is a member of FROM. All but the first have a join.
type FromItem struct {
	Join    string
	Source  Expression
	Alias   string
	Columns []string
	On      []Expression
}

func (f *FromItem) print(p *Printer) {
	p.Text(f.Join)
	f.Source.Print(p)
	p.Text(" AS " + f.Alias)
	if len(f.Columns) > 0 {
		p.Text("(" + strings.Join(f.Columns, ", ") + ")")
	}
	if len(f.On) > 0 {
		p.Conditions(" ON ", f.On)
	} else if f.Join == LeftJoin || f.Join == InnerJoin {
		p.Text(" ON " + string(p.dialect.Always))
	}
}

type table struct{ schema, name string }

// Table is a table or view, or a member of WITH when the schema is empty.
func Table(schema, name string) Expression { return table{schema, name} }

func (t table) Print(p *Printer) { p.Qualified(t.schema, t.name) }

// authored is SQL that the metadata's author wrote, with parameters.
type authored []Expression

// NativeQuery is the rows of a native query, whose values compile as value says.
func NativeQuery(n *plan.NativeQuery, value func(plan.Value, plan.Type) (Expression, error)) (Expression, error) {
	out := make(authored, len(n.Parts))
	for i, part := range n.Parts {
		if part.Value == nil {
			text := part.SQL
			if i == len(n.Parts)-1 {
				text = TrimStatement(text)
			}
			out[i] = Keyword(text)
			continue
		}
		var err error
		if out[i], err = value(part.Value, part.Type); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// TrimStatement takes the end of a statement off, so that it can stand inside
// of another.
func TrimStatement(sql string) string { return strings.TrimRight(sql, "; \t\r\n") }

// The line break ends a comment that the author may have left at the end.
func (a authored) Print(p *Printer) {
	p.Text("(")
	for _, part := range a {
		part.Print(p)
	}
	p.Text("\n)")
}
