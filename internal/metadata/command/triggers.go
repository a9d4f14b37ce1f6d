package command

import (
	"context"
	"regexp"
	"slices"

	"dovetail/internal/metadata/document"
	"dovetail/internal/orderedjson"
)

// unbuiltCommands are those of v2 that are about what the engine doesn't do: they
// say so.
func unbuiltCommands() map[string]command {
	out := map[string]command{}
	refuse := func(prefixed bool, what string, names ...string) {
		for _, name := range names {
			out[name] = command{prefixed: prefixed, run: func(_ context.Context, c *call) ([]byte, error) {
				return nil, fail(CodeNotSupported, "%s: %s are not supported", c.name, what)
			}}
		}
	}
	refuse(false, "scheduled events", "create_scheduled_event", "delete_scheduled_event", "get_scheduled_events", "get_scheduled_event_invocations")
	refuse(false, "event triggers", "cleanup_event_trigger_logs", "resume_event_trigger_cleanups", "pause_event_trigger_cleanups")
	refuse(true, "event triggers", "invoke_event_trigger", "redeliver_event", "get_event_logs", "get_event_invocation_logs", "get_event_by_id")
	refuse(false, "request transforms", "test_webhook_transform")
	refuse(false, "data connectors", "dc_add_agent", "dc_delete_agent")
	refuse(true, "connection templates", "test_connection_template")
	return out
}

// triggerCommands change event triggers, which are kept and exported but not
// acted on.
func triggerCommands() map[string]command {
	create := kept("event triggers", createEventTrigger)
	create.prefixed, create.kinds = true, withEventTriggers
	return map[string]command{
		"create_event_trigger": create,
		"delete_event_trigger": prefixedEdit(deleteEventTrigger, withEventTriggers),
	}
}

// maxTriggerName is how long names of event triggers may be: databases name
// things after them.
const maxTriggerName = 42

var triggerName = regexp.MustCompile(`^[A-Za-z]+[A-Za-z0-9_\-]*$`)

func createEventTrigger(c *call, m *document.Metadata) (subject, error) {
	o := c.object()
	name, replace := o.nonEmpty("name"), o.boolean("replace", false)
	switch {
	case name != "" && !triggerName.MatchString(name):
		o.failAt(argsPath+".name", "only alphanumeric and underscore and hyphens allowed for name")
	case len(name) > maxTriggerName:
		o.failAt(argsPath+".name", "event trigger name can be at most %d characters", maxTriggerName)
	}
	definition := orderedjson.Value{Kind: orderedjson.Object, Keys: []string{"enable_manual"}, Items: []orderedjson.Value{jsonBool(o.boolean("enable_manual", false))}}
	operations := o.boolean("enable_manual", false)
	for _, key := range []string{"insert", "update", "delete"} {
		if v, ok := o.optional(key); ok {
			definition, operations = withField(definition, key, v), true
		}
	}
	if !operations {
		o.fail("atleast one amongst insert/update/delete/enable_manual spec must be provided")
	}
	entry := jsonObject(field{"name", jsonText(name)}, field{"definition", definition})
	webhooks := 0
	for _, key := range []string{"retry_conf", "webhook", "webhook_from_env", "headers", "request_transform", "response_transform", "cleanup_config", "trigger_on_replication"} {
		if v, ok := o.optional(key); ok {
			entry = withField(entry, key, v)
			if key == "webhook" || key == "webhook_from_env" {
				webhooks++
			}
		}
	}
	if webhooks != 1 {
		o.fail("must provide webhook or webhook_from_env")
	}
	s, t, err := c.tableIn(m, o)
	if err != nil {
		return subject{}, err
	}
	if holder, i := eventTrigger(s, name); holder != nil {
		if !replace || holder != t {
			return subject{}, fail(CodeAlreadyExists, "event trigger with name %q already exists", name)
		}
		t.EventTriggers = slices.Delete(slices.Clone(t.EventTriggers), i, i+1)
	}
	t.EventTriggers = append(t.EventTriggers, entryOf(name, entry))
	return subject{}, nil
}

// eventTrigger finds the table that has an event trigger.
func eventTrigger(s *document.Source, name string) (*document.Table, int) {
	for _, t := range s.Tables {
		if i := slices.IndexFunc(t.EventTriggers, func(e *document.Entry) bool { return e.Name == name }); i >= 0 {
			return t, i
		}
	}
	return nil, -1
}

func deleteEventTrigger(c *call, m *document.Metadata) (subject, error) {
	o := c.object()
	name, source := o.nonEmpty("name"), o.source()
	if err := o.err(); err != nil {
		return subject{}, err
	}
	s, err := c.sourceIn(m, source)
	if err != nil {
		return subject{}, err
	}
	t, i := eventTrigger(s, name)
	if t == nil {
		return subject{}, fail(CodeNotExists, "event trigger with name %q does not exist", name)
	}
	t.EventTriggers = slices.Delete(slices.Clone(t.EventTriggers), i, i+1)
	return subject{}, nil
}
