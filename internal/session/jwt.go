package session

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// The codes of errors about tokens.
const (
	codeInvalidJWT     = "invalid-jwt"
	codeInvalidHeaders = "invalid-headers"
	codeInvalidClaims  = "jwt-invalid-claims"
	codeMissingClaims  = "jwt-missing-role-claims"
	codeAccessDenied   = "access-denied"
)

func refused(code, format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Code: code, Message: fmt.Sprintf(format, args...)}
}

func unverified(format string, args ...any) *Error {
	return refused(codeInvalidJWT, "Could not verify JWT: "+format, args...)
}

// issuer checks the tokens of one configuration.
type issuer struct {
	*JWTConfig
	web *webKeys
}

// algorithms are those that keys of any kind check; which of them a token may
// use depends on the key.
func algorithms() []string {
	return []string{
		"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
	}
}

// token finds a request's token where the configuration says; "" for none.
func (t tokenHeader) token(h http.Header) (string, *Error) {
	switch t.kind {
	case headerCookie:
		for _, line := range h["Cookie"] {
			cookies, err := http.ParseCookie(line)
			if err != nil {
				continue
			}
			for _, c := range cookies {
				if c.Name == t.name {
					return c.Value, nil
				}
			}
		}
		return "", nil
	case headerCustom:
		return strings.TrimSpace(h.Get(t.name)), nil
	}
	values, ok := h[headerAuthorization]
	if !ok || len(values) == 0 {
		return "", nil
	}
	words := strings.Fields(values[0])
	if len(words) != 2 || !strings.EqualFold(words[0], "Bearer") {
		return "", refused(codeInvalidHeaders, "Malformed Authorization header")
	}
	return words[1], nil
}

// candidate is a token with a configuration that may vouch for it.
type candidate struct {
	issuer *issuer
	token  string
}

// candidates pairs the tokens of a request with the configurations that look
// for them.
func (a *Authenticator) candidates(h http.Header) ([]candidate, *Error) {
	var out []candidate
	for _, i := range a.issuers {
		token, err := i.header.token(h)
		if err != nil {
			return nil, err
		}
		if token != "" {
			out = append(out, candidate{i, token})
		}
	}
	return out, nil
}

// byToken finds the session of a request that carries a token.
func (a *Authenticator) byToken(h http.Header, now time.Time) (*Session, *Error) {
	all, err := a.candidates(h)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		if a.unauthorizedRole != "" {
			return a.unauthorized(h)
		}
		return nil, refused(codeInvalidHeaders, "Missing 'Authorization' or 'Cookie' header in JWT authentication mode")
	}
	if len(all) > 1 {
		// Several configurations tell their tokens apart by the issuer.
		all = slices.DeleteFunc(all, func(c candidate) bool { return !c.issuer.mayVouch(c.token) })
		if len(all) == 0 {
			return nil, unverified("JWTNotInIssuer")
		}
	}
	var found []*Session
	var first *Error
	for _, c := range all {
		s, err := c.issuer.session(h, c.token, now)
		switch {
		case err == nil:
			found = append(found, s)
		case first == nil:
			first = err
		}
	}
	switch len(found) {
	case 0:
		return nil, first
	case 1:
		return found[0], nil
	}
	return nil, unverified("Multiple JWTs found")
}

// mayVouch tells whether a token may be of this issuer, by what it says itself.
func (i *issuer) mayVouch(token string) bool {
	if i.issuer == "" {
		return true
	}
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(token, claims); err != nil {
		return true // verification will say what is wrong
	}
	said, ok := claims["iss"].(string)
	return !ok || said == i.issuer
}

// session verifies a token and makes the session that it stands for.
func (i *issuer) session(h http.Header, token string, now time.Time) (*Session, *Error) {
	claims, err := i.verify(token)
	if err != nil {
		return nil, err
	}
	expires, err := i.valid(claims, now)
	if err != nil {
		return nil, err
	}
	own, err := i.claims(claims)
	if err != nil {
		return nil, err
	}
	s, err := sessionOfClaims(h, own)
	if err != nil {
		return nil, err
	}
	s.Expires = expires
	return s, nil
}

// verify checks a token's signature.
func (i *issuer) verify(token string) (jwt.MapClaims, *Error) {
	if parts := strings.Count(token, ".") + 1; parts != 3 {
		return nil, unverified("JWSError (CompactDecodeError Invalid number of parts: Expected 3 parts; got %d)", parts)
	}
	claims := jwt.MapClaims{}
	valid := algorithms()
	if i.key != nil {
		valid = []string{i.algorithm}
	}
	parser := jwt.NewParser(jwt.WithValidMethods(valid), jwt.WithoutClaimsValidation(), jwt.WithJSONNumber())
	noKeys := false
	parsed, err := parser.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		if i.key != nil {
			return i.key, nil
		}
		id, _ := t.Header["kid"].(string)
		keys := i.web.keys(id, t.Method.Alg())
		if noKeys = len(keys) == 0; noKeys {
			return nil, jwt.ErrTokenUnverifiable
		}
		set := jwt.VerificationKeySet{}
		for _, k := range keys {
			set.Keys = append(set.Keys, k)
		}
		return set, nil
	})
	switch {
	case err == nil:
		if _, critical := parsed.Header["crit"]; critical {
			// What the issuer wants to be understood changes what the token says.
			return nil, unverified("JWSError (JSONDecodeError \"Error in $.crit: extensions that are not known here\")")
		}
		return claims, nil
	case noKeys:
		return nil, unverified("JWSError NoUsableKeys")
	case errors.Is(err, jwt.ErrTokenMalformed):
		if claimsAreFaulty(token) {
			return nil, unverified("JWTClaimsSetDecodeError \"Error in $: not a set of claims\"")
		}
		return nil, unverified("JWSError (JSONDecodeError \"Error in $: not a valid token\")")
	case algorithmOf(token) == "none":
		return nil, unverified("JWSError JWSNoSignatures")
	}
	return nil, unverified("JWSError JWSInvalidSignature")
}

func partOf(token string, n int) map[string]any {
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[n])
	if err != nil {
		return nil
	}
	var out map[string]any
	if json.Unmarshal(text, &out) != nil {
		return nil
	}
	return out
}

func claimsAreFaulty(token string) bool { return partOf(token, 0) != nil && partOf(token, 1) == nil }

func algorithmOf(token string) string {
	name, _ := partOf(token, 0)["alg"].(string)
	return name
}

// valid checks what a token says about itself, and gives when it expires.
func (i *issuer) valid(claims jwt.MapClaims, now time.Time) (time.Time, *Error) {
	var expires time.Time
	broken := func(name string) *Error {
		return unverified("JWTClaimsSetDecodeError \"Error in $.%s: not of its type\"", name)
	}
	exp, ok := dateOf(claims["exp"])
	if !ok {
		return expires, broken("exp")
	}
	iat, ok := dateOf(claims["iat"])
	if !ok {
		return expires, broken("iat")
	}
	nbf, ok := dateOf(claims["nbf"])
	if !ok {
		return expires, broken("nbf")
	}
	said, err := claims.GetIssuer()
	if err != nil {
		return expires, broken("iss")
	}
	audience, err := claims.GetAudience()
	if err != nil {
		return expires, broken("aud")
	}
	if exp != nil {
		if expires = *exp; !now.Before(expires.Add(i.skew)) {
			return expires, unverified("JWTExpired")
		}
	}
	switch {
	case iat != nil && now.Add(i.skew).Before(*iat):
		return expires, unverified("JWTIssuedAtFuture")
	case nbf != nil && now.Add(i.skew).Before(*nbf):
		return expires, unverified("JWTNotYetValid")
	case i.issuer != "" && said != "" && said != i.issuer:
		return expires, unverified("JWTNotInIssuer")
	case len(i.audience) > 0 && !slices.ContainsFunc(audience, func(a string) bool { return slices.Contains(i.audience, a) }):
		return expires, unverified("JWTNotInAudience")
	}
	return expires, nil
}

// dateOf reads a date as tokens have it, seconds since 1970; nil for none, false
// if the claim is something else. What lies beyond the years that a time can
// hold is as far as it can: never here, or long over.
func dateOf(claim any) (*time.Time, bool) {
	if claim == nil {
		return nil, true
	}
	number, ok := claim.(json.Number)
	if !ok {
		return nil, false
	}
	const lastSecond = 253402300799 // of the year 9999
	seconds, err := number.Float64()
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return nil, false
	}
	seconds = min(max(seconds, -lastSecond), lastSecond)
	whole, part := math.Modf(seconds)
	at := time.Unix(int64(whole), int64(part*float64(time.Second)))
	return &at, true
}
