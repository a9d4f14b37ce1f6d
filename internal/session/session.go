package session

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"dovetail/internal/safe"
)

// AdminRole may do everything.
const AdminRole = "admin"

// The headers that decide about a session.
const (
	RoleHeader        = "x-hasura-role"
	AdminSecretHeader = "x-hasura-admin-secret"
	// AccessKeyHeader is the older name of AdminSecretHeader.
	AccessKeyHeader   = "x-hasura-access-key"
	BackendOnlyHeader = "x-hasura-use-backend-only-permissions"

	variablePrefix = "x-hasura-"
)

// Session is who is asking.
type Session struct {
	Role string
	// Variables by lower-case name; x-hasura-role is among them, secrets never.
	Variables map[string]string
	// BackendOnly: fields whose permission is for backends only are visible.
	BackendOnly bool
	// Expires is when the session ends by itself; zero: never.
	Expires time.Time
	// SetCookies are what a webhook wants the client to keep.
	SetCookies []string
}

// Admin tells whether the role may do everything.
func (s *Session) Admin() bool { return s.Role == AdminRole }

// Error says why a request has no session.
type Error struct {
	Status  int
	Code    string
	Message string
}

func (e *Error) Error() string { return e.Message }

// Config says how requests are authenticated.
type Config struct {
	// AdminSecrets are those of which requests carry one; none: everybody is
	// trusted.
	AdminSecrets []string
	// UnauthorizedRole is the role of requests that carry neither secret nor
	// token; empty: they are refused.
	UnauthorizedRole string
	// JWT lists whose tokens are accepted.
	JWT []*JWTConfig
	// Webhook decides about requests without an admin secret; nil for none.
	Webhook *WebhookConfig
	// Logger is told about webhooks and keys; nil for none.
	Logger *slog.Logger
	// Client makes requests; nil for one of its own.
	Client *http.Client
}

// Request is what a session is found by.
type Request struct {
	Header http.Header
	// Operation gives the JSON of the GraphQL request that is going to run, for
	// those who judge it; nil, and a nil answer: there is none.
	Operation func() json.RawMessage
}

// Authenticator resolves the session of requests.
type Authenticator struct {
	secrets          [][sha256.Size]byte
	unauthorizedRole string
	issuers          []*issuer
	webhook          *webhook

	stop       context.CancelFunc
	background sync.WaitGroup
}

// New makes an authenticator. Secrets are kept as hashes. It must be closed.
func New(ctx context.Context, c Config) (*Authenticator, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Client == nil {
		c.Client = &http.Client{}
	}
	a := &Authenticator{unauthorizedRole: c.UnauthorizedRole}
	for _, secret := range c.AdminSecrets {
		a.secrets = append(a.secrets, sha256.Sum256([]byte(secret)))
	}
	if c.Webhook != nil {
		a.webhook = newWebhook(*c.Webhook, c.Client, c.Logger)
	}
	var following context.Context
	following, a.stop = context.WithCancel(context.WithoutCancel(ctx))
	for _, j := range c.JWT {
		i := &issuer{JWTConfig: j}
		if j.jwkURL != "" {
			i.web = newWebKeys(j.jwkURL, c.Client, c.Logger)
			wait, err := i.web.fetch(ctx)
			if err != nil {
				// The issuer may come back; until then its tokens are refused.
				wait = i.web.failed(ctx, err, 0)
			}
			safe.Loop(following, &a.background, c.Logger, "keys of "+j.jwkURL, func() { i.web.follow(following, wait) })
		}
		a.issuers = append(a.issuers, i)
	}
	return a, nil
}

func (c *Config) check() error {
	switch {
	case slices.Contains(c.AdminSecrets, ""):
		return errors.New("an admin secret must not be empty")
	case c.Webhook != nil && len(c.JWT) > 0:
		return errors.New("JWT secrets and an authentication webhook exclude each other")
	case c.Webhook != nil && len(c.AdminSecrets) == 0:
		return errors.New("an authentication webhook needs an admin secret: without one every request is trusted")
	case len(c.JWT) > 0 && len(c.AdminSecrets) == 0:
		return errors.New("a JWT secret needs an admin secret: without one every request is trusted")
	case c.Webhook != nil && c.UnauthorizedRole != "":
		return fmt.Errorf("an unauthorized role (%q) can't be had with an authentication webhook, which decides about all requests", c.UnauthorizedRole)
	case c.UnauthorizedRole != "" && len(c.AdminSecrets) == 0:
		return fmt.Errorf("an unauthorized role (%q) needs an admin secret: without one every request is trusted", c.UnauthorizedRole)
	case c.Webhook != nil:
		return checkWebhook(c.Webhook)
	}
	return nil
}

// Close ends the background work.
func (a *Authenticator) Close() {
	a.stop()
	a.background.Wait()
}

// HasSecret tells whether requests must carry a secret.
func (a *Authenticator) HasSecret() bool { return len(a.secrets) > 0 }

// HasWebhook tells whether a webhook decides about requests.
func (a *Authenticator) HasWebhook() bool { return a.webhook != nil }

// Deliberate reports whether a request carries a credential that browsers don't
// add to requests by themselves, as they do cookies: whoever sent it meant to.
func (a *Authenticator) Deliberate(h http.Header) bool {
	if _, sent := secretOf(h); sent {
		return true
	}
	if kind, _, _ := strings.Cut(h.Get(headerAuthorization), " "); strings.EqualFold(kind, "Bearer") {
		return true
	}
	return slices.ContainsFunc(a.issuers, func(i *issuer) bool { return i.header.kind == headerCustom && h.Get(i.header.name) != "" })
}

// Claims describes where an issuer's tokens keep their claims.
type Claims struct {
	Namespace     string                     `json:"claims_namespace,omitempty"`
	NamespacePath string                     `json:"claims_namespace_path,omitempty"`
	Format        string                     `json:"claims_format"`
	Map           map[string]json.RawMessage `json:"claims_map"`
}

// Claims describes the claims of every issuer.
func (a *Authenticator) Claims() []Claims {
	out := make([]Claims, 0, len(a.issuers))
	for _, i := range a.issuers {
		c := Claims{Namespace: i.namespace, NamespacePath: i.path, Format: i.format}
		for name, m := range i.claimsMap {
			if c.Map == nil {
				c.Map = map[string]json.RawMessage{}
			}
			c.Map[name] = m.text
		}
		out = append(out, c)
	}
	return out
}

// Resolve finds the session of a request. Its errors are *Error.
func (a *Authenticator) Resolve(ctx context.Context, r Request) (*Session, error) {
	s, err := a.resolve(ctx, r)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (a *Authenticator) resolve(ctx context.Context, r Request) (*Session, *Error) {
	if !a.HasSecret() {
		variables := variablesOf(r.Header)
		return newSession(roleOr(variables, AdminRole), variables, true)
	}
	secret, sent := secretOf(r.Header)
	switch {
	case sent && !a.isSecret(secret):
		return nil, &Error{
			Status: http.StatusUnauthorized, Code: codeAccessDenied,
			Message: fmt.Sprintf("invalid %q/%q", AdminSecretHeader, AccessKeyHeader),
		}
	case sent:
		variables := variablesOf(r.Header)
		return newSession(roleOr(variables, AdminRole), variables, true)
	case a.webhook != nil:
		return a.webhook.resolve(ctx, r, time.Now())
	case len(a.issuers) > 0:
		return a.byToken(r.Header, time.Now())
	case a.unauthorizedRole != "":
		return a.unauthorized(r.Header)
	}
	return nil, &Error{
		Status: http.StatusUnauthorized, Code: codeAccessDenied,
		Message: fmt.Sprintf("%q/%q required, but not found", AdminSecretHeader, AccessKeyHeader),
	}
}

// unauthorized is the session of a request that shows nothing.
func (a *Authenticator) unauthorized(h http.Header) (*Session, *Error) {
	return newSession(a.unauthorizedRole, variablesOf(h), false)
}

// isSecret compares with every secret; hashing first makes the time independent
// of the lengths, and no match ends it early.
func (a *Authenticator) isSecret(text string) bool {
	sum := sha256.Sum256([]byte(text))
	found := 0
	for i := range a.secrets {
		found |= subtle.ConstantTimeCompare(sum[:], a.secrets[i][:])
	}
	return found == 1
}

// secretOf gives the first secret header's value and whether there is one.
func secretOf(h http.Header) (string, bool) {
	for _, name := range []string{AdminSecretHeader, AccessKeyHeader} {
		if v, ok := h[http.CanonicalHeaderKey(name)]; ok && len(v) > 0 {
			return v[0], true
		}
	}
	return "", false
}

func variablesOf(h http.Header) map[string]string {
	out := make(map[string]string)
	for name, values := range h {
		name = strings.ToLower(name)
		if strings.HasPrefix(name, variablePrefix) && len(values) > 0 {
			out[name] = values[0]
		}
	}
	return out
}

func roleOr(variables map[string]string, otherwise string) string {
	if r, ok := variables[RoleHeader]; ok && r != "" {
		return r
	}
	return otherwise
}

// newSession makes a session of a role.
// Trusted callers may see fields that are for backends only.
func newSession(role string, variables map[string]string, trusted bool) (*Session, *Error) {
	s := &Session{Role: role, Variables: variables}
	if v, ok := variables[BackendOnlyHeader]; ok && trusted {
		use, err := parseBool(v)
		if err != nil {
			return nil, &Error{Status: http.StatusBadRequest, Code: "bad-request", Message: BackendOnlyHeader + ": " + err.Error()}
		}
		s.BackendOnly = use
	}
	delete(variables, AdminSecretHeader)
	delete(variables, AccessKeyHeader)
	variables[RoleHeader] = role
	return s, nil
}

// As makes the session that an admin asks to see things as: the variables'
// names may be of any case, the role is among them or admin. Its errors are
// *Error.
func As(variables map[string]string) (*Session, error) {
	lower := make(map[string]string, len(variables)+1)
	for name, value := range variables {
		name = strings.ToLower(name)
		if !strings.HasPrefix(name, variablePrefix) {
			continue
		}
		if _, twice := lower[name]; twice {
			return nil, refused("bad-request", "the session variable %q is given more than once", name)
		}
		lower[name] = value
	}
	s, err := newSession(roleOr(lower, AdminRole), lower, true)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func parseBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "true", "t", "yes", "y":
		return true, nil
	case "false", "f", "no", "n":
		return false, nil
	}
	return false, &Error{Message: `Not a valid boolean text. True values are ["true","t","yes","y"] and  False values are ["false","f","no","n"]. All values are case insensitive`}
}
