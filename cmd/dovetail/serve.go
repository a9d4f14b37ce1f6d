package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"dovetail/executor"
	"dovetail/internal/demo"
	"dovetail/internal/kind"
	"dovetail/internal/metadata/command"
	"dovetail/internal/metadata/document"
	"dovetail/internal/metadata/live"
	"dovetail/internal/metadata/store"
	"dovetail/internal/orderedjson"
	"dovetail/internal/server"
	"dovetail/internal/session"
)

// openStore opens what keeps the metadata.
func openStore(ctx context.Context, s *settings) (store.Store, error) {
	url := s.metadataURL
	if url == "" {
		url = s.databaseURL
	}
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		return store.OpenSQLite(ctx, path)
	}
	if url != "" {
		return store.OpenPostgres(ctx, url)
	}
	return store.OpenSQLite(ctx, s.metadataPath)
}

// The pauses before connecting to the metadata database is tried again: each is twice
// as long as the one before.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
)

// openRetrying opens what keeps the metadata, again for a while when its database
// can't be reached.
func openRetrying(ctx context.Context, s *settings, logger *slog.Logger) (store.Store, error) {
	pause := firstPause
	for retry := 1; ; retry++ {
		keeper, err := openStore(ctx, s)
		if err == nil || retry > s.retries || !store.Unreachable(err) {
			return keeper, err
		}
		logger.WarnContext(ctx, "startup", "detail", map[string]any{
			"kind": "metadata_database", "info": fmt.Sprintf("%v; retry %d of %d in %s", err, retry, s.retries, pause),
		})
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, err
		}
		pause = min(2*pause, longestPause)
	}
}

// defaultSource is the configuration of the source that database-url makes;
// null without one.
func defaultSource(s *settings) orderedjson.Value {
	if s.databaseURL == "" {
		return orderedjson.Value{}
	}
	object := func(key string, value orderedjson.Value) orderedjson.Value {
		return orderedjson.Value{Kind: orderedjson.Object, Keys: []string{key}, Items: []orderedjson.Value{value}}
	}
	url := orderedjson.Value{Kind: orderedjson.String, Text: s.databaseURL}
	if s.databaseURLFromEnv != "" {
		url = object("from_env", orderedjson.Value{Kind: orderedjson.String, Text: s.databaseURLFromEnv})
	}
	return object("connection_info", object("database_url", url))
}

// instance is a running engine.
type instance struct {
	store    store.Store
	engine   *live.Metadata
	commands *command.Runner
	server   *server.Server
	logger   *slog.Logger

	authenticator *session.Authenticator
}

// start makes an engine ready to serve.
func start(ctx context.Context, s *settings, output io.Writer) (*instance, error) {
	logger := newLogger(output, s)
	for _, text := range s.ignored {
		logger.WarnContext(ctx, "startup", "detail", map[string]any{"kind": "ignored_setting", "info": text})
	}
	for _, text := range s.unknown {
		logger.WarnContext(ctx, "startup", "detail", map[string]any{"kind": "unknown_setting", "info": text})
	}
	who, err := authentication(s)
	if err != nil {
		return nil, err
	}
	who.Logger = logger
	authenticator, err := session.New(ctx, who)
	if err != nil {
		return nil, err
	}
	logConfiguration(ctx, logger, s, authenticator)
	if !authenticator.HasSecret() {
		warnOfOpenness(ctx, logger, s)
	}
	keeper, err := openRetrying(ctx, s, logger)
	if err != nil {
		authenticator.Close()
		return nil, err
	}
	configuration := defaultSource(s)
	var initial *document.Metadata
	if !configuration.IsNull() {
		initial = &document.Metadata{Sources: []*document.Source{{
			Name: "default", Kind: kind.Postgres, Configuration: configuration,
		}}}
	}
	running, err := live.Open(ctx, live.Config{
		Store: keeper, Factories: factories(s), Settings: s.catalog, Logger: logger,
		Timeout: s.sourceTimeout, PollInterval: s.poll, Initial: initial,
	})
	if err != nil {
		authenticator.Close()
		return nil, errors.Join(err, keeper.Close())
	}
	commands := command.New(command.Config{
		Engine: running, Logger: logger, ReadOnly: s.readOnly, ReadOnlyData: s.readOnlyData, Maintenance: s.maintenance, DefaultSource: configuration,
	})
	return &instance{
		store: keeper, engine: running, commands: commands, logger: logger, authenticator: authenticator,
		server: server.New(server.Config{
			Engine: running, Commands: commands, Authenticator: authenticator, Logger: logger, Version: version,
			Executor: executor.New(executor.Settings{ChunkSize: s.chunkSize, Snapshot: s.readSnapshot, Strict: s.catalog.StrictRemoteJoins}),
			DevMode:  s.devMode, AdminInternalErrors: s.internalErrors, Preserve401: s.preserve401, MaxBodyBytes: s.maxBodyBytes,
			CORS: s.origins(authenticator.HasSecret()), Persisted: s.persisted, Allowlist: s.allowlist, LogTypes: s.logTypes, APIs: s.apis, Description: map[string]any{"experimental_features": append([]string{}, s.experimental...), "feature_flags": []any{}},
			ReadOnly: s.readOnlyData, MaxHeaderBytes: s.maxHeaderBytes, ShutdownTimeout: s.shutdown, QueryTimeout: s.queryTimeout,
			Timeouts: s.timeouts, MaxBatch: s.maxBatch, MaxPlanNodes: s.maxPlanNodes, PlanCacheBytes: s.planCacheBytes,
		}),
	}, nil
}

// close ends an engine.
func (i *instance) close() error {
	i.authenticator.Close()
	i.engine.Close()
	return i.store.Close()
}

// serve runs the engine until the context ends.
func serve(ctx context.Context, s *settings, output io.Writer) (err error) {
	var config net.ListenConfig
	// Listening first refuses a taken port before anything is opened.
	listener, err := config.Listen(ctx, "tcp", s.address())
	if err != nil {
		return err
	}
	i, err := start(ctx, s, output)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer func() { err = errors.Join(err, i.close()) }()
	i.logger.InfoContext(ctx, "startup", "detail", map[string]any{
		"kind": "server", "info": map[string]any{"version": version, "address": listener.Addr().String()},
	})
	go returnMemory(ctx, memoryInterval)
	return i.server.Serve(ctx, listener)
}

// serveDemo runs the engine over the built-in example.
func serveDemo(ctx context.Context, s *settings, output io.Writer) (err error) {
	if s.host == "" {
		s.host = "127.0.0.1"
	}
	folder, err := os.MkdirTemp("", "dovetail-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	if s.metadataURL == "" && s.metadataPath == defaults().metadataPath {
		s.metadataPath = filepath.Join(folder, "metadata.db")
	}
	example, err := demo.Start(ctx, folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, example.Close()) }() //nolint:contextcheck // the context has ended by then
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", s.address())
	if err != nil {
		return err
	}
	var log bytes.Buffer
	quiet := io.Writer(&log)
	if s.logLevel < slog.LevelInfo {
		quiet = output
	}
	s.logTypes = map[string]bool{}
	i, err := start(ctx, s, quiet)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer func() { err = errors.Join(err, i.close()) }()
	if err := applyMetadata(ctx, i, example.MetadataJSON); err != nil {
		return errors.Join(err, listener.Close())
	}
	if err := greet(output, listener.Addr().String()); err != nil {
		return errors.Join(err, listener.Close())
	}
	go returnMemory(ctx, memoryInterval)
	return i.server.Serve(ctx, listener)
}

// applyMetadata replaces an engine's metadata.
func applyMetadata(ctx context.Context, i *instance, metadata []byte) error {
	body, err := json.Marshal(map[string]any{"type": "replace_metadata", "args": json.RawMessage(metadata)})
	if err != nil {
		return fmt.Errorf("the demo's metadata: %w", err)
	}
	if _, err := i.commands.Run(ctx, command.V1Metadata, &session.Session{Role: session.AdminRole}, body); err != nil {
		return fmt.Errorf("applying the demo's metadata: %w", err)
	}
	return nil
}

func greet(output io.Writer, address string) error {
	_, err := fmt.Fprintf(output, `Dovetail serves its demo, a music shop in two databases and a GraphQL service, at

  http://%[1]s/v1/graphql

Ask it something that takes all three:

  curl -s http://%[1]s/v1/graphql -d '{"query": "{album(limit: 2) {title rating {average} order_lines {quantity}}}"}'

`, address)
	return err
}

// demoService runs the demo's GraphQL service alone.
func demoService(ctx context.Context, s *settings) error {
	return demo.ServeReviews(ctx, s.address())
}

// healthcheckTimeout is how long an engine may take to tell how it is.
const healthcheckTimeout = 5 * time.Second

// healthcheck asks a running engine how it is.
func healthcheck(ctx context.Context, s *settings) error {
	url := s.checkURL
	if url == "" {
		url = "http://" + net.JoinHostPort("127.0.0.1", s.port) + "/healthz"
	}
	ctx, cancel := context.WithTimeout(ctx, healthcheckTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	if err := answer.Body.Close(); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", url, answer.Status)
	}
	return nil
}
