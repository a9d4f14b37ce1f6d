package remoteschema

import (
	"net/http"
	"slices"
	"strings"

	"dovetail/internal/plan"
)

// neverForwarded are client headers that belong to the client's own request or
// connection.
func neverForwarded(name string) bool {
	return slices.Contains([]string{
		"Content-Length", "Content-Md5", "User-Agent", "Host", "Origin", "Referer", "Accept", "Accept-Encoding",
		"Accept-Language", "Accept-Datetime", "Cache-Control", "Connection", "Dnt", "Content-Type",
		// hop by hop
		"Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer",
		"Transfer-Encoding", "Upgrade", "Expect", "Content-Encoding",
	}, name) || strings.HasPrefix(name, "Sec-Websocket-")
}

// setHeaders sets the headers of a request: configured ones win over session
// variables, and those over what the client sent.
func (s *Source) setHeaders(header http.Header, args *plan.Arguments) {
	if args != nil {
		if s.config.ForwardClientHeaders {
			forwardHeaders(header, args.Headers)
		}
		for name, value := range args.Session {
			header.Set(name, value)
		}
	}
	header.Set("Content-Type", "application/json")
	header.Set("Accept", "application/graphql-response+json, application/json")
	header.Set("User-Agent", "dovetail")
	for _, h := range s.config.Headers {
		header.Set(h.Name, h.Value)
	}
}

// forwardHeaders copies the client's headers. Headers that look like session
// variables are left out: only the ones that have been authenticated are sent.
func forwardHeaders(header http.Header, client map[string][]string) {
	var hop []string
	for name, values := range client {
		if http.CanonicalHeaderKey(name) == "Connection" {
			for _, v := range values {
				for field := range strings.SplitSeq(v, ",") {
					hop = append(hop, http.CanonicalHeaderKey(strings.TrimSpace(field)))
				}
			}
		}
	}
	for name, values := range client {
		name = http.CanonicalHeaderKey(name)
		switch {
		case len(values) == 0:
		case name == "Host" || name == "User-Agent" || name == "Origin":
			header.Set("X-Forwarded-"+name, values[0])
		case neverForwarded(name), strings.HasPrefix(name, "X-Hasura-"), slices.Contains(hop, name):
		default:
			header[name] = slices.Clone(values)
		}
	}
}
