package session

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"strings"
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
	// AdminSecret is required of requests; empty: everybody is trusted.
	AdminSecret string
	// UnauthorizedRole is the role of requests that carry no secret; empty: they
	// are refused.
	UnauthorizedRole string
}

// Authenticator resolves the session of requests.
type Authenticator struct {
	secret           [sha256.Size]byte
	hasSecret        bool
	unauthorizedRole string
}

// New makes an authenticator. The secret is kept as a hash.
func New(c Config) (*Authenticator, error) {
	if c.UnauthorizedRole != "" && c.AdminSecret == "" {
		return nil, fmt.Errorf("an unauthorized role (%q) needs an admin secret: without one every request is trusted", c.UnauthorizedRole)
	}
	return &Authenticator{
		secret:           sha256.Sum256([]byte(c.AdminSecret)),
		hasSecret:        c.AdminSecret != "",
		unauthorizedRole: c.UnauthorizedRole,
	}, nil
}

// HasSecret tells whether requests must carry a secret.
func (a *Authenticator) HasSecret() bool { return a.hasSecret }

// Resolve finds the session of a request by its headers. Its errors are *Error.
func (a *Authenticator) Resolve(h http.Header) (*Session, error) {
	variables := variablesOf(h)
	if !a.hasSecret {
		return newSession(roleOr(variables, AdminRole), variables, true)
	}
	secret, sent := secretOf(h)
	if !sent {
		if a.unauthorizedRole == "" {
			return nil, &Error{
				Status: http.StatusUnauthorized, Code: "access-denied",
				Message: fmt.Sprintf("%q/%q required, but not found", AdminSecretHeader, AccessKeyHeader),
			}
		}
		return newSession(a.unauthorizedRole, variables, false)
	}
	// Hashing first makes the comparison's time independent of the lengths.
	sum := sha256.Sum256([]byte(secret))
	if subtle.ConstantTimeCompare(sum[:], a.secret[:]) != 1 {
		return nil, &Error{
			Status: http.StatusUnauthorized, Code: "access-denied",
			Message: fmt.Sprintf("invalid %q/%q", AdminSecretHeader, AccessKeyHeader),
		}
	}
	return newSession(roleOr(variables, AdminRole), variables, true)
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
func newSession(role string, variables map[string]string, trusted bool) (*Session, error) {
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
		if strings.HasPrefix(name, variablePrefix) {
			lower[name] = value
		}
	}
	return newSession(roleOr(lower, AdminRole), lower, true)
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
