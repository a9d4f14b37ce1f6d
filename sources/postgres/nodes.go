package postgres

import (
	"strconv"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/sources/sqlgen"
)

// The nodes of an aggregation that isn't nested come as rows of the result,
// each with the aggregates: an array of them would have to fit into a single
// value of the database.

// nodesAlias names the rows of an aggregation's nodes.
const nodesAlias = "n"

// gatherable tells whether an aggregation's nodes can come as rows.
func (c *compiler) gatherable(a *plan.Aggregation) bool {
	nodes := 0
	for _, f := range a.Fields {
		if _, ok := f.(*plan.AggregateNodes); ok {
			nodes++
		}
	}
	return nodes == 1 && len(c.fragment.Bindings) == 0
}

// nodesOf says how an aggregation's nodes are read.
type nodesOf struct {
	read    func(permitLimit bool) (*rowsQuery, error)
	gathers bool
}

func (n nodesOf) node(c *compiler, f *plan.AggregateNodes, l *cells) (jsonshape.Node, error) {
	if n.gathers {
		return c.gatherNodes(f, n.read)
	}
	return c.aggregateNodes(f, l, n.read)
}

// gatherNodes puts the rows of an aggregation's nodes beside its aggregates,
// among whose cells the first stands for all of them.
func (c *compiler) gatherNodes(f *plan.AggregateNodes, read func(bool) (*rowsQuery, error)) (jsonshape.Node, error) {
	rows, err := read(true)
	if err != nil {
		return nil, err
	}
	inner := newCells(rows)
	object, err := c.object(f.Fields, inner)
	if err != nil {
		return nil, err
	}
	// Without nodes the aggregates have a row all the same.
	present := inner.add(keyword("true"), oidBool)
	for i := range inner.query.items {
		inner.query.items[i].Alias = "c" + strconv.Itoa(i)
	}
	c.nodes = inner
	return &jsonshape.Nested{
		Cell: 0, List: true, Object: object, Absent: []byte("[]"),
		Rows: func(cell []byte, yield func(cells [][]byte) error) error {
			return jsonshape.GatheredRows(cell, func(cells [][]byte) error {
				if present >= len(cells) {
					return jsonshape.ErrCells
				}
				if cells[present] == nil {
					return nil
				}
				return yield(cells)
			})
		},
	}, nil
}

// gathered makes the statement of the nodes' rows and the aggregates in l.
func (c *compiler) gathered(l *cells) *cells {
	c.gather = &gather{}
	out := &query{with: l.query.with}
	oids := make([]uint32, 0, len(c.nodes.layout.oids)+len(l.layout.oids))
	for i, oid := range c.nodes.layout.oids {
		out.items = append(out.items, item{Value: sqlgen.Column(nodesAlias, "c"+strconv.Itoa(i))})
		oids = append(oids, oid)
	}
	for i, aggregate := range l.query.items[1:] {
		c.gather.outer = append(c.gather.outer, len(oids))
		out.items = append(out.items, aggregate)
		oids = append(oids, l.layout.oids[i+1])
	}
	// The one row of aggregates comes first, so that the join, a loop, leaves the
	// nodes in their order.
	nodes := fromItem{Source: sqlgen.Subquery(c.nodes.query), Alias: nodesAlias}
	if len(l.query.from) > 0 {
		nodes.Join = sqlgen.LeftJoin
	}
	out.from = append(l.query.from, nodes)
	return &cells{query: out, layout: &layout{oids: oids}}
}
