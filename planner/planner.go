package planner

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/internal/schema"
)

// maxShapes bounds the plans kept per operation: one per shape of its variables.
const maxShapes = 64

// Operation is a parsed operation of one role, with the plans made for it. It is
// safe for concurrent use.
type Operation struct {
	schema   *schema.Schema
	document *Document
	// textLength is that of the text, which the document refers to.
	textLength int

	hashing sync.Once
	hash    string

	mu    sync.Mutex
	uses  []use
	plans map[string]*keptPlan
	// clock counts the uses of plans.
	clock uint64
	// weight is that of the plans.
	weight int
}

// keptPlan is a plan for one shape of the variables.
type keptPlan struct {
	plan *plan.Plan
	// checks are for what the plan relies on of a variable's value besides its type.
	checks []variableCheck
	weight int
	// used is when the plan was used last, by the operation's clock.
	used uint64
}

// Prepare parses a query text for a role's schema.
func Prepare(s *schema.Schema, text, operationName string) (*Operation, error) {
	document, err := Parse(text, operationName)
	if err != nil {
		return nil, err
	}
	return &Operation{schema: s, document: document, textLength: len(text), plans: map[string]*keptPlan{}}, nil
}

// Kind is what kind of operation it is.
func (o *Operation) Kind() plan.OperationKind {
	return plan.OperationKind(o.document.Operation.Operation)
}

// Plan gives the plan for the values of the variables, made anew only when
// their shape hasn't been seen before. It may be made of so many nodes (0: the
// default), and the context bounds how long that may take.
func (o *Operation) Plan(ctx context.Context, variables map[string]orderedjson.Value, maxNodes int) (*plan.Plan, error) {
	if err := checkVariables(o.document.Operation.VariableDefinitions, variables); err != nil {
		return nil, err
	}
	o.mu.Lock()
	uses := o.uses
	kept, ok := o.plans[shape(uses, variables)]
	if ok {
		o.clock++
		kept.used = o.clock
	}
	o.mu.Unlock()
	if ok {
		if err := recheck(uses, variables); err != nil {
			return nil, err
		}
		return kept.plan, runChecks(kept.checks, variables)
	}
	if maxNodes <= 0 {
		maxNodes = DefaultMaxNodes
	}
	p := &planner{
		budget: budget{ctx: ctx, max: maxNodes}, checked: map[useClass]bool{},
		schema: o.schema, document: o.document, variables: variables,
		boolean: o.schema.BooleanType(), lookups: map[string]int{}, pending: map[*plan.KeySet]pendingKeys{},
	}
	made, err := p.plan()
	if err != nil {
		return nil, err
	}
	o.keep(p, made, variables)
	return made, nil
}

// keep keeps a plan that has been made for the shape of some variables.
func (o *Operation) keep(p *planner, made *plan.Plan, variables map[string]orderedjson.Value) {
	weight := planWeight(made, p.spent)
	o.mu.Lock()
	defer o.mu.Unlock()
	// A place that no earlier plan reached makes the earlier shapes too coarse.
	if added := newUses(o.uses, p.uses); len(added) > 0 {
		o.uses = append(slices.Clip(o.uses), added...)
		clear(o.plans)
		o.weight = 0
	}
	key := shape(o.uses, variables)
	if old, ok := o.plans[key]; ok {
		o.weight -= old.weight
	} else if len(o.plans) >= maxShapes {
		o.forgetOldest()
	}
	o.clock++
	o.plans[key] = &keptPlan{plan: made, checks: p.checks, weight: weight + len(key), used: o.clock}
	o.weight += weight + len(key)
}

// forgetOldest forgets the plan that has not been used for the longest time.
func (o *Operation) forgetOldest() {
	var oldest string
	var kept *keptPlan
	for key, k := range o.plans {
		if kept == nil || k.used < kept.used {
			oldest, kept = key, k
		}
	}
	if kept != nil {
		o.weight -= kept.weight
		delete(o.plans, oldest)
	}
}

// newUses gives the first of each class of uses that isn't known: uses of one class
// are checked alike, and shape plans alike.
func newUses(known, found []use) []use {
	seen := make(map[useClass]bool, len(known))
	for _, u := range known {
		seen[u.class()] = true
	}
	var out []use
	for _, u := range found {
		if c := u.class(); !seen[c] {
			seen[c] = true
			out = append(out, u)
		}
	}
	return out
}

// checkVariables holds the given variables against their declarations.
func checkVariables(definitions ast.VariableDefinitionList, variables map[string]orderedjson.Value) error {
	defined := make(map[string]bool, len(definitions))
	for _, d := range definitions {
		defined[d.Variable] = true
	}
	var unexpected []string
	for name := range variables {
		if !defined[name] {
			unexpected = append(unexpected, name)
		}
	}
	if len(unexpected) > 0 {
		slices.Sort(unexpected)
		return invalid("$", "unexpected variables in variableValues: %s", strings.Join(unexpected, ", "))
	}
	seen := map[string]bool{}
	for _, d := range definitions {
		if seen[d.Variable] {
			return invalid("$", "multiple definitions for variable %q", d.Variable)
		}
		seen[d.Variable] = true
		if !d.Type.NonNull {
			continue
		}
		j, given := variables[d.Variable]
		if !given && d.DefaultValue == nil {
			return invalid("$", "expecting a value for non-nullable variable: %q", d.Variable)
		}
		if given && j.IsNull() {
			return invalid("$", "null value found for non-nullable type: %q", d.Type.String())
		}
	}
	return nil
}

// planner makes one plan.
type planner struct {
	budget
	schema    *schema.Schema
	document  *Document
	variables map[string]orderedjson.Value
	boolean   *schema.Type
	uses      []use
	checks    []variableCheck
	// introspected is how many bytes introspection has answered so far.
	introspected int
	// checked are the kinds of places that a variable was held against.
	checked map[useClass]bool
	// scope is the fragment being planned, which conditions hang key sets below;
	// pending are the key sets whose direction may still be turned.
	scope   *holder
	pending map[*plan.KeySet]pendingKeys
	// lookups gives equal keyed fragments equal numbers.
	lookups map[string]int
	// remotes gathers the root fields of each remote schema into one fragment.
	remotes map[string]*remoteFragment
}

func (p *planner) plan() (*plan.Plan, error) {
	operation := p.document.Operation
	if err := p.operationDirectives(operation.Directives); err != nil {
		return nil, err
	}
	out := &plan.Plan{Operation: plan.OperationKind(operation.Operation), Name: operation.Name}
	var root *schema.Type
	switch operation.Operation {
	case ast.Query:
		root = p.schema.Query
	case ast.Mutation:
		root = p.schema.Mutation
		if root == nil {
			return nil, invalid("$", "no mutations exist")
		}
	case ast.Subscription:
		root = p.schema.Subscription
		if len(root.Fields()) == 0 {
			return nil, invalid("$", "no subscriptions exist")
		}
	}
	p.remotes = map[string]*remoteFragment{}
	roots, err := p.roots(operation.SelectionSet, root, "$", nil)
	if err != nil {
		return nil, err
	}
	if operation.Operation == ast.Subscription && len(roots) != 1 {
		return nil, invalid("$", "subscriptions must select one top level field")
	}
	out.Roots = roots
	if err := p.finish(out); err != nil {
		return nil, err
	}
	return out, nil
}

func (p *planner) operationDirectives(list ast.DirectiveList) error {
	for _, d := range list {
		switch d.Name {
		case "cached":
		case "include", "skip":
			return invalid("$", "directive '%s' is not allowed on a query", d.Name)
		default:
			return invalid("$", "directive '%s' is not defined in the schema", d.Name)
		}
	}
	return nil
}

// roots plans the fields of a root type or of a namespace in it.
func (p *planner) roots(set ast.SelectionSet, on *schema.Type, path string, above []string) ([]plan.Root, error) {
	fields, err := p.collect(set, on, path)
	if err != nil {
		return nil, err
	}
	out := make([]plan.Root, 0, len(fields))
	for _, s := range fields {
		node, err := p.root(s, on, append(slices.Clip(above), s.key))
		if err != nil {
			return nil, err
		}
		out = append(out, plan.Root{Key: s.key, Node: node})
	}
	return out, nil
}

func (p *planner) root(s *selected, on *schema.Type, path []string) (plan.RootNode, error) {
	if s.introspection != "" {
		return p.introspect(s)
	}
	if s.field == nil {
		return &plan.Static{JSON: orderedjson.AppendString(nil, on.Name)}, nil
	}
	switch s.field.Binding.(type) {
	case *schema.RootRemote, *schema.RootNamespace:
	default:
		if p.document.Operation.Operation == ast.Mutation {
			clear(p.remotes) // what follows must not run before this field
		}
	}
	switch b := s.field.Binding.(type) {
	case *schema.RootNamespace:
		roots, err := p.roots(s.set(), s.field.Type.Base(), s.path, path)
		return &plan.Namespace{Roots: roots}, err
	case *schema.NoQueries:
		return &plan.Static{JSON: []byte(`"no queries available"`)}, nil
	case *schema.RootRemote:
		return p.rootRemote(s, b, path)
	case *schema.RootService:
		return p.service(s)
	case *schema.RootEntities:
		return p.rootEntities(s, path)
	}
	var query plan.Query
	var source string
	h := newHolder(path)
	err := p.within(h, func() error {
		var err error
		switch b := s.field.Binding.(type) {
		case *schema.RootRows:
			source = b.Table.Source.Name
			query, err = p.rootRows(s, b.Table, h)
		case *schema.RootRow:
			source = b.Table.Source.Name
			query, err = p.rootRow(s, b.Table, h)
		case *schema.RootAggregate:
			source = b.Table.Source.Name
			query, err = p.rootAggregate(s, b.Table, h)
		case *schema.RootFunction:
			source = b.Function.Source.Name
			query, err = p.rootFunction(s, b, h)
		case *schema.RootConnection:
			source = b.Table.Source.Name
			query, err = p.rootConnection(s, b.Table, h)
		case *schema.RootFunctionConnection:
			source = b.Function.Source.Name
			query, err = p.rootFunctionConnection(s, b.Function, h)
		case *schema.RootNode:
			source, query, err = p.rootNode(s, h)
		case *schema.RootInsert, *schema.RootUpdate, *schema.RootUpdateMany, *schema.RootDelete:
			source, query, err = p.rootMutation(s, h)
		case *schema.RootNativeQuery:
			source = b.Query.Source.Name
			query, err = p.rootNative(s, b.Query, h)
		default:
			err = &Error{Code: CodeUnexpected, Path: s.path, Message: "field '" + s.field.Name + "' is not a root field"}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	f := p.fragment(source, query, nil, h)
	return &plan.Fetch{Fragment: f, NonNull: s.field.Type.NonNull}, nil
}

// holder gathers the joins that hang below a fragment while its selection is
// being planned.
type holder struct {
	// path is the response path of the fragment's value; below extends it while
	// nested selections are planned.
	path    []string
	joins   []*plan.Join
	keySets []*plan.KeySet
}

func newHolder(path []string) *holder { return &holder{path: path} }

// inside runs f with the path extended by a response key.
func (h *holder) inside(key string, f func() error) error {
	old := h.path
	h.path = append(slices.Clip(old), key)
	defer func() { h.path = old }()
	return f()
}

// add hangs a join below the fragment.
func (h *holder) add(j *plan.Join) *plan.Join {
	j.Index = len(h.joins)
	h.joins = append(h.joins, j)
	return j
}

func (p *planner) fragment(source string, query plan.Query, bindings []plan.Binding, h *holder) *plan.Fragment {
	return &plan.Fragment{Source: source, Query: query, Bindings: bindings, Joins: h.joins, KeySets: h.keySets, Path: h.path}
}

// finish numbers the fragments, gives equal lookups equal numbers, has those share
// statements that can, and has every statement compiled by its source.
func (p *planner) finish(out *plan.Plan) error {
	var visit func(f *plan.Fragment)
	visit = func(f *plan.Fragment) {
		f.ID = len(out.Fragments)
		out.Fragments = append(out.Fragments, f)
		for _, below := range f.Below() {
			visit(below)
		}
		for _, k := range f.KeySets {
			k.ID = p.number(plan.KeySetSignature(k))
		}
		for _, j := range f.Joins {
			if !j.KeysOnly {
				j.Child.Lookup = p.number(plan.Signature(j.Child))
			}
		}
	}
	for _, f := range out.RootFragments() {
		visit(f)
	}
	if err := p.unite(out); err != nil {
		return err
	}
	for _, f := range out.Fragments {
		if f.Union != nil {
			continue
		}
		if err := p.compile(f); err != nil {
			return err
		}
	}
	return out.Validate()
}

// compile has its source compile a fragment.
func (p *planner) compile(f *plan.Fragment) error {
	if q, ok := f.Query.(*plan.Representations); ok {
		f.Statement = q
		return nil
	}
	if err := p.live(); err != nil {
		return err
	}
	compiler, version, ok := p.compiler(f.Source)
	if !ok {
		return &Error{Code: CodeUnexpected, Path: "$", Message: "source \"" + f.Source + "\" is not connected"}
	}
	f.SourceVersion = version
	statement, err := compiler.Compile(f)
	if err != nil {
		return err
	}
	f.Statement = statement
	return nil
}

// number gives equal signatures equal numbers.
func (p *planner) number(signature string) int {
	id, ok := p.lookups[signature]
	if !ok {
		id = len(p.lookups) + 1
		p.lookups[signature] = id
	}
	return id
}
