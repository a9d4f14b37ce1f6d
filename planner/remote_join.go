package planner

import (
	"dovetail/internal/metadata/catalog"
	"dovetail/internal/plan"
	"dovetail/internal/schema"
)

// joinRemote plans a remote relationship to a field of a remote schema.
func (p *planner) joinRemote(s *selected, binding *schema.RemoteLookup, h *holder) (*plan.Join, error) {
	r := binding.Relationship
	b := p.remoteBuilder(r.Remote)
	below := newHolder(h.path)
	steps := binding.Steps
	query := &plan.RemoteQuery{Operation: plan.OperationQuery}
	last := steps[len(steps)-1]
	if r.Batch != nil && len(binding.BatchSteps) > 0 && batchTakes(s, binding.BatchSteps) {
		steps = binding.BatchSteps
		query.Batch = &plan.RemoteBatch{Match: r.Batch.Match, Many: last.Field.Type.Elem != nil}
	}
	var field *plan.RemoteField
	var err error
	if binding.Entities && len(s.nodes[0].Arguments) == 0 {
		query.Batch = &plan.RemoteBatch{Entities: &plan.RemoteEntities{Type: r.Batch.Entities.Type, Key: r.Batch.Entities.Key}}
		field, err = p.entityField(s, b, below)
	} else {
		field, err = p.lookupField(s, steps, b, below)
		for _, step := range steps[1:] {
			query.Extract = append(query.Extract, step.Field.Name)
		}
	}
	if err != nil {
		return nil, err
	}
	query.Fields = []*plan.RemoteField{field}
	query.Variables = b.variables
	bindings := make([]plan.Binding, 0, len(r.Left))
	keys := make([]plan.JoinKey, 0, len(r.Left))
	for _, left := range r.Left {
		key := leftKey(left)
		keys = append(keys, key)
		binding := plan.Binding{Name: left.Name, Type: key.Type}
		if left.Argument != nil {
			binding.GraphQL = left.Argument.String()
		}
		bindings = append(bindings, binding)
	}
	onNull := "null"
	if last.Field.Type.Elem != nil {
		onNull = "[]"
	}
	child := p.fragment(RemoteSourcePrefix+r.Remote.Name, query, bindings, below)
	return h.add(&plan.Join{
		Field: s.key, Relationship: r.Name, Child: child, Keys: keys, OnNull: p.onNull(onNull),
	}), nil
}

// batchTakes tells whether the list lookup takes every argument that the user
// gives.
func batchTakes(s *selected, steps []catalog.RemoteStep) bool {
	last := steps[len(steps)-1]
	for _, a := range s.nodes[0].Arguments {
		if last.Field.Arguments.ForName(a.Name) == nil {
			return false
		}
	}
	return true
}

// entityField asks an Apollo subgraph for entities.
func (p *planner) entityField(s *selected, b *remoteBuilder, h *holder) (*plan.RemoteField, error) {
	f := &plan.RemoteField{Key: "_entities", Name: "_entities", Object: true}
	var err error
	f.Fields, err = p.remoteSelection(s.set(), s.field.Type.Base(), s.path, b, h)
	return f, err
}

// lookupField nests the steps of a remote relationship; the last one carries
// the user's arguments and selection.
func (p *planner) lookupField(s *selected, steps []catalog.RemoteStep, b *remoteBuilder, h *holder) (*plan.RemoteField, error) {
	last := steps[len(steps)-1]
	arguments, err := p.remoteArguments(s, last.Field, last.Parent.Name, last.Arguments, b)
	if err != nil {
		return nil, err
	}
	f := &plan.RemoteField{Key: last.Field.Name, Name: last.Field.Name, Arguments: arguments}
	if t := s.field.Type.Base(); t.IsComposite() {
		f.Object = true
		if f.Fields, err = p.remoteSelection(s.set(), t, s.path, b, h); err != nil {
			return nil, err
		}
	}
	for i := len(steps) - 2; i >= 0; i-- {
		step := steps[i]
		arguments, err := p.remoteArguments(nil, step.Field, step.Parent.Name, step.Arguments, b)
		if err != nil {
			return nil, err
		}
		f = &plan.RemoteField{
			Key: step.Field.Name, Name: step.Field.Name, Arguments: arguments, Object: true, Fields: []plan.RemoteNode{f},
		}
	}
	return f, nil
}
