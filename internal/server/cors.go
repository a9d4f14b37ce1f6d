package server

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"dovetail/internal/metadata/command"
)

// CORS says which origins may ask from a browser.
type CORS struct {
	// Disabled answers no origin.
	Disabled bool
	// Origins are allowed origins, with one * at the start of the host standing
	// for any one label; a lone * allows all.
	Origins []string
	// Local allows the server's own origin and those of the machine that the
	// browser runs on.
	Local bool
}

// answer sets the headers for an allowed origin, and reports whether the request
// was a preflight, which it answers.
func (c CORS) answer(w http.ResponseWriter, r *http.Request) bool {
	origin := r.Header.Get("Origin")
	allowed := origin != "" && c.allows(r, origin)
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

// allows reports whether an origin may ask.
func (c CORS) allows(r *http.Request, origin string) bool {
	return !c.Disabled && slices.Contains(c.Origins, "*") || c.names(r, origin)
}

// names reports whether an origin is one of those that were thought of, not just
// any.
func (c CORS) names(r *http.Request, origin string) bool {
	if c.Disabled {
		return false
	}
	if c.Local && local(r, origin) {
		return true
	}
	return slices.ContainsFunc(c.Origins, func(pattern string) bool {
		if strings.EqualFold(pattern, origin) {
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

// local reports whether an origin is the server's own, or one of the machine
// that the browser runs on.
func local(r *http.Request, origin string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return false
	}
	name := strings.ToLower(u.Hostname())
	if strings.EqualFold(u.Host, r.Host) || name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.IsLoopback()
}

// crossSite says what is wrong with a request that a page of another site made
// its visitor's browser send, whatever its content type: nobody meant it. Pages
// of origins that were thought of may.
func (s *Server) crossSite(r *http.Request, admin bool) error {
	origin := r.Header.Get("Origin")
	switch {
	case origin != "" && s.config.CORS.names(r, origin):
		return nil
	case s.auth.HasSecret() && (!admin || s.auth.Deliberate(r.Header)):
		return nil // it takes a credential, and for endpoints of admins one that browsers don't add themselves
	case !s.auth.HasSecret() && !admin && origin != "" && s.config.CORS.allows(r, origin):
		return nil // that any origin may ask was set so
	}
	return http.NewCrossOriginProtection().Check(r)
}

// guard refuses what pages of other sites make their visitors' browsers send.
func (s *Server) guard(admin bool, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := s.crossSite(r, admin); err != nil {
			s.writeError(w, r, &command.Error{
				Status: http.StatusForbidden, Code: command.CodeAccessDenied, Path: "$",
				Message: "pages of other origins may not use this endpoint: " + err.Error(),
			}, false)
			return
		}
		next(w, r)
	}
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
