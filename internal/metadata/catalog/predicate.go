package catalog

import (
	"errors"
	"fmt"
	"strings"

	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
)

// filter parses boolean expressions of one permission.
type filter struct {
	builder *builder
	// root is the table that the whole expression is about.
	root *Table
	// remote: the expression is about another source's table.
	remote bool
	// reads are the other tables of the source that the expression is about; wide
	// tells that it is about more than tables of the source.
	reads []TableName
	wide  bool
	// newRows: the expression is about rows that are being written.
	newRows bool
}

// parse reads an expression about rows of a table. Nested tells that they are
// not the root's.
func (f *filter) parse(t *Table, j orderedjson.Value, nested bool) (plan.Predicate, error) {
	if j.Kind != orderedjson.Object {
		return nil, fmt.Errorf("expected an object in a boolean expression, but found %s", j)
	}
	parts := make([]plan.Predicate, 0, len(j.Keys))
	for i, key := range j.Keys {
		p, err := f.entry(t, key, j.Items[i], nested)
		if err != nil {
			return nil, err
		}
		if c, ok := p.(*plan.Const); ok && c.Value {
			continue
		}
		parts = append(parts, p)
	}
	return and(parts), nil
}

// and joins conditions; none are true.
func and(parts []plan.Predicate) plan.Predicate {
	switch len(parts) {
	case 0:
		return &plan.Const{Value: true}
	case 1:
		return parts[0]
	}
	return &plan.And{Parts: parts}
}

func isTrue(p plan.Predicate) bool {
	c, ok := p.(*plan.Const)
	return ok && c.Value
}

func (f *filter) entry(t *Table, key string, value orderedjson.Value, nested bool) (plan.Predicate, error) {
	switch key {
	case "_and", "$and":
		parts, err := f.list(t, key, value, nested)
		return and(parts), err
	case "_or", "$or":
		parts, err := f.list(t, key, value, nested)
		switch len(parts) {
		case 0:
			return &plan.Const{Value: false}, err
		case 1:
			return parts[0], err
		}
		return &plan.Or{Parts: parts}, err
	case "_not", "$not":
		part, err := f.parse(t, value, nested)
		return &plan.Not{Part: part}, err
	case "_exists", "$exists":
		return f.exists(t, value)
	}
	return f.field(t, key, value, nested)
}

func (f *filter) list(t *Table, key string, value orderedjson.Value, nested bool) ([]plan.Predicate, error) {
	if value.Kind != orderedjson.Array {
		return nil, fmt.Errorf("expected a list for %s, but found %s", key, value)
	}
	parts := make([]plan.Predicate, 0, len(value.Items))
	for _, item := range value.Items {
		p, err := f.parse(t, item, nested)
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	return parts, nil
}

// exists reads _exists: rows of a table, not tied to the row in scope. _source
// names the source of the table where it is another.
func (f *filter) exists(t *Table, value orderedjson.Value) (plan.Predicate, error) {
	source := t.Source
	if named, ok := value.Get("_source"); ok {
		if source, ok = f.builder.catalog.Source(named.Text); !ok || named.Kind != orderedjson.String {
			return nil, fmt.Errorf("source %s in _exists does not exist", named)
		}
	}
	table, ok := value.Get("_table")
	if !ok {
		return nil, errors.New("key \"_table\" not found in _exists")
	}
	where, ok := value.Get("_where")
	if !ok {
		return nil, errors.New("key \"_where\" not found in _exists")
	}
	name, err := parseTableName(table, source.Kind)
	if err != nil {
		return nil, err
	}
	target, ok := source.Table(name)
	if !ok {
		return nil, fmt.Errorf("table %q does not exist in source: %s", name, source.Name)
	}
	if source != t.Source {
		return f.remoteCondition(&RemotePredicate{Target: target}, where)
	}
	f.reads = append(f.reads, target.Name)
	inner, err := f.parse(target, where, true)
	if err != nil {
		return nil, err
	}
	return &plan.Exists{Target: plan.Rows{From: target.Relation(), Where: inner, PermitLimit: -1}}, nil
}

// field reads the conditions on a column, relationship or computed field.
func (f *filter) field(t *Table, key string, value orderedjson.Value, nested bool) (plan.Predicate, error) {
	if c, ok := t.Column(key); ok {
		return f.operators(t, &plan.ColumnOperand{Column: c.Plan()}, value, nested)
	}
	if r, ok := t.Relationship(key); ok {
		rows := r.Rows()
		f.reads = append(f.reads, r.Target.Name)
		inner, err := f.parse(r.Target, value, true)
		rows.Where = inner
		return &plan.Exists{Relationship: r.Name, Target: rows}, err
	}
	if c, ok := t.ComputedField(key); ok {
		return f.computed(t, c, value, nested)
	}
	if r, ok := t.remoteTable(key); ok {
		return f.remoteRows(r, value)
	}
	for _, r := range t.ToRemoteSchema {
		if r.Name == key {
			return nil, errors.New("remote schema field unsupported")
		}
	}
	if name, ok := strings.CutSuffix(key, "_aggregate"); ok {
		if r, ok := t.Relationship(name); ok && r.Array {
			return f.aggregate(r, value)
		}
	}
	return nil, errNoColumn(key)
}

func (f *filter) computed(t *Table, c *ComputedField, value orderedjson.Value, nested bool) (plan.Predicate, error) {
	f.wide = true
	if c.Returns != nil {
		if len(c.Function.Arguments)-len(c.Call().Arguments) > c.Function.Defaults {
			return nil, fmt.Errorf("computed field %q takes arguments, so it can't stand in a boolean expression", c.Name)
		}
		inner, err := f.parse(c.Returns, value, true)
		return &plan.Exists{Relationship: c.Name, Target: plan.Rows{From: c.Call(), Where: inner, PermitLimit: -1}}, err
	}
	if !c.Scalar() {
		return nil, fmt.Errorf("computed field %q takes arguments, so it can't stand in a boolean expression", c.Name)
	}
	return f.operators(t, &plan.ComputedOperand{Call: c.Call(), Type: c.Function.Returns}, value, nested)
}

// remoteRows reads a condition on a table of another source, whose keys are to
// be fetched first.
func (f *filter) remoteRows(r *ToSource, value orderedjson.Value) (plan.Predicate, error) {
	for _, p := range r.Pairs {
		if p.Left.Column == nil {
			return nil, fmt.Errorf("remote relationship %q is by a computed field, so it can't stand in a boolean expression", r.Name)
		}
	}
	if f.newRows && r.Casts() {
		return nil, fmt.Errorf("remote relationship %q compares columns of different types or collations, so it can't be checked of rows that are being written", r.Name)
	}
	return f.remoteCondition(&RemotePredicate{Relationship: r, Target: r.Target}, value)
}

// remoteCondition reads what rows of another source's table have to satisfy.
func (f *filter) remoteCondition(r *RemotePredicate, value orderedjson.Value) (plan.Predicate, error) {
	f.wide = true
	inner := &filter{builder: f.builder, root: r.Target, remote: true}
	var err error
	// Its root is the row of this source, so that nothing there is.
	if r.Where, err = inner.parse(r.Target, value, true); err != nil {
		return nil, err
	}
	c := f.builder.catalog
	c.RemotePredicates = append(c.RemotePredicates, r)
	return &plan.RemoteCondition{Index: len(c.RemotePredicates) - 1}, nil
}

// Relationship finds a relationship within the source.
func (r *Relationships) Relationship(name string) (*Relationship, bool) {
	for _, rel := range r.Local {
		if rel.Name == name {
			return rel, true
		}
	}
	return nil, false
}

func (r *Relationships) remoteTable(name string) (*ToSource, bool) {
	for _, rel := range r.ToSource {
		if rel.Name == name {
			return rel, true
		}
	}
	return nil, false
}

// ComputedField finds a computed field of the table.
func (t *Table) ComputedField(name string) (*ComputedField, bool) {
	for _, c := range t.ComputedFields {
		if c.Name == name {
			return c, true
		}
	}
	return nil, false
}

// aggregate reads the condition of <relationship>_aggregate.
func (f *filter) aggregate(r *Relationship, value orderedjson.Value) (plan.Predicate, error) {
	if !r.Target.Source.Capabilities.AggregatePredicate {
		return nil, errNoColumn(r.Name + "_aggregate")
	}
	if value.Kind != orderedjson.Object || len(value.Keys) != 1 {
		return nil, errors.New("exactly one predicate should be specified")
	}
	f.reads = append(f.reads, r.Target.Name)
	rows := r.Rows()
	p := &plan.CompareAggregate{Relationship: r.Name, Function: value.Keys[0]}
	if err := f.aggregateParts(r, p, &rows, value.Items[0]); err != nil {
		return nil, err
	}
	if rows.Where == nil {
		rows.Where = &plan.Const{Value: true}
	}
	p.Target = rows
	return p, nil
}

func (f *filter) aggregateParts(r *Relationship, p *plan.CompareAggregate, rows *plan.Rows, value orderedjson.Value) error {
	var predicate orderedjson.Value
	for i, key := range value.Keys {
		item := value.Items[i]
		switch key {
		case "arguments":
			if err := aggregateArguments(r.Target, p, item); err != nil {
				return err
			}
		case "distinct":
			p.Distinct = item.Kind == orderedjson.Bool && item.Text == "true"
		case "filter":
			inner, err := f.parse(r.Target, item, true)
			if err != nil {
				return err
			}
			rows.Where = inner
		case "predicate":
			predicate = item
		default:
			return fmt.Errorf("unexpected key %q in an aggregate predicate", key)
		}
	}
	if predicate.Kind != orderedjson.Object {
		return errors.New("key \"predicate\" not found in an aggregate predicate")
	}
	var err error
	if p.Result, err = aggregateResult(p); err != nil {
		return err
	}
	operand := &plan.ColumnOperand{Column: plan.Column{Name: p.Function, Type: p.Result}}
	for i, key := range predicate.Keys {
		c, err := f.comparison(r.Target, operand, key, predicate.Items[i], false)
		if err != nil {
			return err
		}
		switch c := c.(type) {
		case *plan.Compare:
			p.Having = append(p.Having, plan.AggregateComparison{Operator: c.Operator, Right: c.Right})
		case *plan.IsNull:
			isNull := !c.Negate
			p.Having = append(p.Having, plan.AggregateComparison{IsNull: &isNull})
		case *plan.And, *plan.Or, *plan.Not, *plan.Const, *plan.CompareColumns, *plan.Exists, *plan.CompareAggregate, *plan.InKeys, *plan.RemoteCondition:
			return fmt.Errorf("operator %s can't compare an aggregate", key)
		}
	}
	return nil
}

func aggregateArguments(t *Table, p *plan.CompareAggregate, value orderedjson.Value) error {
	names := value.Items
	if value.Kind == orderedjson.String {
		names = []orderedjson.Value{value}
	}
	for _, n := range names {
		c, ok := t.Column(n.Text)
		if !ok || n.Kind != orderedjson.String {
			return errNoColumn(n.TextOf())
		}
		p.Arguments = append(p.Arguments, c.Plan())
	}
	return nil
}

// aggregateResult is the type that an aggregate function's value is compared as.
func aggregateResult(p *plan.CompareAggregate) (plan.Type, error) {
	integer := plan.Type{Name: "bigint", Scalar: "bigint", Class: plan.ClassInteger}
	float := plan.Type{Name: "float8", Scalar: "float8", Class: plan.ClassNumber}
	needed := 1
	var result plan.Type
	switch p.Function {
	case "count":
		return integer, nil
	case "bool_and", "bool_or":
		result = plan.Type{Name: "boolean", Scalar: "Boolean", Class: plan.ClassBoolean}
	case "avg", "stddev", "stddev_pop", "stddev_samp", "var_pop", "var_samp", "variance":
		result = float
	case "corr", "covar_pop", "covar_samp":
		result, needed = float, 2
	case "sum":
		result = plan.Type{Name: "numeric", Scalar: "numeric", Class: plan.ClassNumber}
	case "min", "max":
		if len(p.Arguments) == 1 {
			result = p.Arguments[0].Type
		}
	default:
		return plan.Type{}, fmt.Errorf("unknown aggregate function %q", p.Function)
	}
	if len(p.Arguments) != needed {
		return plan.Type{}, fmt.Errorf("aggregate function %s takes %d argument(s), but got %d", p.Function, needed, len(p.Arguments))
	}
	return result, nil
}
