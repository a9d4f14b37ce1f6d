package server

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"dovetail/internal/metadata/live"
	"dovetail/internal/plan"
	"dovetail/internal/session"
)

// The kinds of log lines that can be turned off.
const (
	logHTTP  = "http-log"
	logQuery = "query-log"
)

// requestInfo is what is gathered of a request for its log line.
type requestInfo struct {
	id      string
	session *session.Session
	// mode is single or batched, for GraphQL.
	mode string
	// query is shown with a refusal.
	query   *graphQLRequest
	refused *refusal
	// raw is the beginning of a body that no request could be read from.
	raw string
	// hash is the operation's, see planner.Operation.Hash.
	hash string
}

type requestInfoKey struct{}

// infoOf is what is gathered of a request; of a request from inside, nothing
// that anybody reads.
func infoOf(ctx context.Context) *requestInfo {
	if info, ok := ctx.Value(requestInfoKey{}).(*requestInfo); ok {
		return info
	}
	return &requestInfo{}
}

// withOwnInfo gives a part of a request an info of its own, with the same id.
func withOwnInfo(ctx context.Context) context.Context {
	info := *infoOf(ctx)
	return context.WithValue(ctx, requestInfoKey{}, &info)
}

// RequestID is the id under which a request is logged.
func RequestID(ctx context.Context) string { return infoOf(ctx).id }

// logs tells whether a kind of line is wanted, before any of it is put
// together.
func (s *Server) logs(ctx context.Context, kind string, level slog.Level) bool {
	return (s.config.LogTypes == nil || s.config.LogTypes[kind]) && s.logger.Enabled(ctx, level)
}

func (s *Server) logRequest(r *http.Request, answer *recorder, took time.Duration) {
	if answer.wrote && answer.Header().Get("Content-Length") != "" {
		// The client need not wait for the log.
		_ = http.NewResponseController(answer.ResponseWriter).Flush() // it says no more than the writes did
	}
	info := infoOf(r.Context())
	level := slog.LevelInfo
	if answer.status >= http.StatusInternalServerError || info.refused != nil {
		level = slog.LevelError
	}
	if !s.logs(r.Context(), logHTTP, level) {
		return
	}
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		address = r.RemoteAddr
	}
	operation := []slog.Attr{
		slog.String("request_id", info.id), slog.Float64("query_execution_time", took.Seconds()), slog.Int("response_size", answer.size),
	}
	if info.mode != "" {
		operation = append(operation, slog.String("request_mode", info.mode))
	}
	if info.hash != "" && info.mode != batched {
		operation = append(operation, slog.String("parameterized_query_hash", info.hash))
	}
	if info.session != nil {
		operation = append(operation, slog.Any("user_vars", info.session.Variables))
	}
	if e := info.refused; e != nil {
		operation = append(operation, slog.GroupAttrs("error",
			slog.String("path", e.path), slog.String("error", e.message), slog.String("code", e.code)))
		if info.query != nil {
			operation = append(operation, slog.Any("query", s.queryOf(r.Context(), info.query)))
		}
		if info.raw != "" && s.logger.Enabled(r.Context(), slog.LevelDebug) {
			operation = append(operation, slog.String("raw_query", info.raw)) // it may hold what clients keep secret
		}
	}
	s.logger.LogAttrs(r.Context(), level, logHTTP, slog.GroupAttrs("detail",
		slog.String("request_id", info.id),
		slog.GroupAttrs("operation", operation...),
		slog.GroupAttrs("http_info",
			slog.Int("status", answer.status), slog.String("method", r.Method), slog.String("url", r.URL.Path), slog.String("ip", address),
			slog.String("http_version", r.Proto), slog.String("content_encoding", answer.Header().Get("Content-Encoding")),
		),
	))
}

// queryOf is a GraphQL request as logs show it; the values of its variables only
// for debugging.
func (s *Server) queryOf(ctx context.Context, request *graphQLRequest) map[string]any {
	out := map[string]any{"query": request.query}
	if request.operationName != "" {
		out["operationName"] = request.operationName
	}
	if s.logger.Enabled(ctx, slog.LevelDebug) {
		out["variables"] = request.variables
	}
	return out
}

// logPlan logs how an operation is carried out: one line for each root field,
// with the statements that answer it.
func (s *Server) logPlan(ctx context.Context, request *graphQLRequest, made *plan.Plan) {
	if !s.logs(ctx, logQuery, slog.LevelInfo) {
		return
	}
	var log func(roots []plan.Root)
	log = func(roots []plan.Root) {
		for _, root := range roots {
			switch n := root.Node.(type) {
			case *plan.Static:
				s.logRoot(ctx, request, "introspection", nil)
			case *plan.Namespace:
				log(n.Roots)
			case *plan.Fetch:
				kind := "database"
				if strings.HasPrefix(n.Fragment.Source, live.RemotePrefix) {
					kind = "remote-schema"
				}
				generated := map[string]any{root.Key: map[string]any{"query": n.Fragment.Statement.Text(), "prepared_arguments": []any{}}}
				s.logRoot(ctx, request, kind, generated)
			}
		}
	}
	log(made.Roots)
}

func (s *Server) logRoot(ctx context.Context, request *graphQLRequest, kind string, generated map[string]any) {
	s.logger.LogAttrs(ctx, slog.LevelInfo, logQuery, slog.GroupAttrs("detail",
		slog.String("request_id", RequestID(ctx)), slog.String("kind", kind),
		slog.Any("query", s.queryOf(ctx, request)), slog.Any("generated_sql", generated),
	))
}
