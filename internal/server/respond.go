package server

import (
	"encoding/json"
	"errors"
	"net/http"

	"dovetail/internal/metadata/command"
	"dovetail/internal/session"
)

const jsonContentType = "application/json; charset=utf-8"

// writeJSON answers with a JSON text.
func (s *Server) writeJSON(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	w.Header().Set("Content-Type", jsonContentType)
	s.write(w, r, status, body)
}

func (s *Server) write(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		// The client is gone: nobody is left to tell but the log.
		s.logger.DebugContext(r.Context(), "answer not delivered", "error", err.Error())
	}
}

// writeError answers with an error in the admin API's shape. Internal detail is
// shown to those who may see it.
func (s *Server) writeError(w http.ResponseWriter, r *http.Request, e *command.Error, admin bool) {
	if e.Status >= http.StatusInternalServerError && e.Cause != nil {
		s.logger.ErrorContext(r.Context(), "internal-error", "detail", map[string]any{
			"request_id": RequestID(r.Context()), "message": e.Message, "error": e.Cause.Error(),
		})
	}
	infoOf(r.Context()).refused = &refusal{status: e.Status, code: e.Code, message: e.Message, path: e.Path}
	shown := *e
	if !s.showInternal(admin) {
		shown.Internal = nil
	}
	body, err := json.Marshal(&shown)
	if err != nil {
		s.logger.ErrorContext(r.Context(), "internal-error", "detail", map[string]any{"error": err.Error()})
		shown.Internal = nil
		body, _ = json.Marshal(&shown) //nolint:errchkjson // strings alone can always be marshalled
	}
	s.writeJSON(w, r, e.Status, body)
}

// showInternal tells whether internal error detail is shown.
func (s *Server) showInternal(admin bool) bool {
	return s.config.DevMode || admin && s.config.AdminInternalErrors
}

// authenticate finds out who is asking. wanted is what is going to run, read
// when those who judge it want to see it; nil: nothing of GraphQL.
func (s *Server) authenticate(w http.ResponseWriter, r *http.Request, wanted func() (*wanted, *refusal)) (*session.Session, *command.Error) {
	request := session.Request{Header: r.Header}
	if wanted != nil {
		request.Operation = func() json.RawMessage {
			in, refused := wanted()
			if refused != nil {
				return nil // nothing runs: it is refused when the session is known
			}
			return in.shown()
		}
	}
	who, err := s.auth.Resolve(r.Context(), request)
	if err != nil {
		return nil, sessionError(err)
	}
	infoOf(r.Context()).session = who
	for _, cookie := range who.SetCookies {
		w.Header().Add("Set-Cookie", cookie)
	}
	return who, nil
}

// sessionError turns a failed authentication into an answer.
func sessionError(err error) *command.Error {
	if e, ok := errors.AsType[*session.Error](err); ok {
		return &command.Error{Status: e.Status, Code: e.Code, Path: "$", Message: e.Message}
	}
	return command.AsError(err)
}

// handleNotFound answers for paths that are not there.
func (s *Server) handleNotFound(w http.ResponseWriter, r *http.Request) {
	s.writeError(w, r, &command.Error{
		Status: http.StatusNotFound, Code: command.CodeNotFound, Path: "$", Message: "resource does not exist",
	}, false)
}
