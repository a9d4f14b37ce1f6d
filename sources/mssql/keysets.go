package mssql

import (
	"fmt"
	"strconv"

	"dovetail/internal/plan"
	"dovetail/sources"
	"dovetail/sources/sqlgen"
)

// keySet is a key set as a member of FROM: its columns are the keys' parts,
// after the rank if it is ranked.
func (c *compiler) keySet(set int, ranked bool, columns []plan.Column) (fromItem, error) {
	if set < 0 || set >= len(c.fragment.KeySets) {
		return fromItem{}, fmt.Errorf("the fragment has no key set %d", set)
	}
	if len(columns) == 0 {
		return fromItem{}, fmt.Errorf("key set %d is compared with no column", set)
	}
	source := parameterSource{form: formKeySet, set: set}
	if ranked {
		source.keys = append(source.keys, asBigint)
	}
	for _, column := range columns {
		t := declared(column.Type)
		if t.spatial() {
			return fromItem{}, sources.NotSupported("SQL Server can't join by the column %q of the type %q", column.Name, t.base)
		}
		source.keys = append(source.keys, t)
	}
	return keyRows(c.parameter(source), source.keys, c.alias()), nil
}

// exact reports whether the keys of a key set are compared with a column as texts,
// rather than under its collation.
func (c *compiler) exact(set int, column plan.Column) bool {
	return declared(column.Type).isText() && c.fragment.KeySets[set].Exact(column)
}

// keyBytes is a text as bytes, of which only the same are equal: even under a binary
// collation spaces at the end don't count. Those that fill up char(n) belong to no key.
func keyBytes(value expression, t sqlType) expression {
	value = comparing(value, t)
	if t.padded() {
		value = sqlgen.Function("RTRIM", value)
	}
	return castTo{castTo{value, asText}, asBytes}
}

// padded tells the types whose texts are filled up with spaces.
func (t sqlType) padded() bool { return t.base == typeChar || t.base == typeNchar }

// equalKeys are the equalities of columns with the parts of a key of a key set. Those that
// compare texts come after those under the columns' collations, which indexes serve.
func (c *compiler) equalKeys(set int, columns []plan.Column, s *scope, alias string) []expression {
	out := make([]expression, 0, len(columns))
	var exact []expression
	for i, column := range columns {
		value, key, t := s.column(column.Name), sqlgen.Column(alias, bindingKey(i)), declared(column.Type)
		out = append(out, sqlgen.Infix("=", comparing(value, t), key))
		if c.exact(set, column) {
			exact = append(exact, sqlgen.Infix("=", keyBytes(value, t), keyBytes(key, asText)))
		}
	}
	return append(out, exact...)
}

// inKeys tests whether a row's key is in a key set. It is never null.
func (c *compiler) inKeys(p *plan.InKeys, s predicateScope) (expression, error) {
	if len(p.Columns) == 0 {
		if p.KeySet < 0 || p.KeySet >= len(c.fragment.KeySets) {
			return nil, fmt.Errorf("the fragment has no key set %d", p.KeySet)
		}
		return sqlgen.Infix("=", c.parameter(parameterSource{form: formFound, set: p.KeySet}), one), nil
	}
	keys, err := c.keySet(p.KeySet, false, p.Columns)
	if err != nil {
		return nil, err
	}
	return sqlgen.Exists(&query{
		items: []item{{Value: one}}, from: []fromItem{keys}, where: c.equalKeys(p.KeySet, p.Columns, s.row, keys.Alias),
	}), nil
}

// orderRanked joins the ranks of a key set to q. Keys that differ as texts may
// be one key here, so that the ranks are grouped by key.
func (c *compiler) orderRanked(key *plan.OrderRanked, s *scope, q *query) (expression, error) {
	keys, err := c.keySet(key.KeySet, true, key.Columns)
	if err != nil {
		return nil, err
	}
	const rank = "r"
	ranks := &query{from: []fromItem{keys}}
	for i, column := range key.Columns {
		part := sqlgen.Column(keys.Alias, bindingKey(i+1))
		ranks.items = append(ranks.items, item{Value: part, Alias: bindingKey(i)})
		ranks.groupBy = append(ranks.groupBy, part)
		if c.exact(key.KeySet, column) {
			ranks.groupBy = append(ranks.groupBy, keyBytes(part, asText))
		}
	}
	least := sqlgen.Function("MIN", sqlgen.Column(keys.Alias, bindingKey(0)))
	ranks.items = append(ranks.items, item{Value: least, Alias: rank})
	alias := c.alias()
	q.from = append(q.from, fromItem{
		Join: sqlgen.LeftJoin, Source: sqlgen.Subquery(ranks), Alias: alias, On: c.equalKeys(key.KeySet, key.Columns, s, alias),
	})
	value := expression(sqlgen.Column(alias, rank))
	if key.Missing < 0 {
		return value, nil
	}
	value = sqlgen.Function("ISNULL", value, keyword(strconv.Itoa(key.Missing)))
	if s.present != nil {
		value = sqlgen.CaseWhen(s.present, value)
	}
	return value, nil
}

// rankOf is the dense rank of a row by an order key, null where that is. Nulls,
// which would be less than everything, come last so that ranks begin with one.
func (c *compiler) rankOf(key plan.OrderKey, l *cells) (expression, error) {
	value, err := c.orderKey(key, l.scope, l.query)
	if err != nil {
		return nil, err
	}
	rank := window{Function: "DENSE_RANK", OrderBy: []ordering{{Value: value}}}
	if !neverNull(key, l.scope) {
		last := sqlgen.CaseElse(sqlgen.IsNull(value), one, zero)
		rank.OrderBy = append([]ordering{{Value: last}}, rank.OrderBy...)
	}
	return sqlgen.CaseWhen(sqlgen.IsNotNull(value), rank), nil
}

// keySetJSON is a key set as the JSON array that a statement reads it from.
func (s *parameterSource) keySetJSON(args *plan.Arguments) (bound, error) {
	if s.set >= len(args.KeySets) {
		return bound{}, fmt.Errorf("the keys of key set %d are missing", s.set)
	}
	keys := args.KeySets[s.set]
	if keys.Width != len(s.keys) || len(keys.Cells)%keys.Width != 0 {
		return bound{}, fmt.Errorf("key set %d has keys of %d parts instead of %d", s.set, keys.Width, len(s.keys))
	}
	return boundJSON(keysJSON(keys, s.keys)), nil
}
