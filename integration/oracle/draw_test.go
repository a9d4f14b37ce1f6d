package oracle_test

import (
	"fmt"
	"slices"
	"strconv"
)

// conditions draws boolean expressions: of permissions, or of a role's query.
type conditions struct {
	generator
	world      *world
	permission bool
	role       string
	crossing   map[string]bool
	// away: a permission's condition that is about another source's rows.
	away bool
	// root is the table that a permission is about.
	root *table
}

// columns that may be used.
func (c *conditions) columns(t *table) []*column {
	if c.permission {
		return t.Columns
	}
	var out []*column
	for _, name := range c.world.access(c.role, t.Name).Columns {
		out = append(out, t.column(name))
	}
	return out
}

// relationships that may be followed.
func (c *conditions) relationships(t *table) []*relationship {
	var out []*relationship
	for _, r := range c.world.from(t.Name) {
		remote := c.world.remote(r)
		switch {
		case !c.permission && c.world.access(c.role, r.To) == nil:
		case remote && !c.crossing[t.Source]:
		default:
			out = append(out, r)
		}
	}
	return out
}

func (c *conditions) condition(t *table, depth int) *condition {
	if c.permission && c.root == nil {
		c.root = t
	}
	n := c.int(0, 99)
	switch {
	case depth > 0 && n < 20:
		op := pick(c.generator, []string{"and", "or", "or"})
		out := &condition{Op: op}
		for range c.int(0, 3) {
			out.Parts = append(out.Parts, c.condition(t, depth-1))
		}
		return out
	case depth > 0 && n < 32:
		return &condition{Op: "not", Parts: []*condition{c.condition(t, depth-1)}}
	case depth > 0 && n < 58:
		if out := c.related(t, depth); out != nil {
			return out
		}
	case depth > 0 && n < 68:
		if out := c.aggregate(t, depth); out != nil {
			return out
		}
	case c.permission && n < 74:
		if out := c.twoColumns(t); out != nil {
			return out
		}
	case c.permission && depth > 0 && n < 80:
		if out := c.exists(t, depth); out != nil {
			return out
		}
	}
	return c.compare(t)
}

// exists is about rows of any table, of another source where they are asked
// first.
func (c *conditions) exists(t *table, depth int) *condition {
	other := pick(c.generator, c.world.Tables)
	outer := *c
	defer func() { *c = outer }()
	if other.Source != t.Source {
		if !c.crossing[t.Source] {
			return nil
		}
		c.away = true
	}
	return &condition{Op: "exists", Table: other.Name, Parts: []*condition{c.condition(other, c.int(0, depth-1))}}
}

func (c *conditions) related(t *table, depth int) *condition {
	all := c.relationships(t)
	if len(all) == 0 {
		return nil
	}
	r := pick(c.generator, all)
	outer := *c
	if c.world.remote(r) {
		c.away = c.permission
	}
	defer func() { *c = outer }()
	return &condition{Op: "related", Relationship: r.Name, Parts: []*condition{c.condition(c.world.table(r.To), depth-1)}}
}

func (c *conditions) aggregate(t *table, depth int) *condition {
	all := slices.DeleteFunc(c.relationships(t), func(r *relationship) bool {
		return !r.Array || c.permission && c.world.remote(r) || !c.permission && !c.world.access(c.role, r.To).Aggregations
	})
	if len(all) == 0 {
		return nil
	}
	r := pick(c.generator, all)
	to := c.world.table(r.To)
	out := &condition{Op: "aggregate", Relationship: r.Name, Function: "count"}
	values := []string{"0", "1", "2", "3"}
	var numbers, booleans []string
	for _, x := range c.columns(to) {
		switch x.Type {
		case integerType, numericType:
			numbers = append(numbers, x.Name)
		case booleanType:
			booleans = append(booleans, x.Name)
		case bigintType, textType, timestampType, dateType, uuidType, paddedType, citextType, foldedType:
		}
	}
	switch {
	case len(numbers) > 0 && c.chance(40):
		out.Function = pick(c.generator, []string{"sum", "min", "max", "avg"})
		out.Arguments = []string{pick(c.generator, numbers)}
		values = []string{"0", "1", "2", "4", "-1", "10"}
	case len(booleans) > 0 && c.chance(30):
		out.Function = pick(c.generator, []string{"bool_and", "bool_or"})
		out.Arguments = []string{pick(c.generator, booleans)}
		out.Operator, values = "_eq", pool(booleanType)
	case c.chance(40) && len(c.columns(to)) > 0:
		out.Arguments = []string{pick(c.generator, c.columns(to)).Name}
	}
	out.Distinct = len(out.Arguments) > 0 && c.chance(30)
	if out.Operator == "" {
		out.Operator = pick(c.generator, []string{"_eq", "_neq", "_gt", "_lt", "_gte", "_lte"})
	}
	out.Values = []operand{{Text: pick(c.generator, values)}}
	if c.chance(40) {
		outer := *c
		out.Parts = []*condition{c.condition(to, depth-1)}
		*c = outer
	}
	return out
}

func (c *conditions) twoColumns(t *table) *condition {
	left := pick(c.generator, t.Columns)
	right := t
	root := !c.away && c.chance(40)
	if root {
		right = c.root
	}
	var all []string
	for _, x := range right.Columns {
		if x.Type == left.Type && (root || x != left) {
			all = append(all, x.Name)
		}
	}
	if len(all) == 0 {
		return nil
	}
	operators := []string{"_ceq", "_cne"}
	if t.orders(left) {
		operators = append(operators, "_cgt", "_clt", "_cgte", "_clte")
	}
	return &condition{
		Op: "columns", Column: left.Name, Other: pick(c.generator, all), Root: root, Operator: pick(c.generator, operators),
	}
}

func (c *conditions) compare(t *table) *condition {
	all := c.columns(t)
	x := pick(c.generator, all)
	if c.chance(12) {
		return &condition{Op: "null", Column: x.Name, IsNull: c.chance(50)}
	}
	out := &condition{Op: "compare", Column: x.Name}
	operators := []string{"_eq", "_eq", "_neq", "_in", "_nin"}
	if t.orders(x) {
		operators = append(operators, "_gt", "_lt", "_gte", "_lte")
	}
	if x.Type == textType {
		operators = append(operators, "_like", "_nlike")
		if !t.inServer() {
			operators = append(operators, "_ilike", "_nilike")
		}
	}
	out.Operator = pick(c.generator, operators)
	switch out.Operator {
	case "_in", "_nin":
		if c.permission && !x.Type.textual() && c.chance(40) {
			out.Values = []operand{{Session: sessionName(x.Type, true)}}
			return out
		}
		for range c.int(0, 4) {
			out.Values = append(out.Values, c.operand(c.value(x.Type)))
		}
	case "_like", "_nlike", "_ilike", "_nilike":
		patterns := []string{"%", "a%", "%A", "_", "%\\%%", "B_b", "", "%b%", "日_", "%'%", "__"}
		if t.inServer() {
			// A backslash stands for itself there, and "_" for one code unit.
			patterns = []string{"%", "a%", "%A", "B_b", "", "%b%", "日_", "%'%", "%[%]%"}
		}
		out.Values = []operand{c.operand(pick(c.generator, patterns))}
	default:
		if c.permission && c.chance(50) {
			out.Values = []operand{{Session: sessionName(x.Type, false)}}
			return out
		}
		out.Values = []operand{c.operand(c.value(x.Type))}
	}
	return out
}

func (c *conditions) operand(text string) operand {
	return operand{Text: text, Variable: !c.permission && c.chance(30)}
}

// queries draws selections.
type queries struct {
	generator
	world    *world
	role     string
	crossing map[string]bool
}

func (q *queries) root() *field {
	var all []*table
	for _, t := range q.world.Tables {
		if q.world.access(q.role, t.Name) != nil {
			all = append(all, t)
		}
	}
	if len(all) == 0 {
		return nil
	}
	t := pick(q.generator, all)
	p := q.world.access(q.role, t.Name)
	switch {
	case p.Aggregations && q.chance(25):
		return q.aggregate(&field{Kind: "aggregate", Table: t.Name, Arguments: q.arguments(t)}, t, 4)
	case p.seesKey(t) && q.chance(12):
		f := &field{Kind: "key", Table: t.Name}
		for _, k := range t.Key {
			f.Key = append(f.Key, operand{Text: q.value(t.column(k).Type), Variable: q.chance(30)})
		}
		f.Fields = q.fields(t, 4)
		return f
	}
	f := &field{Kind: "array", Table: t.Name, Arguments: q.arguments(t)}
	f.Fields = q.fields(t, 4)
	return f
}

func (q *queries) fields(t *table, depth int) []*field {
	p := q.world.access(q.role, t.Name)
	var out []*field
	add := func(f *field) {
		f.Alias = "f" + strconv.Itoa(len(out))
		out = append(out, f)
	}
	for _, name := range some(q.generator, p.Columns, 50) {
		add(&field{Kind: "column", Column: name})
	}
	if q.chance(5) || len(out) == 0 {
		add(&field{Kind: "typename"})
	}
	if depth == 0 {
		return out
	}
	var all []*relationship
	for _, r := range q.world.from(t.Name) {
		if q.world.access(q.role, r.To) != nil {
			all = append(all, r)
		}
	}
	if len(all) == 0 {
		return out
	}
	for range q.int(0, 2+depth/4) {
		r := pick(q.generator, all)
		to := q.world.table(r.To)
		f := &field{Kind: "object", Relationship: r.Name}
		if r.Array {
			f.Kind = "array"
			f.Arguments = q.arguments(to)
			if q.world.access(q.role, r.To).Aggregations && q.chance(35) {
				f.Kind = "aggregate"
			}
		}
		add(q.below(f, to, depth-1))
		if q.chance(20) {
			// The same rows once more, of which something else is selected.
			add(q.below(&field{Kind: f.Kind, Relationship: r.Name, Arguments: f.Arguments}, to, depth-1))
		}
	}
	return out
}

// below draws what is selected of a relationship's rows.
func (q *queries) below(f *field, to *table, depth int) *field {
	if f.Kind == "aggregate" {
		return q.aggregate(f, to, depth)
	}
	f.Fields = q.fields(to, depth)
	return f
}

func (q *queries) arguments(t *table) *arguments {
	p := q.world.access(q.role, t.Name)
	a := &arguments{}
	if q.chance(45) {
		c := &conditions{generator: q.generator, world: q.world, role: q.role, crossing: q.crossing}
		a.Where = c.condition(t, 3)
		a.Variable = q.chance(12)
	}
	limited := p.Limit != nil || p.seesKey(t) && q.chance(40)
	if p.seesKey(t) && limited && q.chance(25) {
		a.Distinct = some(q.generator, ordered(t, p.Columns), 30)
	}
	for _, name := range a.Distinct {
		a.Order = append(a.Order, &order{Column: name, Direction: q.direction()})
	}
	if limited || q.chance(30) {
		for range q.int(0, 2) {
			if o := q.order(t); o != nil {
				a.Order = append(a.Order, o)
			}
		}
		if p.seesKey(t) {
			for _, k := range t.Key {
				a.Order = append(a.Order, &order{Column: k, Direction: q.direction()})
			}
		}
	}
	if limited && q.chance(70) {
		n := q.int(0, 4)
		a.Limit = &n
	}
	if limited && q.chance(35) {
		n := q.int(0, 3)
		a.Offset = &n
	}
	return a
}

// ordered are the columns that have an order.
func ordered(t *table, columns []string) []string {
	return slices.DeleteFunc(slices.Clone(columns), func(name string) bool { return !t.orders(t.column(name)) })
}

func (q *queries) direction() string {
	return pick(q.generator, []string{"asc", "desc", "asc_nulls_first", "asc_nulls_last", "desc_nulls_first", "desc_nulls_last"})
}

func (q *queries) order(t *table) *order {
	o := &order{Direction: q.direction()}
	for range 3 {
		if q.chance(60) {
			break
		}
		all := slices.DeleteFunc(q.world.from(t.Name), func(r *relationship) bool {
			return q.world.access(q.role, r.To) == nil || q.world.remote(r) && !q.crossing[t.Source]
		})
		if len(all) == 0 {
			break
		}
		r := pick(q.generator, all)
		t = q.world.table(r.To)
		p := q.world.access(q.role, r.To)
		if !r.Array {
			o.Path = append(o.Path, r.Name)
			continue
		}
		if !p.Aggregations {
			return nil
		}
		o.Relationship, o.Function = r.Name, "count"
		if i := q.aggregateItem(t, p); i.Function != "count" && i.Function != "avg" {
			o.Function, o.Column = i.Function, i.Columns[0]
		}
		return o
	}
	all := ordered(t, q.world.access(q.role, t.Name).Columns)
	if len(all) == 0 {
		return nil
	}
	o.Column = pick(q.generator, all)
	return o
}

func (q *queries) aggregate(f *field, t *table, depth int) *field {
	p := q.world.access(q.role, t.Name)
	for range q.int(1, 3) {
		i := q.aggregateItem(t, p)
		i.Alias = fmt.Sprintf("a%d", len(f.Items))
		f.Items = append(f.Items, i)
	}
	if q.chance(40) {
		f.Fields = q.fields(t, depth)
	}
	return f
}

func (q *queries) aggregateItem(t *table, p *permission) *item {
	i := &item{Function: "count"}
	x := t.column(pick(q.generator, p.Columns))
	switch {
	case q.chance(40):
		if q.chance(60) {
			i.Columns = []string{x.Name}
			if !t.inServer() && q.chance(20) {
				i.Columns = some(q.generator, p.Columns, 50)
			}
			i.Distinct = len(i.Columns) > 0 && q.chance(50)
		}
	case x.Type.number():
		i.Function, i.Columns = pick(q.generator, []string{"sum", "min", "max", "avg"}), []string{x.Name}
	case x.Type == textType, x.Type == dateType, x.Type == timestampType:
		i.Function, i.Columns = pick(q.generator, []string{"min", "max"}), []string{x.Name}
	}
	return i
}
