package session

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// claims finds what a token says about roles and session variables, by
// lower-case name.
func (c *JWTConfig) claims(token map[string]any) (map[string]any, *Error) {
	if c.claimsMap != nil {
		return c.mappedClaims(token)
	}
	var value any
	var ok bool
	if c.namespacePath != nil || c.path != "" {
		if value, ok = follow(token, c.namespacePath); !ok {
			return nil, refused(codeInvalidClaims, "claims not found at claims_namespace_path: '%s'", c.path)
		}
	} else if value, ok = token[c.namespace]; !ok {
		return nil, refused(codeInvalidClaims, "claims key: '%s' not found", c.namespace)
	}
	object, err := c.unpack(value)
	if err != nil {
		return nil, err
	}
	out := make(map[string]any, len(object))
	for name, v := range object {
		if name = strings.ToLower(name); !strings.HasPrefix(name, variablePrefix) {
			continue
		}
		if _, twice := out[name]; twice {
			return nil, refused(codeInvalidClaims, "the claim %s is given in more than one spelling", name)
		}
		out[name] = v
	}
	return out, nil
}

// unpack reads the claims in their format.
func (c *JWTConfig) unpack(value any) (map[string]any, *Error) {
	if c.format == formatStringified {
		text, ok := value.(string)
		if !ok {
			return nil, refused(codeInvalidClaims, "expecting a string when claims_format is stringified_json")
		}
		decoded, err := decodeJSON([]byte(text))
		if err != nil {
			return nil, refused(codeInvalidClaims, "expecting stringified json in the claims, but found what is not JSON")
		}
		if object, ok := decoded.(map[string]any); ok {
			return object, nil
		}
		return nil, refused(codeInvalidClaims, "expecting a json object in the stringified claims, but found %s", typeName(decoded))
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, refused(codeInvalidClaims, "expecting a json object when claims_format is json")
	}
	return object, nil
}

func (c *JWTConfig) mappedClaims(token map[string]any) (map[string]any, *Error) {
	out := make(map[string]any, len(c.claimsMap))
	for name, m := range c.claimsMap {
		value, ok := m.literal, true
		if m.byPath {
			if value, ok = follow(token, m.path); !ok {
				value, ok = m.fallback, m.hasDeflt
			}
		}
		switch {
		case ok:
			out[name] = value
		case name == allowedRolesClaim || name == defaultRoleClaim:
			// Missing ones are told of when they are read.
		default:
			return nil, refused(codeInvalidClaims, "JWT claim from claims_map, %s not found", name)
		}
	}
	return out, nil
}

// typeName is what JSON calls a value.
func typeName(v any) string {
	switch v.(type) {
	case nil:
		return "Null"
	case bool:
		return "Boolean"
	case json.Number, float64:
		return "Number"
	case string:
		return "String"
	case []any:
		return "Array"
	}
	return "Object"
}

// sessionOfClaims makes the session of claims: of the role that the request
// asks for, if it may have it.
func sessionOfClaims(h http.Header, claims map[string]any) (*Session, *Error) {
	allowed, err := allowedRoles(claims)
	if err != nil {
		return nil, err
	}
	role, err := defaultRole(claims)
	if err != nil {
		return nil, err
	}
	if wanted, ok := h[http.CanonicalHeaderKey(RoleHeader)]; ok && len(wanted) > 0 {
		if role = wanted[0]; !slices.Contains(allowed, role) {
			return nil, refused(codeAccessDenied, "Your requested role is not in allowed roles")
		}
	} else if !slices.Contains(allowed, role) {
		return nil, refused(codeAccessDenied, "Your current role is not in allowed roles")
	}
	variables := make(map[string]string, len(claims))
	for name, v := range claims {
		if name == allowedRolesClaim || name == defaultRoleClaim {
			continue
		}
		text, ok := v.(string)
		if !ok {
			return nil, refused(codeInvalidClaims, "x-hasura-* claims: parsing Text failed, expected String, but encountered %s", typeName(v))
		}
		variables[name] = text
	}
	return newSession(role, variables, false)
}

func allowedRoles(claims map[string]any) ([]string, *Error) {
	value, ok := claims[allowedRolesClaim]
	if !ok {
		return nil, refused(codeMissingClaims, "JWT claim does not contain %s", allowedRolesClaim)
	}
	const invalid = "invalid " + allowedRolesClaim + "; should be a list of roles: "
	list, ok := value.([]any)
	if !ok {
		return nil, refused(codeInvalidClaims, invalid+"parsing [] failed, expected Array, but encountered %s", typeName(value))
	}
	out := make([]string, 0, len(list))
	for _, item := range list {
		role, ok := item.(string)
		if !ok {
			return nil, refused(codeInvalidClaims, invalid+"parsing RoleName failed, expected String, but encountered %s", typeName(item))
		}
		out = append(out, role)
	}
	return out, nil
}

func defaultRole(claims map[string]any) (string, *Error) {
	value, ok := claims[defaultRoleClaim]
	if !ok {
		return "", refused(codeMissingClaims, "JWT claim does not contain %s", defaultRoleClaim)
	}
	role, ok := value.(string)
	if !ok || role == "" {
		return "", refused(codeInvalidClaims, "invalid %s; should be a role: parsing RoleName failed, expected String, but encountered %s",
			defaultRoleClaim, typeName(value))
	}
	return role, nil
}
