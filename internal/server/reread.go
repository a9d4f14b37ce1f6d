package server

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"dovetail/executor"
	"dovetail/internal/plan"
	"dovetail/sources"
)

// executeAnew runs an operation once more where a database was not as it had been
// read: it is read anew, for all that follow. What may have written does not run
// again. The answer that isn't given any more is let go.
func (s *Server) executeAnew(
	ctx context.Context, header http.Header, o *operation, made *plan.Plan, answer *executor.Response,
) (*executor.Response, *refusal) {
	changed := changedDatabases(answer)
	if len(changed) == 0 || ctx.Err() != nil {
		return answer, nil
	}
	renewed, err := s.live.Reread(ctx, o.state, changed)
	if err != nil {
		s.logger.WarnContext(ctx, "metadata", "detail", map[string]any{
			"message": "reading changed databases anew failed", "sources": changed, "error": err.Error(),
		})
	}
	if !renewed || made.Operation != plan.OperationQuery {
		return answer, nil
	}
	state, release := s.live.Acquire()
	defer release()
	again := *o
	again.state = state
	if !o.who.Admin() {
		if refused := s.checkAllowed(state, o.who.Role, o.request); refused != nil {
			answer.Release()
			return nil, refused
		}
	}
	answer.Release()
	made, refused := s.plan(ctx, &again)
	if refused != nil {
		return nil, refused
	}
	return s.execute(ctx, header, &again, made)
}

// changedDatabases are the sources whose tables were found to be others than when
// they were read.
func changedDatabases(answer *executor.Response) []string {
	var out []string
	for i := range answer.Errors {
		if e := &answer.Errors[i]; errors.Is(e.Cause, sources.ErrTypeChanged) && !slices.Contains(out, e.Source) {
			out = append(out, e.Source)
		}
	}
	return out
}
