package server

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// CORS says which origins may ask from a browser.
type CORS struct {
	// Disabled answers no origin.
	Disabled bool
	// Origins are allowed origins, with one * at the start of the host standing
	// for any one label; a lone * allows all.
	Origins []string
}

// answer sets the headers for an allowed origin, and tells whether the request
// was a preflight, which it answers.
func (c CORS) answer(w http.ResponseWriter, r *http.Request) bool {
	origin := r.Header.Get("Origin")
	allowed := origin != "" && !c.Disabled && c.allows(origin)
	if allowed {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
		h.Add("Vary", "Origin")
		h.Set("Access-Control-Expose-Headers", "*")
	}
	if r.Method != http.MethodOptions {
		return false
	}
	if allowed {
		h := w.Header()
		h.Set("Access-Control-Allow-Methods", "GET,POST,PUT,PATCH,DELETE,OPTIONS")
		h.Set("Access-Control-Max-Age", "1728000")
		if wanted := r.Header.Get("Access-Control-Request-Headers"); wanted != "" {
			h.Set("Access-Control-Allow-Headers", wanted)
		}
	}
	w.WriteHeader(http.StatusNoContent)
	return true
}

func (c CORS) allows(origin string) bool {
	return slices.ContainsFunc(c.Origins, func(pattern string) bool {
		if pattern == "*" || strings.EqualFold(pattern, origin) {
			return true
		}
		scheme, host, ok := strings.Cut(pattern, "://*.")
		if !ok {
			return false
		}
		rest, ok := strings.CutPrefix(strings.ToLower(origin), strings.ToLower(scheme)+"://")
		label, parent, cut := strings.Cut(rest, ".")
		return ok && cut && label != "" && parent == strings.ToLower(host)
	})
}

// ParseOrigins reads a list of origins: *, or scheme://host:port with *. before
// the host for any one label. An empty text is none.
func ParseOrigins(text string) ([]string, error) {
	var out []string
	if strings.TrimSpace(text) == "" {
		return out, nil
	}
	for item := range strings.SplitSeq(text, ",") {
		origin := strings.TrimSuffix(strings.TrimSpace(item), "/")
		if origin == "*" {
			out = append(out, origin)
			continue
		}
		u, err := url.Parse(strings.Replace(origin, "://*.", "://any.", 1))
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil ||
			strings.Contains(u.Host, "*") {
			return nil, fmt.Errorf("%q is not an origin: expected *, scheme://host or scheme://*.domain", strings.TrimSpace(item))
		}
		out = append(out, origin)
	}
	return out, nil
}
