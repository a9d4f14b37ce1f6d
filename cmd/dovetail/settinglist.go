package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"dovetail/internal/server"
)

// honoured are the settings that do something.
func honoured() []setting {
	return slices.Concat(storeSettings(), serverSettings(), sessionSettings(), schemaSettings(), sourceSettings(), clientSettings())
}

func clientSettings() []setting {
	return []setting{
		{
			name: "endpoint", help: "the running engine that metadata commands and explain talk to (http://127.0.0.1:8080)",
			apply: text(func(s *settings) *string { return &s.endpoint }),
		},
		{
			name: "project", help: "directory of the project that metadata commands read and write (.)",
			apply: text(func(s *settings) *string { return &s.project }),
		},
		{
			name: "allow-inconsistent", help: "apply a project even if some of it can't be served", toggle: true,
			apply: boolean(func(s *settings) *bool { return &s.allowInconsistent }),
		},
		{
			name: "online", help: "metadata validate looks at the project's databases and remote schemas too", toggle: true,
			apply: boolean(func(s *settings) *bool { return &s.online }),
		},
		{name: "role", help: "role that explain explains for (admin)", apply: text(func(s *settings) *string { return &s.role })},
	}
}

func storeSettings() []setting {
	return []setting{
		{
			name: "metadata-database-url", help: "Postgres database that keeps the metadata",
			apply: text(func(s *settings) *string { return &s.metadataURL }),
		},
		{
			name: "metadata-path", help: "SQLite file that keeps the metadata when no database does (dovetail.db)",
			apply: text(func(s *settings) *string { return &s.metadataPath }),
		},
		{
			name: "database-url", help: "Postgres database that becomes the source default, and keeps the metadata if nothing else does",
			apply: text(func(s *settings) *string { return &s.databaseURL }),
		},
		{
			name: "schema-sync-poll-interval", help: "milliseconds between looking for other instances' changes of the metadata, 0 for never (1000)",
			apply: duration(func(s *settings) *time.Duration { return &s.poll }, time.Millisecond),
		},
		{
			name: "read-only-mode", help: "refuse changes of the metadata, mutations and SQL that may write", toggle: true,
			apply: func(s *settings, v string) (err error) {
				s.readOnlyData, err = parseBool(v)
				s.readOnly = s.readOnly || s.readOnlyData
				return err
			},
		},
		{
			name: "enable-maintenance-mode", help: "refuse changes of the metadata while a new version is being installed", toggle: true,
			apply: boolean(func(s *settings) *bool { return &s.maintenance }),
		},
		{
			name: "read-only-metadata", help: "refuse changes of the metadata", toggle: true,
			apply: boolean(func(s *settings) *bool { return &s.readOnly }),
		},
	}
}

// sessionSettings say who may ask, and as whom.
func sessionSettings() []setting {
	return []setting{
		{
			name: "admin-secret", help: "secret that requests must carry; an empty one is refused", variables: []string{"HASURA_GRAPHQL_ACCESS_KEY"},
			empty: true, apply: secret(func(s *settings) *string { return &s.adminSecret }),
		},
		{name: "access-key", empty: true, help: "older name of admin-secret", apply: func(s *settings, v string) error {
			if s.adminSecret != "" {
				v = s.adminSecret // the newer name counts
			}
			return secret(func(s *settings) *string { return &s.adminSecret })(s, v)
		}},
		{
			name: "unauthorized-role", help: "role of requests that carry no secret",
			apply: text(func(s *settings) *string { return &s.unauthorizedRole }),
		},
		{
			name: "admin-secrets", empty: true, help: "JSON list of secrets of which requests carry one, instead of admin-secret",
			apply: secret(func(s *settings) *string { return &s.adminSecrets }),
		},
		{
			name: "jwt-secret", help: "JSON that says whose tokens are accepted: type and key, or jwk_url",
			apply: text(func(s *settings) *string { return &s.jwtSecret }),
		},
		{
			name: "jwt-secrets", help: "JSON list of what jwt-secret has one of, instead of it",
			apply: text(func(s *settings) *string { return &s.jwtSecrets }),
		},
		{
			name: "auth-hook", help: "URL of a webhook that decides about requests",
			apply: text(func(s *settings) *string { return &s.hook.URL }),
		},
		{name: "auth-hook-mode", help: "GET or POST (GET)", apply: func(s *settings, v string) error {
			if !strings.EqualFold(v, "GET") && !strings.EqualFold(v, "POST") {
				return errors.New("expected GET or POST")
			}
			s.hook.Post = strings.EqualFold(v, "POST")
			return nil
		}},
		{
			name: "auth-hook-send-request-body", help: "send the webhook the GraphQL request too, when posting (true)",
			apply: boolean(func(s *settings) *bool { return &s.hook.SendRequestBody }),
		},
	}
}

// secret reads a text that must not be empty: an engine that was to have a secret
// must not be open because a variable of its deployment is missing.
func secret(target func(*settings) *string) func(*settings, string) error {
	return func(s *settings, v string) error {
		if strings.TrimSpace(v) == "" {
			return errors.New("a secret must not be empty; leave the setting out for an engine that trusts everybody")
		}
		*target(s) = v
		return nil
	}
}

func serverSettings() []setting {
	return []setting{
		{name: "server-host", help: "address to listen on (all; demo: 127.0.0.1)", apply: func(s *settings, v string) error {
			if v == "*" {
				v = ""
			}
			s.host = v
			return nil
		}},
		{
			name: "server-port", help: "port to listen on (8080)", variables: []string{"PORT"},
			apply: func(s *settings, v string) error {
				if n, err := strconv.ParseUint(v, 10, 16); err != nil || n == 0 {
					return errors.New("expected a port number")
				}
				s.port = v
				return nil
			},
		},
		{name: "dev-mode", help: "show internal error detail to every role", toggle: true, apply: boolean(func(s *settings) *bool { return &s.devMode })},
		{
			name: "admin-internal-errors", help: "show internal error detail to admins (true)",
			apply: boolean(func(s *settings) *bool { return &s.internalErrors }),
		},
		{
			name: "preserve-401-errors", help: "answer failed authentication of GraphQL requests with status 401", toggle: true,
			apply: boolean(func(s *settings) *bool { return &s.preserve401 }),
		},
		{name: "cors-domain", empty: true, help: "allowed CORS origins, empty for none (*; without a secret: the engine's own and localhost)", apply: func(s *settings, v string) error {
			origins, err := server.ParseOrigins(v)
			s.cors.Origins, s.corsGiven = origins, true
			return err
		}},
		{
			name: "enable-persisted-queries", help: "keep queries that clients then name by their hash", toggle: true,
			apply: boolean(func(s *settings) *bool { return &s.persisted.Enabled }),
		},
		{
			name: "persisted-queries-ttl", help: "seconds that such a query is kept after its last use, 0 for as long as there is room (0)",
			apply: duration(func(s *settings) *time.Duration { return &s.persisted.TTL }, time.Second),
		},
		{
			name: "enable-allowlist", help: "serve roles only the operations of the allowlist's collections", toggle: true,
			apply: boolean(func(s *settings) *bool { return &s.allowlist.Enabled }),
		},
		{
			name: "enable-allowlist-roles", help: "honour collections that are listed for some roles only", toggle: true,
			apply: boolean(func(s *settings) *bool { return &s.allowlist.Roles }),
		},
		{name: "disable-cors", help: "disable CORS", toggle: true, apply: boolean(func(s *settings) *bool { return &s.cors.Disabled })},
		{name: "enabled-apis", help: "graphql, metadata, pgdump and config (all)", apply: enabledAPIs},
		{name: "max-body-bytes", help: "largest body of a request, 0 for no bound (100 MiB)", apply: func(s *settings, v string) (err error) {
			s.maxBodyBytes, err = strconv.ParseInt(v, 10, 64)
			return err
		}},
		{
			name: "max-total-header-length", help: "largest size of a request's headers in bytes (1 MiB)",
			apply: positive(func(s *settings) *int { return &s.maxHeaderBytes }),
		},
		{
			name: "batch-max-operations", help: "operations that one request may batch, 0 for no bound (1000)",
			apply: count(func(s *settings) *int { return &s.maxBatch }),
		},
		{
			name: "request-read-timeout", help: "seconds that a request's body may take, 0 for no bound (60)",
			apply: duration(func(s *settings) *time.Duration { return &s.timeouts.Read }, time.Second),
		},
		{
			name: "response-write-timeout", help: "seconds that a client may take to accept the next 256 KiB of an answer, 0 for no bound (60)",
			apply: duration(func(s *settings) *time.Duration { return &s.timeouts.Write }, time.Second),
		},
		{
			name: "idle-timeout", help: "seconds that connections of clients are kept without a request, 0 for no bound (180)",
			apply: duration(func(s *settings) *time.Duration { return &s.timeouts.Idle }, time.Second),
		},
		{
			name: "graceful-shutdown-timeout", help: "seconds that running requests get to end (60)",
			apply: duration(func(s *settings) *time.Duration { return &s.shutdown }, time.Second),
		},
		{name: "log-level", help: "debug, info, warn or error (info)", apply: func(s *settings, v string) error {
			return s.logLevel.UnmarshalText([]byte(v))
		}},
		{name: "enabled-log-types", help: "kinds of log lines (startup,http-log,webhook-log,websocket-log,jwk-refresh-log)", apply: logTypes},
		{name: "url", help: "URL probed by healthcheck (http://127.0.0.1:8080/healthz)", apply: text(func(s *settings) *string { return &s.checkURL })},
	}
}

func enabledAPIs(s *settings, v string) error {
	s.apis = map[server.API]bool{}
	for name := range strings.SplitSeq(v, ",") {
		switch name = strings.TrimSpace(name); name {
		case string(server.APIGraphQL), string(server.APIMetadata), string(server.APIConfig), string(server.APIDump):
			s.apis[server.API(name)] = true
		case "developer", "metrics":
			s.ignored = append(s.ignored, fmt.Sprintf("enabled-apis: there is no %q API", name))
		default:
			return fmt.Errorf("unknown API %q", name)
		}
	}
	return nil
}

func logTypes(s *settings, v string) error {
	s.logTypes = map[string]bool{}
	for name := range strings.SplitSeq(v, ",") {
		name = strings.TrimSpace(name)
		if name == "jwk-refresh" {
			name = "jwk-refresh-log"
		}
		if !slices.Contains(optionalTypes(), name) {
			return fmt.Errorf("unknown kind of log lines %q: expected some of %s", name, strings.Join(optionalTypes(), ","))
		}
		s.logTypes[name] = true
	}
	return nil
}

func schemaSettings() []setting {
	return []setting{
		{
			name: "stringify-numeric-types", help: "answer bigint, numeric, float8 and their likes as strings", toggle: true,
			apply: boolean(func(s *settings) *bool { return &s.catalog.StringifyNumericTypes }),
		},
		{
			name: "infer-function-permissions", help: "let roles call query functions whose table they may read (true)",
			apply: boolean(func(s *settings) *bool { return &s.catalog.InferFunctionPermissions }),
		},
		{
			name: "enable-remote-schema-permissions", help: "roles see of remote schemas what permissions give them", toggle: true,
			apply: boolean(func(s *settings) *bool { return &s.catalog.RemoteSchemaPermissions }),
		},
		{
			name: "v1-boolean-null-collapse", help: "a null in a comparison is true", toggle: true,
			apply: boolean(func(s *settings) *bool { return &s.catalog.BooleanNullCollapse }),
		},
		{
			name: "remote-schema-skip-nulls", help: "leave null arguments out of requests to remote schemas", toggle: true,
			apply: boolean(func(s *settings) *bool { return &s.catalog.RemoteSchemaSkipNulls }),
		},
		{name: "remote-join-errors", help: "partial: a failed remote join spoils its own fields; strict: the whole request (partial)", apply: func(s *settings, v string) error {
			if v != "partial" && v != "strict" {
				return errors.New("expected partial or strict")
			}
			s.catalog.StrictRemoteJoins = v == "strict"
			return nil
		}},
		{
			name: "read-snapshot", help: "run all statements of a query on one source in one snapshot, where the source can", toggle: true,
			apply: boolean(func(s *settings) *bool { return &s.readSnapshot }),
		},
		{
			name: "join-chunk-size", help: "keys that one statement of a remote join gets (5000)",
			apply: positive(func(s *settings) *int { return &s.chunkSize }),
		},
		{
			name: "remote-chunk-size", help: "keys that one request of a join to a remote schema gets (500)",
			apply: positive(func(s *settings) *int { return &s.remoteChunkSize }),
		},
		{name: "remote-max-answer-bytes", help: "bytes that the answers of all remote schemas under way may take together, 0 for no bound (1 GiB)", apply: func(s *settings, v string) error {
			n, err := strconv.ParseUint(v, 10, 63)
			s.remoteAnswerBytes = int64(n) // 63 bits
			return err
		}},
		{
			name: "remote-filter-max-keys", help: "keys that a condition through a remote relationship may take (100000)",
			apply: positive(func(s *settings) *int { return &s.catalog.RemoteFilterMaxKeys }),
		},
		{
			name: "remote-order-max-keys", help: "keys that an ordering through a remote relationship may take (100000)",
			apply: positive(func(s *settings) *int { return &s.catalog.RemoteOrderMaxKeys }),
		},
		{
			name: "enable-apollo-federation", help: "serve tables as entities of a federation", toggle: true,
			apply: boolean(func(s *settings) *bool { return &s.catalog.ApolloFederation }),
		},
		{
			name: "apollo-federation-version", help: "1 or 2: which Apollo Federation the document of _service is of (1)",
			apply: func(s *settings, v string) error {
				if v != "1" && v != "2" {
					return errors.New(`expected "1" or "2"`)
				}
				s.catalog.ApolloFederationVersion = int(v[0] - '0')
				return nil
			},
		},
		{name: "default-naming-convention", help: "hasura-default or graphql-default (hasura-default)", apply: func(s *settings, v string) error {
			if v != "hasura-default" && v != "graphql-default" {
				return errors.New(`expected "hasura-default" or "graphql-default"`)
			}
			s.catalog.DefaultNamingConvention = v
			return nil
		}},
		{name: "experimental-features", help: "comma-separated list", apply: experimental},
	}
}

// experimental reads v2's experimental features: those that are always there,
// those that are settings here, and those that can't be had.
func experimental(s *settings, v string) error {
	for name := range strings.SplitSeq(v, ",") {
		switch name = strings.TrimSpace(name); name {
		case "":
			continue
		case "inherited_roles", "naming_convention", "optimize_permission_filters", "streaming_subscriptions":
		case "apollo_federation":
			s.catalog.ApolloFederation = true
		case "bigquery_string_numeric_input", "remove_empty_subscription_responses", "disable_native_query_validation":
			s.ignored = append(s.ignored, fmt.Sprintf("experimental-features: %q changes nothing here", name))
		default:
			return fmt.Errorf("the experimental feature %q is not supported", name)
		}
		s.experimental = append(s.experimental, name)
	}
	return nil
}

func sourceSettings() []setting {
	return []setting{
		{name: "pg-connections", flags: []string{"connections", "c"}, help: "connections per Postgres source (50)", apply: func(s *settings, v string) (err error) {
			s.postgres.connections, err = strconv.Atoi(v)
			return err
		}},
		{
			name: "pg-timeout", flags: []string{"timeout"}, help: "seconds until idle Postgres connections end (180)",
			apply: duration(func(s *settings) *time.Duration { return &s.postgres.idle }, time.Second),
		},
		{
			name: "pg-conn-lifetime", flags: []string{"conn-lifetime"}, help: "seconds until Postgres connections end (600)",
			apply: duration(func(s *settings) *time.Duration { return &s.postgres.lifetime }, time.Second),
		},
		{name: "tx-isolation", flags: []string{"tx-iso", "i"}, help: "isolation level of Postgres transactions (read-committed)", apply: func(s *settings, v string) error {
			if !slices.Contains([]string{"read-committed", "repeatable-read", "serializable"}, v) {
				return errors.New("expected read-committed, repeatable-read or serializable")
			}
			s.postgres.isolation = v
			return nil
		}},
		{
			name: "use-prepared-statements", help: "true or false: whether statements of Postgres sources are prepared (unless they stand behind a connection pooler)",
			apply: func(s *settings, v string) error {
				prepared, err := parseBool(v)
				s.postgres.prepared = &prepared
				return err
			},
		},
		{
			name: "retries-count", flags: []string{"retries"}, variables: []string{"HASURA_GRAPHQL_NO_OF_RETRIES"},
			help:  "how often connecting to the Postgres database of the metadata is tried again at the start, after pauses from 0.1 up to 5 seconds (1)",
			apply: count(func(s *settings) *int { return &s.retries }),
		},
		{
			name: "query-timeout", help: "seconds that one GraphQL operation may take (no bound)",
			apply: duration(func(s *settings) *time.Duration { return &s.queryTimeout }, time.Second),
		},
		{
			name: "max-plan-nodes", help: "fields and input values that one operation may have, those of spread fragments included (200000)",
			apply: positive(func(s *settings) *int { return &s.maxPlanNodes }),
		},
		{
			name: "plan-cache-bytes", help: "bytes of memory that the plans kept of operations may take (64 MiB)",
			apply: positive(func(s *settings) *int { return &s.planCacheBytes }),
		},
		{
			name: "source-timeout", help: "seconds that connecting to a source and introspecting it may take (30)",
			apply: duration(func(s *settings) *time.Duration { return &s.sourceTimeout }, time.Second),
		},
	}
}
