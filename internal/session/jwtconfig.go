package session

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The claims that say which roles a token may have.
const (
	allowedRolesClaim = "x-hasura-allowed-roles"
	defaultRoleClaim  = "x-hasura-default-role"
)

const (
	defaultClaimsNamespace = "https://hasura.io/jwt/claims"
	formatJSON             = "json"
	formatStringified      = "stringified_json"
)

// JWTConfig says how one issuer's tokens are checked and read.
type JWTConfig struct {
	// key checks signatures; nil: the keys at jwkURL do.
	key    any
	jwkURL string
	// algorithm is the one that key checks.
	algorithm string

	namespace     string
	namespacePath []step
	// path is namespacePath as written.
	path      string
	format    string
	claimsMap map[string]mappedClaim
	audience  []string
	issuer    string
	skew      time.Duration
	header    tokenHeader
}

// mappedClaim is an entry of claims_map: a value, or a path with a default.
type mappedClaim struct {
	literal  any
	path     []step
	byPath   bool
	fallback any
	hasDeflt bool
	text     json.RawMessage
}

// tokenHeader is where requests carry their token.
type tokenHeader struct {
	kind string
	// name is the cookie's or the header's.
	name string
}

const (
	headerAuthorization = "Authorization"
	headerCookie        = "Cookie"
	headerCustom        = "CustomHeader"
)

// jwtJSON is the configuration as written.
type jwtJSON struct {
	Type          string                     `json:"type"`
	Key           *string                    `json:"key"`
	JWKURL        *string                    `json:"jwk_url"`
	Namespace     *string                    `json:"claims_namespace"`
	NamespacePath *string                    `json:"claims_namespace_path"`
	Format        *string                    `json:"claims_format"`
	Audience      json.RawMessage            `json:"audience"`
	Issuer        *string                    `json:"issuer"`
	ClaimsMap     map[string]json.RawMessage `json:"claims_map"`
	AllowedSkew   *float64                   `json:"allowed_skew"`
	Header        json.RawMessage            `json:"header"`
}

// ParseJWTSecret reads one JWT configuration.
func ParseJWTSecret(text string) (*JWTConfig, error) {
	var j jwtJSON
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return nil, errors.New("JWT secret: expected a JSON object such as {\"type\":\"HS256\",\"key\":\"…\"}: " + withoutValue(err))
	}
	out, err := j.config()
	if err != nil {
		return nil, fmt.Errorf("JWT secret: %w", err)
	}
	return out, nil
}

// ParseJWTSecrets reads a list of JWT configurations.
func ParseJWTSecrets(text string) ([]*JWTConfig, error) {
	var list []json.RawMessage
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, errors.New("JWT secrets: expected a JSON list of objects: " + withoutValue(err))
	}
	out := make([]*JWTConfig, 0, len(list))
	for i, item := range list {
		c, err := ParseJWTSecret(string(item))
		if err != nil {
			return nil, fmt.Errorf("number %d: %w", i+1, err)
		}
		out = append(out, c)
	}
	return out, nil
}

// withoutValue describes a JSON fault without showing any of the text, which
// may be secret.
func withoutValue(err error) string {
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Sprintf("%q can't be a %s", kind.Field, strings.Fields(kind.Value + " ")[0])
	}
	return "it is not valid JSON"
}

// maxSkew bounds allowed_skew, in seconds: a century, far beyond any clock.
const maxSkew = 100 * 366 * 24 * 3600

func (j *jwtJSON) config() (*JWTConfig, error) {
	c := &JWTConfig{namespace: defaultClaimsNamespace, format: formatJSON}
	if (j.Key == nil) == (j.JWKURL == nil) {
		return nil, errors.New(`exactly one of "key" and "jwk_url" must be given`)
	}
	var err error
	if j.Key != nil {
		if j.Type == "" {
			return nil, errors.New(`"type" is needed beside "key"`)
		}
		if c.key, err = readKey(j.Type, *j.Key); err != nil {
			return nil, err
		}
		if c.algorithm = j.Type; j.Type == "Ed25519" {
			c.algorithm = "EdDSA"
		}
	} else {
		u, err := url.Parse(*j.JWKURL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, errors.New(`"jwk_url" is not an http or https URL`)
		}
		c.jwkURL = *j.JWKURL
	}
	if j.AllowedSkew != nil {
		if *j.AllowedSkew < 0 || *j.AllowedSkew > maxSkew {
			return nil, fmt.Errorf(`"allowed_skew" must be between 0 and %d`, int(maxSkew))
		}
		c.skew = time.Duration(*j.AllowedSkew * float64(time.Second))
	}
	if j.Issuer != nil {
		c.issuer = *j.Issuer
	}
	for _, read := range []func(*JWTConfig) error{j.readNamespace, j.readAudience, j.readHeader, j.readClaimsMap} {
		if err := read(c); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (j *jwtJSON) readNamespace(c *JWTConfig) error {
	if j.Namespace != nil && j.NamespacePath != nil {
		return errors.New(`"claims_namespace" and "claims_namespace_path" exclude each other`)
	}
	if j.Namespace != nil {
		c.namespace = *j.Namespace
	}
	if j.NamespacePath != nil {
		path, err := parsePath(*j.NamespacePath)
		if err != nil {
			return fmt.Errorf(`"claims_namespace_path": %w`, err)
		}
		c.path, c.namespacePath, c.namespace = *j.NamespacePath, path, ""
	}
	if j.Format != nil {
		if *j.Format != formatJSON && *j.Format != formatStringified {
			return errors.New(`"claims_format" must be "json" or "stringified_json"`)
		}
		c.format = *j.Format
	}
	return nil
}

func (j *jwtJSON) readAudience(c *JWTConfig) error {
	if isNull(j.Audience) {
		return nil
	}
	var one string
	if json.Unmarshal(j.Audience, &one) == nil {
		c.audience = []string{one}
		return nil
	}
	if err := json.Unmarshal(j.Audience, &c.audience); err != nil || len(c.audience) == 0 {
		return errors.New(`"audience" must be a string or a list of strings`)
	}
	return nil
}

func isNull(text json.RawMessage) bool {
	return len(text) == 0 || bytes.Equal(bytes.TrimSpace(text), []byte("null"))
}

func (j *jwtJSON) readHeader(c *JWTConfig) error {
	c.header = tokenHeader{kind: headerAuthorization}
	if isNull(j.Header) {
		return nil
	}
	text := []byte(j.Header)
	var quoted string
	if json.Unmarshal(text, &quoted) == nil {
		text = []byte(quoted)
	}
	var header struct {
		Type string `json:"type"`
		Name string `json:"name"`
	}
	if err := json.Unmarshal(text, &header); err != nil {
		return errors.New(`"header" must be an object with a "type"`)
	}
	switch header.Type {
	case headerAuthorization:
		header.Name = ""
	case headerCookie, headerCustom:
		if header.Name == "" {
			return fmt.Errorf(`"header" of type %q needs a "name"`, header.Type)
		}
	default:
		return errors.New(`the "type" of "header" must be "Authorization", "Cookie" or "CustomHeader"`)
	}
	c.header = tokenHeader{kind: header.Type, name: header.Name}
	return nil
}

func (j *jwtJSON) readClaimsMap(c *JWTConfig) error {
	if j.ClaimsMap == nil {
		return nil
	}
	c.claimsMap = make(map[string]mappedClaim, len(j.ClaimsMap))
	for name, text := range j.ClaimsMap {
		lower := strings.ToLower(name)
		if !strings.HasPrefix(lower, variablePrefix) {
			return fmt.Errorf(`"claims_map": %q does not begin with %s`, name, variablePrefix)
		}
		if _, twice := c.claimsMap[lower]; twice {
			return fmt.Errorf(`"claims_map": %q is given in more than one spelling`, lower)
		}
		claim, err := readMappedClaim(text)
		if err != nil {
			return fmt.Errorf(`"claims_map": %q: %w`, name, err)
		}
		c.claimsMap[lower] = claim
	}
	for _, name := range []string{allowedRolesClaim, defaultRoleClaim} {
		if _, ok := c.claimsMap[name]; !ok {
			return fmt.Errorf(`"claims_map" must have %q`, name)
		}
	}
	return nil
}

func readMappedClaim(text json.RawMessage) (mappedClaim, error) {
	out := mappedClaim{text: text}
	value, err := decodeJSON(text)
	if err != nil {
		return out, err
	}
	switch v := value.(type) {
	case string, []any:
		out.literal = v
		return out, nil
	case map[string]any:
		path, ok := v["path"].(string)
		if !ok {
			return out, errors.New(`expected a "path"`)
		}
		out.byPath = true
		out.fallback, out.hasDeflt = v["default"]
		out.hasDeflt = out.hasDeflt && out.fallback != nil
		out.path, err = parsePath(path)
		return out, err
	}
	return out, errors.New(`expected a string, a list or an object with a "path"`)
}

func decodeJSON(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var out any
	if err := d.Decode(&out); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more after the JSON value")
	}
	return out, nil
}

// readKey reads the key of a type of signature.
func readKey(kind, text string) (any, error) {
	least := map[string]int{"HS256": 32, "HS384": 48, "HS512": 64}
	if n, ok := least[kind]; ok {
		if len(text) < n {
			return nil, fmt.Errorf(`"key" is too short: %s needs at least %d bytes`, kind, n)
		}
		return []byte(text), nil
	}
	asymmetric := []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA"}
	if !slices.Contains(asymmetric, kind) {
		return nil, fmt.Errorf(`"type": %q is not supported; expected HS256, HS384, HS512, %s`, kind, strings.Join(asymmetric, ", "))
	}
	key, err := publicKey(text)
	if err != nil {
		return nil, err
	}
	return key, keyFits(kind, key)
}

func publicKey(text string) (crypto.PublicKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New(`"key" is not a PEM encoded public key or certificate`)
	}
	switch block.Type {
	case "CERTIFICATE":
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf(`"key" is not a certificate: %w`, err)
		}
		return certificate.PublicKey, nil
	case "RSA PUBLIC KEY":
		return x509.ParsePKCS1PublicKey(block.Bytes)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, errors.New(`"key" is not a public key`)
	}
	return key, nil
}

// leastRSA is the smallest modulus, in bits, that a signature is trusted with.
const leastRSA = 2048

func keyFits(kind string, key crypto.PublicKey) error {
	fits := false
	switch key := key.(type) {
	case *rsa.PublicKey:
		if fits = kind[0] == 'R' || kind[0] == 'P'; fits && key.N.BitLen() < leastRSA {
			return fmt.Errorf(`"key" is too short: RSA needs at least %d bits`, leastRSA)
		}
	case *ecdsa.PublicKey:
		fits = map[string]int{"ES256": 256, "ES384": 384, "ES512": 521}[kind] == key.Curve.Params().BitSize
	case ed25519.PublicKey:
		fits = kind[0] == 'E' && kind[1] == 'd'
	}
	if !fits {
		return fmt.Errorf(`"key" is not one for %s`, kind)
	}
	return nil
}
