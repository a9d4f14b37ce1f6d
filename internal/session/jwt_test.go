package session

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
)

const (
	hmacKey = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	hsaved  = `{"type":"HS256","key":"` + hmacKey + `"`
)

func roles() map[string]any {
	return map[string]any{
		"x-hasura-allowed-roles": []string{"user", "editor"}, "X-Hasura-Default-Role": "user", "x-hasura-User-Id": "7",
	}
}

func tokenOf(t *testing.T, method jwt.SigningMethod, key any, claims map[string]any) string {
	t.Helper()
	text, err := jwt.NewWithClaims(method, jwt.MapClaims(claims)).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func usual(t *testing.T, more map[string]any) string {
	t.Helper()
	claims := map[string]any{defaultClaimsNamespace: roles()}
	for k, v := range more {
		if claims[k] = v; v == nil {
			delete(claims, k)
		}
	}
	return tokenOf(t, jwt.SigningMethodHS256, []byte(hmacKey), claims)
}

func authenticator(t *testing.T, c Config, secrets ...string) *Authenticator {
	t.Helper()
	c.AdminSecrets = []string{"admin"}
	for _, text := range secrets {
		j, err := ParseJWTSecret(text)
		if err != nil {
			t.Fatal(err)
		}
		c.JWT = append(c.JWT, j)
	}
	a, err := New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

func pemOf(t *testing.T, key crypto.PublicKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func certificateOf(t *testing.T, key crypto.Signer) string {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "issuer"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestAlgorithms(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	otherRSA, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	curves := map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()}
	claims := map[string]any{defaultClaimsNamespace: roles()}
	check := func(kind, key string, method jwt.SigningMethod, signer any) {
		t.Helper()
		config, err := json.Marshal(map[string]string{"type": kind, "key": key})
		if err != nil {
			t.Fatal(err)
		}
		a := authenticator(t, Config{}, string(config))
		s, err := a.Resolve(t.Context(), Request{Header: header("Authorization", "Bearer "+tokenOf(t, method, signer, claims))})
		if err != nil || s.Role != "user" || s.Variables["x-hasura-user-id"] != "7" {
			t.Errorf("%s: %+v, %v", kind, s, err)
		}
		// A token signed by somebody else, or with the public key as a shared
		// secret, is refused.
		for _, bad := range []string{
			tokenOf(t, jwt.SigningMethodRS256, otherRSA, claims), tokenOf(t, jwt.SigningMethodHS256, []byte(key+"."), claims),
			tokenOf(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claims),
		} {
			if _, err := a.Resolve(t.Context(), Request{Header: header("Authorization", "Bearer "+bad)}); err == nil ||
				!strings.HasPrefix(err.Error(), "Could not verify JWT: JWSError JWS") {
				t.Errorf("%s: a forged token: %v", kind, err)
			}
		}
	}
	for _, kind := range []string{"HS256", "HS384", "HS512"} {
		check(kind, hmacKey, jwt.GetSigningMethod(kind), []byte(hmacKey))
	}
	for _, kind := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"} {
		check(kind, pemOf(t, &rsaKey.PublicKey), jwt.GetSigningMethod(kind), rsaKey)
		check(kind, certificateOf(t, rsaKey), jwt.GetSigningMethod(kind), rsaKey)
	}
	for kind, curve := range curves {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		check(kind, pemOf(t, &key.PublicKey), jwt.GetSigningMethod(kind), key)
	}
	check("Ed25519", pemOf(t, edKey.Public()), jwt.SigningMethodEdDSA, edKey)
}

// TestOtherAlgorithms: a key is for the algorithm that the configuration names,
// and what a token's header calls critical is not passed over.
func TestOtherAlgorithms(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	claims := map[string]any{defaultClaimsNamespace: roles()}
	public, err := json.Marshal(pemOf(t, &key.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	for config, other := range map[string]string{
		hsaved + "}": tokenOf(t, jwt.SigningMethodHS512, []byte(hmacKey), claims),
		`{"type":"RS256","key":` + string(public) + "}": tokenOf(t, jwt.SigningMethodRS512, key, claims),
		`{"type":"RS512","key":` + string(public) + "}": tokenOf(t, jwt.SigningMethodPS512, key, claims),
	} {
		a := authenticator(t, Config{}, config)
		if _, err := a.Resolve(t.Context(), Request{Header: header("Authorization", "Bearer "+other)}); err == nil ||
			err.Error() != "Could not verify JWT: JWSError JWSInvalidSignature" {
			t.Errorf("%.20s: %v", config, err)
		}
	}
	for _, critical := range []any{[]string{"exp"}, []string{"b64"}, []string{}, "x", nil} {
		token := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims(claims))
		token.Header["crit"] = critical
		text, err := token.SignedString([]byte(hmacKey))
		if err != nil {
			t.Fatal(err)
		}
		a := authenticator(t, Config{}, hsaved+"}")
		if _, err := a.Resolve(t.Context(), Request{Header: header("Authorization", "Bearer "+text)}); err == nil ||
			err.Error() != `Could not verify JWT: JWSError (JSONDecodeError "Error in $.crit: extensions that are not known here")` {
			t.Errorf("crit %v: %v", critical, err)
		}
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	now := time.Now()
	namespaced := func(claims map[string]any) map[string]any { return map[string]any{defaultClaimsNamespace: claims} }
	const mapped = hsaved + `,"claims_map":{"x-hasura-allowed-roles":{"path":"$.realm['all roles'][*].name"},` +
		`"X-Hasura-Default-Role":{"path":"$.role","default":"user"},"x-hasura-org":"acme","x-hasura-user-id":{"path":"$.sub"}}}`
	for _, c := range []struct {
		name    string
		config  string
		guest   bool
		claims  map[string]any
		header  []string
		role    string
		vars    map[string]string
		code    string
		message string
	}{
		{name: "usual", role: "user", vars: map[string]string{"x-hasura-role": "user", "x-hasura-user-id": "7"}},
		{name: "another role, other headers ignored", header: []string{"X-Hasura-Role", "editor", "X-Hasura-User-Id", "1"}, role: "editor", vars: map[string]string{"x-hasura-role": "editor", "x-hasura-user-id": "7"}},
		{name: "a role not allowed", header: []string{"X-Hasura-Role", "admin"}, code: "access-denied", message: "Your requested role is not in allowed roles"},
		{name: "backend only is not a token's to say", header: []string{"X-Hasura-Use-Backend-Only-Permissions", "true"}, role: "user"},
		{name: "default role not allowed", claims: namespaced(map[string]any{"x-hasura-allowed-roles": []string{"a"}, "x-hasura-default-role": "b"}), code: "access-denied", message: "Your current role is not in allowed roles"},
		{name: "expired", claims: map[string]any{"exp": now.Add(-time.Minute).Unix()}, code: "invalid-jwt", message: "Could not verify JWT: JWTExpired"},
		{name: "expired within the skew", config: `,"allowed_skew":90`, claims: map[string]any{"exp": now.Add(-time.Minute).Unix()}, role: "user"},
		{name: "not yet", claims: map[string]any{"nbf": now.Add(time.Minute).Unix()}, code: "invalid-jwt", message: "Could not verify JWT: JWTNotYetValid"},
		{name: "not for ages", claims: map[string]any{"nbf": 1e300}, code: "invalid-jwt", message: "Could not verify JWT: JWTNotYetValid"},
		{name: "not for longer than numbers last", claims: map[string]any{"nbf": json.Number("1e999")}, code: "invalid-jwt", message: "Could not verify JWT: JWTNotYetValid"},
		{name: "issued in ages", claims: map[string]any{"iat": 1e300}, code: "invalid-jwt", message: "Could not verify JWT: JWTIssuedAtFuture"},
		{name: "expired ages ago", claims: map[string]any{"exp": -1e300}, code: "invalid-jwt", message: "Could not verify JWT: JWTExpired"},
		{name: "good for ages", claims: map[string]any{"exp": 1e300, "nbf": -1e300, "iat": 1.5e9}, role: "user"},
		{name: "nbf no number", claims: map[string]any{"nbf": []any{}}, code: "invalid-jwt", message: `Could not verify JWT: JWTClaimsSetDecodeError "Error in $.nbf: not of its type"`},
		{name: "from the future", claims: map[string]any{"iat": now.Add(time.Minute).Unix()}, code: "invalid-jwt", message: "Could not verify JWT: JWTIssuedAtFuture"},
		{name: "audience", config: `,"audience":["a","b"]`, claims: map[string]any{"aud": []string{"c", "b"}}, role: "user"},
		{name: "another audience", config: `,"audience":"a"`, claims: map[string]any{"aud": "c"}, code: "invalid-jwt", message: "Could not verify JWT: JWTNotInAudience"},
		{name: "no audience", config: `,"audience":"a"`, code: "invalid-jwt", message: "Could not verify JWT: JWTNotInAudience"},
		{name: "issuer", config: `,"issuer":"i"`, claims: map[string]any{"iss": "i"}, role: "user"},
		{name: "no issuer", config: `,"issuer":"i"`, role: "user"},
		{name: "another issuer", config: `,"issuer":"i"`, claims: map[string]any{"iss": "j"}, code: "invalid-jwt", message: "Could not verify JWT: JWTNotInIssuer"},
		{name: "faulty exp", claims: map[string]any{"exp": "soon"}, code: "invalid-jwt", message: `Could not verify JWT: JWTClaimsSetDecodeError "Error in $.exp: not of its type"`},
		{name: "no namespace", claims: map[string]any{defaultClaimsNamespace: nil}, code: "jwt-invalid-claims", message: "claims key: 'https://hasura.io/jwt/claims' not found"},
		{name: "namespace path", config: `,"claims_namespace_path":"$.a['b']"`, claims: map[string]any{"a": map[string]any{"b": roles()}}, role: "user"},
		{name: "namespace path to the root", config: `,"claims_namespace_path":"$"`, claims: roles(), role: "user"},
		{name: "namespace path to nothing", config: `,"claims_namespace_path":"$.x"`, code: "jwt-invalid-claims", message: "claims not found at claims_namespace_path: '$.x'"},
		{name: "stringified", config: `,"claims_format":"stringified_json"`, claims: map[string]any{defaultClaimsNamespace: `{"x-hasura-allowed-roles":["user"],"x-hasura-default-role":"user"}`}, role: "user"},
		{name: "not stringified", config: `,"claims_format":"stringified_json"`, code: "jwt-invalid-claims", message: "expecting a string when claims_format is stringified_json"},
		{name: "stringified unasked", claims: map[string]any{defaultClaimsNamespace: `{}`}, code: "jwt-invalid-claims", message: "expecting a json object when claims_format is json"},
		{name: "no allowed roles", claims: namespaced(map[string]any{}), code: "jwt-missing-role-claims", message: "JWT claim does not contain x-hasura-allowed-roles"},
		{name: "no default role", claims: namespaced(map[string]any{"x-hasura-allowed-roles": []string{"user"}}), code: "jwt-missing-role-claims", message: "JWT claim does not contain x-hasura-default-role"},
		{name: "allowed roles no list", claims: namespaced(map[string]any{"x-hasura-allowed-roles": "user"}), code: "jwt-invalid-claims", message: "invalid x-hasura-allowed-roles; should be a list of roles: parsing [] failed, expected Array, but encountered String"},
		{name: "claims that differ in case", claims: namespaced(map[string]any{"x-hasura-allowed-roles": []string{"user"}, "x-hasura-default-role": "user", "X-Hasura-Allowed-Roles": []string{"admin"}}), code: "jwt-invalid-claims", message: "the claim x-hasura-allowed-roles is given in more than one spelling"},
		{name: "claim no string", claims: namespaced(map[string]any{"x-hasura-allowed-roles": []string{"user"}, "x-hasura-default-role": "user", "x-hasura-n": 1}), code: "jwt-invalid-claims", message: "x-hasura-* claims: parsing Text failed, expected String, but encountered Number"},
		{
			name: "claims map", config: strings.TrimSuffix(strings.TrimPrefix(mapped, hsaved), "}"),
			claims: map[string]any{"sub": "9", "realm": map[string]any{"all roles": []any{map[string]any{"name": "user"}, map[string]any{"name": "x"}}}},
			role:   "user", vars: map[string]string{"x-hasura-role": "user", "x-hasura-org": "acme", "x-hasura-user-id": "9"},
		},
		{
			name: "claims map, no claim", config: strings.TrimSuffix(strings.TrimPrefix(mapped, hsaved), "}"),
			code: "jwt-invalid-claims", message: "JWT claim from claims_map, x-hasura-user-id not found",
		},
		{name: "cookie", config: `,"header":{"type":"Cookie","name":"session"}`, header: []string{"Authorization", "", "Cookie", "a=b; session=$TOKEN"}, role: "user"},
		{name: "custom header", config: `,"header":"{\"type\":\"CustomHeader\",\"name\":\"x-jwt\"}"`, header: []string{"Authorization", "", "X-Jwt", "$TOKEN"}, role: "user"},
		{name: "malformed", header: []string{"Authorization", "Basic abc"}, code: "invalid-headers", message: "Malformed Authorization header"},
		{name: "none", header: []string{"Authorization", ""}, code: "invalid-headers", message: "Missing 'Authorization' or 'Cookie' header in JWT authentication mode"},
		{name: "none, with a guest role", guest: true, header: []string{"Authorization", "", "X-Hasura-Role", "admin"}, role: "guest"},
		{name: "not a token", header: []string{"Authorization", "Bearer abc"}, code: "invalid-jwt", message: "Could not verify JWT: JWSError (CompactDecodeError Invalid number of parts: Expected 3 parts; got 1)"},
		{name: "the secret goes first", header: []string{"Authorization", "Bearer abc", "X-Hasura-Admin-Secret", "admin"}, role: "admin"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			config := Config{}
			if c.guest {
				config.UnauthorizedRole = "guest"
			}
			a := authenticator(t, config, hsaved+c.config+"}")
			token := usual(t, c.claims)
			h := header("Authorization", "Bearer "+token)
			for i := 0; i < len(c.header); i += 2 {
				if c.header[i+1] == "" {
					h.Del(c.header[i])
				} else {
					h.Set(c.header[i], strings.ReplaceAll(c.header[i+1], "$TOKEN", token))
				}
			}
			s, failure := a.resolve(t.Context(), Request{Header: h})
			if c.message != "" {
				if failure == nil || failure.Code != c.code || failure.Message != c.message || failure.Status != http.StatusBadRequest {
					t.Fatalf("%+v, want %s %q", failure, c.code, c.message)
				}
				return
			}
			if failure != nil {
				t.Fatal(failure)
			}
			if s.Role != c.role || s.BackendOnly || c.vars != nil && !reflect.DeepEqual(s.Variables, c.vars) {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestSeveralIssuers(t *testing.T) {
	t.Parallel()
	second := strings.Repeat("z", 32)
	a := authenticator(t, Config{}, hsaved+`,"issuer":"one"}`, `{"type":"HS256","key":"`+second+`","issuer":"two"}`,
		hsaved+`,"header":{"type":"Cookie","name":"c"}}`)
	signed := func(key, issuer string) string {
		return tokenOf(t, jwt.SigningMethodHS256, []byte(key), map[string]any{"iss": issuer, defaultClaimsNamespace: roles(), "exp": time.Now().Add(time.Hour).Unix()})
	}
	for _, c := range []struct{ token, cookie, message string }{
		{token: signed(hmacKey, "one")},
		{token: signed(second, "two")},
		{cookie: signed(hmacKey, "any")},
		{token: signed(hmacKey, "two"), message: "Could not verify JWT: JWSError JWSInvalidSignature"},
		{token: signed(hmacKey, "three"), message: "Could not verify JWT: JWTNotInIssuer"},
		{token: signed(hmacKey, "one"), cookie: signed(hmacKey, "any"), message: "Could not verify JWT: Multiple JWTs found"},
	} {
		h := http.Header{}
		if c.token != "" {
			h.Set("Authorization", "Bearer "+c.token)
		}
		if c.cookie != "" {
			h.Set("Cookie", "c="+c.cookie)
		}
		s, err := a.Resolve(t.Context(), Request{Header: h})
		if c.message == "" && (err != nil || s.Expires.IsZero()) || c.message != "" && (err == nil || err.Error() != c.message) {
			t.Errorf("%+v, %v; want %q", s, err, c.message)
		}
	}
}

func TestFaultyConfigurations(t *testing.T) {
	t.Parallel()
	for text, message := range map[string]string{
		`x`: "it is not valid JSON", `{}`: `exactly one of "key" and "jwk_url"`, `{"key":"k"}`: `"type" is needed`,
		`{"type":"HS256","key":"sesame"}`: "HS256 needs at least 32 bytes", `{"type":"XX","key":"sesame"}`: `"XX" is not supported`,
		`{"type":"RS256","key":"sesame"}`: "not a PEM encoded", `{"jwk_url":"sesame"}`: "not an http or https URL",
		hsaved + `,"claims_namespace":"a","claims_namespace_path":"$"}`: "exclude each other",
		hsaved + `,"claims_namespace_path":"a"}`:                        "expected a JSON path",
		hsaved + `,"claims_namespace_path":"$.a["}`:                     "expected a JSON path",
		hsaved + `,"claims_format":"xml"}`:                              `must be "json" or "stringified_json"`,
		hsaved + `,"audience":7}`:                                       `"audience" must be`,
		hsaved + `,"header":{"type":"Cookie"}}`:                         `needs a "name"`,
		hsaved + `,"header":{"type":"Query"}}`:                          `"type" of "header"`,
		hsaved + `,"claims_map":{"x-hasura-default-role":"a"}}`:         `must have "x-hasura-allowed-roles"`,
		hsaved + `,"allowed_skew":"x"}`:                                 `"allowed_skew" can't be a string`,
	} {
		if _, err := ParseJWTSecret(text); err == nil || !strings.Contains(err.Error(), message) || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: %v, want %q", text, err, message)
		}
	}
}

func TestWebKeys(t *testing.T) {
	t.Parallel()
	first, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	second, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var served atomic.Pointer[jose.JSONWebKeySet]
	served.Store(&jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &first.PublicKey, KeyID: "1", Algorithm: "RS256", Use: "sig"}}})
	var down atomic.Bool
	down.Store(true)
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			http.Error(w, "no", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Cache-Control", "public, max-age=1")
		if err := json.NewEncoder(w).Encode(served.Load()); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(issuer.Close)
	a := authenticator(t, Config{}, `{"jwk_url":"`+issuer.URL+`"}`)
	claims := map[string]any{defaultClaimsNamespace: roles()}
	ask := func(text string) error {
		_, err := a.Resolve(t.Context(), Request{Header: header("Authorization", "Bearer "+text)})
		return err
	}
	await := func(text string) {
		t.Helper()
		deadline := time.Now().Add(10 * time.Second)
		for ask(text) != nil {
			if time.Now().After(deadline) {
				t.Fatal(ask(text))
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	old, next := tokenOf(t, jwt.SigningMethodRS256, first, claims), tokenOf(t, jwt.SigningMethodES256, second, claims)
	if err := ask(old); err == nil || err.Error() != "Could not verify JWT: JWSError NoUsableKeys" {
		t.Errorf("without keys: %v", err)
	}
	down.Store(false)
	await(old)
	if err := ask(tokenOf(t, jwt.SigningMethodPS256, first, claims)); err == nil {
		t.Error("another algorithm than the key's was accepted")
	}
	served.Store(&jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &second.PublicKey, KeyID: "2"}}})
	await(next)
	if ask(old) == nil {
		t.Error("a key that is gone still counts")
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	now := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		control, expires string
		want             time.Duration
		fault            bool
	}{
		{},
		{control: "no-store", want: time.Minute},
		{control: "max-age=300, must-revalidate", want: 5 * time.Minute},
		{control: "public, must-revalidate", expires: "Mon, 01 Jan 2024 00:00:10 GMT", want: time.Minute},
		{control: "no-cache, must-revalidate, max-age=20", want: 20 * time.Second},
		{control: "public, s-maxage=20", want: 20 * time.Second},
		{control: "max-age=0", want: time.Minute},
		{control: "public", expires: "Mon, 01 Jan 2024 00:00:10 GMT", want: 10 * time.Second},
		{expires: "Sun, 31 Dec 2023 00:00:10 GMT", want: time.Minute},
		{expires: "tomorrow", fault: true},
		{control: "max-age=x", fault: true},
	} {
		h := http.Header{}
		if c.control != "" {
			h.Set("Cache-Control", c.control)
		}
		if c.expires != "" {
			h.Set("Expires", c.expires)
		}
		if got, err := expiry(h, now); got != c.want || (err != nil) != c.fault {
			t.Errorf("%+v: %v, %v", c, got, err)
		}
	}
}

// TestWebhookCache asks a webhook again only when what it said is over, or the
// request is another.
func TestWebhookCache(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Header.Get("X-Token") == "cookie" {
			w.Header().Add("Set-Cookie", "a=b")
		}
		answer := map[string]string{"X-Hasura-Role": "user", "X-Hasura-Token": r.Header.Get("X-Token")}
		if v := r.Header.Get("X-Control"); v != "" {
			answer["Cache-Control"] = v
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(hook.Close)
	now := time.Now()
	for _, c := range []struct {
		post  bool
		again Request
		first Request
		after time.Duration
		asked int64
	}{
		{first: Request{Header: header("X-Token", "1", "X-Control", "max-age=60", "X-Request-Id", "a", "Accept", "a")}, again: Request{Header: header("X-Token", "1", "X-Control", "max-age=60", "X-Request-Id", "b", "Accept", "b")}, asked: 1},
		{first: Request{Header: header("X-Control", "max-age=60")}, again: Request{Header: header("X-Control", "max-age=60")}, after: time.Minute, asked: 2},
		{first: Request{Header: header("X-Token", "1", "X-Control", "max-age=60")}, again: Request{Header: header("X-Token", "2", "X-Control", "max-age=60")}, asked: 2},
		{first: Request{Header: header("X-Control", "no-cache, max-age=60")}, again: Request{Header: header("X-Control", "no-cache, max-age=60")}, asked: 2},
		{first: Request{Header: header()}, again: Request{Header: header()}, asked: 2},
		{first: Request{Header: header("X-Token", "cookie", "X-Control", "max-age=60")}, again: Request{Header: header("X-Token", "cookie", "X-Control", "max-age=60")}, asked: 2},
		{post: true, first: Request{Header: header("X-Control", "max-age=60"), Operation: runs("1")}, again: Request{Header: header("X-Control", "max-age=60"), Operation: runs("2")}, asked: 2},
	} {
		asked.Store(0)
		a := authenticator(t, Config{Webhook: &WebhookConfig{URL: hook.URL, Post: c.post, SendRequestBody: true}})
		first, failure := a.webhook.resolve(t.Context(), c.first, now)
		if failure != nil {
			t.Fatal(failure)
		}
		first.Variables["x-hasura-role"] = "changed"
		again, failure := a.webhook.resolve(t.Context(), c.again, now.Add(c.after))
		if failure != nil {
			t.Fatal(failure)
		}
		if again.Role != "user" || again.Variables["x-hasura-role"] != "user" || again.Variables["x-hasura-token"] != c.again.Header.Get("X-Token") && !c.post {
			t.Errorf("%+v: %+v", c, again)
		}
		if asked.Load() != c.asked {
			t.Errorf("%+v: asked %d times", c, asked.Load())
		}
	}
	a := authenticator(t, Config{Webhook: &WebhookConfig{URL: hook.URL}})
	for i := range maxHookSessions + 5 {
		a.webhook.known.put(a.webhook.key(Request{Header: header("X-Token", strconv.Itoa(i))}, nil), &Session{Expires: now.Add(time.Hour)}, now)
	}
	if n := len(a.webhook.known.sessions); n > maxHookSessions {
		t.Errorf("%d sessions are kept", n)
	}
}

// runs is what is going to run, as a webhook is shown it.
func runs(text string) func() json.RawMessage {
	return func() json.RawMessage { return json.RawMessage(text) }
}

func TestWebhook(t *testing.T) {
	t.Parallel()
	var seen atomic.Pointer[http.Request]
	var body atomic.Pointer[map[string]any]
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.Store(r)
		if r.URL.Path == "/other" {
			_, _ = w.Write([]byte(`{"x-hasura-role":"user"}`))
			return
		}
		if r.Method == http.MethodPost {
			var sent map[string]any
			if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
				t.Error(err)
			}
			body.Store(&sent)
		}
		w.Header().Add("Set-Cookie", "a=b")
		switch token := r.Header.Get("X-Token"); token {
		case "bad":
			w.WriteHeader(http.StatusUnauthorized)
		case "broken":
			w.WriteHeader(http.StatusBadGateway)
		case "norole":
			_, _ = w.Write([]byte(`{"x-hasura-user-id":"1"}`))
		case "nonsense":
			_, _ = w.Write([]byte(`[]`))
		case "trailing":
			_, _ = w.Write([]byte(`{"x-hasura-role":"user"}}`))
		case "twice":
			_, _ = w.Write([]byte(`{"x-hasura-role":"user","X-Hasura-Role":"boss"}`))
		case "elsewhere":
			http.Redirect(w, r, "/other", http.StatusTemporaryRedirect)
		default:
			_, _ = w.Write([]byte(`{"X-Hasura-Role":"user","x-hasura-User-Id":"1","Cache-Control":"max-age=60","other":7}`))
		}
	}))
	t.Cleanup(hook.Close)
	a := authenticator(t, Config{Webhook: &WebhookConfig{URL: hook.URL}})
	for token, want := range map[string]Error{
		"bad":      {Status: 401, Code: "access-denied", Message: "Authentication hook unauthorized this request"},
		"broken":   {Status: 500, Code: "unexpected", Message: "Invalid response from authorization hook"},
		"nonsense": {Status: 500, Code: "unexpected", Message: "Invalid response from authorization hook"},
		"trailing": {Status: 500, Code: "unexpected", Message: "Invalid response from authorization hook"},
		"twice":    {Status: 500, Code: "unexpected", Message: "Invalid response from authorization hook"},
		// Were it followed, the other address would answer with a session.
		"elsewhere": {Status: 500, Code: "unexpected", Message: "Invalid response from authorization hook"},
		"norole":    {Status: 400, Code: "invalid-params", Message: `"x-hasura-role" not found in session variables`},
	} {
		if _, err := a.resolve(t.Context(), Request{Header: header("X-Token", token)}); err == nil || *err != want {
			t.Errorf("%s: %+v", token, err)
		}
	}
	s, failure := a.resolve(t.Context(), Request{Header: header("Cookie", "c=d", "Accept", "x/y", "Origin", "o", "X-Custom", "z", "X-Hasura-User-Id", "9")})
	if failure != nil || s.Role != "user" || s.Variables["x-hasura-user-id"] != "1" || len(s.Variables) != 2 ||
		time.Until(s.Expires) < 50*time.Second || len(s.SetCookies) != 1 {
		t.Fatalf("%+v, %+v", s, failure)
	}
	if h := seen.Load().Header; h.Get("Cookie") != "c=d" || h.Get("X-Custom") != "z" || h.Get("Accept") != "" || h.Get("Origin") != "" {
		t.Errorf("forwarded: %v", h)
	}
	if s, failure := a.resolve(t.Context(), Request{Header: header("X-Token", "bad", "X-Hasura-Admin-Secret", "admin")}); failure != nil || !s.Admin() {
		t.Errorf("the secret goes first: %+v %+v", s, failure)
	}

	a = authenticator(t, Config{Webhook: &WebhookConfig{URL: hook.URL, Post: true, SendRequestBody: true}})
	if _, failure := a.resolve(t.Context(), Request{Header: header("X-Custom", "z"), Operation: runs(`{"query":"{a}"}`)}); failure != nil {
		t.Fatal(failure)
	}
	want := map[string]any{"headers": map[string]any{"x-custom": "z"}, "request": map[string]any{"query": "{a}"}}
	if got := *body.Load(); !reflect.DeepEqual(got, want) {
		t.Errorf("posted %v", got)
	}
	hook.Close()
	if _, failure := a.resolve(t.Context(), Request{Header: header()}); failure == nil || failure.Status != 500 || failure.Message != "webhook authentication request failed" {
		t.Errorf("a hook that is down: %+v", failure)
	}
}

func TestExclusions(t *testing.T) {
	t.Parallel()
	j, err := ParseJWTSecret(hsaved + "}")
	if err != nil {
		t.Fatal(err)
	}
	hook := &WebhookConfig{URL: "http://localhost"}
	for _, c := range []Config{
		{JWT: []*JWTConfig{j}},
		{Webhook: hook},
		{AdminSecrets: []string{"a"}, JWT: []*JWTConfig{j}, Webhook: hook},
		{AdminSecrets: []string{"a"}, Webhook: hook, UnauthorizedRole: "guest"},
		{AdminSecrets: []string{""}},
		{AdminSecrets: []string{"a"}, Webhook: &WebhookConfig{URL: "nowhere"}},
	} {
		if _, err := New(context.Background(), c); err == nil {
			t.Errorf("accepted: %+v", c)
		}
	}
	a, err := New(t.Context(), Config{AdminSecrets: []string{"a", "b"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	for secret, right := range map[string]bool{"a": true, "b": true, "c": false} {
		if _, err := a.Resolve(t.Context(), Request{Header: header("X-Hasura-Admin-Secret", secret)}); (err == nil) != right {
			t.Errorf("%s: %v", secret, err)
		}
	}
}
