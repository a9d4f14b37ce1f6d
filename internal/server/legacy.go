package server

import (
	"bytes"
	"context"
	"net/http"

	"dovetail/executor"
	"dovetail/internal/metadata/command"
	"dovetail/internal/metadata/live"
	"dovetail/internal/orderedjson"
	"dovetail/internal/session"
)

// query answers a GraphQL query of the admin API: the deprecated JSON query
// language reads through it. Any error fails it.
func (s *Server) query(
	ctx context.Context, state *live.State, who *session.Session, text string, variables orderedjson.Value,
) ([]byte, error) {
	request := orderedjson.Value{
		Kind:  orderedjson.Object,
		Keys:  []string{"query", "variables"},
		Items: []orderedjson.Value{{Kind: orderedjson.String, Text: text}, variables},
	}
	// Commands of a concurrent bulk run side by side: what is gathered of one
	// must not be written over what is gathered of another.
	r, err := http.NewRequestWithContext(withOwnInfo(ctx), http.MethodPost, "/", http.NoBody)
	if err != nil {
		return nil, err
	}
	wanted := s.read(request)
	answer, refused := s.operationAt(r, state, who, &wanted, endpoint{})
	if refused != nil {
		return nil, &command.Error{
			Status: refused.status, Code: refused.code, Path: "$.args", Message: refused.message, Internal: refused.internal, Cause: refused.cause,
		}
	}
	if len(answer.Errors) > 0 {
		return nil, queryError(&answer.Errors[0])
	}
	var out bytes.Buffer
	answer.WriteData(func(p []byte) { out.Write(p) })
	return out.Bytes(), nil
}

// queryError is an execution's error as the admin API shows it: what a database
// refuses is the request's fault.
func queryError(e *executor.Error) error {
	status := statusOf(e.Code)
	if e.Source != "" || e.Internal != nil {
		status = http.StatusBadRequest
	}
	return &command.Error{Status: status, Code: e.Code, Path: "$.args", Message: e.Message, Internal: e.Internal}
}
