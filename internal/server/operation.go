package server

import (
	"context"
	"net/http"
	"time"

	"dovetail/executor"
	"dovetail/internal/metadata/command"
	"dovetail/internal/metadata/document"
	"dovetail/internal/metadata/live"
	"dovetail/internal/plan"
	"dovetail/internal/session"
	"dovetail/planner"
	"dovetail/sources"
)

// operation is one operation on its way from request to answer.
type operation struct {
	// request is nil if it could not be read.
	request *graphQLRequest
	state   *live.State
	who     *session.Session
	limits  *document.APILimits
	at      endpoint
	// keep is the hash that the text is kept by, once it is known to be good.
	keep string
	// deadline is when the time limit of the role ends; zero without one.
	deadline time.Time
}

// operationAt answers one operation for the schema of an endpoint: admit, plan,
// execute, log.
func (s *Server) operationAt(r *http.Request, state *live.State, who *session.Session, wanted *wantedOperation, at endpoint) (*executor.Response, *refusal) {
	o := &operation{state: state, who: who, limits: s.limits(state, who), at: at, request: wanted.request, keep: wanted.keep}
	if refused := s.admit(r, o, wanted.refused); refused != nil {
		return nil, refused
	}
	ctx, end := s.bounded(r.Context(), o)
	defer end()
	made, refused := s.plan(ctx, o)
	if refused != nil {
		return nil, refused
	}
	answer, refused := s.execute(ctx, r.Header, o, made)
	if refused == nil && len(answer.Errors) > 0 {
		answer, refused = s.executeAnew(ctx, r.Header, o, made, answer)
	}
	if refused == nil {
		s.logFailures(ctx, answer)
	}
	return answer, refused
}

// admit refuses what may not run whatever its plan: what comes too often, what
// could not be read, what is not on the allow list.
func (s *Server) admit(r *http.Request, o *operation, unreadable *refusal) *refusal {
	if refused := s.checkRate(r, o.limits, o.who); refused != nil {
		return refused
	}
	if unreadable != nil {
		return unreadable
	}
	o.request.relay, o.request.backend = o.at.relay, o.who.BackendOnly
	infoOf(r.Context()).query = o.request
	if o.who.Admin() {
		return nil
	}
	return s.checkAllowed(o.state, o.who.Role, o.request)
}

// plan makes the operation's plan, or finds it, and refuses kinds of operations
// that the endpoint or the server does not run.
func (s *Server) plan(ctx context.Context, o *operation) (*plan.Plan, *refusal) {
	check := func(planned *planner.Operation) *refusal {
		infoOf(ctx).hash = planned.Hash()
		return checkSize(o.limits, o.who.Role, planned)
	}
	made, refused := s.plans.Of(o.state).plan(ctx, s.config.MaxPlanNodes, o.state.Catalog, o.who.Role, o.request, check)
	if refused != nil {
		if late := overTime(ctx, o.deadline, o.limits, o.who.Role); late != nil {
			return nil, late
		}
		return nil, refused
	}
	s.persisted.put(o.keep, o.request.query)
	s.logPlan(ctx, o.request, made)
	return made, s.checkKind(made.Operation, o.at)
}

// checkKind refuses kinds of operations that the endpoint or the server does not
// run.
func (s *Server) checkKind(kind plan.OperationKind, at endpoint) *refusal {
	switch {
	case at.readOnly && kind == plan.OperationMutation:
		return refuse(http.StatusMethodNotAllowed, command.CodeMethodNotAllowed, "$", "mutations are not allowed in GET requests, use POST instead")
	case s.config.ReadOnly && kind == plan.OperationMutation:
		return refuse(http.StatusBadRequest, command.CodeNotSupported, "$", "Cannot run write queries when read-only mode is enabled")
	case kind == plan.OperationSubscription:
		return refuse(http.StatusBadRequest, sources.CodeUnexpected, "$", "subscriptions are not supported over HTTP, use websockets instead")
	}
	return nil
}

// execute runs the plan; an operation that took too long is refused whole.
func (s *Server) execute(ctx context.Context, header http.Header, o *operation, made *plan.Plan) (*executor.Response, *refusal) {
	if refused := overTime(ctx, o.deadline, o.limits, o.who.Role); refused != nil {
		return nil, refused
	}
	answer := s.config.Executor.Execute(ctx, made, runners{o.state}, s.arguments(ctx, header, o, made.Name))
	// What a mutation has written stands: its client learns of it.
	written := made.Operation == plan.OperationMutation && len(answer.Errors) == 0
	if refused := overTime(ctx, o.deadline, o.limits, o.who.Role); refused != nil && !written {
		answer.Release()
		return nil, refused
	}
	return answer, nil
}

// logFailures logs the causes that users are not told: operators must be able to
// find them.
func (s *Server) logFailures(ctx context.Context, answer *executor.Response) {
	for i := range answer.Errors {
		if e := &answer.Errors[i]; e.Code == sources.CodeUnexpected && e.Cause != nil {
			s.logger.ErrorContext(ctx, "internal-error", "detail", map[string]any{
				"request_id": RequestID(ctx), "source": e.Source, "message": e.Message, "error": e.Cause.Error(),
			})
		}
	}
}

// bounded bounds how long the operation may take, its planning included: by the
// role's limit and by the server's.
func (s *Server) bounded(ctx context.Context, o *operation) (context.Context, context.CancelFunc) {
	ctx, cancel := timed(ctx, o.limits, o.who.Role)
	if o.limits.Time != nil {
		o.deadline, _ = ctx.Deadline()
	}
	ctx, end := s.queryTimeout(ctx)
	return ctx, func() {
		end()
		cancel()
	}
}

// queryTimeout bounds how long an operation may take, its planning included.
func (s *Server) queryTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.config.QueryTimeout <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, s.config.QueryTimeout)
}

// arguments are what the plan's symbols stand for in this request.
func (s *Server) arguments(ctx context.Context, header http.Header, o *operation, name string) *plan.Arguments {
	return &plan.Arguments{
		Variables: o.request.variables, Session: o.who.Variables, Role: o.who.Role, Headers: header, RequestID: RequestID(ctx),
		Tag: s.tagger(ctx, o.state, name),
	}
}

// runners lets the executor find sources in the state a request holds.
type runners struct{ state *live.State }

// Runner implements executor.Runners.
func (r runners) Runner(source string) (executor.Runner, bool) { return r.state.Source(source) }
