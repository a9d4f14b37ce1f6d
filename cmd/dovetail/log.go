package main

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"dovetail/internal/session"
)

// newLogger writes one JSON object a line, in v2's shape: timestamp, level,
// type and detail.
func newLogger(output io.Writer, s *settings) *slog.Logger {
	handler := slog.NewJSONHandler(output, &slog.HandlerOptions{
		Level: s.logLevel,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) > 0 {
				return a
			}
			switch a.Key {
			case slog.TimeKey:
				a.Key = "timestamp"
				a.Value = slog.StringValue(a.Value.Time().Format("2006-01-02T15:04:05.000-0700"))
			case slog.MessageKey:
				a.Key = "type"
			case slog.LevelKey:
				a.Value = slog.StringValue(strings.ToLower(a.Value.String()))
			}
			return a
		},
	})
	hidden := map[string]bool{}
	for _, t := range optionalTypes() {
		hidden[t] = !s.logTypes[t]
	}
	return slog.New(&typeFilter{Handler: handler, hidden: hidden})
}

// optionalTypes are the kinds of log lines that can be turned off; others are
// always written.
func optionalTypes() []string {
	return []string{
		"startup", "http-log", "webhook-log", "websocket-log", "query-log", "execution-log", "livequery-poller-log",
		"action-handler-log", "data-connector-log", "jwk-refresh-log", "validate-input-log",
	}
}

// typeFilter leaves out kinds of log lines that nobody asked for.
type typeFilter struct {
	slog.Handler
	hidden map[string]bool
}

// Handle implements slog.Handler.
func (f *typeFilter) Handle(ctx context.Context, r slog.Record) error {
	if f.hidden[r.Message] {
		return nil
	}
	return f.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (f *typeFilter) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &typeFilter{Handler: f.Handler.WithAttrs(attrs), hidden: f.hidden}
}

// WithGroup implements slog.Handler.
func (f *typeFilter) WithGroup(name string) slog.Handler {
	return &typeFilter{Handler: f.Handler.WithGroup(name), hidden: f.hidden}
}

// logConfiguration says how the engine is set up, without anything secret.
func logConfiguration(ctx context.Context, logger *slog.Logger, s *settings, who *session.Authenticator) {
	apis := make([]string, 0, len(s.apis))
	for api, on := range s.apis {
		if on {
			apis = append(apis, string(api))
		}
	}
	slices.Sort(apis)
	cors := s.origins(who.HasSecret())
	logger.InfoContext(ctx, "startup", "detail", map[string]any{"kind": "server_configuration", "info": map[string]any{
		"host": s.host, "port": s.port, "enabled_apis": apis, "enabled_log_types": slices.Sorted(maps.Keys(s.logTypes)),
		"log_level": strings.ToLower(s.logLevel.String()), "dev_mode": s.devMode, "admin_internal_errors": s.internalErrors,
		"is_admin_secret_set": who.HasSecret(), "is_auth_hook_set": who.HasWebhook(), "is_jwt_set": len(who.Claims()) > 0,
		"unauthorized_role": s.unauthorizedRole, "cors_domain": cors.Origins, "cors_local": cors.Local, "disable_cors": cors.Disabled,
		"enable_allowlist": s.allowlist.Enabled, "read_only_metadata": s.readOnly, "read_only_mode": s.readOnlyData,
		"max_body_bytes": s.maxBodyBytes, "batch_max_operations": s.maxBatch, "query_timeout_in_seconds": s.queryTimeout.Seconds(),
		"stringify_numeric_types": s.catalog.StringifyNumericTypes, "experimental_features": append([]string{}, s.experimental...),
	}})
}
