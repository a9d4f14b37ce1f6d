package server

import (
	"context"
	"errors"
	"net/http"

	"dovetail/executor"
	"dovetail/internal/metadata/command"
	"dovetail/internal/metadata/live"
	"dovetail/internal/orderedjson"
	"dovetail/internal/session"
	"dovetail/planner"
	"dovetail/sources"
)

// graphQLRequest is one operation as a client sends it.
type graphQLRequest struct {
	query         string
	operationName string
	variables     map[string]orderedjson.Value
	// relay: the operation is for the Relay schema.
	relay bool
	// backend: permissions for backends only count.
	backend bool
}

// endpoint is what an address of the GraphQL API stands for.
type endpoint struct {
	// adminErrors: errors have the admin API's shape and a status of their own.
	adminErrors bool
	// ownStatus: errors have a status of their own.
	ownStatus bool
	// relay: operations are for the Relay schema.
	relay bool
	// specified: answers are as the specification of GraphQL over HTTP asks.
	specified bool
	// readOnly: only queries are allowed.
	readOnly bool
}

// refusal is an operation that was refused before anything ran.
type refusal struct {
	status   int
	code     string
	message  string
	path     string
	internal any
	// cause is for the log alone.
	cause error
}

func refuse(status int, code, path, message string) *refusal {
	return &refusal{status: status, code: code, message: message, path: path}
}

// refusalOf says why an operation could not be planned.
func refusalOf(err error) *refusal {
	if p, ok := errors.AsType[*planner.Error](err); ok {
		return refuse(http.StatusBadRequest, p.Code, p.Path, p.Message)
	}
	if e, ok := errors.AsType[*sources.Error](err); ok {
		r := refuse(http.StatusBadRequest, e.Code, "$", e.Message)
		r.internal = e.Internal
		return r
	}
	r := refuse(http.StatusInternalServerError, sources.CodeUnexpected, "$", "internal error")
	r.internal, r.cause = err.Error(), err
	return r
}

// refusedBy is a refusal for an error of the admin API.
func refusedBy(e *command.Error) *refusal {
	return &refusal{status: e.Status, code: e.Code, message: e.Message, path: e.Path, internal: e.Internal, cause: e.Cause}
}

// logCause tells operators why something was refused that clients are not told
// the cause of.
func (s *Server) logCause(ctx context.Context, refused *refusal) {
	if refused.cause == nil {
		return
	}
	s.logger.ErrorContext(ctx, "internal-error", "detail", map[string]any{
		"request_id": RequestID(ctx), "message": refused.message, "error": refused.cause.Error(),
	})
}

// handleGraphQL answers /v1/graphql: one operation, or a batch of them in an
// array. Errors of an operation are answered with status 200, as v2 does.
func (s *Server) handleGraphQL(w http.ResponseWriter, r *http.Request) {
	s.graphQL(w, r, endpoint{specified: wantsResponseType(r)})
}

// handleGraphQLV1Alpha1 answers the older endpoint, whose errors have a status of
// their own.
func (s *Server) handleGraphQLV1Alpha1(w http.ResponseWriter, r *http.Request) {
	s.graphQL(w, r, endpoint{ownStatus: true})
}

// handleRelay answers /v1beta1/relay, where tables are read as connections and
// rows have global ids.
func (s *Server) handleRelay(w http.ResponseWriter, r *http.Request) {
	s.graphQL(w, r, endpoint{relay: true, specified: wantsResponseType(r)})
}

func (s *Server) graphQL(w http.ResponseWriter, r *http.Request, at endpoint) {
	s.answerWanted(w, r, s.wantedOperations(w, r), at)
}

// answerWanted answers what a request wants, once it is known whose it is.
func (s *Server) answerWanted(w http.ResponseWriter, r *http.Request, wanted func() (*wanted, *refusal), at endpoint) {
	who, failure := s.authenticate(w, r, wanted)
	if failure != nil {
		s.writeRefusal(w, r, refusedBy(failure), false, at)
		return
	}
	in, refused := wanted()
	if refused != nil {
		s.writeRefusal(w, r, refused, who.Admin(), at)
		return
	}
	// Only now: a body that comes slowly must not keep old sources open.
	state, release := s.live.Acquire()
	defer release()
	if in.batch {
		s.batch(w, r, state, who, in.operations, at)
		return
	}
	s.single(w, r, state, who, &in.operations[0], at)
}

// single answers one operation.
func (s *Server) single(w http.ResponseWriter, r *http.Request, state *live.State, who *session.Session, wanted *wantedOperation, at endpoint) {
	info := infoOf(r.Context())
	info.mode = "single"
	answer, refused := s.operationAt(r, state, who, wanted, at)
	if refused != nil {
		s.writeRefusal(w, r, refused, who.Admin(), at)
		return
	}
	defer answer.Release()
	if len(answer.Errors) > 0 {
		e := &answer.Errors[0]
		info.refused = &refusal{code: e.Code, message: e.Message, path: e.Location}
	}
	if at.adminErrors && !answer.HasData && len(answer.Errors) > 0 {
		e := answer.Errors[0]
		refused := refuse(statusOf(e.Code), e.Code, e.Location, e.Message)
		refused.internal = e.Internal
		s.writeRefusal(w, r, refused, who.Admin(), at)
		return
	}
	setCookies(w, answer)
	w.Header().Set("Content-Type", at.contentType())
	if (at.specified || at.ownStatus) && !answer.HasData && len(answer.Errors) > 0 {
		w.WriteHeader(statusOf(answer.Errors[0].Code))
	}
	out := newResponseWriter(w)
	out.announce(answer)
	out.response(answer, s.showInternal(who.Admin()))
	out.flush(r, s)
}

// batched is how logs call requests of several operations.
const batched = "batched"

// batch answers an array of operations, one after another.
func (s *Server) batch(w http.ResponseWriter, r *http.Request, state *live.State, who *session.Session, items []wantedOperation, at endpoint) {
	infoOf(r.Context()).mode = batched
	if refused := checkBatch(s.limits(state, who), who.Role, len(items)); refused != nil {
		s.writeRefusal(w, r, refused, who.Admin(), at)
		return
	}
	w.Header().Set("Content-Type", jsonContentType)
	pending := make([]batchAnswer, 0, len(items))
	out := newResponseWriter(w)
	out.text("[")
	held, first := 0, true
	write := func() {
		for i := range pending {
			if !first {
				out.text(",")
			}
			first = false
			s.writeBatchAnswer(r, out, &pending[i], who)
		}
		pending, held = pending[:0], 0
	}
	for i := range items {
		var a batchAnswer
		a.answer, a.refused = s.operationAt(r, state, who, &items[i], at)
		if a.refused == nil {
			setCookies(w, a.answer)
			held += a.answer.Length()
		}
		pending = append(pending, a)
		if held > maxHeld {
			write()
		}
	}
	write()
	out.text("]")
	out.flush(r, s)
}

// maxHeld is how many bytes of a batch's answers are held back: cookies of remote
// schemas can only go before the first byte. Those of operations that follow
// are left out.
const maxHeld = 8 << 20

// batchAnswer is what became of one operation of a batch.
type batchAnswer struct {
	answer  *executor.Response
	refused *refusal
}

// writeBatchAnswer writes an answer of a batch and lets go of it.
func (s *Server) writeBatchAnswer(r *http.Request, out *responseWriter, a *batchAnswer, who *session.Session) {
	if a.refused != nil {
		s.logCause(r.Context(), a.refused)
		out.refusal(a.refused, s.showInternal(who.Admin()))
		return
	}
	out.response(a.answer, s.showInternal(who.Admin()))
	a.answer.Release()
	a.answer = nil
}

// setCookies passes on the cookies that remote schemas sent to root fields.
func setCookies(w http.ResponseWriter, answer *executor.Response) {
	for _, cookie := range answer.Cookies {
		w.Header().Add("Set-Cookie", cookie)
	}
}

func statusOf(code string) int {
	switch code {
	case sources.CodeNotFound:
		return http.StatusNotFound
	case sources.CodeUnexpected:
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

// writeRefusal answers a refused operation in the shape of its endpoint.
func (s *Server) writeRefusal(w http.ResponseWriter, r *http.Request, refused *refusal, admin bool, at endpoint) {
	s.logCause(r.Context(), refused)
	if at.adminErrors {
		s.writeError(w, r, &command.Error{
			Status: refused.status, Code: refused.code, Path: refused.path, Message: refused.message, Internal: refused.internal,
		}, admin)
		return
	}
	infoOf(r.Context()).refused = refused
	w.Header().Set("Content-Type", at.contentType())
	if refused.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", http.MethodPost)
	}
	switch {
	case at.specified, at.ownStatus, refused.status == http.StatusMethodNotAllowed, refused.status == http.StatusRequestEntityTooLarge:
		w.WriteHeader(refused.status)
	case refused.status == http.StatusUnauthorized && s.config.Preserve401:
		w.WriteHeader(http.StatusUnauthorized)
	}
	out := newResponseWriter(w)
	out.refusal(refused, s.showInternal(admin))
	out.flush(r, s)
}
