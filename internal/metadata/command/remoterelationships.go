package command

import (
	"context"
	"slices"

	"dovetail/internal/metadata/document"
)

func remoteRelationshipCommands() map[string]command {
	return map[string]command{
		"create_remote_relationship": prefixedEdit(createRemoteRelationship),
		"update_remote_relationship": prefixedEdit(updateRemoteRelationship),
		"delete_remote_relationship": prefixedRun(deleteRemoteRelationship),
	}
}

func (c *call) remoteRelationship(m *document.Metadata) (*document.Source, *document.Table, *document.RemoteRelationship, error) {
	s, t, err := c.tableIn(m, c.object())
	if err != nil {
		return nil, nil, nil, err
	}
	r, err := document.ParseRemoteRelationship(without(c.args, "source", "table"), argsPath)
	if err != nil {
		return nil, nil, nil, parseError(err, argsPath)
	}
	return s, t, r, nil
}

func createRemoteRelationship(c *call, m *document.Metadata) (subject, error) {
	s, t, r, err := c.remoteRelationship(m)
	if err != nil {
		return subject{}, err
	}
	if err := fieldTaken(c.tx.State(), s, t, r.Name); err != nil {
		return subject{}, err
	}
	t.RemoteRelationships = append(t.RemoteRelationships, r)
	return subject{kind: "remote_relationship", source: s.Name, table: &t.Name, name: r.Name}, nil
}

func updateRemoteRelationship(c *call, m *document.Metadata) (subject, error) {
	s, t, r, err := c.remoteRelationship(m)
	if err != nil {
		return subject{}, err
	}
	i := slices.IndexFunc(t.RemoteRelationships, func(x *document.RemoteRelationship) bool { return x.Name == r.Name })
	if i < 0 {
		return subject{}, fail(CodeNotExists, "%q does not exist", r.Name)
	}
	t.RemoteRelationships[i] = r
	return subject{kind: "remote_relationship", source: s.Name, table: &t.Name, name: r.Name}, nil
}

func removeRemoteRelationship(c *call, m *document.Metadata) (subject, error) {
	t, name, err := c.namedIn(m)
	if err != nil {
		return subject{}, err
	}
	if !removeAll(&t.RemoteRelationships, func(r *document.RemoteRelationship) bool { return r.Name == name }) {
		return subject{}, fail(CodeNotExists, "%q does not exist", name)
	}
	return subject{}, nil
}

func deleteRemoteRelationship(ctx context.Context, c *call) ([]byte, error) {
	return c.drop(ctx, false, removeRemoteRelationship)
}
