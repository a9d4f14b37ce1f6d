package command

import (
	"context"

	"dovetail/internal/metadata/document"
)

func computedFieldCommands() map[string]command {
	return map[string]command{
		"add_computed_field":  prefixedEdit(addComputedField, withFunctions),
		"drop_computed_field": prefixedRun(dropComputedField, withFunctions),
	}
}

func addComputedField(c *call, m *document.Metadata) (subject, error) {
	s, t, err := c.tableIn(m, c.object())
	if err != nil {
		return subject{}, err
	}
	f, err := document.ParseComputedField(without(c.args, "source", "table"), argsPath, s.Kind)
	if err != nil {
		return subject{}, parseError(err, argsPath)
	}
	_, local := t.Relationship(f.Name)
	_, remote := t.RemoteRelationship(f.Name)
	_, computed := t.ComputedField(f.Name)
	if local || remote || computed {
		return subject{}, fail(CodeAlreadyExists, "field with name %q already exists in table %q", f.Name, t.Name)
	}
	t.ComputedFields = append(t.ComputedFields, f)
	return subject{kind: "computed_field", source: s.Name, table: &t.Name, name: f.Name}, nil
}

func dropComputedField(ctx context.Context, c *call) ([]byte, error) {
	o := c.object()
	cascade := o.boolean("cascade", false)
	if err := o.err(); err != nil {
		return nil, err
	}
	return c.drop(ctx, cascade, func(c *call, m *document.Metadata) (subject, error) {
		t, name, err := c.namedIn(m)
		if err != nil {
			return subject{}, err
		}
		if !removeAll(&t.ComputedFields, func(f *document.ComputedField) bool { return f.Name == name }) {
			return subject{}, fail(CodeNotExists, "%q does not exist", name)
		}
		return subject{}, nil
	})
}
