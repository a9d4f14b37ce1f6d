package postgres

import (
	"fmt"
	"slices"
	"strconv"

	"dovetail/internal/plan"
	"dovetail/sources/sqlgen"
)

// Key sets are sent as one array for each column of the key. The array of a
// key of one column is compared with = ANY, which the database both looks up in
// an index and tests by hashing, but only while it sees the array when it plans:
// such statements are planned anew each time they run.

// keyTuple is a key set as parameters: what its columns are sent as. Keys of
// which a part isn't of its column's form are left out.
type keyTuple struct {
	set   int
	casts []sqlType
	forms []keyForm
}

// keyTuple gives the tuple for a key set that has the columns' keys, after the
// ranks if it is ranked.
func (c *compiler) keyTuple(set int, ranked bool, columns []plan.Column) (*keyTuple, error) {
	if set < 0 || set >= len(c.fragment.KeySets) {
		return nil, errNoKeySet(set)
	}
	if len(columns) == 0 {
		return nil, fmt.Errorf("key set %d is compared with no column", set)
	}
	out := &keyTuple{set: set}
	if ranked {
		out.casts, out.forms = append(out.casts, systemCast("int8")), append(out.forms, integerKey(64))
	}
	for _, column := range columns {
		cast, form, _ := keyOf(column.Type)
		if c.exact(set, column) {
			cast, form = systemCast("text"), textKey
		}
		out.casts, out.forms = append(out.casts, cast), append(out.forms, form)
	}
	c.takesKeys = true
	for _, p := range c.parameters {
		// A cast says what is sent, and so the form of it.
		if p.form == formKeySet && p.tuple.set == set && slices.Equal(p.tuple.casts, out.casts) {
			return p.tuple, nil
		}
	}
	return out, nil
}

// keyArray is the array of one part of the keys.
func (c *compiler) keyArray(t *keyTuple, part int) expression {
	return c.parameter(parameterSource{form: formKeySet, tuple: t, part: part, cast: arrayCast(t.casts[part])})
}

// text is the array of one part of the keys as an array literal.
func (t *keyTuple) text(sets []plan.Bindings, part int) ([]byte, error) {
	if t.set >= len(sets) {
		return nil, fmt.Errorf("the keys of key set %d are missing", t.set)
	}
	keys := sets[t.set]
	width := len(t.forms)
	if keys.Width != width || len(keys.Cells)%width != 0 {
		return nil, fmt.Errorf("key set %d has keys of %d parts instead of %d", t.set, keys.Width, width)
	}
	b := make([]byte, 0, 2+len(keys.Cells)/width*12)
	b = append(b, '{')
	for at := 0; at < len(keys.Cells); at += width {
		key, ok := t.part(keys.Cells[at:at+width], part)
		if !ok {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = appendArrayElement(b, key)
	}
	return append(b, '}'), nil
}

func (t *keyTuple) part(key []string, part int) (string, bool) {
	var out string
	for i, form := range t.forms {
		text, ok := form(key[i])
		if !ok {
			return "", false
		}
		if i == part {
			out = text
		}
	}
	return out, true
}

// exact reports whether the keys of a key set are compared with a column as texts.
func (c *compiler) exact(set int, column plan.Column) bool {
	return c.fragment.KeySets[set].Exact(column)
}

// keyComparable gives the two sides of a comparison of a column with keys of a
// key set as they were sent.
func (c *compiler) keyComparable(set int, value, key expression, column plan.Column) (left, right expression) {
	if c.exact(set, column) {
		return asText{value}, key
	}
	return keyComparands(value, key, column.Type)
}

// keyComparands gives the two sides of a comparison of a column with keys of its
// type.
func keyComparands(column, key expression, t plan.Type) (left, right expression) {
	t = t.Underlying()
	if _, _, native := keyOf(t); native {
		return column, key
	}
	if geometric(t) {
		return column, geometryFrom(key, t)
	}
	return castTo{value: column, to: systemCast("text")}, key
}

func geometric(t plan.Type) bool {
	class := t.Underlying().Class
	return class == plan.ClassGeometry || class == plan.ClassGeography
}

// inKeys tests whether a row's key is in a key set. It is never null.
func (c *compiler) inKeys(p *plan.InKeys, s predicateScope) (expression, error) {
	if len(p.Columns) == 0 {
		return c.found(p.KeySet)
	}
	t, err := c.keyTuple(p.KeySet, false, p.Columns)
	if err != nil {
		return nil, err
	}
	if len(p.Columns) > 1 || geometric(p.Columns[0].Type) || c.session.fewKeys && s.joinable {
		return c.inKeyRows(t, p.Columns, s), nil
	}
	c.pages = c.pages || s.joinable && pages(c.fragment.Query)
	column := s.row.column(p.Columns[0].Name)
	left, _ := c.keyComparable(p.KeySet, column, nil, p.Columns[0])
	in := quantified{operator: "=", left: left, quantifier: "ANY", array: c.keyArray(t, 0)}
	if s.negated {
		// Postgres would make <> ALL of it, which it hashes from version 15 on only.
		return orFalse(in), nil
	}
	return sqlgen.And(in, sqlgen.IsNotNull(column)), nil
}

// fewKeys is up to how many keys the database had better begin with. It walks
// through a whole order until enough rows have passed a test for an array, as if
// looking rows up were dear; a join of the keys it plans as it would one of a table.
const fewKeys = 128

// pages tells whether a query wants the first rows of an order.
func pages(q plan.Query) bool {
	s, ok := q.(*plan.Selection)
	return ok && len(s.OrderBy) > 0 && (s.Limit != nil || s.PermitLimit >= 0)
}

// forKeys gives the statement for the key sets of a request.
func (s *Statement) forKeys(args *plan.Arguments) *Statement {
	if s.few == nil {
		return s
	}
	for _, keys := range args.KeySets {
		if keys.Width > 0 && len(keys.Cells)/keys.Width > fewKeys {
			return s
		}
	}
	return s.few
}

// found tells whether a key set without columns found a row.
func (c *compiler) found(set int) (expression, error) {
	if set < 0 || set >= len(c.fragment.KeySets) {
		return nil, errNoKeySet(set)
	}
	return c.parameter(parameterSource{form: formFound, set: set, cast: systemCast("bool")}), nil
}

func errNoKeySet(set int) error { return fmt.Errorf("the fragment has no key set %d", set) }

func orFalse(e expression) expression {
	return sqlgen.Function("coalesce", e, keyword("false"))
}

// inKeyRows tests whether several columns are among the rows of the arrays. At
// the top of a statement that is a join. Elsewhere the rows had better be hashed
// once for all; the database does so when it can't see how many they are.
func (c *compiler) inKeyRows(t *keyTuple, columns []plan.Column, s predicateScope) expression {
	keys := fromItem{Alias: c.alias()}
	unnest := sqlgen.Function("unnest")
	rows := &query{}
	var left []expression
	for i, column := range columns {
		array := c.keyArray(t, i)
		if !s.joinable {
			array = sqlgen.Subquery(&query{items: []item{{Value: array}}})
		}
		unnest.Arguments = append(unnest.Arguments, array)
		keys.Columns = append(keys.Columns, bindingKey(i))
		l, r := c.keyComparable(t.set, s.row.column(column.Name), sqlgen.Column(keys.Alias, bindingKey(i)), column)
		left = append(left, l)
		rows.items = append(rows.items, item{Value: r})
	}
	keys.Source = unnest
	rows.from = []fromItem{keys}
	in := quantified{operator: "=", left: record{left}, quantifier: "ANY", rows: rows}
	if s.joinable {
		return in
	}
	return orFalse(in)
}

// orderRanked joins the ranks of a key set to q. Keys that differ as texts may
// be one key here, so that the ranks are grouped by key.
func (c *compiler) orderRanked(key *plan.OrderRanked, s *scope, q *query) (expression, error) {
	t, err := c.keyTuple(key.KeySet, true, key.Columns)
	if err != nil {
		return nil, err
	}
	const rank = "r"
	sent, alias := c.alias(), c.alias()
	unnest := sqlgen.Function("unnest", c.keyArray(t, 0))
	names := []string{rank}
	ranks := &query{}
	joined := fromItem{Join: sqlgen.LeftJoin, Alias: alias}
	for i, column := range key.Columns {
		name := bindingKey(i)
		unnest.Arguments = append(unnest.Arguments, c.keyArray(t, i+1))
		names = append(names, name)
		ranks.items = append(ranks.items, item{Value: sqlgen.Column(sent, name)})
		ranks.groupBy = append(ranks.groupBy, sqlgen.Column(sent, name))
		left, right := c.keyComparable(key.KeySet, s.column(column.Name), sqlgen.Column(alias, name), column)
		joined.On = append(joined.On, sqlgen.Infix("=", right, left))
	}
	least := sqlgen.Function("min", sqlgen.Column(sent, rank))
	ranks.items = append(ranks.items, item{Value: least, Alias: rank})
	ranks.from = []fromItem{{Source: unnest, Alias: sent, Columns: names}}
	joined.Source = sqlgen.Subquery(ranks)
	q.from = append(q.from, joined)
	value := expression(sqlgen.Column(alias, rank))
	if key.Missing < 0 {
		return value, nil
	}
	missing := keyword(strconv.Itoa(key.Missing))
	value = sqlgen.Function("coalesce", value, missing)
	if s.present != nil {
		value = sqlgen.CaseWhen(s.present, value)
	}
	return value, nil
}

// rankOf is the dense rank of a row by an order key, null where that is.
func (c *compiler) rankOf(key plan.OrderKey, l *cells) (expression, error) {
	value, err := c.orderKey(key, l.scope, l.query)
	if err != nil {
		return nil, err
	}
	rank := sqlgen.Window{Function: "dense_rank", OrderBy: []ordering{{Value: value}}}
	return sqlgen.CaseWhen(sqlgen.IsNotNull(value), rank), nil
}

// distinctKeys writes DISTINCT ON of the columns of all keys as what is planned
// best: nothing where each row has a key of its own, DISTINCT where there is
// nothing but the keys. It comes before anything is selected.
func distinctKeys(j *plan.Join, r *plan.Rows, q *query) {
	distinct := make([]plan.Correlation, 0, len(r.DistinctOn))
	for _, column := range r.DistinctOn {
		distinct = append(distinct, plan.Correlation{Column: column})
	}
	if sqlgen.Identifies(&plan.Rows{From: r.From, On: distinct}) {
		q.distinctOn = nil
		return
	}
	plain := func(k plan.JoinKey) bool {
		return k.Rank == nil && k.Computed == nil &&
			slices.ContainsFunc(r.DistinctOn, func(c plan.Column) bool { return c.Name == k.Name })
	}
	switch {
	case len(r.OrderBy) > 0 || len(j.Keys) == 0:
	case j.Keys[0].Rank != nil:
		// The least rank of several rows with one key, whatever the plan.
		for _, e := range q.distinctOn {
			q.orderBy = append(q.orderBy, ordering{Value: e})
		}
		q.orderBy = append(q.orderBy, ordering{Value: keyword("1")})
	case !r.DistinctTexts && len(j.Keys) == len(r.DistinctOn) && !slices.ContainsFunc(j.Keys, func(k plan.JoinKey) bool { return !plain(k) }):
		q.distinctOn, q.distinct = nil, true
	}
}
