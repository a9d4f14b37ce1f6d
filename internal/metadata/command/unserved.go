package command

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"dovetail/internal/metadata/document"
	"dovetail/internal/orderedjson"
)

// keptCommands change parts of the metadata that the engine keeps and exports
// but does not act on; their answers say so.
func keptCommands() map[string]command {
	return map[string]command{
		"set_custom_types":                         kept("custom types", setCustomTypes),
		"set_api_limits":                           {edit: setAPILimits},
		"remove_api_limits":                        {edit: clearPart(func(m *document.Metadata) *orderedjson.Value { return &m.APILimits })},
		"set_metrics_config":                       kept("metrics", setPart(func(m *document.Metadata) *orderedjson.Value { return &m.MetricsConfig })),
		"remove_metrics_config":                    {edit: clearPart(func(m *document.Metadata) *orderedjson.Value { return &m.MetricsConfig })},
		"set_opentelemetry_config":                 kept("OpenTelemetry", setPart(func(m *document.Metadata) *orderedjson.Value { return &m.OpenTelemetry })),
		"set_graphql_schema_introspection_options": {edit: setPart(func(m *document.Metadata) *orderedjson.Value { return &m.Introspection })},
		"set_opentelemetry_status":                 kept("OpenTelemetry", setTelemetryStatus),
		"add_host_to_tls_allowlist":                kept("hosts with certificates of their own", allowHost),
		"drop_host_from_tls_allowlist":             {edit: disallowHost},
		"create_action_permission":                 kept("actions", createActionPermission),
		"drop_action_permission":                   {edit: dropActionPermission},
		"create_action":                            kept("actions", checkedAction(createEntry("action with name %q", actionList))),
		"update_action":                            kept("actions", checkedAction(updateEntry("action with name %q", actionList))),
		"drop_action":                              {edit: dropEntry("action with name %q", actionList)},
		"create_cron_trigger":                      kept("cron triggers", createEntry("cron trigger with name: %s", cronList)),
		"delete_cron_trigger":                      {edit: dropEntry("cron trigger with name: %s", cronList)},
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

func setPart(part func(*document.Metadata) *orderedjson.Value) edit {
	return func(c *call, m *document.Metadata) (subject, error) {
		o := c.object()
		if err := o.err(); err != nil {
			return subject{}, err
		}
		*part(m) = c.args
		return subject{}, nil
	}
}

func setCustomTypes(c *call, m *document.Metadata) (subject, error) {
	if err := document.CheckCustomTypes(c.args, argsPath); err != nil {
		return subject{}, parseError(err, argsPath)
	}
	m.CustomTypes = c.args
	return subject{}, nil
}

// checkedAction refuses actions that v2 would: they are kept as they are written.
func checkedAction(e edit) edit {
	return func(c *call, m *document.Metadata) (subject, error) {
		if err := document.CheckAction(c.args, argsPath); err != nil {
			return subject{}, parseError(err, argsPath)
		}
		return e(c, m)
	}
}

func setAPILimits(c *call, m *document.Metadata) (subject, error) {
	if _, err := document.ParseAPILimits(c.args, argsPath); err != nil {
		return subject{}, parseError(err, argsPath)
	}
	m.APILimits = c.args
	return subject{}, nil
}

func clearPart(part func(*document.Metadata) *orderedjson.Value) edit {
	return func(_ *call, m *document.Metadata) (subject, error) {
		*part(m) = orderedjson.Value{}
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
			return subject{}, fail(CodeAlreadyExists, what+" already exists", name)
		}
		*list = append(*list, entryOf(name, definition))
		return subject{}, nil
	}
}

// existing finds the entry that a command is about.
func (c *call) existing(what string, list []*document.Entry) (name string, at int, err error) {
	name, at, err = c.entryName(list)
	if err == nil && at < 0 {
		err = fail(CodeNotExists, what+" does not exist", name)
	}
	return name, at, err
}

func updateEntry(what string, of func(*document.Metadata) *[]*document.Entry) edit {
	return func(c *call, m *document.Metadata) (subject, error) {
		list := of(m)
		name, i, err := c.existing(what, *list)
		if err != nil {
			return subject{}, err
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
		name, _, err := c.existing(what, *list)
		if err != nil {
			return subject{}, err
		}
		removeAll(list, func(e *document.Entry) bool { return e.Name == name })
		return subject{}, nil
	}
}

// actionOf finds the action that a permission is about, with the place of the
// role's permission among its own; negative: there is none.
func (c *call) actionOf(m *document.Metadata) (action *document.Entry, permissions orderedjson.Value, role string, at int, err error) {
	o := c.object()
	name, role := o.nonEmpty("action"), o.nonEmpty("role")
	if err := o.err(); err != nil {
		return nil, orderedjson.Value{}, "", -1, err
	}
	i := slices.IndexFunc(m.Actions, func(e *document.Entry) bool { return e.Name == name })
	if i < 0 {
		return nil, orderedjson.Value{}, "", -1, fail(CodeNotExists, "action with name %q does not exist", name)
	}
	permissions, _ = m.Actions[i].Definition.Get("permissions")
	at = slices.IndexFunc(permissions.Items, func(p orderedjson.Value) bool { r, _ := p.Get("role"); return r.Text == role })
	return m.Actions[i], permissions, role, at, nil
}

func createActionPermission(c *call, m *document.Metadata) (subject, error) {
	action, permissions, role, at, err := c.actionOf(m)
	if err != nil {
		return subject{}, err
	}
	if at >= 0 {
		return subject{}, fail(CodeAlreadyExists, "permission for role %q is already defined on %q", role, action.Name)
	}
	list := orderedjson.Value{Kind: orderedjson.Array, Items: append(slices.Clone(permissions.Items), without(c.args, "action"))}
	action.Definition = withField(action.Definition, "permissions", list)
	return subject{}, nil
}

func dropActionPermission(c *call, m *document.Metadata) (subject, error) {
	action, permissions, role, at, err := c.actionOf(m)
	if err != nil {
		return subject{}, err
	}
	if at < 0 {
		return subject{}, fail(CodeNotExists, "permission for role: %q is not defined on %q", role, action.Name)
	}
	list := orderedjson.Value{Kind: orderedjson.Array, Items: slices.Delete(slices.Clone(permissions.Items), at, at+1)}
	action.Definition = withField(action.Definition, "permissions", list)
	if len(list.Items) == 0 {
		action.Definition = without(action.Definition, "permissions")
	}
	return subject{}, nil
}

func setTelemetryStatus(c *call, m *document.Metadata) (subject, error) {
	if c.args.Kind != orderedjson.String || c.args.Text != "enabled" && c.args.Text != "disabled" {
		return subject{}, parseError(fmt.Errorf("unexpected string %q, expected one of enabled, disabled", c.args.Text), argsPath)
	}
	m.OpenTelemetry = withField(m.OpenTelemetry, "status", c.args)
	return subject{}, nil
}

// tlsHost finds the host of the arguments in the list of those whose
// certificates are trusted.
func (c *call) tlsHost(m *document.Metadata) (host string, list orderedjson.Value, at int, err error) {
	o := c.object()
	host, suffix := o.nonEmpty("host"), o.textOr("suffix", "")
	if err := o.err(); err != nil {
		return "", orderedjson.Value{}, -1, err
	}
	list, _ = m.Network.Get("tls_allowlist")
	at = slices.IndexFunc(list.Items, func(e orderedjson.Value) bool {
		h, _ := e.Get("host")
		s, _ := e.Get("suffix")
		return h.Text == host && s.Text == suffix
	})
	return host, list, at, nil
}

func allowHost(c *call, m *document.Metadata) (subject, error) {
	host, list, at, err := c.tlsHost(m)
	if err != nil {
		return subject{}, err
	}
	if at >= 0 {
		return subject{}, fail(CodeAlreadyExists, "the host %q already exists in the allowlist", host)
	}
	permissions, _ := c.args.Get("permissions")
	for i, p := range permissions.Items {
		if p.Text != "self-signed" {
			return subject{}, parseError(errors.New("expecting value for permission to be \"self-signed\""), fmt.Sprintf("%s.permissions[%d]", argsPath, i))
		}
	}
	m.Network = withField(m.Network, "tls_allowlist", orderedjson.Value{Kind: orderedjson.Array, Items: append(slices.Clone(list.Items), c.args)})
	return subject{}, nil
}

func disallowHost(c *call, m *document.Metadata) (subject, error) {
	host, list, at, err := c.tlsHost(m)
	if err != nil {
		return subject{}, err
	}
	if at < 0 {
		return subject{}, fail(CodeNotExists, "the host %q isn't present in the allowlist", host)
	}
	m.Network = without(m.Network, "tls_allowlist")
	if len(list.Items) > 1 {
		m.Network = withField(m.Network, "tls_allowlist", orderedjson.Value{Kind: orderedjson.Array, Items: slices.Delete(slices.Clone(list.Items), at, at+1)})
	}
	return subject{}, nil
}

func cronTriggers(_ context.Context, c *call) ([]byte, error) {
	return append(append([]byte(`{"cron_triggers":`), listed(c.metadata().CronTriggers)...), '}'), nil
}
