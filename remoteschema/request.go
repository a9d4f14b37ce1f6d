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
	if out.body, err = s.read(answer); err != nil {
		return nil, s.transportError(ctx, err)
	}
	return out, nil
}

// errTooLarge says that an answer exceeds what the configuration allows.
var errTooLarge = errors.New("the answer is too large")

func (s *Source) read(answer *http.Response) ([]byte, error) {
	limit := s.config.MaxResponseBytes
	if answer.ContentLength > limit {
		return nil, s.tooLarge()
	}
	var buffer bytes.Buffer
	if answer.ContentLength > 0 {
		buffer.Grow(int(answer.ContentLength) + bytes.MinRead)
	}
	n, err := buffer.ReadFrom(io.LimitReader(answer.Body, limit+1))
	if err != nil {
		return nil, err
	}
	if n > limit {
		return nil, s.tooLarge()
	}
	return buffer.Bytes(), nil
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
