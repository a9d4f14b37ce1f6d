package remoteschema

import (
	"fmt"
	"net/textproto"
	"regexp"
	"slices"
	"strings"

	"dovetail/sources"
)

// URLDefinition is where a remote schema is, as the metadata says.
type URLDefinition struct {
	// URL may contain {{ENVIRONMENT_VARIABLE}}.
	URL string
	// URLFromEnv names an environment variable.
	URLFromEnv string
}

// HeaderDefinition is a header as the metadata says.
type HeaderDefinition struct {
	Name string
	// Value may contain {{ENVIRONMENT_VARIABLE}}.
	Value string
	// ValueFromEnv names an environment variable.
	ValueFromEnv string
}

// Getenv looks an environment variable up.
type Getenv func(name string) (value string, ok bool)

func invalidParams(format string, args ...any) error {
	return &sources.Error{Code: codeInvalidParams, Message: fmt.Sprintf(format, args...)}
}

const codeInvalidParams = "invalid-params"

// ResolveURL finds the URL and what stands for it in messages.
func ResolveURL(def URLDefinition, getenv Getenv) (address, display string, err error) {
	switch {
	case def.URL != "" && def.URLFromEnv != "":
		return "", "", invalidParams("both `url` and `url_from_env` can't be present")
	case def.URL == "" && def.URLFromEnv == "":
		return "", "", invalidParams("both `url` and `url_from_env` can't be empty")
	case def.URLFromEnv != "":
		value, ok := getenv(def.URLFromEnv)
		if !ok {
			return "", "", invalidParams("environment variable '%s' not set", def.URLFromEnv)
		}
		if checkURL(value) != nil {
			return "", "", invalidParams("not a valid URI in environment variable: %s", def.URLFromEnv)
		}
		return value, def.URLFromEnv, nil
	}
	address, err = expand(def.URL, getenv)
	if err != nil {
		return "", "", err
	}
	if checkURL(address) != nil {
		return "", "", invalidParams("not a valid URI generated from the template: %s", def.URL)
	}
	return address, def.URL, nil
}

// ResolveHeaders finds the values of headers.
func ResolveHeaders(defs []HeaderDefinition, getenv Getenv) ([]Header, error) {
	out := make([]Header, 0, len(defs))
	for _, def := range defs {
		h := Header{Name: def.Name}
		if def.ValueFromEnv != "" {
			value, ok := getenv(def.ValueFromEnv)
			if !ok {
				return nil, invalidParams("environment variable '%s' not set", def.ValueFromEnv)
			}
			h.Value = value
		} else {
			value, err := expand(def.Value, getenv)
			if err != nil {
				return nil, err
			}
			h.Value = value
		}
		if !isHeader(h) {
			return nil, invalidParams("header %q is not a valid HTTP header", def.Name)
		}
		out = append(out, h)
	}
	return out, nil
}

// isHeader tells whether a header can be sent.
func isHeader(h Header) bool {
	const token = "!#$%&'*+-.^_`|~"
	for _, c := range h.Name {
		letter := (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
		if !letter && !strings.ContainsRune(token, c) {
			return false
		}
	}
	for i := range len(h.Value) {
		if c := h.Value[i]; (c < 0x20 && c != '\t') || c == 0x7f {
			return false
		}
	}
	return h.Name != "" && textproto.CanonicalMIMEHeaderKey(h.Name) != "Host"
}

var template = regexp.MustCompile(`\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}`)

// expand fills environment variables into {{NAME}}.
func expand(text string, getenv Getenv) (string, error) {
	var missing []string
	out := template.ReplaceAllStringFunc(text, func(match string) string {
		name := template.FindStringSubmatch(match)[1]
		value, ok := getenv(name)
		if !ok && !slices.Contains(missing, name) {
			missing = append(missing, name)
		}
		return value
	})
	if len(missing) > 0 {
		return "", invalidParams("Value for environment variables not found: %s", strings.Join(missing, ", "))
	}
	return out, nil
}
