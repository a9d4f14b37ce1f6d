package session

import (
	"errors"
	"net/http"
	"reflect"
	"testing"
)

func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

func TestResolve(t *testing.T) {
	t.Parallel()
	const secret = "s3cret"
	open, locked, guest := Config{}, Config{AdminSecrets: []string{secret}}, Config{AdminSecrets: []string{secret}, UnauthorizedRole: "guest"}
	for _, c := range []struct {
		name    string
		config  Config
		header  http.Header
		role    string
		backend bool
		vars    map[string]string
		message string
		status  int
	}{
		{name: "open, no headers", config: open, role: "admin", vars: map[string]string{"x-hasura-role": "admin"}},
		{
			name: "open, role and variables", config: open, header: header("X-Hasura-Role", "user", "X-Hasura-User-Id", "7", "Other", "x"),
			role: "user", vars: map[string]string{"x-hasura-role": "user", "x-hasura-user-id": "7"},
		},
		{
			name: "open, backend only", config: open, header: header("X-Hasura-Role", "user", "X-Hasura-Use-Backend-Only-Permissions", "True"),
			role: "user", backend: true, vars: map[string]string{"x-hasura-role": "user", "x-hasura-use-backend-only-permissions": "True"},
		},
		{
			name: "open, bad backend only", config: open, header: header("X-Hasura-Use-Backend-Only-Permissions", "maybe"), status: 400,
			message: `x-hasura-use-backend-only-permissions: Not a valid boolean text. True values are ["true","t","yes","y"] and  False values are ["false","f","no","n"]. All values are case insensitive`,
		},
		{name: "locked, none", config: locked, status: 401, message: `"x-hasura-admin-secret"/"x-hasura-access-key" required, but not found`},
		{name: "locked, wrong", config: locked, header: header("X-Hasura-Admin-Secret", "nope"), status: 401, message: `invalid "x-hasura-admin-secret"/"x-hasura-access-key"`},
		{name: "locked, empty", config: locked, header: header("X-Hasura-Admin-Secret", ""), status: 401, message: `invalid "x-hasura-admin-secret"/"x-hasura-access-key"`},
		{name: "locked, right", config: locked, header: header("X-Hasura-Admin-Secret", secret), role: "admin", vars: map[string]string{"x-hasura-role": "admin"}},
		{
			name: "locked, old header", config: locked, header: header("X-Hasura-Access-Key", secret, "x-hasura-role", "user"),
			role: "user", vars: map[string]string{"x-hasura-role": "user"},
		},
		{
			name: "guest, none", config: guest, header: header("X-Hasura-Role", "admin", "X-Hasura-Use-Backend-Only-Permissions", "true"),
			role: "guest", vars: map[string]string{"x-hasura-role": "guest", "x-hasura-use-backend-only-permissions": "true"},
		},
		{name: "guest, wrong", config: guest, header: header("X-Hasura-Admin-Secret", "nope"), status: 401, message: `invalid "x-hasura-admin-secret"/"x-hasura-access-key"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, err := New(t.Context(), c.config)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(a.Close)
			s, err := a.Resolve(t.Context(), Request{Header: c.header})
			if c.message != "" {
				var e *Error
				if !errors.As(err, &e) || e.Message != c.message || e.Status != c.status {
					t.Fatalf("error %v, want %d %q", err, c.status, c.message)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if s.Role != c.role || s.BackendOnly != c.backend || !reflect.DeepEqual(s.Variables, c.vars) {
				t.Errorf("got %+v", s)
			}
		})
	}
}

func TestUnauthorizedRoleNeedsSecret(t *testing.T) {
	t.Parallel()
	if _, err := New(t.Context(), Config{UnauthorizedRole: "guest"}); err == nil {
		t.Error("accepted")
	}
}

func TestAs(t *testing.T) {
	t.Parallel()
	s, err := As(map[string]string{"X-Hasura-Role": "user", "x-hasura-User-Id": "1", "X-Hasura-Admin-Secret": "q"})
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"x-hasura-role": "user", "x-hasura-user-id": "1"}; s.Role != "user" || !reflect.DeepEqual(s.Variables, want) {
		t.Errorf("got %+v", s)
	}
}
