package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/server"
	"dovetail/internal/session"
)

// settings are what flags and the environment say.
type settings struct {
	metadataURL  string
	metadataPath string
	databaseURL  string
	// databaseURLFromEnv: the default source refers to the environment variable.
	databaseURLFromEnv string

	host, port       string
	adminSecret      string
	unauthorizedRole string
	// adminSecrets, jwtSecret and jwtSecrets are JSON; they are read at the
	// start, so that their faults are told without showing them.
	adminSecrets, jwtSecret, jwtSecrets string
	hook                                session.WebhookConfig
	devMode                             bool
	internalErrors                      bool
	readOnly                            bool
	preserve401                         bool
	maxBodyBytes                        int64
	// cors holds if corsGiven; what holds otherwise depends on whether there is a
	// secret.
	cors              server.CORS
	corsGiven         bool
	allowlist         server.Allowlist
	persisted         server.PersistedQueries
	apis              map[server.API]bool
	shutdown          time.Duration
	poll              time.Duration
	sourceTimeout     time.Duration
	logLevel          slog.Level
	logTypes          map[string]bool
	experimental      []string
	catalog           catalog.Settings
	remoteChunkSize   int
	chunkSize         int
	readSnapshot      bool
	queryTimeout      time.Duration
	timeouts          server.Timeouts
	remoteAnswerBytes int64
	maxBatch          int
	maxPlanNodes      int
	planCacheBytes    int
	postgres          postgresDefaults
	// retries is how often connecting to the metadata database is tried again.
	retries  int
	checkURL string
	// online: projects are held against their databases and services.
	online bool
	// endpoint, project, role and allowInconsistent are for commands that talk
	// to a running engine.
	endpoint, project, role string
	readOnlyData            bool
	maintenance             bool
	maxHeaderBytes          int
	allowInconsistent       bool
	// ignored settings are told of at the start, as are unknown ones.
	ignored, unknown []string
}

// postgresDefaults hold for sources that don't say otherwise.
type postgresDefaults struct {
	connections int
	idle        time.Duration
	lifetime    time.Duration
	isolation   string
	// prepared is whether statements are prepared; nil: unless behind a pooler.
	prepared *bool
}

func defaults() *settings {
	return &settings{
		metadataPath: "dovetail.db", project: ".", port: "8080", internalErrors: true, maxBodyBytes: 100 << 20, maxHeaderBytes: 1 << 20,
		apis:     map[server.API]bool{server.APIGraphQL: true, server.APIMetadata: true, server.APIConfig: true, server.APIDump: true},
		timeouts: server.Timeouts{Read: time.Minute, Write: time.Minute, Idle: 3 * time.Minute}, maxBatch: 1000, remoteAnswerBytes: 1 << 30,
		hook:    session.WebhookConfig{SendRequestBody: true},
		retries: 1, poll: time.Second, shutdown: time.Minute, sourceTimeout: 30 * time.Second,
		catalog: catalog.Settings{InferFunctionPermissions: true, DefaultNamingConvention: "hasura-default"},
		logTypes: map[string]bool{
			"startup": true, "http-log": true, "webhook-log": true, "websocket-log": true, "jwk-refresh-log": true,
		},
	}
}

// setting is one flag, with the environment variables that stand in for it:
// DOVETAIL_ and HASURA_GRAPHQL_ followed by its name in capitals.
type setting struct {
	name string
	help string
	// toggle: the flag takes no value.
	toggle bool
	// variables stand in for it besides.
	variables []string
	// flags are its other names on the command line, as v2 has them.
	flags []string
	// empty: an empty variable says something, too.
	empty bool
	apply func(s *settings, value string) error
}

func text(target func(*settings) *string) func(*settings, string) error {
	return func(s *settings, v string) error {
		*target(s) = v
		return nil
	}
}

func boolean(target func(*settings) *bool) func(*settings, string) error {
	return func(s *settings, v string) error {
		b, err := parseBool(v)
		*target(s) = b
		return err
	}
}

var errNotBool = errors.New("expected true or false")

func parseBool(v string) (bool, error) {
	switch strings.ToLower(v) {
	case "true", "t", "yes", "y":
		return true, nil
	case "false", "f", "no", "n":
		return false, nil
	}
	return false, errNotBool
}

// positive reads a whole number above zero.
func positive(target func(*settings) *int) func(*settings, string) error {
	return func(s *settings, v string) error {
		n, err := strconv.Atoi(v)
		if err != nil || n <= 0 {
			return errors.New("expected a whole number above zero")
		}
		*target(s) = n
		return nil
	}
}

// count reads a whole number that may be zero.
func count(target func(*settings) *int) func(*settings, string) error {
	return func(s *settings, v string) error {
		n, err := strconv.ParseUint(v, 10, 31)
		if err != nil {
			return fmt.Errorf("expected a whole number: %w", err)
		}
		*target(s) = int(n) // 31 bits
		return nil
	}
}

// duration reads a number of units.
func duration(target func(*settings) *time.Duration, unit time.Duration) func(*settings, string) error {
	return func(s *settings, v string) error {
		n, err := strconv.ParseUint(v, 10, 31)
		if err != nil {
			return fmt.Errorf("expected a whole number: %w", err)
		}
		*target(s) = time.Duration(n) * unit // 31 bits
		return nil
	}
}

// variableName is the end of the names of a setting's environment variables.
func (d setting) variableName() string {
	return strings.ToUpper(strings.ReplaceAll(d.name, "-", "_"))
}

// fromEnvironment finds a setting's value in the environment.
func (d setting) fromEnvironment(env environment) (value, name string, ok bool) {
	for _, name := range append([]string{"DOVETAIL_" + d.variableName(), "HASURA_GRAPHQL_" + d.variableName()}, d.variables...) {
		if v, ok := env[name]; ok {
			return v, name, true
		}
	}
	return "", "", false
}

// parseSettings reads a command line: flags, a command, more flags. What flags
// don't say, the environment does.
func parseSettings(arguments []string, env environment, output io.Writer) (s *settings, subcommand string, rest []string, err error) {
	s = defaults()
	flags := flag.NewFlagSet("dovetail", flag.ContinueOnError)
	flags.SetOutput(output)
	given := map[string]bool{}
	define(flags, s, given)
	if err := flags.Parse(arguments); err != nil {
		return nil, "", nil, err
	}
	if rest = flags.Args(); len(rest) > 0 {
		subcommand = rest[0]
		if err := flags.Parse(rest[1:]); err != nil {
			return nil, "", nil, err
		}
		// "metadata apply --project x": flags may follow its verb too.
		if rest = flags.Args(); len(rest) > 0 && (subcommand == "metadata" || subcommand == "explain") {
			verb := rest[0]
			if err := flags.Parse(rest[1:]); err != nil {
				return nil, "", nil, err
			}
			rest = append([]string{verb}, flags.Args()...)
		}
	}
	for _, d := range honoured() {
		value, name, ok := d.fromEnvironment(env)
		if !ok || given[d.name] {
			continue
		}
		if value == "" && !d.toggle && !d.empty {
			continue
		}
		if err := d.apply(s, value); err != nil {
			return nil, "", nil, fmt.Errorf("%s=%q: %w", name, value, err)
		}
		if d.name == "database-url" {
			s.databaseURLFromEnv = name
		}
	}
	return s, subcommand, rest, s.checkOthers(env)
}

// define defines the flags.
func define(flags *flag.FlagSet, s *settings, given map[string]bool) {
	for _, d := range honoured() {
		apply := func(v string) error {
			given[d.name] = true
			return d.apply(s, v)
		}
		defineNames(flags, append([]string{d.name}, d.flags...), d.toggle, d.help, apply)
	}
	for _, d := range ignoredSettings() {
		note := func(string) error {
			s.ignored = append(s.ignored, d.name+": "+d.reason)
			return nil
		}
		defineNames(flags, append([]string{d.name}, d.flags...), d.toggle, "ignored: "+d.reason, note)
	}
	for _, d := range refusedSettings() {
		refuse := func(v string) error {
			if d.harmless(v) {
				return nil
			}
			return errors.New(d.reason)
		}
		defineNames(flags, []string{d.name}, d.toggle, "refused: "+d.reason, refuse)
	}
}

// defineNames defines a flag under all of its names.
func defineNames(flags *flag.FlagSet, names []string, toggle bool, help string, apply func(string) error) {
	for _, name := range names {
		if toggle {
			flags.BoolFunc(name, help, apply)
		} else {
			flags.Func(name, help, apply)
		}
	}
}

// address is where the server listens.
func (s *settings) address() string { return net.JoinHostPort(s.host, s.port) }

// isJSONObject tells whether a text is an object that says something.
func isJSONObject(text string) bool {
	var v map[string]json.RawMessage
	return json.Unmarshal([]byte(text), &v) == nil && len(v) > 0
}
