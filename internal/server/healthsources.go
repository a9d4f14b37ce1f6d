package server

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"dovetail/internal/metadata/document"
	"dovetail/internal/metadata/live"
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
	out := make(map[string]sourceHealth, len(state.Metadata.Sources))
	var mutex sync.Mutex
	var group sync.WaitGroup
	ctx := r.Context()
	for _, source := range state.Metadata.Sources {
		group.Go(func() {
			health := checkSource(ctx, state, source)
			mutex.Lock()
			defer mutex.Unlock()
			out[source.Name] = health
		})
	}
	group.Wait()
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
