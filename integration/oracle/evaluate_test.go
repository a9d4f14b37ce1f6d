package oracle_test

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// truth of SQL: unknown is what comparisons with null are.
type truth int

const (
	no truth = iota
	unknown
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// evaluator answers requests from the rows alone.
type evaluator struct {
	world   *world
	role    string
	session map[string]string
}

func number(text string) *big.Rat {
	n, ok := new(big.Rat).SetString(text)
	if !ok {
		panic("not a number: " + text)
	}
	return n
}

// compareValues orders two values of compatible types.
func compareValues(s scalar, a, b string) int {
	switch {
	case s.number():
		return number(a).Cmp(number(b))
	case s == booleanType: // false < true
		return cmp.Compare(a, b)
	}
	return strings.Compare(canonical(s, a), canonical(s, b))
}

// canonical is the form that values have in common that are equal.
func canonical(s scalar, text string) string {
	switch s {
	case paddedType:
		return strings.TrimRight(text, " ")
	case citextType:
		return strings.Map(func(r rune) rune {
			if r >= 'A' && r <= 'Z' {
				r += 'a' - 'A'
			}
			return r
		}, text)
	case foldedType:
		return strings.ReplaceAll(strings.ToLower(text), "ß", "ss")
	case integerType, bigintType, textType, numericType, booleanType, timestampType, dateType, uuidType:
	}
	return text
}

// rows of a table that a role may see, or all.
func (e *evaluator) rows(t *table, permitted bool) []row {
	var out []row
	for _, r := range t.Rows {
		if !permitted || e.visible(t, r) {
			out = append(out, r)
		}
	}
	return out
}

func (e *evaluator) visible(t *table, r row) bool {
	p := e.world.access(e.role, t.Name)
	return p.Filter == nil || e.holds(t, r, p.Filter, false, r) == yes
}

// related are the rows that a relationship leads to.
func (e *evaluator) related(r *relationship, left row, permitted bool) []row {
	from, to := e.world.table(r.From), e.world.table(r.To)
	return slices.DeleteFunc(e.rows(to, permitted), func(right row) bool {
		return slices.ContainsFunc(r.Pairs, func(p pair) bool {
			return !joins(from.column(p.Left).Type, left[p.Left], to.column(p.Right).Type, right[p.Right])
		})
	})
}

// joins tells whether two keys meet. A key travels as its text, that of char(n)
// without its padding, and the column that it is compared with decides.
func joins(left scalar, a *string, right scalar, b *string) bool {
	if a == nil || b == nil {
		return false
	}
	key := *a
	if left == paddedType {
		key = canonical(left, key)
	}
	if left.textual() && right.number() {
		n, ok := new(big.Rat).SetString(key)
		return ok && n.Cmp(number(*b)) == 0
	}
	if left.textual() && right == uuidType {
		return strings.ToLower(key) == *b
	}
	if left.number() && right.number() {
		return number(key).Cmp(number(*b)) == 0
	}
	return canonical(right, key) == canonical(right, *b)
}

// holds evaluates a condition. Root is the row that a permission is about.
func (e *evaluator) holds(t *table, r row, c *condition, permitted bool, root row) truth {
	switch c.Op {
	case "and":
		out := yes
		for _, part := range c.Parts {
			out = min(out, e.holds(t, r, part, permitted, root))
		}
		return out
	case "or":
		out := no
		for _, part := range c.Parts {
			out = max(out, e.holds(t, r, part, permitted, root))
		}
		return out
	case "not":
		return yes - e.holds(t, r, c.Parts[0], permitted, root)
	case "null":
		return truthOf((r[c.Column] == nil) == c.IsNull)
	case "compare":
		return e.compare(t.column(c.Column).Type, r[c.Column], c)
	case "columns":
		right := r[c.Other]
		if c.Root {
			right = root[c.Other]
		}
		if right == nil {
			return unknown
		}
		operator := map[string]string{"_ceq": "_eq", "_cne": "_neq", "_cgt": "_gt", "_clt": "_lt", "_cgte": "_gte", "_clte": "_lte"}[c.Operator]
		return simple(t.column(c.Column).Type, r[c.Column], operator, *right)
	case "exists":
		other := e.world.table(c.Table)
		return e.any(other, other.Rows, c.Parts[0], permitted, root)
	case "related":
		rel := e.world.relationship(t.Name, c.Relationship)
		rows := e.related(rel, r, permitted)
		if e.world.remote(rel) {
			// Rows of another source are not asked about ours.
			root = nil
		}
		return e.any(e.world.table(rel.To), rows, c.Parts[0], permitted, root)
	case "aggregate":
		return e.compareAggregate(t, r, c, permitted, root)
	}
	panic("unknown condition " + c.Op)
}

func (e *evaluator) any(t *table, rows []row, c *condition, permitted bool, root row) truth {
	return truthOf(slices.ContainsFunc(rows, func(r row) bool { return e.holds(t, r, c, permitted, root) == yes }))
}

func (e *evaluator) compareAggregate(t *table, r row, c *condition, permitted bool, root row) truth {
	rel := e.world.relationship(t.Name, c.Relationship)
	to := e.world.table(rel.To)
	rows := e.related(rel, r, permitted)
	if len(c.Parts) > 0 {
		rows = slices.DeleteFunc(rows, func(x row) bool { return e.holds(to, x, c.Parts[0], permitted, root) != yes })
	}
	value := fold(to, rows, c.Function, c.Arguments, c.Distinct)
	of := numericType
	if strings.HasPrefix(c.Function, "bool") {
		of = booleanType
	}
	// What is looked for is a group that compares: never unknown.
	return truthOf(simple(of, value, c.Operator, c.Values[0].Text) == yes)
}

func (e *evaluator) value(o operand) string {
	if o.Session != "" {
		return e.session[o.Session]
	}
	return o.Text
}

func (e *evaluator) compare(s scalar, left *string, c *condition) truth {
	if c.Operator != "_in" && c.Operator != "_nin" {
		return simple(s, left, c.Operator, e.value(c.Values[0]))
	}
	values := []string{}
	for _, o := range c.Values {
		if o.Session == "" {
			values = append(values, o.Text)
		} else if list := strings.Trim(e.session[o.Session], "{}"); list != "" {
			values = append(values, strings.Split(list, ",")...)
		}
	}
	out := no
	for _, v := range values {
		out = max(out, simple(s, left, "_eq", v))
	}
	if c.Operator == "_nin" {
		return yes - out
	}
	return out
}

func simple(s scalar, left *string, operator, right string) truth {
	if left == nil {
		return unknown
	}
	switch operator {
	case "_like":
		return truthOf(like(*left, right))
	case "_nlike":
		return truthOf(!like(*left, right))
	case "_ilike":
		return truthOf(like(strings.ToLower(*left), strings.ToLower(right)))
	case "_nilike":
		return truthOf(!like(strings.ToLower(*left), strings.ToLower(right)))
	}
	n := compareValues(s, *left, right)
	switch operator {
	case "_eq":
		return truthOf(n == 0)
	case "_neq":
		return truthOf(n != 0)
	case "_gt":
		return truthOf(n > 0)
	case "_lt":
		return truthOf(n < 0)
	case "_gte":
		return truthOf(n >= 0)
	case "_lte":
		return truthOf(n <= 0)
	}
	panic("unknown operator " + operator)
}

// like matches a pattern with % and _ and the escape \.
func like(text, pattern string) bool {
	t, p := []rune(text), []rune(pattern)
	var match func(i, j int) bool
	match = func(i, j int) bool {
		switch {
		case j == len(p):
			return i == len(t)
		case p[j] == '%':
			return match(i, j+1) || i < len(t) && match(i+1, j)
		case p[j] == '_':
			return i < len(t) && match(i+1, j+1)
		case p[j] == '\\' && j+1 < len(p):
			return i < len(t) && t[i] == p[j+1] && match(i+1, j+2)
		}
		return i < len(t) && t[i] == p[j] && match(i+1, j+1)
	}
	return match(0, 0)
}

// fold computes an aggregate; nil is null.
func fold(t *table, rows []row, function string, columns []string, distinct bool) *string {
	if function == "count" {
		n := count(t, rows, columns, distinct)
		return &n
	}
	c := t.column(columns[0])
	values := []string{}
	for _, r := range rows {
		v := r[c.Name]
		if v == nil {
			continue
		}
		if distinct && slices.ContainsFunc(values, func(x string) bool { return compareValues(c.Type, x, *v) == 0 }) {
			continue
		}
		values = append(values, *v)
	}
	if len(values) == 0 {
		return nil
	}
	order := func(a, b string) int { return compareValues(c.Type, a, b) }
	out := ""
	switch function {
	case "min", "bool_and":
		out = slices.MinFunc(values, order)
	case "max", "bool_or":
		out = slices.MaxFunc(values, order)
	case "sum", "avg":
		sum := new(big.Rat)
		for _, v := range values {
			sum.Add(sum, number(v))
		}
		if function == "avg" {
			out = sum.Quo(sum, big.NewRat(int64(len(values)), 1)).RatString()
			break
		}
		scale := 0
		if c.Type == numericType {
			scale = 2
		}
		out = sum.FloatString(scale)
	}
	return &out
}

func count(t *table, rows []row, columns []string, distinct bool) string {
	n := 0
	seen := map[string]bool{}
	for _, r := range rows {
		key := ""
		null := false
		for _, c := range columns {
			if r[c] == nil {
				null = true
				key += "null\x00"
				continue
			}
			key += "=" + canonical(t.column(c).Type, *r[c]) + "\x00"
		}
		if !distinct && null || len(columns) == 1 && null || distinct && seen[key] {
			continue
		}
		seen[key] = true
		n++
	}
	return fmt.Sprint(n)
}
