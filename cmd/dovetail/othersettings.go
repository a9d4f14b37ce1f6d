package main

// ignoredSetting is a setting of v2 that may be given but changes nothing, for
// a reason.
type ignoredSetting struct {
	name   string
	toggle bool
	reason string
	// flags are its other names on the command line; variable is its environment
	// variable's where that isn't like its name.
	flags    []string
	variable string
}

func (d ignoredSetting) variableName() string { return v2Variable(d.name, d.variable) }

// v2Variable is the name of v2's environment variable for a setting.
func v2Variable(name, variable string) string {
	if variable == "" {
		variable = setting{name: name}.variableName()
	}
	return "HASURA_GRAPHQL_" + variable
}

const (
	noSubscriptions = "there are no subscriptions over websockets to tune"
	noEvents        = "there are no event triggers to tune"
	noActions       = "there are no actions to tune"
	noCache         = "answers are not cached"
	noSharedRates   = "every process counts the rates of requests by itself"
)

// ignoredSettings are v2's settings without which nothing is missing.
func ignoredSettings() []ignoredSetting {
	return []ignoredSetting{
		{name: "enable-telemetry", reason: "there is no telemetry"},
		{name: "enable-console", toggle: true, reason: "there is no console"},
		{name: "console-assets-dir", reason: "there is no console"},
		{name: "pg-stripes", flags: []string{"stripes", "s"}, reason: "a source has one pool of connections"},
		{name: "pg-pool-timeout", reason: "a source's own pool_settings say so"},
		{name: "pool-timeout", reason: "a source's own pool_settings say so"},
		{name: "connections-per-read-replica", reason: "a replica's own pool_settings say so"},
		{name: "stripes-per-read-replica", reason: "a replica has one pool of connections"},
		{name: "pg-ssl-certificate-path", reason: "certificates are not written to files"},
		{name: "metadata-database-extensions-schema", reason: "the metadata needs no extensions"},
		{name: "bigquery-string-numeric-input", toggle: true, flags: []string{"bigquery_string_numeric_input"}, reason: "there is no BigQuery"},
		{name: "disable-native-query-validation", toggle: true, reason: "native queries are always checked"},
		{name: "dynamic-secrets-allowed-path-prefix", reason: "connections are not read from files"},
		{name: "sso-providers", reason: "there is no console"},
		{name: "enable-log-compression", toggle: true, reason: "logs are not sent anywhere"},
		{name: "metrics-enable-high-cardinality-labels", reason: "there is no metrics API"},
		{name: "enable-query-tracing", toggle: true, flags: []string{"trace-sql-query"}, reason: "there are no traces"},
		{name: "cache-max-entry-ttl", flags: []string{"query-cache-max-ttl"}, reason: noCache},
		{name: "max-cache-size", reason: noCache},
		{name: "redis-timeout", reason: noCache},
		{name: "redis-tls-hostname", reason: noCache},
		{name: "redis-tls-shared-ca-store-path", reason: noCache},
		{name: "redis-use-tls", toggle: true, reason: noCache},
		{name: "rate-limit-redis-url", reason: noSharedRates},
		{name: "rate-limit-redis-use-tls", toggle: true, reason: noSharedRates},
		{name: "rate-limit-redis-tls-hostname", reason: noSharedRates},
		{name: "live-queries-multiplexed-refetch-interval", reason: noSubscriptions},
		{name: "live-queries-multiplexed-batch-size", reason: noSubscriptions},
		{name: "streaming-queries-multiplexed-refetch-interval", reason: noSubscriptions},
		{name: "streaming-queries-multiplexed-batch-size", reason: noSubscriptions},
		{name: "websocket-keepalive", reason: noSubscriptions},
		{name: "websocket-connection-init-timeout", reason: noSubscriptions},
		{name: "websocket-compression", reason: noSubscriptions},
		{name: "connection-compression", toggle: true, reason: noSubscriptions},
		{name: "close-websockets-on-metadata-change", flags: []string{"disable-close-websockets-on-metadata-change"}, toggle: true, reason: noSubscriptions},
		{name: "ws-read-cookie", toggle: true, reason: noSubscriptions},
		{name: "events-http-pool-size", reason: noEvents},
		{name: "events-fetch-interval", reason: noEvents},
		{name: "events-fetch-batch-size", reason: noEvents},
		{name: "async-actions-fetch-interval", reason: noActions},
		{name: "async-actions-fetch-batch-size", reason: noActions},
		{name: "enable-triggers-error-log-level", toggle: true, reason: noEvents},
		{name: "metrics-secret", reason: "there is no metrics API"},
		{
			name: "remote-schema-prioritize-data", toggle: true,
			reason: "data beside the errors of a remote schema is always kept, unless `remote-join-errors` is `strict`",
		},
		{name: "redis-url", reason: noCache},
		{name: "ee-license-key", reason: "there is nothing to license"},
		{name: "enable-metadata-query-logging", toggle: true, reason: "changes of the metadata are logged as requests"},
		{name: "console-sentry-dsn", reason: "there is no console"},
		{name: "query-plan-cache-size", reason: "plan-cache-bytes bounds the plans that are kept"},
	}
}

// refusedSetting is a setting of v2 that would change what is answered, or who
// may ask, and can't be honoured: better not to start than to serve otherwise
// than asked for.
type refusedSetting struct {
	name   string
	toggle bool
	reason string
	// ok tells values that change nothing; nil: only none at all does.
	ok func(value string) bool
	// variable is its environment variable's name where that isn't like its own.
	variable string
}

func (d refusedSetting) variableName() string { return v2Variable(d.name, d.variable) }

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
		{name: "configured-header-precedence", toggle: true, reason: "it is not supported", ok: isFalse},
		{
			name: "metadata-defaults", reason: "metadata defaults are not supported",
			ok: func(v string) bool { return !isJSONObject(v) },
		},
		{
			name: "null-in-nonnullable-variables", variable: "BACKWARDS_COMPAT_NULL_IN_NONNULLABLE_VARIABLES", toggle: true, ok: isFalse,
			reason: "variables that can't be null are never taken as null",
		},
		{name: "read-replica-url", reason: "replicas stand in a source's configuration, as read_replicas"},
	}
}
