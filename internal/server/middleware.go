package server

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/google/uuid"

	"dovetail/internal/metadata/command"
)

func formatInt(i int64) string { return strconv.FormatInt(i, 10) }

const requestIDHeader = "X-Request-Id"

// wrap adds to the endpoints what all of them have: a request id, a log line,
// cross-origin answers, compression, and an answer when one panics.
func (s *Server) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		id := r.Header.Get(requestIDHeader)
		if id == "" {
			id = uuid.NewString()
		}
		r = r.WithContext(context.WithValue(r.Context(), requestInfoKey{}, &requestInfo{id: id}))
		w.Header().Set(requestIDHeader, id)
		answer := &recorder{ResponseWriter: w, status: http.StatusOK, timeout: s.config.Timeouts.Write}
		answer.deadline, _ = w.(interface{ SetWriteDeadline(at time.Time) error })
		s.startTimeouts(w, r)
		defer func() { s.logRequest(r, answer, time.Since(start)) }()
		if s.config.CORS.answer(answer, r) {
			return
		}
		compressed, finish := compress(answer, r)
		defer finish()
		defer s.recoverPanic(compressed, answer, r)
		next.ServeHTTP(compressed, r)
	})
}

// recoverPanic answers for a handler that panicked and logs where.
func (s *Server) recoverPanic(w http.ResponseWriter, answer *recorder, r *http.Request) {
	fault := recover()
	if fault == nil {
		return
	}
	if c, ok := w.(*compressor); ok {
		c.drop()
	}
	if fault == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so too
		panic(fault)
	}
	s.logger.ErrorContext(r.Context(), "panic", "detail", map[string]any{
		"request_id": RequestID(r.Context()), "error": fmt.Sprint(fault), "stack": string(debug.Stack()),
	})
	if answer.wrote {
		// Half an answer is out already: cut the connection rather than end it as
		// if it were whole.
		panic(http.ErrAbortHandler)
	}
	s.writeError(w, r, &command.Error{
		Status: http.StatusInternalServerError, Code: command.CodeUnexpected, Path: "$", Message: "internal error",
	}, false)
}

// recorder notes what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	size   int
	wrote  bool

	// timeout is what a client has to accept a piece of the answer; deadline sets
	// it, nil where it can't be set.
	timeout  time.Duration
	deadline interface{ SetWriteDeadline(at time.Time) error }
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	r.status, r.wrote = status, true
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
