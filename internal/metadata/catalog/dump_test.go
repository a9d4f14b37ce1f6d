package catalog_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/plan"
)

// dump prints a catalog for goldens; show chooses the parts.
type dump struct{ strings.Builder }

func (d *dump) line(format string, args ...any) { d.WriteString(fmt.Sprintf(format, args...) + "\n") }

func dumpCatalog(c *catalog.Catalog, show []string) string {
	d := &dump{}
	has := func(part string) bool { return slices.Contains(show, part) }
	for _, s := range c.Sources {
		if has("tables") {
			d.line("source %s", s.Name)
			for _, t := range s.Tables {
				d.table(t)
			}
		}
		if has("permissions") {
			for _, t := range s.Tables {
				d.permissions(t.Name.String(), t.Select)
			}
		}
		if has("functions") {
			for _, f := range s.Functions {
				d.line("function %s aggregate=%q returns %s session=%d mutation=%v roles=%v", f.GraphQLName, f.AggregateName, f.Returns.Name, f.SessionArgument, f.Mutation, sorted(f.Roles))
			}
		}
		if has("native") {
			d.native(s)
		}
	}
	if has("remote") {
		for _, r := range c.RemoteSchemas {
			d.line("remote schema %s hidden=%v permissions=%v", r.Name, sorted(r.HiddenRoots), sorted(r.Permissions))
			for _, name := range sorted(r.Relationships) {
				d.line("type %s", name)
				d.relationships(r.Relationships[name])
			}
		}
	}
	if has("roles") {
		d.line("roles %v", c.Roles)
	}
	for i, r := range c.RemotePredicates {
		name := "_exists " + r.Target.Source.Name + " " + r.Target.Name.String()
		if r.Relationship != nil {
			name = r.Relationship.Name
		}
		d.line("remote condition %d: %s where %s", i, name, predicate(r.Where))
	}
	for _, i := range c.Inconsistencies {
		definition, err := json.Marshal(i.Definition)
		if err != nil {
			definition = []byte(err.Error())
		}
		d.line("inconsistent %s: %s\n  %s\n  %s", i.Type, i.Name, definition, i.Reason)
		if i.Message != "" {
			d.line("  message %s", i.Message)
		}
	}
	return d.String()
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func (d *dump) table(t *catalog.Table) {
	d.line(" table %s type=%s root=%s pk=%v %s", t.Name, t.TypeName(), t.RootFieldName(catalog.RootSelect), names(t.Relation().PrimaryKey), t.Description)
	for _, kind := range slices.Sorted(maps.Keys(t.RootFields)) {
		if f := t.RootFields[kind]; f.Hidden {
			d.line("  hidden root %s", kind)
		}
	}
	for _, c := range t.Columns {
		extra := ""
		if c.CustomName {
			extra += " as " + c.GraphQLName
		}
		if c.Hidden {
			extra += " hidden"
		}
		if c.Enum != nil {
			extra += " enum=" + c.Enum.Name.String()
		}
		if c.Description != "" {
			extra += " -- " + c.Description
		}
		if extra != "" {
			d.line("  column %s%s", c.Info.Name, extra)
		}
	}
	if t.IsEnum {
		d.line("  enum %v", t.EnumValues)
	}
	for _, c := range t.ComputedFields {
		d.line("  computed %s scalar=%v table=%d session=%d returns=%v", c.Name, c.Scalar(), c.TableArgument, c.SessionArgument, c.Returns != nil)
	}
	d.relationships(&t.Relationships)
}

func names(columns []plan.Column) []string {
	var out []string
	for _, c := range columns {
		out = append(out, c.Name)
	}
	return out
}

func (d *dump) relationships(r *catalog.Relationships) {
	for _, rel := range r.Local {
		d.line("  %s %s -> %s %s nonnull=%v", cardinality(rel.Array), rel.Name, rel.Target.Name, correlations(rel.Rows().On), rel.NonNull)
	}
	for _, rel := range r.ToSource {
		var pairs []string
		for _, p := range rel.Pairs {
			pairs = append(pairs, fmt.Sprintf("%s=%s/%s", p.Left.Name, p.Right.Info.Name, p.Cast))
		}
		d.line("  remote %s %s -> %s.%s %v", cardinality(rel.Array), rel.Name, rel.Target.Source.Name, rel.Target.Name, pairs)
	}
	for _, rel := range r.ToRemoteSchema {
		var left []string
		for _, f := range rel.Left {
			left = append(left, fmt.Sprintf("%s:%s/%s", f.Name, f.Argument, f.Cast))
		}
		d.line("  remote %s -> %s left=%v %s", rel.Name, rel.Remote.Name, left, steps(rel.Steps))
		if rel.Batch != nil {
			d.line("    batch %s match=%v", steps(rel.Batch.Steps), rel.Batch.Match)
		}
	}
}

func cardinality(array bool) string {
	if array {
		return "array"
	}
	return "object"
}

func correlations(on []plan.Correlation) string {
	var parts []string
	for _, c := range on {
		parts = append(parts, c.Outer.Name+"="+c.Column.Name)
	}
	return "(" + strings.Join(parts, ",") + ")"
}

func steps(s []catalog.RemoteStep) string {
	var out []string
	for _, step := range s {
		var arguments []string
		for _, a := range step.Arguments {
			arguments = append(arguments, a.Name+":"+value(a.Value))
		}
		out = append(out, step.Parent.Name+"."+step.Field.Name+"("+strings.Join(arguments, ",")+")")
	}
	return strings.Join(out, " / ")
}

func (d *dump) permissions(name string, permissions map[string]*catalog.SelectPermission) {
	for _, role := range sorted(permissions) {
		p := permissions[role]
		d.line("permission %s %s columns=%s computed=%s limit=%d aggregations=%v roots=%s/%s", name, role, cells(p.Columns), cells(p.ComputedFields), p.Limit, p.AllowAggregations,
			roots(p.QueryRootFields), roots(p.SubscriptionRootFields))
		d.line("  %s", predicate(p.Filter))
	}
}

func roots(m map[catalog.RootFieldKind]bool) string {
	if m == nil {
		return "all"
	}
	return fmt.Sprint(slices.Sorted(maps.Keys(m)))
}

func cells(m map[string]plan.Predicate) string {
	var out []string
	for _, name := range sorted(m) {
		if m[name] == nil {
			out = append(out, name)
		} else {
			out = append(out, name+" if "+predicate(m[name]))
		}
	}
	return "[" + strings.Join(out, ", ") + "]"
}

func (d *dump) native(s *catalog.Source) {
	for _, m := range s.LogicalModels {
		d.model(m)
	}
	for _, q := range s.NativeQueries {
		if q.Procedure != nil {
			d.line("procedure %s as %s returns %s", q.Procedure, q.Name, q.Returns.Name)
		} else {
			d.line("native %s returns %s", q.Name, q.Returns.Name)
		}
		for _, a := range q.Arguments {
			d.line("  argument %s %s nullable=%v", a.Name, a.Type.Name, a.Nullable)
		}
		for _, p := range q.Parts {
			d.line("  part %q %d", p.SQL, p.Argument)
		}
		for _, r := range q.Relationships {
			d.line("  %s %s -> %s %v=%v", cardinality(r.Array), r.Name, r.Target.Name, r.Left, r.Right)
		}
		if _, ok := slices.BinarySearchFunc(s.LogicalModels, q.Returns, func(a, b *catalog.LogicalModel) int { return strings.Compare(a.Name, b.Name) }); !ok {
			d.model(q.Returns)
		}
	}
}

func (d *dump) model(m *catalog.LogicalModel) {
	d.line("model %s", m.Name)
	for _, f := range m.Fields {
		if f.Model != nil {
			d.line("  %s %s %s nullable=%v", f.Column.Info.Name, cardinality(f.Array), f.Model.Name, f.Column.Info.Nullable)
		} else {
			d.line("  %s %s nullable=%v", f.Column.Info.Name, f.Column.Info.Type.Name, f.Column.Info.Nullable)
		}
	}
	d.permissions(m.Name, m.Select)
}

func value(v plan.Value) string {
	switch v := v.(type) { //nolint:gochecksumtype // catalogs hold no other values
	case *plan.Literal:
		return v.JSON.String()
	case *plan.SessionVariable:
		return "@" + v.Name
	case *plan.RemoteEnum:
		return v.Name
	case *plan.BindingValue:
		return fmt.Sprintf("$%d", v.Index)
	case *plan.Variable:
		return "$" + v.Name
	case *plan.ListValue:
		var out []string
		for _, item := range v.Items {
			out = append(out, value(item))
		}
		return "[" + strings.Join(out, ",") + "]"
	case *plan.ObjectValue:
		var out []string
		for i, item := range v.Values {
			out = append(out, v.Keys[i]+":"+value(item))
		}
		return "{" + strings.Join(out, ",") + "}"
	}
	return "?"
}

func operand(o plan.Operand) string {
	switch o := o.(type) {
	case *plan.ColumnOperand:
		if o.Cast != nil {
			return o.Column.Name + "::" + o.Cast.Name
		}
		return o.Column.Name
	case *plan.ComputedOperand:
		return call(o.Call)
	}
	return "?"
}

func call(c *plan.FunctionCall) string {
	var out []string
	for _, a := range c.Arguments {
		switch {
		case a.Row:
			out = append(out, a.Name+"=row")
		case a.Session:
			out = append(out, a.Name+"=session")
		}
	}
	return c.Name + "(" + strings.Join(out, ",") + ")"
}

func rows(r plan.Rows) string {
	from := "?"
	switch f := r.From.(type) {
	case *plan.Table:
		from = f.Name
	case *plan.FunctionCall:
		from = call(f)
	case *plan.NativeQuery:
		from = f.Name
	}
	return from + correlations(r.On) + " where " + predicate(r.Where)
}

func predicate(p plan.Predicate) string {
	list := func(parts []plan.Predicate, separator string) string {
		var out []string
		for _, part := range parts {
			out = append(out, predicate(part))
		}
		return "(" + strings.Join(out, separator) + ")"
	}
	switch p := p.(type) {
	case *plan.And:
		return list(p.Parts, " and ")
	case *plan.Or:
		return list(p.Parts, " or ")
	case *plan.Not:
		return "not " + predicate(p.Part)
	case *plan.Const:
		return fmt.Sprint(p.Value)
	case *plan.Compare:
		return operand(p.Left) + " " + string(p.Operator) + " " + value(p.Right)
	case *plan.CompareColumns:
		root := ""
		if p.RightRoot {
			root = "root."
		}
		return p.Left.Name + " " + string(p.Operator) + " " + root + p.Right.Name
	case *plan.IsNull:
		if p.Negate {
			return operand(p.Left) + " is not null"
		}
		return operand(p.Left) + " is null"
	case *plan.Exists:
		return "exists " + p.Relationship + "[" + rows(p.Target) + "]"
	case *plan.CompareAggregate:
		var having []string
		for _, h := range p.Having {
			if h.IsNull != nil {
				having = append(having, fmt.Sprintf("is null %v", *h.IsNull))
			} else {
				having = append(having, string(h.Operator)+" "+value(h.Right))
			}
		}
		return fmt.Sprintf("%s %s(%v distinct=%v)[%s] %v", p.Relationship, p.Function, names(p.Arguments), p.Distinct, rows(p.Target), having)
	case *plan.RemoteCondition:
		return fmt.Sprintf("remote condition %d", p.Index)
	case *plan.InKeys:
		return fmt.Sprintf("%v in keys %d", names(p.Columns), p.KeySet)
	}
	return "nil"
}
