package main

// ignoredSetting is a setting of v2 that may be given but changes nothing, for
// a reason.
type ignoredSetting struct {
	name   string
	toggle bool
	reason string
}

const (
	noSubscriptions = "there are no subscriptions over websockets to tune"
	noEvents        = "there are no event triggers to tune"
)

// ignoredSettings are v2's settings without which nothing is missing.
func ignoredSettings() []ignoredSetting {
	return []ignoredSetting{
		{name: "enable-telemetry", reason: "there is no telemetry"},
		{name: "enable-console", toggle: true, reason: "there is no console"},
		{name: "console-assets-dir", reason: "there is no console"},
		{name: "use-prepared-statements", reason: "statements are prepared unless a source says otherwise"},
		{name: "pg-stripes", reason: "a source has one pool of connections"},
		{name: "pg-pool-timeout", reason: "a source's own pool_settings say so"},
		{name: "retries-count", reason: "connecting is tried again until it succeeds"},
		{name: "live-queries-multiplexed-refetch-interval", reason: noSubscriptions},
		{name: "live-queries-multiplexed-batch-size", reason: noSubscriptions},
		{name: "streaming-queries-multiplexed-refetch-interval", reason: noSubscriptions},
		{name: "streaming-queries-multiplexed-batch-size", reason: noSubscriptions},
		{name: "websocket-keepalive", reason: noSubscriptions},
		{name: "websocket-connection-init-timeout", reason: noSubscriptions},
		{name: "websocket-compression", reason: noSubscriptions},
		{name: "connection-compression", toggle: true, reason: noSubscriptions},
		{name: "close-websockets-on-metadata-change", reason: noSubscriptions},
		{name: "ws-read-cookie", toggle: true, reason: noSubscriptions},
		{name: "events-http-pool-size", reason: noEvents},
		{name: "events-fetch-interval", reason: noEvents},
		{name: "events-fetch-batch-size", reason: noEvents},
		{name: "async-actions-fetch-interval", reason: "there are no actions to tune"},
		{name: "enable-triggers-error-log-level", toggle: true, reason: noEvents},
		{name: "metrics-secret", reason: "there is no metrics API"},
		{name: "redis-url", reason: "answers are not cached"},
		{name: "ee-license-key", reason: "there is nothing to license"},
		{name: "no-of-retries", reason: "connecting is tried again until it succeeds"},
		{name: "enable-metadata-query-logging", toggle: true, reason: "changes of the metadata are logged as requests"},
		{name: "console-sentry-dsn", reason: "there is no console"},
		{name: "query-plan-cache-size", reason: "plans are kept with the metadata they belong to"},
	}
}

// refusedSetting is a setting of v2 that would change what is answered, or who
// may ask, and can't be honoured: better not to start than to serve otherwise
// than asked for.
type refusedSetting struct {
	name   string
	toggle bool
	reason string
	// harmless tells values that change nothing; nil: only none at all does.
	ok func(value string) bool
}

func (d refusedSetting) harmless(value string) bool {
	return value == "" || d.ok != nil && d.ok(value)
}

func isFalse(value string) bool {
	b, err := parseBool(value)
	return err == nil && !b
}

// refusedSettings are v2's settings that must not be overlooked.
func refusedSettings() []refusedSetting {
	return []refusedSetting{
		{name: "enable-maintenance-mode", toggle: true, reason: "maintenance mode is not supported", ok: isFalse},
		{name: "read-only-mode", toggle: true, reason: "only changes of the metadata can be refused: --read-only-metadata", ok: isFalse},
		{name: "remote-schema-prioritize-data", toggle: true, reason: "it is not supported", ok: isFalse},
		{name: "configured-header-precedence", toggle: true, reason: "it is not supported", ok: isFalse},
		{
			name: "metadata-defaults", reason: "metadata defaults are not supported",
			ok: func(v string) bool { return !isJSONObject(v) },
		},
		{name: "max-total-header-length", reason: "it is not supported"},
	}
}
