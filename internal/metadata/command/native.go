package command

import (
	"context"

	"dovetail/internal/metadata/document"
	"dovetail/internal/orderedjson"
)

func nativeQueryCommands() map[string]command {
	return map[string]command{
		"get_native_query":                       prefixedRun(getNativeQueries),
		"track_native_query":                     prefixedRun(trackCheckedNativeQuery),
		"untrack_native_query":                   prefixedRun(untrackNativeQuery),
		"get_logical_model":                      prefixedRun(getLogicalModels),
		"track_logical_model":                    prefixedEdit(trackLogicalModel),
		"untrack_logical_model":                  prefixedRun(untrackLogicalModel),
		"create_logical_model_select_permission": prefixedEdit(createModelPermission),
		"drop_logical_model_select_permission":   prefixedEdit(dropModelPermission),
		"get_stored_procedure":                   prefixedRun(getStoredProcedures, withProcedures),
		"track_stored_procedure":                 prefixedEdit(trackStoredProcedure, withProcedures),
		"untrack_stored_procedure":               prefixedEdit(untrackStoredProcedure, withProcedures),
	}
}

// atomicEdits are the edits of commands that do more than edit when they are not
// part of a bulk_atomic.
func atomicEdits() map[string]edit {
	return map[string]edit{
		"drop_relationship":          removeRelationship,
		"delete_remote_relationship": removeRemoteRelationship,
		"track_native_query":         trackNativeQuery,
		"untrack_native_query":       removeNativeQuery,
		"untrack_logical_model":      removeLogicalModel,
	}
}

// namedSource finds the source that arguments name.
func (c *call) namedSource(m *document.Metadata) (*document.Source, *object, error) {
	o := c.object()
	name := o.source()
	if err := o.err(); err != nil {
		return nil, nil, err
	}
	s, err := c.sourceIn(m, name)
	return s, o, err
}

func listed[T interface{ JSON() orderedjson.Value }](list []T) []byte {
	out := orderedjson.Value{Kind: orderedjson.Array}
	for _, item := range list {
		out.Items = append(out.Items, item.JSON())
	}
	return jsonBytes(out)
}

func getNativeQueries(_ context.Context, c *call) ([]byte, error) {
	s, _, err := c.namedSource(c.metadata())
	if err != nil {
		return nil, err
	}
	return listed(s.NativeQueries), nil
}

func trackNativeQuery(c *call, m *document.Metadata) (subject, error) {
	s, _, err := c.namedSource(m)
	if err != nil {
		return subject{}, err
	}
	q, err := document.ParseNativeQuery(c.args, argsPath)
	if err != nil {
		return subject{}, parseError(err, argsPath)
	}
	if _, ok := s.NativeQuery(q.Name); ok {
		return subject{}, fail(CodeAlreadyTracked, "Native query '%s' is already tracked.", q.Name)
	}
	s.NativeQueries = append(s.NativeQueries, q)
	return subject{kind: "native_query", source: s.Name, name: q.Name}, nil
}

func removeNativeQuery(c *call, m *document.Metadata) (subject, error) {
	s, o, err := c.namedSource(m)
	if err != nil {
		return subject{}, err
	}
	name := o.nonEmpty("root_field_name")
	if err := o.err(); err != nil {
		return subject{}, err
	}
	if !removeAll(&s.NativeQueries, func(q *document.NativeQuery) bool { return q.Name == name }) {
		return subject{}, fail(CodeNotFound, "Native query %q not found in source %q.", name, s.Name)
	}
	return subject{}, nil
}

func untrackNativeQuery(ctx context.Context, c *call) ([]byte, error) {
	return c.drop(ctx, false, removeNativeQuery)
}

func getLogicalModels(_ context.Context, c *call) ([]byte, error) {
	s, _, err := c.namedSource(c.metadata())
	if err != nil {
		return nil, err
	}
	return listed(s.LogicalModels), nil
}

func trackLogicalModel(c *call, m *document.Metadata) (subject, error) {
	s, _, err := c.namedSource(m)
	if err != nil {
		return subject{}, err
	}
	l, err := document.ParseLogicalModel(c.args, argsPath)
	if err != nil {
		return subject{}, parseError(err, argsPath)
	}
	if _, ok := s.LogicalModel(l.Name); ok {
		return subject{}, fail(CodeAlreadyTracked, "Logical model '%s' is already tracked.", l.Name)
	}
	s.LogicalModels = append(s.LogicalModels, l)
	return subject{kind: "logical_model", source: s.Name, name: l.Name}, nil
}

func removeLogicalModel(c *call, m *document.Metadata) (subject, error) {
	s, o, err := c.namedSource(m)
	if err != nil {
		return subject{}, err
	}
	name := o.nonEmpty("name")
	if err := o.err(); err != nil {
		return subject{}, err
	}
	if !removeAll(&s.LogicalModels, func(l *document.LogicalModel) bool { return l.Name == name }) {
		return subject{}, fail(CodeNotFound, "Logical model %q not found in source %q.", name, s.Name)
	}
	return subject{}, nil
}

func untrackLogicalModel(ctx context.Context, c *call) ([]byte, error) {
	return c.drop(ctx, false, removeLogicalModel)
}

func getStoredProcedures(_ context.Context, c *call) ([]byte, error) {
	s, _, err := c.namedSource(c.metadata())
	if err != nil {
		return nil, err
	}
	return listed(s.StoredProcedures), nil
}

func (c *call) procedure(m *document.Metadata) (*document.Source, document.TableName, error) {
	s, o, err := c.namedSource(m)
	if err != nil {
		return nil, document.TableName{}, err
	}
	value := o.required("stored_procedure")
	if err := o.err(); err != nil {
		return nil, document.TableName{}, err
	}
	name, err := document.ParseTableName(value, argsPath+".stored_procedure", s.Kind)
	if err != nil {
		return nil, document.TableName{}, parseError(err, argsPath)
	}
	return s, name, nil
}

func trackStoredProcedure(c *call, m *document.Metadata) (subject, error) {
	s, name, err := c.procedure(m)
	if err != nil {
		return subject{}, err
	}
	if _, ok := s.StoredProcedure(name); ok {
		return subject{}, fail(CodeAlreadyTracked, "Stored procedure '%s' is already tracked.", name)
	}
	p, err := document.ParseStoredProcedure(without(c.args, "source"), argsPath, s.Kind)
	if err != nil {
		return subject{}, parseError(err, argsPath)
	}
	s.StoredProcedures = append(s.StoredProcedures, p)
	return subject{kind: "stored_procedure", source: s.Name, name: name.String()}, nil
}

func untrackStoredProcedure(c *call, m *document.Metadata) (subject, error) {
	s, name, err := c.procedure(m)
	if err != nil {
		return subject{}, err
	}
	if !removeAll(&s.StoredProcedures, func(p *document.StoredProcedure) bool { return p.Procedure == name }) {
		return subject{}, fail(CodeNotFound, "Stored procedure %q not found in source %q.", name, s.Name)
	}
	return subject{}, nil
}
