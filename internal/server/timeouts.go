package server

import (
	"errors"
	"net/http"
	"os"
	"time"

	"dovetail/internal/metadata/command"
)

// Timeouts bound what slow clients can hold up. Each is unbounded if it is 0.
type Timeouts struct {
	// Read is how long a request's body may take.
	Read time.Duration
	// Write is how long a client may take to accept the next piece of an answer.
	Write time.Duration
	// Idle is how long a connection is kept without a request.
	Idle time.Duration
}

// writePiece is what a client must accept of an answer within the timeout: so
// much that it takes slow ones seconds, so little that it tells a slow one from
// one that doesn't read.
const writePiece = 256 << 10

// startTimeouts begins the times of a request. The server's own can't be used:
// they would run on while a request is carried out, and end it.
func (s *Server) startTimeouts(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	// What was set for the request before on this connection must not hold for
	// this one. Writers that know no deadlines are those of tests.
	_ = control.SetWriteDeadline(time.Time{})
	if r.Body != http.NoBody && s.config.Timeouts.Read > 0 {
		_ = control.SetReadDeadline(time.Now().Add(s.config.Timeouts.Read))
	}
}

// bodyRead ends the time of a request's body: a client has all the time to wait
// for its answer.
func (s *Server) bodyRead(w http.ResponseWriter) {
	if s.config.Timeouts.Read > 0 {
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // as above
	}
}

// slowBody is the error of a body that took too long, if that is what an error
// of reading means. The connection can't be used any more.
func slowBody(w http.ResponseWriter, err error) *command.Error {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	w.Header().Set("Connection", "close")
	return &command.Error{
		Status: http.StatusRequestTimeout, Code: command.CodeBadRequest, Path: "$",
		Message: "the request's body took longer than the server waits (request-read-timeout)",
	}
}

// Write implements http.ResponseWriter. An answer goes out piece by piece, each
// with a time of its own, so that any length may pass but not any slowness.
func (r *recorder) Write(p []byte) (int, error) {
	r.wrote = true
	written := 0
	for {
		piece := p[written:min(len(p), written+writePiece)]
		if r.timeout > 0 && r.deadline != nil {
			if err := r.deadline.SetWriteDeadline(time.Now().Add(r.timeout)); err != nil {
				return written, err
			}
		}
		n, err := r.ResponseWriter.Write(piece)
		written += n
		r.size += n
		if err != nil || written == len(p) {
			return written, err
		}
	}
}
