package main

import (
	"context"
	"io"
	"log/slog"
	"strings"
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
