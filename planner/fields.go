package planner

import (
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/internal/schema"
)

// fieldsInside plans what a field selects of rows, whose joins stand below it.
func (p *planner) fieldsInside(s *selected, h *holder) (fields []plan.Field, err error) {
	err = h.inside(s.key, func() error {
		fields, err = p.fields(s, s.set(), s.field.Type.Base(), h)
		return err
	})
	return fields, err
}

// fields plans a selection set on rows of a table.
func (p *planner) fields(s *selected, set ast.SelectionSet, on *schema.Type, h *holder) ([]plan.Field, error) {
	members, err := p.collect(set, on, s.path)
	if err != nil {
		return nil, err
	}
	out := make([]plan.Field, 0, len(members))
	for _, m := range members {
		var f plan.Field
		err := h.inside(m.key, func() error {
			var err error
			f, err = p.field(m, on, h)
			return err
		})
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

func (p *planner) field(s *selected, on *schema.Type, h *holder) (plan.Field, error) {
	if s.field == nil {
		return &plan.StaticField{Key: s.key, JSON: orderedjson.AppendString(nil, on.Name)}, nil
	}
	switch b := s.field.Binding.(type) {
	case *schema.ColumnOf:
		path, err := p.jsonPath(s)
		if err != nil {
			return nil, err
		}
		guard, err := p.settle(b.Guard)
		return &plan.ColumnField{
			Key: s.key, Column: b.Column.Plan(), JSONPath: path, Guard: guard,
			Stringify: p.stringify(b.Column.Info.Type), UpperCase: p.upperCase(b.Column),
		}, err
	case *schema.ComputedOf:
		return p.computed(s, b, h)
	case *schema.RelatedRows:
		rows, err := p.related(b.Relationship)
		if err != nil {
			return nil, err
		}
		card := plan.One
		if b.Relationship.Array {
			card = plan.Many
		} else {
			rows.PermitLimit = -1
		}
		selection, err := p.selection(s, rows, card, h)
		return &plan.NestedField{Key: s.key, Relationship: b.Relationship.Name, Selection: selection}, err
	case *schema.RelatedAggregate:
		rows, err := p.related(b.Relationship)
		if err != nil {
			return nil, err
		}
		aggregation, err := p.aggregation(s, rows, h)
		return &plan.NestedAggregateField{Key: s.key, Relationship: b.Relationship.Name, Aggregation: aggregation}, err
	case *schema.NativeRelated:
		return p.nativeRelated(s, b.Relationship, on.Table, h)
	case *schema.NodeID:
		return nodeIDField(s, b.Table)
	case *schema.RelatedConnection:
		return p.relatedConnection(s, b.Relationship, h)
	case *schema.RemoteConnection:
		join, err := p.joinConnection(s, b.Relationship, h)
		return &plan.HoleField{Key: s.key, Join: join}, err
	case *schema.RemoteRows:
		join, err := p.joinRows(s, b.Relationship, h)
		return &plan.HoleField{Key: s.key, Join: join}, err
	case *schema.RemoteAggregate:
		join, err := p.joinAggregate(s, b.Relationship, h)
		return &plan.HoleField{Key: s.key, Join: join}, err
	case *schema.RemoteLookup:
		join, err := p.joinRemote(s, b, h)
		return &plan.HoleField{Key: s.key, Join: join}, err
	default:
		return nil, &Error{Code: CodeUnexpected, Path: s.path, Message: "field '" + s.field.Name + "' is not a field of rows"}
	}
}

// upperCase tells whether a column's values are those of an enum that the naming
// convention spells in upper case.
func (p *planner) upperCase(c *catalog.Column) bool {
	return c.Enum != nil && c.Enum.Source.Customization.GraphQLDefaultNaming
}

// stringify tells whether numbers of a type are written as strings.
func (p *planner) stringify(t plan.Type) bool {
	if !p.schema.Catalog.Settings.StringifyNumericTypes {
		return false
	}
	switch t.Underlying().Scalar {
	case "bigint", "numeric", "float8":
		return t.Underlying().Class != plan.ClassArray
	}
	return false
}

// jsonPath reads the path argument of a json column: $.a.b[0], a.b, ["a"].
func (p *planner) jsonPath(s *selected) ([]string, error) {
	for _, a := range s.field.Args {
		b, ok := a.Binding.(*schema.Argument)
		if !ok || b.Kind != schema.ArgPath {
			continue
		}
		here := under(s.path+".args", a.Name)
		v, err := p.load(s.argument(a.Name), a.Type, false, here)
		if err != nil || v.missing || v.isNull() {
			return nil, err
		}
		if v.lit == nil {
			p.use(use{name: v.name, ref: a.Type, path: here, exact: true})
		} else if err := p.checkLiteral(a.Type, v.lit, here); err != nil {
			return nil, err
		}
		j, err := v.literal(here)
		if err != nil {
			return nil, err
		}
		steps, err := parseJSONPath(j.Text)
		if err != nil {
			return nil, &Error{Code: CodeValidationFailed, Path: here, Message: "parse json path error: " + err.Error()}
		}
		return steps, nil
	}
	return nil, nil
}

type jsonPathError string

func (e jsonPathError) Error() string { return string(e) }

// parseJSONPath splits a path into object keys and list indices.
func parseJSONPath(text string) ([]string, error) {
	rest := strings.TrimPrefix(text, "$")
	var out []string
	for first := true; rest != ""; first = false {
		switch {
		case rest[0] == '[':
			step, after, err := bracketStep(rest[1:])
			if err != nil {
				return nil, err
			}
			out, rest = append(out, step), after
		case strings.HasPrefix(rest, ".["):
			rest = rest[1:]
		case rest[0] == '.' || first:
			rest = strings.TrimPrefix(rest, ".")
			end := strings.IndexAny(rest, ".[")
			if end < 0 {
				end = len(rest)
			}
			if end == 0 {
				return nil, jsonPathError("empty step in " + strconv.Quote(text))
			}
			out, rest = append(out, rest[:end]), rest[end:]
		default:
			return nil, jsonPathError("unexpected " + strconv.Quote(rest))
		}
	}
	return out, nil
}

func bracketStep(rest string) (step, after string, err error) {
	if rest != "" && (rest[0] == '"' || rest[0] == '\'') {
		quote := rest[:1]
		end := strings.Index(rest[1:], quote+"]")
		if end < 0 {
			return "", "", jsonPathError("missing " + quote + "]")
		}
		return rest[1 : 1+end], rest[1+end+2:], nil
	}
	before, after, ok := strings.Cut(rest, "]")
	if !ok {
		return "", "", jsonPathError("missing ]")
	}
	index, err := strconv.Atoi(before)
	if err != nil {
		return "", "", jsonPathError("invalid array index " + strconv.Quote(before))
	}
	return strconv.Itoa(index), after, nil
}

// computed plans a computed field: a scalar, or rows of a table.
func (p *planner) computed(s *selected, b *schema.ComputedOf, h *holder) (plan.Field, error) {
	c := b.Computed
	call := c.Call()
	guard, err := p.settle(b.Guard)
	if err != nil {
		return nil, err
	}
	skip := map[int]bool{c.TableArgument: true, c.SessionArgument: true}
	if err := p.functionArguments(s, c.Function, skip, call); err != nil {
		return nil, err
	}
	if c.Returns == nil {
		path, err := p.jsonPath(s)
		return &plan.ComputedField{
			Key: s.key, Call: call, Type: c.Function.Returns, JSONPath: path, Guard: guard,
			Stringify: p.stringify(c.Function.Returns),
		}, err
	}
	rows, err := p.permitted(c.Returns)
	if err != nil {
		return nil, err
	}
	rows.From = call
	selection, err := p.selection(s, rows, plan.Many, h)
	return &plan.NestedField{Key: s.key, Relationship: c.Name, Selection: selection, Guard: guard}, err
}

// computedRows gives the permitted rows of a computed field that returns rows
// and takes nothing from the user.
func (p *planner) computedRows(c *catalog.ComputedField) (plan.Rows, error) {
	rows, err := p.permitted(c.Returns)
	rows.From = c.Call()
	return rows, err
}
