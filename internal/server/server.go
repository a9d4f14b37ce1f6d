package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"dovetail/executor"
	"dovetail/internal/metadata/command"
	"dovetail/internal/metadata/document"
	"dovetail/internal/metadata/live"
	"dovetail/internal/session"
)

// Config is what a server is made of.
type Config struct {
	Engine        *live.Metadata
	Commands      *command.Runner
	Authenticator *session.Authenticator
	Executor      *executor.Executor
	Logger        *slog.Logger
	// LogTypes are the kinds of log lines that are wanted; nil: all.
	LogTypes map[string]bool
	// Version is answered by /v1/version.
	Version string
	// DevMode shows internal error detail to every role, AdminInternalErrors to
	// admins.
	DevMode             bool
	AdminInternalErrors bool
	// Preserve401 answers failed authentication of GraphQL requests with 401.
	Preserve401 bool
	// MaxBodyBytes bounds the body of a request (0: no bound).
	MaxBodyBytes int64
	// MaxHeaderBytes bounds a request's headers (0: net/http's bound).
	MaxHeaderBytes int
	// ReadOnly refuses mutations.
	ReadOnly bool
	// Persisted says whether and how queries are kept that clients name by their
	// hash.
	Persisted PersistedQueries
	// Allowlist says whether roles may only ask what is listed.
	Allowlist Allowlist
	// CORS says which origins may ask from a browser.
	CORS CORS
	// APIs are the groups of endpoints that are served.
	APIs map[API]bool
	// Description is answered by /v1alpha1/config beside what the server knows
	// itself.
	Description map[string]any
	// MaxPlanNodes bounds the fields and input values of an operation (0: the
	// planner's default).
	MaxPlanNodes int
	// PlanCacheBytes is how much memory the plans that are kept may take (0: the
	// default).
	PlanCacheBytes int
	// QueryTimeout bounds how long one operation may take (0: no bound).
	QueryTimeout time.Duration
	// Timeouts bound slow clients.
	Timeouts Timeouts
	// MaxBatch bounds the operations of a batch (0: no bound).
	MaxBatch int
	// ShutdownTimeout bounds how long running requests may take to end.
	ShutdownTimeout time.Duration
}

// API is a group of endpoints that can be turned off.
type API string

// The groups of endpoints.
const (
	APIGraphQL  API = "graphql"
	APIMetadata API = "metadata"
	APIConfig   API = "config"
	APIDump     API = "pgdump"
)

// Server answers HTTP requests.
type Server struct {
	config  Config
	live    *live.Metadata
	auth    *session.Authenticator
	logger  *slog.Logger
	handler http.Handler

	persisted *persistedQueries
	rates     rates

	// What is made of each state.
	plans     *live.Derived[*planCache]
	apiLimits *live.Derived[*document.APILimits]
	allowed   *live.Derived[*allowedQueries]
	tagged    *live.Derived[map[string]document.QueryTags]
}

// New makes a server.
func New(c Config) *Server {
	s := &Server{config: c, live: c.Engine, auth: c.Authenticator, logger: c.Logger, persisted: newPersistedQueries(c.Persisted)}
	s.plans, s.apiLimits, s.tagged = live.NewDerived(func(*live.State) *planCache { return newPlanCache(c.PlanCacheBytes) }), live.NewDerived(readLimits), live.NewDerived(tagged)
	s.allowed = live.NewDerived(func(state *live.State) *allowedQueries { return collectAllowed(state.Metadata, c.Allowlist.Roles) })
	s.config.Commands.UseQuery(s.query)
	s.handler = s.wrap(s.routes())
	return s
}

// Handler answers requests, with logs, request ids and all.
func (s *Server) Handler() http.Handler { return s.handler }

const readHeaderTimeout = 20 * time.Second

// Serve answers requests until the context ends, then lets running ones finish.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       s.config.Timeouts.Idle,
		MaxHeaderBytes:    s.config.MaxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.logger.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	timeout := s.config.ShutdownTimeout
	if timeout <= 0 {
		timeout = time.Minute
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	if err := server.Shutdown(ending); err != nil {
		return errors.Join(fmt.Errorf("running requests did not end in %v: %w", timeout, err), server.Close())
	}
	return nil
}

// routes names the endpoints. A path that is known but not for the method is
// answered as v2 does: it does not exist for it.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for _, path := range []string{"/healthz", "/hasura/healthz"} {
		mux.HandleFunc("GET "+path, s.handleHealth)
	}
	mux.HandleFunc("GET /healthz/sources", s.handleHealthSources)
	mux.HandleFunc("GET /v1/version", s.handleVersion)
	if s.config.APIs[APIMetadata] {
		mux.HandleFunc("POST /v1/metadata", s.guard(true, s.admin(command.V1Metadata)))
		mux.HandleFunc("POST /v1/query", s.guard(true, s.admin(command.V1Query)))
		mux.HandleFunc("POST /v2/query", s.guard(true, s.admin(command.V2Query)))
	}
	if s.config.APIs[APIDump] {
		mux.HandleFunc("POST /v1alpha1/pg_dump", s.guard(true, s.handleDump))
	}
	if s.config.APIs[APIConfig] {
		mux.HandleFunc("GET /v1alpha1/config", s.guard(true, s.handleConfig))
	}
	if s.config.APIs[APIGraphQL] {
		mux.HandleFunc("POST /v1/graphql", s.guard(false, s.handleGraphQL))
		mux.HandleFunc("POST /v1alpha1/graphql", s.guard(false, s.handleGraphQLV1Alpha1))
		mux.HandleFunc("POST /v1beta1/relay", s.guard(false, s.handleRelay))
		mux.HandleFunc("GET /v1/graphql", s.handleGraphQLGet)
	}
	if s.config.APIs[APIGraphQL] && s.config.APIs[APIMetadata] {
		// It shows the statements and permissions of every role.
		mux.HandleFunc("POST /v1/graphql/explain", s.guard(true, s.handleExplain))
	}
	mux.HandleFunc("GET /api/swagger/json", s.handleSwagger)
	mux.HandleFunc(restPrefix, s.guard(false, s.handleREST))
	mux.HandleFunc("/", s.handleNotFound)
	return mux
}
