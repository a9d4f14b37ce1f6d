package live

import (
	"fmt"

	"dovetail/internal/kind"
	"dovetail/internal/metadata/document"
	"dovetail/internal/orderedjson"
)

// Unserved lists what a document asks for that the engine keeps and exports but
// does not act on.
func Unserved(m *document.Metadata) []string {
	var out []string
	add := func(count int, what string) {
		if count > 0 {
			out = append(out, fmt.Sprintf("%d %s kept in the metadata but not served", count, what))
		}
	}
	add(len(m.Actions), "action(s) are")
	add(len(m.CronTriggers), "cron trigger(s) are")
	triggers := 0
	for _, s := range m.Sources {
		if k, ok := kind.Named(s.Kind); ok && !k.QueryTags && !s.QueryTags.IsNull() {
			out = append(out, fmt.Sprintf("the query tags of source %q are kept in the metadata, but %s has no use for them", s.Name, s.Kind))
		}
		for _, t := range s.Tables {
			triggers += len(t.EventTriggers)
		}
	}
	add(triggers, "event trigger(s) are")
	for _, p := range []struct {
		value orderedjson.Value
		name  string
	}{
		{m.CustomTypes, "custom_types"},
		{m.MetricsConfig, "metrics_config"},
		{m.Network, "network"},
		{m.BackendConfigs, "backend_configs"},
		{m.OpenTelemetry, "opentelemetry"},
	} {
		if len(p.value.Items) > 0 {
			out = append(out, fmt.Sprintf("%q is kept in the metadata but not acted on", p.name))
		}
	}
	return out
}
