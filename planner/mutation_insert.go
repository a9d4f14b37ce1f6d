package planner

import (
	"slices"
	"strconv"
	"strings"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/plan"
	"dovetail/internal/schema"
)

// rootInsert plans insert_T and insert_T_one.
func (p *planner) rootInsert(s *selected, b *schema.RootInsert, h *holder) (plan.Query, error) {
	kind := schema.ArgObjects
	if b.One {
		kind = schema.ArgObject
	}
	a, ok := argumentOf(s.field, kind)
	if !ok {
		return nil, &Error{Code: CodeUnexpected, Path: s.path, Message: "the field has no rows"}
	}
	path := under(s.path+".args", a.Name)
	n, err := p.newInsert(b.Table, path)
	if err != nil {
		return nil, err
	}
	u := use{ref: a.Type, path: path}
	if !b.One {
		u.kind = rowsInput
	}
	v, err := p.loadAs(s.argument(a.Name), u, false)
	if err == nil {
		err = given(v, a, path)
	}
	if err != nil {
		return nil, err
	}
	c, ok := argumentOf(s.field, schema.ArgOnConflict)
	if !ok {
		c, ok = argumentOf(s.field, schema.ArgIfMatched)
	}
	if ok {
		here := under(s.path+".args", c.Name)
		on, err := p.load(s.argument(c.Name), c.Type, false, here)
		if err != nil {
			return nil, err
		}
		if n.insert.Conflict, err = p.conflict(on, c, b.Table, here); err != nil {
			return nil, err
		}
	}
	if b.One {
		// As v2 counts it.
		err = n.single(v, a.Type, indexed(path, 0))
	} else if members, ok := uniform(v, a.Type); ok {
		n.each(v, a.Type.Base(), members)
	} else {
		err = n.rows(v, a.Type)
	}
	if err != nil {
		return nil, err
	}
	n.insert.Output, err = p.output(s, b.Table, b.One, h)
	return n.insert, err
}

// numbered tells whether the rows bring the numbers along that the database
// would give them, or have them from other rows.
func (n *newRows) numbered() {
	names := slices.Clone(n.given)
	for _, c := range n.insert.Columns {
		names = append(names, c.Name)
	}
	for _, row := range n.insert.Rows {
		for _, before := range row.Before {
			for _, k := range before.Keys {
				names = append(names, k.Row.Name)
			}
		}
	}
	for _, name := range names {
		if column, ok := n.table.Info.Column(name); ok && column.Identity {
			n.insert.Identity = name
		}
	}
}

// newRows is an insert being planned.
type newRows struct {
	*planner
	table  *catalog.Table
	insert *plan.Insert
	// presets come after the columns that rows give values for.
	presets []catalog.Preset
	columns map[string]int
	// given are the columns whose values another row determines.
	given []string
}

// newInsert begins an insert into a table.
func (p *planner) newInsert(t *catalog.Table, path string) (*newRows, error) {
	n := &newRows{
		planner: p, table: t, columns: map[string]int{},
		insert: &plan.Insert{Into: t.Relation(), Location: path},
	}
	if p.admin() {
		return n, nil
	}
	permission, ok := t.Insert[p.schema.Role]
	if !ok {
		return nil, p.forbidden("insert", t)
	}
	n.insert.Restricted = true
	n.presets = permission.Presets
	var err error
	n.insert.Check, err = p.settled(permission.Check)
	return n, err
}

// single plans one new row; location is where errors of writing it belong.
func (n *newRows) single(v value, ref schema.Ref, location string) error {
	if err := n.row(v, ref.Base(), n.insert.Location, location); err != nil {
		return err
	}
	n.finish()
	return nil
}

// rows plans the new rows.
func (n *newRows) rows(v value, ref schema.Ref) error {
	path := n.insert.Location
	items, err := n.list(v, *ref.List, path)
	if err != nil {
		return err
	}
	for i, item := range items {
		here := indexed(path, i)
		if item.absent() {
			return invalid(here, "unexpected null value for type '%s'", ref.Base().Name)
		}
		if err := n.row(item, ref.Base(), here, here); err != nil {
			return err
		}
	}
	n.finish()
	return nil
}

// each plans rows that are made of a list in a variable.
func (n *newRows) each(v value, t *schema.Type, members []string) {
	list := &plan.Variable{Name: v.name, Path: v.path}
	each := &plan.InsertEach{List: list}
	for _, in := range t.Inputs() {
		b, ok := in.Binding.(*schema.WriteColumn)
		if !ok || !slices.Contains(members, in.Name) {
			continue
		}
		n.insert.Columns = append(n.insert.Columns, b.Column.Plan())
		each.Members = append(each.Members, plan.InsertMember{Name: in.Name})
	}
	for _, preset := range n.presets {
		n.insert.Columns = append(n.insert.Columns, preset.Column.Plan())
		each.Members = append(each.Members, plan.InsertMember{Value: preset.Value})
	}
	n.insert.Each = each
	n.numbered()
}

// column gives the place of a column among the insert's.
func (n *newRows) column(c *catalog.Column) int {
	at, ok := n.columns[c.Info.Name]
	if !ok {
		at = len(n.insert.Columns)
		n.columns[c.Info.Name] = at
		n.insert.Columns = append(n.insert.Columns, c.Plan())
	}
	return at
}

// row plans one new row. location is where errors of writing it belong.
func (n *newRows) row(v value, t *schema.Type, path, location string) error {
	row := &plan.InsertRow{Location: location}
	var columns []string
	type relatedRows struct {
		in   *schema.Input
		v    value
		path string
	}
	var related []relatedRows
	err := n.members(v, t, path, func(in *schema.Input, v value, path string) error {
		switch b := in.Binding.(type) {
		case *schema.WriteColumn:
			if v.missing {
				return nil
			}
			at := n.column(b.Column)
			for len(row.Values) <= at {
				row.Values = append(row.Values, nil)
			}
			columns = append(columns, b.Column.Info.Name)
			var err error
			row.Values[at], err = n.columnValue(v, in, path)
			return err
		case *schema.InsertRelated:
			if !v.absent() {
				related = append(related, relatedRows{in, v, path})
			}
			return nil
		default:
			return unexpectedBinding(in, path)
		}
	})
	if err != nil {
		return err
	}
	if twice := common(columns, n.given); len(twice) > 0 {
		return invalid(location, "cannot insert %s columns as their values are already being determined by parent insert", quotedList(twice))
	}
	for _, r := range related {
		relationship := r.in.Binding.(*schema.InsertRelated).Relationship //nolint:forcetypeassert // gathered above
		if err := n.related(row, relationship, r.v, r.in.Type.Base(), under(location, r.in.Name), columns); err != nil {
			return err
		}
	}
	n.insert.Rows = append(n.insert.Rows, row)
	return nil
}

// related plans the rows of a relationship that are inserted along with a row.
func (n *newRows) related(row *plan.InsertRow, r *catalog.Relationship, v value, t *schema.Type, path string, columns []string) error {
	nested := &plan.NestedInsert{Relationship: r.Name, Location: path}
	var left, right []string
	for i := range r.Left {
		nested.Keys = append(nested.Keys, plan.KeyPair{Row: r.Left[i].Plan(), Related: r.Right[i].Plan()})
		left, right = append(left, r.Left[i].Info.Name), append(right, r.Right[i].Info.Name)
	}
	after := r.Array || r.AfterParent
	if !after {
		if twice := common(left, append(slices.Clone(columns), n.given...)); len(twice) > 0 {
			return invalid(path, "cannot insert object relationship %q as %s column values are already determined", r.Name, quotedList(twice))
		}
	}
	inner, err := n.newInsert(r.Target, "")
	if err != nil {
		return err
	}
	inner.insert.Aside = setAside(r.Target)
	if after {
		inner.given = right
	}
	seen := false
	err = n.members(v, t, path, func(in *schema.Input, v value, path string) error {
		b, ok := in.Binding.(*schema.Argument)
		if !ok {
			return unexpectedBinding(in, path)
		}
		if b.Kind == schema.ArgOnConflict || b.Kind == schema.ArgIfMatched {
			var err error
			inner.insert.Conflict, err = n.conflict(v, in, r.Target, path)
			return err
		}
		seen = true
		if err := given(v, in, path); err != nil {
			return err
		}
		inner.insert.Location = path
		switch {
		case r.Array:
			return inner.rows(v, in.Type)
		case after:
			return inner.single(v, in.Type, indexed(path, 0))
		}
		return inner.single(v, in.Type, path)
	})
	if err != nil {
		return err
	}
	if !seen {
		return invalid(under(path, "data"), "missing required field 'data'")
	}
	if nested.Insert = inner.insert; after {
		nested.Missing = "cannot proceed to insert array relations since insert to table \"" + n.table.Name.String() + "\" affects zero rows"
		nested.Location = row.Location
		if len(inner.insert.Rows) > 0 {
			row.After = append(row.After, nested)
		}
		return nil
	}
	nested.Missing = "cannot proceed to insert object relation " + strconv.Quote(r.Name) + " since insert to table " +
		strconv.Quote(r.Target.Name.String()) + " affects zero rows"
	row.Before = append(row.Before, nested)
	return nil
}

// finish gives all rows a value for every column: presets, and the default for
// what a row leaves out.
func (n *newRows) finish() {
	for _, preset := range n.presets {
		n.column(preset.Column)
	}
	for _, row := range n.insert.Rows {
		for len(row.Values) < len(n.insert.Columns) {
			row.Values = append(row.Values, nil)
		}
		for _, preset := range n.presets {
			row.Values[n.columns[preset.Column.Info.Name]] = preset.Value
		}
	}
	n.numbered()
}

// conflict plans on_conflict.
func (p *planner) conflict(v value, in *schema.Input, t *catalog.Table, path string) (*plan.Conflict, error) {
	if v.absent() {
		return nil, nil
	}
	c := &plan.Conflict{}
	var presets []catalog.Preset
	if permission, ok := t.Update[p.schema.Role]; ok && !p.admin() {
		var err error
		if c.Permit, err = p.settled(permission.Filter); err != nil {
			return nil, err
		}
		if c.Check, err = p.settled(permission.Check); err != nil {
			return nil, err
		}
		presets = permission.Presets
	}
	err := p.members(v, in.Type.Base(), path, func(in *schema.Input, v value, here string) error {
		b, ok := in.Binding.(*schema.Argument)
		if !ok {
			return unexpectedBinding(in, here)
		}
		var err error
		switch b.Kind { //nolint:exhaustive // on_conflict has no other members
		case schema.ArgConstraint:
			if err := given(v, in, here); err != nil {
				return err
			}
			c.Constraint, err = p.enumValue(v, in.Type, here)
		case schema.ArgUpdateColumns:
			if v.missing {
				return nil
			}
			c.Set, err = p.conflictColumns(v, in, here, path)
		case schema.ArgMatchColumns:
			if v.missing {
				return nil
			}
			c.Match, err = p.columnsOf(v, in, here, path)
		case schema.ArgWhere:
			if !v.absent() {
				c.Where, err = p.where(v, in.Type.Base(), here)
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if c.Constraint == "" && !t.Source.Capabilities.MatchedInserts {
		return nil, invalid(under(path, "constraint"), "missing required field 'constraint'")
	}
	if len(c.Set) > 0 {
		for _, preset := range presets {
			c.Set = append(c.Set, plan.ConflictColumn{Column: preset.Column.Plan(), Value: preset.Value})
		}
	}
	return c, nil
}

func (p *planner) enumValue(v value, ref schema.Ref, path string) (string, error) {
	if v.lit != nil {
		if err := p.checkLiteral(ref, v.lit, path); err != nil {
			return "", err
		}
	}
	j, err := v.literal(path)
	if err != nil {
		return "", err
	}
	for _, e := range ref.Base().Values() {
		if e.Name == j.Text {
			if e.Value != "" {
				return e.Value, nil
			}
			return e.Name, nil
		}
	}
	return "", invalid(path, "unexpected value for type '%s'", ref.Base().Name)
}

// conflictColumns reads update_columns.
func (p *planner) conflictColumns(v value, in *schema.Input, path, above string) ([]plan.ConflictColumn, error) {
	columns, err := p.columnsOf(v, in, path, above)
	out := make([]plan.ConflictColumn, 0, len(columns))
	for _, c := range columns {
		out = append(out, plan.ConflictColumn{Column: c})
	}
	return out, err
}

// columnsOf reads a list of columns, each once; above is the path of the whole
// on_conflict, where v2 reports the placeholder.
func (p *planner) columnsOf(v value, in *schema.Input, path, above string) ([]plan.Column, error) {
	if err := given(v, in, path); err != nil {
		return nil, err
	}
	columns, err := p.list(v, *in.Type.List, path)
	if err != nil {
		return nil, err
	}
	var out []plan.Column
	for i, item := range columns {
		here := indexed(path, i)
		if item.lit != nil {
			if err := p.checkLiteral(*in.Type.List, item.lit, here); err != nil {
				return nil, err
			}
		}
		j, err := item.literal(here)
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(in.Type.Base().Values(), func(e *schema.EnumValue) bool { return e.Name == j.Text && e.Column != nil })
		if at < 0 {
			return nil, invalid(above, "erroneous column name")
		}
		column := in.Type.Base().Values()[at].Column.Plan()
		if !slices.ContainsFunc(out, func(c plan.Column) bool { return c.Name == column.Name }) {
			out = append(out, column)
		}
	}
	return out, nil
}

func common(a, b []string) []string {
	var out []string
	for _, x := range a {
		if slices.Contains(b, x) && !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out
}

func quotedList(names []string) string {
	out := make([]string, 0, len(names))
	for _, n := range names {
		out = append(out, `"`+n+`"`)
	}
	return strings.Join(out, ", ")
}
