package session

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// WebhookConfig says which service decides about requests.
type WebhookConfig struct {
	URL string
	// Post sends headers and request as JSON; otherwise headers are forwarded.
	Post bool
	// SendRequestBody sends the GraphQL request too, when posting.
	SendRequestBody bool
}

// webhook asks a service who is asking.
type webhook struct {
	WebhookConfig
	client *http.Client
	logger *slog.Logger
	known  hookCache
}

const (
	webhookTimeout  = 30 * time.Second
	webhookMaxBytes = 4 << 20
	codeUnexpected  = "unexpected"
)

// newWebhook makes a webhook that follows no redirects: they would carry cookies
// and session variables to whom nobody has named.
func newWebhook(c WebhookConfig, client *http.Client, logger *slog.Logger) *webhook {
	direct := *client
	direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &webhook{WebhookConfig: c, client: &direct, logger: logger}
}

func checkWebhook(c *WebhookConfig) error {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("the authentication webhook is not an http or https URL")
	}
	return nil
}

// notForwarded are the headers that a forwarded request has of its own.
func notForwarded() []string {
	return []string{
		"Content-Length", "Content-Md5", "User-Agent", "Host", "Origin", "Referer", "Accept", "Accept-Encoding",
		"Accept-Language", "Accept-Datetime", "Cache-Control", "Connection", "Dnt", "Content-Type",
		// these are of one connection only
		"Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
	}
}

// shown is the GraphQL request that the webhook is shown; nil for none.
func (w *webhook) shown(r Request) json.RawMessage {
	if !w.Post || !w.SendRequestBody || r.Operation == nil {
		return nil
	}
	return r.Operation()
}

// request makes the request that asks the webhook.
func (w *webhook) request(ctx context.Context, r Request, operation json.RawMessage) (*http.Request, error) {
	if !w.Post {
		out, err := http.NewRequestWithContext(ctx, http.MethodGet, w.URL, nil)
		if err != nil {
			return nil, err
		}
		skip := notForwarded()
		for name, values := range r.Header {
			if !slices.Contains(skip, name) {
				out.Header[name] = slices.Clone(values)
			}
		}
		return out, nil
	}
	headers := make(map[string]string, len(r.Header))
	for name, values := range r.Header {
		if len(values) > 0 {
			// As clients that speak HTTP/2 write them, and v2's webhooks read them.
			headers[strings.ToLower(name)] = values[0]
		}
	}
	text, err := json.Marshal(struct {
		Headers map[string]string `json:"headers"`
		Request json.RawMessage   `json:"request"`
	}{headers, operation})
	if err != nil {
		return nil, err
	}
	out, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(text))
	if err == nil {
		out.Header.Set("Content-Type", "application/json")
	}
	return out, err
}

// resolve finds out what the webhook says, unless what it said the last time
// still holds.
func (w *webhook) resolve(ctx context.Context, r Request, now time.Time) (*Session, *Error) {
	operation := w.shown(r)
	key := w.key(r, operation)
	if s, ok := w.known.get(key, now); ok {
		return s, nil
	}
	s, err := w.ask(ctx, r, operation, now)
	// Cookies are for the one client that was asked about.
	if err == nil && s.Expires.After(now) && len(s.SetCookies) == 0 {
		w.known.put(key, s, now)
	}
	return s, err
}

// ask asks the webhook.
func (w *webhook) ask(ctx context.Context, r Request, operation json.RawMessage, now time.Time) (*Session, *Error) {
	failed := &Error{Status: http.StatusInternalServerError, Code: codeUnexpected, Message: "webhook authentication request failed"}
	ctx, cancel := context.WithTimeout(ctx, webhookTimeout)
	defer cancel()
	request, err := w.request(ctx, r, operation)
	if err != nil {
		w.log(ctx, slog.LevelError, 0, err.Error(), nil)
		return nil, failed
	}
	answer, err := w.client.Do(request)
	if err != nil {
		w.log(ctx, slog.LevelError, 0, err.Error(), nil)
		return nil, failed
	}
	defer answer.Body.Close() //nolint:errcheck // what was read is what counts
	body, err := io.ReadAll(io.LimitReader(answer.Body, webhookMaxBytes))
	if err != nil {
		w.log(ctx, slog.LevelError, answer.StatusCode, err.Error(), nil)
		return nil, failed
	}
	switch answer.StatusCode {
	case http.StatusOK:
		s, failure := sessionOfHook(body, now)
		if failure != nil {
			w.log(ctx, slog.LevelError, answer.StatusCode, failure.Error(), body)
			return nil, failure.answer
		}
		w.log(ctx, slog.LevelInfo, answer.StatusCode, "", nil)
		s.SetCookies = answer.Header.Values("Set-Cookie")
		return s, nil
	case http.StatusUnauthorized:
		w.log(ctx, slog.LevelInfo, answer.StatusCode, "", nil)
		return nil, &Error{
			Status: http.StatusUnauthorized, Code: codeAccessDenied, Message: "Authentication hook unauthorized this request",
		}
	}
	w.log(ctx, slog.LevelError, answer.StatusCode, "", body)
	return nil, invalidHook()
}

func invalidHook() *Error {
	return &Error{Status: http.StatusInternalServerError, Code: codeUnexpected, Message: "Invalid response from authorization hook"}
}

// log tells of an exchange. Only what a webhook answered in error is shown.
func (w *webhook) log(ctx context.Context, level slog.Level, status int, fault string, response []byte) {
	if !w.logger.Enabled(ctx, level) {
		return
	}
	method := http.MethodGet
	if w.Post {
		method = http.MethodPost
	}
	detail := map[string]any{"url": w.URL, "method": method, "status_code": nil, "http_error": nil, "response": nil}
	if status != 0 {
		detail["status_code"] = status
	}
	if fault != "" {
		detail["http_error"] = fault
	}
	if response != nil {
		detail["response"] = string(response)
	}
	w.logger.Log(ctx, level, "webhook-log", "detail", detail)
}

// hookFault is what is wrong with a webhook's answer, and what clients are told
// of it.
type hookFault struct {
	error
	answer *Error
}

func faulty(format string, args ...any) *hookFault {
	return &hookFault{fmt.Errorf(format, args...), invalidHook()}
}

// sessionOfHook reads a webhook's answer.
func sessionOfHook(body []byte, now time.Time) (*Session, *hookFault) {
	decoded, err := decodeJSON(body)
	if err != nil {
		return nil, faulty("the answer is not JSON: %w", err)
	}
	answer, ok := decoded.(map[string]any)
	if !ok {
		return nil, faulty("the answer is no JSON object")
	}
	said, err := lowerCase(answer)
	if err != nil {
		return nil, &hookFault{err, invalidHook()}
	}
	variables := make(map[string]string, len(said))
	for name, value := range said {
		if !strings.HasPrefix(name, variablePrefix) {
			continue
		}
		text, ok := value.(string)
		if !ok {
			return nil, faulty("%s is no string", name)
		}
		variables[name] = text
	}
	role := variables[RoleHeader]
	if role == "" {
		missing := refused("invalid-params", "%q not found in session variables", RoleHeader)
		return nil, &hookFault{missing, missing}
	}
	s, failure := newSession(role, variables, false)
	if failure != nil {
		return nil, &hookFault{failure, failure}
	}
	s.Expires = hookExpiry(said, now)
	return s, nil
}

// lowerCase is an object with its keys in lower case; two spellings of one key
// are an error, as either could be meant.
func lowerCase(object map[string]any) (map[string]any, error) {
	out := make(map[string]any, len(object))
	for name, value := range object {
		lower := strings.ToLower(name)
		if _, twice := out[lower]; twice {
			return nil, fmt.Errorf("%q is given in more than one spelling", lower)
		}
		out[lower] = value
	}
	return out, nil
}

// hookExpiry is when a webhook's answer ends to hold; zero: it says nothing.
func hookExpiry(said map[string]any, now time.Time) time.Time {
	if text, ok := said["cache-control"].(string); ok {
		if age, found := maxAge(text); found {
			return now.Add(age)
		}
	}
	if text, ok := said["expires"].(string); ok {
		if at, err := http.ParseTime(text); err == nil {
			return at
		}
	}
	return time.Time{}
}

// maxAge reads max-age of a Cache-Control text that allows keeping.
func maxAge(text string) (time.Duration, bool) {
	for part := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if strings.EqualFold(name, "no-cache") || strings.EqualFold(name, "no-store") {
			return 0, false
		}
		if !ok || !strings.EqualFold(name, "max-age") {
			continue
		}
		if n, err := strconv.ParseUint(value, 10, 31); err == nil {
			return time.Duration(n) * time.Second, true // 31 bits
		}
	}
	return 0, false
}
