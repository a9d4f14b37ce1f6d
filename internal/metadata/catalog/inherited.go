package catalog

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/metadata/document"
	"dovetail/internal/plan"
)

// roleState says how far an inherited role has come.
type roleState int

const (
	roleUnseen roleState = iota
	roleVisiting
	roleUsable
	roleRefused
)

// inheritedRoles derives the permissions of inherited roles, parents first.
func (b *builder) inheritedRoles() {
	v := &roleVisit{builder: b, documents: map[string]*document.InheritedRole{}, state: map[string]roleState{}}
	for _, r := range b.in.Metadata.InheritedRoles {
		v.documents[r.Name] = r
	}
	for _, r := range b.in.Metadata.InheritedRoles {
		v.visit(r)
	}
	for name := range b.catalog.InheritedRoles {
		if !b.known[name] {
			b.catalog.Roles = append(b.catalog.Roles, name)
		}
	}
	slices.Sort(b.catalog.Roles)
}

// roleVisit walks inherited roles from the children to their parents.
type roleVisit struct {
	builder   *builder
	documents map[string]*document.InheritedRole
	state     map[string]roleState
	// trail are the roles being visited, children first.
	trail []string
}

func (v *roleVisit) visit(r *document.InheritedRole) {
	switch v.state[r.Name] {
	case roleUsable, roleRefused:
		return
	case roleVisiting:
		v.cycle(v.trail[slices.Index(v.trail, r.Name):])
		return
	case roleUnseen:
	}
	v.state[r.Name] = roleVisiting
	v.trail = append(v.trail, r.Name)
	var missing []string
	for _, parent := range r.Roles {
		if parent == r.Name {
			continue
		}
		if p, ok := v.documents[parent]; ok {
			if v.visit(p); v.state[parent] == roleRefused {
				missing = append(missing, parent)
			}
		} else if !v.builder.known[parent] {
			missing = append(missing, parent)
		}
	}
	v.trail = v.trail[:len(v.trail)-1]
	if v.state[r.Name] == roleRefused { // as part of a cycle
		return
	}
	if err := checkInherited(r, missing); err != nil {
		v.builder.inconsistent(inheritedRoleObject(r), err)
		v.state[r.Name] = roleRefused
		return
	}
	v.state[r.Name] = roleUsable
	v.builder.inherit(r)
}

// cycle refuses roles that inherit from each other. The whole cycle is named, from
// the first role by name to itself; no command may make one.
func (v *roleVisit) cycle(names []string) {
	first := slices.Index(names, slices.Min(names))
	names = slices.Concat(names[first:], names[:first+1])
	err := fmt.Errorf("found cycle(s) in roles: [\"%s\"]", strings.Join(names, `","`))
	for _, name := range names {
		if v.state[name] != roleRefused {
			v.state[name] = roleRefused
			v.builder.inconsistent(inheritedRoleObject(v.documents[name]), err)
			list := v.builder.catalog.Inconsistencies
			list[len(list)-1].Refusal = &Refusal{Code: "cyclic-dependency", Message: err.Error()}
		}
	}
}

func checkInherited(r *document.InheritedRole, missing []string) error {
	switch {
	case r.Name == AdminRole:
		return errors.New("the role \"admin\" can't be an inherited role")
	case slices.Contains(r.Roles, r.Name):
		return errors.New("an inherited role name cannot be in the role combination")
	case len(missing) > 0:
		return fmt.Errorf("the following parent role(s) are not found: %s which are required to construct the inherited role: %q",
			strings.Join(missing, ", "), r.Name)
	}
	return nil
}

// inherit gives a role what its parents may do, where it has no permission of
// its own.
func (b *builder) inherit(r *document.InheritedRole) {
	b.catalog.InheritedRoles[r.Name] = r.Roles
	for _, s := range b.catalog.Sources {
		for _, t := range s.Tables {
			inheritSelect(t.Select, r)
			b.inheritWrites(s, t, r)
		}
		for _, m := range s.LogicalModels {
			inheritSelect(m.Select, r)
		}
		for _, q := range s.NativeQueries { // models written inline
			inheritSelect(q.Returns.Select, r)
		}
		for _, f := range s.Functions {
			if slices.ContainsFunc(r.Roles, func(parent string) bool { return f.Roles[parent] }) {
				f.Roles[r.Name] = true
			}
		}
	}
	for _, s := range b.remotes {
		b.inheritRemote(s, r)
	}
	b.inheritedConflicts(r)
}

func inheritSelect(permissions map[string]*SelectPermission, r *document.InheritedRole) {
	if _, own := permissions[r.Name]; own {
		return
	}
	var parents []*SelectPermission
	for _, role := range r.Roles {
		if p, ok := permissions[role]; ok && !slices.Contains(parents, p) {
			parents = append(parents, p)
		}
	}
	switch len(parents) {
	case 0:
	case 1:
		permissions[r.Name] = parents[0]
	default:
		permissions[r.Name] = combine(parents)
	}
}

// combine is what a role may read that has several roles' permissions: all of
// their rows, and of each row the cells that some of them may read.
func combine(parents []*SelectPermission) *SelectPermission {
	out := &SelectPermission{Limit: parents[0].Limit}
	filters := make([]plan.Predicate, len(parents))
	for i, p := range parents {
		filters[i] = p.Filter
		out.AllowAggregations = out.AllowAggregations || p.AllowAggregations
		if p.Limit < 0 || out.Limit < 0 {
			out.Limit = -1
		} else {
			out.Limit = max(out.Limit, p.Limit)
		}
	}
	out.Filter = or(filters)
	// Columns granted by the same parents share one guard.
	guards := map[string]plan.Predicate{}
	out.Columns = combineCells(parents, guards, func(p *SelectPermission) map[string]plan.Predicate { return p.Columns })
	out.ComputedFields = combineCells(parents, guards, func(p *SelectPermission) map[string]plan.Predicate { return p.ComputedFields })
	out.QueryRootFields = combineRoots(parents, func(p *SelectPermission) map[RootFieldKind]bool { return p.QueryRootFields })
	out.SubscriptionRootFields = combineRoots(parents, func(p *SelectPermission) map[RootFieldKind]bool { return p.SubscriptionRootFields })
	return out
}

// or holds when one part holds; equal parts count once.
func or(parts []plan.Predicate) plan.Predicate {
	var out []plan.Predicate
	for _, p := range parts {
		if isTrue(p) {
			return p
		}
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	if len(out) == 1 {
		return out[0]
	}
	return &plan.Or{Parts: out}
}

func combineCells(parents []*SelectPermission, guards map[string]plan.Predicate, cells func(*SelectPermission) map[string]plan.Predicate) map[string]plan.Predicate {
	out := map[string]plan.Predicate{}
	for _, parent := range parents {
		for name := range cells(parent) {
			if _, done := out[name]; done {
				continue
			}
			out[name] = combineGuard(parents, guards, name, cells)
		}
	}
	return out
}

// combineGuard is the condition under which a cell may be read: nil where every
// row that the role sees may show it.
func combineGuard(parents []*SelectPermission, guards map[string]plan.Predicate, name string,
	cells func(*SelectPermission) map[string]plan.Predicate,
) plan.Predicate {
	key := make([]byte, len(parents))
	plain, all := true, true
	parts := make([]plan.Predicate, 0, len(parents))
	for i, p := range parents {
		guard, ok := cells(p)[name]
		key[i] = '0'
		switch {
		case !ok:
			all = false
		case guard == nil:
			key[i] = '1'
			parts = append(parts, p.Filter)
		default: // of an inherited role, whose filter every guard implies
			plain, all = false, false
			parts = append(parts, guard)
		}
	}
	if all {
		return nil
	}
	if shared, ok := guards[string(key)]; ok && plain {
		return shared
	}
	guard := or(parts)
	if isTrue(guard) {
		guard = nil
	}
	if plain {
		guards[string(key)] = guard
	}
	return guard
}

func combineRoots(parents []*SelectPermission, roots func(*SelectPermission) map[RootFieldKind]bool) map[RootFieldKind]bool {
	out := map[RootFieldKind]bool{}
	for _, p := range parents {
		fields := roots(p)
		if fields == nil {
			return nil
		}
		for kind := range fields {
			out[kind] = true
		}
	}
	return out
}

// inheritRemote inherits a remote schema's permission where all parents that
// have one have the same.
func (b *builder) inheritRemote(s *remoteBuild, r *document.InheritedRole) {
	if _, own := s.Permissions[r.Name]; own {
		return
	}
	var found *RemotePermission
	for _, role := range r.Roles {
		p, ok := s.Permissions[role]
		if !ok {
			continue
		}
		if found == nil {
			found = p
			continue
		}
		if found != p && !samePermission(s.RemoteSchema, found, p) {
			b.notInherited(s, r, nil)
			return
		}
	}
	if found != nil {
		s.Permissions[r.Name] = found
	}
}

// samePermission tells whether two roles see the same of a remote schema,
// however their documents are written.
func samePermission(r *RemoteSchema, a, b *RemotePermission) bool {
	if len(a.Schema.Types) != len(b.Schema.Types) || !sameRoot(a.Schema.Mutation, b.Schema.Mutation) {
		return false
	}
	for name, d := range a.Schema.Types {
		other := b.Schema.Types[name]
		if other == nil || !sameType(&remoteType{remote: r, definition: d}, &remoteType{remote: r, definition: other}) {
			return false
		}
	}
	return reflect.DeepEqual(a.Presets, b.Presets) && reflect.DeepEqual(a.InputPresets, b.InputPresets)
}

func sameRoot(a, b *ast.Definition) bool { return (a == nil) == (b == nil) }
