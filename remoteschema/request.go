package remoteschema

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"dovetail/internal/plan"
	"dovetail/sources"
)

// response is an answer as received.
type response struct {
	// held is what the body holds of the budget of answers.
	held int64

	status      int
	contentType string
	cookies     []string
	body        []byte
}

// send posts a request and reads its answer.
func (s *Source) send(ctx context.Context, body []byte, args *plan.Arguments) (*response, error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	if err := s.slots.Acquire(ctx, 1); err != nil {
		return nil, s.transportError(ctx, err)
	}
	defer s.slots.Release(1)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.config.URL, bytes.NewReader(body))
	if err != nil {
		return nil, s.transportError(ctx, err)
	}
	s.setHeaders(request.Header, args)
	answer, err := s.client.Do(request)
	if err != nil {
		return nil, s.transportError(ctx, err)
	}
	defer answer.Body.Close() //nolint:errcheck // the answer has been read, or failed to be
	out := &response{status: answer.StatusCode, contentType: answer.Header.Get("Content-Type"), cookies: answer.Header.Values("Set-Cookie")}
	if err = s.read(answer, out); err != nil {
		s.letGo(out)
		return nil, s.transportError(ctx, err)
	}
	return out, nil
}

// letGo ends the use of a response.
func (s *Source) letGo(r *response) {
	s.config.Answers.give(r.held)
	r.held, r.body = 0, nil
}

// errTooLarge says that an answer exceeds what the configuration allows.
var errTooLarge = errors.New("the answer is too large")

// firstGrowth is the most that is set aside for an answer before it comes.
const firstGrowth = 1 << 20

// read reads an answer's body. What it holds of the budget is held until the
// response is let go of.
func (s *Source) read(answer *http.Response, out *response) error {
	limit := s.config.MaxResponseBytes
	if answer.ContentLength > limit {
		return s.tooLarge()
	}
	var buffer bytes.Buffer
	// What a length announces may never come.
	if announced := min(answer.ContentLength, firstGrowth); announced > 0 {
		buffer.Grow(int(announced) + bytes.MinRead)
	}
	reader := &budgeted{Reader: io.LimitReader(answer.Body, limit+1), budget: s.config.Answers}
	n, err := buffer.ReadFrom(reader)
	out.held = reader.held
	switch {
	case errors.Is(err, errBudget):
		return s.overBudget()
	case err != nil:
		return err
	case n > limit:
		return s.tooLarge()
	}
	out.body = buffer.Bytes()
	return nil
}

func (s *Source) tooLarge() error {
	return &sources.Error{
		Code:    sources.CodeRemoteSchemaError,
		Message: fmt.Sprintf("the answer of remote schema %q exceeds %d bytes", s.config.Name, s.config.MaxResponseBytes),
		Cause:   errTooLarge,
	}
}

// transportError is the error for a request that got no answer. A context that
// the caller ended is reported as such.
func (s *Source) transportError(ctx context.Context, err error) error {
	if ours, ok := errors.AsType[*sources.Error](err); ok {
		return ours
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // without the URL, which may be a secret
	}
	message := err.Error()
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(ctx.Err(), context.DeadlineExceeded) {
		message = "Response timeout"
		err = context.DeadlineExceeded
	} else if errors.Is(ctx.Err(), context.Canceled) {
		message = "Request cancelled"
		err = context.Canceled
	}
	return &sources.Error{
		Code:     sources.CodeRemoteSchemaError,
		Message:  "HTTP exception occurred while sending the request to " + s.config.Display,
		Internal: s.httpException(message),
		Cause:    err,
	}
}

// httpException is the internal part of a transport error, without headers.
func (s *Source) httpException(message string) map[string]any {
	request := map[string]any{"method": http.MethodPost, "responseTimeout": "ResponseTimeoutMicro " +
		strconv.FormatInt(int64(s.config.Timeout/time.Microsecond), 10)}
	if u, err := url.Parse(s.config.URL); err == nil {
		request["host"] = u.Hostname()
		request["port"] = u.Port()
		request["path"] = u.Path
		request["secure"] = u.Scheme == "https"
	}
	return map[string]any{"type": "http_exception", "message": message, "request": request}
}
