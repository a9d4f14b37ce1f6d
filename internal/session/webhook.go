package session

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
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

func (w *webhook) request(ctx context.Context, r Request) (*http.Request, error) {
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
			headers[name] = values[0]
		}
	}
	type body struct {
		Headers map[string]string `json:"headers"`
		Request any               `json:"request"`
	}
	content := body{Headers: headers}
	if w.SendRequestBody {
		content.Request = operations(r.Body)
	}
	text, err := json.Marshal(content)
	if err != nil {
		return nil, err
	}
	out, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(text))
	if err == nil {
		out.Header.Set("Content-Type", "application/json")
	}
	return out, err
}

// operation is a GraphQL request as the webhook sees it.
type operation struct {
	Query         json.RawMessage `json:"query"`
	Variables     json.RawMessage `json:"variables,omitempty"`
	OperationName json.RawMessage `json:"operationName,omitempty"`
}

// operations reads one GraphQL request or a list of them; nil if the body is
// something else.
func operations(body []byte) any {
	var one operation
	if json.Unmarshal(body, &one) == nil && one.Query != nil {
		return one
	}
	var list []operation
	if json.Unmarshal(body, &list) == nil && len(list) > 0 {
		return list
	}
	return nil
}

// resolve finds out what the webhook says, unless what it said the last time
// still holds.
func (w *webhook) resolve(ctx context.Context, r Request, now time.Time) (*Session, *Error) {
	key := w.key(r)
	if s, ok := w.known.get(key, now); ok {
		return s, nil
	}
	s, err := w.ask(ctx, r, now)
	// Cookies are for the one client that was asked about.
	if err == nil && s.Expires.After(now) && len(s.SetCookies) == 0 {
		w.known.put(key, s, now)
	}
	return s, err
}

// ask asks the webhook.
func (w *webhook) ask(ctx context.Context, r Request, now time.Time) (*Session, *Error) {
	failed := &Error{Status: http.StatusInternalServerError, Code: codeUnexpected, Message: "webhook authentication request failed"}
	ctx, cancel := context.WithTimeout(ctx, webhookTimeout)
	defer cancel()
	request, err := w.request(ctx, r)
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
		w.log(ctx, slog.LevelInfo, answer.StatusCode, "", nil)
		s, failure := sessionOfHook(body, now)
		if failure != nil {
			return nil, failure
		}
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

// sessionOfHook reads a webhook's answer.
func sessionOfHook(body []byte, now time.Time) (*Session, *Error) {
	var answer map[string]any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&answer); err != nil || answer == nil {
		return nil, invalidHook()
	}
	variables := make(map[string]string, len(answer))
	var expires time.Time
	for name, value := range answer {
		lower := strings.ToLower(name)
		text, ok := value.(string)
		switch {
		case strings.HasPrefix(lower, variablePrefix):
			if !ok {
				return nil, invalidHook()
			}
			variables[lower] = text
		case lower == "cache-control" && ok:
			if age, found := maxAge(text); found {
				expires = now.Add(age)
			}
		case lower == "expires" && ok && expires.IsZero():
			if at, err := http.ParseTime(text); err == nil {
				expires = at
			}
		}
	}
	role := variables[RoleHeader]
	if role == "" {
		return nil, refused("invalid-params", "%q not found in session variables", RoleHeader)
	}
	s, err := newSession(role, variables, false)
	if err != nil {
		return nil, err
	}
	s.Expires = expires
	return s, nil
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
			return time.Duration(n) * time.Second, true //nolint:gosec // 31 bits
		}
	}
	return 0, false
}
