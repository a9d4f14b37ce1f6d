package oracle_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// printer writes a request as GraphQL, or permissions as JSON.
type printer struct {
	world *world
	// together: all tables are in one Postgres, wherever they are else.
	together bool
	// document: GraphQL rather than JSON.
	document  bool
	variables []variable
	// tableName gives a table's name in metadata.
	tableName func(*table) any
	// apart: the tables are in their own sources.
	apart bool
}

type variable struct{ name, graphQL, value string }

// query is a request's document and variables, for an engine that has the tables
// together or apart.
func (w *world) query(r *request, together bool) (document string, variables json.RawMessage) {
	p := &printer{world: w, document: true, together: together}
	fields := make([]string, 0, len(r.Fields))
	for _, f := range r.Fields {
		fields = append(fields, p.root(f))
	}
	head, values := "query", []string{}
	if len(p.variables) > 0 {
		declared := []string{}
		for _, v := range p.variables {
			declared = append(declared, "$"+v.name+": "+v.graphQL)
			values = append(values, quoted(v.name)+":"+v.value)
		}
		head += "(" + strings.Join(declared, ", ") + ")"
	}
	return head + " {" + strings.Join(fields, " ") + "}", json.RawMessage("{" + strings.Join(values, ",") + "}")
}

func (p *printer) root(f *field) string {
	t := p.world.table(f.Table)
	switch f.Kind {
	case "aggregate":
		return f.Alias + ": " + t.Name + "_aggregate" + p.arguments(t, f.Arguments) + p.aggregate(t, f)
	case "key":
		keys := []string{}
		for i, k := range t.Key {
			keys = append(keys, k+": "+p.operand(t, t.column(k).Type, f.Key[i], true))
		}
		return f.Alias + ": " + t.Name + "_by_pk(" + strings.Join(keys, ", ") + ")" + p.fields(t, f.Fields)
	}
	return f.Alias + ": " + t.Name + p.arguments(t, f.Arguments) + p.fields(t, f.Fields)
}

func (p *printer) fields(t *table, fields []*field) string {
	out := []string{}
	for _, f := range fields {
		text := f.Alias + ": "
		switch f.Kind {
		case "column":
			text += f.Column
		case "typename":
			text += "__typename"
		default:
			to := p.world.table(p.world.relationship(t.Name, f.Relationship).To)
			text += f.Relationship
			if f.Kind == "aggregate" {
				text += "_aggregate" + p.arguments(to, f.Arguments) + p.aggregate(to, f)
			} else {
				text += p.arguments(to, f.Arguments) + p.fields(to, f.Fields)
			}
		}
		out = append(out, text)
	}
	return " {" + strings.Join(out, " ") + "}"
}

func (p *printer) aggregate(t *table, f *field) string {
	out := []string{}
	for _, i := range f.Items {
		if i.Function != "count" {
			out = append(out, i.Alias+": "+i.Function+" {"+i.Columns[0]+"}")
			continue
		}
		arguments := []string{}
		switch {
		case len(i.Columns) > 0 && p.inServer(t):
			arguments = append(arguments, "column: "+i.Columns[0])
		case len(i.Columns) > 0:
			arguments = append(arguments, "columns: ["+strings.Join(i.Columns, ", ")+"]")
		}
		if i.Distinct {
			arguments = append(arguments, "distinct: true")
		}
		text := i.Alias + ": count"
		if len(arguments) > 0 {
			text += "(" + strings.Join(arguments, ", ") + ")"
		}
		out = append(out, text)
	}
	text := ""
	if len(out) > 0 {
		text = " {aggregate {" + strings.Join(out, " ") + "}"
	} else {
		text = " {"
	}
	if len(f.Fields) > 0 {
		text += " nodes" + p.fields(t, f.Fields)
	}
	return text + "}"
}

func (p *printer) arguments(t *table, a *arguments) string {
	if a == nil {
		return ""
	}
	out := []string{}
	if len(a.Distinct) > 0 {
		out = append(out, "distinct_on: ["+strings.Join(a.Distinct, ", ")+"]")
	}
	if a.Where != nil {
		where := ""
		if a.Variable {
			plain := &printer{world: p.world, together: p.together}
			where = p.variable(t.Name+"_bool_exp", plain.condition(t, a.Where))
		} else {
			where = p.condition(t, a.Where)
		}
		out = append(out, "where: "+where)
	}
	if len(a.Order) > 0 {
		keys := []string{}
		for _, o := range a.Order {
			keys = append(keys, p.order(t, o))
		}
		out = append(out, "order_by: ["+strings.Join(keys, ", ")+"]")
	}
	if a.Limit != nil {
		out = append(out, fmt.Sprintf("limit: %d", *a.Limit))
	}
	if a.Offset != nil {
		out = append(out, fmt.Sprintf("offset: %d", *a.Offset))
	}
	if len(out) == 0 {
		return ""
	}
	return "(" + strings.Join(out, ", ") + ")"
}

// inServer tells whether a table is in SQL Server.
func (p *printer) inServer(t *table) bool { return t.inServer() && !p.together }

func (p *printer) order(t *table, o *order) string {
	direction := o.Direction
	if p.inServer(t) {
		// Where it isn't said, nulls are less than everything there.
		direction = map[string]string{"asc": "asc_nulls_last", "desc": "desc_nulls_first"}[direction]
		if direction == "" {
			direction = o.Direction
		}
	}
	path := slices.Clone(o.Path)
	switch o.Function {
	case "":
		path = append(path, o.Column)
	case "count":
		path = append(path, o.Relationship+"_aggregate", "count")
	default:
		path = append(path, o.Relationship+"_aggregate", o.Function, o.Column)
	}
	return "{" + strings.Join(path, ": {") + ": " + direction + strings.Repeat("}", len(path))
}

func (p *printer) variable(graphQL, value string) string {
	name := fmt.Sprintf("v%d", len(p.variables))
	p.variables = append(p.variables, variable{name, graphQL, value})
	return "$" + name
}

func (p *printer) operand(t *table, s scalar, o operand, required bool) string {
	if o.Session != "" {
		return quoted(o.Session)
	}
	if o.Variable && p.document {
		name := s.graphQL()
		switch {
		case p.together:
		case t.inServer():
			name = s.graphQLInServer()
		case t.Source == lite:
			name = s.graphQLInSQLite()
		}
		if required {
			name += "!"
		}
		return p.variable(name, s.literal(o.Text))
	}
	return s.literal(o.Text)
}

func (p *printer) key(name string) string {
	if p.document {
		return name + ": "
	}
	return quoted(name) + ":"
}

func (p *printer) enum(name string) string {
	if p.document {
		return name
	}
	return quoted(name)
}

func (p *printer) object(key, value string) string { return "{" + p.key(key) + value + "}" }

func (p *printer) condition(t *table, c *condition) string {
	switch c.Op {
	case "and", "or":
		parts := []string{}
		for _, part := range c.Parts {
			parts = append(parts, p.condition(t, part))
		}
		return p.object("_"+c.Op, "["+strings.Join(parts, ", ")+"]")
	case "not":
		return p.object("_not", p.condition(t, c.Parts[0]))
	case "compare":
		return p.object(c.Column, p.object(c.Operator, p.values(t, t.column(c.Column).Type, c)))
	case "null":
		return p.object(c.Column, p.object("_is_null", fmt.Sprint(c.IsNull)))
	case "columns":
		other := quoted(c.Other)
		if c.Root {
			other = `["$", ` + other + `]`
		}
		return p.object(c.Column, p.object(c.Operator, other))
	case "exists":
		other := p.world.table(c.Table)
		name, err := json.Marshal(p.tableName(other))
		if err != nil {
			panic(err) // names always have a form
		}
		source := ""
		if p.apart && other.Source != t.Source {
			source = `"_source":` + quoted(other.Source) + ","
		}
		return `{"_exists":{` + source + `"_table":` + string(name) + `,"_where":` + p.condition(other, c.Parts[0]) + "}}"
	case "related":
		to := p.world.table(p.world.relationship(t.Name, c.Relationship).To)
		return p.object(c.Relationship, p.condition(to, c.Parts[0]))
	}
	to := p.world.table(p.world.relationship(t.Name, c.Relationship).To)
	return p.object(c.Relationship+"_aggregate", p.object(c.Function, p.predicate(to, c)))
}

func (p *printer) values(t *table, s scalar, c *condition) string {
	if c.Operator != "_in" && c.Operator != "_nin" {
		return p.operand(t, s, c.Values[0], true)
	}
	values := []string{}
	for _, v := range c.Values {
		if v.Session != "" {
			return quoted(v.Session)
		}
		values = append(values, p.operand(t, s, v, true))
	}
	return "[" + strings.Join(values, ", ") + "]"
}

func (p *printer) predicate(t *table, c *condition) string {
	out := []string{}
	switch {
	case c.Function == "count" && len(c.Arguments) > 0:
		out = append(out, p.key("arguments")+"["+p.enum(c.Arguments[0])+"]")
	case len(c.Arguments) > 0:
		out = append(out, p.key("arguments")+p.enum(c.Arguments[0]))
	}
	if c.Distinct {
		out = append(out, p.key("distinct")+"true")
	}
	if len(c.Parts) > 0 {
		out = append(out, p.key("filter")+p.condition(t, c.Parts[0]))
	}
	out = append(out, p.key("predicate")+p.object(c.Operator, c.Values[0].Text))
	return "{" + strings.Join(out, ", ") + "}"
}

// metadata is a world's metadata; place says where a table is, to whom.
func (w *world) metadata(configurations map[string]source, together string) map[string]any {
	tables := map[string][]any{}
	place := func(t *table) string {
		if together != "" {
			return together
		}
		return t.Source
	}
	name := func(t *table) any {
		if schema := configurations[place(t)].schema; schema != "" {
			return map[string]any{"schema": schema, "name": t.Name}
		}
		return t.Name
	}
	for _, t := range w.Tables {
		entry := map[string]any{"table": name(t), "configuration": map[string]any{"custom_name": t.Name}}
		w.relate(entry, t, place, name)
		permissions := []any{}
		for _, r := range w.Roles {
			if p := r.Permissions[t.Name]; p != nil {
				permissions = append(permissions, map[string]any{"role": r.Name, "permission": w.permission(t, p, &printer{world: w, tableName: name, apart: together == ""})})
			}
		}
		entry["select_permissions"] = permissions
		tables[place(t)] = append(tables[place(t)], entry)
	}
	sources := []any{}
	for _, s := range slices.Sorted(maps.Keys(tables)) {
		sources = append(sources, map[string]any{
			"name": s, "kind": configurations[s].kind, "tables": tables[s], "configuration": configurations[s].configuration,
		})
	}
	return map[string]any{"version": 3, "sources": sources}
}

func (w *world) relate(entry map[string]any, t *table, place func(*table) string, name func(*table) any) {
	local := map[string][]any{}
	remote := []any{}
	for _, r := range w.from(t.Name) {
		to := w.table(r.To)
		kind := "object"
		if r.Array {
			kind = "array"
		}
		mapping := map[string]string{}
		for _, p := range r.Pairs {
			mapping[p.Left] = p.Right
		}
		if place(t) == place(to) && !w.cast(r) {
			local[kind] = append(local[kind], map[string]any{"name": r.Name, "using": map[string]any{
				"manual_configuration": map[string]any{"remote_table": name(to), "column_mapping": mapping},
			}})
			continue
		}
		remote = append(remote, map[string]any{"name": r.Name, "definition": map[string]any{"to_source": map[string]any{
			"relationship_type": kind, "source": place(to), "table": name(to), "field_mapping": mapping,
		}}})
	}
	entry["object_relationships"], entry["array_relationships"] = local["object"], local["array"]
	entry["remote_relationships"] = remote
	for key, value := range entry {
		if list, ok := value.([]any); ok && len(list) == 0 {
			delete(entry, key)
		}
	}
}

func (w *world) permission(t *table, p *permission, printed *printer) map[string]any {
	out := map[string]any{"columns": p.Columns, "allow_aggregations": p.Aggregations, "filter": map[string]any{}}
	if p.Filter != nil {
		out["filter"] = json.RawMessage(printed.condition(t, p.Filter))
	}
	if p.Limit != nil {
		out["limit"] = *p.Limit
	}
	return out
}
