package command

import (
	"context"

	"dovetail/metadata/document"
	"dovetail/plan"
)

// keptCommands change parts of the metadata that the engine keeps and exports
// but does not act on; their answers say so.
func keptCommands() map[string]command {
	return map[string]command{
		"set_custom_types":                         kept("custom types", setPart(func(m *document.Metadata) *plan.JSON { return &m.CustomTypes })),
		"set_api_limits":                           {edit: setAPILimits},
		"remove_api_limits":                        {edit: clearPart(func(m *document.Metadata) *plan.JSON { return &m.APILimits })},
		"set_metrics_config":                       kept("metrics", setPart(func(m *document.Metadata) *plan.JSON { return &m.MetricsConfig })),
		"remove_metrics_config":                    {edit: clearPart(func(m *document.Metadata) *plan.JSON { return &m.MetricsConfig })},
		"set_opentelemetry_config":                 kept("OpenTelemetry", setPart(func(m *document.Metadata) *plan.JSON { return &m.OpenTelemetry })),
		"set_graphql_schema_introspection_options": {edit: setPart(func(m *document.Metadata) *plan.JSON { return &m.Introspection })},
		"create_action":                            kept("actions", createEntry("action", actionList)),
		"update_action":                            kept("actions", updateEntry("action", actionList)),
		"drop_action":                              {edit: dropEntry("action", actionList)},
		"create_cron_trigger":                      kept("cron triggers", createEntry("cron trigger", cronList)),
		"delete_cron_trigger":                      {edit: dropEntry("cron trigger", cronList)},
		"get_cron_triggers":                        {run: cronTriggers},
	}
}

func actionList(m *document.Metadata) *[]*document.Entry { return &m.Actions }
func cronList(m *document.Metadata) *[]*document.Entry   { return &m.CronTriggers }

// kept carries out an edit and warns that its object is not acted on.
func kept(what string, e edit) command {
	return command{run: func(ctx context.Context, c *call) ([]byte, error) {
		if err := c.change(ctx, e); err != nil {
			return nil, err
		}
		return marshal(map[string]any{"message": "success", "warnings": []warningJSON{{
			Code: "not-served", Message: what + " are kept in the metadata but not served", Type: "metadata", Name: c.name,
		}}})
	}}
}

func setPart(part func(*document.Metadata) *plan.JSON) edit {
	return func(c *call, m *document.Metadata) (subject, error) {
		o := c.object()
		if err := o.err(); err != nil {
			return subject{}, err
		}
		*part(m) = c.args
		return subject{}, nil
	}
}

func setAPILimits(c *call, m *document.Metadata) (subject, error) {
	if _, err := document.ParseAPILimits(c.args, argsPath); err != nil {
		return subject{}, parseError(err, argsPath)
	}
	m.APILimits = c.args
	return subject{}, nil
}

func clearPart(part func(*document.Metadata) *plan.JSON) edit {
	return func(_ *call, m *document.Metadata) (subject, error) {
		*part(m) = plan.JSON{}
		return subject{}, nil
	}
}

func (c *call) entryName(list []*document.Entry) (string, int, error) {
	o := c.object()
	name := o.nonEmpty("name")
	if err := o.err(); err != nil {
		return "", -1, err
	}
	for i, e := range list {
		if e.Name == name {
			return name, i, nil
		}
	}
	return name, -1, nil
}

func createEntry(what string, of func(*document.Metadata) *[]*document.Entry) edit {
	return func(c *call, m *document.Metadata) (subject, error) {
		list := of(m)
		name, i, err := c.entryName(*list)
		if err != nil {
			return subject{}, err
		}
		definition := without(c.args, "replace")
		if replace, _ := c.args.Get("replace"); i >= 0 && replace.Text == "true" {
			(*list)[i] = entryOf(name, definition)
			return subject{}, nil
		}
		if i >= 0 {
			return subject{}, fail(CodeAlreadyExists, "%s with name %q already exists", what, name)
		}
		*list = append(*list, entryOf(name, definition))
		return subject{}, nil
	}
}

func updateEntry(what string, of func(*document.Metadata) *[]*document.Entry) edit {
	return func(c *call, m *document.Metadata) (subject, error) {
		list := of(m)
		name, i, err := c.entryName(*list)
		if err != nil {
			return subject{}, err
		}
		if i < 0 {
			return subject{}, fail(CodeNotExists, "%s with name %q does not exist", what, name)
		}
		definition := c.args
		if permissions, ok := (*list)[i].Definition.Get("permissions"); ok {
			definition = without(definition, "permissions")
			definition.Keys, definition.Items = append(definition.Keys, "permissions"), append(definition.Items, permissions)
		}
		(*list)[i] = entryOf(name, definition)
		return subject{}, nil
	}
}

func dropEntry(what string, of func(*document.Metadata) *[]*document.Entry) edit {
	return func(c *call, m *document.Metadata) (subject, error) {
		list := of(m)
		name, i, err := c.entryName(*list)
		if err != nil {
			return subject{}, err
		}
		if i < 0 {
			return subject{}, fail(CodeNotExists, "%s with name %q does not exist", what, name)
		}
		removeAll(list, func(e *document.Entry) bool { return e.Name == name })
		return subject{}, nil
	}
}

func cronTriggers(_ context.Context, c *call) ([]byte, error) {
	return append(append([]byte(`{"cron_triggers":`), listed(c.metadata().CronTriggers)...), '}'), nil
}
