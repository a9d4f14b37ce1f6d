package server

import (
	"context"
	"errors"
	"net/http"
	"time"

	"dovetail/internal/metadata/document"
	"dovetail/internal/metadata/live"
	"dovetail/internal/safe"
	"dovetail/sources"
)

// sourceHealth is how a source is.
type sourceHealth struct {
	Status    string         `json:"status"`
	Error     *sourceTrouble `json:"error"`
	Timestamp string         `json:"timestamp"`
}

type sourceTrouble struct {
	Message string `json:"message"`
	Extra   any    `json:"extra,omitempty"`
}

// sourceHealthTimeout is how long a source may take to answer.
const sourceHealthTimeout = 10 * time.Second

// handleHealthSources asks every database whether it answers.
func (s *Server) handleHealthSources(w http.ResponseWriter, r *http.Request) {
	if !s.onlyAdmins(w, r) {
		return
	}
	state, release := s.live.Acquire()
	defer release()
	list := state.Metadata.Sources
	healths := make([]sourceHealth, len(list))
	ctx := r.Context()
	safe.Parallel(len(list), func(i int) { healths[i] = checkSource(ctx, state, list[i]) }, func(i int, err error) {
		s.logger.ErrorContext(ctx, "panic", "detail", map[string]any{"request_id": RequestID(ctx), "source": list[i].Name, "error": err.Error()})
		healths[i] = sourceHealth{Status: "ERROR", Error: &sourceTrouble{Message: "internal error"}}
	})
	out := make(map[string]sourceHealth, len(list))
	for i, source := range list {
		out[source.Name] = healths[i]
	}
	s.writeValue(w, r, out)
}

func checkSource(ctx context.Context, state *live.State, source *document.Source) (out sourceHealth) {
	defer func() { out.Timestamp = time.Now().UTC().Format(time.RFC3339Nano) }()
	found, ok := state.Source(source.Name)
	if !ok || found.Extras().SQL == nil {
		trouble := &sourceTrouble{Message: "the source is not connected"}
		if f, ok := state.Faults()[source.Name]; ok {
			trouble.Message = f.Err.Error()
		}
		return sourceHealth{Status: "FAILED", Error: trouble}
	}
	ctx, cancel := context.WithTimeout(ctx, sourceHealthTimeout)
	defer cancel()
	_, err := found.Extras().SQL.RunSQL(ctx, "SELECT 1", true)
	switch {
	case err == nil:
		return sourceHealth{Status: "OK"}
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return sourceHealth{Status: "TIMEOUT"}
	}
	trouble := &sourceTrouble{Message: err.Error()}
	if known, ok := errors.AsType[*sources.Error](err); ok {
		trouble.Message, trouble.Extra = known.Message, known.Internal
	}
	return sourceHealth{Status: "ERROR", Error: trouble}
}
