package planner

import (
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/internal/schema"
)

// value is an input: a literal of the document, or (a part of) a variable's
// value. A missing value has neither.
type value struct {
	lit *ast.Value
	// name and path lead to the part of the variable; json is its value here.
	name    string
	path    []string
	json    orderedjson.Value
	missing bool
}

// load resolves an input against the type of its place: variables are checked
// for their declared type and their value.
func (p *planner) load(v *ast.Value, ref schema.Ref, hasDefault bool, path string) (value, error) {
	return p.loadAs(v, use{ref: ref, path: path}, hasDefault)
}

// loadAs is load for inputs with rules of their own.
func (p *planner) loadAs(v *ast.Value, u use, hasDefault bool) (value, error) {
	ref, path := u.ref, u.path
	if v == nil {
		return value{missing: true}, nil
	}
	if err := p.spend(1, path); err != nil {
		return value{}, err
	}
	if v.Kind != ast.Variable {
		return value{lit: v}, nil
	}
	def := p.document.definition(v.Raw)
	if def == nil {
		return value{}, invalid(path, "unbound variable %q", v.Raw)
	}
	if u.kind != insideScalar && !usable(def, ref, hasDefault) {
		return value{}, invalid(path, "variable '%s' is declared as '%s', but used where '%s' is expected", v.Raw, def.Type.String(), ref.String())
	}
	u.name = v.Raw
	p.use(u)
	j, given := p.variables[v.Raw]
	if !given {
		if def.DefaultValue != nil {
			return value{lit: def.DefaultValue}, nil
		}
		return value{missing: true}, nil
	}
	if c := u.class(); !p.checked[c] {
		if err := u.check(j); err != nil {
			return value{}, err
		}
		p.checked[c] = true
	}
	return value{name: v.Raw, json: j}, nil
}

// usable is the specification's rule for using a variable at a place.
func usable(def *ast.VariableDefinition, ref schema.Ref, hasDefault bool) bool {
	declared := *def.Type
	if ref.NonNull && !declared.NonNull {
		nonNullDefault := def.DefaultValue != nil && def.DefaultValue.Kind != ast.NullValue
		if !nonNullDefault && !hasDefault {
			return false
		}
		ref.NonNull = false
	}
	return compatible(&declared, ref)
}

func compatible(declared *ast.Type, ref schema.Ref) bool {
	if ref.NonNull && !declared.NonNull {
		return false
	}
	if ref.List != nil {
		if declared.Elem != nil {
			return compatible(declared.Elem, *ref.List)
		}
		// A single value stands for a list of one.
		return compatible(declared, schema.Nullable(*ref.List))
	}
	return declared.Elem == nil && (declared.NamedType == ref.Named.Name || declared.NamedType == ref.Also)
}

// isNull tells whether the value is null; a missing one isn't.
func (v value) isNull() bool {
	if v.lit != nil {
		return v.lit.Kind == ast.NullValue
	}
	return !v.missing && v.json.IsNull()
}

// member is one key of an input object.
type member struct {
	key   string
	lit   *ast.Value
	value value
}

// object gives the members of an input object, in written order.
func (v value) object(typeName, path string) ([]member, error) {
	if v.lit != nil {
		if v.lit.Kind != ast.ObjectValue {
			return nil, invalid(path, "expected an object for type '%s', but found %s", typeName, describeLiteral(v.lit))
		}
		out := make([]member, 0, len(v.lit.Children))
		for _, c := range v.lit.Children {
			out = append(out, member{key: c.Name, lit: c.Value})
		}
		return out, nil
	}
	if v.json.Kind != orderedjson.Object {
		return nil, invalid(path, "expected an object for type '%s', but found %s", typeName, describe(v.json))
	}
	out := make([]member, 0, len(v.json.Items))
	for i, item := range v.json.Items {
		out = append(out, member{key: v.json.Keys[i], value: v.part(v.json.Keys[i], item)})
	}
	return out, nil
}

func (v value) part(step string, j orderedjson.Value) value {
	return value{name: v.name, path: append(slices.Clip(v.path), step), json: j}
}

// of gives the member's value at a place of the given type.
func (p *planner) of(m member, ref schema.Ref, hasDefault bool, path string) (value, error) {
	if m.lit != nil {
		return p.load(m.lit, ref, hasDefault, path)
	}
	return m.value, p.spend(1, path)
}

// members visits the members of an input object, in written order, each with
// its field of the type.
func (p *planner) members(v value, t *schema.Type, path string, visit func(in *schema.Input, v value, path string) error) error {
	members, err := v.object(t.Name, path)
	if err != nil {
		return err
	}
	for _, m := range members {
		here := under(path, m.key)
		in, ok := t.Input(m.key)
		if !ok {
			return invalid(here, "field '%s' not found in type: '%s'", m.key, t.Name)
		}
		inner, err := p.of(m, in.Type, in.Default != "", here)
		if err != nil {
			return err
		}
		if err := visit(in, inner, here); err != nil {
			return err
		}
	}
	return nil
}

// absent tells whether nothing is given: not at all, or null.
func (v value) absent() bool { return v.missing || v.isNull() }

// list gives the elements of a list; a single value is a list of one.
func (p *planner) list(v value, element schema.Ref, path string) ([]value, error) {
	if v.lit != nil {
		if v.lit.Kind != ast.ListValue {
			return []value{v}, nil
		}
		out := make([]value, 0, len(v.lit.Children))
		for i, c := range v.lit.Children {
			item, err := p.load(c.Value, element, false, indexed(path, i))
			if err != nil {
				return nil, err
			}
			out = append(out, item)
		}
		return out, nil
	}
	if v.json.Kind != orderedjson.Array {
		return []value{v.part("0", v.json)}, nil
	}
	if err := p.spend(len(v.json.Items), path); err != nil {
		return nil, err
	}
	out := make([]value, 0, len(v.json.Items))
	for i, item := range v.json.Items {
		out = append(out, v.part(strconv.Itoa(i), item))
	}
	return out, nil
}

func indexed(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// literal is the value as JSON, for inputs that shape the plan.
func (v value) literal(path string) (orderedjson.Value, error) {
	if v.lit != nil {
		return literalJSON(v.lit, path)
	}
	return v.json, nil
}

// literalJSON turns a literal without variables into JSON.
func literalJSON(v *ast.Value, path string) (orderedjson.Value, error) {
	switch v.Kind {
	case ast.Variable:
		return orderedjson.Value{}, invalid(path, "unexpected variable '%s'", v.Raw)
	case ast.IntValue, ast.FloatValue:
		return orderedjson.Value{Kind: orderedjson.Number, Text: v.Raw}, nil
	case ast.StringValue, ast.BlockValue, ast.EnumValue:
		return orderedjson.Value{Kind: orderedjson.String, Text: v.Raw}, nil
	case ast.BooleanValue:
		return orderedjson.Value{Kind: orderedjson.Bool, Text: v.Raw}, nil
	case ast.NullValue:
		return orderedjson.Value{}, nil
	case ast.ListValue:
		out := orderedjson.Value{Kind: orderedjson.Array}
		for i, c := range v.Children {
			item, err := literalJSON(c.Value, indexed(path, i))
			if err != nil {
				return orderedjson.Value{}, err
			}
			out.Items = append(out.Items, item)
		}
		return out, nil
	case ast.ObjectValue:
		out := orderedjson.Value{Kind: orderedjson.Object}
		for _, c := range v.Children {
			item, err := literalJSON(c.Value, under(path, c.Name))
			if err != nil {
				return orderedjson.Value{}, err
			}
			out.Keys = append(out.Keys, c.Name)
			out.Items = append(out.Items, item)
		}
		return out, nil
	}
	return orderedjson.Value{}, invalid(path, "unexpected value")
}

// symbolic is the value as the plan holds it: a variable stays a variable, also
// inside of lists and objects.
func (p *planner) symbolic(v value, ref schema.Ref, path string) (plan.Value, error) {
	respelled := isRespelled(ref.Base())
	if v.lit == nil {
		if respelled { // shapes hold the values of enums
			return &plan.Literal{JSON: respell(ref.Base(), v.json)}, nil
		}
		return &plan.Variable{Name: v.name, Path: v.path}, nil
	}
	if !hasVariable(v.lit) {
		if err := p.spend(size(v.lit), path); err != nil {
			return nil, err
		}
		if err := p.checkLiteral(ref, v.lit, path); err != nil {
			return nil, err
		}
		j, err := literalJSON(v.lit, path)
		if respelled {
			j = respell(ref.Base(), j)
		}
		return &plan.Literal{JSON: j}, err
	}
	if v.lit.Kind == ast.ListValue {
		return p.symbolicList(v, ref, path)
	}
	return p.symbolicObject(v, ref, path)
}

// isRespelled tells whether a type is an enum whose values the database spells
// in another way.
func isRespelled(t *schema.Type) bool {
	return t.Kind == schema.Enum && slices.ContainsFunc(t.Values(), func(v *schema.EnumValue) bool { return v.Value != "" })
}

// respell gives a value of an enum, or a list of them, as the database spells
// it.
func respell(t *schema.Type, j orderedjson.Value) orderedjson.Value {
	if j.Kind == orderedjson.Array {
		items := make([]orderedjson.Value, len(j.Items))
		for i, item := range j.Items {
			items[i] = respell(t, item)
		}
		j.Items = items
		return j
	}
	for _, v := range t.Values() {
		if j.Kind == orderedjson.String && v.Name == j.Text && v.Value != "" {
			j.Text = v.Value
		}
	}
	return j
}

func (p *planner) symbolicList(v value, ref schema.Ref, path string) (plan.Value, error) {
	out := &plan.ListValue{}
	for i, c := range v.lit.Children {
		here := indexed(path, i)
		u := use{ref: ref, path: here, kind: insideScalar}
		if ref.List != nil {
			u = use{ref: *ref.List, path: here}
		}
		item, err := p.loadAs(c.Value, u, false)
		if err != nil {
			return nil, err
		}
		if item.missing {
			out.Items = append(out.Items, &plan.Literal{})
			continue
		}
		inner, err := p.symbolicIn(item, u)
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, inner)
	}
	return out, nil
}

func (p *planner) symbolicObject(v value, ref schema.Ref, path string) (plan.Value, error) {
	out := &plan.ObjectValue{}
	t := ref.Base()
	for _, c := range v.lit.Children {
		u := use{ref: ref, path: under(path, c.Name), kind: insideScalar}
		if t.Kind == schema.InputObject {
			in, ok := t.Input(c.Name)
			if !ok {
				return nil, invalid(u.path, "field '%s' not found in type: '%s'", c.Name, t.Name)
			}
			u.ref, u.kind = in.Type, plainInput
		}
		item, err := p.loadAs(c.Value, u, true)
		if err != nil {
			return nil, err
		}
		if item.missing {
			continue
		}
		inner, err := p.symbolicIn(item, u)
		if err != nil {
			return nil, err
		}
		out.Keys = append(out.Keys, c.Name)
		out.Values = append(out.Values, inner)
	}
	if t.Kind == schema.InputObject {
		for _, in := range t.Inputs() {
			if in.Type.NonNull && in.Default == "" && v.lit.Children.ForName(in.Name) == nil {
				return nil, invalid(under(path, in.Name), "missing required field '%s'", in.Name)
			}
		}
	}
	return out, nil
}

// symbolicIn is symbolic for a part of a value; parts of JSON-like scalars are
// not checked.
func (p *planner) symbolicIn(v value, u use) (plan.Value, error) {
	if u.kind == insideScalar && v.lit != nil && !hasVariable(v.lit) {
		j, err := literalJSON(v.lit, u.path)
		return &plan.Literal{JSON: j}, err
	}
	return p.symbolic(v, u.ref, u.path)
}

func hasVariable(v *ast.Value) bool {
	if v.Kind == ast.Variable {
		return true
	}
	for _, c := range v.Children {
		if hasVariable(c.Value) {
			return true
		}
	}
	return false
}

// checkLiteral checks a literal against the type of its place.
func (p *planner) checkLiteral(ref schema.Ref, v *ast.Value, path string) error {
	if v.Kind == ast.EnumValue && ref.Base().Kind == schema.Scalar {
		return invalid(path, "expected %s for type '%s', but found an enum value", expectation(ref.Base().Name), ref.Base().Name)
	}
	if ref.Base().Kind == schema.Enum && ref.List == nil && v.Kind != ast.EnumValue && v.Kind != ast.NullValue {
		return invalid(path, "expected an enum value for type '%s', but found %s", ref.Base().Name, describeLiteral(v))
	}
	j, err := literalJSON(v, path)
	if err != nil {
		return err
	}
	return check(ref, j, path)
}

// check checks a JSON value against an input type.
func check(ref schema.Ref, j orderedjson.Value, path string) error {
	if j.IsNull() {
		if ref.NonNull {
			return invalid(path, "unexpected null value for type '%s'", ref.String())
		}
		return nil
	}
	if ref.List != nil {
		if j.Kind != orderedjson.Array {
			return check(*ref.List, j, path)
		}
		for i, item := range j.Items {
			if err := check(*ref.List, item, indexed(path, i)); err != nil {
				return err
			}
		}
		return nil
	}
	t := ref.Named
	switch t.Kind {
	case schema.Scalar:
		return checkScalar(t.Name, j, path)
	case schema.Enum:
		return checkEnum(t, j, path)
	case schema.InputObject:
		return checkObject(t, j, path)
	case schema.Object, schema.Interface, schema.Union:
	}
	return invalid(path, "'%s' is not an input type", t.Name)
}

func checkEnum(t *schema.Type, j orderedjson.Value, path string) error {
	if j.Kind != orderedjson.String {
		return invalid(path, "expected an enum value for type '%s', but found %s", t.Name, describe(j))
	}
	names := make([]string, 0, len(t.Values()))
	for _, v := range t.Values() {
		if v.Name == j.Text {
			return nil
		}
		names = append(names, "'"+v.Name+"'")
	}
	return invalid(path, "expected one of the values [%s] for type '%s', but found '%s'", strings.Join(names, ", "), t.Name, j.Text)
}

func checkObject(t *schema.Type, j orderedjson.Value, path string) error {
	if j.Kind != orderedjson.Object {
		return invalid(path, "expected an object for type '%s', but found %s", t.Name, describe(j))
	}
	for i, key := range j.Keys {
		in, ok := t.Input(key)
		if !ok {
			return invalid(under(path, key), "field '%s' not found in type: '%s'", key, t.Name)
		}
		if _, ok := in.Binding.(*schema.WriteColumn); ok {
			if err := checkColumnValue(in, j.Items[i], under(path, key)); err != nil {
				return err
			}
			continue
		}
		if err := check(in.Type, j.Items[i], under(path, key)); err != nil {
			return err
		}
	}
	for _, in := range t.Inputs() {
		if in.Type.NonNull && in.Default == "" {
			if _, ok := j.Get(in.Name); !ok {
				return invalid(under(path, in.Name), "missing required field '%s'", in.Name)
			}
		}
	}
	return nil
}

func checkScalar(name string, j orderedjson.Value, path string) error {
	ok := true
	switch name {
	case "Int":
		if j.Kind == orderedjson.Number {
			return checkInt(j.Text, path)
		}
		ok = false
	case "Float":
		ok = j.Kind == orderedjson.Number
	case "String":
		ok = j.Kind == orderedjson.String
	case "Boolean":
		ok = j.Kind == orderedjson.Bool
	case "ID":
		ok = j.Kind == orderedjson.String || j.Kind == orderedjson.Number && !strings.ContainsAny(j.Text, ".eE")
	}
	if !ok {
		return invalid(path, "expected %s for type '%s', but found %s", expectation(name), name, describe(j))
	}
	return nil
}

func checkInt(text, path string) error {
	if i, err := strconv.ParseInt(text, 10, 64); err == nil && i >= math.MinInt32 && i <= math.MaxInt32 {
		return nil
	}
	// 1e3 and 5.0 are whole numbers too; huge exponents must not be expanded.
	if f, err := strconv.ParseFloat(text, 64); err == nil && f == math.Trunc(f) && math.Abs(f) <= math.MaxInt32 {
		return nil
	}
	return &Error{
		Code: CodeParseFailed, Path: path,
		Message: "The value " + scientific(text) + " lies outside the bounds or is not an integer. Maybe it is a float, or is there integer overflow?",
	}
}

// scientific writes a number as v2 shows it: 2.147483648e9.
func scientific(text string) string {
	f, _, err := big.ParseFloat(text, 10, 256, big.ToNearestEven)
	if err != nil || f.MantExp(nil) > 4096 {
		return text
	}
	abs := new(big.Float).Abs(f)
	if abs.Sign() == 0 || abs.Cmp(big.NewFloat(0.1)) >= 0 && abs.Cmp(big.NewFloat(1e7)) < 0 {
		s := f.Text('f', -1)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	}
	s := f.Text('e', -1)
	mantissa, exponent, _ := strings.Cut(s, "e")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	negative := strings.HasPrefix(exponent, "-")
	exponent = strings.TrimLeft(exponent, "+-0")
	if negative {
		exponent = "-" + exponent
	}
	return mantissa + "e" + exponent
}

func expectation(scalar string) string {
	switch scalar {
	case "Int":
		return "a 32-bit integer"
	case "Float":
		return "a float"
	case "String":
		return "a string"
	case "Boolean":
		return "a boolean"
	case "ID":
		return "a String or a 32-bit integer"
	}
	return "a scalar"
}

func describe(j orderedjson.Value) string {
	switch j.Kind {
	case orderedjson.Null:
		return "null"
	case orderedjson.Bool:
		return "a boolean"
	case orderedjson.Number:
		if strings.ContainsAny(j.Text, ".eE") {
			return "a float"
		}
		return "an integer"
	case orderedjson.String:
		return "a string"
	case orderedjson.Array:
		return "a list"
	case orderedjson.Object:
		return "an object"
	}
	return "a value"
}

func describeLiteral(v *ast.Value) string {
	switch v.Kind {
	case ast.Variable:
		return "a variable"
	case ast.IntValue:
		return "an integer"
	case ast.FloatValue:
		return "a float"
	case ast.StringValue, ast.BlockValue:
		return "a string"
	case ast.BooleanValue:
		return "a boolean"
	case ast.NullValue:
		return "null"
	case ast.EnumValue:
		return "an enum value"
	case ast.ListValue:
		return "a list"
	case ast.ObjectValue:
		return "an object"
	}
	return "a value"
}
